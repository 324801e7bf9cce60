"""What `pg.testing.conformance` runs: for each public op inputs in Python numbers."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from polygrad import ops
from polygrad.ops import fft, linalg, special


@dataclass(frozen=True)
class Case:
    """One call: ``function(*operands)``; nested lists become arrays, all else stays."""

    name: str
    function: Callable[..., Any]
    operands: tuple[Any, ...]
    gradient: bool = True
    smooth: bool = True
    """Whether central differences make sense here."""
    loose: float = 1.0
    """By how much the tolerances are wider."""

    @property
    def inexact(self) -> bool:
        """Whether an operand is an array of floating-point numbers."""
        return any(isinstance(x, list) and _leaf(x) in (float, complex) for x in self.operands)

    def varied(self, arrays: Sequence[Any]) -> list[int]:
        """The places of the operands that a gradient is taken with respect to."""
        return [i for i, x in enumerate(arrays) if hasattr(x, "dtype") and x.dtype.kind in "fc"]


def _leaf(value: Any) -> type:
    while isinstance(value, list):
        value = value[0] if value else 0.0
    return type(value)


def sample(*shape: int, low: float = -2.0, high: float = 2.0, seed: int = 0) -> list[Any]:
    """Nested lists of numbers that differ and keep off the ends of the interval."""
    size = math.prod(shape)
    places = [((i * 7 + 3 * seed + 2) * 0.6180339887) % 1.0 for i in range(size)]
    flat: list[Any] = [low + (high - low) * (0.02 + 0.96 * p) for p in places]
    for n in reversed(shape[1:]):
        flat = [flat[i : i + n] for i in range(0, len(flat), n)]
    return flat


def _complex(*shape: int) -> list[Any]:
    def both(a: Any, b: Any) -> Any:
        if isinstance(a, list):
            return [both(x, y) for x, y in zip(a, b, strict=True)]
        return complex(a, b)

    return list(both(sample(*shape), sample(*shape, seed=5)))


X, Y, V = sample(2, 3), sample(2, 3, seed=1), sample(5)
POSITIVE = sample(2, 3, low=0.3, high=3.0)
SQUARE = [[4.0, 1.0, 0.5], [1.0, 3.0, -0.7], [0.5, -0.7, 5.0]]
TWICE, PLACES = [0, 2, 2, 0, 2], [1, 0, 2]

# name: the interval where it is defined and smooth
ONE = {
    "abs": (0.2, 2), "acos": (-0.9, 0.9), "acosh": (1.2, 3), "asin": (-0.9, 0.9),
    "asinh": (-2, 2), "atan": (-2, 2), "atanh": (-0.9, 0.9), "cos": (-2, 2), "cosh": (-2, 2),
    "exp": (-2, 2), "expm1": (-2, 2), "log": (0.3, 3), "log10": (0.3, 3), "log1p": (-0.5, 3),
    "log2": (0.3, 3), "negative": (-2, 2), "positive": (-2, 2), "reciprocal": (0.4, 3),
    "sin": (-2, 2), "sinh": (-2, 2), "sqrt": (0.3, 3), "square": (-2, 2), "tan": (-1, 1),
    "tanh": (-2, 2), "relu": (0.2, 2), "sigmoid": (-2, 2), "softplus": (-2, 2), "gelu": (-2, 2),
    "softmax": (-2, 2), "logsumexp": (-2, 2), "sum": (-2, 2), "mean": (-2, 2), "prod": (0.4, 2),
    "max": (-2, 2), "min": (-2, 2), "std": (-2, 2), "var": (-2, 2), "cumulative_sum": (-2, 2),
    "cumulative_prod": (0.4, 2),
}  # fmt: skip
WITHOUT = (
    "ceil", "floor", "round", "trunc", "sign", "signbit", "isfinite", "isinf", "isnan", "argmax",
    "argmin", "argsort", "nonzero", "count_nonzero", "all", "any", "unique_values", "logical_not",
)  # fmt: skip
TWO = {
    "add": (-2, 2), "subtract": (-2, 2), "multiply": (-2, 2), "divide": (0.4, 3), "pow": (0.4, 2),
    "atan2": (0.4, 2), "hypot": (0.4, 2), "logaddexp": (-2, 2), "maximum": (-2, 2),
    "minimum": (-2, 2), "copysign": (0.4, 2), "remainder": (0.4, 3),
}  # fmt: skip
COMPARE = (
    "equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "floor_divide",
    "nextafter",
)  # fmt: skip
INTEGERS = ("bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_left_shift", "add", "multiply")


def assigned(x: Any, v: Any) -> Any:
    """Two assignments by slices."""
    y = ops.asarray(x) * 1.0
    y[:, 1:] = ops.asarray(v)[:2]
    y[0, ::-2] = 3.0
    return _as(x, y)


def _as(x: Any, y: Any) -> Any:
    """An Array in the kind of array that ``x`` is."""
    from polygrad.array import Array

    return y if type(x) is Array or y._trace.level else y._value


def _cases() -> list[Case]:
    made: list[Case] = []

    def add(name: str, function: Callable[..., Any], *operands: Any, **options: Any) -> None:
        made.append(Case(name, function, operands, **options))

    def public(name: str) -> Any:
        return getattr(ops, name, None)

    for name, (low, high) in ONE.items():
        if public(name) is not None:
            over = {"axis": 1} if name in ("cumulative_sum", "cumulative_prod", "softmax") else {}
            add(name, _with(public(name), **over), sample(2, 3, low=low, high=high))
            over = dict.fromkeys(over, 0)
            add(name, _with(public(name), **over), sample(4, low=low, high=high))
    for name in WITHOUT:
        if public(name) is not None:
            add(name, public(name), V if name != "logical_not" else [True, False], gradient=False)
    for name, (low, high) in TWO.items():
        shapes: list[tuple[Any, Any]] = [((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 1), (1, 3))]
        for a, b in shapes:
            x, y = sample(*a, low=low, high=high), sample(*b, low=low, high=high, seed=4)
            add(name, public(name), x, y)
        add(name, public(name), sample(3, low=low, high=high), 1.3)
        add(name, public(name), 1.3, sample(3, low=low, high=high))
    for name in COMPARE:
        add(name, public(name), X, Y, gradient=False)
    for name in INTEGERS:
        add(name, public(name), [[5, 3, 1]], [[1], [2]], gradient=False)
    for name in ("sum", "mean", "max", "min", "prod", "std", "var", "logsumexp"):
        add(name, _with(public(name), axis=0), POSITIVE)
        add(name, _with(public(name), axis=1, keepdims=True), POSITIVE)
    add("sum of integers", ops.sum, [1, 2, 3], gradient=False)
    add("max at ties", ops.max, [1.0, 3.0, 3.0], smooth=False)
    add("where", lambda c, x, y: ops.where(c, x, y), [[True], [False]], X, Y)
    add("clip", lambda x: ops.clip(x, -0.7, 0.9), V)
    add("matmul", ops.matmul, X, sample(3, 4))
    add("matmul", ops.matmul, sample(2, 2, 3), sample(3, 2, seed=2))
    add("matmul", ops.matmul, V, sample(5, seed=3))
    add("vecdot", ops.vecdot, X, Y)
    add("tensordot", lambda x, y: ops.tensordot(x, y, axes=1), X, sample(3, 2))
    add("einsum", lambda x, y: ops.einsum("ij,kj->ik", x, y), X, Y)
    add("reshape", lambda x: ops.reshape(x, (3, 2)), X)
    add("permute_dims", lambda x: ops.permute_dims(x, (1, 0)), X)
    add("matrix_transpose", ops.matrix_transpose, X)
    add("moveaxis", lambda x: ops.moveaxis(x, 0, 2), sample(2, 1, 3))
    add("expand_dims", lambda x: ops.expand_dims(x, axis=1), X)
    add("squeeze", lambda x: ops.squeeze(x, axis=1), sample(2, 1, 3))
    add("broadcast_to", lambda x: ops.broadcast_to(x, (2, 3)), sample(3))
    add("flip", lambda x: ops.flip(x, axis=0), X)
    add("roll", lambda x: ops.roll(x, 2, axis=1), X)
    add("concat", lambda x, y: ops.concat([x, y], axis=1), X, Y)
    add("stack", lambda x, y: ops.stack([x, y], axis=1), X, Y)
    add("unstack", lambda x: ops.unstack(x, axis=1), X)
    add("tile", lambda x: ops.tile(x, (2, 2)), X)
    add("repeat", lambda x: ops.repeat(x, 2, axis=1), X)
    add("tril", ops.tril, SQUARE)
    add("triu", ops.triu, SQUARE)
    add("diff", ops.diff, V)
    add("sort", ops.sort, V)
    add("searchsorted", ops.searchsorted, [0.0, 1.0, 2.0], [0.5, 2.5], gradient=False)
    add("take", lambda x, i: ops.take(x, i, axis=1), X, TWICE)
    add("take_along_axis", lambda x, i: ops.take_along_axis(x, i, axis=1), X, [[0, 0], [2, 1]])
    # As many indices as elements, in another order; places named twice; negative ones.
    add("getitem", lambda x, i: _as(x, ops.asarray(x)[ops.asarray(i)]), sample(3), PLACES)
    add("getitem", lambda x, i: _as(x, ops.asarray(x)[ops.asarray(i)]), sample(3), TWICE)
    add("getitem", lambda x, i: _as(x, ops.asarray(x)[ops.asarray(i)]), sample(3), [-1, 0, -1])
    add("getitem", lambda x, i: _as(x, ops.asarray(x)[ops.asarray(i)]), X, [1, 0, 1, 1])
    add("take of rows", lambda x, i: ops.take(x, i, axis=0), X, [1])
    add("slices", lambda x: _as(x, ops.asarray(x)[::-1, ::2]), X)
    add("new axis", lambda x: _as(x, ops.asarray(x)[:, None, 1]), X)
    add("assignment", assigned, X, sample(3))
    for method in ("set", "add", "multiply"):
        add(f"at.{method}", lambda x, v, i, m=method: _updated(x, v, i, m), V, sample(3), PLACES)
    add("at.add twice", lambda x, v, i: _updated(x, v, i, "add"), V, sample(5, seed=2), TWICE)
    add("at.set twice", lambda x, v, i: _updated(x, v, i, "set"), V, sample(5, seed=2), TWICE)
    add("complex", lambda z: ops.real(ops.exp(z) * ops.conj(z)), _complex(2, 3))
    add("complex abs", ops.abs, _complex(2, 3))
    for name in ("inv", "det", "cholesky", "slogdet", "eigvalsh", "svdvals", "pinv"):
        add(f"linalg.{name}", _symmetric(getattr(linalg, name)), SQUARE, loose=10.0)
    add("linalg.solve", linalg.solve, SQUARE, sample(3, 2), loose=10.0)
    add("linalg.qr", lambda a: linalg.qr(a)[1] ** 2, SQUARE, loose=10.0)
    add("linalg.vector_norm", linalg.vector_norm, V)
    add("linalg.matrix_norm", linalg.matrix_norm, SQUARE)
    for name in ("fft", "ifft", "rfft"):
        add(f"fft.{name}", _absolute(getattr(fft, name)), V, loose=10.0)
    for name in ("erf", "erfc", "gammaln", "digamma", "i0", "expit"):
        if hasattr(special, name):
            add(f"special.{name}", getattr(special, name), sample(4, low=0.4, high=2.0))
    add("astype", lambda x: ops.astype(x, "float32"), V, loose=1e3, smooth=False)
    add("zeros_like", ops.zeros_like, V, gradient=False)
    return made


def _with(function: Any, **options: Any) -> Any:
    return lambda x: function(x, **options)


def _absolute(function: Any) -> Any:
    return lambda x: ops.abs(function(x))


def _symmetric(function: Any) -> Any:
    return lambda a: function((a + ops.matrix_transpose(a)) * 0.5)


def _updated(x: Any, v: Any, i: Any, method: str) -> Any:
    return getattr(ops.at(x)[i], method)(v)


CASES = _cases()
