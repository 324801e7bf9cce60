"""Python numbers: of subclasses, outside of a data type, in carries, and their zero slopes."""

import enum
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import polygrad as pg


class Mode(enum.IntEnum):
    THREE = 3


class Real(float):
    pass


class Whole(int):
    pass


USES = {
    "add": lambda x, n: x + n,
    "radd": lambda x, n: n + x,
    "sub": lambda x, n: n - x,
    "mul": lambda x, n: x * n,
    "pow": lambda x, n: x**n,
    "less": lambda x, n: x < n,
    "function": lambda x, n: pg.multiply(x, n),
    "where": lambda x, n: pg.where(x > 1, x, n),
    "maximum": lambda x, n: pg.maximum(x, n),
    "assigned": lambda x, n: pg.at(x)[0].set(n),
}


@pytest.mark.parametrize("dtype", ["int32", "uint8", "float32", "float64"])
@pytest.mark.parametrize("number", [Mode.THREE, Whole(2), Real(2.5)])
@pytest.mark.parametrize("name", USES)
def test_a_number_of_a_subclass_is_the_number(name: str, number: Any, dtype: str) -> None:
    use, plain = USES[name], float(number) if isinstance(number, float) else int(number)
    x = pg.asarray([1, 2], dtype=dtype)
    expected = use(x, plain)
    for found in (use(x, number), pg.jit(lambda x: use(x, number))(x), pg.jit(use)(x, number)):
        assert found.dtype == expected.dtype
        assert found.tolist() == expected.tolist()
    rows = pg.vmap(lambda x: use(pg.reshape(x, (1,)), number))(x)
    assert rows.dtype == pg.vmap(lambda x: use(pg.reshape(x, (1,)), plain))(x).dtype
    if x.dtype.is_inexact and expected.dtype.is_inexact:
        for f in (pg.grad, lambda f: pg.jit(pg.grad(f)), pg.jacfwd, pg.hessian):
            got = f(lambda x: pg.sum(use(x, number)))(x)
            assert got.tolist() == f(lambda x: pg.sum(use(x, plain)))(x).tolist()


@pytest.mark.parametrize("number", [Fraction(1, 2), Decimal("0.5")])
def test_other_numbers_are_refused_by_name(number: Any) -> None:
    x = pg.ones(2)
    with pytest.raises(TypeError, match=type(number).__name__):
        x + number
    with pytest.raises(TypeError, match=type(number).__name__):
        pg.add(x, number)


OUTSIDE = {
    **{name: USES[name] for name in ("add", "sub", "mul", "where", "maximum", "assigned")},
    "floor": lambda x, n: x // n,
    "at.add": lambda x, n: pg.at(x)[0].add(n),
    "pad": lambda x, n: pg.pad(x, 1, constant_values=n),
    "full": lambda x, n: pg.full((2,), n, dtype="uint8"),
    "full_like": lambda x, n: pg.full_like(x, n),
    "asarray": lambda x, n: pg.asarray([n, 1], dtype="uint8"),
    "masked": lambda x, n: pg.at(x)[np.asarray([True, False])].set(n),
}


@pytest.mark.parametrize("n", [300, -1])
@pytest.mark.parametrize("name", OUTSIDE)
def test_an_integer_that_does_not_fit_raises_everywhere(name: str, n: int) -> None:
    use, x = OUTSIDE[name], pg.asarray([1, 200], dtype="uint8")
    for call in (use, lambda x, n: pg.jit(lambda x: use(x, n))(x), pg.jit(use)):
        with pytest.raises(pg.errors.ArgumentValueError, match=rf"{n}"):
            call(x, n)


