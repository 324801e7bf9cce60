"""Special functions in array API terms, for libraries that have none of their own.

Real arguments, close to the precision of the data type. Series are cut where the next term is
below the rounding error of float64; the Chebyshev coefficients were fitted in 40-digit
arithmetic for this module.
"""

import math
from typing import Any

# (1 + 2x) erfcx(x) for x >= 0, in Chebyshev polynomials of (x - 3) / (x + 3).
_ERFCX = (
    1.17756257419656,
    0.005353904539615676,
    -0.09377550342284209,
    0.05436652555744322,
    -0.018976596707845208,
    0.004453426061462712,
    -0.0006335531710553147,
    1.7661719523171593e-05,
    1.2841532864056671e-05,
    -2.0072285659059913e-06,
    -1.807522790414837e-07,
    7.549828343825093e-08,
    1.885668523838603e-09,
    -2.699519049798364e-09,
    -1.460079119939105e-11,
    1.0361607445969489e-10,
    1.475715976623473e-12,
    -4.277340064396911e-12,
    -2.07922492859799e-13,
    1.8134502003176963e-13,
    1.973425574544739e-14,
    -7.287943737592673e-15,
    -1.5169878690228116e-15,
    2.3514112258781403e-16,
    1.0006111691821667e-16,
    -2.0572528169538546e-18,
    -5.608608218863183e-18,
)
# Bernoulli numbers B_2, B_4 ...: the corrections of Euler and Maclaurin.
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)
_SHIFT = 10
"""How far the recurrence carries an argument up before an asymptotic series is summed."""


def polynomial(x: Any, coefficients: tuple[float, ...]) -> Any:
    """c[0] + c[1] x + c[2] x**2 + ..."""
    total = x * 0 + coefficients[-1]
    for c in reversed(coefficients[:-1]):
        total = total * x + c
    return total


def _scaled_tail(x: Any) -> Any:
    """exp(x**2) erfc(x) for x >= 0, by Clenshaw's recurrence."""
    t = 1 - 6 / (x + 3)
    before = last = t * 0
    for c in reversed(_ERFCX[1:]):
        before, last = last, 2 * t * last - before + c
    return (t * last - before + _ERFCX[0]) / (1 + 2 * x)


def _gauss(xp: Any, x: Any) -> Any:
    """exp(-x**2), with the rounding error of the square kept out of the exponent."""
    x = xp.clip(x, -30.0, 30.0)
    high = xp.round(x * 16) / 16
    return xp.exp(-high * high) * xp.exp(-(x - high) * (x + high))


def erfc(xp: Any, x: Any) -> Any:
    """1 - erf(x)."""
    a = xp.abs(x)
    tail = _gauss(xp, a) * _scaled_tail(a)
    return xp.where(x < 0, 2 - tail, tail)


def erfcx(xp: Any, x: Any) -> Any:
    """exp(x**2) erfc(x)."""
    tail = _scaled_tail(xp.abs(x))
    return xp.where(x < 0, 2 * xp.exp(x * x) - tail, tail)


_ERF = tuple((-1) ** k * 2 / (math.sqrt(math.pi) * math.factorial(k) * (2 * k + 1)) for k in range(22))  # fmt: skip # noqa: E501


def erf(xp: Any, x: Any) -> Any:
    """2 / sqrt(pi) times the integral of exp(-t**2) from 0 to x."""
    small = xp.clip(x, -1.0, 1.0)
    series = small * polynomial(small * small, _ERF)
    return xp.where(xp.abs(x) < 1, series, xp.sign(x) * (1 - erfc(xp, xp.abs(x))))


def erfinv(xp: Any, x: Any) -> Any:
    """The y with erf(y) = x: Winitzki's approximation, then three steps of Halley."""
    a = xp.abs(x)
    inner = a < 1
    safe = xp.where(inner, a, xp.zeros_like(a))
    log = xp.log1p(-safe * safe)
    half = 2 / (math.pi * 0.147) + log / 2
    y = xp.sqrt(xp.sqrt(half * half - log / 0.147) - half)
    for _ in range(3):
        # The tail's own difference stays exact where erf is close to 1.
        gap = xp.where(safe < 0.5, safe - erf(xp, y), erfc(xp, y) - (1 - safe))
        step = gap * math.sqrt(math.pi) / 2 / _gauss(xp, y)
        y = y + step / (1 + y * step)
    edge = xp.where(a == 1, a * math.inf, a * math.nan)
    return xp.sign(x) * xp.where(inner, y, edge)


