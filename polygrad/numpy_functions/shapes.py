"""Stand-ins for NumPy's functions that rearrange, join and split arrays."""

import math
from collections.abc import Sequence
from typing import Any

from polygrad import ops
from polygrad.errors import ArgumentValueError, IndexingError
from polygrad.numpy_functions.table import array, check_casting, numpy_function
from polygrad.ops import views
from polygrad.ops.manipulation import normalise_axes, normalise_axis


@numpy_function("reshape")
def reshape(a: Any, /, shape: Any = None, order: str = "C", *, newshape: Any = None, copy: Any = None) -> Any:  # fmt: skip # noqa: E501
    """numpy.reshape."""
    wanted = newshape if shape is None else shape
    if not by_columns("reshape", order):
        return views.reshape(array(a), wanted, copy=copy)
    wanted = (wanted,) if isinstance(wanted, int) else tuple(wanted)
    return transpose(ops.reshape(transpose(a), wanted[::-1], copy=True if copy is None else copy))


def by_columns(name: str, order: Any) -> bool:
    """Whether an order of elements is that of Fortran; arrays here are laid out as C's."""
    if order not in ("C", "F", "A", "K", None):
        raise ArgumentValueError(f"numpy.{name}: got order {order!r}, expected C, F, A or K")
    return bool(order == "F")


@numpy_function("ravel")
def ravel(a: Any, order: str = "C") -> Any:
    """numpy.ravel."""
    a = array(a)
    if by_columns("ravel", order) and len(a.shape) > 1:
        return ops.reshape(transpose(a), (-1,))
    return views.reshape(a, (-1,))


@numpy_function("transpose", "permute_dims")
def transpose(a: Any, axes: Any = None) -> Any:
    """numpy.transpose."""
    a = array(a)
    return views.permute_dims(a, tuple(reversed(range(len(a.shape)))) if axes is None else axes)


@numpy_function("matrix_transpose", "linalg.matrix_transpose")
def matrix_transpose(x: Any, /) -> Any:
    """numpy.matrix_transpose."""
    return views.matrix_transpose(array(x))


@numpy_function("swapaxes")
def swapaxes(a: Any, axis1: Any, axis2: Any) -> Any:
    """numpy.swapaxes."""
    a = array(a)
    order = list(range(len(a.shape)))
    i, j = (normalise_axis("swapaxes", axis, len(order)) for axis in (axis1, axis2))
    order[i], order[j] = order[j], order[i]
    return views.permute_dims(a, order)


@numpy_function("moveaxis")
def moveaxis(a: Any, source: Any, destination: Any) -> Any:
    """numpy.moveaxis."""
    return views.moveaxis(array(a), source, destination)


@numpy_function("rollaxis")
def rollaxis(a: Any, axis: Any, start: int = 0) -> Any:
    """numpy.rollaxis."""
    a = array(a)
    n = len(a.shape)
    axis = normalise_axis("rollaxis", axis, n)
    start = start + n if start < 0 else start
    return views.moveaxis(a, axis, start - 1 if start > axis else start)


@numpy_function("expand_dims")
def expand_dims(a: Any, axis: Any) -> Any:
    """numpy.expand_dims."""
    return views.expand_dims(array(a), axis=tuple(axis) if isinstance(axis, list) else axis)


@numpy_function("squeeze")
def squeeze(a: Any, axis: Any = None) -> Any:
    """numpy.squeeze."""
    a = array(a)
    if axis is None:
        axis = tuple(i for i, n in enumerate(a.shape) if n == 1)
    return views.squeeze(a, axis=axis)


@numpy_function("broadcast_to")
def broadcast_to(array_: Any, shape: Any) -> Any:
    """numpy.broadcast_to."""
    return views.broadcast_to(array(array_), shape)


@numpy_function("broadcast_arrays")
def broadcast_arrays(*args: Any) -> Any:
    """numpy.broadcast_arrays."""
    return tuple(views.broadcast_arrays(*map(array, args)))


def _at_least(n: int) -> Any:
    shapes = {1: lambda s: (1,) * (1 - len(s)) + s, 2: lambda s: (1,) * (2 - len(s)) + s}

    def shape(s: tuple[int, ...]) -> tuple[int, ...]:
        if n < 3:
            return shapes[n](s)
        return {0: (1, 1, 1), 1: (1, *s, 1), 2: (*s, 1)}.get(len(s), s)

    def function(*arys: Any) -> Any:
        found = tuple(views.reshape(x, shape(tuple(x.shape))) for x in map(array, arys))
        return found[0] if len(found) == 1 else found

    return function


atleast_1d = numpy_function("atleast_1d")(_at_least(1))
atleast_2d = numpy_function("atleast_2d")(_at_least(2))
atleast_3d = numpy_function("atleast_3d")(_at_least(3))


