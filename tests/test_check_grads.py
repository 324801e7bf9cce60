"""pg.testing.check_grads: passes what is right, and names what is wrong."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import polygrad as pg
from polygrad.core.kinds import Elementwise, General
from polygrad.core.op import OPS
from polygrad.core.trace import bind
from polygrad.testing import check_grads

X = np.asarray([0.3, -0.7, 1.1])


@pytest.fixture
def bad() -> Iterator[Any]:
    """Ops with the rules given; they leave the table afterwards."""
    made = []

    def make(kind: Any, *rules: Any, forward: Any) -> Any:
        op = kind("bad", *rules, forward=forward)
        made.append(op.name)
        return lambda *args: bind(op, args, {})

    yield make
    for name in made:
        del OPS[name]


@pytest.mark.parametrize("order", [1, 2, 3])
def test_right_derivatives_pass(order: int) -> None:
    check_grads(lambda x, p: pg.sin(x) * p["w"], (X, {"w": 2.0, "n": 3}), order=order)


def test_several_outputs_and_pytrees() -> None:
    def f(p: Any, n: int) -> Any:
        return {"a": p["w"] ** n, "b": [pg.sum(p["w"]) * p["b"], pg.argmax(p["w"])], "c": 3}

    check_grads(f, ({"w": X, "b": np.asarray(2.0)}, 2), order=2)


def test_complex_arguments() -> None:
    z = X + 1j * X[::-1]
    check_grads(lambda z: pg.exp(z) * pg.conj(z) + pg.abs(z), (z,), order=2)
    check_grads(lambda z: pg.real(z) * pg.imag(z), (z,), order=2)


def test_wrong_reverse_rule_is_found(bad: Any) -> None:
    f = bad(
        General,
        lambda xp, g, ans, x: g * 2 * xp.cos(x),
        lambda xp, t, ans, x: t[0] * xp.cos(x),
        forward=lambda xp, x: xp.sin(x),
    )
    check_grads(f, (X,), modes=("fwd",))
    with pytest.raises(
        pg.errors.GradientMismatchError, match=r"argument 0, mode rev: expected"
    ) as e:
        check_grads(f, (X,), modes=("rev",))
    assert isinstance(e.value, AssertionError)


def test_wrong_forward_rule_is_found(bad: Any) -> None:
    f = bad(
        General,
        lambda xp, g, ans, x: g * xp.cos(x),
        lambda xp, t, ans, x: t[0] * xp.sin(x),
        forward=lambda xp, x: xp.sin(x),
    )
    check_grads(f, (X,), modes=("rev",))
    with pytest.raises(pg.errors.GradientMismatchError, match="mode fwd"):
        check_grads(f, (X,), modes=("fwd",))


def test_the_argument_is_named(bad: Any) -> None:
    f = bad(
        Elementwise,
        lambda xp, g, _y, a, b: g * b,
        lambda xp, g, _y, a, b: g * b,
        forward=lambda xp, a, b: a * b,
    )
    with pytest.raises(pg.errors.GradientMismatchError, match=r"argument 1\['b'\]"):
        check_grads(lambda a, d: f(a, d["b"]), (X, {"b": X + 1}))


def test_a_rule_that_cuts_the_second_derivative_is_found(bad: Any) -> None:
    def rule(xp: Any, g: Any, _y: Any, x: Any) -> Any:
        return g * pg.stop_gradient(xp.cos(x))

    f = bad(Elementwise, rule, forward=lambda xp, x: xp.sin(x))
    check_grads(f, (X,), order=1)
    with pytest.raises(pg.errors.GradientMismatchError, match="rev, then"):
        check_grads(f, (X,), order=2, modes=("rev",))


def test_nan_is_a_mismatch() -> None:
    with pytest.raises(pg.errors.GradientMismatchError), np.errstate(all="ignore"):
        check_grads(lambda x: pg.sqrt(x) * 0, (np.asarray([0.0]),))


def test_single_precision_is_held_against_double() -> None:
    x = X.astype(np.float32)
    check_grads(lambda x: pg.exp(pg.sin(x)), (x,), order=2)
    with pytest.raises(pg.errors.GradientMismatchError):
        check_grads(lambda x: pg.exp(pg.sin(x)), (x,), atol=1e-12, rtol=1e-12)


def test_arguments_are_left_alone() -> None:
    def f(x: Any) -> Any:
        x[0] = x[1] * 2
        x *= 3
        return pg.sum(x)

    x = X.copy()
    check_grads(f, (x,), order=2)
    check_grads(f, (pg.asarray(x),))
    np.testing.assert_array_equal(x, X)


def test_bad_arguments() -> None:
    with pytest.raises(pg.errors.ArgumentValueError, match="modes: got 'reverse'"):
        check_grads(pg.sin, (1.0,), modes="reverse")
    with pytest.raises(pg.errors.ArgumentValueError, match="order: got 0"):
        check_grads(pg.sin, (1.0,), order=0)
    with pytest.raises(pg.errors.ArgumentTypeError, match="nothing can be varied"):
        check_grads(pg.sin, (1,))


def test_the_complex_step_finds_what_finite_differences_cannot(bad: Any) -> None:
    """An error of one part in ten million, in a function that takes complex numbers."""
    f = bad(
        Elementwise,
        lambda xp, g, _y, x: g * xp.cos(x) * (1 + 1e-7),
        forward=lambda xp, x: xp.sin(x),
    )
    for modes in ("fwd", "rev"):
        with pytest.raises(pg.errors.GradientMismatchError, match="by the complex step"):
            check_grads(f, (X,), modes=modes)
    check_grads(f, (X,), rtol=1e-5)  # tolerances of one's own are for central differences


def test_where_the_complex_step_does_not_apply() -> None:
    """Functions that are not analytic, or take no complex numbers, or do so in part."""
    check_grads(lambda x: pg.abs(x) * pg.sin(x), (X,), order=2)
    check_grads(lambda x: pg.real(x) * x + pg.conj(x), (X,), order=2)
    check_grads(lambda x: pg.where(x > 0, x**2, -x), (X,), order=2)
    check_grads(lambda x: [pg.exp(x), pg.max(x), pg.atan2(x, x + 3)], (X,))
    check_grads(lambda x, n: x ** int(n), (X, 3))
