"""Matrix products as kernels: each block computes a tile of the answer.

A block goes along the sums in steps of `DEPTH`: its 16 by 16 threads bring that much of its rows
and columns to shared memory, then each adds to the numbers it keeps in registers, up to 4 by 4,
by fused multiply-add. Operands are pulled in element by element, so that a transpose, a slice or
a cheap step before a product needs no memory of its own, and so is what is made of each number
of the answer. The order of each sum is fixed: a result is the same in every run.

Numbers here are plausible for current GPUs, and are to be tuned on one.
"""

import math

from polygrad.compile import index as indexing
from polygrad.compile.cuda.function import Function, indented
from polygrad.compile.cuda.pull import Puller, written
from polygrad.compile.cuda.steps import Group, Root, Tiled
from polygrad.compile.cuda.supported import work
from polygrad.compile.cuda.types import name as type_name
from polygrad.compile.graph import Equation, Value
from polygrad.compile.index import Index, identity, variable

LIMIT = 64_000_000
"""Additions and multiplications up to which a product is one of these kernels.

Where cuBLAS cannot be captured, each of its products ends a graph and is started from Python, at
some 10 microseconds; the arithmetic units of a large GPU do about so many operations in that time
at half their rate, which is what simple kernels reach. An estimate: no GPU was at hand.
"""
SIDE = 16
"""Threads on each side of a block."""
DEPTH = 16
"""Elements of each row and column that are in shared memory at a time."""
ENOUGH = 128
"""Blocks that keep the processors of a large GPU busy."""
LONG = 1024
"""Length from which on the sums of a small answer are cut in chunks."""
LONGEST = 8192
"""Length of the sums that are always cut: in single precision, errors grow with it."""


def tiled(equation: Equation) -> bool:
    """Whether a product is small enough to be one of these kernels."""
    return work(equation) <= LIMIT


