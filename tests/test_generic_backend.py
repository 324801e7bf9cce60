"""Array classes that follow the standard and have no backend of their own."""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from plain_arrays import library

import polygrad as pg
from polygrad.backend import register_namespace
from polygrad.errors import (
    ArgumentTypeError,
    BackendError,
    DTypeError,
    IndexingError,
    MixedArraysError,
)

pytestmark = pytest.mark.usefixtures("kept_registry")


PLAIN = library("plainlibrary")
BARE = library(
    "barelibrary",
    lacking=(
        "moveaxis", "unstack", "clip", "take_along_axis", "count_nonzero", "hypot", "maximum",
        "minimum", "reciprocal", "cumulative_sum", "cumulative_prod", "signbit", "vecdot",
    ),
)  # fmt: skip


def sample(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=shape)


def put(value: Any, xp: Any = PLAIN) -> Any:
    value = np.asarray(value)
    return xp.asarray(value.tolist(), dtype=value.dtype)


def host(value: Any) -> Any:
    return pg.tree.map(lambda leaf: pg.to_numpy(leaf) if pg.is_array(leaf) else leaf, value)


X, Y, I = sample(4, 3), sample(3, 5, seed=1), np.array([0, 2, 2, 1])


def assigned(x: Any, i: Any) -> Any:
    y = x * 1
    y[1, :] = x[0, :] * 2
    y[:, ::-2] = 5.0
    y[i[:2]] = x[2:, :]
    y[i, 1] = x[i, 0] ** 2
    return pg.sum(y * y)


FUNCTIONS = {
    "elementwise": lambda x, y, i: pg.sum(pg.tanh(x) * pg.exp(-(x**2)) + pg.log1p(x * x) / 3),
    "broadcast": lambda x, y, i: pg.sum(x * x[0, :] + x[:, :1]),
    "reductions": lambda x, y, i: pg.sum(pg.mean(x, axis=0) * pg.max(x, axis=0) + pg.std(x)),
    "product": lambda x, y, i: pg.prod(x[:, 0] + 2) + pg.cumulative_sum(x[:, 1])[2],
    "running": lambda x, y, i: pg.sum(pg.cumulative_prod(x, axis=1, include_initial=True) ** 2),
    "matmul": lambda x, y, i: pg.sum(pg.sin(x @ y)) + (x[0, :] @ x[1, :]),
    "slices": lambda x, y, i: pg.sum(x[1:3, ::-2] ** 2) + x[-1, 0] + pg.sum(x[::-1, None, 1]),
    "integer arrays": lambda x, y, i: pg.sum(x[i] ** 2 + pg.sum(x[i, i[:1]] ** 3)),
    "take": lambda x, y, i: pg.sum(pg.take(y, i, axis=1) ** 2 + pg.sum(pg.take(x, i, axis=0) ** 3)),
    "along": lambda x, y, i: pg.sum(pg.take_along_axis(x, i[:, None] % 3, axis=1) ** 2),
    "where": lambda x, y, i: pg.sum(pg.where(x > 0, x * x, -x) + pg.clip(x, -0.5, 0.5) ** 2),
    "extremes": lambda x, y, i: pg.max(x) * pg.min(x) + pg.sum(pg.hypot(x, pg.maximum(x, 0.5))),
    "softmax": lambda x, y, i: pg.sum(pg.softmax(x, axis=0)[0, :] ** 2) + pg.logsumexp(x),
    "joined": lambda x, y, i: pg.sum(pg.concat([x, pg.stack([x[0, :], x[1, :]])]) ** 3),
    "assigned": lambda x, y, i: assigned(x, i),
    "at": lambda x, y, i: pg.sum(pg.at(x)[i].add(x) ** 2),
    "sort": lambda x, y, i: pg.sum(pg.sort(x, axis=0) * x),
    "solve": lambda x, y, i: pg.sum(pg.linalg.solve(x.T @ x + pg.ones_like(x.T @ x), y)),
    "fft": lambda x, y, i: pg.sum(pg.abs(pg.fft.fft(x, axis=0))),
    "erf": lambda x, y, i: pg.sum(pg.special.erf(x) * pg.special.gammaln(pg.abs(x) + 1)),
    "scan": lambda x, y, i: pg.scan(lambda c, r: (pg.tanh(c + r), pg.sum(c)), x[0, :], x)[1][3],
    "checkpoint": lambda x, y, i: pg.checkpoint(lambda x: pg.sum(pg.tanh(x) ** 2))(x),
    "vmap": lambda x, y, i: pg.sum(pg.vmap(lambda r, k: r[k] ** 2 * pg.max(r))(x, i)),
}


