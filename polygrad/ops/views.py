"""The functions of arrays that return views: the lenses, and which function makes which.

`polygrad` itself, the methods of Array and NumPy's functions return views; within the package
the functions of `polygrad.ops` do not, for what a rule computes is never written to.
"""

import functools
from collections.abc import Callable
from typing import Any

from polygrad.array import Array, is_array
from polygrad.core.trace import bind
from polygrad.core.views import Lens, Strides, c_order, look, reshaped_strides, strides_of
from polygrad.dtypes import as_dtype
from polygrad.errors import ArgumentValueError, PolygradError
from polygrad.ops import arithmetic, indexing, joining, manipulation
from polygrad.ops.checked import RAW, rescued
from polygrad.ops.einsum import _parse as parse_einsum
from polygrad.ops.einsum import einsum as plain_einsum
from polygrad.ops.manipulation import normalise_axes

Shape = tuple[int, ...]


# -- parts by an index ---------------------------------------------------------------------------


def _get_item(base: Array, key: Any) -> Any:
    index, arrays = key
    return bind(indexing.getitem_op, (base, *arrays), {"index": index})


def _put_item(base: Array, new: Array, key: Any) -> Any:
    index, arrays = key
    return bind(indexing.index_set_op, (base, new, *arrays), {"index": index})


def _item_strides(strides: Strides, shape: Shape, key: Any) -> Strides:
    index = key[0]
    found: list[int] = []
    axis = 0
    for part in index:
        if part is None:
            found.append(0)
        elif part is Ellipsis:
            used = sum(p is not None and p is not Ellipsis for p in index)
            rest = len(shape) - used
            found += strides[axis : axis + rest]
            axis += rest
        else:
            if isinstance(part, slice):
                found.append(strides[axis] * (part.step or 1))
            axis += 1
    return (*found, *strides[axis:])


ITEM = Lens("an index", _get_item, _put_item, _item_strides)


def getitem(x: Any, key: Any, /) -> Any:
    if type(x) is not Array and not is_array(x):
        error = TypeError("getitem: the first operand is no array")
        return rescued(getitem, "getitem", (x, key), {}, error)
    index, arrays = indexing._parse(x, key)
    out = bind(indexing.getitem_op, (x, *arrays), {"index": index})
    return _item(out, x, index, arrays) if type(x) is Array else out


getitem.__doc__, getitem.__module__ = indexing.getitem.__doc__, indexing.getitem.__module__


def _item(out: Any, x: Any, index: tuple[Any, ...], arrays: list[Any]) -> Any:
    """``out`` as a view where NumPy's is one: not by arrays, and not one number alone."""
    if x._view is not None and x._view.lens is FLAT:
        return out
    if arrays:
        # A number that is known as an array only: the result of argmax, the counter of a loop.
        if any(type(a) is not Array or a.shape or as_dtype(a.dtype).name == "bool" for a in arrays):
            return out
        arrays = [Array(a._value, a._trace, a._node) for a in arrays]  # as they are now
    if bool in map(type, index) or (not out.shape and Ellipsis not in index):
        return out
    return look(out, x, ITEM, (index, arrays))


# -- the same elements in another shape or order -------------------------------------------------


def _put_shape(base: Array, new: Array, key: Any) -> Any:
    return bind(manipulation.reshape_op, (new,), {"shape": base.shape})


def _shape_strides(strides: Strides, shape: Shape, key: Any) -> Strides:
    found = reshaped_strides(strides, shape, key)
    return c_order(key) if found is None else found  # None: `x.flat`, in whatever order


SHAPE = Lens(
    "reshape",
    lambda base, shape: bind(manipulation.reshape_op, (base,), {"shape": shape}),
    _put_shape,
    _shape_strides,
)


FLAT = SHAPE._replace(name="flat")
"""``x.flat``: unlike other views, parts of it are copies."""


def _reshape(out: Any, x: Array, shape: Any = None, copy: bool | None = None) -> None:
    if copy:
        return
    if x._view is not None and reshaped_strides(strides_of(x), x.shape, out.shape) is None:
        if copy is False:
            raise ArgumentValueError(
                f"reshape: copy=False, but an array of shape {x.shape} that is a view with its "
                f"elements in another order takes a copy to become {out.shape}; pass copy=None"
            )
        return
    look(out, x, SHAPE, out.shape)


