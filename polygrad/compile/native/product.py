"""Matrix products: small ones as loops over tiles held in vector registers, others by BLAS."""

import math
from typing import Any

from polygrad.compile.graph import Value
from polygrad.compile.native.engine import lanes
from polygrad.compile.native.schedule import Product
from polygrad.compile.native.text import Code, real
from polygrad.compile.native.types import Unsupported, is_float, memory

ROWS = 4
"""Rows of a tile."""
VECTORS = 3
"""Vectors of a row of a tile: with 4 rows 12 of 16 registers."""


class Shape:
    """The sizes of a product: of how many matrices, and the steps of each operand."""

    def __init__(self, product: Product) -> None:
        a, b = product.equation.inputs
        self.left_strides = self._strides(product.left, product.flips[0], row=a.ndim == 1)
        self.right_strides = self._strides(product.right, product.flips[1], row=False)
        if b.ndim == 1:
            self.right_strides = (1, 1)
        self.m = 1 if a.ndim == 1 else a.shape[-2]
        self.k = a.shape[-1]
        self.n = 1 if b.ndim == 1 else b.shape[-1]
        out = product.equation.out
        self.batch = out.size // (self.m * self.n)
        self.steps = [self._step(x) for x in (a, b)]

    @staticmethod
    def _strides(x: Value, flipped: bool, row: bool) -> tuple[int, int]:
        if x.ndim == 1:
            return (x.shape[0], 1) if row else (1, 1)
        return (1, x.shape[-1]) if flipped else (x.shape[-1], 1)

    def _step(self, x: Value) -> int:
        count = math.prod(x.shape[:-2])
        if count not in (1, self.batch):
            raise Unsupported("a product of stacks of matrices that broadcast")
        return math.prod(x.shape[-2:]) if count > 1 else 0


def small_text(number: int, product: Product) -> tuple[str, set[tuple[str, str]]]:
    """A function for a small product of arrays at ``%a`` and ``%b``, written to ``%c``."""
    shape, dtype = Shape(product), product.equation.out.dtype
    writer = _Tiles(shape, dtype)
    code = writer.code
    head = f"define internal void @product{number}(ptr noalias %a0, ptr noalias %b0, ptr noalias %c0) nounwind {{"  # noqa: E501
    code.label("entry")
    writer.block = "entry"
    writer.write()
    code.do("ret void")
    return "\n".join([head, *code.lines, "}"]), code.needs


