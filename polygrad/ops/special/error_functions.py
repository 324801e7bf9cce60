"""The error function and its relatives."""

import math
from typing import Any

from polygrad.ops.special import approximations
from polygrad.ops.special.declare import special

_RATE = 2 / math.sqrt(math.pi)

erf = special(
    "erf",
    lambda xp, g, _y, x: g * (_RATE * xp.exp(-x * x)),
    generic=approximations.erf,
    doc="""The error function, 2 / sqrt(pi) times the integral of exp(-t**2) from 0 to x.

    >>> round(pg.grad(pg.special.erf)(0.0), 6)
    1.128379
    """,
)

erfc = special(
    "erfc",
    lambda xp, g, _y, x: g * (-_RATE * xp.exp(-x * x)),
    generic=approximations.erfc,
    doc="""1 - erf(x), accurate where that is close to 0.

    >>> round(pg.grad(pg.special.erfc)(0.0), 6)
    -1.128379
    """,
)


def _far(xp: Any, x: Any, near: Any, numerators: tuple[float, ...]) -> Any:
    """``near``, or an asymptotic series in 1 / x**2 where the exact formula cancels."""
    far = xp.abs(x) > 50
    r = 1 / xp.where(far, x * x, xp.ones_like(x))
    return xp.where(far, r * approximations.polynomial(r, numerators), near)


# For x -> -inf erfcx grows like 2 exp(x**2), where nothing cancels.
erfcx = special(
    "erfcx",
    lambda xp, g, y, x: (
        g
        * xp.where(
            x < 0,
            2 * x * y - _RATE,
            _far(xp, x, 2 * x * y - _RATE, (-_RATE / 2, 0.75 * _RATE, -1.875 * _RATE)),
        )
    ),
    generic=approximations.erfcx,
    doc="""exp(x**2) erfc(x), which neither overflows nor vanishes for large x.

    >>> round(pg.grad(pg.special.erfcx)(0.0), 6)
    -1.128379
    """,
)

erfi = special(
    "erfi",
    lambda xp, g, _y, x: g * (_RATE * xp.exp(x * x)),
    doc="""The imaginary error function, -i erf(i x).

    >>> round(pg.grad(pg.special.erfi)(0.0), 6)
    1.128379
    """,
)

dawsn = special(
    "dawsn",
    lambda xp, g, y, x: g * _far(xp, x, 1 - 2 * x * y, (-0.5, -0.75, -1.875)),
    doc="""Dawson's integral, exp(-x**2) times the integral of exp(t**2) from 0 to x.

    >>> pg.grad(pg.special.dawsn)(0.0)
    1.0
    """,
)

wofz = special(
    "wofz",
    lambda xp, g, y, z: g * (_RATE * 1j - 2 * z * y),
    doc="""The Faddeeva function exp(-z**2) erfc(-i z) of complex numbers.

    >>> pg.special.wofz(0j).item()
    (1+0j)
    """,
)

erfinv = special(
    "erfinv",
    lambda xp, g, y, _x: g * (xp.exp(y * y) / _RATE),
    generic=approximations.erfinv,
    doc="""The inverse of erf, on the interval from -1 to 1.

    >>> round(pg.grad(pg.special.erfinv)(0.0), 6)
    0.886227
    """,
)

erfcinv = special(
    "erfcinv",
    lambda xp, g, y, _x: g * (xp.exp(y * y) / -_RATE),
    generic=lambda xp, x: approximations.erfinv(xp, 1 - x),
    doc="""The inverse of erfc, on the interval from 0 to 2.

    >>> round(pg.grad(pg.special.erfcinv)(1.0), 6)
    -0.886227
    """,
)