@pytest.mark.parametrize("xp", [PLAIN, BARE], ids=["plain", "bare"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_transform_gives_numpys_answer(name: str, xp: Any) -> None:
    f = FUNCTIONS[name]
    arrays = [put(a, xp) for a in (X, Y, I)]
    for g in (
        pg.value_and_grad(f),
        pg.jit(pg.grad(f)),
        pg.grad(lambda x, y, i: pg.sum(pg.cos(pg.grad(f)(x, y, i)))),
        lambda x, y, i: pg.jvp(lambda x: pg.grad(f)(x, y, i), (x,), (x * 2.0,))[1],
    ):
        expected, found = g(X, Y, I), g(*arrays)
        for a, b in zip(pg.tree.leaves(found), pg.tree.leaves(expected), strict=True):
            assert type(a) is type(arrays[0])
            np.testing.assert_allclose(host(a), b, rtol=1e-9, atol=1e-11)
    for array, untouched in zip(arrays, (X, Y, I), strict=True):
        np.testing.assert_array_equal(host(array), untouched)


def test_masks() -> None:
    f = lambda x: pg.sum(x[pg.stop_gradient(x) > 0] ** 3)
    np.testing.assert_allclose(host(pg.grad(f)(put(X))), pg.grad(f)(X), rtol=1e-12)


def test_hessian_linearize_and_vjp() -> None:
    f = lambda x: pg.sum(pg.sin(x) * x[::-1])
    x = put(sample(3))
    np.testing.assert_allclose(host(pg.hessian(f)(x)), pg.hessian(f)(sample(3)), rtol=1e-12)
    out, pullback = pg.vjp(lambda x: x * x, x)
    np.testing.assert_allclose(host(pullback(out)[0]), 2 * sample(3) ** 3, rtol=1e-12)
    assert type(pg.linearize(lambda x: x * x, x)[1](x)) is type(x)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("places", [[0, 0, 0, 0, 0], [2, 1, 2, 1, 2], [3, 1, 2, 0, -4], [4] * 5])
def test_scattered_sums_at_repeated_places(places: list[int], dtype: str) -> None:
    x = sample(5, 2).astype(dtype)
    f = lambda x, i: pg.sum(pg.abs(x[i] ** 2))
    i = np.asarray(places)
    np.testing.assert_allclose(
        host(pg.grad(f)(put(x), put(i))),
        pg.grad(f)(x, i),
        rtol=1e-5,
    )
    empty = np.zeros((0,), dtype=np.int64)
    assert not host(pg.grad(f)(put(x), put(empty))).any()


def test_devices_conversions_and_printing() -> None:
    x = put(X)
    assert pg.device_of(x) == "plainlibrary"
    place = pg.device("plainlibrary")
    assert place in pg.devices()
    assert pg.device("plainlibrary:cpu") == place
    assert repr(pg.asarray(put([1.0, 2.0]))) == (
        "Array([1., 2.], dtype=float64, device=plainlibrary)"
    )
    assert pg.asarray(put(2.5)).item() == 2.5
    made = pg.asarray(X, device=place)
    assert type(made._value) is type(x)
    np.testing.assert_array_equal(pg.to_numpy(made), X)
    assert pg.to_device(x, "cpu") is not x
    assert pg.to_device(pg.asarray(x), "cpu").device == "cpu"
    for dtype in ("bool", "int8", "uint8", "uint64", "float32", "complex64"):
        value = np.arange(6).reshape(2, 3).astype(dtype)
        back = pg.to_numpy(pg.asarray(value, device=place))
        assert back.dtype == value.dtype
        np.testing.assert_array_equal(back, value)
        assert pg.asarray(value[:, :0], device=place).shape == (2, 0)
    with pg.device(place):
        assert pg.zeros(2).device == place
        assert pg.grad(lambda x: x * x)(3.0) == 6.0
    bits = [
        pg.to_numpy(pg.random.uniform(pg.random.key(7), (5,), device=d)) for d in ("cpu", place)
    ]
    np.testing.assert_array_equal(*bits)


def test_operands() -> None:
    x = put(X)
    expected = pg.grad(lambda x: pg.sum(x * 2 + x * np.float64(3) + True))(X)
    found = pg.grad(lambda x: pg.sum(x * 2 + x * np.float64(3) + True))(x)
    np.testing.assert_array_equal(host(found), expected)
    constant = pg.asarray(x)
    found = pg.grad(lambda x: pg.sum(x * constant))(x)
    np.testing.assert_array_equal(host(found), X)
    with pytest.raises(MixedArraysError, match="plainlibrary and numpy"):
        pg.grad(lambda x: pg.sum(x * X))(x)
    for key in (4, (0, 3), (0, 0, 0)):
        with pytest.raises(IndexingError):
            pg.asarray(x)[key]


def test_what_a_library_lacks_is_named_with_a_remedy() -> None:
    xp = library("sortless", lacking=("sort", "linalg"))
    with pytest.raises(BackendError, match=r"sort.*sortless.*to_device"):
        pg.sort(put(X, xp))
    with pytest.raises(BackendError, match=r"sortless has no linalg.*to_device"):
        pg.linalg.inv(put(X[:3], xp))


def test_a_wrong_take_is_put_right() -> None:
    """As in cubed 0.27: as many indices as elements were taken for all of them."""
    whole = lambda take: lambda x, i, **o: x if x.shape == i.shape else take(x, i, **o)
    xp = library("idle", take=whole)
    f = lambda x, i: pg.sum(x[i] * pg.take(x, i, axis=0) ** 2 * pg.asarray(x[0]))
    x, i = sample(4), np.asarray([3, 0, 0, 2])
    np.testing.assert_allclose(host(pg.grad(f)(put(x, xp), put(i, xp))), pg.grad(f)(x, i))


class Labelled:
    """An array with names of axes: it leads to NumPy's namespace, and gives NumPy's arrays back."""

    dtype, shape = np.dtype("float64"), (2,)

    def __array_namespace__(self, **options: Any) -> Any:
        return np

    def __getitem__(self, key: Any) -> Any:
        return 1.0

    __add__ = __getitem__


class Partly(Labelled):
    def __array_namespace__(self, **options: Any) -> Any:
        return SimpleNamespace(asarray=lambda value: Partly(), add=None)


class Broken(Labelled):
    def __array_namespace__(self, **options: Any) -> Any:
        raise AttributeError("no namespace today")


@pytest.mark.parametrize(
    ("cls", "reason"),
    [(Labelled, "another class, numpy.ndarray"), (Partly, "lacks .*broadcast_to"),
     (Broken, "no namespace today")],
)  # fmt: skip
def test_what_only_claims_to_follow_the_standard_is_not_taken(cls: type, reason: str) -> None:
    assert not pg.is_array(cls())
    with pytest.raises(DTypeError, match=reason):
        pg.grad(lambda x: x)(cls())
    with pytest.raises(ArgumentTypeError):
        pg.sin(cls())


def test_register_namespace() -> None:
    xp = library("numpy")  # a name that is taken
    backend = register_namespace(xp, "numpy")
    assert backend.name == "numpy2"
    assert register_namespace(xp) is backend
    assert pg.ones(2, device="numpy2").tolist() == [1.0, 1.0]
    with pytest.raises(BackendError, match="'math' has an asarray that failed"):
        register_namespace(math)


def test_a_record_comes_too_late_for_arrays_in_use() -> None:
    xp = library("early")
    x = put(X, xp)
    assert pg.is_array(x)

    class Late(pg.backend.Backend):
        name, array_classes = "late", ("early:Plain",)

    with pytest.raises(BackendError, match="in use already, by the generic backend 'early'"):
        pg.backend.register_backend(Late())


@pytest.mark.backends
@pytest.mark.parametrize("name", ["ndonnx", "sparse", "cubed"])
def test_libraries_without_a_record(name: str) -> None:
    xp = pytest.importorskip(name)
    backend = register_namespace(xp)
    arrays = [backend.from_host(a, None, pg.device(backend.name).raw) for a in (X, Y, I)]
    for word in ("elementwise", "broadcast", "reductions", "where", "integer arrays", "at"):
        f = FUNCTIONS[word] if word != "broadcast" else lambda x, y, i: pg.sum(x * x[0, :] * 2.0)
        for g in (pg.grad(f), pg.jit(pg.grad(f))):
            found = g(*arrays)
            assert type(found) is type(arrays[0])
            np.testing.assert_allclose(host(found), g(X, Y, I), rtol=1e-7, atol=1e-9)
    with pytest.raises(BackendError, match=f"{name}.*to_device"):
        pg.linalg.solve(arrays[0][:3, :], arrays[0][:3, :])
