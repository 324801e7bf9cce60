"""grad, value_and_grad, vjp, jvp and stop_gradient: pytrees, nesting, values that come back."""

import dataclasses
import math
from typing import Any, NamedTuple

import numpy as np
import optree
import pytest

import polygrad as pg
from polygrad.errors import (
    ArgumentTypeError,
    ArgumentValueError,
    LeakedArrayError,
    LostGradientError,
    NonScalarError,
    TreeError,
)

DEVICES = ["cpu", "strict:device1"]


def array(*values: Any, **options: Any) -> Any:
    return pg.asarray(list(values), **options)


def close(got: Any, expected: Any, rtol: float = 1e-12) -> None:
    np.testing.assert_allclose(pg.to_numpy(got) if pg.is_array(got) else got, expected, rtol=rtol)


# -- pytrees ------------------------------------------------------------------------------------


@optree.dataclasses.dataclass(namespace="polygrad")
class Layer:
    weight: Any
    bias: Any
    name: str = dataclasses.field(default="layer", metadata={})


class Pair(NamedTuple):
    left: Any
    right: Any


def total(p: Any) -> Any:
    """The sum of the squares of all floating-point leaves."""
    leaves = [leaf for leaf in pg.tree.leaves(p) if pg.is_array(leaf)]
    return sum(pg.sum(x**2) for x in leaves if pg.isdtype(x.dtype, "real floating"))


@pytest.mark.parametrize("device", DEVICES)
def test_gradient_of_nested_containers(device: str) -> None:
    with pg.device(device):
        params = {
            "w": array(1.0, 2.0),
            "layers": [(array(3.0), None), Pair(array(4.0), array(5.0))],
            "steps": 3,
            "counts": array(1, 2),
            "flag": True,
            "label": "x",
        }
        grads = pg.grad(total)(params)
    assert list(grads) == list(params)
    close(grads["w"], [2.0, 4.0])
    close(grads["layers"][0][0], [6.0])
    assert grads["layers"][0][1] is None
    assert isinstance(grads["layers"][1], Pair)
    close(grads["layers"][1].right, [10.0])
    assert [grads[key] for key in ("steps", "counts", "flag", "label")] == [None] * 4
    assert grads["w"].device == device


def test_gradient_of_a_dataclass() -> None:
    layer = Layer(array(1.0, 2.0), 3.0)
    found = pg.grad(lambda layer: pg.sum(layer.weight) * layer.bias)(layer)
    assert type(found) is Layer
    close(found.weight, [3.0, 3.0])
    assert found.bias == 3.0
    assert found.name is None
    value, tangent = pg.jvp(
        lambda layer: pg.sum(layer.weight) * layer.bias,
        (layer,),
        (Layer(array(1.0, 0.0), None, None),),
    )
    assert (float(value), float(tangent)) == (9.0, 3.0)


def test_leaves_that_do_not_matter_get_zeros() -> None:
    grads = pg.grad(lambda p: p["used"] ** 2)({"used": 3.0, "unused": array(1.0, 2.0)})
    assert grads["used"] == 6.0
    close(grads["unused"], [0.0, 0.0])


def test_kinds_come_back_as_they_went_in() -> None:
    for x, kind in ((2.0, float), (np.float64(2.0), np.ndarray), (np.asarray(2.0), np.ndarray),
                    (pg.asarray(2.0), pg.Array)):  # fmt: skip
        value, grad = pg.value_and_grad(lambda x: x * pg.sin(x))(x)
        assert type(grad) is kind, (x, type(grad))
        close(grad, math.sin(2) + 2 * math.cos(2))
        close(value, 2 * math.sin(2))
    assert type(pg.grad(pg.abs)(3 + 4j)) is complex
    ga, gb = pg.grad(lambda a, b: pg.sum(a * b), argnums=(0, 1))(np.ones(2), pg.ones(2))
    assert (type(ga), type(gb)) == (np.ndarray, pg.Array)


# -- arguments ----------------------------------------------------------------------------------


