"""pg.implicit: linear systems, roots and fixed points, and the solvers."""

import functools
import gc
import threading
import weakref
from typing import Any

import array_api_strict
import numpy as np
import pytest
import scipy.optimize
import scipy.sparse.linalg

import polygrad as pg
from polygrad import implicit
from polygrad.errors import (
    ArgumentTypeError,
    ArgumentValueError,
    ConvergenceError,
    DTypeError,
    LinearAlgebraError,
    LostGradientError,
    ShapeError,
    TreeError,
    UnknownValueError,
)
from polygrad.testing import check_grads

DEVICES = ["cpu", "strict:device1"]


@pytest.fixture(autouse=True)
def _strictest() -> Any:
    array_api_strict.set_array_api_strict_flags(boolean_indexing=False, data_dependent_shapes=False)
    yield
    array_api_strict.reset_array_api_strict_flags()


@pytest.fixture(params=DEVICES)
def place(request: Any) -> Any:
    with pg.device(request.param):
        yield request.param


def close(got: Any, expected: Any, tol: float = 1e-8) -> None:
    def one(a: Any, b: Any) -> None:
        a, b = (pg.to_numpy(x) if pg.is_array(x) else x for x in (a, b))
        np.testing.assert_allclose(a, b, rtol=tol, atol=tol)

    pg.tree.map(one, got, expected)


A = [[4.0, 1.0, 0.0], [-1.0, 3.0, 0.5], [0.2, 0.5, 2.0]]
SOLVERS = {"dense": implicit.dense, "cg": implicit.cg, "gmres": implicit.gmres}


def system(name: str) -> tuple[Any, Any, Any]:
    """A solve of a x = b by the solver of that name, and a and b for it."""

    def solve(a: Any, b: Any) -> Any:
        full = (a + a.T) / 2 if name == "cg" else a
        return implicit.linear_solve(lambda x: full @ x, b, SOLVERS[name], symmetric=name == "cg")

    return solve, pg.asarray(A), pg.asarray([1.0, 2.0, 3.0])


def direct(name: str) -> Any:
    return lambda a, b: pg.linalg.solve((a + a.T) / 2 if name == "cg" else a, b)


# -- linear systems ------------------------------------------------------------------------------

TRANSFORMS: dict[str, Any] = {
    "value": lambda f: f,
    "grad": lambda f: pg.grad(lambda a, b: pg.sum(f(a, b) ** 2), (0, 1)),
    "jvp": lambda f: lambda a, b: pg.jvp(f, (a, b), (a**2, b)),
    "grad of grad": lambda f: pg.grad(
        lambda a, b: pg.sum(pg.grad(lambda a: pg.sum(f(a, b) ** 3))(a) ** 2), (0, 1)
    ),
    "hvp": lambda f: lambda a, b: pg.jvp(pg.grad(lambda a: pg.sum(f(a, b) ** 2)), (a,), (a**2,))[1],
    "vmap of grad": lambda f: (
        lambda a, b: pg.vmap(pg.grad(lambda a, b: pg.sum(f(a, b) ** 2), (0, 1)), (None, 0))(
            a, pg.stack([b, 2 * b, 0 * b])
        )
    ),
    "vmap over both": lambda f: (
        lambda a, b: pg.vmap(pg.grad(lambda a, b: pg.sum(f(a, b) ** 2), (0, 1)))(
            pg.stack([a, 2 * a]), pg.stack([b, -b])
        )
    ),
    "grad of vmap": lambda f: pg.grad(
        lambda a, b: pg.sum(pg.vmap(f, (0, None))(pg.stack([a, 2 * a]), b) ** 2), (0, 1)
    ),
    "grad of vmap of jvp": lambda f: pg.grad(
        lambda a, b: pg.sum(
            pg.vmap(lambda c: pg.jvp(lambda a: f(a, c), (a,), (a**2,))[1])(pg.stack([b, 2 * b]))
            ** 2
        ),
        (0, 1),
    ),
    "vmap of vmap": lambda f: (
        lambda a, b: pg.vmap(lambda s: pg.vmap(lambda c: f(s * a, c))(pg.stack([b, 2 * b])))(
            pg.asarray([1.0, 2.0])
        )
    ),
}


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", TRANSFORMS)
def test_linear_solve_under_every_transform(place: str, solver: str, name: str) -> None:
    solve, a, b = system(solver)
    close(TRANSFORMS[name](solve)(a, b), TRANSFORMS[name](direct(solver))(a, b))


