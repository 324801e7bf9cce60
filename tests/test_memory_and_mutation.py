"""In-place code, memory shared or not, threads, long chains, and reference counting."""

import gc
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import polygrad as pg
from polygrad.core.tape import Node

DEVICES = ["cpu", "strict:device1"]


def close(got: Any, expected: Any, rtol: float = 1e-12) -> None:
    np.testing.assert_allclose(pg.to_numpy(got) if pg.is_array(got) else got, expected, rtol=rtol)


# -- assignment and augmented assignment --------------------------------------------------------


def scaled_prefix(x: Any) -> Any:
    """sum(y**2) with y = (x0 x2, 3 x1, x2 + x0 x2)."""
    y = x * 1
    y[0] = x[0] * x[2]
    y[1:2] *= 3
    y[-1] += y[0]
    return pg.sum(y**2)


def expected_gradient(x: Any) -> Any:
    a, b, c = x
    last = 2 * (c + a * c)
    return [2 * a * c * c + last * c, 18 * b, 2 * a * a * c + last * (1 + a)]


@pytest.mark.parametrize("device", DEVICES)
def test_assignment_is_differentiable(device: str) -> None:
    values = [2.0, 3.0, 5.0]
    x = pg.asarray(values, device=device)
    close(pg.grad(scaled_prefix)(x), expected_gradient(values))
    pg.testing.check_grads(scaled_prefix, (x,), order=3)
    close(x, values)


def test_gradient_of_the_gradient_of_assigning_code() -> None:
    def f(x: Any) -> Any:
        y = pg.zeros(3)
        y[0] = x[0] ** 3
        y[np.asarray([1, 2])] = x * 2
        y[y > 7] = 1.0
        return pg.sum(y**2)

    x = np.asarray([1.5, 2.0])
    second = pg.grad(lambda x: pg.sum(pg.grad(f)(x) ** 2))(x)
    # f = x0**6 + 4 x0**2 + 4 x1**2, so the gradient is (6 x0**5 + 8 x0, 8 x1).
    a = 6 * x[0] ** 5 + 8 * x[0]
    close(second, [2 * a * (30 * x[0] ** 4 + 8), 2 * 8 * x[1] * 8])


def test_a_constant_array_takes_up_tracked_values() -> None:
    def f(x: Any) -> Any:
        out = pg.zeros((2, 2))
        for i in range(2):
            for j in range(2):
                out[i, j] = x[i] * x[j]
        return pg.sum(out * pg.asarray([[1.0, 2.0], [3.0, 4.0]]))

    close(pg.grad(f)(np.asarray([1.0, 2.0])), [2 * 1 + 5 * 2, 5 * 1 + 8 * 2])


@pytest.mark.parametrize("transform", ["grad", "vjp", "jvp", "nested"])
def test_user_memory_is_never_written(transform: str) -> None:
    def f(x: Any) -> Any:
        x[0] = 7.0
        x += 1
        x *= x
        x[x > 1000] = 0.0
        return pg.sum(x)

    raw = np.asarray([1.0, 2.0, 3.0])
    wrapped = pg.asarray(raw, copy=True)
    for x in (raw, wrapped):
        if transform == "grad":
            close(pg.grad(f)(x), [0.0, 6.0, 8.0])
        elif transform == "vjp":
            close(pg.vjp(f, x)[1](1.0)[0], [0.0, 6.0, 8.0])
        elif transform == "jvp":
            close(pg.jvp(f, (x,), (x,))[1], 6.0 * 2 + 8.0 * 3)
        else:
            close(pg.grad(lambda x: pg.sum(pg.grad(f)(x) * x))(x), [0.0, 10.0, 14.0])
        close(x, [1.0, 2.0, 3.0])


def test_an_untracked_argument_is_not_written_either() -> None:
    data = np.asarray([1.0, 2.0])

    def f(w: Any, data: Any) -> Any:
        data[0] = 10.0
        data *= 2
        return pg.sum(w * data)

    close(pg.grad(f)(np.asarray([1.0, 1.0]), data), [20.0, 4.0])
    close(data, [1.0, 2.0])