class _Tiles:
    def __init__(self, shape: Shape, dtype: Any) -> None:
        self.code = Code()
        self.shape, self.dtype = shape, dtype
        self.kind, self.size = memory(dtype), dtype.itemsize
        self.block = ""
        self.turned = shape.n == 1 and shape.left_strides[1] != 1

    def write(self) -> None:
        s = self.shape
        if s.batch == 1:
            self._matrix("%a0", "%b0", "%c0")
            return

        def one(z: str) -> None:
            a, b = (
                self._offset(p, [(z, step)])
                for p, step in zip(("%a0", "%b0"), s.steps, strict=True)
            )
            self._matrix(a, b, self._offset("%c0", [(z, s.m * s.n)]))

        self._loop(0, s.batch, 1, one)

    def _offset(self, pointer: str, terms: list[tuple[str, int]]) -> str:
        code, total = self.code, "0"
        for name, factor in terms:
            if factor:
                total = code.put(f"add i64 {total}, {code.put(f'mul i64 {name}, {factor}')}")
        return code.put(f"getelementptr inbounds {self.kind}, ptr {pointer}, i64 {total}")

    def _loop(self, start: int, stop: int, step: int, body: Any, carried: Any = ()) -> list[str]:
        """A loop; ``body`` gets the variable and carried values, and returns the next ones."""
        code = self.code
        i, following = code.name(), code.name()
        tag, before = i[1:], self.block
        code.do(f"br label %l{tag}")
        code.label(f"l{tag}")
        self.block = f"l{tag}"
        code.do(f"{i} = phi i64 [ {start}, %{before} ], [ {following}, %LATCH ]")
        first = len(code.lines) - 1
        phis = [code.name() for _ in carried]
        code.lines += [""] * len(phis)
        given = body(i, *phis) or []
        code.do(f"{following} = add nuw nsw i64 {i}, {step}")
        check = code.put(f"icmp ult i64 {following}, {stop}")
        code.do(f"br i1 {check}, label %l{tag}, label %x{tag}")
        latch = self.block
        code.lines[first] = code.lines[first].replace("%LATCH", f"%{latch}")
        for at, (phi, (kind, begin), end) in enumerate(zip(phis, carried, given, strict=True)):
            code.lines[first + 1 + at] = (
                f"  {phi} = phi {kind} [ {begin}, %{before} ], [ {end}, %{latch} ]"
            )
        code.label(f"x{tag}")
        self.block = f"x{tag}"
        return list(given)

    def _matrix(self, a: str, b: str, c: str) -> None:
        s = self.shape
        if s.n == 1 and not self.turned:
            self._dots(a, b, c)
            return
        m, n, left, right = s.m, s.n, s.left_strides, s.right_strides
        if self.turned:  # a vector times the matrix, which lies in memory the other way round
            a, b, m, n = b, a, 1, s.m
            left, right = (0, 1), (s.left_strides[1], 1)
        widest = lanes(self.size * 8)
        pieces, at = [], 0
        while at < n:
            width = widest
            while width > n - at:
                width //= 2
            pieces.append((at, width))
            at += width
        for group in range(0, len(pieces), VECTORS):
            tile = pieces[group : group + VECTORS]
            whole = m // ROWS * ROWS
            if whole:
                self._loop(
                    0,
                    whole,
                    ROWS,
                    lambda i, t=tile: self._tile(a, b, c, n, left, right, i, ROWS, t),
                )  # noqa: E501
            if m > whole:
                self._tile(a, b, c, n, left, right, str(whole), m - whole, tile)

    def _tile(
        self, a: str, b: str, c: str, n: int, left: Any, right: Any, i: str, rows: int, tile: Any
    ) -> None:
        """``rows`` rows of some columns: running totals in registers, over the inner axis."""
        code, kind, size = self.code, self.kind, self.size
        zero = real(-0.0, kind) if is_float(self.dtype) else "0"
        row_base = [self._offset(a, [(i, left[0]), ("1", r * left[0])]) for r in range(rows)]
        carried = []
        for _ in range(rows):
            for _, width in tile:
                carried.append((f"<{width} x {kind}>", splat(width, kind, zero)))

        def body(k: str, *totals: str) -> list[str]:
            columns = []
            for start, width in tile:
                p = self._offset(b, [(k, right[0]), ("1", start)])
                columns.append(code.put(f"load <{width} x {kind}>, ptr {p}, align {size}"))
            rest = iter(totals)
            found = []
            for base in row_base:
                p = self._offset(base, [(k, left[1])])
                x = code.put(f"load {kind}, ptr {p}, align {size}")
                for column, (_, width) in zip(columns, tile, strict=True):
                    found.append(
                        self._multiply_add(
                            broadcast(code, x, kind, width), column, next(rest), width
                        )
                    )  # noqa: E501
            return found

        totals = iter(self._loop(0, self.shape.k, 1, body, carried))
        for r in range(rows):
            for start, width in tile:
                p = self._offset(c, [(i, n), ("1", r * n + start)])
                code.do(f"store <{width} x {kind}> {next(totals)}, ptr {p}, align {size}")

    def _multiply_add(self, x: str, y: str, total: str, width: int) -> str:
        code, kind = self.code, f"<{width} x {self.kind}>"
        if not is_float(self.dtype):
            return code.put(f"add {kind} {total}, {code.put(f'mul {kind} {x}, {y}')}")
        name = f"llvm.fmuladd.v{width}f{self.size * 8}"
        code.needs.add((name, f"{kind}*3"))
        return code.call(name, kind, x, y, total)

    def _dots(self, a: str, b: str, c: str) -> None:
        """Rows times one column."""
        code, kind, s = self.code, self.kind, self.shape
        zero = real(-0.0, kind) if is_float(self.dtype) else "0"
        mul, add = ("fmul", "fadd reassoc") if is_float(self.dtype) else ("mul", "add")

        def row(i: str) -> None:
            def step(k: str, total: str) -> list[str]:
                p = self._offset(a, [(i, s.left_strides[0]), (k, 1)])
                q = self._offset(b, [(k, s.right_strides[0])])
                x = code.put(f"load {kind}, ptr {p}, align {self.size}")
                y = code.put(f"load {kind}, ptr {q}, align {self.size}")
                return [code.put(f"{add} {kind} {total}, {code.put(f'{mul} {kind} {x}, {y}')}")]

            (total,) = self._loop(0, s.k, 1, step, [(kind, zero)])
            code.do(f"store {kind} {total}, ptr {self._offset(c, [(i, 1)])}, align {self.size}")

        self._loop(0, s.m, 1, row)