def _joined(arrays: Any, axis: Any, dtype: Any, casting: str = "same_kind") -> Any:
    parts = [array(x) for x in arrays]
    wanted = dtype if dtype is not None else ops.result_type(*parts) if parts else None
    for part in parts:
        check_casting("numpy.concatenate", part.dtype, wanted, casting)
    return ops.concat([ops.astype(x, wanted, copy=False) for x in parts], axis=axis)


@numpy_function("concatenate", "concat")
def concatenate(arrays: Any, axis: Any = 0, *, dtype: Any = None, casting: str = "same_kind") -> Any:  # fmt: skip # noqa: E501
    """numpy.concatenate."""
    return _joined(arrays, axis, dtype, casting)


@numpy_function("stack")
def stack(arrays: Any, axis: int = 0, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    """numpy.stack."""
    parts = [array(x) for x in arrays]
    wanted = dtype if dtype is not None else ops.result_type(*parts)
    for part in parts:
        check_casting("numpy.stack", part.dtype, wanted, casting)
    return ops.stack([ops.astype(x, wanted, copy=False) for x in parts], axis=axis)


@numpy_function("vstack", "row_stack")
def vstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    """numpy.vstack."""
    return _joined([atleast_2d(x) for x in tup], 0, dtype, casting)


@numpy_function("hstack")
def hstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    """numpy.hstack."""
    parts = [atleast_1d(x) for x in tup]
    return _joined(parts, 0 if len(parts[0].shape) == 1 else 1, dtype, casting)


@numpy_function("dstack")
def dstack(tup: Any) -> Any:
    """numpy.dstack."""
    return _joined([atleast_3d(x) for x in tup], 2, None)


@numpy_function("column_stack")
def column_stack(tup: Any) -> Any:
    """numpy.column_stack."""
    parts = [array(x) for x in tup]
    return _joined([ops.reshape(x, (-1, 1)) if len(x.shape) < 2 else x for x in parts], 1, None)


@numpy_function("block")
def block(arrays: Any) -> Any:
    """numpy.block."""

    def depth(part: Any) -> int:
        return 1 + max(map(depth, part)) if isinstance(part, list) else 0

    levels = depth(arrays)

    def leaves(part: Any) -> int:
        if isinstance(part, list):
            return max(map(leaves, part))
        return len(array(part).shape)

    ndim = max(levels, leaves(arrays))

    def join(part: Any, level: int) -> Any:
        if not isinstance(part, list):
            x = array(part)
            return ops.reshape(x, (1,) * (ndim - len(x.shape)) + tuple(x.shape))
        return _joined([join(p, level - 1) for p in part], -level, None)

    return join(arrays, levels)


@numpy_function("append")
def append(arr: Any, values: Any, axis: Any = None) -> Any:
    """numpy.append."""
    return _joined([arr, values], axis, None)


@numpy_function("insert")
def insert(arr: Any, obj: Any, values: Any, axis: Any = None) -> Any:
    """numpy.insert."""
    arr, values = array(arr), array(values)
    if axis is None:
        arr, axis = ravel(arr), 0
    ndim = len(arr.shape)
    axis = normalise_axis("insert", axis, ndim)
    n = arr.shape[axis]
    places, single = _places(obj, n, n + 1)
    values = ops.reshape(values, (1,) * (ndim - len(values.shape)) + tuple(values.shape))
    if single:
        values = ops.moveaxis(values, 0, axis)
    width = values.shape[axis] if len(places) == 1 else len(places)
    shape = tuple(width if i == axis else m for i, m in enumerate(arr.shape))
    added = ops.astype(ops.broadcast_to(values, shape), arr.dtype)
    places = places * width if len(places) == 1 else places
    # Where each element of the result comes from: the array, or behind it what is added.
    order = sorted([(i, 1, i) for i in range(n)] + [(p, 0, n + j) for j, p in enumerate(places)])
    source = ops.asarray([where for _, _, where in order], dtype=ops.int64, device=arr.device)
    return ops.take(ops.concat([arr, added], axis=axis), source, axis=axis)


def _places(obj: Any, n: int, stop: int) -> tuple[list[int], bool]:
    """The places that NumPy's ``obj`` names along an axis, and whether it is one number."""
    if isinstance(obj, slice):
        return list(range(n)[obj]), False
    given = obj.tolist() if hasattr(obj, "tolist") else obj
    if not isinstance(given, list | tuple):
        given = [given]
        single = True
    else:
        single = False
        if given and all(type(i) is bool for i in given):
            given = [i for i, chosen in enumerate(given) if chosen]
    found = [int(i) + n if int(i) < 0 else int(i) for i in given]
    if any(not 0 <= i < stop for i in found):
        raise IndexingError(f"got the place {obj!r} along an axis of {n} elements")
    return found, single


@numpy_function("delete")
def delete(arr: Any, obj: Any, axis: Any = None) -> Any:
    """numpy.delete."""
    arr = array(arr)
    if axis is None:
        arr, axis = ravel(arr), 0
    axis = normalise_axis("delete", axis, len(arr.shape))
    n = arr.shape[axis]
    gone = set(_places(obj, n, n)[0])
    keep = [i for i in range(n) if i not in gone]
    return arr[(*(slice(None),) * axis, keep, ...)]


@numpy_function("array_split")
def array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """numpy.array_split."""
    ary = array(ary)
    axis = normalise_axis("split", axis, len(ary.shape))
    n = ary.shape[axis]
    if isinstance(indices_or_sections, int):
        size, more = divmod(n, indices_or_sections)
        lengths = [size + (i < more) for i in range(indices_or_sections)]
        cuts = [sum(lengths[:i]) for i in range(1, indices_or_sections)]
    else:
        given = indices_or_sections
        cuts = [int(i) for i in (given.tolist() if hasattr(given, "tolist") else given)]
    bounds = zip([0, *cuts], [*cuts, n], strict=True)
    front = (slice(None),) * axis
    return [ary[(*front, slice(start, stop), ...)] for start, stop in bounds]


@numpy_function("split")
def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """numpy.split."""
    n = array(ary).shape[axis]
    if isinstance(indices_or_sections, int) and n % indices_or_sections:
        raise ArgumentValueError(
            f"numpy.split: {n} elements do not split into {indices_or_sections} equal parts; "
            "use numpy.array_split"
        )
    return array_split(ary, indices_or_sections, axis)


@numpy_function("vsplit")
def vsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """numpy.vsplit."""
    return split(ary, indices_or_sections, 0)


@numpy_function("hsplit")
def hsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """numpy.hsplit."""
    return split(ary, indices_or_sections, 1 if len(array(ary).shape) > 1 else 0)


@numpy_function("dsplit")
def dsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """numpy.dsplit."""
    return split(ary, indices_or_sections, 2)


@numpy_function("unstack")
def unstack(x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
    """numpy.unstack."""
    return views.unstack(array(x), axis=axis)


@numpy_function("flip")
def flip(m: Any, axis: Any = None) -> Any:
    """numpy.flip."""
    return views.flip(array(m), axis=axis)


@numpy_function("fliplr")
def fliplr(m: Any) -> Any:
    """numpy.fliplr."""
    return views.flip(array(m), axis=1)


@numpy_function("flipud")
def flipud(m: Any) -> Any:
    """numpy.flipud."""
    return views.flip(array(m), axis=0)


@numpy_function("rot90")
def rot90(m: Any, k: int = 1, axes: Sequence[int] = (0, 1)) -> Any:
    """numpy.rot90."""
    m = array(m)[...]
    first, second = normalise_axes("rot90", tuple(axes), len(m.shape))
    for _ in range(k % 4):
        m = views.flip(swapaxes(m, first, second), axis=first)
    return m


@numpy_function("roll")
def roll(a: Any, shift: Any, axis: Any = None) -> Any:
    """numpy.roll."""
    return ops.roll(array(a), shift, axis=axis)


@numpy_function("tile")
def tile(A: Any, reps: Any) -> Any:  # noqa: N803
    """numpy.tile."""
    return ops.tile(array(A), (reps,) if isinstance(reps, int) else tuple(reps))


@numpy_function("repeat")
def repeat(a: Any, repeats: Any, axis: Any = None) -> Any:
    """numpy.repeat."""
    return ops.repeat(array(a), repeats, axis=axis)


@numpy_function("pad")
def pad(array_: Any, pad_width: Any, mode: str = "constant", **options: Any) -> Any:
    """numpy.pad, with the modes of pg.pad."""
    return ops.pad(array(array_), pad_width, mode, **options)


@numpy_function("meshgrid")
def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> Any:
    """numpy.meshgrid."""
    grids = ops.meshgrid(*map(array, xi), indexing=indexing)
    if not sparse:
        return tuple(grids)
    found = []
    for x, whole in zip(map(array, xi), grids, strict=True):
        place = next(i for i, n in enumerate(grids) if n is whole)
        if indexing == "xy" and place < 2 and len(grids) > 1:
            place = 1 - place
        found.append(ops.reshape(x, tuple(-1 if i == place else 1 for i in range(len(grids)))))
    return tuple(found)


@numpy_function("resize")
def resize(a: Any, new_shape: Any) -> Any:
    """numpy.resize."""
    a = ops.reshape(array(a), (-1,))
    shape = (new_shape,) if isinstance(new_shape, int) else tuple(new_shape)
    size = math.prod(shape)
    times = -(-size // a.shape[0])
    return ops.reshape(ops.tile(a, (times,))[:size], shape)
