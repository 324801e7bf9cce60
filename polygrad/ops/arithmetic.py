"""Arithmetic, rounding and complex parts, element by element."""

import math
import operator
from typing import Any

from polygrad.array import Array, is_array
from polygrad.core.batch import elementwise as batch_elementwise
from polygrad.core.batch import spread
from polygrad.core.kinds import General, Linear, Nondifferentiable
from polygrad.core.op import OpFacts, is_complex
from polygrad.core.trace import PYTHON_SCALARS, bind
from polygrad.dtypes import as_dtype
from polygrad.ops.declare import BY_ELEMENT, Length, differentiated, elementwise, nondifferentiable

add = elementwise(
    "add",
    1,
    1,
    facts=OpFacts(elementwise=True, one_dtype=True, python=operator.add),
    doc="""The sum x1 + x2.

    >>> pg.grad(pg.add, argnums=(0, 1))(2.0, 3.0)
    (1.0, 1.0)
    """,
)

subtract = elementwise(
    "subtract",
    1,
    -1,
    facts=OpFacts(elementwise=True, one_dtype=True, python=operator.sub),
    doc="""The difference x1 - x2.

    >>> pg.grad(pg.subtract, argnums=(0, 1))(2.0, 3.0)
    (1.0, -1.0)
    """,
)

multiply = elementwise(
    "multiply",
    lambda xp, g, _y, _a, b: g * b,
    lambda xp, g, _y, a, _b: g * a,
    facts=OpFacts(elementwise=True, one_dtype=True, python=operator.mul),
    doc="""The product x1 * x2.

    >>> pg.grad(pg.multiply, argnums=(0, 1))(2.0, 3.0)
    (3.0, 2.0)
    """,
)

divide = elementwise(
    "divide",
    lambda xp, g, _y, _a, b: g / b,
    lambda xp, g, y, _a, b: -(g * y) / b,
    facts=OpFacts(elementwise=True, cost=5, one_dtype=True, python=operator.truediv),
    doc="""The quotient x1 / x2.

    >>> pg.grad(pg.divide, argnums=(0, 1))(1.0, 2.0)
    (0.5, -0.25)
    """,
)

negative = elementwise(
    "negative",
    -1,
    facts=OpFacts(elementwise=True, python=operator.neg),
    doc="""The negative -x.

    >>> pg.grad(pg.negative)(2.0)
    -1.0
    """,
)

positive = elementwise(
    "positive",
    1,
    facts=OpFacts(elementwise=True, python=operator.pos),
    doc="""The array itself, +x.

    >>> pg.grad(pg.positive)(2.0)
    1.0
    """,
)

reciprocal = elementwise(
    "reciprocal",
    lambda xp, g, y, _x: -(g * y) * y,
    facts=OpFacts(elementwise=True, cost=5),
    doc="""The reciprocal 1 / x.

    >>> pg.grad(pg.reciprocal)(2.0)
    -0.25
    """,
)

square = elementwise(
    "square",
    lambda xp, g, _y, x: (g + g) * x,
    facts=BY_ELEMENT,
    doc="""The square x * x.

    >>> pg.grad(pg.square)(3.0)
    6.0
    """,
)

remainder = elementwise(
    "remainder",
    1,
    # The quotient that the value has: a / b may have been rounded up to a whole number.
    lambda xp, g, _y, a, b: -g * xp.floor_divide(a, b),
    facts=OpFacts(elementwise=True, cost=5, one_dtype=True, python=operator.mod),
    doc="""The remainder of x1 / x2, with the sign of x2.

    At a multiple of x2 the derivative is the one to its right.

    >>> pg.grad(pg.remainder, argnums=(0, 1))(7.0, 2.0)
    (1.0, -3.0)
    """,
)

floor_divide = nondifferentiable(
    "floor_divide",
    2,
    facts=OpFacts(elementwise=True, cost=5, one_dtype=True, python=operator.floordiv),
    doc="""The quotient x1 / x2 rounded towards minus infinity; its derivative is zero.

    >>> pg.floor_divide(7.0, 2.0).item()
    3.0
    """,
)

abs = elementwise(  # noqa: A001  the standard's name
    "abs",
    lambda xp, g, _y, x: g * xp.sign(x),
    facts=OpFacts(elementwise=True, python=operator.abs),
    kind=Length,
    doc="""The absolute value; its derivative at 0 is taken as 0.

    Second derivatives of its functions at 0 are one-sided (see docs/kinks.md).

    >>> pg.grad(pg.abs)(-2.0), pg.grad(pg.abs)(0.0)
    (-1.0, 0.0)
    """,
)

