"""pg.special against scipy.special: values, first and second derivatives, special points."""

import math
import subprocess
import sys

import array_api_strict
import numpy as np
import pytest
import scipy.special as ss

import polygrad as pg
from polygrad.ops.special import approximations

REAL = np.array([-2.3, -0.7, -0.2, 0.4, 1.6, 3.1])
POSITIVE = np.array([0.3, 0.9, 1.4, 2.2, 3.7])
OTHER = np.array([1.8, 0.6, 2.5, 1.1, 0.7])
UNIT = np.array([0.1, 0.3, 0.5, 0.7, 0.88])
ORDER = np.array([1.5, 2.0, 3.5, 0.5, 2.5])
COUNT = np.array([1.0, 2.0, 0.0, 3.0, 4.0])
TRIALS = np.array([4.0, 5.0, 3.0, 7.0, 6.0])

# name: (points for each argument, the arguments it is differentiable by)
CASES = {
    "bdtr": ((COUNT, TRIALS, UNIT), (2,)),
    "bdtrc": ((COUNT, TRIALS, UNIT), (2,)),
    "bdtri": ((COUNT, TRIALS, UNIT), (2,)),
    "beta": ((POSITIVE, OTHER), (0, 1)),
    "betainc": ((POSITIVE, OTHER, UNIT), (2,)),
    "betaincc": ((POSITIVE, OTHER, UNIT), (2,)),
    "betainccinv": ((POSITIVE, OTHER, UNIT), (2,)),
    "betaincinv": ((POSITIVE, OTHER, UNIT), (2,)),
    "betaln": ((POSITIVE, OTHER), (0, 1)),
    "binom": ((POSITIVE + 3, OTHER), (0, 1)),
    "boxcox": ((POSITIVE, OTHER - 1), (0, 1)),
    "boxcox1p": ((POSITIVE, OTHER - 1), (0, 1)),
    "cbrt": ((REAL,), (0,)),
    "chdtr": ((OTHER, POSITIVE), (1,)),
    "chdtrc": ((OTHER, POSITIVE), (1,)),
    "chdtri": ((OTHER, UNIT), (1,)),
    "comb": ((POSITIVE + 3, OTHER), (0, 1)),
    "cosdg": ((30 * REAL,), (0,)),
    "cosm1": ((REAL,), (0,)),
    "cotdg": ((30 * REAL,), (0,)),
    "dawsn": ((REAL,), (0,)),
    "digamma": ((REAL,), (0,)),
    "ellipe": ((UNIT,), (0,)),
    "ellipeinc": ((OTHER, UNIT), (0, 1)),
    "ellipk": ((UNIT,), (0,)),
    "ellipkinc": ((OTHER, UNIT), (0, 1)),
    "ellipkm1": ((UNIT,), (0,)),
    "entr": ((POSITIVE,), (0,)),
    "erf": ((REAL,), (0,)),
    "erfc": ((REAL,), (0,)),
    "erfcinv": ((2 * UNIT,), (0,)),
    "erfcx": ((REAL,), (0,)),
    "erfi": ((REAL,), (0,)),
    "erfinv": ((2 * UNIT - 1,), (0,)),
    "eval_chebyt": ((COUNT, UNIT), (1,)),
    "eval_chebyu": ((COUNT, UNIT), (1,)),
    "eval_gegenbauer": ((COUNT, OTHER, UNIT), (2,)),
    "eval_genlaguerre": ((COUNT, OTHER, POSITIVE), (2,)),
    "eval_jacobi": ((COUNT, OTHER, POSITIVE, UNIT), (3,)),
    "eval_laguerre": ((COUNT, POSITIVE), (1,)),
    "eval_legendre": ((COUNT, UNIT), (1,)),
    "exp1": ((POSITIVE,), (0,)),
    "exp10": ((REAL,), (0,)),
    "exp2": ((REAL,), (0,)),
    "expi": ((POSITIVE,), (0,)),
    "expit": ((REAL,), (0,)),
    "expn": ((TRIALS, POSITIVE), (1,)),
    "exprel": ((REAL,), (0,)),
    "factorial": ((POSITIVE,), (0,)),
    "fdtr": ((POSITIVE, OTHER, POSITIVE), (2,)),
    "fdtrc": ((POSITIVE, OTHER, POSITIVE), (2,)),
    "fdtri": ((POSITIVE, OTHER, UNIT), (2,)),
    "gamma": ((REAL,), (0,)),
    "gammainc": ((OTHER, POSITIVE), (1,)),
    "gammaincc": ((OTHER, POSITIVE), (1,)),
    "gammainccinv": ((OTHER, UNIT), (1,)),
    "gammaincinv": ((OTHER, UNIT), (1,)),
    "gammaln": ((REAL,), (0,)),
    "gdtr": ((POSITIVE, OTHER, OTHER), (0, 2)),
    "gdtrc": ((POSITIVE, OTHER, OTHER), (0, 2)),
    "huber": ((POSITIVE, 1.9 * OTHER), (0, 1)),
    "hyp0f1": ((OTHER, POSITIVE), (1,)),
    "hyp1f1": ((OTHER, POSITIVE, REAL[:5]), (2,)),
    "hyp2f1": ((OTHER, POSITIVE, POSITIVE + 1, UNIT), (3,)),
    "hyperu": ((OTHER, POSITIVE, POSITIVE), (2,)),
    "i0": ((REAL,), (0,)),
    "i0e": ((REAL,), (0,)),
    "i1": ((REAL,), (0,)),
    "i1e": ((REAL,), (0,)),
    "inv_boxcox": ((OTHER, POSITIVE), (0, 1)),
    "inv_boxcox1p": ((OTHER, POSITIVE), (0, 1)),
    "iv": ((ORDER, POSITIVE), (1,)),
    "j0": ((REAL,), (0,)),
    "j1": ((REAL,), (0,)),
    "ive": ((ORDER, POSITIVE), (1,)),
    "jv": ((ORDER, POSITIVE), (1,)),
    "k0": ((POSITIVE,), (0,)),
    "k0e": ((POSITIVE,), (0,)),
    "k1": ((POSITIVE,), (0,)),
    "k1e": ((POSITIVE,), (0,)),
    "kl_div": ((POSITIVE, OTHER), (0, 1)),
    "kv": ((ORDER, POSITIVE), (1,)),
    "kve": ((ORDER, POSITIVE), (1,)),
    "log_expit": ((REAL,), (0,)),
    "log_ndtr": ((3 * REAL,), (0,)),
    "loggamma": ((POSITIVE,), (0,)),
    "logit": ((UNIT,), (0,)),
    "nbdtr": ((COUNT, TRIALS, UNIT), (2,)),
    "nbdtrc": ((COUNT, TRIALS, UNIT), (2,)),
    "nbdtri": ((COUNT, TRIALS, UNIT), (2,)),
    "modstruve": ((ORDER, POSITIVE), (1,)),
    "ndtr": ((REAL,), (0,)),
    "ndtri": ((UNIT,), (0,)),
    "pdtr": ((COUNT, POSITIVE), (1,)),
    "pdtrc": ((COUNT, POSITIVE), (1,)),
    "pdtri": ((COUNT, UNIT), (1,)),
    "poch": ((POSITIVE, OTHER), (0, 1)),
    "pseudo_huber": ((POSITIVE, REAL[:5]), (0, 1)),
    "psi": ((REAL,), (0,)),
    "radian": ((POSITIVE, POSITIVE, POSITIVE), (0, 1, 2)),
    "owens_t": ((REAL[:5], OTHER), (0, 1)),
    "powm1": ((POSITIVE, OTHER), (0, 1)),
    "rel_entr": ((POSITIVE, OTHER), (0, 1)),
    "rgamma": ((REAL,), (0,)),
    "sinc": ((REAL,), (0,)),
    "sindg": ((30 * REAL,), (0,)),
    "softplus": ((REAL,), (0,)),
    "spence": ((POSITIVE,), (0,)),
    "struve": ((ORDER, POSITIVE), (1,)),
    "stdtr": ((OTHER, REAL[:5]), (1,)),
    "stdtrit": ((OTHER, UNIT), (1,)),
    "tandg": ((30 * REAL,), (0,)),
    "wrightomega": ((REAL,), (0,)),
    "xlog1py": ((REAL[:5], POSITIVE), (0, 1)),
    "xlogy": ((REAL[:5], POSITIVE), (0, 1)),
    "y0": ((POSITIVE,), (0,)),
    "y1": ((POSITIVE,), (0,)),
    "yv": ((ORDER, POSITIVE), (1,)),
    "zeta": ((POSITIVE + 1.5, OTHER), (1,)),
}
ELSEWHERE = {  # no plain real elementwise function: tested by name below, or by a row of its own
    "eval_hermite", "eval_hermitenorm", "lambertw",
    "gammasgn", "log_softmax", "logsumexp", "multigammaln", "polygamma", "softmax", "wofz", "yn",
}  # fmt: skip
PARAMETERS = [(name, i) for name, (_, places) in CASES.items() for i in places]


