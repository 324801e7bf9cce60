"""Reading and replacing parts of arrays: every index form is one op and its transpose."""

import math
from typing import Any

from polygrad.additions import can_repeat
from polygrad.array import Array, is_array, is_number
from polygrad.backend import SCALAR_TYPES
from polygrad.core.kinds import Linear, unbroadcast
from polygrad.core.op import OpFacts
from polygrad.core.trace import as_number, bind
from polygrad.dtypes import as_dtype, check_range
from polygrad.errors import ArgumentTypeError, AxisError, IndexingError
from polygrad.ops.comparison import where
from polygrad.ops.creation import arange_beside, as_operand, asarray
from polygrad.ops.datatypes import astype
from polygrad.ops.index_batching import getitem_rule, index_set_rule, scatter_rule
from polygrad.ops.manipulation import reshape


class _Slot:
    """Stands in an index for an array, which is an operand of the op."""

    def __repr__(self) -> str:
        return "array"


_SLOT = _Slot()


def _fill(index: tuple[Any, ...], arrays: tuple[Any, ...]) -> tuple[Any, ...]:
    if not arrays:
        return index
    rest = iter(arrays)
    return tuple([next(rest) if part is _SLOT else part for part in index])


def _transpose_getitem(xp: Any, g: Any, x: Any, *arrays: Any, index: Any) -> Any:
    return xp.scatter_add(g, _fill(index, arrays), x.shape)


getitem_op = Linear(
    "getitem",
    _transpose_getitem,
    lambda xp, x, *arrays, index: xp.getitem(x, _fill(index, arrays)),
    batch=getitem_rule(_SLOT),
    facts=OpFacts(view="index", indices=1),
)

scatter_op = Linear(
    "scatter_add",
    lambda xp, g, value, *arrays, index, shape: xp.getitem(g, _fill(index, arrays)),
    lambda xp, value, *arrays, index, shape: xp.scatter_add(value, _fill(index, arrays), shape),
    batch=scatter_rule(_SLOT),
    facts=OpFacts(joins="add", cost=5, indices=1),
)


def _transpose_set(xp: Any, g: Any, x: Any, value: Any, *arrays: Any, index: Any) -> Any:
    key = _fill(index, arrays)
    zero = xp.zeros((), dtype=g.dtype, device=xp.device_of(g))
    written = xp.getitem(g, key)
    if can_repeat(key):
        stands = _stands(xp, written.shape, g, key)
        written = xp.where(stands, written, xp.zeros_like(written))
    return xp.index_set(g, zero, key), unbroadcast(xp, written, value.shape)


def _stands(xp: Any, shape: tuple[int, ...], x: Any, key: Any) -> Any:
    """Whether each write to ``x[key]`` is the last one to its place, as the same op has it."""
    device = xp.device_of(x)
    writes = xp.reshape(xp.arange(math.prod(shape), device=device), shape)
    last = xp.index_set(xp.zeros(x.shape, dtype=writes.dtype, device=device), writes, key)
    return xp.getitem(last, key) == writes


index_set_op = Linear(
    "index_set",
    _transpose_set,
    lambda xp, x, value, *arrays, index: xp.index_set(x, value, _fill(index, arrays)),
    operands=2,
    batch=index_set_rule(_SLOT, getitem_op),
    facts=OpFacts(joins="set", cost=5, indices=2),
)
# With an array in the index; plain slices are left out, for they are many and small.
getitem_op.selects = lambda node: len(node.parents) > 1
index_set_op.selects = lambda node: len(node.parents) > 2


def _parse(x: Any, key: Any, ndim: int | None = None) -> tuple[tuple[Any, ...], list[Any]]:
    """An index as a static tuple with slots, and the arrays that belong in them.

    It is meant for an array of ``ndim`` axes, by default those of ``x``, on the device of ``x``.
    """
    parts = key if isinstance(key, tuple) else (key,)
    index: list[Any] = []
    arrays: list[Any] = []
    used = 0
    for part in parts:
        if part is None or part is Ellipsis:
            index.append(part)
            continue
        used += 1
        if isinstance(part, slice):
            index.append(_plain_slice(part))
        elif type(part) in (int, bool):
            index.append(part)
        elif is_array(part) and type(part) not in SCALAR_TYPES:
            kind = as_dtype(part.dtype).group
            if kind not in ("bool", "signed integer", "unsigned integer"):
                raise IndexingError(
                    f"x[...]: an index array has dtype {part.dtype}, expected integers or bool"
                )
            if kind == "bool":
                used += len(part.shape) - 1
            index.append(_SLOT)
            arrays.append(part)
        elif isinstance(part, list | tuple):  # a tuple within a tuple, as in NumPy
            index.append(_SLOT)
            arrays.append(as_operand(part, x, "an index"))
        elif hasattr(part, "__index__"):
            index.append(part.__index__())
        else:
            raise IndexingError(
                f"x[...]: got {type(part).__name__} in the index, expected integers, slices, "
                "..., None, or arrays of integers or bool"
            )
    if used < (len(x.shape) if ndim is None else ndim) and not arrays and Ellipsis not in index:
        index.append(Ellipsis)  # the standard wants every axis accounted for
    return tuple(index), arrays


