"""Elementary functions beyond the standard: accurate near 0, in degrees, to other bases."""

import math
from typing import Any

from polygrad.core.op import Rule
from polygrad.ops.arithmetic import sign
from polygrad.ops.comparison import isinf, where
from polygrad.ops.creation import zeros_like
from polygrad.ops.exponential import hypot
from polygrad.ops.special.approximations import polynomial
from polygrad.ops.special.declare import floating, special

_DEGREE = math.pi / 180

exp2 = special(
    "exp2",
    lambda xp, g, y, _x: g * (y * math.log(2)),
    generic=lambda xp, x: xp.exp(x * math.log(2)),
    doc="""2**x.

    >>> pg.special.exp2(3.0).item()
    8.0
    """,
)

exp10 = special(
    "exp10",
    lambda xp, g, y, _x: g * (y * math.log(10)),
    generic=lambda xp, x: xp.exp(x * math.log(10)),
    doc="""10**x.

    >>> round(pg.special.exp10(2.0).item(), 6)
    100.0
    """,
)

cbrt = special(
    "cbrt",
    lambda xp, g, y, _x: g / (3 * y * y),
    generic=lambda xp, x: xp.sign(x) * xp.pow(xp.abs(x), xp.ones_like(x) / 3),
    doc="""The real cube root; its derivative at 0 is infinite.

    >>> round(pg.special.cbrt(-8.0).item(), 6)
    -2.0
    """,
)

cosm1 = special(
    "cosm1",
    lambda xp, g, _y, x: -(g * xp.sin(x)),
    generic=lambda xp, x: -2 * xp.square(xp.sin(x / 2)),
    doc="""cos(x) - 1, accurate near 0.

    >>> pg.special.cosm1(0.0).item()
    0.0
    """,
)

sindg: Rule = special(
    "sindg",
    lambda xp, g, _y, x: g * (_DEGREE * cosdg(x)),
    generic=lambda xp, x: xp.sin(x * _DEGREE),
    doc="""The sine of an angle in degrees.

    >>> round(pg.special.sindg(30.0).item(), 6)
    0.5
    """,
)

cosdg: Rule = special(
    "cosdg",
    lambda xp, g, _y, x: g * (-_DEGREE * sindg(x)),
    generic=lambda xp, x: xp.cos(x * _DEGREE),
    doc="""The cosine of an angle in degrees.

    >>> round(pg.special.cosdg(60.0).item(), 6)
    0.5
    """,
)

tandg = special(
    "tandg",
    lambda xp, g, y, _x: g * (_DEGREE * (1 + y * y)),
    generic=lambda xp, x: xp.tan(x * _DEGREE),
    doc="""The tangent of an angle in degrees.

    >>> round(pg.special.tandg(45.0).item(), 6)
    1.0
    """,
)

cotdg = special(
    "cotdg",
    lambda xp, g, y, _x: g * (-_DEGREE * (1 + y * y)),
    generic=lambda xp, x: 1 / xp.tan(x * _DEGREE),
    doc="""The cotangent of an angle in degrees.

    >>> round(pg.special.cotdg(45.0).item(), 6)
    1.0
    """,
)


def _near_zero(xp: Any, x: Any, limit: float, series: tuple[float, ...], far: Any) -> Any:
    """A Taylor series in x near 0, and ``far(x)`` elsewhere; both see safe arguments."""
    near = xp.abs(x) < limit
    inner = polynomial(xp.where(near, x, xp.zeros_like(x)), series)
    return xp.where(near, inner, far(xp.where(near, xp.ones_like(x), x)))


_EXPREL_SLOPE = tuple((k + 1) / math.factorial(k + 2) for k in range(16))


def exprel_slope(xp: Any, x: Any) -> Any:
    """The derivative of exprel."""
    return _near_zero(xp, x, 1.0, _EXPREL_SLOPE, lambda z: (xp.exp(z) * (z - 1) + 1) / (z * z))


def _exprel(xp: Any, x: Any) -> Any:
    plain = (x != 0) & (x != math.inf)
    one = xp.ones_like(x)
    ratio = xp.expm1(x) / xp.where(plain, x, one)
    return xp.where(x == 0, one, ratio)


exprel = special(
    "exprel",
    lambda xp, g, _y, x: g * exprel_slope(xp, x),
    generic=_exprel,
    composite=True,
    doc="""(exp(x) - 1) / x, which is 1 at 0.

    >>> pg.grad(pg.special.exprel)(0.0)
    0.5
    """,
)  # fmt: skip

# d/dx of sin(z) / z with z = pi x, in powers of z**2, without the factor pi z.
_SINC_SLOPE = tuple((-1) ** k * 2 * k / math.factorial(2 * k + 1) for k in range(1, 12))


def _sinc_rule(xp: Any, g: Any, _y: Any, x: Any) -> Any:
    z = math.pi * x
    near = xp.abs(z) < 1
    inner = xp.where(near, z, xp.zeros_like(z))
    outer = xp.where(near, xp.ones_like(z), z)
    series = inner * polynomial(inner * inner, _SINC_SLOPE)
    exact = (xp.cos(outer) - xp.sin(outer) / outer) / outer
    return g * (math.pi * xp.where(near, series, exact))


def _sinc(xp: Any, x: Any) -> Any:
    z = math.pi * xp.where(x == 0, xp.ones_like(x), x)
    return xp.where(x == 0, xp.ones_like(x), xp.sin(z) / z)


sinc = special(
    "sinc",
    _sinc_rule,
    generic=_sinc,
    composite=True,
    doc="""sin(pi x) / (pi x), which is 1 at 0.

    >>> pg.special.sinc(0.0).item(), pg.grad(pg.special.sinc)(0.0) == 0.0
    (1.0, True)
    """,
)


def radian(d: Any, m: Any, s: Any, /) -> Any:
    """An angle of degrees, minutes and seconds in radians.

    >>> round(pg.special.radian(180.0, 0.0, 0.0).item(), 6)
    3.141593
    """
    d, m, s = floating(d, m, s, mixed="all")
    return (d + m / 60 + s / 3600) * _DEGREE


def huber(delta: Any, r: Any, /) -> Any:
    """Huber's loss: r**2 / 2 up to |r| = delta, then delta (|r| - delta / 2).

    Infinite for negative ``delta``.

    >>> pg.special.huber(1.0, 3.0).item()
    2.5
    """
    delta, r = floating(delta, r)
    size = abs(r)
    loss = where(size <= delta, r * r / 2, delta * (size - delta / 2))
    return where(delta < 0, zeros_like(loss) + math.inf, loss)


def pseudo_huber(delta: Any, r: Any, /) -> Any:
    """A smooth form of Huber's loss, delta**2 (sqrt(1 + (r / delta)**2) - 1).

    0 for delta = 0, infinite for negative ``delta``.

    >>> round(pg.special.pseudo_huber(1.0, 1.0).item(), 6)
    0.414214
    """
    delta, r = floating(delta, r)
    # delta (sqrt(delta**2 + r**2) - delta), without cancellation or overflow.
    size = hypot(delta, r) + delta
    empty = size <= 0
    endless = isinf(r)
    share = where(endless, sign(r), where(empty | endless, zeros_like(r), r) / where(empty | endless, zeros_like(size) + 1, size))  # fmt: skip # noqa: E501
    loss = delta * (r * share)
    loss = where(delta == 0, zeros_like(loss), loss)
    return where(delta < 0, zeros_like(loss) + math.inf, loss)
