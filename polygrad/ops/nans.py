"""Reductions that leave nan out; a nan gets the gradient 0."""

import math
from typing import Any

from polygrad.dtypes import as_dtype
from polygrad.ops.arithmetic import divide
from polygrad.ops.comparison import isnan, logical_not, where
from polygrad.ops.creation import zeros_like
from polygrad.ops.datatypes import astype, finfo, in_wide
from polygrad.ops.exponential import sqrt
from polygrad.ops.manipulation import normalise_axes
from polygrad.ops.products import prod
from polygrad.ops.statistical import cumulative_sum, deviation
from polygrad.ops.statistical import max as largest
from polygrad.ops.statistical import min as smallest
from polygrad.ops.statistical import sum as total


def _without(x: Any, value: float) -> Any:
    """``x`` with ``value`` in place of every nan."""
    if not as_dtype(x.dtype).is_inexact:
        return x
    return where(isnan(x), zeros_like(x) + value if value else zeros_like(x), x)


def _counted(x: Any, axis: Any, keepdims: bool) -> Any:
    """How many elements that are not nan, in the data type of ``x``."""
    return total(astype(logical_not(isnan(x)), _real(x)), axis=axis, keepdims=keepdims)


def _real(x: Any) -> Any:
    dtype = as_dtype(x.dtype)
    if not dtype.is_complex:
        return dtype if dtype.is_inexact else "float64"
    return "float32" if dtype.bits == 64 else "float64"


def nansum(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Any:
    """The sum over the axes of the elements that are not nan; 0 where there are none.

    >>> x = pg.asarray([1.0, pg.nan, 3.0])
    >>> pg.nansum(x).item(), pg.grad(pg.nansum)(x)
    (4.0, Array([1., 0., 1.], dtype=float64, device=cpu))
    """
    return total(_without(x, 0.0), axis=axis, keepdims=keepdims)


def nanprod(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Any:
    """The product over the axes of the elements that are not nan; 1 where there are none.

    >>> pg.nanprod(pg.asarray([2.0, pg.nan, 3.0])).item()
    6.0
    """
    return prod(_without(x, 1.0), axis=axis, keepdims=keepdims)


def nancumsum(x: Any, /, *, axis: int | None = None) -> Any:
    """The running sum along an axis, in which nan counts as 0.

    >>> pg.nancumsum(pg.asarray([1.0, pg.nan, 3.0]))
    Array([1., 1., 4.], dtype=float64, device=cpu)
    """
    return cumulative_sum(_without(x, 0.0), axis=axis)


def nanmean(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Any:
    """The mean over the axes of the elements that are not nan; nan where there are none.

    >>> x = pg.asarray([1.0, pg.nan, 3.0])
    >>> pg.nanmean(x).item(), pg.grad(pg.nanmean)(x)
    (2.0, Array([0.5, 0. , 0.5], dtype=float64, device=cpu))
    """
    return in_wide(
        lambda x: divide(nansum(x, axis=axis, keepdims=keepdims), _counted(x, axis, keepdims)), x
    )


def nanvar(x: Any, /, *, axis: Any = None, correction: float = 0.0, keepdims: bool = False) -> Any:
    """The variance over the axes of the elements that are not nan.

    The sum of squares is divided by their number less ``correction``; the result is nan where
    that is not positive.

    >>> pg.nanvar(pg.asarray([1.0, pg.nan, 3.0])).item()
    1.0
    """
    return in_wide(lambda x: _nanvar(x, axis, correction, keepdims), x)


def _nanvar(x: Any, axis: Any, correction: float, keepdims: bool) -> Any:
    return _variance(x, _apart(x, axis), axis, correction, keepdims)


def _apart(x: Any, axis: Any) -> Any:
    return where(isnan(x), zeros_like(x), x - nanmean(x, axis=axis, keepdims=True))


def _freedom(x: Any, axis: Any, correction: float, keepdims: bool) -> Any:
    count = _counted(x, axis, keepdims) - correction
    return where(count > 0, count, zeros_like(count) + math.nan)


def _variance(x: Any, apart: Any, axis: Any, correction: float, keepdims: bool) -> Any:
    square = apart * apart if not as_dtype(x.dtype).is_complex else abs(apart) ** 2
    return total(square, axis=axis, keepdims=keepdims) / _freedom(x, axis, correction, keepdims)


def nanstd(x: Any, /, *, axis: Any = None, correction: float = 0.0, keepdims: bool = False) -> Any:
    """The standard deviation over the axes of the elements that are not nan.

    >>> pg.nanstd(pg.asarray([1.0, pg.nan, 3.0])).item()
    1.0
    """
    return in_wide(lambda x: _nanstd(x, axis, correction, keepdims), x)


def _nanstd(x: Any, axis: Any, correction: float, keepdims: bool) -> Any:
    apart = _apart(x, axis)
    variance = _variance(x, apart, axis, correction, keepdims)
    apart = apart / sqrt(_freedom(x, axis, correction, True))
    axes = normalise_axes("nanstd", axis, len(x.shape))
    return deviation(apart, variance, axes, 1, keepdims)


def _nan_extreme(x: Any, axis: Any, keepdims: bool, reduce: Any, end: float) -> Any:
    if not as_dtype(x.dtype).is_inexact:
        return reduce(x, axis=axis, keepdims=keepdims)
    out = reduce(_without(x, end), axis=axis, keepdims=keepdims)
    none_left = _counted(x, normalise_axes("nanmax", axis, len(x.shape)), keepdims) == 0
    return where(none_left, zeros_like(out) + math.nan, out)


def nanmax(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Any:
    """The largest element over the axes that is not nan; nan where there is none.

    >>> x = pg.asarray([1.0, pg.nan, 3.0])
    >>> pg.nanmax(x).item(), pg.grad(pg.nanmax)(x)
    (3.0, Array([0., 0., 1.], dtype=float64, device=cpu))
    """
    return _nan_extreme(x, axis, keepdims, largest, -math.inf)


def nanmin(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Any:
    """The smallest element over the axes that is not nan; nan where there is none.

    >>> pg.nanmin(pg.asarray([1.0, pg.nan, 3.0])).item()
    1.0
    """
    return _nan_extreme(x, axis, keepdims, smallest, math.inf)


def nan_to_num(
    x: Any, /, *, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Any:
    """``x`` with numbers in place of nan and the infinities; those get the gradient 0.

    ``posinf`` and ``neginf`` are the largest and smallest number of the data type by default.
    Real arrays; integers have nothing to replace.

    >>> pg.nan_to_num(pg.asarray([1.0, pg.nan]))
    Array([1., 0.], dtype=float64, device=cpu)
    """
    if not as_dtype(x.dtype).is_inexact:
        return x
    limits = finfo(x.dtype)
    zero = zeros_like(x)
    out = where(isnan(x), zero + nan, x)
    out = where(x == math.inf, zero + (limits.max if posinf is None else posinf), out)
    return where(x == -math.inf, zero + (limits.min if neginf is None else neginf), out)
