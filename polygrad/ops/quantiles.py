"""Quantiles: the elements that stand at given shares of a sorted array.

The thirteen methods are those of ``numpy.quantile``: nine of Hyndman and Fan, Sample Quantiles in
Statistical Packages, 1996, and lower, higher, midpoint and nearest.
"""

import math
from typing import Any

from polygrad.array import Array, differs_between_examples, is_array, is_number, is_symbolic, wrap
from polygrad.core.trace import PYTHON_SCALARS
from polygrad.dtypes import as_dtype
from polygrad.errors import ArgumentTypeError, ArgumentValueError
from polygrad.ops.arithmetic import ceil, floor, remainder
from polygrad.ops.arithmetic import round as nearest
from polygrad.ops.comparison import isinf, isnan, logical_not, maximum, minimum, where
from polygrad.ops.creation import asarray, full_like, ones_like, zeros_like
from polygrad.ops.datatypes import astype, device_of, stop_gradient
from polygrad.ops.indexing import take_along_axis
from polygrad.ops.manipulation import broadcast_to, moveaxis, normalise_axes, permute_dims, reshape
from polygrad.ops.searching import argsort, sort
from polygrad.ops.statistical import cumulative_sum
from polygrad.ops.statistical import sum as total

# alpha and beta of the methods that place a share on a line, Hyndman and Fan's (5).
_LINES = {
    "interpolated_inverted_cdf": (0.0, 1.0),
    "hazen": (0.5, 0.5),
    "weibull": (0.0, 0.0),
    "median_unbiased": (1 / 3, 1 / 3),
    "normal_unbiased": (3 / 8, 3 / 8),
}
# Those that choose an element and interpolate nothing: integers stay integers.
_STEPS = ("inverted_cdf", "closest_observation", "lower", "higher", "nearest")
_METHODS = ("linear", *_LINES, *_STEPS, "averaged_inverted_cdf", "midpoint")


def _place(method: str, n: Any, q: Any) -> tuple[Any, Any]:
    """The place of the lower element, and how far the quantile is on the way to the next one."""
    if method in ("linear", "lower", "higher", "nearest", "midpoint"):
        place = (n - 1) * q
        if method == "lower":
            place = floor(place)
        elif method == "higher":
            place = ceil(place)
        elif method == "nearest":
            place = nearest(place)
        elif method == "midpoint":
            place = (floor(place) + ceil(place)) / 2
    elif method in _LINES:
        alpha, beta = _LINES[method]
        place = n * q + (alpha + q * (1 - alpha - beta)) - 1
    else:
        place = n * q - (1.5 if method == "closest_observation" else 1.0)
    low = stop_gradient(floor(place))
    step = place - low
    if method == "inverted_cdf":
        low, step = low + astype(step > 0, low.dtype), zeros_like(step)
    elif method == "closest_observation":
        stays = (step == 0) & (remainder(low, 2) == 1)
        low, step = where(stays, low, low + 1), zeros_like(step)
    elif method == "averaged_inverted_cdf":
        step = where(step == 0, zeros_like(step) + 0.5, ones_like(step))
    elif method == "midpoint" or method in _STEPS:
        step = stop_gradient(step)
    return low, step


def _known(x: Any) -> bool:
    return not is_symbolic(x) and not differs_between_examples(x)


def _levels(name: str, q: Any, like: Any) -> Any:
    """The shares as an array of floating-point numbers where ``like`` is, each from 0 to 1."""
    if not is_array(q):
        q = asarray(q, device=device_of(like))
        q = q if type(like) is Array else q._value
    if not as_dtype(q.dtype).is_inexact:
        q = astype(q, "float64")
    if as_dtype(q.dtype).is_complex:
        raise ArgumentTypeError(f"{name}: got q of {q.dtype}, expected real numbers")
    if _known(q):
        fixed = wrap(stop_gradient(q))
        bad = logical_not((fixed >= 0) & (fixed <= 1))
        wrong = [
            v
            for v, b in zip(
                reshape(fixed, (-1,)).tolist(), reshape(bad, (-1,)).tolist(), strict=True
            )
            if b
        ]
        if wrong:
            raise ArgumentValueError(f"{name}: got q = {wrong[0]}, expected 0 to 1")
    return q


