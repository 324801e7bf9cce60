"""Matrix products: small ones as plain loops over tiles, others with blocks packed for the cache.

A block of the right matrix, packed in strips as wide as a tile, stays in the second-level cache
while all rows of a part of the left one pass over it; a strip stays in the first. Parts of the
answer are chunks, which threads share.
"""

import math
from typing import Any

from polygrad.compile.graph import Equation, Value
from polygrad.compile.native.engine import has_feature, lanes
from polygrad.compile.native.schedule import Product
from polygrad.compile.native.tiles import Strides, Tiles, pieces
from polygrad.compile.native.types import Unsupported, is_float

DEPTH = 256
"""The inner axis of a block."""
LONG = 4 * DEPTH
"""The inner axis from which on a small product is added up in blocks of it too."""
STRIPS = 4
"""Strips of a block."""
FEW = 4
"""Chunks below which the rows are divided too."""


class Shape:
    """The sizes of a product, and the steps of each operand from one matrix to the next."""

    def __init__(self, product: Product) -> None:
        check_stacks(product.equation)
        a, b = product.equation.inputs
        self.left = self._strides(product.left, product.flips[0], row=a.ndim == 1)
        self.right = (
            (1, 1) if b.ndim == 1 else self._strides(product.right, product.flips[1], False)
        )
        self.m = 1 if a.ndim == 1 else a.shape[-2]
        self.k = a.shape[-1]
        self.n = 1 if b.ndim == 1 else b.shape[-1]
        self.batch = product.equation.out.size // (self.m * self.n)
        self.steps = [self._step(x) for x in (a, b)]

    @staticmethod
    def _strides(x: Value, flipped: bool, row: bool) -> Strides:
        if x.ndim == 1:
            return (x.shape[0], 1) if row else (1, 1)
        return (1, x.shape[-1]) if flipped else (x.shape[-1], 1)

    def _step(self, x: Value) -> int:
        return math.prod(x.shape[-2:]) if math.prod(x.shape[:-2]) > 1 else 0


def check_stacks(equation: Equation) -> None:
    """Raise Unsupported where a stack of matrices is repeated along some of its axes only."""
    a, b = equation.inputs
    whole = math.prod(equation.out.shape[: -2 if a.ndim > 1 and b.ndim > 1 else -1])
    if any(math.prod(x.shape[:-2]) not in (1, whole) for x in (a, b)):
        raise Unsupported("a product of stacks of matrices that broadcast")


def rows_of_tile() -> int:
    """Rows of a tile of two vectors: as many totals as the registers hold beside operands."""
    return 12 if has_feature("avx512f") else 6


