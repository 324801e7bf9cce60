"""Fit the polynomials of the native math functions; writes polygrad/compile/native/coefficients.py.

Chebyshev interpolation in 60 digits (mpmath), rounded to doubles. Run it again after a change:
``python tools/fit_polynomials.py``.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mpmath import mp, mpf

mp.dps = 60
TARGET = Path(__file__).parent.parent / "polygrad" / "compile" / "native" / "coefficients.py"
TINY = mpf(10) ** -30


def near(function: Callable[[Any], Any], limit: Callable[[Any], Any], radius: float) -> Any:
    """The function, with its limit near 0 where it cancels."""
    return lambda x: limit(x) if abs(x) < mpf(10) ** radius else function(x)


exp_rest = near(lambda r: (mp.exp(r) - 1 - r) / r**2, lambda r: mpf(1) / 2 + r / 6, -14)
log_rest = near(
    lambda f: (mp.log1p(f) - f + f * f / 2) / f**3, lambda f: mpf(1) / 3 - f / 4 + f * f / 5, -10
)
atanh_rest = near(
    lambda z: (2 * mp.atanh(mp.sqrt(z)) - 2 * mp.sqrt(z)) / mp.sqrt(z) ** 3,
    lambda z: mpf(2) / 3 + 2 * z / 5,
    -20,
)
sin_rest = near(
    lambda z: (mp.sin(mp.sqrt(z)) - mp.sqrt(z)) / mp.sqrt(z) ** 3,
    lambda z: -mpf(1) / 6 + z / 120,
    -20,
)
cos_rest = near(
    lambda z: (mp.cos(mp.sqrt(z)) - 1 + z / 2) / z**2, lambda z: mpf(1) / 24 - z / 720, -16
)
erf_rest = near(
    lambda z: mp.erf(mp.sqrt(z)) / mp.sqrt(z) - 1, lambda z: 2 / mp.sqrt(mp.pi) - 1 - z / 3, -24
)


def erfc_scaled(t: Any) -> Any:
    """erfc(x) exp(x^2) in the variable t = (x - 2) / (x + 2)."""
    x = 2 * (1 + t) / (1 - t)
    return mp.erfc(x) * mp.exp(x * x)


HALF_LOG2 = mp.log(2) / 2 * mpf("1.0001")
EIGHTH_TURN = (mp.pi / 4 * mpf("1.0001")) ** 2
ROOT = mp.sqrt(mpf(1) / 2) - 1, mp.sqrt(mpf(2)) - 1
FITS = {
    "EXP": ("(exp(r) - 1 - r) / r^2", exp_rest, -HALF_LOG2, HALF_LOG2, (5, 11)),
    "LOG": ("(log(1 + f) - f + f^2/2) / f^3", log_rest, *ROOT, (9, 22)),
    "ATANH": ("(2 atanh(s) - 2 s) / s^3 in s^2", atanh_rest, TINY, mpf("0.0296"), (4, 8)),
    "SIN": ("(sin(x) - x) / x^3 in x^2", sin_rest, TINY, EIGHTH_TURN, (3, 6)),
    "COS": ("(cos(x) - 1 + x^2/2) / x^4 in x^2", cos_rest, TINY, EIGHTH_TURN, (3, 6)),
    "ERF": ("erf(x) / x - 1 in x^2, up to x = 1", erf_rest, TINY, mpf(1), (8, 12)),
    "ERFC": (
        "erfc(x) exp(x^2) in (x - 2) / (x + 2), x from 1 to 6", erfc_scaled, -mpf("0.3335"),
        mpf("0.5005"), (9, 18),
    ),
}  # fmt: skip


def main() -> None:
    """Write the table."""
    lines = [
        '"""Coefficients of the native math functions, lowest power first. Written by',
        "tools/fit_polynomials.py: change them there.",
        '"""',
        "",
    ]
    for name, (what, function, low, high, counts) in FITS.items():
        for bits, count in zip((32, 64), counts, strict=True):
            found, error = mp.chebyfit(function, [low, high], count, error=True)
            lines.append(f"{name}{bits} = (  # {what}; error {mp.nstr(error, 2)}")
            lines += [f"    {float(c)!r}," for c in found[::-1]]
            lines.append(")")
    TARGET.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
