"""The logic of backends/cupy.py on the stand-in with two GPUs; run by tests/test_cupy_logic.py."""

import threading

import cupy
import numpy as np
import pytest

import polygrad as pg
from polygrad.errors import DeviceUnavailableError, MixedArraysError


@pytest.fixture(autouse=True)
def current_device_is_left_alone():
    yield
    assert cupy.cuda.runtime.getDevice() == 0


def on(x, number):
    """Whether an Array's memory is on that GPU, and polygrad says so."""
    return type(x._value) is cupy.ndarray and x._value.device.id == number and (
        x.device == f"cuda:{number}"
    )  # fmt: skip


def test_devices():
    assert [str(d) for d in pg.devices()][:1] == ["cpu"]
    assert {"cuda:0", "cuda:1"} <= {str(d) for d in pg.devices()}
    assert (
        pg.device("cuda") == pg.device("cupy") == pg.device("CUDA:0 ") == pg.device("cupy:cuda:0")
    )
    assert pg.device("auto") == "cuda:0"
    assert pg.device(cupy.cuda.Device(1)) is pg.device("cuda:1")
    with pytest.raises(DeviceUnavailableError, match=r"'cuda:2' is not available.*cuda:0, cuda:1"):
        pg.device("cuda:2")
    with pytest.raises(DeviceUnavailableError, match="'cuda:-1' is not available"):
        pg.device("cuda:-1")


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize(
    "create",
    [
        lambda d: pg.zeros(2, device=d),
        lambda d: pg.ones((2, 2), dtype=pg.float32, device=d),
        lambda d: pg.empty(2, device=d),
        lambda d: pg.full(2, 3.0, device=d),
        lambda d: pg.arange(3, device=d),
        lambda d: pg.linspace(0, 1, 3, device=d),
        lambda d: pg.eye(2, device=d),
        lambda d: pg.asarray([1.0, 2.0], device=d),
        lambda d: pg.asarray(np.ones(2), device=d),
        lambda d: pg.asarray(pg.ones(2, device="cuda:0"), device=d, copy=True),
        lambda d: pg.asarray(pg.ones(2, device=d), copy=True),
        lambda d: pg.zeros_like(pg.ones(2, device=d)),
        lambda d: pg.ones_like(pg.zeros(2, device=d)),
        lambda d: pg.full_like(pg.ones(2, device=d), 2.0),
        lambda d: pg.ones_like(pg.ones(2), device=d),
        lambda d: pg.to_device(pg.ones(2), d),
        lambda d: pg.to_device(pg.ones(2, device="cuda:1"), d),
    ],
)
def test_arrays_are_made_on_the_device_asked_for(create, number):
    assert on(create(f"cuda:{number}"), number)


def test_new_arrays_follow_the_scope_and_threads_have_their_own():
    with pg.device("cuda:1"):
        assert on(pg.zeros(2), 1)
        with pg.device("cuda:0"):
            assert on(pg.asarray([1.0]), 0)
        found = []
        thread = threading.Thread(target=lambda: found.append(str(pg.zeros(1).device)))
        thread.start()
        thread.join()
        assert found == ["cpu"]
    assert str(pg.zeros(1).device) == "cpu"


def test_ops_and_both_modes_run_where_the_operands_are():
    x = pg.asarray([1.0, 2.0, 3.0], device="cuda:1")

    def f(x):
        y = pg.tanh(x) * x + x / 2 - pg.exp(-x)
        return pg.sum(y * y) + pg.sum(x[1:] ** 2)

    value, gradient = pg.value_and_grad(f)(x)
    assert on(value, 1)
    assert on(gradient, 1)
    host = pg.value_and_grad(f)(pg.asarray([1.0, 2.0, 3.0]))
    np.testing.assert_allclose(pg.to_numpy(gradient), pg.to_numpy(host[1]))
    out, tangent = pg.jvp(f, (x,), (pg.ones_like(x),))
    assert on(out, 1)
    assert on(tangent, 1)
    np.testing.assert_allclose(tangent.item(), pg.to_numpy(host[1]).sum())
    second = pg.grad(lambda x: pg.sum(pg.grad(f)(x) ** 2))(x)
    assert on(second, 1)


def test_a_gradient_crosses_devices_and_comes_back():
    def f(x):
        there = pg.to_device(x, "cuda:1")
        host = pg.to_device(there * there, "cpu")
        return pg.sum(host) + pg.sum(pg.to_device(pg.sin(x), "cpu"))

    x = pg.asarray([1.0, 2.0], device="cuda:0")
    g = pg.grad(f)(x)
    assert on(g, 0)
    np.testing.assert_allclose(pg.to_numpy(g), 2 * np.array([1, 2]) + np.cos([1.0, 2.0]))


def test_raw_arrays_come_back_raw_and_on_their_device():
    with cupy.cuda.Device(1):
        x = cupy.asarray([1.0, 2.0])
    g = pg.grad(lambda x: pg.sum(x**3))(x)
    assert type(g) is cupy.ndarray
    assert g.device.id == 1
    np.testing.assert_allclose(g.get(), [3.0, 12.0])