class Small:
    """A product written as it stands; the rows of the right operand lie in memory as they are."""

    def __init__(self, product: Product) -> None:
        self.shape = Shape(product)
        self.tiles = Tiles(product.equation.out.dtype)

    def text(self, name: str) -> str:
        """The function ``name(a, b, c)``."""
        s, t = self.shape, self.tiles

        def one(z: str) -> None:
            a, b = (t.offset(p, (z, step)) for p, step in zip(("%a", "%b"), s.steps, strict=True))
            self._matrix(a, b, t.offset("%c", (z, s.m * s.n)))

        if s.batch == 1:
            self._matrix("%a", "%b", "%c")
        else:
            t.loop(0, s.batch, 1, one)
        return t.function(f"@{name}(ptr noalias %a, ptr noalias %b, ptr noalias %c)")

    def _matrix(self, a: str, b: str, c: str) -> None:
        s, t = self.shape, self.tiles
        m, n, left, right = s.m, s.n, s.left, s.right[0]
        if n == 1 and left[1] == 1:
            self._dots(a, b, c)
            return
        if n == 1:  # a vector times the matrix, which lies in memory the other way round
            a, b, m, n, left, right = b, a, 1, s.m, (0, 1), s.left[1]
        rows, width = rows_of_tile(), 2 * lanes(t.size * 8)
        strips = n // width * width

        def strip(j: Any, columns: Any) -> None:
            beside, whole = t.offset(b, (j, 1)), m // rows * rows

            def tile(i: Any, count: int) -> None:
                start = t.offset(c, (i, n), (j, 1))
                line = t.offset(a, (i, left[0]))
                if s.k <= LONG:
                    t.tile(line, left, beside, right, start, n, count, columns, s.k)
                    return

                def depth(k0: str) -> None:
                    first = t.code.put(f"icmp eq i64 {k0}, 0")
                    turns = t.least(t.code.put(f"sub i64 {s.k}, {k0}"), DEPTH)
                    there, under = t.offset(line, (k0, left[1])), t.offset(beside, (k0, right))
                    t.tile(there, left, under, right, start, n, count, columns, turns, first)

                t.loop(0, s.k, DEPTH, depth)

            if whole:
                t.loop(0, whole, rows, lambda i: tile(i, rows))
            if m > whole:
                tile(whole, m - whole)

        if strips:
            t.loop(0, strips, width, lambda j: strip(j, pieces(width, t.size * 8)))
        rest = pieces(n - strips, t.size * 8)
        for at in range(0, len(rest), 2):
            strip(strips, rest[at : at + 2])

    def _dots(self, a: str, b: str, c: str) -> None:
        """Rows times one column."""
        s, t, code = self.shape, self.tiles, self.tiles.code
        mul, add = ("fmul", "fadd reassoc") if is_float(t.dtype) else ("mul", "add")

        def row(i: str) -> None:
            def step(k: str, total: str) -> list[str]:
                x = t.load(t.offset(a, (i, s.left[0]), (k, 1)))
                y = t.load(t.offset(b, (k, s.right[0])))
                product = code.two(mul, t.kind, x, y)
                return [code.put(f"{add} {t.kind} {total}, {product}")]

            def block(k0: str, total: str) -> list[str]:
                end = t.least(code.put(f"add i64 {k0}, {DEPTH}"), s.k)
                (part,) = t.loop(k0, end, 1, step, [(t.kind, t.zero)])
                return [t.add(total, part)]

            if s.k <= LONG:
                (total,) = t.loop(0, s.k, 1, step, [(t.kind, t.zero)])
            else:
                (total,) = t.loop(0, s.k, DEPTH, block, [(t.kind, t.zero)])
            t.store(total, t.offset(c, (i, 1)))

        t.loop(0, s.m, 1, row)