def difference(f, args, i, h):
    """The derivative of an elementwise function by central differences of fourth order."""

    def at(step):
        moved = [a + step * (k == i) for k, a in enumerate(args)]
        return np.asarray(f(*moved))

    return (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)


def slope(f, args, i):
    return pg.grad(lambda *a: pg.sum(f(*a)), argnums=i)(*args)


def test_the_table_covers_the_namespace():
    assert set(CASES) | ELSEWHERE == set(pg.special.__all__)


@pytest.mark.parametrize("name", CASES)
def test_value(name):
    args, _ = CASES[name]
    got = getattr(pg.special, name)(*args)
    assert type(got) is np.ndarray
    np.testing.assert_allclose(got, getattr(ss, name)(*args), rtol=1e-12)


@pytest.mark.parametrize(("name", "i"), PARAMETERS)
def test_first_derivative(name, i):
    args, _ = CASES[name]
    f = getattr(pg.special, name)
    expected = difference(getattr(ss, name), args, i, 5e-4)
    np.testing.assert_allclose(slope(f, args, i), expected, rtol=2e-7, atol=1e-9)
    tangents = tuple(np.ones_like(a) if k == i else None for k, a in enumerate(args))
    _, forward = pg.jvp(f, args, tangents)
    np.testing.assert_allclose(forward, slope(f, args, i), rtol=1e-13)


