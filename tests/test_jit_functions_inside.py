"""Under jit: ops that carry Python functions, and jit inside and outside the other transforms."""

from typing import Any

import numpy as np
import pytest
import scipy.signal

import polygrad as pg
from polygrad.core.op import OPS
from polygrad.errors import ArgumentTypeError
from polygrad.transforms.call import rematerialised

X = pg.asarray([0.5, 0.7])
M = pg.asarray([[2.0, 1.0], [1.0, 3.0]])
CALLS: list[Any] = []


def equal(got: Any, expected: Any) -> None:
    for a, b in zip(pg.tree.leaves(got), pg.tree.leaves(expected), strict=True):
        assert getattr(a, "dtype", type(a)) == getattr(b, "dtype", type(b))
        a, b = (pg.to_numpy(x) if pg.is_array(x) else x for x in (a, b))
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-10)


# -- ops that carry Python functions ---------------------------------------------------------------


def host_solver(matvec: Any, b: Any) -> Any:
    """A solver on plain arrays, which would fail on the zeros of a stand-in."""
    b = pg.to_numpy(b)
    assert np.any(b != 0)
    CALLS.append(b)
    a = np.stack([pg.to_numpy(matvec(pg.asarray(e))) for e in np.eye(2)], axis=1)
    return pg.asarray(np.linalg.solve(a, b))


def system(x: Any) -> Any:
    matrix = M * x[0]
    return pg.sum(pg.implicit.linear_solve(lambda v: matrix @ v, pg.sin(x), host_solver) ** 2)


@pg.implicit.custom_root(lambda y, a: y**2 - a)
def square_root(init: Any, a: Any) -> Any:
    a = pg.to_numpy(a)
    assert np.all(a > 0)
    CALLS.append(a)
    return pg.asarray(np.sqrt(a))


def counting_newton(g: Any, init: Any) -> Any:
    CALLS.append(init)
    return pg.implicit.newton(g, init)


SOLVERS = {
    "linear_solve": system,
    "custom_root": lambda x: pg.sum(square_root(X, x) ** 3),
    "root": lambda x: pg.sum(
        pg.implicit.root(lambda y, a: y**3 - a * X, X, x, solver=counting_newton)
    ),
}


@pytest.mark.parametrize("name", SOLVERS)
def test_solvers_run_with_the_program_and_not_while_it_is_traced(name: str) -> None:
    f = SOLVERS[name]
    for g in (f, pg.grad(f), lambda x: pg.jvp(f, (x,), (pg.cos(x),))):
        CALLS.clear()
        compiled = pg.jit(g)
        compiled.lower(X)
        assert CALLS == []
        for x in (X, 2.0 * X):
            equal(compiled(x), g(x))
        assert CALLS


def test_fixed_points_at_second_order() -> None:
    f = lambda a: pg.sum(pg.implicit.fixed_point(lambda y, a: a * pg.cos(y), X, a))
    for g in (pg.grad(f), pg.hessian(f)):
        equal(pg.jit(g)(X), g(X))


def test_a_solver_whose_answer_has_an_unknown_shape_is_refused() -> None:
    with pytest.raises(ArgumentTypeError, match=r"custom_root.*init of floating-point arrays"):
        pg.jit(lambda x: pg.sum(square_root(None, x)))(X)


def test_recursions() -> None:
    a = pg.asarray([1.0, -0.4, 0.2])
    f = lambda x: pg.sum(scipy.signal.lfilter(a[:2], a, x) ** 2)
    signal = pg.asarray(np.random.default_rng(0).normal(size=9))
    for g in (f, pg.grad(f)):
        equal(pg.jit(g)(signal), g(signal))


def test_recursions_do_not_run_while_traced(monkeypatch: Any) -> None:
    def refuse(*_: Any) -> Any:
        raise AssertionError("it runs")

    a, signal = pg.asarray([1.0, -0.4, 0.2]), pg.ones(11)
    f = lambda x: pg.sum(scipy.signal.lfilter(a[:2], a, x) ** 2)
    with monkeypatch.context() as patch:
        for name, value in (("forward", refuse), ("impls", {}), ("fast", {})):
            patch.setattr(OPS["recursion"], name, value)
        graph = pg.make_graph(pg.grad(f))(signal)
    assert [e.op.name for e in graph.equations].count("recursion") == 2


@pg.custom_vjp
def clipped(x: Any) -> Any:
    return x * 1.0


clipped.defvjp(lambda x: (clipped(x), x), lambda x, g: (pg.clip(g, -1.0, 1.0) * pg.cos(x),))


@pg.custom_jvp
def softplus(x: Any) -> Any:
    return pg.log(1.0 + pg.exp(x))


@softplus.defjvp
def _softplus_rule(primals: Any, tangents: Any) -> Any:
    return softplus(*primals), tangents[0] * 0.5 * primals[0]  # not the true one


def in_a_loop(function: Any) -> Any:
    return lambda x: pg.sum(pg.scan(lambda c, _: (function(c * 1.1), None), x, length=30)[0])


