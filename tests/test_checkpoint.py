"""checkpoint: the same derivatives in less memory, under every transform, deterministic."""

import sys
import tracemalloc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import polygrad as pg

DEVICES = ["cpu", "strict:device1"]
X = np.asarray([0.5, -1.0, 2.0])


def close(got: Any, expected: Any, rtol: float = 1e-11, atol: float = 1e-12) -> None:
    for a, b in zip(pg.tree.leaves(got), pg.tree.leaves(expected), strict=True):
        a, b = (pg.to_numpy(v) if pg.is_array(v) else v for v in (a, b))
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


def body(p: Any, x: Any) -> Any:
    y = pg.sin(x) * p["w"]
    y[0] = y[1] * x[0]
    parts = pg.unstack(y)
    return {"y": pg.stack(parts) ** 2, "n": 3, "i": pg.argmax(y), "x": x}


def plain(x: Any, wrap: Any = lambda f: f) -> Any:
    out = wrap(body)({"w": x + 1.0, "s": "static"}, x)
    again = wrap(lambda y: pg.sum(y * pg.cos(y)))(out["y"])
    return again + pg.sum(out["x"]) * out["n"]


def kept(x: Any) -> Any:
    return plain(x, pg.checkpoint)


def nested(x: Any) -> Any:
    return pg.checkpoint(kept)(x) + pg.sum(x)


V = np.asarray([1.0, 0.5, -0.3])
TRANSFORMS: dict[str, Callable[[Any], Any]] = {
    "value": lambda f: f(X),
    "grad": lambda f: pg.grad(f)(X),
    "jvp": lambda f: pg.jvp(f, (X,), (V,)),
    "vmap": lambda f: pg.vmap(f)(np.stack([X, V])),
    "hessian": lambda f: pg.hessian(f)(X),
    "hvp": lambda f: pg.hvp(f, (X,), (V,)),
    "linearize": lambda f: pg.linearize(f, X)[1](V),
    "jacfwd": lambda f: pg.jacfwd(f)(X),
    "grad of grad": lambda f: pg.grad(lambda x: pg.sum(pg.grad(f)(x) ** 2))(X),
    "grad of jvp": lambda f: pg.grad(lambda x: pg.jvp(f, (x,), (V,))[1])(X),
    "jvp of jvp": lambda f: pg.jvp(lambda x: pg.jvp(f, (x,), (V,))[1], (X,), (V,)),
    "vmap of grad": lambda f: pg.vmap(pg.grad(f))(np.stack([X, V])),
    "grad of vmap": lambda f: pg.grad(lambda x: pg.sum(pg.vmap(f)(x)))(np.stack([X, V])),
    "vmap over nothing it uses": lambda f: pg.vmap(lambda y: f(X) * y)(V),
    "fourth order": lambda f: pg.hessian(
        lambda x: pg.hvp(lambda y: pg.vmap(f)(y[None, :])[0], (x,), (V,))[0] @ V
    )(X),
}


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_every_transform(transform: str) -> None:
    expected = TRANSFORMS[transform](plain)
    close(TRANSFORMS[transform](kept), expected)
    if transform != "fourth order":
        other = TRANSFORMS[transform](lambda x: plain(x) + pg.sum(x))
        close(TRANSFORMS[transform](nested), other)


@pytest.mark.parametrize("device", DEVICES)
def test_on_other_devices(device: str) -> None:
    with pg.device(device):
        x = pg.asarray(X)
        close(pg.grad(kept)(x), pg.grad(plain)(X))
        close(pg.hessian(kept)(x), pg.hessian(plain)(X))
        pg.testing.check_grads(kept, (x,), order=2)


def test_arguments_and_results() -> None:
    f = pg.checkpoint(lambda a, *, b, n: {"r": [a * b ** int(n)], "k": n})
    out = f(X, b=2.0, n=np.asarray(3))
    assert type(out["r"][0]) is np.ndarray
    close(out["r"][0], 8 * X)
    out = f(pg.asarray(X), b=2.0, n=3)
    assert type(out["r"][0]) is pg.Array
    assert out["k"] == 3
    assert f(2.0, b=3.0, n=1)["r"] == [6.0]
    close(pg.grad(lambda x: pg.sum(f(x, b=x, n=np.asarray(2))["r"][0]))(X), 3 * X**2)
    assert f.__wrapped__ is not None
    with pytest.raises(pg.errors.ArgumentTypeError, match="checkpoint: got int"):
        pg.checkpoint(3)