def splat(width: int, kind: str, x: str) -> str:
    """A constant vector."""
    return "<" + ", ".join([f"{kind} {x}"] * width) + ">"


def broadcast(code: Code, x: str, kind: str, width: int) -> str:
    """A vector of one number."""
    one = code.put(f"insertelement <{width} x {kind}> poison, {kind} {x}, i64 0")
    return code.put(
        f"shufflevector <{width} x {kind}> {one}, <{width} x {kind}> poison, "
        f"<{width} x i32> zeroinitializer"
    )


def blas_text(number: int, product: Product, pointer: str) -> str:
    """A function for a product by BLAS, whose ``gemm`` is at ``pointer``.

    BLAS has its matrices by columns, so that in its eyes all are transposed, and the product
    is that of the transposes the other way round.
    """
    s, kind = Shape(product), memory(product.equation.out.dtype)
    turn, ld = [], []
    for rows, columns, count, width in (
        (*s.right_strides, s.k, s.n), (*s.left_strides, s.m, s.k),
    ):  # fmt: skip
        plain = columns == 1 or width == 1
        turn.append(78 if plain else 84)  # "N" and "T"
        ld.append(max(rows if plain else columns, width if plain else count, 1))
    values = {
        "ta": ("i8", turn[0]), "tb": ("i8", turn[1]), "m": ("i32", s.n), "n": ("i32", s.m),
        "k": ("i32", s.k), "lda": ("i32", ld[0]), "ldb": ("i32", ld[1]), "ldc": ("i32", max(s.n, 1)),
        "one": (kind, real(1.0, kind)), "zero": (kind, real(0.0, kind)),
    }  # fmt: skip
    lines = [f"@g{number}.{name} = internal constant {k} {v}" for name, (k, v) in values.items()]
    g = f"ptr @g{number}."
    order = f"{g}ta, {g}tb, {g}m, {g}n, {g}k, {g}one, ptr %b, {g}lda, ptr %a, {g}ldb, {g}zero, ptr %c, {g}ldc"  # noqa: E501
    lines += [
        f"define internal void @product{number}(ptr %a0, ptr %b0, ptr %c0) {{",
        "entry:",
        f"  %f = load ptr, ptr {pointer}",
        "  br label %l",
        "l:",
        "  %z = phi i64 [ 0, %entry ], [ %y, %l ]",
    ]
    for name, step in (("a", s.steps[0]), ("b", s.steps[1]), ("c", s.m * s.n)):
        lines.append(f"  %o{name} = mul i64 %z, {step}")
        lines.append(f"  %{name} = getelementptr {kind}, ptr %{name}0, i64 %o{name}")
    lines += [
        f"  call void %f({order})",
        "  %y = add i64 %z, 1",
        f"  %go = icmp ult i64 %y, {s.batch}",
        "  br i1 %go, label %l, label %e",
        "e:",
        "  ret void",
        "}",
    ]
    return "\n".join(lines)
