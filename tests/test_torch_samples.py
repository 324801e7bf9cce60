"""What PyTorch's own samples of its operators found: rules, edges and shapes beside NumPy."""

import numpy as np
import pytest

import polygrad as pg

EDGES = np.asarray(
    [0.0, -0.0, 1.0, -1.0, 5e-324, -1e-310, 1e308, np.inf, -np.inf, np.nan, 0.5, 3.3, -7.25]
)
EXPONENTS = (0, 1, -60, 1023, 1024, -1022, -1075, 2098, -2098, 5000, -5000, -140, 200)
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def value(f, x, jit):
    """The value of ``f`` at a tracked ``x``, op by op or compiled."""
    run = pg.jit(f) if jit else f
    out = pg.vjp(run, x)[0]
    return tuple(out) if isinstance(out, tuple | list) else (out,)


def assert_as_numpy(f, x, jit):
    expected = f(x)
    expected = expected if isinstance(expected, tuple) else (expected,)
    for got, want in zip(value(f, x, jit), expected, strict=True):
        assert np.asarray(got).dtype == np.asarray(want).dtype
        np.testing.assert_array_equal(np.asarray(got), want)


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
class TestExactSteps:
    def test_frexp(self, dtype, jit):
        with np.errstate(all="ignore"):
            assert_as_numpy(np.frexp, EDGES.astype(dtype), jit)

    def test_ldexp_beyond_the_range_of_powers(self, dtype, jit):
        with np.errstate(all="ignore"):
            exponents = np.asarray(EXPONENTS)
            assert_as_numpy(lambda x: np.ldexp(x[:, None], exponents), EDGES.astype(dtype), jit)

    def test_fmod(self, dtype, jit):
        with np.errstate(all="ignore"):
            x = EDGES.astype(dtype)
            assert_as_numpy(lambda x: np.fmod(x[:, None], x), x, jit)
            got = value(lambda x: np.fmod(x[:, None], x), x, jit)[0]
            want = np.fmod(x[:, None], x)
        known = ~np.isnan(want)
        assert np.array_equal(np.signbit(np.asarray(got))[known], np.signbit(want)[known])


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8", "uint64"])
def test_fmod_of_integers_at_both_ends(dtype):
    info = np.iinfo(dtype)
    x = np.asarray([info.min, info.min + 1, 1, 2, 3, 5, info.max], dtype)
    with np.errstate(all="ignore"):
        got, want = np.fmod(pg.asarray(x)[:, None], pg.asarray(x)), np.fmod(x[:, None], x)
    np.testing.assert_array_equal(pg.to_numpy(got), want)


@pytest.mark.parametrize("f", [np.remainder, np.mod, np.fmod, pg.remainder, lambda a, b: a % b])
@pytest.mark.parametrize("jit", [False, True])
def test_the_slope_of_a_remainder_is_that_of_its_value(f, jit):
    """0.25 / 0.001 rounds to 250, but 0.001 is more than 1 / 1000 and goes 249 times into it."""
    run = pg.jit(f) if jit else f
    for a, b in ((0.25, 0.001), (1.0, 0.001), (1.0, 0.1), (7.0, 2.0), (0.3, 0.1)):
        x, y = np.asarray(a), np.asarray(b)
        slopes = pg.grad(run, argnums=(0, 1))(x, y)
        assert slopes[0] == 1.0
        assert slopes[1] == -np.floor_divide(a, b), (a, b)


@pytest.mark.parametrize("at", [0.0, -0.0, 2.0, -2.0, -1.5])
def test_fmod_has_slope_one_everywhere(at):
    assert pg.grad(lambda x: np.fmod(x, 2.0))(at) == 1.0
    assert pg.jvp(lambda x: np.fmod(x, 2.0), (at,), (1.0,))[1] == 1.0


@pytest.mark.parametrize("f", [np.fmax, np.fmin, np.maximum, np.minimum])
def test_a_plain_number_has_no_share_of_a_tie(f):
    assert pg.grad(lambda x: f(x, 0.0))(0.0) == 0.0
    assert pg.grad(lambda x: f(0.0, x))(0.0) == 0.0
    assert pg.grad(lambda x: f(x, np.zeros(())))(0.0) == 0.5


def test_fmax_of_a_number_that_is_nan():
    x = pg.asarray([1.0, np.nan])
    for got in (np.fmax(x, np.nan), np.fmin(np.nan, x)):
        np.testing.assert_array_equal(got, [1.0, np.nan])


def test_frexp_is_differentiable():
    x = np.asarray([0.3, -1.7, 5.0, 1e10])
    pg.testing.check_grads(lambda x: np.frexp(x)[0] * np.frexp(x)[0], (x[:3],), order=2)
    np.testing.assert_array_equal(
        pg.grad(lambda x: pg.sum(np.frexp(x)[0]))(x), 2.0 ** -np.frexp(x)[1]
    )


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_sigmoid_and_silu_of_complex_numbers(dtype, jit):
    z = np.asarray([1 + 2j, -1 - 0.5j, 0j, 80j, -3 + 3.1j, 60 + 3j, -60 + 1j], dtype)
    rtol = 1e-5 if dtype is np.complex64 else 1e-12
    right = 1 / (1 + np.exp(-z.astype(np.complex128)))
    for f, want in ((pg.nn.sigmoid, right), (pg.nn.silu, z * right)):
        (got,) = value(f, z, jit)
        assert got.dtype == dtype
        np.testing.assert_allclose(got, want, rtol=rtol)
    assert np.isfinite(pg.nn.sigmoid(np.asarray([-800 + 1j, 800 + 1j]))).all()
    if dtype is np.complex128:
        pg.testing.check_grads(pg.nn.sigmoid, (z[:5],), order=2)
        pg.testing.check_grads(pg.nn.silu, (z[:5],), order=2)