def _same_order(out: Any, x: Array, *args: Any, **options: Any) -> None:
    look(out, x, SHAPE, out.shape)


def flat(x: Array) -> Any:
    """``x.flat``: the elements in one axis, a view also where `reshape` copies.

    Parts of it are copies, as of NumPy's: ``x.flat[2:4] = v`` writes, ``y = x.flat[2:4]`` is no
    view.
    """
    out = manipulation.reshape(x, (-1,))
    return look(out, x, FLAT, out.shape)


def _put_order(base: Array, new: Array, axes: Any) -> Any:
    inverse = tuple(sorted(range(len(axes)), key=axes.__getitem__))
    return bind(manipulation.permute_op, (new,), {"axes": inverse})


ORDER = Lens(
    "permute_dims",
    lambda base, axes: bind(manipulation.permute_op, (base,), {"axes": axes}),
    _put_order,
    lambda strides, shape, axes: tuple([strides[axis] for axis in axes]),
)


def _permuted(out: Any, x: Array, axes: Any) -> None:
    look(out, x, ORDER, normalise_axes("permute_dims", tuple(axes), len(x.shape)))


def _matrix_transposed(out: Any, x: Array) -> None:
    *rest, last, final = range(len(x.shape))
    look(out, x, ORDER, (*rest, final, last))


def _moved(out: Any, x: Array, source: Any, destination: Any) -> None:
    look(out, x, ORDER, manipulation.moved_order(len(x.shape), source, destination))


def _flip(x: Any, axes: Any) -> Any:
    return bind(manipulation.flip_op, (x,), {"axis": axes})


def _flipped_strides(strides: Strides, shape: Shape, axes: Any) -> Strides:
    return tuple([-step if i in axes else step for i, step in enumerate(strides)])


FLIP = Lens("flip", _flip, lambda base, new, axes: _flip(new, axes), _flipped_strides)


def _flipped(out: Any, x: Array, *, axis: Any = None) -> None:
    look(out, x, FLIP, normalise_axes("flip", axis, len(x.shape)))


def _unstacked(parts: Any, x: Array, *, axis: int = 0) -> None:
    front = (slice(None),) * (axis % len(x.shape))
    for i, out in enumerate(parts):
        index = (*front, i, ...) if len(x.shape) > 1 else (i,)
        _item(out, x, index, [])


# -- read only -----------------------------------------------------------------------------------


def _broadcast_strides(strides: Strides, shape: Shape, key: Any) -> Strides:
    wide = (1,) * (len(key) - len(shape)) + shape
    steps = (0,) * (len(key) - len(shape)) + strides
    return tuple([0 if n == 1 and m != 1 else s for n, m, s in zip(wide, key, steps, strict=True)])


BROADCAST = Lens(
    "broadcast_to",
    lambda base, shape: bind(manipulation.broadcast_op, (base,), {"shape": shape}),
    None,
    _broadcast_strides,
)


def _broadcast(out: Any, x: Array, shape: Any) -> None:
    look(out, x, BROADCAST, out.shape)


def _broadcast_several(outs: Any, *arrays: Any) -> None:
    alike = len({tuple(out.shape) for out in arrays if hasattr(out, "shape")}) == 1
    for out, x in zip(outs, arrays, strict=True):
        if type(x) is Array and type(out) is Array:
            if alike:
                look(out, x, ITEM, ((...,), []))
            else:
                look(out, x, BROADCAST, out.shape)


def _diagonal_strides(strides: Strides, shape: Shape, key: Any) -> Strides:
    return (*strides[:-2], strides[-2] + strides[-1])


def _get_diagonal(base: Array, offset: Any) -> Any:
    from polygrad.ops.linalg.products import diagonal  # loaded on first use

    return diagonal(base, offset=offset)


DIAGONAL = Lens("diagonal", _get_diagonal, None, _diagonal_strides)