@pytest.mark.parametrize("solver", SOLVERS)
def test_linear_solve_against_finite_differences(solver: str) -> None:
    solve, a, b = system(solver)
    check_grads(solve, (a, b), order=2, atol=1e-5)


def test_linear_solve_of_a_matrix_and_of_pytrees(place: str) -> None:
    a, b = pg.asarray(A), pg.asarray([1.0, 2.0, 3.0])
    close(implicit.linear_solve(a, b), pg.linalg.solve(a, b))

    def matvec(x: Any, s: Any) -> Any:
        total = pg.sum(x["v"])
        return {"v": s * x["v"] + x["w"], "w": 3.0 * x["w"] - 0.1 * total}

    def solve(s: Any, b: Any, method: Any) -> Any:
        return implicit.linear_solve(lambda x: matvec(x, s), b, method)

    b = {"v": pg.asarray([[1.0, 2.0], [3.0, 4.0]]), "w": pg.asarray(0.5)}
    s = pg.asarray(2.0)
    for method in (implicit.dense, implicit.gmres):
        close(matvec(solve(s, b, method), s), b)
        check_grads(lambda s, b, m=method: solve(s, b, m), (s, b), order=2, atol=1e-5)


def test_linear_solve_of_complex_numbers(place: str) -> None:
    a = pg.asarray([[2.0 + 1j, 0.5], [0.3j, 1.0 - 1j]])
    b = pg.asarray([1.0 + 2j, 3.0 - 1j])
    for method in (implicit.dense, implicit.gmres):

        def solve(a: Any, b: Any, method: Any = method) -> Any:
            return implicit.linear_solve(lambda x: a @ x, b, method)

        def loss(f: Any, a: Any, b: Any) -> Any:
            return pg.sum(pg.abs(f(a, b)) ** 2)

        got = pg.grad(lambda a, b, f=solve: loss(f, a, b), (0, 1))(a, b)
        close(got, pg.grad(lambda a, b: loss(pg.linalg.solve, a, b), (0, 1))(a, b))
        close(pg.jvp(solve, (a, b), (a, b)), pg.jvp(pg.linalg.solve, (a, b), (a, b)))
    hermitian = pg.asarray([[3.0, 1j], [-1j, 2.0]])
    close(implicit.cg(lambda x: hermitian @ x, b), pg.linalg.solve(hermitian, b))


def test_solvers_of_real_size() -> None:
    """Two hundred unknowns, more than one cycle of gmres holds."""
    rng = np.random.default_rng(0)
    a = rng.standard_normal((200, 200)) * 0.3 + 8.0 * np.eye(200)
    b = rng.standard_normal(200)
    close(implicit.gmres(lambda x: a @ x, b), np.linalg.solve(a, b), 1e-6)
    spd = a @ a.T
    close(implicit.cg(lambda x: spd @ x, b), np.linalg.solve(spd, b), 1e-6)
    single = implicit.cg(lambda x: spd.astype(np.float32) @ x, b.astype(np.float32))
    assert single.dtype == np.float32


