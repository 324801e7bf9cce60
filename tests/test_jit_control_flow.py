"""scan, fori_loop, while_loop and cond as instructions of a compiled program."""

import warnings
from typing import Any

import numpy as np
import pytest

import polygrad as pg
from polygrad.errors import (
    ArgumentTypeError,
    DTypeError,
    NonDifferentiableError,
    ShapeError,
    TreeError,
)

X = pg.asarray([0.5, 0.7])


def equal(got: Any, expected: Any) -> None:
    for a, b in zip(pg.tree.leaves(got), pg.tree.leaves(expected), strict=True):
        assert getattr(a, "dtype", type(a)) == getattr(b, "dtype", type(b))
        a, b = (pg.to_numpy(x) if pg.is_array(x) else x for x in (a, b))
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


def ops_of(f: Any, *args: Any) -> list[str]:
    return [e.op.name for e in pg.make_graph(f)(*args).equations]


def sequence(w: Any, x: Any, **options: Any) -> Any:
    """A recurrent sum; ``w`` is captured and ``x`` scanned over."""

    def step(c: Any, t: Any) -> Any:
        c = pg.tanh(w * c + t)
        return c, (c**2, {"count": 1.0})

    c, (ys, rest) = pg.scan(step, pg.zeros_like(w), x, **options)
    places = pg.arange(ys.shape[0], dtype=ys.dtype)
    return pg.sum(c) + pg.sum(ys * pg.reshape(places, (-1, 1))) + pg.sum(rest["count"])


def counted(x: Any) -> Any:
    """fori_loop between two integers, which uses its counter as a number and as an index."""
    return pg.sum(pg.fori_loop(0, 50, lambda i, v: pg.sin(v) + 0.1 * i * x[i % 2], x))


def nested(x: Any) -> Any:
    def outer(c: Any, t: Any) -> Any:
        return pg.scan(lambda d, u: (pg.sin(d) * u, d), c, t)

    c, ys = pg.scan(outer, x, pg.ones((20, 30, 2)) * x)
    return pg.sum(c) + pg.sum(ys)


def branchy(x: Any) -> Any:
    """The derivative of the branch that is not taken is infinite."""
    return pg.sum(
        pg.cond(x[0] > 0.6, lambda a: pg.sqrt(a - 0.6) * x, lambda a: pg.sin(a) * x[1], x)
    )


STEPS = pg.asarray(np.random.default_rng(0).normal(size=(40, 2)))
FUNCTIONS = {
    "scan": lambda x: sequence(x, STEPS),
    "scan over": lambda x: sequence(X, STEPS * x),
    "scan reverse": lambda x: sequence(x, STEPS * x, reverse=True),
    "scan checkpoint": lambda x: sequence(x, STEPS * x, checkpoint=7),
    "scan checkpoint reverse": lambda x: sequence(x, STEPS * x, checkpoint=7, reverse=True),
    "fori_loop": counted,
    "cond": branchy,
    "cond in scan": lambda x: pg.sum(
        pg.scan(lambda c, _: (pg.cond(c[0] > 0.4, pg.sin, pg.exp, c * x), None), x, length=20)[0]
    ),
    "cond taken by all": lambda x: pg.sum(pg.cond(STEPS[0, 0] > 0, pg.sin, pg.cos, x)),
}
TRANSFORMS = {
    "itself": lambda f: f,
    "grad": pg.grad,
    "jvp": lambda f: lambda x: pg.jvp(f, (x,), (pg.cos(x),)),
    "hessian": pg.hessian,
    "grad of grad": lambda f: pg.grad(lambda x: pg.sum(pg.grad(f)(x) ** 2)),
    "vmap": lambda f: lambda x: pg.vmap(f)(pg.stack([x, x + 0.3])),
    "vmap of grad": lambda f: lambda x: pg.vmap(pg.grad(f))(pg.stack([x, x + 0.3])),
    "linearize": lambda f: lambda x: pg.linearize(f, x)[1](pg.cos(x)),
}


@pytest.mark.filterwarnings("ignore:invalid value encountered in sqrt")  # vmap runs both branches
@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_compiled_loops_equal_eager_ones(name: str, transform: str) -> None:
    f = TRANSFORMS[transform](FUNCTIONS[name])
    compiled = pg.jit(f)
    for x in (X, X + 0.25):
        equal(compiled(x), f(x))


def test_a_scan_inside_a_scan() -> None:
    for f in (nested, pg.grad(nested)):
        equal(pg.jit(f)(X), f(X))


def test_a_long_scan_is_one_equation_and_is_traced_for_one_step() -> None:
    runs = []

    def f(k: Any) -> Any:
        def step(c: Any, _: Any) -> Any:
            runs.append(1)
            return pg.sin(c) + k * 0.01, None

        return pg.sum(pg.scan(step, k, length=10_000)[0])

    graph = pg.make_graph(pg.grad(f))(X)
    assert len(runs) == 1
    assert [e.op.name for e in graph.equations].count("scan") == 2
    assert len(graph.equations) < 12
    value, slope = pg.jit(pg.value_and_grad(f))(X)
    equal((value, slope), pg.value_and_grad(f)(X))


def test_short_loops_are_written_out() -> None:
    short = lambda x: pg.scan(lambda c, _: (c * x, None), x, length=16)[0]
    assert ops_of(short, X) == ["multiply"] * 16
    assert ops_of(lambda x: pg.fori_loop(0, 17, lambda i, c: c * x, x), X)[:1] == ["scan"]


