"""The text of one kernel: a group's values at each element of its space, and its reductions.

Three forms, by what is reduced:

- nothing: threads stride over the elements;
- axes so that a reduced one is last in memory, or of a small space: a block for each number of
  the answer, whose threads stride over its elements and add up in shared memory;
- otherwise, or with few elements each: a thread for each number of the answer.

Where that gives too few threads, or too long sums, the elements are cut in chunks, one a row of
the grid; each writes a part, and a second kernel reduces the parts. No atomics: a result is the
same in every run.
"""

import math
from typing import Any

from polygrad.compile import index as indexing
from polygrad.compile.cuda.pull import Puller, identity, written
from polygrad.compile.cuda.schedule import Group, Root
from polygrad.compile.cuda.types import constant, is_float, weak_name
from polygrad.compile.cuda.types import name as type_name
from polygrad.compile.graph import Equation, Value
from polygrad.compile.index import Line

THREADS = 256
FEW = 32
"""Elements of a sum up to which one thread adds them up."""
SMALL = 2**20
"""Elements up to which blocks reduce along any axis: the cache makes up for reading by columns."""
BLOCKS = 4096
"""Blocks that stride over the elements of a large space."""


class Kernel:
    """A group as a kernel called ``name``.

    ``stored`` are the values in memory. ``parts`` holds, for each reduction that is cut in
    chunks, the value for the parts; ``seconds`` are the groups that finish them.
    """

    def __init__(
        self, name: str, group: Group, producers: dict[Value, Equation], stored: set[Value]
    ) -> None:
        self.name, self.group = name, group
        self.producers, self.stored = producers, stored
        self.parameters: dict[Value, str] = {}
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
        self.aliased: set[Value] = set()
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
        puller = Puller(self.producers, self.stored, self._pointer)
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
        if self.length > FEW and (inner or self.size * self.length <= SMALL):
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

    def _pointer(self, value: Value) -> str:
        """The parameter for the memory of a value, or for a Python number."""
        while (
            value not in self.stored and not value.weak
            and (inner := self.producers.get(value)) is not None
        ):  # fmt: skip
            value = inner.inputs[0]  # a reshape
        return self.parameters.setdefault(value, f"p{len(self.parameters)}")

    def overwrites(self, old: Value, new: Value) -> bool:
        """Whether ``new`` may be written over ``old``: both are used at one element at a time."""
        here = identity(self.names)
        places = {(v.shape, index) for v, index in self.reads if v is old}
        return self.form == "each" and places <= {(new.shape, here)} and any(
            root.value is new and root.source.shape == new.shape for root in self.group.roots
        )  # fmt: skip

    def written(self) -> set[Value]:
        """The values that the kernel writes."""
        return {self.parts.get(root, root.value) for root in self.group.roots}

    def _index_type(self) -> str:
        values = [v for v in self.parameters if not v.weak]
        largest = max([math.prod(self.group.space), *(v.size for v in values)])
        return "int" if largest < 2**30 else "long long"

    def _text(self) -> list[str]:
        puller = self._body()
        self.reads = puller.reads
        totals = []
        inside = list(puller.lines)
        for number, (root, x) in enumerate(zip(self.group.roots, self.found, strict=True)):
            out = self._out(root)
            if root.op:
                x = _started(root, x)
                totals.append((f"a{number}", root, out))
                inside.append(
                    f"a{number} = {combined(root.op, root.value.dtype, f'a{number}', x)};"
                )
            else:
                inside.append(f"{out}[{written(self._target(root))}] = {x};")
        kind = self._index_type()
        thread = f"({kind})blockIdx.x * ({kind})blockDim.x + ({kind})threadIdx.x"
        if self.form == "each":
            stride = f"({kind})gridDim.x * ({kind})blockDim.x"
            head = f"for ({kind} e = {thread}; e < {self.size}; e += {stride}) {{"
            return [head, *_indented([*self._split("e", self.kept, kind), *inside]), "}"]
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
        lines += _indented([*self._split("r", self.reduced, kind), *inside])
        lines.append("}")
        for name, root, out in totals:
            if self.form == "block":
                lines += self._block_total(name, root)
                lines.append(f"if (threadIdx.x == 0) {out}[{place}] = s{name}[0];")
            else:
                lines.append(f"{out}[{place}] = {name};")
        return lines

    def _out(self, root: Root) -> str:
        value = self.parts.get(root, root.value)
        return self.parameters.setdefault(value, f"p{len(self.parameters)}")

    def _block_total(self, name: str, root: Root) -> list[str]:
        """The totals of a block's threads together, half as many in each round."""
        dtype = root.value.dtype
        both = combined(root.op, dtype, f"s{name}[threadIdx.x]", f"s{name}[threadIdx.x + n]")
        return [
            f"__shared__ {type_name(dtype)} s{name}[{self.threads}];",
            f"s{name}[threadIdx.x] = {name};",
            "__syncthreads();",
            "for (unsigned int n = blockDim.x / 2; n > 0; n /= 2) {",
            f"  if (threadIdx.x < n) s{name}[threadIdx.x] = {both};",
            "  __syncthreads();",
            "}",
        ]

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

    def source(self, outside: dict[Value, int]) -> str:
        """The kernel; values of ``outside`` are found in a table, at their number there.

        The others, and all of them without a table, are parameters, in the order of
        `arguments`.
        """
        fixed = self.arguments(outside)
        table = any(v in outside for v in self.parameters)
        parameters = ["const unsigned long long* table"] if table else []
        parameters += [self._declared(v) for v in fixed]
        lines = []
        for value, name in self.parameters.items():
            if value not in outside:
                continue
            entry = f"table[{outside[value]}]"
            if not value.weak:
                lines.append(f"{self._declared(value)} = ({self._kind(value)})({entry});")
            elif is_float(value.dtype):
                lines.append(f"const double {name} = __longlong_as_double((long long){entry});")
            else:
                lines.append(f"const long long {name} = (long long){entry};")
        head = f'extern "C" __global__ void {self.name}({", ".join(parameters)}) {{'
        return "\n".join([head, *_indented([*lines, *self.body]), "}", ""])

    def arguments(self, outside: dict[Value, int]) -> list[Value]:
        """The values that are parameters."""
        return [v for v in self.parameters if v not in outside]

    def _kind(self, value: Value) -> str:
        const = "" if value in self.written() else "const "
        return f"{const}{type_name(value.dtype)}*"

    def _declared(self, value: Value) -> str:
        name = self.parameters[value]
        if value.weak:
            return f"{weak_name(value.dtype)} {name}"
        apart = "" if self.aliased else " __restrict__"
        return f"{self._kind(value)}{apart} {name}"


