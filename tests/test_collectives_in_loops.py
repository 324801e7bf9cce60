"""Collectives in the branches and loops of compiled functions: the same as eager."""

import numpy as np
import pytest

import polygrad as pg


def _branch(v):
    return pg.cond(v > -1.0, lambda v: v - pg.pmean(v, "i"), lambda v: v * 2.0, v)


def _shared_branch(v):
    return pg.cond(pg.psum(v, "i") > 0.0, lambda v: v - pg.pmax(v, "i"), lambda v: v, v)


def _until(v):
    def step(carry):
        count, v = carry
        return count + 1.0, v - pg.pmean(v, "i") + count

    return pg.while_loop(lambda carry: carry[0] < 3.0, step, (pg.zeros(()), v))[1]


def _until_mine(v):
    return pg.while_loop(lambda v: v < 20.0, lambda v: v * 2.0 + pg.pmean(v, "i"), v)


def _steps(v):
    return pg.scan(lambda c, _: (c - pg.pmean(c, "i") + 1.0, c), v, None, length=3)[0]


@pytest.mark.parametrize("f", [_branch, _shared_branch, _until, _until_mine, _steps])
def test_inside_branches_and_loops_that_are_compiled(f):
    x = np.arange(1.0, 5.0)
    expected = pg.vmap(f, axis_name="i")(x)
    np.testing.assert_allclose(pg.jit(pg.vmap(f, axis_name="i"))(x), expected)
    if f not in (_until, _until_mine):

        def total(x):
            return pg.sum(pg.vmap(f, axis_name="i")(x) ** 3)

        np.testing.assert_allclose(pg.jit(pg.grad(total))(x), pg.grad(total)(x))
    np.testing.assert_allclose(
        pg.jit(lambda x: pg.jvp(pg.vmap(f, axis_name="i"), (x,), (x,))[1])(x),
        pg.jvp(pg.vmap(f, axis_name="i"), (x,), (x,))[1],
    )
