"""Stand-ins for NumPy's reductions: sums, means, extremes, order statistics, norms."""

import math
from typing import Any

from polygrad import ops
from polygrad.dtypes import as_dtype
from polygrad.errors import ArgumentTypeError, ArgumentValueError
from polygrad.numpy_functions.table import array, masked, numpy_function
from polygrad.ops import linalg
from polygrad.ops.manipulation import normalise_axis


def _cast(x: Any, dtype: Any) -> Any:
    return x if dtype is None else ops.astype(x, dtype)


@numpy_function("sum")
def total(
    a: Any, axis: Any = None, dtype: Any = None, *, keepdims: Any = False, initial: Any = 0,
    where: Any = True,
) -> Any:  # fmt: skip
    """numpy.sum."""
    out = ops.sum(masked(array(a), where, 0), axis=axis, dtype=dtype, keepdims=keepdims)
    return out + initial if type(initial) is not int or initial else out


@numpy_function("prod")
def product(
    a: Any, axis: Any = None, dtype: Any = None, *, keepdims: Any = False, initial: Any = 1,
    where: Any = True,
) -> Any:  # fmt: skip
    """numpy.prod."""
    out = ops.prod(masked(array(a), where, 1), axis=axis, dtype=dtype, keepdims=keepdims)
    return out if type(initial) is int and initial == 1 else out * initial


@numpy_function("mean")
def mean(a: Any, axis: Any = None, dtype: Any = None, *, keepdims: Any = False, where: Any = True) -> Any:  # fmt: skip # noqa: E501
    """numpy.mean."""
    a = _inexact(_cast(array(a), dtype))
    if where is True:
        return ops.mean(a, axis=axis, keepdims=keepdims)
    count = _chosen(a, where, axis, keepdims)
    return ops.sum(masked(a, where, 0), axis=axis, keepdims=keepdims) / count


def _chosen(a: Any, where: Any, axis: Any, keepdims: Any) -> Any:
    mask = ops.broadcast_to(array(where), tuple(a.shape))
    return ops.astype(ops.sum(ops.astype(mask, ops.int64), axis=axis, keepdims=keepdims), _real(a))


def _real(a: Any) -> Any:
    return as_dtype(ops.real(a).dtype) if as_dtype(a.dtype).is_complex else as_dtype(a.dtype)


def _inexact(a: Any) -> Any:
    return a if as_dtype(a.dtype).is_inexact else ops.astype(a, ops.float64)


def _ddof(ddof: Any, correction: Any) -> Any:
    return ddof if correction is None else correction


@numpy_function("var")
def var(
    a: Any, axis: Any = None, dtype: Any = None, *, ddof: Any = 0, keepdims: Any = False,
    correction: Any = None, mean: Any = None, where: Any = True,
) -> Any:  # fmt: skip
    """numpy.var."""
    a, n = _inexact(_cast(array(a), dtype)), _ddof(ddof, correction)
    if where is True and mean is None:
        return ops.var(a, axis=axis, correction=n, keepdims=keepdims)
    count = _chosen(a, where, axis, True)
    centre = ops.sum(masked(a, where, 0), axis=axis, keepdims=True) / count if mean is None else mean  # fmt: skip # noqa: E501
    square = ops.square(ops.abs(a - array(centre)))
    spread = ops.sum(masked(square, where, 0), axis=axis, keepdims=keepdims)
    return spread / (_chosen(a, where, axis, keepdims) - n)


@numpy_function("std")
def std(
    a: Any, axis: Any = None, dtype: Any = None, *, ddof: Any = 0, keepdims: Any = False,
    correction: Any = None, mean: Any = None, where: Any = True,
) -> Any:  # fmt: skip
    """numpy.std."""
    return ops.sqrt(
        var(a, axis, dtype, ddof=ddof, keepdims=keepdims, correction=correction, mean=mean, where=where)  # noqa: E501
    )  # fmt: skip


def _extreme(reduce: Any, pair: Any, end: float) -> Any:
    def function(
        a: Any, axis: Any = None, *, keepdims: Any = False, initial: Any = None, where: Any = True
    ) -> Any:
        a = array(a)
        if where is not True and initial is None:
            raise ArgumentValueError("numpy.max/min with where= needs initial=, too")
        out = reduce(masked(a, where, end), axis=axis, keepdims=keepdims)
        return out if initial is None else pair(out, initial)

    return function