def test_exp2_of_complex_numbers():
    z = np.asarray([1 + 2j, -1 - 0.5j])
    np.testing.assert_allclose(pg.vjp(np.exp2, z)[0], np.exp(z * np.log(2)))


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "int64", "float16", "float32"])
@pytest.mark.parametrize("name", ["deg2rad", "rad2deg", "degrees", "radians", "heaviside"])
def test_small_integers_give_the_small_floats_of_numpy(name, dtype):
    f, x = getattr(np, name), np.arange(5).astype(dtype)
    got, want = (f(v, v) if name == "heaviside" else f(v) for v in (pg.asarray(x), x))
    assert pg.to_numpy(got).dtype == want.dtype
    np.testing.assert_allclose(pg.to_numpy(got), want, rtol=2e-7)


NUMBER = (
    "sum prod max min any all argmax argmin count_nonzero cumsum cumprod nansum nanprod nanmean "
    "nanvar nanstd nanmax nanmin argsort squeeze nanargmax nanargmin ptp nancumsum nancumprod"
)


@pytest.mark.parametrize("axis", [0, -1])
@pytest.mark.parametrize("name", NUMBER.split())
def test_axes_of_an_array_without_axes(name, axis):
    f, x = getattr(np, name), np.asarray(3.0)
    got, want = pg.vjp(lambda x: f(x, axis=axis), x)[0], f(x, axis=axis)
    assert got.shape == np.shape(want)
    assert np.array_equal(got, want)
    with pytest.raises(pg.PolygradError, match="axis 1|axes"):
        pg.vjp(lambda x: f(x, axis=1), x)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_unique_along_an_axis(axis):
    x = np.random.default_rng(0).integers(0, 2, size=(6, 3, 2)).astype(float)
    options = {"axis": axis, "return_index": True, "return_inverse": True, "return_counts": True}
    got = pg.vjp(lambda x: np.unique(x, **options), x)[0]
    for ours, theirs in zip(got, np.unique(x, **options), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_unique_slices_have_the_gradient_of_the_first():
    x = np.asarray([[1.0, 2.0], [0.0, 5.0], [1.0, 2.0]])
    w = np.asarray([[1.0, 2.0], [3.0, 4.0]])
    slopes = pg.grad(lambda x: pg.sum(w * np.unique(x, axis=0)))(x)
    np.testing.assert_array_equal(slopes, [[3.0, 4.0], [1.0, 2.0], [0.0, 0.0]])


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
@pytest.mark.parametrize("axis", [0, 1])
def test_unique_without_elements(shape, axis):
    got = pg.vjp(lambda x: np.unique(x, axis=axis), np.zeros(shape))[0]
    assert got.shape == np.unique(np.zeros(shape), axis=axis).shape


@pytest.mark.parametrize("density", [False, True])
def test_histogram_with_weights_in_the_shape_of_the_data(density):
    rng = np.random.default_rng(1)
    x, w = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
    got = pg.vjp(lambda w: np.histogram(x, 4, weights=w, density=density), w)[0]
    for ours, theirs in zip(got, np.histogram(x, 4, weights=w, density=density), strict=True):
        np.testing.assert_allclose(ours, theirs)
    with pytest.raises(pg.PolygradError, match="weights"):
        pg.vjp(lambda w: np.histogram(x, 4, weights=w), w[0])


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("f", [pg.softmax, pg.log_softmax])
def test_no_elements_along_the_axis_of_softmax(f, jit):
    (got,) = value(f, np.ones((2, 0), np.float32), jit)
    assert got.shape == (2, 0)
    assert got.dtype == np.float32


def test_other_functions_of_no_elements():
    counts, edges = pg.vjp(lambda x: np.histogram(x, 4), np.ones((2, 0), np.float32))[0]
    np.testing.assert_array_equal(counts, np.zeros(4))
    np.testing.assert_array_equal(edges, np.linspace(0, 1, 5))
    np.testing.assert_array_equal(pg.vjp(np.linalg.matrix_rank, np.ones((2, 0, 3)))[0], [0, 0])


def test_one_axis_of_a_transform_as_a_number():
    x = np.arange(6.0).reshape(2, 3)
    np.testing.assert_allclose(pg.fft.fftn(x, axes=0), np.fft.fft(x, axis=0))
    np.testing.assert_allclose(pg.fft.rfftn(x, s=4, axes=1), np.fft.rfft(x, 4, axis=1), atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
def test_lu_takes_the_pivots_of_lapack_compiled_and_mapped_too(dtype):
    linalg = pytest.importorskip("scipy.linalg")
    rng = np.random.default_rng(2)
    a = rng.normal(size=(4, 3, 3)).astype(dtype)
    if dtype is np.complex128:
        a = a + 1j * rng.normal(size=a.shape)

    def f(x):
        return tuple(linalg.lu(x))

    for one in a:
        want = linalg.lu(one)
        for got in (pg.vjp(f, one)[0], pg.jit(f)(one)):
            for ours, theirs in zip(got, want, strict=True):
                np.testing.assert_allclose(ours, theirs, atol=1e-12)
    for ours, theirs in zip(pg.vmap(f)(a), linalg.lu(a), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-12)
    pg.testing.check_grads(lambda x: f(x)[1:], (a[0],))
