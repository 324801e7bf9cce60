"""The cases of sklearn.metrics, run with ``config_context(array_api_dispatch=True)``."""

import numpy as np
from other_code import (
    CONVERTS,
    FLOAT,
    POS,
    Const,
    M,
    N,
    V,
    W,
    case,
)  # fmt: skip
from sklearn import metrics
from sklearn.metrics import pairwise

LABELS = Const(np.array([0, 1, 0, 1, 1, 0]))
COUNTS = np.abs(M) + 0.1

for _name in (
    "euclidean_distances", "cosine_similarity", "cosine_distances", "linear_kernel",
    "polynomial_kernel", "rbf_kernel", "sigmoid_kernel", "laplacian_kernel", "manhattan_distances",
    "paired_euclidean_distances", "paired_cosine_distances", "paired_manhattan_distances",
):  # fmt: skip
    case(f"sklearn.metrics.pairwise.{_name}", getattr(pairwise, _name), M, N)
case(
    "sklearn.metrics.pairwise.euclidean_distances",
    lambda x: pairwise.euclidean_distances(x, squared=True),
    M,
    variant="squared",
)
case(
    "sklearn.metrics.pairwise.additive_chi2_kernel",
    pairwise.additive_chi2_kernel,
    COUNTS,
    np.abs(N) + 0.2,
)
case("sklearn.metrics.pairwise.chi2_kernel", pairwise.chi2_kernel, COUNTS, np.abs(N) + 0.2)
case("sklearn.metrics.pairwise_distances", metrics.pairwise_distances, M, N)
case(
    "sklearn.metrics.pairwise_distances",
    lambda x, y: metrics.pairwise_distances(x, y, metric="cosine"),
    M,
    N,
    variant="cosine",
)
case(
    "sklearn.metrics.pairwise_distances",
    lambda x, y: metrics.pairwise_distances(x, y, metric="l1"),
    M,
    N,
    variant="l1",
)
case(
    "sklearn.metrics.pairwise.pairwise_kernels",
    lambda x, y: pairwise.pairwise_kernels(x, y, metric="rbf"),
    M,
    N,
)

for _name in (
    "mean_squared_error", "mean_absolute_error", "r2_score", "max_error", "explained_variance_score",
    "median_absolute_error", "root_mean_squared_error", "d2_absolute_error_score",
):  # fmt: skip
    case(f"sklearn.metrics.{_name}", getattr(metrics, _name), V, W, reason=FLOAT)
for _name in ("mean_squared_error", "mean_absolute_error", "r2_score", "explained_variance_score"):
    case(
        f"sklearn.metrics.{_name}",
        lambda x, y, f=getattr(metrics, _name): f(x, y, multioutput="raw_values"),
        M,
        N,
        variant="raw values",
    )
for _name in (
    "mean_squared_log_error", "mean_tweedie_deviance", "mean_gamma_deviance",
    "mean_poisson_deviance", "mean_pinball_loss", "mean_absolute_percentage_error",
):  # fmt: skip
    case(f"sklearn.metrics.{_name}", getattr(metrics, _name), POS, POS[::-1].copy(), reason=FLOAT)
case(
    "sklearn.metrics.log_loss",
    metrics.log_loss,
    LABELS,
    np.array([0.1, 0.8, 0.3, 0.6, 0.7, 0.2]),
    reason=FLOAT,
)
case(
    "sklearn.metrics.brier_score_loss",
    metrics.brier_score_loss,
    LABELS,
    np.array([0.1, 0.8, 0.3, 0.6, 0.7, 0.2]),
    reason=FLOAT,
)
case(
    "sklearn.metrics.d2_tweedie_score",
    lambda x, y: metrics.d2_tweedie_score(x, y),
    POS,
    POS[::-1].copy(),
    reason=FLOAT,
)
case(
    "sklearn.metrics.pairwise.nan_euclidean_distances",
    lambda x, y: metrics.pairwise.nan_euclidean_distances(x, y),
    M,
    N,
)
case(
    "sklearn.metrics.pairwise.haversine_distances",
    lambda x, y: metrics.pairwise.haversine_distances(x[:, :2], y[:, :2]),
    M,
    N,
    reason=CONVERTS,
)
case(
    "sklearn.metrics.pairwise_distances_argmin_min",
    lambda x, y: metrics.pairwise_distances_argmin_min(x, y)[1],
    M,
    N,
)
case(
    "sklearn.metrics.mean_squared_error sample_weight",
    lambda y, z, w: metrics.mean_squared_error(y, z, sample_weight=w, multioutput="raw_values"),
    M,
    N,
    POS[:6],
)
case(
    "sklearn.metrics.mean_absolute_percentage_error raw values",
    lambda y, z: metrics.mean_absolute_percentage_error(y, z, multioutput="raw_values"),
    M,
    N,
)
case(
    "sklearn.metrics.mean_squared_log_error raw values",
    lambda y, z: metrics.mean_squared_log_error(y, z, multioutput="raw_values"),
    np.abs(M),
    np.abs(N),
)
case(
    "sklearn.metrics.mean_pinball_loss raw values",
    lambda y, z: metrics.mean_pinball_loss(y, z, alpha=0.3, multioutput="raw_values"),
    M,
    N,
)
case(
    "sklearn.metrics.median_absolute_error raw values",
    lambda y, z: metrics.median_absolute_error(y, z, multioutput="raw_values"),
    M,
    N,
)
case(
    "sklearn.metrics.root_mean_squared_error raw values",
    lambda y, z: metrics.root_mean_squared_error(y, z, multioutput="raw_values"),
    M,
    N,
)
case(
    "sklearn.metrics.d2_absolute_error_score raw values",
    lambda y, z: metrics.d2_absolute_error_score(y, z, multioutput="raw_values"),
    M,
    N,
)
case(
    "sklearn.metrics.root_mean_squared_log_error raw values",
    lambda y, z: metrics.root_mean_squared_log_error(y, z, multioutput="raw_values"),
    np.abs(M),
    np.abs(N),
)
