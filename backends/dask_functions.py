"""What Dask does otherwise than the standard, or not at all; lazy like the rest of it.

Linear algebra, transforms and sorting by place run NumPy's function on the axes concerned, each
in one chunk, and leave the other axes in theirs. An index of several arrays, or with an array of
several axes, is one task over the whole array.
"""

import operator
from types import ModuleType
from typing import Any

import dask.array as da
import numpy as np
from dask import delayed

from polygrad.backends.indexing import is_mask, parts_of

# Which axes NumPy's function takes and makes, as in numpy.vectorize.
_LINALG = {
    "cholesky": "(i,j)->(i,j)",
    "det": "(i,j)->()",
    "eigh": "(i,j)->(i),(i,j)",
    "eigvalsh": "(i,j)->(i)",
    "inv": "(i,j)->(i,j)",
    "slogdet": "(i,j)->(),()",
}


def functions(xp: ModuleType) -> dict[str, Any]:
    """The functions to use in place of those in the namespace ``xp``."""
    linalg, fft = _copy(xp.linalg), _copy(xp.fft)
    for name, signature in _LINALG.items():
        setattr(linalg, name, _on_axes(getattr(np.linalg, name), signature))
    linalg.eig = _on_axes(lambda x: np.linalg.eig(_complex(x)), "(i,j)->(i),(i,j)")
    linalg.eigvals = _on_axes(lambda x: np.linalg.eigvals(_complex(x)), "(i,j)->(i)")
    linalg.cross, linalg.solve = _cross, _solve
    linalg.qr, linalg.svd, linalg.svdvals = _qr, _svd, _svdvals
    linalg.diagonal = lambda x, /, *, offset=0: da.diagonal(x, offset, -2, -1)
    for name in ("fft", "ifft", "fftn", "ifftn", "rfft", "irfft"):
        setattr(fft, name, _in_one_chunk(getattr(fft, name)))
    return {
        "getitem": getitem,
        "index_set": index_set,
        "scatter_add": scatter_add,
        "reshape": _reshape,
        "eye": _eye,
        "max": _of_empty(xp.max, np.max),
        "min": _of_empty(xp.min, np.min),
        "searchsorted": _searchsorted,
        "take_along_axis": _take_along_axis,
        "from_dlpack": lambda x, /, *, device=None, copy=None: da.from_array(
            np.from_dlpack(x, copy=copy)
        ),
        "linalg": linalg,
        "fft": fft,
    }


def _copy(module: Any) -> Any:
    copy = ModuleType(module.__name__, module.__doc__)
    vars(copy).update({name: getattr(module, name) for name in dir(module) if name[0] != "_"})
    return copy


# -- indexing ------------------------------------------------------------------------------


def getitem(x: Any, key: Any) -> Any:
    """``x[key]`` for every index; Dask's own takes one array of one axis beside slices."""
    parts = parts_of(key)
    if any(map(is_mask, parts)) or _native(parts, arrays=1):
        return x[key]
    like = [np.zeros(p.shape, np.intp) if isinstance(p, da.Array) else p for p in parts]
    shape = np.broadcast_to(np.int8(0), x.shape)[tuple(like)].shape
    return _in_one_task(operator.getitem, shape, x.dtype, [x], key)


def index_set(x: Any, value: Any, key: Any) -> Any:
    """A copy of ``x`` with ``value`` at ``key``."""
    if getattr(value, "size", 1) == 0:
        return x.copy()
    if _native(parts_of(key), arrays=0):
        return _assigned(x, value, key)
    return _in_one_task(_assigned, x.shape, x.dtype, [x, value], key)


def scatter_add(value: Any, key: Any, shape: tuple[int, ...]) -> Any:
    """Zeros with ``value`` added at ``key``, also where places are named several times."""
    zeros = da.zeros(shape, dtype=value.dtype)
    if value.size == 0:
        return zeros
    if _native(parts_of(key), arrays=0):
        return _assigned(zeros, value, key)
    return _in_one_task(_added, shape, value.dtype, [zeros, value], key)


def _native(parts: Any, arrays: int) -> bool:
    """Whether Dask takes the index, with so many arrays in it, chunk by chunk."""
    found = [part for part in parts if isinstance(part, da.Array)]
    if not found:
        return arrays > 0 or None not in parts
    plain = all(isinstance(part, slice | da.Array) for part in parts)
    return len(found) <= arrays and plain and found[0].ndim == 1


def _assigned(x: Any, value: Any, key: Any) -> Any:
    out = x.copy()
    out[key] = value
    return out


def _added(x: Any, value: Any, key: Any) -> Any:
    out = x.copy()
    np.add.at(out, key, value)
    return out


def _in_one_task(use: Any, shape: Any, dtype: Any, operands: list[Any], key: Any) -> Any:
    """``use(*operands, key)`` on whole arrays, once the result is computed."""

    def run(values: list[Any], parts: list[Any], alone: bool) -> Any:
        values = list(map(np.asarray, values))
        return np.asarray(use(*values, parts[0] if alone else tuple(parts)))

    task = delayed(run)(operands, list(parts_of(key)), not isinstance(key, tuple))
    return da.from_delayed(task, shape, dtype)


