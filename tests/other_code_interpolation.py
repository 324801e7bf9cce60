"""The cases of scipy.interpolate, and of functions that are run again as they are."""

import numpy as np
from other_code import GRID, NO_RULE, POS, M, S, V, W, case, rng
from scipy import integrate, interpolate, signal, special, stats

X = np.cumsum(POS)
POINTS = np.array([1.0, 2.2, 5.5])
for n in (
    "CubicSpline",
    "PchipInterpolator",
    "Akima1DInterpolator",
    "BarycentricInterpolator",
    "KroghInterpolator",
    "interp1d",
):
    f = getattr(interpolate, n)
    case("interpolate." + n + " by y", lambda y, f=f: f(X, y)(POINTS), V)
    case("interpolate." + n + " by x, y", lambda x, y, f=f: f(x, y)(POINTS), X, V)
    case("interpolate." + n + " by the point", lambda t, f=f: f(X, V)(t), POINTS)
    case("interpolate." + n + " by all", lambda x, y, t, f=f: f(x, y)(t), X, V, POINTS)
    case("interpolate." + n + " several", lambda y, f=f: f(X[:6], y, axis=0)(POINTS[:2]), M)
for bc in ("natural", "clamped", "not-a-knot", ((1, 0.5), (2, 0.1))):
    case(
        f"interpolate.CubicSpline ends {bc}",
        lambda x, y, bc=bc: interpolate.CubicSpline(x, y, bc_type=bc)(POINTS),
        X,
        V,
    )
case(
    "interpolate.CubicSpline periodic",
    lambda y: interpolate.CubicSpline(X, np.concatenate([y, y[:1]]), bc_type="periodic")(POINTS),
    V[:7],
)
for nu in (1, 2, 3):
    case(
        f"interpolate.CubicSpline derivative {nu}",
        lambda x, y, t, nu=nu: interpolate.CubicSpline(x, y)(t, nu),
        X,
        V,
        POINTS,
    )
case(
    "interpolate.CubicSpline.derivative",
    lambda y: interpolate.CubicSpline(X, y).derivative()(POINTS),
    V,
)
case(
    "interpolate.CubicSpline.antiderivative",
    lambda y: interpolate.CubicSpline(X, y).antiderivative()(POINTS),
    V,
)
case(
    "interpolate.CubicSpline.integrate",
    lambda y: interpolate.CubicSpline(X, y).integrate(1.0, 3.0),
    V,
)
case(
    "interpolate.CubicSpline extrapolated",
    lambda y, t: interpolate.CubicSpline(X, y)(t),
    V,
    np.array([-1.0, 12.0]),
)
case(
    "interpolate.PPoly",
    lambda c: interpolate.PPoly(c, np.array([0.0, 1, 2, 3]))(np.array([0.5, 2.2])),
    S,
)
case(
    "interpolate.CubicHermiteSpline",
    lambda x, y, d: interpolate.CubicHermiteSpline(x, y, d)(POINTS),
    X,
    V,
    W,
)
KNOTS = np.arange(10.0)
case(
    "interpolate.BSpline",
    lambda c: interpolate.BSpline(KNOTS, c, 2)(np.array([3.0, 4.5, 9.0])),
    V[:7],
)
case(
    "interpolate.BSpline by all",
    lambda t, c, x: interpolate.BSpline(t, c, 3)(x),
    np.sort(rng.uniform(0, 5, 12)),
    V,
    np.array([2.0, 2.5]),
)
case(
    "interpolate.BSpline derivative",
    lambda c, x: interpolate.BSpline(KNOTS, c, 3)(x, 1),
    V[:6],
    np.array([3.3, 4.5]),
)
case(
    "interpolate.BSpline second derivative",
    lambda c, x: interpolate.BSpline(KNOTS, c, 3)(x, 2),
    V[:6],
    np.array([3.3, 4.5]),
)
g = (np.arange(3.0), np.arange(3.0))
case(
    "interpolate.RegularGridInterpolator",
    lambda v: interpolate.RegularGridInterpolator(g, v)(np.array([[0.5, 1.5], [1.2, 0.3]])),
    S,
)
case(
    "interpolate.RegularGridInterpolator by the point",
    lambda x: interpolate.RegularGridInterpolator(g, S)(x),
    np.array([[0.5, 1.5], [1.2, 0.3]]),
)
case(
    "interpolate.RegularGridInterpolator by all",
    lambda a, v, x: interpolate.RegularGridInterpolator((a, g[1]), v)(x),
    np.array([0, 1.1, 2.0]),
    S,
    np.array([[0.5, 1.5], [1.2, 0.3]]),
)
case(
    "interpolate.RegularGridInterpolator nearest",
    lambda v: interpolate.RegularGridInterpolator(g, v, method="nearest")(np.array([[0.4, 1.3]])),
    S,
)
for k in ("nearest", "previous", "next"):
    case("interpolate.interp1d " + k, lambda y, k=k: interpolate.interp1d(X, y, kind=k)(POINTS), V)
