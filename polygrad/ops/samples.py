"""Signals and samples beyond the standard: convolution, quantiles and counts.

SciPy and scikit-learn look these up in a namespace, and fall back to NumPy without them.
"""

from typing import Any

from polygrad.array import wrap
from polygrad.core.batch import refuse_examples
from polygrad.errors import ArgumentTypeError, ArgumentValueError, ShapeError
from polygrad.ops.creation import as_operand, ones_like
from polygrad.ops.datatypes import astype, result_type, stop_gradient
from polygrad.ops.indexing import getitem, scatter_add
from polygrad.ops.joining import stack
from polygrad.ops.linear_algebra import matmul
from polygrad.ops.manipulation import flip
from polygrad.ops.padding import pad
from polygrad.ops.statistical import max as largest
from polygrad.ops.statistical import min as smallest

_SIZES = ("full", "same", "valid")


def convolve(x1: Any, x2: Any, /, mode: str = "full") -> Any:
    """The discrete convolution of two one-dimensional arrays, as in ``numpy.convolve``.

    ``mode`` "full" gives all N + M - 1 places where they overlap, "same" the middle max(N, M)
    of them, "valid" those of full overlap. Complex numbers are not conjugated. Differentiable
    by both. Raises ShapeError for an empty array or several axes.

    >>> pg.convolve(pg.asarray([1.0, 2.0, 3.0]), pg.asarray([1.0, 1.0]))
    Array([1., 3., 5., 3.], dtype=float64, device=cpu)
    """
    if mode not in _SIZES:
        raise ArgumentValueError(
            f"convolve: got mode {mode!r}, expected one of {', '.join(map(repr, _SIZES))}"
        )
    for name, x in (("x1", x1), ("x2", x2)):
        if len(x.shape) != 1 or x.shape[0] == 0:
            raise ShapeError(
                f"convolve: {name} has shape {tuple(x.shape)}, expected one axis that is not empty"
            )
    dtype = result_type(x1, x2)
    a, v = astype(x1, dtype, copy=False), astype(x2, dtype, copy=False)
    if a.shape[0] < v.shape[0]:
        a, v = v, a
    n, m = a.shape[0], v.shape[0]
    padded = pad(a, (m - 1, m - 1))
    # Row k holds what meets the k-th element of the reversed kernel.
    windows = stack([getitem(padded, slice(k, k + n + m - 1)) for k in range(m)], axis=0)
    full = matmul(flip(v), windows)
    if mode == "full":
        return full
    start, length = ((m - 1) // 2, n) if mode == "same" else (m - 1, n - m + 1)
    return getitem(full, slice(start, start + length))


def bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Any:
    """How often each of 0, 1, 2 ... occurs in integers, or the sums of their ``weights``.

    The result has max(x) + 1 elements, at least ``minlength``; a negative integer is an error.
    Differentiable by the weights.

    >>> pg.bincount(pg.asarray([0, 2, 2]))
    Array([1, 0, 2], dtype=int64, device=cpu)
    """
    refuse_examples("bincount", "x", x, "write pg.scatter_add(weights, x, (length,))")
    x = stop_gradient(x)
    if len(x.shape) != 1:
        raise ShapeError(f"bincount: x has shape {tuple(x.shape)}, expected one axis")
    if x.shape[0] and int(wrap(smallest(x)).item()) < 0:
        raise ArgumentValueError("bincount: x holds a negative integer, expected 0 or larger")
    size = int(wrap(largest(x)).item()) + 1 if x.shape[0] else 0
    values = ones_like(x, dtype="int64") if weights is None else as_operand(weights, x, "weights")
    if tuple(values.shape) != tuple(x.shape):
        raise ShapeError(
            f"bincount: weights has shape {tuple(values.shape)}, expected that of x, "
            f"{tuple(x.shape)}"
        )
    if not isinstance(minlength, int):
        raise ArgumentTypeError(f"bincount: minlength is {minlength!r}, expected an integer")
    return scatter_add(values, x, (max(size, minlength),))
