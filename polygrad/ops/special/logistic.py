"""The logistic function, entropies, and x log(y) with its value 0 at x = 0."""

import math
from typing import Any

from polygrad.core.op import Rule
from polygrad.ops.comparison import isinf, where
from polygrad.ops.creation import ones_like
from polygrad.ops.exponential import exp, expm1, log, log1p
from polygrad.ops.special import approximations
from polygrad.ops.special.declare import floating, special
from polygrad.ops.special.elementary import exprel_slope

expit: Rule = special(
    "expit",
    lambda xp, g, y, x: g * (y * expit(-x)),
    generic=approximations.expit,
    composite=True,
    doc="""The logistic function 1 / (1 + exp(-x)), also called sigmoid.

    >>> pg.grad(pg.special.expit)(0.0)
    0.25
    """,
)


def _logit(xp: Any, x: Any) -> Any:
    # Near 1/2 the logarithms themselves cancel; those of their ratios to 1/2 do not.
    offset = x - 0.5
    middle = xp.abs(offset) < 0.25
    inner = 2 * xp.where(middle, offset, xp.zeros_like(x))
    outer = xp.where(middle, xp.zeros_like(x) + 0.5, x)
    return xp.where(middle, xp.log1p(inner) - xp.log1p(-inner), xp.log(outer) - xp.log1p(-outer))


logit = special(
    "logit",
    lambda xp, g, _y, x: g / (x * (1 - x)),
    generic=_logit,
    composite=True,
    doc="""The inverse of the logistic function, log(x / (1 - x)).

    >>> pg.grad(pg.special.logit)(0.5)
    4.0
    """,
)


def _log_expit(xp: Any, x: Any) -> Any:
    rest = xp.log1p(xp.exp(-xp.abs(x)))
    return xp.where(x < 0, x - rest, -rest)


log_expit = special(
    "log_expit",
    lambda xp, g, _y, x: g * expit(-x),
    generic=_log_expit,
    composite=True,
    doc="""The logarithm of the logistic function, accurate for all x.

    >>> pg.grad(pg.special.log_expit)(0.0)
    0.5
    """,
)

softplus = special(
    "softplus",
    lambda xp, g, _y, x: g * expit(x),
    generic=lambda xp, x: xp.where(x > 0, x, xp.zeros_like(x)) + xp.log1p(xp.exp(-xp.abs(x))),
    composite=True,
    doc="""log(1 + exp(x)), without overflow.

    >>> pg.grad(pg.special.softplus)(0.0)
    0.5
    """,
)


def _one_where(xp: Any, mask: Any, x: Any) -> Any:
    return xp.where(mask, xp.ones_like(x), x)


def _xlogy_by_x(xp: Any, g: Any, x: Any, y: Any) -> Any:
    edge = (x == 0) & (y <= 0) if not _complex(x, y) else (x == 0) & (y == 0)
    return g * xp.log(_one_where(xp, edge, y))


def _complex(*values: Any) -> bool:
    return any(str(v.dtype).rpartition(".")[2].startswith("complex") for v in values)


def _by_y(xp: Any, g: Any, x: Any, y: Any) -> Any:
    zero = (x == 0) & (y <= 0) if not _complex(x, y) else (x == 0) & (y == 0)
    return xp.where(zero, xp.zeros_like(g), g * (x / _one_where(xp, zero, y)))


def _unless_nan(xp: Any, y: Any) -> Any:
    return xp.where(y != y, y, xp.zeros_like(y))


def _xlogy(xp: Any, x: Any, y: Any) -> Any:
    product = x * xp.log(_one_where(xp, x == 0, y))
    return xp.where(x == 0, _unless_nan(xp, y), product)


