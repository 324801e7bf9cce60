"""Dask's own ways: nothing is computed before it is asked for, and shapes may be unknown."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import polygrad as pg
from polygrad.errors import BackendError, ShapeError

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
pytestmark = pytest.mark.backends

X = np.random.default_rng(0).normal(size=(6, 4))
I = np.array([3, 0, 3])


@pytest.fixture
def computed() -> Iterator[list[int]]:
    """One entry for each computation that ran."""
    runs: list[int] = []

    def scheduler(graph: Any, keys: Any, **options: Any) -> Any:
        runs.append(len(keys))
        return dask.get(graph, keys, **options)

    with dask.config.set(scheduler=scheduler):
        yield runs


def chunked(array: Any = X, chunks: Any = 2) -> Any:
    return da.from_array(array, chunks=chunks)


LAZY = {
    "elementwise": lambda x, i: pg.sum(pg.tanh(x) * pg.exp(x)),
    "matmul": lambda x, i: pg.sum(pg.sin(x @ x.T)),
    "reductions": lambda x, i: pg.sum(pg.max(x, axis=0) * pg.std(x, axis=0)) + pg.mean(x),
    "softmax": lambda x, i: pg.logsumexp(x) + pg.sum(pg.softmax(x, axis=1)[:, 0] ** 2),
    "slices": lambda x, i: pg.sum(x[::-2, 1:] ** 2) + x[0, None, 2][0] ** 2,
    "one array": lambda x, i: pg.sum(x[i] ** 2) + pg.sum(x[:, i % 2] ** 3),
    "two arrays": lambda x, i: pg.sum(x[i, i] ** 2) + pg.sum(x[i[:, None], i % 2] ** 3),
    "a table of arrays": lambda x, i: pg.sum(x[pg.stack([i, i])] ** 2),
    "setitem": lambda x, i: pg.sum(pg.index_set(x * 2, x[:3, :] ** 2, (i,)) ** 2),
    "reshape": lambda x, i: pg.sum(pg.reshape(x, (8, 3))[1, :] ** 2),
    "sort": lambda x, i: pg.sum(pg.sort(x, axis=1) * x),
    "fft": lambda x, i: pg.sum(pg.abs(pg.fft.rfft(x, axis=0))),
    "linalg": lambda x, i: pg.sum(pg.linalg.inv(x.T @ x)) + pg.linalg.slogdet(x.T @ x)[1],
    "svd": lambda x, i: pg.sum(pg.linalg.svdvals(x) ** 2) + pg.sum(pg.linalg.qr(x)[1] ** 2),
}


@pytest.mark.parametrize("name", LAZY)
def test_values_and_gradients_are_lazy(computed: list[int], name: str) -> None:
    f = LAZY[name]
    value, g = pg.value_and_grad(f)(chunked(), chunked(I))
    tangent = pg.jvp(lambda x: f(x, chunked(I)), (chunked(),), (chunked(X * 2),))[1]
    second = pg.grad(lambda x: pg.sum(pg.grad(f)(x, chunked(I)) ** 2))(chunked())
    assert computed == []
    assert all(type(array) is da.Array for array in (value, g, tangent, second))
    assert (g.shape, g.dtype, g.numblocks != ()) == (X.shape, X.dtype, True)
    expected = pg.value_and_grad(f)(X, I)
    np.testing.assert_allclose(value.compute(), expected[0], rtol=1e-10)
    assert len(computed) == 1
    np.testing.assert_allclose(g.compute(), expected[1], rtol=1e-9, atol=1e-12)
    straight = pg.jvp(lambda x: f(x, I), (X,), (X * 2,))[1]
    np.testing.assert_allclose(tangent.compute(), straight, rtol=1e-9)
    twice = pg.grad(lambda x: pg.sum(pg.grad(f)(x, I) ** 2))(X)
    np.testing.assert_allclose(second.compute(), twice, rtol=1e-7, atol=1e-9)


def test_only_asking_computes(computed: list[int]) -> None:
    x = pg.asarray(chunked())
    y = pg.sum(x * x)
    y.shape, y.dtype, y.device, len(x)
    assert computed == []
    expected = np.sum(X * X)
    for ask in (lambda: y.item(), lambda: float(y), lambda: pg.to_numpy(y),
                lambda: pg.to_device(y, "cpu").item()):  # fmt: skip
        computed.clear()
        np.testing.assert_allclose(ask(), expected)
        assert len(computed) == 1
    computed.clear()
    assert "device=dask" in repr(y)
    assert len(computed) == 1


def test_chunks_stay(computed: list[int]) -> None:
    g = pg.grad(lambda x: pg.sum(pg.tanh(x) ** 2))(chunked())
    assert g.chunks == chunked().chunks


def test_unknown_shapes_are_refused() -> None:
    x = chunked()
    unknown = x[x[:, 0] > 0]
    assert np.isnan(unknown.shape[0])
    for f in (
        lambda: pg.mean(unknown),
        lambda: pg.grad(lambda x: pg.mean(x))(unknown),
        lambda: pg.grad(lambda x: pg.sum(x[x > 0]))(x),
        lambda: pg.unique_values(x),
        lambda: pg.nonzero(x),
    ):
        with pytest.raises(ShapeError, match=r"unknown shape.*compute_chunk_sizes.*pg\.where"):
            f()
    unknown.compute_chunk_sizes()
    g = pg.grad(lambda x: pg.mean(x))(unknown)
    assert g.compute().shape == unknown.shape
    masked = pg.grad(lambda x: pg.sum(pg.where(x > 0, x * x, 0.0)))(x)
    np.testing.assert_allclose(masked.compute(), np.where(X > 0, 2 * X, 0))


def test_places_named_twice_add() -> None:
    value = chunked(np.arange(1.0, 4.0))
    out = pg.scatter_add(value, chunked(np.array([1, 1, 0])), (3,))
    assert pg.to_numpy(out).tolist() == [3.0, 3.0, 0.0]


def test_what_dask_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(pg.backend.get_backend("dask").xp.linalg, "det")
    with pytest.raises(BackendError, match=r"Dask has no det.*to_device"):
        pg.linalg.det(chunked(X[:4]))
