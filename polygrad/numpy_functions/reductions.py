"""Stand-ins for NumPy's reductions: sums, means, extremes, order statistics, norms."""

import math
from typing import Any

from polygrad import ops
from polygrad.array import is_array
from polygrad.dtypes import as_dtype
from polygrad.errors import ArgumentTypeError, ArgumentValueError
from polygrad.numpy_functions.table import array, as_mask, known, masked, numpy_function, together
from polygrad.ops import linalg
from polygrad.ops.datatypes import in_wide
from polygrad.ops.manipulation import normalise_axes, normalise_axis
from polygrad.ops.statistical import deviation


def _cast(x: Any, dtype: Any) -> Any:
    return x if dtype is None else ops.astype(x, dtype)


@numpy_function("sum")
def total(
    a: Any, axis: Any = None, dtype: Any = None, *, keepdims: Any = False, initial: Any = 0,
    where: Any = True,
) -> Any:  # fmt: skip
    """numpy.sum."""
    out = ops.sum(masked(array(a), where, 0), axis=axis, dtype=dtype, keepdims=keepdims)
    return out if type(initial) is int and not initial else out + _start(initial, out)


@numpy_function("prod")
def product(
    a: Any, axis: Any = None, dtype: Any = None, *, keepdims: Any = False, initial: Any = 1,
    where: Any = True,
) -> Any:  # fmt: skip
    """numpy.prod."""
    out = ops.prod(masked(array(a), where, 1), axis=axis, dtype=dtype, keepdims=keepdims)
    return out if type(initial) is int and initial == 1 else out * _start(initial, out)


def _start(initial: Any, out: Any) -> Any:
    return ops.astype(array(initial), out.dtype, copy=False)


@numpy_function("mean")
def mean(a: Any, axis: Any = None, dtype: Any = None, *, keepdims: Any = False, where: Any = True) -> Any:  # fmt: skip # noqa: E501
    """numpy.mean."""
    a = _inexact(_cast(array(a), dtype))
    if where is True:
        return ops.mean(a, axis=axis, keepdims=keepdims)
    return in_wide(
        lambda a: (
            ops.sum(masked(a, where, 0), axis=axis, keepdims=keepdims)
            / _chosen(a, where, axis, keepdims)
        ),
        a,
    )


def _chosen(a: Any, where: Any, axis: Any, keepdims: Any) -> Any:
    mask = ops.broadcast_to(as_mask(where), tuple(a.shape))
    return ops.astype(ops.sum(ops.astype(mask, ops.int64), axis=axis, keepdims=keepdims), _real(a))


def _real(a: Any) -> Any:
    return as_dtype(ops.real(a).dtype) if as_dtype(a.dtype).is_complex else as_dtype(a.dtype)


def _inexact(a: Any) -> Any:
    return a if as_dtype(a.dtype).is_inexact else ops.astype(a, ops.float64)


def spread_dtype(a: Any, dtype: Any) -> Any:
    """``a`` in the data type that a variance is asked for in."""
    if dtype is not None and as_dtype(dtype).is_complex and not as_dtype(a.dtype).is_complex:
        raise ArgumentTypeError(
            f"numpy.var/std of a polygrad array: got dtype {as_dtype(dtype)} for {a.dtype}, "
            "expected a real data type; convert the result with pg.astype"
        )
    return _cast(a, dtype)


def _ddof(ddof: Any, correction: Any) -> Any:
    return ddof if correction is None else correction


@numpy_function("var")
def var(
    a: Any, axis: Any = None, dtype: Any = None, *, ddof: Any = 0, keepdims: Any = False,
    correction: Any = None, mean: Any = None, where: Any = True,
) -> Any:  # fmt: skip
    """numpy.var."""
    n = _ddof(ddof, correction)
    return in_wide(lambda a: _var(a, axis, n, keepdims, mean, where), spread_dtype(array(a), dtype))


def _var(a: Any, axis: Any, n: Any, keepdims: Any, mean: Any, where: Any) -> Any:
    if where is True and mean is None:
        return ops.var(a, axis=axis, correction=n, keepdims=keepdims)
    square = ops.square(ops.abs(a - array(_centre(a, axis, mean, where))))
    spread = ops.sum(masked(square, where, 0), axis=axis, keepdims=keepdims)
    return spread / (_chosen(a, where, axis, keepdims) - n)


@numpy_function("std")
def std(
    a: Any, axis: Any = None, dtype: Any = None, *, ddof: Any = 0, keepdims: Any = False,
    correction: Any = None, mean: Any = None, where: Any = True,
) -> Any:  # fmt: skip
    """numpy.std."""
    n = _ddof(ddof, correction)
    return in_wide(lambda a: _std(a, axis, n, keepdims, mean, where), spread_dtype(array(a), dtype))


def _std(a: Any, axis: Any, n: Any, keepdims: Any, mean: Any, where: Any) -> Any:
    if where is True and mean is None:
        return ops.std(a, axis=axis, correction=n, keepdims=keepdims)
    # Not the square root itself: where all elements are equal its slope is no number.
    apart = masked(a - array(_centre(a, axis, mean, where)), where, 0)
    apart = apart / ops.sqrt(ops.astype(_chosen(a, where, axis, True) - n, _real(a)))
    axes = normalise_axes("std", axis, a.ndim)
    return deviation(apart, _var(a, axis, n, keepdims, mean, where), axes, 1, keepdims)


def _centre(a: Any, axis: Any, mean: Any, where: Any) -> Any:
    if mean is not None:
        return mean
    return ops.sum(masked(a, where, 0), axis=axis, keepdims=True) / _chosen(a, where, axis, True)