xlogy = special(
    "xlogy",
    lambda xp, g, _y, x, y: _xlogy_by_x(xp, g, x, y),
    lambda xp, g, _y, x, y: _by_y(xp, g, x, y),
    generic=_xlogy,
    mixed="arrays",
    composite=True,
    doc="""x log(y), and 0 where x = 0 (unless y is nan).

    At x = 0 the derivative by y is 0, and the derivative by x is log(y) for positive y and
    taken as 0 elsewhere.

    >>> pg.special.xlogy(0.0, 0.0).item(), pg.grad(pg.special.xlogy, argnums=1)(0.0, 0.0)
    (0.0, 0.0)
    """,
)

xlog1py = special(
    "xlog1py",
    lambda xp, g, _y, x, y: _xlogy_by_x(xp, g, x, 1 + y) if _complex(x, y) else g * xp.log1p(
        xp.where((x == 0) & (y <= -1), xp.zeros_like(y), y)
    ),
    lambda xp, g, _y, x, y: _by_y(xp, g, x, 1 + y),
    generic=lambda xp, x, y: xp.where(
        x == 0, _unless_nan(xp, y), x * xp.log1p(xp.where(x == 0, xp.zeros_like(y), y))
    ),
    mixed="arrays",
    composite=True,
    doc="""x log(1 + y), and 0 where x = 0 (unless y is nan).

    >>> pg.special.xlog1py(0.0, -1.0).item(), pg.grad(pg.special.xlog1py, argnums=1)(0.0, -1.0)
    (0.0, 0.0)
    """,
)  # fmt: skip


def _entr(xp: Any, x: Any) -> Any:
    inside = x * -xp.log(xp.where(x <= 0, xp.ones_like(x), x))
    zero = xp.zeros_like(x)
    return xp.where(x < 0, zero - math.inf, xp.where(x == 0, zero, inside))


entr = special(
    "entr",
    lambda xp, g, _y, x: -g * (xp.log(x) + 1),
    generic=_entr,
    composite=True,
    doc="""The entropy -x log(x) of one probability: 0 at 0, -inf below.

    Its derivative at 0 is infinite.

    >>> pg.grad(pg.special.entr)(1.0)
    -1.0
    """,
)


def _rel_entr(xp: Any, x: Any, y: Any, distance: bool = False) -> Any:
    """The relative entropy; with ``distance`` that of `kl_div`, which is never negative."""
    both = (x > 0) & (y > 0)
    a, b = _one_where(xp, ~both, x), _one_where(xp, ~both, y)
    ratio = a / b
    near = xp.abs(ratio - 1) < 0.5
    # Of numbers near each other the logarithms cancel; a ratio may be outside of all numbers.
    inner = xp.where(near, (a - b) / b, xp.zeros_like(ratio))
    fits = (ratio > 0) & xp.isfinite(ratio)
    log = xp.where(fits, xp.log(_one_where(xp, ~fits, ratio)), xp.log(a) - xp.log(b))
    log = xp.where(near, xp.log1p(inner), log)
    term = x * log - x + y if distance else x * log
    border = y if distance else xp.zeros_like(y)
    other = xp.where((x == 0) & (y >= 0), border, xp.zeros_like(y) + math.inf)
    out = xp.where(both, term, other)
    return xp.where((x != x) | (y != y), x + y, out)


def _log_ratio(xp: Any, g: Any, x: Any, y: Any, extra: float) -> Any:
    """g (log(x / y) + extra), 0 where both are 0."""
    both = (x == 0) & (y == 0)
    log = xp.log(_one_where(xp, both, x)) - xp.log(_one_where(xp, both, y))
    return xp.where(both, xp.zeros_like(g), g * (log + extra))


rel_entr = special(
    "rel_entr",
    lambda xp, g, _y, x, y: _log_ratio(xp, g, x, y, 1.0),
    lambda xp, g, _y, x, y: -_by_y(xp, g, x, y),
    generic=_rel_entr,
    composite=True,
    doc="""The relative entropy x log(x / y): 0 where x = 0 <= y, inf outside x >= 0, y > 0.

    >>> pg.grad(pg.special.rel_entr, argnums=(0, 1))(1.0, 1.0)
    (1.0, -1.0)
    """,
)

