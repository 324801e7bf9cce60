"""Plain NumPy code on tracked arrays: values, gradients against finite differences, errors."""

import numpy as np
import pytest
import scipy.special as ss

import polygrad as pg
from polygrad.numpy_functions.table import FUNCTIONS
from polygrad.numpy_functions.ufuncs import UFUNCS

rng = np.random.default_rng(0)
V = np.array([0.7, -1.3, 2.1, 0.4, -0.6])
W = np.array([1.1, 0.3, -0.8, 1.9, 0.5])
M = rng.normal(size=(3, 4)) + 0.1
S = rng.normal(size=(3, 3)) + 3 * np.eye(3)
P = S @ S.T
T = rng.normal(size=(2, 3, 4))
MASK = np.array([True, False, True, True, False])
Z = np.array([0.3 + 1.2j, -0.7 + 0.4j, 1.1 - 0.9j])


def case(name, f, *args):
    return pytest.param(f, args, id=name)


# Each is called with NumPy arrays, and with the same arrays tracked.
DIFFERENTIABLE = [
    case("sum of sin", lambda x: np.sum(np.sin(x)), V),
    case("sum axis positional", lambda x: np.sum(x, 0), M),
    case("sum where initial", lambda x: np.sum(x, where=MASK, initial=2.0), V),
    case("sum dtype", lambda x: np.sum(x, dtype=np.float64), V.astype(np.float32)),
    case("prod", lambda x: np.prod(x, axis=1, keepdims=True), M),
    case("prod where", lambda x: np.prod(x, where=MASK), V),
    case("mean", lambda x: np.mean(x, 1), M),
    case("mean where", lambda x: np.mean(x, where=MASK), V),
    case("var ddof", lambda x: np.var(x, ddof=1, axis=0), M),
    case("var where", lambda x: np.var(x, where=MASK), V),
    case("std", lambda x: np.std(x, axis=1, ddof=1), M),
    case("max", lambda x: np.max(x, axis=1), M),
    case("amax", lambda x: np.amax(x, 0), M),
    case("min initial where", lambda x: np.min(x, initial=5.0, where=MASK), V),
    case("ptp", lambda x: np.ptp(x, axis=0), M),
    case("cumsum flat", lambda x: np.cumsum(x), M),
    case("cumsum axis", lambda x: np.cumsum(x, axis=1), M),
    case("cumprod", lambda x: np.cumprod(x, 1), M),
    case("nansum", lambda x: np.nansum(x, axis=0), M),
    case("nanmean", lambda x: np.nanmean(x, 1), M),
    case("nanstd", lambda x: np.nanstd(x, ddof=1), V),
    case("nanmax", lambda x: np.nanmax(x, axis=1), M),
    case("nancumsum", lambda x: np.nancumsum(x), V),
    case("average", lambda x, w: np.average(x, axis=1, weights=w), M, np.arange(1.0, 5.0)),
    case("average returned", lambda x: np.average(x, returned=True)[0], V),
    case("median", lambda x: np.median(x, axis=1), M),
    case("quantile", lambda x: np.quantile(x, [0.25, 0.6]), V),
    case("quantile axes", lambda x: np.quantile(x, 0.3, axis=(0, 2), keepdims=True), T),
    case("quantile nearest", lambda x: np.quantile(x, 0.3, method="nearest"), V),
    case("nanmedian", lambda x: np.nanmedian(x, axis=0), M),
    case("nanquantile", lambda x: np.nanquantile(x, [0.2, 0.7], axis=1), M),
    case("nanpercentile", lambda x: np.nanpercentile(x, (10, 85), keepdims=True), M),
    case("percentile", lambda x: np.percentile(x, 40.0, axis=0), M),
    case("cov", lambda x: np.cov(x), M),
    case("cov two", lambda x, y: np.cov(x, y, ddof=0), V, W),
    case("cov columns", lambda x: np.cov(x, rowvar=False), M),
    case("corrcoef", lambda x, y: np.corrcoef(x, y), V, W),
    case("reshape", lambda x: np.reshape(x, (2, -1)), M),
    case("ravel", lambda x: np.ravel(x), M),
    case("transpose", lambda x: np.transpose(x), T),
    case("transpose axes", lambda x: np.transpose(x, (1, 0, 2)), T),
    case("swapaxes", lambda x: np.swapaxes(x, 0, -1), T),
    case("moveaxis", lambda x: np.moveaxis(x, 0, -1), T),
    case("rollaxis", lambda x: np.rollaxis(x, 2, 0), T),
    case("expand_dims", lambda x: np.expand_dims(x, 0) * 2, V),
    case("squeeze", lambda x: np.squeeze(x[None]), V),
    case("atleast_2d", lambda x: np.atleast_2d(x), V),
    case("atleast_3d", lambda x: np.atleast_3d(x), M),
    case("concatenate", lambda x, y: np.concatenate([x, y, np.ones(2)]), V, W),
    case("concatenate axis", lambda x: np.concatenate((x, x * x), 1), M),
    case("stack", lambda x, y: np.stack([x, y], axis=1), V, W),
    case("vstack", lambda x, y: np.vstack([x, y]), V, W),
    case("hstack", lambda x: np.hstack((x, x)), M),
    case("dstack", lambda x: np.dstack((x, x * 2)), M),
    case("column_stack", lambda x, y: np.column_stack([x, y]), V, W),
    case("block", lambda x: np.block([[x, 2 * x], [np.zeros((3, 3)), x]]), S),
    case("append", lambda x: np.append(x, [1.0, 2.0]), V),
    case("insert", lambda x: np.insert(x, 1, 5.0), V),
    case("delete", lambda x: np.delete(x, [0, 2]), V),
    case("split", lambda x: np.split(x, 2, axis=1)[1], M),
    case("array_split", lambda x: np.array_split(x, 3)[0], V),
    case("hsplit", lambda x: np.hsplit(x, [1, 3])[1], M),
    case("flip", lambda x: np.flip(x, 1), M),
    case("fliplr", lambda x: np.fliplr(x), M),
    case("flipud", lambda x: np.flipud(x), M),
    case("rot90", lambda x: np.rot90(x, 3), M),
    case("roll", lambda x: np.roll(x, 2), V),
    case("roll axis", lambda x: np.roll(x, 1, axis=1), M),
    case("tile", lambda x: np.tile(x, (2, 1)), M),
    case("repeat", lambda x: np.repeat(x, 2, axis=0), M),
    case("broadcast_to", lambda x: np.broadcast_to(x, (2, 5)), V),
    case("pad", lambda x: np.pad(x, 2, mode="reflect"), V),
    case("pad constant", lambda x: np.pad(x, (1, 2), constant_values=3.0), V),
    case("meshgrid", lambda x, y: np.meshgrid(x, y)[0], V, W),
    case("tril", lambda x: np.tril(x, -1), S),
    case("triu", lambda x: np.triu(x), S),
    case("diag of vector", lambda x: np.diag(x, 1), V),
    case("diag of vector below", lambda x: np.diag(x, -2), V),
    case("diag of matrix", lambda x: np.diag(x), S),
    case("diagflat", lambda x: np.diagflat(x), M),
    case("diagonal", lambda x: np.diagonal(x, 1, 0, 2), T),
    case("trace", lambda x: np.trace(x), S),
    case("resize", lambda x: np.resize(x, (2, 4)), V),
    case("dot vectors", lambda x, y: np.dot(x, y), V, W),
    case("dot matrices", lambda x: np.dot(x, x.T), M),
    case("dot scalar", lambda x: np.dot(x, 2.0), V),
    case("dot nd", lambda x: np.dot(x, T), S @ np.ones((3, 3))),
    case("inner", lambda x: np.inner(x, x), M),
    case("outer", lambda x, y: np.outer(x, y), V, W),
    case("vdot", lambda x, y: np.vdot(x, y), V, W),
    case("matmul", lambda x: np.matmul(x, x), S),
    case("tensordot", lambda x, y: np.tensordot(x, y, axes=([1, 2], [0, 1])), T, M),
    case("einsum", lambda x: np.einsum("ij,kj->ik", x, x), M),
    case("einsum trace", lambda x: np.einsum("ii", x), S),
    case("kron", lambda x, y: np.kron(x, y), S, M),
    case("cross", lambda x: np.cross(x, [1.0, 2.0, 3.0]), S),
    case("convolve", lambda x, y: np.convolve(x, y), V, W[:3]),
    case("convolve same", lambda x, y: np.convolve(x, y, "same"), V, W[:3]),
    case("convolve valid", lambda x, y: np.convolve(x, y, mode="valid"), W[:2], V),
    case("correlate", lambda x, y: np.correlate(x, y), V, W[:3]),
    case("correlate full", lambda x, y: np.correlate(x, y, "full"), V[:2], W),
    case("correlate same", lambda x, y: np.correlate(x, y, "same"), V[:2], W),
    case("norm", lambda x: np.linalg.norm(x), V),
    case("norm of matrix", lambda x: np.linalg.norm(x), M),
    case("norm axis", lambda x: np.linalg.norm(x, axis=1), M),
    case("norm ord", lambda x: np.linalg.norm(x, 1), V),
    case("norm inf", lambda x: np.linalg.norm(x, np.inf, 0), M),
    case("norm nuclear", lambda x: np.linalg.norm(x, "nuc"), M),
    case("norm spectral", lambda x: np.linalg.norm(x, 2, keepdims=True), M),
    case("det", lambda x: np.linalg.det(x), S),
    case("slogdet", lambda x: np.linalg.slogdet(x)[1], S),
    case("inv", lambda x: np.linalg.inv(x), S),
    case("solve", lambda x, y: np.linalg.solve(x, y), S, V[:3]),
    case("cholesky", lambda x: np.linalg.cholesky((x + x.T) / 2), P),
    case("eigh", lambda x: np.linalg.eigh(x + x.T)[0], S),
    case("eigvalsh", lambda x: np.linalg.eigvalsh(x + x.T), S),
    case("qr", lambda x: np.linalg.qr(x)[1], S),
    case("svd", lambda x: np.linalg.svd(x, compute_uv=False), M),
    case("pinv", lambda x: np.linalg.pinv(x), M),
    case("lstsq", lambda x, y: np.linalg.lstsq(x, y, rcond=None)[0], M.T, V[:4]),
    case("matrix_power", lambda x: np.linalg.matrix_power(x, 3), S),
    case("multi_dot", lambda x: np.linalg.multi_dot([x, x.T, x]), M),
    case("cond", lambda x: np.linalg.cond(x), S),
    case("fft", lambda x: np.real(np.fft.fft(x)) + np.imag(np.fft.fft(x)), V),
    case("rfft irfft", lambda x: np.fft.irfft(np.fft.rfft(x) * 2, n=5), V),
    case("fft2", lambda x: np.abs(np.fft.fft2(x)) ** 2, M),
    case("fftshift", lambda x: np.fft.fftshift(x), V),
    case("where", lambda x: np.where(x > 0, x * x, -x), V),
    case("where integers", lambda x: np.where([1, 0, 1, 0, 1], x, 0.0), V),
    case("clip", lambda x: np.clip(x, -0.5, 1.0), V),
    case("clip one side", lambda x: np.clip(x, None, 1.0), V),
    case("select", lambda x: np.select([x > 1, x > 0], [x**2, x**3], 5.0), V),
    case("choose", lambda x: np.choose(np.array([0, 1, 0, 1, 1]), [x, x * x]), V),
    case("piecewise", lambda x: np.piecewise(x, [x < 0, x >= 0], [lambda v: -v, lambda v: v * v]), V),  # noqa: E501
    case("diff", lambda x: np.diff(x, n=2, axis=1), M),
    case("diff prepend", lambda x: np.diff(x, prepend=0.0), V),
    case("ediff1d", lambda x: np.ediff1d(x, to_end=[9.0]), V),
    case("trapezoid", lambda y: np.trapezoid(y, dx=0.5), V),
    case("trapezoid x", lambda y, x: np.trapezoid(y, x), V, W),
    case("gradient", lambda x: np.gradient(x, 0.5), V),
    case("gradient axis", lambda x: np.gradient(x, axis=1), M),
    case("gradient uneven", lambda x, t: np.gradient(x, t), V, np.array([0.0, 1.0, 1.5, 3.0, 4.0])),
    case("interp", lambda x, k, f: np.interp(x, k, f), np.array([-0.5, 0.2, 1.4, 3.5]), np.array([0.0, 1.0, 3.0]), W[:3]),  # noqa: E501
    case("linspace", lambda x: np.linspace(x[0], x[1], 5), V),
    case("linspace open", lambda x: np.linspace(0.0, x[1], 4, endpoint=False), V),
    case("logspace", lambda x: np.logspace(0.0, x[0], 4), V),
    case("geomspace", lambda x: np.geomspace(1.0, x[0], 4), V),
    case("ufunc of SciPy", lambda x: ss.expit(x) + ss.xlogy(x, 2.0) + ss.jv(1, x), np.abs(V)),
    case("unwrap", lambda x: np.unwrap(x), np.array([0.1, 3.0, -3.0, -0.2, 6.5])),
    case("polyval", lambda p, x: np.polyval(p, x), W[:3], V),
    case("polymul", lambda p, q: np.polymul(p, q), W[:3], V),
    case("polyadd", lambda p, q: np.polyadd(p, q), W[:3], V),
    case("polyder", lambda p: np.polyder(p), V),
    case("vander", lambda x: np.vander(x, 3), V),
    case("sort", lambda x: np.sort(x, axis=0), M),
    case("partition", lambda x: np.sort(np.partition(x, 2)), V),
    case("take", lambda x: np.take(x, [0, 2, 2]), V),
    case("take wrap", lambda x: np.take(x, [7, -1], mode="wrap"), V),
    case("take axis", lambda x: np.take(x, np.array([1, 0]), axis=1), M),
    case("take_along_axis", lambda x: np.take_along_axis(x, np.argsort(x, axis=1), axis=1), M),
    case("compress", lambda x: np.compress(MASK, x), V),
    case("extract", lambda x: np.extract(x > 0, x), V),
    case("bincount", lambda w: np.bincount([0, 1, 1, 3, 0], weights=w), V),
    case("histogram", lambda w: np.histogram([1.0, 2.0, 2.5, 4.0, 0.1], bins=3, weights=w)[0], V),
    case("sinc", lambda x: np.sinc(x), V),
    case("i0", lambda x: np.i0(x), V),
    case("nan_to_num", lambda x: np.nan_to_num(x), V),
    case("apply_along_axis", lambda x: np.apply_along_axis(lambda r: r * r.sum(), 1, x), M),
    case("heaviside", lambda x: np.heaviside(x, 0.5) * x, V),
    case("fmax", lambda x: np.fmax(x, W), V),
    case("fmod", lambda x: np.fmod(x, 0.45), V),
    case("modf", lambda x: np.modf(x)[0], V),
    case("cbrt", lambda x: np.cbrt(x), V),
    case("exp2", lambda x: np.exp2(x), V),
    case("float_power", lambda x: np.float_power(x, 2), V),
    case("logaddexp2", lambda x: np.logaddexp2(x, W), V),
    case("deg2rad", lambda x: np.deg2rad(x), V),
    case("ldexp", lambda x: np.ldexp(x, [1, 2, 3, 0, 1]), V),
    case("add.reduce", lambda x: np.add.reduce(x, axis=1), M),
    case("add.reduce all", lambda x: np.add.reduce(x, axis=None), M),
    case("multiply.reduce", lambda x: np.multiply.reduce(x), M),
    case("maximum.reduce", lambda x: np.maximum.reduce(x, axis=1, keepdims=True), M),
    case("hypot.reduce", lambda x: np.hypot.reduce(x, axis=1), M),
    case("logaddexp.reduce", lambda x: np.logaddexp.reduce(x, axis=0), M),
    case("add.accumulate", lambda x: np.add.accumulate(x, axis=1), M),
    case("maximum.accumulate", lambda x: np.maximum.accumulate(x), V),
    case("multiply.outer", lambda x, y: np.multiply.outer(x, y), V, W),
    case("add.outer", lambda x: np.add.outer(x, [1.0, 2.0]), M),
    case("add.reduceat", lambda x: np.add.reduceat(x, [0, 2, 3]), V),
    case("ufunc out of an Array", lambda x: _into(x), V),
    case("methods", lambda x: x.sum(0) + x.mean(axis=0) + x.max(0) * x.std(axis=0, ddof=1), M),
    case("methods 2", lambda x: x.cumsum(1).prod(axis=1) + x.var(1) - x.min(axis=1), M),
    case("methods 3", lambda x: x.swapaxes(0, 1).reshape(-1).repeat(2).clip(-1, 1), M),
    case("methods 4", lambda x: x.dot(x.T).trace() + x.ravel().dot(x.flatten()), M),
    case("methods 5", lambda x: x.take([0, 1], axis=1).diagonal(), M),
    case("operators", lambda x, y: (x @ y) * 2.0 - x[0] ** 2 / 3 + abs(x) % 0.61, V, W),
]  # fmt: skip


