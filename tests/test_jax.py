"""JAX's own ways: 64 bits behind a switch, immutable arrays, tracers, no dispatch protocol."""

from typing import Any

import numpy as np
import pytest

import polygrad as pg
from polygrad.errors import BackendError, IndexingError, LostGradientError

jax = pytest.importorskip("jax")
pytestmark = pytest.mark.backends


@pytest.fixture
def x() -> Any:
    return jax.numpy.asarray([0.5, 1.0, 2.0])


def test_64_bits_are_refused_until_switched_on() -> None:
    for make in (
        lambda: pg.zeros(2, dtype=pg.float64, device="jax"),
        lambda: pg.asarray([1.0], dtype="float64", device="jax"),
        lambda: pg.astype(pg.ones(2, device="jax"), pg.float64),
        lambda: pg.sum(pg.ones(2, device="jax"), dtype=pg.float64),
        lambda: pg.to_device(pg.zeros(2, dtype=pg.float64), "jax"),
    ):
        with pytest.raises(BackendError, match=r"float64.*float32.*jax_enable_x64"):
            make()
    with pytest.raises(BackendError, match="int64.*int32"):
        pg.asarray(np.arange(3), device="jax")
    assert pg.zeros(2, device="jax").dtype == pg.float32
    assert pg.arange(3, device="jax").dtype == pg.int32
    assert pg.asarray([1.0, 2.0], device="jax").dtype == pg.float32
    assert pg.astype(pg.asarray([1.0], device="jax"), pg.complex64).dtype == pg.complex64
    assert not jax.config.jax_enable_x64  # nobody has touched the switch
    with jax.enable_x64(True):
        x = pg.zeros(2, dtype=pg.float64, device="jax")
        assert x.dtype == pg.float64
        assert pg.grad(lambda x: pg.sum(pg.exp(x)))(x).dtype == pg.float64
        assert pg.sum(pg.arange(3, device="jax")).dtype == pg.int64
    with pytest.raises(BackendError, match="float64"):
        pg.zeros(2, dtype=pg.float64, device="jax")


def test_operators_on_either_side(x: Any) -> None:
    for f in (
        lambda t: x + t,
        lambda t: x / t - t,
        lambda t: x**t,
        lambda t: x @ t,
        lambda t: t * (x < t + 1),
    ):
        g = pg.grad(lambda t, f=f: pg.sum(f(t)))(x)
        expected = jax.grad(lambda t, f=f: jax.numpy.sum(f(t)))(x)
        assert type(g) is type(x)
        np.testing.assert_allclose(g, expected, rtol=1e-6)


def test_jax_has_no_protocol_for_its_functions(x: Any) -> None:
    """Its functions refuse a tracked array by name; they never compute without its gradient."""
    with pytest.raises(TypeError, match=r"polygrad\.array\.Array"):
        pg.grad(lambda t: jax.numpy.sum(jax.numpy.sin(t)))(x)
    with pytest.raises((TypeError, LostGradientError)):
        pg.grad(lambda t: jax.numpy.sum(jax.numpy.asarray(t)))(x)


def test_inside_jit_and_grad_of_jax(x: Any) -> None:
    def f(t: Any) -> Any:
        y = pg.index_set(pg.zeros_like(t), t[:-1] ** 2, slice(1, None))
        return pg.sum(pg.tanh(y) * t[jax.numpy.asarray([0, 0, 2])])

    straight = pg.grad(f)(x)
    np.testing.assert_allclose(jax.jit(pg.grad(f))(x), straight, rtol=1e-6)
    np.testing.assert_allclose(jax.grad(f)(x), straight, rtol=1e-6)
    hessian = jax.jacfwd(pg.grad(f))(x)
    rows = [pg.jvp(pg.grad(f), (x,), (row,))[1] for row in jax.numpy.eye(3)]
    np.testing.assert_allclose(hessian, np.stack(rows).T, rtol=1e-5, atol=1e-6)


def test_a_place_out_of_range(x: Any) -> None:
    with pytest.raises(IndexingError, match="index 3 is out of range"):
        pg.getitem(x, 3)
    with pytest.raises(IndexingError):
        pg.index_set(x, 1.0, -4)
    # JAX cannot raise for the values of an array; nan is what it reads there.
    far = jax.numpy.asarray([0, 7])
    assert np.isnan(pg.getitem(x, far)[1])
    assert pg.grad(lambda x: pg.sum(pg.where(far > 3, 0.0, x[far])))(x).tolist() == [1, 0, 0]


def test_several_devices() -> None:
    """In a process where JAX sees two devices."""
    import subprocess
    import sys

    code = """
import jax, polygrad as pg, numpy as np
from polygrad.errors import BackendError, MixedArraysError
assert [str(d) for d in pg.devices() if d.backend.name == "jax"] == ["jax:cpu", "jax:cpu:1"]
a, b = pg.ones(2, device="jax"), pg.ones(2, device="jax:cpu:1")
assert pg.grad(lambda x: pg.sum(x * x))(b).device == "jax:cpu:1"
try:
    a + b
except MixedArraysError as error:
    assert "jax:cpu and jax:cpu:1" in str(error), error
g = pg.grad(lambda a: pg.sum(a.to_device("jax:cpu:1") * b))(a)
assert g.device == "jax:cpu", g.device
mesh = jax.sharding.Mesh(np.array(jax.devices()), ("i",))
spread = jax.device_put(jax.numpy.ones(4), jax.NamedSharding(mesh, jax.P("i")))
try:
    pg.asarray(spread).device
except BackendError as error:
    assert "several devices" in str(error), error
print("done")
"""
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=2", "JAX_PLATFORMS": "cpu"}
    import os

    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **flags}, capture_output=True, text=True
    )
    assert done.stdout.strip() == "done", done.stderr
