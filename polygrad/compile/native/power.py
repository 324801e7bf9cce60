"""pow: exp(y log x), with the logarithm to twice the precision where it decides.

In float32 both are computed in float64. In float64 the logarithm is held as a sum of two
numbers; the products need a fused multiply-add.
"""

from polygrad.compile.native import coefficients, exponential
from polygrad.compile.native.text import Real


def pow(r: Real, x: str, y: str) -> str:  # noqa: A001
    """x to the power y, with the special values of C."""
    size = r.abs(x)
    found = _double(r, size, y) if r.double else _single(r, size, y)
    found = _signed(r, x, y, found)
    one = r.code.two("or", "i1", r.compare("oeq", y, 0.0), r.compare("oeq", x, 1.0))
    return r.select(one, 1.0, found)


def _single(r: Real, size: str, y: str) -> str:
    wide = Real(r.code, "double")
    a, b = (r.code.cast("fpext", "float", v, "double") for v in (size, y))
    found = exponential.exp(wide, wide.mul(b, exponential.log(wide, a)))
    found = wide.select(
        wide.compare("oeq", a, 1.0), wide.select(wide.compare("uno", b, b), b, 1.0), found
    )
    return r.code.cast("fptrunc", "double", found, "float")


def _double(r: Real, size: str, y: str) -> str:
    """size^y for a size without a sign."""
    e, f, _ = exponential.log_parts(r, size)
    below = r.add(f, 2.0)
    lost = r.sub(f, r.sub(below, 2.0))
    s = r.div(f, below)
    s_low = r.div(r.intrinsic("fma", r.neg(s), lost, r.intrinsic("fma", r.neg(s), below, f)), below)
    z = r.mul(s, s)
    z_low = r.fma(r.add(s, s), s_low, r.intrinsic("fma", s, s, r.neg(z)))
    # 2 atanh(s) = 2 s + s z (2/3 + z P(z)), the 2/3 to twice the precision.
    third, third_low = exponential.split(exponential.Fraction(2, 3), 52)
    p = r.mul(z, r.polynomial(z, coefficients.ATANH64[1:]))
    c = r.add(p, third)
    c_low = r.add(r.sub(p, r.sub(c, third)), third_low)
    cube = r.mul(s, z)
    cube_low = r.fma(s_low, z, r.fma(s, z_low, r.intrinsic("fma", s, z, r.neg(cube))))
    term = r.mul(cube, c)
    term_low = r.fma(cube, c_low, r.fma(cube_low, c, r.intrinsic("fma", cube, c, r.neg(term))))
    high, low = exponential.split(exponential.LOG2, 40)
    total, total_low = _sum(r, r.mul(e, high), r.mul(s, 2.0))
    total, again = _sum(r, total, term)
    rest = r.add(r.add(total_low, again), r.fma(s_low, 2.0, r.fma(e, low, term_low)))
    total, rest = _sum(r, total, rest)
    # The product with y, to twice the precision again.
    top = r.clamp(r.mul(y, total), -1e5, 1e5)
    bottom = r.fma(y, rest, r.intrinsic("fma", y, total, r.neg(top)))
    held = r.compare("olt", r.abs(top), 1e4)
    bottom = r.select(held, bottom, 0.0)
    power = exponential.exp(r, top)
    grown = r.fma(power, bottom, power)
    power = r.select(r.compare("olt", power, float("inf")), grown, power)
    ends = _ends(r, size, y)
    plain = r.code.two(
        "and", "i1", r.compare("ogt", size, 0.0), r.compare("olt", size, float("inf"))
    )
    finite = r.compare("olt", r.abs(y), float("inf"))
    plain = r.code.two("and", "i1", plain, finite)
    return r.select(plain, power, ends)


def _sum(r: Real, x: str, y: str) -> tuple[str, str]:
    """x + y and what is lost in it."""
    total = r.add(x, y)
    part = r.sub(total, x)
    return total, r.add(r.sub(x, r.sub(total, part)), r.sub(y, part))


def _ends(r: Real, size: str, y: str) -> str:
    """The power where the size is 0 or infinite, or y is, or one is nan."""
    large = r.compare("ogt", size, 1.0)
    up = r.compare("ogt", y, 0.0)
    grows = r.code.two("xor", "i1", r.code.two("xor", "i1", large, up), "true")
    found = r.select(grows, float("inf"), 0.0)
    found = r.select(r.compare("oeq", size, 1.0), 1.0, found)
    return r.select(r.compare("uno", size, y), r.add(size, y), found)


def _signed(r: Real, x: str, y: str, found: str) -> str:
    """The sign for a negative x: that of (-1)^y, and nan where y is no integer."""
    bits = r.to_bits(x)
    negative = r.code.put(f"icmp slt {r.integer} {bits}, 0")
    whole = r.compare("oeq", r.intrinsic("floor", y), y)
    half = r.mul(y, 0.5)
    odd = r.code.two("and", "i1", whole, r.compare("one", r.intrinsic("floor", half), half))
    flipped = r.select(r.code.two("and", "i1", negative, odd), r.neg(found), found)
    regular = r.code.two("and", "i1", r.compare("olt", x, 0.0), r.compare("one", x, float("-inf")))
    broken = r.code.two("and", "i1", regular, r.compare("one", r.intrinsic("floor", y), y))
    return r.select(broken, float("nan"), flipped)