def _into(x):
    out = np.multiply(x, 0.0)
    np.multiply(x, x, out=out)
    np.add(out, x, out=out, where=MASK)
    return out


def value(f, args):
    out = np.asarray(f(*args))
    return np.sum(np.cos(np.arange(out.size)).reshape(out.shape) * out)


def tracked(f, args):
    def loss(*arrays):
        out = f(*arrays)
        weights = np.cos(np.arange(out.size)).reshape(out.shape)
        return np.sum(weights * out)

    return pg.value_and_grad(loss, argnums=tuple(range(len(args))))(*args)


@pytest.mark.parametrize(("f", "args"), DIFFERENTIABLE)
def test_value_and_gradient(f, args):
    before = [a.copy() for a in args]
    got, grads = tracked(f, args)
    np.testing.assert_allclose(got, value(f, args), rtol=1e-6 if args[0].dtype != float else 1e-10)
    h = 1e-6
    for i, (a, g) in enumerate(zip(args, grads, strict=True)):
        assert (g.shape, g.dtype) == (a.shape, a.dtype)
        if a.dtype != np.float64:
            continue
        expected = np.zeros_like(a)
        for k in np.ndindex(a.shape):
            step = np.zeros_like(a)
            step[k] = h
            up = value(f, (*args[:i], a + step, *args[i + 1 :]))
            down = value(f, (*args[:i], a - step, *args[i + 1 :]))
            expected[k] = (up - down) / (2 * h)
        np.testing.assert_allclose(g, expected, rtol=2e-6, atol=2e-7)
    for a, b in zip(args, before, strict=True):
        np.testing.assert_array_equal(a, b)


