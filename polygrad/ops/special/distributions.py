"""Distribution functions: normal, Student's, and the incomplete gamma and beta functions."""

import math
from typing import Any

from polygrad.ops.arithmetic import floor
from polygrad.ops.comparison import where
from polygrad.ops.special import approximations
from polygrad.ops.special.declare import no_rule, operands, special
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
    doc=_BY_X.format("The regularized lower incomplete gamma function", "gammainc", "1.0, 1.0", 0.632121),  # noqa: E501
)  # fmt: skip
gammaincc = special(
    "gammaincc",
    no_rule("gammaincc", "its first argument"),
    lambda xp, g, _y, a, x: -(g * _gamma_density(xp, a, x)),
    doc=_BY_X.format("The regularized upper incomplete gamma function", "gammaincc", "1.0, 1.0", 0.367879),  # noqa: E501
)  # fmt: skip
gammaincinv = special(
    "gammaincinv",
    no_rule("gammaincinv", "its first argument"),
    lambda xp, g, y, a, _p: g / _gamma_density(xp, a, y),
    doc=_BY_X.format("The inverse of gammainc by x", "gammaincinv", "1.0, 0.5", 0.693147),
)
gammainccinv = special(
    "gammainccinv",
    no_rule("gammainccinv", "its first argument"),
    lambda xp, g, y, a, _p: -g / _gamma_density(xp, a, y),
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


def chdtr(v: Any, x: Any, /) -> Any:
    """The distribution function of chi-squared with ``v`` degrees of freedom, at ``x``.

    >>> round(pg.special.chdtr(2.0, 2.0).item(), 6)
    0.632121
    """
    v, x = operands(v, x)
    return gammainc(v / 2, x / 2)


def chdtrc(v: Any, x: Any, /) -> Any:
    """1 less the distribution function of chi-squared.

    >>> round(pg.special.chdtrc(2.0, 2.0).item(), 6)
    0.367879
    """
    v, x = operands(v, x)
    # A statistic below 0 is exceeded for certain.
    return where(x < 0, x * 0 + 1, gammaincc(v / 2, where(x < 0, x * 0, x) / 2))


def chdtri(v: Any, p: Any, /) -> Any:
    """The inverse of `chdtrc` by its second argument.

    >>> round(pg.special.chdtri(2.0, 0.5).item(), 6)
    1.386294
    """
    v, p = operands(v, p)
    return 2 * gammainccinv(v / 2, p)


def gdtr(a: Any, b: Any, x: Any, /) -> Any:
    """The distribution function of the gamma distribution with rate ``a`` and shape ``b``.

    >>> round(pg.special.gdtr(1.0, 1.0, 1.0).item(), 6)
    0.632121
    """
    a, b, x = operands(a, b, x)
    return gammainc(b, a * x)


def gdtrc(a: Any, b: Any, x: Any, /) -> Any:
    """1 less `gdtr`.

    >>> round(pg.special.gdtrc(1.0, 1.0, 1.0).item(), 6)
    0.367879
    """
    a, b, x = operands(a, b, x)
    return gammaincc(b, a * x)


def fdtr(dfn: Any, dfd: Any, x: Any, /) -> Any:
    """The distribution function of F, with its two numbers of degrees of freedom.

    >>> pg.special.fdtr(2.0, 2.0, 1.0).item()
    0.5
    """
    dfn, dfd, x = operands(dfn, dfd, x)
    return betainc(dfn / 2, dfd / 2, dfn * x / (dfn * x + dfd))


def fdtrc(dfn: Any, dfd: Any, x: Any, /) -> Any:
    """1 less `fdtr`.

    >>> pg.special.fdtrc(2.0, 2.0, 1.0).item()
    0.5
    """
    dfn, dfd, x = operands(dfn, dfd, x)
    return betainc(dfd / 2, dfn / 2, dfd / (dfn * x + dfd))


def fdtri(dfn: Any, dfd: Any, p: Any, /) -> Any:
    """The inverse of `fdtr` by its last argument.

    >>> round(pg.special.fdtri(2.0, 2.0, 0.5).item(), 6)
    1.0
    """
    dfn, dfd, p = operands(dfn, dfd, p)
    z = betaincinv(dfn / 2, dfd / 2, p)
    return dfd * z / (dfn * (1 - z))


def bdtr(k: Any, n: Any, p: Any, /) -> Any:
    """The probability of at most ``k`` successes in ``n`` trials of probability ``p``.

    >>> pg.special.bdtr(1.0, 2.0, 0.5).item()
    0.75
    """
    k, n, p = operands(k, n, p)
    k = floor(k)
    certain = k >= n
    value = betainc(where(certain, k * 0 + 1, n - k), k + 1, 1 - p)
    return where(certain, value * 0 + 1, value)


def bdtrc(k: Any, n: Any, p: Any, /) -> Any:
    """The probability of more than ``k`` successes in ``n`` trials: 1 less `bdtr`.

    >>> pg.special.bdtrc(1.0, 2.0, 0.5).item()
    0.25
    """
    k, n, p = operands(k, n, p)
    k = floor(k)
    never = k >= n
    value = betainc(k + 1, where(never, k * 0 + 1, n - k), p)
    return where(never, value * 0, value)


def bdtri(k: Any, n: Any, y: Any, /) -> Any:
    """The inverse of `bdtr` by the probability of success.

    >>> round(pg.special.bdtri(1.0, 2.0, 0.75).item(), 6)
    0.5
    """
    k, n, y = operands(k, n, y)
    k = floor(k)
    return 1 - betaincinv(n - k, k + 1, y)


def nbdtr(k: Any, n: Any, p: Any, /) -> Any:
    """The probability of at most ``k`` failures before the ``n``-th success.

    >>> pg.special.nbdtr(1.0, 1.0, 0.5).item()
    0.75
    """
    k, n, p = operands(k, n, p)
    return betainc(n, floor(k) + 1, p)


def nbdtrc(k: Any, n: Any, p: Any, /) -> Any:
    """1 less `nbdtr`.

    >>> pg.special.nbdtrc(1.0, 1.0, 0.5).item()
    0.25
    """
    k, n, p = operands(k, n, p)
    return betainc(floor(k) + 1, n, 1 - p)


def nbdtri(k: Any, n: Any, y: Any, /) -> Any:
    """The inverse of `nbdtr` by the probability of success.

    >>> round(pg.special.nbdtri(1.0, 1.0, 0.75).item(), 6)
    0.5
    """
    k, n, y = operands(k, n, y)
    return betaincinv(n, floor(k) + 1, y)


def pdtr(k: Any, m: Any, /) -> Any:
    """The probability of at most ``k`` events of a Poisson distribution with mean ``m``.

    >>> round(pg.special.pdtr(0.0, 1.0).item(), 6)
    0.367879
    """
    k, m = operands(k, m)
    return gammaincc(floor(k) + 1, m)


def pdtrc(k: Any, m: Any, /) -> Any:
    """1 less `pdtr`.

    >>> round(pg.special.pdtrc(0.0, 1.0).item(), 6)
    0.632121
    """
    k, m = operands(k, m)
    return gammainc(floor(k) + 1, m)


def pdtri(k: Any, y: Any, /) -> Any:
    """The inverse of `pdtr` by the mean.

    >>> round(pg.special.pdtri(0.0, 0.5).item(), 6)
    0.693147
    """
    k, y = operands(k, y)
    return gammainccinv(floor(k) + 1, y)
