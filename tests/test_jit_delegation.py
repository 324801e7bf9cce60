"""Compiled functions on PyTorch and JAX, whose own compilers run them."""

import warnings
from typing import Any

import numpy as np
import pytest

import polygrad as pg
from polygrad.compile import replay
from polygrad.errors import DelegationWarning, PolygradError

torch = pytest.importorskip("torch")
jax = pytest.importorskip("jax")
pytestmark = pytest.mark.backends


@pytest.fixture
def evaluated(monkeypatch: Any) -> list[str]:
    """The ops that a program runs one by one, from Python."""
    names: list[str] = []
    real = replay.evaluate

    def counting(op: Any, args: Any, params: Any) -> Any:
        names.append(op.name)
        return real(op, args, params)

    monkeypatch.setattr(replay, "evaluate", counting)
    return names


def step(w: Any, x: Any, rate: Any) -> Any:
    """A training step: forward, gradient, update."""
    loss, slope = pg.value_and_grad(lambda w: pg.mean(pg.tanh(x @ w) ** 2))(w)
    return loss, {"w": w - rate * slope, "rate": rate / 2}


def samples(device: str, dtype: str) -> tuple[Any, Any]:
    random = np.random.default_rng(0)
    w, x = random.normal(size=(3, 2)).astype(dtype), random.normal(size=(5, 3)).astype(dtype)
    return pg.asarray(w, device=device), pg.asarray(x, device=device)


def check(got: Any, expected: Any, rtol: float) -> None:
    for a, b in zip(pg.tree.leaves(got), pg.tree.leaves(expected), strict=True):
        assert type(a) is type(b)
        if not pg.is_array(a):
            assert a == pytest.approx(b, rel=rtol)
            continue
        assert (a.dtype, a.device) == (b.dtype, b.device)
        np.testing.assert_allclose(pg.to_numpy(a), pg.to_numpy(b), rtol=rtol, atol=rtol)


@pytest.mark.parametrize(
    ("device", "dtype"), [("torch:cpu", "float32"), ("jax:cpu", "float32"), ("jax:cpu", "float64")]
)
def test_a_training_step_is_compiled(device: str, dtype: str, evaluated: list[str]) -> None:
    wide = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", dtype == "float64")
    try:
        w, x = samples(device, dtype)
        compiled = pg.jit(step)
        with warnings.catch_warnings():
            warnings.simplefilter("error", DelegationWarning)
            rtol = 1e-5 if dtype == "float32" else 1e-10
            check(compiled(w, x, 0.1), step(w, x, 0.1), rtol)
            assert evaluated  # while the library traced it
            evaluated.clear()
            for rate in (0.1, 0.7):
                check(compiled(2 * w, x, rate), step(2 * w, x, rate), rtol)
            assert evaluated == []
    finally:
        jax.config.update("jax_enable_x64", wide)


def test_tensors_that_require_grad_stay_in_pytorchs_record() -> None:
    t = torch.tensor([0.5, 1.0], requires_grad=True)
    pg.jit(lambda t: pg.sum(pg.sin(t) * t))(t).backward()
    torch.testing.assert_close(t.grad, (torch.cos(t) * t + torch.sin(t)).detach())


def test_inside_jit_and_grad_of_jax() -> None:
    f = pg.jit(lambda x: pg.sum(pg.sin(x) * x))
    x = jax.numpy.asarray([0.5, 1.0])
    expected = jax.numpy.cos(x) * x + jax.numpy.sin(x)
    np.testing.assert_allclose(jax.jit(jax.grad(f))(x), expected, rtol=1e-6)


def falls_back(f: Any, *args: Any, words: str) -> None:
    compiled = pg.jit(f)
    with pytest.warns(DelegationWarning, match=words) as caught:
        check(compiled(*args), f(*args), 1e-6)
    assert len([w for w in caught if w.category is DelegationWarning]) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error", DelegationWarning)  # said once
        check(compiled(*args), f(*args), 1e-6)


def test_without_a_compiler_it_runs_op_by_op(monkeypatch: Any) -> None:
    def missing(*_: Any, **__: Any) -> Any:
        raise RuntimeError("no C++ compiler was found")

    monkeypatch.setattr(torch, "compile", missing)
    falls_back(step, *samples("torch:cpu", "float32"), 0.1, words=r"torch.*no C\+\+ compiler")


@pytest.mark.parametrize("device", ["torch:cpu", "jax:cpu"])
def test_what_the_library_cannot_trace_runs_op_by_op(device: str) -> None:
    x = pg.asarray([0.5, 1.0], device=device, dtype="float32")  # SciPy computes this
    name = device.partition(":")[0]
    falls_back(lambda x: pg.special.struve(x, x), x, words=f"{name} could not compile")


@pytest.mark.parametrize("device", ["torch:cpu", "jax:cpu"])
def test_one_array_for_two_arguments_says_nothing_of_the_next_call(device: str) -> None:
    x, y = (pg.asarray(v, device=device, dtype="float32") for v in ([0.5, 1.0], [3.0, 4.0]))
    compiled = pg.jit(lambda a, b: a - 2.0 * b)
    for pair in ((x, x), (x, y), (y, x)):
        check(compiled(*pair), pair[0] - 2.0 * pair[1], 1e-6)


@pytest.mark.parametrize("device", ["torch:cpu", "jax:cpu"])
def test_loops_run_compiled_bodies(device: str) -> None:
    x = pg.asarray([0.5, 0.7], device=device, dtype="float32")

    def f(x: Any) -> Any:
        return pg.sum(pg.fori_loop(0, 20, lambda i, v: v * x + i, x))

    torch.compiler.reset()
    check(pg.jit(f)(x), f(x), 1e-5)


def test_errors_of_arguments_are_no_reason_to_give_up() -> None:
    matrix = torch.tensor([[1.0, 2.0], [2.0, 4.0]])
    compiled = pg.jit(lambda a: pg.linalg.inv(a))
    with warnings.catch_warnings():
        warnings.simplefilter("error", DelegationWarning)
        with pytest.raises(PolygradError):
            compiled(matrix)
        compiled(matrix + torch.eye(2))
