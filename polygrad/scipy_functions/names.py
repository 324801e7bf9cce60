"""Which functions of SciPy come to polygrad, by the module that users find them in.

`STAND_INS` have a version here, `RERUN` and `CLASSES` run again as they are (see `rerun`).
`PLAIN` are SciPy's own, run on the library's arrays where nothing tracks them.
`LIFTED` are SciPy's own, with the plain numbers beside a tracked array made Arrays, too.
`WRITTEN` are SciPy's own, which take Arrays, but for one to write into.
"""

# fmt: off
STAND_INS: dict[str, tuple[str, ...]] = {
    "scipy.fft": (
        "dct", "dctn", "dst", "dstn", "idct", "idctn", "idst", "idstn",
    ),
    "scipy.integrate": (
        "simpson",
    ),
    "scipy.interpolate": (
        "make_interp_spline", "make_lsq_spline", "make_smoothing_spline",
    ),
    "scipy.linalg": (
        "block_diag", "cho_factor", "cho_solve", "cholesky", "circulant", "companion", "det",
        "eigh", "eigvals", "eigvalsh", "expm", "hankel", "inv", "lstsq", "lu", "norm", "pinv",
        "qr", "solve", "solve_banded", "solve_continuous_lyapunov", "solve_lyapunov",
        "solve_sylvester", "solve_toeplitz", "solve_triangular", "solveh_banded", "sqrtm", "svd",
        "svdvals", "toeplitz",
    ),
    "scipy.ndimage": (
        "affine_transform", "black_tophat", "center_of_mass", "convolve", "convolve1d",
        "correlate", "correlate1d", "extrema", "fourier_ellipsoid", "fourier_gaussian",
        "fourier_shift", "fourier_uniform", "gaussian_filter", "gaussian_filter1d",
        "gaussian_gradient_magnitude", "gaussian_laplace", "generic_filter",
        "generic_gradient_magnitude", "generic_laplace", "geometric_transform", "grey_closing",
        "grey_dilation", "grey_erosion", "grey_opening", "labeled_comprehension", "laplace",
        "map_coordinates", "maximum", "maximum_filter", "maximum_filter1d", "mean", "median",
        "median_filter", "minimum", "minimum_filter", "minimum_filter1d",
        "morphological_gradient", "morphological_laplace", "percentile_filter", "prewitt",
        "rank_filter", "rotate", "shift", "sobel", "spline_filter", "spline_filter1d",
        "standard_deviation", "sum", "sum_labels", "uniform_filter", "uniform_filter1d",
        "variance", "white_tophat", "zoom",
    ),
    "scipy.signal": (
        "convolve", "convolve2d", "correlate", "correlate2d", "cspline1d", "cspline1d_eval",
        "detrend", "lfilter", "lfilter_zi", "lfiltic", "medfilt", "medfilt2d", "qspline1d",
        "qspline1d_eval", "sosfilt", "upfirdn",
    ),
    "scipy.spatial.distance": (
        "cdist", "correlation", "directed_hausdorff", "pdist", "squareform",
    ),
    "scipy.special": (
        "comb", "diric", "factorial", "logsumexp", "perm",
    ),
    "scipy.stats": (
        "gaussian_kde.__call__", "gaussian_kde.evaluate", "gaussian_kde.logpdf",
        "gaussian_kde.pdf", "multivariate_normal.entropy",
        "multivariate_normal.logpdf", "multivariate_normal.pdf",
        "rv_continuous.cdf", "rv_continuous.isf", "rv_continuous.logcdf", "rv_continuous.logpdf",
        "rv_continuous.logsf", "rv_continuous.nnlf", "rv_continuous.pdf", "rv_continuous.ppf",
        "rv_continuous.sf", "rv_discrete.cdf", "rv_discrete.logcdf", "rv_discrete.logpmf",
        "rv_discrete.logsf", "rv_discrete.pmf", "rv_discrete.sf", "siegelslopes",
    ),
}

RERUN: dict[str, tuple[str, ...]] = {
    "scipy.integrate": (
        "fixed_quad",
    ),
    "scipy.linalg": (
        "convolution_matrix", "coshm", "cosm", "khatri_rao", "leslie", "matmul_toeplitz", "orth",
        "polar", "sinhm", "sinm", "solve_circulant", "solve_discrete_lyapunov", "subspace_angles",
        "tanhm", "tanm",
    ),
    "scipy.signal": (
        "chirp", "coherence", "csd", "czt", "decimate", "deconvolve", "filtfilt", "freqs",
        "gausspulse", "lombscargle", "order_filter", "periodogram", "resample_poly",
        "savgol_filter", "sawtooth", "sosfilt_zi", "sosfiltfilt", "spectrogram", "stft",
        "sweep_poly", "welch", "wiener", "zoom_fft",
    ),
    "scipy.spatial": (
        "geometric_slerp", "procrustes",
    ),
    "scipy.spatial.distance": (
        "braycurtis", "canberra", "chebyshev", "cityblock", "cosine", "euclidean",
        "jensenshannon", "mahalanobis", "minkowski", "seuclidean", "sqeuclidean",
    ),
    "scipy.special": (
        "spherical_in", "spherical_jn", "spherical_kn", "spherical_yn",
    ),
    "scipy.stats": (
        "Normal.ccdf", "Normal.cdf", "Normal.icdf", "Normal.logccdf", "Normal.logcdf",
        "Normal.logpdf", "Normal.pdf", "anderson", "boxcox", "chi2_contingency", "cramervonmises",
        "cumfreq", "energy_distance", "expectile", "linregress", "obrientransform",
        "rv_continuous.entropy", "rv_continuous.mean", "rv_continuous.std", "rv_continuous.var",
        "scoreatpercentile", "theilslopes", "trim1", "trimboth", "wasserstein_distance",
        "yeojohnson",
    ),
}

PLAIN: dict[str, tuple[str, ...]] = {
    "scipy.ndimage": (
        "binary_closing", "binary_dilation", "binary_erosion", "binary_fill_holes",
        "binary_hit_or_miss", "binary_opening", "binary_propagation", "distance_transform_bf",
        "distance_transform_cdt", "distance_transform_edt", "find_objects", "generic_filter1d",
        "histogram", "iterate_structure", "label", "maximum_position", "minimum_position",
        "value_indices", "watershed_ift",
    ),
    "scipy.signal": (
        "cspline2d", "invres", "invresz", "qspline2d", "residue", "residuez", "sepfir2d",
        "sos2zpk", "spline_filter", "symiirorder1", "symiirorder2", "tf2zpk", "unique_roots",
    ),
}

LIFTED: dict[str, tuple[str, ...]] = {
    "scipy.optimize.elementwise": (
        "bracket_minimum", "bracket_root", "find_minimum", "find_root",
    ),
}

WRITTEN: dict[str, tuple[str, ...]] = {
    "scipy.ndimage": (
        "vectorized_filter",
    ),
}

CLASSES: dict[str, tuple[str, ...]] = {
    "scipy.interpolate": (
        "Akima1DInterpolator", "BSpline", "BarycentricInterpolator", "CubicHermiteSpline",
        "CubicSpline", "KroghInterpolator", "PPoly", "PchipInterpolator",
        "RegularGridInterpolator", "interp1d",
    ),
    "scipy.signal": (
        "CZT", "ShortTimeFFT", "ZoomFFT",
    ),
}