@pytest.mark.parametrize(("name", "i"), PARAMETERS)
def test_second_derivative(name, i):
    args, _ = CASES[name]
    f = getattr(pg.special, name)

    def first(*values):
        return slope(f, values, i)

    expected = difference(first, args, i, 5e-4)
    np.testing.assert_allclose(slope(first, args, i), expected, rtol=2e-6, atol=1e-8)


@pytest.mark.parametrize("name", [name for name in CASES if name != "factorial"])
def test_float32_stays(name):
    args, places = CASES[name]
    small = [a.astype(np.float32) for a in args]
    f = getattr(pg.special, name)
    assert f(*small).dtype == np.float32
    assert slope(f, small, places[0]).dtype == np.float32


@pytest.mark.parametrize("name", CASES)
def test_strict_arrays_and_a_number_beside_them(name):
    args, places = CASES[name]
    f = getattr(pg.special, name)
    strict = [array_api_strict.asarray(a) for a in args]
    i = places[-1]
    got = slope(f, strict, i)
    assert isinstance(got, array_api_strict._array_object.Array)
    np.testing.assert_allclose(np.from_dlpack(got), slope(f, args, i), rtol=1e-9)
    mixed = [a if k == i else float(a[0]) for k, a in enumerate(strict)]
    plain = [a if k == i else float(a[0]) for k, a in enumerate(args)]
    np.testing.assert_allclose(np.from_dlpack(f(*mixed)), getattr(ss, name)(*plain), rtol=1e-9)


GENERIC = {
    "erf": np.concatenate([np.linspace(-6, 6, 97), [1e-9, 1e-300, np.inf, -np.inf, np.nan]]),
    "erfc": np.concatenate([np.linspace(-6, 26, 97), [np.inf, -np.inf, np.nan]]),
    "erfcx": np.concatenate([np.linspace(-5, 30, 97), [1e5, 1e200]]),
    "erfinv": np.concatenate([np.linspace(-1, 1, 97), [1e-9, 0.9999, 2.0, np.nan]]),
    "gammaln": np.concatenate([np.linspace(0.05, 40, 97), [-0.5, -3.7, 0.0, -2.0, 1e8, np.inf]]),
    "gamma": np.concatenate([np.linspace(0.05, 20, 97), [-0.5, -1.5, -3.7, -2.0]]),
    "digamma": np.concatenate([np.linspace(0.05, 40, 97), [-0.5, -3.7, 0.0, -2.0, 1e8, np.inf]]),
    "expit": np.concatenate([np.linspace(-40, 40, 97), [-800.0, 800.0, np.inf, -np.inf]]),
}


@pytest.mark.parametrize("name", GENERIC)
def test_the_version_in_terms_of_the_standard(name):
    x = GENERIC[name]
    with np.errstate(all="ignore"):
        got = getattr(approximations, name)(array_api_strict, array_api_strict.asarray(x))
    expected = getattr(ss, name)(x)
    np.testing.assert_allclose(np.from_dlpack(got), expected, rtol=1e-13, atol=3e-15)


def test_generic_zeta():
    s, q = np.meshgrid(np.array([1.2, 2.0, 3.5, 8.0]), np.array([0.2, 1.0, 4.5, 30.0]))
    got = approximations.zeta(
        array_api_strict, array_api_strict.asarray(s), array_api_strict.asarray(q)
    )
    np.testing.assert_allclose(np.from_dlpack(got), ss.zeta(s, q), rtol=1e-13)


