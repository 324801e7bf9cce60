"""Discrete Fourier transforms: linear ops whose transposes are transforms themselves.

With the matrix F of a transform the cotangent of its input is F^H g, which is the inverse
transform with the normalisation of the other direction. Padding to ``n`` elements transposes
to cutting, and cutting to padding with zeros.
"""

from collections.abc import Sequence
from typing import Any

from polygrad.core.batch import by_axis
from polygrad.core.kinds import Linear
from polygrad.core.op import Op
from polygrad.core.trace import bind
from polygrad.dtypes import as_dtype
from polygrad.errors import ArgumentTypeError, ArgumentValueError
from polygrad.ops.arithmetic import conj
from polygrad.ops.checked import check_functions, spelled
from polygrad.ops.creation import arange, asarray
from polygrad.ops.datatypes import astype
from polygrad.ops.joining import concat
from polygrad.ops.manipulation import normalise_axes, normalise_axis, roll

__all__ = [
    "fft", "ifft", "fftn", "ifftn", "rfft", "irfft", "rfftn", "irfftn", "hfft", "ihfft",
    "fftfreq", "rfftfreq", "fftshift", "ifftshift",
]  # fmt: skip

_OPPOSITE = {"backward": "forward", "forward": "backward", "ortho": "ortho"}


def _resize(xp: Any, g: Any, length: int, axis: int) -> Any:
    """``g`` cut off or filled up with zeros to ``length`` along an axis."""
    have = g.shape[axis]
    if have > length:
        return g[(*(slice(None),) * axis, slice(0, length), ...)]
    if have < length:
        shape = tuple(length - have if i == axis else n for i, n in enumerate(g.shape))
        return xp.concat([g, xp.zeros(shape, dtype=g.dtype, device=xp.device_of(g))], axis=axis)
    return g


def _ends_and_middle(xp: Any, g: Any, n: int, axis: int, factor: float) -> Any:
    """Half a spectrum of ``n`` samples, times ``factor`` where it stands for two frequencies."""
    stop = (n + 1) // 2  # from here on only the frequency n/2, of an even n, which is alone
    key = (slice(None),) * axis
    parts = [g[(*key, slice(0, 1), ...)], g[(*key, slice(1, stop), ...)] * factor]
    if n % 2 == 0:
        parts.append(g[(*key, slice(stop, stop + 1), ...)])
    return xp.concat(parts, axis=axis)


def _transpose_full(inverse: str) -> Any:
    def transpose(xp: Any, g: Any, x: Any, s: Any, axes: Any, norm: str) -> Any:
        out = getattr(xp.fft, inverse)(g, s=s, axes=axes, norm=_OPPOSITE[norm])
        for axis in axes:
            out = _resize(xp, out, x.shape[axis], axis)
        return out

    return transpose


def _transpose_rfft(xp: Any, g: Any, x: Any, n: int, axis: int, norm: str) -> Any:
    half = _ends_and_middle(xp, g, n, axis, 0.5)
    out = xp.fft.irfft(half, n=n, axis=axis, norm=_OPPOSITE[norm])
    return _resize(xp, out, x.shape[axis], axis)


def _transpose_irfft(xp: Any, g: Any, x: Any, n: int, axis: int, norm: str) -> Any:
    half = xp.fft.rfft(g, n=n, axis=axis, norm=_OPPOSITE[norm])
    return _resize(xp, _ends_and_middle(xp, half, n, axis, 2.0), x.shape[axis], axis)


def _forward(name: str) -> Any:
    return lambda xp, x, **params: getattr(xp.fft, name)(x, **params)


def _batch_axes(op: Op, size: int, values: list[Any], batched: list[bool], params: Any) -> Any:
    return bind(op, tuple(values), {**params, "axes": tuple(axis + 1 for axis in params["axes"])})