# No gradient flows: the values have to be NumPy's.
CONSTANT = [
    case("argmax", lambda x: np.argmax(x, 1), M),
    case("argmin", lambda x: np.argmin(x), M),
    case("argsort", lambda x: np.argsort(x, axis=0), M),
    case("all", lambda x: np.all(x > 0, 1), M),
    case("any", lambda x: np.any(x > 0, axis=0), M),
    case("count_nonzero", lambda x: np.count_nonzero(x > 0), M),
    case("nonzero", lambda x: np.nonzero(x > 0)[0], V),
    case("where one", lambda x: np.where(x > 0)[0], V),
    case("argwhere", lambda x: np.argwhere(x > 0), M),
    case("flatnonzero", lambda x: np.flatnonzero(x > 0), M),
    case("searchsorted", lambda x: np.searchsorted(np.sort(x), [0.0, 1.0]), V),
    case("digitize", lambda x: np.digitize(x, [-1.0, 0.0, 1.0]), V),
    case("isclose", lambda x: np.isclose(x, x + 1e-12), V),
    case("array_equal", lambda x: np.array_equal(x, x.copy()), V),
    case("allclose", lambda x: np.allclose(x, V), V),
    case("shape", lambda x: np.shape(x), M),
    case("ndim", lambda x: np.ndim(x), M),
    case("size", lambda x: np.size(x, 1), M),
    case("unique", lambda x: np.unique(np.round(x)), M),
    case("unique counts", lambda x: np.unique(np.round(x), return_counts=True)[1], M),
    case("isin", lambda x: np.isin(np.round(x), [0.0, 1.0]), V),
    case("floor", lambda x: np.floor(x), V),
    case("around", lambda x: np.around(x, 1), V),
    case("sign", lambda x: np.sign(x), V),
    case("signbit", lambda x: np.signbit(x), V),
    case("logical", lambda x: np.logical_and(x > 0, x < 1), V),
    case("logical reduce", lambda x: np.logical_or.reduce(x > 0), V),
    case("zeros_like", lambda x: np.zeros_like(x, dtype=np.float32), V),
    case("full_like", lambda x: np.full_like(x, 7.0), V),
    case("ones_like shape", lambda x: np.ones_like(x, shape=(2, 2)), V),
    case("histogram", lambda x: np.histogram(x, bins=4)[0], V),
    case("nanargmax", lambda x: np.nanargmax(x), V),
    case("iscomplexobj", lambda x: np.iscomplexobj(x), V),
    case("matrix_rank", lambda x: np.linalg.matrix_rank(x), S),
]  # fmt: skip


