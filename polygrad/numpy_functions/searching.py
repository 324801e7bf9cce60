"""Stand-ins for NumPy's sorting, searching, taking and counting."""

import math
from typing import Any

from polygrad import ops
from polygrad.array import Array
from polygrad.dtypes import as_dtype
from polygrad.errors import ArgumentValueError, LostGradientError, ShapeError
from polygrad.numpy_functions.shapes import ravel
from polygrad.numpy_functions.table import array, known, numpy_function, together
from polygrad.ops.manipulation import normalise_axis
from polygrad.ops.sets import UniqueAll


def _along(a: Any, axis: Any) -> tuple[Any, int]:
    a = array(a)
    return (ravel(a), 0) if axis is None else (a, axis)


@numpy_function("sort")
def sort(a: Any, axis: Any = -1, kind: Any = None, *, stable: Any = None) -> Any:
    """numpy.sort."""
    a, axis = _along(a, axis)
    return ops.sort(a, axis=axis)


@numpy_function("partition")
def partition(a: Any, kth: Any, axis: Any = -1, kind: str = "introselect") -> Any:
    """numpy.partition: a full sort, which is one of the orders that partition may give."""
    return sort(a, axis)


@numpy_function("argsort")
def argsort(a: Any, axis: Any = -1, kind: Any = None, *, stable: Any = None) -> Any:
    """numpy.argsort."""
    a, axis = _along(a, axis)
    return ops.argsort(a, axis=axis)


@numpy_function("argpartition")
def argpartition(a: Any, kth: Any, axis: Any = -1, kind: str = "introselect") -> Any:
    """numpy.argpartition, by a full sort."""
    return argsort(a, axis)


@numpy_function("searchsorted")
def searchsorted(a: Any, v: Any, side: str = "left", sorter: Any = None) -> Any:
    """numpy.searchsorted."""
    v = array(v)
    found = ops.searchsorted(array(a), ravel(v), side=side, sorter=sorter)
    return ops.reshape(found, tuple(v.shape))


@numpy_function("digitize")
def digitize(x: Any, bins: Any, right: bool = False) -> Any:
    """numpy.digitize."""
    bins, side = array(bins), "left" if right else "right"
    n = bins.shape[0]
    if n < 2:
        return searchsorted(bins, x, side)
    rising, falling = ops.all(bins[1:] >= bins[:-1]), ops.all(bins[1:] <= bins[:-1])
    if known(bins) and not bool(rising | falling):
        raise ArgumentValueError("numpy.digitize: bins have to increase or to decrease throughout")
    turned = n - searchsorted(ops.flip(bins), x, side)
    return ops.where(rising, searchsorted(bins, x, side), turned)


@numpy_function("nonzero")
def nonzero(a: Any) -> Any:
    """numpy.nonzero."""
    return ops.nonzero(array(a))


@numpy_function("argwhere")
def argwhere(a: Any) -> Any:
    """numpy.argwhere."""
    return ops.stack(ops.nonzero(array(a)), axis=1)


@numpy_function("flatnonzero")
def flatnonzero(a: Any) -> Any:
    """numpy.flatnonzero."""
    return ops.nonzero(ravel(a))[0]


