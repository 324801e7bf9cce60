"""Places that an index names twice: the last write stands, additions all count, in both modes."""

from typing import Any

import numpy as np
import pytest

import polygrad as pg
from polygrad.backend import get_backend
from polygrad.places import added, replaced

SHAPE = (3, 4)
ROWS = np.asarray([0, -3, 1, 0])
PAIR = (np.asarray([0, 0, -3, 2]), np.asarray([1, -3, 1, 0]))
GRID = np.asarray([[0, 1], [1, -3]])
KEYS = {
    "list": [0, 0, 1], "negative alias": [0, -3], "array": ROWS,
    "unsigned": ROWS.astype(np.uint8) % 3,
    "pair": PAIR, "grid": GRID, "slice and array": (slice(1, None), np.asarray([2, 2, -2])),
    "array and slice": (ROWS, slice(None, None, 2)), "number and array": (1, [3, 3, 0]),
    "apart": (np.asarray([0, 0]), None, np.asarray([1, 1])), "ellipsis": (..., [0, 0, -4]),
    "mask and array": (np.asarray([True, False, False]), [1, 1]),
}  # fmt: skip


def number(key: Any) -> int:
    return int(np.zeros(SHAPE)[key].size)


def assigned(key: Any) -> Any:
    def f(y: Any, v: Any) -> Any:
        y[key] = v.reshape(np.zeros(SHAPE)[key].shape)
        return y

    return f


def set_at(key: Any) -> Any:
    def f(y: Any, v: Any) -> Any:
        v = v.reshape(np.zeros(SHAPE)[key].shape)
        if isinstance(y, np.ndarray):
            y[key] = v
            return y
        return pg.at(y)[key].set(v)

    return f


def updated(name: str, ufunc: Any, key: Any) -> Any:
    def f(y: Any, v: Any) -> Any:
        v = v.reshape(np.zeros(SHAPE)[key].shape)
        if isinstance(y, np.ndarray):
            ufunc.at(y, key, v)
            return y
        return getattr(pg.at(y)[key], name)(v)

    return f


def ufunc_at(key: Any) -> Any:
    def f(y: Any, v: Any) -> Any:
        np.add.at(y, key, v.reshape(np.zeros(SHAPE)[key].shape))
        return y

    return f


def writes(function: Any, *args: Any, **options: Any) -> Any:
    def f(y: Any, v: Any) -> Any:
        function(y, *[v if arg is None else arg for arg in args], **options)
        return y

    return f


ALONG = np.asarray([[0, 0, 1, 2], [3, -1, 0, 0], [1, 1, 1, 1]])
WAYS = {
    **{f"assign {name}": (assigned(key), number(key)) for name, key in KEYS.items()},
    **{f"at.set {name}": (set_at(key), number(key)) for name, key in KEYS.items()},
    **{f"at.add {name}": (updated("add", np.add, k), number(k)) for name, k in KEYS.items()},
    **{f"add.at {name}": (ufunc_at(key), number(key)) for name, key in KEYS.items()},
    **{
        f"at.{name}": (updated(name, ufunc, PAIR), 4)
        for name, ufunc in [
            ("subtract", np.subtract), ("multiply", np.multiply), ("divide", np.divide),
            ("min", np.minimum), ("max", np.maximum),
        ]
    },
    "put": (writes(np.put, [0, 5, 0, -12], None), 4),
    "put in turns": (writes(np.put, [0, 5, 0, -12, 7], None), 2),
    "put wrapped": (writes(np.put, [0, 12, 24], None, mode="wrap"), 3),
    "put clipped": (writes(np.put, [0, -5, 40, 11], None, mode="clip"), 4),
    "put_along_axis": (
        lambda y, v: writes(np.put_along_axis, ALONG, v.reshape(SHAPE), 1)(y, v), 12
    ),
}  # fmt: skip
JITTED = {name: way for name, way in WAYS.items() if "mask" not in name}  # lengths that vary
Y = np.linspace(0.5, 2.0, 12).reshape(SHAPE)
W = np.cos(np.arange(12.0)).reshape(SHAPE)


def values(n: int) -> Any:
    return np.linspace(1.7, 0.3, n) * (1 + np.arange(n) % 2)