@pytest.mark.parametrize(("f", "args"), CONSTANT)
def test_value_without_gradient(f, args):
    seen = []

    def loss(*arrays):
        out = f(*arrays)
        seen.append(out if isinstance(out, bool | int | tuple) else pg.to_numpy(out))
        return pg.sum(arrays[0])

    pg.grad(loss)(*args)
    np.testing.assert_allclose(seen[0], f(*args))


def test_complex():
    def f(z):
        return np.sum(np.abs(np.vdot(z, z)) + np.angle(z) + np.real(z * np.conj(z)))

    value, g = pg.value_and_grad(f)(Z)
    assert value == pytest.approx(f(Z))
    h = 1e-6
    for k in range(3):
        step = np.zeros(3, complex)
        step[k] = h
        along = (f(Z + step) - f(Z - step)) / (2 * h)
        across = (f(Z + 1j * step) - f(Z - 1j * step)) / (2 * h)
        assert g[k] == pytest.approx(along + 1j * across, rel=1e-6)


def in_place(x):
    np.copyto(x, x * 2.0, where=MASK)
    np.add.at(x, [0, 0, 1], np.array([1.0, 2.0, 3.0]))
    np.putmask(x, x > 2.5, x * x)
    np.put(x, [4], [9.0])
    y = np.reshape(np.concatenate([x, x[:4]]), (3, 3))
    np.fill_diagonal(y, 1.0)
    np.put_along_axis(y, np.array([[0], [1], [0]]), 7.0, axis=1)
    y += 1.0
    y[0, 1:] *= 3.0
    return np.sum(y**2)


