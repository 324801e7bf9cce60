"""SciPy's functions: arrays to write into, interpolants, complex and empty images, past outputs."""

import inspect
import sys
import threading

import numpy as np
import pytest
import scipy.special
from scipy import fft, interpolate, ndimage, signal, stats
from scipy.spatial import distance

import polygrad as pg
from polygrad.scipy_functions import names

X = np.random.default_rng(3).normal(size=(5, 6))


WRITERS = {
    "binary_closing": lambda x, out: ndimage.binary_closing(x > 0, output=out),
    "binary_dilation": lambda x, out: ndimage.binary_dilation(x > 0, output=out),
    "binary_erosion": lambda x, out: ndimage.binary_erosion(x > -1, output=out),
    "binary_fill_holes": lambda x, out: ndimage.binary_fill_holes(x > 0, output=out),
    "binary_hit_or_miss": lambda x, out: ndimage.binary_hit_or_miss(x > 0, [[1]], output=out),
    "binary_opening": lambda x, out: ndimage.binary_opening(x > -1, [[1, 1]], 1, out),
    "binary_propagation": lambda x, out: ndimage.binary_propagation(x > 1, mask=x > 0, output=out),
    "distance_transform_bf": lambda x, out: ndimage.distance_transform_bf(x > 0, distances=out),
    "distance_transform_edt": lambda x, out: ndimage.distance_transform_edt(x > 0, distances=out),
    "generic_filter1d": lambda x, out: ndimage.generic_filter1d(x, _sums, 3, output=out),
    "label": lambda x, out: ndimage.label(x > 0, output=out),
    "vectorized_filter": lambda x, out: ndimage.vectorized_filter(x, np.mean, size=3, output=out),
    "gaussian_filter": lambda x, out: ndimage.gaussian_filter(x, 1.0, output=out),
    "rotate": lambda x, out: ndimage.rotate(x, 20.0, reshape=False, output=out),
}
TYPES = {"label": "int32", "distance_transform_bf": "float64", "distance_transform_edt": "float64"}


def _sums(line, out):
    out[...] = line[:-2] + line[1:-1] + line[2:]


@pytest.mark.parametrize("name", WRITERS)
def test_an_array_to_write_into_is_written(name):
    dtype = TYPES.get(name, "bool" if name.startswith("binary") else "float64")
    expected = np.zeros(X.shape, dtype)
    WRITERS[name](X, expected)
    assert expected.any()
    out = pg.zeros(X.shape, dtype=dtype)
    WRITERS[name](pg.asarray(X), out)
    np.testing.assert_allclose(np.asarray(out), expected, rtol=1e-12)
    larger = pg.zeros((6, 7), dtype=dtype)  # a part of another array
    WRITERS[name](pg.asarray(X), larger[1:, :0:-1])
    np.testing.assert_allclose(np.asarray(larger)[1:, :0:-1], expected, rtol=1e-12)
    assert not np.asarray(larger)[0].any()


def test_every_name_of_ndimage_that_writes_has_a_front():
    known = {name for table in (names.STAND_INS, names.PLAIN, names.WRITTEN) for name in table["scipy.ndimage"]}  # fmt: skip # noqa: E501
    for name in ndimage.__all__:
        parameters = inspect.signature(getattr(ndimage, name)).parameters
        if {"output", "distances", "indices"} & set(parameters):
            assert name in known, name


def test_answers_about_a_plain_array_are_arrays():
    x = pg.asarray(X)
    marks = ndimage.label(x > 0)[0]
    found = ndimage.value_indices(marks)
    assert all(type(part) is pg.Array for places in found.values() for part in places)
    roots, counts = signal.unique_roots(pg.asarray([1.0, 1.0, 2.0]))
    assert type(roots) is type(counts) is pg.Array
    fit, expected = stats.linregress(pg.asarray(X[0]), pg.asarray(X[1])), stats.linregress(*X[:2])
    for name in ("slope", "pvalue", "intercept_stderr"):
        assert type(getattr(fit, name)) is pg.Array
        np.testing.assert_allclose(np.asarray(getattr(fit, name)), getattr(expected, name))


def test_what_a_user_plots_are_arrays():
    seen = []
    signal.freqs(pg.asarray([1.0]), pg.asarray([1.0, 2.0]), worN=4, plot=lambda *v: seen.extend(v))
    assert [type(part) for part in seen] == [pg.Array, pg.Array]


def test_distances_of_vectors_of_single_precision():
    u, v = X[0].astype("float32"), X[1].astype("float32")
    for f in (distance.euclidean, lambda u, v: distance.minkowski(u, v, 3)):
        assert pg.vjp(lambda u, f=f: f(u, v), u)[0].dtype == np.asarray(f(u, v)).dtype
        assert pg.grad(lambda u, f=f: f(u, v))(u).dtype == "float32"


@pytest.mark.parametrize(
    "make",
    [
        lambda x, y: interpolate.make_interp_spline(x, y),
        lambda x, y: interpolate.make_smoothing_spline(x, y, lam=0.1),
        lambda x, y: interpolate.make_lsq_spline(x, y, _knots(x)),
        lambda x, y: interpolate.make_interp_spline(x, y).insert_knot(1.5),
    ],
)
def test_splines_of_plain_arrays_hold_arrays(make):
    x, y = np.arange(8.0), np.sin(np.arange(8.0))
    expected, found = make(x, y), make(pg.asarray(x), pg.asarray(y))
    for part, array in ((found.c, expected.c), (found.t, expected.t)):
        assert type(part) is pg.Array
        np.testing.assert_allclose(np.asarray(part), array, atol=1e-12)
    at = np.array([0.5, 2.25])
    np.testing.assert_allclose(np.asarray(found(pg.asarray(at))), expected(at), atol=1e-12)
    slope = pg.grad(lambda v: pg.sum(found(v)))(at)
    np.testing.assert_allclose(slope, expected.derivative()(at), atol=1e-10)


