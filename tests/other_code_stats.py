"""The cases of scipy.special and scipy.stats."""

from dataclasses import replace

import numpy as np
from other_code import (
    FLOAT,
    MEMORY,
    NO_RULE,
    NUMPY_ONLY,
    POS,
    UNIT,
    VEC,
    Const,
    M,
    N,
    V,
    W,
    case,
)  # fmt: skip
from scipy import (
    special,
    stats,
)

# -- special -------------------------------------------------------------------------------
ONE = {
    "cbrt": V, "cosdg": V, "cosm1": V, "cotdg": V, "ellipk": UNIT, "ellipkm1": UNIT,
    "entr": POS, "erf": V, "erfc": V, "erfcx": V, "erfinv": 2 * UNIT - 1, "exp1": POS, "exp10": V,
    "exp2": V, "exprel": V, "expi": POS, "expit": V, "gamma": POS, "gammaln": POS, "i0": V,
    "i0e": V, "i1": V, "i1e": V, "j0": V, "j1": V, "k0": POS, "k0e": POS, "k1": POS, "k1e": POS,
    "log_ndtr": V, "loggamma": POS, "logit": UNIT, "ndtr": V, "ndtri": UNIT, "psi": POS,
    "rgamma": V, "sinc": V, "sindg": V, "spence": POS, "tandg": V, "y0": POS, "y1": POS, "wrightomega": V, "dawsn": V, "erfi": V, "ellipe": UNIT,
}  # fmt: skip
TWO = {
    "betaln": (POS, POS + 1), "binom": (POS + 3, POS), "boxcox": (POS, V), "boxcox1p": (POS, V),
    "huber": (POS, W), "inv_boxcox": (POS, POS), "inv_boxcox1p": (POS, POS),
    "kl_div": (POS, POS + 0.3), "poch": (POS, POS + 1), "pseudo_huber": (POS, W),
    "ellipeinc": (POS[:5], UNIT), "ellipkinc": (POS[:5], UNIT), "owens_t": (V, W),
    "powm1": (POS, W), "rel_entr": (POS, POS + 0.3), "xlog1py": (V, POS), "xlogy": (V, POS),
}  # fmt: skip
BY_LAST = {
    "betainc": (POS[:5], POS[:5] + 1, UNIT), "betaincc": (POS[:5], POS[:5] + 1, UNIT),
    "betaincinv": (POS[:5], POS[:5] + 1, UNIT), "chdtr": (POS, POS + 1), "chdtrc": (POS, POS + 1),
    "chdtri": (POS[:5], UNIT), "gammainc": (POS, POS + 1), "gammaincc": (POS, POS + 1),
    "gammaincinv": (POS[:5], UNIT), "gammainccinv": (POS[:5], UNIT), "stdtr": (POS, V),
    "eval_chebyt": (POS[:5], UNIT), "eval_chebyu": (POS[:5], UNIT),
    "eval_gegenbauer": (POS[:5], POS[:5], UNIT), "eval_genlaguerre": (POS[:5], POS[:5], UNIT),
    "eval_jacobi": (POS[:5], POS[:5], POS[:5], UNIT), "eval_laguerre": (POS[:5], POS[:5]),
    "eval_legendre": (POS[:5], UNIT), "hyp0f1": (POS, V), "hyperu": (POS, POS, POS),
    "hyp2f1": (POS[:5], POS[:5], POS[:5] + 1, UNIT), "ive": (POS, POS), "kve": (POS, POS),
    "modstruve": (POS, POS), "struve": (POS, POS), "kv": (POS, POS), "iv": (POS, POS),
    "stdtrit": (POS[:5] + 1, UNIT), "fdtr": (POS, POS, POS + 1), "fdtrc": (POS, POS, POS + 1),
    "fdtri": (POS[:5] + 1, POS[:5] + 1, UNIT), "hyp1f1": (POS, POS + 1, V), "zeta": (POS + 2, POS),
}  # fmt: skip
for _name, _x in ONE.items():
    case(f"special.{_name}", getattr(special, _name), _x)
for _name, _xs in TWO.items():
    case(f"special.{_name}", getattr(special, _name), *_xs)
for _name, _xs in BY_LAST.items():
    case(f"special.{_name}", getattr(special, _name), *map(Const, _xs[:-1]), _xs[-1])
case("special.gdtr", special.gdtr, POS, Const(POS + 1), POS)
case("special.gdtrc", special.gdtrc, POS, Const(POS + 1), POS)
case("special.radian", special.radian, POS, POS, POS)
COUNT = Const(np.array([1.0, 0.0, 2.0, 1.0, 3.0]))
MANY = Const(np.array([4.0, 5.0, 3.0, 7.0, 6.0]))
for _name in ("bdtr", "bdtrc", "bdtri", "nbdtr", "nbdtrc", "nbdtri"):
    case(f"special.{_name}", getattr(special, _name), COUNT, MANY, UNIT)
