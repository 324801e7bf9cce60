"""Transforms inside transforms to order 4 on every backend, and what a backend cannot run.

The whole op table under vmap is in test_vmap_ops.py, its Jacobians and Hessians in
test_jacobians.py; both take every backend.
"""

import itertools
from typing import Any

import numpy as np
import optree
import pytest
from op_driver import DEVICES, SLOW, WEEK, WHOLE_TABLE, host, on, precision, put, runs, same
from op_table import all_rows
from test_nesting import NEST, base

import polygrad as pg

X = np.asarray([0.5, -0.8, 1.2])
OTHERS = [device for device in DEVICES if device not in ("cpu", "strict:cpu")]
on_others = pytest.mark.parametrize("device", OTHERS)

NESTS = list(itertools.permutations([*NEST, "jit"], 4))
ALWAYS = [
    ("grad", "vmap", "jvp", "jit"),
    ("jit", "jacfwd", "checkpoint", "grad"),
    ("vjp", "jit", "custom_vjp", "linearize"),
    ("jacrev", "custom_jvp", "vmap", "jvp"),
]


def nests(device: str) -> list[tuple[str, ...]]:
    """Nests of four different transforms: some always, others as the weeks go by."""
    count = 200 if WHOLE_TABLE else 3 if device in SLOW else 30
    some = np.random.default_rng(WEEK).choice(len(NESTS), count, replace=False)
    found = [*ALWAYS, *(NESTS[i] for i in some)]
    if device == "torch":  # whose compiler takes many seconds
        found = [found[0], *(names for names in found[1:] if "jit" not in names)]
    return found


@on_others
def test_four_different_transforms(device: str) -> None:
    with on(device) as place:
        x = put(X, place, raw=True)
        for names in nests(device):
            f, order = base, 0
            for name in reversed(names):
                transform, differentiates = NEST.get(name, (pg.jit, False))
                f, order = transform(f), order + differentiates
            try:
                found = f(x)
                assert type(found) is type(x)
                np.testing.assert_allclose(host(found), 2.0**order * np.exp(2 * X), rtol=1e-8)
            except BaseException as error:
                error.add_note(" of ".join(names))
                raise


def forward(f: Any) -> Any:
    return lambda x: pg.jvp(f, (x,), (pg.ones_like(x),))[1]


def backward(f: Any) -> Any:
    return lambda x: pg.vjp(f, x)[1](pg.ones_like(x))[0]


def by_hand(x: Any) -> Any:
    """The fourth derivative of tanh(x) exp(x / 2), by Leibniz's rule."""
    t = np.tanh(x)
    s = 1 - t**2
    d = [t, s, -2 * t * s, s * (6 * t**2 - 2), s * t * (16 - 24 * t**2)]
    return sum(k * d[4 - i] * 0.5**i for i, k in enumerate((1, 4, 6, 4, 1))) * np.exp(x / 2)


@pytest.mark.parametrize("device", ["cpu", *OTHERS])
@pytest.mark.parametrize("mapped", [False, True], ids=["", "vmap"])
def test_the_modes_mixed_in_every_order(device: str, mapped: bool) -> None:
    """Sixteen ways to a fourth derivative; on the slow libraries the four that alternate most."""
    ways = list(itertools.product((forward, backward), repeat=4))
    ways = ways if device not in SLOW or WHOLE_TABLE else [ways[i] for i in (3, 5, 10, 12)]
    f = lambda x: pg.tanh(x) * pg.exp(x / 2)
    with on(device) as place:
        x = put(X, place, raw=False)
        for way in ways:
            g = f
            for mode in way:
                g = mode(g)
            found = pg.vmap(g)(x) if mapped else g(x)
            np.testing.assert_allclose(host(found), by_hand(X), rtol=1e-9, err_msg=str(way))


@on_others
def test_per_example_hessians_and_the_hessian_of_the_cost(device: str) -> None:
    rng = np.random.default_rng(0)
    data, w = rng.normal(size=(4, 3)), rng.normal(size=3)

    def loss(w: Any, x: Any) -> Any:
        return pg.logsumexp(pg.tanh(w * x)) ** 2

    def cost(w: Any, x: Any) -> Any:
        return pg.mean(pg.vmap(loss, in_axes=(None, 0))(w, x))

    expected = pg.hessian(cost)(w, data)
    with on(device) as place:
        w, data = put((w, data), place, raw=True)
        each = pg.vmap(pg.hessian(loss), in_axes=(None, 0))(w, data)
        np.testing.assert_allclose(np.mean(host(each), axis=0), expected, rtol=1e-9, atol=1e-12)
        found = host(pg.hessian(cost)(w, data))
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(found, found.T, rtol=1e-9)
        product = host(pg.hvp(lambda w: cost(w, data), (w,), (w,))[0])
        np.testing.assert_allclose(product, expected @ host(w), rtol=1e-9, atol=1e-12)


CANNOT = [(row, case) for row in all_rows() for case in row.cases if case.needs]


@pytest.mark.parametrize(
    "device", ["strict:device1", pytest.param("dask", marks=pytest.mark.backends)]
)
def test_what_a_backend_cannot_run_is_refused_by_name(device: str) -> None:
    """Shapes that depend on the data; every other case of the table runs on every backend.

    A backend that can do it after all has to do it right.
    """
    refused = 0
    with on(device) as place:
        left = [(row, case) for row, case in CANNOT if not runs(case, place)]
        for row, case in left:
            args, kwargs = put((case.args, case.kwargs), place, raw=False)
            try:
                out = row.function(*args, **kwargs)
            except pg.errors.PolygradError:
                refused += 1
                continue
            if any(np.isnan(n) for a in optree.tree_leaves(out) for n in a.shape):
                continue  # Dask: as long as nothing is computed, nothing is known
            expected = row.expected(*case.args, **case.kwargs)
            same(host(out), expected, precision(row, "float64"), (row, case))
    assert refused > len(left) // 2
