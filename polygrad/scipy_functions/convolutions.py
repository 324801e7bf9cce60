"""scipy.signal: convolution, correlation and resampling."""

import math
from typing import Any

from polygrad import ops
from polygrad.dtypes import as_dtype
from polygrad.errors import ArgumentValueError, ShapeError
from polygrad.numpy_functions.nans import median
from polygrad.scipy_functions.table import (
    array,
    inexact,
    integers,
    no_stand_in,
    scipy,
    stand_in,
    together,
)
from polygrad.scipy_functions.windows import each, neighbourhoods, windows

_LARGE = 256
"""More elements than these in the smaller operand are convolved by Fourier transforms."""
_BOUNDARIES = {"fill": "constant", "symm": "reflect", "wrap": "wrap"}


def _full(x: Any, y: Any) -> Any:
    """All places where two arrays with the same number of axes overlap."""
    if math.prod(x.shape) < math.prod(y.shape):
        x, y = y, x
    if math.prod(y.shape) > _LARGE:
        return scipy("signal.fftconvolve")(x, y)
    ndim = len(x.shape)
    out = ops.pad(x, [(n - 1, n - 1) for n in y.shape])
    for axis, n in enumerate(y.shape):
        out = windows(out, n, axis)
    return ops.tensordot(out, ops.flip(y), axes=(list(range(ndim, 2 * ndim)), list(range(ndim))))


