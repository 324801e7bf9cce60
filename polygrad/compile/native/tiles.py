"""Code for tiles of matrix products: rows times columns, with the totals in vector registers."""

from collections.abc import Callable, Sequence
from typing import Any

from polygrad.compile.native.engine import lanes
from polygrad.compile.native.text import Code, real
from polygrad.compile.native.types import is_float, memory

Strides = tuple[int, int]


def pieces(width: int, bits: int) -> list[tuple[int, int]]:
    """Columns as vectors: the start and the width of each.

    >>> [w for _, w in pieces(3, 64)][:1] == [2]
    True
    """
    found, at, size = [], 0, lanes(bits)
    while at < width:
        while size > width - at:
            size //= 2
        found.append((at, size))
        at += size
    return found


class Tiles:
    """Writes loops over tiles."""

    def __init__(self, dtype: Any) -> None:
        self.code = Code()
        self.dtype, self.kind, self.size = dtype, memory(dtype), dtype.itemsize
        self.block = "entry"
        self.code.label("entry")

    def offset(self, pointer: str, *terms: tuple[str | int, int | str]) -> str:
        """The address so many elements on: a sum of products."""
        code, total, constant = self.code, "", 0
        for name, factor in terms:
            if isinstance(name, int) and isinstance(factor, int):
                constant += name * factor
            elif factor:
                part = str(name) if factor == 1 else code.put(f"mul i64 {name}, {factor}")
                total = code.put(f"add i64 {total}, {part}") if total else part
        if constant or not total:
            total = code.put(f"add i64 {total}, {constant}") if total else str(constant)
        return code.put(f"getelementptr inbounds {self.kind}, ptr {pointer}, i64 {total}")

    def loop(
        self, start: Any, stop: Any, step: int, body: Callable[..., Any], carried: Any = ()
    ) -> list[str]:
        """A loop of one turn at least; ``body`` gets the variable and the carried values."""
        code = self.code
        i, following = code.name(), code.name()
        tag, before = i[1:], self.block
        code.do(f"br label %l{tag}")
        code.label(f"l{tag}")
        self.block = f"l{tag}"
        first = len(code.lines)
        phis = [code.name() for _ in carried]
        code.lines += [""] * (1 + len(phis))
        given = body(i, *phis) or []
        code.do(f"{following} = add nuw nsw i64 {i}, {step}")
        check = code.put(f"icmp ult i64 {following}, {stop}")
        code.do(f"br i1 {check}, label %l{tag}, label %x{tag}")
        ends = [(i, "i64", start, following)]
        for phi, (kind, begin), end in zip(phis, carried, given, strict=True):
            ends.append((phi, kind, begin, end))
        for at, (phi, kind, begin, end) in enumerate(ends):
            code.lines[first + at] = (
                f"  {phi} = phi {kind} [ {begin}, %{before} ], [ {end}, %{self.block} ]"
            )
        code.label(f"x{tag}")
        self.block = f"x{tag}"
        return list(given)

    def when(self, condition: str, body: Callable[[], None]) -> None:
        """Code for a condition only."""
        code = self.code
        tag = code.name()[1:]
        code.do(f"br i1 {condition}, label %y{tag}, label %n{tag}")
        code.label(f"y{tag}")
        self.block = f"y{tag}"
        body()
        code.do(f"br label %n{tag}")
        code.label(f"n{tag}")
        self.block = f"n{tag}"

    @property
    def zero(self) -> str:
        """What a total begins with."""
        return real(-0.0, self.kind) if is_float(self.dtype) else "0"

    def splat(self, width: int) -> str:
        """A vector of zeros."""
        return "<" + ", ".join([f"{self.kind} {self.zero}"] * width) + ">"

    def load(self, pointer: str, width: int = 0) -> str:
        """A number, or a vector of them."""
        kind = f"<{width} x {self.kind}>" if width else self.kind
        return self.code.put(f"load {kind}, ptr {pointer}, align {self.size}")

    def store(self, x: str, pointer: str, width: int = 0) -> None:
        """Write a number, or a vector of them."""
        kind = f"<{width} x {self.kind}>" if width else self.kind
        self.code.do(f"store {kind} {x}, ptr {pointer}, align {self.size}")

    def tile(
        self,
        a: str,
        left: Strides,
        b: str,
        right: int,
        c: str,
        row: int,
        rows: int,
        columns: Sequence[tuple[int, int]],
        depth: Any,
        first: str = "",
    ) -> None:
        """``c`` = ``a`` times ``b`` for some rows and columns.

        ``left`` are the steps of rows and of the inner axis in ``a``, ``right`` that of the inner
        axis in ``b``, ``row`` that of rows in ``c``. With ``first`` a false condition, the
        product is added to what ``c`` holds.
        """  # fmt: skip
        code = self.code
        bases = [self.offset(a, (r, left[0])) for r in range(rows)]
        carried = []
        for _ in range(rows):
            carried += [(f"<{width} x {self.kind}>", self.splat(width)) for _, width in columns]

        def step(k: str, *totals: str) -> list[str]:
            line = [
                (self.load(self.offset(b, (k, right), (start, 1)), w), w) for start, w in columns
            ]
            rest = iter(totals)
            found = []
            for base in bases:
                x = self.load(self.offset(base, (k, left[1])))
                for y, width in line:
                    found.append(self.multiply_add(self.spread(x, width), y, next(rest), width))
            return found

        totals = iter(self.loop(0, depth, 1, step, carried))
        for r in range(rows):
            for start, width in columns:
                place, total = self.offset(c, (r, row), (start, 1)), next(totals)
                if first:  # what blocks add up to is added once: long sums stay exact
                    kind = f"<{width} x {self.kind}>"
                    both = self.add(self.load(place, width), total, width)
                    total = code.select(first, kind, total, both)
                self.store(total, place, width)

    def spread(self, x: str, width: int) -> str:
        """A vector of one number."""
        kind = f"<{width} x {self.kind}>"
        one = self.code.put(f"insertelement {kind} poison, {self.kind} {x}, i64 0")
        return self.code.put(
            f"shufflevector {kind} {one}, {kind} poison, <{width} x i32> zeroinitializer"
        )

    def multiply_add(self, x: str, y: str, total: str, width: int) -> str:
        """x * y + total, of vectors."""
        code, kind = self.code, f"<{width} x {self.kind}>"
        if not is_float(self.dtype):
            return code.put(f"add {kind} {total}, {code.put(f'mul {kind} {x}, {y}')}")
        name = f"llvm.fmuladd.v{width}f{self.size * 8}"
        code.needs.add((name, f"{kind}*3"))
        return code.call(name, kind, x, y, total)

    def add(self, x: str, y: str, width: int = 0) -> str:
        """The sum of two numbers, or vectors."""
        kind = f"<{width} x {self.kind}>" if width else self.kind
        return self.code.two("fadd" if is_float(self.dtype) else "add", kind, x, y)

    def least(self, x: str, bound: int) -> str:
        """The smaller of a number and a bound."""
        less = self.code.put(f"icmp ult i64 {x}, {bound}")
        return self.code.select(less, "i64", x, str(bound))

    def function(self, head: str) -> str:
        """The whole function."""
        return "\n".join(
            [f"define internal void {head} nounwind {{", *self.code.lines, "  ret void", "}"]
        )