def _plain_slice(part: slice) -> slice:
    bounds = [
        None if bound is None else bound if type(bound) is int else bound.__index__()
        for bound in (part.start, part.stop, part.step)
    ]
    return slice(*bounds)


def getitem(x: Any, key: Any, /) -> Any:
    """``x[key]`` for every index of the standard, and for lists and arrays of integers.

    Raises IndexingError for an index that does not fit.

    >>> x = pg.asarray([1.0, 2.0, 3.0])
    >>> pg.grad(lambda x: pg.sum(x[[0, 0, 2]]))(x)
    Array([2., 0., 1.], dtype=float64, device=cpu)
    """
    index, arrays = _parse(x, key)
    return bind(getitem_op, (x, *arrays), {"index": index})


def scatter_add(value: Any, key: Any, /, shape: tuple[int, ...]) -> Any:
    """Zeros of the given shape with ``value`` added at the places ``key`` names.

    Places named several times get the sum. It is the transpose of indexing: ``value`` has the
    shape of ``zeros(shape)[key]``, or broadcasts to it.

    >>> pg.scatter_add(pg.asarray([1.0, 2.0]), [0, 0], (3,))
    Array([3., 0., 0.], dtype=float64, device=cpu)
    """
    index, arrays = _parse(value, key, len(shape))
    return bind(scatter_op, (value, *arrays), {"index": index, "shape": tuple(shape)})


def index_set(x: Any, value: Any, key: Any, /) -> Any:
    """A copy of ``x`` with ``value`` at the places ``key`` names: ``x[key] = value``.

    ``value`` broadcasts and takes the data type of ``x``. Where a place is named several times
    the last value stands, on every device, and the values before it get no gradient.

    >>> pg.index_set(pg.zeros(3), 5.0, 1)
    Array([0., 5., 0.], dtype=float64, device=cpu)
    """
    x = asarray(x) if is_number(x) else x
    dtype = as_dtype(x.dtype)
    value = as_operand(check_range(as_number(value), dtype), x, "x[...] = value")
    if as_dtype(value.dtype) != dtype:
        if as_dtype(value.dtype).is_complex and not dtype.is_complex:
            raise ArgumentTypeError(
                f"x[...] = value: value is {value.dtype} and x is {dtype}, which cannot hold it; "
                "convert x first with pg.astype"
            )
        value = asarray(value, dtype=dtype) if is_number(value) else astype(value, dtype)
    if _is_mask(key) and value.shape == ():
        mask = key if type(key) is Array or is_array(key) else as_operand(key, x, "an index")
        return where(_align(mask, len(x.shape)), value, x)
    index, arrays = _parse(x, key)
    return bind(index_set_op, (x, value, *arrays), {"index": index})


def _is_mask(key: Any) -> bool:
    return is_array(key) and as_dtype(key.dtype).group == "bool"


def _align(mask: Any, ndim: int) -> Any:
    """A mask over the leading axes, with axes of length 1 for the rest."""
    if len(mask.shape) == ndim:
        return mask
    return mask[(..., *(None,) * (ndim - len(mask.shape)))]


def take(x: Any, indices: Any, /, *, axis: int | None = None) -> Any:
    """The elements of ``x`` along ``axis`` at a one-dimensional array of indices.

    ``axis`` may be left out for a one-dimensional array. Repeated indices are allowed; their
    cotangents add. Raises IndexingError where an index is out of range.

    >>> pg.take(pg.asarray([1.0, 2.0, 3.0]), pg.asarray([2, 0]))
    Array([3., 1.], dtype=float64, device=cpu)
    """
    indices = as_operand(indices, x, "take: indices")
    axis = _axis("take", axis, x)
    return getitem(x, (*(slice(None),) * axis, indices))


def take_along_axis(x: Any, indices: Any, /, *, axis: int = -1) -> Any:
    """The elements of ``x`` at one index for each position of the other axes.

    ``indices`` has as many axes as ``x`` and broadcasts with it except along ``axis``.

    >>> x = pg.asarray([[1.0, 2.0], [3.0, 4.0]])
    >>> pg.take_along_axis(x, pg.asarray([[1], [0]]), axis=1)
    Array([[2.],
           [3.]], dtype=float64, device=cpu)
    """
    axis = _axis("take_along_axis", axis, x)
    ndim = len(x.shape)
    if len(indices.shape) != ndim:
        raise IndexingError(
            f"take_along_axis: indices has {len(indices.shape)} axes, expected {ndim}, as many as x"
        )
    key: list[Any] = []
    for i, n in enumerate(x.shape):
        if i == axis:
            key.append(indices)
            continue
        if indices.shape[i] != 1 and n == 1:
            key.append(0 * indices)  # an axis of x that broadcasts
            continue
        shape = tuple(n if j == i else 1 for j in range(ndim))
        key.append(reshape(arange_beside(n, x), shape))
    return getitem(x, tuple(key))


def _axis(name: str, axis: int | None, x: Any) -> int:
    ndim = len(x.shape)
    if axis is None:
        if ndim != 1:
            raise IndexingError(f"{name}: axis is needed for an array with {ndim} axes")
        return 0
    if not -ndim <= axis < ndim:
        raise AxisError(f"{name}: got axis {axis}, expected one of the {ndim} axes of x")
    return axis % ndim