CARRIED = {
    "custom_vjp": lambda x: pg.sum(100.0 * clipped(x)),
    "custom_jvp": lambda x: pg.sum(softplus(x) ** 2),
    "custom_vjp in scan": in_a_loop(clipped),
    "custom_jvp in scan": in_a_loop(softplus),
    "checkpoint": lambda x: pg.sum(pg.checkpoint(lambda y: pg.sin(pg.exp(y)))(x)),
    "checkpoint in scan": in_a_loop(pg.checkpoint(pg.sin)),
    "call": lambda x: pg.sum(rematerialised(lambda y: pg.sin(y) * x, (x,), "test") ** 2),
}
TRANSFORMS = {
    "grad": pg.grad,
    "hessian": pg.hessian,
    "jvp": lambda f: lambda x: pg.jvp(f, (x,), (pg.cos(x),)),
    "vmap of grad": lambda f: lambda x: pg.vmap(pg.grad(f))(pg.stack([x, 2.0 * x])),
    "grad of vmap": lambda f: pg.grad(lambda x: pg.sum(pg.vmap(f)(pg.stack([x, 2.0 * x])))),
}


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("name", CARRIED)
def test_rules_and_checkpoints_hold_under_jit(name: str, transform: str) -> None:
    f = TRANSFORMS[transform](CARRIED[name])
    compiled = pg.jit(f)
    for x in (X, -X):
        equal(compiled(x), f(x))


def test_the_rule_is_the_users_and_not_that_of_the_ops() -> None:
    assert pg.jit(pg.grad(lambda x: 100.0 * clipped(x)))(0.0) == 1.0
    assert pg.jit(pg.grad(softplus))(2.0) == 1.0


def test_functions_run_once_while_tracing() -> None:
    runs = []

    def f(x: Any) -> Any:
        runs.append(1)
        return pg.sin(x)

    compiled = pg.jit(pg.checkpoint(f))
    for _ in range(3):
        compiled(X)
    assert len(runs) == 1


# -- jit inside and outside ------------------------------------------------------------------------


def inner(x: Any, y: Any) -> Any:
    return pg.sum(pg.tanh(x * y) ** 2) + pg.sum(pg.exp(x[..., :1]) * y)


fast = pg.jit(inner)
ROWS = pg.stack([X, X + 1.0, -X])
COMPOSED = {
    "grad of jit": (pg.grad(fast, (0, 1)), pg.grad(inner, (0, 1))),
    "jit of grad": (pg.jit(pg.grad(inner, (0, 1))), pg.grad(inner, (0, 1))),
    "vmap of jit": (lambda x, y: pg.vmap(fast)(ROWS * x, ROWS * y), None),
    "jit of vmap": (pg.jit(lambda x, y: pg.vmap(inner)(ROWS * x, ROWS * y)), None),
    "jvp of jit": (lambda x, y: pg.jvp(fast, (x, y), (y, x)), None),
    "linearize of jit": (lambda x, y: pg.linearize(fast, x, y)[1](y, x), None),
    "vjp of jit": (lambda x, y: pg.vjp(fast, x, y)[1](pg.asarray(2.0)), None),
    "jit of checkpoint": (
        pg.jit(pg.grad(pg.checkpoint(inner))), pg.grad(pg.checkpoint(inner)),
    ),
    "checkpoint of jit": (pg.grad(pg.checkpoint(fast)), pg.grad(inner)),
    "jit of hessian": (pg.jit(pg.hessian(inner)), pg.hessian(inner)),
    "hessian of jit": (pg.hessian(fast), pg.hessian(inner)),
    "grad of vmap of jit": (
        pg.grad(lambda x, y: pg.sum(pg.vmap(fast)(ROWS * x, ROWS * y))),
        pg.grad(lambda x, y: pg.sum(pg.vmap(inner)(ROWS * x, ROWS * y))),
    ),
    "jit of jit": (pg.jit(lambda x, y: fast(x, y) ** 2), lambda x, y: inner(x, y) ** 2),
    "jit of grad of jit": (pg.jit(pg.grad(fast)), pg.grad(inner)),
    "scan of jit": (
        lambda x, y: pg.scan(lambda c, _: (c * fast(x, y) / 9, None), 1.0, length=20)[0],
        lambda x, y: pg.scan(lambda c, _: (c * inner(x, y) / 9, None), 1.0, length=20)[0],
    ),
}  # fmt: skip
EAGER = {
    "vmap of jit": lambda x, y: pg.vmap(inner)(ROWS * x, ROWS * y),
    "jit of vmap": lambda x, y: pg.vmap(inner)(ROWS * x, ROWS * y),
    "jvp of jit": lambda x, y: pg.jvp(inner, (x, y), (y, x)),
    "linearize of jit": lambda x, y: pg.linearize(inner, x, y)[1](y, x),
    "vjp of jit": lambda x, y: pg.vjp(inner, x, y)[1](pg.asarray(2.0)),
}


@pytest.mark.parametrize("name", COMPOSED)
def test_jit_goes_with_every_transform(name: str) -> None:
    compiled, eager = COMPOSED[name]
    eager = eager or EAGER[name]
    for x, y in ((X, X + 0.5), (-X, 2.0 * X)):
        equal(compiled(x, y), eager(x, y))
