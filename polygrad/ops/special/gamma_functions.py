"""The gamma function and its relatives."""

import math
from typing import Any

from polygrad.errors import ArgumentTypeError
from polygrad.ops.comparison import where
from polygrad.ops.declare import nondifferentiable
from polygrad.ops.special import approximations
from polygrad.ops.special.declare import _native, beside, no_rule, operands, special

zeta_op = special(
    "zeta",
    no_rule("zeta", "the exponent"),
    lambda xp, g, _y, s, q: -g * s * zeta(s + 1, q),
    generic=approximations.zeta,
    doc="Hurwitz's zeta function of the table; the public function has q = 1 by default.",
)


def zeta(x: Any, q: Any = None, /) -> Any:
    """The zeta function sum of (k + q)**-x over k = 0, 1, ...: Hurwitz's, Riemann's for q = 1.

    Differentiable by ``q``; NonDifferentiableError for a derivative by the exponent ``x``.

    >>> round(pg.special.zeta(2.0).item(), 6)
    1.644934
    """
    x, q = operands(x, 1.0 if q is None else q)
    return zeta_op(x, q)


digamma = special(
    "digamma",
    lambda xp, g, _y, x: g * _trigamma(x),
    generic=approximations.digamma,
    doc="""The derivative of gammaln; poles at 0 and the negative integers.

    >>> round(pg.grad(pg.special.digamma)(1.0), 6)
    1.644934
    """,
)
psi = digamma


def _trigamma(x: Any) -> Any:
    # At a negative integer digamma has no limit (nan), but its slope has: infinity, as here.
    return zeta(beside(2.0, x), x)


def polygamma(n: Any, x: Any, /) -> Any:
    """The n-th derivative of digamma, for an integer n >= 0; differentiable by ``x``.

    Raises ArgumentTypeError unless ``n`` is a whole number.

    >>> round(pg.special.polygamma(1, 1.0).item(), 6)
    1.644934
    """
    if not isinstance(n, int):
        n = int(n) if getattr(n, "shape", None) == () and n == n // 1 else n
    if not isinstance(n, int) or n < 0:
        raise ArgumentTypeError(f"polygamma: got n = {n!r}, expected an integer, 0 or larger")
    (x,) = operands(x)
    if n == 0:
        return digamma(x)
    return (-1.0) ** (n + 1) * math.factorial(n) * zeta(beside(float(n + 1), x, _real(x)), x)


def _real(x: Any) -> Any:
    from polygrad.dtypes import as_dtype

    return x.dtype if as_dtype(x.dtype).is_inexact else "float64"


gammaln = special(
    "gammaln",
    lambda xp, g, _y, x: g * digamma(x),
    generic=approximations.gammaln,
    doc="""The logarithm of the absolute value of the gamma function.

    >>> round(pg.grad(pg.special.gammaln)(1.0), 6)
    -0.577216
    """,
)

loggamma = special(
    "loggamma",
    lambda xp, g, _y, x: g * digamma(x),
    generic=lambda xp, x: xp.where(x < 0, x * math.nan, approximations.gammaln(xp, x)),
    doc="""The principal branch of the logarithm of the gamma function; complex, too.

    Negative real numbers give nan.

    >>> round(pg.grad(pg.special.loggamma)(1.0), 6)
    -0.577216
    """,
)

gamma = special(
    "gamma",
    lambda xp, g, y, x: g * (y * digamma(x)),
    generic=approximations.gamma,
    doc="""The gamma function: gamma(n + 1) is the factorial of n.

    >>> round(pg.grad(pg.special.gamma)(1.0), 6)
    -0.577216
    """,
)


def _rgamma_rule(xp: Any, g: Any, y: Any, x: Any) -> Any:
    # At the poles of gamma, 0 * inf stands for (-1)**n n!.
    pole = (x <= 0) & (x == xp.floor(x)) if not _complex(x) else x != x
    safe = xp.where(pole, xp.ones_like(x), x)
    n = xp.where(pole, -x, xp.zeros_like(x))
    sign = 1 - 2 * xp.remainder(n, xp.ones_like(n) * 2) if not _complex(x) else xp.ones_like(x)
    return g * xp.where(pole, sign * gamma(n + 1), -y * digamma(safe))


def _complex(x: Any) -> bool:
    return str(x.dtype).rpartition(".")[2].startswith("complex")


