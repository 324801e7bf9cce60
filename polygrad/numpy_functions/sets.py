"""Stand-ins for NumPy's sets and sorted orders, its windows, and what gives places in arrays."""

import functools
from collections.abc import Sequence
from typing import Any

from polygrad import ops
from polygrad.core.views import Lens, look
from polygrad.numpy_functions.searching import bin_edges
from polygrad.numpy_functions.shapes import ravel
from polygrad.numpy_functions.table import array, numpy_function


def _distinct(x: Any) -> Any:
    """The distinct elements in order; each gradient goes to the first of its equals."""
    flat = ravel(array(x))
    first = ops.unique_all(ops.stop_gradient(flat)).indices
    return ops.sort(ops.take(flat, first))


def _both(ar1: Any, ar2: Any) -> tuple[Any, Any]:
    a, b = _distinct(ar1), _distinct(ar2)
    dtype = ops.result_type(a, b)
    return ops.astype(a, dtype, copy=False), ops.astype(b, dtype, copy=False)


@numpy_function("union1d")
def union1d(ar1: Any, ar2: Any) -> Any:
    """numpy.union1d."""
    return _distinct(ops.concat(list(_both(ar1, ar2))))


def _kept(x: Any, mask: Any) -> Any:
    places = [i for i, inside in enumerate(mask.tolist()) if inside]
    return ops.take(x, ops.asarray(places, dtype=ops.int64, device=x.device))


@numpy_function("intersect1d")
def intersect1d(
    ar1: Any, ar2: Any, assume_unique: bool = False, return_indices: bool = False
) -> Any:
    """numpy.intersect1d; the gradient goes to the elements of the first."""
    a, b = _both(ar1, ar2)
    found = _kept(a, ops.isin(ops.stop_gradient(a), ops.stop_gradient(b)))
    if not return_indices:
        return found
    places = []
    for given in (ar1, ar2):
        flat, wanted = ops.stop_gradient(ravel(array(given))), ops.stop_gradient(found)
        same = ops.astype(ops.expand_dims(wanted, axis=1) == flat, ops.int64)
        places.append(ops.argmax(same, axis=1))
    return found, places[0], places[1]


@numpy_function("setdiff1d")
def setdiff1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    """numpy.setdiff1d."""
    a = ravel(array(ar1)) if assume_unique else _distinct(ar1)
    inside = ops.isin(ops.stop_gradient(a), ops.stop_gradient(ravel(array(ar2))))
    return _kept(a, ops.logical_not(inside))


@numpy_function("setxor1d")
def setxor1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    """numpy.setxor1d."""
    return ops.sort(ops.concat([setdiff1d(ar1, ar2), setdiff1d(ar2, ar1)]))


for _name in ("unique_all", "unique_counts", "unique_inverse", "unique_values"):
    numpy_function(_name)(
        functools.partial(lambda function, x: function(array(x)), getattr(ops, _name))
    )


@numpy_function("lexsort")
def lexsort(keys: Any, axis: int = -1) -> Any:
    """numpy.lexsort; carries no gradient."""
    rows = [ops.stop_gradient(array(key)) for key in keys]
    order = ops.argsort(rows[0], axis=axis)
    for row in rows[1:]:
        moved = ops.argsort(ops.take_along_axis(row, order, axis=axis), axis=axis, stable=True)
        order = ops.take_along_axis(order, moved, axis=axis)
    return order


@numpy_function("sort_complex")
def sort_complex(a: Any) -> Any:
    """numpy.sort_complex: by the real part, then the imaginary one."""
    a = array(a)
    dtype = "complex64" if a.dtype.name in ("int8", "int16", "uint8", "uint16") else "complex128"
    z = a if ops.isdtype(a.dtype, "complex floating") else ops.astype(a, dtype)
    return ops.take_along_axis(z, lexsort([ops.imag(z), ops.real(z)]), axis=-1)


@numpy_function("lib._stride_tricks_impl.sliding_window_view", "lib.stride_tricks.sliding_window_view")  # fmt: skip # noqa: E501
def sliding_window_view(
    x: Any, window_shape: Any, axis: Any = None, *, subok: bool = False, writeable: bool = False
) -> Any:
    """numpy.lib.stride_tricks.sliding_window_view, read only.

    With ``writeable=True``, too, which SciPy asks for and does not use: a write raises.
    """
    x = array(x)
    out = _windows(x, (window_shape, axis))
    return look(out, x, _WINDOWS, (window_shape, axis))


def _windows(x: Any, key: Any) -> Any:
    window_shape, axis = key
    sizes = [window_shape] if isinstance(window_shape, int) else list(window_shape)
    given: Sequence[int] = range(len(x.shape)) if axis is None else [axis] if isinstance(axis, int) else axis  # fmt: skip # noqa: E501
    ndim = len(x.shape)
    for size, place in zip(sizes, given, strict=True):
        place %= ndim
        steps = ops.arange(x.shape[place] - size + 1, device=x.device)
        index = ops.expand_dims(steps, axis=1) + ops.arange(size, device=x.device)
        x = ops.moveaxis(ops.moveaxis(x, place, -1)[..., index], -2, place)
    return x


def _window_strides(strides: Any, shape: Any, key: Any) -> Any:
    _, axis = key
    given = range(len(shape)) if axis is None else [axis] if isinstance(axis, int) else axis
    return (*strides, *[strides[place] for place in given])


_WINDOWS = Lens("sliding_window_view", _windows, None, _window_strides)


@numpy_function("apply_over_axes")
def apply_over_axes(func: Any, a: Any, axes: Any) -> Any:
    """numpy.apply_over_axes."""
    x = array(a)
    ndim = len(x.shape)
    for axis in [axes] if isinstance(axes, int) else axes:
        found = array(func(x, axis % ndim))
        x = found if len(found.shape) == ndim else ops.expand_dims(found, axis=axis % ndim)
    return x


def _corner(make: Any) -> Any:
    def function(arr: Any, k: int = 0) -> tuple[Any, ...]:
        rows, columns = array(arr).shape[-2:]
        return tuple(ops.nonzero(make(ops.ones((rows, columns), device=array(arr).device), k=k)))

    return function


numpy_function("tril_indices_from")(_corner(ops.tril))
numpy_function("triu_indices_from")(_corner(ops.triu))


@numpy_function("diag_indices_from")
def diag_indices_from(arr: Any) -> tuple[Any, ...]:
    """numpy.diag_indices_from."""
    x = array(arr)
    return (ops.arange(x.shape[0], device=x.device),) * len(x.shape)


@numpy_function("histogram_bin_edges")
def histogram_bin_edges(a: Any, bins: Any = 10, range: Any = None, weights: Any = None) -> Any:  # noqa: A002
    """numpy.histogram_bin_edges for a number of bins or for the edges themselves."""
    if not isinstance(bins, int):
        return array(bins)
    return bin_edges(ravel(array(a)), bins, range)


@numpy_function("array_repr")
def array_repr(arr: Any, max_line_width: Any = None, precision: Any = None, suppress_small: Any = None) -> str:  # fmt: skip # noqa: E501
    """numpy.array_repr."""
    return repr(arr)


@numpy_function("array_str", "array2string")
def array_str(a: Any, *_: Any, **__: Any) -> str:
    """numpy.array_str."""
    return str(a)