def test_code_that_writes_into_its_arrays():
    value, g = pg.value_and_grad(lambda x: in_place(pg.asarray(x, copy=True)))(V)
    assert value == pytest.approx(in_place(V.copy()))
    h = 1e-6
    for k in range(5):
        step = np.zeros(5)
        step[k] = h
        expected = (in_place(V + step) - in_place(V - step)) / (2 * h)
        assert g[k] == pytest.approx(expected, rel=1e-6, abs=1e-8)


def test_every_numpy_function_has_a_rule_or_says_by_name_that_it_has_none():
    """No function computes with tracked data on the side."""
    for module in (np, np.linalg, np.fft):
        for name in dir(module):
            function = getattr(module, name)
            if type(function).__name__ != "_ArrayFunctionDispatcher":
                continue
            full = f"{function.__module__}.{function.__name__}"
            if full in FUNCTIONS or name in ("array_repr", "array_str", "array2string"):
                continue
            with pytest.raises(pg.errors.NonDifferentiableError, match=f"{full} has no rule"):
                pg.asarray(V).__array_function__(function, (), (), {})


def test_every_ufunc_has_a_rule_or_says_so():
    for name in dir(np):
        function = getattr(np, name)
        if isinstance(function, np.ufunc) and function.__name__ not in UFUNCS:
            with pytest.raises(pg.errors.NonDifferentiableError, match="has no rule"):
                pg.asarray(V).__array_ufunc__(function, "__call__", *[pg.asarray(V)])


