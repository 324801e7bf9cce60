"""Roots and fixed points: differentiated by the implicit function theorem.

Where F(x, p) = 0, the derivative of x with respect to p is -(dF/dx)^-1 dF/dp: one linear system
at the solution, whatever the solver did to find it (Blondel et al., Efficient and Modular
Implicit Differentiation, 2022).
"""

import functools
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from polygrad import ops, tree
from polygrad.array import wrap
from polygrad.core.batch import spread_batch
from polygrad.core.kinds import General
from polygrad.core.op import OpFacts
from polygrad.core.trace import describe
from polygrad.errors import ArgumentTypeError, ConvergenceError
from polygrad.implicit.linear import (
    System,
    check_method,
    checked_solver,
    each,
    fitted,
    pull_back,
    push_forward,
    solve_system,
)
from polygrad.implicit.linear_solvers import LinearSolver, dense
from polygrad.implicit.root_solvers import anderson, newton
from polygrad.implicit.vectors import (
    Layout,
    all_inexact,
    as_array,
    everywhere,
    largest,
    place_of,
    worst,
)
from polygrad.transforms.call import Closed, Flat, bind_function, run_plain
from polygrad.transforms.carry import give_back
from polygrad.transforms.closures import captured
from polygrad.transforms.grad import vjp
from polygrad.transforms.jvp import jvp
from polygrad.transforms.vmap import vmap

Solver = Callable[..., Any]


class Problem:
    """An equation F(x, p) = 0 of flat arrays, its solver, and its linear system at a solution.

    ``find(*flat)`` runs the solver on the arrays of the initial guess and the parameters;
    ``residual(x, params)`` is F. ``guesses`` is the number of arrays of the guess, and ``like``
    whether x has their shapes and data types.
    """

    __hash__ = None  # type: ignore[assignment]  # made for a call: no key of a lasting table

    def __init__(self, find: Flat, residual: Any, system: Any, guesses: int, like: bool) -> None:
        self.find, self.residual, self.guesses, self.like = find, residual, guesses, like
        self.system: Callable[[int], System] = system  # by the number of arrays of x

    def batched(self, flags: Sequence[bool], method: str, name: str) -> "Problem":
        """The problems of all examples of a vmap; ``flags`` tells which operands differ."""
        axes = tuple([0 if yes else None for yes in flags])
        params = axes[self.guesses :]

        def find(*flat: Any) -> tuple[Any, ...]:
            return each(self.find, axes, flat, method, name)

        def residual(x: tuple[Any, ...], p: tuple[Any, ...]) -> tuple[Any, ...]:
            if not params:
                return tuple(vmap(lambda x: self.residual(x, ()))(x))
            return tuple(vmap(self.residual, in_axes=(0, params))(x, p))

        def system(count: int) -> System:
            all_flags = (True,) * count + tuple(flags[self.guesses :])
            return self.system(count).batched(all_flags, method)

        return Problem(find, residual, system, self.guesses, self.like)


def _forward(xp: Any, *operands: Any, problem: Problem, method: str, name: str) -> Any:
    return run_plain(name, problem.find, operands)


def _pull(
    xp: Any, g: Any, x: Any, *operands: Any, problem: Problem, method: str, name: str
) -> Sequence[Any]:
    params = operands[problem.guesses :]
    u = solve_system(problem.system(len(x)).transposed, g, (*x, *params), method)
    found = pull_back(lambda ps: problem.residual(x, ps), params, u)
    return [None] * problem.guesses + found


def _push(
    xp: Any, tangents: Any, x: Any, *operands: Any, problem: Problem, method: str, name: str
) -> Sequence[Any]:
    params = operands[problem.guesses :]
    moved = push_forward(lambda ps: problem.residual(x, ps), params, tangents[problem.guesses :])
    if moved is None:
        return [None] * len(x)
    rhs = [ops.negative(m) for m in moved]
    return solve_system(problem.system(len(x)), rhs, (*x, *params), method)


def _batch(op: Any, size: int, values: Any, batched: Sequence[bool], params: Any) -> Any:
    problem, flags, given = params["problem"], list(batched), list(values)
    if problem.like:
        for i in range(problem.guesses):
            given[i], flags[i] = spread_batch(values[i], batched[i], size), True
    mapped = problem.batched(flags, params["method"], params["name"])
    return bind_function(op, given, {**params, "problem": mapped})