class ScipyCG:
    """SciPy's conjugate gradients, which know nothing of polygrad; counts its calls."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, matvec: Any, b: Any) -> Any:
        self.calls += 1
        host = np.asarray(b)  # raises for anything tracked
        shape = (host.size, host.size)
        linear = scipy.sparse.linalg.LinearOperator(shape, matvec=matvec, dtype=host.dtype)
        found, info = scipy.sparse.linalg.cg(linear, host, rtol=1e-13)
        assert info == 0
        return found


def test_a_solver_that_is_not_differentiable() -> None:
    solver = ScipyCG()

    def solve(a: Any, b: Any, method: str = "vectorized") -> Any:
        full = (a + a.T) / 2
        return implicit.linear_solve(
            lambda x: full @ x, b, solver, symmetric=True, vmap_method=method
        )

    a, b = np.asarray(A), np.asarray([1.0, 2.0, 3.0])
    assert type(solve(a, b)) is np.ndarray
    solver.calls = 0
    got = pg.grad(lambda a, b: pg.sum(solve(a, b) ** 2), (0, 1))(a, b)
    assert solver.calls == 2  # one solve forward, one back
    close(got, pg.grad(lambda a, b: pg.sum(direct("cg")(a, b) ** 2), (0, 1))(a, b))
    check_grads(solve, (a, b), order=2, atol=1e-5)
    bs = np.stack([b, 2 * b])
    with pytest.raises(UnknownValueError, match="vmap_method='sequential'"):
        pg.vmap(solve, (None, 0))(a, bs)
    solver.calls = 0
    got = pg.vmap(pg.grad(lambda a, b: pg.sum(solve(a, b, "sequential") ** 2), (0, 1)), (None, 0))(
        a, bs
    )
    assert solver.calls == 4
    expected = pg.grad(lambda a, b: pg.sum(direct("cg")(a, b) ** 2), (0, 1))
    close(got[0], np.stack([expected(a, b)[0] for b in bs]))
    close(got[1], np.stack([expected(a, b)[1] for b in bs]))


def test_a_solver_that_ignores_its_matvec_needs_the_transpose() -> None:
    a, b = np.asarray(A), np.asarray([1.0, 2.0, 3.0])
    inverse = np.linalg.inv(a)

    def times_inverse(matvec: Any, b: Any) -> Any:
        return inverse @ np.asarray(b)

    def solve(a: Any, **options: Any) -> Any:
        return pg.sum(
            implicit.linear_solve(
                lambda x: a @ x, b, lambda _, b: inverse @ np.asarray(b), **options
            )
        )

    with pytest.raises(ConvergenceError, match="pass transpose_solve too"):
        pg.grad(solve)(a)
    got = pg.grad(lambda a: solve(a, transpose_solve=lambda _, b: inverse.T @ np.asarray(b)))(a)
    close(got, pg.grad(lambda a: pg.sum(pg.linalg.solve(a, b)))(a))


# -- roots and fixed points ----------------------------------------------------------------------


def equations(x: Any, p: Any) -> Any:
    """Two coupled equations for each of two unknowns, over a pytree of parameters."""
    return {
        "u": x["u"] ** 3 + p["a"][0] * x["v"] - p["a"][1],
        "v": pg.sin(x["v"]) + x["u"] * p["b"] - 0.8,
    }


def parameters() -> Any:
    return {"a": (pg.asarray([1.0, 1.2]), pg.asarray([1.0, 0.8])), "b": pg.asarray(0.6)}


def guess() -> Any:
    return {"u": pg.ones(2), "v": pg.ones(2)}


def by_newton(p: Any, linear_solver: Any = implicit.dense) -> Any:
    return implicit.root(equations, guess(), p, linear_solver=linear_solver)


def unrolled(p: Any) -> Any:
    """Newton's steps differentiated one by one: the slow way to the same derivatives."""
    return implicit.newton(lambda x: equations(x, p), guess(), tol=1e-15, max_steps=12)


def loss_of(solve: Any) -> Any:
    def loss(p: Any) -> Any:
        x = solve(p)
        return pg.sum(x["u"] * x["v"]) + pg.sum(x["u"] ** 2)

    return loss


@pytest.mark.parametrize("linear_solver", [implicit.dense, implicit.gmres])
def test_root_in_every_mode(place: str, linear_solver: Any) -> None:
    p = parameters()

    def solve(p: Any) -> Any:
        return by_newton(p, linear_solver)

    for leaf in pg.tree.leaves(equations(solve(p), p)):
        assert pg.all(pg.abs(leaf) < 1e-10)
    loss, slow = loss_of(solve), loss_of(unrolled)
    close(pg.grad(loss)(p), pg.grad(slow)(p))
    close(pg.jvp(solve, (p,), (p,)), pg.jvp(unrolled, (p,), (p,)))
    close(pg.jvp(pg.grad(loss), (p,), (p,))[1], pg.jvp(pg.grad(slow), (p,), (p,))[1])
    check_grads(solve, (p,), order=2, atol=1e-5)


