"""Distribution functions: normal, Student's, and the incomplete gamma and beta functions."""

import math
from typing import Any

from polygrad.ops.special import approximations
from polygrad.ops.special.declare import no_rule, special
from polygrad.ops.special.error_functions import erfcx
from polygrad.ops.special.gamma_functions import betaln, gammaln
from polygrad.ops.special.logistic import xlog1py, xlogy

_ROOT = math.sqrt(2 * math.pi)


def _ndtr(xp: Any, x: Any) -> Any:
    return approximations.erfc(xp, x * -math.sqrt(0.5)) / 2


def _log_ndtr(xp: Any, x: Any) -> Any:
    low = x < -1
    tail = approximations.erfcx(xp, xp.where(low, -x, xp.ones_like(x)) * math.sqrt(0.5))
    body = _ndtr(xp, xp.where(low, xp.zeros_like(x), x))
    upper = xp.log1p(-_ndtr(xp, -xp.where(low, xp.zeros_like(x), x)))
    return xp.where(
        low, xp.log(tail / 2) - x * x / 2, xp.where(x > 1, upper, xp.log(body))
    )  # fmt: skip


ndtr = special(
    "ndtr",
    lambda xp, g, _y, x: g * (xp.exp(x * x / -2) / _ROOT),
    generic=_ndtr,
    doc="""The distribution function of the normal distribution.

    >>> round(pg.grad(pg.special.ndtr)(0.0), 6)
    0.398942
    """,
)

# The density over the distribution function, which both vanish far to the left.
log_ndtr = special(
    "log_ndtr",
    lambda xp, g, _y, x: g * (math.sqrt(2 / math.pi) / erfcx(x * -math.sqrt(0.5))),
    generic=_log_ndtr,
    doc="""The logarithm of the distribution function of the normal distribution.

    >>> round(pg.grad(pg.special.log_ndtr)(-1000.0), 3)
    1000.001
    """,
)

ndtri = special(
    "ndtri",
    lambda xp, g, y, _p: g * (xp.exp(y * y / 2) * _ROOT),
    generic=lambda xp, p: math.sqrt(2) * approximations.erfinv(xp, 2 * p - 1),
    doc="""The quantile function of the normal distribution, the inverse of ndtr.

    >>> round(pg.grad(pg.special.ndtri)(0.5), 6)
    2.506628
    """,
)


def _gamma_density(xp: Any, a: Any, x: Any) -> Any:
    inside = x >= 0
    safe = xp.where(inside, x, xp.ones_like(x))
    value = xp.exp(xlogy(a - 1, safe) - safe - gammaln(a))
    return xp.where(inside, value, xp.zeros_like(value))


def _beta_density(xp: Any, a: Any, b: Any, x: Any) -> Any:
    return xp.exp(xlogy(a - 1, x) + xlog1py(b - 1, -x) - betaln(a, b))


_BY_X = """{}; differentiable by the last argument.

    >>> round(pg.special.{}({}).item(), 6)
    {}
    """

gammainc = special(
    "gammainc",
    no_rule("gammainc", "its first argument"),
    lambda xp, g, _y, a, x: g * _gamma_density(xp, a, x),
    mixed="arrays",
    doc=_BY_X.format("The regularized lower incomplete gamma function", "gammainc", "1.0, 1.0", 0.632121),  # noqa: E501
)  # fmt: skip
gammaincc = special(
    "gammaincc",
    no_rule("gammaincc", "its first argument"),
    lambda xp, g, _y, a, x: -(g * _gamma_density(xp, a, x)),
    mixed="arrays",
    doc=_BY_X.format("The regularized upper incomplete gamma function", "gammaincc", "1.0, 1.0", 0.367879),  # noqa: E501
)  # fmt: skip
gammaincinv = special(
    "gammaincinv",
    no_rule("gammaincinv", "its first argument"),
    lambda xp, g, y, a, _p: g / _gamma_density(xp, a, y),
    mixed="arrays",
    doc=_BY_X.format("The inverse of gammainc by x", "gammaincinv", "1.0, 0.5", 0.693147),
)
gammainccinv = special(
    "gammainccinv",
    no_rule("gammainccinv", "its first argument"),
    lambda xp, g, y, a, _p: -g / _gamma_density(xp, a, y),
    mixed="arrays",
    doc=_BY_X.format("The inverse of gammaincc by x", "gammainccinv", "1.0, 0.5", 0.693147),
)
betainc = special(
    "betainc",
    no_rule("betainc", "its first argument"),
    no_rule("betainc", "its second argument"),
    lambda xp, g, _y, a, b, x: g * _beta_density(xp, a, b, x),
    doc=_BY_X.format("The regularized incomplete beta function", "betainc", "1.0, 2.0, 0.5", 0.75),
)
betaincc = special(
    "betaincc",
    no_rule("betaincc", "its first argument"),
    no_rule("betaincc", "its second argument"),
    lambda xp, g, _y, a, b, x: -(g * _beta_density(xp, a, b, x)),
    doc=_BY_X.format("1 less the incomplete beta function", "betaincc", "1.0, 2.0, 0.5", 0.25),
)
betaincinv = special(
    "betaincinv",
    no_rule("betaincinv", "its first argument"),
    no_rule("betaincinv", "its second argument"),
    lambda xp, g, y, a, b, _p: g / _beta_density(xp, a, b, y),
    doc=_BY_X.format("The inverse of betainc by x", "betaincinv", "1.0, 2.0, 0.75", 0.5),
)
betainccinv = special(
    "betainccinv",
    no_rule("betainccinv", "its first argument"),
    no_rule("betainccinv", "its second argument"),
    lambda xp, g, y, a, b, _p: -g / _beta_density(xp, a, b, y),
    doc=_BY_X.format("The inverse of betaincc by x", "betainccinv", "1.0, 2.0, 0.25", 0.5),
)


