"""Orthogonal polynomials, hypergeometric functions and integrals: derivatives in closed form."""

import math
from collections.abc import Callable
from typing import Any

from polygrad.core.kinds import Elementwise
from polygrad.core.op import Rule
from polygrad.core.trace import PYTHON_SCALARS, bind
from polygrad.dtypes import as_dtype
from polygrad.errors import ArgumentTypeError
from polygrad.ops.arithmetic import by_base, by_exponent
from polygrad.ops.creation import asarray
from polygrad.ops.datatypes import astype
from polygrad.ops.special.declare import beside, no_rule, operands, special
from polygrad.ops.special.error_functions import erf
from polygrad.ops.special.gamma_functions import rgamma

_POLYNOMIAL = """The {} polynomial of degree ``n``; differentiable by ``x``.

    >>> round(pg.special.{}({}).item(), 6)
    {}
    """


def _lower(xp: Any, g: Any, n: Any, x: Any, factor: Callable[[Any], Any], below: Any) -> Any:
    """``g factor(n) below(n - 1)``, and 0 for degree 0."""
    constant = n == 0
    degree = xp.where(constant, xp.ones_like(n), n)
    value = g * factor(xp.astype(degree, x.dtype)) * below(degree - 1)
    return xp.where(constant, xp.zeros_like(value), value)


def _same(n: Any) -> Any:
    return n


def _of_degree(name: str, title: str, example: str, rule: Rule) -> Rule:
    doc = _POLYNOMIAL.format(title, name, *example.split("; "))
    return special(name, no_rule(name, "the degree"), rule, doc=doc, whole=(0,))


eval_legendre: Rule = _of_degree(
    "eval_legendre", "Legendre", "3, 0.5; -0.4375",
    lambda xp, g, _y, n, x: _lower(
        xp, g, n, x, lambda d: d * 0 + 1, lambda m: eval_gegenbauer(m, 1.5, x)
    ),
)  # fmt: skip
eval_chebyt: Rule = _of_degree(
    "eval_chebyt", "first kind's Chebyshev", "3, 0.5; -1.0",
    lambda xp, g, _y, n, x: _lower(xp, g, n, x, _same, lambda m: eval_chebyu(m, x)),
)  # fmt: skip
eval_chebyu: Rule = _of_degree(
    "eval_chebyu", "second kind's Chebyshev", "3, 0.4; -1.088",
    lambda xp, g, _y, n, x: _lower(
        xp, g, n, x, lambda d: d * 0 + 2, lambda m: eval_gegenbauer(m, 2.0, x)
    ),
)  # fmt: skip
eval_laguerre: Rule = _of_degree(
    "eval_laguerre", "Laguerre", "2, 0.5; 0.125",
    lambda xp, g, _y, n, x: _lower(
        xp, g, n, x, lambda d: d * 0 - 1, lambda m: eval_genlaguerre(m, 1.0, x)
    ),
)  # fmt: skip
_hermite: Rule = _of_degree(
    "eval_hermite", "physicists' Hermite", "3, 0.5; -5.0",
    lambda xp, g, _y, n, x: _lower(xp, g, n, x, lambda d: 2 * d, lambda m: _hermite(m, x)),
)  # fmt: skip
_hermitenorm: Rule = _of_degree(
    "eval_hermitenorm", "probabilists' Hermite", "3, 0.5; -1.375",
    lambda xp, g, _y, n, x: _lower(xp, g, n, x, _same, lambda m: _hermitenorm(m, x)),
)  # fmt: skip


def _whole(name: str, n: Any, x: Any) -> Any:
    """A degree as an integer array: these two exist for nothing else."""
    operands(n, x, of=name)
    number = type(n) in PYTHON_SCALARS
    if isinstance(n, float | complex) if number else as_dtype(n.dtype).is_inexact:
        given = repr(n) if number else f"an array of {as_dtype(n.dtype)}"
        raise ArgumentTypeError(
            f"{name}: the degree n is {given}, expected integers; pass int(n), or pg.astype(n, "
            "pg.int64)"
        )
    if not number:
        return astype(n, "int64")
    return (
        asarray(int(n), dtype="int64") if type(x) in PYTHON_SCALARS else beside(int(n), x, "int64")
    )


def eval_hermite(n: Any, x: Any, /) -> Any:
    """The physicists' Hermite polynomial of an integer degree ``n``; differentiable by ``x``.

    >>> round(pg.special.eval_hermite(3, 0.5).item(), 6)
    -5.0
    """
    return _hermite(_whole("eval_hermite", n, x), x)


def eval_hermitenorm(n: Any, x: Any, /) -> Any:
    """The probabilists' Hermite polynomial of an integer degree; differentiable by ``x``.

    >>> round(pg.special.eval_hermitenorm(3, 0.5).item(), 6)
    -1.375
    """
    return _hermitenorm(_whole("eval_hermitenorm", n, x), x)


