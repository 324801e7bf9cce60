"""The cases of SciPy."""

import numpy as np
from other_code import (
    CONVERTS,
    GRID,
    POS,
    SECTION,
    M,
    N,
    S,
    V,
    W,
    case,
)  # fmt: skip
from scipy import (
    constants,
    differentiate,
    integrate,
    interpolate,
    optimize,
    signal,
    special,
)
from scipy.optimize import elementwise

case(
    "signal.detrend",
    lambda x: signal.detrend(x, type="constant", axis=0),
    M,
    variant="constant",
)
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
)
case("signal.resample", lambda x: signal.resample(x, 5), V)
case("signal.resample_poly", lambda x: signal.resample_poly(x, 2, 1), V)
case("signal.vectorstrength", lambda x: signal.vectorstrength(x, 1.3)[0], V)
case(
    "signal.sosfilt",
    lambda x: signal.sosfilt(signal.butter(2, 0.3, output="sos"), x),
    V,
)
case("signal.savgol_filter", lambda x: signal.savgol_filter(x, 5, 2), V)
case("signal.freqz", lambda b: abs(signal.freqz(b, worN=8)[1]), W[:3])
case(
    "signal.freqz_sos",
    lambda b: abs(signal.freqz_sos(np.concatenate([b, SECTION[:, 3:]], axis=1), worN=8)[1]),
    SECTION[:, :3],
)
case("signal.bilinear", lambda b, a: signal.bilinear(b, a)[0], POS[:2], POS[:3], reason=CONVERTS)
case("signal.lp2lp", lambda b, a: signal.lp2lp(b, a, 2.0)[0], POS[:2], POS[:3])
case("signal.lp2hp", lambda b, a: signal.lp2hp(b, a, 2.0)[0], POS[:2], POS[:3])
case("signal.lp2bp", lambda b, a: signal.lp2bp(b, a, 2.0)[0], POS[:2], POS[:3])
case("signal.lp2bs", lambda b, a: signal.lp2bs(b, a, 2.0)[0], POS[:2], POS[:3])
case("signal.zpk2tf", lambda z, p: signal.zpk2tf(z, p, 2.0)[0], V[:2], W[:3])
case("signal.zpk2sos", lambda z, p: signal.zpk2sos(z, p, 2.0), V[:2], W[:2], reason=CONVERTS)
case("signal.sos2tf", lambda s: signal.sos2tf(s)[0], SECTION)
case("signal.tf2zpk", lambda b, a: abs(signal.tf2zpk(b, a)[0]), POS[:3], POS[:3])
case("signal.normalize", lambda b, a: signal.normalize(b, a)[0], POS[:3], POS[:3])
case("signal.bilinear_zpk", lambda z: signal.bilinear_zpk(z, z, 1.0, 2.0)[0], -POS[:2])
case("signal.lp2lp_zpk", lambda z: signal.lp2lp_zpk(z, z, 1.0, 2.0)[0], -POS[:2])
case("signal.lp2hp_zpk", lambda z: signal.lp2hp_zpk(z, z, 1.0, 2.0)[0], -POS[:2])
case("signal.lp2bp_zpk", lambda z: np.real(signal.lp2bp_zpk(z, z, 1.0, 2.0)[0]), -POS[:2])

case("integrate.trapezoid", lambda y: integrate.trapezoid(y, dx=0.5), V)
case("integrate.trapezoid", integrate.trapezoid, V, W, variant="x")
case("integrate.cumulative_trapezoid", lambda y: integrate.cumulative_trapezoid(y, initial=0), V)
case("integrate.simpson", lambda y: integrate.simpson(y, dx=0.5), V)
case("integrate.cumulative_simpson", lambda y: integrate.cumulative_simpson(y, dx=0.5), V)
case("integrate.romb", lambda y: integrate.romb(y, dx=0.5), GRID**2 - GRID**3)
case(
    "interpolate.CubicSpline",
    lambda y: interpolate.CubicSpline(np.arange(8.0), y)(1.5),
    V,
)
case("differentiate.derivative", lambda x: differentiate.derivative(lambda t: t**3, x).df, POS)

case("optimize.rosen", optimize.rosen, V)
case("optimize.rosen_der", optimize.rosen_der, V)
case("optimize.rosen_hess", optimize.rosen_hess, V)
case("optimize.rosen_hess_prod", optimize.rosen_hess_prod, V, W)
case("constants.convert_temperature", lambda t: constants.convert_temperature(t, "C", "F"), V)
case("constants.lambda2nu", constants.lambda2nu, POS)
case("constants.nu2lambda", constants.nu2lambda, POS)

case("optimize.minimize", lambda x: optimize.minimize(optimize.rosen, x).fun, V, reason=CONVERTS)
case(
    "signal.fftconvolve axes", lambda x, y: signal.fftconvolve(x, y, mode="valid", axes=0), M, N[:2]
)
case("signal.resample axis", lambda x: signal.resample(x, 12, axis=0), M)
case("signal.minimum_phase", lambda x: signal.minimum_phase(x), np.array([0.1, 0.3, 0.5, 0.3, 0.1]))