def diagonal(x: Any, /, *, offset: int = 0) -> Any:
    """The diagonal of each matrix, the one ``offset`` places above the main one.

    A negative offset lies below; one outside the matrix gives no elements. Of an Array it is a
    view that is read only. Raises ShapeError for fewer than two axes.

    >>> pg.linalg.diagonal(pg.asarray([[1.0, 2.0], [3.0, 4.0]]))
    Array([1., 4.], dtype=float64, device=cpu)
    """
    out = _get_diagonal(x, offset)
    return look(out, x, DIAGONAL, offset) if type(x) is Array else out


def _put_diagonal(base: Array, new: Array, key: Any) -> Any:
    places = list(range(new.shape[-1]))
    return indexing.index_set(base, new, (..., places, places))


MAIN_DIAGONAL = Lens("einsum", _get_diagonal, _put_diagonal, _diagonal_strides)
"""The diagonal as NumPy's einsum gives it, which may be written."""


def einsum(subscripts: Any, *operands: Any, optimize: Any = "auto") -> Any:
    """See `polygrad.einsum`; one operand of which nothing is added up gives a view."""
    x = operands[0] if len(operands) == 1 else None
    if type(x) is Array and isinstance(subscripts, str):
        (labels,), output = parse_einsum(subscripts, [x.shape])
        if set(labels) == set(output):
            return _rearranged(x, labels, output)
    return plain_einsum(subscripts, *operands, optimize=optimize)


def _rearranged(x: Array, labels: str, output: str) -> Any:
    for label in output:
        while labels.count(label) > 1:
            first = labels.index(label)
            pair = first, labels.index(label, first + 1)
            moved = moveaxis(x, pair, (-2, -1))
            x = look(_get_diagonal(moved, 0), moved, MAIN_DIAGONAL, 0)
            labels = "".join(c for i, c in enumerate(labels) if i not in pair) + label
    if labels == output:
        return x[...]
    return permute_dims(x, [labels.index(label) for label in output])


einsum.__doc__, einsum.__module__ = plain_einsum.__doc__, plain_einsum.__module__


# -- parts of complex numbers ----------------------------------------------------------------------


def _apart(strides: Strides, shape: Shape, key: Any) -> Strides:
    return tuple([2 * step for step in strides])


REAL = Lens(
    "real",
    lambda base, _: bind(arithmetic.real_op, (base,), {}),
    lambda base, new, _: arithmetic.joined(new, arithmetic.imag(base)),
    _apart,
)
IMAG = Lens(
    "imag",
    lambda base, _: bind(arithmetic.imag_op, (base,), {}),
    lambda base, new, _: arithmetic.joined(arithmetic.real(base), new),
    _apart,
)


def _real(out: Any, x: Array) -> None:
    if as_dtype(x.dtype).is_complex:
        look(out, x, REAL, None)
    else:
        look(out, x, ITEM, ((...,), []))


def _imag(out: Any, x: Array) -> None:
    if as_dtype(x.dtype).is_complex:
        look(out, x, IMAG, None)


# -- the functions ---------------------------------------------------------------------------------


def _viewing(function: Callable[..., Any], view: Callable[..., None]) -> Callable[..., Any]:
    """The function, whose result ``view(result, *arguments)`` makes a view of the first one."""

    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        try:
            out = function(*args, **options)
        except PolygradError:
            raise
        except RAW as error:
            return rescued(function, function.__name__, args, options, error)
        if args and type(args[0]) is Array and out is not args[0]:
            view(out, *args, **options)
        return out

    return call


broadcast_to = _viewing(manipulation.broadcast_to, _broadcast)
broadcast_arrays = _viewing(manipulation.broadcast_arrays, _broadcast_several)
expand_dims = _viewing(manipulation.expand_dims, _same_order)
flip = _viewing(manipulation.flip, _flipped)
imag = _viewing(arithmetic.imag, _imag)
matrix_transpose = _viewing(manipulation.matrix_transpose, _matrix_transposed)
moveaxis = _viewing(manipulation.moveaxis, _moved)
permute_dims = _viewing(manipulation.permute_dims, _permuted)
real = _viewing(arithmetic.real, _real)
reshape = _viewing(manipulation.reshape, _reshape)
squeeze = _viewing(manipulation.squeeze, _same_order)
unstack = _viewing(joining.unstack, _unstacked)
