"""Exponentials, logarithms, roots, trigonometric and hyperbolic functions, by element."""

import math
from typing import Any

from polygrad.core.op import OpFacts, is_complex
from polygrad.ops.declare import Length, elementwise

exp = elementwise(
    "exp",
    lambda xp, g, y, _x: g * y,
    doc="""The exponential.

    >>> pg.grad(pg.exp)(0.0)
    1.0
    """,
)

expm1 = elementwise(
    "expm1",
    lambda xp, g, y, _x: g * (y + 1),
    doc="""exp(x) - 1, accurate near 0.

    >>> pg.grad(pg.expm1)(0.0)
    1.0
    """,
)

log = elementwise(
    "log",
    lambda xp, g, _y, x: g / x,
    doc="""The natural logarithm.

    >>> pg.grad(pg.log)(4.0)
    0.25
    """,
)

log1p = elementwise(
    "log1p",
    lambda xp, g, _y, x: g / (1 + x),
    doc="""log(1 + x), accurate near 0.

    >>> pg.grad(pg.log1p)(1.0)
    0.5
    """,
)

log2 = elementwise(
    "log2",
    lambda xp, g, _y, x: g / (x * math.log(2)),
    doc="""The logarithm to base 2.

    >>> round(pg.grad(pg.log2)(1.0), 6)
    1.442695
    """,
)

log10 = elementwise(
    "log10",
    lambda xp, g, _y, x: g / (x * math.log(10)),
    doc="""The logarithm to base 10.

    >>> round(pg.grad(pg.log10)(1.0), 6)
    0.434294
    """,
)

sqrt = elementwise(
    "sqrt",
    lambda xp, g, y, _x: g / (y + y),
    facts=OpFacts(elementwise=True, cost=5),
    doc="""The square root; its derivative at 0 is infinite.

    >>> pg.grad(pg.sqrt)(4.0)
    0.25
    """,
)

sin = elementwise(
    "sin",
    lambda xp, g, _y, x: g * xp.cos(x),
    doc="""The sine of an angle in radians.

    >>> pg.grad(pg.sin)(0.0)
    1.0
    """,
)

cos = elementwise(
    "cos",
    lambda xp, g, _y, x: -(g * xp.sin(x)),
    doc="""The cosine of an angle in radians.

    >>> pg.cos(0.0).item()
    1.0
    """,
)

tan = elementwise(
    "tan",
    lambda xp, g, y, _x: g * (1 + y * y),
    doc="""The tangent of an angle in radians.

    >>> pg.grad(pg.tan)(0.0)
    1.0
    """,
)

asin = elementwise(
    "asin",
    lambda xp, g, _y, x: g / xp.sqrt((1 - x) * (1 + x)),
    doc="""The inverse sine, in radians.

    >>> pg.grad(pg.asin)(0.0)
    1.0
    """,
)

acos = elementwise(
    "acos",
    lambda xp, g, _y, x: -g / xp.sqrt((1 - x) * (1 + x)),
    doc="""The inverse cosine, in radians.

    >>> pg.grad(pg.acos)(0.0)
    -1.0
    """,
)

atan = elementwise(
    "atan",
    lambda xp, g, _y, x: g / (1 + x * x),
    doc="""The inverse tangent, in radians.

    >>> pg.grad(pg.atan)(1.0)
    0.5
    """,
)

atan2 = elementwise(
    "atan2",
    lambda xp, g, _y, a, b: _angle(xp, g, b, a, b),
    lambda xp, g, _y, a, b: -_angle(xp, g, a, a, b),
    facts=OpFacts(elementwise=True, cost=20, one_dtype=True),
    doc="""The angle of the point (x2, x1), in radians.

    >>> pg.grad(pg.atan2, argnums=(0, 1))(0.0, 2.0)
    (0.5, -0.0)
    """,
)


def _angle(xp: Any, g: Any, numerator: Any, a: Any, b: Any) -> Any:
    # Divided twice by the distance, whose square could overflow.
    distance = xp.hypot(a, b)
    return g * (numerator / distance) / distance


hypot = elementwise(
    "hypot",
    lambda xp, g, y, a, _b: xp.where(y == 0, xp.zeros_like(g), g * (a / _nonzero(xp, y))),
    lambda xp, g, y, _a, b: xp.where(y == 0, xp.zeros_like(g), g * (b / _nonzero(xp, y))),
    facts=OpFacts(elementwise=True, cost=20, one_dtype=True),
    kind=Length,
    doc="""The distance sqrt(x1**2 + x2**2); its derivative at (0, 0) is taken as 0.

    >>> pg.grad(pg.hypot, argnums=(0, 1))(3.0, 4.0)
    (0.6, 0.8)
    """,
)


def _nonzero(xp: Any, y: Any) -> Any:
    return xp.where(y == 0, xp.ones_like(y), y)


sinh = elementwise(
    "sinh",
    lambda xp, g, _y, x: g * xp.cosh(x),
    doc="""The hyperbolic sine.

    >>> pg.grad(pg.sinh)(0.0)
    1.0
    """,
)

cosh = elementwise(
    "cosh",
    lambda xp, g, _y, x: g * xp.sinh(x),
    doc="""The hyperbolic cosine.

    >>> pg.grad(pg.cosh)(0.0)
    0.0
    """,
)

tanh = elementwise(
    "tanh",
    lambda xp, g, y, _x: g * (1 - y * y),
    doc="""The hyperbolic tangent.

    >>> pg.grad(pg.tanh)(0.0), pg.grad(pg.tanh)(1000.0)
    (1.0, 0.0)
    """,
)

asinh = elementwise(
    "asinh",
    lambda xp, g, _y, x: g / _root_of_square_plus_one(xp, x),
    doc="""The inverse hyperbolic sine.

    >>> pg.grad(pg.asinh)(0.0)
    1.0
    """,
)


def _root_of_square_plus_one(xp: Any, x: Any) -> Any:
    # hypot does not overflow for large x; complex numbers have no hypot.
    return xp.sqrt(x * x + 1) if is_complex(x.dtype) else xp.hypot(x, xp.ones_like(x))


acosh = elementwise(
    "acosh",
    lambda xp, g, _y, x: g / (xp.sqrt(x - 1) * xp.sqrt(x + 1)),
    doc="""The inverse hyperbolic cosine.

    >>> round(pg.grad(pg.acosh)(2.0), 6)
    0.57735
    """,
)

atanh = elementwise(
    "atanh",
    lambda xp, g, _y, x: g / ((1 - x) * (1 + x)),
    doc="""The inverse hyperbolic tangent.

    >>> pg.grad(pg.atanh)(0.0)
    1.0
    """,
)

logaddexp = elementwise(
    "logaddexp",
    lambda xp, g, _y, a, b: g * _share(xp, a, b),
    lambda xp, g, _y, a, b: g * _share(xp, b, a),
    facts=OpFacts(elementwise=True, cost=20, one_dtype=True),
    doc="""log(exp(x1) + exp(x2)), without overflow.

    >>> pg.grad(pg.logaddexp, argnums=(0, 1))(0.0, 0.0)
    (0.5, 0.5)
    """,
)


def _share(xp: Any, a: Any, b: Any) -> Any:
    """exp(a) / (exp(a) + exp(b)); one half where both are the same infinity."""
    gap = b - a
    # Only where the difference has no value: at a tie of numbers its slope counts.
    gap = xp.where((a == b) & (gap != gap), xp.zeros_like(gap), gap)
    return xp.exp(-xp.logaddexp(xp.zeros_like(gap), gap))
