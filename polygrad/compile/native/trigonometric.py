"""sin and cos, up to a million in size; a program that meets a larger argument is left, unfinished.

Arguments are reduced by multiples of a quarter turn, which is held in four parts: the products of
the first three with a number of quarters are exact.
"""

from fractions import Fraction

from polygrad.compile.native import coefficients
from polygrad.compile.native.text import Code, Real

QUARTER = Fraction("1.57079632679489661923132169163975144209858469968755291048747229615390820314")
LIMIT = 1e6
"""Larger arguments, infinity left out, are not reduced here."""


def _parts() -> list[float]:
    rest, found = QUARTER, []
    for bits in (32, 65, 98):
        scale = Fraction(2) ** bits
        part = Fraction(round(rest * scale)) / scale
        found.append(float(part))
        rest -= part
    return [*found, float(rest)]


def _turned(r: Real, x: str, quarters: int) -> str:
    """sin(x + quarters of a turn)."""
    code = r.code
    wide = Real(code, "double")
    given = x if r.double else code.cast("fpext", "float", x, "double")
    magic = wide.fma(given, float(1 / QUARTER), wide.magic)
    n = wide.sub(magic, wide.magic)
    rest = given
    for part in _parts() if r.double else _parts()[:3]:
        rest = wide.fma(n, -part, rest)
    bits = wide.to_bits(magic)
    if not r.double:
        rest = code.cast("fptrunc", "double", rest, "float")
        bits = code.cast("trunc", "i64", bits, "i32")
    bits = r.integers("add", bits, quarters)
    z = r.mul(rest, rest)
    sines = coefficients.SIN64 if r.double else coefficients.SIN32
    cosines = coefficients.COS64 if r.double else coefficients.COS32
    sine = r.fma(r.mul(rest, z), r.polynomial(z, sines), rest)
    half = r.mul(z, 0.5)
    one = r.sub(1.0, half)
    lost = r.sub(r.sub(1.0, one), half)
    cosine = r.add(one, r.fma(r.mul(z, z), r.polynomial(z, cosines), lost))
    odd = code.put(f"icmp ne {r.integer} {r.integers('and', bits, 1)}, 0")
    y = r.select(odd, cosine, sine)
    sign = r.integers("shl", r.integers("and", bits, 2), r.bits - 2)
    return r.from_bits(r.integers("xor", r.to_bits(y), sign))


def sin(r: Real, x: str) -> str:
    """The sine."""
    return r.select(r.compare("oeq", x, 0.0), x, _turned(r, x, 0))


def cos(r: Real, x: str) -> str:
    """The cosine."""
    return _turned(r, x, 1)


def too_large(code: Code, kind: str, x: str) -> str:
    """Whether an argument is finite and beyond the limit."""
    r = Real(code, kind)
    size = r.abs(x)
    return code.two(
        "and", "i1", r.compare("ogt", size, LIMIT), r.compare("olt", size, float("inf"))
    )