def test_argnums() -> None:
    def f(a: Any, b: Any, c: Any) -> Any:
        return a * b**2 * c**3

    assert pg.grad(f, argnums=1)(2.0, 3.0, 1.0) == 12.0
    assert pg.grad(f, argnums=-1)(2.0, 3.0, 1.0) == 54.0
    assert pg.grad(f, argnums=(2, 0))(2.0, 3.0, 1.0) == (54.0, 9.0)
    assert pg.grad(f, argnums=[-3])(2.0, 3.0, 1.0) == (9.0,)
    value, grads = pg.value_and_grad(f, argnums=(0, 2))(2.0, 3.0, 1.0)
    assert (value, grads) == (18.0, (9.0, 54.0))
    for bad in (3, -4, (0, 0), (0, -3)):
        with pytest.raises(ArgumentValueError, match="argnums"):
            pg.grad(f, argnums=bad)(2.0, 3.0, 1.0)


def test_keyword_arguments_are_constants() -> None:
    def f(x: Any, *, scale: Any) -> Any:
        return pg.sum(x * scale["s"])

    close(pg.grad(f)(np.ones(2), scale={"s": np.asarray([2.0, 3.0])}), [2.0, 3.0])


def test_has_aux() -> None:
    def f(x: Any) -> Any:
        return pg.sum(x**2), {"doubled": x * 2, "note": "fine"}

    x = np.asarray([1.0, 2.0])
    (value, aux), grads = pg.value_and_grad(f, has_aux=True)(x)
    close(value, 5.0)
    close(grads, [2.0, 4.0])
    assert type(aux["doubled"]) is np.ndarray
    assert aux["note"] == "fine"
    close(aux["doubled"], [2.0, 4.0])
    grads, aux = pg.grad(f, has_aux=True)(pg.asarray(x))
    assert type(aux["doubled"]) is pg.Array
    value, pullback, aux = pg.vjp(f, x, has_aux=True)
    close(pullback(1.0)[0], [2.0, 4.0])
    with pytest.raises(ArgumentTypeError, match="has_aux"):
        pg.grad(lambda x: pg.sum(x), has_aux=True)(x)


def test_what_is_not_a_scalar_is_refused() -> None:
    x = np.ones(3)
    for f, message in (
        (lambda x: x * 2, r"shape \(3,\)"),
        (lambda x: 3.0, "float 3.0"),
        (lambda x: pg.sum(x) * 1j, "complex"),
        (lambda x: pg.sum(x) > 0, "bool"),
        (lambda x: None, "NoneType"),
    ):
        with pytest.raises(NonScalarError, match=message):
            pg.grad(f)(x)


# -- vjp and jvp --------------------------------------------------------------------------------


@pytest.mark.parametrize("device", DEVICES)
def test_vjp_of_a_pytree_and_two_pullbacks(device: str) -> None:
    with pg.device(device):
        x, y = array(1.0, 2.0), array(3.0, 4.0)
        out, pullback = pg.vjp(lambda x, y: {"p": x * y, "s": pg.sum(x)}, x, y)
        close(out["p"], [3.0, 8.0])
        first = pullback({"p": array(1.0, 0.0), "s": pg.asarray(0.0)})
        second = pullback({"p": array(0.0, 0.0), "s": pg.asarray(5.0)})
        again = pullback({"p": array(1.0, 0.0), "s": pg.asarray(0.0)})
        close(first[0], [3.0, 0.0])
        close(first[1], [1.0, 0.0])
        close(second[0], [5.0, 5.0])
        close(second[1], [0.0, 0.0])
        close(again[0], [3.0, 0.0])
        with pytest.raises(TreeError, match="cotangent"):
            pullback({"p": array(1.0, 0.0)})