def test_root_under_vmap(place: str) -> None:
    p = parameters()
    scales = pg.asarray([0.9, 1.0, 1.1])

    def loss(s: Any) -> Any:
        return loss_of(by_newton)({"a": p["a"], "b": s * p["b"]})

    rows = [scales[i] for i in range(3)]
    close(pg.vmap(loss)(scales), pg.stack([loss(s) for s in rows]))
    close(pg.vmap(pg.grad(loss))(scales), pg.stack([pg.grad(loss)(s) for s in rows]))
    close(
        pg.grad(lambda s: pg.sum(pg.vmap(loss)(s)))(scales),
        pg.stack([pg.grad(loss)(s) for s in rows]),
    )
    second = pg.grad(pg.grad(loss))
    close(pg.vmap(second)(scales), pg.stack([second(s) for s in rows]))

    def through_all(s: Any) -> Any:  # grad of vmap of jvp
        return pg.sum(pg.vmap(lambda s: pg.jvp(loss, (s,), (s,))[1])(s * scales))

    by_hand = sum(pg.grad(lambda s, t=t: pg.jvp(loss, (s * t,), (s * t,))[1])(1.0) for t in rows)
    close(pg.grad(through_all)(1.0), by_hand.item() if pg.is_array(by_hand) else by_hand)


def test_a_hessian_through_a_root() -> None:
    """x(p) = p0^(1/3) exp(p1): every second derivative is known."""

    def x(p: Any) -> Any:
        return implicit.root(lambda x, p: (x * pg.exp(-p[1])) ** 3 - p[0], 1.5, p)

    p = np.array([2.0, 0.3])
    hessian = pg.vmap(lambda v: pg.jvp(pg.grad(x), (p,), (v,))[1])(np.eye(2))
    value = 2.0 ** (1 / 3) * np.exp(0.3)
    cross = value / 6.0
    close(hessian, [[-2 / 9 * value / 4, cross], [cross, value]])


def test_scipy_finds_the_root() -> None:
    calls = []

    def solver(f: Any, init: Any) -> Any:
        calls.append(1)

        def flat(z: Any) -> Any:
            out = f({"u": z[:2], "v": z[2:]})
            return np.concatenate([out["u"], out["v"]])

        start = np.concatenate([np.asarray(init["u"]), np.asarray(init["v"])])
        found = scipy.optimize.root(flat, start, tol=1e-13)
        return {"u": found.x[:2], "v": found.x[2:]}

    def solve(p: Any) -> Any:
        return implicit.root(equations, guess(), p, solver=solver, vmap_method="sequential")

    p = parameters()
    close(pg.grad(loss_of(solve))(p), pg.grad(loss_of(unrolled))(p))
    assert len(calls) == 1
    pg.jvp(pg.grad(loss_of(solve)), (p,), (p,))
    assert len(calls) == 2
    check_grads(solve, (p,), order=2, atol=1e-5)
    scales = pg.asarray([0.9, 1.1])
    calls.clear()

    def loss(s: Any) -> Any:
        return loss_of(solve)({"a": p["a"], "b": s * p["b"]})

    got = pg.vmap(pg.grad(loss))(scales)
    assert len(calls) == 2
    close(got, pg.stack([pg.grad(loss)(s) for s in scales]))


@pytest.mark.parametrize("linear_solver", [implicit.dense, implicit.gmres])
@pytest.mark.parametrize("solver", [implicit.anderson, implicit.fixed_point_iteration])
def test_fixed_point_in_every_mode(place: str, solver: Any, linear_solver: Any) -> None:
    w, x = pg.asarray([[0.3, -0.2], [0.1, 0.4]]), pg.asarray([0.5, -1.0])

    def solve(w: Any, x: Any) -> Any:  # x is captured, w an argument
        return implicit.fixed_point(
            lambda z, w: pg.tanh(w @ z + x),
            pg.zeros(2),
            w,
            solver=functools.partial(solver, tol=1e-13),
            linear_solver=linear_solver,
        )

    def unrolled(w: Any, x: Any) -> Any:
        z = pg.zeros(2)
        for _ in range(60):
            z = pg.tanh(w @ z + x)
        return z

    def losses(f: Any) -> Any:
        return lambda w, x: pg.sum(f(w, x) ** 2)

    fast, slow = losses(solve), losses(unrolled)
    close(pg.grad(fast, (0, 1))(w, x), pg.grad(slow, (0, 1))(w, x))
    xs = pg.stack([x, 3 * x, 0 * x])
    rows = [x, 3 * x, 0 * x]
    got = pg.vmap(pg.grad(fast, (0, 1)), (None, 0))(w, xs)  # vmap of grad of fixed_point
    each = [pg.grad(slow, (0, 1))(w, x) for x in rows]
    close(got, (pg.stack([g[0] for g in each]), pg.stack([g[1] for g in each])))

    def nested(f: Any) -> Any:  # grad of vmap of jvp of fixed_point
        return lambda w: pg.sum(
            pg.vmap(lambda x: pg.jvp(lambda y: f(w, y), (x,), (x,))[1])(xs) ** 2
        )

    close(pg.grad(nested(fast))(w), pg.grad(nested(slow))(w))
    check_grads(solve, (w, x), order=2, atol=1e-5)


