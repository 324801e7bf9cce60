"""PyTorch's own ways: its dispatch protocol, its record of tensors, its data types and views."""

from typing import Any

import numpy as np
import pytest

import polygrad as pg
from polygrad.errors import (
    LostGradientError,
    MixedArraysError,
    NonDifferentiableError,
    PolygradError,
)

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.backends

base = torch.tensor([0.5, 1.0, 2.0])

CALLS = {
    "sin": (lambda t: torch.sin(t), lambda x: pg.sin(x)),
    "add": (lambda t: base + t, lambda x: base + x),
    "sub": (lambda t: base - t, lambda x: pg.subtract(base, x)),
    "mul": (lambda t: base * t, lambda x: pg.multiply(base, x)),
    "div": (lambda t: base / t, lambda x: pg.divide(base, x)),
    "pow": (lambda t: base**t, lambda x: pg.pow(base, x)),
    "mod": (lambda t: base % t, lambda x: pg.remainder(base, x)),
    "matmul": (lambda t: base @ t, lambda x: pg.matmul(base, x)),
    "where": (
        lambda t: torch.where(base > t - 0.1, t, base),
        lambda x: pg.where(base > x - 0.1, x, base),
    ),
    "compare": (lambda t: t * (base >= t), lambda x: x * pg.greater_equal(base, x)),
    "cat": (lambda t: torch.cat([t, base * t]), lambda x: pg.concat([x, base * x])),
    "stack": (
        lambda t: torch.stack([t, base], dim=1),
        lambda x: pg.stack([x, pg.asarray(base)], axis=1),
    ),
    "sum": (
        lambda t: torch.sum(t * t, dim=0, keepdim=True),
        lambda x: pg.sum(x * x, keepdims=True),
    ),
    "amax": (lambda t: torch.amax(t, (0,)), lambda x: pg.max(x)),
    "max": (lambda t: torch.max(t), lambda x: pg.max(x)),
    "logsumexp": (lambda t: torch.logsumexp(t, 0), lambda x: pg.logsumexp(x)),
    "softmax": (lambda t: torch.softmax(t, 0) ** 2, lambda x: pg.softmax(x) ** 2),
    "F.softmax": (
        lambda t: torch.nn.functional.softmax(t, dim=-1) ** 2,
        lambda x: pg.softmax(x) ** 2,
    ),
    "relu": (lambda t: torch.nn.functional.relu(t - 1), lambda x: pg.maximum(x - 1, 0.0)),
    "clamp-like": (lambda t: torch.minimum(t, base * 0.9), lambda x: pg.minimum(x, base * 0.9)),
    "cumsum": (lambda t: torch.cumsum(t, dim=0), lambda x: pg.cumulative_sum(x)),
    "reshape": (lambda t: torch.reshape(t, (3, 1)) * base, lambda x: pg.reshape(x, (3, 1)) * base),
    "unsqueeze": (lambda t: torch.unsqueeze(t, 0) ** 2, lambda x: pg.expand_dims(x) ** 2),
    "permute": (lambda t: torch.permute(t[:, None], (1, 0)), lambda x: pg.reshape(x, (1, 3))),
}


