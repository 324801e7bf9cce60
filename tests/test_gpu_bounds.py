"""Bounds, failures and ends of the data types on a real GPU; without one this skips.

Without a GPU the same is held by tests/test_cuda_bounds.py, _numbers.py, _copies.py, _failures.py.
"""

import warnings

import numpy as np
import pytest
from test_cuda_bounds import sample, totals
from test_cuda_numbers import COMPARISONS, CONSTANTS, INTEGERS, TYPES, special

import polygrad as pg

REASON = pg.backend.why_unavailable(pg.backend.get_backend("cupy"))
pytestmark = [pytest.mark.gpu, pytest.mark.skipif(REASON is not None, reason=str(REASON))]


@pytest.fixture(autouse=True)
def _loud():
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("error", pg.errors.KernelWarning)
        warnings.simplefilter("error", pg.errors.CaptureWarning)
        yield


def cuda(x):
    return pg.asarray(x, device="cuda")


def same(f, *hosts, rtol=0.0):
    """The compiled function on the GPU, three times, beside NumPy."""
    expected, j = f(*hosts), pg.jit(f)
    for _ in range(3):
        for number, (a, b) in enumerate(zip(j(*map(cuda, hosts)), expected, strict=True)):
            assert a.dtype == b.dtype, number
            np.testing.assert_allclose(pg.to_numpy(a), b, rtol=rtol, err_msg=str(number))


@pytest.mark.parametrize(
    ("dtype", "count"), [("float64", 25), ("float32", 49), ("float64", 200), ("int64", 60)]
)
def test_many_reductions(dtype, count):
    same(totals(count), sample(dtype), rtol=1e-6 if dtype == "float32" else 1e-13)


@pytest.mark.parametrize("length", [33, 65, 300, 20_000])
def test_block_reductions(length):
    x = np.random.default_rng(0).integers(0, 100, (3, length)).astype("int32")

    def f(x):
        return (
            pg.sum(x, axis=1), pg.max(x, axis=1), pg.min(x, axis=1), pg.all(x > 0, axis=1),
            pg.any(x == 0, axis=1),
        )  # fmt: skip

    same(f, x)


@pytest.mark.parametrize("dtype", [*INTEGERS, "float32"])
def test_comparisons_with_any_number(dtype):
    same(lambda x: [getattr(pg, o)(x, c) for o in COMPARISONS for c in CONSTANTS], special(dtype))


@pytest.mark.parametrize("dtype", TYPES)
def test_casts_to_all_data_types(dtype):
    x = special(dtype)
    if dtype.startswith("float"):
        x = x[~(x < -(2.0**31))]
    same(lambda x: [pg.astype(x, getattr(pg, one)) for one in TYPES], x)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_shifts_by_any_count(dtype):
    bits = np.iinfo(dtype).bits
    shifts = (pg.bitwise_left_shift, pg.bitwise_right_shift)
    counts = [n for n in (0, 1, bits - 1, bits, 100) if n <= np.iinfo(dtype).max]
    same(lambda x: [s(x, n) for s in shifts for n in counts], special(dtype))


def test_denormal_numbers_are_kept():
    x = np.array([1e-40, 3e-45, -1e-39], np.float32)
    same(lambda x: [x * np.float32(0.5), x + x, x > 0, pg.max(x), pg.sum(x)], x)


def test_products_at_ever_new_addresses_are_graphs():
    pytest.importorskip("nvmath")
    rng = np.random.default_rng(0)
    w = rng.standard_normal((600, 600))
    j, kept = pg.jit(lambda x, w: (x @ w, pg.tanh(x @ w * 0.01))), []
    for _ in range(9):
        x = rng.standard_normal((600, 600))
        kept.append((cuda(x), x))
    w_there = cuda(w)
    kept = [(x, j(there, w_there), there) for there, x in kept]
    for x, got, _ in kept:
        np.testing.assert_allclose(pg.to_numpy(got[0]), x @ w, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(pg.to_numpy(got[1]), np.tanh(x @ w * 0.01), rtol=1e-9, atol=1e-9)
    lowered = j.lower(kept[0][2], w_there)
    assert lowered.launches.graphs == 1
    assert lowered.launches.copies >= 1
    assert "copied" in lowered.state


def test_kernels_that_do_not_compile_keep_the_answer(monkeypatch):
    from polygrad.compile.cuda import program

    monkeypatch.setattr(program, "PRELUDE", "nonsense\n")
    x = cuda(np.arange(4.0))
    j = pg.jit(lambda x: pg.exp(x) + 1.0)
    with pytest.warns(pg.errors.KernelWarning, match="CompileError"):
        out = j(x)
    np.testing.assert_allclose(pg.to_numpy(out), np.exp(np.arange(4.0)) + 1.0, rtol=1e-14)
    assert j.lower(x).state.startswith("op by op")


def test_lacking_memory_is_explained():
    x = cuda(np.ones(1))
    size = 2**33
    with pytest.raises(pg.errors.DeviceMemoryError, match=r"out of GPU memory.*GiB"):
        pg.jit(lambda x: pg.broadcast_to(x, (64, size)) * 2.0)(x)
    assert pg.to_numpy(x + 1.0).tolist() == [2.0]


def test_arrays_lent_by_another_library_are_not_written_over():
    import cupy

    lent = cupy.arange(4.0)
    borrowed = cupy.from_dlpack(lent)
    out = pg.jit(lambda w: w * 2.0, donate_argnums=0)(borrowed)
    assert out.get().tolist() == [0.0, 2.0, 4.0, 6.0]
    assert lent.get().tolist() == [0.0, 1.0, 2.0, 3.0]


@pytest.mark.parametrize(("low", "high"), [(0.3, 1.0), (1.0, 0.3), (np.nan, 1.0), (0, 1)])
def test_clip_is_that_of_numpy(low, high):
    x = np.array([0.5, -1.0, 2.0, np.nan])
    np.testing.assert_array_equal(pg.to_numpy(pg.clip(cuda(x), low, high)), pg.clip(x, low, high))


def test_a_function_that_cupy_lacks_says_where_it_is():
    with pytest.raises(pg.errors.BackendError, match=r"jv: cupy has no such function.*to_device"):
        pg.special.jv(cuda(np.ones(2)), cuda(np.ones(2)))
    x = np.array([0.5, 2.0])
    got = pg.special.stdtr(cuda(x), cuda(x))
    np.testing.assert_allclose(pg.to_numpy(got), pg.special.stdtr(x, x), rtol=1e-12)