real_sign_op = Nondifferentiable("sign", batch=spread, facts=BY_ELEMENT)


def _sign_rule(xp: Any, g: Any, y: Any, x: Any) -> Any:
    # x / |x| turns with x and keeps its length: what is left of g is across the direction y.
    size = xp.abs(x)
    across = (g - y * xp.real(xp.conj(y) * g)) / xp.where(size == 0, xp.ones_like(size), size)
    return xp.where(size == 0, xp.zeros_like(across), across)


complex_sign_op = General(
    "complex_sign",
    _sign_rule,
    lambda xp, t, y, x: _sign_rule(xp, t[0], y, x),
    forward=lambda xp, x: xp.sign(x),
    batch=spread,
    facts=BY_ELEMENT,
)


def sign(x: Any, /) -> Any:
    """The sign of each element, -1, 0 or 1; x / abs(x) of a complex number, 0 at 0.

    The derivative of a real sign is zero; that of a complex one is not, but for 0, where it is
    taken as 0.

    >>> pg.sign(-2.0).item()
    -1.0
    >>> pg.grad(lambda z: pg.imag(pg.sign(z)))(2 + 0j)
    0.5j
    """
    tracked = type(x) is Array and is_complex(x.dtype)
    return bind(complex_sign_op if tracked else real_sign_op, (x,), {})


_EXPONENTS = {2: square, 1: positive, -1: reciprocal}


def _falling(xp: Any, places: Any, x: Any) -> Any:
    """0, with the derivative -inf at the places given, where x is 0."""
    root = xp.sqrt(xp.where(places, x, xp.ones_like(x)))
    return xp.where(places, -root, xp.zeros_like(root))


# The mixed second derivative a ** (b - 1) (1 + b log(a)) is -inf at a = 0 for 0 < b <= 1, where
# the factors of the two first derivatives have none, or the one of a constant.
def by_base(xp: Any, g: Any, _y: Any, a: Any, b: Any) -> Any:
    """The derivative of a ** b by a."""
    if type(b) in (bool, int, float, complex):
        return xp.zeros_like(g * a) if b == 0 else g * (b * xp.pow(a, b - 1))
    # At b = 0 the power is constant, also at a = 0, where a ** (b - 1) is infinite.
    constant = (a == 0) & (b == 0)
    safe = xp.where(constant, xp.ones_like(b), b)
    factor = b * xp.pow(a, safe - 1)
    if differentiated((g, a, b)):
        factor = factor + _falling(xp, (a == 0) & (b == 1), b - 1)
    return xp.where(constant, xp.zeros_like(g), g * factor)


def by_exponent(xp: Any, g: Any, y: Any, a: Any, b: Any) -> Any:
    """The derivative of y = a ** b by b; 0 where a is 0."""
    if type(a) in (bool, int, float, complex):
        a = xp.ones_like(y) * a
    elif a.dtype != y.dtype:  # the logarithm of an integer has no data type of its own
        a = xp.astype(a, y.dtype)
    # The limit from above of 0 ** b * log(0) is 0 for every positive b, -inf for negative ones.
    zero = (a == 0) & (y * 0 == 0)
    safe = xp.where(zero, xp.ones_like(a), a)
    limit = xp.zeros_like(g)
    if differentiated((g, a, b)):
        limit = g * _falling(xp, zero & (b > 0) & (b <= 1), a)
    return xp.where(zero, limit, g * (y * xp.log(safe)))


_pow = elementwise(
    "pow",
    by_base,
    by_exponent,
    facts=OpFacts(elementwise=True, cost=20, one_dtype=True, python=operator.pow),
    doc="The power of the table; the public function takes the small exponents apart.",
)


def pow(x1: Any, x2: Any, /) -> Any:  # noqa: A001
    """The power x1 ** x2.

    Operands are arrays of one library and device (or Python numbers) whose shapes broadcast;
    the result has their promoted data type. The derivative by the exponent is 0 where the base
    is 0, and nan where it is negative.

    >>> pg.grad(pg.pow, argnums=(0, 1))(2.0, 3.0)[0]
    12.0
    """
    if type(x2) in (int, float) and _inexact(x1):
        simpler = _EXPONENTS.get(x2)
        if simpler is not None:
            return simpler(x1)
    return _pow(x1, x2)