class RootOp(General):
    """Finds x with F(x, p) = 0; the operands are those of the guess, then the parameters."""

    __slots__ = ()
    kind_facts = OpFacts(python_loop=True)

    def shaped_like(self, problem: Problem, name: str, **_: Any) -> range:
        """The operands that the answers are like; raises where only a run would tell."""
        if not problem.like:
            raise ArgumentTypeError(
                f"{name}: inside jit the shape of the answer has to be known before the solver "
                "runs; pass an init of floating-point arrays like the answer (zeros will do, if "
                "the solver ignores it)"
            )
        return range(problem.guesses)


root_op = RootOp("implicit_root", _pull, _push, _forward, multiple=True, batch=_batch)


def _solved(
    name: str,
    f: Callable[..., Any],
    solver: Solver,
    init: Any,
    args: tuple[Any, ...],
    linear_solver: LinearSolver,
    tol: float | None,
    method: str,
) -> Any:
    """The x that ``solver(init, *args)`` finds with f(x, *args) = 0, as one op."""
    functions = {"f": f, "solver": solver, "linear_solver": linear_solver}
    for argument, function in functions.items():
        if not callable(function):
            raise ArgumentTypeError(
                f"{name}: {argument} is {describe(function)}, expected a function"
            )
    check_method(name, method)
    place = place_of(init, args)
    start = ops.stop_gradient(tree.map(lambda leaf: as_array(leaf, place), init))
    like = all_inexact(start)
    # That of x: of the guess, or of what the solver returned when it ran.
    layouts = [Layout(name, "init", start)] if like else []

    def found(guess: Any, *rest: Any) -> Any:
        x = tree.map(lambda leaf: as_array(leaf, place), solver(guess, *rest))
        if like:
            x = fitted(x, tree.leaves(guess), layouts[0], name)
            x = layouts[0].unravel(layouts[0].ravel(x, "what the solver returned"))
        else:
            layouts[:] = [Layout(name, "what the solver returned", x)]
        _check_root(name, layouts[0].ravel(f(x, *rest), "the answer of f"), tol)
        return x

    def at(x: tuple[Any, ...], params: tuple[Any, ...]) -> tuple[Any, ...]:
        layout = layouts[0]
        point = tree.unflatten(layout.spec, list(map(wrap, x)))
        return equation.run(
            lambda *rest: layout.unravel(layout.ravel(f(point, *rest), "the answer of f")), params
        )

    handles = captured(*functions.values())
    search, equation = Closed(found, (start, *args), handles), Closed(f, args, handles)
    if not search.operands:
        return give_back(found(start, *args), (init, args))

    def system(count: int) -> System:
        def operator(flat: tuple[Any, ...]) -> Flat:
            x, params = tuple(flat[:count]), tuple(flat[count:])
            return lambda *v: jvp(lambda x: at(x, params), (x,), (v,))[1]

        def adjoint(flat: tuple[Any, ...]) -> Flat:
            x, params = tuple(flat[:count]), tuple(flat[count:])
            pullback = vjp(lambda x: at(x, params), x)[1]
            return lambda *w: pullback(w)[0]

        def scope(flat: tuple[Any, ...]) -> AbstractContextManager[None]:
            return equation.standing(flat[count + equation.given :])

        solve = checked_solver(name, linear_solver, layouts[0], 1e-3)
        return System(operator, solve, scope, adjoint)

    problem = Problem(search, at, system, search.given - equation.given, like)
    options = {"problem": problem, "method": method, "name": name}
    x = bind_function(root_op, search.operands, options)
    return give_back(tree.unflatten(layouts[0].spec, list(map(wrap, x))), (init, args))


def _check_root(name: str, residual: Any, tol: float | None) -> None:
    size = largest(residual)
    if not everywhere(ops.isfinite(size) if tol is None else size <= tol):
        goal = "not finite" if tol is None else f"above {tol:g}"
        raise ConvergenceError(
            f"{name}: the solver's answer is no solution: the largest element of the residual"
            f"{worst(size)} is {goal}; let it run longer, or start closer"
        )


def root(
    f: Callable[..., Any],
    init: Any,
    *args: Any,
    solver: Callable[[Callable[[Any], Any], Any], Any] = newton,
    linear_solver: LinearSolver = dense,
    tol: float | None = None,
    vmap_method: str = "vectorized",
) -> Any:
    """The x with f(x, *args) = 0, differentiable by the implicit function theorem.

    ``f`` maps a pytree of floating-point arrays like ``init`` to one of the same structure and
    shapes; ``args`` are pytrees, and ``f`` may use other tracked arrays. ``solver(g, init)``
    finds the root of a function of one argument by any means: `newton`, or one of yours, which
    is called once, on untracked arrays, and need not be differentiable. Derivatives with respect
    to ``args`` and to whatever ``f`` uses solve a linear system with the Jacobian of ``f`` at the
    root by ``linear_solver(matvec, b)``: `dense`, `gmres`, or `cg` where it is Hermitian and
    positive definite. ``init`` gets the gradient 0.

    Raises ConvergenceError when the solver fails, or an element of its residual is above
    ``tol`` (None: only if it is not finite), or a derivative's linear system is not solved, and
    LinearAlgebraError for a singular Jacobian. ``vmap_method`` is as in `linear_solve`. For
    complex x, f has to be holomorphic in x.

    >>> root = pg.implicit.root(lambda x, a: x**2 - a, 1.0, 4.0)
    >>> slope = pg.grad(lambda a: pg.implicit.root(lambda x, a: x**2 - a, 1.0, a))(4.0)
    >>> round(root, 9), round(slope, 9)
    (2.0, 0.25)
    """
    return _by_equation("root", f, f, init, args, solver, linear_solver, tol, vmap_method)


