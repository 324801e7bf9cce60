"""Updates at places that are known when the program runs: one loop, not one step for each."""

import numpy as np
import pytest

import polygrad as pg

X, PLACES = np.linspace(1.0, 2.0, 10), np.asarray([1, 3, 1, 1, 9, -1, 3])
VALUES = np.linspace(0.5, 1.5, 7)
METHODS = {
    name: lambda x, v, i, name=name: getattr(pg.asarray(x).at[i], name)(v)
    for name in ("multiply", "divide", "power", "min", "max")
}
METHODS["apply"] = lambda x, v, i: pg.asarray(x).at[i].apply(lambda e, w: pg.sin(e) * w, v)


def alike(found, expected):
    for a, b in zip(pg.tree.leaves(found), pg.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(pg.to_numpy(a), pg.to_numpy(b), rtol=1e-13)


@pytest.mark.parametrize("name", METHODS)
def test_every_way_to_run_gives_what_eager_code_gives(name):
    f = METHODS[name]
    square = lambda x, v, i: pg.sum(f(x, v, i) ** 2)
    alike(pg.jit(f)(X, VALUES, PLACES), f(X, VALUES, PLACES))
    slopes = pg.grad(square, argnums=(0, 1))
    for compiled in (pg.jit(slopes), pg.grad(pg.jit(square), argnums=(0, 1))):
        alike(compiled(X, VALUES, PLACES), slopes(X, VALUES, PLACES))
    both = np.stack([PLACES, PLACES[::-1]])
    expected = [f(X, VALUES, one) for one in both]
    over = lambda i: f(X, VALUES, i)
    for mapped in (pg.vmap(over), pg.jit(pg.vmap(over)), pg.vmap(pg.jit(over))):
        alike(list(mapped(both)), expected)


@pytest.mark.parametrize("name", METHODS)
def test_programs_are_as_long_for_many_places_as_for_some(name):
    lengths = [
        len(pg.make_graph(METHODS[name])(X, np.ones(n), np.zeros(n, int)).equations)
        for n in (50, 1000)
    ]
    assert lengths[0] == lengths[1] < 60