def _sin_pi(xp: Any, x: Any) -> tuple[Any, Any]:
    """sin(pi x) and cos(pi x) of the remainder of x by 2."""
    r = xp.remainder(x, xp.ones_like(x) * 2)
    return xp.sin(math.pi * r), xp.cos(math.pi * r)


def _folded(xp: Any, x: Any) -> tuple[Any, Any]:
    """Whether x needs the reflection 1 - x, and the argument of at least 1/2."""
    low = x < 0.5
    return low, xp.where(low, 1 - x, x)


def gammaln(xp: Any, x: Any) -> Any:
    """log |gamma(x)|, by Stirling's series after the recurrence, and the reflection."""
    low, y = _folded(xp, x)
    product = xp.ones_like(y)
    for k in range(_SHIFT):
        product = product * xp.where(y < _SHIFT, y + k, xp.ones_like(y))
    z = xp.where(y < _SHIFT, y + _SHIFT, y)
    r = 1 / z
    series = polynomial(r * r, tuple(b / (2 * k * (2 * k - 1)) for k, b in enumerate(_BERNOULLI, 1)))  # fmt: skip # noqa: E501
    out = (z - 0.5) * xp.log(z) - z + 0.5 * math.log(2 * math.pi) + series * r - xp.log(product)
    out = xp.where(xp.isinf(y), xp.abs(y), out)
    reflected = math.log(math.pi) - xp.log(xp.abs(_sin_pi(xp, x)[0])) - out
    pole = (x <= 0) & (x == xp.floor(x))
    return xp.where(pole, xp.abs(x) + math.inf, xp.where(low, reflected, out))


def gamma(xp: Any, x: Any) -> Any:
    """The gamma function, through its logarithm."""
    odd = xp.remainder(xp.floor(x), xp.ones_like(x) * 2) == 1
    size = xp.exp(gammaln(xp, x))
    pole = (x < 0) & (x == xp.floor(x))
    return xp.where(pole, x * math.nan, xp.where((x < 0) & odd, -size, size))


def digamma(xp: Any, x: Any) -> Any:
    """The derivative of gammaln."""
    low, y = _folded(xp, x)
    total = xp.zeros_like(y)
    for k in range(_SHIFT):
        total = total + xp.where(y < _SHIFT, 1 / (y + k), xp.zeros_like(y))
    z = xp.where(y < _SHIFT, y + _SHIFT, y)
    r = 1 / (z * z)
    series = r * polynomial(r, tuple(b / (2 * k) for k, b in enumerate(_BERNOULLI, 1)))
    out = xp.log(z) - 0.5 / z - series - total
    sine, cosine = _sin_pi(xp, x)
    out = xp.where(low, out - math.pi * cosine / xp.where(low, sine, xp.ones_like(sine)), out)
    pole = (x < 0) & (x == xp.floor(x))
    return xp.where(pole, x * math.nan, xp.where(x == 0, x - math.inf, out))


def zeta(xp: Any, s: Any, q: Any) -> Any:
    """Hurwitz's zeta function for s > 1 and q > 0, by Euler and Maclaurin's formula."""
    s, q = s + 0 * q, q + 0 * s
    total = xp.pow(q, -s)
    for k in range(1, _SHIFT):
        total = total + xp.pow(q + k, -s)
    end = q + _SHIFT
    power = xp.pow(end, -s)
    total = total + power * end / (s - 1) + power / 2
    factor = s * power / end
    for k, b in enumerate(_BERNOULLI, 1):
        total = total + b / math.factorial(2 * k) * factor
        factor = factor * (s + 2 * k - 1) * (s + 2 * k) / (end * end)
    return xp.where(q == 0, q + math.inf, xp.where(q < 0, q * math.nan, total))


def expit(xp: Any, x: Any) -> Any:
    """1 / (1 + exp(-x))."""
    decay = xp.exp(-xp.abs(x))
    return xp.where(x < 0, decay, xp.ones_like(x)) / (1 + decay)