WITHOUT_SCIPY = """
import sys
sys.modules["scipy"] = sys.modules["scipy.special"] = None
import numpy as np, polygrad as pg
g = pg.grad(lambda x: pg.sum(pg.special.erf(x) + pg.special.gammaln(x) * pg.special.xlogy(x, x)))
print(g(np.array([0.5, 2.0])).tolist())
try:
    pg.special.j0(np.ones(2))
except pg.errors.BackendError as error:
    print(error)
"""


def test_without_scipy_the_generic_versions_serve_and_the_error_names_the_extra():
    run = subprocess.run([sys.executable, "-c", WITHOUT_SCIPY], capture_output=True, text=True)
    values, message = run.stdout.strip().splitlines()
    x = np.array([0.5, 2.0])
    expected = (
        2 / math.sqrt(math.pi) * np.exp(-(x**2))
        + ss.digamma(x) * x * np.log(x)
        + ss.gammaln(x) * (np.log(x) + 1)
    )
    np.testing.assert_allclose(np.array(eval(values)), expected, rtol=1e-12)
    assert "j0" in message
    assert "pip install 'polygrad-xp[special]'" in message


POINTS = [
    ("xlogy", (0.0, 0.0), 0, 0.0),
    ("xlogy", (0.0, 0.0), 1, 0.0),
    ("xlogy", (0.0, 2.0), 0, math.log(2)),
    ("xlog1py", (0.0, -1.0), 0, 0.0),
    ("xlog1py", (0.0, -1.0), 1, 0.0),
    ("rel_entr", (0.0, 0.0), 1, 0.0),
    ("rel_entr", (0.0, 0.5), 1, 0.0),
    ("kl_div", (0.0, 0.5), 1, 1.0),
    ("entr", (0.0,), 0, math.inf),
    ("expit", (800.0,), 0, 0.0),
    ("expit", (40.0,), 0, math.exp(-40)),
    ("expit", (-800.0,), 0, 0.0),
    ("log_expit", (-800.0,), 0, 1.0),
    ("softplus", (800.0,), 0, 1.0),
    ("log_ndtr", (-1e4,), 0, 1e4 + 1e-4),
    ("log_ndtr", (1e4,), 0, 0.0),
    ("ndtr", (1e4,), 0, 0.0),
    ("erf", (1e4,), 0, 0.0),
    ("erfcx", (1e5,), 0, -1 / (math.sqrt(math.pi) * 1e10)),
    ("dawsn", (1e5,), 0, -0.5e-10),
    ("digamma", (1e10,), 0, 1e-10),
    ("gammaln", (1e10,), 0, math.log(1e10)),
    ("rgamma", (0.0,), 0, 1.0),
    ("rgamma", (-3.0,), 0, -6.0),
    ("sinc", (0.0,), 0, 0.0),
    ("sinc", (1e-9,), 0, -(math.pi**2) / 3 * 1e-9),
    ("exprel", (0.0,), 0, 0.5),
    ("i1", (0.0,), 0, 0.5),
    ("j1", (0.0,), 0, 0.5),
    ("i1e", (0.0,), 0, 0.5),
    ("i0e", (0.0,), 0, 0.0),
    ("boxcox", (2.0, 0.0), 1, math.log(2) ** 2 / 2),
    ("inv_boxcox", (2.0, 0.0), 0, math.exp(2)),
    ("spence", (1.0,), 0, -1.0),
    ("ellipk", (0.0,), 0, math.pi / 8),
    ("ellipe", (0.0,), 0, -math.pi / 8),
    ("pseudo_huber", (1.0, 0.0), 1, 0.0),
]


@pytest.mark.parametrize(("name", "args", "i", "expected"), POINTS)
def test_derivative_at_a_special_point(name, args, i, expected):
    with np.errstate(all="ignore"):
        got = pg.grad(getattr(pg.special, name), argnums=i)(*args)
    assert got == pytest.approx(expected, rel=1e-6, abs=1e-300)


def test_poles_of_digamma():
    with np.errstate(all="ignore"):
        assert pg.special.digamma(0.0).item() == -math.inf
        assert math.isnan(pg.special.digamma(-1.0).item())
        assert pg.grad(pg.special.digamma)(0.0) == math.inf


@pytest.mark.parametrize("order", [3, 4])
def test_higher_derivatives_of_bessel_functions_at_zero(order):
    f = pg.special.j0
    for _ in range(order):
        f = pg.grad(f)
    assert f(0.0) == pytest.approx({3: 0.0, 4: 3 / 8}[order], abs=1e-12)


