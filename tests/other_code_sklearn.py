"""The cases of scikit-learn, run with ``config_context(array_api_dispatch=True)``."""

import numpy as np
import sklearn.covariance
import sklearn.gaussian_process
import sklearn.linear_model
import sklearn.mixture
import sklearn.naive_bayes
import sklearn.neighbors
from other_code import (
    CONVERTS,
    FLOAT,
    MEMORY,
    POS,
    Const,
    M,
    N,
    S,
    V,
    case,
)  # fmt: skip
from sklearn import preprocessing
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import Ridge, RidgeClassifier
from sklearn.mixture import GaussianMixture
from sklearn.naive_bayes import GaussianNB

LABELS = Const(np.array([0, 1, 0, 1, 1, 0]))
COUNTS = np.abs(M) + 0.1

case(
    "sklearn.preprocessing.StandardScaler",
    lambda x: preprocessing.StandardScaler().fit_transform(x),
    M,
)
case(
    "sklearn.preprocessing.StandardScaler.inverse_transform",
    lambda x, y: preprocessing.StandardScaler().fit(x).inverse_transform(y),
    M,
    N,
)
case(
    "sklearn.preprocessing.MinMaxScaler", lambda x: preprocessing.MinMaxScaler().fit_transform(x), M
)
case(
    "sklearn.preprocessing.MinMaxScaler",
    lambda x, y: preprocessing.MinMaxScaler(clip=True).fit(x).transform(y),
    M,
    N,
    variant="clip",
)
case(
    "sklearn.preprocessing.MaxAbsScaler", lambda x: preprocessing.MaxAbsScaler().fit_transform(x), M
)
case(
    "sklearn.preprocessing.RobustScaler",
    lambda x: preprocessing.RobustScaler().fit_transform(x),
    M,
    reason=CONVERTS,
)
case("sklearn.preprocessing.Normalizer", lambda x: preprocessing.Normalizer().fit_transform(x), M)
for _norm in ("l1", "l2", "max"):
    case(
        "sklearn.preprocessing.normalize",
        lambda x, n=_norm: preprocessing.normalize(x, norm=n),
        M,
        variant=_norm,
    )
case(
    "sklearn.preprocessing.KernelCenterer",
    lambda x: preprocessing.KernelCenterer().fit_transform(x),
    S,
)
case(
    "sklearn.preprocessing.PolynomialFeatures",
    lambda x: preprocessing.PolynomialFeatures(3).fit_transform(x),
    M,
)
case(
    "sklearn.preprocessing.Binarizer",
    lambda x: preprocessing.Binarizer().fit_transform(x),
    M,
    zero=True,
)
case("sklearn.preprocessing.maxabs_scale", preprocessing.maxabs_scale, M)
case("sklearn.preprocessing.minmax_scale", preprocessing.minmax_scale, M)
case("sklearn.preprocessing.scale", preprocessing.scale, M, reason=CONVERTS)
case("sklearn.preprocessing.add_dummy_feature", preprocessing.add_dummy_feature, M)
case(
    "sklearn.preprocessing.FunctionTransformer",
    lambda x: preprocessing.FunctionTransformer(abs).fit_transform(x),
    M,
)
case(
    "sklearn.preprocessing.PowerTransformer",
    lambda x: preprocessing.PowerTransformer().fit_transform(x),
    M,
    reason=MEMORY,
)
case(
    "sklearn.preprocessing.QuantileTransformer",
    lambda x: preprocessing.QuantileTransformer(n_quantiles=5).fit_transform(x),
    M,
)
case(
    "sklearn.preprocessing.SplineTransformer",
    lambda x: preprocessing.SplineTransformer().fit_transform(x),
    M,
    reason=MEMORY,
)

case(
    "sklearn.decomposition.PCA.transform",
    lambda x: abs(PCA(2, svd_solver="full").fit(x).transform(x)),
    M,
)
case(
    "sklearn.decomposition.PCA",
    lambda x: PCA(2, svd_solver="full").fit(x).explained_variance_,
    M,
    variant="variance",
)
case(
    "sklearn.decomposition.PCA",
    lambda x: PCA(2, svd_solver="covariance_eigh").fit(x).explained_variance_,
    M,
    variant="covariance_eigh",
)
case(
    "sklearn.decomposition.PCA.inverse_transform",
    lambda x: (lambda p: p.inverse_transform(p.transform(x)))(PCA(2, svd_solver="full").fit(x)),
    M,
)
case("sklearn.linear_model.Ridge", lambda x, y: Ridge(0.5, solver="svd").fit(x, y).coef_, M, V[:6])
case(
    "sklearn.linear_model.Ridge.predict",
    lambda x, y, z: Ridge(0.5, solver="svd").fit(x, y).predict(z),
    M,
    V[:6],
    N,
)
case(
    "sklearn.linear_model.RidgeClassifier",
    lambda x, y: RidgeClassifier(solver="svd").fit(x, y).decision_function(x),
    M,
    LABELS,
)
case(
    "sklearn.discriminant_analysis.LinearDiscriminantAnalysis",
    lambda x, y: LinearDiscriminantAnalysis().fit(x, y).decision_function(x),
    M,
    LABELS,
)
case(
    "sklearn.naive_bayes.GaussianNB",
    lambda x, y: GaussianNB().fit(x, y).predict_proba(x),
    M,
    LABELS,
)
case(
    "sklearn.kernel_approximation.Nystroem",
    lambda x: Nystroem(n_components=4, random_state=0).fit_transform(x),
    M,
)
case(
    "sklearn.mixture.GaussianMixture",
    lambda x: GaussianMixture(1, init_params="random", random_state=0).fit(x).means_,
    M,
)

