"""Shifts in native code: any number of bits, in every integer type, as NumPy has them."""

import numpy as np
import pytest

import polygrad as pg

TYPES = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


@pytest.mark.parametrize("dtype", TYPES)
def test_shifts_by_any_number_of_bits(dtype, monkeypatch, tmp_path):
    monkeypatch.delenv("POLYGRAD_NATIVE", raising=False)
    monkeypatch.setenv("POLYGRAD_CACHE_DIR", str(tmp_path))
    info = np.iinfo(dtype)
    x = np.asarray([info.min, info.max, 1, 0, 5], dtype=dtype)[:, None]
    by = np.asarray([0, 1, 7, info.bits - 1, info.bits, min(info.max, 200)], dtype=dtype)

    def f(x, by):
        return x << by, x >> by, x << 3, x >> 3

    j = pg.jit(f)
    tier = j.lower(x, by).native
    assert tier.wait(60), tier.state
    for found, expected in zip(j(x, by), f(x, by), strict=True):
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