@pytest.mark.parametrize(
    ("f", "error", "match"),
    [
        (lambda x: np.spacing(x), "NonDifferentiableError", "ufunc spacing has no rule"),
        (lambda x: np.packbits(x), "NonDifferentiableError", "numpy.packbits has no rule"),
        (lambda x: np.sum(x, out=np.zeros(())), "LostGradientError", "numpy.sum would write"),
        (lambda x: np.add(x, x, out=np.zeros(5)), "LostGradientError", "numpy.add would write"),
        (lambda x: np.add(x, 1.0, where=MASK), "ArgumentValueError", r"where="),
        (lambda x: np.quantile(x, 0.5, weights=V), "ArgumentValueError", "inverted_cdf"),
        (lambda x: np.interp(x, [0, 1], [0, 1], period=0), "ArgumentValueError", "period"),
        (lambda x: np.quantile(x, 0.5, method="middle"), "ArgumentValueError", "middle"),
        (lambda x: np.add.at(np.zeros(5), [0], x[:1]), "LostGradientError", "numpy.add.at"),
        (lambda x: np.copyto(np.zeros(5), x), "LostGradientError", "copyto would write"),
    ],
)  # fmt: skip
def test_named_errors(f, error, match):
    with pytest.raises(getattr(pg.errors, error), match=match):
        pg.grad(lambda x: pg.sum(f(x)))(V)


