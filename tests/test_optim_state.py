"""Optimisers under transforms: state is arrays, traced once; mapped, differentiated, pickled."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import polygrad as pg

optim = pg.optim


def halving(count: Any) -> Any:
    """A schedule."""
    return 0.1 * 0.5 ** (count / 10)


OPTIMIZERS = {
    "sgd": optim.sgd(0.1),
    "momentum": optim.sgd(0.1, momentum=0.9),
    "nesterov": optim.sgd(0.1, momentum=0.9, nesterov=True),
    "adam": optim.adam(0.1),
    "adamw": optim.adamw(0.1, weight_decay=0.3),
    "sgd by schedule": optim.sgd(halving),
    "momentum by schedule": optim.sgd(halving, momentum=0.5),
    "adam by schedule": optim.adam(halving),
    "adamw by schedule": optim.adamw(halving),
}
every = pytest.mark.parametrize("name", OPTIMIZERS)


def train(optimizer: Any, p: Any, steps: int = 3) -> Any:
    state = optimizer.init(p)
    for _ in range(steps):
        g = pg.grad(lambda q: pg.sum(pg.asarray(q) ** 4))(p)
        updates, state = optimizer.update(g, state, p)
        p = optim.apply_updates(p, updates)
    return p


@every
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_a_jitted_step_is_traced_once(name: str, dtype: str) -> None:
    optimizer, traces = OPTIMIZERS[name], 0

    def step(params: Any, state: Any, key: Any, x: Any) -> Any:
        nonlocal traces
        traces += 1
        key, sub = pg.random.split(key)
        keep = pg.astype(pg.random.bernoulli(sub, 0.8, x.shape), x.dtype)
        g = pg.grad(lambda p: pg.mean((x * keep) @ p["w"] + p["b"]) ** 2)(params)
        updates, state = optimizer.update(g, state, params)
        return optim.apply_updates(params, updates), state, key

    compiled, x = pg.jit(step), np.ones((4, 3), dtype)
    start: Any = {"w": np.ones(3, dtype), "b": np.zeros((), dtype)}
    params, state, key = start, optimizer.init(start), pg.random.key(1)
    other = params, state, key
    for i in range(1000 if name == "adam by schedule" else 20):
        params, state, key = compiled(params, state, key, x)
        if i < 5:
            other = step(*other, x)
            traces -= 1
            tolerance = {"float64": 1e-12, "float32": 1e-5, "float16": 2e-2}[dtype]
            np.testing.assert_allclose(params["w"], other[0]["w"], rtol=tolerance, atol=tolerance)
    assert traces == 1
    assert isinstance(params["w"], np.ndarray)
    assert params["w"].dtype == dtype
    assert np.isfinite(params["w"]).all()
    for leaf in pg.tree.leaves(state):
        assert isinstance(leaf, np.ndarray)
        assert leaf.dtype in (np.int64, "float32" if dtype == "float16" else dtype)
    counts = [leaf for leaf in pg.tree.leaves(state) if leaf.dtype == np.int64]
    assert len(counts) == ("adam" in name or "schedule" in name)


@every
@pytest.mark.parametrize("raw", [True, False])
def test_a_step_is_differentiated_whatever_the_kind_of_array(name: str, raw: bool) -> None:
    p = np.asarray([0.3, -0.4, 0.0])
    start: Any = p if raw else pg.asarray(p)
    w = np.asarray([1.0, 2.0, 3.0])

    def by_scale(scale: Any) -> Any:
        optimizer = OPTIMIZERS[name]
        state, q = optimizer.init(start), start
        for _ in range(2):
            updates, state = optimizer.update(scale * (1.0 + start), state, q)
            q = optim.apply_updates(q, updates)
        return pg.sum(q * w)

    for f in (by_scale, pg.jit(by_scale)):
        slope = float(pg.grad(f)(1.3))
        difference = (float(by_scale(1.3 + 1e-6)) - float(by_scale(1.3 - 1e-6))) / 2e-6
        assert slope == pytest.approx(difference, rel=1e-5, abs=1e-7)
    mapped = pg.vmap(by_scale)(np.asarray([1.3, 0.7]))
    for one, scale in zip(mapped, (1.3, 0.7), strict=True):
        assert float(one) == pytest.approx(float(by_scale(scale)), rel=1e-12)
    rows = pg.vmap(lambda q: train(OPTIMIZERS[name], q))(np.stack([p, 2 * p]))
    np.testing.assert_allclose(pg.to_numpy(rows)[1], pg.to_numpy(train(OPTIMIZERS[name], 2 * p)))


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("make", [optim.adam, optim.adamw])
def test_the_slope_of_adam_at_a_gradient_of_zero(make: Any, dtype: str) -> None:
    """One step is -rate m / (sqrt(v) + eps), whose slope by m at 0 is -rate / eps."""
    zero = np.zeros(2, dtype)

    def moved(g: Any) -> Any:
        optimizer = make(0.1, eps=1e-3)
        updates, _ = optimizer.update(g, optimizer.init(zero), zero)
        return pg.sum(updates)

    for f in (moved, pg.jit(moved)):
        slope = pg.grad(f)(zero)
        # m / (1 - b1) is g; sqrt(v) has the slope 0 there.
        np.testing.assert_allclose(slope, -0.1 / 1e-3, rtol=2e-3)
    updates, _ = make(0.1).update(zero, make(0.1).init(zero), zero)
    assert updates.tolist() == [0.0, 0.0]
    rate = pg.grad(lambda rate: pg.sum(make(rate).update(zero, make(rate).init(zero), zero)[0]))
    assert rate(0.1) == 0.0


@every
def test_sixteen_bits_step_as_float32_does(name: str) -> None:
    optimizer, p = OPTIMIZERS[name], np.asarray([1.0, -2.0, 0.5], np.float16)
    g = np.asarray([1e-4, 0.0, -3e-5], np.float16)
    narrow, wide = p, p.astype(np.float32)
    states = optimizer.init(narrow), optimizer.init(wide)
    for _ in range(3):
        step, first = optimizer.update(g, states[0], narrow)
        expected, second = optimizer.update(g.astype(np.float32), states[1], wide)
        states = first, second
        assert step.dtype == np.float16
        np.testing.assert_allclose(step, expected.astype(np.float16), rtol=2e-3)


@every
def test_pickled_and_copied(name: str) -> None:
    p = np.asarray([0.3, -0.4])
    expected = train(OPTIMIZERS[name], p)
    for optimizer in (
        pickle.loads(pickle.dumps(OPTIMIZERS[name])),
        copy.deepcopy(OPTIMIZERS[name]),
    ):
        assert train(optimizer, p).tolist() == expected.tolist()
    state = OPTIMIZERS[name].init(p)
    again = pickle.loads(pickle.dumps(state))
    assert type(again) is type(state)


def test_a_state_is_saved_and_loaded(tmp_path: Any) -> None:
    optimizer, p = optim.adam(0.1), {"w": pg.ones(2, dtype="float32")}
    _, state = optimizer.update(p, optimizer.init(p))
    pg.io.save(tmp_path / "state", state)
    loaded = pg.io.load(tmp_path / "state", like=optimizer.init(p))
    assert (loaded.count.item(), loaded.count.dtype) == (1, pg.int64)


def test_parameters_that_are_numbers() -> None:
    for name, optimizer in OPTIMIZERS.items():
        found = train(optimizer, 0.5)
        assert type(found) is float, name
        assert found == pytest.approx(train(optimizer, np.asarray([0.5])).item()), name


def test_a_schedule_that_is_none_says_so() -> None:
    p = pg.ones(2)
    for rate, words in ((lambda count: "fast", "str"), (lambda count: pg.ones(2), "shape")):
        optimizer = optim.adam(rate)
        with pytest.raises(pg.PolygradError, match=rf"learning_rate\(count\).*{words}"):
            optimizer.update(p, optimizer.init(p), p)
