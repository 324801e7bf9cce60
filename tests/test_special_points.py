"""Second derivatives at ties, and values and gradients where a formula would overflow."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.special as ss

import polygrad as pg

inf = float("inf")


@pytest.mark.parametrize(
    ("f", "x", "expected"),
    [
        (lambda x: pg.logaddexp(x, 0.0), 0.0, 0.25),
        (lambda x: pg.nn.softplus(x), 0.0, 0.25),
        (lambda x: pg.special.spence(x), 1.0, 0.5),
        (lambda x: pg.special.rgamma(x), 0.0, 2 * 0.5772156649015329),
        (lambda x: pg.special.binom(x, 3.0), 2.0, 1.0),
        (lambda x: pg.special.poch(x, 2.0), 0.0, 2.0),
    ],
)
def test_second_derivative(f: Callable[..., Any], x: float, expected: float) -> None:
    assert pg.grad(pg.grad(f))(x) == pytest.approx(expected)


def test_mixed_derivatives_at_zero() -> None:
    for f, point in ((pg.pow, (2.0, 0.0)), (pg.special.xlogy, (0.0, 2.0))):
        one = pg.grad(pg.grad(f, argnums=0), argnums=1)(*point)
        other = pg.grad(pg.grad(f, argnums=1), argnums=0)(*point)
        assert (one, other) == pytest.approx((0.5, 0.5))


@pytest.mark.parametrize(
    ("name", "args", "expected"),
    [
        ("binom", (2.0, 3.0), 1 / 3),
        ("binom", (0.0, 3.0), 1 / 3),
        ("poch", (0.0, 2.0), 1.0),
        ("poch", (-1.0, 2.0), -1.0),
    ],
)
def test_slopes_where_a_factor_is_zero(name: str, args: Any, expected: float) -> None:
    assert pg.grad(getattr(pg.special, name))(*args) == pytest.approx(expected)


def test_crossed_bounds_send_the_gradient_to_the_upper_one() -> None:
    for x in (0.0, 1.5, 3.0):
        assert pg.grad(pg.clip, argnums=(0, 1, 2))(x, 2.0, 1.0) == (0.0, 0.0, 1.0)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "name",
    [
        "chdtr",
        "chdtrc",
        "gdtr",
        "gdtrc",
        "fdtr",
        "fdtrc",
        "pdtr",
        "pdtrc",
        "boxcox",
        "boxcox1p",
        "comb",
    ],
)
def test_outside_of_the_domain_as_scipy(name: str) -> None:
    grid = [-inf, -3.0, -1.0, -0.0, 0.0, 0.5, 2.0, inf, float("nan")]
    arity = 3 if name[0] in "gf" else 2
    places = [a.ravel() for a in np.meshgrid(*[grid] * arity)]
    expected = getattr(ss, name)(*places)
    np.testing.assert_allclose(getattr(pg.special, name)(*places), expected, rtol=1e-9)


def test_large_integers_do_not_overflow() -> None:
    big = np.array([2**62, 2**62, -(2**62)])
    for name in ("huber", "pseudo_huber", "inv_boxcox"):
        args = (np.array([3, 4, 5]), big) if name != "inv_boxcox" else (big // 2**40, np.array([2] * 3))  # fmt: skip # noqa: E501
        with np.errstate(all="ignore"):
            got, expected = getattr(pg.special, name)(*args), getattr(ss, name)(*args)
        np.testing.assert_allclose(got, expected, rtol=1e-9)
    for name in ("mean", "var", "std"):
        whole = np.array([2**63 - 1, 2**63 - 1, 2**63 - 3], np.int64)
        assert getattr(pg, name)(whole) == pytest.approx(getattr(np, name)(whole))
    assert pg.mean(np.ones(70000, np.float16)) == 1


def test_weights_of_zero_have_no_say() -> None:
    a, b = np.array([-1000.0, -2.0]), np.array([1.0, 0.0])
    assert pg.special.logsumexp(a, b=b) == -1000
    np.testing.assert_array_equal(pg.grad(lambda a: pg.special.logsumexp(a, b=b))(a), [1, 0])


def test_std_of_equal_elements_through_numpy() -> None:
    assert pg.grad(lambda x: np.std(x))(pg.ones(3)).tolist() == [0, 0, 0]
