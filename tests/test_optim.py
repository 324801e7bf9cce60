"""Optimisers: their formulas written out, other pytrees and dtypes, gradients through steps."""

from typing import Any

import numpy as np
import pytest
from op_driver import DEVICES, on

import polygrad as pg

optim = pg.optim
GRADS = [np.asarray([1.0, -2.0, 0.5]), np.asarray([0.5, 0.5, -4.0]), np.asarray([0.0, 3.0, 1.0])]
START = np.asarray([1.0, 2.0, -3.0])


def _sgd(momentum: float, nesterov: bool) -> np.ndarray:
    p, v = START.copy(), np.zeros(3)
    for g in GRADS:
        v = momentum * v + g
        p = p - 0.1 * (momentum * v + g if nesterov else v)
    return p


def _adam(decay: float = 0.0) -> np.ndarray:
    p, m, v = START.copy(), np.zeros(3), np.zeros(3)
    for t, g in enumerate(GRADS, start=1):
        m = 0.8 * m + 0.2 * g
        v = 0.95 * v + 0.05 * g * g
        step = (m / (1 - 0.8**t)) / (np.sqrt(v / (1 - 0.95**t)) + 1e-3)
        p = p - 0.1 * step - 0.1 * decay * p
    return p


CASES = {
    "sgd": (optim.sgd(0.1), _sgd(0.0, False)),
    "momentum": (optim.sgd(0.1, momentum=0.9), _sgd(0.9, False)),
    "nesterov": (optim.sgd(0.1, momentum=0.9, nesterov=True), _sgd(0.9, True)),
    "adam": (optim.adam(0.1, b1=0.8, b2=0.95, eps=1e-3), _adam()),
    "adamw": (optim.adamw(0.1, b1=0.8, b2=0.95, eps=1e-3, weight_decay=0.3), _adam(0.3)),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", CASES)
def test_steps_follow_the_formula(name: str, device: str, dtype: str) -> None:
    optimizer, expected = CASES[name]
    with on(device) as place:
        params = {"a": [pg.asarray(START, dtype=dtype)], "b": pg.asarray(2.0, dtype=dtype)}
        state = optimizer.init(params)
        for g in GRADS:
            held = pg.to_numpy(params["a"][0]).copy(), params
            grads = {"a": [pg.asarray(g, dtype=dtype)], "b": pg.asarray(g[0], dtype=dtype)}
            updates, state = optimizer.update(grads, state, params)
            params = optim.apply_updates(params, updates)
            assert (pg.to_numpy(held[1]["a"][0]) == held[0]).all(), "a step wrote to its argument"
        found = params["a"][0]
        assert (found.dtype, found.device) == (dtype, place)
        assert (params["b"].dtype, params["b"].shape) == (dtype, ())
        tolerance = 1e-12 if dtype == "float64" else 1e-6
        np.testing.assert_allclose(pg.to_numpy(found), expected, rtol=tolerance)


@pytest.mark.parametrize("name", CASES)
def test_leaves_without_gradient_pass_untouched(name: str) -> None:
    optimizer, _ = CASES[name]
    params = {"w": np.asarray([1.0, 2.0]), "n": np.asarray([1, 2]), "label": "net", "x": 3.0}

    def loss(p: Any) -> Any:
        return pg.sum(p["w"] ** 2) + p["x"] ** 2

    grads = pg.grad(loss)(params)
    assert grads["n"] is None
    state = optimizer.init(params)
    for _ in range(2):
        updates, state = optimizer.update(grads, state, params)
        new = optim.apply_updates(params, updates)
    assert new["n"] is params["n"]
    assert new["label"] == "net"
    assert isinstance(new["w"], np.ndarray)
    assert type(new["x"]) is float
    assert loss(new) < loss(params)


@pytest.mark.parametrize("name", CASES)
def test_complex_parameters_descend(name: str) -> None:
    optimizer, _ = CASES[name]
    z = pg.asarray([3 + 4j, -1 + 2j])
    target = pg.asarray([1 - 1j, 0.5j])

    def loss(z: Any) -> Any:
        return pg.sum(pg.abs(z - target) ** 2)

    state = optimizer.init(z)
    before = loss(z).item()
    for _ in range(30):
        updates, state = optimizer.update(pg.grad(loss)(z), state, z)
        z = optim.apply_updates(z, updates)
    assert z.dtype == pg.complex128
    assert loss(z).item() < 0.5 * before
    if name.startswith("adam"):
        assert state.square.dtype == pg.float64


@pytest.mark.parametrize("name", CASES)
def test_gradients_flow_through_a_step(name: str) -> None:
    """The derivative of the parameters after two steps by those before, against differences."""
    optimizer, _ = CASES[name]

    def after(p: Any) -> Any:
        state = optimizer.init(p)
        for _ in range(2):
            g = pg.grad(lambda q: pg.sum(q**4))(p)
            updates, state = optimizer.update(g, state, p)
            p = optim.apply_updates(p, updates)
        return pg.sum(p * pg.asarray([1.0, 2.0]))

    at = pg.asarray([0.3, -0.4])
    g = pg.grad(after)(at).tolist()
    for i in range(2):
        step = pg.asarray([1e-6 * (i == 0), 1e-6 * (i == 1)])
        difference = (after(at + step) - after(at - step)).item() / 2e-6
        assert g[i] == pytest.approx(difference, rel=1e-5, abs=1e-7)


def test_the_learning_rate_may_be_tracked() -> None:
    p, g = pg.asarray([1.0, 2.0]), pg.asarray([3.0, 4.0])

    def after(rate: Any) -> Any:
        optimizer = optim.sgd(rate)
        updates, _ = optimizer.update(g, optimizer.init(p))
        return pg.sum(optim.apply_updates(p, updates))

    assert pg.grad(after)(pg.asarray(0.1)).item() == pytest.approx(-7.0)


def test_a_step_keeps_the_dtype_or_says_why_not() -> None:
    p = pg.ones(2, dtype="float32")
    rate = pg.asarray(0.1, dtype="float32")
    updates, _ = optim.sgd(rate).update(p, optim.sgd(rate).init(p))
    assert optim.apply_updates(p, updates).dtype == pg.float32
    updates, _ = optim.sgd(pg.asarray(0.1)).update(p, optim.sgd(0.1).init(p))
    with pytest.raises(pg.errors.DTypeError, match="float64"):
        optim.apply_updates(p, updates)


def test_states_are_pytrees() -> None:
    state = optim.adam(0.1).init({"w": pg.ones(2)})
    assert len(pg.tree.leaves(state)) == 3
    doubled = pg.tree.map(lambda leaf: leaf * 2, state)
    assert type(doubled) is optim.AdamState


def _after(optimizer: Any, grads: Any) -> Any:
    params = {"w": pg.ones(2)}
    return optimizer.update(grads, optimizer.init(params), params)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: optim.sgd(-0.1), ValueError, "learning_rate is -0.1"),
        (lambda: optim.sgd(float("nan")), ValueError, "learning_rate is nan"),
        (lambda: optim.sgd(float("inf")), ValueError, "finite"),
        (lambda: optim.sgd("fast"), TypeError, "learning_rate is str"),
        (lambda: optim.sgd(0.1, momentum=1.0), ValueError, "below 1"),
        (lambda: optim.adam(0.1, b1=1.0), ValueError, "b1 is 1.0"),
        (lambda: optim.adam(0.1, b2=-0.1), ValueError, "b2 is -0.1"),
        (lambda: optim.adam(0.1, eps=-1), ValueError, "eps is -1"),
        (lambda: optim.adamw(0.1, weight_decay=-1), ValueError, "weight_decay"),
        (
            lambda: optim.adamw(0.1).update(pg.ones(2), optim.adamw(0.1).init(pg.ones(2))),
            ValueError,
            r"update\(grads, state, params\)",
        ),
        (lambda: _after(optim.adam(0.1), {"v": pg.ones(2)}), ValueError, "structure"),
        (lambda: _after(optim.adam(0.1), {"w": pg.ones(3)}), ValueError, r"shape \(3,\)"),
        (lambda: _after(optim.sgd(0.1, 0.9), {"w": pg.ones((1, 2))}), ValueError, r"\(1, 2\)"),
        (lambda: optim.apply_updates({"w": pg.ones(2)}, [pg.ones(2)]), ValueError, "updates"),
        (lambda: optim.apply_updates(pg.ones(2), pg.ones((2, 2))), ValueError, r"\(2, 2\)"),
    ],
)
def test_bad_arguments(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(pg.PolygradError, match=words) as caught:
        call()
    assert isinstance(caught.value, error)
