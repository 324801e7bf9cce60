"""The cases of scipy.signal: filters, spectra and convolution."""

import numpy as np
from other_code import POS, M, S, V, W, case
from scipy import signal

B = np.array([0.5, 0.3, 0.2])
A = np.array([1.2, -0.4, 0.1])
L = np.random.default_rng(1).normal(size=30)
case("signal.lfilter", signal.lfilter, B, A, V)
case("signal.lfilter list", lambda x: signal.lfilter([1.0], [1.0, 0.5], x), V)
case("signal.lfilter axis", lambda b, a, x: signal.lfilter(b, a, x, axis=0), B, A, M)
case(
    "signal.lfilter initial state",
    lambda b, a, x, z: signal.lfilter(b, a, x, zi=z)[0],
    B,
    A,
    V,
    W[:2],
)
case(
    "signal.lfilter final state",
    lambda b, a, x, z: signal.lfilter(b, a, x, zi=z)[1],
    B,
    A,
    V,
    W[:2],
)
case(
    "signal.lfilter short", lambda b, a, x, z: signal.lfilter(b, a, x, zi=z)[1], B, A, V[:1], W[:2]
)
case("signal.lfilter fir", lambda b, x: signal.lfilter(b, 1.0, x), B, V)
case("signal.lfilter iir", lambda a, x: signal.lfilter([1.0], a, x), A, V)
case("signal.lfilter_zi", signal.lfilter_zi, B, A)
case("signal.lfilter_zi short", signal.lfilter_zi, B[:2], A)
for pt in ("odd", "even", "constant", None):
    case(
        f"signal.filtfilt {pt}",
        lambda b, a, x, pt=pt: signal.filtfilt(b, a, x, padtype=pt),
        B,
        A,
        L,
    )
case(
    "signal.filtfilt padlen",
    lambda x: signal.filtfilt(B, A, x, padlen=4, axis=0),
    np.stack([L, L**2], axis=1),
)
case("signal.filtfilt fir", lambda x: signal.filtfilt([0.5, 0.5], [1.0], x, padlen=0), L)
sos = signal.butter(4, 0.3, output="sos")
case(
    "signal.sosfilt by the filter",
    lambda b, x: signal.sosfilt(np.concat([b, sos[:, 3:]], axis=1), x),
    sos[:, :3],
    V,
)
case(
    "signal.sosfilt initial state",
    lambda x, z: signal.sosfilt(sos, x, zi=z)[0],
    V,
    M[:4].reshape(-1)[:4].reshape(2, 2),
)
case(
    "signal.sosfilt final state",
    lambda x, z: signal.sosfilt(sos, x, zi=z)[1],
    V,
    M[:4].reshape(-1)[:4].reshape(2, 2),
)
case(
    "signal.sosfilt_zi", lambda b: signal.sosfilt_zi(np.concat([b, sos[:, 3:]], axis=1)), sos[:, :3]
)
case("signal.sosfiltfilt", lambda x: signal.sosfiltfilt(sos, x), L)
case(
    "signal.sosfiltfilt by the filter",
    lambda b: signal.sosfiltfilt(np.concat([b, sos[:, 3:]], axis=1), L),
    sos[:, :3],
)
for m in ("interp", "mirror", "constant", "nearest", "wrap"):
    case("signal.savgol_filter " + m, lambda x, m=m: signal.savgol_filter(x, 5, 2, mode=m), V)
case(
    "signal.savgol_filter derivative",
    lambda x: signal.savgol_filter(x, 5, 3, deriv=1, delta=0.5, axis=0),
    M[:6],
)
case(
    "signal.savgol_filter even nearest", lambda x: signal.savgol_filter(x, 4, 2, mode="nearest"), V
)
case("signal.savgol_filter even", lambda x: signal.savgol_filter(x, 4, 2), V)
case("signal.detrend", signal.detrend, V)
case("signal.detrend constant axis", lambda x: signal.detrend(x, type="constant", axis=0), M)
case("signal.detrend breaks", lambda x: signal.detrend(x, bp=[3, 5]), V)
L = np.random.default_rng(1).normal(size=40)
L2 = np.random.default_rng(2).normal(size=(3, 40))
for k, kw in {
    "": {},
    "segments": {"nperseg": 8},
    "line": {"nperseg": 9, "noverlap": 3, "nfft": 12, "detrend": "linear"},
    "spectrum": {"nperseg": 8, "scaling": "spectrum", "detrend": False},
    "median": {"nperseg": 8, "average": "median"},
    "two-sided": {"nperseg": 8, "return_onesided": False},
    "window": {"window": "hamming", "fs": 3.0, "nperseg": 10},
    "function": {"nperseg": 8, "detrend": lambda d: d - 1.0},
}.items():
    case("signal.welch " + k, lambda x, kw=kw: signal.welch(x, **kw)[1], L)
    case("signal.csd " + k, lambda x, y, kw=kw: abs(signal.csd(x, y, **kw)[1]), L, L[::-1] ** 2)
