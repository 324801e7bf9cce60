"""Every NumPy function that is dispatched to gives NumPy's value, data type and gradient."""

import re

import numpy as np
import pytest
from numpy_calls import GROUPS, METHODS, calls

import polygrad as pg
from polygrad.numpy_functions.table import FUNCTIONS
from polygrad.numpy_functions.ufuncs import UFUNCS
from polygrad.ops import special

OTHER = {
    "float16": "float32",
    "float32": "float64",
    "float64": "float32",
    "complex64": "complex128",
    "int32": "float32",
}
TOLERANCE = {"float16": 1e-2, "float32": 1e-4, "complex64": 1e-4}
FIXED = {
    "np": np, "abs": np.abs, "b": np.array([True, False, True, True, False]),
    "i": np.array([0, 1, 2, 3, 1]), "f4": np.array([1, 2, 1, 3]),
}  # fmt: skip
# Where NumPy's own answer depends on rounding, on the order of equals, or is complex for no reason.
NOT_COMPLEX = re.compile(r"^(polydiv|partition|var\(x,dtype|std\(x,correction=1,dtype)")
NOT_HALF = re.compile(r"^(polydiv|polyfit|roots|poly\()")


def data(dtype: str) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    s = rng.normal(size=(3, 3)) + 3 * np.eye(3)
    found = {
        "x": np.array([0.7, -1.3, 2.1, 0.4, -0.6]),
        "y": np.array([1.1, 0.3, -0.8, 1.9, 0.5]),
        "m": rng.normal(size=(3, 4)) + 0.1,
        "s": s,
        "t": rng.normal(size=(2, 3, 4)),
        "c": np.array(1.25),
        "d": np.array(2.75),
        "k": np.array([-1.0, 0.0, 0.5, 1.0, 2.0]),
        "n": np.array([0.7, np.nan, 2.1, 0.4, -0.6]),
        "p": s @ s.T,
        "q": s @ s.T + np.triu(rng.normal(size=(3, 3)), 1),
        "w": np.array([0.9, 1.5, 2.3, 0.6, 0.8]),
        "w4": np.array([0.5, 1.0, 2.0, 1.5]),
        "w34": rng.uniform(0.5, 2.0, size=(3, 4)),
    }
    for name, value in found.items():
        if dtype == "complex64" and name in "xyms":
            value = value + 0.3j * rng.normal(size=value.shape)
        if dtype == "int32":
            value = np.where(np.isnan(value), 3, value * 3)
        found[name] = value.astype(dtype)
    return found


def run(call: str, values: dict[str, object], dtype: str) -> list[object]:
    code = call if call.startswith("abs(l") else f"np.{call}"
    return leaves(eval(code, {**FIXED, **values, "D": OTHER[dtype]}))


def leaves(out: object) -> list[object]:
    return [x for part in out for x in leaves(part)] if isinstance(out, list | tuple) else [out]


def refused(call: str, values: dict[str, np.ndarray], dtype: str) -> bool:
    try:
        run(call, values, dtype)
    except Exception:  # NumPy refuses the data type, too
        return True
    return False


def loss(out: list[object]) -> object:
    """One number with a derivative by everything in the results."""
    total = 0.0
    for j, part in enumerate(out):
        if isinstance(part, np.ndarray | np.generic | pg.Array) and part.dtype.kind in "fc":
            weight = np.cos(np.arange(part.size) + j).reshape(part.shape)
            real = pg.astype(pg.real(pg.asarray(part)), "float64")
            total = total + pg.sum(pg.where(pg.isfinite(real), real, 0.0) * weight)
            if part.dtype.kind == "c":
                imag = pg.astype(pg.imag(pg.asarray(part)), "float64")
                total = total + pg.sum(imag * np.sin(weight + 1))
    return total


def compare(call: str, expected: list[object], found: list[object], dtype: str) -> None:
    assert len(expected) == len(found), call
    for a, b in zip(expected, found, strict=True):
        if isinstance(a, np.ndarray | np.generic) and isinstance(b, pg.Array):
            b = pg.to_numpy(pg.stop_gradient(b))
            assert (b.dtype, b.shape) == (a.dtype, np.shape(a)), call
            rtol = TOLERANCE.get(dtype, 1e-6 if "dtype=D" in call else 1e-9)
            np.testing.assert_allclose(b, a, rtol=rtol, atol=rtol, err_msg=call)
        else:
            assert a == b, call


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("dtype", OTHER)
def test_values_data_types_and_gradients_are_those_of_numpy(group: str, dtype: str) -> None:
    values = data(dtype)
    for call in calls(group):
        skip = {"complex64": NOT_COMPLEX, "float16": NOT_HALF}.get(dtype)
        if refused(call, values, dtype) or (skip and skip.match(call)):
            continue
        if dtype == "int32" and "matrix_power" in call:
            continue  # of integers: said by name
        names = [name for name in values if re.search(rf"\b{name}\b", call)]
        kept = []

        def f(*given: object, call=call, names=names, kept=kept) -> object:
            out = run(call, {**values, **dict(zip(names, given, strict=True))}, dtype)
            kept.append([pg.stop_gradient(x) for x in out])
            total = loss(out)
            return total if type(total) is pg.Array else pg.sum(pg.real(given[0])) * 0

        numbers = tuple(range(len(names)))
        given = [values[name] for name in names]
        try:
            slopes = None if dtype == "int32" else pg.grad(f, numbers)(*given)
        except pg.errors.ArgumentTypeError:
            assert dtype == "complex64", call  # complex numbers have no order: said by name
            continue
        if slopes is None:
            f(*map(pg.asarray, given))
        else:
            for name, slope in zip(names, slopes, strict=True):
                assert slope.dtype == values[name].dtype, f"{call} by {name}"
                assert slope.shape == values[name].shape, f"{call} by {name}"
        compare(call, run(call, values, dtype), kept[0], dtype)
        if dtype == "float64" and "D)" not in call:
            check_slopes(call, values, names, slopes)