def reference(f: Any, y: Any, v: Any) -> Any:
    """The value, and the Jacobian-vector products by finite differences of NumPy's own code."""
    grads = []
    for i, x in enumerate((y, v)):
        g = np.zeros(x.size)
        for k in range(x.size):
            up, down = [y.copy(), v.copy()], [y.copy(), v.copy()]
            up[i].reshape(-1)[k] += 1e-5
            down[i].reshape(-1)[k] -= 1e-5
            g[k] = np.sum(W * f(*up)) - np.sum(W * f(*down))
        grads.append(g.reshape(x.shape) / 2e-5)
    return f(y.copy(), v.copy()), grads


def loss(f: Any) -> Any:
    return lambda y, v: pg.sum(W * f(y * 1.0, v * 1.0))


def close(got: Any, expected: Any) -> None:
    np.testing.assert_allclose(pg.to_numpy(got) if pg.is_array(got) else got, expected, atol=1e-8)


@pytest.mark.parametrize("way", WAYS)
def test_eager_values_and_gradients_are_those_of_numpys_code(way: str) -> None:
    f, n = WAYS[way]
    v = values(n)
    value, grads = reference(f, Y, v)
    close(f(pg.asarray(Y, copy=True), pg.asarray(v)), value)
    found = pg.grad(loss(f), argnums=(0, 1))(Y, v)
    for got, expected in zip(found, grads, strict=True):
        close(got, expected)
    forward = pg.jvp(loss(f), (Y, v), (np.ones_like(Y), np.ones_like(v)))[1]
    close(forward, sum(np.sum(g) for g in grads))


@pytest.mark.parametrize("way", JITTED)
def test_compiled_and_mapped_code_agrees(way: str) -> None:
    f, n = WAYS[way]
    v = values(n)
    value, grads = reference(f, Y, v)
    close(pg.jit(lambda y, v: f(y * 1.0, v))(Y, v), value)
    both = pg.grad(loss(f), argnums=(0, 1))
    mapped = pg.vmap(both)(np.stack([Y, Y]), np.stack([v, v]))
    for compiled in (pg.jit(both), pg.grad(pg.jit(loss(f)), argnums=(0, 1))):
        for got, one, expected in zip(compiled(Y, v), mapped, grads, strict=True):
            close(got, expected)
            close(one, np.stack([expected, expected]))


