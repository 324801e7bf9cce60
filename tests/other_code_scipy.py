"""The cases of SciPy."""

import numpy as np
from other_code import (
    COMPILED, FLOAT, GRID, POS, QUAT, UNIT, VEC, Const, M, N, S, V, W, case,
)  # fmt: skip
from scipy import cluster, constants, differentiate, fft, integrate, interpolate, linalg
from scipy import ndimage, optimize, signal, spatial, special, stats
from scipy.spatial.transform import RigidTransform, Rotation

import polygrad as pg

# -- special -------------------------------------------------------------------------------
ONE = {
    "cbrt": V, "cosdg": V, "cosm1": V, "cotdg": V, "ellipk": UNIT, "ellipkm1": UNIT,
    "entr": POS, "erf": V, "erfc": V, "erfcx": V, "erfinv": 2 * UNIT - 1, "exp1": POS, "exp10": V,
    "exp2": V, "exprel": V, "expi": POS, "expit": V, "gamma": POS, "gammaln": POS, "i0": V,
    "i0e": V, "i1": V, "i1e": V, "j0": V, "j1": V, "k0": POS, "k0e": POS, "k1": POS, "k1e": POS,
    "log_ndtr": V, "loggamma": POS, "logit": UNIT, "ndtr": V, "ndtri": UNIT, "psi": POS,
    "rgamma": V, "sinc": V, "sindg": V, "spence": POS, "tandg": V, "y0": POS, "y1": POS,
}  # fmt: skip
TWO = {
    "betaln": (POS, POS + 1), "binom": (POS + 3, POS), "boxcox": (POS, V), "boxcox1p": (POS, V),
    "huber": (POS, W), "inv_boxcox": (POS, POS), "inv_boxcox1p": (POS, POS),
    "kl_div": (POS, POS + 0.3), "poch": (POS, POS + 1), "pseudo_huber": (POS, W),
    "rel_entr": (POS, POS + 0.3), "xlog1py": (V, POS), "xlogy": (V, POS),
}  # fmt: skip
BY_LAST = {
    "betainc": (POS[:5], POS[:5] + 1, UNIT), "betaincc": (POS[:5], POS[:5] + 1, UNIT),
    "betaincinv": (POS[:5], POS[:5] + 1, UNIT), "chdtr": (POS, POS + 1), "chdtrc": (POS, POS + 1),
    "chdtri": (POS[:5], UNIT), "gammainc": (POS, POS + 1), "gammaincc": (POS, POS + 1),
    "gammaincinv": (POS[:5], UNIT), "gammainccinv": (POS[:5], UNIT), "stdtr": (POS, V),
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
)  # noqa: E501
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
    reason="the degrees of freedom depend on the data, and the p-value has no derivative by them in closed form",
)  # noqa: E501
case(
    "stats.ttest_ind_from_stats",
    lambda m, s: stats.ttest_ind_from_stats(m, s, 8, m * 2, s * 1.5, 9).statistic,
    V[:2],
    POS[:2],
)  # noqa: E501
case("stats.ttest_rel", lambda x, y: stats.ttest_rel(x, y).statistic, V, W)
case("stats.f_oneway", lambda x, y: stats.f_oneway(x, y).statistic, V, W)
case("stats.f_oneway", lambda x, y: stats.f_oneway(x, y).pvalue, V, W, variant="p-value")
case(
    "stats.alexandergovern",
    lambda x, y: stats.alexandergovern(x, y).statistic,
    V,
    W,
    reason="the distribution functions inside have degrees of freedom computed from the data",
)  # noqa: E501
case("stats.bartlett", lambda x, y: stats.bartlett(x, y).statistic, V, W)
case("stats.levene", lambda x, y: stats.levene(x, y).statistic, V, W)
case(
    "stats.fligner",
    lambda x, y: stats.fligner(x, y).statistic,
    V,
    W,
    reason="built on ranks: the derivative is zero",
)  # noqa: E501
case("stats.power_divergence", lambda f: stats.power_divergence(f).statistic, POS)
case(
    "stats.power_divergence",
    lambda f: stats.power_divergence(f, lambda_=0.5).statistic,
    POS,
    variant="lambda",
)  # noqa: E501
case("stats.chisquare", lambda f: stats.chisquare(f).statistic, POS)
case("stats.chisquare", lambda f: stats.chisquare(f).pvalue, POS, variant="p-value")
case("stats.combine_pvalues", lambda p: stats.combine_pvalues(p).statistic, UNIT)
case(
    "stats.combine_pvalues",
    lambda p: stats.combine_pvalues(p, method="stouffer").pvalue,
    UNIT,
    variant="Stouffer",
)  # noqa: E501
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
    reason="built on ranks: the derivative is zero",
)  # noqa: E501
case("stats.epps_singleton_2samp", lambda x, y: stats.epps_singleton_2samp(x, y).statistic, V, W)
case(
    "stats.mannwhitneyu",
    lambda x, y: stats.mannwhitneyu(x, y).statistic,
    V,
    W,
    reason="built on ranks: the derivative is zero",
)  # noqa: E501
case(
    "stats.spearmanrho",
    lambda x, y: stats.spearmanrho(x, y).statistic,
    V,
    W,
    reason="built on ranks: the derivative is zero",
)  # noqa: E501
case("stats.rankdata", stats.rankdata, V, reason="ranks: the derivative is zero")
case(
    "stats.kruskal",
    lambda x, y: stats.kruskal(x, y).statistic,
    V,
    W,
    reason="built on ranks: the derivative is zero",
)  # noqa: E501
case(
    "stats.ansari",
    lambda x, y: stats.ansari(x, y).statistic,
    V,
    W,
    reason="built on ranks: the derivative is zero",
)  # noqa: E501
case(
    "stats.wilcoxon",
    lambda x: stats.wilcoxon(x).statistic,
    V,
    reason="built on ranks: the derivative is zero",
)  # noqa: E501
case("stats.mode", lambda x: stats.mode(x).mode, V)
case("stats.norm.pdf", stats.norm.pdf, V, reason=COMPILED)
case(
    "stats.bootstrap",
    lambda x: stats.bootstrap((x,), np.mean, n_resamples=9).standard_error,
    V,
    reason=COMPILED,
)  # noqa: E501

