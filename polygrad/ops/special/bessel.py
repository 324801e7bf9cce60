"""Bessel functions, exponential and elliptic integrals."""

import math
from typing import Any

from polygrad.core.op import Rule
from polygrad.ops.special.approximations import polynomial
from polygrad.ops.special.declare import no_rule, special

_DOC = "The {} Bessel function of order {}.\n\n    >>> round(pg.special.{}(1.0).item(), 6)\n    {}\n    "  # fmt: skip # noqa: E501


def _over_x(xp: Any, x: Any, value: Any, sign: int, scaled: bool = False) -> Any:
    """j1(x) / x or i1(x) / x: the power series near 0, where the quotient has no value."""
    near = xp.abs(x) < 1
    inner = xp.where(near, x, xp.zeros_like(x))
    series = polynomial(
        inner * inner / 4,
        tuple(sign**k / (2 * math.factorial(k) * math.factorial(k + 1)) for k in range(10)),
    )
    if scaled:
        series = series * xp.exp(-xp.abs(inner))
    return xp.where(near, series, value / xp.where(near, xp.ones_like(x), x))


j0: Rule = special("j0", lambda xp, g, _y, x: -(g * j1(x)), doc=_DOC.format("first kind's", 0, "j0", 0.765198))  # fmt: skip # noqa: E501
j1: Rule = special(
    "j1",
    lambda xp, g, y, x: g * (j0(x) - _over_x(xp, x, y, -1)),
    doc=_DOC.format("first kind's", 1, "j1", 0.440051),
)
y0: Rule = special("y0", lambda xp, g, _y, x: -(g * y1(x)), doc=_DOC.format("second kind's", 0, "y0", 0.088257))  # fmt: skip # noqa: E501
y1: Rule = special(
    "y1",
    lambda xp, g, y, x: g * (y0(x) - y / x),
    doc=_DOC.format("second kind's", 1, "y1", -0.781213),
)
i0: Rule = special(
    "i0", lambda xp, g, _y, x: g * i1(x), doc=_DOC.format("modified", 0, "i0", 1.266066)
)
i1: Rule = special(
    "i1",
    lambda xp, g, y, x: g * (i0(x) - _over_x(xp, x, y, 1)),
    doc=_DOC.format("modified", 1, "i1", 0.565159),
)
i0e: Rule = special(
    "i0e",
    # At 0 the branch -x has the slope of sign(x) * y on either side, for the second derivative.
    lambda xp, g, y, x: g * (i1e(x) - xp.where(x == 0, -x, xp.sign(x) * y)),
    doc=_DOC.format("exponentially scaled modified", 0, "i0e", 0.46576),
)
i1e: Rule = special(
    "i1e",
    lambda xp, g, y, x: g * (i0e(x) - _over_x(xp, x, y, 1, scaled=True) - xp.sign(x) * y),
    doc=_DOC.format("exponentially scaled modified", 1, "i1e", 0.20791),
)
k0: Rule = special("k0", lambda xp, g, _y, x: -(g * k1(x)), doc=_DOC.format("modified second kind's", 0, "k0", 0.421024))  # fmt: skip # noqa: E501
k1: Rule = special(
    "k1",
    lambda xp, g, y, x: -(g * (k0(x) + y / x)),
    doc=_DOC.format("modified second kind's", 1, "k1", 0.601907),
)
k0e: Rule = special(
    "k0e",
    lambda xp, g, y, x: g * (y - k1e(x)),
    doc=_DOC.format("scaled modified second kind's", 0, "k0e", 1.144463),
)
k1e: Rule = special(
    "k1e",
    lambda xp, g, y, x: g * (y - k0e(x) - y / x),
    doc=_DOC.format("scaled modified second kind's", 1, "k1e", 1.636153),
)

_ORDER = """The {} Bessel function of any real order ``v``; differentiable by ``x``.

    >>> round(pg.special.{}(0.0, 1.0).item(), 6)
    {}
    """

jv: Rule = special(
    "jv",
    no_rule("jv", "the order"),
    lambda xp, g, _y, v, x: g * ((jv(v - 1, x) - jv(v + 1, x)) / 2),
    doc=_ORDER.format("first kind's", "jv", 0.765198),
)
yv: Rule = special(
    "yv",
    no_rule("yv", "the order"),
    lambda xp, g, _y, v, x: g * ((yv(v - 1, x) - yv(v + 1, x)) / 2),
    doc=_ORDER.format("second kind's", "yv", 0.088257),
)
iv: Rule = special(
    "iv",
    no_rule("iv", "the order"),
    lambda xp, g, _y, v, x: g * ((iv(v - 1, x) + iv(v + 1, x)) / 2),
    doc=_ORDER.format("modified", "iv", 1.266066),
)
kv: Rule = special(
    "kv",
    no_rule("kv", "the order"),
    lambda xp, g, _y, v, x: g * ((kv(v - 1, x) + kv(v + 1, x)) / -2),
    doc=_ORDER.format("modified second kind's", "kv", 0.421024),
)


def _yn_rule(xp: Any, g: Any, _y: Any, n: Any, x: Any) -> Any:
    n = xp.astype(n, xp.int64)
    return g * ((yn(n - 1, x) - yn(n + 1, x)) / 2)