fftn_op = Linear("fftn", _transpose_full("ifftn"), _forward("fftn"), batch=_batch_axes)
ifftn_op = Linear("ifftn", _transpose_full("fftn"), _forward("ifftn"), batch=_batch_axes)
rfft_op = Linear("rfft", _transpose_rfft, _forward("rfft"), batch=by_axis())
irfft_op = Linear("irfft", _transpose_irfft, _forward("irfft"), batch=by_axis())


def _complex(x: Any) -> Any:
    dtype = as_dtype(x.dtype)
    if dtype.is_complex:
        return x
    return astype(x, "complex64" if dtype.name == "float32" else "complex128")


def _real(name: str, x: Any) -> Any:
    dtype = as_dtype(x.dtype)
    if dtype.is_complex:
        raise ArgumentTypeError(
            f"{name}: got {dtype}, expected a real data type; use pg.fft.fft, or pg.real(x)"
        )
    return x if dtype.is_inexact else astype(x, "float64")


def _check_norm(name: str, norm: str) -> None:
    if norm not in _OPPOSITE:
        raise ArgumentValueError(
            f"{name}: got norm {norm!r}, expected 'backward', 'ortho' or 'forward'"
        )


def _length(name: str, n: Any, default: int) -> int:
    if n is None or n == -1:
        n = default
    if not isinstance(n, int):
        n = _index(name, n)
    if n < 1:
        raise ArgumentValueError(f"{name}: got {n} elements to transform, expected at least 1")
    return n


def _index(name: str, n: Any) -> int:
    try:
        return int(n.__index__())
    except AttributeError:
        raise ArgumentTypeError(
            f"{name}: got {n!r} elements to transform, expected an integer"
        ) from None


def _one(op: Linear, name: str, x: Any, n: Any, axis: int, norm: str) -> Any:
    _check_norm(name, norm)
    x = _complex(x)
    axis = normalise_axis(name, axis, len(x.shape))
    n = _length(name, n, x.shape[axis])
    return bind(op, (x,), {"s": (n,), "axes": (axis,), "norm": norm})


def _sizes(name: str, x: Any, s: Any, axes: Any) -> tuple[list[Any], list[int]]:
    """The sizes as given (None for the axis's own) and the axes, matched to each other."""
    ndim = len(x.shape)
    s = (s,) if isinstance(s, int) else s
    if axes is None:
        chosen = list(range(ndim)) if s is None else list(range(ndim - len(s), ndim))
    else:
        chosen = list(normalise_axes(name, axes if isinstance(axes, int) else tuple(axes), ndim))
    sizes = [None] * len(chosen) if s is None else list(s)
    if len(sizes) != len(chosen) or (chosen and chosen[0] < 0):
        raise ArgumentValueError(
            f"{name}: got s={s} and axes={axes} for an array with {ndim} axes, expected one size "
            "an axis"
        )
    if not chosen:
        raise ArgumentValueError(f"{name}: got no axes to transform, expected at least one")
    return sizes, chosen


def _many(op: Linear, name: str, x: Any, s: Any, axes: Any, norm: str) -> Any:
    _check_norm(name, norm)
    x = _complex(x)
    sizes, chosen = _sizes(name, x, s, axes)
    lengths = tuple(_length(name, n, x.shape[axis]) for n, axis in zip(sizes, chosen, strict=True))
    return bind(op, (x,), {"s": lengths, "axes": tuple(chosen), "norm": norm})


