"""Products and parts of matrices: cross, outer, diagonal, trace, matrix_power."""

from typing import Any

from polygrad.array import is_array
from polygrad.core.batch import leading
from polygrad.core.kinds import Bilinear, Linear, Nondifferentiable, unbroadcast
from polygrad.core.op import OpFacts
from polygrad.core.trace import bind
from polygrad.dtypes import as_dtype
from polygrad.errors import ArgumentTypeError, ArgumentValueError, DTypeError, ShapeError
from polygrad.ops.arithmetic import multiply
from polygrad.ops.linalg.common import check_array, check_matrix, conjugate, embed
from polygrad.ops.linalg.solving import inv
from polygrad.ops.linear_algebra import matmul
from polygrad.ops.manipulation import broadcast_shapes, expand_dims
from polygrad.ops.statistical import sum as total


def _cross_left(xp: Any, g: Any, _y: Any, _a: Any, b: Any, axis: int) -> Any:
    return unbroadcast(xp, xp.linalg.cross(conjugate(xp, b), g, axis=axis), _a.shape)


def _cross_right(xp: Any, g: Any, _y: Any, a: Any, _b: Any, axis: int) -> Any:
    return unbroadcast(xp, xp.linalg.cross(g, conjugate(xp, a), axis=axis), _b.shape)


cross_op = Bilinear(
    "cross",
    _cross_left,
    _cross_right,
    lambda xp, a, b, axis: xp.linalg.cross(a, b, axis=axis),
    batch=leading,
)


def _check_numeric(name: str, x: Any, argument: str) -> None:
    check_array(name, x, argument)
    if as_dtype(x.dtype).group == "bool":
        raise DTypeError(f"{name}: {argument} has dtype bool, expected numbers; use pg.astype")


def cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """The cross product of three-dimensional vectors along an axis; other axes broadcast.

    ``axis`` is negative, so that it names the same axis of both operands. Raises ShapeError
    where its length is not 3 in both, ArgumentValueError for an axis that is out of range.

    >>> pg.linalg.cross(pg.asarray([1.0, 0.0, 0.0]), pg.asarray([0.0, 1.0, 0.0]))
    Array([0., 0., 1.], dtype=float64, device=cpu)
    """
    _check_numeric("cross", x1, "x1")
    _check_numeric("cross", x2, "x2")
    shapes = tuple(x1.shape), tuple(x2.shape)
    if not -min(len(shape) for shape in shapes) <= axis < 0:
        raise ArgumentValueError(
            f"cross: got axis {axis} for the shapes {shapes[0]} and {shapes[1]}, expected a "
            "negative number that names an axis of both"
        )
    if shapes[0][axis] != 3 or shapes[1][axis] != 3:
        raise ShapeError(
            f"cross: got the shapes {shapes[0]} and {shapes[1]}, expected length 3 along axis "
            f"{axis} in both"
        )
    broadcast_shapes(*shapes)
    return bind(cross_op, (x1, x2), {"axis": axis})


def outer(x1: Any, x2: Any, /) -> Any:
    """The outer product of two vectors: the matrix of all products x1[i] * x2[j].

    Neither is conjugated. Raises ShapeError unless both have one axis.

    >>> pg.linalg.outer(pg.asarray([1.0, 2.0]), pg.asarray([3.0, 4.0]))
    Array([[3., 4.],
           [6., 8.]], dtype=float64, device=cpu)
    """
    _check_numeric("outer", x1, "x1")
    _check_numeric("outer", x2, "x2")
    if len(x1.shape) != 1 or len(x2.shape) != 1:
        raise ShapeError(
            f"outer: got the shapes {tuple(x1.shape)} and {tuple(x2.shape)}, expected vectors "
            "with one axis; write x1[..., :, None] * x2[..., None, :] for stacks of them"
        )
    return multiply(expand_dims(x1, axis=-1), expand_dims(x2, axis=-2))


diagonal_op = Linear(
    "diagonal",
    lambda xp, g, x, offset: embed(xp, g, x.shape[-2], x.shape[-1], offset),
    lambda xp, x, offset: xp.linalg.diagonal(x, offset=offset),
    batch=leading,
    facts=OpFacts(view="diagonal"),
)


def diagonal(x: Any, /, *, offset: int = 0) -> Any:
    """The diagonal of each matrix, the one ``offset`` places above the main one.

    A negative offset lies below; one outside the matrix gives no elements. Raises ShapeError
    for fewer than two axes.

    >>> pg.linalg.diagonal(pg.asarray([[1.0, 2.0], [3.0, 4.0]]))
    Array([1., 4.], dtype=float64, device=cpu)
    """
    check_array("diagonal", x)
    if len(x.shape) < 2:
        raise ShapeError(f"diagonal: got shape {tuple(x.shape)}, expected (..., M, N)")
    rows, columns = x.shape[-2:]
    # Any offset outside gives an empty diagonal; libraries differ on ones far outside.
    offset = max(-rows, min(columns, int(offset)))
    return bind(diagonal_op, (x,), {"offset": offset})


def trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    """The sum of a diagonal of each matrix (see `diagonal`).

    Integers add up in the default integer type unless ``dtype`` says otherwise.

    >>> pg.linalg.trace(pg.asarray([[1.0, 2.0], [3.0, 4.0]])).item()
    5.0
    """
    _check_numeric("trace", x, "x")
    if len(x.shape) < 2:
        raise ShapeError(f"trace: got shape {tuple(x.shape)}, expected (..., M, N)")
    return total(diagonal(x, offset=offset), axis=-1, dtype=dtype)


identity_op = Nondifferentiable(
    "identity_matrices",
    lambda xp, x: xp.zeros_like(x) + xp.eye(x.shape[-1], dtype=x.dtype, device=xp.device_of(x)),
    batch=leading,
)


def matrix_power(x: Any, n: int, /) -> Any:
    """The n-th power of square matrices by repeated squaring.

    A negative ``n`` takes the power of the inverse, 0 gives identity matrices. Raises ShapeError
    for matrices that are not square, LinearAlgebraError for an inverse that does not exist.

    >>> pg.linalg.matrix_power(pg.asarray([[1.0, 1.0], [0.0, 1.0]]), 5)
    Array([[1., 5.],
           [0., 1.]], dtype=float64, device=cpu)
    """
    check_matrix("matrix_power", x, square=True)
    if is_array(n) or not hasattr(n, "__index__"):
        raise ArgumentTypeError(f"matrix_power: n is {type(n).__name__}, expected an integer")
    n = n.__index__()
    if n == 0:
        return bind(identity_op, (x,), {})
    square, result = (inv(x) if n < 0 else x), None
    n = abs(n)
    while True:
        if n & 1:
            result = square if result is None else matmul(result, square)
        n >>= 1
        if not n:
            return result
        square = matmul(square, square)
