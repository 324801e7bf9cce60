"""SciPy's functions: plain arrays, integer images, odd arguments, square roots of matrices."""

import numpy as np
import pytest
import scipy.linalg
from scipy import fft, interpolate, ndimage, signal, stats

import polygrad as pg

IMAGE = np.random.default_rng(1).normal(size=(5, 6))
WHOLE = np.arange(30, dtype=np.uint8).reshape(5, 6) * 7 % 31
FILTERS = {
    "correlate": lambda x: ndimage.correlate(x, np.ones((2, 3)), axes=(1, 0), origin=(0, -1)),
    "convolve": lambda x: ndimage.convolve(x, np.arange(6.0).reshape(2, 3), axes=(1, 0)),
    "gaussian_filter": lambda x: ndimage.gaussian_filter(x, 0.8),
    "gaussian_laplace": lambda x: ndimage.gaussian_laplace(x, 0.8, mode=["wrap", "nearest"]),
    "uniform_filter": lambda x: ndimage.uniform_filter(x, np.int64(3)),
    "median_filter": lambda x: ndimage.median_filter(x, np.int32(3)),
    "maximum_filter": lambda x: ndimage.maximum_filter(x, (np.int64(2), 3)),
    "grey_dilation": lambda x: ndimage.grey_dilation(x, (2, 3)),
    "rotate 90": lambda x: ndimage.rotate(x, 90),
    "rotate 180": lambda x: ndimage.rotate(x, 180, order=1),
    "rotate 270": lambda x: ndimage.rotate(x, -90, reshape=False, order=1),
    "rotate 30": lambda x: ndimage.rotate(x, 30.0),
    "shift": lambda x: ndimage.shift(x, (0.5, -1.0)),
    "zoom": lambda x: ndimage.zoom(x, 1.5),
    "spline_filter": lambda x: ndimage.spline_filter(x),
    "dct": lambda x: fft.dct(x, n=np.int64(4), axis=np.int64(0)),
    "dctn": lambda x: fft.dctn(x, s=(np.int64(4), np.int64(3))),
    "medfilt": lambda x: signal.medfilt(x, np.int64(3)),
    "detrend": lambda x: signal.detrend(x, axis=np.int64(0)),
}


def tracked(function, x):
    """What a function makes of a tracked array, as NumPy's array."""
    return pg.vjp(function, x)[0]


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_values_types_and_shapes_are_scipys(name, dtype):
    x = IMAGE.astype(dtype)
    f = FILTERS[name]
    expected = f(x)
    plain = f(pg.asarray(x))
    assert type(plain) is pg.Array
    np.testing.assert_array_equal(np.asarray(plain), expected)
    found = tracked(f, x)
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(found, expected, rtol=1e-5 if dtype == "float32" else 1e-9, atol=1e-5 if dtype == "float32" else 1e-9)  # fmt: skip # noqa: E501


@pytest.mark.parametrize("name", FILTERS)
def test_images_of_whole_numbers_are_scipys(name):
    f = FILTERS[name]
    expected = f(WHOLE)
    for found in (f(pg.asarray(WHOLE)), pg.jit(f)(WHOLE), pg.vmap(f)(WHOLE[None])[0]):
        assert np.asarray(found).dtype == expected.dtype
        np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: ndimage.gaussian_filter1d(x, 1.0, axis=2),
        lambda x: ndimage.sobel(x, axis=-3),
        lambda x: ndimage.gaussian_filter(x, 1.0, axes=(0, 0)),
        lambda x: ndimage.gaussian_filter(x, (1.0, 1.0, 1.0)),
        lambda x: ndimage.uniform_filter(x, (3, 3, 3)),
        lambda x: ndimage.maximum_filter(x, 3, axes=(5,)),
        lambda x: ndimage.convolve(x, np.ones((3, 3)), axes=(1, 1)),
        lambda x: ndimage.rotate(x, 10, axes=(0, 2)),
        lambda x: ndimage.shift(x, (1, 1, 1)),
        lambda x: fft.dct(x, axis=7),
        lambda x: fft.dctn(x, s=(2, 3, 4)),
        lambda x: signal.detrend(x, axis=3),
        lambda x: ndimage.gaussian_filter1d(x, 1.0, mode="nowhere"),
    ],
)
def test_arguments_that_cannot_be_raise(f):
    for run in (f, lambda x: f(pg.asarray(x)), lambda x: tracked(f, x), pg.jit(f)):
        with pytest.raises((ValueError, RuntimeError, IndexError, TypeError)):
            run(IMAGE)


def test_an_array_to_write_into_gets_the_answer():
    out = pg.zeros(IMAGE.shape)
    kept = pg.asarray(out)
    ndimage.gaussian_filter(pg.asarray(IMAGE), 1.0, output=out)
    np.testing.assert_array_equal(np.asarray(out), ndimage.gaussian_filter(IMAGE, 1.0))

    def into(x):
        out = pg.zeros(IMAGE.shape)
        ndimage.gaussian_filter(x, 1.0, output=out)
        return pg.sum(out**2)

    expected = pg.grad(lambda x: pg.sum(ndimage.gaussian_filter(x, 1.0) ** 2))(IMAGE)
    np.testing.assert_allclose(pg.grad(into)(IMAGE), expected)
    assert kept.shape == IMAGE.shape