def _extreme(reduce: Any, pair: Any) -> Any:
    def function(
        a: Any, axis: Any = None, *, keepdims: Any = False, initial: Any = None, where: Any = True
    ) -> Any:
        a = array(a)
        if where is not True and initial is None:
            raise ArgumentValueError("numpy.max/min with where= needs initial=, too")
        if initial is None:
            return reduce(a, axis=axis, keepdims=keepdims)
        start = _start(initial, a)
        a = a if where is True else ops.where(array(where), a, start)
        lengths = [a.shape[i] for i in normalise_axes("max", axis, len(a.shape))]
        if 0 in lengths:
            kept = ops.sum(a, axis=axis, keepdims=keepdims, dtype=a.dtype)
            return ops.broadcast_to(start, tuple(kept.shape))
        return pair(reduce(a, axis=axis, keepdims=keepdims), start)

    return function


largest = numpy_function("max", "amax")(_extreme(ops.max, ops.maximum))
smallest = numpy_function("min", "amin")(_extreme(ops.min, ops.minimum))


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


@numpy_function("average")
def average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: Any = False) -> Any:  # fmt: skip # noqa: E501
    """numpy.average."""
    a = array(a)
    if weights is None:
        out = mean(a, axis, keepdims=keepdims)
        count = math.prod(a.shape) / max(1, math.prod(out.shape))
        return (out, ops.full_like(out, count)) if returned else out
    a, w = together(a, array(weights), inexact=True)
    if tuple(w.shape) != tuple(a.shape):
        if axis is None:
            raise ArgumentTypeError(
                f"numpy.average: got weights of shape {w.shape} for {a.shape}, expected the axis "
                "that they belong to"
            )
        places = [
            normalise_axis("average", i, len(a.shape))
            for i in ((axis,) if isinstance(axis, int) else axis)
        ]
        if tuple(w.shape) != tuple(a.shape[i] for i in places):
            raise ArgumentValueError(
                f"numpy.average: got weights of shape {w.shape}, expected the lengths of a along "
                f"axis {axis}"
            )
        order = sorted(range(len(places)), key=places.__getitem__)
        w = ops.permute_dims(w, order)
        w = ops.reshape(w, tuple(n if i in places else 1 for i, n in enumerate(a.shape)))
        w = ops.broadcast_to(w, tuple(a.shape))
    size = ops.sum(w, axis=axis, keepdims=keepdims)
    if as_dtype(a.dtype).bits > 16:
        out = ops.sum(a * w, axis=axis, keepdims=keepdims) / size
    else:
        kind, (a, w) = a.dtype, (ops.astype(v, ops.float32) for v in (a, w))
        out = ops.sum(a * w, axis=axis, keepdims=keepdims)
        out = ops.astype(out / ops.sum(w, axis=axis, keepdims=keepdims), kind)
    return (out, size) if returned else out


@numpy_function("cov")
def cov(
    m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: Any = None,
    fweights: Any = None, aweights: Any = None, *, dtype: Any = None,
) -> Any:  # fmt: skip
    """numpy.cov."""
    if ddof is not None and ddof != int(ddof):
        raise ArgumentValueError(f"numpy.cov: got ddof {ddof}, expected an integer")
    rows = together(*(_observations(v, rowvar) for v in (m, y) if v is not None))
    x = ops.concat(rows, axis=0) if len(rows) > 1 else rows[0]
    x = ops.astype(x, ops.result_type(x, ops.float64) if dtype is None else dtype, copy=False)
    less = ddof if ddof is not None else 1 if bias == 0 else 0
    weights = _weights(x, fweights, aweights)
    if weights is None:
        n = x.shape[1] - less
        x = x - ops.mean(x, axis=1, keepdims=True)
        other = x
    else:
        total_weight = ops.sum(weights)
        n = total_weight - less
        if less and aweights is not None:
            squares = ops.sum(weights * ops.astype(array(aweights), weights.dtype))
            n = total_weight - less * squares / total_weight
        shares = ops.astype(weights, x.dtype)
        x = x - ops.sum(x * shares, axis=1, keepdims=True) / ops.sum(shares)
        other = x * shares
        n = ops.where(n > 0, n, ops.zeros_like(n))
    out = ops.matmul(x, ops.conj(ops.matrix_transpose(other)))
    out = out / (
        ops.astype(n, out.dtype) if is_array(n) else ops.full_like(ops.real(out), max(n, 0))
    )
    return ops.reshape(out, ()) if out.shape == (1, 1) else out


def _weights(x: Any, fweights: Any, aweights: Any) -> Any:
    """The product of how often each observation counts and how much it weighs, or None."""
    found = None
    for name, given in (("fweights", fweights), ("aweights", aweights)):
        if given is None:
            continue
        w = array(given)
        if tuple(w.shape) != (x.shape[1],):
            raise ArgumentValueError(
                f"numpy.cov: got {name} of shape {w.shape}, expected ({x.shape[1]},)"
            )
        if known(w) and bool(ops.any(w < 0)):
            raise ArgumentValueError(f"numpy.cov: got {name} below 0")
        if (
            name == "fweights"
            and as_dtype(w.dtype).is_inexact
            and (not known(w) or bool(ops.any(w != ops.round(w))))
        ):
            raise ArgumentTypeError("numpy.cov: got fweights that are no whole numbers")
        w = ops.astype(w, ops.float64, copy=False)
        found = w if found is None else found * w
    return found


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
    out = c / ops.expand_dims(deviation, axis=1) / deviation
    return ops.clip(out, -1.0, 1.0) if not as_dtype(out.dtype).is_complex else out
