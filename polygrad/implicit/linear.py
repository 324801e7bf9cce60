"""Linear systems as one op: differentiated through the solution, not through the solver.

For A x = b: A dx = db - dA x forward; in reverse the cotangent of b is u with A^H u = g, and
that of A pulls -u back through A x. Both are linear systems again, solved by the same op.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from polygrad import ops, tree
from polygrad.array import is_array, wrap
from polygrad.core.kinds import General
from polygrad.core.op import OpFacts
from polygrad.core.trace import describe
from polygrad.dtypes import as_dtype
from polygrad.errors import (
    ArgumentTypeError,
    ArgumentValueError,
    ConvergenceError,
    LostGradientError,
    ShapeError,
    UnknownValueError,
)
from polygrad.implicit.linear_solvers import LinearSolver, Matvec, dense
from polygrad.implicit.vectors import Layout, as_array, everywhere, norm, worst
from polygrad.transforms.call import Closed, Flat, bind_function, run_plain
from polygrad.transforms.carry import give_back, shown
from polygrad.transforms.closures import captured
from polygrad.transforms.grad import vjp
from polygrad.transforms.jvp import jvp
from polygrad.transforms.vmap import vmap

METHODS = ("vectorized", "sequential")
Operator = Callable[[tuple[Any, ...]], Flat]  # from parameters to a linear function


class System:
    """A linear system: its operator for given parameters, and how it is solved.

    ``operator(params)`` is the function v -> A v of flat arrays; ``adjoint(params)`` that of
    A^H, derived by `vjp` where it is not given. ``solve(matvec, b)`` finds x, all flat; while
    it runs, ``scope(params)`` makes what it captured stand for the parameters.
    """

    __hash__ = None  # type: ignore[assignment]  # made for a call: no key of a lasting table

    def __init__(
        self,
        operator: Operator,
        solve: Callable[[Flat, tuple[Any, ...]], tuple[Any, ...]],
        scope: Callable[[tuple[Any, ...]], AbstractContextManager[None]],
        adjoint: Operator | None = None,
        adjoint_solve: Any = None,
    ) -> None:
        self.operator, self.solve, self.scope = operator, solve, scope
        self.adjoint = adjoint or self._pulled
        self.adjoint_solve = adjoint_solve or solve

    def _pulled(self, params: tuple[Any, ...]) -> Flat:
        apply = self.operator(params)

        def matvec(*w: Any) -> tuple[Any, ...]:
            # A is square: w has the shapes of v, and A is linear, so any point will do.
            zeros = tuple([ops.zeros_like(x) for x in w])
            return tuple(vjp(lambda v: apply(*v), zeros)[1](w)[0])

        return matvec

    @property
    def transposed(self) -> "System":
        """The system of the adjoint matrix."""
        return System(self.adjoint, self.adjoint_solve, self.scope, self.operator, self.solve)

    def run(self, *flat: Any, count: int) -> tuple[Any, ...]:
        """The solution for the first ``count`` arrays as b and the rest as parameters."""
        with self.scope(flat[count:]):
            return self.solve(self.operator(flat[count:]), flat[:count])

    def batched(self, flags: Sequence[bool], method: str) -> "System":
        """The systems of all examples of a vmap; ``flags`` tells which parameters differ."""
        return _BatchedSystem(self, tuple(flags), method)


class _BatchedSystem(System):
    """Many systems at once: each example has its own solution, found by its own solver run."""

    def __init__(self, one: System, flags: tuple[bool, ...], method: str) -> None:
        self._one, self._axes = one, tuple([0 if yes else None for yes in flags])
        self._flags, self._method = flags, method
        self.operator = self._all(one.operator)
        self.adjoint = self._all(one.adjoint)

    def _all(self, operator: Operator) -> Operator:
        def apply(params: tuple[Any, ...], v: tuple[Any, ...]) -> tuple[Any, ...]:
            return operator(params)(*v)

        if not self._axes:
            return lambda params: lambda *v: vmap(lambda v: apply((), v))(v)
        mapped = vmap(apply, in_axes=(self._axes, 0))
        return lambda params: lambda *v: mapped(tuple(params), v)

    @property
    def transposed(self) -> System:
        return _BatchedSystem(self._one.transposed, self._flags, self._method)

    def run(self, *flat: Any, count: int) -> tuple[Any, ...]:
        axes = (0,) * count + self._axes

        def run(*one: Any) -> tuple[Any, ...]:
            return self._one.run(*one, count=count)

        return each(run, axes, flat, self._method, "linear_solve")


def each(
    run: Flat, axes: Sequence[int | None], flat: Sequence[Any], method: str, name: str
) -> tuple[Any, ...]:
    """``run`` on every example: inside a vmap, or one after the other."""
    if method == "vectorized":
        try:
            return tuple(vmap(run, in_axes=tuple(axes))(*flat))
        except (LostGradientError, UnknownValueError) as error:
            raise type(error)(
                f"{name}: inside vmap the solver runs on all examples at once, and it takes its "
                "arrays for plain data; write it with polygrad's functions, or pass "
                f"vmap_method='sequential' to run it once for each example ({error})"
            ) from error
    arrays = [wrap(x) for x in flat]
    size = next(x.shape[0] for x, axis in zip(flat, axes, strict=True) if axis == 0)
    rows = [
        run(*[x if axis is None else x[i, ...] for x, axis in zip(arrays, axes, strict=True)])
        for i in range(size)
    ]
    return tuple([ops.stack(list(column)) for column in zip(*rows, strict=True)])


def _forward(xp: Any, *operands: Any, system: System, count: int, method: str) -> Any:
    def run(*flat: Any) -> tuple[Any, ...]:
        return system.run(*flat, count=count)

    return run_plain("linear_solve", run, operands)


def _pull(
    xp: Any, g: Any, x: Any, *operands: Any, system: System, count: int, method: str
) -> Sequence[Any]:
    params = operands[count:]
    u = solve_system(system.transposed, g, params, method)
    found = pull_back(lambda ps: system.operator(ps)(*x), params, u)
    return [*u, *found]


def _push(
    xp: Any, tangents: Any, x: Any, *operands: Any, system: System, count: int, method: str
) -> tuple[Any, ...]:
    params = operands[count:]
    rhs = [
        ops.zeros_like(b) if t is None else t
        for b, t in zip(operands[:count], tangents[:count], strict=True)
    ]
    moved = push_forward(lambda ps: system.operator(ps)(*x), params, tangents[count:])
    if moved is not None:
        rhs = [ops.subtract(a, b) for a, b in zip(rhs, moved, strict=True)]
    return solve_system(system, rhs, params, method)


def pull_back(function: Any, params: Sequence[Any], u: Sequence[Any]) -> list[Any]:
    """The cotangents of the parameters for the cotangent -u of a function of them."""
    if not any(as_dtype(p.dtype).is_inexact for p in params):
        return [None] * len(params)
    minus = tuple([ops.negative(one) for one in u])
    return list(vjp(function, tuple(params))[1](minus)[0])


def push_forward(function: Any, params: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """The tangent of a function of the parameters; None where none moves."""
    if all(t is None for t in tangents):
        return None
    return jvp(function, (tuple(params),), (tuple(tangents),))[1]


def _batch(op: Any, size: int, values: Any, batched: Sequence[bool], params: Any) -> Any:
    count, method = params["count"], params["method"]
    rhs = [
        v if yes else ops.broadcast_to(v, (size, *v.shape))
        for v, yes in zip(values[:count], batched[:count], strict=True)
    ]
    system = params["system"].batched(batched[count:], method)
    return solve_system(system, rhs, values[count:], method)


class SolveOp(General):
    """Solves a linear system; the operands are those of b, then the parameters of the matrix."""

    __slots__ = ()
    kind_facts = OpFacts(python_loop=True)

    def shaped_like(self, count: int, **_: Any) -> range:
        """The operands that the answers are like."""
        return range(count)


solve_op = SolveOp("linear_solve", _pull, _push, _forward, multiple=True, batch=_batch)


def solve_system(
    system: System, b: Sequence[Any], params: Sequence[Any], method: str
) -> tuple[Any, ...]:
    """The solution of a system, as one op."""
    options = {"system": system, "count": len(b), "method": method}
    return bind_function(solve_op, (*b, *params), options)


def checked_solver(
    name: str, solver: LinearSolver, layout: Layout, tol: float | None
) -> Callable[[Flat, tuple[Any, ...]], tuple[Any, ...]]:
    """A solver over pytrees as one of flat arrays; its answer has to solve the system."""

    def solve(matvec: Flat, b: tuple[Any, ...]) -> tuple[Any, ...]:
        def product(v: Any) -> Any:
            # Solvers of other libraries pass their own arrays, and get them back.
            out = tree.unflatten(layout.spec, matvec(*tree.leaves(tree.map(shown, v))))
            return give_back(out, v)

        rhs = tree.unflatten(layout.spec, b)
        x = solver(product, rhs)
        vector = layout.ravel(fitted(x, b, layout, name), "what the solver returned")
        x = layout.unravel(vector)
        if tol is not None:
            goal = layout.ravel(rhs)
            gap, size = norm(layout.ravel(product(x)) - goal), norm(goal)
            if not everywhere(gap <= tol * size):
                raise ConvergenceError(
                    f"{name}: the solver's answer does not solve the system: the residual"
                    f"{worst(gap)} is above {tol:g} times the right-hand side{worst(size)}; the "
                    "matrix may be singular, or the solver may ignore the matvec that it is given "
                    "(then pass transpose_solve too); tol=None skips this check"
                )
        return tuple(tree.leaves(x))

    return solve


def fitted(x: Any, like: Sequence[Any], layout: Any, name: str) -> Any:
    """What a solver returned, beside the arrays that it got: of their library and data type."""
    leaves, spec = tree.flatten(x)
    tree.check_same(spec, layout.spec, f"{name}: what the solver returned", "its argument")
    found = []
    for leaf, other in zip(leaves, like, strict=True):
        if not is_array(leaf) and type(leaf) not in (int, float, complex):
            raise ArgumentTypeError(
                f"{name}: the solver returned {describe(leaf)}, expected arrays like those that it "
                "got"
            )
        place = ops.device_of(other)
        leaf = ops.asarray(leaf, device=place) if not is_array(leaf) else shown(leaf)
        if leaf.device != place and leaf._trace.level == 0:
            leaf = ops.to_device(leaf, place)
        if leaf.dtype != other.dtype and (other.dtype.is_complex or not leaf.dtype.is_complex):
            leaf = ops.astype(leaf, other.dtype)
        found.append(leaf)
    return tree.unflatten(spec, found)


def check_method(name: str, method: str) -> None:
    """Raise ArgumentValueError for what is no way to run a solver inside vmap."""
    if method not in METHODS:
        raise ArgumentValueError(
            f"{name}: vmap_method is {method!r}, expected 'vectorized' or 'sequential'"
        )


def linear_solve(
    a: Any,
    b: Any,
    solve: LinearSolver = dense,
    *,
    transpose_solve: LinearSolver | None = None,
    symmetric: bool = False,
    tol: float | None = 1e-3,
    vmap_method: str = "vectorized",
) -> Any:
    """The x with a(x) = b, differentiated through the solution and not through the solver.

    ``a`` is a matrix, or a linear function of pytrees shaped like ``b``, which may use tracked
    arrays. ``solve(matvec, b)`` finds x by any means: `dense`, `cg`, `gmres`, or a function of
    yours, which is called on untracked arrays and need not be differentiable (SciPy's solvers
    will do, with host arrays). A derivative is another solve: with the same matvec forward, with
    its adjoint (found by `vjp`; ``a`` itself if ``symmetric``, that is, Hermitian) backward, by
    ``transpose_solve`` if that is given.

    The answer is checked: ConvergenceError where the residual is above ``tol`` times b in
    length (None: no check). Inside `vmap` the solver runs on all examples at once;
    ``vmap_method="sequential"`` runs it once for each. Raises LinearAlgebraError for a singular
    matrix, as far as the solver sees it.

    >>> a = pg.asarray([[2.0, 1.0], [1.0, 3.0]])
    >>> b = pg.asarray([1.0, 2.0])
    >>> pg.implicit.linear_solve(a, b, pg.implicit.cg, symmetric=True)
    Array([0.2, 0.6], dtype=float64, device=cpu)
    >>> pg.grad(lambda s: pg.sum(pg.implicit.linear_solve(lambda x: s * x, b)))(2.0)
    -0.75
    """
    check_method("linear_solve", vmap_method)
    matvec: Matvec = a
    if is_array(a):
        if len(a.shape) != 2 or a.shape[0] != a.shape[1]:
            raise ShapeError(f"linear_solve: a is {describe(a)}, expected a square matrix")
        matrix = shown(a)

        def matvec(v: Any) -> Any:
            return matrix @ v

    elif not callable(a):
        raise ArgumentTypeError(f"linear_solve: a is {describe(a)}, expected a matrix or function")
    layout = Layout("linear_solve", "b", b)
    closed = Closed(
        lambda v: layout.unravel(layout.ravel(matvec(v), "a(x)")),
        (tree.map(as_array, b),),
        captured(matvec, solve, transpose_solve or solve),
    )
    count = len(tree.leaves(b))

    def operator(params: tuple[Any, ...]) -> Flat:
        return lambda *v: closed(*v, *params)

    forward = checked_solver("linear_solve", solve, layout, tol)
    backward = checked_solver("linear_solve", transpose_solve or solve, layout, tol)
    adjoint = operator if symmetric else None
    system = System(operator, forward, closed.standing, adjoint, backward)
    found = solve_system(system, closed.operands[:count], closed.operands[count:], vmap_method)
    return give_back(tree.unflatten(layout.spec, list(map(wrap, found))), b)
