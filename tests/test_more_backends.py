"""PyTorch, JAX and Dask: the same rules on their arrays, checked against NumPy's."""

import importlib.util
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import polygrad as pg
from polygrad.errors import (
    BackendError,
    DeviceError,
    DeviceUnavailableError,
    IndexingError,
    LostGradientError,
    MixedArraysError,
)

pytestmark = pytest.mark.backends
LIBRARIES = ("torch", "jax", "dask")


@pytest.fixture(params=LIBRARIES)
def place(request: pytest.FixtureRequest) -> pg.Device:
    pytest.importorskip(request.param)
    return pg.device(request.param)


def put(array: Any, place: pg.Device) -> Any:
    """A library array with the data of a NumPy array."""
    return place.backend.from_host(np.asarray(array), None, place.raw)


def sample(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


X, Y, I = sample(4, 3), sample(3, 5, seed=1), np.array([0, 2, 2, 1])


def setitem(x: Any, i: Any) -> Any:
    y = x * 1
    y[1, :] = x[0, :] * 2
    y[:, 0] = 5.0
    y[i[:2]] = x[2:, :]
    return pg.sum(y * y)


FUNCTIONS = {
    "elementwise": lambda x, y, i: pg.sum(pg.tanh(x) * pg.exp(-(x**2)) + pg.log1p(x * x) / 3),
    "broadcast": lambda x, y, i: pg.sum(x * x[0, :] + x[:, :1]),
    "reductions": lambda x, y, i: pg.sum(pg.mean(x, axis=0) * pg.max(x, axis=0) + pg.std(x)),
    "product": lambda x, y, i: pg.prod(x[:, 0] + 2) + pg.cumulative_sum(x[:, 1])[2],
    "matmul": lambda x, y, i: pg.sum(pg.sin(x @ y)) + (x[0, :] @ x[1, :]),
    "slices": lambda x, y, i: pg.sum(x[1:3, ::-2] ** 2) + x[-1, 0] + pg.sum(x[::-1, None, 1]),
    "integer arrays": lambda x, y, i: pg.sum(x[i] ** 2 + pg.sum(x[i, i[:1]] ** 3)),
    "number and array": lambda x, y, i: pg.sum(x[i, 1] * pg.asarray(x)[1, i[1:] % 3][0]),
    "take": lambda x, y, i: pg.sum(pg.take(y, i, axis=1) ** 2),
    "where": lambda x, y, i: pg.sum(pg.where(x > 0, x * x, -x)),
    "maximum": lambda x, y, i: pg.sum(pg.maximum(x, 0.0) ** 2 + pg.clip(x, -0.5, 0.5)),
    "extremes": lambda x, y, i: pg.max(x) * pg.min(x),
    "logsumexp": lambda x, y, i: pg.sum(pg.logsumexp(x, axis=1) ** 2),
    "softmax": lambda x, y, i: pg.sum(pg.softmax(x, axis=0)[0, :] ** 2),
    "concat": lambda x, y, i: pg.sum(pg.concat([x, x * 2, x[:1, :]]) ** 3),
    "stack": lambda x, y, i: pg.sum(pg.stack([x, x.T.reshape(4, 3)], axis=1) ** 3),
    "setitem": lambda x, y, i: setitem(x, i),
    "at": lambda x, y, i: pg.sum(pg.at(x)[i].add(x) ** 2),
    "sort": lambda x, y, i: pg.sum(pg.sort(x, axis=0) * x),
    "solve": lambda x, y, i: pg.sum(pg.linalg.solve(x.T @ x + pg.ones_like(x.T @ x), y)),
    "fft": lambda x, y, i: pg.sum(pg.abs(pg.fft.fft(x, axis=0))),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients_equal_numpys(place: pg.Device, name: str) -> None:
    f = FUNCTIONS[name]
    expected = pg.value_and_grad(f)(X, Y, I)
    x = put(X, place)
    value, g = pg.value_and_grad(f)(x, put(Y, place), put(I, place))
    assert type(g) is type(x)
    assert g.dtype == x.dtype
    assert pg.device_of(g) == place
    np.testing.assert_allclose(pg.to_numpy(value), expected[0], rtol=1e-4)
    np.testing.assert_allclose(pg.to_numpy(g), expected[1], rtol=1e-3, atol=2e-5)
    wrapped = pg.grad(f)(pg.asarray(x), pg.asarray(put(Y, place)), pg.asarray(put(I, place)))
    assert type(wrapped) is pg.Array
    assert wrapped.device == place
    np.testing.assert_allclose(pg.to_numpy(x), X)  # nothing was written into


@pytest.mark.parametrize("name", ["elementwise", "matmul", "softmax", "integer arrays", "setitem"])
def test_second_order(place: pg.Device, name: str) -> None:
    f = FUNCTIONS[name]

    def along(x: Any, y: Any, i: Any) -> Any:
        return pg.sum(pg.cos(pg.grad(f)(x, y, i)))

    found = pg.grad(along)(*(put(a, place) for a in (X, Y, I)))
    np.testing.assert_allclose(pg.to_numpy(found), pg.grad(along)(X, Y, I), rtol=2e-3, atol=1e-4)
    pushed = pg.jvp(lambda x: pg.grad(f)(x, put(Y, place), put(I, place)), (put(X, place),),
                    (put(np.ones_like(X), place),))[1]  # fmt: skip
    straight = pg.jvp(lambda x: pg.grad(f)(x, Y, I), (X,), (np.ones_like(X),))[1]
    np.testing.assert_allclose(pg.to_numpy(pushed), straight, rtol=2e-3, atol=1e-4)


def train(put: Any, steps: int = 8) -> list[Any]:
    """The parameters after each step of training a network by gradient descent."""
    inputs, labels = put(sample(16, 6)), put(np.arange(16) % 3)
    params = {
        "w": [put(sample(6, 8, seed=2) * 0.4), put(sample(8, 3, seed=3) * 0.4)],
        "b": [put(np.zeros(8, np.float32)), put(np.zeros(3, np.float32))],
    }

    def loss(params: Any) -> Any:
        x = pg.tanh(inputs @ params["w"][0] + params["b"][0])
        logits = x @ params["w"][1] + params["b"][1]
        picked = pg.take_along_axis(logits, labels[:, None], axis=1)
        return pg.mean(pg.logsumexp(logits, axis=1) - picked[:, 0])

    history = []
    for _ in range(steps):
        value, grads = pg.value_and_grad(loss)(params)
        params = pg.tree.map(lambda p, g: p - 0.5 * g, params, grads)
        history.append((value, params))
    return history


def test_training_is_numpys_step_by_step(place: pg.Device) -> None:
    expected = train(lambda a: a)
    found = train(lambda a: put(a, place))
    assert float(pg.asarray(found[-1][0])) < 0.8 * float(expected[0][0])
    for (value, params), (reference, theirs) in zip(found, expected, strict=True):
        np.testing.assert_allclose(pg.to_numpy(value), reference, rtol=1e-5)
        for p, q in zip(pg.tree.leaves(params), pg.tree.leaves(theirs), strict=True):
            assert pg.device_of(p) == place
            np.testing.assert_allclose(pg.to_numpy(p), q, rtol=1e-4, atol=1e-6)


def test_libraries_do_not_mix(place: pg.Device) -> None:
    x = put(X, place)
    for other in (X, pg.asarray(X, device="cpu")):
        with pytest.raises(MixedArraysError, match=r"numpy.*device="):
            pg.add(pg.asarray(x), other)
    with pytest.raises(MixedArraysError, match=place.backend.name):
        pg.grad(lambda x: pg.sum(x * X))(x)
    # A library's own scalar is a number to every other library.
    assert pg.grad(lambda x: pg.sum(x * np.float64(2)))(x).dtype == x.dtype


@pytest.mark.parametrize("other", ["cpu", *LIBRARIES])
def test_moving_is_differentiable(place: pg.Device, other: str) -> None:
    if other != "cpu":
        pytest.importorskip(other)
    x = put(X, place)

    def f(x: Any) -> Any:
        away = pg.to_device(x, other)
        assert away.device.backend is pg.device(other).backend
        back = pg.to_device(away * away, place)
        return pg.sum(back * x)

    g = pg.grad(f)(x)
    assert type(g) is type(x)
    np.testing.assert_allclose(pg.to_numpy(g), 3 * X**2, rtol=1e-6)
    there = pg.to_device(pg.asarray(X, device=other), place)
    assert there.device == place
    assert there.dtype == pg.float32


def test_dlpack(place: pg.Device) -> None:
    made = pg.from_dlpack(X, device=place)
    assert made.device == place
    np.testing.assert_array_equal(pg.to_numpy(made), X)
    if place.backend.name == "dask":
        with pytest.raises(BackendError, match="to_numpy"):
            np.from_dlpack(made)
        return
    np.testing.assert_array_equal(np.from_dlpack(made), X)
    back = pg.from_dlpack(put(X, place))
    assert back.device == place
    assert pg.from_dlpack(put(X, place), device="cpu").device == "cpu"
    with pytest.raises(LostGradientError, match="__dlpack__"):
        pg.grad(lambda x: pg.sum(pg.from_dlpack(x.__dlpack__())))(put(X, place))


def test_results_share_no_memory(place: pg.Device) -> None:
    """Gradients can be written to, where the library writes at all."""
    x, y = put(X, place), put(X, place)
    g, h = pg.grad(lambda x, y: pg.sum(x + y), argnums=(0, 1))(x, y)
    if place.backend.name != "jax":
        g[0, 0] = 7.0
    _, pullback = pg.vjp(lambda x: x, x)
    cotangent = put(np.ones_like(X), place)
    (same,) = pullback(cotangent)
    if place.backend.name != "jax":
        same[0, 0] = 9.0
    for untouched, expected in ((h, 1), (cotangent, 1), (x, X), (y, X)):
        np.testing.assert_array_equal(pg.to_numpy(untouched), expected * np.ones_like(X))


def test_devices(place: pg.Device) -> None:
    name = place.backend.name
    assert place in pg.devices()
    on_the_host = {"torch": "torch:cpu", "jax": "jax:cpu", "dask": "dask"}[name]
    assert pg.device(f"{name}:cpu") == on_the_host
    assert pg.zeros(2, device=name).device == place
    with pg.device(name):
        assert pg.sin(1.0).device == place
        assert pg.ones(3).device == place
        assert pg.grad(lambda x: x * x)(3.0) == 6.0
    with pytest.raises(DeviceUnavailableError, match=f"{name}.*nonsense"):
        pg.device(f"{name}:nonsense")
    with pytest.raises(DeviceError, match="to_numpy"):
        np.asarray(pg.ones(2, device=name))
    assert place.backend.version()
    place.synchronize()
    assert place.backend.memory(place.raw) is None or len(place.backend.memory(place.raw)) == 2


def test_a_library_that_is_not_there(place: pg.Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    name = place.backend.name
    assert place.backend.version() is None
    with pytest.raises(DeviceUnavailableError, match=rf"not installed.*polygrad-xp\[{name}\]"):
        pg.device(name)


def test_integers(place: pg.Device) -> None:
    x = pg.asarray([1, 2, 3], device=place)
    assert pg.sum(x).item() == 6
    assert pg.sum(x).dtype == x.dtype
    assert pg.sum(pg.astype(x, pg.int8)).item() == 6
    assert pg.sum(pg.astype(x, pg.uint8)).item() == 6
    assert pg.repeat(x, 2).tolist() == [1, 1, 2, 2, 3, 3]
    floats = pg.asarray([1.0, 2.0, 3.0], device=place)
    for dtype in (pg.int8, pg.uint8, pg.int16, pg.int32):  # as an index, never as a mask
        at = pg.astype(pg.asarray([1, 0, 1], device=place), dtype)
        assert pg.grad(lambda x, at=at: pg.sum(x[at] ** 2))(floats).tolist() == [2.0, 8.0, 0.0]


def test_bad_indices(place: pg.Device) -> None:
    x = pg.ones((2, 3), device=place)
    for key in (2, -3, (0, 3), (0, 0, 0)):
        with pytest.raises(IndexingError):
            x[key]


def test_a_second_process_imports_no_library() -> None:
    code = (
        "import polygrad as pg, sys\n"
        "pg.grad(lambda x: x * x)(3.0); pg.is_array([1]); pg.zeros(2) + 1\n"
        "print([name for name in ('torch', 'jax', 'dask.array') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_per_example_gradients(place: pg.Device) -> None:
    def f(row: Any, y: Any) -> Any:
        return pg.sum(pg.softmax(row @ y) ** 2) + row[0] * pg.max(row)

    found = pg.vmap(pg.grad(f), in_axes=(0, None))(put(X, place), put(Y, place))
    expected = pg.vmap(pg.grad(f), in_axes=(0, None))(X, Y)
    assert pg.device_of(found) == place
    np.testing.assert_allclose(pg.to_numpy(found), expected, rtol=1e-4, atol=1e-6)


def test_per_example_indices(place: pg.Device) -> None:
    def f(row: Any, i: Any) -> Any:
        return pg.sum(row[i] ** 2) + pg.sum(pg.index_set(row, 3.0, i) * pg.take(row, i)[0])

    at = np.array([[0, 2], [1, 1], [2, 0], [0, 1]])
    found = pg.vmap(pg.value_and_grad(f))(put(X, place), put(at, place))
    for got, expected in zip(found, pg.vmap(pg.value_and_grad(f))(X, at), strict=True):
        assert pg.device_of(got) == place
        np.testing.assert_allclose(pg.to_numpy(got), expected, rtol=1e-4, atol=1e-6)


def test_random_numbers_are_the_same_everywhere(place: pg.Device) -> None:
    key = pg.random.key(7)
    for draw in (
        lambda device: pg.random.bits(key, (5,), device=device),
        lambda device: pg.random.uniform(key, (5,), dtype=pg.float32, device=device),
        lambda device: pg.random.permutation(key, 9, device=device),
    ):
        made = draw(place)
        assert made.device == place
        np.testing.assert_array_equal(pg.to_numpy(made), pg.to_numpy(draw("cpu")))
