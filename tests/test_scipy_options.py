"""SciPy's functions of tracked arrays beside SciPy's own on NumPy's, over their options."""

import numpy as np
import pytest
import scipy.sparse.linalg
from scipy import interpolate, ndimage, signal

import polygrad as pg

MODES = ("reflect", "constant", "nearest", "mirror", "grid-mirror", "grid-wrap")


def same(f, x):
    """The value, the data type and the slope of ``f`` at a tracked array are SciPy's."""
    expected = f(x)
    found, pull = pg.vjp(f, x)
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(np.asarray(found), expected, atol=1e-9)
    draws = np.random.default_rng(1)
    direction, weight = draws.normal(size=x.shape), draws.normal(size=expected.shape)
    slope = np.asarray(pull(pg.asarray(weight.astype(expected.dtype)))[0])
    along = [
        np.sum(weight * (f(x + h * direction) - f(x - h * direction))).real / (2 * h)
        for h in (1e-5, 1e-6)
    ]
    if abs(along[0] - along[1]) < 1e-5 * (1 + abs(along[0])):  # else it has a kink there
        np.testing.assert_allclose(np.sum(slope * direction), along[0], rtol=1e-4, atol=1e-4)


def draws(seed):
    """An image and options: the axes in any order, and one value, or one for each axis."""
    random = np.random.default_rng(seed)
    x = random.normal(size=[(6, 7), (4, 5, 6)][seed % 2])
    count = random.integers(1, x.ndim + 1)
    axes = None if seed % 3 else tuple(random.permutation(x.ndim)[:count].tolist())
    count = x.ndim if axes is None else count
    mode = [random.choice([*MODES, "wrap", "grid-constant"]).item() for _ in range(count)]
    sigma = random.uniform(0.4, 1.4, count).tolist()
    return x, axes, mode, [0.0, 1.5][seed % 2], sigma, random.integers(1, 4, count).tolist()


@pytest.mark.parametrize("seed", range(12))
def test_filters(seed):
    x, axes, mode, cval, sigma, size = draws(seed)
    every = {"mode": mode, "cval": cval, "axes": axes}
    one = {"mode": mode[0], "cval": cval}
    same(lambda x: ndimage.gaussian_filter(x, sigma, 1, **every), x)
    same(lambda x: ndimage.gaussian_laplace(x, sigma, **every), x)
    same(lambda x: ndimage.gaussian_gradient_magnitude(x, 0.8, **every), x)
    same(lambda x: ndimage.laplace(x, **every), x)
    same(lambda x: ndimage.uniform_filter(x, size, **every), x)
    same(lambda x: ndimage.maximum_filter(x, size, **every), x)
    same(lambda x: ndimage.sobel(x, seed % x.ndim, **one), x)
    same(lambda x: ndimage.prewitt(x, -1 - seed % x.ndim, **one), x)
    same(lambda x: ndimage.grey_opening(x, size, axes=axes, **one), x)


@pytest.mark.parametrize("order", range(6))
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("prefilter", [True, False])
def test_images_between_their_elements(order, mode, prefilter):
    x = np.random.default_rng(order).normal(size=(4, 5))
    options = {"order": order, "mode": mode, "cval": 1.5, "prefilter": prefilter}
    same(lambda x: ndimage.shift(x, (-1.3, 0.7), **options), x)
    same(lambda x: ndimage.affine_transform(x, [[1.1, 0.2], [-0.3, 0.9]], 0.6, **options), x)
    images = np.random.default_rng(order).normal(size=(3, 4, 5))
    same(lambda x: ndimage.rotate(x, 37.0, axes=(2, 0), **options), images)
    places = np.random.default_rng(2).uniform(-2, 6, size=(2, 9))
    same(lambda x: ndimage.map_coordinates(x, places, **options), x)
    halves = np.mgrid[-5:8:0.5].reshape(1, -1) * np.ones((2, 1))
    same(lambda x: ndimage.map_coordinates(x, halves, **options), x)
    same(lambda p: ndimage.map_coordinates(pg.asarray(x), p, **options)
         if type(p) is pg.Array else ndimage.map_coordinates(x, p, **options), places)  # fmt: skip


KNOTS = np.array([0.0, 0.7, 1.5, 2.2, 3.1, 4.0, 5.2])
AT = np.array([[-0.5, 0.3], [1.5, 5.5]])


@pytest.mark.parametrize("shape", [(7,), (7, 3)])
def test_conditions_at_the_ends_of_splines_may_be_complex(shape):
    y = np.random.default_rng(3).normal(size=shape)
    first, second = np.full(shape[1:], 1j), np.full(shape[1:], 0.5 - 2j)
    ends = ([(1, first)], [(2, second)])
    same(lambda y: interpolate.make_interp_spline(KNOTS, y * (1 + 2j), bc_type=ends)(AT), y)
    real = ([(1, np.full(shape[1:], 0.5))], [(2, np.full(shape[1:], -1.0))])
    same(lambda y: interpolate.make_interp_spline(KNOTS, y, bc_type=real)(AT), y)


@pytest.mark.parametrize("points", [[0.5, 0.6], (0.5, 0.6), [[0.5, 0.6], [2.0, 1.0]]])
@pytest.mark.parametrize("trailing", [(), (2,)])
def test_one_point_on_a_grid_is_a_list_of_one(points, trailing):
    grid = (np.array([0.0, 1.0, 2.5, 3.0]), np.array([0.0, 0.5, 1.7]))
    values = np.random.default_rng(4).normal(size=(4, 3, *trailing))
    same(lambda v: interpolate.RegularGridInterpolator(grid, v)(points), values)


def test_chirp_z_transforms():
    x = np.random.default_rng(5).normal(size=(3, 8))
    same(lambda x: signal.czt(x, 5, axis=0), x)
    same(lambda x: signal.zoom_fft(x, [0.1, 0.4], m=6), x)
    same(lambda x: signal.czt(x), x[0])


@pytest.mark.parametrize("kind", ["slinear", "cubic", "quintic"])
def test_splines_on_a_grid(kind):
    grid = (np.array([0.0, 1.0, 2.5, 3.0, 4.0, 5.0]), np.array([0.0, 0.5, 1.7, 2.0, 3.0, 4.0]))
    points = np.array([[0.5, 0.6], [2.1, 1.1], [4.4, 3.9]])
    values = np.random.default_rng(6).normal(size=(6, 6, 2))
    exact = {"solver": scipy.sparse.linalg.spsolve} if kind != "slinear" else {}
    for nu in (None, (1, 0)):
        expected = interpolate.RegularGridInterpolator(grid, values, method=kind, **exact)(
            points, nu=nu
        )

        def at(v, p, nu=nu):
            return interpolate.RegularGridInterpolator(grid, v, method=kind)(p, nu=nu)

        found, pull = pg.vjp(at, values, points)
        np.testing.assert_allclose(np.asarray(found), expected, atol=1e-10)
        by_values, by_points = map(np.asarray, pull(pg.ones_like(found)))
        np.testing.assert_allclose(np.sum(by_values * values), np.sum(expected), atol=1e-9)
        if nu is None:
            slope = interpolate.RegularGridInterpolator(grid, values, method=kind, **exact)
            along = np.sum(slope(points, nu=(1, 0)), axis=-1)
            np.testing.assert_allclose(by_points[:, 0], along, atol=1e-9)
    with pytest.raises(ValueError, match="nu="):
        pg.grad(lambda v: pg.sum(interpolate.RegularGridInterpolator(grid, v)(points, nu=(1, 0))))(
            values
        )