def _knots(x):
    knots = np.r_[[0.0] * 4, [2.5, 4.5], [7.0] * 4]
    return pg.asarray(knots) if type(x) is pg.Array else knots


IMAGE = X + 1j * X[::-1]
MOVES = {
    "shift": lambda x: ndimage.shift(x, (0.3, 1.2), cval=2 + 1j),
    "rotate": lambda x: ndimage.rotate(x, 33.0, order=1),
    "zoom": lambda x: ndimage.zoom(x, 1.7),
    "affine_transform": lambda x: ndimage.affine_transform(x, np.array([[1.0, 0.2], [0.1, 1.0]])),
    "map_coordinates": lambda x: ndimage.map_coordinates(x, np.array([[0.5, 2.0], [1.5, 3.2]])),
}


@pytest.mark.parametrize("name", MOVES)
def test_complex_images_are_moved(name):
    f = MOVES[name]
    expected = f(IMAGE)
    found, pull = pg.vjp(f, IMAGE)
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(np.asarray(found), expected, atol=1e-12)
    direction = np.random.default_rng(4).normal(size=X.shape) * (1 + 2j)
    weight = np.random.default_rng(5).normal(size=expected.shape) * (2 + 3j)
    along = (f(IMAGE + 1e-6 * direction) - f(IMAGE - 1e-6 * direction)) / 2e-6
    slope = np.asarray(pull(pg.asarray(weight))[0])
    np.testing.assert_allclose(
        np.real(np.vdot(slope, direction)), np.real(np.vdot(weight, along)), rtol=1e-6, atol=1e-8
    )


@pytest.mark.parametrize(
    "f",
    [
        lambda x: ndimage.convolve(x, np.ones((2, 2))),
        lambda x: ndimage.correlate1d(x, np.ones(3), axis=0),
        lambda x: ndimage.gaussian_filter(x, 1.0),
        lambda x: ndimage.maximum_filter(x, 3),
    ],
)
def test_images_without_elements_stay_so(f):
    empty = np.ones((0, 3))
    assert pg.vjp(f, empty)[0].shape == f(empty).shape == (0, 3)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: fft.idctn(x, s=np.array([4, 4]), axes=(0, 1)),
        lambda x: fft.dstn(x, s=np.array([3, 4])),
        lambda x: ndimage.gaussian_filter(x, 1.0, axes=np.array([1])),
        lambda x: ndimage.uniform_filter(x, 3, axes=np.array([-2, -1]), origin=np.array([-1, 0])),
        lambda x: ndimage.median_filter(x, np.array([3, 1])),
    ],
)
def test_sizes_and_axes_may_be_arrays(f):
    np.testing.assert_allclose(np.asarray(pg.vjp(f, X)[0]), f(X), atol=1e-12)


@pytest.mark.parametrize(
    ("b", "a", "y", "x"),
    [
        ([0.5, 1.0, 0.2], [1.0], [7.1, 5.4], [5.0, 4.0, 3.0]),
        ([0.5, 1.0], [1.0, 0.5, 1.5, 0.3], [7.1], [5.0]),
        ([0.5], [2.0, 0.5, 1.5], [7.1, 3.0], None),
    ],
)
def test_past_outputs_have_slopes_by_the_first_coefficient(b, a, y, x):
    b, a, y = np.array(b), np.array(a), np.array(y)
    x = None if x is None else np.array(x)
    expected = signal.lfiltic(b, a, y, x)
    np.testing.assert_allclose(pg.vjp(lambda y: signal.lfiltic(b, a, y, x), y)[0], expected)
    weight = np.arange(1.0, expected.size + 1)
    slope = pg.grad(lambda a: pg.sum(signal.lfiltic(b, a, y, x) * weight))(a)
    along = [
        weight @ (signal.lfiltic(b, a + step, y, x) - signal.lfiltic(b, a - step, y, x)) / 2e-6
        for step in 1e-6 * np.eye(a.size)
    ]
    np.testing.assert_allclose(slope, along, rtol=1e-6)


def test_threads_that_write_to_parts_of_one_array_keep_each_others_writes():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(10):
            x = pg.zeros((8, 200))
            rows = [x[i] for i in range(8)]

            def write(i, x=x, rows=rows):
                for k in range(20):
                    if i % 2:
                        rows[i][...] = pg.full((200,), float(i))
                    else:
                        x[i, 10 * k : 10 * k + 10] = float(i)

            threads = [threading.Thread(target=write, args=(i,)) for i in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            np.testing.assert_array_equal(
                np.asarray(x), np.repeat(np.arange(8.0), 200).reshape(8, 200)
            )
    finally:
        sys.setswitchinterval(before)


@pytest.mark.parametrize("dtype", ["int64", "int8", "float64", "float32"])
def test_polygamma_of_an_array_of_orders(dtype):
    n, x = np.array([-3, 0, 1, 2, 7], dtype), np.array([0.5, 0.7, 1.2, 2.5, 3.0], "float32")
    with np.errstate(all="ignore"):
        expected = scipy.special.polygamma(n, x)
    for f in (pg.special.polygamma, pg.jit(pg.special.polygamma)):
        found = np.asarray(f(n, x))
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    x = x.astype("float64")[1:]
    slope = pg.grad(lambda x: pg.sum(pg.special.polygamma(n[1:], x)))(x)
    np.testing.assert_allclose(slope, scipy.special.polygamma(n[1:] + 1, x), rtol=1e-10)