def test_a_handle_and_its_views_change_and_copies_do_not() -> None:
    x = pg.asarray([1.0, 2.0])
    alias = x
    view, row, copy, result = x[:1], pg.reshape(x, (2, 1)), x.copy(), x * 1.0
    x[0] = 5.0
    x += 1
    assert alias is x
    close(x, [6.0, 3.0])
    close(view, [6.0])
    close(row, [[6.0], [3.0]])
    for kept in (copy, result):
        close(kept, [1.0, 2.0])


def test_augmented_assignment_keeps_shape_and_dtype() -> None:
    x = pg.ones(2, dtype="float32")
    with pytest.raises(pg.errors.PolygradError):
        x += pg.ones((3, 2))
    x += 1.0
    x /= 4
    x **= 2
    x -= 0.25
    assert (x.shape, x.dtype) == ((2,), pg.float32)
    close(x, [0.0, 0.0])
    y = pg.asarray([[1.0, 2.0], [3.0, 4.0]])
    y @= pg.asarray([[0.0, 1.0], [1.0, 0.0]])
    close(y, [[2.0, 1.0], [4.0, 3.0]])


# -- memory of results --------------------------------------------------------------------------


def buffers(value: Any) -> list[Any]:
    return [x for x in pg.tree.leaves(value) if isinstance(x, np.ndarray)]


@pytest.mark.parametrize(
    "f",
    [
        lambda a, b: pg.sum(a + b),
        lambda a, b: pg.sum(a) + pg.sum(b),
        lambda a, b: pg.sum(pg.concat([a, b])),
        lambda a, b: pg.sum(pg.reshape(a, (-1,)) * pg.flip(b)),
        lambda a, b: pg.sum(a * b),
        lambda a, b: pg.sum(pg.broadcast_to(a, (2, 3)) - b),
        lambda a, b: a[0] + b[1],
    ],
    ids=["add", "sums", "concat", "views", "product", "broadcast", "index"],
)
def test_gradients_share_no_memory(f: Any) -> None:
    a, b = np.asarray([1.0, 2.0, 3.0]), np.asarray([4.0, 5.0, 6.0])
    ga, gb = pg.grad(f, argnums=(0, 1))(a, b)
    found = [a, b, ga, gb]
    for i, x in enumerate(found):
        for y in found[i + 1 :]:
            assert not np.shares_memory(x, y)
    for g in (ga, gb):
        assert g.flags.writeable
        g += 1.0  # every element has a place of its own
    close(ga + gb, 2.0 + sum(pg.grad(f, argnums=(0, 1))(a, b)))


def test_pullbacks_do_not_hand_out_the_cotangent() -> None:
    x = np.ones(3)
    _, pullback = pg.vjp(lambda x, y: x + y, x, x)
    ct = np.asarray([1.0, 2.0, 3.0])
    ga, gb = pullback(ct)
    ga[:] = 0
    close(ct, [1.0, 2.0, 3.0])
    close(gb, ct)
    close(pullback(ct)[0], ct)


# -- reference counting ---------------------------------------------------------------------------


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def loss(p: Any) -> Any:
    y = pg.tanh(p["w"] @ p["x"]) + p["b"]
    y[0] = 2 * y[1]
    parts = pg.unstack(pg.reshape(y, (2, 2)))
    return pg.sum(pg.concat(parts) ** 2)


def params() -> Any:
    rng = np.random.default_rng(0)
    return {"w": rng.normal(size=(4, 3)), "x": rng.normal(size=3), "b": rng.normal(size=4)}