@pytest.mark.parametrize("device", DEVICES)
def test_jvp_of_a_pytree(device: str) -> None:
    with pg.device(device):
        primals = ({"a": array(1.0, 2.0), "n": 2}, 3.0)
        out, tangent = pg.jvp(
            lambda p, s: [p["a"] ** p["n"] * s, pg.argmax(p["a"])],
            primals,
            ({"a": array(1.0, 0.0), "n": None}, 1.0),
        )
    close(out[0], [3.0, 12.0])
    close(tangent[0], [6.0 + 1.0, 4.0])


def test_forward_and_reverse_agree_on_a_network() -> None:
    rng = np.random.default_rng(0)
    params = [rng.normal(size=s) for s in ((3, 4), (4,), (4, 2))]
    x = rng.normal(size=(5, 3))

    def loss(params: Any) -> Any:
        w, b, v = params
        return pg.mean(pg.logsumexp(pg.tanh(x @ w + b) @ v, axis=-1))

    directions = [rng.normal(size=p.shape) for p in params]
    _, tangent = pg.jvp(loss, (params,), (directions,))
    grads = pg.grad(loss)(params)
    inner = sum(np.sum(g * d) for g, d in zip(grads, directions, strict=True))
    close(tangent, inner, rtol=1e-11)


# -- nesting ------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", DEVICES)
def test_fourth_derivatives(device: str) -> None:
    with pg.device(device):
        f: Any = lambda x: pg.exp(2 * x) * pg.sin(x)
        x = 0.3
        # d/dx of exp(2x) sin x is the imaginary part of (2 + i) exp((2 + i) x).
        for order in range(1, 5):
            f = pg.grad(f)
            close(f(x), ((2 + 1j) ** order * np.exp((2 + 1j) * x)).imag, rtol=1e-10)


@pytest.mark.parametrize("modes", ["rf", "fr", "ff", "rr", "frf"])
def test_mixed_nesting(modes: str) -> None:
    f: Any = lambda x: x**4
    expected: Any = {1: lambda x: 4 * x**3, 2: lambda x: 12 * x**2, 3: lambda x: 24 * x}
    for mode in modes:
        inner = f
        f = pg.grad(inner) if mode == "r" else (lambda x, f=inner: pg.jvp(f, (x,), (1.0,))[1])
    close(f(1.5), expected[len(modes)](1.5))


def test_perturbation_confusion() -> None:
    assert pg.grad(lambda x: x * pg.grad(lambda y: x + y)(1.0))(3.0) == 1.0
    found = pg.jvp(lambda x: x * pg.jvp(lambda y: x + y, (1.0,), (1.0,))[1], (3.0,), (1.0,))
    assert found == (3.0, 1.0)
    assert pg.grad(lambda x: x * pg.jvp(lambda y: x * y, (1.0,), (1.0,))[1])(3.0) == 6.0


def test_closures_over_outer_tracked_values() -> None:
    def outer(x: Any) -> Any:
        def inner(y: Any) -> Any:
            return pg.sum(x * y**3)

        return pg.sum(pg.grad(inner)(x) * x)  # 3 x**4

    close(pg.grad(outer)(np.asarray([1.0, 2.0])), [12.0, 96.0])


def test_the_gradient_of_a_pullback_by_its_cotangent() -> None:
    def f(ct: Any) -> Any:
        _, pullback = pg.vjp(pg.sin, pg.asarray(0.5))
        return pullback(ct)[0] ** 2

    close(pg.grad(f)(3.0), 6.0 * math.cos(0.5) ** 2)


def test_hessian_vector_product_both_ways() -> None:
    rng = np.random.default_rng(1)
    a = rng.normal(size=(4, 4))
    x, v = rng.normal(size=4), rng.normal(size=4)
    f: Any = lambda x: pg.sum(pg.sin(a @ x) * x)
    forward_over_reverse = pg.jvp(pg.grad(f), (x,), (v,))[1]
    reverse_over_reverse = pg.grad(lambda x: pg.sum(pg.grad(f)(x) * v))(x)
    reverse_over_forward = pg.grad(lambda x: pg.jvp(f, (x,), (v,))[1])(x)
    close(forward_over_reverse, reverse_over_reverse, rtol=1e-11)
    close(reverse_over_forward, reverse_over_reverse, rtol=1e-11)
    step = (pg.grad(f)(x + 1e-6 * v) - pg.grad(f)(x - 1e-6 * v)) / 2e-6
    close(forward_over_reverse, step, rtol=1e-5)