@pytest.mark.parametrize(
    ("f", "slope"),
    [(lambda x: 2 * x, 2.0), (pg.floor, 0.0), (lambda x: x * 0, 0.0), (lambda x: x * x, 5.0)],
)
def test_zero_slopes_at_a_number(f: Any, slope: float) -> None:
    second = 2.0 if slope == 5.0 else 0.0
    assert pg.hessian(f)(2.5) == second
    assert pg.jacfwd(f)(2.5) == pg.jacrev(f)(2.5) == pg.jacobian(f)(2.5) == slope
    value, push = pg.linearize(f, 2.5)
    assert (value, push(1.0)) == (f(2.5), slope)
    assert pg.jvp(f, (2.5,), (1.0,)) == (f(2.5), slope)
    assert pg.hvp(lambda x: f(x) * 1.0, (2.5,), (1.0,)) is not None
    assert pg.jit(pg.hessian(f))(2.5) == second
    tree = pg.hessian(lambda d: f(d["a"]) + d["b"])({"a": 2.5, "b": 1.0})
    assert tree == {"a": {"a": second, "b": 0.0}, "b": {"a": 0.0, "b": 0.0}}


def test_an_attribute_that_raises_is_asked_for_once() -> None:
    broken = pg.Array(3.0, pg.ones(1)._trace, None)  # type: ignore[arg-type]
    with pytest.raises(AttributeError, match="shape"):
        _ = broken.shape


X = np.asarray([1.0, 3.0, 0.5])
CARRIES = {
    "while": lambda x: pg.while_loop(
        lambda c: c[0] < x, lambda c: (c[0] + 1.0, c[1] + 1), (0.0, 0)
    ),
    "while int": lambda x: pg.while_loop(lambda c: c < 100, lambda c: c * 2, 1) * x,
    "while mixed": lambda x: pg.while_loop(
        lambda c: c["n"] < x * 3, lambda c: {"n": c["n"] + 1, "y": c["y"] + x}, {"n": 0, "y": 0.0}
    ),
    "scan": lambda x: pg.scan(lambda c, _: ((c[0] + x, c[1] + 1), c[1]), (0.0, 0), length=20),
    "fori": lambda x: pg.fori_loop(0, 20, lambda i, c: c + x * i, 0),
    "fori few": lambda x: pg.fori_loop(2, 5, lambda i, c: c + x * i, 0),
    "cond": lambda x: pg.cond(x > 1, lambda: 1, lambda: 2),
    "cond float": lambda x: pg.cond(x > 1, lambda: 1.0, lambda: x),
    "nested": lambda x: pg.fori_loop(
        0, 17, lambda i, c: pg.while_loop(lambda d: d < i, lambda d: d + x, c), 0.0
    ),
}


def close(found: Any, expected: Any) -> None:
    for a, b in zip(pg.tree.leaves(found), pg.tree.leaves(expected), strict=True):
        a, b = (pg.to_numpy(pg.asarray(one)) for one in (a, b))
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-12)


@pytest.mark.parametrize("name", CARRIES)
def test_numbers_in_a_carry_under_every_transform(name: str) -> None:
    f = CARRIES[name]
    each = [f(pg.asarray(x)) for x in X]
    rows = pg.tree.map(lambda *some: pg.stack([pg.asarray(one) for one in some]), *each)
    for g in (pg.vmap(f), pg.jit(pg.vmap(f)), pg.vmap(pg.jit(f))):
        close(g(X), rows)
    close(pg.jit(f)(pg.asarray(3.0)), f(pg.asarray(3.0)))
    total = lambda x: sum(pg.sum(pg.asarray(1.0 * leaf)) for leaf in pg.tree.leaves(f(x))) + 0.0 * x
    slopes = [pg.jvp(total, (x,), (1.0,))[1] for x in X.tolist()]
    along = lambda x: pg.jvp(total, (x,), (pg.ones_like(x),))[1]
    for g in (pg.vmap(along), pg.jit(pg.vmap(along)), pg.vmap(pg.jit(along))):
        np.testing.assert_allclose(pg.to_numpy(g(pg.asarray(X))), slopes, rtol=1e-12)


def test_a_counted_loop_holds_no_counters() -> None:
    j = pg.make_graph(lambda x: pg.fori_loop(0, 10**15, lambda i, c: c + x * i, x))(2.0)
    assert "scan" in str(j)