class Packed:
    """A product in blocks; a left operand that lies in memory by columns is packed beforehand."""

    def __init__(self, product: Product) -> None:
        self.shape = s = Shape(product)
        self.dtype = product.equation.out.dtype
        self.rows = rows_of_tile()
        self.strip = 2 * lanes(self.dtype.itemsize * 8)
        self.packs = s.left[1] != 1
        self.panels = -(-s.m // self.rows)
        self.wide = -(-s.n // (self.strip * STRIPS))  # chunks side by side
        parts = max(1, -(-FEW // (self.wide * s.batch)))
        self.high = min(parts, self.panels)
        self.panels_of_chunk = -(-self.panels // self.high)
        self.high = -(-self.panels // self.panels_of_chunk)
        self.chunks = s.batch * self.high * self.wide
        self.packed_size = s.batch * self.panels * s.k * self.rows if self.packs else 0
        self.needs: set[tuple[str, str]] = set()

    # -- the left operand -----------------------------------------------------------------------

    def pack_text(self, name: str) -> str:
        """``name(a, packed, chunk)``: one panel of rows, its columns one after the other."""
        s, t, rows = self.shape, Tiles(self.dtype), self.rows
        z = t.code.put(f"udiv i64 %chunk, {self.panels}")
        panel = t.code.put(f"urem i64 %chunk, {self.panels}")
        source = t.offset("%a", (z, s.steps[0]), (panel, rows * s.left[0]))
        target = t.offset("%p", ("%chunk", s.k * rows))
        rest = s.m % rows

        def copy(count: int) -> None:
            def column(k: str) -> None:
                for r in range(count):
                    x = t.load(t.offset(source, (r, s.left[0]), (k, s.left[1])))
                    t.store(x, t.offset(target, (k, rows), (r, 1)))

            t.loop(0, s.k, 1, column)

        last = t.code.put(f"icmp eq i64 {panel}, {self.panels - 1 if rest else -1}")
        if s.m >= rows:
            t.when(t.code.put(f"xor i1 {last}, true"), lambda: copy(rows))
        if rest:
            t.when(last, lambda: copy(rest))
        return t.function(f"@{name}(ptr noalias %a, ptr noalias %p, i64 %chunk)")

    # -- the product ----------------------------------------------------------------------------

    def text(self, name: str) -> str:
        """``name(a, b, c, chunk)``: one part of the answer."""
        s, rows = self.shape, self.rows
        self.t = t = Tiles(self.dtype)
        code = t.code
        strips, width = STRIPS, self.strip * STRIPS
        block = code.put(f"alloca [{DEPTH * width} x {t.kind}], align 64")
        z = code.put(f"udiv i64 %chunk, {self.high * self.wide}")
        rest = code.put(f"urem i64 %chunk, {self.high * self.wide}")
        across = code.put(f"urem i64 {rest}, {self.wide}")
        down = code.put(f"udiv i64 {rest}, {self.wide}")
        first_panel = code.put(f"mul i64 {down}, {self.panels_of_chunk}")
        full_rows, full_columns = s.m // rows, s.n // self.strip
        last_panel = t.least(code.put(f"add i64 {first_panel}, {self.panels_of_chunk}"), full_rows)
        first_strip = code.put(f"mul i64 {across}, {strips}")
        last_strip = t.least(code.put(f"add i64 {first_strip}, {strips}"), full_columns)
        if self.packs:
            a, left = t.offset("%a", (z, self.panels * s.k * rows)), (1, rows)
            panel_step = s.k * rows
        else:
            a, left = t.offset("%a", (z, s.steps[0])), s.left
            panel_step = rows * s.left[0]
        b = t.offset("%b", (z, s.steps[1]))
        c = t.offset("%c", (z, s.m * s.n))
        tail_rows, tail_columns = s.m % rows, s.n % self.strip
        some_strips = code.put(f"icmp ult i64 {first_strip}, {last_strip}")
        some_panels = code.put(f"icmp ult i64 {first_panel}, {last_panel}")
        has_tail = code.put(f"icmp eq i64 {across}, {self.wide - 1}")
        at_end = code.put(f"icmp eq i64 {down}, {self.high - 1}")
        whole, partial = pieces(self.strip, t.size * 8), pieces(tail_columns, t.size * 8)

        def depth(k0: str) -> None:
            first = code.put(f"icmp eq i64 {k0}, 0")
            count = t.least(code.put(f"sub i64 {s.k}, {k0}"), DEPTH)

            def strip_at(j: str) -> str:
                local = code.put(f"sub i64 {j}, {first_strip}")
                return t.offset(block, (local, DEPTH * self.strip))

            def pack(j: str) -> None:
                source = t.offset(b, (k0, s.right[0]), (j, self.strip * s.right[1]))
                self._pack(source, strip_at(j), count, self.strip)

            t.when(some_strips, lambda: void(t.loop(first_strip, last_strip, 1, pack)))
            if tail_columns:
                source = t.offset(b, (k0, s.right[0]), (full_columns * self.strip, s.right[1]))
                t.when(
                    has_tail,
                    lambda: self._pack(source, strip_at(str(full_columns)), count, tail_columns),
                )

            def panel(i: Any, height: int) -> None:
                base = t.offset(a, (i, panel_step), (k0, left[1]))
                line = t.offset(c, (i, rows * s.n))

                def over(j: str, columns: Any = whole) -> None:
                    at = t.offset(line, (j, self.strip))
                    t.tile(
                        base, left, strip_at(j), self.strip, at, s.n, height, columns, count, first
                    )

                t.when(some_strips, lambda: void(t.loop(first_strip, last_strip, 1, over)))
                if tail_columns:
                    t.when(has_tail, lambda: over(str(full_columns), partial))

            if full_rows:
                t.when(
                    some_panels,
                    lambda: void(t.loop(first_panel, last_panel, 1, lambda i: panel(i, rows))),
                )
            if tail_rows:
                t.when(at_end, lambda: panel(str(full_rows), tail_rows))

        t.loop(0, s.k, DEPTH, depth)
        self.needs |= code.needs
        return t.function(f"@{name}(ptr noalias %a, ptr noalias %b, ptr noalias %c, i64 %chunk)")

    def _pack(self, source: str, target: str, count: str, width: int) -> None:
        """Columns of a strip side by side, row after row."""
        t, right = self.t, self.shape.right
        if right[1] == 1:

            def row(k: str) -> None:
                for start, size in pieces(width, t.size * 8):
                    x = t.load(t.offset(source, (k, right[0]), (start, 1)), size)
                    t.store(x, t.offset(target, (k, self.strip), (start, 1)), size)

            t.loop(0, count, 1, row)
            return

        def line(k: str) -> None:
            for j in range(width):
                x = t.load(t.offset(source, (j, right[1]), (k, right[0])))
                t.store(x, t.offset(target, (k, self.strip), (j, 1)))

        t.loop(0, count, 1, line)


def void(_: Any) -> None:
    """What a loop returns is not needed."""