# -- complex numbers ----------------------------------------------------------------------------


def test_complex_convention() -> None:
    """PyTorch's: the gradient of |z|**2 is 2 z, so p - lr * g descends."""
    close(pg.grad(lambda z: pg.abs(z) ** 2)(3 + 4j), 6 + 8j)
    close(pg.grad(lambda z: pg.real(z * pg.conj(z)))(3 + 4j), 6 + 8j)
    close(pg.grad(lambda z: pg.real(z))(3 + 4j), 1 + 0j)
    close(pg.grad(lambda z: pg.imag(z))(3 + 4j), 1j)
    # A real parameter met by complex numbers has a real gradient.
    found = pg.grad(lambda x: pg.abs(x * (3 + 4j)))(2.0)
    assert type(found) is float
    close(found, 5.0)
    z = np.asarray([1 + 2j, -0.5j])
    f: Any = lambda z: pg.sum(pg.abs(pg.exp(z) - 1) ** 2)
    z = z - 1e-3 * pg.grad(f)(z)
    assert float(f(pg.asarray(z))) < float(f(pg.asarray(np.asarray([1 + 2j, -0.5j]))))


# -- stop_gradient ------------------------------------------------------------------------------


def test_stop_gradient() -> None:
    assert pg.grad(lambda x: x * pg.stop_gradient(x))(3.0) == 3.0
    assert pg.grad(lambda x: pg.stop_gradient(x) + 0 * x)(3.0) == 0.0
    assert pg.jvp(lambda x: x * pg.stop_gradient(x), (3.0,), (1.0,)) == (9.0, 3.0)
    # At every level at once, and over pytrees.
    f = pg.grad(lambda x: x * pg.grad(lambda y: y * pg.stop_gradient({"x": x})["x"] ** 2)(x))
    assert f(3.0) == 9.0
    with pytest.raises(LostGradientError, match="stop_gradient"):
        pg.grad(lambda x: x * float(x))(3.0)
    assert pg.grad(lambda x: x * x.item())(3.0) == 3.0


# -- exceptions and values that outlive their transform ------------------------------------------


def test_an_exception_leaves_the_next_call_clean() -> None:
    kept: list[Any] = []

    def broken(x: Any) -> Any:
        kept.append(x * 2)
        raise KeyError("user code")

    for transform in (
        lambda: pg.grad(broken)(3.0),
        lambda: pg.vjp(broken, 3.0),
        lambda: pg.jvp(broken, (3.0,), (1.0,)),
        lambda: pg.grad(lambda x: pg.grad(broken)(x))(3.0),
    ):
        with pytest.raises(KeyError, match="user code"):
            transform()
        assert pg.grad(lambda x: x**2)(3.0) == 6.0
        assert pg.sin(0.0).item() == 0.0
        with pytest.raises(LeakedArrayError):
            _ = kept.pop() + 1


@pytest.mark.parametrize("mode", ["grad", "vjp", "jvp"])
def test_a_leaked_tracked_array_raises(mode: str) -> None:
    leaked: list[Any] = []

    def f(x: Any) -> Any:
        leaked.append(x * 2)
        return pg.sum(x)

    x = np.ones(2)
    {"grad": pg.grad(f), "vjp": lambda x: pg.vjp(f, x), "jvp": lambda x: pg.jvp(f, (x,), (x,))}[
        mode
    ](x)
    for use in (lambda a: a + 1, pg.sin, lambda a: a[0], lambda a: pg.concat([a, a])):
        with pytest.raises(LeakedArrayError, match="pg.stop_gradient"):
            use(leaked[0])
    with pytest.raises(LeakedArrayError):
        pg.grad(lambda y: pg.sum(y * leaked[0]))(x)
