"""The cases of scikit-learn, run with ``config_context(array_api_dispatch=True)``."""

import numpy as np
from other_code import FLOAT, POS, UNIT, Const, M, N, S, V, W, case
from sklearn import metrics, preprocessing
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import Ridge, RidgeClassifier
from sklearn.metrics import pairwise
from sklearn.mixture import GaussianMixture
from sklearn.naive_bayes import GaussianNB

LABELS = Const(np.array([0, 1, 0, 1, 1, 0]))
COUNTS = np.abs(M) + 0.1

# -- pairwise ------------------------------------------------------------------------------------
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
)  # noqa: E501
case(
    "sklearn.metrics.pairwise.additive_chi2_kernel",
    pairwise.additive_chi2_kernel,
    COUNTS,
    np.abs(N) + 0.2,
)  # noqa: E501
case("sklearn.metrics.pairwise.chi2_kernel", pairwise.chi2_kernel, COUNTS, np.abs(N) + 0.2)
case("sklearn.metrics.pairwise_distances", metrics.pairwise_distances, M, N)
case(
    "sklearn.metrics.pairwise_distances",
    lambda x, y: metrics.pairwise_distances(x, y, metric="cosine"),
    M,
    N,
    variant="cosine",
)  # noqa: E501
case(
    "sklearn.metrics.pairwise_distances",
    lambda x, y: metrics.pairwise_distances(x, y, metric="l1"),
    M,
    N,
    variant="l1",
)  # noqa: E501
case(
    "sklearn.metrics.pairwise.pairwise_kernels",
    lambda x, y: pairwise.pairwise_kernels(x, y, metric="rbf"),
    M,
    N,
)  # noqa: E501

# -- preprocessing -------------------------------------------------------------------------------
case(
    "sklearn.preprocessing.StandardScaler",
    lambda x: preprocessing.StandardScaler().fit_transform(x),
    M,
)  # noqa: E501
case(
    "sklearn.preprocessing.StandardScaler.inverse_transform",
    lambda x, y: preprocessing.StandardScaler().fit(x).inverse_transform(y),
    M,
    N,
)  # noqa: E501
case(
    "sklearn.preprocessing.MinMaxScaler", lambda x: preprocessing.MinMaxScaler().fit_transform(x), M
)  # noqa: E501
case(
    "sklearn.preprocessing.MinMaxScaler",
    lambda x, y: preprocessing.MinMaxScaler(clip=True).fit(x).transform(y),
    M,
    N,
    variant="clip",
)  # noqa: E501
case(
    "sklearn.preprocessing.MaxAbsScaler", lambda x: preprocessing.MaxAbsScaler().fit_transform(x), M
)  # noqa: E501
case(
    "sklearn.preprocessing.RobustScaler",
    lambda x: preprocessing.RobustScaler().fit_transform(x),
    M,
    reason="computes in compiled code on NumPy arrays",
)  # noqa: E501
case("sklearn.preprocessing.Normalizer", lambda x: preprocessing.Normalizer().fit_transform(x), M)
for _norm in ("l1", "l2", "max"):
    case(
        "sklearn.preprocessing.normalize",
        lambda x, n=_norm: preprocessing.normalize(x, norm=n),
        M,
        variant=_norm,
    )  # noqa: E501
