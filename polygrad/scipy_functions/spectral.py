"""scipy.signal: power spectra by Welch's method, and what is made of them."""

from typing import Any

from polygrad import ops
from polygrad.dtypes import as_dtype
from polygrad.errors import ArgumentValueError
from polygrad.ops import fft
from polygrad.scipy_functions.filters import detrend as without_trend
from polygrad.scipy_functions.table import constant, inexact, no_stand_in, scipy, stand_in, together
from polygrad.scipy_functions.windows import windows


def _window(name: str, window: Any, nperseg: Any, n: int, shortened: bool) -> tuple[Any, int]:
    """The window as constants, and the length of a segment."""
    if isinstance(window, str | tuple):
        nperseg = 256 if nperseg is None else int(nperseg)
        nperseg = min(nperseg, n) if shortened else nperseg
        return scipy("signal.get_window")(window, nperseg), nperseg
    length = len(window)
    if nperseg is not None and int(nperseg) != length:
        raise ArgumentValueError(
            f"scipy.signal.{name}: got nperseg = {nperseg} and a window of {length} samples, "
            "expected the same number"
        )
    return window, length


def _spectra(x: Any, window: Any, nperseg: int, noverlap: int, nfft: int, detrend: Any, onesided: bool) -> Any:  # fmt: skip # noqa: E501
    """The transforms of all segments along the last axis: (..., segments, frequencies)."""
    parts = windows(x, nperseg, len(x.shape) - 1, nperseg - noverlap)
    if callable(detrend):
        parts = detrend(parts)
    elif detrend:
        parts = without_trend(parts, -1, detrend)
    parts = parts * window
    return fft.rfft(parts, n=nfft) if onesided else fft.fft(_complex(parts), n=nfft)


def _complex(x: Any) -> Any:
    if as_dtype(x.dtype).is_complex:
        return x
    return ops.astype(x, "complex64" if x.dtype == ops.float32 else "complex128")


def _sizes(name: str, nperseg: int, noverlap: Any, nfft: Any) -> tuple[int, int]:
    noverlap = nperseg // 2 if noverlap is None else int(noverlap)
    nfft = nperseg if nfft is None else int(nfft)
    if noverlap >= nperseg or nfft < nperseg:
        raise ArgumentValueError(
            f"scipy.signal.{name}: got noverlap = {noverlap} and nfft = {nfft}, expected less "
            f"than nperseg = {nperseg} and at least as much"
        )
    return noverlap, nfft


def _scale(name: str, window: Any, fs: Any, scaling: str) -> Any:
    if scaling == "density":
        return fs * ops.sum(ops.square(window))
    if scaling == "spectrum":
        return ops.square(ops.sum(window))
    raise ArgumentValueError(
        f"scipy.signal.{name}: got scaling {scaling!r}, expected 'density' or 'spectrum'"
    )


def _frequencies(nfft: int, fs: Any, onesided: bool, like: Any) -> Any:
    make = fft.rfftfreq if onesided else fft.fftfreq
    return make(nfft, d=1 / fs, dtype=ops.float64, device=like.device)


def _both_sides(density: Any, nfft: int) -> Any:
    """A one-sided density: each frequency but 0 and the highest even one stands for two."""
    count = density.shape[-1]
    twice = [1.0 if k == 0 or (nfft % 2 == 0 and k == count - 1) else 2.0 for k in range(count)]
    return density * constant(twice, ops.real(density))


@stand_in("signal.csd")
def csd(
    x: Any,
    y: Any,
    fs: Any = 1.0,
    window: Any = "hann_periodic",
    nperseg: Any = None,
    noverlap: Any = None,
    nfft: Any = None,
    detrend: Any = "constant",
    return_onesided: bool = True,
    scaling: str = "density",
    axis: int = -1,
    average: str = "mean",
) -> tuple[Any, Any]:
    """scipy.signal.csd."""
    same = x is y
    x, y = together(x, y)
    x, y = ops.moveaxis(x, axis, -1), ops.moveaxis(y, axis, -1)
    n = max(x.shape[-1], y.shape[-1])
    x, y = _padded(x, n), _padded(y, n)
    values, nperseg = _window("csd", window, nperseg, n, True)
    window = constant(values, ops.real(x))
    noverlap, nfft = _sizes("csd", nperseg, noverlap, nfft)
    onesided = return_onesided and not as_dtype(x.dtype).is_complex
    given = (window, nperseg, noverlap, nfft, detrend, onesided)
    left = _spectra(x, *given)
    if same:
        density = ops.square(ops.real(left)) + ops.square(ops.imag(left))
    else:
        density = ops.conj(left) * _spectra(y, *given)
    density = density / _scale("csd", window, fs, scaling)
    if onesided:
        density = _both_sides(density, nfft)
    density = _averaged(density, average)
    return _frequencies(nfft, fs, onesided, x), ops.moveaxis(density, -1, axis)