def _student_density(xp: Any, df: Any, t: Any) -> Any:
    half = (df + 1) / 2
    size = xp.log(df) / 2 + betaln(df / 2, xp.ones_like(df) / 2)
    return xp.exp(-half * xp.log1p(t * t / df) - size)


stdtr = special(
    "stdtr",
    no_rule("stdtr", "the degrees of freedom"),
    lambda xp, g, _y, df, t: g * _student_density(xp, df, t),
    doc=_BY_X.format("The distribution function of Student's t", "stdtr", "3.0, 0.0", 0.5),
)
stdtrit = special(
    "stdtrit",
    no_rule("stdtrit", "the degrees of freedom"),
    lambda xp, g, y, df, _p: g / _student_density(xp, df, y),
    doc=_BY_X.format("The quantile function of Student's t", "stdtrit", "1.0, 0.75", 1.0),
)


def _less(xp: Any, x: Any) -> Any:
    return xp.ones_like(x) - x


def _where_inside(xp: Any, inside: Any, slope: Any) -> Any:
    """A density, and 0 where the distribution function is constant."""
    return xp.where(inside, slope, xp.zeros_like(slope))


chdtr = special(
    "chdtr",
    no_rule("chdtr", "the degrees of freedom"),
    lambda xp, g, _y, v, x: g * (_gamma_density(xp, v / 2, x / 2) / 2),
    generic=lambda xp, v, x: gammainc(v / 2, x / 2),
    doc=_BY_X.format("The distribution function of chi-squared with ``v`` degrees of freedom, at ``x``", "chdtr", "2.0, 2.0", 0.632121),  # noqa: E501
)  # fmt: skip
chdtrc = special(
    "chdtrc",
    no_rule("chdtrc", "the degrees of freedom"),
    lambda xp, g, _y, v, x: -(g * (_gamma_density(xp, v / 2, x / 2) / 2)),
    # A statistic below 0 is exceeded for certain.
    generic=lambda xp, v, x: xp.where(
        x < 0, xp.ones_like(x), gammaincc(v / 2, xp.where(x < 0, xp.zeros_like(x), x) / 2)
    ),
    doc=_BY_X.format("1 less the distribution function of chi-squared", "chdtrc", "2.0, 2.0", 0.367879),  # noqa: E501
)  # fmt: skip
chdtri = special(
    "chdtri",
    no_rule("chdtri", "the degrees of freedom"),
    lambda xp, g, y, v, _p: -(2 * g) / _gamma_density(xp, v / 2, y / 2),
    generic=lambda xp, v, p: 2 * gammainccinv(v / 2, p),
    doc=_BY_X.format("The inverse of `chdtrc` by its second argument", "chdtri", "2.0, 0.5", 1.386294),  # noqa: E501
)  # fmt: skip


def _by_rate(xp: Any, a: Any, b: Any, x: Any) -> Any:
    # At x = 0, where the density of a shape below 1 is infinite, the rate has no say.
    origin = (x == 0) & (a > 0) & (b > 0)
    slope = x * _gamma_density(xp, b, a * xp.where(origin, xp.ones_like(x), x))
    return xp.where(origin, xp.zeros_like(slope), slope)


