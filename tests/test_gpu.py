"""The CuPy backend on a real GPU; `make test-gpu` runs it, and without one it skips."""

import subprocess
import sys

import numpy as np
import pytest

import polygrad as pg

REASON = pg.backend.why_unavailable(pg.backend.get_backend("cupy"))
pytestmark = [pytest.mark.gpu, pytest.mark.skipif(REASON is not None, reason=str(REASON))]


def test_the_table_shows_the_gpu_and_its_memory():
    done = subprocess.run(
        [sys.executable, "-m", "polygrad", "devices"], capture_output=True, text=True
    )
    (row,) = [line for line in done.stdout.splitlines() if "cuda:0" in line]
    assert row.rstrip().endswith("GiB")


def test_importing_and_listing_devices_allocates_nothing():
    code = (
        "import polygrad as pg; pg.set_device('cuda'); pg.devices(); import cupy\n"
        "assert cupy.get_default_memory_pool().total_bytes() == 0\n"
        "pg.ones(1000); assert cupy.get_default_memory_pool().total_bytes() > 0"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_value_gradient_and_tangent_agree_with_the_cpu(dtype):
    def f(w, x):
        h = pg.tanh(x @ w)
        return pg.logsumexp(h) + pg.sum(h[[0, 0, 1]] ** 2) + pg.max(h)

    host = np.random.default_rng(0)
    w, x = (host.standard_normal(shape).astype(dtype) for shape in ((4, 3), (5, 4)))
    results = []
    for device in ("cpu", "cuda"):
        a, b = pg.asarray(w, device=device), pg.asarray(x, device=device)
        value, gradient = pg.value_and_grad(f)(a, b)
        tangent = pg.jvp(f, (a, b), (a, b))[1]
        assert gradient.device == pg.device(device)
        assert gradient.dtype == dtype
        results.append([pg.to_numpy(r) for r in (value, gradient, tangent)])
    for cpu, gpu in zip(*results, strict=True):
        np.testing.assert_allclose(gpu, cpu, rtol=1e-10 if dtype == "float64" else 1e-4)


@pytest.mark.parametrize("dtype", ["float32", "complex64", "complex128", "int8", "int64"])
def test_scatter_add_adds_at_repeated_places(dtype):
    value = pg.asarray([1, 2, 4], dtype=dtype, device="cuda")
    out = pg.scatter_add(value, pg.asarray([0, 2, 0], device="cuda"), (3,))
    assert out.dtype == dtype
    assert out.tolist() == [5, 0, 2]


def test_raw_arrays_scalars_and_mixing():
    import cupy

    raw = cupy.asarray([1.0, 2.0])
    assert type(pg.grad(lambda x: pg.sum(x**3))(raw)) is cupy.ndarray
    x = pg.asarray(raw)
    assert type(raw + x) is pg.Array
    assert (np.float64(2.0) * x).device == "cuda:0"
    with pytest.raises(pg.errors.MixedArraysError, match="cupy and numpy"):
        x + pg.ones(2)
    with pytest.raises(pg.errors.DeviceError, match=r"pg\.to_numpy"):
        np.asarray(x)
    assert cupy.from_dlpack(x).tolist() == [1.0, 2.0]
    assert pg.from_dlpack(raw).device == "cuda:0"


def test_a_gradient_crosses_to_the_gpu_and_back():
    x = pg.asarray([1.0, 2.0])
    g = pg.grad(lambda x: pg.sum(pg.to_device(pg.to_device(x, "cuda") ** 2, "cpu")))(x)
    assert g.device == "cpu"
    assert g.tolist() == [2.0, 4.0]


def test_a_gpu_that_is_not_there():
    with pytest.raises(pg.errors.DeviceUnavailableError, match="'cuda:99' is not available"):
        pg.device("cuda:99")
