"""Manipulation functions: other shapes, orders and combinations of the same elements."""

import math
import operator
from collections.abc import Sequence
from typing import Any

from polygrad.core.batch import by_axis, by_shape, raise_ndim, spread
from polygrad.core.kinds import Linear, unbroadcast
from polygrad.core.op import Op, OpFacts
from polygrad.core.trace import bind
from polygrad.errors import (
    ArgumentTypeError,
    ArgumentValueError,
    AxisError,
    ShapeError,
    UnknownValueError,
)
from polygrad.ops.creation import scalar_beside
from polygrad.ops.datatypes import copy_op, is_scalar
from polygrad.standard import sequence


def _batch_permute(op: Op, size: int, values: list[Any], batched: list[bool], params: Any) -> Any:
    axes = (0, *(axis + 1 for axis in params["axes"]))
    return bind(op, tuple(values), {"axes": axes})


def _batch_broadcast(op: Op, size: int, values: list[Any], batched: list[bool], params: Any) -> Any:
    shape = params["shape"]
    x = raise_ndim(values[0], batched[0], len(shape))
    return bind(op, (x,), {"shape": (size, *shape)})


def _batch_roll(op: Op, size: int, values: list[Any], batched: list[bool], params: Any) -> Any:
    (x,), axis = values, params["axis"]
    if axis is None:  # each example as if it were flat
        flat = bind(
            op, (reshape(x, (size, math.prod(x.shape[1:]))),), {"shift": params["shift"], "axis": 1}
        )
        return reshape(flat, x.shape)
    ndim = len(x.shape) - 1
    axes = axis if isinstance(axis, tuple) else (axis,)
    moved = tuple(a % ndim + 1 for a in axes)
    moved_axis = moved if isinstance(axis, tuple) else moved[0]
    return bind(op, (x,), {"shift": params["shift"], "axis": moved_axis})


reshape_op = Linear(
    "reshape",
    lambda xp, g, x, shape: xp.reshape(g, x.shape),
    batch=by_shape,
    facts=OpFacts(view="reshape"),
)
permute_op = Linear(
    "permute_dims",
    lambda xp, g, x, axes: xp.permute_dims(g, _inverse(axes)),
    batch=_batch_permute,
    facts=OpFacts(view="permute"),
)
matrix_transpose_op = Linear(
    "matrix_transpose",
    lambda xp, g, x: xp.matrix_transpose(g),
    batch=spread,
    facts=OpFacts(view="transpose"),
)
broadcast_op = Linear(
    "broadcast_to",
    lambda xp, g, x, shape: unbroadcast(xp, g, x.shape),
    batch=_batch_broadcast,
    facts=OpFacts(view="broadcast"),
)
flip_op = Linear(
    "flip",
    lambda xp, g, x, axis: xp.flip(g, axis=axis),
    batch=by_axis(),
    facts=OpFacts(view="flip"),
)
roll_op = Linear(
    "roll",
    lambda xp, g, x, shift, axis: xp.roll(
        g, -shift if isinstance(shift, int) else tuple(-s for s in shift), axis=axis
    ),
    batch=_batch_roll,
)
tril_op = Linear(
    "tril", lambda xp, g, x, k: xp.tril(g, k=k), batch=spread, facts=OpFacts(triangle="lower")
)
triu_op = Linear(
    "triu", lambda xp, g, x, k: xp.triu(g, k=k), batch=spread, facts=OpFacts(triangle="upper")
)


def _inverse(axes: tuple[int, ...]) -> tuple[int, ...]:
    inverse = [0] * len(axes)
    for i, axis in enumerate(axes):
        inverse[axis] = i
    return tuple(inverse)


def normalise_axis(name: str, axis: Any, ndim: int) -> int:
    """An axis as a number from 0; raises AxisError for one out of range."""
    if type(axis) is not int:
        try:
            axis = axis.__index__()
        except AttributeError:
            raise ArgumentTypeError(
                f"{name}: got axis {axis!r}, expected an integer or a tuple of them"
            ) from None
    if not -ndim <= axis < ndim:
        choices = f"one from {-ndim} to {ndim - 1}" if ndim else "an array with axes"
        raise AxisError(
            f"{name}: got axis {axis}, out of range for an array with {ndim} axes, expected "
            f"{choices}"
        )
    return axis % ndim