def _rows(name: str, x: Any, axis: Any) -> tuple[Any, tuple[int, ...], tuple[int, ...]]:
    """``x`` with the axes to reduce as one at the end, the shape of the rest, and that kept."""
    shape = tuple(x.shape)
    axes = normalise_axes(name, axis, len(shape))
    rest = [i for i in range(len(shape)) if i not in axes]
    length = math.prod(shape[i] for i in axes)
    if length == 0:
        raise ArgumentValueError(f"{name}: got shape {shape}, which has nothing along the axes")
    lengths = tuple(shape[i] for i in rest)
    kept = tuple(1 if i in axes else n for i, n in enumerate(shape))
    return reshape(permute_dims(x, (*rest, *axes)), (*lengths, length)), lengths, kept


def _taken(rows: Any, low: Any, last: Any) -> Any:
    """The elements at places that are brought inside of the rows, as a new axis at the end."""
    low = astype(minimum(maximum(low, zeros_like(low)), last), "int64")
    wanted = (*rows.shape[:-1], low.shape[-1])
    return take_along_axis(rows, broadcast_to(low, wanted), axis=-1)


def find(name: str, x: Any, q: Any, axis: Any, method: str, keepdims: bool, weights: Any, skip: bool) -> Any:  # fmt: skip # noqa: E501
    """The quantiles for `quantile` and `nanquantile`, which leaves nan out by ``skip``."""
    if method not in _METHODS:
        raise ArgumentValueError(
            f"{name}: got method {method!r}, expected one of {', '.join(map(repr, _METHODS))}"
        )
    weak = type(q) in PYTHON_SCALARS or is_number(q)
    source = as_dtype(x.dtype)
    if source.is_complex:
        raise ArgumentTypeError(f"{name}: got {source}, expected real numbers, which have an order")
    if source.group == "bool" or (not source.is_inexact and method not in _STEPS):
        x = astype(x, "float64")
    q = _levels(name, q, x)
    flat = reshape(q, (-1,))
    rows, lengths, kept = _rows(name, x, axis)
    dtype = as_dtype(x.dtype)
    if weights is not None:
        out = _weighted(name, rows, weights, flat, x, axis, method, skip)
    else:
        n = rows.shape[-1]
        if dtype.is_inexact:
            missing = isnan(rows)
            number = n - total(astype(missing, flat.dtype), axis=-1, keepdims=True)
        else:
            number = zeros_like(flat[:1]) + n
        ordered = sort(rows)  # nan at the end
        count = number if skip else zeros_like(flat[:1]) + n
        low, step = _place(method, count, flat)
        last = count - 1
        if method == "linear":  # at the last element the slope by q is that on its left
            at_end = (low >= last) & (last > 0)
            low, step = where(at_end, last - 1, low), where(at_end, step + 1, step)
        below, above = _taken(ordered, low, last), _taken(ordered, low + 1, last)
        if method in _STEPS:
            out = below
        else:
            share = astype(step, dtype, copy=False) if weak else step
            apart = above - below
            still = isinf(apart) & ((share == 0) | (share == 1))  # nothing to weigh by 0
            apart = where(still, zeros_like(apart), apart)
            apart = where(below == above, zeros_like(apart), apart)
            out = where(
                broadcast_to(share < 0.5, tuple(apart.shape)),
                below + apart * share,
                above - apart * (1 - share),
            )
        if dtype.is_inexact:
            lost = (number <= 0) if skip else (number < n)
            out = where(broadcast_to(lost, tuple(out.shape)), zeros_like(out) + math.nan, out)
    return reshape(moveaxis(out, -1, 0), (*q.shape, *(kept if keepdims else lengths)))


