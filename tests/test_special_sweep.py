"""Every special function against SciPy on a grid of special values, and slopes by differences."""

import inspect
import itertools
from typing import Any

import numpy as np
import pytest
import scipy
import scipy.special as ss

import polygrad as pg
from polygrad.errors import NonDifferentiableError

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("quiet")]

inf, nan = float("inf"), float("nan")
GRIDS = {
    1: [0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5, 1.5, inf, -inf, nan, 1e-300, 1e300, 1e5, -1e5,
        10.0, -10.0, 30.5, 0.999, 1e-10],
    2: [0.0, -0.0, 1.0, -1.0, 2.0, -3.0, 0.5, -0.5, inf, -inf, nan, 1e-300, 1e5, 10.0],
    3: [0.0, 1.0, -1.0, 2.0, 0.5, inf, nan, 1e5],
    4: [0.0, 1.0, -1.0, 0.5, nan],
}  # fmt: skip
POINTS = {
    1: [0.3, 1.0, 2.0, 0.5, -0.5, -1.5, 3.7, 0.0, 25.0, 0.95],
    2: [0.3, 1.0, 2.0, 0.5, -0.5, 3.7, 0.0, 25.0],
    3: [0.3, 1.0, 2.0, 0.5, -0.5, 0.0],
    4: [0.3, 1.0, 2.0],
}
# Degrees and the like: SciPy's differences by them are of another function.
WHOLE = {"eval_legendre", "eval_chebyt", "eval_chebyu", "eval_laguerre", "eval_gegenbauer",
         "eval_genlaguerre", "eval_jacobi", "eval_hermite", "eval_hermitenorm", "expn", "yn"}  # fmt: skip # noqa: E501
# Of other arguments, of complex numbers, or slow at the ends of the grid.
LEFT_OUT = {"logsumexp", "softmax", "log_softmax", "multigammaln", "polygamma", "lambertw", "wofz",
            "softplus", "hyp0f1", "hyp1f1", "hyp2f1", "hyperu"}  # fmt: skip
# Where SciPy itself overflows, takes lmbda * y below 1e-154 for 0, or is nan between limits.
BETTER = {"pseudo_huber", "inv_boxcox1p"}
NAMES = sorted(
    name
    for name in pg.special.__all__
    if callable(getattr(pg.special, name)) and hasattr(ss, name) and name not in LEFT_OUT
)


@pytest.fixture
def quiet() -> Any:
    with np.errstate(all="ignore"):
        yield


def arity(name: str) -> int:
    function = getattr(ss, name)
    if isinstance(function, np.ufunc):
        return function.nin
    if name in ("zeta", "comb"):
        return 2
    needed = inspect.signature(function).parameters.values()
    return len([p for p in needed if p.default is p.empty])


def columns(name: str, points: dict[int, list[float]], dtype: Any) -> list[np.ndarray]:
    n = arity(name)
    found = [c.astype(dtype) for c in np.array(list(itertools.product(points[n], repeat=n))).T]
    if name in ("eval_hermite", "eval_hermitenorm"):
        found[0] = np.nan_to_num(found[0], posinf=3, neginf=0).astype(int) % 7
    return found


def values(name: str, dtype: Any) -> None:
    args = columns(name, GRIDS, dtype)
    expected = getattr(ss, name)(*args)
    got = np.asarray(getattr(pg.special, name)(*args))
    assert got.dtype == expected.dtype
    if name in BETTER:
        keep = np.all([np.abs(a) <= 1e5 for a in args], axis=0)
        keep &= np.all([(a == 0) | (np.abs(a) > 1e-10) for a in args], axis=0)
        got, expected = got[keep], expected[keep]
    np.testing.assert_allclose(got, expected, rtol=1e-12 if dtype == "float64" else 2e-6)
    compiled = np.asarray(pg.jit(getattr(pg.special, name))(*args))
    # Compiled from simple steps, some are a few units in the last place off.
    rtol = 1e-14 if dtype == "float64" else 5e-7
    np.testing.assert_allclose(compiled, getattr(pg.special, name)(*args), rtol=rtol)


@pytest.mark.parametrize("name", NAMES)
def test_values_at_special_points(name: str) -> None:
    values(name, "float64")


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_values_in_single_precision(name: str) -> None:
    values(name, "float32")


KINDS = ("float64", "float32", "float16", "int8", "int16", "int64", "bool", int, float)
# SciPy's loops of these take double precision first, beside numbers, too.
DOUBLE = {"beta", "betaln", "ellipeinc", "ellipkinc", "gammainc", "gammaincc", "gammainccinv",
          "gammaincinv", "modstruve", "struve", "xlog1py", "xlogy", "radian"}  # fmt: skip