case(
    "interpolate.interp1d extrapolated",
    lambda y: interpolate.interp1d(X, y, fill_value="extrapolate")(np.array([0.0, 20.0])),
    V,
)
case(
    "interpolate.interp1d fill_value",
    lambda y: interpolate.interp1d(X, y, bounds_error=False, fill_value=0.3)(np.array([0.0, 2.0])),
    V,
)
case("stats.linregress", lambda x, y: stats.linregress(x, y).slope, V, W)
case("stats.linregress p-value", lambda x, y: stats.linregress(x, y).pvalue, V, W)
case("stats.boxcox", lambda x: stats.boxcox(x, 0.3), POS)
case("stats.yeojohnson", lambda x: stats.yeojohnson(x, 0.3), V)
case("stats.theilslopes", lambda x: stats.theilslopes(x)[0], V)
case("stats.theilslopes of both", lambda x, y: stats.theilslopes(x, y)[0], V, W)
case("stats.siegelslopes", lambda x: stats.siegelslopes(x)[0], V)
case("stats.siegelslopes of both", lambda x, y: np.stack(stats.siegelslopes(x, y)), V, W)
case(
    "stats.siegelslopes separate",
    lambda x, y: np.stack(stats.siegelslopes(x, y, method="separate")),
    V, W,
)  # fmt: skip
case("stats.obrientransform", lambda x: stats.obrientransform(x, x)[0], V)
case("stats.wasserstein_distance", stats.wasserstein_distance, V, W)
case("stats.energy_distance", stats.energy_distance, V, W)
case("stats.scoreatpercentile", lambda x: stats.scoreatpercentile(x, 30), V)
case("stats.cramervonmises", lambda x: stats.cramervonmises(x, special.ndtr).statistic, V)
case("stats.trimboth", lambda x: np.sort(stats.trimboth(x, 0.2)), V)
case("stats.trim1", lambda x: np.sort(stats.trim1(x, 0.2)), V)
case("signal.freqs", lambda b, a: abs(signal.freqs(b, a, worN=GRID + 0.1)[1]), W[:2], POS[:3])
case("signal.gausspulse", lambda t: signal.gausspulse(t, 1.0), V)
case("signal.sweep_poly", lambda t: signal.sweep_poly(t, np.array([1.0, 2])), V)
case(
    "integrate.fixed_quad",
    lambda a: integrate.fixed_quad(lambda x, a: x * a, 0.0, 1.0, args=(a,))[0],
    np.array(0.7),
)
AT = np.array([1.0, 2.2])
EVEN = np.arange(8.0)
case("interpolate.make_interp_spline", lambda y: interpolate.make_interp_spline(X, y)(AT), V)
case(
    "interpolate.make_interp_spline several",
    lambda y: interpolate.make_interp_spline(X[:6], y, k=2)(AT),
    M,
)
case(
    "interpolate.make_interp_spline clamped",
    lambda y: interpolate.make_interp_spline(X, y, bc_type=([(1, 0.3)], [(1, 0.1)]))(AT),
    V,
)
case(
    "interpolate.make_lsq_spline",
    lambda y: interpolate.make_lsq_spline(EVEN, y, np.r_[(0,) * 4, 3.5, (7,) * 4])(AT),
    V,
)
case(
    "interpolate.make_smoothing_spline",
    lambda y: interpolate.make_smoothing_spline(EVEN, y, lam=0.3)(AT),
    V,
)
case(
    "interpolate.make_smoothing_spline by itself",
    lambda y: interpolate.make_smoothing_spline(EVEN, y)(AT),
    V,
    reason=NO_RULE,
)
case(
    "interpolate.interpn",
    lambda v: interpolate.interpn((np.arange(3.0), np.arange(3.0)), v, np.array([[0.5, 1.5]])),
    S,
)
case("signal.cspline1d", signal.cspline1d, V)
case("signal.qspline1d", signal.qspline1d, V)
case("signal.cspline1d_eval", lambda c: signal.cspline1d_eval(c, AT), V)
case("signal.qspline1d_eval", lambda c: signal.qspline1d_eval(c, AT), V)
case("signal.chirp", lambda t: signal.chirp(t, 1.0, 1.0, 0.5), V)
case("signal.sawtooth", lambda t: signal.sawtooth(t, 0.3), V)
case("stats.expectile", lambda x: stats.expectile(x, 0.3), V)
case("stats.anderson", lambda x: stats.anderson(x).statistic, V)
case("stats.chi2_contingency", lambda x: stats.chi2_contingency(x)[0], np.abs(S) + 1)
case(
    "stats.monte_carlo_test",
    lambda x: (
        stats.monte_carlo_test(
            x,
            lambda size: np.random.default_rng(1).normal(size=size),
            lambda a, axis: a.mean(axis),
            n_resamples=9,
            vectorized=True,
        ).statistic
    ),
    V,
)
for name in ("jn", "yn", "in", "kn"):
    f = getattr(special, f"spherical_{name}")
    case(f"special.spherical_{name}", lambda x, f=f: f(2, x), POS)
    case(f"special.spherical_{name} derivative", lambda x, f=f: f(2, x, derivative=True), POS)