case(
    "sklearn.gaussian_process.kernels.RBF",
    lambda x: sklearn.gaussian_process.kernels.RBF()(x),
    M,
)
case(
    "sklearn.linear_model.LinearRegression",
    lambda x, y: sklearn.linear_model.LinearRegression().fit(x, y).coef_,
    M,
    V[:6],
)
case(
    "sklearn.linear_model.LogisticRegression",
    lambda x, y: (
        sklearn.linear_model.LogisticRegression(solver="lbfgs").fit(x, y).decision_function(x)
    ),
    M,
    Const(np.array([0, 1, 0, 1, 1, 0])),
    reason=FLOAT,
)
case(
    "sklearn.linear_model.RidgeCV",
    lambda x, y: sklearn.linear_model.RidgeCV().fit(x, y).coef_,
    M,
    V[:6],
)
case(
    "sklearn.discriminant_analysis.LinearDiscriminantAnalysis transform",
    lambda x, y: abs(
        sklearn.discriminant_analysis.LinearDiscriminantAnalysis().fit(x, y).transform(x)
    ),
    M,
    Const(np.array([0, 1, 0, 1, 1, 0])),
)
case(
    "sklearn.discriminant_analysis.LinearDiscriminantAnalysis predict_proba",
    lambda x, y: (
        sklearn.discriminant_analysis.LinearDiscriminantAnalysis().fit(x, y).predict_proba(x)
    ),
    M,
    Const(np.array([0, 1, 0, 1, 1, 0])),
)
case(
    "sklearn.covariance.empirical_covariance",
    lambda x: sklearn.covariance.empirical_covariance(x),
    M,
)
case("sklearn.covariance.ledoit_wolf", lambda x: sklearn.covariance.ledoit_wolf(x)[0], M)
case(
    "sklearn.decomposition.PCA whiten",
    lambda x: abs(sklearn.decomposition.PCA(2, whiten=True, svd_solver="full").fit_transform(x)),
    M,
)
case(
    "sklearn.decomposition.PCA.get_covariance",
    lambda x: sklearn.decomposition.PCA(2, svd_solver="full").fit(x).get_covariance(),
    M,
)
case(
    "sklearn.decomposition.PCA.score_samples",
    lambda x: sklearn.decomposition.PCA(2, svd_solver="full").fit(x).score_samples(x),
    M,
)
case(
    "sklearn.decomposition.PCA randomized",
    lambda x: (
        sklearn.decomposition.PCA(2, svd_solver="randomized", random_state=0)
        .fit(x)
        .explained_variance_
    ),
    M,
)
case(
    "sklearn.preprocessing.StandardScaler with_mean=False",
    lambda x: preprocessing.StandardScaler(with_mean=False).fit_transform(x),
    M,
)
case(
    "sklearn.preprocessing.StandardScaler sample_weight",
    lambda x, w: preprocessing.StandardScaler().fit(x, sample_weight=w).transform(x),
    M,
    POS[:6],
)
case(
    "sklearn.preprocessing.MinMaxScaler.inverse_transform",
    lambda x, y: preprocessing.MinMaxScaler((0, 2)).fit(x).inverse_transform(y),
    M,
    N,
)
case(
    "sklearn.preprocessing.MaxAbsScaler.inverse_transform",
    lambda x, y: preprocessing.MaxAbsScaler().fit(x).inverse_transform(y),
    M,
    N,
)
case(
    "sklearn.preprocessing.PolynomialFeatures interactions",
    lambda x: preprocessing.PolynomialFeatures(2, interaction_only=True).fit_transform(x),
    M,
)
case(
    "sklearn.naive_bayes.GaussianNB.predict_joint_log_proba",
    lambda x, y: sklearn.naive_bayes.GaussianNB().fit(x, y).predict_joint_log_proba(x),
    M,
    Const(np.array([0, 1, 0, 1, 1, 0])),
)
case(
    "sklearn.mixture.GaussianMixture.score_samples",
    lambda x: (
        sklearn.mixture.GaussianMixture(1, init_params="random", random_state=0)
        .fit(x)
        .score_samples(x)
    ),
    M,
)
case(
    "sklearn.neighbors.KernelDensity",
    lambda x: sklearn.neighbors.KernelDensity().fit(x).score_samples(x),
    M,
    reason=MEMORY,
)
case(
    "sklearn.preprocessing.LabelBinarizer",
    lambda x, y: x * preprocessing.LabelBinarizer().fit_transform(y),
    V[:6, None],
    Const(np.array([0, 1, 0, 1, 1, 0])),
)
