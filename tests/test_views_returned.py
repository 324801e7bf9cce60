"""A view that a function returns after its base was written to, under every transform."""

import numpy as np
import pytest

import polygrad as pg

X = np.arange(6.0).reshape(2, 3)
PAIR = np.stack([X, -X])


def view(x):
    y = x * 3.0
    seen = y.T
    y += 1.0
    return seen


def total(x):
    return pg.sum(view(x) ** 2)


RIGHT = X.T * 3 + 1
SLOPE = 6 * (3 * X + 1)


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (lambda: pg.vjp(view, X)[0], RIGHT),
        (lambda: pg.vjp(view, X)[1](np.ones((3, 2)))[0], np.full((2, 3), 3.0)),
        (lambda: pg.jvp(view, (X,), (X,))[1], 3 * X.T),
        (lambda: pg.linearize(view, X)[1](X), 3 * X.T),
        (lambda: pg.grad(lambda x: (total(x), view(x)), has_aux=True)(X)[1], RIGHT),
        (lambda: pg.grad(lambda x: pg.sum(pg.checkpoint(view)(x) ** 2))(X), SLOPE),
        (lambda: pg.checkpoint(view)(X), RIGHT),
        (lambda: pg.jit(view)(X), RIGHT),
        (lambda: pg.grad(lambda x: pg.sum(pg.jit(view)(x) ** 2))(X), SLOPE),
        (lambda: pg.jit(pg.grad(total))(X), SLOPE),
        (lambda: pg.vmap(view)(PAIR)[0], RIGHT),
        (lambda: pg.jit(pg.vmap(view))(PAIR)[0], RIGHT),
        (lambda: pg.vmap(pg.jit(view))(PAIR)[0], RIGHT),
        (lambda: pg.vmap(pg.grad(total))(PAIR)[0], SLOPE),
        (lambda: pg.jvp(pg.grad(total), (X,), (X,))[1], 18 * X),
        (lambda: pg.scan(lambda c, x: (c, view(x)), 0.0, PAIR)[1][0], RIGHT),
        (lambda: pg.cond(True, view, view, X), RIGHT),
        (lambda: pg.jacfwd(view)(X).sum((2, 3)), np.full((3, 2), 3.0)),
        (lambda: pg.jacrev(view)(X).sum((2, 3)), np.full((3, 2), 3.0)),
        (lambda: pg.hessian(total)(X).sum((2, 3)), np.full((2, 3), 18.0)),
        (lambda: {"a": [pg.vmap(lambda x: {"a": [view(x)]})(PAIR)]}["a"][0]["a"][0][0], RIGHT),
    ],
)
def test_a_returned_view_has_what_was_written_to_its_base(run, expected):
    np.testing.assert_allclose(pg.to_numpy(run()), expected, rtol=1e-12)


@pytest.mark.parametrize("compiled", [False, True])
def test_diagonals_and_flat_parts_as_numpy_has_them(compiled: bool) -> None:
    def written(xp, x):
        diagonal, part, turned = xp.linalg.diagonal(x), x.flat[2:4], xp.linalg.matrix_transpose(x)
        x[0, 0] = 50.0
        x.flat[2:4] = -1.0
        part[0] = 7.0
        turned[0, 1] = 9.0
        return diagonal * 1.0, part * 1.0, x * 1.0

    def ours(v):
        return written(pg, v * 1.0)

    v = np.arange(9.0).reshape(3, 3)
    found = (pg.jit(ours) if compiled else ours)(pg.asarray(v))
    for a, b in zip(found, written(np, v.copy()), strict=True):
        np.testing.assert_array_equal(pg.to_numpy(a), b)
    with pytest.raises(pg.errors.ArgumentValueError, match="read only"):
        pg.linalg.diagonal(pg.asarray(v))[0] = 1.0