def _nan_place(place: Any, end: float) -> Any:
    def function(a: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
        a = array(a)
        filled = ops.where(ops.isnan(a), ops.full_like(a, end), a)
        return place(filled, axis=axis, keepdims=keepdims)

    return function


nanargmax = numpy_function("nanargmax")(_nan_place(ops.argmax, -math.inf))
nanargmin = numpy_function("nanargmin")(_nan_place(ops.argmin, math.inf))


@numpy_function("take")
def take(a: Any, indices: Any, axis: Any = None, mode: str = "raise") -> Any:
    """numpy.take, with mode "raise", "wrap" or "clip"."""
    a, axis = _along(a, axis)
    axis = normalise_axis("take", axis, len(a.shape))
    indices, n = array(indices), a.shape[axis]
    if mode == "wrap":
        indices = ops.remainder(indices, n)
    elif mode == "clip":
        indices = ops.clip(indices, 0, n - 1)
    return a[(*(slice(None),) * axis, indices, ...)]


@numpy_function("take_along_axis")
def take_along_axis(arr: Any, indices: Any, axis: Any = -1) -> Any:
    """numpy.take_along_axis."""
    arr, axis = _along(arr, axis)
    return ops.take_along_axis(arr, array(indices), axis=axis)


@numpy_function("compress")
def compress(condition: Any, a: Any, axis: Any = None) -> Any:
    """numpy.compress."""
    a, axis = _along(a, axis)
    keep = ops.nonzero(array(condition))[0]
    return take(a, keep, axis)


@numpy_function("extract")
def extract(condition: Any, arr: Any) -> Any:
    """numpy.extract."""
    return take(ravel(arr), ops.nonzero(ravel(condition))[0])


def _unique(values: Any, returned: list[Any]) -> Any:
    return (values, *returned) if returned else values


def _unique_slices(x: Any, axis: Any) -> UniqueAll:
    """The distinct slices along an axis, in the order of their elements."""
    axis = normalise_axis("unique", axis, len(x.shape))
    n = x.shape[axis]
    rows = ops.stop_gradient(ops.moveaxis(x, axis, 0))
    rows = ops.reshape(rows, (n, math.prod(rows.shape[1:])))
    order = ops.arange(n, device=x.device)
    for i in reversed(range(rows.shape[1])):
        order = ops.take(order, ops.argsort(ops.take(rows[:, i], order), stable=True))
    rows = ops.take(rows, order, axis=0)
    new = ops.concat([ops.ones((min(n, 1),), dtype=bool, device=x.device),
                      ops.any(rows[1:, :] != rows[:-1, :], axis=1)])  # fmt: skip
    starts = ops.nonzero(new)[0]
    first = ops.take(order, starts)
    group = ops.cumulative_sum(ops.astype(new, ops.int64)) - 1
    inverse = ops.take(group, ops.argsort(order))
    counts = ops.diff(ops.concat([starts, ops.asarray([n], dtype=starts.dtype, device=x.device)]))
    return UniqueAll(ops.take(x, first, axis=axis), first, inverse, counts)


@numpy_function("unique")
def unique(
    ar: Any, return_index: bool = False, return_inverse: bool = False,
    return_counts: bool = False, axis: Any = None, *, equal_nan: bool = True,
    sorted: bool = True,  # noqa: A002
) -> Any:  # fmt: skip
    """numpy.unique; each gradient goes to the first of its equals."""
    found = ops.unique_all(array(ar)) if axis is None else _unique_slices(array(ar), axis)
    wanted = ((return_index, found.indices), (return_inverse, found.inverse_indices),
              (return_counts, found.counts))  # fmt: skip
    return _unique(found.values, [value for asked, value in wanted if asked])


@numpy_function("isin")
def isin(
    element: Any, test_elements: Any, assume_unique: bool = False, invert: bool = False,
    *, kind: Any = None,
) -> Any:  # fmt: skip
    """numpy.isin."""
    return ops.isin(array(element), array(test_elements), invert=invert)


@numpy_function("bincount")
def bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Any:
    """numpy.bincount, differentiable by the weights."""
    w = None if weights is None else ops.astype(array(weights), ops.float64)
    return ops.bincount(array(x), w, minlength)


def bin_edges(a: Any, bins: int, span: Any) -> Any:
    """The edges of a number of bins: the outer ones are the extremes of ``a``, tracked as it is."""
    if span is None and a.shape[0] == 0:
        span = (0.0, 1.0)
    low, high = together(*((ops.min(a), ops.max(a)) if span is None else span), inexact=True)
    if as_dtype(a.dtype).is_inexact:
        low, high = (ops.astype(v, ops.result_type(v, a) if span is None else a.dtype) for v in (low, high))  # fmt: skip # noqa: E501
    same = low == high
    low, high = ops.where(same, low - 0.5, low), ops.where(same, high + 0.5, high)
    steps = ops.astype(ops.arange(bins + 1, device=a.device), low.dtype) / bins
    inner = low + (high - low) * steps
    return ops.concat([inner[:-1], ops.reshape(high, (1,))])


@numpy_function("histogram")
def histogram(
    a: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None  # noqa: A002
) -> Any:  # fmt: skip
    """numpy.histogram: counts carry no gradient by ``a``, sums of ``weights`` do."""
    if weights is not None:
        weights = array(weights)
        if tuple(weights.shape) != tuple(array(a).shape):
            raise ShapeError(
                f"numpy.histogram: got weights of shape {tuple(weights.shape)} for data of shape "
                f"{tuple(array(a).shape)}, expected the same; broadcast them first"
            )
    a = ravel(a)
    edges = bin_edges(a, bins, range) if isinstance(bins, int) else array(bins)
    places = ops.searchsorted(edges, ops.astype(a, edges.dtype), side="right") - 1
    last = edges.shape[0] - 2
    places = ops.where((places == last + 1) & (a == edges[last + 1]), places * 0 + last, places)
    inside = (places >= 0) & (places <= last)
    kept = ops.where(inside, places, places * 0)
    if weights is None:
        counted = ops.scatter_add(ops.astype(inside, ops.int64), kept, (last + 1,))
    else:
        w = ravel(weights)
        counted = ops.scatter_add(ops.where(inside, w, ops.zeros_like(w)), kept, (last + 1,))
    if density:
        widths = ops.astype(ops.diff(edges), ops.float64)
        counted = counted / widths / ops.sum(counted)
    return counted, edges


# -- functions that write into their first argument ------------------------------------------


def _target(name: str, value: Any) -> Any:
    if type(value) is not Array:
        raise LostGradientError(
            f"numpy.{name} would write an Array into a {type(value).__name__}, which keeps no "
            "gradient; make the target an Array first with pg.asarray"
        )
    return value


@numpy_function("copyto")
def copyto(dst: Any, src: Any, where: Any = True) -> None:
    """numpy.copyto."""
    dst = _target("copyto", dst)
    dst[...] = src if where is True else ops.where(array(where), array(src), dst)


@numpy_function("put_along_axis")
def put_along_axis(arr: Any, indices: Any, values: Any, axis: Any) -> None:
    """numpy.put_along_axis."""
    arr = _target("put_along_axis", arr)
    axis = normalise_axis("put_along_axis", axis, len(arr.shape))
    indices = array(indices)
    key: list[Any] = []
    for i, n in enumerate(indices.shape):
        lengths = tuple(n if j == i else 1 for j in range(len(indices.shape)))
        numbers = ops.arange(n, device=indices.device)
        key.append(indices if i == axis else ops.reshape(numbers, lengths))
    arr[tuple(key)] = values


@numpy_function("put")
def put(a: Any, ind: Any, v: Any) -> None:
    """numpy.put."""
    a = _target("put", a)
    flat = ops.reshape(a, (-1,))
    flat[array(ind)] = array(v)
    a[...] = ops.reshape(flat, tuple(a.shape))


def _write_masked(name: str, a: Any, mask: Any, values: Any, place: Any) -> None:
    """Write ``values``, repeated, where a mask holds; ``place(mask)`` says which goes where."""
    a = _target(name, a)
    values = ops.reshape(ops.astype(array(values), a.dtype), (-1,))
    count = values.shape[0]
    mask = ops.reshape(ops.astype(array(mask), ops.bool), tuple(a.shape))
    if count == 0:
        if bool(ops.any(mask)):
            raise ArgumentValueError(f"numpy.{name}: got no values to write, expected some")
        return
    taken = ops.take(values, place(ops.reshape(mask, (-1,))) % count)
    a[...] = ops.where(mask, ops.reshape(taken, tuple(a.shape)), a)


@numpy_function("putmask")
def putmask(a: Any, /, mask: Any, values: Any) -> None:
    """numpy.putmask: each element gets the value at its own place."""
    _write_masked("putmask", a, mask, values, lambda m: ops.arange(m.shape[0], device=m.device))


@numpy_function("place")
def place(arr: Any, mask: Any, vals: Any) -> None:
    """numpy.place: the elements chosen get one value after the other."""

    def order(m: Any) -> Any:
        return ops.maximum(ops.cumulative_sum(ops.astype(m, ops.int64)) - 1, 0)

    _write_masked("place", arr, mask, vals, order)


@numpy_function("fill_diagonal")
def fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    """numpy.fill_diagonal."""
    a = _target("fill_diagonal", a)
    rows, columns = a.shape[-2:]
    flat = ops.reshape(a, (-1,))
    stop = min(rows, columns) * (columns + 1)
    flat[: min(stop, flat.shape[0]) : columns + 1] = val
    a[...] = ops.reshape(flat, tuple(a.shape))


@numpy_function("apply_along_axis")
def apply_along_axis(func1d: Any, axis: int, arr: Any, *args: Any, **options: Any) -> Any:
    """numpy.apply_along_axis."""
    moved = ops.moveaxis(array(arr), axis, -1)
    shape = tuple(moved.shape[:-1])
    rows = ops.reshape(moved, (-1, moved.shape[-1]))
    found = [array(func1d(row, *args, **options)) for row in ops.unstack(rows)]
    out = ops.reshape(ops.stack(found), (*shape, *found[0].shape))
    width = len(found[0].shape)
    if not width:
        return out
    places = tuple(range(len(shape), len(shape) + width))
    start = normalise_axis("apply_along_axis", axis, len(shape) + 1)
    return ops.moveaxis(out, places, tuple(range(start, start + width)))