def fft(x: Any, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Any:
    """The discrete Fourier transform along an axis.

    ``x`` is cut off or filled up with zeros to ``n`` elements; real input counts as complex.
    ``norm`` "backward" leaves the sum as it is, "ortho" divides it by sqrt(n), "forward" by n.
    The result is complex, in the precision of ``x``. Raises ArgumentValueError for another
    ``norm``, and for an axis or an ``n`` that is out of range.

    >>> pg.fft.fft(pg.asarray([1.0, 0.0, 0.0]))
    Array([1.+0.j, 1.+0.j, 1.+0.j], dtype=complex128, device=cpu)
    """
    return _one(fftn_op, "fft", x, n, axis, norm)


def ifft(x: Any, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Any:
    """The inverse of `fft`, with the same arguments.

    >>> pg.fft.ifft(pg.asarray([3.0, 0.0, 0.0]))
    Array([1.+0.j, 1.+0.j, 1.+0.j], dtype=complex128, device=cpu)
    """
    return _one(ifftn_op, "ifft", x, n, axis, norm)


def fftn(
    x: Any,
    /,
    *,
    s: Sequence[int] | None = None,
    axes: Sequence[int] | None = None,
    norm: str = "backward",
) -> Any:
    """The discrete Fourier transform along several axes, by default all.

    ``s`` holds the number of elements for each of ``axes`` (the last ones where ``axes`` is
    left out), -1 for all there are. ``norm`` and errors as in `fft`.

    >>> pg.fft.fftn(pg.ones((2, 2)))[0, 0].item()
    (4+0j)
    """
    return _many(fftn_op, "fftn", x, s, axes, norm)


def ifftn(
    x: Any,
    /,
    *,
    s: Sequence[int] | None = None,
    axes: Sequence[int] | None = None,
    norm: str = "backward",
) -> Any:
    """The inverse of `fftn`, with the same arguments.

    >>> pg.fft.ifftn(pg.ones((2, 2)))[0, 0].item()
    (1+0j)
    """
    return _many(ifftn_op, "ifftn", x, s, axes, norm)


def rfft(x: Any, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Any:
    """The discrete Fourier transform of real input: the n // 2 + 1 frequencies from 0 up.

    Arguments as in `fft`. Raises ArgumentTypeError for complex input.

    >>> pg.fft.rfft(pg.asarray([1.0, 0.0, 0.0])).shape
    (2,)
    """
    _check_norm("rfft", norm)
    x = _real("rfft", x)
    axis = normalise_axis("rfft", axis, len(x.shape))
    n = _length("rfft", n, x.shape[axis])
    return bind(rfft_op, (x,), {"n": n, "axis": axis, "norm": norm})


def irfft(x: Any, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Any:
    """The inverse of `rfft`: ``n`` real numbers, by default 2 (m - 1) from m frequencies.

    The imaginary parts of frequency 0, and of frequency n / 2 for an even ``n``, have no part
    in it and get the derivative 0.

    >>> pg.fft.irfft(pg.asarray([3.0, 0.0]), n=3)
    Array([1., 1., 1.], dtype=float64, device=cpu)
    """
    _check_norm("irfft", norm)
    x = _complex(x)
    axis = normalise_axis("irfft", axis, len(x.shape))
    n = _length("irfft", n, 2 * (x.shape[axis] - 1))
    return bind(irfft_op, (x,), {"n": n, "axis": axis, "norm": norm})


def rfftn(
    x: Any,
    /,
    *,
    s: Sequence[int] | None = None,
    axes: Sequence[int] | None = None,
    norm: str = "backward",
) -> Any:
    """`rfft` along the last of several axes and `fftn` along the others.

    Arguments as in `fftn`. Raises ArgumentTypeError for complex input.

    >>> pg.fft.rfftn(pg.ones((2, 4))).shape
    (2, 3)
    """
    sizes, chosen = _sizes("rfftn", x, s, axes)
    out = rfft(x, n=sizes[-1], axis=chosen[-1], norm=norm)
    return fftn(out, s=_known(sizes[:-1]), axes=chosen[:-1], norm=norm) if chosen[1:] else out


def irfftn(
    x: Any,
    /,
    *,
    s: Sequence[int] | None = None,
    axes: Sequence[int] | None = None,
    norm: str = "backward",
) -> Any:
    """The inverse of `rfftn`; the last of ``s`` is by default 2 (m - 1) for m frequencies.

    >>> pg.fft.irfftn(pg.ones((2, 3)), s=(2, 4), axes=(0, 1)).shape
    (2, 4)
    """
    sizes, chosen = _sizes("irfftn", x, s, axes)
    if chosen[1:]:
        x = ifftn(x, s=_known(sizes[:-1]), axes=chosen[:-1], norm=norm)
    return irfft(x, n=sizes[-1], axis=chosen[-1], norm=norm)


def _known(sizes: list[Any]) -> list[int]:
    return [-1 if n is None else n for n in sizes]


def hfft(x: Any, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Any:
    """The discrete Fourier transform, real, of a signal given by its non-negative half.

    The other half is the complex conjugate. ``n`` is the length of the result, by default
    2 (m - 1) for m elements.

    >>> pg.fft.hfft(pg.asarray([1.0, 0.0]), n=3)
    Array([1., 1., 1.], dtype=float64, device=cpu)
    """
    _check_norm("hfft", norm)
    return irfft(conj(_complex(x)), n=n, axis=axis, norm=_OPPOSITE[norm])


def ihfft(x: Any, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Any:
    """The inverse of `hfft`, of ``n`` real numbers.

    >>> pg.fft.ihfft(pg.asarray([1.0, 1.0, 1.0])).shape
    (2,)
    """
    _check_norm("ihfft", norm)
    return conj(rfft(x, n=n, axis=axis, norm=_OPPOSITE[norm]))


def fftfreq(n: int, /, *, d: float = 1.0, dtype: Any = None, device: Any = None) -> Any:
    """The frequencies of `fft` for ``n`` samples ``d`` apart: 0 and up, then the negative ones.

    Raises DTypeError for a ``dtype`` that is not real and floating, and ArgumentValueError
    for ``n`` below 1.

    >>> pg.fft.fftfreq(4)
    Array([ 0.  ,  0.25, -0.5 , -0.25], dtype=float64, device=cpu)
    """
    n = _length("fftfreq", n, n)
    wanted = _floating("fftfreq", dtype, device)
    up = arange((n + 1) // 2, dtype=wanted, device=device)
    down = arange(-(n // 2), 0, dtype=wanted, device=device)
    return concat([up, down]) / (n * d)


def rfftfreq(n: int, /, *, d: float = 1.0, dtype: Any = None, device: Any = None) -> Any:
    """The frequencies of `rfft` for ``n`` samples ``d`` apart; arguments as in `fftfreq`.

    >>> pg.fft.rfftfreq(4)
    Array([0.  , 0.25, 0.5 ], dtype=float64, device=cpu)
    """
    n = _length("rfftfreq", n, n)
    return arange(n // 2 + 1, dtype=_floating("rfftfreq", dtype, device), device=device) / (n * d)


def _floating(name: str, dtype: Any, device: Any) -> Any:
    wanted = asarray(0.0, device=device).dtype if dtype is None else as_dtype(dtype)
    if wanted.group != "real floating":
        raise ArgumentTypeError(f"{name}: got dtype {wanted}, expected a real floating type")
    return wanted


def fftshift(x: Any, /, *, axes: Any = None) -> Any:
    """``x`` with frequency 0 moved to the middle along the axes (all by default).

    >>> pg.fft.fftshift(pg.arange(4))
    Array([2, 3, 0, 1], dtype=int64, device=cpu)
    """
    chosen = normalise_axes("fftshift", axes, len(x.shape))
    return roll(x, tuple(x.shape[axis] // 2 for axis in chosen), axis=chosen)


def ifftshift(x: Any, /, *, axes: Any = None) -> Any:
    """The inverse of `fftshift`: frequency 0 moved from the middle to the front.

    >>> pg.fft.ifftshift(pg.arange(3))
    Array([1, 2, 0], dtype=int64, device=cpu)
    """
    chosen = normalise_axes("ifftshift", axes, len(x.shape))
    return roll(x, tuple(-(x.shape[axis] // 2) for axis in chosen), axis=chosen)


check_functions(globals())


def __getattr__(name: str) -> Any:  # NumPy's names that the standard has not
    return spelled("fft", name)