def test_carries_are_kept_only_for_a_derivative() -> None:
    f = lambda x: pg.sum(pg.scan(lambda c, _: (pg.sin(c), None), x, length=20)[0])
    kept = [
        e.params["history"]
        for g in (f, pg.grad(f))
        for e in pg.jit(g).lower(X).graph.equations
        if e.op.name == "scan"
    ]
    assert kept == [False, True, False]


def test_numbers_stay_numbers() -> None:
    single = pg.astype(X, pg.float32)

    def f(x: Any, s: Any) -> Any:
        return pg.fori_loop(0, 50, lambda i, v: v * s + i, 1) * x

    equal(pg.jit(f)(single, 0.5), f(single, 0.5))  # float32
    power = lambda s: pg.fori_loop(0, 20, lambda i, v: v * s, 1.0)
    assert pg.jit(power)(2.0) == 2.0**20
    becomes_array = lambda x: pg.scan(lambda c, t: (c + t, None), 0.0, x)[0]
    long = pg.ones(30, dtype=pg.float32)
    assert pg.jit(becomes_array)(long).dtype == pg.float32


def test_library_arrays_come_back_as_such() -> None:
    x = np.asarray([0.5, 0.7], dtype=np.float32)
    out = pg.jit(pg.grad(counted))(x)
    assert type(out) is np.ndarray
    assert out.dtype == np.float32


def growing(x: Any) -> Any:
    return pg.sum(pg.while_loop(lambda c: pg.sum(c) < 100.0, lambda c: c * (1 + x), x))


def test_while_loop_forward_and_in_forward_mode() -> None:
    compiled = pg.jit(growing)
    for x in (X, X + 60.0, X / 7):  # also no step at all, and another number of steps
        equal(compiled(x), growing(x))
    assert "while_loop" in ops_of(growing, X)
    push = lambda x: pg.jvp(growing, (x,), (pg.cos(x),))
    equal(pg.jit(push)(X), push(X))
    equal(pg.jit(pg.jacfwd(growing))(X), pg.jacfwd(growing)(X))
    assert pg.jit(lambda x: pg.while_loop(lambda c: c < 9, lambda c: 2 * c, x))(1.0) == 16.0


def test_while_loop_under_vmap_stops_for_each_example() -> None:
    rows = pg.stack([X, X + 60.0, X / 7])
    equal(pg.jit(pg.vmap(growing))(rows), pg.vmap(growing)(rows))

    def known(x: Any, n: Any) -> Any:  # one number of steps for all examples
        return pg.while_loop(lambda c: c[0] < n, lambda c: (c[0] + 1, c[1] * x), (0 * n, x))[1]

    mapped = pg.vmap(known, in_axes=(0, None))
    equal(pg.jit(mapped)(rows, pg.asarray(3)), rows**4)


def test_while_loop_in_reverse_says_what_to_use() -> None:
    with pytest.raises(NonDifferentiableError, match=r"while_loop.*pg\.scan.*pg\.grad\(pg\.jit"):
        pg.jit(pg.grad(growing))(X)
    equal(pg.grad(pg.jit(growing))(X), pg.grad(growing)(X))


def test_fori_loop_with_traced_bounds() -> None:
    f = lambda n, x: pg.fori_loop(0, n, lambda i, v: v + x * i, x)
    compiled = pg.jit(f)
    for n in (0, 5, 30):
        equal(compiled(pg.asarray(n), X), f(pg.asarray(n), X))


def test_one_branch_runs() -> None:
    f = lambda x: pg.cond(pg.sum(x) > 0, lambda: x, lambda: pg.log(x))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the logarithm would warn
        equal(pg.jit(f)(pg.asarray([-1.0, 2.0])), pg.asarray([-1.0, 2.0]))
    assert ops_of(f, X)[-1] == "cond"
    one = pg.jit(lambda x: pg.cond(x > 0, lambda: x, lambda: -x))  # numbers: both, and a choice
    assert [one(-2.0), one(3.0)] == [2.0, 3.0]


def test_branches_of_different_shapes_are_refused() -> None:
    with pytest.raises(ShapeError, match="cond"):
        pg.jit(lambda x: pg.cond(x[0] > 0, lambda: x, lambda: x[:1]))(X)
    with pytest.raises(DTypeError, match="cond"):
        pg.jit(lambda x: pg.cond(x[0] > 0, lambda: x, lambda: pg.astype(x, pg.float32)))(X)


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (lambda c, t: (c[:1], None), ShapeError),
        (lambda c, t: (pg.astype(c, pg.float32), None), DTypeError),
        (lambda c, t: ((c, c), None), TreeError),
        (lambda c, t: c, ArgumentTypeError),
        (lambda c, t: (c, "text"), ArgumentTypeError),
    ],
)
def test_errors_are_those_of_the_eager_loop(step: Any, error: Any) -> None:
    for run in (lambda f: f, pg.jit):
        with pytest.raises(error, match="scan"):
            run(lambda x: pg.scan(step, x, STEPS))(X)


@pytest.mark.backends
def test_a_counter_that_a_library_cannot_count_is_refused():
    with pg.device("jax"):
        x = pg.asarray(0.0, dtype="float32")

        def between(low, high):
            return pg.jit(lambda x: pg.fori_loop(low, high, lambda i, c: c + i * 1.0, x))(x)

        assert float(between(-20, 20)) == -20.0
        assert float(between(2**31 - 31, 2**31 - 1)) == pytest.approx(30 * 2**31, rel=1e-6)
        for bounds in ((2**31 - 5, 2**31 + 15), (2**40, 2**40 + 20), (-(2**31) - 10, -(2**31) + 9)):
            with pytest.raises(pg.errors.IntegerRangeError, match="fori_loop: got the bounds"):
                between(*bounds)
