"""Solvers of nonlinear equations: ``solver(f, init)`` finds x with f(x) = 0, or f(x) = x.

They work on pytrees, and under vmap: there each example stops when it is done. Every step reads
from the device whether there has to be another.
"""

from collections.abc import Callable
from typing import Any

from polygrad import ops
from polygrad.errors import ArgumentValueError, ConvergenceError
from polygrad.implicit.linear_solvers import LinearSolver, dense
from polygrad.implicit.vectors import Layout, everywhere, largest, worst
from polygrad.ops.linalg import pinv
from polygrad.transforms.branches import some
from polygrad.transforms.jvp import jvp


def newton(
    f: Callable[[Any], Any],
    init: Any,
    *,
    tol: float | None = None,
    max_steps: int = 50,
    linear_solver: LinearSolver = dense,
) -> Any:
    """Find x with f(x) = 0 by Newton's method, from ``init`` on.

    ``f`` maps a pytree of floating-point arrays to one of the same structure and shapes.
    ``linear_solver(matvec, b)`` solves for the step. It stops when no element of f(x) is above
    ``tol`` (eps^(2/3) of the data type by default), or a step changes x by no more than
    rounding. Raises ConvergenceError after ``max_steps``, LinearAlgebraError where the Jacobian
    is singular. No line search: start close enough.

    >>> pg.implicit.newton(lambda x: x**2 - 2.0, pg.asarray(1.0))
    Array(1.41421356, dtype=float64, device=cpu)
    """
    layout = Layout("newton", "init", init)
    residual = layout.lift(f, "the answer of f")
    x, goal, eps = layout.ravel(init), layout.tolerance(tol), ops.finfo(layout.dtype).eps
    value = residual(x)
    first, done = largest(value), largest(value) <= goal
    for _ in range(max_steps):
        if everywhere(done) or some(ops.isnan(largest(value))):
            break

        def matvec(v: Any, x: Any = x) -> Any:
            return jvp(residual, (x,), (v,))[1]

        move = linear_solver(matvec, value)
        x = ops.where(done, x, x - move)
        value = residual(x)
        size = largest(value)
        # At a pole steps become short too, but there the residual has grown.
        small = size <= goal**0.5 * (1 + first)
        still = ops.logical_and(small, largest(move) <= 4 * eps * largest(x))
        done = ops.logical_or(done, ops.logical_or(size <= goal, still))
    if not everywhere(done):
        raise _not_converged("newton", max_steps, largest(value), goal, "the largest residual")
    return layout.unravel(x)


def fixed_point_iteration(
    f: Callable[[Any], Any], init: Any, *, tol: float | None = None, max_steps: int = 1000
) -> Any:
    """Find x with f(x) = x by applying ``f`` again and again: for contractions.

    ``f`` maps a pytree of floating-point arrays to one of the same structure and shapes. It
    stops when a step changes no element by more than ``tol`` times 1 + the largest element
    (eps^(2/3) of the data type by default). Raises ConvergenceError after ``max_steps``.

    >>> pg.implicit.fixed_point_iteration(pg.cos, pg.asarray(1.0))
    Array(0.73908513, dtype=float64, device=cpu)
    """
    return _iterate("fixed_point_iteration", f, init, tol, max_steps, 0, 1.0)


def anderson(
    f: Callable[[Any], Any],
    init: Any,
    *,
    memory: int = 5,
    damping: float = 1.0,
    tol: float | None = None,
    max_steps: int = 200,
) -> Any:
    """Find x with f(x) = x by Anderson's method: the best combination of the last steps.

    Fewer evaluations of ``f`` than `fixed_point_iteration`, and it also converges for many maps
    that are no contraction. ``memory`` is how many steps are combined, ``damping`` how much of
    f(x) is mixed in (1: all). The rest is as in `fixed_point_iteration`. Walker and Ni, Anderson
    acceleration for fixed-point iterations, 2011.

    >>> pg.implicit.anderson(pg.cos, pg.asarray(1.0))
    Array(0.73908513, dtype=float64, device=cpu)
    """
    if type(memory) is not int or memory < 1:
        raise ArgumentValueError(f"anderson: memory is {memory!r}, expected an integer from 1")
    return _iterate("anderson", f, init, tol, max_steps, memory, damping)


def _iterate(
    name: str,
    f: Callable[[Any], Any],
    init: Any,
    tol: float | None,
    max_steps: int,
    memory: int,
    damping: float,
) -> Any:
    layout = Layout(name, "init", init)
    mapped = layout.lift(f, "the answer of f")
    x, goal = layout.ravel(init), layout.tolerance(tol)
    points: list[Any] = []
    images: list[Any] = []
    done: Any = None
    for _ in range(max_steps):
        image = mapped(x)
        gap = largest(image - x)
        near = gap <= goal * (1 + largest(x))
        done = near if done is None else ops.logical_or(done, near)
        if everywhere(done) or some(ops.isnan(gap)):
            break
        points, images = [*points, x][-memory - 1 :], [*images, image][-memory - 1 :]
        new = image if memory == 0 else _combined(points, images, damping)
        x = ops.where(done, x, new)
    if done is None or not everywhere(done):
        raise _not_converged(name, max_steps, gap, goal, "the largest change")
    return layout.unravel(x)


def _combined(points: list[Any], images: list[Any], damping: float) -> Any:
    """The combination of the last images of which the combined gap is shortest."""
    gaps = [image - x for x, image in zip(points, images, strict=True)]
    x, gap = points[-1], gaps[-1]
    new = x + damping * gap
    if len(gaps) == 1:
        return new
    changes = ops.stack([gap - old for old in gaps[:-1]], axis=1)
    moves = ops.stack([x - old for old in points[:-1]], axis=1)
    # The pseudo-inverse drops directions that the steps have in common up to rounding.
    weights = pinv(changes, rtol=1e3 * float(ops.finfo(gap.dtype).eps)) @ gap
    return new - (moves + damping * changes) @ weights


def _not_converged(name: str, steps: int, size: Any, goal: float, what: str) -> ConvergenceError:
    return ConvergenceError(
        f"{name}: not converged after {steps} steps: {what}{worst(size)} is above {goal:.3g}; "
        "start closer to the solution, raise max_steps or tol, or take another solver"
    )
