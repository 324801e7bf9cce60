"""Cholesky factors, and systems with a triangular matrix: rows one after the other."""

import math
from collections.abc import Sequence
from typing import Any

from polygrad.compile.native.engine import lanes
from polygrad.compile.native.schedule import Factor
from polygrad.compile.native.tiles import Tiles, pieces

VECTORS = 4
"""Vectors of columns that are solved together."""


class _Rows:
    """What both share: the matrices of a stack in turn."""

    def __init__(self, factor: Factor) -> None:
        self.equation, self.flip = factor.equation, factor.flip
        out = self.equation.out
        self.t = Tiles(out.dtype)
        self.kind, self.bits = self.t.kind, self.t.size * 8
        self.n, self.k = out.shape[-2:]
        self.stack = math.prod(out.shape[:-2])
        inner = self.n * self.n // 2
        self.work = self.stack * inner * (self.k if len(self.equation.inputs) > 1 else self.n // 3)

    def text(self, name: str) -> str:
        """The function ``name(operands ..., answer, status)``."""
        t = self.t
        names = [f"%{letter}" for letter in "ab"[: len(self.equation.inputs)]]
        sizes = [math.prod(x.shape[-2:]) for x in self.equation.values]
        many = [math.prod(x.shape[:-2]) > 1 for x in self.equation.values]

        def one(z: str) -> None:
            moved = [
                t.offset(p, (z, size if m else 0))
                for p, size, m in zip(names, sizes, many, strict=True)
            ]
            self.matrix(*moved, t.offset("%c", (z, self.n * self.k)))

        if self.stack == 1:
            self.matrix(*names, "%c")
        else:
            t.loop(0, self.stack, 1, one)
        pointers = "".join(f"ptr {p}, " for p in names)  # which may be the same array
        return t.function(f"@{name}({pointers}ptr noalias %c, ptr %status)")

    def matrix(self, *pointers: str) -> None:
        """The code for one matrix."""
        raise NotImplementedError

    def refuse_unless(self, condition: str) -> None:
        """Give up where the condition does not hold: the other program says what is wrong."""
        wrong = self.t.code.put(f"xor i1 {condition}, true")
        self.t.when(wrong, lambda: self.t.code.do("store i32 4, ptr %status"))


class Cholesky(_Rows):
    """The lower factor of the Hermitian part of a matrix, row by row."""

    def matrix(self, *pointers: str) -> None:
        """Row 0 apart: the loops have one turn at least."""
        a, c = pointers
        t, n = self.t, self.n
        self._diagonal(a, c, 0, "")
        if n == 1:
            return
        self._zeros(c, 0)

        def row(i: str) -> None:
            self._below(a, c, i, 0, "")
            some = t.code.put(f"icmp ugt i64 {i}, 1")

            def columns() -> None:
                def column(j: str) -> None:
                    self._below(a, c, i, j, self._dot(c, i, j, j))

                t.loop(1, i, 1, column)

            t.when(some, columns)
            self._diagonal(a, c, i, self._dot(c, i, i, i))
            t.when(t.code.put(f"icmp ult i64 {i}, {n - 1}"), lambda: self._zeros(c, i))

        t.loop(1, n, 1, row)

    def _element(self, p: str, i: Any, j: Any) -> str:
        return self.t.load(self.t.offset(p, (i, self.n), (j, 1)))

    def _entry(self, a: str, i: Any, j: Any, minus: str) -> str:
        """An entry of the Hermitian part, less a sum."""
        code, kind = self.t.code, self.kind
        half = "0x3FE0000000000000"
        x, y = (code.two("fmul", kind, self._element(a, *p), half) for p in ((i, j), (j, i)))
        total = code.two("fadd", kind, x, y)
        return code.two("fsub", kind, total, minus) if minus else total

    def _dot(self, c: str, i: Any, j: Any, count: Any) -> str:
        """The product of the beginnings of two rows."""
        t, code = self.t, self.t.code
        rows = [t.offset(c, (r, self.n)) for r in (i, j)]

        def step(k: str, total: str) -> list[str]:
            x, y = (t.load(t.offset(row, (k, 1))) for row in rows)
            return [code.put(f"fadd reassoc {t.kind} {total}, {code.two('fmul', t.kind, x, y)}")]

        return t.loop(0, count, 1, step, [(t.kind, t.zero)])[0]

    def _below(self, a: str, c: str, i: Any, j: Any, minus: str) -> None:
        found = self._entry(a, i, j, minus)
        found = self.t.code.two("fdiv", self.kind, found, self._element(c, j, j))
        self.t.store(found, self.t.offset(c, (i, self.n), (j, 1)))

    def _diagonal(self, a: str, c: str, i: Any, minus: str) -> None:
        t, kind = self.t, self.kind
        square = self._entry(a, i, i, minus)
        self.refuse_unless(t.code.put(f"fcmp ogt {kind} {square}, 0.0"))
        t.code.needs.add((f"llvm.sqrt.f{self.bits}", f"{kind}*1"))
        root = t.code.call(f"llvm.sqrt.f{self.bits}", kind, square)
        t.store(root, t.offset(c, (i, self.n), (i, 1)))

    def _zeros(self, c: str, i: Any) -> None:
        t = self.t
        first = "1" if i == 0 else t.code.put(f"add i64 {i}, 1")
        t.loop(first, self.n, 1, lambda j: t.store("0.0", t.offset(c, (i, self.n), (j, 1))))


class Solve(_Rows):
    """The columns of the answer in strips, in each row after row."""

    def matrix(self, *pointers: str) -> None:
        """Each strip by itself."""
        a, b, c = pointers
        t, width = self.t, VECTORS * lanes(self.bits)
        steps = (1, self.n) if self.flip else (self.n, 1)

        def check(i: str) -> None:
            pivot = t.load(t.offset(a, (i, self.n + 1)))
            self.refuse_unless(t.code.put(f"fcmp une {self.kind} {pivot}, 0.0"))

        t.loop(0, self.n, 1, check)
        whole = self.k // width * width

        def strip(j: Any, columns: Sequence[tuple[int, int]]) -> None:
            self._strip(a, steps, t.offset(b, (j, 1)), t.offset(c, (j, 1)), columns)

        if whole:
            t.loop(0, whole, width, lambda j: strip(j, pieces(width, self.bits)))
        if self.k > whole:
            strip(whole, pieces(self.k - whole, self.bits))

    def _strip(
        self, a: str, steps: tuple[int, int], b: str, c: str, columns: Sequence[tuple[int, int]]
    ) -> None:
        t, n, last = self.t, self.n, self.n - 1
        # An upper triangle is walked from its last row: counted from there it is a lower one.
        back = self.equation.params["upper"]

        def place(i: Any) -> Any:
            if not back:
                return i
            return last - i if isinstance(i, int) else t.code.put(f"sub i64 {last}, {i}")

        def row(i: Any) -> None:
            at = place(i)
            line = t.offset(a, (at, steps[0]))
            totals = [t.load(t.offset(b, (at, self.k), (s, 1)), w) for s, w in columns]
            if i != 0:

                def step(j: str, *totals: str) -> list[str]:
                    other = place(j)
                    x = t.code.put(f"fneg {t.kind} {t.load(t.offset(line, (other, steps[1])))}")
                    found = []
                    for (s, w), total in zip(columns, totals, strict=True):
                        y = t.load(t.offset(c, (other, self.k), (s, 1)), w)
                        found.append(t.multiply_add(t.spread(x, w), y, total, w))
                    return found

                carried = [
                    (f"<{w} x {t.kind}>", x) for (_, w), x in zip(columns, totals, strict=True)
                ]
                totals = t.loop(0, i, 1, step, carried)
            pivot = t.load(t.offset(line, (at, steps[1])))
            for (s, w), total in zip(columns, totals, strict=True):
                found = t.code.two("fdiv", f"<{w} x {t.kind}>", total, t.spread(pivot, w))
                t.store(found, t.offset(c, (at, self.k), (s, 1)), w)

        row(0)
        if n > 1:
            t.loop(1, n, 1, row)