gdtr = special(
    "gdtr",
    lambda xp, g, _y, a, b, x: g * _by_rate(xp, a, b, x),
    no_rule("gdtr", "the shape"),
    lambda xp, g, _y, a, b, x: g * (a * _gamma_density(xp, b, a * x)),
    generic=lambda xp, a, b, x: gammainc(b, a * x),
    doc="""The distribution function of the gamma distribution with rate ``a`` and shape ``b``.

    Differentiable by ``a`` and ``x``.

    >>> round(pg.special.gdtr(1.0, 1.0, 1.0).item(), 6)
    0.632121
    """,
)
gdtrc = special(
    "gdtrc",
    lambda xp, g, _y, a, b, x: -(g * _by_rate(xp, a, b, x)),
    no_rule("gdtrc", "the shape"),
    lambda xp, g, _y, a, b, x: -(g * (a * _gamma_density(xp, b, a * x))),
    generic=lambda xp, a, b, x: gammaincc(b, a * x),
    doc="""1 less `gdtr`; differentiable by ``a`` and ``x``.

    >>> round(pg.special.gdtrc(1.0, 1.0, 1.0).item(), 6)
    0.367879
    """,
)


def _f_density(xp: Any, dfn: Any, dfd: Any, x: Any) -> Any:
    whole = dfn * x + dfd
    share = dfn * x / whole
    return _beta_density(xp, dfn / 2, dfd / 2, share) * (dfn * dfd / (whole * whole))


_F = ("the first degrees of freedom", "the second degrees of freedom")

fdtr = special(
    "fdtr",
    no_rule("fdtr", _F[0]),
    no_rule("fdtr", _F[1]),
    lambda xp, g, _y, dfn, dfd, x: g * _f_density(xp, dfn, dfd, x),
    generic=lambda xp, dfn, dfd, x: betainc(dfn / 2, dfd / 2, dfn * x / (dfn * x + dfd)),
    doc=_BY_X.format("The distribution function of F, with its two numbers of degrees of freedom", "fdtr", "2.0, 2.0, 1.0", 0.5),  # noqa: E501
)  # fmt: skip
fdtrc = special(
    "fdtrc",
    no_rule("fdtrc", _F[0]),
    no_rule("fdtrc", _F[1]),
    lambda xp, g, _y, dfn, dfd, x: -(g * _f_density(xp, dfn, dfd, x)),
    generic=lambda xp, dfn, dfd, x: betainc(dfd / 2, dfn / 2, dfd / (dfn * x + dfd)),
    doc=_BY_X.format("1 less `fdtr`", "fdtrc", "2.0, 2.0, 1.0", 0.5),
)


def _fdtri(xp: Any, dfn: Any, dfd: Any, p: Any) -> Any:
    z = betaincinv(dfn / 2, dfd / 2, p)
    return dfd * z / (dfn * (1 - z))


fdtri = special(
    "fdtri",
    no_rule("fdtri", _F[0]),
    no_rule("fdtri", _F[1]),
    lambda xp, g, y, dfn, dfd, _p: g / _f_density(xp, dfn, dfd, y),
    generic=_fdtri,
    doc=_BY_X.format("The inverse of `fdtr` by its last argument", "fdtri", "2.0, 2.0, 0.5", 1.0),
)


def _binomial_density(xp: Any, k: Any, n: Any, p: Any) -> Any:
    """The derivative of bdtrc by p: 0 where no more than n successes are certain anyway."""
    k, n = xp.floor(k), xp.trunc(xp.astype(n, p.dtype))  # SciPy makes the trials an integer
    inside = (k >= 0) & (k < n)
    one = xp.ones_like(k + n)
    slope = _beta_density(xp, xp.where(inside, k + 1, one), xp.where(inside, n - k, one), p)
    return _where_inside(xp, inside, slope)


def _bdtr(xp: Any, k: Any, n: Any, p: Any) -> Any:
    k = xp.floor(k)
    certain = k >= n
    value = betainc(xp.where(certain, xp.ones_like(k + n), n - k), k + 1, _less(xp, p))
    return xp.where(certain, xp.ones_like(value), value)


def _bdtrc(xp: Any, k: Any, n: Any, p: Any) -> Any:
    k = xp.floor(k)
    never = k >= n
    value = betainc(k + 1, xp.where(never, xp.ones_like(k + n), n - k), p)
    return xp.where(never, xp.zeros_like(value), value)


_TRIALS = "the number of trials"