def normalise_axes(name: str, axis: Any, ndim: int) -> tuple[int, ...]:
    """One axis, several or None (all of them) as a tuple of different numbers from 0."""
    if axis is None:
        return tuple(range(ndim))
    if type(axis) is int:
        return (normalise_axis(name, axis, ndim),)
    given = axis if isinstance(axis, tuple | list) else (axis,)
    axes = tuple(normalise_axis(name, one, ndim) for one in given)
    if len(set(axes)) < len(axes):
        raise ArgumentValueError(f"{name}: got axis {axis}, which names an axis twice")
    return axes


def _lengths(name: str, shape: Any) -> tuple[int, ...]:
    if isinstance(shape, int):
        return (shape,)
    try:
        return tuple([operator.index(n) for n in shape])
    except UnknownValueError:
        raise
    except TypeError:
        raise ArgumentTypeError(
            f"{name}: got shape {shape!r}, expected an integer or a tuple of integers"
        ) from None


def reshape(x: Any, /, shape: Any, *, copy: bool | None = None) -> Any:
    """``x`` with another shape and the same elements; one length may be -1.

    ``copy`` True always copies, None may share memory; False raises ArgumentValueError where a
    tracked array would need a copy. Raises ShapeError where the sizes differ.

    >>> pg.reshape(pg.arange(4), (2, -1)).shape
    (2, 2)
    """
    shape = _lengths("reshape", shape)
    size = math.prod(x.shape)
    if -1 in shape:
        rest = -math.prod(shape)
        if shape.count(-1) > 1 or rest == 0 or size % rest:
            raise ShapeError(
                f"reshape: got shape {shape} for an array of shape {tuple(x.shape)}, expected at "
                f"most one -1 and lengths that divide {size}"
            )
        shape = tuple(size // rest if n == -1 else n for n in shape)
    if math.prod(shape) != size:
        raise ShapeError(
            f"reshape: got shape {shape} for an array of shape {tuple(x.shape)}, which has {size} "
            f"elements, not {math.prod(shape)}"
        )
    out = bind(reshape_op, (x,), {"shape": shape})
    return bind(copy_op, (out,), {}) if copy else out


def permute_dims(x: Any, /, axes: Sequence[int]) -> Any:
    """``x`` with its axes in another order.

    >>> pg.permute_dims(pg.zeros((2, 3, 4)), (2, 0, 1)).shape
    (4, 2, 3)
    """
    ndim = len(x.shape)
    order = normalise_axes("permute_dims", tuple(axes), ndim)
    if len(order) != ndim:
        raise ArgumentValueError(
            f"permute_dims: got axes {tuple(axes)}, expected each of the {ndim} axes of x once"
        )
    return bind(permute_op, (x,), {"axes": order})


def matrix_transpose(x: Any, /) -> Any:
    """``x`` with its last two axes exchanged.

    >>> pg.matrix_transpose(pg.zeros((5, 2, 3))).shape
    (5, 3, 2)
    """
    if len(x.shape) < 2:
        raise ShapeError(f"matrix_transpose: got shape {tuple(x.shape)}, expected two axes or more")
    return bind(matrix_transpose_op, (x,), {})


def moveaxis(x: Any, source: Any, destination: Any, /) -> Any:
    """``x`` with the axes ``source`` moved to the places ``destination``.

    >>> pg.moveaxis(pg.zeros((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    return bind(permute_op, (x,), {"axes": moved_order(len(x.shape), source, destination)})


def moved_order(ndim: int, source: Any, destination: Any) -> tuple[int, ...]:
    """The order of the axes that `moveaxis` makes."""
    start = normalise_axes("moveaxis", source, ndim)
    end = normalise_axes("moveaxis", destination, ndim)
    if len(start) != len(end):
        raise ArgumentValueError(
            f"moveaxis: got {len(start)} source and {len(end)} destination axes, expected as many"
        )
    order = [axis for axis in range(ndim) if axis not in start]
    for place, axis in sorted(zip(end, start, strict=True)):
        order.insert(place, axis)
    return tuple(order)


def expand_dims(x: Any, /, axis: Any = 0) -> Any:
    """``x`` with new axes of length 1 at the places ``axis``.

    >>> pg.expand_dims(pg.zeros(3), axis=0).shape
    (1, 3)
    """
    new = axis if isinstance(axis, tuple) else (axis,)
    ndim = len(x.shape) + len(new)
    places = normalise_axes("expand_dims", new, ndim)
    rest = iter(x.shape)
    shape = tuple(1 if i in places else next(rest) for i in range(ndim))
    return bind(reshape_op, (x,), {"shape": shape})


def squeeze(x: Any, /, axis: Any = None) -> Any:
    """``x`` without the given axes, each of which must have length 1 (all such by default).

    >>> pg.squeeze(pg.zeros((1, 3)), axis=0).shape
    (3,)
    """
    if axis is None:
        axes = tuple(i for i, n in enumerate(x.shape) if n == 1)
    else:
        axes = normalise_axes("squeeze", axis, len(x.shape))
    if any(x.shape[i] != 1 for i in axes):
        raise ArgumentValueError(
            f"squeeze: got axis {axis} of shape {tuple(x.shape)}, expected axes of length 1"
        )
    shape = tuple(n for i, n in enumerate(x.shape) if i not in axes)
    return bind(reshape_op, (x,), {"shape": shape})


def flip(x: Any, /, *, axis: Any = None) -> Any:
    """``x`` with the order along the axes reversed (all axes by default).

    >>> pg.flip(pg.arange(3))
    Array([2, 1, 0], dtype=int64, device=cpu)
    """
    return bind(flip_op, (x,), {"axis": normalise_axes("flip", axis, len(x.shape))})


def roll(x: Any, /, shift: Any, *, axis: Any = None) -> Any:
    """``x`` with its elements moved on by ``shift`` places, those at the end to the front.

    Without ``axis`` the array is rolled as if it were flat.

    >>> pg.roll(pg.arange(3), 1)
    Array([2, 0, 1], dtype=int64, device=cpu)
    """
    shift = tuple(shift) if isinstance(shift, tuple | list) else shift
    axis = tuple(axis) if isinstance(axis, list) else axis
    return bind(roll_op, (x,), {"shift": shift, "axis": axis})


def broadcast_to(x: Any, /, shape: Any) -> Any:
    """``x`` repeated to a shape that it broadcasts to.

    >>> pg.broadcast_to(pg.asarray([1.0, 2.0]), (2, 2))
    Array([[1., 2.],
           [1., 2.]], dtype=float64, device=cpu)
    """
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    if broadcast_shapes(tuple(x.shape), shape) != shape:
        raise ShapeError(
            f"broadcast_to: an array of shape {tuple(x.shape)} does not broadcast to {shape}"
        )
    return bind(broadcast_op, (x,), {"shape": shape})


def broadcast_shapes(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that arrays of the given shapes broadcast to together.

    >>> pg.broadcast_shapes((3, 1), (4,))
    (3, 4)
    """
    ndim = max((len(shape) for shape in shapes), default=0)
    out = [1] * ndim
    for shape in shapes:
        for i, n in enumerate(shape, start=ndim - len(shape)):
            if n != 1 and out[i] not in (1, n):
                raise ShapeError(
                    f"broadcast: the shapes {', '.join(map(str, shapes))} could not be broadcast "
                    "together, expected equal lengths or 1 along each axis, counted from the last"
                )
            out[i] = n if n != 1 else out[i]
    return tuple(out)


def broadcast_arrays(*arrays: Any) -> Any:
    """The arrays and numbers, all repeated to the shape they broadcast to together.

    A list; a tuple where the namespace follows the standard of 2025.12 (see `meshgrid`).

    >>> [a.shape for a in pg.broadcast_arrays(pg.zeros((3, 1)), pg.zeros(4))]
    [(3, 4), (3, 4)]
    """
    if any(map(is_scalar, arrays)):
        like = next((x for x in arrays if not is_scalar(x)), arrays[0])
        arrays = tuple(scalar_beside(x, like) for x in arrays)
    shape = broadcast_shapes(*(tuple(x.shape) for x in arrays))
    return sequence(broadcast_to(x, shape) for x in arrays)


def tril(x: Any, /, *, k: int = 0) -> Any:
    """The lower triangle of each matrix, up to its k-th diagonal; zeros elsewhere.

    >>> pg.tril(pg.ones((2, 2)))
    Array([[1., 0.],
           [1., 1.]], dtype=float64, device=cpu)
    """
    return bind(tril_op, (x,), {"k": k})


def triu(x: Any, /, *, k: int = 0) -> Any:
    """The upper triangle of each matrix, from its k-th diagonal; zeros elsewhere.

    >>> pg.triu(pg.ones((2, 2)))
    Array([[1., 1.],
           [0., 1.]], dtype=float64, device=cpu)
    """
    return bind(triu_op, (x,), {"k": k})
