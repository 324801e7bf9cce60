"""logsumexp, softmax and log_softmax: weights, signs, infinities, complex numbers, small rests."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
import scipy.special as ss

import polygrad as pg

inf, nan = math.inf, math.nan
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

VALUES = (0.0, -40.0, 3.0, 1000.0, -1000.0, inf, -inf, nan)


def exact(a: Any, b: Any) -> tuple[float, float]:
    """log(abs(sum)) and the sign by hand: only what has a weight counts, the largest first."""
    pairs = [(w, x) for w, x in zip(b, a, strict=True) if w != 0]
    if any(math.isnan(x) for _, x in pairs):
        return nan, nan
    top = max((x for _, x in pairs), default=-inf)
    if top == -inf:
        return -inf, 0.0
    if top == inf:
        signs = {math.copysign(1.0, w) for w, x in pairs if x == inf}
        return (inf, signs.pop()) if len(signs) == 1 else (nan, nan)
    while pairs:  # as long as the largest cancel, the next ones are what is left
        top = max(x for _, x in pairs)
        if math.fsum(w for w, x in pairs if x == top) != 0:
            break
        pairs = [(w, x) for w, x in pairs if x != top]
    else:
        return -inf, 0.0
    weight = math.fsum(w for w, x in pairs if x == top)
    rest = math.fsum(w / weight * math.exp(x - top) for w, x in pairs if x != top)
    return top + math.log(abs(weight)) + math.log1p(rest), math.copysign(1.0, weight)


@pytest.mark.parametrize("compiled", [False, True])
def test_weights_signs_and_infinities(compiled: bool) -> None:
    def f(a: Any, b: Any) -> Any:
        return pg.special.logsumexp(a, b=b, return_sign=True)

    places = itertools.product(itertools.product(VALUES, repeat=2), itertools.product((1, -0.5, 0, 2), repeat=2))  # fmt: skip # noqa: E501
    cases = [(np.array(a), np.array(b, float)) for a, b in places]
    cases += [
        (np.array([-40.0, 3.0, 3.0]), np.array([w, 1.0, v])) for w in (2.0, -2.0) for v in (1, -1)
    ]
    run = pg.jit(f) if compiled else f
    with np.errstate(all="ignore"):
        for a, b in cases:
            size, sign = run(a, b)
            expected = exact(a, b)
            np.testing.assert_allclose(size, expected[0], rtol=1e-14, err_msg=f"{a} {b}")
            np.testing.assert_equal(float(sign), expected[1])
            plain = float(pg.special.logsumexp(a, b=b))
            np.testing.assert_allclose(plain, nan if expected[1] < 0 else expected[0], rtol=1e-14)


@pytest.mark.parametrize("wrap", [lambda f: f, pg.jit])
def test_without_weights(wrap: Any) -> None:
    with np.errstate(all="ignore"):
        for function in (pg.logsumexp, pg.special.logsumexp):
            run = wrap(lambda a, f=function: f(a))
            for n in (1, 2, 3):
                for a in itertools.product(VALUES, repeat=n):
                    expected = exact(a, [1.0] * n)[0]
                    got = float(run(np.array(a)))
                    np.testing.assert_allclose(got, expected, rtol=1e-14, err_msg=str(a))


def test_a_rest_below_the_spacing_at_one_is_kept() -> None:
    a = np.array([0.0, -40.0])
    tiny = math.exp(-40.0)
    assert pg.logsumexp(a) == pytest.approx(tiny, rel=1e-14)
    assert pg.log_softmax(a)[0] == pytest.approx(-tiny, rel=1e-14)
    assert pg.jit(pg.log_softmax)(a)[0] == pytest.approx(-tiny, rel=1e-14)
    assert pg.special.log_softmax(np.array([0.0, 0.0, -40.0]))[0] == pytest.approx(-math.log(2))
    np.testing.assert_allclose(pg.grad(pg.logsumexp)(a), [1 - tiny, tiny], rtol=1e-14)


def test_complex_numbers() -> None:
    rng = np.random.default_rng(3)
    for n in (1, 2, 5):
        for weighted in (False, True):
            a = 10 * (rng.normal(size=n) + 1j * rng.normal(size=n))
            b = rng.normal(size=n) if weighted else None
            expected, got = ss.logsumexp(a, b=b), pg.special.logsumexp(a, b=b)
            np.testing.assert_allclose(got, expected, rtol=1e-12)
            assert -math.pi < got.imag <= math.pi
            pairs = zip(
                pg.special.logsumexp(a, b=b, return_sign=True),
                ss.logsumexp(a, b=b, return_sign=True),
                strict=True,
            )
            for one, other in pairs:
                np.testing.assert_allclose(one, other, rtol=1e-12)
            pg.testing.check_grads(
                lambda a, b=b: pg.special.logsumexp(a, b=b), (pg.asarray(a),), order=2
            )
    small = pg.logsumexp(np.array([0j, -40 + 1j]))
    assert small.real == pytest.approx(math.exp(-40) * math.cos(1), rel=1e-12)
    assert small.imag == pytest.approx(math.exp(-40) * math.sin(1), rel=1e-12)


@pytest.mark.parametrize("axis", [None, 0, 1, -1, (0, 1)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_axes_types_and_no_elements(axis: Any, keepdims: bool) -> None:
    for a in (np.arange(6).reshape(2, 3), np.ones((2, 3), np.float32), np.zeros((0, 3))):
        for b in (None, np.array([1, 0, 2]), np.array([1, -1, 2], np.int8)):
            if a.size == 0 and axis in (1, -1, (0, 1), None):
                expected = np.full(np.sum(a, axis=axis, keepdims=keepdims).shape, -inf)
            else:
                expected = ss.logsumexp(a, axis=axis, b=b, keepdims=keepdims)
            got = pg.special.logsumexp(a, axis=axis, b=b, keepdims=keepdims)
            assert got.dtype == expected.dtype
            assert got.shape == expected.shape
            np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_gradients_are_weights() -> None:
    a, b = np.array([1.0, 2.0, -1.0]), np.array([1.0, -0.5, 0.0])
    f = pg.special.logsumexp
    total = np.sum(b * np.exp(a))
    sign = np.sign(total)
    got = pg.grad(lambda a, b: f(a, b=b, return_sign=True)[0], argnums=(0, 1))(a, b)
    np.testing.assert_allclose(got[0], b * np.exp(a) / total, rtol=1e-13)
    np.testing.assert_allclose(got[1], np.exp(a) / total, rtol=1e-13)
    assert sign == f(a, b=b, return_sign=True)[1]
    flags = {"order": 2}
    pg.testing.check_grads(lambda a, b: f(a, b=b * b + 1), (pg.asarray(a), pg.asarray(b)), **flags)
    # A weight of 0 has no say, however large its element, and has a gradient of its own.
    far, none = np.array([0.0, 1000.0, nan]), np.array([2.0, 0.0, 0.0])
    with np.errstate(all="ignore"):
        assert pg.grad(lambda a: f(a, b=none))(far).tolist() == [1, 0, 0]
        assert pg.grad(lambda b: f(np.array([0.0, 1.0]), b=b))(np.array([1.0, 0.0]))[1] == (
            pytest.approx(math.e)
        )
        both = pg.grad(lambda a: f(a, b=np.array([1.0, 3.0, 2.0])))(np.array([inf, inf, 0.0]))
        np.testing.assert_allclose(both, [0.25, 0.75, 0])
        assert pg.grad(pg.logsumexp)(np.array([-inf, -inf])).tolist() == [0, 0]
        assert pg.grad(pg.logsumexp)(np.array([-inf, 0.0])).tolist() == [0, 1]


def test_mapped_over_either_operand() -> None:
    a = np.arange(6.0).reshape(2, 3)
    b = np.array([1.0, 2.0, 0.0])
    got = pg.vmap(lambda a: pg.special.logsumexp(a, b=b, return_sign=True))(a)
    np.testing.assert_allclose(got[0], ss.logsumexp(a, axis=1, b=b))
    got = pg.vmap(lambda b: pg.special.logsumexp(a[0], b=b))(a)
    np.testing.assert_allclose(got, ss.logsumexp(a[0][None] + 0 * a, axis=1, b=a))
