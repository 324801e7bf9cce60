"""A Python number that jit traces is a number all the same: of no data type of its own."""

import numpy as np
import pytest

import polygrad as pg
from polygrad.errors import PolygradError

FUNCTIONS = {
    "result_type": lambda x, n: pg.astype(x, pg.result_type(x, n)),
    "np.result_type": lambda x, n: pg.astype(x, np.result_type(x, n)),
    "asarray": lambda x, n: pg.asarray(n) * x,
    "asarray of a list": lambda x, n: pg.asarray([x[0], n]),
    "full": lambda x, n: pg.full((2,), n),
    "full of a type": lambda x, n: pg.full((2,), n, dtype=x.dtype),
    "full_like": lambda x, n: pg.full_like(x, n),
    "broadcast_arrays": lambda x, n: pg.broadcast_arrays(x, n)[1],
    "linspace": lambda x, n: pg.linspace(x[0], n, 3),
    "isin": lambda x, n: pg.isin(x, n),
    "searchsorted": lambda x, n: pg.searchsorted(x, n),
    "where": lambda x, n: pg.where(x > 0, n, x),
    "clip": lambda x, n: pg.clip(x, n, 100),
    "diff": lambda x, n: pg.diff(x, prepend=n),
    "index_set": lambda x, n: pg.ops.index_set(n, 1.0, ()) * x,
    "np.where": lambda x, n: np.where(x > 0, n, x),
    "np.select": lambda x, n: np.select([x > 0], [x], n),
    "np.linspace": lambda x, n: np.linspace(x[0], n, 3),
    "np.logspace": lambda x, n: np.logspace(x[0], n, 3),
    "np.heaviside": lambda x, n: np.heaviside(x, n),
    "np.fmin": lambda x, n: np.fmin(x, n),
    "np.fmax": lambda x, n: np.fmax(n, x),
    "np.fmod": lambda x, n: np.fmod(n, x),
    "np.isclose": lambda x, n: np.isclose(x, n),
    "np.clip": lambda x, n: np.clip(x, None, n),
    "np.dot": lambda x, n: np.dot(x, n),
    "np.multiply.outer": lambda x, n: np.multiply.outer(x, n),
}


def outcome(function, *args):
    try:
        found = function(*args)
    except PolygradError as error:
        return type(error)
    return pg.to_numpy(found)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtype", ["int8", "uint8", "float16", "float32", "complex64"])
@pytest.mark.filterwarnings("ignore")
def test_a_traced_number_gives_what_the_number_itself_gives(name, dtype):
    x = np.asarray([1, 3], dtype)
    compiled = pg.jit(lambda x, n: FUNCTIONS[name](pg.asarray(x), n))
    for number in (2, 300, 2**40, 0.5, 1e9):
        expected = outcome(lambda x, n=number: FUNCTIONS[name](pg.asarray(x), n), x)
        found = outcome(compiled, x, number)
        if isinstance(expected, type):
            assert isinstance(found, type), (number, found)
            continue
        assert found.dtype == expected.dtype, number
        np.testing.assert_array_equal(found, expected, err_msg=str(number))


@pytest.mark.parametrize("function", [pg.maximum, pg.minimum])
def test_the_slope_at_a_traced_number_is_that_at_the_number(function):
    x = np.asarray([-1.0, 0.0, 2.0])
    slope = pg.grad(lambda x, n: pg.sum(function(x, n)))
    for compiled in (pg.jit(slope), pg.grad(pg.jit(lambda x, n: pg.sum(function(x, n))))):
        assert compiled(x, 0.0).tolist() == slope(x, 0.0).tolist()
    both = pg.grad(function, argnums=(0, 1))
    assert pg.jit(both)(1.0, 1.0) == both(1.0, 1.0) == (0.5, 0.5)


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_complex_numbers_beside_a_neutral_number_are_computed_with(dtype):
    z = np.asarray([complex(np.inf, 0), complex(np.nan, 1), complex(-0.0, -0.0), 2 - 1j], dtype)
    f = lambda z: [z * 1, 1.0 * z, z / 1, z + -0.0, z - 0.0]
    with np.errstate(all="ignore"):
        for eager, compiled in zip(f(pg.asarray(z)), pg.jit(f)(pg.asarray(z)), strict=True):
            eager, compiled = pg.to_numpy(eager), pg.to_numpy(compiled)
            np.testing.assert_array_equal(eager, compiled)
            np.testing.assert_array_equal(np.signbit(eager.real), np.signbit(compiled.real))
