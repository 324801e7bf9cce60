"""The cases of scipy.ndimage, and the cosine and sine transforms."""

import numpy as np
from other_code import M, S, V, W, case
from scipy import fft, ndimage

IMAGE = np.random.default_rng(5).normal(size=(5, 6))
KERNEL = np.random.default_rng(6).normal(size=(3, 2))
FOUR = W[:4]
modes = (
    "reflect",
    "constant",
    "nearest",
    "mirror",
    "wrap",
    "grid-wrap",
    "grid-constant",
    "grid-mirror",
)
for m in modes:
    case(
        "ndimage.correlate " + m,
        lambda x, k, m=m: ndimage.correlate(x, k, mode=m, cval=0.7),
        IMAGE,
        KERNEL,
    )
    case("ndimage.convolve " + m, lambda x, k, m=m: ndimage.convolve(x, k, mode=m), IMAGE, KERNEL)
    case(
        "ndimage.correlate1d " + m,
        lambda x, k, m=m: ndimage.correlate1d(x, k, mode=m, axis=0),
        IMAGE,
        FOUR,
    )
    case("ndimage.convolve1d " + m, lambda x, k, m=m: ndimage.convolve1d(x, k, mode=m), IMAGE, FOUR)
    case(
        "ndimage.gaussian_filter " + m,
        lambda x, m=m: ndimage.gaussian_filter(x, 0.7, mode=m),
        IMAGE,
    )
    case(
        "ndimage.uniform_filter " + m,
        lambda x, m=m: ndimage.uniform_filter(x, (2, 3), mode=m),
        IMAGE,
    )
    case("ndimage.maximum_filter " + m, lambda x, m=m: ndimage.maximum_filter(x, 3, mode=m), IMAGE)
    case("ndimage.sobel " + m, lambda x, m=m: ndimage.sobel(x, 0, mode=m), IMAGE)
    case("ndimage.laplace " + m, lambda x, m=m: ndimage.laplace(x, mode=m), IMAGE)
case(
    "ndimage.correlate origin", lambda x, k: ndimage.correlate(x, k, origin=(1, -1)), IMAGE, KERNEL
)
case("ndimage.convolve origin", lambda x, k: ndimage.convolve(x, k, origin=(-1, 0)), IMAGE, KERNEL)
case("ndimage.convolve1d origin", lambda x, k: ndimage.convolve1d(x, k, origin=1), IMAGE, FOUR[:3])
case("ndimage.correlate axis", lambda x, k: ndimage.correlate(x, k, axes=(1,)), IMAGE, FOUR[:3])
case("ndimage.correlate axes", lambda x, k: ndimage.correlate(x, k, axes=(1, 0)), IMAGE, KERNEL)
for o in (0, 1, 2, 3):
    case(
        f"ndimage.gaussian_filter1d order {o}",
        lambda x, o=o: ndimage.gaussian_filter1d(x, 1.2, order=o, axis=0),
        IMAGE,
    )
case(
    "ndimage.gaussian_filter sigma",
    lambda x, s: ndimage.gaussian_filter(x, s, truncate=4.1),
    IMAGE,
    np.array(0.8),
)
case(
    "ndimage.gaussian_filter order",
    lambda x: ndimage.gaussian_filter(x, (0.8, 1.1), order=(0, 1), axes=(1, 0)),
    IMAGE,
)
case(
    "ndimage.gaussian_filter radius",
    lambda x: ndimage.gaussian_filter(x, 1.0, radius=(2, 2)),
    IMAGE,
)
case("ndimage.uniform_filter1d", lambda x: ndimage.uniform_filter1d(x, 4, origin=-1), IMAGE)
case("ndimage.prewitt", ndimage.prewitt, IMAGE)
case("ndimage.gaussian_laplace", lambda x: ndimage.gaussian_laplace(x, 0.8), IMAGE)
case(
    "ndimage.gaussian_gradient_magnitude",
    lambda x: ndimage.gaussian_gradient_magnitude(x, 0.8),
    IMAGE,
)
case(
    "ndimage.minimum_filter",
    lambda x: ndimage.minimum_filter(x, footprint=np.array([[1, 0, 1], [0, 1, 0]])),
    IMAGE,
)
case("ndimage.median_filter", lambda x: ndimage.median_filter(x, (2, 3)), IMAGE)
case("ndimage.maximum_filter1d", lambda x: ndimage.maximum_filter1d(x, 4, axis=0, origin=1), IMAGE)
case("ndimage.minimum_filter1d", lambda x: ndimage.minimum_filter1d(x, 3), IMAGE)
case("ndimage.rank_filter", lambda x: ndimage.rank_filter(x, -2, size=3), IMAGE)
for p in (20, 50, 100, -30):
    case(
        f"ndimage.percentile_filter {p} %",
        lambda x, p=p: ndimage.percentile_filter(x, p, size=3),
        IMAGE,
    )
for n in ("fourier_gaussian", "fourier_shift", "fourier_uniform", "fourier_ellipsoid"):
    case("ndimage." + n, lambda x, n=n: abs(getattr(ndimage, n)(np.fft.fft2(x), 1.3)), IMAGE)
LABELS = np.array([[0, 1, 1], [2, 2, 0], [1, 0, 3]])
for n in ("sum_labels", "sum", "mean", "variance", "standard_deviation", "maximum", "minimum"):
    f = getattr(ndimage, n)
    case("ndimage." + n, lambda x, f=f: f(x), S)
    case("ndimage." + n + " labels", lambda x, f=f: f(x, LABELS), S)
    case("ndimage." + n + " index", lambda x, f=f: f(x, LABELS, [1, 2]), S)
    case("ndimage." + n + " one index", lambda x, f=f: f(x, LABELS, 2), S)
case("ndimage.center_of_mass", lambda x: np.stack(ndimage.center_of_mass(x)), S**2)
case(
    "ndimage.center_of_mass labels",
    lambda x: np.stack(ndimage.center_of_mass(x, LABELS, [2, 1])[1]),
    S**2,
)
for f in ("dct", "idct", "dst", "idst"):
    for t in (1, 2, 3, 4):
        for nm in (None, "ortho", "forward"):
            case(
                f"fft.{f} type {t}, norm {nm}",
                lambda x, f=f, t=t, nm=nm: getattr(fft, f)(x, t, norm=nm),
                V,
            )
    case("fft." + f + " cut", lambda x, f=f: getattr(fft, f)(x, n=5, axis=0), M)
    case("fft." + f + " padded", lambda x, f=f: getattr(fft, f)(x, n=9, axis=0), M)
    case("fft." + f + "n", lambda x, f=f: getattr(fft, f + "n")(x), M)
    case("fft." + f + "n axes", lambda x, f=f: getattr(fft, f + "n")(x, s=(4, 2), axes=(1, 0)), M)