def _cut(name: str, full: Any, x: Any, y: Any, mode: str, late: bool = False) -> Any:
    """The part of a full convolution of x and y that a mode asks for.

    "same" is the middle; of two, where y has an even length, the first, or with ``late`` the
    second.
    """
    if mode == "full":
        return full
    if mode not in ("same", "valid"):
        raise ArgumentValueError(
            f"scipy.signal.{name}: got mode {mode!r}, expected 'full', 'same' or 'valid'"
        )
    if mode == "same":
        wanted = x.shape
    else:
        larger = [m >= n for m, n in zip(x.shape, y.shape, strict=True)]
        smaller = [n >= m for m, n in zip(x.shape, y.shape, strict=True)]
        if not all(larger) and not all(smaller):
            raise ShapeError(
                f"scipy.signal.{name}: got shapes {x.shape} and {y.shape}, expected one at "
                "least as large as the other along every axis for mode 'valid'"
            )
        wanted = tuple(abs(m - n) + 1 for m, n in zip(x.shape, y.shape, strict=True))
    more = 1 if late and mode == "same" else 0
    starts = [(n - k + more) // 2 for n, k in zip(full.shape, wanted, strict=True)]
    return full[tuple(slice(i, i + k) for i, k in zip(starts, wanted, strict=True))]


def _operands(name: str, in1: Any, in2: Any) -> tuple[Any, Any]:
    x, y = array(in1), array(in2)
    if not (as_dtype(x.dtype).is_inexact or as_dtype(y.dtype).is_inexact):
        raise no_stand_in(f"signal.{name}", "two arrays of integers")
    if len(x.shape) != len(y.shape):
        raise ShapeError(
            f"scipy.signal.{name}: got shapes {x.shape} and {y.shape}, expected as many axes"
        )
    return together(x, y)


@stand_in("signal.convolve")
def convolve(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> Any:
    """scipy.signal.convolve; ``method`` changes nothing."""
    x, y = _operands("convolve", in1, in2)
    return _cut("convolve", x * y if not x.shape else _full(x, y), x, y, mode)


@stand_in("signal.correlate")
def correlate(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> Any:
    """scipy.signal.correlate; ``method`` changes nothing."""
    x, y = _operands("correlate", in1, in2)
    turned = ops.flip(ops.conj(y) if as_dtype(y.dtype).is_complex else y)
    return convolve(x, turned, mode)


def _two_dimensions(name: str, in1: Any, in2: Any, mode: str, boundary: str, fill: Any, late: bool = False) -> Any:  # fmt: skip # noqa: E501
    x, y = _operands(name, in1, in2)
    if len(x.shape) != 2:
        raise ShapeError(f"scipy.signal.{name}: got shape {x.shape}, expected two axes")
    if boundary not in _BOUNDARIES:
        known = ", ".join(map(repr, _BOUNDARIES))
        raise ArgumentValueError(
            f"scipy.signal.{name}: got boundary {boundary!r}, expected one of {known}"
        )
    if mode == "valid" or (boundary == "fill" and isinstance(fill, int | float) and fill == 0):
        return _cut(name, _full(x, y), x, y, mode, late)
    kind = {"fill": "constant", "symm": "symmetric", "wrap": "wrap"}[boundary]
    options = {"constant_values": fill} if boundary == "fill" else {}
    widths = [(n - 1, n - 1) for n in y.shape]
    longer = ops.pad(x, widths, mode=kind, **options)
    full = _cut(name, _full(longer, y), longer, y, "valid")
    return _cut(name, full, x, y, mode, late)


@stand_in("signal.convolve2d")
def convolve2d(
    in1: Any, in2: Any, mode: str = "full", boundary: str = "fill", fillvalue: Any = 0
) -> Any:
    """scipy.signal.convolve2d."""
    return _two_dimensions("convolve2d", in1, in2, mode, boundary, fillvalue)


@stand_in("signal.correlate2d")
def correlate2d(
    in1: Any, in2: Any, mode: str = "full", boundary: str = "fill", fillvalue: Any = 0
) -> Any:
    """scipy.signal.correlate2d."""
    y = inexact(in2)
    turned = ops.flip(ops.conj(y) if as_dtype(y.dtype).is_complex else y)
    return _two_dimensions("correlate2d", in1, turned, mode, boundary, fillvalue, late=True)


def _ranked(name: str, volume: Any, sizes: list[int], rank: int, mask: Any = None) -> Any:
    around = neighbourhoods(name, volume, sizes, ["constant"] * len(sizes), 0, [0] * len(sizes))
    if mask is not None:
        around = around[..., integers([i for i, inside in enumerate(mask) if inside], volume)]
    return ops.sort(around)[..., rank]


@stand_in("signal.medfilt")
def medfilt(volume: Any, kernel_size: Any = None) -> Any:
    """scipy.signal.medfilt."""
    x = inexact(volume)
    sizes = [int(n) for n in each(3 if kernel_size is None else kernel_size, len(x.shape))]
    if not all(n % 2 for n in sizes):
        raise ArgumentValueError(
            f"scipy.signal.medfilt: got kernel_size {kernel_size}, expected odd numbers"
        )
    return _ranked("signal.medfilt", x, sizes, math.prod(sizes) // 2)


@stand_in("signal.medfilt2d")
def medfilt2d(input: Any, kernel_size: Any = 3) -> Any:  # noqa: A002
    """scipy.signal.medfilt2d."""
    return medfilt(input, kernel_size)


@stand_in("signal.upfirdn")
def upfirdn(
    h: Any,
    x: Any,
    up: int = 1,
    down: int = 1,
    axis: int = -1,
    mode: str = "constant",
    cval: Any = 0,
) -> Any:
    """scipy.signal.upfirdn, with zeros around the signal."""
    if mode != "constant" or cval != 0:
        raise no_stand_in("signal.upfirdn", f"mode={mode!r}, cval={cval!r}")
    h, x = together(h, x)
    x = ops.moveaxis(x, axis, -1)
    size, n = h.shape[0], (x.shape[-1] - 1) * up + 1
    if up > 1:
        gaps = ops.zeros((*x.shape, up - 1), dtype=x.dtype, device=x.device)
        spread = ops.concat([ops.expand_dims(x, axis=-1), gaps], axis=-1)
        x = ops.reshape(spread, (*x.shape[:-1], -1))[..., :n]
    longer = ops.pad(x, [(0, 0)] * (len(x.shape) - 1) + [(size - 1, size - 1)])
    out = ops.matmul(windows(longer, size, len(x.shape) - 1, down), ops.flip(h))
    return ops.moveaxis(out, -1, axis)


_BACKGROUNDS = {"mean": ops.mean, "median": median, "minimum": ops.min, "maximum": ops.max}