@pytest.mark.parametrize("name", CALLS)
def test_torchs_functions_on_tracked_arrays(name: str) -> None:
    through, straight = CALLS[name]
    found = pg.value_and_grad(lambda x: pg.sum(through(x)))(base)
    expected = pg.value_and_grad(lambda x: pg.sum(straight(x)))(base)
    # The same function without polygrad, differentiated by PyTorch.
    leaf = base.clone().requires_grad_()
    reference = through(leaf).sum()
    reference.backward()
    for value, gradient in (found, expected):
        assert type(gradient) is torch.Tensor
        torch.testing.assert_close(value, reference.detach())
        if name not in ("where", "compare"):
            torch.testing.assert_close(gradient, leaf.grad)
    torch.testing.assert_close(found[1], expected[1])


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda t: torch.special.erf(t), NonDifferentiableError, "erf.*no rule"),
        (lambda t: torch.std(t), NonDifferentiableError, "std"),
        (lambda t: torch.linalg.norm(t), NonDifferentiableError, "norm"),
        (lambda t: torch.max(t, 0), NonDifferentiableError, "max with these arguments"),
        (lambda t: torch.sum(t, dtype=torch.float64), NonDifferentiableError, "dtype"),
        (lambda t: torch.add(t, t, alpha=2), NonDifferentiableError, "alpha"),
        (lambda t: torch.div(t, t, rounding_mode="floor"), NonDifferentiableError, "rounding"),
        (lambda t: base.clone().add_(t), LostGradientError, "add_"),
        (lambda t: base.clone().__setitem__(0, t[0]), LostGradientError, "__setitem__"),
        (lambda t: base.clone().copy_(t), LostGradientError, "copy_"),
        (lambda t: torch.asarray(t), LostGradientError, "lose its gradient"),
        (lambda t: torch.tensor(t), LostGradientError, "lose its gradient"),
        (lambda t: torch.from_dlpack(t), LostGradientError, "lose its gradient"),
        (lambda t: torch.sin(t) + pg.asarray([1.0, 2.0, 3.0]), MixedArraysError, "numpy"),
    ],
)
def test_what_would_lose_a_gradient_is_refused(call: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        pg.grad(lambda x: pg.sum(call(x)))(base)


def test_a_tensor_beside_an_array_of_numpy() -> None:
    with pytest.raises(MixedArraysError, match="numpy and torch|torch and numpy"):
        pg.grad(lambda x: pg.sum(base + x))(np.ones(3))


def test_requires_grad_is_kept() -> None:
    """PyTorch's record goes through polygrad's value and gradient, and ends nowhere unsaid."""
    w = torch.nn.Parameter(base.clone())

    def f(x: Any) -> Any:
        return pg.sum(pg.tanh(x[[0, 2, 2]]) ** 2)

    value, g = pg.value_and_grad(f)(w)
    assert value.requires_grad
    assert g.requires_grad
    torch.testing.assert_close(torch.autograd.grad(value, w, retain_graph=True)[0], g)
    (second,) = torch.autograd.grad((g * base).sum(), w)
    expected = pg.jvp(pg.grad(f), (base,), (base,))[1]
    torch.testing.assert_close(second, expected)
    with torch.no_grad():
        assert not pg.grad(f)(w).requires_grad
    assert not pg.grad(f)(w.detach()).requires_grad
    for leave in (pg.to_numpy, lambda x: pg.asarray(x, device="cpu")):
        with pytest.raises(LostGradientError, match=r"requires_grad.*detach"):
            leave(w)
    assert pg.asarray(w).tolist() == base.tolist()
    assert "0.5" in repr(pg.asarray(w))


def test_parameters_of_a_module_train() -> None:
    torch.manual_seed(0)
    layer = torch.nn.Linear(3, 1)
    params = dict(layer.named_parameters())
    before = layer(base).detach()

    def loss(p: Any) -> Any:
        return pg.sum((p["weight"] @ base + p["bias"] - 3.0) ** 2)

    with torch.no_grad():
        grads = pg.grad(loss)(params)
        for name, parameter in params.items():
            parameter -= 0.05 * grads[name]
    assert abs(layer(base).item() - 3) < 0.7 * abs(before.item() - 3)
    assert all(type(g) is torch.Tensor for g in grads.values())


def test_torchs_spelling_of_dtypes_and_devices() -> None:
    x = pg.zeros(2, dtype=torch.float64, device=torch.device("cpu"))
    assert x.device == "torch:cpu"
    assert x.dtype == torch.float64 == pg.float64
    assert pg.device(torch.device("cpu")) == "torch:cpu"
    assert pg.astype(x, torch.bfloat16).dtype == pg.bfloat16
    assert pg.zeros(2, device="torch").dtype == torch.get_default_dtype()
    assert pg.finfo(torch.float32).bits == 32


def test_bfloat16_and_lazy_conjugates_reach_the_host() -> None:
    x = torch.tensor([1.5, 2.0], dtype=torch.bfloat16)
    g = pg.grad(lambda x: pg.sum(x * x))(x)
    assert g.dtype == torch.bfloat16
    assert pg.asarray(g).tolist() == [3.0, 4.0]
    z = torch.tensor([1 + 2j])
    assert pg.to_numpy(torch.conj(z))[0] == 1 - 2j
    assert pg.to_numpy(torch.conj(z).imag)[0] == -2
    assert pg.asarray(np.ones((3, 2))[::-1, ::-1], device="torch").shape == (3, 2)


@pytest.mark.parametrize("dtype", ["uint16", "uint32", "uint64"])
def test_arithmetic_that_torch_lacks_is_numpys(dtype: str) -> None:
    top = int(pg.iinfo(dtype).max)
    host = np.array([1, 2, top], dtype=dtype)
    x = torch.from_numpy(host)
    with pytest.raises(NotImplementedError):
        torch.add(x, x)
    small = torch.tensor([3, 4, 5], dtype=torch.uint8)
    for name, args in {
        "add": (x, x),
        "less": (x, 2),
        "multiply": (x, small),
        "subtract": (x[0], small),
        "flip": (x,),
        "sort": (x,),
        "max": (x,),
        "where": (small > 3, x, small),
        "floor_divide": (x[1], small),
    }.items():
        found = getattr(pg, name)(*args)
        assert type(found) is torch.Tensor
        expected = getattr(np, name)(*(a.numpy() if hasattr(a, "numpy") else a for a in args))
        assert pg.to_numpy(found).dtype == np.asarray(expected).dtype, name
        np.testing.assert_array_equal(pg.to_numpy(found), expected)
    assert (pg.asarray(x) + 3).dtype == dtype
    total = pg.sum(x)
    assert total.dtype == torch.uint64
    assert int(pg.to_numpy(total)) == (3 + top) % 2**64


def test_sums_of_unsigned_integers_are_unsigned() -> None:
    x = torch.tensor([200, 100], dtype=torch.uint8)
    for name, expected in {"sum": 300, "prod": 20000}.items():
        found = getattr(pg, name)(x)
        assert found.dtype == torch.uint64
        assert found.item() == expected
    assert pg.to_numpy(pg.cumulative_sum(x)).tolist() == [200, 300]


def test_a_number_is_written_with_all_its_digits() -> None:
    """PyTorch's default type for numbers has 24 bits."""
    x = torch.zeros(2, dtype=torch.float64)
    assert pg.index_set(x, 0.1, 0)[0].item() == 0.1
    assert pg.index_set(x, [1e-300], slice(0, 1))[0].item() == 1e-300
    z = pg.asarray(torch.zeros(2, dtype=torch.complex128))
    z[1] = 0.1 + 1e-300j
    assert z[1].item() == 0.1 + 1e-300j


def test_where_torch_departs_from_the_standard() -> None:
    remainder = pg.remainder(torch.tensor([-0.0, 0.0, 6.0]), torch.tensor([1.0, -1.0, -3.0]))
    assert torch.signbit(remainder).tolist() == [False, True, True]
    assert np.signbit(pg.to_numpy(pg.acos(torch.tensor(0j))).imag)
    endless = torch.tensor([complex("inf+nanj"), complex("nan+infj"), 1 + 1j])
    assert torch.isinf(pg.log1p(endless).real).tolist() == [True, True, False]
    distinct = pg.unique_counts(torch.tensor([1j, 2 + 0j, 1j]))
    assert sorted(distinct.counts.tolist()) == [1, 2]
    assert pg.getitem(torch.ones(2, 3), torch.zeros(0, 3, dtype=torch.bool)).shape == (0,)


def test_errors_of_torch_are_named() -> None:
    with pytest.raises(PolygradError, match="cholesky|positive"):
        pg.linalg.cholesky(torch.tensor([[1.0, 2.0], [2.0, 1.0]]))
    with pytest.raises(pg.errors.ShapeError, match="matmul"):
        pg.matmul(torch.ones(2, 3), torch.ones(2, 3))


def test_inference_mode_gives_memory_of_its_own() -> None:
    with torch.inference_mode():
        x = torch.ones(2, 3)
        g = pg.grad(lambda x: pg.sum(x))(x)
        g[0, 0] = 5.0
        assert g.tolist() == [[5.0, 1.0, 1.0], [1.0, 1.0, 1.0]]


def test_indexing_is_numpys() -> None:
    host = np.arange(24.0).reshape(2, 3, 4)
    x = torch.asarray(host)
    at = np.array([1, 0, 1])
    for key in (
        (0, slice(None), at),  # PyTorch's own indexing puts the axes in another order
        (slice(None, None, -1), ..., slice(None, 0, -2)),
        (at, slice(2, None, -1), None),
        (slice(None), slice(5, None, -1), at),
        (..., np.array([True, False, True, True])),
        (slice(3, 0, -1), 1),
    ):
        given = tuple(torch.asarray(p) if isinstance(p, np.ndarray) else p for p in key)
        np.testing.assert_array_equal(pg.to_numpy(pg.getitem(x, given)), host[key])
        expected = pg.grad(lambda x, key=key: pg.sum(x[key] ** 2))(host)
        found = pg.grad(lambda x, key=given: pg.sum(x[key] ** 2))(x)
        np.testing.assert_array_equal(found.numpy(), expected)
        written = host.copy()
        written[key] = -1.0
        np.testing.assert_array_equal(pg.to_numpy(pg.index_set(x, -1.0, given)), written)
    np.testing.assert_array_equal(x.numpy(), np.arange(24.0).reshape(2, 3, 4))