def _indented(lines: list[str]) -> list[str]:
    return ["  " + line for line in lines]


def _started(root: Root, x: str) -> str:
    """An element as the reduction takes it."""
    old, new = root.source.dtype, root.value.dtype
    if old == new:
        return x
    return f"({x} != 0)" if new.kind == "bool" else f"({type_name(new)}){x}"


def first(op: str, dtype: Any) -> str:
    """What a reduction begins with."""
    if op in ("sum", "sum_integer", "any"):
        return constant(0, dtype)
    if op in ("prod", "prod_integer", "all"):
        return constant(1, dtype)
    if is_float(dtype):
        return constant(float("-inf") if op == "max" else float("inf"), dtype)
    signed = dtype.kind == "signed integer"
    low = -(1 << dtype.bits - 1) if signed else 0
    high = (1 << dtype.bits - signed) - 1
    return constant(low if op == "max" else high, dtype)


def combined(op: str, dtype: Any, total: str, x: str) -> str:
    """A total with one more element."""
    op = op.removesuffix("_integer")
    if op in ("max", "min"):
        return f"pg_{op}({total}, {x})"
    if op in ("all", "any"):
        return f"{total} {'&&' if op == 'all' else '||'} {x}"
    sign = "+" if op == "sum" else "*"
    if is_float(dtype):
        return f"{total} {sign} {x}"
    wide = "unsigned long long" if dtype.bits == 64 else "unsigned int"
    return f"({type_name(dtype)})(({wide}){total} {sign} ({wide}){x})"
