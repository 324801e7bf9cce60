"""The nonlinear functions between the layers of a network."""

import math
from typing import Any

from polygrad.core.kinds import Elementwise
from polygrad.core.op import is_complex
from polygrad.ops.declare import BY_ELEMENT, elementwise
from polygrad.ops.exponential import logaddexp, tanh

relu = elementwise(
    "relu",
    lambda xp, g, y, _x: xp.where(y > 0, g, xp.zeros_like(g)),
    forward=lambda xp, x: xp.maximum(x, 0.0),
    facts=BY_ELEMENT._replace(composite=True),
    doc="""The positive part, max(x, 0); its derivative at 0 is taken as 0.

    >>> pg.grad(pg.nn.relu)(2.0), pg.grad(pg.nn.relu)(0.0)
    (1.0, 0.0)
    """,
)


def _sigmoid(xp: Any, x: Any) -> Any:
    """1 / (1 + exp(-x)) by the steps that never overflow and keep the digits of both tails."""
    if is_complex(x.dtype):
        left = xp.real(x) < 0
        small = xp.exp(xp.where(left, x, -x))
        return xp.where(left, small, xp.ones_like(small)) / (1.0 + small)
    small = xp.exp(-xp.abs(x))
    return xp.where(x < 0, small, xp.ones_like(small)) / (1.0 + small)


sigmoid = elementwise(
    "sigmoid",
    lambda xp, g, y, _x: g * (y * (1.0 - y)),
    forward=_sigmoid,
    facts=Elementwise.kind_facts._replace(composite=True),
    doc="""The logistic function 1 / (1 + exp(-x)), without overflow; real or complex.

    >>> pg.nn.sigmoid(0.0).item(), pg.grad(pg.nn.sigmoid)(0.0)
    (0.5, 0.25)
    """,
)


def softplus(x: Any, /) -> Any:
    """log(1 + exp(x)), without overflow: a smooth relu, whose derivative is `sigmoid`.

    Real floating-point arrays of any shape.

    >>> pg.nn.softplus(1000.0).item()
    1000.0
    """
    return logaddexp(x, 0.0)


def silu(x: Any, /) -> Any:
    """x sigmoid(x), also called swish.

    Real or complex arrays of any shape. Source: S. Elfwing, E. Uchibe, K. Doya,
    "Sigmoid-weighted linear units", Neural Networks 107, 2018.

    >>> pg.grad(pg.nn.silu)(0.0)
    0.5
    """
    return x * sigmoid(x)


def gelu(x: Any, /) -> Any:
    """The Gaussian error linear unit, x times the normal distribution function at x.

    In its tanh form, which differs from the exact one by less than 5e-4. Real floating-point
    arrays of any shape. Source: D. Hendrycks, K. Gimpel, "Gaussian error linear units", 2016,
    arXiv:1606.08415, section 2.

    >>> pg.grad(pg.nn.gelu)(0.0)
    0.5
    """
    inner = math.sqrt(2.0 / math.pi) * (x * (1.0 + 0.044715 * (x * x)))
    return 0.5 * x * (1.0 + tanh(inner))