kl_div = special(
    "kl_div",
    lambda xp, g, _y, x, y: _log_ratio(xp, g, x, y, 0.0),
    lambda xp, g, _y, x, y: g - _by_y(xp, g, x, y),
    generic=lambda xp, x, y: _rel_entr(xp, x, y, distance=True),
    doc="""The term x log(x / y) - x + y of the Kullback-Leibler divergence.

    >>> pg.grad(pg.special.kl_div, argnums=(0, 1))(1.0, 1.0)
    (0.0, 0.0)
    """,
)


def _boxcox(xp: Any, logarithm: Any, lmbda: Any) -> Any:
    """expm1(lmbda log(x)) / lmbda, of the logarithm."""
    zero = lmbda == 0
    safe = _one_where(xp, zero, lmbda)
    powered = xp.expm1(xp.where(zero, xp.zeros_like(logarithm), safe * logarithm)) / safe
    return xp.where(zero, logarithm + xp.zeros_like(powered), powered)


def _boxcox_by_lmbda(xp: Any, g: Any, logarithm: Any, lmbda: Any) -> Any:
    # At x = 0, whose power is 0 for a positive exponent, -1 / lmbda is left.
    end = (logarithm == -math.inf) & (lmbda > 0)
    inside = xp.where(end, xp.zeros_like(logarithm), logarithm)
    slope = inside * inside * exprel_slope(xp, lmbda * inside)
    safe = _one_where(xp, ~end, lmbda)
    return g * xp.where(end, 1 / (safe * safe), slope)


boxcox = special(
    "boxcox",
    lambda xp, g, _y, x, lmbda: g * xp.pow(x, lmbda - 1),
    lambda xp, g, _y, x, lmbda: _boxcox_by_lmbda(xp, g, xp.log(x), lmbda),
    generic=lambda xp, x, lmbda: _boxcox(xp, xp.log(x), lmbda),
    doc="""The transformation (x**lmbda - 1) / lmbda of Box and Cox, log(x) for lmbda = 0.

    >>> pg.special.boxcox(2.0, 2.0).item()
    1.5
    """,
)

boxcox1p = special(
    "boxcox1p",
    lambda xp, g, _y, x, lmbda: g * xp.pow(1 + x, lmbda - 1),
    lambda xp, g, _y, x, lmbda: _boxcox_by_lmbda(xp, g, xp.log1p(x), lmbda),
    generic=lambda xp, x, lmbda: _boxcox(xp, xp.log1p(x), lmbda),
    doc="""`boxcox` of 1 + x, accurate near 0.

    >>> round(pg.special.boxcox1p(1.0, 2.0).item(), 6)
    1.5
    """,
)


def _inverse_exponent(y: Any, lmbda: Any) -> Any:
    """log(1 + lmbda y) / lmbda, with its Taylor series where lmbda y is small."""
    one = ones_like(lmbda * y)
    zero = lmbda == 0
    u = lmbda * where(zero & isinf(y), one, y)
    small, large = abs(u) < 1e-4, u == math.inf
    inner = where(small | large, one, u)
    exact = log1p(inner) / inner
    near = where(small, u, one)
    out = y * where(small, 1 - near / 2 + near * near / 3 - near * near * near / 4, exact)
    # The product is beyond all numbers, its logarithm is not.
    far = log(abs(where(large, y, one))) + log(abs(where(large, lmbda, one)))
    return where(large, far / where(large, lmbda, one), out)


def inv_boxcox(y: Any, lmbda: Any, /) -> Any:
    """The inverse of `boxcox`.

    >>> round(pg.special.inv_boxcox(1.5, 2.0).item(), 6)
    2.0
    """
    y, lmbda = floating(y, lmbda)
    return exp(_inverse_exponent(y, lmbda))


def inv_boxcox1p(y: Any, lmbda: Any, /) -> Any:
    """The inverse of `boxcox1p`.

    >>> round(pg.special.inv_boxcox1p(1.5, 2.0).item(), 6)
    1.0
    """
    y, lmbda = floating(y, lmbda)
    return expm1(_inverse_exponent(y, lmbda))
