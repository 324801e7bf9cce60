"""Where array libraries depart from the special cases of the standard, put right.

NumPy, and what follows it, floor-divides infinities to nan, and loses the sign or the value of
some complex results at infinities. Each correction computes with the library's function and
replaces only the elements concerned.
"""

import math
from collections.abc import Callable
from typing import Any, cast


def _is_complex(x: Any) -> bool:
    try:
        return x.dtype.kind == "c"  # NumPy and CuPy, where time counts
    except AttributeError:
        return "complex" in str(x.dtype)


def _is_floating(x: Any) -> bool:
    return "float" in str(x.dtype) if hasattr(x, "dtype") else type(x) is float


def corrections(xp: Any) -> dict[str, Callable[..., Any]]:
    """The corrected functions for a namespace, by name."""
    # A library that lacks one has nothing to put right.
    names = ("tanh", "expm1", "floor_divide", "sign")
    tanh, expm1, floor_divide, sign = (cast(Any, getattr(xp, name, None)) for name in names)

    def corrected_tanh(x: Any) -> Any:
        try:  # `_is_complex` written out: tanh is called often, and a call costs 60 ns
            if x.dtype.kind != "c":
                return tanh(x)
        except AttributeError:
            if not _is_complex(x):
                return tanh(x)
        out = tanh(x)
        # At an infinite real part the imaginary part is a zero with the sign of that of x.
        wrong = xp.isinf(xp.real(x)) & (xp.signbit(xp.imag(out)) != xp.signbit(xp.imag(x)))
        return xp.where(wrong & xp.isfinite(xp.imag(x)), xp.conj(out), out)

    def corrected_expm1(x: Any) -> Any:
        if not _is_complex(x):
            return expm1(x)
        out, re, im = expm1(x), xp.real(x), xp.imag(x)
        # exp(-0) - 1 is +0; the imaginary part keeps its sign.
        origin = (re == 0) & (im == 0) & xp.signbit(re)
        out = xp.where(origin, -xp.conj(x), out)
        unbounded, endless = xp.logical_not(xp.isfinite(im)), xp.isinf(re)
        # On the real axis infinity and nan stay; sin(0) = 0 must not meet an infinite factor.
        out = xp.where((im == 0) & (xp.isnan(re) | (endless & (re > 0))), x, out)
        out = xp.where(
            unbounded & endless & (re > 0), xp.full_like(x, complex(math.inf, math.nan)), out
        )
        return xp.where(unbounded & endless & (re < 0), xp.full_like(x, complex(-1, 0)), out)

    def corrected_sign(x: Any) -> Any:
        # The sign of every complex zero is 0 + 0j.
        return xp.where(x == 0, xp.zeros_like(x), sign(x)) if _is_complex(x) else sign(x)

    def corrected_floor_divide(a: Any, b: Any) -> Any:
        out = floor_divide(a, b)
        if not (_is_floating(a) or _is_floating(b)):
            return out
        quotient = a / b
        special = xp.isinf(quotient)
        if hasattr(b, "dtype"):
            special = special | xp.isinf(b) if _is_floating(b) else special
        elif math.isinf(b):
            special = special | True
        return xp.where(special, xp.floor(quotient), out)

    corrected: dict[str, Callable[..., Any]] = {
        "tanh": corrected_tanh,
        "expm1": corrected_expm1,
        "floor_divide": corrected_floor_divide,
        "sign": corrected_sign,
    }
    return {name: function for name, function in corrected.items() if hasattr(xp, name)}