case(
    "sklearn.preprocessing.KernelCenterer",
    lambda x: preprocessing.KernelCenterer().fit_transform(x),
    S,
)  # noqa: E501
case(
    "sklearn.preprocessing.PolynomialFeatures",
    lambda x: preprocessing.PolynomialFeatures(3).fit_transform(x),
    M,
)  # noqa: E501
case("sklearn.preprocessing.Binarizer", lambda x: preprocessing.Binarizer().fit_transform(x), M)
case("sklearn.preprocessing.maxabs_scale", preprocessing.maxabs_scale, M)
case("sklearn.preprocessing.minmax_scale", preprocessing.minmax_scale, M)
case("sklearn.preprocessing.scale", preprocessing.scale, M)
case("sklearn.preprocessing.add_dummy_feature", preprocessing.add_dummy_feature, M)
case(
    "sklearn.preprocessing.FunctionTransformer",
    lambda x: preprocessing.FunctionTransformer(abs).fit_transform(x),
    M,
)  # noqa: E501
case(
    "sklearn.preprocessing.PowerTransformer",
    lambda x: preprocessing.PowerTransformer().fit_transform(x),
    M,
    reason="computes in compiled code on NumPy arrays",
)  # noqa: E501
case(
    "sklearn.preprocessing.QuantileTransformer",
    lambda x: preprocessing.QuantileTransformer(n_quantiles=5).fit_transform(x),
    M,
    reason="computes in compiled code on NumPy arrays",
)  # noqa: E501
case(
    "sklearn.preprocessing.SplineTransformer",
    lambda x: preprocessing.SplineTransformer().fit_transform(x),
    M,
    reason="computes in compiled code on NumPy arrays",
)  # noqa: E501

# -- estimators ----------------------------------------------------------------------------------
case(
    "sklearn.decomposition.PCA.transform",
    lambda x: abs(PCA(2, svd_solver="full").fit(x).transform(x)),
    M,
)  # noqa: E501
case(
    "sklearn.decomposition.PCA",
    lambda x: PCA(2, svd_solver="full").fit(x).explained_variance_,
    M,
    variant="variance",
)  # noqa: E501
case(
    "sklearn.decomposition.PCA",
    lambda x: PCA(2, svd_solver="covariance_eigh").fit(x).explained_variance_,
    M,
    variant="covariance_eigh",
)  # noqa: E501
case(
    "sklearn.decomposition.PCA.inverse_transform",
    lambda x: (lambda p: p.inverse_transform(p.transform(x)))(PCA(2, svd_solver="full").fit(x)),
    M,
)  # noqa: E501
case("sklearn.linear_model.Ridge", lambda x, y: Ridge(0.5, solver="svd").fit(x, y).coef_, M, V[:6])
case(
    "sklearn.linear_model.Ridge.predict",
    lambda x, y, z: Ridge(0.5, solver="svd").fit(x, y).predict(z),
    M,
    V[:6],
    N,
)  # noqa: E501
case(
    "sklearn.linear_model.RidgeClassifier",
    lambda x, y: RidgeClassifier(solver="svd").fit(x, y).decision_function(x),
    M,
    LABELS,
)  # noqa: E501
case(
    "sklearn.discriminant_analysis.LinearDiscriminantAnalysis",
    lambda x, y: LinearDiscriminantAnalysis().fit(x, y).decision_function(x),
    M,
    LABELS,
)  # noqa: E501
case(
    "sklearn.naive_bayes.GaussianNB",
    lambda x, y: GaussianNB().fit(x, y).predict_proba(x),
    M,
    LABELS,
)  # noqa: E501
case(
    "sklearn.kernel_approximation.Nystroem",
    lambda x: Nystroem(n_components=4, random_state=0).fit_transform(x),
    M,
)  # noqa: E501
case(
    "sklearn.mixture.GaussianMixture",
    lambda x: GaussianMixture(1, init_params="random", random_state=0).fit(x).means_,
    M,
)  # noqa: E501

# -- metrics -------------------------------------------------------------------------------------
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
    )  # noqa: E501
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
)  # noqa: E501
case(
    "sklearn.metrics.brier_score_loss",
    metrics.brier_score_loss,
    LABELS,
    np.array([0.1, 0.8, 0.3, 0.6, 0.7, 0.2]),
    reason=FLOAT,
)  # noqa: E501
case(
    "sklearn.metrics.roc_curve",
    lambda y, s: metrics.roc_curve(y, s)[0],
    LABELS,
    UNIT[[0, 3, 1, 4, 2, 0]],
)  # noqa: E501
