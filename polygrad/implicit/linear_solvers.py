"""Solvers of linear systems: ``solver(matvec, b)`` finds x with matvec(x) = b, over pytrees."""

from collections.abc import Callable
from typing import Any

from polygrad import ops
from polygrad.errors import ConvergenceError, LinearAlgebraError
from polygrad.implicit.vectors import Layout, dot, everywhere, norm, worst
from polygrad.ops.linalg import pinv, solve
from polygrad.transforms.branches import some
from polygrad.transforms.vmap import vmap

Matvec = Callable[[Any], Any]
LinearSolver = Callable[[Matvec, Any], Any]


def dense(matvec: Matvec, b: Any) -> Any:
    """Solve matvec(x) = b by writing the matrix down and eliminating.

    Costs n products (as one batch) and n^3 operations for n unknowns; the choice for up to
    about a thousand. Raises LinearAlgebraError for a singular matrix.

    >>> pg.implicit.dense(lambda x: 2.0 * x, pg.asarray([1.0, 4.0]))
    Array([0.5, 2. ], dtype=float64, device=cpu)
    """
    layout = Layout("dense", "b", b)
    vector = layout.ravel(b)
    rows = ops.eye(layout.size, dtype=layout.dtype, device=vector.device)
    columns = vmap(layout.lift(matvec, "the answer of matvec"))(rows)
    return layout.unravel(solve(columns.mT, vector))


def cg(matvec: Matvec, b: Any, *, tol: float | None = None, max_steps: int | None = None) -> Any:
    """Solve matvec(x) = b by conjugate gradients, for a Hermitian positive definite matvec.

    Stops when the residual is at most ``tol`` times b in length (eps^(2/3) of the data type by
    default); ``max_steps`` is 10 n by default. Raises ConvergenceError after that many, and
    LinearAlgebraError when matvec is not positive definite. Hestenes and Stiefel, 1952.

    >>> pg.implicit.cg(lambda x: 2.0 * x, pg.asarray([1.0, 4.0]))
    Array([0.5, 2. ], dtype=float64, device=cpu)
    """
    layout = Layout("cg", "b", b)
    product = layout.lift(matvec, "the answer of matvec")
    r = layout.ravel(b)
    x, p, rr = ops.zeros_like(r), r, ops.real(dot(r, r)) if r.dtype.is_complex else dot(r, r)
    goal = (layout.tolerance(tol) * norm(r)) ** 2
    steps = 10 * layout.size if max_steps is None else max_steps
    for _ in range(steps):
        active = rr > goal  # examples of a vmap that are done stay as they are
        if not some(active):
            break
        q = product(p)
        curvature = dot(p, q)
        curvature = ops.real(curvature) if curvature.dtype.is_complex else curvature
        if some(ops.logical_and(active, curvature <= 0)):
            raise LinearAlgebraError(
                "cg: matvec is not positive definite (p . A p is not positive); use "
                "pg.implicit.gmres or pg.implicit.dense"
            )
        one = ops.ones_like(curvature)
        alpha = ops.where(active, rr / ops.where(active, curvature, one), ops.zeros_like(rr))
        x, r = x + alpha * p, r - alpha * q
        old, rr = rr, ops.real(dot(r, r)) if r.dtype.is_complex else dot(r, r)
        p = r + ops.where(active, rr / ops.where(active, old, one), ops.zeros_like(rr)) * p
    if not everywhere(rr <= goal):
        raise _not_converged("cg", steps, ops.sqrt(rr), ops.sqrt(goal))
    return layout.unravel(x)


def gmres(
    matvec: Matvec,
    b: Any,
    *,
    tol: float | None = None,
    restart: int = 20,
    max_steps: int | None = None,
) -> Any:
    """Solve matvec(x) = b by the generalised minimal residual method, for any regular matvec.

    Each cycle makes ``restart`` products and keeps as many vectors; cycles follow until the
    residual is at most ``tol`` times b in length (eps^(2/3) of the data type by default).
    Raises ConvergenceError after ``max_steps`` products (10 n, at least 200, by default). Saad
    and Schultz, 1986.

    >>> a = pg.asarray([[0.0, 1.0], [-2.0, 0.0]])
    >>> x = pg.implicit.gmres(lambda x: a @ x, pg.asarray([1.0, 4.0]))
    >>> bool(pg.all(pg.abs(a @ x - pg.asarray([1.0, 4.0])) < 1e-8))
    True
    """
    layout = Layout("gmres", "b", b)
    product = layout.lift(matvec, "the answer of matvec")
    vector = layout.ravel(b)
    goal = layout.tolerance(tol) * norm(vector)
    steps = max(200, 10 * layout.size) if max_steps is None else max_steps
    x, r, length = ops.zeros_like(vector), vector, norm(vector)
    used, size = 0, max(1, min(restart, layout.size))
    while some(length > goal) and used < steps:
        x = x + _cycle(product, r, length, size)
        used += size
        r = vector - product(x)
        length = norm(r)
    if not everywhere(length <= goal):
        raise _not_converged("gmres", used, length, goal)
    return layout.unravel(x)


def _cycle(product: Matvec, r: Any, length: Any, size: int) -> Any:
    """The correction in the space of r, A r, ... that leaves the shortest residual."""
    tiny = float(ops.finfo(length.dtype).smallest_normal) ** 0.5
    zero, one = ops.zeros_like(length), ops.ones_like(length)

    def unit(w: Any, n: Any) -> Any:
        return w * ops.where(n > tiny, one / ops.where(n > tiny, n, one), zero)

    basis, columns = [unit(r, length)], []
    for _ in range(size):
        w = product(basis[-1])
        start, column = norm(w), []
        for v in basis:  # modified Gram-Schmidt
            h = dot(v, w)
            column.append(h)
            w = w - h * v
        n = norm(w)
        # Nothing but rounding is left: the space holds the solution already.
        n = ops.where(n > 10 * ops.finfo(n.dtype).eps * start, n, zero)
        basis.append(unit(w, n))
        column.append(ops.astype(n, w.dtype))
        column += [ops.zeros_like(column[0])] * (size + 1 - len(column))
        columns.append(ops.stack(column))
    hessenberg = ops.stack(columns, axis=1)
    coefficients = pinv(hessenberg)[:, 0] * length
    return ops.stack(basis[:-1], axis=1) @ coefficients


def _not_converged(name: str, steps: int, residual: Any, goal: Any) -> ConvergenceError:
    return ConvergenceError(
        f"{name}: not converged after {steps} steps: the residual{worst(residual)} is above"
        f"{worst(goal) or ' the tolerance'}; raise max_steps or tol, or check that matvec is "
        "regular (and, for cg, Hermitian and positive definite)"
    )