case("signal.welch axis", lambda x: signal.welch(x, nperseg=8, axis=0)[1], L2.T[:20].copy())
case("signal.csd unequal", lambda x, y: abs(signal.csd(x, y, nperseg=8)[1]), L, L[:30])
case("signal.periodogram", lambda x: signal.periodogram(x)[1], L)
case("signal.periodogram padded", lambda x: signal.periodogram(x, nfft=50, window="hann")[1], L)
case("signal.periodogram cut", lambda x: signal.periodogram(x, nfft=32, scaling="spectrum")[1], L)
case("signal.coherence", lambda x, y: signal.coherence(x, y, nperseg=10)[1], L, L[::-1] ** 2)
case("signal.spectrogram", lambda x: signal.spectrogram(x, nperseg=8)[2], L)
case(
    "signal.spectrogram magnitude",
    lambda x: signal.spectrogram(x, nperseg=9, mode="magnitude", window="hann", axis=0)[2],
    L2.T.copy(),
)
case("signal.stft", lambda x: abs(signal.stft(x, nperseg=8)[2]), L)
case(
    "signal.stft no border",
    lambda x: abs(signal.stft(x, nperseg=9, boundary=None, padded=False)[2]),
    L,
)
T = np.sort(np.random.default_rng(3).uniform(0, 5, size=12))
for kw in ({}, {"normalize": True}, {"floating_mean": True}, {"weights": POS.repeat(2)[:12]}):
    case(
        "signal.lombscargle " + " ".join(kw),
        lambda t, y, f, kw=kw: signal.lombscargle(t, y, f, **kw),
        T,
        L[:12],
        np.array([0.7, 1.3, 2.0]),
    )
case(
    "signal.lombscargle amplitude",
    lambda t, y, f: abs(signal.lombscargle(t, y, f, normalize="amplitude")),
    T,
    L[:12],
    np.array([0.7, 1.3, 2.0]),
)
case(
    "signal.lombscargle amplitude real",
    lambda t, y, f: np.real(signal.lombscargle(t, y, f, normalize="amplitude")),
    T,
    L[:12],
    np.array([0.7, 1.3, 2.0]),
)
for m in ("full", "same", "valid"):
    case(
        "signal.convolve " + m,
        lambda x, y, m=m: signal.convolve(x, y, mode=m, method="direct"),
        V,
        W[:3],
    )
    case("signal.convolve long " + m, lambda x, y, m=m: signal.convolve(x, y, mode=m), V[:4], W)
    case("signal.correlate " + m, lambda x, y, m=m: signal.correlate(x, y, mode=m), V, W[:3])
    case("signal.correlate short " + m, lambda x, y, m=m: signal.correlate(x, y, mode=m), V[:3], W)
    case("signal.convolve nd " + m, lambda x, y, m=m: signal.convolve(x, y, mode=m), M, S[:2, :2])
    case("signal.correlate even " + m, lambda x, y, m=m: signal.correlate(x, y, mode=m), V, W[:4])
    case("signal.correlate long " + m, lambda x, y, m=m: signal.correlate(x, y, mode=m), V[:4], W)
    for b in ("fill", "symm", "wrap"):
        case(
            f"signal.convolve2d {m} {b}",
            lambda x, y, m=m, b=b: signal.convolve2d(
                x, y, m, b, fillvalue=0.3 if b == "fill" else 0
            ),
            M,
            S,
        )
        case(
            f"signal.convolve2d small {m} {b}",
            lambda x, y, m=m, b=b: signal.convolve2d(x, y, m, b),
            S,
            S[:2, :3],
        )
        case(
            f"signal.correlate2d {m} {b}",
            lambda x, y, m=m, b=b: signal.correlate2d(x, y, m, b),
            M,
            S,
        )
        case(
            f"signal.correlate2d small {m} {b}",
            lambda x, y, m=m, b=b: signal.correlate2d(x, y, m, b),
            M,
            S[:2, :2],
        )
case("signal.deconvolve", lambda x, y: signal.deconvolve(x, y)[0], V, POS[:3])
case("signal.deconvolve remainder", lambda x, y: signal.deconvolve(x, y)[1], V, POS[:3])
case("signal.wiener", lambda x: signal.wiener(x, 3), V)
case("signal.wiener two axes", lambda x: signal.wiener(x), M)
case("signal.wiener even", lambda x: signal.wiener(x, 4), V)
case("signal.wiener noise", lambda x: signal.wiener(x, 3, 0.1), V)
case("signal.medfilt", lambda x: signal.medfilt(x), V)
case("signal.medfilt two axes", lambda x: signal.medfilt(x, [3, 1]), M)
case("signal.medfilt2d", lambda x: signal.medfilt2d(x, 3), S)
case("signal.order_filter", lambda x: signal.order_filter(x, np.array([1, 0, 1]), 1), V)
case("signal.upfirdn", lambda h, x: signal.upfirdn(h, x), POS[:3], V)
case("signal.upfirdn rates", lambda h, x: signal.upfirdn(h, x, 3, 2), POS[:5], V)
case("signal.upfirdn axis", lambda h, x: signal.upfirdn(h, x, 2, 3, axis=0), POS[:4], M)
for k in ((2, 1), (3, 2), (2, 3), (1, 4), (2, 2)):
    case(f"signal.resample_poly {k}", lambda x, k=k: signal.resample_poly(x, *k), V)
for p in ("mean", "median", "minimum", "maximum"):
    case(
        f"signal.resample_poly {p}",
        lambda x, p=p: signal.resample_poly(x, 3, 2, padtype=p, axis=1),
        M.T.copy(),
    )
case(
    "signal.resample_poly window",
    lambda x: signal.resample_poly(x, 3, 2, window=np.array([0.2, 0.5, 0.3])),
    V,
)
case("signal.decimate", lambda x: signal.decimate(x, 2), L)
case("signal.decimate FIR", lambda x: signal.decimate(x, 2, ftype="fir"), L)
case("signal.decimate one way", lambda x: signal.decimate(x, 3, zero_phase=False), L)
case(
    "signal.decimate FIR one way", lambda x: signal.decimate(x, 3, ftype="fir", zero_phase=False), L
)