def test_weights_that_are_complex_and_labels_that_are_absent():
    w = np.array([1.0 + 2j, -0.5j, 0.25])
    for f in (ndimage.correlate1d, ndimage.convolve1d):
        np.testing.assert_allclose(tracked(lambda x, f=f: f(x, w), IMAGE), f(IMAGE, w))
    marks = np.ones(IMAGE.shape, int)
    for f in (ndimage.minimum, ndimage.maximum):
        found = tracked(lambda x, f=f: f(x, marks, [1, 9]), IMAGE)
        np.testing.assert_allclose(found, f(IMAGE, marks, [1, 9]))


@pytest.mark.parametrize(
    "a",
    [
        np.array([[1.0, 2.0], [3.0, -4.0]]),
        np.array([[-4.0, 1.0], [2.0, -9.0]]),
        np.array([[4.0, 1.0], [0.3, 9.0]]),
        np.array([[0.0, 1.0], [-1.0, 0.0]]),
        np.random.default_rng(2).normal(size=(2, 3, 3)),
    ],
    ids=["one negative", "both negative", "real", "turn", "stack"],
)
def test_square_roots_of_matrices(a):
    root = scipy.linalg.sqrtm(a)
    found = tracked(scipy.linalg.sqrtm, a)
    np.testing.assert_allclose(found, root, atol=1e-12)
    np.testing.assert_allclose(found @ found, a, atol=1e-10)
    weight = np.cos(np.arange(a.size)).reshape(a.shape)

    def loss(a):
        return pg.sum(weight * pg.abs(scipy.linalg.sqrtm(a)) ** 2)

    pg.testing.check_grads(lambda a: [loss(a)], [a])


def test_a_square_root_that_is_not_there_is_nan_in_a_compiled_program():
    a = np.array([[4.0, 1.0], [0.3, 9.0]])
    f = pg.jit(scipy.linalg.sqrtm)
    np.testing.assert_allclose(f(a), scipy.linalg.sqrtm(a))
    assert np.all(np.isnan(f(-a)))
    assert f(a.astype(complex) * -1).dtype == np.complex128
    pg.testing.check_grads(lambda a: [scipy.linalg.sqrtm(a)], [a], order=2)
    # The derivative of the root of a singular matrix does not exist.
    singular = np.array([[0.0, 0.0], [0.0, 1.0]])
    assert np.isnan(pg.grad(lambda a: pg.sum(scipy.linalg.sqrtm(a)))(singular)).any()


def test_factors_of_stacks():
    a = np.random.default_rng(3).normal(size=(2, 3, 3))
    p, low, up = pg.vjp(scipy.linalg.lu, a)[0]
    np.testing.assert_allclose(np.asarray(p) @ np.asarray(low) @ np.asarray(up), a)
    pg.testing.check_grads(lambda a: list(scipy.linalg.lu(a)[1:]), [a])


def test_objects_of_plain_arrays_are_scipys():
    x = pg.asarray(np.linspace(0.0, 3.0, 6))
    spline = interpolate.CubicSpline(x, pg.cos(x))
    plain = interpolate.CubicSpline(np.linspace(0.0, 3.0, 6), np.cos(np.linspace(0.0, 3.0, 6)))
    np.testing.assert_allclose(np.asarray(spline.roots()), plain.roots())
    np.testing.assert_allclose(float(spline.integrate(0.0, 2.0)), plain.integrate(0.0, 2.0))
    np.testing.assert_allclose(
        np.asarray(stats.kstwobign.cdf(x)), stats.kstwobign.cdf(np.asarray(x))
    )


def test_scipys_table_of_its_functions_knows_the_fronts():
    from scipy._lib import _array_api

    tables = [t for t in vars(_array_api).values() if type(t) is dict and signal.detrend in t]
    known = [t for t in tables if t[signal.detrend] is t[signal.detrend.__wrapped__]]
    assert known or not hasattr(_array_api, "xp_capabilities_table")


def test_numbers_of_numpy_are_widths():
    found = pg.pad(pg.ones(2), (np.int64(1), np.int32(2)))
    assert found.shape == (5,)
    with pytest.raises(ValueError, match="pad_width"):
        pg.pad(pg.ones(2), np.float64(1.0))


def test_plain_numbers_beside_a_tracked_argument():
    from scipy.optimize import elementwise

    def root(a):
        return elementwise.find_root(lambda x, a: x**3 - a, (0.0, 3.0), args=(a,)).x

    assert abs(pg.grad(root)(2.0) - 2.0 ** (-2 / 3) / 3) < 1e-8

    def blocks(x):
        return pg.sum(scipy.linalg.block_diag([[x[0], x[1]]], [[x[2]]]) ** 2)

    np.testing.assert_allclose(pg.grad(blocks)(np.array([1.0, 2.0, 3.0])), [2.0, 4.0, 6.0])


def test_entropy_of_a_normal_distribution():
    cov = np.array([[2.0, 0.3], [0.3, 1.0]])
    entropy = stats.multivariate_normal.entropy
    np.testing.assert_allclose(tracked(lambda c: entropy(None, c), cov), entropy(None, cov))
    np.testing.assert_allclose(
        pg.grad(lambda c: entropy(cov=c))(cov), np.linalg.inv(cov) / 2, rtol=1e-9
    )