def test_devices_and_libraries_do_not_mix():
    zero, one = pg.ones(2, device="cuda:0"), pg.ones(2, device="cuda:1")
    with pytest.raises(MixedArraysError, match="cuda:0 and cuda:1"):
        zero + one
    with pytest.raises(MixedArraysError, match="cupy and numpy"):
        one * pg.ones(2)
    assert on(one * 2.0, 1)
    assert on(one * np.float64(2.0), 1)


def test_raw_arrays_give_way_to_arrays():
    with cupy.cuda.Device(1):
        raw = cupy.asarray([1.0, 2.0])
    x = pg.asarray([3.0, 4.0], device="cuda:1")
    for out in (raw + x, x + raw, raw * x, raw @ x, raw < x):
        assert type(out) is pg.Array
        assert on(out, 1)
    g = pg.grad(lambda x: pg.sum(raw * x))(x)
    np.testing.assert_allclose(pg.to_numpy(g), [1.0, 2.0])


@pytest.mark.parametrize(
    "dtype", ["float32", "float64", "complex64", "complex128", "int8", "int64", "uint32"]
)
def test_scatter_add_adds_at_repeated_places_in_every_data_type(dtype):
    value = pg.asarray([1, -2 if dtype != "uint32" else 2, 4], dtype=dtype, device="cuda:1")
    out = pg.scatter_add(value, pg.asarray([0, 2, 0], device="cuda:1"), (3,))
    assert on(out, 1)
    assert out.dtype == dtype
    expected = np.zeros(3, dtype)
    np.add.at(expected, [0, 2, 0], pg.to_numpy(value))
    np.testing.assert_array_equal(pg.to_numpy(out), expected)


def test_the_transpose_of_complex_indexing():
    x = pg.asarray([1 + 2j, 3 - 1j], device="cuda:1")
    index = pg.asarray([0, 0, 1], device="cuda:1")
    g = pg.grad(lambda x: pg.sum(pg.abs(x[index]) ** 2))(x)
    np.testing.assert_allclose(pg.to_numpy(g), [2 * 2 * (1 + 2j), 2 * (3 - 1j)])


def test_slices_and_masks():
    x = pg.asarray([1.0, 2.0, 3.0], device="cuda:1")
    mask = x > 1.5
    g = pg.grad(lambda x: pg.sum(x[mask] ** 2) + x[0] * x[-1])(x)
    np.testing.assert_allclose(pg.to_numpy(g), [3.0, 4.0, 7.0])


class Foreign:
    """A tensor of a library polygrad does not know, on a GPU."""

    def __init__(self, values, number):
        self.values, self.number = values, number

    def on_host(self):
        return np.array(self.values)

    def __dlpack__(self, **options):
        raise NotImplementedError

    def __dlpack_device__(self):
        return (2, self.number)


def test_dlpack_from_another_library_stays_on_its_gpu():
    assert on(pg.from_dlpack(Foreign([1.0, 2.0], 1)), 1)
    assert on(pg.asarray(Foreign([1.0, 2.0], 1)), 1)
    assert on(pg.from_dlpack(Foreign([1.0], 1), device="cuda:0"), 0)
    assert str(pg.from_dlpack(Foreign([1.0], 1), device="cpu").device) == "cpu"
    with pytest.raises(DeviceUnavailableError, match="cuda:7"):
        pg.from_dlpack(Foreign([1.0], 7))


def test_memory_of_another_library_is_not_owned():
    x = cupy.from_dlpack(Foreign([1.0, 2.0], 1))
    assert x.base is None
    assert x.flags.owndata
    own = pg.backend.get_backend("cupy").own
    copy = own(x)
    assert copy is not x
    assert copy.device.id == 1
    assert own(copy) is copy
    identity = pg.grad(lambda y: pg.sum(x * y))  # its gradient is x itself but for the copy
    assert identity(pg.asarray([3.0, 4.0], device="cuda:1"))._value is not x


def test_results_own_their_memory():
    x = pg.asarray([1.0, 2.0], device="cuda:1")
    a, b = pg.grad(lambda x, y: pg.sum(x + y), argnums=(0, 1))(x, x)
    for g in (a, b):
        assert on(g, 1)
        assert g._value.base is None
    assert a._value is not b._value


def test_synchronize_and_memory():
    pg.device("cuda:1").synchronize()
    assert cupy.cuda.runtime.synchronized[-1] == 1
    backend = pg.backend.get_backend("cupy")
    assert backend.memory(pg.device("cuda:1").raw) == (2 * 2**30 + 2**29, 4 * 2**30)


def test_a_matrix_that_cannot_be_factored_raises():
    singular = pg.asarray([[1.0, 2.0], [2.0, 4.0]], device="cuda:1")
    indefinite = pg.asarray([[1.0, 2.0], [2.0, 1.0]], device="cuda:1")
    for function, a in (
        (pg.linalg.cholesky, indefinite),
        (pg.linalg.inv, singular),
        (lambda a: pg.linalg.solve(a, a), singular),
    ):
        with pytest.raises(Exception, match=r"(?i)singular|definite"):
            function(a)
        with pytest.raises(Exception, match=r"(?i)singular|definite"):
            pg.grad(lambda a, f=function: pg.sum(f(a)))(a)
