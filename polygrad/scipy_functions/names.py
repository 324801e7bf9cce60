"""Which functions of SciPy polygrad has versions of, by the module that users find them in."""

STAND_INS: dict[str, tuple[str, ...]] = {
    "scipy.fft": (
        "dct", "dctn", "dst", "dstn", "idct", "idctn", "idst", "idstn",
    ),  # fmt: skip
    "scipy.integrate": (
        "simpson",
    ),  # fmt: skip
    "scipy.linalg": (
        "cho_factor", "cho_solve", "cholesky", "circulant", "companion", "convolution_matrix",
        "coshm", "cosm", "det", "eigh", "eigvals", "eigvalsh", "expm", "hankel", "inv",
        "khatri_rao", "leslie", "lstsq", "lu", "matmul_toeplitz", "norm", "orth", "pinv", "polar",
        "qr", "sinhm", "sinm", "solve", "solve_banded", "solve_circulant",
        "solve_continuous_lyapunov", "solve_discrete_lyapunov", "solve_lyapunov",
        "solve_sylvester", "solve_toeplitz", "solve_triangular", "solveh_banded", "sqrtm",
        "subspace_angles", "svd", "svdvals", "tanhm", "tanm", "toeplitz",
    ),  # fmt: skip
    "scipy.ndimage": (
        "center_of_mass", "convolve", "convolve1d", "correlate", "correlate1d",
        "fourier_ellipsoid", "fourier_gaussian", "fourier_shift", "fourier_uniform",
        "gaussian_filter", "gaussian_filter1d", "gaussian_gradient_magnitude", "gaussian_laplace",
        "laplace", "maximum", "maximum_filter", "maximum_filter1d", "mean", "median_filter",
        "minimum", "minimum_filter", "minimum_filter1d", "percentile_filter", "prewitt",
        "rank_filter", "sobel", "standard_deviation", "sum", "sum_labels", "uniform_filter",
        "uniform_filter1d", "variance",
    ),  # fmt: skip
    "scipy.signal": (
        "coherence", "convolve", "convolve2d", "correlate", "correlate2d", "csd", "decimate",
        "deconvolve", "detrend", "filtfilt", "lfilter", "lfilter_zi", "lombscargle", "medfilt",
        "medfilt2d", "order_filter", "periodogram", "resample_poly", "savgol_filter", "sosfilt",
        "sosfilt_zi", "sosfiltfilt", "spectrogram", "stft", "upfirdn", "welch", "wiener",
    ),  # fmt: skip
    "scipy.spatial": (
        "geometric_slerp", "procrustes",
    ),  # fmt: skip
    "scipy.spatial.distance": (
        "braycurtis", "canberra", "cdist", "chebyshev", "cityblock", "correlation", "cosine",
        "directed_hausdorff", "euclidean", "jensenshannon", "mahalanobis", "minkowski", "pdist",
        "seuclidean", "sqeuclidean", "squareform",
    ),  # fmt: skip
    "scipy.special": (
        "comb", "diric", "factorial", "perm",
    ),  # fmt: skip
    "scipy.stats": (
        "gaussian_kde.__call__", "gaussian_kde.evaluate", "gaussian_kde.logpdf",
        "gaussian_kde.pdf", "multivariate_normal.logpdf", "multivariate_normal.pdf",
        "rv_continuous.cdf", "rv_continuous.isf", "rv_continuous.logcdf", "rv_continuous.logpdf",
        "rv_continuous.logsf", "rv_continuous.nnlf", "rv_continuous.pdf", "rv_continuous.ppf",
        "rv_continuous.sf", "rv_discrete.cdf", "rv_discrete.logcdf", "rv_discrete.logpmf",
        "rv_discrete.logsf", "rv_discrete.pmf", "rv_discrete.sf",
    ),  # fmt: skip
}

RERUN: dict[str, tuple[str, ...]] = {
    "scipy.integrate": ("fixed_quad",),
    "scipy.signal": ("freqs", "gausspulse", "sweep_poly"),
    "scipy.stats": (
        "boxcox", "cramervonmises", "energy_distance", "linregress", "obrientransform",
        "scoreatpercentile", "theilslopes", "trim1", "trimboth", "wasserstein_distance",
        "yeojohnson",
    ),  # fmt: skip
}

CLASSES: dict[str, tuple[str, ...]] = {
    "scipy.interpolate": (
        "Akima1DInterpolator", "BSpline", "BarycentricInterpolator", "CubicHermiteSpline",
        "CubicSpline", "KroghInterpolator", "PPoly", "PchipInterpolator",
        "RegularGridInterpolator", "interp1d",
    ),  # fmt: skip
}