def _weighted(
    name: str, rows: Any, weights: Any, q: Any, x: Any, axis: Any, method: str, skip: bool
) -> Any:
    """The first element at which the share of the weights up to it reaches ``q``."""
    if method != "inverted_cdf":
        raise ArgumentValueError(
            f"{name}: got weights with method {method!r}, expected method='inverted_cdf'"
        )
    if tuple(weights.shape) != tuple(x.shape):
        places = normalise_axes(name, axis, len(x.shape))
        if tuple(weights.shape) != tuple(x.shape[i] for i in places):
            raise ArgumentValueError(
                f"{name}: got weights of shape {tuple(weights.shape)} for {tuple(x.shape)}, "
                "expected that shape, or the lengths along the axis"
            )
        lengths = tuple(n if i in places else 1 for i, n in enumerate(x.shape))
        weights = broadcast_to(reshape(weights, lengths), tuple(x.shape))
    w, _, _ = _rows(name, stop_gradient(weights), axis)
    w = astype(w, "float64", copy=False)
    if _known(w) and bool(wrap(total(astype(w < 0, "int64"))).item()):
        raise ArgumentValueError(f"{name}: got a weight below 0, expected weights of 0 or more")
    if as_dtype(rows.dtype).is_inexact:
        missing = isnan(rows)
        if skip:
            w = where(missing, zeros_like(w), w)
    order = argsort(stop_gradient(rows), axis=-1)
    ordered = take_along_axis(rows, order, axis=-1)
    running = cumulative_sum(take_along_axis(w, order, axis=-1), axis=-1)
    share = running / running[..., -1:]
    share = share[..., None, :]
    level = stop_gradient(q)[:, None]
    reached = (share < level) | (share <= 0)
    place = total(astype(reached, "int64"), axis=-1)
    last = full_like(place, rows.shape[-1] - 1)
    out = _taken(ordered, place, last)
    if as_dtype(rows.dtype).is_inexact and not skip:
        lost = total(astype(missing, "int64"), axis=-1, keepdims=True) > 0
        out = where(broadcast_to(lost, tuple(out.shape)), zeros_like(out) + math.nan, out)
    return out


def quantile(
    x: Any, q: Any, /, *, axis: Any = None, method: str = "linear", keepdims: bool = False,
    weights: Any = None,
) -> Any:  # fmt: skip
    """The ``q``-th quantile over the given axes (all by default), as in ``numpy.quantile``.

    ``q`` is a number or an array, from 0 to 1: its axes come first in the result. ``method`` is
    one of NumPy's thirteen; ``weights`` go with "inverted_cdf". A nan among the elements makes
    the result nan. The gradient goes to the elements that the result is made of and, where it
    lies between two, to ``q``: the slope of the line between them, on the right where q is at an
    element. Data types as NumPy has them: an array ``q`` promotes, a Python number does not.
    Raises ArgumentValueError for a ``q`` outside of 0 to 1, save while jit traces.

    >>> x = pg.asarray([1.0, 2.0, 3.0, 4.0])
    >>> pg.quantile(x, 0.5).item(), pg.grad(lambda q: pg.quantile(x, q))(0.3)
    (2.5, 3.0)
    """
    return find("quantile", x, q, axis, method, keepdims, weights, False)


def nanquantile(
    x: Any, q: Any, /, *, axis: Any = None, method: str = "linear", keepdims: bool = False,
    weights: Any = None,
) -> Any:  # fmt: skip
    """The ``q``-th quantile over the axes of the elements that are not nan, as in NumPy.

    Arguments as for `quantile`. The result is nan where no element is left.

    >>> pg.nanquantile(pg.asarray([1.0, pg.nan, 3.0]), 0.5).item()
    2.0
    """
    return find("nanquantile", x, q, axis, method, keepdims, weights, True)


def median(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Any:
    """The median over the given axes (all by default): the mean of the middle one or two.

    >>> pg.median(pg.asarray([1.0, 5.0, 2.0])).item()
    2.0
    """
    return quantile(x, 0.5, axis=axis, method="midpoint", keepdims=keepdims)


def nanmedian(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Any:
    """The median over the axes of the elements that are not nan.

    >>> pg.nanmedian(pg.asarray([1.0, pg.nan, 3.0])).item()
    2.0
    """
    return nanquantile(x, 0.5, axis=axis, keepdims=keepdims)