def test_a_fixed_point_inside_a_scan_inside_a_vmap() -> None:
    def f(w: Any, solve: Any, checkpoint: bool) -> Any:
        def step(c: Any, x: Any) -> Any:
            z = solve(lambda z: pg.cos(w * z) * 0.5 + c * x)
            return pg.sin(z), z

        last, zs = pg.scan(step, pg.asarray(0.3), pg.ones(5), checkpoint=checkpoint)
        return last + pg.sum(zs)

    def implicit_(g: Any) -> Any:
        return implicit.fixed_point(g, 0.0, solver=functools.partial(implicit.anderson, tol=1e-14))

    def plain(g: Any) -> Any:
        z = 0.0
        for _ in range(60):
            z = g(z)
        return z

    ws = np.array([0.4, 0.7])
    for checkpoint in (False, True):
        got = pg.vmap(pg.grad(lambda w, c=checkpoint: f(w, implicit_, c)))(ws)
        close(got, [pg.grad(lambda w: f(w, plain, False))(w) for w in ws.tolist()])
        second = pg.grad(lambda w, c=checkpoint: pg.sum(pg.vmap(lambda v: f(v, implicit_, c))(w)))
        close(
            pg.jvp(second, (ws,), (ws,))[1],
            pg.jvp(pg.grad(lambda w: sum(f(v, plain, False) for v in w)), (ws,), (ws,))[1],
        )


def test_custom_root_wraps_any_solver() -> None:
    calls = []

    @implicit.custom_root(lambda x, a, b: a * x**3 + x - b["rhs"])
    def solver(init: Any, a: Any, b: Any) -> Any:
        """A bisection on plain numbers."""
        calls.append(init)
        low, high = 0.0, 10.0
        while high - low > 1e-15 * (1 + high):
            middle = (low + high) / 2
            if middle in (low, high):
                break
            value = float(a) * middle**3 + middle - float(b["rhs"])
            low, high = (middle, high) if value < 0 else (low, middle)
        return (low + high) / 2

    assert solver.__name__ == "solver"
    assert solver.__doc__ == "A bisection on plain numbers."
    assert solver(None, 1.0, {"rhs": 2.0}) == pytest.approx(1.0)
    g = pg.grad(solver, (1, 2))(None, 1.0, {"rhs": 2.0})
    assert g[0] == pytest.approx(-0.25)
    assert g[1]["rhs"] == pytest.approx(0.25)
    assert calls == [None, None]
    h = pg.grad(pg.grad(lambda r: solver(None, 1.0, {"rhs": r})))(2.0)
    assert h == pytest.approx(-6 / 4**3)


def test_the_guess_gets_no_gradient_and_the_iterations_are_not_recorded() -> None:
    seen = []

    def solver(f: Any, init: Any) -> Any:
        seen.append((init._trace.level, f(init)._trace.level))
        return implicit.newton(f, init)

    def solve(init: Any, a: Any) -> Any:
        return implicit.root(lambda x: x**2 - a, init, solver=solver)

    g = pg.grad(lambda init, a: solve(init, a), (0, 1))(1.0, 4.0)
    assert g == (0.0, pytest.approx(0.25))
    assert pg.jvp(solve, (1.0, 4.0), (1.0, None))[1] == 0.0
    assert seen == [(0, 0)] * 2


