"""What code written for ndarray asks of an array: methods, properties, Python's own functions."""

import numpy as np
import pytest

import polygrad as pg

X = np.arange(1.0, 7.0).reshape(2, 3)
WEIGHTS = np.cos(np.arange(6.0))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x.reshape((3, 2), order="F"),
        lambda x: x.reshape(3, 2, order="F"),
        lambda x: x.reshape(-1, order="A"),
        lambda x: x.ravel("F"),
        lambda x: x.ravel(order="C"),
        lambda x: x.flatten("F"),
        lambda x: divmod(x, 0.83)[1],
        lambda x: divmod(7.3, x)[1],
        lambda x: divmod(x, 4.5)[0],
        lambda x: x * x.itemsize + x.nbytes,
        lambda x: x.real + x.imag,
    ],
)
def test_value_and_gradient(f) -> None:
    def loss(x):
        return np.sum(f(x) * WEIGHTS.reshape(f(x).shape))

    value, slope = pg.value_and_grad(loss)(X)
    np.testing.assert_allclose(value, loss(X))
    np.testing.assert_allclose(pg.jit(pg.grad(loss))(X), slope)
    step = 1e-6 * np.sin(X)
    expected = (loss(X + step) - loss(X - step)) / 2e-6
    np.testing.assert_allclose(np.sum(slope * np.sin(X)), expected, rtol=1e-6, atol=1e-8)


def test_rounding_has_slope_0() -> None:
    value, slope = pg.value_and_grad(lambda x: round(x[0, 0] * 1.26, 1) + round(x[0, 1]))(X)
    assert (value, slope.any()) == (3.3, False)


def test_imaginary_part_of_real_numbers() -> None:
    strict = pytest.importorskip("array_api_strict")
    for x in (pg.asarray(X), pg.asarray(strict.asarray([1.0, 2.0]))):
        assert not bool(pg.any(x.imag != 0))
        assert bool(pg.all(x.real == x))
        with pytest.raises(pg.errors.ArgumentTypeError, match="no such part"):
            x.imag = 2.0


def test_in_place_message_says_cast_and_dtype() -> None:
    n = pg.asarray(np.arange(3))
    with pytest.raises(pg.errors.ArgumentTypeError, match="cannot cast float64 to int64.* dtype"):
        n += 1.5


def test_results_whose_type_depends_on_values_raise_inside_jit() -> None:
    s = np.array([[2.0, 1.0], [0.5, 3.0]])
    always = np.linalg.eigvals(s).dtype == "complex128"  # from NumPy 2.5 on
    for f in (np.linalg.eigvals, lambda a: np.linalg.eig(a)[0]):
        assert f(pg.asarray(s)).dtype == f(s).dtype
        if always:
            assert pg.jit(f)(s).dtype == pg.vmap(f)(s[None]).dtype == "complex128"
            continue
        for transform in (pg.jit, pg.vmap):
            with pytest.raises(pg.errors.UnknownValueError, match="complex"):
                transform(f)(s if transform is pg.jit else s[None])
        assert pg.jit(f)(s + 0j).dtype == "complex128"
    np.testing.assert_allclose(pg.jit(np.poly)(pg.asarray(s)), np.poly(s))
    turn = np.array([[0.0, 1.0], [-1.0, 0.0]])
    assert np.poly(pg.asarray(turn)).dtype == np.poly(turn).dtype == "float64"


def test_views_of_memory() -> None:
    x = pg.asarray(X)
    assert bool(pg.all(x.view(x.dtype) == x))
    with pytest.raises(pg.errors.ArgumentTypeError, match="astype"):
        x.view("f4")
    windows = np.lib.stride_tricks.sliding_window_view(x, 2, axis=1, writeable=True)
    with pytest.raises(pg.errors.ArgumentValueError, match="read only"):
        windows[0] = 1.0
