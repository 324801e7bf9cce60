"""Transforms inside transforms to order 4, and what must not go wrong while they run."""

import functools
import gc
import itertools
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import polygrad as pg
from polygrad.core.record import Recorder
from polygrad.core.tape import Node
from polygrad.errors import (
    ArgumentTypeError,
    ArgumentValueError,
    LeakedArrayError,
    ShapeError,
    TreeError,
)

X = np.asarray([0.5, -0.8, 1.2])
V = np.asarray([1.0, 0.5, -0.3])


def close(got: Any, expected: Any, rtol: float = 1e-9, atol: float = 1e-10) -> None:
    got = pg.to_numpy(got) if pg.is_array(got) else got
    np.testing.assert_allclose(got, expected, rtol=rtol, atol=atol)


# -- every transform in every other, to order 4 -------------------------------------------------
#
# Each takes a function of a vector that returns a vector and gives another such function. By
# element h(x) = exp(a x) they have a closed form: all are linear in h, or multiply it by V.


def base(x: Any) -> Any:
    return pg.exp(2.0 * x)


@functools.partial(pg.custom_jvp, nondiff_argnums=0)
def by_rule(f: Any, x: Any) -> Any:
    return f(x)


by_rule.defjvp(lambda f, p, t: pg.jvp(f, p, t))


@functools.partial(pg.custom_vjp, nondiff_argnums=0)
def by_backward_rule(f: Any, x: Any) -> Any:
    return f(x)


by_backward_rule.defvjp(lambda f, x: (f(x), x), lambda f, x, g: pg.vjp(f, x)[1](g))