def test_a_solution_is_freed_without_the_garbage_collector() -> None:
    def run() -> Any:
        def solver(f: Any, init: Any) -> Any:
            return implicit.newton(f, init)

        pg.grad(lambda a: implicit.root(lambda x, a: x**2 - a, 1.0, a, solver=solver))(4.0)
        return weakref.ref(solver)

    gc.collect()
    gc.disable()
    try:
        assert run()() is None
    finally:
        gc.enable()


def test_under_jit_no_solver_runs_while_tracing() -> None:
    """On the zeros that stand for traced values no solver here would converge."""
    runs = []

    def cg(matvec: Any, b: Any) -> Any:
        runs.append(1)
        return implicit.cg(matvec, b)

    def f(w: Any, x: Any) -> Any:
        y = implicit.linear_solve(lambda v: w @ v, x, cg, symmetric=True)
        return pg.sum(implicit.root(lambda z: z**3 - y, pg.ones(2)) ** 2)

    w, x = pg.asarray([[2.0, 0.5], [0.5, 1.0]]), pg.asarray([1.0, 2.0])
    compiled = pg.jit(pg.grad(f, (0, 1)))
    close(compiled(w, x), pg.grad(f, (0, 1))(w, x))
    assert len(runs) == 4
    close(compiled(2 * w, 3 * x), pg.grad(f, (0, 1))(2 * w, 3 * x))
    mapped = pg.vmap(pg.grad(f), (None, 0))
    xs = pg.stack([x, 2 * x])
    close(pg.jit(mapped)(w, xs), mapped(w, xs))


# -- solvers on their own ------------------------------------------------------------------------


def test_a_solver_by_itself_differentiates_through_its_steps() -> None:
    g = pg.grad(lambda a: implicit.newton(lambda x: x**2 - a, pg.asarray(1.0)))(3.0)
    close(g, 0.5 / 3**0.5)
    check_grads(lambda b: implicit.cg(lambda x: 2.0 * x, b), (np.ones(2),), order=2)


def test_each_example_stops_by_itself() -> None:
    """Newton from the root itself would divide by zero if it went on: x^2 = 0 at 0."""
    a = np.array([0.0, 4.0, 1e6])
    start = np.array([0.0, 1.0, 1.0])
    with np.errstate(all="ignore"):
        got = pg.vmap(
            lambda x, a: implicit.newton(
                lambda x: x**2 - a,
                x,
                linear_solver=lambda mv, b: b / pg.where(mv(b) == 0, 1.0, mv(pg.ones_like(b))),
            )
        )(start, a)
    close(got, [0.0, 2.0, 1e3])


def test_anderson_beats_plain_iteration() -> None:
    counts = dict.fromkeys((implicit.anderson, implicit.fixed_point_iteration), 0)
    for solver in counts:

        def f(x: Any, solver: Any = solver) -> Any:
            counts[solver] += 1
            return pg.cos(x)

        close(solver(f, np.linspace(0.0, 1.0, 4)), [0.7390851332] * 4)
    assert counts[implicit.anderson] < counts[implicit.fixed_point_iteration] / 2
    # And it solves what is no contraction: slope -2 at the solution.
    close(implicit.anderson(lambda x: 3.0 - 2.0 * x, np.zeros(2)), [1.0, 1.0])


def test_float32_stays_float32() -> None:
    a = np.asarray(A, np.float32)
    b = np.ones(3, np.float32)
    for name, solver in SOLVERS.items():
        full = (a + a.T) / 2 if name == "cg" else a
        got = pg.grad(lambda a, s=solver: pg.sum(implicit.linear_solve(lambda x: a @ x, b, s)))(
            full
        )
        assert got.dtype == np.float32
    x = implicit.root(lambda x, a: x**2 - a, b, 4 * b)
    assert x.dtype == np.float32
    close(x, [2.0] * 3, 1e-5)
    z = implicit.fixed_point(lambda z, w: w * pg.cos(z), b, b)
    assert z.dtype == np.float32
    # SciPy answers in double precision, in an array of its own library.
    with pg.device("strict:device1"):
        y = implicit.root(
            lambda x, a: x**2 - a,
            pg.ones(2, dtype="float32"),
            pg.full(2, 4.0, dtype="float32"),
            solver=lambda f, x: np.array([2.0, 2.0]),
        )
    assert (y.dtype, y.device) == (pg.float32, "strict:device1")


