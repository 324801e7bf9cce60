"""exp, expm1, log, log1p and tanh: straight lines of arithmetic, which LLVM turns into vectors.

Arguments are reduced by multiples of log 2, in two parts so that little is lost; polynomials do
the rest. Exponents are put together in integers of the width of the number, by adding a magic
number first, so nothing has to change between lanes of different width. Results that are
subnormal are right as well; each function is within about 2 units in the last place, see
docs/native-code.md.
"""

from fractions import Fraction
from typing import Any

from polygrad.compile.native import coefficients
from polygrad.compile.native.text import Real

LOG2 = Fraction("0.693147180559945309417232121458176568075500134360255254")


def split(value: Fraction, bits: int) -> tuple[float, float]:
    """A number in two parts, the first with so few bits that small multiples are exact.

    >>> high, low = split(LOG2, 20)
    >>> abs(Fraction(high) + Fraction(low) - LOG2) < Fraction(1, 2**70)
    True
    """
    scale = Fraction(2) ** bits
    high = Fraction(round(value * scale)) / scale
    return float(high), float(value - high)


def log2_parts(r: Real) -> tuple[float, float]:
    """log 2 in two parts."""
    return split(LOG2, 40 if r.double else 14)


def _reduced(r: Real, x: str) -> tuple[str, str, str]:
    """n + magic, n and x - n log 2."""
    high, low = log2_parts(r)
    magic = r.fma(x, float(1 / LOG2), r.magic)
    n = r.sub(magic, r.magic)
    return magic, n, r.fma(n, -low, r.fma(n, -high, x))


def _exp_rest(r: Real, rest: str) -> str:
    """exp(rest) - 1 of a reduced argument."""
    q = r.polynomial(rest, coefficients.EXP64 if r.double else coefficients.EXP32)
    return r.fma(r.mul(rest, rest), q, rest)


def exp(r: Real, x: str) -> str:
    """e^x"""
    lowest, tiny, highest = (-746.0, -707.0, 709.782712893384) if r.double else (-104.0, -86.0, 88.72283)  # fmt: skip # noqa: E501
    lift = 64 if r.double else 32  # keeps subnormal results away from the last step but one
    held = r.clamp(x, lowest, highest)
    magic, _, rest = _reduced(r, held)
    p = r.add(_exp_rest(r, rest), 1.0)
    low = r.compare("olt", x, tiny)
    magic = r.add(magic, r.select(low, float(lift), 0.0))
    exponent = r.integers("shl", r.to_bits(magic), r.mantissa)
    y = r.from_bits(r.integers("add", r.to_bits(p), exponent))
    y = r.mul(y, r.select(low, 2.0**-lift, 1.0))
    return r.select(r.compare("ole", x, highest), y, r.mul(x, float("inf")))


def expm1(r: Real, x: str) -> str:
    """e^x - 1"""
    lowest, highest = (-40.0, 709.782712893384) if r.double else (-20.0, 88.72283)
    magic, _, rest = _reduced(r, r.clamp(x, lowest, highest))
    half = r.power_of_two(r.sub(magic, 1.0))  # 2^n / 2, for 2^n may be too large
    y = r.fma(half, _exp_rest(r, rest), r.sub(half, 0.5))
    y = r.select(r.compare("olt", r.abs(x), 2.0**-60), x, r.add(y, y))
    return r.select(r.compare("ole", x, highest), y, r.mul(x, float("inf")))


def tanh(r: Real, x: str) -> str:
    """The hyperbolic tangent: t / (t + 2) with t = exp(2 |x|) - 1."""
    size = r.clamp(r.abs(x), 0.0, 22.0 if r.double else 10.0)
    magic, _, rest = _reduced(r, r.add(size, size))
    power = r.power_of_two(magic)
    t = r.fma(power, _exp_rest(r, rest), r.sub(power, 1.0))
    y = r.copysign(r.div(t, r.add(t, 2.0)), x)
    return r.select(r.compare("uno", x, x), x, y)


_ROOT = {32: 0x3F3504F3, 64: 0x3FE6A09E667F3BCD}  # sqrt(1/2), as bits