def _inexact(x: Any) -> bool:
    """Whether 2 and 2.0, equal as keys, mean the same exponent: not so for integers."""
    if type(x) in PYTHON_SCALARS:
        return type(x) in (float, complex)
    return is_array(x) and as_dtype(x.dtype).is_inexact


conj_op = Linear("conj", lambda xp, g, x: xp.conj(g), batch=spread, facts=BY_ELEMENT)
real_op = Linear("real", lambda xp, g, x: xp.astype(g, x.dtype), batch=spread, facts=BY_ELEMENT)
imag_op = Linear(
    "imag",
    lambda xp, g, x: xp.astype(g, x.dtype) * 1j if is_complex(x.dtype) else xp.zeros_like(g),
    batch=spread,
    facts=BY_ELEMENT,
)


def _joined(xp: Any, re: Any, im: Any, dtype: Any) -> Any:
    dtype = getattr(xp, dtype.name)
    # Infinity times 1j would have a real part too, which is nan.
    finite = xp.isfinite(im)
    turned = xp.astype(xp.where(finite, im, xp.zeros_like(im)), dtype) * 1j
    for value in (complex(0, math.inf), complex(0, -math.inf), complex(0, math.nan)):
        here = xp.isnan(im) if math.isnan(value.imag) else im == value.imag
        turned = xp.where(here, xp.full_like(turned, value), turned)
    return xp.astype(re, dtype) + turned


_joined_op = Linear(
    "joined",
    lambda xp, g, re, im, dtype: (xp.real(g), xp.imag(g)),
    _joined,
    operands=2,
    batch=batch_elementwise,
)


def joined(re: Any, im: Any) -> Any:
    """The complex numbers with the given real and imaginary parts, of one shape."""
    wide = as_dtype("complex64" if as_dtype(re.dtype).name == "float32" else "complex128")
    return bind(_joined_op, (re, im), {"dtype": wide})


def conj(x: Any, /) -> Any:
    """The complex conjugate of each element.

    >>> pg.conj(pg.asarray(1 + 2j)).item()
    (1-2j)
    """
    return bind(conj_op, (x,), {})


def real(x: Any, /) -> Any:
    """The real part of each element, in the real data type of the same precision.

    >>> pg.grad(lambda z: pg.real(z * z))(1 + 2j)
    (2-4j)
    """
    return bind(real_op, (x,), {})


def imag(x: Any, /) -> Any:
    """The imaginary part of each element, in the real data type of the same precision.

    >>> pg.grad(lambda z: pg.imag(z * z))(1 + 2j)
    (4+2j)
    """
    return bind(imag_op, (x,), {})


_CONSTANT = "{} of each element; its derivative is zero.\n\n    >>> pg.{}({}).item()\n    {}\n    "

ceil = nondifferentiable(
    "ceil", 1, doc=_CONSTANT.format("The next integer from above", "ceil", "1.2", "2.0")
)
floor = nondifferentiable(
    "floor", 1, doc=_CONSTANT.format("The next integer from below", "floor", "1.8", "1.0")
)
trunc = nondifferentiable(
    "trunc", 1, doc=_CONSTANT.format("The integer part", "trunc", "-1.8", "-1.0")
)
round = nondifferentiable(  # noqa: A001
    "round",
    1,
    doc=_CONSTANT.format("The nearest integer (halves to even)", "round", "2.5", "2.0"),
)


def _by_magnitude(xp: Any, g: Any, _y: Any, a: Any, b: Any) -> Any:
    if type(b) in (int, float):  # signbit takes arrays only
        b = xp.ones_like(g) * math.copysign(1.0, b)
    return xp.where(xp.signbit(a) == xp.signbit(b), g, -g)


copysign = elementwise(
    "copysign",
    _by_magnitude,
    None,
    facts=OpFacts(elementwise=True, one_dtype=True),
    doc="""The magnitude of x1 with the sign of x2.

    >>> pg.grad(pg.copysign)(2.0, -3.0)
    -1.0
    """,
)

nextafter = nondifferentiable(
    "nextafter",
    2,
    misleading="it steps between neighbouring floating-point numbers",
    doc="""The next floating-point number after x1 in the direction of x2.

    >>> pg.nextafter(1.0, 2.0).item() > 1.0
    True
    """,
)