def made(kind: Any, value: float) -> Any:
    return kind(value) if isinstance(kind, type) else np.array([value, value], kind)


@pytest.mark.parametrize("name", [n for n in NAMES if n != "zeta"])
def test_data_types_of_mixed_operands(name: str) -> None:
    n = arity(name)
    vals = {1: (2,), 2: (2, 1), 3: (2, 3, 1), 4: (2, 1, 2, 0.5)}[n]
    # A spread of all mixtures that meets every pair of kinds for two operands.
    mixes = list(itertools.product(KINDS, repeat=n))[:: {1: 1, 2: 1, 3: 7, 4: 61}[n]]
    for mix in mixes:
        numbers = any(isinstance(kind, type) for kind in mix)
        if name in DOUBLE and (numbers or len(set(mix)) == 1):
            continue  # there a number is as in all other functions, and alike types stay
        args = [made(kind, v) for kind, v in zip(mix, vals, strict=True)]
        try:
            expected = getattr(ss, name)(*args)
        except (TypeError, ValueError):
            continue  # SciPy refuses fractions as degrees, bools as numbers of things
        got = np.asarray(getattr(pg.special, name)(*args))
        # From SciPy 1.18 on these are single precision, and stay double here.
        wider = name in DOUBLE and tuple(map(int, scipy.__version__.split(".")[:2])) >= (1, 18)
        allowed = {np.asarray(expected).dtype} | ({np.dtype(float)} if wider else set())
        assert got.dtype in allowed, mix
        np.testing.assert_allclose(got, expected, rtol=1e-5, err_msg=str(mix))


@pytest.mark.parametrize("name", [n for n in NAMES if isinstance(getattr(ss, n), np.ufunc)])
def test_slopes_by_differences(name: str) -> None:
    f = getattr(ss, name)
    args = columns(name, POINTS, float)
    if name in WHOLE:
        keep = (args[0] == np.floor(args[0])) & (args[0] >= 0) & (args[0] < 5)
        args = [a[keep] for a in args]
        args[0] = args[0].astype(int)
    h = 1e-4
    for place in range(name in WHOLE, len(args)):

        def shifted(d: float, place: int = place) -> Any:
            return f(*[a + d if i == place else a for i, a in enumerate(args)])

        try:
            got = pg.grad(lambda *x: pg.sum(getattr(pg.special, name)(*x)), argnums=place)(*args)
        except NonDifferentiableError:
            continue
        y = shifted(0.0)
        slope = (8 * (shifted(h) - shifted(-h)) - (shifted(2 * h) - shifted(-2 * h))) / (12 * h)
        ahead = (-3 * y + 4 * shifted(h) - shifted(2 * h)) / (2 * h)
        behind = (3 * y - 4 * shifted(-h) + shifted(-2 * h)) / (2 * h)
        size = np.abs(slope) + 1e-3 * np.abs(y) + 1e-6
        smooth = np.isfinite(slope) & (np.abs(ahead - behind) <= 1e-3 * size)
        # Where a formula has no value the derivative may be nan, but never another number.
        known = smooth & np.isfinite(got)
        assert np.mean(known[smooth]) > 0.5
        got, slope, y = (np.where(known, v, 0) for v in (got, slope, y))
        bound = 1e-4 * np.abs(slope) + 1e-6 * (1 + np.abs(y)) + 2e-5 * (name == "huber")
        worst = int(np.argmax(np.abs(got - slope) - bound))
        assert np.abs(got - slope)[worst] <= bound[worst], (place, [float(a[worst]) for a in args])


def test_degrees_are_integers() -> None:
    for name in ("eval_hermite", "eval_hermitenorm"):
        for n in (1.5, np.array([2.0])):
            with pytest.raises(TypeError, match="degree"):
                getattr(pg.special, name)(n, np.array([0.5]))


def test_struve_and_elliptic_slopes_at_the_origin() -> None:
    assert pg.grad(lambda x: pg.special.struve(0.0, x))(0.0) == pytest.approx(2 / np.pi)
    assert pg.grad(lambda m: pg.special.ellipkinc(1.0, m))(0.0) == pytest.approx(
        (1 - np.sin(2.0) / 2) / 4
    )
    assert pg.grad(lambda m: pg.special.ellipeinc(1.0, m))(1e-9) == pytest.approx(
        -(1 - np.sin(2.0) / 2) / 4
    )
    # Of gdtr by its rate, at 0, and of the inverse transformation by an exponent of 0.
    assert pg.grad(lambda a: pg.special.gdtr(a, 0.5, 0.0))(1.0) == 0
    assert pg.grad(lambda b: pg.special.inv_boxcox(2.0, b))(0.0) == pytest.approx(-2 * np.exp(2))
