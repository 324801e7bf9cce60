"""The text of one kernel: a group's values at each element of its space, and its reductions.

Three forms, by what is reduced:

- nothing: threads stride over the elements;
- axes so that a reduced one is last in memory, or of a small space: a block for each number of
  the answer, whose threads stride over its elements; the totals of the threads are put together
  within each warp by shuffles, and those of the warps through shared memory;
- otherwise, or with few elements each: a thread for each number of the answer.

Where that gives too few threads, or too long sums, the elements are cut in chunks, one a row of
the grid; each writes a part, and a second kernel reduces the parts. No atomics: a result is the
same in every run.
"""

import math

from polygrad.compile import index as indexing
from polygrad.compile.cuda.function import Function, indented
from polygrad.compile.cuda.pull import Puller, written
from polygrad.compile.cuda.steps import Group, Root
from polygrad.compile.cuda.totals import combined, first
from polygrad.compile.cuda.types import converted
from polygrad.compile.cuda.types import name as type_name
from polygrad.compile.graph import Equation, Value
from polygrad.compile.index import Line, identity

THREADS = 256
FEW = 32
"""Elements of a sum up to which one thread adds them up."""
SMALL = 2**20
"""Elements up to which blocks reduce along any axis: the cache makes up for reading by columns."""
BLOCKS = 4096
"""Blocks that stride over the elements of a large space."""
MOST = 2**31
"""Blocks that a grid does not have."""
WARP = 32
"""Threads that hand numbers to each other without shared memory."""