largest = numpy_function("max", "amax")(_extreme(ops.max, ops.maximum, -math.inf))
smallest = numpy_function("min", "amin")(_extreme(ops.min, ops.minimum, math.inf))


@numpy_function("ptp")
def ptp(a: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
    """numpy.ptp."""
    a = array(a)
    return ops.max(a, axis=axis, keepdims=keepdims) - ops.min(a, axis=axis, keepdims=keepdims)


@numpy_function("any")
def any_true(a: Any, axis: Any = None, *, keepdims: Any = False, where: Any = True) -> Any:
    """numpy.any."""
    return ops.any(masked(array(a), where, 0), axis=axis, keepdims=keepdims)


@numpy_function("all")
def all_true(a: Any, axis: Any = None, *, keepdims: Any = False, where: Any = True) -> Any:
    """numpy.all."""
    return ops.all(masked(array(a), where, 1), axis=axis, keepdims=keepdims)


@numpy_function("count_nonzero")
def count_nonzero(a: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
    """numpy.count_nonzero."""
    return ops.count_nonzero(array(a), axis=axis, keepdims=keepdims)


@numpy_function("argmax")
def argmax(a: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
    """numpy.argmax."""
    return ops.argmax(array(a), axis=axis, keepdims=keepdims)


@numpy_function("argmin")
def argmin(a: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
    """numpy.argmin."""
    return ops.argmin(array(a), axis=axis, keepdims=keepdims)


def _running(name: str, accumulate: Any) -> Any:
    def function(a: Any, axis: Any = None, dtype: Any = None) -> Any:
        a = array(a)
        if axis is None:
            a, axis = ops.reshape(a, (-1,)), 0
        return accumulate(a, axis=axis, dtype=dtype)

    function.__doc__ = f"numpy.{name}."
    return numpy_function(name)(function)


cumsum = _running("cumsum", ops.cumulative_sum)
cumprod = _running("cumprod", ops.cumulative_prod)


@numpy_function("cumulative_sum")
def cumulative_sum(
    x: Any, /, *, axis: Any = None, dtype: Any = None, include_initial: bool = False
) -> Any:
    """numpy.cumulative_sum."""
    return ops.cumulative_sum(array(x), axis=axis, dtype=dtype, include_initial=include_initial)


@numpy_function("cumulative_prod")
def cumulative_prod(
    x: Any, /, *, axis: Any = None, dtype: Any = None, include_initial: bool = False
) -> Any:
    """numpy.cumulative_prod."""
    return ops.cumulative_prod(array(x), axis=axis, dtype=dtype, include_initial=include_initial)


@numpy_function("nancumsum")
def nancumsum(a: Any, axis: Any = None, dtype: Any = None) -> Any:
    """numpy.nancumsum."""
    a = array(a)
    return cumsum(ops.where(ops.isnan(a), ops.zeros_like(a), a), axis, dtype)


@numpy_function("nancumprod")
def nancumprod(a: Any, axis: Any = None, dtype: Any = None) -> Any:
    """numpy.nancumprod."""
    a = array(a)
    return cumprod(ops.where(ops.isnan(a), ops.ones_like(a), a), axis, dtype)


def _nan(reduce: Any) -> Any:
    def function(a: Any, axis: Any = None, dtype: Any = None, *, keepdims: Any = False) -> Any:
        return reduce(_cast(array(a), dtype), axis=axis, keepdims=keepdims)

    return function


def _nan_spread(reduce: Any) -> Any:
    def function(
        a: Any, axis: Any = None, dtype: Any = None, *, ddof: Any = 0, keepdims: Any = False,
        correction: Any = None,
    ) -> Any:  # fmt: skip
        return reduce(
            _cast(array(a), dtype), axis=axis, correction=_ddof(ddof, correction), keepdims=keepdims
        )

    return function


for _name in ("nansum", "nanprod", "nanmean"):
    numpy_function(_name)(_nan(getattr(ops, _name)))
for _name in ("nanvar", "nanstd"):
    numpy_function(_name)(_nan_spread(getattr(ops, _name)))


@numpy_function("nanmax")
def nanmax(a: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
    """numpy.nanmax."""
    return ops.nanmax(array(a), axis=axis, keepdims=keepdims)


@numpy_function("nanmin")
def nanmin(a: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
    """numpy.nanmin."""
    return ops.nanmin(array(a), axis=axis, keepdims=keepdims)


@numpy_function("average")
def average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: Any = False) -> Any:  # fmt: skip # noqa: E501
    """numpy.average."""
    a = array(a)
    if weights is None:
        out = mean(a, axis, keepdims=keepdims)
        count = math.prod(a.shape) / max(1, math.prod(out.shape))
        return (out, ops.full_like(out, count)) if returned else out
    w = array(weights)
    if tuple(w.shape) != tuple(a.shape):
        place = normalise_axis("average", axis, len(a.shape))
        w = ops.reshape(w, tuple(n if i == place else 1 for i, n in enumerate(a.shape)))
        w = ops.broadcast_to(w, tuple(a.shape))
    size = ops.sum(w, axis=axis, keepdims=keepdims)
    out = ops.sum(a * w, axis=axis, keepdims=keepdims) / size
    return (out, size) if returned else out


@numpy_function("quantile")
def quantile(
    a: Any, q: Any, axis: Any = None, overwrite_input: bool = False, method: str = "linear",
    keepdims: Any = False,
) -> Any:  # fmt: skip
    """numpy.quantile, for constant ``q``."""
    return ops.quantile(array(a), q, axis=axis, method=method, keepdims=keepdims)


@numpy_function("percentile")
def percentile(
    a: Any, q: Any, axis: Any = None, overwrite_input: bool = False, method: str = "linear",
    keepdims: Any = False,
) -> Any:  # fmt: skip
    """numpy.percentile, for constant ``q``."""
    return ops.quantile(array(a), _share(q), axis=axis, method=method, keepdims=keepdims)


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


def _linear(name: str, method: str) -> None:
    if method != "linear":
        raise ArgumentValueError(
            f"numpy.{name} of a polygrad array: got method {method!r}, expected 'linear'"
        )


@numpy_function("nanquantile")
def nanquantile(
    a: Any, q: Any, axis: Any = None, overwrite_input: bool = False, method: str = "linear",
    keepdims: Any = False,
) -> Any:  # fmt: skip
    """numpy.nanquantile, for constant ``q``."""
    _linear("nanquantile", method)
    return ops.nanquantile(array(a), q, axis=axis, keepdims=keepdims)


def _share(level: Any) -> Any:
    if hasattr(level, "tolist"):
        level = level.tolist()
    return [_share(v) for v in level] if isinstance(level, list | tuple) else level / 100


@numpy_function("nanpercentile")
def nanpercentile(
    a: Any, q: Any, axis: Any = None, overwrite_input: bool = False, method: str = "linear",
    keepdims: Any = False,
) -> Any:  # fmt: skip
    """numpy.nanpercentile, for constant ``q``."""
    _linear("nanpercentile", method)
    return ops.nanquantile(array(a), _share(q), axis=axis, keepdims=keepdims)


@numpy_function("cov")
def cov(
    m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: Any = None,
    fweights: Any = None, aweights: Any = None, *, dtype: Any = None,
) -> Any:  # fmt: skip
    """numpy.cov, without weights."""
    if fweights is not None or aweights is not None:
        raise ArgumentTypeError("numpy.cov of a polygrad array: fweights and aweights must be None")
    rows = [_observations(v, rowvar) for v in (m, y) if v is not None]
    x = _inexact(_cast(ops.concat(rows, axis=0) if len(rows) > 1 else rows[0], dtype))
    n = x.shape[1] - (ddof if ddof is not None else 0 if bias else 1)
    x = x - ops.mean(x, axis=1, keepdims=True)
    out = ops.matmul(x, ops.conj(ops.matrix_transpose(x))) / n
    return ops.reshape(out, ()) if out.shape == (1, 1) else out


def _observations(x: Any, rowvar: bool) -> Any:
    x = array(x)
    if len(x.shape) < 2:
        return ops.reshape(x, (1, -1))
    return x if rowvar or x.shape[0] == 1 else ops.matrix_transpose(x)


@numpy_function("corrcoef")
def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Any:
    """numpy.corrcoef."""
    c = cov(x, y, rowvar, dtype=dtype)
    if not c.shape:
        return c / c
    deviation = ops.sqrt(ops.real(linalg.diagonal(c)))
    out = c / (ops.expand_dims(deviation, axis=1) * deviation)
    return ops.clip(out, -1.0, 1.0) if not as_dtype(out.dtype).is_complex else out