@pytest.mark.parametrize("transform", ["grad", "vjp", "jvp", "nested", "raising"])
def test_nothing_is_left_to_the_garbage_collector(transform: str, no_collector: None) -> None:
    p = params()
    runs = {
        "grad": lambda: pg.value_and_grad(loss)(p),
        "vjp": lambda: pg.vjp(loss, p)[1](1.0),
        "jvp": lambda: pg.jvp(loss, (p,), (p,)),
        "nested": lambda: pg.grad(lambda p: pg.sum(pg.grad(loss)(p)["w"] ** 2))(p),
        "raising": lambda: pg.grad(lambda p: loss(p) / None)(p),
    }

    def run() -> None:
        try:
            runs[transform]()
        except TypeError:
            assert transform == "raising"

    run()  # first-call caches
    gc.collect()
    before = sum(type(found) in (Node, pg.Array) for found in gc.get_objects())
    run()
    run()
    assert sum(type(found) in (Node, pg.Array) for found in gc.get_objects()) == before
    if transform != "raising":  # a traceback is a cycle of Python's own
        assert gc.collect() == 0


def test_the_graph_dies_with_its_last_handle(no_collector: None) -> None:
    seen: list[Any] = []

    def f(x: Any) -> Any:
        y = pg.sin(x)
        seen.append(weakref.ref(y))
        return pg.sum(y * y)

    def alive() -> int:  # other tests may keep some
        return sum(type(found) is Node for found in gc.get_objects())

    before = alive()
    _, pullback = pg.vjp(f, np.ones(3))
    assert alive() > before
    del pullback
    assert seen[0]() is None
    assert alive() == before


def test_values_are_freed_during_the_backward_pass(no_collector: None) -> None:
    """A chain keeps what its rules need; a sum of many terms keeps shapes only."""
    kept: list[Any] = []

    def f(x: Any) -> Any:
        total = x
        for _ in range(5):
            total = total + x  # needs neither operand
            kept.append(weakref.ref(total._value))
        return pg.sum(total)

    _, pullback = pg.vjp(f, np.ones(3))
    assert all(ref() is None for ref in kept)
    close(pullback(1.0)[0], np.full(3, 6.0))


def test_a_chain_of_a_hundred_thousand_ops() -> None:
    def f(x: Any) -> Any:
        for _ in range(100_000):
            x = x * 1.00001
        return x

    x = np.asarray(2.0)
    value, grad = pg.value_and_grad(f)(x)
    close(grad, 1.00001**100_000, rtol=1e-9)
    close(value, 2 * 1.00001**100_000, rtol=1e-9)


# -- threads --------------------------------------------------------------------------------------


def test_eight_threads_at_once() -> None:
    """Each thread differentiates its own nested function while the others do."""
    errors: list[BaseException] = []

    def broken(x: Any) -> Any:
        raise KeyError(pg.sin(x))

    start = threading.Barrier(8)

    def work(k: int) -> None:
        try:
            start.wait()
            for step in range(30):
                c = float(k + 1)
                x = np.asarray([0.1 * (step + 1), 0.2])
                first = pg.grad(lambda x, c=c: pg.sum(c * x**3))
                close(first(x), 3 * c * x**2)
                second = pg.grad(lambda x, first=first: pg.sum(first(x) * x))(x)
                close(second, 9 * c * x**2)
                close(pg.jvp(first, (x,), (x,))[1], 6 * c * x**2)
                with pytest.raises(KeyError):
                    pg.grad(broken)(x)
                with pg.device("strict:device1" if k % 2 else "cpu"):
                    assert pg.zeros(1).device == ("strict:device1" if k % 2 else "cpu")
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, errors


def test_one_pullback_shared_by_threads() -> None:
    x = np.linspace(0.1, 1.0, 50)
    out, pullback = pg.vjp(lambda x: pg.exp(pg.sin(x)) * x, x)
    expected = np.exp(np.sin(x)) * (1 + x * np.cos(x))
    found: list[Any] = []
    threads = [
        threading.Thread(target=lambda k=k: found.append((k, pullback(np.full_like(out, k))[0])))
        for k in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    for k, g in found:
        close(g, k * expected)