for _name in ("pdtr", "pdtrc"):
    case(f"special.{_name}", getattr(special, _name), COUNT, POS[:5])
case("special.pdtri", special.pdtri, COUNT, UNIT)
case("special.polygamma", lambda x: special.polygamma(2, x), POS)
case("special.multigammaln", lambda x: special.multigammaln(x, 2), POS + 2)
case("special.yn", special.yn, Const(np.full(8, 2.0)), POS)
case("special.expn", special.expn, Const(np.full(8, 2.0)), POS)
case("special.logsumexp", lambda x: special.logsumexp(x, axis=1), M)
case("special.logsumexp", lambda x, b: special.logsumexp(x, b=b), V, POS, variant="weights")
case("special.softmax", lambda x: special.softmax(x, axis=0), M)
case("special.log_softmax", lambda x: special.log_softmax(x, axis=1), M)

# -- stats -----------------------------------------------------------------------------------
case("stats.zscore", stats.zscore, V)
case("stats.zscore", lambda x: stats.zscore(x, axis=0, ddof=1), M, variant="axis")
case("stats.gzscore", stats.gzscore, POS)
case("stats.zmap", stats.zmap, V, W)
case("stats.gmean", stats.gmean, POS)
case(
    "stats.gmean",
    lambda x, w: stats.gmean(x, weights=w),
    POS,
    UNIT[[0, 1, 2, 3, 4, 0, 1, 2]],
    variant="weights",
)
case("stats.hmean", stats.hmean, POS)
case("stats.pmean", lambda x: stats.pmean(x, 3), POS)
case("stats.gstd", stats.gstd, POS)
case("stats.tmean", lambda x: stats.tmean(x, (-1.0, 2.0)), V)
case("stats.tvar", lambda x: stats.tvar(x, (-1.0, 2.05)), V)
case("stats.tstd", stats.tstd, V)
case("stats.tsem", stats.tsem, V)
case("stats.tmin", lambda x: stats.tmin(x, -1.0), V)
case("stats.tmax", lambda x: stats.tmax(x, 2.0), V)
case("stats.moment", lambda x: stats.moment(x, order=3, axis=0), M)
case("stats.skew", stats.skew, V)
case("stats.skew", lambda x: stats.skew(x, axis=0, bias=False), M, variant="unbiased")
case("stats.kurtosis", stats.kurtosis, V)
case("stats.kurtosis", lambda x: stats.kurtosis(x, axis=0, bias=False), M, variant="unbiased")
case("stats.describe", lambda x: stats.describe(x).variance, V)
case("stats.skewtest", lambda x: stats.skewtest(x).statistic, V)
case("stats.skewtest", lambda x: stats.skewtest(x).pvalue, V, variant="p-value")
case("stats.kurtosistest", lambda x: stats.kurtosistest(x).statistic, V)
case("stats.normaltest", lambda x: stats.normaltest(x).statistic, V)
case("stats.normaltest", lambda x: stats.normaltest(x).pvalue, V, variant="p-value")
case("stats.jarque_bera", lambda x: stats.jarque_bera(x).statistic, V)
case("stats.sem", stats.sem, V)
case("stats.iqr", stats.iqr, V)
case("stats.median_abs_deviation", stats.median_abs_deviation, V)
case("stats.sigmaclip", lambda x: stats.sigmaclip(x, 1.5, 1.5)[0], V)
case("stats.trim_mean", lambda x: stats.trim_mean(x, 0.2), V)
case("stats.variation", stats.variation, POS)
case("stats.entropy", stats.entropy, POS)
case("stats.entropy", stats.entropy, POS, POS[::-1].copy(), variant="relative")
case("stats.differential_entropy", lambda x: stats.differential_entropy(x, method="vasicek"), V)
case("stats.pearsonr", lambda x, y: stats.pearsonr(x, y).statistic, V, W)
case("stats.pearsonr", lambda x, y: stats.pearsonr(x, y).pvalue, V, W, variant="p-value")
case("stats.ttest_1samp", lambda x: stats.ttest_1samp(x, 0.3).statistic, V)
case("stats.ttest_1samp", lambda x: stats.ttest_1samp(x, 0.3).pvalue, V, variant="p-value")
case("stats.ttest_ind", lambda x, y: stats.ttest_ind(x, y).statistic, V, W)
case(
    "stats.ttest_ind",
    lambda x, y: stats.ttest_ind(x, y, equal_var=False).pvalue,
    V,
    W,
    variant="Welch",
    reason=NO_RULE,
)
case(
    "stats.ttest_ind_from_stats",
    lambda m, s: stats.ttest_ind_from_stats(m, s, 8, m * 2, s * 1.5, 9).statistic,
    V[:2],
    POS[:2],
)
case("stats.ttest_rel", lambda x, y: stats.ttest_rel(x, y).statistic, V, W)
case("stats.f_oneway", lambda x, y: stats.f_oneway(x, y).statistic, V, W)
case("stats.f_oneway", lambda x, y: stats.f_oneway(x, y).pvalue, V, W, variant="p-value")
case("stats.alexandergovern", lambda x, y: stats.alexandergovern(x, y).statistic, V, W)
case("stats.bartlett", lambda x, y: stats.bartlett(x, y).statistic, V, W)
case("stats.levene", lambda x, y: stats.levene(x, y).statistic, V, W)
case("stats.fligner", lambda x, y: stats.fligner(x, y).statistic, V, W, zero=True)
case("stats.power_divergence", lambda f: stats.power_divergence(f).statistic, POS)
case(
    "stats.power_divergence",
    lambda f: stats.power_divergence(f, lambda_=0.5).statistic,
    POS,
    variant="lambda",
)
case("stats.chisquare", lambda f: stats.chisquare(f).statistic, POS)
case("stats.chisquare", lambda f: stats.chisquare(f).pvalue, POS, variant="p-value")
case("stats.combine_pvalues", lambda p: stats.combine_pvalues(p).statistic, UNIT)
case(
    "stats.combine_pvalues",
    lambda p: stats.combine_pvalues(p, method="stouffer").pvalue,
    UNIT,
    variant="Stouffer",
)
case("stats.lmoment", lambda x: stats.lmoment(x, order=2), V)
case("stats.kstat", lambda x: stats.kstat(x, 3), V)
case("stats.kstatvar", lambda x: stats.kstatvar(x, 2), V)
case("stats.boxcox_llf", lambda x: stats.boxcox_llf(0.7, x), POS)
case("stats.yeojohnson_llf", lambda x: stats.yeojohnson_llf(0.7, x), V)
case("stats.circmean", stats.circmean, V)
case("stats.circvar", stats.circvar, V)
case("stats.circstd", stats.circstd, V)
case("stats.directional_stats", lambda x: stats.directional_stats(x).mean_direction, VEC)
case("stats.false_discovery_control", stats.false_discovery_control, UNIT)
case("stats.quantile", lambda x: stats.quantile(x, 0.3), V)
case(
    "stats.cramervonmises_2samp",
    lambda x, y: stats.cramervonmises_2samp(x, y).statistic,
    V,
    W,
    zero=True,
)
case("stats.epps_singleton_2samp", lambda x, y: stats.epps_singleton_2samp(x, y).statistic, V, W)
case("stats.mannwhitneyu", lambda x, y: stats.mannwhitneyu(x, y).statistic, V, W, zero=True)
case("stats.spearmanrho", lambda x, y: stats.spearmanrho(x, y).statistic, V, W, zero=True)
case("stats.rankdata", stats.rankdata, V, zero=True)
case("stats.kruskal", lambda x, y: stats.kruskal(x, y).statistic, V, W, zero=True)
case("stats.ansari", lambda x, y: stats.ansari(x, y).statistic, V, W, zero=True)
case("stats.wilcoxon", lambda x: stats.wilcoxon(x).statistic, V, zero=True)
case("stats.mode", lambda x: stats.mode(x).mode, V)
case("stats.ks_1samp", lambda x: stats.ks_1samp(x, special.ndtr).statistic, V, reason=MEMORY)
case(
    "stats.permutation_test",
    lambda x, y: (
        stats.permutation_test(
            (x, y), lambda a, b, axis: a.mean(axis=axis) - b.mean(axis=axis), n_resamples=20
        ).statistic
    ),
    V,
    W,
)
case("stats.brunnermunzel", lambda x, y: stats.brunnermunzel(x, y).statistic, V, W, zero=True)
case("stats.mood", lambda x, y: stats.mood(x, y).statistic, V, W, zero=True)
case("stats.chatterjeexi", lambda x, y: stats.chatterjeexi(x, y).statistic, V, W, zero=True)
case("stats.moment several orders", lambda x: stats.moment(x, order=[2, 3], axis=0), M)
case("stats.describe skewness", lambda x: stats.describe(x, axis=0).skewness, M)
case("stats.gmean nan_policy", lambda x: stats.gmean(x, nan_policy="omit"), POS)
case("stats.zscore nan_policy", lambda x: stats.zscore(x, nan_policy="omit"), V)
case(
    "stats.pearsonr confidence interval",
    lambda x, y: stats.pearsonr(x, y).confidence_interval().low,
    V,
    W,
)
case(
    "stats.ttest_1samp confidence interval",
    lambda x: stats.ttest_1samp(x, 0.0).confidence_interval().low,
    V,
)
case("stats.pearsonr axis", lambda x, y: stats.pearsonr(x, y, axis=0).statistic, M, N)
case(
    "stats.ttest_ind trim",
    lambda x, y: stats.ttest_ind(x, y, trim=0.2).statistic,
    V,
    W,
    reason=replace(NUMPY_ONLY, until="1.18"),
)
case("stats.iqr axis", lambda x: stats.iqr(x, axis=0, rng=(10, 90)), M)
case("stats.levene p-value", lambda x, y: stats.levene(x, y, center="mean").pvalue, V, W)
case("stats.bartlett p-value", lambda x, y: stats.bartlett(x, y).pvalue, V, W)
case("stats.jarque_bera p-value", lambda x: stats.jarque_bera(x).pvalue, V)
case("stats.combine_pvalues Fisher", lambda p: stats.combine_pvalues(p).pvalue, UNIT)
case(
    "stats.combine_pvalues Pearson",
    lambda p: stats.combine_pvalues(p, method="pearson").pvalue,
    UNIT,
)
case(
    "stats.combine_pvalues Mudholkar-George",
    lambda p: stats.combine_pvalues(p, method="mudholkar_george").pvalue,
    UNIT,
)
case(
    "stats.combine_pvalues Tippett",
    lambda p: stats.combine_pvalues(p, method="tippett").pvalue,
    UNIT,
)
case("stats.lmoment several", lambda x: stats.lmoment(x), V)
case(
    "stats.differential_entropy Ebrahimi",
    lambda x: stats.differential_entropy(x, method="ebrahimi"),
    V,
)
case(
    "stats.differential_entropy van Es", lambda x: stats.differential_entropy(x, method="van es"), V
)
case(
    "stats.differential_entropy Correa", lambda x: stats.differential_entropy(x, method="correa"), V
)
case("stats.quantile axis", lambda x: stats.quantile(x, 0.4, method="median_unbiased", axis=0), M)
case(
    "stats.quantile Harrell-Davis",
    lambda x: stats.quantile(x, 0.4, method="harrell-davis", axis=0),
    M,
)
case(
    "stats.directional_stats length",
    lambda x: stats.directional_stats(x).mean_resultant_length,
    VEC,
)
case("stats.trim_mean axis", lambda x: stats.trim_mean(x, 0.2, axis=0), M)
case(
    "stats.median_abs_deviation axis",
    lambda x: stats.median_abs_deviation(x, axis=0, scale="normal"),
    M,
)
case(
    "stats.power_divergence axis",
    lambda x: stats.power_divergence(x, axis=0, lambda_="log-likelihood").statistic,
    POS.reshape(4, 2),
)
case("stats.sem axis", lambda x: stats.sem(x, axis=0, ddof=0), M)
case("stats.variation axis", lambda x: stats.variation(x, axis=0, ddof=1), M)
case("stats.boxcox_llf axis", lambda x: stats.boxcox_llf(0.3, x, axis=0), POS.reshape(4, 2))
case(
    "stats.boxcox_llf lambda",
    lambda l, x: stats.boxcox_llf(l[0], x),
    np.array([0.3]),
    POS,
    reason=FLOAT,
)
case("stats.entropy axis", lambda x: stats.entropy(x, axis=0, base=2), POS.reshape(4, 2))
case("stats.circmean interval", lambda x: stats.circmean(x, high=3.0, low=-3.0, axis=0), M)
case(
    "stats.epps_singleton_2samp p-value", lambda x, y: stats.epps_singleton_2samp(x, y).pvalue, V, W
)
case("special.diric", lambda x: special.diric(x, 5), V)
case("special.softplus", lambda x: special.softplus(x), V)
case("special.log_expit", lambda x: special.log_expit(x), V)
case("special.log_wright_bessel", lambda x: special.log_wright_bessel(x, x, x), POS, reason=NO_RULE)
case("special.beta", lambda x, y: special.beta(x, y), POS, POS)
case("special.wofz", lambda x: special.wofz(x), POS)
case("special.digamma", lambda x: special.digamma(x), POS)
case("special.jv", lambda x: special.jv(1, x), POS)
case("special.lambertw", lambda x: np.real(special.lambertw(x)), POS)