class Tiles:
    """How a product is divided: the sides of a tile, and the chunks of its sums."""

    def __init__(self, equation: Equation) -> None:
        *batch, m, n = equation.out.shape
        self.m, self.n, self.k = m, n, int(equation.inputs[0].shape[-1])
        self.batch = math.prod(batch)
        self.high, self.wide = _side(m), _side(n)
        while self.count < ENOUGH and max(self.high, self.wide) > SIDE:
            if self.high >= self.wide:
                self.high //= 2
            else:
                self.wide //= 2
        self.chunks = 1
        if self.k > LONGEST or (self.k >= LONG and self.count * 2 <= ENOUGH):
            self.chunks = max(-(-self.k // LONGEST), min(ENOUGH // self.count, self.k // 256))
        self.step = -(-self.k // (self.chunks * DEPTH)) * DEPTH
        self.chunks = -(-self.k // self.step)

    @property
    def rows(self) -> int:
        """Tiles one below the other."""
        return -(-self.m // self.high)

    @property
    def columns(self) -> int:
        """Tiles side by side."""
        return -(-self.n // self.wide)

    @property
    def count(self) -> int:
        """All tiles."""
        return self.batch * self.rows * self.columns


def _side(length: int) -> int:
    return SIDE if length <= SIDE else 2 * SIDE if length <= 2 * SIDE else 4 * SIDE


class TiledProduct(Function):
    """A product, with what is made of each number of it, as a kernel called ``name``."""

    threads = SIDE * SIDE

    def __init__(
        self, name: str, step: Tiled, producers: dict[Value, Equation], stored: set[Value]
    ) -> None:
        super().__init__(name, producers, stored)
        self.equation, self.roots = step.equation, step.roots
        self.out = step.equation.out
        self.tiles = Tiles(step.equation)
        self.names = [f"i{d}" if n != 1 else "" for d, n in enumerate(self.out.shape)]
        if self.tiles.chunks > 1:
            assert [root.value for root in self.roots] == [self.out]
            shape = (self.tiles.chunks, *self.out.shape)
            parts = Value(shape, self.out.dtype, self.out.device)
            self.seconds = [Group(shape, [Root(self.out, parts, (0,), "sum")], {parts}, 1)]
            self.roots = [Root(parts, self.out)]
        self.operands: set[Value] = set()
        self._text()  # gives the parameters, by which the type of indices is chosen
        self.body = self._text()

    @property
    def grid(self) -> tuple[int, int]:
        """A block for each tile, a row of blocks for each chunk."""
        return self.tiles.count, self.tiles.chunks

    def outputs(self) -> list[Value]:
        """The product, or what is made of it."""
        return [root.value for root in self.roots]

    def _here(self) -> Index:
        return (*identity(self.names[:-2]), variable("row"), variable("column"))

    def overwrites(self, old: Value, new: Value) -> bool:
        """Whether ``new`` may be written over ``old``: both are used at one element at a time."""
        here = self._here()
        places = {(v.shape, index) for v, index in self.reads if v is old}
        return (
            old not in self.operands
            and places <= {(new.shape, here)}
            and new.shape == self.out.shape
        )

    # -- text --------------------------------------------------------------------------------------

    def _text(self) -> list[str]:
        tiles, kind = self.tiles, type_name(self.out.dtype)
        high, wide = tiles.high // SIDE, tiles.wide // SIDE
        left = self._load(0, "sa", "row", tiles.high, tiles.m)
        right = self._load(1, "sb", "column", tiles.wide, tiles.n)
        last = self._last()
        fma = "fmaf" if kind == "float" else "fma"
        index = self.index_type(self.out.size * tiles.chunks)
        batch = [d for d, name in enumerate(self.names[:-2]) if name]
        lines = [
            f"const {index} tile = ({index})blockIdx.x % {tiles.rows * tiles.columns};",
            f"const {index} top = tile / {tiles.columns} * {tiles.high};",
            f"const {index} side = tile % {tiles.columns} * {tiles.wide};",
            f"const int y = threadIdx.x / {SIDE}, x = threadIdx.x % {SIDE};",
        ]
        if batch:
            lines.append(f"const {index} b = ({index})blockIdx.x / {tiles.rows * tiles.columns};")
        steps = indexing.strides([self.out.shape[d] for d in batch])
        for d, step in zip(batch, steps, strict=True):
            lines.append(f"const {index} i{d} = b / {step} % {self.out.shape[d]};")
        low = "0"
        if tiles.chunks > 1:
            low = f"(int)blockIdx.y * {tiles.step}"
            lines.append(f"const int end = {low} + {tiles.step};")
        full = f"end < {tiles.k} ? end : {tiles.k}" if tiles.chunks > 1 else str(tiles.k)
        lines += [
            f"const int high = {full};",
            # One more column: rows that are read one below the other lie in different banks.
            f"__shared__ {kind} sa[{DEPTH}][{tiles.high + 1}];",
            f"__shared__ {kind} sb[{DEPTH}][{tiles.wide + 1}];",
            f"{kind} sums[{high}][{wide}] = {{}};",
            f"for (int from = {low}; from < high; from += {DEPTH}) {{",
            *indented([*left, *right]),
            "  __syncthreads();",
            "  #pragma unroll",
            f"  for (int d = 0; d < {DEPTH}; ++d) {{",
            f"    {kind} a[{high}], b[{wide}];",
            "    #pragma unroll",
            f"    for (int i = 0; i < {high}; ++i) a[i] = sa[d][y + i * {SIDE}];",
            "    #pragma unroll",
            f"    for (int j = 0; j < {wide}; ++j) b[j] = sb[d][x + j * {SIDE}];",
            "    #pragma unroll",
            f"    for (int i = 0; i < {high}; ++i)",
            "      #pragma unroll",
            f"      for (int j = 0; j < {wide}; ++j) sums[i][j] = {fma}(a[i], b[j], sums[i][j]);",
            "  }",
            "  __syncthreads();",
            "}",
            "#pragma unroll",
            f"for (int i = 0; i < {high}; ++i)",
            "  #pragma unroll",
            f"  for (int j = 0; j < {wide}; ++j) {{",
            f"    const {index} row = top + y + i * {SIDE}, column = side + x + j * {SIDE};",
            f"    if (row < {tiles.m} && column < {tiles.n}) {{",
            *indented(indented(indented(last))),
            "    }",
            "  }",
        ]
        return lines

    def _load(self, number: int, shared: str, axis: str, side: int, length: int) -> list[str]:
        """Bring a part of an operand to shared memory."""
        operand = self.equation.inputs[number]
        batch = identity(self.names[:-2])
        other = variable(axis)
        last = (other, variable("d")) if number == 0 else (variable("d"), other)
        puller = Puller(self.producers, self.stored, self.pointer)
        index = indexing.broadcast((*batch, *last), operand.shape)
        x = puller.get(operand, index)
        self.operands |= {value for value, _ in puller.reads}
        # Neighbouring threads read neighbours in memory.
        along = any(("d", 1) in form.terms for form in puller.forms)
        kind, index_kind = type_name(operand.dtype), self.index_type(1)
        inner, outer = (f"e % {DEPTH}", f"e / {DEPTH}") if along else (f"e / {side}", f"e % {side}")
        start = "top" if number == 0 else "side"
        return [
            f"for (int e = threadIdx.x; e < {side * DEPTH}; e += {SIDE * SIDE}) {{",
            f"  const int v = {inner}, w = {outer};",
            f"  const {index_kind} d = from + v, {axis} = {start} + w;",
            f"  {kind} one = 0;",
            f"  if (d < high && {axis} < {length}) {{",
            *indented(indented([*puller.lines, f"one = {x};"])),
            "  }",
            f"  {shared}[v][w] = one;",
            "}",
        ]

    def _last(self) -> list[str]:
        """What is made of a number of the answer, at ``row`` and ``column``."""
        puller = Puller(self.producers, self.stored, self.pointer)
        here = self._here()
        puller.known[self.out, here] = puller.put(self.out.dtype, "sums[i][j]")
        lines = []
        for root in self.roots:
            x = puller.get(root.source, here, root.source is root.value)
            steps = indexing.strides(self.out.shape)
            place = written(indexing.flat(here, steps))
            if self.tiles.chunks > 1:
                place = f"blockIdx.y * {self.out.size} + {place}"
            lines.append(f"{self.pointer(root.value)}[{place}] = {x};")
        self.reads = puller.reads
        return [*puller.lines, *lines]
