"""Systems with a triangular matrix: half the work of a general one, and no factorisation."""

from typing import Any

from polygrad.core.batch import leading
from polygrad.core.kinds import General, unbroadcast
from polygrad.core.trace import bind
from polygrad.errors import ArgumentTypeError
from polygrad.ops.linalg.common import adjoint, explained
from polygrad.ops.linalg.solving import check_system, stacked
from polygrad.ops.manipulation import expand_dims

_SINGULAR = "there is a zero on the diagonal; add a multiple of the identity"


def _solve(xp: Any, a: Any, b: Any, upper: bool) -> Any:
    """Leading axes broadcast; ``b`` has columns."""
    a, b = stacked(xp, a, b)
    with explained("solve_triangular", _SINGULAR):
        return xp._solve_triangular(a, b, upper)


def _vjp(xp: Any, g: Any, ans: Any, a: Any, _b: Any, upper: bool) -> Any:
    right = _solve(xp, adjoint(xp, a), g, not upper)
    left = -xp.matmul(right, adjoint(xp, ans))
    left = xp.triu(left) if upper else xp.tril(left)  # the other triangle is never read
    return unbroadcast(xp, left, a.shape), unbroadcast(xp, right, _b.shape)


def _jvp(xp: Any, t: Any, ans: Any, a: Any, b: Any, upper: bool) -> Any:
    change = None if t[1] is None else xp.broadcast_to(t[1], ans.shape)
    if t[0] is not None:
        moved = xp.matmul(xp.triu(t[0]) if upper else xp.tril(t[0]), ans)
        change = -moved if change is None else change - moved
    return _solve(xp, a, change, upper)


solve_triangular_op = General("solve_triangular", _vjp, _jvp, _solve, batch=leading)


def solve_triangular(x1: Any, x2: Any, /, *, upper: bool = False) -> Any:
    """The solution X of x1 @ X = x2, for lower triangular x1 of shape (..., N, N).

    With ``upper`` an upper triangular one. The other triangle is not looked at, and has gradient
    zero. ``x2`` is one vector, shape (N,), or matrices of shape (..., N, K); leading axes
    broadcast. Raises ShapeError where the shapes do not fit, LinearAlgebraError for a zero on
    the diagonal (PyTorch, JAX and libraries on GPUs give infinities instead). Derivative: Giles
    2008, 2.3.1.

    >>> low = pg.asarray([[2.0, 0.0], [1.0, 4.0]])
    >>> pg.linalg.solve_triangular(low, pg.asarray([2.0, 9.0]))
    Array([1., 2.], dtype=float64, device=cpu)
    """
    if not isinstance(upper, bool):
        raise ArgumentTypeError(
            f"solve_triangular: upper is {upper!r}, expected True or False: whether x1 is upper "
            "triangular"
        )
    check_system("solve_triangular", x1, x2)
    if len(x2.shape) > 1:
        return bind(solve_triangular_op, (x1, x2), {"upper": upper})
    columns = expand_dims(x2, axis=-1)
    return bind(solve_triangular_op, (x1, columns), {"upper": upper})[..., 0]


def by_op(a: Any, b: Any, upper: bool) -> Any:
    """What rules call as ``xp._solve_triangular`` where values are tracked."""
    return bind(solve_triangular_op, (a, b), {"upper": upper})
