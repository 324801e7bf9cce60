"""Comparisons, casts, shifts and powers in CUDA kernels at the ends of the data types; no GPU.

Each kernel has many answers, so that a compiler runs once for a data type.
"""

import itertools

import numpy as np
import pytest
from test_cuda_kernels import machine

import polygrad as pg
from polygrad.errors import IntegerRangeError

__all__ = ["machine"]  # a fixture
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
TYPES = (*INTEGERS, "bool", "float32", "float64")
COMPARISONS = ("less", "less_equal", "equal", "not_equal", "greater", "greater_equal")
CONSTANTS = (
    -1, 0, 1, 127, 128, 255, 256, -129, 65536, 2**31, 2**32, 2**63 - 1, -(2**63), 2**63, 2**64 - 1,
    2**64, -(2**64), 1.5, -0.5, 1e30, float("nan"), float("inf"), True,
)  # fmt: skip


@pytest.fixture(autouse=True)
def _quiet():
    with np.errstate(all="ignore"):
        yield


def special(dtype):
    if dtype == "bool":
        return np.array([True, False])
    if dtype.startswith("float"):
        return np.array([0.0, -0.0, 1.5, -2.5, 300.0, 7e4, 3e9, -1e30, np.inf, np.nan], dtype)
    info = np.iinfo(dtype)
    return np.array([info.min, info.max, 0, 1, 2, info.max // 2], dtype)


def same(f, *args):
    got, expected = pg.jit(f)(*args), f(*args)
    for number, (a, b) in enumerate(zip(got, expected, strict=True)):
        assert a.dtype == b.dtype, number
        np.testing.assert_array_equal(a, b, err_msg=str(number))


@pytest.mark.parametrize("dtype", [*INTEGERS, "float32"])
def test_comparisons_with_any_number(machine, dtype):
    def f(x):
        pairs = itertools.product(COMPARISONS, CONSTANTS)
        return [one for o, c in pairs for one in (getattr(pg, o)(x, c), getattr(pg, o)(c, x))]

    same(f, special(dtype))
    weak = lambda x, *numbers: [getattr(pg, o)(n, x) for o in COMPARISONS for n in numbers]
    same(weak, special(dtype), *[c for c in CONSTANTS if not abs(c) >= 2**63 or c == -(2**63)])


@pytest.mark.parametrize("dtype", TYPES)
def test_comparisons_of_all_data_types(machine, dtype):
    arrays = [np.meshgrid(special(dtype), special(other)) for other in TYPES]
    f = lambda arrays: [getattr(pg, o)(x, y) for o in COMPARISONS for x, y in arrays]
    same(f, arrays)


def test_a_number_beyond_what_kernels_take_is_refused_beside_uint64(machine):
    j = pg.jit(lambda x, n: x < n * n)
    assert j(np.zeros(2, np.uint64), 3).tolist() == [True, True]
    with pytest.raises(IntegerRangeError):
        j(np.zeros(2, np.uint64), 2**32)


@pytest.mark.parametrize("dtype", TYPES)
def test_casts_to_all_data_types(machine, dtype):
    x = special(dtype)
    kinds = [getattr(pg, one) for one in TYPES]
    if dtype.startswith("float"):  # what uint32 makes of -1e30 differs within NumPy's own loops
        kinds.remove(pg.uint32)
        same(lambda x: [pg.astype(x, pg.uint32)], x[x >= 0])
    same(lambda x: [pg.astype(x, kind) for kind in kinds], x)


def test_casts_do_not_lean_on_what_c_leaves_open(machine):
    source = pg.jit(lambda x: pg.astype(x, pg.int32)).lower(np.ones(3)).source()
    assert "pg_integer<int>(t" in source.rpartition("__global__")[2]


@pytest.mark.parametrize("dtype", INTEGERS)
def test_shifts_by_any_count(machine, dtype):
    bits = np.iinfo(dtype).bits
    counts = [n for n in (0, 1, bits - 1, bits, bits + 1, 100) if n <= np.iinfo(dtype).max]
    x, n = np.meshgrid(special(dtype), np.array(counts, dtype))

    def f(x, n):
        shifts = (pg.bitwise_left_shift, pg.bitwise_right_shift)
        return [s(x, c) for s in shifts for c in (n, *counts)]

    same(f, x, n)
    assert pg.jit(f).lower(x, n).launches.library == 0


def test_a_root_as_a_power_is_numpy_s(machine):
    same(lambda x: [x**0.5, pg.pow(x, 0.5)], np.array([4.0, 0.0, -np.inf, np.inf, -1.0]))


def test_denormal_numbers_are_kept(machine):
    x = np.array([1e-40, 3e-45, -1e-39], np.float32)
    same(lambda x: [x * 0.5, x + x, x > 0, pg.abs(x), pg.max(x), pg.sum(x)], x)


def test_constants_that_do_not_fit_are_no_constants_of_kernels(machine):
    f = lambda x: pg.where(x, x, 2**64)
    with pytest.raises((IntegerRangeError, OverflowError)):
        pg.jit(f)(np.array([True, False]))