# -- other functions -------------------------------------------------------------------------


def _reshape(x: Any, /, shape: tuple[int, ...], *, copy: Any = None) -> Any:
    try:
        return x.reshape(shape)
    except NotImplementedError:  # the chunks do not fit the new shape: one chunk does
        return x.rechunk(-1).reshape(shape)


def _eye(n: int, m: Any = None, /, *, k: int = 0, dtype: Any = None, device: Any = None) -> Any:
    # Dask's own goes wrong where the diagonal misses a chunk.
    rows, columns = da.arange(n), da.arange(n if m is None else m)
    return (rows[:, None] + k == columns).astype(dtype or np.float64)


def _of_empty(function: Any, host: Any) -> Any:
    """An extreme that exists although the array has no elements: the result has none either."""

    def call(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Any:
        if x.size:
            return function(x, axis=axis, keepdims=keepdims)
        return da.from_array(host(np.empty(x.shape, x.dtype), axis=axis, keepdims=keepdims))

    return call


def _searchsorted(x1: Any, x2: Any, /, *, side: Any = "left", sorter: Any = None) -> Any:
    x1 = x1 if sorter is None else x1[sorter]
    return da.searchsorted(x1, x2.reshape(-1), side=side).reshape(x2.shape)


def _take_along_axis(x: Any, indices: Any, /, *, axis: int = -1) -> Any:
    take = _on_axes(lambda a, at: np.take_along_axis(a, at, axis=-1), "(n),(m)->(m)")
    out = take(da.moveaxis(x, axis, -1), da.moveaxis(indices, axis, -1))
    return da.moveaxis(out, -1, axis)


def _in_one_chunk(function: Any) -> Any:
    """A Fourier transform of axes in several chunks, which Dask asks to be put together."""

    def call(x: Any, /, **options: Any) -> Any:
        axes = options.get("axes") or (options["axis"],)
        return function(x.rechunk(dict.fromkeys(axes, -1)), **options)

    return call


def _on_axes(function: Any, signature: str) -> Any:
    """NumPy's function on the axes that the signature names, over chunks of the others."""

    takes = [part.count(",") for part in signature.partition("->")[0].split("),(")]

    def call(*operands: Any, sizes: Any = None, axis: Any = None, **options: Any) -> Any:
        if not all(x.size for x in operands):  # no values to wait for, and no chunks to divide
            out = function(*(np.zeros(x.shape, x.dtype) for x in operands), **options)
            return type(out)(*map(da.asarray, out)) if isinstance(out, tuple) else da.asarray(out)
        # Dask would find the data types with matrices of ones, which are singular.
        small = [
            np.eye(3, dtype=x.dtype) if more else np.ones(3, x.dtype)
            for x, more in zip(operands, takes, strict=True)
        ]
        like = function(*small, **options)
        dtypes = [y.dtype for y in (like if isinstance(like, tuple) else (like,))]
        options = options if axis is None else options | {"axis": axis}
        found = da.apply_gufunc(
            function,
            signature,
            *operands,
            output_dtypes=dtypes if len(dtypes) > 1 else dtypes[0],
            output_sizes=sizes,
            allow_rechunk=True,
            **options,
        )
        return type(like)(*found) if isinstance(like, tuple) else found

    return call


def _complex(x: Any) -> Any:
    return x.astype(np.result_type(x.dtype, np.complex64))


def _cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    return _on_axes(np.linalg.cross, "(i),(i)->(i)")(x1, x2, axis=axis)


def _solve(a: Any, b: Any, /) -> Any:
    if b.ndim == 1:
        return _solve(a, b[:, None])[..., 0]
    return _on_axes(np.linalg.solve, "(i,j),(j,k)->(i,k)")(a, b)


def _tall(x: Any) -> bool:
    """Whether Dask's own algorithms serve: rows in several chunks, each with all columns."""
    return x.ndim == 2 and x.numblocks[0] > 1 == x.numblocks[1]


def _qr(x: Any, /, *, mode: str = "reduced") -> Any:
    i, j = x.shape[-2:]
    if mode == "reduced" and _tall(x):
        return da.linalg.qr(x)
    sizes = {"k": min(i, j) if mode == "reduced" else i}
    return _on_axes(np.linalg.qr, "(i,j)->(i,k),(k,j)")(x, mode=mode, sizes=sizes)


def _svd(x: Any, /, *, full_matrices: bool = True) -> Any:
    i, j = x.shape[-2:]
    if not full_matrices and _tall(x):
        return da.linalg.svd(x, coerce_signs=False)
    sizes = {"k": min(i, j), "m": i if full_matrices else min(i, j)}
    sizes["n"] = j if full_matrices else min(i, j)
    signature = "(i,j)->(i,m),(k),(n,j)"
    return _on_axes(np.linalg.svd, signature)(x, full_matrices=full_matrices, sizes=sizes)


def _svdvals(x: Any, /) -> Any:
    sizes = {"k": min(x.shape[-2:])}
    return _on_axes(np.linalg.svdvals, "(i,j)->(k)")(x, sizes=sizes)