def _padded(x: Any, n: int) -> Any:
    widths = [(0, 0)] * (len(x.shape) - 1) + [(0, n - x.shape[-1])]
    return ops.pad(x, widths) if x.shape[-1] < n else x


def _averaged(density: Any, average: str) -> Any:
    """The mean over the segments, or the median without its bias."""
    count = density.shape[-2]
    if count == 1 or average == "mean":
        return ops.mean(density, axis=-2)
    if average != "median":
        raise ArgumentValueError(
            f"scipy.signal.csd: got average {average!r}, expected 'mean' or 'median'"
        )
    bias = 1 + sum(1 / (k + 1) - 1 / k for k in range(2, count, 2))
    if as_dtype(density.dtype).is_complex:
        parts = (ops.median(part(density), axis=-2) for part in (ops.real, ops.imag))
        real, imaginary = parts
        return (real + 1j * imaginary) / bias
    return ops.median(density, axis=-2) / bias


@stand_in("signal.welch")
def welch(x: Any, *args: Any, **options: Any) -> tuple[Any, Any]:
    """scipy.signal.welch."""
    return csd(x, x, *args, **options)


@stand_in("signal.periodogram")
def periodogram(
    x: Any,
    fs: Any = 1.0,
    window: Any = "boxcar",
    nfft: Any = None,
    detrend: Any = "constant",
    return_onesided: bool = True,
    scaling: str = "density",
    axis: int = -1,
) -> tuple[Any, Any]:
    """scipy.signal.periodogram."""
    x = inexact(x)
    n = x.shape[axis]
    if nfft is not None and nfft < n:
        x = ops.moveaxis(ops.moveaxis(x, axis, -1)[..., :nfft], -1, axis)
        n = nfft
    if window is None:
        window = "boxcar"
    return csd(x, x, fs, window, n, 0, nfft, detrend, return_onesided, scaling, axis)


@stand_in("signal.coherence")
def coherence(x: Any, y: Any, *args: Any, **options: Any) -> tuple[Any, Any]:
    """scipy.signal.coherence."""
    frequencies, both = csd(x, y, *args, **options)
    left, right = (csd(z, z, *args, **options)[1] for z in (x, y))
    return frequencies, (ops.square(ops.real(both)) + ops.square(ops.imag(both))) / left / right


