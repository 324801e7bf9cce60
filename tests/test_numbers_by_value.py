"""Python numbers mean what they mean beside NumPy arrays: 2 and 2.0 are equal, not the same."""

from typing import Any

import numpy as np
import pytest

import polygrad as pg
from polygrad.compile.keys import frozen

DTYPES = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32",
          "float64", "complex64", "complex128")  # fmt: skip
NUMBERS: tuple[Any, ...] = (0, 1, 2, -1, 0.0, -0.0, 1.0, 2.0, -1.0, 0.5, True, False, 1 + 0j)
OPS = {
    "power": lambda x, e: x**e,
    "reflected power": lambda x, e: e**x,
    "product": lambda x, e: x * e,
    "quotient": lambda x, e: x / e,
    "sum": lambda x, e: x + e,
    "difference": lambda x, e: x - e,
}


@pytest.mark.parametrize("name", OPS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_numbers_beside_arrays_as_in_numpy(dtype: str, name: str) -> None:
    x = np.array([2, 4, 100], dtype)
    with np.errstate(all="ignore"):
        for number in NUMBERS:
            try:
                expected = OPS[name](x, number)
            except (ValueError, OverflowError) as error:
                with pytest.raises(type(error)):
                    OPS[name](pg.asarray(x), number)
                continue
            got = pg.to_numpy(OPS[name](pg.asarray(x), number))
            assert got.dtype == expected.dtype, number
            np.testing.assert_allclose(got, expected, rtol=1e-6, err_msg=repr(number))


@pytest.mark.parametrize("exponent", [-1.0, 1.0, 2.0])
@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32"])
def test_compiled_powers_are_the_same(dtype: str, exponent: float) -> None:
    x = np.array([2, 4, 100], dtype)
    got = pg.jit(lambda x: x**exponent)(x)
    assert got.dtype == (x**exponent).dtype
    np.testing.assert_allclose(got, x**exponent, rtol=1e-6)


def test_powers_of_integers_in_a_gradient() -> None:
    assert pg.grad(lambda w: pg.sum(w * pg.arange(1, 4) ** -1.0))(2.0) == pytest.approx(11 / 6)
    with pytest.raises(ValueError, match="negative"):
        pg.asarray([2, 4]) ** -1


def test_keys_tell_numbers_apart() -> None:
    kept = [1, 1.0, True, 0, 0.0, -0.0, False, 1 + 0j, complex(1, -0.0), complex(0.0, 0.0),
            complex(-0.0, 0.0), slice(0, 1), slice(0, True)]  # fmt: skip
    assert len({frozen(value) for value in kept}) == len(kept)
    assert frozen(float("nan")) == frozen(float("nan"))
