"""Stand-ins for NumPy's functions that write into an array they are given."""

import math
from typing import Any

from polygrad import ops
from polygrad.dtypes import as_dtype
from polygrad.errors import ArgumentValueError
from polygrad.numpy_functions.table import array, as_mask, check_casting, numpy_function, target
from polygrad.ops.datatypes import is_scalar
from polygrad.ops.manipulation import normalise_axis

_MODES = ("raise", "wrap", "clip")


def _repeated(values: Any, count: int) -> Any:
    """The values in one axis, from the start again where there are fewer than ``count``."""
    flat = ops.reshape(values, (-1,))
    if flat.shape[0] in (1, count):
        return flat
    return ops.take(flat, ops.arange(count, device=flat.device) % flat.shape[0])


@numpy_function("copyto")
def copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    """numpy.copyto."""
    given, number = src, is_scalar(src)
    dst, src = target("numpy.copyto", dst), array(src)
    source, wanted = as_dtype(src.dtype), as_dtype(dst.dtype)
    if number and as_dtype(ops.result_type(dst, given)) == wanted:
        source = wanted  # Python's numbers are of the data type that they meet
    check_casting("numpy.copyto", source, wanted, casting)
    if as_dtype(src.dtype).is_complex and not wanted.is_complex:
        src = ops.real(src)
    src = ops.astype(src, wanted, copy=False)
    if where is not True:
        src = ops.where(as_mask(where), src, dst)
    dst[...] = src


@numpy_function("put")
def put(a: Any, ind: Any, v: Any, mode: str = "raise") -> None:
    """numpy.put."""
    a, ind, v = target("numpy.put", a), ops.reshape(array(ind), (-1,)), array(v)
    if mode not in _MODES:
        raise ArgumentValueError(f"numpy.put: got mode {mode!r}, expected one of {_MODES}")
    size, count = math.prod(a.shape), ind.shape[0]
    if not count or not math.prod(v.shape):
        return
    if mode == "wrap":
        ind = ind % size
    elif mode == "clip":
        ind = ops.clip(ind, 0, size - 1)
    values = _repeated(v, count)
    values = values[:count]
    a[...] = ops.reshape(ops.index_set(ops.reshape(a, (-1,)), values, ind), tuple(a.shape))


@numpy_function("place")
def place(arr: Any, mask: Any, vals: Any) -> None:
    """numpy.place."""
    arr, mask, vals = target("numpy.place", arr), array(mask), ops.reshape(array(vals), (-1,))
    chosen = ops.reshape(ops.astype(mask, ops.bool), (-1,))
    if not vals.shape[0]:
        if bool(ops.any(chosen)):
            raise ArgumentValueError("numpy.place: got no vals, expected at least one to insert")
        return
    number = ops.cumulative_sum(ops.astype(chosen, ops.int64)) - 1
    found = ops.take(vals, ops.where(chosen, number, ops.zeros_like(number)) % vals.shape[0])
    found = ops.reshape(found, tuple(arr.shape))
    arr[...] = ops.where(ops.reshape(chosen, tuple(arr.shape)), ops.astype(found, arr.dtype), arr)


@numpy_function("putmask")
def putmask(a: Any, mask: Any, values: Any) -> None:
    """numpy.putmask."""
    a, mask, values = target("numpy.putmask", a), array(mask), array(values)
    size = math.prod(a.shape)
    if not math.prod(values.shape):
        return
    found = _repeated(values, size)[:size]
    found = ops.reshape(found, tuple(a.shape)) if found.shape[0] == size else found
    chosen = ops.reshape(ops.astype(mask, ops.bool), tuple(a.shape))
    a[...] = ops.where(chosen, ops.astype(found, a.dtype), a)


@numpy_function("fill_diagonal")
def fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    """numpy.fill_diagonal."""
    a, val = target("numpy.fill_diagonal", a), array(val)
    shape = tuple(a.shape)
    if len(shape) < 2 or (len(shape) > 2 and len(set(shape)) > 1):
        raise ArgumentValueError(
            f"numpy.fill_diagonal: a has shape {shape}, expected two axes, or more of one length"
        )
    size = math.prod(shape)
    end = size if wrap or len(shape) > 2 else shape[1] * shape[1]
    step = 1 + sum(math.prod(shape[:i]) for i in range(1, len(shape)))
    step = shape[1] + 1 if len(shape) == 2 else step
    count = len(range(size)[:end:step])
    if count:
        values = _repeated(val, count)[:count]
        flat = ops.index_set(ops.reshape(a, (-1,)), values, slice(0, end, step))
        a[...] = ops.reshape(flat, shape)


@numpy_function("put_along_axis")
def put_along_axis(arr: Any, indices: Any, values: Any, axis: Any) -> None:
    """numpy.put_along_axis."""
    arr, indices = target("numpy.put_along_axis", arr), array(indices)
    shape = tuple(arr.shape)
    if axis is None:
        flat = ops.index_set(ops.reshape(arr, (-1,)), array(values), indices)
        arr[...] = ops.reshape(flat, shape)
        return
    axis, ndim = normalise_axis("put_along_axis", axis, len(shape)), len(shape)
    if len(indices.shape) != ndim:
        raise ArgumentValueError(
            f"numpy.put_along_axis: indices has {len(indices.shape)} axes, expected {ndim}, as "
            "many as arr"
        )
    key = []
    for i, n in enumerate(shape):
        along = ops.arange(n, device=arr.device)
        alone = tuple(n if j == i else 1 for j in range(ndim))
        key.append(indices if i == axis else ops.reshape(along, alone))
    arr[tuple(key)] = array(values)
