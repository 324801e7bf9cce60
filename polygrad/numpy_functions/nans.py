"""Stand-ins for NumPy's reductions that leave nan out, and its quantiles."""

import math
from typing import Any

from polygrad import ops
from polygrad.dtypes import as_dtype
from polygrad.errors import ArgumentValueError
from polygrad.numpy_functions.reductions import cumprod, cumsum, product, spread_dtype, total
from polygrad.numpy_functions.table import array, as_mask, numpy_function
from polygrad.numpy_functions.ufuncs import UFUNCS


def _without(a: Any, value: float) -> Any:
    a = array(a)
    if not as_dtype(a.dtype).is_inexact:
        return a
    return ops.where(ops.isnan(a), ops.full_like(a, value), a)


def _left_out(a: Any, where: Any) -> Any:
    """``a`` with nan where the mask does not hold."""
    a = array(a)
    if where is True:
        return a
    if not as_dtype(a.dtype).is_inexact:
        a = ops.astype(a, ops.float64)
    return ops.where(as_mask(where), a, ops.full_like(a, math.nan))


@numpy_function("nancumsum")
def nancumsum(a: Any, axis: Any = None, dtype: Any = None) -> Any:
    """numpy.nancumsum."""
    return cumsum(_without(a, 0), axis, dtype)


@numpy_function("nancumprod")
def nancumprod(a: Any, axis: Any = None, dtype: Any = None) -> Any:
    """numpy.nancumprod."""
    return cumprod(_without(a, 1), axis, dtype)


@numpy_function("nansum")
def nansum(
    a: Any, axis: Any = None, dtype: Any = None, *, keepdims: Any = False, initial: Any = 0,
    where: Any = True,
) -> Any:  # fmt: skip
    """numpy.nansum."""
    a = _without(a, 0)
    return total(a, axis, dtype, keepdims=keepdims, initial=initial, where=where)


@numpy_function("nanprod")
def nanprod(
    a: Any, axis: Any = None, dtype: Any = None, *, keepdims: Any = False, initial: Any = 1,
    where: Any = True,
) -> Any:  # fmt: skip
    """numpy.nanprod."""
    a = _without(a, 1)
    return product(a, axis, dtype, keepdims=keepdims, initial=initial, where=where)


@numpy_function("nanmean")
def nanmean(
    a: Any, axis: Any = None, dtype: Any = None, *, keepdims: Any = False, where: Any = True
) -> Any:
    """numpy.nanmean."""
    a = _left_out(a, where)
    a = a if dtype is None else ops.astype(a, dtype)
    return ops.nanmean(a, axis=axis, keepdims=keepdims)


def _spread(reduce: Any) -> Any:
    def function(
        a: Any, axis: Any = None, dtype: Any = None, *, ddof: Any = 0, keepdims: Any = False,
        where: Any = True, mean: Any = None, correction: Any = None,
    ) -> Any:  # fmt: skip
        if mean is not None:
            raise ArgumentValueError(
                "numpy.nanvar/nanstd of a polygrad array: mean is not taken; leave it out"
            )
        a = _left_out(a, where)
        a = spread_dtype(a, dtype)
        n = ddof if correction is None else correction
        return reduce(a, axis=axis, correction=n, keepdims=keepdims)

    return function


numpy_function("nanvar")(_spread(ops.nanvar))
numpy_function("nanstd")(_spread(ops.nanstd))


def _extreme(reduce: Any, pair: str) -> Any:
    def function(
        a: Any, axis: Any = None, *, keepdims: Any = False, initial: Any = None, where: Any = True
    ) -> Any:
        a = array(a)
        if where is not True:
            if initial is None:
                raise ArgumentValueError("numpy.nanmax/nanmin with where= needs initial=, too")
            a = ops.where(as_mask(where), a, ops.astype(array(initial), a.dtype))
        out = reduce(a, axis=axis, keepdims=keepdims)
        if initial is None:
            return out
        return UFUNCS[pair](out, ops.astype(array(initial), out.dtype))

    return function


numpy_function("nanmax")(_extreme(ops.nanmax, "fmax"))
numpy_function("nanmin")(_extreme(ops.nanmin, "fmin"))


@numpy_function("median")
def median(a: Any, axis: Any = None, overwrite_input: bool = False, keepdims: Any = False) -> Any:
    """numpy.median."""
    return ops.median(array(a), axis=axis, keepdims=keepdims)


@numpy_function("nanmedian")
def nanmedian(
    a: Any, axis: Any = None, overwrite_input: bool = False, keepdims: Any = False
) -> Any:
    """numpy.nanmedian."""
    return ops.nanmedian(array(a), axis=axis, keepdims=keepdims)


def _quantile(name: str, function: Any, percent: bool) -> None:
    def stand_in(
        a: Any, q: Any, axis: Any = None, overwrite_input: bool = False, method: str = "linear",
        keepdims: Any = False, *, weights: Any = None,
    ) -> Any:  # fmt: skip
        a = array(a)
        if not isinstance(q, float | int):
            q = array(q)
            if not as_dtype(q.dtype).is_inexact:
                q = ops.astype(q, ops.float64)
        q = q / 100 if percent else q
        w = None if weights is None else array(weights)
        return function(a, q, axis=axis, method=method, keepdims=keepdims, weights=w)

    stand_in.__doc__ = f"numpy.{name}, differentiable by ``q``, too."
    numpy_function(name)(stand_in)


_quantile("quantile", ops.quantile, False)
_quantile("percentile", ops.quantile, True)
_quantile("nanquantile", ops.nanquantile, False)
_quantile("nanpercentile", ops.nanquantile, True)