bdtr = special(
    "bdtr",
    None,
    no_rule("bdtr", _TRIALS),
    lambda xp, g, _y, k, n, p: -(g * _binomial_density(xp, k, n, p)),
    generic=_bdtr,
    whole=(1,),
    doc=_BY_X.format("The probability of at most ``k`` successes in ``n`` trials of probability ``p``", "bdtr", "1.0, 2.0, 0.5", 0.75),  # noqa: E501
)  # fmt: skip
bdtrc = special(
    "bdtrc",
    None,
    no_rule("bdtrc", _TRIALS),
    lambda xp, g, _y, k, n, p: g * _binomial_density(xp, k, n, p),
    generic=_bdtrc,
    whole=(1,),
    doc=_BY_X.format("The probability of more than ``k`` successes in ``n`` trials: 1 less `bdtr`", "bdtrc", "1.0, 2.0, 0.5", 0.25),  # noqa: E501
)  # fmt: skip
bdtri = special(
    "bdtri",
    None,
    no_rule("bdtri", _TRIALS),
    lambda xp, g, p, k, n, _y: -g / _binomial_density(xp, k, n, p),
    generic=lambda xp, k, n, y: 1 - betaincinv(n - xp.floor(k), xp.floor(k) + 1, y),
    whole=(1,),
    doc=_BY_X.format("The inverse of `bdtr` by the probability of success", "bdtri", "1.0, 2.0, 0.75", 0.5),  # noqa: E501
)  # fmt: skip


def _failures_density(xp: Any, k: Any, n: Any, p: Any) -> Any:
    k, n = xp.trunc(xp.astype(k, p.dtype)), xp.trunc(xp.astype(n, p.dtype))
    return _beta_density(xp, n, k + 1, p)


_SUCCESSES = "the number of successes"

nbdtr = special(
    "nbdtr",
    None,
    no_rule("nbdtr", _SUCCESSES),
    lambda xp, g, _y, k, n, p: g * _failures_density(xp, k, n, p),
    generic=lambda xp, k, n, p: betainc(xp.trunc(n), xp.trunc(k) + 1, p),
    whole=(0, 1),
    doc=_BY_X.format("The probability of at most ``k`` failures before the ``n``-th success", "nbdtr", "1.0, 1.0, 0.5", 0.75),  # noqa: E501
)  # fmt: skip
nbdtrc = special(
    "nbdtrc",
    None,
    no_rule("nbdtrc", _SUCCESSES),
    lambda xp, g, _y, k, n, p: -(g * _failures_density(xp, k, n, p)),
    generic=lambda xp, k, n, p: betainc(xp.trunc(k) + 1, xp.trunc(n), _less(xp, p)),
    whole=(0, 1),
    doc=_BY_X.format("1 less `nbdtr`", "nbdtrc", "1.0, 1.0, 0.5", 0.25),
)
nbdtri = special(
    "nbdtri",
    None,
    no_rule("nbdtri", _SUCCESSES),
    lambda xp, g, p, k, n, _y: g / _failures_density(xp, k, n, p),
    generic=lambda xp, k, n, y: betaincinv(xp.trunc(n), xp.trunc(k) + 1, y),
    whole=(0, 1),
    doc=_BY_X.format("The inverse of `nbdtr` by the probability of success", "nbdtri", "1.0, 1.0, 0.75", 0.5),  # noqa: E501
)  # fmt: skip


def _poisson_density(xp: Any, k: Any, m: Any) -> Any:
    return _gamma_density(xp, xp.floor(xp.astype(k, m.dtype)) + 1, m)


pdtr = special(
    "pdtr",
    None,
    lambda xp, g, _y, k, m: -(g * _poisson_density(xp, k, m)),
    generic=lambda xp, k, m: gammaincc(xp.floor(k) + 1, m),
    doc=_BY_X.format("The probability of at most ``k`` events of a Poisson distribution with mean ``m``", "pdtr", "0.0, 1.0", 0.367879),  # noqa: E501
)  # fmt: skip
pdtrc = special(
    "pdtrc",
    None,
    lambda xp, g, _y, k, m: g * _poisson_density(xp, k, m),
    generic=lambda xp, k, m: gammainc(xp.floor(k) + 1, m),
    doc=_BY_X.format("1 less `pdtr`", "pdtrc", "0.0, 1.0", 0.632121),
)
pdtri = special(
    "pdtri",
    None,
    lambda xp, g, m, k, _y: -g / _poisson_density(xp, xp.trunc(xp.astype(k, m.dtype)), m),
    generic=lambda xp, k, y: gammainccinv(xp.trunc(k) + 1, y),
    whole=(0,),
    doc=_BY_X.format("The inverse of `pdtr` by the mean", "pdtri", "0.0, 0.5", 0.693147),
)