eval_gegenbauer: Rule = special(
    "eval_gegenbauer",
    no_rule("eval_gegenbauer", "the degree"),
    no_rule("eval_gegenbauer", "alpha"),
    lambda xp, g, _y, n, a, x: _lower(
        xp, g, n, x, lambda d: 2 * a + 0 * d, lambda m: eval_gegenbauer(m, a + 1, x)
    ),
    whole=(0,),
    doc=_POLYNOMIAL.format("Gegenbauer", "eval_gegenbauer", "2, 1.5, 0.5", 0.375),
)
eval_genlaguerre: Rule = special(
    "eval_genlaguerre",
    no_rule("eval_genlaguerre", "the degree"),
    no_rule("eval_genlaguerre", "alpha"),
    lambda xp, g, _y, n, a, x: _lower(
        xp, g, n, x, lambda d: 0 * d - 1, lambda m: eval_genlaguerre(m, a + 1, x)
    ),
    whole=(0,),
    doc=_POLYNOMIAL.format("associated Laguerre", "eval_genlaguerre", "2, 1.0, 0.5", 1.625),
)
eval_jacobi: Rule = special(
    "eval_jacobi",
    no_rule("eval_jacobi", "the degree"),
    no_rule("eval_jacobi", "alpha"),
    no_rule("eval_jacobi", "beta"),
    lambda xp, g, _y, n, a, b, x: _lower(
        xp, g, n, x, lambda d: (d + a + b + 1) / 2, lambda m: eval_jacobi(m, a + 1, b + 1, x)
    ),
    whole=(0,),
    doc=_POLYNOMIAL.format("Jacobi", "eval_jacobi", "2, 1.0, 2.0, 0.5", -0.1875),
)

hyp0f1: Rule = special(
    "hyp0f1",
    no_rule("hyp0f1", "the parameter"),
    lambda xp, g, _y, b, x: g * hyp0f1(b + 1, x) / b,
    doc="""The confluent hypergeometric limit function 0F1(b, x); differentiable by ``x``.

    >>> round(pg.special.hyp0f1(1.0, 0.5).item(), 6)
    1.566083
    """,
)
hyp2f1: Rule = special(
    "hyp2f1",
    no_rule("hyp2f1", "a"),
    no_rule("hyp2f1", "b"),
    no_rule("hyp2f1", "c"),
    lambda xp, g, _y, a, b, c, x: g * (a * b / c) * hyp2f1(a + 1, b + 1, c + 1, x),
    mixed="all",
    doc="""Gauss's hypergeometric function 2F1(a, b, c, x); differentiable by ``x``.

    >>> round(pg.special.hyp2f1(1.0, 1.0, 2.0, 0.5).item(), 6)
    1.386294
    """,
)
hyperu: Rule = special(
    "hyperu",
    no_rule("hyperu", "a"),
    no_rule("hyperu", "b"),
    lambda xp, g, _y, a, b, x: -(g * a * hyperu(a + 1, b + 1, x)),
    doc="""Tricomi's confluent hypergeometric function U(a, b, x); differentiable by ``x``.

    >>> round(pg.special.hyperu(1.0, 1.0, 1.0).item(), 6)
    0.596347
    """,
)


def _incomplete(xp: Any, phi: Any, m: Any) -> tuple[Any, Any]:
    """The root under an incomplete elliptic integral, and sin(2 phi)."""
    return xp.sqrt(1 - m * xp.square(xp.sin(phi))), xp.sin(2 * phi)


def _near_zero(xp: Any, phi: Any, m: Any, power: float) -> Any:
    """The integral of sin(t)**2 (1 - m sin(t)**2)**-power, in powers of a small m."""
    sine, cosine = xp.sin(phi), xp.cos(phi)
    part, out, factor, odd = phi, xp.zeros_like(phi * m), xp.ones_like(m), sine
    for k in range(8):
        part = ((2 * k + 1) * part - odd * cosine) / (2 * k + 2)
        out, odd = out + factor * part, odd * sine * sine
        factor = factor * m * ((power + k) / (k + 1))
    return out


def _ellipkinc_m(xp: Any, g: Any, y: Any, phi: Any, m: Any) -> Any:
    # The closed form cancels near 0.
    near = xp.abs(m) < 1e-2
    series = _near_zero(xp, phi, xp.where(near, m, xp.zeros_like(m)), 1.5) / 2
    m = xp.where(near, xp.ones_like(m) / 2, m)
    root, twice = _incomplete(xp, phi, m)
    y = xp.where(near, ellipkinc(phi, m), y)
    exact = ((ellipeinc(phi, m) / (1 - m) - y) / m - twice / (2 * (1 - m) * root)) / 2
    return g * xp.where(near, series, exact)


def _ellipeinc_m(xp: Any, g: Any, y: Any, phi: Any, m: Any) -> Any:
    near = xp.abs(m) < 1e-2
    series = _near_zero(xp, phi, xp.where(near, m, xp.zeros_like(m)), 0.5) / -2
    exact = (y - ellipkinc(phi, m)) / (2 * xp.where(near, xp.ones_like(m), m))
    return g * xp.where(near, series, exact)