def fixed_point(
    f: Callable[..., Any],
    init: Any,
    *args: Any,
    solver: Callable[[Callable[[Any], Any], Any], Any] = anderson,
    linear_solver: LinearSolver = dense,
    tol: float | None = None,
    vmap_method: str = "vectorized",
) -> Any:
    """The x with f(x, *args) = x, differentiable by the implicit function theorem.

    As `root` of f(x) - x, but ``solver(g, init)`` finds a fixed point: `anderson`,
    `fixed_point_iteration`, or one of yours.

    >>> def halve(x, a):  # Heron's way to a square root
    ...     return (x + a / x) / 2
    >>> round(pg.grad(lambda a: pg.implicit.fixed_point(halve, 1.0, a))(4.0), 9)
    0.25
    """
    return _by_equation(
        "fixed_point", f, _gap(f), init, args, solver, linear_solver, tol, vmap_method
    )


def _gap(f: Callable[..., Any]) -> Callable[..., Any]:
    """f(x) - x for a function of pytrees."""

    def gap(x: Any, *args: Any) -> Any:
        image = f(x, *args)
        tree.check_same(tree.flatten(image)[1], tree.flatten(x)[1], "f(x)", "x")
        return tree.map(lambda a, b: as_array(a) - b, image, x)

    return gap


def _by_equation(
    name: str, f: Any, residual: Any, init: Any, args: Any, solver: Any, *options: Any
) -> Any:
    def find(start: Any, *rest: Any) -> Any:
        return solver(lambda x: f(x, *rest), start)

    if not callable(solver):
        raise ArgumentTypeError(f"{name}: solver is {describe(solver)}, expected a function")
    return _solved(name, residual, find, init, args, *options)


def custom_root(
    f: Callable[..., Any],
    *,
    linear_solver: LinearSolver = dense,
    tol: float | None = None,
    vmap_method: str = "vectorized",
) -> Callable[[Solver], Solver]:
    """A decorator that makes a solver of f(x, *args) = 0 differentiable.

    The solver is called as ``solver(init, *args)`` and returns x, of the structure, shapes and
    data types of ``init``; or ``init`` is something else than floating-point arrays (None), and x
    is what the solver makes it. It runs once, on untracked arrays, and need not be
    differentiable. The options and errors are those of `root`.

    >>> @pg.implicit.custom_root(lambda x, a: x**2 - a)
    ... def square_root(init, a):
    ...     return float(a) ** 0.5
    >>> square_root(None, 9.0), pg.grad(square_root, 1)(None, 9.0)
    (3.0, 0.16666666666666666)
    """
    return _decorator("custom_root", f, linear_solver, tol, vmap_method)


def custom_fixed_point(
    f: Callable[..., Any],
    *,
    linear_solver: LinearSolver = dense,
    tol: float | None = None,
    vmap_method: str = "vectorized",
) -> Callable[[Solver], Solver]:
    """A decorator that makes a solver of f(x, *args) = x differentiable; see `custom_root`.

    >>> @pg.implicit.custom_fixed_point(lambda x, a: a * pg.cos(x))
    ... def solver(init, a):
    ...     return pg.implicit.anderson(lambda x: a * pg.cos(x), init)
    >>> round(pg.grad(lambda a: solver(1.0, a))(1.0), 6)
    0.441611
    """
    return _decorator("custom_fixed_point", _gap(f), linear_solver, tol, vmap_method)


def _decorator(
    name: str, residual: Callable[..., Any], linear_solver: Any, tol: Any, method: str
) -> Callable[[Solver], Solver]:
    check_method(name, method)

    def decorate(solver: Solver) -> Solver:
        @functools.wraps(solver)
        def solved(init: Any, *args: Any) -> Any:
            return _solved(name, residual, solver, init, args, linear_solver, tol, method)

        return solved

    return decorate