yn: Rule = special(
    "yn",
    no_rule("yn", "the order"),
    _yn_rule,
    generic=lambda xp, n, x: yv(xp.astype(n, x.dtype), x),
    whole=(0,),
    doc="""The second kind's Bessel function of integer order ``n``; differentiable by ``x``.

    >>> round(pg.special.yn(0, 1.0).item(), 6)
    0.088257
    """,
)


exp1 = special(
    "exp1",
    lambda xp, g, _y, x: -(g * xp.exp(-x) / x),
    doc="""The exponential integral E1, of exp(-t) / t from x to infinity.

    >>> round(pg.special.exp1(1.0).item(), 6)
    0.219384
    """,
)

expi = special(
    "expi",
    lambda xp, g, _y, x: g * xp.exp(x) / x,
    doc="""The exponential integral Ei, of exp(t) / t from -infinity to x.

    >>> round(pg.special.expi(1.0).item(), 6)
    1.895118
    """,
)


def _expn_rule(xp: Any, g: Any, _y: Any, n: Any, x: Any) -> Any:
    # E_0 is exp(-x) / x; SciPy takes no order below 0.
    zero = n == 0
    lower = expn(xp.where(zero, n, n - 1), x)
    return -(g * xp.where(zero, xp.exp(-x) * (1 + 1 / x) / x, lower))


expn: Rule = special(
    "expn",
    no_rule("expn", "the order"),
    _expn_rule,
    whole=(0,),
    doc="""The exponential integral of integer order, of exp(-x t) / t**n from 1 to infinity.

    >>> round(pg.special.expn(1.0, 1.0).item(), 6)
    0.219384
    """,
)


# log(z) / (1 - z) in powers of z - 1.
_SPENCE_SLOPE = tuple((-1) ** (k + 1) / (k + 1) for k in range(18))


def _spence_rule(xp: Any, g: Any, _y: Any, z: Any) -> Any:
    near = xp.abs(z - 1) < 0.1
    series = polynomial(xp.where(near, z - 1, xp.zeros_like(z)), _SPENCE_SLOPE)
    return g * xp.where(near, series, xp.log(z) / xp.where(near, xp.ones_like(z), 1 - z))


spence = special(
    "spence",
    _spence_rule,
    doc="""Spence's function, the integral of log(t) / (1 - t) from 1 to z.

    >>> round(pg.special.spence(0.0).item(), 6)
    1.644934
    """,
)

ellipk = special(
    "ellipk",
    lambda xp, g, y, m: g * _ellipk_slope(xp, y, m),
    doc="""The complete elliptic integral of the first kind, of the parameter m = k**2.

    >>> round(pg.grad(pg.special.ellipk)(0.0), 6)
    0.392699
    """,
)
ellipe = special(
    "ellipe",
    lambda xp, g, y, m: g * _ellipe_slope(xp, y, m),
    doc="""The complete elliptic integral of the second kind, of the parameter m = k**2.

    >>> round(pg.grad(pg.special.ellipe)(0.0), 6)
    -0.392699
    """,
)
ellipkm1 = special(
    "ellipkm1",
    lambda xp, g, y, p: -(g * _ellipk_slope(xp, y, 1 - p)),
    doc="""The complete elliptic integral of the first kind around m = 1, of p = 1 - m.

    >>> round(pg.special.ellipkm1(1.0).item(), 6)
    1.570796
    """,
)


def _ellipk_slope(xp: Any, y: Any, m: Any) -> Any:
    # E - (1 - m) K cancels near 0: the first terms of the series in m stand in.
    near = xp.abs(m) < 1e-2
    safe = xp.where(near, xp.ones_like(m) / 2, m)
    exact = (ellipe(safe) - (1 - safe) * ellipk(safe)) / (2 * safe * (1 - safe))
    return xp.where(near, math.pi / 2 * polynomial(m, _slopes(1)), exact)


def _ellipe_slope(xp: Any, y: Any, m: Any) -> Any:
    near = xp.abs(m) < 1e-2
    safe = xp.where(near, xp.ones_like(m) / 2, m)
    exact = (ellipe(safe) - ellipk(safe)) / (2 * safe)
    return xp.where(near, math.pi / 2 * polynomial(m, _slopes(-1)), exact)


def _slopes(sign: int) -> tuple[float, ...]:
    """n times the coefficient of m**n, n = 1 ... 8, in 2/pi K(m), or 2/pi E(m) for -1."""
    squares = [(math.comb(2 * n, n) / 4**n) ** 2 for n in range(1, 9)]
    return tuple(n * c / (1 if sign == 1 else 1 - 2 * n) for n, c in enumerate(squares, 1))


hyp1f1: Rule = special(
    "hyp1f1",
    no_rule("hyp1f1", "its parameters"),
    no_rule("hyp1f1", "its parameters"),
    lambda xp, g, _y, a, b, x: g * (a / b * hyp1f1(a + 1, b + 1, x)),
    doc="""Kummer's confluent hypergeometric function 1F1(a; b; x); differentiable by ``x``.

    >>> round(pg.special.hyp1f1(1.0, 1.0, 1.0).item(), 6)
    2.718282
    """,
)
