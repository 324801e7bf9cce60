"""Special functions that CuPy lacks, in terms of NumPy's functions and of those it has.

For real arrays, close to the precision of the data type where the functions used are. ``xp`` is
NumPy or what follows it, ``special`` a module of functions under SciPy's names.
"""

import math
from collections.abc import Callable
from typing import Any

_EVEN = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798,
         -174611 / 330, 854513 / 138, -236364091 / 2730, 8553103 / 6)  # fmt: skip
"""Bernoulli numbers B_2, B_4 ..."""
_STEP, _LAST, _FAR = 0.25, 57, 8.0
"""Of Rybicki's sum for Dawson's integral: its step, the last odd number, where it ends."""
_NODES = 32
"""Places at which a smooth integrand is looked at (Gauss and Legendre)."""


def terms(xp: Any, special: Any) -> dict[str, Callable[..., Any]]:
    """The functions by SciPy's names."""

    def betaincc(a: Any, b: Any, x: Any) -> Any:
        # DLMF 8.17.4, but for small x, of which 1 - x loses digits.
        plain = 1 - special.betainc(a, b, x)
        return xp.where(plain > 0.1, plain, special.betainc(b, a, 1 - x))

    def betainccinv(a: Any, b: Any, y: Any) -> Any:
        other = special.betaincinv(b, a, y)
        return xp.where(other > 0.9, special.betaincinv(a, b, 1 - y), 1 - other)

    def stdtr(df: Any, t: Any) -> Any:
        # DLMF 8.17.4 for what is left and right of t; infinite df is the normal distribution.
        tail = special.betainc(df / 2, xp.ones_like(df) / 2, df / (df + t * t)) / 2
        out = xp.where(t < 0, tail, 1 - tail)
        out = xp.where(xp.isinf(t), xp.where(t < 0, 0 * tail, 0 * tail + 1), out)
        out = xp.where(xp.isinf(df) & (df > 0), special.ndtr(t), out)
        return xp.where((df > 0) & ~xp.isnan(t), out, xp.nan)

    def stdtrit(df: Any, p: Any) -> Any:
        half = xp.ones_like(df) / 2
        tail = xp.minimum(p, 1 - p)
        z = special.betaincinv(df / 2, half, 2 * tail)
        w = special.betaincinv(half, df / 2, 1 - 2 * tail)  # 1 - z, without its rounding
        size = xp.sqrt(df * xp.where(z < 0.5, (1 - z) / z, w / (1 - w)))
        out = xp.where(p < 0.5, -size, size)
        out = xp.where(xp.isinf(df) & (df > 0), special.ndtri(p), out)
        return xp.where((df > 0) & (p >= 0) & (p <= 1), out, xp.nan)

    def ellipe(m: Any) -> Any:
        return special.ellipeinc(xp.full_like(m, math.pi / 2), m)  # DLMF 19.2.8

    def powm1(x: Any, y: Any) -> Any:
        power = xp.power(x, y)
        near = xp.expm1(y * xp.log(xp.where(x > 0, x, 1)))
        return xp.where((x > 0) & (xp.abs(power - 1) < 0.5), near, power - 1)

    def spence(z: Any) -> Any:
        # Li2(1 - z), brought to 1/2 <= y <= 2 by DLMF 25.12.4 and 25.12.6, then Debye's series.
        far, safe = z > 2, xp.where(z > 0, z, 1)
        y = xp.where(far, 1 / safe, safe)
        near = y < 0.5
        u = -xp.log(xp.where(near, 1 - y, y))
        total, power, factor = 1 - u / 4, xp.ones_like(u), 1.0
        for n, b in enumerate(_EVEN, 1):
            power = power * u * u
            factor /= (2 * n) * (2 * n + 1)
            total = total + b * factor * power
        log = xp.log(safe)
        out = u * total
        log_y = xp.where(far, -log, log)
        flipped = math.pi**2 / 6 - log_y * xp.log1p(-xp.where(near, y, 0)) - out
        out = xp.where(near, flipped, out)
        out = xp.where(far, -out - log * log / 2, out)
        out = xp.where(z == 0, math.pi**2 / 6, out)
        return xp.where((z < 0) | xp.isinf(z) | (z != z), xp.nan, out)

    def dawsn(x: Any) -> Any:
        # Rybicki (1989), with the terms of n and -n together, so that small x keep their digits.
        inside = xp.clip(x, -_FAR, _FAR)
        total = xp.zeros_like(x)
        for n in range(1, _LAST, 2):
            weight = math.exp(-((n * _STEP) ** 2)) / n
            total = total + weight * xp.sinh(2 * n * _STEP * inside)
        near = 2 / math.sqrt(math.pi) * xp.exp(-inside * inside) * total
        outside = xp.where(xp.abs(x) > _FAR, x, _FAR)
        square = 1 / (2 * outside * outside)
        series = xp.ones_like(x)
        for k in range(16, 0, -1):
            series = 1 + (2 * k - 1) * square * series
        far = series / (2 * outside)
        return xp.where(x != x, x, xp.where(xp.abs(x) <= _FAR, near, far))

    def erfi(x: Any) -> Any:
        found = 2 / math.sqrt(math.pi) * xp.exp(x * x) * dawsn(x)
        return xp.where(xp.abs(x) < 27, found, xp.where(x != x, x, xp.copysign(xp.inf, x)))

    def owens_t(h: Any, a: Any) -> Any:
        import numpy as np

        h, size = xp.abs(h), xp.abs(a)
        large = size > 1
        # By Owen (1956), 2.3, the last argument is at most 1.
        inner = xp.where(large, h * size, h)
        inner = xp.where(xp.isfinite(inner), inner, 1e6)  # where nothing is left
        slope = xp.where(large, 1 / xp.where(large, size, 1), size)
        end = xp.minimum(slope, 9 / xp.maximum(inner, 1))  # beyond nothing is added
        total = xp.zeros_like(end)
        for node, weight in zip(*np.polynomial.legendre.leggauss(_NODES), strict=True):
            one = 1 + (end * (float(node) + 1) / 2) ** 2
            total = total + float(weight) * xp.exp(-inner * inner * one / 2) / one
        found = total * end / (4 * math.pi)
        q, r = (special.erfc(v / math.sqrt(2)) / 2 for v in (h, xp.where(large, h * size, h)))
        found = xp.where(large, (q + r) / 2 - q * r - found, found)
        found = xp.where(xp.isinf(size), special.erfc(h / math.sqrt(2)) / 4, found)
        return xp.where((h != h) | (a != a), xp.nan, xp.copysign(xp.maximum(found, 0), a))

    def wrightomega(x: Any) -> Any:
        low = x < -2
        e = xp.exp(xp.where(x < 1, x, 1))
        w = xp.where(low, e, xp.where(x < 1, xp.exp(2 * (x - 1) / 3), x - xp.log(xp.maximum(x, 1))))
        for _ in range(3):  # Fritsch, Shafer and Crowley (1973)
            safe = xp.where(w > 0, w, 1)
            r = x - safe - xp.log(safe)
            grown = 2 * (1 + safe) * (1 + safe + 2 * r / 3)
            step = r / (1 + safe) * (grown - r) / (grown - 2 * r)
            w = xp.where((w > 0) & xp.isfinite(x), safe * (1 + step), w)
        w = xp.where(x < -50, e, w)
        return xp.where(xp.isinf(x) & (x > 0), x, xp.where(x != x, x, w))

    made = {name: one for name, one in locals().items() if name not in ("xp", "special")}
    return {name: _of_real_numbers(name, one) for name, one in made.items()}


def _of_real_numbers(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any) -> Any:
        if any(x.dtype.kind == "c" for x in args):
            raise NotImplementedError(
                f"{name} of complex numbers is not there for this library; move the data to the "
                "CPU, where SciPy computes it: pg.to_device(x, 'cpu')"
            )
        return function(*args)

    return call
