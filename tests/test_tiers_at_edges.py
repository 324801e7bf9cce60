"""Elementwise functions at the ends of data types: one answer eagerly and from both compiled tiers.

Integers and booleans agree in every bit, floats to the last places that native code leaves open;
signs of zeros and places of nan are the same.
"""

import numpy as np
import pytest

import polygrad as pg
from polygrad.errors import PolygradError

UNARY = [
    *("abs", "acos", "asinh", "atan", "bitwise_invert", "ceil", "conj", "cos", "cosh", "exp"),
    *("expm1", "floor", "isfinite", "isinf", "isnan", "log", "log1p", "log2", "logical_not"),
    *("negative", "reciprocal", "round", "sign", "signbit", "sin", "sinh", "square", "sqrt"),
    *("tan", "tanh", "trunc", "cumulative_sum", "sort", "argsort", "max", "min", "argmax", "all"),
]
BINARY = [
    *("add", "subtract", "multiply", "divide", "floor_divide", "remainder", "pow", "maximum"),
    *("minimum", "atan2", "hypot", "copysign", "logaddexp", "equal", "not_equal", "less"),
    *("less_equal", "greater", "greater_equal", "logical_and", "logical_xor", "bitwise_and"),
    *("bitwise_or", "bitwise_xor", "bitwise_left_shift", "bitwise_right_shift", "isin"),
]
NUMBERS = [0, 1, -1, 2, 3, 255, -129, 2**40, 0.5, -1.0, -0.0, 1e300, float("nan"), float("inf")]
DTYPES = ["bool", "int8", "uint16", "int64", "uint64", "float16", "float32", "complex64"]


def edges(name):
    dtype = np.dtype(name)
    if dtype.kind in "iu":
        ends = np.iinfo(dtype)
        return np.asarray([0, 1, 2, 3, 7, 64, ends.max, ends.max - 1, ends.min], dtype)
    if dtype.kind == "f":
        ends = np.finfo(dtype)
        sizes = [0.0, 1.0, 0.5, 2.5, 3.75, 100.0, np.inf, ends.max, ends.smallest_subnormal]
        return np.asarray([*sizes, *np.negative(sizes), np.nan], dtype)
    if dtype.kind == "c":
        return np.asarray([0, 1, -1, 1j, 2 + 3j, complex(np.inf, 0), complex(-0.0, -0.0)], dtype)
    return np.asarray([True, False, True])


def outcome(f, x):
    """What a function gives, or the class of the error that it raises."""
    try:
        return pg.to_numpy(f(pg.asarray(x)))
    except PolygradError as error:
        return type(error)


def calls(x):
    """The functions with a result here, and the results."""
    found = {name: getattr(pg, name) for name in UNARY}
    for name in BINARY:
        f = getattr(pg, name)
        found[f"{name}(x, x)"] = lambda x, f=f: f(x[:, None], x) if f is not pg.isin else f(x, x)
        for n in NUMBERS:
            found[f"{name}(x, {n})"] = lambda x, f=f, n=n: f(x, n)
            found[f"{name}({n}, x)"] = lambda x, f=f, n=n: f(n, x)
    results = {}
    for name, f in found.items():
        results[name] = outcome(f, x)
        if isinstance(results[name], type):  # refused: by the compiler in the same way
            assert outcome(pg.jit(f), x) is results.pop(name), name
    return {name: found[name] for name in results}, results


def alike(found, expected, places):
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    if expected.dtype.kind in "biu":
        np.testing.assert_array_equal(found, expected)
        return
    for part in (np.real, np.imag)[: 1 + (expected.dtype.kind == "c")]:
        a, b = part(found), part(expected)
        np.testing.assert_array_equal(np.isnan(a), np.isnan(b))
        np.testing.assert_array_equal(np.signbit(a)[b == 0], np.signbit(b)[b == 0])
        np.testing.assert_array_max_ulp(
            np.where(np.isnan(a), 0, a), np.where(np.isnan(b), 0, b), places
        )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.filterwarnings("ignore")
def test_one_answer_in_every_tier(dtype, monkeypatch, tmp_path):
    x = edges(dtype)
    functions, expected = calls(x)
    assert len(functions) > 100
    monkeypatch.setenv("POLYGRAD_CACHE_DIR", str(tmp_path))
    for tier, places in (("0", 0), ("wait", 4)):
        monkeypatch.setenv("POLYGRAD_NATIVE", tier)
        compiled = pg.jit(lambda x: {name: f(x) for name, f in functions.items()})
        for name, result in compiled(pg.asarray(x)).items():
            try:
                alike(pg.to_numpy(result), expected[name], places)
            except AssertionError as error:
                raise AssertionError(f"{name}, tier {tier}: {error}") from None