@stand_in("signal.spectrogram")
def spectrogram(
    x: Any,
    fs: Any = 1.0,
    window: Any = ("tukey_periodic", 0.25),
    nperseg: Any = None,
    noverlap: Any = None,
    nfft: Any = None,
    detrend: Any = "constant",
    return_onesided: bool = True,
    scaling: str = "density",
    axis: int = -1,
    mode: str = "psd",
) -> tuple[Any, Any, Any]:
    """scipy.signal.spectrogram."""
    x = ops.moveaxis(inexact(x), axis, -1)
    n = x.shape[-1]
    values, nperseg = _window("spectrogram", window, nperseg, n, True)
    window = constant(values, ops.real(x))
    noverlap, nfft = _sizes("spectrogram", nperseg, nperseg // 8 if noverlap is None else noverlap, nfft)  # fmt: skip # noqa: E501
    onesided = return_onesided and not as_dtype(x.dtype).is_complex
    out = _spectra(x, window, nperseg, noverlap, nfft, detrend, onesided)
    scale = _scale("spectrogram", window, fs, scaling)
    if mode == "psd":
        out = (ops.square(ops.real(out)) + ops.square(ops.imag(out))) / scale
        out = _both_sides(out, nfft) if onesided else out
    elif mode in ("complex", "magnitude"):
        out = out / ops.sqrt(scale)
        out = ops.abs(out) if mode == "magnitude" else out
    else:
        raise no_stand_in("signal.spectrogram", f"mode={mode!r}")
    step = nperseg - noverlap
    times = ops.arange(out.shape[-2], dtype=ops.float64, device=x.device) * (step / fs)
    out = ops.moveaxis(ops.matrix_transpose(out), -2, axis if axis >= 0 else axis - 1)
    return _frequencies(nfft, fs, onesided, x), times + nperseg / 2 / fs, out


@stand_in("signal.stft")
def stft(
    x: Any,
    fs: Any = 1.0,
    window: Any = "hann_periodic",
    nperseg: Any = 256,
    noverlap: Any = None,
    nfft: Any = None,
    detrend: Any = False,
    return_onesided: bool = True,
    boundary: Any = "zeros",
    padded: bool = True,
    axis: int = -1,
    scaling: str = "spectrum",
) -> tuple[Any, Any, Any]:
    """scipy.signal.stft, at borders of zeros or none."""
    if boundary not in ("zeros", None):
        raise no_stand_in("signal.stft", f"boundary={boundary!r}")
    x = ops.moveaxis(inexact(x), axis, -1)
    name = "density" if scaling == "psd" else scaling
    values, nperseg = _window("stft", window, nperseg, x.shape[-1], True)
    window = constant(values, ops.real(x))
    noverlap, nfft = _sizes("stft", nperseg, noverlap, nfft)
    step = nperseg - noverlap
    edge = nperseg // 2 if boundary == "zeros" else 0
    n = x.shape[-1] + 2 * edge
    more = -(n - nperseg) % step % nperseg if padded else 0
    x = ops.pad(x, [(0, 0)] * (len(x.shape) - 1) + [(edge, edge + more)])
    onesided = return_onesided and not as_dtype(x.dtype).is_complex
    out = _spectra(x, window, nperseg, noverlap, nfft, detrend, onesided)
    out = out / ops.sqrt(_scale("stft", window, fs, name))
    times = ops.arange(out.shape[-2], dtype=ops.float64, device=x.device) * (step / fs)
    start = (nperseg / 2 - (nperseg / 2 if boundary else 0)) / fs
    out = ops.moveaxis(ops.matrix_transpose(out), -2, axis if axis >= 0 else axis - 1)
    return _frequencies(nfft, fs, onesided, x), times + start, out


@stand_in("signal.lombscargle")
def lombscargle(
    x: Any,
    y: Any,
    freqs: Any,
    precenter: Any = False,
    normalize: Any = False,
    *,
    weights: Any = None,
    floating_mean: bool = False,
) -> Any:
    """scipy.signal.lombscargle: the power of a least-squares fit of sines, with weights.

    Zechmeister and Kuerster, The generalised Lomb-Scargle periodogram, A&A 496 (2009).
    """
    if precenter is True:
        raise no_stand_in("signal.lombscargle", "precenter=True")
    if weights is None:
        x, y, freqs = together(x, y, freqs)
        w = ops.full_like(y, 1 / y.shape[0])
    else:
        x, y, freqs, w = together(x, y, freqs, weights)
        w = w / ops.sum(w)
    angle = ops.expand_dims(freqs, axis=1) * x
    cosine, sine = ops.cos(angle), ops.sin(angle)

    def mean(values: Any) -> Any:
        return ops.sum(w * values, axis=-1)

    yy, yc, ys = mean(y * y), mean(y * cosine), mean(y * sine)
    cc, cs = mean(cosine * cosine), mean(cosine * sine)
    ss = 1 - cc
    if floating_mean:
        my, mc, ms = mean(y), mean(cosine), mean(sine)
        yy, yc, ys = yy - my * my, yc - my * mc, ys - my * ms
        cc, ss, cs = cc - mc * mc, ss - ms * ms, cs - mc * ms
    turn = ops.atan2(2 * cs, cc - ss) / 2
    c, s = ops.cos(turn), ops.sin(turn)
    first, second = yc * c + ys * s, ys * c - yc * s
    cross = 2 * c * s * cs
    first_norm = c * c * cc + s * s * ss + cross
    second_norm = c * c * ss + s * s * cc - cross
    tiny = float(ops.finfo(y.dtype).smallest_normal)
    first_norm, second_norm = (ops.maximum(v, tiny) for v in (first_norm, second_norm))
    a, b = first / first_norm, second / second_norm
    power = a * first + b * second
    if normalize in (True, "normalize"):
        return power / yy
    if normalize == "amplitude":
        return (a + 1j * b) * ops.exp(1j * turn)
    return power * (y.shape[0] / 2)

