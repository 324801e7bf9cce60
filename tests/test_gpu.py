"""The CuPy backend on a real GPU; `make test-gpu` runs it, and without one it skips."""

import subprocess
import sys
import warnings

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


# -- compiled programs -----------------------------------------------------------------------------


def close(got, expected, rtol):
    for a, b in zip(pg.tree.flatten(got)[0], pg.tree.flatten(expected)[0], strict=True):
        assert a.device == b.device == "cuda:0"
        assert a.dtype == b.dtype
        a, b = pg.to_numpy(a), pg.to_numpy(b)
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol)


def chain(x):
    return pg.grad(lambda x: pg.sum(pg.tanh(x) * pg.exp(-(x**2)) + pg.log1p(x**2)))(x)


def training_step():
    host = np.random.default_rng(0)
    sizes = (784, 256, 128, 10)
    weights = []
    for n, m in zip(sizes, sizes[1:], strict=False):
        weights += [host.standard_normal((n, m)) * 0.1, np.zeros(m)]
    weights = [pg.asarray(w.astype("float32"), device="cuda") for w in weights]
    x = pg.asarray(host.standard_normal((128, 784)).astype("float32"), device="cuda")
    labels = pg.asarray(host.integers(0, 10, 128), device="cuda")

    def loss(weights, x, labels):
        for i in (0, 2):
            x = pg.tanh(x @ weights[i] + weights[i + 1])
        return pg.mean(pg.nn.softmax_cross_entropy(x @ weights[4] + weights[5], labels))

    def step(weights, x, labels, rate):
        value, gradient = pg.value_and_grad(loss)(weights, x, labels)
        return value, [w - rate * g for w, g in zip(weights, gradient, strict=True)]

    return step, (weights, x, labels)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_jit_of_an_elementwise_chain_is_one_kernel_and_equals_eager(dtype):
    rng = np.random.default_rng(0)
    j = pg.jit(chain)
    for _ in range(3):
        x = pg.asarray(rng.standard_normal(100_003).astype(dtype), device="cuda")
        close(j(x), chain(x), 1e-5 if dtype == "float32" else 1e-12)
    launches = j.lower(x).launches
    assert (launches.kernels, launches.enqueued) == (1, 1)


@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        ((500_000,), None), ((7, 3000), 1), ((3000, 7), 0), ((4000, 700), 0), ((3, 100, 5), 1),
        ((2, 40_000), 1), ((9, 5), 1), ((3, 50, 4), (0, 2)),
    ],
)  # fmt: skip
def test_jit_of_reductions_equals_eager(shape, axis):
    x = pg.asarray(np.random.default_rng(1).standard_normal(shape), device="cuda")

    def f(x):
        return (
            pg.sum(pg.exp(x), axis=axis), pg.max(x, axis=axis), pg.min(x, axis=axis),
            pg.mean(x, axis=axis, keepdims=True), pg.any(x > 3.0, axis=axis), x * 2.0,
            pg.sum(pg.astype(x > 0, pg.int32), axis=axis),
        )  # fmt: skip

    j = pg.jit(f)
    for _ in range(3):
        close(j(x), f(x), 1e-11)
    assert j.lower(x).launches.library == 0
    first, again = j(x)[0], j(x)[0]
    assert bool(pg.all(first == again))  # no atomics: the same bits in each run


def test_jit_of_a_training_step_is_captured_and_equals_eager():
    step, args = training_step()
    j = pg.jit(step)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # CaptureWarning
        for rate in (0.1, 0.2, 0.05):
            close(j(*args, rate), step(*args, rate), 2e-4)
    launches = j.lower(*args, 0.1).launches
    assert (launches.products, launches.library, launches.graphs) == (0, 0, 1)
    assert launches.enqueued == 2


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("a", "b"),
    [((130, 70), (70, 90)), ((5, 3000), (3000, 6)), ((3, 40, 50), (50, 20)), ((300,), (300, 40))],
)
def test_generated_products_equal_eager_and_repeat_their_bits(a, b, dtype):
    rng = np.random.default_rng(0)
    x, y = (pg.asarray(rng.standard_normal(s).astype(dtype), device="cuda") for s in (a, b))
    f = lambda x, y: (pg.tanh(x @ y * 0.01 + 0.5), pg.exp(x))
    j = pg.jit(f)
    outs = [j(x, y)[0] for _ in range(4)]
    close(outs[0], f(x, y)[0], 1e-5 if dtype == "float32" else 1e-12)
    assert all(bool(pg.all(out == outs[0])) for out in outs)
    assert j.lower(x, y).launches.products == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_large_products_are_captured_by_cublaslt(dtype):
    pytest.importorskip("nvmath")
    rng = np.random.default_rng(0)
    x, w = (
        pg.asarray(rng.standard_normal((600, 600)).astype(dtype), device="cuda") for _ in range(2)
    )

    def f(w, x):
        h = pg.tanh(x @ w * 0.05)
        return w - 0.1 * (x.T @ h)

    j, mine, expected = pg.jit(f, donate_argnums=0), w + 0.0, w
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # CaptureWarning
        for _ in range(4):
            mine, expected = j(mine, x), f(expected, x)
    close(mine, expected, 1e-3 if dtype == "float32" else 1e-10)
    launches = j.lower(mine, x).launches
    assert (launches.products, launches.graphs, launches.enqueued) == (2, 1, 2)


def test_a_captured_graph_takes_new_inputs_and_leaves_old_results_alone():
    def f(x, rate):
        y = pg.exp(x) / pg.sum(pg.exp(x), axis=-1, keepdims=True)
        return y, pg.sum(y * rate, axis=0)

    j, kept = pg.jit(f), []
    for seed in range(5):
        x = np.random.default_rng(seed).standard_normal((64, 50))
        x = pg.asarray(x, device="cuda")
        kept.append((j(x, seed + 0.5), f(x, seed + 0.5)))
    for got, expected in kept:
        close(got, expected, 1e-12)
    assert j.lower(x, 0.5).launches.graphs == 1


def test_compiled_programs_run_in_the_current_stream():
    import cupy

    j = pg.jit(lambda x: pg.exp(x) / pg.sum(pg.exp(x)))
    host = np.linspace(-1, 1, 10_000)
    expected = np.exp(host) / np.exp(host).sum()
    streams = [cupy.cuda.Stream(non_blocking=True) for _ in range(2)]
    for _ in range(3):
        for stream in streams:
            with stream:
                out = j(cupy.asarray(host))
                stream.synchronize()
                np.testing.assert_allclose(out.get(), expected, rtol=1e-12)


def test_a_donated_array_is_written_over_on_the_gpu():
    w, g = (pg.asarray(np.full(1000, v), device="cuda") for v in (1.0, 2.0))
    before = w._value.data.ptr
    out = pg.jit(lambda w, g: w - 0.5 * g, donate_argnums=0)(w, g)
    assert out._value.data.ptr == before
    assert bool(pg.all(out == 0.0))


def test_jit_of_what_has_no_kernel_equals_eager():
    x = pg.asarray([0.5, -1.0, 2.0], device="cuda")
    z = pg.asarray([1 + 2j, 0.5, -1j], device="cuda")
    f = lambda x, z: (pg.sort(pg.exp(x)) * 2.0, z * z, pg.abs(z) + x, x[pg.argsort(x)])
    j = pg.jit(f)
    for _ in range(3):
        close(j(x, z), f(x, z), 1e-12)
