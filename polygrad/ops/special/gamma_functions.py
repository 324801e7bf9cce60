"""The gamma function and its relatives."""

import math
from typing import Any

from polygrad.array import is_array, is_number
from polygrad.core.trace import PYTHON_SCALARS
from polygrad.dtypes import as_dtype
from polygrad.errors import ArgumentTypeError
from polygrad.ops.arithmetic import floor, remainder
from polygrad.ops.comparison import where
from polygrad.ops.creation import zeros_like
from polygrad.ops.datatypes import astype, result_type
from polygrad.ops.declare import nondifferentiable
from polygrad.ops.special import approximations
from polygrad.ops.special.declare import _native, beside, double, no_rule, operands, special

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

    An array of orders broadcasts with ``x``, and gives nan where an order is negative or a
    fraction. Raises ArgumentTypeError for a number that is no whole number, or negative.

    >>> round(pg.special.polygamma(1, 1.0).item(), 6)
    1.644934
    """
    if is_array(n):
        return _polygamma_of_orders(*operands(n, x))
    if not isinstance(n, int):
        n = int(n) if n == n // 1 else n
    if not isinstance(n, int) or n < 0:
        raise ArgumentTypeError(f"polygamma: got n = {n!r}, expected an integer, 0 or larger")
    (x,) = operands(x)
    if n == 0:
        return digamma(x)
    return (-1.0) ** (n + 1) * math.factorial(n) * zeta(beside(float(n + 1), x, _real(x)), x)


def _polygamma_of_orders(n: Any, x: Any) -> Any:
    both = [as_dtype(part.dtype) for part in (n, x)]
    dtype = result_type(*both) if all(kind.is_inexact for kind in both) else as_dtype("float64")
    n, x = astype(n, dtype, copy=False), astype(x, dtype, copy=False)
    whole = (n == floor(n)) & (n >= 0)
    order = where(whole & (n > 0), n, 1.0)  # a stand-in elsewhere: nan would reach the slope
    sign = 2.0 * remainder(order, 2.0) - 1.0
    derivative = sign * gamma(order + 1) * zeta(order + 1, x)
    return where(n == 0, digamma(x), where(whole, derivative, math.nan))


def _real(x: Any) -> Any:
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


def _pole(xp: Any, x: Any) -> Any:
    """Where gamma has a pole: at 0 and the negative integers."""
    return (x <= 0) & (x == xp.floor(x))


def _reflected_slope(xp: Any, y: Any, x: Any) -> Any:
    """The derivative of y = 1 / gamma(x) for x < 1/2, poles of gamma included.

    By the reflection formula y is sin(pi x) gamma(1 - x) / pi (DLMF 5.5.3), so that nothing
    is infinite at the poles, and derivatives of every order follow.
    """
    turn = math.pi * (x - 2 * xp.floor(x / 2))
    return xp.cos(turn) * gamma(1 - x) - y * digamma(1 - x)


def _rgamma_rule(xp: Any, g: Any, y: Any, x: Any) -> Any:
    if _complex(x):
        return -(g * (y * digamma(x)))
    left = (x < 0.5) & (x > -100)
    half = xp.ones_like(x) / 2
    slope = _reflected_slope(xp, y, xp.where(left, x, half))
    return g * xp.where(left, slope, -(y * digamma(xp.where(left, half, x))))


def _rgamma_slope(xp: Any, x: Any) -> Any:
    return _rgamma_rule(xp, xp.ones_like(x), rgamma(x), x)


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
    mixed="arrays",
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
    mixed="arrays",
    doc="""The logarithm of the absolute value of the beta function.

    >>> pg.grad(pg.special.betaln)(1.0, 1.0)
    -1.0
    """,
)  # fmt: skip


def _binom_by_n(xp: Any, g: Any, y: Any, n: Any, k: Any) -> Any:
    # Where a factor 1 / gamma is 0 its slope counts, which the digammas cannot tell.
    rest = n - k + 1
    zero = _pole(xp, rest)
    product = y * digamma(n + 1) + gamma(n + 1) * (rgamma(k + 1) * _rgamma_slope(xp, rest))
    usual = y * (digamma(n + 1) - digamma(xp.where(zero, xp.ones_like(rest), rest)))
    return g * xp.where(zero, product, usual)


def _binom_by_k(xp: Any, g: Any, y: Any, n: Any, k: Any) -> Any:
    rest, taken = n - k + 1, k + 1
    zero, none = _pole(xp, rest), _pole(xp, taken)
    one = xp.ones_like(rest)
    product = gamma(n + 1) * (
        rgamma(rest) * _rgamma_slope(xp, taken) - rgamma(taken) * _rgamma_slope(xp, rest)
    )
    usual = digamma(xp.where(zero, one, rest)) - digamma(xp.where(none, one, taken))
    return g * xp.where(zero | none, product, y * usual)


binom = special(
    "binom",
    _binom_by_n,
    _binom_by_k,
    generic=lambda xp, n, k: xp.exp(
        approximations.gammaln(xp, n + 1) - approximations.gammaln(xp, k + 1)
        - approximations.gammaln(xp, n - k + 1)
    ),
    doc="""The binomial coefficient n over k, for real n and k.

    >>> pg.special.binom(4.0, 2.0).item()
    6.0
    """,
)  # fmt: skip


def _poch_by_z(xp: Any, g: Any, y: Any, z: Any, m: Any) -> Any:
    top = z + m
    one = xp.ones_like(top)
    below, above = _pole(xp, z), _pole(xp, top)
    # One factor is 0; or two poles cancel, and the reflection formula has no poles.
    zero, both = below & ~above, below & above
    plain, safe = xp.where(below, one, z), xp.where(above, one, top)
    usual = y * (digamma(safe) - digamma(plain))
    usual = xp.where(above & ~below, usual * math.nan, usual)
    product = y * digamma(safe) + gamma(safe) * _rgamma_slope(xp, z)
    ratio = y * (digamma(xp.where(both, 1 - top, one)) - digamma(xp.where(both, 1 - z, one)))
    return g * xp.where(zero, product, xp.where(both, ratio, usual))


poch = special(
    "poch",
    _poch_by_z,
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
    """gamma(n + 1), and 0 for negative n; in double precision, as SciPy has it.

    >>> pg.special.factorial(4.0).item()
    24.0
    """
    (n,) = operands(n)
    n = double(n)
    safe = where(n < 0, zeros_like(n), n)
    return where(n < 0, safe, gamma(safe + 1))


def comb(n: Any, k: Any, /) -> Any:
    """The number of ways to choose k of n things, and 0 where k is not in 0 ... n.

    >>> pg.special.comb(5.0, 2.0).item()
    10.0
    """
    single = any(is_array(v) and not is_number(v) and as_dtype(v.dtype).bits < 64 for v in (n, k))
    alone = any(type(v) in PYTHON_SCALARS or is_number(v) for v in (n, k))
    n, k = operands(n, k)
    if single and alone:  # SciPy makes an array of a number, in double precision
        n, k = double(n), double(k)
    some = (k <= n) & (n >= 0) & (k >= 0)
    ways = binom(where(some, n, zeros_like(n)), where(some, k, zeros_like(k)))
    return where(some, ways, zeros_like(ways))
