"""erf: a polynomial in x^2 up to 1, and 1 - exp(-x^2) times a polynomial beyond."""

from polygrad.compile.native import coefficients
from polygrad.compile.native.exponential import exp
from polygrad.compile.native.text import Real


def erf(r: Real, x: str) -> str:
    """The error function."""
    size = r.abs(x)
    near = r.polynomial(r.mul(x, x), coefficients.ERF64 if r.double else coefficients.ERF32)
    near = r.fma(size, near, size)
    held = r.clamp(size, 1.0, 6.0)
    t = r.div(r.sub(held, 2.0), r.add(held, 2.0))
    tail = r.polynomial(t, coefficients.ERFC64 if r.double else coefficients.ERFC32)
    far = r.sub(1.0, r.mul(exp(r, r.neg(r.mul(held, held))), tail))
    y = r.copysign(r.select(r.compare("olt", size, 1.0), near, far), x)
    return r.select(r.compare("uno", x, x), x, y)