def _log_rest(r: Real, f: str) -> tuple[str, str]:
    """log(1 + f) as f + what is returned second; the first is f^2 / 2."""
    half = r.mul(r.mul(f, f), 0.5)
    if not r.double:
        cube = r.mul(r.mul(f, f), f)
        return half, r.sub(r.mul(cube, r.polynomial(f, coefficients.LOG32)), half)
    s = r.div(f, r.add(f, 2.0))
    z = r.mul(s, s)
    rest = r.mul(z, r.polynomial(z, coefficients.ATANH64))
    return half, r.sub(r.mul(s, r.add(half, rest)), half)


def _exponent(r: Real, x: str) -> tuple[str, str, str]:
    """Bits of 2^e, e as a number, and m, where x = m 2^e and m is from sqrt(1/2) to sqrt(2)."""
    bits = r.to_bits(x)
    moved = r.integers("add", bits, (r.bias << r.mantissa) - _ROOT[r.bits])
    field = r.integers("lshr", moved, r.mantissa)
    # In the last bits of 2^mantissa an integer becomes a number without a conversion.
    base = (r.bias + r.mantissa) << r.mantissa
    number = r.from_bits(r.integers("or", field, base))
    e = r.sub(number, float(2**r.mantissa + r.bias))
    power = r.integers("shl", field, r.mantissa)
    m = r.from_bits(r.integers("add", r.integers("sub", bits, power), r.bias << r.mantissa))
    return power, e, m


def _log_ends(r: Real, x: str, from_zero: str, y: str) -> str:
    """The values at the ends: nan below zero, -inf at zero, inf at inf."""
    inside = r.compare("ogt", from_zero, 0.0)
    edge = r.select(r.compare("oeq", from_zero, 0.0), float("-inf"), float("nan"))
    y = r.select(inside, y, edge)
    return r.select(r.compare("oeq", x, float("inf")), x, y)


def log_parts(r: Real, x: str) -> tuple[Any, str, str]:
    """e, f and log(1 + f) - f with x = 2^e (1 + f), subnormal numbers included."""
    smallest = 2.0 ** (1 - r.bias)
    small = r.compare("olt", x, smallest)
    lift = 54 if r.double else 25
    lifted = r.select(small, r.mul(x, 2.0**lift), x)
    _, e, m = _exponent(r, lifted)
    e = r.add(e, r.select(small, -float(lift), 0.0))
    f = r.sub(m, 1.0)
    return e, f, _log_rest(r, f)[1]


def log(r: Real, x: str) -> str:
    """The natural logarithm."""
    high, low = log2_parts(r)
    e, f, rest = log_parts(r, x)
    y = r.fma(e, high, r.add(f, r.fma(e, low, rest)))
    return _log_ends(r, x, x, y)


def log1p(r: Real, x: str) -> str:
    """log(1 + x); what is lost in 1 + x is put back before the polynomial."""
    u = r.add(x, 1.0)
    most = r.sub(u, 1.0)
    lost = r.add(r.sub(x, most), r.sub(1.0, r.sub(u, most)))
    power, e, m = _exponent(r, u)
    # Twice 2^-e, which is a number for all e.
    inverse = r.from_bits(r.integers("sub", (2 * r.bias + 1) << r.mantissa, power))
    f = r.fma(r.mul(lost, inverse), 0.5, r.sub(m, 1.0))
    high, low = log2_parts(r)
    y = r.fma(e, high, r.add(f, r.fma(e, low, _log_rest(r, f)[1])))
    return _log_ends(r, x, u, r.copysign(y, x))


def log2(r: Real, x: str) -> str:
    """The logarithm to base 2, exact for powers of 2."""
    e, f, rest = log_parts(r, x)
    y = r.fma(r.add(f, rest), float(1 / LOG2), e)
    return _log_ends(r, x, x, y)


def log10(r: Real, x: str) -> str:
    """The logarithm to base 10."""
    one = Fraction("0.434294481903251827651128918916605082294397005803666566")
    two = LOG2 * one
    high, low = split(two, 40 if r.double else 14)
    e, f, rest = log_parts(r, x)
    y = r.fma(e, high, r.fma(e, low, r.mul(r.add(f, rest), float(one))))
    return _log_ends(r, x, x, y)