def check_slopes(call: str, values: dict, names: list[str], slopes: list) -> None:
    rng = np.random.default_rng(1)
    for name, slope in zip(names, slopes, strict=True):
        direction = rng.normal(size=values[name].shape)

        def at(step: float, name=name, direction=direction) -> float:
            moved = {**values, name: values[name] + step * direction}
            return float(loss(run(call, moved, "float64")))

        numeric = (at(1e-6) - at(-1e-6)) / 2e-6
        exact = np.sum(np.where(np.isnan(slope), 0.0, slope) * direction)
        np.testing.assert_allclose(
            exact, numeric, rtol=1e-4, atol=1e-5, err_msg=f"{call} by {name}"
        )


def test_every_function_of_the_table_is_called() -> None:
    text = " ".join(call for group in GROUPS for call in calls(group))
    called = set(re.findall(r"[\w.]+", text))
    aside = {"array2string", "array_repr", "array_str", "apply_along_axis", "copyto", "empty_like",
             "fill_diagonal", "may_share_memory", "place", "put", "put_along_axis", "putmask",
             "row_stack", "shares_memory", "unique_all", "unique_counts", "unique_inverse",
             "unique_values", "argpartition", "lib._stride_tricks_impl.sliding_window_view"}  # fmt: skip # noqa: E501
    assert {name.removeprefix("numpy.") for name in FUNCTIONS} - called - aside == set()
    whole = set(UFUNCS) - set(special.__all__) - {n for n in UFUNCS if n.startswith("_")}
    integers = {"invert", "left_shift", "right_shift", "nextafter"}
    assert {n for n in whole if not n.startswith("bitwise")} - called - integers == set()


@pytest.mark.parametrize("method", METHODS.split())
def test_every_method_of_quantiles(method: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4, 7))
    holes = np.where(rng.uniform(size=x.shape) < 0.2, np.nan, x)
    q = np.array([[0.0, 0.05, 0.31], [0.5, 0.77, 1.0]])
    integers = rng.integers(0, 50, size=9)
    for f in (np.quantile, np.nanquantile):
        for data_, axis in ((x, 1), (x, None), (x, (0, 1)), (holes, 1), (integers, None)):
            for level in (q, 0.4, q.astype(np.float32), [0.25, 0.75]):
                expected = f(data_, level, axis=axis, method=method, keepdims=axis == 1)
                found = f(pg.asarray(data_), level, axis=axis, method=method, keepdims=axis == 1)
                assert found.dtype == expected.dtype
                np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-6)
    inner = np.array([0.113, 0.31, 0.77])
    w = rng.normal(size=3)
    for f in (np.quantile, np.nanquantile):

        def g(v, level, f=f):
            return pg.sum(f(v, level, method=method) * w)

        by_x, by_q = pg.grad(g, (0, 1))(x[0], inner)
        for i in range(3):
            step = np.eye(3)[i] * 1e-7
            up, down = (np.sum(f(x[0], inner + s, method=method) * w) for s in (step, -step))
            np.testing.assert_allclose(by_q[i], (up - down) / 2e-7, atol=1e-5)
        for i in range(7):
            step = np.eye(7)[i] * 1e-7
            up, down = (np.sum(f(x[0] + s, inner, method=method) * w) for s in (step, -step))
            np.testing.assert_allclose(by_x[i], (up - down) / 2e-7, atol=1e-5)
        compiled = pg.jit(pg.grad(g, (0, 1)))(x[0], inner)
        np.testing.assert_allclose(compiled[0], by_x)
        np.testing.assert_allclose(compiled[1], by_q)


def test_a_quantile_has_a_slope_by_its_share() -> None:
    x = np.array([3.0, 1.0, 2.0, 4.0])
    for f in (pg.quantile, pg.nanquantile):
        assert pg.grad(lambda q, f=f: f(x, q))(0.3) == pytest.approx(3.0)
    assert pg.grad(lambda q: np.percentile(pg.asarray(x), q))(30.0) == pytest.approx(0.03)
    for bad in (-0.1, 1.5, [0.5, np.nan]):
        with pytest.raises(pg.errors.ArgumentValueError, match="expected 0 to 1"):
            pg.quantile(x, bad)