def test_polygamma_and_friends():
    for n in range(4):
        np.testing.assert_allclose(pg.special.polygamma(n, POSITIVE), ss.polygamma(n, POSITIVE))
        got = pg.grad(lambda x, n=n: pg.sum(pg.special.polygamma(n, x)))(POSITIVE)
        np.testing.assert_allclose(got, ss.polygamma(n + 1, POSITIVE))
    np.testing.assert_allclose(pg.special.multigammaln(5.2, 3).item(), ss.multigammaln(5.2, 3))
    got = pg.grad(lambda a: pg.special.multigammaln(a, 3))(5.2)
    assert got == pytest.approx(sum(ss.digamma(5.2 - k / 2) for k in range(3)))
    np.testing.assert_array_equal(pg.special.gammasgn(REAL), ss.gammasgn(REAL))
    np.testing.assert_allclose(pg.special.yn(2, POSITIVE), ss.yn(2, POSITIVE))
    assert pg.special.factorial(-2.0).item() == 0.0
    assert pg.special.comb(3.0, 5.0).item() == 0.0


@pytest.mark.parametrize("n", [-1, 1.5])
def test_polygamma_refuses(n):
    with pytest.raises(pg.errors.ArgumentTypeError, match="polygamma: got n"):
        pg.special.polygamma(n, 1.0)


@pytest.mark.parametrize("name", ["erf", "wofz", "loggamma", "gamma", "digamma"])
def test_complex(name):
    z = np.array([0.4 + 0.3j, 1.2 - 0.8j, 2.0 + 1.0j])
    f, reference = getattr(pg.special, name), getattr(ss, name)
    np.testing.assert_allclose(f(z), reference(z), rtol=1e-12)
    if name == "digamma":
        return
    h = 1e-6
    derivative = (reference(z + h) - reference(z - h)) / (2 * h)
    got = pg.grad(lambda z: pg.sum(pg.real(f(z))))(z)
    np.testing.assert_allclose(got, np.conj(derivative), rtol=1e-6)


def test_no_derivative_by_a_parameter_says_so():
    with pytest.raises(pg.errors.NonDifferentiableError, match=r"gammainc.*stop_gradient"):
        pg.grad(lambda a: pg.special.gammainc(a, 1.0))(2.0)


@pytest.mark.parametrize("weights", [None, np.array([0.5, 2.0, 1.0])])
def test_logsumexp(weights):
    x = np.array([[0.1, -0.4, 2.0], [1000.0, 999.0, -5.0]])
    got = pg.special.logsumexp(x, axis=1, b=weights)
    np.testing.assert_allclose(got, ss.logsumexp(x, axis=1, b=weights))
    g = pg.grad(lambda x: pg.sum(pg.special.logsumexp(x, axis=1, b=weights)))(x)
    w = np.exp(x - x.max(axis=1, keepdims=True)) * (1 if weights is None else weights)
    np.testing.assert_allclose(g, w / w.sum(axis=1, keepdims=True))
    np.testing.assert_allclose(pg.special.softmax(x, axis=1), ss.softmax(x, axis=1))
    np.testing.assert_allclose(pg.special.log_softmax(x, axis=1), ss.log_softmax(x, axis=1))


def test_logsumexp_with_a_sign():
    x, b = np.array([0.3, 1.2]), np.array([1.0, -2.0])
    got, sign = pg.special.logsumexp(x, b=b, return_sign=True)
    expected, side = ss.logsumexp(x, b=b, return_sign=True)
    assert (got.item(), sign.item()) == (pytest.approx(expected), side)
    total = np.sum(b * np.exp(x))
    g = pg.grad(lambda x: pg.special.logsumexp(x, b=b, return_sign=True)[0])(x)
    np.testing.assert_allclose(g, b * np.exp(x) / total)


@pytest.mark.backends
@pytest.mark.parametrize("library", ["torch", "jax", "dask"])
@pytest.mark.parametrize("name", ["erf", "j0", "k1e", "betainc", "gammaincinv", "zeta", "digamma"])
def test_other_libraries(library, name):
    pytest.importorskip(library)
    args, places = CASES[name]
    f, i = getattr(pg.special, name), places[-1]
    single = [a.astype(np.float32) for a in args]  # JAX has no 64 bits until it is told to
    moved = [pg.asarray(a, device=library) for a in single]
    got = slope(f, moved, i)
    assert str(got.device).startswith(library)
    np.testing.assert_allclose(pg.to_numpy(got), slope(f, single, i), rtol=2e-4)