case("signal.group_delay", lambda b, a: signal.group_delay((b, a), w=5)[1], POS[:3], POS[:2])
case("signal.freqz denominator", lambda b, a: abs(signal.freqz(b, a, worN=8)[1]), POS[:3], POS[:2])
case("signal.freqz_zpk", lambda z, p: abs(signal.freqz_zpk(z, p, 1.0, worN=8)[1]), V[:2], W[:2])
case("signal.freqs_zpk", lambda z, p: abs(signal.freqs_zpk(z, p, 1.0, worN=8)[1]), V[:2], W[:2])
case("signal.gauss_spline", lambda x: signal.gauss_spline(x, 3), V)
case(
    "signal.abcd_normalize",
    lambda a, b, c, d: signal.abcd_normalize(a, b, c, d)[0],
    S,
    M[:3, :1],
    M[:1],
    M[:1, :1],
)
case("signal.correlate2d", lambda a, b: signal.correlate2d(a, b), S, S)
case("signal.lfiltic", lambda b, a, y: signal.lfiltic(b, a, y), POS[:3], POS[:3], POS[:2])
case("signal.zpk2ss", lambda z, p: signal.zpk2ss(z, p, 1.0)[0], POS[:1], POS[:2], reason=CONVERTS)
case("signal.tf2ss", lambda z, p: signal.tf2ss(z, p)[0], POS[:1], POS[:3], reason=CONVERTS)
case("signal.windows.general_cosine", lambda x: signal.windows.general_cosine(5, x), POS[:3])
case(
    "integrate.cumulative_trapezoid x",
    lambda y, x: integrate.cumulative_trapezoid(y, x),
    V,
    np.cumsum(POS),
)
case(
    "integrate.simpson x",
    lambda y, x: integrate.simpson(y, x=x),
    V,
    np.cumsum(POS),
)
case(
    "integrate.tanhsinh",
    lambda a: integrate.tanhsinh(lambda x, a: special.expit(x * a), 0.0, 1.0, args=(a,)).integral,
    POS,
    reason=CONVERTS,
)
case(
    "integrate.cubature",
    lambda a: integrate.cubature(lambda x, a: x[:, 0] * a, a * 0, a * 0 + 1, args=(a,)).estimate,
    POS[:1],
)
case(
    "integrate.nsum",
    lambda a: integrate.nsum(lambda x, a: x ** (-a - 2), 1.0, np.inf, args=(a,)).sum,
    POS,
    reason=CONVERTS,
)
case("differentiate.jacobian", lambda x: differentiate.jacobian(lambda t: t**3, x).df, POS)
case("differentiate.hessian", lambda x: differentiate.hessian(optimize.rosen, x).ddf, POS[:3])
case(
    "optimize.elementwise.find_root",
    lambda a: elementwise.find_root(lambda x, a: x**3 - a, (a * 0, a * 0 + 3.0), args=(a,)).x,
    POS,
)
case(
    "optimize.elementwise.find_minimum",
    lambda a: (
        elementwise.find_minimum(lambda x, a: (x - a) ** 2, (a - 2, a - 0.1, a + 1), args=(a,)).x
    ),
    POS,
)
case(
    "interpolate.PchipInterpolator",
    lambda x, y: interpolate.PchipInterpolator(x, y)(x + 0.1),
    np.cumsum(POS),
    V,
)
case(
    "interpolate.KroghInterpolator",
    lambda x, y: interpolate.KroghInterpolator(x, y)(x + 0.1),
    np.cumsum(POS),
    V,
)
case(
    "interpolate.BarycentricInterpolator",
    lambda x, y: interpolate.BarycentricInterpolator(x, y)(x + 0.1),
    np.cumsum(POS),
    V,
)
case(
    "interpolate.interp1d",
    lambda x, y: interpolate.interp1d(x, y)(x[:2] + 0.1),
    np.cumsum(POS),
    V,
)
case(
    "interpolate.RBFInterpolator",
    lambda x, y: interpolate.RBFInterpolator(x, y)(x),
    M,
    V[:6],
)
case(
    "interpolate.RegularGridInterpolator grid",
    lambda v, x: interpolate.RegularGridInterpolator(
        (np.cumulative_sum(v[:, 0] ** 2), np.cumulative_sum(v[:, 1] ** 2)), v
    )(x),
    S,
    np.array([[9.4, 5.5]]),
)
case("interpolate.AAA", lambda x, y: interpolate.AAA(x, y)(x), np.cumsum(POS), V, reason=CONVERTS)
case("interpolate.pade", lambda x: interpolate.pade(x, 2)[0].coef, V, reason=CONVERTS)
case(
    "constants.convert_temperature kelvin", lambda x: constants.convert_temperature(x, "F", "K"), V
)
