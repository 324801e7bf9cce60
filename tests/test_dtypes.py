"""Data types, their limits and promotion, constants, and shapes that broadcast."""

import pickle
from typing import Any

import array_api_strict
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import polygrad as pg

NAMES = [
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float32", "float64", "complex64", "complex128"),
]
FLOATS = NAMES[-4:]


@pytest.mark.parametrize("name", NAMES)
def test_one_object_for_every_spelling(name: str) -> None:
    dtype = getattr(pg, name)
    for spelling in (name, np.dtype(name), getattr(np, name, np.bool),
                     getattr(array_api_strict, name)):  # fmt: skip
        assert pg.dtypes.as_dtype(spelling) is dtype
        assert dtype == spelling
    assert dtype.itemsize == np.dtype(name).itemsize
    assert {np.dtype(name): 1}[dtype] == {dtype: 1}[np.dtype(name)] == 1
    assert pickle.loads(pickle.dumps(dtype)) is dtype
    assert pg.zeros(1, dtype=name).dtype is dtype
    assert all((dtype == getattr(pg, other)) is (other == name) for other in NAMES)
    with pytest.raises(pg.errors.DTypeError, match="float33"):
        pg.zeros(1, dtype="float33")


@pytest.mark.parametrize("name", FLOATS)
def test_finfo(name: str) -> None:
    expected = np.finfo(name)
    for way in (name, getattr(pg, name), pg.zeros(1, dtype=name), np.zeros(1, name)):
        found = pg.finfo(way)
        for field in ("bits", "eps", "max", "min", "smallest_normal"):
            assert getattr(found, field) == float(getattr(expected, field))
            assert type(getattr(found, field)) in (int, float)
        assert found.dtype == str(expected.dtype)
    with pytest.raises(pg.errors.PolygradError, match="int32"):
        pg.finfo("int32")


@pytest.mark.parametrize("name", NAMES[1:9])
def test_iinfo(name: str) -> None:
    expected, found = np.iinfo(name), pg.iinfo(name)
    assert (found.bits, found.min, found.max) == (expected.bits, expected.min, expected.max)
    assert found.dtype == name
    with pytest.raises(pg.errors.PolygradError, match="float32"):
        pg.iinfo("float32")


def test_isdtype() -> None:
    kinds = ["bool", "signed integer", "unsigned integer", "integral", "real floating",
             "complex floating", "numeric"]  # fmt: skip
    for name in NAMES:
        for kind in kinds:
            expected = np.isdtype(np.dtype(name), kind)
            assert pg.isdtype(getattr(pg, name), kind) is expected
        assert pg.isdtype(name, ("bool", "numeric"))
        assert pg.isdtype(name, name)
        assert pg.isdtype(name, (pg.float32, pg.int8)) is (name in ("float32", "int8"))


def _promote(first: str, second: str) -> bool:
    """Whether the standard says what the two promote to."""
    kinds = {np.dtype(name).kind for name in (first, second)}
    if kinds == {"i", "u"}:
        return "uint64" not in (first, second)
    return len(kinds) == 1 or kinds == {"f", "c"}


@pytest.mark.parametrize("first", NAMES)
def test_promotion_is_that_of_numpy_where_the_standard_has_one(first: str) -> None:
    for second in filter(lambda name: _promote(first, name), NAMES):
        expected = np.result_type(first, second)
        assert pg.result_type(first, second) == str(expected)
        assert (pg.zeros(1, dtype=first) + pg.zeros(1, dtype=second)).dtype == str(expected)
        assert pg.can_cast(first, second) is np.can_cast(first, second)


def test_python_numbers_take_the_type_of_the_array() -> None:
    for name in FLOATS:
        x = pg.ones(2, dtype=name)
        assert (x * 2).dtype == (2.0 - x).dtype == (x / 3).dtype == name
    assert (pg.ones(2, dtype="float32") * 1j).dtype == pg.complex64
    assert pg.result_type(pg.ones(2, dtype="int8"), 1) == pg.int8
    assert pg.grad(lambda x: pg.sum(x * 2.5 + 1))(pg.ones(2, dtype="float32")).dtype == pg.float32


def test_constants() -> None:
    assert (pg.pi, pg.e, pg.inf) == (np.pi, np.e, np.inf)
    assert pg.nan != pg.nan
    assert pg.newaxis is None
    assert pg.zeros(3)[:, pg.newaxis].shape == (3, 1)


@settings(max_examples=30, deadline=None, derandomize=True, database=None)
@given(hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=4, min_side=0))
def test_shapes_that_broadcast(shapes: Any) -> None:
    assert pg.broadcast_shapes(*shapes.input_shapes) == shapes.result_shape


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(st.lists(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3), min_size=2))
def test_shapes_that_do_not(shapes: Any) -> None:
    try:
        expected = np.broadcast_shapes(*shapes)
    except ValueError:
        with pytest.raises(pg.errors.ShapeError):
            pg.broadcast_shapes(*shapes)
    else:
        assert pg.broadcast_shapes(*shapes) == expected


@pytest.mark.parametrize("name", NAMES + ["float16"])
def test_a_dtype_answers_code_written_for_numpy(name: str) -> None:
    dtype, host = getattr(pg, name), np.dtype(name)
    for field in ("kind", "char", "itemsize", "name", "type", "str", "num", "byteorder",
                  "alignment", "hasobject", "fields", "names", "subdtype", "shape", "ndim",
                  "isnative"):  # fmt: skip
        assert getattr(dtype, field) == getattr(host, field), field
    assert isinstance(dtype, np.dtype)
    assert np.dtype(dtype) == host
    for other in (name, host, host.type):
        assert dtype == other
        assert other == dtype
        assert (dtype != other) is False
    assert np.result_type(dtype, np.int8) == np.result_type(host, np.int8)
    assert np.promote_types(dtype, "float32") == np.promote_types(host, "float32")
    assert np.can_cast(dtype, "int64") == np.can_cast(host, "int64")
    for kind in (np.floating, np.integer, np.complexfloating, np.bool, np.inexact):
        assert np.issubdtype(dtype, kind) == np.issubdtype(host, kind)
    assert np.zeros(2, dtype).dtype == host
    if host.kind in "fc":
        assert np.finfo(dtype).max == np.finfo(host).max
    for other in NAMES:
        assert (np.dtype(other) == dtype) is (other == name)


def test_bfloat16_is_a_real_floating_type() -> None:
    dtype = pg.dtypes.DTYPES["bfloat16"]
    assert dtype.kind == "f"
    assert dtype.itemsize == 2
