"""Special cases of the standard that libraries miss, and derivatives at special points."""

from typing import Any

import numpy as np
import pytest

import polygrad as pg

DEVICES = ["cpu", "strict:cpu"]
inf, nan = float("inf"), float("nan")


def _same(got: Any, expected: complex) -> None:
    """Equal with the signs of zeros, nan equal to nan."""
    value = complex(got.item())
    for a, b in ((value.real, expected.real), (value.imag, expected.imag)):
        assert (np.isnan(a) and np.isnan(b)) or (a == b and np.signbit(a) == np.signbit(b)), value


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    ("name", "x", "expected"),
    [
        ("expm1", complex(inf, 0.0), complex(inf, 0.0)),
        ("expm1", complex(inf, -0.0), complex(inf, -0.0)),
        ("expm1", complex(inf, inf), complex(inf, nan)),
        ("expm1", complex(inf, nan), complex(inf, nan)),
        ("expm1", complex(-inf, inf), complex(-1, 0)),
        ("expm1", complex(-inf, nan), complex(-1, 0)),
        ("expm1", complex(nan, 0.0), complex(nan, 0.0)),
        ("expm1", complex(-0.0, 0.0), complex(0.0, 0.0)),
        ("expm1", complex(0.0, inf), complex(nan, nan)),
        ("tanh", complex(inf, 2.0), complex(1.0, 0.0)),
        ("tanh", complex(-inf, 2.0), complex(-1.0, 0.0)),
        ("tanh", complex(inf, -2.0), complex(1.0, -0.0)),
        ("sign", complex(-0.0, -0.0), complex(0.0, 0.0)),
    ],
)
def test_complex_special_cases(device: str, name: str, x: complex, expected: complex) -> None:
    with np.errstate(all="ignore"):
        _same(getattr(pg, name)(pg.asarray(x, device=device)), expected)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (inf, 2.0, inf),
        (inf, -2.0, -inf),
        (-inf, 2.0, -inf),
        (3.0, -inf, -0.0),
        (-3.0, inf, -0.0),
        (3.0, inf, 0.0),
        (1.0, 0.0, inf),
        (-1.0, 1e300, -1.0),
        (1.0, 0.1, 9.0),
        (-7.0, 2.0, -4.0),
    ],
)
def test_floor_divide(device: str, a: float, b: float, expected: float) -> None:
    x, y = pg.asarray(a, device=device), pg.asarray(b, device=device)
    with np.errstate(all="ignore"):
        for got in (x // y, x // b, a // y, pg.floor_divide(x, y)):
            _same(got, complex(expected, 0.0))
    assert (pg.asarray([-7, 7], device=device) // 2).tolist() == [-4, 3]


# -- derivatives at special points, beyond the rows of the op table --------------------------


def _hessian(f: Any, x: Any) -> Any:
    rows = [pg.grad(lambda y, i=i: pg.grad(f)(y)[i])(x) for i in range(x.shape[0])]
    return pg.to_numpy(pg.stack(rows))


@pytest.mark.parametrize("device", DEVICES)
def test_second_order_of_prod_at_zeros(device: str) -> None:
    x = pg.asarray([0.0, 2.0, 0.0], device=device)
    np.testing.assert_array_equal(_hessian(pg.prod, x), [[0, 0, 2], [0, 0, 0], [2, 0, 0]])


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("include_initial", [False, True])
def test_second_order_of_cumulative_prod_at_zeros(device: str, include_initial: bool) -> None:
    def last(x: Any) -> Any:
        return pg.sum(pg.cumulative_prod(x, include_initial=include_initial)[-1])

    x = pg.asarray([0.0, 2.0, 0.0], device=device)
    np.testing.assert_array_equal(_hessian(last, x), [[0, 0, 2], [0, 0, 0], [2, 0, 0]])


def test_cumulative_prod_of_many() -> None:
    """The doubling recurrence behind the rule, at lengths around powers of two."""
    for n in (1, 2, 3, 7, 8, 9, 33):
        x = np.linspace(0.5, 1.5, n)
        x[n // 2] = 0.0
        g = np.cos(np.arange(n))
        found = pg.grad(lambda x, g=g: pg.sum(g * pg.cumulative_prod(x)))(x)
        rows = np.stack([np.where(np.arange(n) == i, 1.0, x) for i in range(n)])
        partials = np.where(np.arange(n) >= np.arange(n)[:, None], np.cumprod(rows, axis=1), 0.0)
        np.testing.assert_allclose(found, partials @ g, rtol=1e-13)


@pytest.mark.parametrize("device", DEVICES)
def test_std_of_equal_elements(device: str) -> None:
    x = pg.asarray([[2.0, 2.0], [1.0, 3.0]], dtype=pg.float32, device=device)
    g = pg.grad(lambda x: pg.sum(pg.std(x, axis=1)))(x)
    assert g.dtype == pg.float32
    np.testing.assert_allclose(pg.to_numpy(g), [[0, 0], [-0.5, 0.5]])


@pytest.mark.parametrize("device", DEVICES)
def test_complex_sign(device: str) -> None:
    z = pg.asarray([3 + 4j, 0j, -2j], device=device)
    found = pg.to_numpy(pg.grad(lambda z: pg.real(pg.sum(pg.sign(z) * (2 - 1j))))(z))
    step, expected = 1e-6, []
    for value in (3 + 4j, -2j):
        f = lambda v: (v / abs(v) * (2 - 1j)).real
        by_part = [(f(value + h) - f(value - h)) / (2 * step) for h in (step, 1j * step)]
        expected.append(by_part[0] + 1j * by_part[1])
    np.testing.assert_allclose(found[[0, 2]], expected, rtol=1e-8, atol=1e-9)
    assert found[1] == 0
    pg.testing.check_grads(lambda z: pg.sum(pg.abs(z)), [pg.asarray([3 + 4j, 1 - 2j])], order=2)


@pytest.mark.parametrize("device", DEVICES)
def test_unique_values_of_a_tracked_array(device: str) -> None:
    """The gradient goes to the first of equal elements; the order is that of a plain array."""
    x = pg.asarray([[3.0, 1.0], [1.0, 2.0]], device=device)
    weights = pg.asarray([1.0, 10.0, 100.0], device=device)
    for pick in (pg.unique_values, lambda x: pg.unique_all(x).values):
        g = pg.grad(lambda x, pick=pick: pg.sum(weights * pick(x)))(x)
        assert pg.to_numpy(g).tolist() == [[100.0, 1.0], [0.0, 10.0]]
        assert pg.to_numpy(pick(x)).tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("device", DEVICES)
def test_searchsorted_with_a_sorter(device: str) -> None:
    x = pg.asarray([3.0, 1.0, 2.0], device=device)
    found = pg.searchsorted(x, pg.asarray([1.5], device=device), sorter=pg.argsort(x))
    assert found.tolist() == [1]


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: pg.fft.fft(pg.ones(3), norm="none"), ValueError, "fft: got norm 'none'"),
        (lambda: pg.fft.fft(pg.ones(3), n=0), ValueError, "fft: got 0 elements"),
        (lambda: pg.fft.fft(pg.ones(3), n=2.5), TypeError, "fft: got 2.5 elements"),
        (lambda: pg.fft.fft(pg.ones(3), axis=1), IndexError, "fft: got axis 1"),
        (lambda: pg.fft.rfft(pg.asarray([1j])), TypeError, "rfft: got complex128"),
        (lambda: pg.fft.fftn(pg.ones(3), s=(1, 2), axes=(0,)), ValueError, "one size an axis"),
        (lambda: pg.fft.fftfreq(3, dtype=pg.int64), TypeError, "fftfreq: got dtype int64"),
        (lambda: pg.sort(pg.asarray(1.0)), ValueError, "sort: got an array without axes"),
        (lambda: pg.nonzero(pg.asarray(1.0)), ValueError, "nonzero: got an array without axes"),
        (lambda: pg.searchsorted(pg.ones((1, 1)), 1.0), ValueError, "searchsorted: got x1"),
        (lambda: pg.searchsorted(pg.ones(1), 1.0, side="up"), ValueError, "got side 'up'"),
        (lambda: pg.isin(1, 2), TypeError, "isin: got two Python objects"),
        (lambda: pg.diff(pg.ones(3), n=-1), ValueError, "diff: got n=-1"),
        (lambda: pg.cumulative_prod(pg.ones((2, 2))), ValueError, "axis is needed"),
        (lambda: pg.sum(pg.ones(2), axis=1), IndexError, "sum: got axis 1"),
        (lambda: pg.sum(pg.ones(()), axis=0), IndexError, "expected an array with axes"),
    ],
)
def test_bad_input(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(pg.PolygradError, match=text) as caught:
        call()
    assert isinstance(caught.value, error)


# -- inside vmap -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "function",
    [
        pg.fft.fft,
        lambda x: pg.fft.fftn(x, s=(2, 5), axes=(1, 0)),
        lambda x: pg.fft.irfft(x, n=7),
        pg.fft.rfft,
        pg.prod,
        pg.sort,
        lambda x: pg.diff(x, axis=0),
        lambda x: pg.cumulative_prod(x, axis=0, include_initial=True),
        lambda x: pg.searchsorted(pg.asarray([-1.0, 0.0, 1.0]), x),
        lambda x: pg.isin(x, pg.asarray([0.5])),
        lambda x: pg.count_nonzero(x, axis=1),
        pg.std,
    ],
)
@pytest.mark.filterwarnings("error:vmap")
def test_vmap(function: Any) -> None:
    x = pg.asarray(np.random.default_rng(0).normal(size=(4, 2, 3)))
    expected = pg.stack([function(x[i]) for i in range(4)])
    np.testing.assert_allclose(pg.to_numpy(pg.vmap(function)(x)), pg.to_numpy(expected))


def test_data_dependent_shapes_in_vmap() -> None:
    for function in (pg.nonzero, pg.unique_values):
        with pytest.raises(pg.errors.IndexingError, match="differ between examples"):
            pg.vmap(function)(pg.ones((2, 3)))