def test_methods_that_write_in_place():
    x = pg.asarray([3.0, 1.0, 2.0])
    assert x.sort() is None
    assert x.tolist() == [1.0, 2.0, 3.0]
    x.fill(2)
    assert x.tolist() == [2.0, 2.0, 2.0]
    out = pg.zeros(())
    assert x.sum(out=out) is out
    assert out.item() == 6.0
    assert pg.asarray([1 + 2j]).conjugate().tolist() == [1 - 2j]


def test_an_in_place_operator_does_not_narrow_the_dtype():
    n = pg.asarray([1, 2, 3])
    with pytest.raises(pg.errors.ArgumentTypeError, match="cannot cast float64 to int64"):
        n += 0.5
    n *= 2
    assert n.tolist() == [2, 4, 6]


def test_in_place_on_a_numpy_array_raises():
    constant = np.ones(5)

    def f(x):
        nonlocal constant
        constant += x
        return np.sum(constant)

    with pytest.raises(pg.errors.LostGradientError, match="x = x \\+ y"):
        pg.grad(f)(V)


def through_views(x):
    x = x * 1.0
    row = x[0]
    row += 1
    row[1:] *= 2
    x[1][0] = 5.0
    for part in x:
        part *= 3
    a, b = x[:, 0], x[:, 1]
    a += b
    b -= a
    x.T[1] *= 0.5
    x.reshape(-1)[::3] += 1.0
    x.flat[1] = 2.0 * x[1, 1]
    x.swapaxes(0, 1)[0, 1] -= 4.0
    chained = x[1:][0][::2]
    chained *= chained
    alone = x[0] * 1.0
    alone += 100.0
    return np.sum(x**2)


def test_writing_into_a_view_changes_the_array_it_is_a_view_of():
    x = np.arange(9.0).reshape(3, 3) / 5
    value, g = pg.value_and_grad(through_views)(x)
    assert value == pytest.approx(through_views(x))
    for k in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[k] = 1e-6
        expected = (through_views(x + step) - through_views(x - step)) / 2e-6
        assert g[k] == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_a_copy_is_no_view():
    x = pg.asarray([1.0, 2.0, 3.0])
    for part in (x[[0, 1]], x[1:].copy(), x.flatten(), x[x > 0], pg.asarray(x, copy=True)):
        part += 1.0
    assert x.tolist() == [1.0, 2.0, 3.0]


@pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.4.0", reason="a protocol of NumPy 2.4")
def test_numpy_takes_the_data_types():
    x = pg.ones(2, dtype=pg.float32)
    assert np.zeros(3, dtype=x.dtype).dtype == np.float32
    assert np.dtype(pg.complex64) == np.complex64