rgamma = special(
    "rgamma",
    _rgamma_rule,
    generic=lambda xp, x: 1 / xp.where(
        (x <= 0) & (x == xp.floor(x)), x * 0 + math.inf, approximations.gamma(xp, x)
    ),
    doc="""1 / gamma(x), which is 0 at the poles of gamma.

    >>> pg.grad(pg.special.rgamma)(0.0)
    1.0
    """,
)  # fmt: skip

gammasgn = nondifferentiable(
    "gammasgn",
    1,
    forward=_native(
        "gammasgn",
        lambda xp, x: xp.where(
            (x < 0) & (xp.remainder(xp.floor(x), xp.ones_like(x) * 2) == 1),
            -xp.ones_like(x), xp.ones_like(x),
        ),
    ),
    doc="""The sign of the gamma function; its derivative is zero.

    >>> pg.special.gammasgn(-0.5).item()
    -1.0
    """,
)  # fmt: skip

beta = special(
    "beta",
    lambda xp, g, y, a, b: g * (y * (digamma(a) - digamma(a + b))),
    lambda xp, g, y, a, b: g * (y * (digamma(b) - digamma(a + b))),
    generic=lambda xp, a, b: (
        approximations.gamma(xp, a) * approximations.gamma(xp, b)
        / approximations.gamma(xp, a + b)
    ),
    doc="""The beta function gamma(a) gamma(b) / gamma(a + b).

    >>> pg.grad(pg.special.beta)(1.0, 1.0)
    -1.0
    """,
)  # fmt: skip

betaln = special(
    "betaln",
    lambda xp, g, _y, a, b: g * (digamma(a) - digamma(a + b)),
    lambda xp, g, _y, a, b: g * (digamma(b) - digamma(a + b)),
    generic=lambda xp, a, b: (
        approximations.gammaln(xp, a) + approximations.gammaln(xp, b)
        - approximations.gammaln(xp, a + b)
    ),
    doc="""The logarithm of the absolute value of the beta function.

    >>> pg.grad(pg.special.betaln)(1.0, 1.0)
    -1.0
    """,
)  # fmt: skip

binom = special(
    "binom",
    lambda xp, g, y, n, k: g * (y * (digamma(n + 1) - digamma(n - k + 1))),
    lambda xp, g, y, n, k: g * (y * (digamma(n - k + 1) - digamma(k + 1))),
    generic=lambda xp, n, k: xp.exp(
        approximations.gammaln(xp, n + 1) - approximations.gammaln(xp, k + 1)
        - approximations.gammaln(xp, n - k + 1)
    ),
    doc="""The binomial coefficient n over k, for real n and k.

    >>> pg.special.binom(4.0, 2.0).item()
    6.0
    """,
)  # fmt: skip

poch = special(
    "poch",
    lambda xp, g, y, z, m: g * (y * (digamma(z + m) - digamma(z))),
    lambda xp, g, y, z, m: g * (y * digamma(z + m)),
    generic=lambda xp, z, m: (
        approximations.gamma(xp, z + m) / approximations.gamma(xp, z)
    ),
    doc="""Pochhammer's symbol gamma(z + m) / gamma(z).

    >>> pg.special.poch(2.0, 3.0).item()
    24.0
    """,
)  # fmt: skip


def multigammaln(a: Any, d: int, /) -> Any:
    """The logarithm of the gamma function of dimension ``d``, a positive integer.

    Raises ArgumentTypeError for another ``d``. Defined for a > (d - 1) / 2.

    >>> round(pg.special.multigammaln(3.0, 2).item(), 6)
    1.550195
    """
    d = int(d) if not isinstance(d, int) and getattr(d, "shape", None) == () else d
    if not isinstance(d, int) or d < 1:
        raise ArgumentTypeError(f"multigammaln: got d = {d!r}, expected a positive integer")
    (a,) = operands(a)
    total = d * (d - 1) / 4 * math.log(math.pi)
    for k in range(d):
        total = total + gammaln(a - k / 2)
    return total


def factorial(n: Any, /) -> Any:
    """gamma(n + 1), and 0 for negative n.

    >>> pg.special.factorial(4.0).item()
    24.0
    """
    (n,) = operands(n)
    safe = where(n < 0, n * 0, n)
    return where(n < 0, safe, gamma(safe + 1))


def comb(n: Any, k: Any, /) -> Any:
    """The number of ways to choose k of n things, and 0 where k is not in 0 ... n.

    >>> pg.special.comb(5.0, 2.0).item()
    10.0
    """
    n, k = operands(n, k)
    ways = binom(n, k)
    return where((k <= n) & (n >= 0) & (k >= 0), ways, ways * 0)