def test_tracked_arrays_in_closures() -> None:
    """Found wherever the function has them from, and whatever it makes of them first."""
    holder: dict[str, Any] = {}

    def loss(w: Any, wrap: Any) -> Any:
        holder["w"] = w

        def inner(x: Any) -> Any:
            square = holder["w"] * holder["w"]
            return pg.sum(pg.sin(x * w) * square)

        return wrap(inner)(X) + wrap(lambda: pg.sum(w**3))()

    for transform in (pg.grad, pg.hessian):
        got = transform(lambda w: loss(w, pg.checkpoint))(V)
        close(got, transform(lambda w: loss(w, lambda f: f))(V))
    for a in (lambda f: f, pg.checkpoint):
        g = lambda x, a=a: pg.grad(lambda w: pg.sum(a(lambda y: x * y * w)(X) ** 2))(V) @ x
        close(pg.grad(g)(X), 2 * (3 * X**2) * X**2 * V, rtol=1e-10)


def test_a_captured_array_that_is_assigned_to() -> None:
    def loss(w: Any, wrap: Any) -> Any:
        y = w * 1.0

        def inner(x: Any) -> Any:
            first = x * y
            y[0] = 5.0
            return pg.sum(first + x * y)

        return wrap(inner)(X)

    close(
        pg.grad(lambda w: loss(w, pg.checkpoint))(V),
        pg.grad(lambda w: loss(w, lambda f: f))(V),
    )


def test_the_same_random_numbers_and_one_run() -> None:
    """What is repeated are the operations, with the numbers they had."""
    runs: list[Any] = []
    generator = np.random.default_rng(0)

    def noisy(x: Any) -> Any:
        mask = generator.random(3) < 0.5
        runs.append(mask)
        return pg.sin(pg.where(pg.asarray(mask), x, 0.0) * 3.0)

    g = pg.grad(lambda x: pg.sum(pg.checkpoint(noisy)(x)))(X)
    assert len(runs) == 1
    close(g, np.where(runs[0], 3 * np.cos(3 * X), 0.0))

    def dropout(x: Any, key: Any) -> Any:
        return pg.sum(pg.sin(x) * pg.random.uniform(key, (3,)))

    key = pg.random.key(7)
    close(
        pg.grad(lambda x: pg.checkpoint(dropout)(x, key))(X),
        pg.grad(lambda x: dropout(x, key))(X),
        rtol=0.0,
        atol=0.0,
    )


def test_python_control_flow_inside() -> None:
    def f(x: Any) -> Any:
        if x[0] > 0:
            x = x * float(len(x)) * int(pg.argmax(x))
        for _ in range(int(x.shape[0])):
            x = pg.sin(x)
        return pg.sum(x)

    close(pg.grad(pg.checkpoint(f))(X), pg.grad(f)(X))
    with pytest.raises(pg.errors.LostGradientError, match="stop_gradient"):
        pg.grad(pg.checkpoint(lambda x: x * float(x)))(3.0)


def test_an_exception_leaves_the_next_call_clean() -> None:
    leaked: list[Any] = []

    @pg.checkpoint
    def broken(x: Any) -> Any:
        leaked.append(x * 2)
        raise KeyError("user code")

    for use in (pg.grad, pg.hessian, pg.vmap, lambda f: f):
        with pytest.raises(KeyError, match="user code"):
            use(broken)(X)
        close(pg.grad(kept)(X), pg.grad(plain)(X))
        with pytest.raises(pg.errors.LeakedArrayError, match="broken"):
            _ = leaked.pop() + 1


# -- memory -------------------------------------------------------------------------------------

N = 20_000


def block(x: Any) -> Any:
    for _ in range(10):
        x = pg.sin(x) * 1.1
    return x


def deep(x: Any, wrap: Any) -> Any:
    for _ in range(10):
        x = wrap(block)(x)
    return pg.sum(x)


def peak(run: Callable[[], Any]) -> float:
    """The most memory in use at once, in arrays of N doubles."""
    run()
    tracemalloc.start()
    run()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most / (8 * N)