# -- bad input -----------------------------------------------------------------------------------

ONES = np.ones(2)


BAD: list[tuple[Any, Any, str]] = [
    (
        lambda: implicit.root(lambda x: x**2 + 1.0, 0.7),
        ConvergenceError,
        "newton: not converged after 50 steps: the largest residual",
    ),
    (
        lambda: implicit.root(lambda x: x**2 - 1.0, 0.0),
        LinearAlgebraError,
        "Singular matrix",
    ),
    (
        lambda: implicit.fixed_point(
            lambda x: 2.0 * x + 1.0, 0.0, solver=implicit.fixed_point_iteration
        ),
        ConvergenceError,
        "fixed_point_iteration: not converged",
    ),
    (
        lambda: implicit.fixed_point(lambda x: x / 0.0, ONES),
        ConvergenceError,
        "anderson: not converged",
    ),
    (
        lambda: implicit.root(lambda x, a: x - a, ONES, 2 * ONES, solver=lambda f, x: x, tol=1e-6),
        ConvergenceError,
        "root: the solver's answer is no solution: the largest element of the residual 1 is above",
    ),
    (
        lambda: implicit.root(lambda x: x, ONES, solver=lambda f, x: x * float("nan")),
        ConvergenceError,
        "not finite",
    ),
    (
        lambda: pg.vmap(lambda a: implicit.root(lambda x: x**2 + a, 0.7))(np.array([-1.0, 1.0])),
        ConvergenceError,
        "newton: not converged",
    ),
    (
        lambda: implicit.linear_solve(np.zeros((2, 2)), ONES),
        LinearAlgebraError,
        "Singular matrix",
    ),
    (
        lambda: implicit.linear_solve(np.diag([1.0, 0.0]), ONES, implicit.gmres),
        ConvergenceError,
        "gmres: not converged",
    ),
    (
        lambda: implicit.linear_solve(np.diag([1.0, -1.0]), ONES, implicit.cg),
        LinearAlgebraError,
        "not positive definite",
    ),
    (
        lambda: implicit.cg(lambda x: np.diag([1.0, 5.0]) @ x, ONES, max_steps=1),
        ConvergenceError,
        "cg: not converged after 1 steps: the residual .* is above",
    ),
    (
        lambda: implicit.linear_solve(np.eye(2), ONES, lambda mv, b: 2 * b),
        ConvergenceError,
        "does not solve the system",
    ),
    (
        # The derivative is not defined: the Jacobian at the root is singular.
        lambda: pg.grad(
            lambda a: implicit.root(lambda x, a: (x - a) ** 3, 0.5, a, solver=lambda f, x: a * 1)
        )(1.0),
        LinearAlgebraError,
        "Singular matrix",
    ),
    (lambda: implicit.linear_solve(np.eye(3)[:2], ONES), ShapeError, "expected a square matrix"),
    (lambda: implicit.linear_solve(3.0, ONES), ArgumentTypeError, "a is float 3.0"),
    (lambda: implicit.linear_solve(np.eye(2), np.ones(2, int)), DTypeError, "b is int64"),
    (lambda: implicit.linear_solve(lambda x: x, {}), ArgumentTypeError, "b holds no array"),
    (
        lambda: implicit.linear_solve(lambda x: x[:1], ONES),
        ShapeError,
        r"linear_solve: a\(x\) is float64\[1\], expected shape \(2,\)",
    ),
    (
        lambda: implicit.linear_solve(lambda x: (x,), ONES),
        TreeError,
        r"linear_solve: a\(x\): got the pytree",
    ),
    (
        lambda: implicit.linear_solve(lambda x: 1j * x, ONES),
        DTypeError,
        "complex128, expected polygrad.float64|complex128, expected float64",
    ),
    (
        lambda: implicit.linear_solve(np.eye(2), ONES, vmap_method="loop"),
        ArgumentValueError,
        "vmap_method is 'loop'",
    ),
    (lambda: implicit.root(3, ONES), ArgumentTypeError, "root: f is int 3"),
    (lambda: implicit.root(lambda x: x, ONES, solver=3), ArgumentTypeError, "solver is int 3"),
    (
        lambda: implicit.root(lambda x: x, ONES, linear_solver=3),
        ArgumentTypeError,
        "linear_solver is int 3",
    ),
    (
        lambda: implicit.root(lambda x: x[:1], ONES),
        ShapeError,
        r"newton: the answer of f is float64\[1\], expected shape \(2,\)",
    ),
    (lambda: implicit.root(lambda x: x, np.ones(2, int)), DTypeError, "newton: init is int64"),
    (
        lambda: implicit.root(lambda x: x, ONES, solver=lambda f, x: "x"),
        ArgumentTypeError,
        "the solver returned str 'x'",
    ),
    (
        lambda: implicit.fixed_point(lambda x: [x], ONES),
        TreeError,
        "the answer of f: got the pytree",
    ),
    (
        lambda: implicit.anderson(lambda x: x, ONES, memory=0),
        ArgumentValueError,
        "memory is 0",
    ),
    (
        lambda: implicit.custom_root(lambda x: x, vmap_method=1),
        ArgumentValueError,
        "vmap_method is 1",
    ),
]