# -- signal --------------------------------------------------------------------------------
case("signal.detrend", signal.detrend, V)
case("signal.detrend", lambda x: signal.detrend(x, type="constant", axis=0), M, variant="constant")
case("signal.hilbert", lambda x: abs(signal.hilbert(x)), V)
case("signal.hilbert2", lambda x: abs(signal.hilbert2(x)), S)
case("signal.envelope", lambda x: signal.envelope(x)[0], V)
case("signal.fftconvolve", lambda x, y: signal.fftconvolve(x, y, mode="same"), V, W[:3])
case("signal.oaconvolve", signal.oaconvolve, V, W[:3])
case("signal.convolve", lambda x, y: signal.convolve(x, y, method="fft"), V, W[:3], variant="fft")
case("signal.correlate", lambda x, y: signal.correlate(x, y, method="fft"), V, W[:3], variant="fft")
case(
    "signal.convolve",
    lambda x, y: signal.convolve(x, y, method="direct"),
    V,
    W[:3],
    variant="direct",
    reason=COMPILED,
)  # noqa: E501
case("signal.resample", lambda x: signal.resample(x, 5), V)
case("signal.resample_poly", lambda x: signal.resample_poly(x, 2, 1), V, reason=COMPILED)
case("signal.vectorstrength", lambda x: signal.vectorstrength(x, 1.3)[0], V)
case("signal.wiener", lambda x: signal.wiener(x, 3), V, reason=COMPILED)
case("signal.lfilter", lambda x: signal.lfilter([1.0], [1.0, 0.5], x), V, reason=COMPILED)
case(
    "signal.sosfilt",
    lambda x: signal.sosfilt(signal.butter(2, 0.3, output="sos"), x),
    V,
    reason=COMPILED,
)  # noqa: E501
case("signal.savgol_filter", lambda x: signal.savgol_filter(x, 5, 2), V, reason=COMPILED)
case("signal.medfilt2d", lambda x: signal.medfilt2d(x, 3), S, reason=COMPILED)
case("signal.freqz", lambda b: abs(signal.freqz(b, worN=8)[1]), W[:3])
case(
    "signal.freqz_sos",
    lambda s: abs(signal.freqz_sos(s, worN=8)[1]),
    np.array([[1.0, 0.4, 0.2, 1.0, -0.3, 0.1]]),
)  # noqa: E501
case(
    "signal.freqs",
    lambda b, a: abs(signal.freqs(b, a, worN=GRID + 0.1)[1]),
    W[:2],
    POS[:3],
    reason=COMPILED,
)  # noqa: E501
case("signal.bilinear", lambda b, a: signal.bilinear(b, a)[0], POS[:2], POS[:3])
case("signal.lp2lp", lambda b, a: signal.lp2lp(b, a, 2.0)[0], POS[:2], POS[:3])
case("signal.lp2hp", lambda b, a: signal.lp2hp(b, a, 2.0)[0], POS[:2], POS[:3])
case("signal.lp2bp", lambda b, a: signal.lp2bp(b, a, 2.0)[0], POS[:2], POS[:3])
case("signal.lp2bs", lambda b, a: signal.lp2bs(b, a, 2.0)[0], POS[:2], POS[:3])
case("signal.zpk2tf", lambda z, p: signal.zpk2tf(z, p, 2.0)[0], V[:2], W[:3])
case("signal.zpk2sos", lambda z, p: signal.zpk2sos(z, p, 2.0), V[:2], W[:2], reason=COMPILED)
case("signal.sos2tf", lambda s: signal.sos2tf(s)[0], np.array([[1.0, 0.4, 0.2, 1.0, -0.3, 0.1]]))
case(
    "signal.tf2zpk",
    lambda b, a: abs(signal.tf2zpk(b, a)[0]),
    POS[:3],
    POS[:3],
    reason="needs eigenvalues of a general matrix",
)  # noqa: E501
case("signal.normalize", lambda b, a: signal.normalize(b, a)[0], POS[:3], POS[:3])
case("signal.bilinear_zpk", lambda z: signal.bilinear_zpk(z, z, 1.0, 2.0)[0], -POS[:2])
case("signal.lp2lp_zpk", lambda z: signal.lp2lp_zpk(z, z, 1.0, 2.0)[0], -POS[:2])
case("signal.lp2hp_zpk", lambda z: signal.lp2hp_zpk(z, z, 1.0, 2.0)[0], -POS[:2])
case("signal.lp2bp_zpk", lambda z: abs(signal.lp2bp_zpk(z, z, 1.0, 2.0)[0]), -POS[:2])