MEMORY = {
    "grad": (lambda f: pg.grad(f), 0.3),
    "hvp": (lambda f: lambda x: pg.hvp(f, (x,), (x,)), 0.3),
    "grad of grad": (lambda f: pg.grad(lambda x: pg.sum(pg.grad(f)(x) ** 2)), 0.3),
    "grad of jvp": (lambda f: pg.grad(lambda x: pg.jvp(f, (x,), (x,))[1]), 0.3),
    "vmap of grad": (lambda f: lambda x: pg.vmap(pg.grad(f))(x[None]), 0.3),
    "grad of vmap": (lambda f: lambda x: pg.grad(lambda y: pg.sum(pg.vmap(f)(y)))(x[None]), 0.3),
}


@pytest.mark.parametrize("name", MEMORY)
def test_peak_memory(name: str) -> None:
    """100 steps in blocks of 10: about 10 blocks and the inside of one, in place of 100."""
    transform, share = MEMORY[name]
    x = np.linspace(0.1, 1.0, N)
    without = peak(lambda: transform(lambda x: deep(x, lambda f: f))(x))
    with_it = peak(lambda: transform(lambda x: deep(x, pg.checkpoint))(x))
    assert without > 100
    assert with_it < share * without, (with_it, without)


def test_nested_checkpoints_save_more() -> None:
    """6 + 60 arrays in one layer of checkpoints, 6 + 6 + 10 in two."""
    x = np.linspace(0.1, 1.0, 3 * N)

    def rounds(x: Any, outer: Any, inner: Any) -> Any:
        for _ in range(6):
            x = outer(lambda y: deep_array(y, inner))(x)
        return pg.sum(x)

    def deep_array(x: Any, inner: Any) -> Any:
        for _ in range(6):
            x = inner(block)(x)
        return x

    one = peak(lambda: pg.grad(lambda x: rounds(x, pg.checkpoint, lambda f: f))(x)) / 3
    two = peak(lambda: pg.grad(lambda x: rounds(x, pg.checkpoint, pg.checkpoint))(x)) / 3
    assert one > 60
    assert two < 35


def test_what_is_computed_inside_is_freed_and_computed_again() -> None:
    """The values themselves: none outlives the forward run."""
    inside: list[Any] = []

    def f(x: Any) -> Any:
        y = pg.sin(x)
        inside.append(weakref.ref(y._value))
        return pg.cos(y)

    x = np.ones(5)
    _, pullback = pg.vjp(pg.checkpoint(f), x)
    assert inside[0]() is None
    close(pullback(np.ones(5))[0], -np.sin(np.sin(x)) * np.cos(x))
    close(pullback(np.ones(5))[0], -np.sin(np.sin(x)) * np.cos(x))
    _, pullback = pg.vjp(f, x)
    assert inside[1]() is not None


def test_a_backward_pass_frees_on_its_way() -> None:
    """Each layer keeps two arrays; its gradient takes the place of them."""
    ws = [np.full(N, 1.0 + i / 20) for i in range(20)]

    def loss(ws: Any) -> Any:
        x = ws[0]
        for w in ws[1:]:
            x = pg.sin(x * w)
        return pg.sum(x)

    assert peak(lambda: pg.grad(loss)(ws)) < 2 * 20 + 8
    at_hand = peak(lambda: pg.vjp(loss, ws)[1](1.0))  # a pullback may be called again
    assert at_hand > 2.5 * 20


def deeply(n):
    """A function inside ``n`` checkpoints."""

    def f(x):
        return pg.sum(pg.tanh(x))

    for _ in range(n):
        f = pg.checkpoint(lambda x, f=f: f(x) * 1.001)
    return f


def test_a_hundred_and_fifty_inside_one_another():
    limit, x = sys.getrecursionlimit(), np.asarray([0.3, 0.1])
    expected = 1.001**150 * (1 - np.tanh(x) ** 2)
    for f in (pg.grad(deeply(150)), pg.jit(pg.grad(deeply(150)))):
        np.testing.assert_allclose(f(x), expected, rtol=1e-12)
    assert sys.getrecursionlimit() == limit


def test_too_many_inside_one_another_are_refused_by_name():
    with pytest.raises(pg.errors.ArgumentValueError, match="checkpoint: 500 checkpointed"):
        deeply(510)(np.ones(2))