@pytest.mark.parametrize("case", BAD, ids=lambda case: case[2][:40])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_bad_input_is_named(case: Any) -> None:
    call, error, text = case
    with pytest.raises(error, match=text):
        call()


def test_a_tracked_array_that_cannot_be_found_raises() -> None:
    def f(w: Any) -> Any:
        hidden = iter([w * 1.0] * 100)
        return implicit.root(lambda x: x - next(hidden), 1.0)

    with pytest.raises((LostGradientError, ConvergenceError)):
        pg.grad(f)(2.0)


def test_errors_of_the_users_functions_come_as_they_are() -> None:
    def broken(x: Any) -> Any:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        implicit.root(broken, 1.0)
    with pytest.raises(KeyError, match="mine"):
        pg.grad(lambda a: implicit.linear_solve(lambda x: broken(x) * a, 1.0))(2.0)
    # The next call is clean.
    assert pg.grad(lambda a: implicit.linear_solve(lambda x: x * a, 1.0))(2.0) == -0.25


# -- compiled, in several threads ------------------------------------------------------------------


def solved(w: Any, b: Any) -> Any:
    """A root, a fixed point and a linear system, one after the other, with arrays of closures."""
    x = implicit.root(lambda x: x**3 + x * pg.sum(w * w) - b, pg.ones_like(b))
    y = implicit.fixed_point(lambda y, c: 0.3 * pg.cos(y * w) + c + 0.1 * x, pg.zeros_like(b), x)
    full = pg.eye(3) * 4.0 + w[:, None] * w
    z = implicit.linear_solve(lambda v: full @ v + 0.1 * x * v, y, implicit.gmres)
    return pg.sum(pg.sin(z))


@pytest.mark.parametrize("mode", ["value", "grad", "jvp of grad", "vmap of grad"])
def test_compiled_solvers_in_several_threads_at_once(mode: str) -> None:
    """One compiled function for all threads, each with numbers of its own."""
    rng = np.random.default_rng(0)
    work = [(rng.normal(size=3), rng.normal(size=3)) for _ in range(4)]
    slope = pg.grad(solved, (0, 1))
    plain: dict[str, Any] = {
        "value": solved,
        "grad": slope,
        "jvp of grad": lambda w, b: pg.jvp(slope, (w, b), (b, w))[1],
        "vmap of grad": lambda w, b: pg.vmap(slope)(pg.stack([w, b]), pg.stack([b, w])),
    }
    f = plain[mode]
    compiled = pg.jit(lambda w, b: f(w * 1.0, b * 1.0))  # functions in there hold the products
    expected = [f(w, b) for w, b in work]
    errors: list[BaseException] = []
    start = threading.Barrier(4)

    def run(k: int) -> None:
        try:
            start.wait()  # the first calls trace, all at the same time
            for i in range(4):
                w, b = work[(k + i) % 4]
                close(compiled(w, b), expected[(k + i) % 4], 1e-7)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, errors
