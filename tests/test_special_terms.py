"""backends/special_terms.py on NumPy, beside SciPy and mpmath."""

import re
import types

import numpy as np
import pytest
from op_driver import CUPY_LACKS
from op_table import all_rows

import polygrad as pg
from polygrad.backends.special_terms import terms
from polygrad.core.op import OPS
from polygrad.errors import BackendError

scipy_special = pytest.importorskip("scipy.special")
USED = ("betainc", "betaincinv", "ellipeinc", "erfc", "ndtr", "ndtri")
OWN = terms(np, types.SimpleNamespace(**{n: getattr(scipy_special, n) for n in USED}))
ENDS = np.array([0.0, -0.0, 1.0, -1.0, 0.5, 2.0, np.inf, -np.inf, np.nan, 1e-300, 1e-10, 30.0])


def spread(low, high, count=400):
    return np.concatenate([np.linspace(low, high, count), ENDS])


def grid(*sides):
    return [x.ravel() for x in np.meshgrid(*sides)]


POSITIVE = np.array([0.1, 0.5, 1.0, 2.5, 10.0, 80.0])
UNIT = np.concatenate([np.linspace(0, 1, 41), [1e-12, 1 - 1e-12]])
CASES = {
    "betaincc": (grid(POSITIVE, POSITIVE, UNIT[:-1]), 2e-13),
    "betainccinv": (grid(POSITIVE, POSITIVE, np.linspace(0.01, 0.99, 21)), 1e-9),
    "stdtr": (grid([0.5, 1.0, 3.0, 30.0, 1e6, np.inf, -1.0, 0.0], spread(-30, 30, 121)), 1e-10),
    "stdtrit": (grid([0.5, 1.0, 3.0, 30.0, -1.0], np.linspace(0.001, 0.999, 101)), 1e-10),
    "ellipe": ([spread(-20, 1)], 1e-13),
    "powm1": (grid(np.linspace(-3, 3, 61), spread(-3, 3, 61)[:-6]), 1e-13),
    "spence": ([np.concatenate([spread(-1, 5), [1 + 1e-9, 1 - 1e-9, 1e8, 1e300]])], 1e-13),
    "dawsn": ([np.concatenate([spread(-12, 12), [1e8, -1e100]])], 2e-14),
    "erfi": ([spread(-27, 27)], 1e-12),
    "owens_t": (grid(spread(-8, 8, 61), np.append(np.linspace(-6, 6, 61), ENDS[:9])), 1e-10),
    "wrightomega": ([np.concatenate([spread(-60, 60), [1e10, -700.0]])], 1e-14),
}


def test_every_function_is_tried():
    assert set(CASES) == set(OWN)


@pytest.mark.parametrize("name", CASES)
def test_values_are_those_of_scipy(name):
    args, rtol = CASES[name]
    with np.errstate(all="ignore"):
        got, expected = OWN[name](*args), getattr(scipy_special, name)(*args)
    assert got.dtype == np.float64
    np.testing.assert_array_equal(np.isnan(got), np.isnan(expected))
    np.testing.assert_allclose(
        got, expected, rtol=rtol, atol=1e-15 if name == "stdtrit" else 1e-300
    )


def test_owen_s_function_where_scipy_loses_digits():
    mpmath = pytest.importorskip("mpmath")
    for h, a in ((8.0, 1e-10), (3.5, 0.8), (2.0, 5.0), (12.0, 0.01)):
        exact = mpmath.quad(
            lambda x, h=h: mpmath.exp(-(mpmath.mpf(h) ** 2) * (1 + x * x) / 2) / (1 + x * x),
            [0, a / 16, a / 4, a],
        )
        got = OWN["owens_t"](np.array([h]), np.array([a]))[0]
        assert abs(got / float(exact / (2 * mpmath.pi)) - 1) < 1e-12, (h, a)


@pytest.mark.backends  # which installs CuPy
def test_what_cupy_lacks_is_known_and_says_so():
    pytest.importorskip("cupy", exc_type=ImportError)
    backend = pg.backend.get_backend("cupy")
    library = backend.overrides(backend.namespace())["special"]
    rows = {row.name.partition(".")[2] for row in all_rows() if row.name.startswith("special.")}
    ops = {name for name in rows if name in OPS}  # others are made of these
    without = {name for name in ops if getattr(library, name, None) is None}
    xp = types.ModuleType("polygrad.backends.cupy.xp")
    xp.special = library
    said = {}
    for name in without:
        try:
            OPS[name].forward(xp)
        except BackendError as error:
            said[name] = str(error)
        except Exception:  # the generic one, of no operands
            assert name not in CUPY_LACKS
    assert set(said) == set(CUPY_LACKS)
    remedy = r"cupy has no such function here; move the data to the CPU.*pg\.to_device"
    assert all(re.search(remedy, message) for message in said.values())


def test_complex_numbers_are_refused():
    with pytest.raises(NotImplementedError, match="dawsn of complex numbers.*to_device"):
        OWN["dawsn"](np.array([1j]))


@pytest.mark.parametrize("name", CASES)
def test_single_precision_stays_single(name):
    args = [np.float32(x[:50]) for x in CASES[name][0]]
    with np.errstate(all="ignore"):
        assert OWN[name](*args).dtype == np.float32