NEST: dict[str, tuple[Any, bool]] = {  # and whether it differentiates
    "grad": (lambda f: pg.grad(lambda x: pg.sum(f(x))), True),
    "jvp": (lambda f: lambda x: pg.jvp(f, (x,), (pg.ones_like(x),))[1], True),
    "vjp": (lambda f: lambda x: pg.vjp(f, x)[1](pg.ones_like(x))[0], True),
    "linearize": (lambda f: lambda x: pg.linearize(f, x)[1](pg.ones_like(x)), True),
    "jacfwd": (lambda f: lambda x: pg.sum(pg.jacfwd(f)(x), axis=1), True),
    "jacrev": (lambda f: lambda x: pg.sum(pg.jacrev(f)(x), axis=0), True),
    "vmap": (lambda f: lambda x: pg.vmap(lambda a: f(pg.stack([a, a]))[0])(x), False),
    "checkpoint": (pg.checkpoint, False),
    "custom_jvp": (lambda f: lambda x: by_rule(f, x), False),
    "custom_vjp": (lambda f: lambda x: by_backward_rule(f, x), False),
    "value_and_grad": (
        lambda f: lambda x: pg.value_and_grad(lambda x: pg.sum(f(x)))(x)[1], True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("outer", NEST)
@pytest.mark.parametrize("inner", NEST)
def test_pairs_and_their_squares(outer: str, inner: str) -> None:
    """outer(inner(f)), and outer(inner(outer(inner(f)))): four transforms deep."""
    f, order = base, 0
    for name in (inner, outer, inner, outer):
        transform, differentiates = NEST[name]
        f, order = transform(f), order + differentiates
        close(f(X), 2.0**order * np.exp(2 * X))


def chosen() -> list[tuple[str, ...]]:
    """A fixed sample of the nests of four different transforms."""
    every = list(itertools.permutations(NEST, 4))
    return [every[i] for i in np.random.default_rng(0).choice(len(every), 60, replace=False)]


@pytest.mark.parametrize("names", chosen(), ids=" of ".join)
def test_four_different_transforms(names: tuple[str, ...]) -> None:
    f, order = base, 0
    for name in reversed(names):
        transform, differentiates = NEST[name]
        f, order = transform(f), order + differentiates
    close(f(X), 2.0**order * np.exp(2 * X))
    if order < 4:
        close(pg.vmap(f)(np.stack([X, V])), 2.0**order * np.exp(2 * np.stack([X, V])))


@pytest.mark.parametrize("device", ["cpu", "strict:device1"])
def test_on_devices(device: str) -> None:
    with pg.device(device):
        x = pg.asarray(X)
        f = NEST["checkpoint"][0](NEST["jvp"][0](NEST["vmap"][0](NEST["grad"][0](base))))
        close(f(x), 4 * np.exp(2 * X))
        g = NEST["jacfwd"][0](NEST["custom_vjp"][0](NEST["linearize"][0](base)))
        close(g(x), 4 * np.exp(2 * X))


def test_per_example_gradients_average_to_the_gradient_of_the_cost() -> None:
    rng = np.random.default_rng(0)
    params = {"w": rng.normal(size=(4, 3)), "b": rng.normal(size=3), "v": rng.normal(size=3)}
    xs, ys = rng.normal(size=(16, 4)), rng.normal(size=16)

    def loss(p: Any, x: Any, y: Any) -> Any:
        return (pg.tanh(x @ p["w"] + p["b"]) @ p["v"] - y) ** 2

    def cost(p: Any) -> Any:
        return pg.mean(pg.vmap(loss, in_axes=(None, 0, 0))(p, xs, ys))

    whole = pg.grad(cost)(params)
    for body in (loss, pg.checkpoint(loss)):
        each = pg.vmap(pg.grad(body), in_axes=(None, 0, 0))(params, xs, ys)
        for name, g in whole.items():
            assert each[name].shape == (16, *g.shape)
            close(np.mean(each[name], axis=0), g)
            close(each[name][3], pg.grad(loss)(params, xs[3], ys[3])[name])


# -- perturbation confusion ---------------------------------------------------------------------


@pytest.mark.parametrize("outer", ["grad", "jvp", "linearize", "jacrev", "vjp"])
@pytest.mark.parametrize("inner", ["grad", "jvp", "linearize", "jacrev", "vjp"])
def test_perturbations_are_told_apart(outer: str, inner: str) -> None:
    """d/dx (x d/dy (x + y)) is 1, and d/dx (x d/dy (x y)) is 2x, whichever modes are mixed."""
    d: dict[str, Any] = {
        "grad": lambda f, x: pg.grad(f)(x),
        "jvp": lambda f, x: pg.jvp(f, (x,), (pg.ones_like(pg.asarray(x)),))[1],
        "linearize": lambda f, x: pg.linearize(f, x)[1](pg.ones_like(pg.asarray(x))),
        "jacrev": lambda f, x: pg.jacrev(f)(x),
        "vjp": lambda f, x: pg.vjp(f, x)[1](1.0)[0],
    }
    for wrap in (lambda f: f, pg.checkpoint):
        one = lambda x, w=wrap: x * d[inner](w(lambda y: x + y), pg.asarray(1.0))
        two = lambda x, w=wrap: x * d[inner](w(lambda y: x * y), pg.asarray(1.0))
        for f, expected in ((one, 1.0), (two, 6.0)):
            close(d[outer](f, pg.asarray(3.0)), expected)
            close(d[outer](wrap(f), pg.asarray(3.0)), expected)


def test_perturbations_across_vmap() -> None:
    f = lambda x: x * pg.sum(pg.vmap(lambda y: pg.grad(lambda z: x * y * z)(1.0))(X))
    assert pg.grad(f)(3.0) == pytest.approx(6 * np.sum(X))
    g = pg.vmap(lambda x: pg.grad(lambda y: y * pg.grad(lambda z: x * z * y)(y))(x))
    close(g(X), 2 * X * X)


# -- arrays that outlive their transform --------------------------------------------------------

LEAKED: dict[str, Any] = {}


def leaking(x: Any) -> Any:
    LEAKED["array"] = pg.sin(x)
    return pg.sum(x)


HERE = f"{__file__}:{leaking.__code__.co_firstlineno}"
RUNS: dict[str, Any] = {
    "pg.grad": lambda f: pg.grad(f)(X),
    "pg.vjp": lambda f: pg.vjp(f, X),
    "pg.jvp": lambda f: pg.jvp(f, (X,), (X,)),
    "pg.vmap": lambda f: pg.vmap(lambda x: f(x))(np.stack([X, X])),
    "pg.linearize": lambda f: pg.linearize(f, X),
    "pg.checkpoint": lambda f: pg.checkpoint(f)(X),
}


@pytest.mark.parametrize("run", RUNS)
def test_a_leak_is_named_with_its_place(run: str) -> None:
    RUNS[run](leaking)
    uses = {
        "multiply": lambda a: a * 2,
        "cos": pg.cos,
        "getitem": lambda a: a[0],
        "concat": lambda a: pg.concat([pg.ones(2), a]),
    }
    for op, use in uses.items():
        with pytest.raises(LeakedArrayError) as caught:
            use(LEAKED["array"])
        message = str(caught.value)
        assert message.startswith(f"{op}: a tracked array is used after the transform")
        assert "pg." in message
        if run != "pg.vmap":  # there a lambda was mapped
            assert HERE in message, message
            assert "in the function leaking" in message
    if run in ("pg.grad", "pg.vjp"):
        assert "the result of sin" in message
        assert "pg.stop_gradient" in message
    for transform in (pg.grad, lambda f: pg.vmap(f, in_axes=0)):
        with pytest.raises(LeakedArrayError):
            transform(lambda y: pg.sum(y * LEAKED["array"]))(X)


def test_a_leak_through_nested_transforms_and_custom_rules() -> None:
    f = pg.custom_vjp(lambda x: x * 1.0)
    f.defvjp(lambda x: (x * 1.0, x), lambda x, g: (g,))
    pg.grad(lambda x: pg.sum(pg.grad(leaking)(x)))(X)
    for use in (f, pg.checkpoint(pg.sin), pg.grad(lambda x: pg.sum(f(x)))):
        with pytest.raises(LeakedArrayError):
            use(LEAKED["array"])


# -- exceptions and threads ---------------------------------------------------------------------

DEEP: dict[str, Any] = {
    "grad": lambda f: pg.grad(lambda x: pg.sum(f(x))),
    "jvp": lambda f: lambda x: pg.jvp(f, (x,), (x,)),
    "vmap": lambda f: lambda x: pg.vmap(f)(pg.stack([x, x])),
    "linearize": lambda f: lambda x: pg.linearize(f, x)[1](x),
    "jacfwd": pg.jacfwd,
    "jacrev": pg.jacrev,
    "hessian": lambda f: pg.hessian(lambda x: pg.sum(f(x))),
    "hvp": lambda f: lambda x: pg.hvp(lambda y: pg.sum(f(y)), (x,), (x,)),
    "checkpoint": lambda f: pg.grad(lambda x: pg.sum(pg.checkpoint(f)(x))),
    "custom_jvp": lambda f: pg.grad(lambda x: pg.sum(by_rule(f, x))),
    "custom_vjp": lambda f: pg.grad(lambda x: pg.sum(by_backward_rule(f, x))),
}


def trusted(x: Any) -> None:
    """A few results by every kind of trace."""
    close(pg.grad(lambda x: pg.sum(x**3))(x), 3 * x**2)
    close(pg.hessian(lambda x: pg.sum(pg.checkpoint(lambda y: y**3)(x)))(x), np.diag(6 * x))
    close(pg.vmap(pg.grad(lambda a: by_rule(base, a)))(x), 2 * np.exp(2 * x))


@pytest.mark.parametrize("outer", DEEP)
@pytest.mark.parametrize("inner", DEEP)
def test_an_exception_anywhere_leaves_the_next_call_clean(outer: str, inner: str) -> None:
    def broken(x: Any) -> Any:
        y = pg.sin(x) * 2
        raise ZeroDivisionError(f"user code {y.shape}")

    for f in (DEEP[outer](broken), DEEP[outer](DEEP[inner](broken))):
        with pytest.raises(ZeroDivisionError, match="user code"):
            f(pg.asarray(X))
        trusted(X)


def test_an_exception_in_the_backward_pass() -> None:
    def boom(xp: Any, g: Any, _ans: Any, _x: Any) -> Any:
        raise ZeroDivisionError("in a rule")

    op = pg.define_op("boom", lambda x: x * 1.0, vjp=boom, batch="leading")
    for wrap in (lambda f: f, pg.checkpoint):
        with pytest.raises(ZeroDivisionError, match="in a rule"):
            pg.grad(lambda x, w=wrap: pg.sum(w(op)(pg.sin(x))))(X)
        trusted(X)


def test_eight_threads_at_once() -> None:
    errors: list[BaseException] = []
    start = threading.Barrier(8)
    shared_out, shared = pg.linearize(lambda x: pg.sin(x) * x, X)
    checkpointed = pg.checkpoint(lambda x, c: pg.sum(c * pg.sin(x) ** 2))

    def work(k: int) -> None:
        try:
            start.wait()
            for _ in range(6):
                c = float(k + 1)
                close(pg.grad(checkpointed)(X, c), c * np.sin(2 * X))
                close(
                    pg.hessian(lambda x, c=c: checkpointed(x, c))(X), np.diag(2 * c * np.cos(2 * X))
                )
                close(shared(c * V), c * V * (np.cos(X) * X + np.sin(X)))
                f = lambda x, c=c: by_backward_rule(lambda y: c * y**3, x)
                close(pg.jacrev(f)(X), np.diag(3 * c * X**2))
                close(
                    pg.vmap(pg.grad(lambda a, c=c: by_rule(lambda y: c * y**3, a)))(X), 3 * c * X**2
                )
                with pytest.raises(ZeroDivisionError):
                    pg.hessian(lambda x: 1 / 0)(X)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, errors
    close(shared_out, np.sin(X) * X)


# -- life time ----------------------------------------------------------------------------------


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@pytest.mark.parametrize("name", [*DEEP, "nest"])
def test_nothing_is_left_to_the_garbage_collector(name: str, no_collector: None) -> None:
    body = lambda x: pg.stack(pg.unstack(pg.tanh(x) * x[0]))
    transform = DEEP["hessian"] if name == "nest" else DEEP[name]
    f = transform(pg.checkpoint(lambda x: by_rule(body, x)) if name == "nest" else body)
    kinds = (Node, pg.Array, Recorder)
    f(X)  # first-call caches
    gc.collect()
    before = sum(type(found) in kinds for found in gc.get_objects())
    for _ in range(3):
        f(X)
    assert sum(type(found) in kinds for found in gc.get_objects()) == before
    assert gc.collect() == 0


def test_a_leaked_array_does_not_make_a_cycle(no_collector: None) -> None:
    """A function that keeps tracked arrays in a list of its own."""

    def run() -> None:
        seen: list[Any] = []

        def f(x: Any) -> Any:
            seen.append(pg.sin(x))
            return pg.sum(seen[-1])

        pg.grad(f)(X)
        pg.jvp(f, (X,), (X,))
        pg.vmap(f)(np.stack([X, X]))
        pg.grad(pg.checkpoint(f))(X)
        seen.clear()
        pg.grad(f)(X)

    run()
    gc.collect()
    run()
    assert gc.collect() == 0


CHAIN = 100_000


def chain(x: Any) -> Any:
    for _ in range(CHAIN):
        x = x * 1.00001
    return x


@pytest.mark.parametrize(
    "mode", ["jvp", "vjp", "vmap", "linearize", "checkpoint", "custom_vjp", "custom_jvp"]
)
def test_a_chain_of_a_hundred_thousand_ops(mode: str) -> None:
    x, factor = np.asarray(2.0), 1.00001**CHAIN
    run: dict[str, Any] = {
        "jvp": lambda: pg.jvp(chain, (x,), (np.asarray(1.0),))[1],
        "vjp": lambda: pg.vjp(chain, x)[1](1.0)[0],
        "vmap": lambda: pg.vmap(chain)(np.ones(2))[1],
        "linearize": lambda: pg.linearize(chain, x)[1](np.asarray(1.0)),
        "checkpoint": lambda: pg.grad(pg.checkpoint(chain))(x),
        "custom_vjp": lambda: pg.grad(lambda x: by_backward_rule(chain, x))(x),
        "custom_jvp": lambda: pg.grad(lambda x: by_rule(chain, x))(x),
    }
    close(run[mode](), factor, rtol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["hvp", "hessian", "jacrev", "checkpoint of hvp"])
def test_a_long_chain_at_second_order(mode: str) -> None:
    f = lambda x: chain(x) * x
    x, factor = np.asarray(2.0), 2 * 1.00001**CHAIN
    run: dict[str, Any] = {
        "hvp": lambda: pg.hvp(f, (x,), (np.asarray(1.0),))[0],
        "hessian": lambda: pg.hessian(f)(x),
        "jacrev": lambda: pg.jacrev(pg.grad(f))(x),
        "checkpoint of hvp": lambda: pg.hvp(pg.checkpoint(f), (x,), (np.asarray(1.0),))[0],
    }
    close(run[mode](), factor, rtol=1e-8)


# -- axes of vmap that do not fit ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("use", "error", "message"),
    [
        (lambda f: pg.vmap(f, in_axes=(0, 0))(X), ArgumentValueError, "2 entries for 1 positional"),
        (
            lambda f: pg.vmap(f, in_axes=1)(X),
            ArgumentValueError,
            r"got 1 for argument \[0\] of sha",
        ),
        (lambda f: pg.vmap(f, in_axes=None)(X), ArgumentValueError, "no argument is mapped"),
        (lambda f: pg.vmap(f, in_axes=({"a": 0},))(X), TreeError, "in_axes: got"),
        (lambda f: pg.vmap(f, in_axes=({"a": 0},))({"b": X, "c": X}), TreeError, "in_axes: got"),
        (lambda f: pg.vmap(f, in_axes=({"a": 0},))({"b": X}), TreeError, "in_axes: got"),
        (lambda f: pg.vmap(f, in_axes=([0],))((X,)), TreeError, "in_axes: got"),
        (lambda f: pg.vmap(f)(X, np.ones(4)), ShapeError, "differ in length.* has 3.* has 4"),
        (lambda f: pg.vmap(f)(3.0), ArgumentTypeError, "float, which has no axis 0"),
        (lambda f: pg.vmap(f, out_axes=1)(X), (ArgumentValueError, IndexError), "axis|axes"),
        (lambda f: pg.vmap(f, out_axes=None)(X), ArgumentValueError, "out_axes: got None"),
        (lambda f: pg.vmap(lambda x: "s")(X), ArgumentTypeError, "returned str"),
        (lambda f: pg.vmap(3)(X), ArgumentTypeError, "vmap: got int"),
    ],
)
def test_axes_that_do_not_fit(use: Any, error: Any, message: str) -> None:
    f = lambda x, *rest: pg.sin(x) if pg.is_array(x) else x
    for wrap in (lambda f: f, lambda f: pg.checkpoint(f) if callable(f) else f):
        with pytest.raises(error, match=message):
            use(wrap(f))