# -- integrate, interpolate, differentiate -------------------------------------------------------
case("integrate.trapezoid", lambda y: integrate.trapezoid(y, dx=0.5), V)
case("integrate.trapezoid", integrate.trapezoid, V, W, variant="x")
case("integrate.cumulative_trapezoid", lambda y: integrate.cumulative_trapezoid(y, initial=0), V)
case("integrate.simpson", lambda y: integrate.simpson(y, dx=0.5), V, reason=COMPILED)
case(
    "integrate.cumulative_simpson",
    lambda y: integrate.cumulative_simpson(y, dx=0.5),
    V,
    reason=COMPILED,
)  # noqa: E501
case("integrate.romb", lambda y: integrate.romb(y, dx=0.5), GRID**2 - GRID**3, reason=COMPILED)
case(
    "interpolate.CubicSpline",
    lambda y: interpolate.CubicSpline(np.arange(8.0), y)(1.5),
    V,
    reason=COMPILED,
)  # noqa: E501
case(
    "interpolate.RegularGridInterpolator",
    lambda v: interpolate.RegularGridInterpolator((np.arange(3.0), np.arange(3.0)), v)(
        np.array([[0.5, 1.5]])
    ),
    S,
    reason=COMPILED,
)  # noqa: E501
case("differentiate.derivative", lambda x: differentiate.derivative(lambda t: t**3, x).df, POS)

# -- linalg, cluster, spatial, optimize, constants ---------------------------------------------
case(
    "linalg.orthogonal_procrustes",
    lambda a, b: linalg.orthogonal_procrustes(a, b)[1],
    M,
    N,
    reason=COMPILED,
)  # noqa: E501
case("linalg.block_diag", linalg.block_diag, S, M)
case("linalg.fiedler", linalg.fiedler, V)
case("linalg.expm", linalg.expm, S, reason=COMPILED)
case("linalg.solve", linalg.solve, S, V[:3], reason=COMPILED)
case("cluster.vq.whiten", cluster.vq.whiten, M)
case("cluster.vq.vq", lambda x, c: cluster.vq.vq(x, c)[1], M, N[:2], reason=COMPILED)
case("cluster.hierarchy.linkage", cluster.hierarchy.linkage, M, reason=COMPILED)
case("spatial.distance.cdist", spatial.distance.cdist, M, N, reason=COMPILED)
case("optimize.rosen", optimize.rosen, V)
case("optimize.rosen_der", optimize.rosen_der, V)
case("optimize.rosen_hess", optimize.rosen_hess, V)
case("optimize.rosen_hess_prod", optimize.rosen_hess_prod, V, W)
case("constants.convert_temperature", lambda t: constants.convert_temperature(t, "C", "F"), V)
case("constants.lambda2nu", constants.lambda2nu, POS)
case("constants.nu2lambda", constants.nu2lambda, POS)