@pytest.mark.parametrize(
    "way", ["assign pair", "assign grid", "at.add pair", "put", "put_along_axis"]
)
def test_native_code_agrees(way: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    pytest.importorskip("llvmlite")
    monkeypatch.delenv("POLYGRAD_NATIVE", raising=False)
    monkeypatch.setenv("POLYGRAD_CACHE_DIR", str(tmp_path))
    f, n = WAYS[way]
    v = values(n)
    jitted = pg.jit(pg.grad(loss(f), argnums=(0, 1)))
    tier = jitted.lower(Y, v).native
    assert tier.wait(60), tier.state
    for got, expected in zip(jitted(Y, v), reference(f, Y, v)[1], strict=True):
        close(got, expected)
    assert tier.state == "in use"


def test_places_that_differ_between_examples() -> None:
    places = np.asarray([[0, 0, 1], [2, 1, 2]])
    v = np.asarray([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])

    def f(v: Any, i: Any) -> Any:
        return pg.sum(pg.at(pg.zeros(3))[i].set(v) * pg.asarray([1.0, 2.0, 3.0]))

    expected = [[0.0, 1.0, 2.0], [0.0, 2.0, 3.0]]
    for g in (pg.vmap(pg.grad(f)), pg.jit(pg.vmap(pg.grad(f)))):
        close(g(v, places), expected)
    close(pg.grad(lambda v: pg.sum(pg.vmap(f)(v, places)))(v), expected)
    # Compiled once, places are arguments: where they repeat is not known while it is traced.
    jitted = pg.jit(pg.grad(f))
    for i in range(2):
        close(jitted(v[i], places[i]), expected[i])


def test_one_value_for_several_places_gets_the_gradient_of_those_it_stands_at() -> None:
    def f(v: Any) -> Any:
        y = pg.zeros(3)
        y[np.asarray([0, 0, 1])] = v
        return pg.sum(y * pg.asarray([1.0, 2.0, 3.0]))

    assert pg.grad(f)(5.0) == 3.0


@pytest.mark.backends
@pytest.mark.parametrize("device", ["strict:device1", "torch", "jax", "dask"])
@pytest.mark.parametrize("many", [False, True])
def test_the_last_value_stands_on_every_library(device: str, many: bool) -> None:
    """Also for so many values that a library may divide the writes between threads."""
    n, size = (20_000, 50) if many else (6, 3)
    rng = np.random.default_rng(0)
    places, v = rng.integers(-size, size, n), rng.normal(size=n).astype(np.float32)
    expected = np.zeros(size, np.float32)
    expected[places] = v
    stands = np.zeros(size, np.int64)
    stands[places] = np.arange(n)

    with pg.device(device):
        i, x = pg.asarray(places.astype(np.int32), device=device), pg.asarray(v, device=device)

        def f(x: Any) -> Any:
            y = pg.zeros(size, dtype=pg.float32)
            y[i] = x
            return y

        for g in (f, pg.jit(f)) if device == "jax" else (f,):
            np.testing.assert_array_equal(pg.to_numpy(g(x)), expected)
        found = pg.to_numpy(pg.grad(lambda x: pg.sum(f(x)))(x))
    assert sorted(np.flatnonzero(found)) == sorted(stands[np.isin(np.arange(size), places % size)])


def test_the_generic_functions_for_libraries_that_bring_none() -> None:
    xp = get_backend("strict").xp
    rng = np.random.default_rng(1)
    for key in KEYS.values():
        raw = tuple(
            xp.asarray(p) if isinstance(p, np.ndarray | list) else p
            for p in (key if isinstance(key, tuple) else (key,))
        )
        v = rng.normal(size=np.zeros(SHAPE)[key].shape)
        total, last = np.zeros(SHAPE), Y.copy()
        np.add.at(total, key, v)
        last[key] = v
        close(np.asarray(added(xp, xp.asarray(v), raw, SHAPE, xp.getitem)), total)
        got = replaced(xp, xp.asarray(Y), xp.asarray(v), raw, xp.getitem)
        np.testing.assert_array_equal(np.asarray(got), last)
    infinite = added(xp, xp.asarray([np.inf, 1.0, np.nan]), xp.asarray([0, 1, 2]), (3,), xp.getitem)
    np.testing.assert_array_equal(np.asarray(infinite), [np.inf, 1.0, np.nan])


def test_the_gradient_of_a_choice_with_repeats_adds_up() -> None:
    x = np.asarray([1.0, 2.0, 3.0])
    for g in (pg.grad, lambda f: pg.jit(pg.grad(f))):
        close(g(lambda x: pg.sum(x[[0, 0]] ** 2))(x), [4.0, 0.0, 0.0])


def test_tuples_within_an_index_are_arrays() -> None:
    x = np.asarray([[1.0, 2.0], [3.0, 4.0]])
    close(pg.asarray(x)[(0, 1), (1, 0)], x[(0, 1), (1, 0)])
    close(pg.jit(lambda x: x[(0, 1), (1, 0)])(x), [2.0, 3.0])
    close(pg.grad(lambda x: pg.sum(x[(0, 0), (1, 1)] ** 2))(x), [[0.0, 8.0], [0.0, 0.0]])
    close(pg.at(pg.zeros((2, 2)))[(0, 0), (1, 1)].add(1.0), [[0.0, 2.0], [0.0, 0.0]])


def test_a_slice_of_nothing_takes_no_value() -> None:
    def f(x: Any, v: Any) -> Any:
        y = x * 1.0
        y[5:2] = v
        return y

    x = np.arange(6.0)
    for g in (f, pg.jit(f)):
        close(g(pg.asarray(x), pg.asarray(2.0)), x)
        assert pg.grad(lambda v, g=g: pg.sum(g(pg.asarray(x), v)))(2.0) == 0.0


def test_a_repetition_beyond_memory_is_refused_at_once() -> None:
    for repeats in (10**30, [10**30, 1]):
        with pytest.raises(pg.errors.ArgumentValueError, match="repeat: got repeats that make"):
            pg.repeat(pg.asarray([1.0, 2.0]), repeats)