ellipkinc: Rule = special(
    "ellipkinc",
    lambda xp, g, _y, phi, m: g / _incomplete(xp, phi, m)[0],
    _ellipkinc_m,
    mixed="arrays",
    doc="""The first kind's incomplete elliptic integral of ``phi`` and the parameter ``m``.

    >>> round(pg.special.ellipkinc(1.0, 0.5).item(), 6)
    1.083217
    """,
)
ellipeinc: Rule = special(
    "ellipeinc",
    lambda xp, g, _y, phi, m: g * _incomplete(xp, phi, m)[0],
    _ellipeinc_m,
    mixed="arrays",
    doc="""The second kind's incomplete elliptic integral of ``phi`` and the parameter ``m``.

    >>> round(pg.special.ellipeinc(1.0, 0.5).item(), 6)
    0.927330
    """.replace("0.927330", "0.92733"),
)
owens_t: Rule = special(
    "owens_t",
    lambda xp, g, _y, h, a: (
        -(g * xp.exp(-h * h / 2) * erf(a * h * math.sqrt(0.5)) / math.sqrt(8 * math.pi))
    ),
    lambda xp, g, _y, h, a: g * xp.exp(-h * h * (1 + a * a) / 2) / ((1 + a * a) * (2 * math.pi)),
    doc="""Owen's T function of ``h`` and ``a``.

    >>> round(pg.special.owens_t(1.0, 0.5).item(), 6)
    0.043065
    """,
)
powm1: Rule = special(
    "powm1",
    by_base,
    lambda xp, g, _z, x, y: by_exponent(xp, g, xp.pow(x, y), x, y),
    doc="""x ** y - 1, exact where the power is near 1; differentiable for ``x > 0``.

    >>> round(pg.special.powm1(2.0, 3.0).item(), 6)
    7.0
    """,
)
wrightomega: Rule = special(
    "wrightomega",
    lambda xp, g, w, _x: g * w / (1 + w),
    doc="""Wright's omega function: the w with w + log(w) = x.

    >>> round(pg.special.wrightomega(1.0).item(), 6)
    1.0
    """,
)

ive: Rule = special(
    "ive",
    no_rule("ive", "the order"),
    lambda xp, g, y, v, x: g * ((ive(v - 1, x) + ive(v + 1, x)) / 2 - xp.sign(x) * y),
    doc="""The modified Bessel function of order ``v``, times exp(-abs(x)); differentiable by ``x``.

    >>> round(pg.special.ive(1.0, 2.0).item(), 6)
    0.215269
    """,
)
kve: Rule = special(
    "kve",
    no_rule("kve", "the order"),
    lambda xp, g, y, v, x: g * (y - (kve(v - 1, x) + kve(v + 1, x)) / 2),
    doc="""The second kind's modified Bessel function, times exp(x); differentiable by ``x``.

    >>> round(pg.special.kve(1.0, 2.0).item(), 6)
    1.033477
    """,
)


def _struve_slope(xp: Any, f: Any, sign: int, y: Any, v: Any, x: Any) -> Any:
    zero = x == 0
    slope = f(v - 1, x) - v / xp.where(zero, xp.ones_like(x), x) * y
    # The form without a quotient, which cancels elsewhere.
    first = xp.pow(xp.where(zero, x, xp.ones_like(x)) / 2, v) * rgamma(v + 1.5) / math.sqrt(math.pi)
    origin = (f(v - 1, x) + sign * f(v + 1, x) + first) / 2
    return xp.where(zero, origin, slope)


struve: Rule = special(
    "struve",
    no_rule("struve", "the order"),
    lambda xp, g, y, v, x: g * _struve_slope(xp, struve, -1, y, v, x),
    mixed="arrays",
    doc="""The Struve function of order ``v``; differentiable by ``x``.

    >>> round(pg.special.struve(1.0, 2.0).item(), 6)
    0.646764
    """,
)
modstruve: Rule = special(
    "modstruve",
    no_rule("modstruve", "the order"),
    lambda xp, g, y, v, x: g * _struve_slope(xp, modstruve, 1, y, v, x),
    mixed="arrays",
    doc="""The modified Struve function of order ``v``; differentiable by ``x``.

    >>> round(pg.special.modstruve(1.0, 2.0).item(), 6)
    1.102760
    """.replace("1.102760", "1.10276"),
)


def _lambertw(xp: Any, x: Any, *, k: int) -> Any:
    out = xp.special.lambertw(x, k)
    return xp.astype(out, xp.complex64) if str(x.dtype).endswith(("float32", "complex64")) else out


lambertw_op = Elementwise(
    "lambertw", lambda xp, g, w, _x, k: g * xp.exp(-w) / (1 + w), forward=_lambertw
)


def lambertw(x: Any, /, k: int = 0) -> Any:
    """The Lambert W function, the w with w exp(w) = x, on branch ``k``; complex.

    >>> round(pg.real(pg.special.lambertw(1.0)).item(), 6)
    0.567143
    """
    x = asarray(x) if type(x) in PYTHON_SCALARS else x
    return bind(lambertw_op, (x,), {"k": int(k)})