class Kernel(Function):
    """A group as a kernel called ``name``.

    ``parts`` holds, for each reduction that is cut in chunks, the value for the parts.
    """

    def __init__(
        self, name: str, group: Group, producers: dict[Value, Equation], stored: set[Value]
    ) -> None:
        super().__init__(name, producers, stored)
        self.group = group
        self.names = [f"i{d}" if n != 1 else "" for d, n in enumerate(group.space)]
        self.extent = list(group.space)
        self.forms = self._body().forms
        self._merge()
        self.axes = group.axes
        self._shape()
        self.parts: dict[Root, Value] = {}
        if self.chunks > 1:
            kept = [n for d, n in enumerate(group.space) if d not in (self.axes or ())]
            for root in group.roots:
                if root.op:
                    out = root.value
                    self.parts[root] = Value((self.chunks, *kept), out.dtype, out.device)
        self.seconds = [self._second(root) for root in group.roots if root in self.parts]
        self.parameters.clear()
        self.body = self._text()

    def _second(self, root: Root) -> Group:
        parts = self.parts[root]
        op = root.op
        return Group(parts.shape, [Root(root.value, parts, (0,), op)], {parts}, 1)

    # -- axes --------------------------------------------------------------------------------------

    def _target(self, root: Root) -> Line:
        """Where a root is written, in elements."""
        kept = [d for d in range(len(self.names)) if d not in root.axes]
        steps = indexing.strides([self.group.space[d] for d in kept])
        here = identity(self.names)
        return indexing.flat(tuple([here[d] for d in kept]), steps)

    def _body(self) -> Puller:
        puller = Puller(self.producers, self.stored, self.pointer)
        here = identity(self.names)
        self.found = []
        for root in self.group.roots:
            self.found.append(puller.get(root.source, here, root.source is root.value))
            puller.forms.append(self._target(root))
        return puller

    def _merge(self) -> None:
        """Make one axis of two where everything lies in memory as if they were one."""
        last = None
        for d in reversed(range(len(self.names))):
            if not self.names[d]:
                continue
            if last is not None and self._one(d, last):
                self.extent[last] *= self.extent[d]
                self.names[d] = ""
            else:
                last = d

    def _one(self, outer: int, inner: int) -> bool:
        if any(r.op and (outer in r.axes) != (inner in r.axes) for r in self.group.roots):
            return False
        for form in self.forms:
            factors = dict(form.terms)
            if (
                factors.get(self.names[outer], 0)
                != factors.get(self.names[inner], 0) * self.extent[inner]
            ):
                return False
        return True

    def _shape(self) -> None:
        """The form, the grid and the chunks."""
        dims = [d for d, name in enumerate(self.names) if name]
        axes = self.axes
        self.reduced = [d for d in dims if axes is not None and d in axes]
        self.kept = [d for d in dims if d not in self.reduced]
        space = self.group.space
        self.length = math.prod(space[d] for d in axes) if axes is not None else 1
        self.size = math.prod(n for d, n in enumerate(space) if axes is None or d not in axes)
        self.chunks, self.threads = 1, THREADS
        if axes is None:
            self.form = "each"
            self.blocks = min(-(-self.size // THREADS), BLOCKS)
            return
        inner = bool(self.reduced) and self.reduced[-1] == dims[-1]
        small = self.size * self.length <= SMALL
        if self.length > FEW and self.size < MOST and (inner or small):
            self.form = "block"
            self.blocks = self.size
            if self.length >= 8192 and self.size < 512:
                self.chunks = min(-(-self.length // 4096), -(-1024 // max(self.size, 1)))
        else:
            self.form = "thread"
            self.blocks = -(-self.size // THREADS)
            if self.length >= 128:
                enough = -(-65536 // max(self.size, 1))
                accurate = -(-self.length // 1024)
                self.chunks = min(-(-self.length // 64), max(enough, accurate))
        self.chunks = max(1, min(self.chunks, 65535))
        self.step = max(1, -(-self.length // self.chunks))
        self.chunks = max(1, -(-self.length // self.step))
        if self.form == "block":
            while self.threads > 32 and self.threads // 2 >= self.step:
                self.threads //= 2

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return self.size == 0 or (self.form == "each" and self.blocks == 0)

    @property
    def grid(self) -> tuple[int, int]:
        """Blocks, and rows of blocks."""
        return self.blocks, self.chunks

    # -- text --------------------------------------------------------------------------------------

    def overwrites(self, old: Value, new: Value) -> bool:
        """Whether ``new`` may be written over ``old``: both are used at one element at a time."""
        here = identity(self.names)
        places = {(v.shape, index) for v, index in self.reads if v is old}
        return self.form == "each" and places <= {(new.shape, here)} and any(
            root.value is new and root.source.shape == new.shape for root in self.group.roots
        )  # fmt: skip

    def outputs(self) -> list[Value]:
        """The values that the kernel writes."""
        return [self.parts.get(root, root.value) for root in self.group.roots]

    def _text(self) -> list[str]:
        puller = self._body()
        self.reads = puller.reads
        totals = []
        inside = list(puller.lines)
        for number, (root, x) in enumerate(zip(self.group.roots, self.found, strict=True)):
            out = self.pointer(self.parts.get(root, root.value))
            if root.op:
                x = _started(root, x)
                totals.append((f"a{number}", root, out))
                inside.append(
                    f"a{number} = {combined(root.op, root.value.dtype, f'a{number}', x)};"
                )
            else:
                inside.append(f"{out}[{written(self._target(root))}] = {x};")
        kind = self.index_type(math.prod(self.group.space))
        thread = f"({kind})blockIdx.x * ({kind})blockDim.x + ({kind})threadIdx.x"
        if self.form == "each":
            stride = f"({kind})gridDim.x * ({kind})blockDim.x"
            head = f"for ({kind} e = {thread}; e < {self.size}; e += {stride}) {{"
            return [head, *indented([*self._split("e", self.kept, kind), *inside]), "}"]
        starts = [
            f"{type_name(root.value.dtype)} {name} = {first(root.op, root.value.dtype)};"
            for name, root, _ in totals
        ]
        place = "o" if self.chunks == 1 else f"({kind})blockIdx.y * {self.size} + o"
        low = "0" if self.chunks == 1 else f"({kind})blockIdx.y * {self.step}"
        high = str(self.length)
        lines = [
            f"const {kind} o = {thread if self.form == 'thread' else '(' + kind + ')blockIdx.x'};"
        ]
        if self.form == "thread":
            lines.append(f"if (o >= {self.size}) return;")
        lines += [*self._split("o", self.kept, kind), *starts]
        if self.chunks > 1:
            lines += [f"const {kind} low = {low};", f"const {kind} end = low + {self.step};"]
            lines += [f"const {kind} high = end < {high} ? end : {high};"]
            low, high = "low", "high"
        begin, stride = (
            (low, "1") if self.form == "thread" else (f"{low} + threadIdx.x", "blockDim.x")
        )
        lines.append(f"for ({kind} r = {begin}; r < {high}; r += {stride}) {{")
        lines += indented([*self._split("r", self.reduced, kind), *inside])
        lines.append("}")
        if self.form == "block":
            return lines + self._block_totals(totals, place)
        return lines + [f"{out}[{place}] = {name};" for name, _, out in totals]

    def _block_totals(self, totals: list[tuple[str, Root, str]], place: str) -> list[str]:
        """The totals of a block's threads together, and where they are written.

        Each reduction has a number for each warp in shared memory; there are at most
        `polygrad.compile.cuda.schedule.TOTALS` of them.
        """
        warps = self.threads // WARP
        lines = [line for name, root, _ in totals for line in _halved(name, root, WARP)]
        if warps > 1:
            for name, root, _ in totals:
                kind = type_name(root.value.dtype)
                lines.append(f"__shared__ {kind} s{name}[{warps}];")
                lines.append(
                    f"if (threadIdx.x % {WARP} == 0) s{name}[threadIdx.x / {WARP}] = {name};"
                )
            lines += ["__syncthreads();", f"if (threadIdx.x >= {WARP}) return;"]
            for name, root, _ in totals:
                start = first(root.op, root.value.dtype)
                lines.append(f"{name} = threadIdx.x < {warps} ? s{name}[threadIdx.x] : {start};")
                lines += _halved(name, root, warps)
        lines.append("if (threadIdx.x == 0) {")
        lines += [f"  {out}[{place}] = {name};" for name, _, out in totals]
        return [*lines, "}"]

    def _split(self, number: str, dims: list[int], kind: str) -> list[str]:
        """The variables of the axes, from the number of an element."""
        if not dims:
            return []
        lines = []
        steps = indexing.strides([self.extent[d] for d in dims])
        for at, (d, step) in enumerate(zip(dims, steps, strict=True)):
            text = number if step == 1 else f"{number} / {step}"
            if at:
                text = f"{text} % {self.extent[d]}"
            lines.append(f"const {kind} {self.names[d]} = {text};")
        return lines


def _halved(name: str, root: Root, count: int) -> list[str]:
    """The totals of so many threads of a warp together, half as many in each round.

    Every thread takes part in each: what is handed on stands outside of what may be left out.
    """
    kind = type_name(root.value.dtype)
    both = combined(root.op, root.value.dtype, name, "other")
    return [
        f"for (int n = {count // 2}; n > 0; n /= 2) {{",
        f"  const {kind} other = pg_down({name}, n);",
        f"  {name} = {both};",
        "}",
    ]


def _started(root: Root, x: str) -> str:
    """An element as the reduction takes it."""
    old, new = root.source.dtype, root.value.dtype
    if old == new:
        return x
    return converted(x, old, new)