# -- spatial.transform ---------------------------------------------------------------------------
case("Rotation.from_quat.as_matrix", lambda q: Rotation.from_quat(q).as_matrix(), QUAT)
case("Rotation.from_quat.as_rotvec", lambda q: Rotation.from_quat(q).as_rotvec(), QUAT)
case("Rotation.from_quat.as_euler", lambda q: Rotation.from_quat(q).as_euler("xyz"), QUAT)
case("Rotation.from_quat.as_mrp", lambda q: Rotation.from_quat(q).as_mrp(), QUAT)
case("Rotation.from_rotvec", lambda v: Rotation.from_rotvec(v).as_matrix(), VEC)
case("Rotation.from_euler", lambda v: Rotation.from_euler("zyx", v).as_quat(), VEC)
case("Rotation.from_mrp", lambda v: Rotation.from_mrp(v).as_matrix(), VEC)
case(
    "Rotation.from_matrix",
    lambda v: Rotation.from_matrix(Rotation.from_rotvec(v).as_matrix()).as_quat(),
    VEC,
)  # noqa: E501
case("Rotation.apply", lambda q, v: Rotation.from_quat(q).apply(v), QUAT, VEC)
case(
    "Rotation.__mul__",
    lambda q, v: (Rotation.from_quat(q) * Rotation.from_rotvec(v)).as_quat(),
    QUAT,
    VEC,
)  # noqa: E501
case("Rotation.__pow__", lambda q: (Rotation.from_quat(q) ** 0.5).as_quat(), QUAT)
case("Rotation.inv", lambda q: Rotation.from_quat(q).inv().as_quat(), QUAT)
case("Rotation.magnitude", lambda q: Rotation.from_quat(q).magnitude(), QUAT)
case("Rotation.mean", lambda q: Rotation.from_quat(q).mean().as_quat(), QUAT)
case("Rotation.align_vectors", lambda a, b: Rotation.align_vectors(a, b)[0].as_matrix(), M, N)
case(
    "RigidTransform.from_translation", lambda t: RigidTransform.from_translation(t).as_matrix(), VEC
)  # noqa: E501
case(
    "RigidTransform.from_exp_coords",
    lambda t: RigidTransform.from_exp_coords(t).as_matrix(),
    np.concatenate([VEC, VEC * 0.5], axis=1),
)  # noqa: E501
case("RigidTransform.apply", lambda t, v: RigidTransform.from_translation(t).apply(v), VEC, VEC * 2)
case(
    "RigidTransform.inv",
    lambda t: RigidTransform.from_exp_coords(t).inv().as_matrix(),
    np.concatenate([VEC, VEC * 0.5], axis=1),
)  # noqa: E501
case(
    "RigidTransform.as_dual_quat",
    lambda t: RigidTransform.from_exp_coords(t).as_dual_quat(),
    np.concatenate([VEC, VEC * 0.5], axis=1),
)  # noqa: E501

# -- fft ---------------------------------------------------------------------------------------
for _name in ("fft", "ifft", "rfft", "ihfft"):
    case(f"fft.{_name}", lambda x, f=getattr(fft, _name): abs(f(x)) ** 2, V)
for _name in ("fftn", "ifftn", "rfftn", "fft2", "ifft2", "rfft2"):
    case(f"fft.{_name}", lambda x, f=getattr(fft, _name): abs(f(x)) ** 2, S)
case("fft.irfft", lambda x: fft.irfft(fft.rfft(x) * 2j), V)
case("fft.hfft", fft.hfft, V)
case("fft.irfftn", lambda x: fft.irfftn(fft.rfftn(x) * 2), S)
case("fft.irfft2", lambda x: fft.irfft2(fft.rfft2(x) * 2), S)
case("fft.fftshift", fft.fftshift, V)
case("fft.ifftshift", fft.ifftshift, V)
case("fft.fht", lambda x: fft.fht(x, 0.1, 0.5), POS)
case("fft.ifht", lambda x: fft.ifht(x, 0.1, 0.5), POS)
case("fft.dct", fft.dct, V, reason=COMPILED)
case("fft.dstn", fft.dstn, S, reason=COMPILED)

# -- ndimage -----------------------------------------------------------------------------------
case("ndimage.gaussian_filter", lambda x: ndimage.gaussian_filter(x, 1.0), S, reason=COMPILED)
case("ndimage.rotate", lambda x: ndimage.rotate(x, 30.0), S, reason=COMPILED)
case("ndimage.sum_labels", ndimage.sum_labels, S, reason=COMPILED)
case("optimize.minimize", lambda x: optimize.minimize(optimize.rosen, x).fun, V, reason=FLOAT)

_ = pg
