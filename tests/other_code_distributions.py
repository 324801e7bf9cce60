"""The cases of scipy.stats: every continuous distribution, discrete ones, density estimates."""

import numpy as np
from other_code import POS, UNIT, M, N, Reason, S, V, W, case
from scipy import special, stats
from scipy.stats._distr_params import distcont

LEVELS = np.array([0.15, 0.4, 0.7, 0.9])
COMPILED = Reason(
    "its formula is compiled code that has no rule",
    "has no rule|of a tracked|Iterator operand|axis has to be|has no attribute",
)
# What has no rule; the distribution function of some is an integral.
LACKS = {
    "beta": "ppf", "gausshyper": "cdf sf ppf", "ncx2": "cdf sf ppf", "cosine": "cdf sf ppf", "norminvgauss": "cdf sf ppf", "rice": "cdf sf ppf",
    "skewnorm": "cdf sf ppf", "tukeylambda": "pdf logpdf cdf sf", "vonmises": "cdf sf ppf",
    "vonmises_line": "cdf sf ppf",
} | dict.fromkeys(
    ("genhyperbolic", "geninvgauss", "irwinhall", "ksone", "kstwo", "kstwobign",
     "landau", "levy_stable", "ncf", "nct", "studentized_range", "truncpareto"),
    "pdf logpdf cdf sf ppf",
)  # fmt: skip
SHAPES = {}
for name, shapes in distcont:
    SHAPES.setdefault(name, shapes)
for name, shapes in SHAPES.items():
    points = np.asarray(getattr(stats, name).ppf(LEVELS, *shapes))
    for method in ("pdf", "logpdf", "cdf", "sf", "ppf"):
        case(
            f"stats.{name} {method}",
            lambda x, name=name, shapes=shapes, method=method: getattr(
                getattr(stats, name), method
            )(x, *shapes),
            LEVELS if method == "ppf" else points,
            reason=COMPILED if method in LACKS.get(name, "").split() else None,
            zero=name == "uniform" and method.endswith("pdf"),
        )
for method in ("pdf", "logpdf", "cdf", "sf", "logcdf", "logsf"):
    case(f"stats.norm {method}, by all", getattr(stats.norm, method), V, W, POS)
    case(
        f"stats.Normal {method.replace('sf', 'ccdf')}",
        lambda x, method=method.replace("sf", "ccdf"): getattr(
            stats.Normal(mu=0.2, sigma=1.3), method
        )(x),
        V,
    )
case("stats.Normal icdf", lambda x: stats.Normal(mu=0.2, sigma=1.3).icdf(x), UNIT)
case("stats.norm frozen", lambda x, mean: stats.norm(mean, 2.0).cdf(x), V, W)
case("stats.norm isf, by all", lambda q, mean: stats.norm.isf(q, mean, 2.0), UNIT, V[:5])
case("stats.norm nnlf", lambda m, s: stats.norm.nnlf((m, s), V), np.array(0.3), np.array(1.2))
case("stats.gamma logpdf, by all", lambda x, a, s: stats.gamma.logpdf(x, a, scale=s), POS, POS, POS)
case("stats.expon outside", stats.expon.cdf, np.array([-1.0, 0.5, 2.0]))
for method in ("mean", "var", "std"):
    case(f"stats.gamma {method}", getattr(stats.gamma, method), POS)
    case(f"stats.gamma frozen {method}", lambda a, m=method: getattr(stats.gamma(a), m)(), POS)
COUNTS = np.array([0, 1, 2, 3, 5])
case("stats.poisson logpmf", lambda mu: stats.poisson.logpmf(COUNTS, mu), POS[:5])
case("stats.poisson pmf", lambda mu: stats.poisson.pmf(COUNTS, mu), POS[:5])
case("stats.binom pmf", lambda p: stats.binom.pmf(COUNTS, 5, p), UNIT)
case("stats.binom logpmf", lambda p: stats.binom.logpmf(COUNTS, 5, p), UNIT)
case("stats.bernoulli pmf", lambda p: stats.bernoulli.pmf(COUNTS, p), UNIT)
case("stats.geom logpmf", lambda p: stats.geom.logpmf(COUNTS + 1, p), UNIT)
case("stats.nbinom logpmf", lambda p: stats.nbinom.logpmf(COUNTS, 3, p), UNIT)
case(
    "stats.multivariate_normal logpdf",
    lambda x, m, c: stats.multivariate_normal.logpdf(x, m, c @ c.T + np.eye(3)),
    M,
    V[:3],
    S,
)
case("stats.multivariate_normal pdf", lambda x: stats.multivariate_normal.pdf(x, 0.3, 2.0), V)
KERNELS = stats.gaussian_kde(M.T)
case("stats.gaussian_kde", lambda x: KERNELS(x), N.T.copy())
case("stats.gaussian_kde logpdf", lambda x: KERNELS.logpdf(x), N.T.copy())
case(
    "special.logsumexp of a list",
    lambda x, y: special.logsumexp([x, y, x * 2], axis=0),
    V,
    W,
)
