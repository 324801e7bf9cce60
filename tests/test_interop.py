"""Packages that choose functions by the class of an array: einops, POT, autoray."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import polygrad as pg

pytestmark = pytest.mark.backends

M = np.random.default_rng(0).normal(size=(4, 6))
COSTS = np.abs(M) + 0.1
A, B = np.full(4, 0.25), np.full(6, 1 / 6)
WEIGHTS = np.cos(np.arange(200.0))


def total(y: Any) -> Any:
    y = y if isinstance(y, pg.Array) else np.asarray(y)
    return np.sum(np.reshape(y, -1) * WEIGHTS[: y.size])


def check(f: Callable[[Any], Any], x: np.ndarray) -> None:
    value, slope = pg.value_and_grad(lambda x: total(f(x)))(x)
    np.testing.assert_allclose(value, total(f(x)))
    direction = np.random.default_rng(1).normal(size=x.shape)
    up, down = (total(f(x + step * direction)) for step in (1e-6, -1e-6))
    np.testing.assert_allclose(np.sum(slope * direction), (up - down) / 2e-6, 1e-5, 1e-8)


EINOPS = {
    "rearrange": lambda e, x: e.rearrange(x, "a (b c) -> c (a b)", b=2),
    "a list": lambda e, x: e.rearrange([x, 2 * x], "n a b -> a (n b)"),
    "repeat": lambda e, x: e.repeat(x, "a b -> a r b", r=2),
    "einsum": lambda e, x: e.einsum(x, x, "a b, c b -> a c"),
    "pack": lambda e, x: e.pack([x, x[:, 0]], "a *")[0],
    "unpack": lambda e, x: e.unpack(x, [(2,), (2, 2)], "a *")[1],
    "a function": lambda e, x: e.reduce(x, "a b -> a", lambda v, axes: np.var(v, axis=axes)),
} | {
    how: lambda e, x, how=how: e.reduce(x, "a (b c) -> b", how, b=2)
    for how in ("mean", "sum", "max", "min", "prod")
}


@pytest.mark.parametrize("name", EINOPS)
def test_einops(name: str) -> None:
    einops = pytest.importorskip("einops")
    check(lambda x: EINOPS[name](einops, x), M)
    slope = pg.grad(lambda x: total(EINOPS[name](einops, x)))(M)
    compiled = pg.jit(pg.grad(lambda x: total(EINOPS[name](einops, x))))(M)
    np.testing.assert_allclose(compiled, slope)


OT = {
    "sinkhorn": lambda ot, c: ot.sinkhorn(A, B, c, 0.5),
    "sinkhorn2": lambda ot, c: ot.sinkhorn2(A, B, c, 0.5),
    "emd2 by costs": lambda ot, c: ot.emd2(A, B, c),
    "emd2 by weights": lambda ot, c: ot.emd2(np.sum(c, axis=1) / np.sum(c), B, COSTS),
    "emd2 by places": lambda ot, x: ot.emd2(A, B, ot.dist(x, np.vstack([COSTS, M[:2]]))),
    "dist": lambda ot, x: ot.dist(x, M),
    "sliced": lambda ot, x: ot.sliced_wasserstein_distance(x, M, seed=0),
    "one axis": lambda ot, x: ot.wasserstein_1d(x[:, 0], M[:, 0]),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", OT)
def test_optimal_transport(name: str) -> None:
    ot = pytest.importorskip("ot", exc_type=ImportError)
    check(lambda c: OT[name](ot, c), COSTS)


def test_exact_plans_raise() -> None:
    ot = pytest.importorskip("ot", exc_type=ImportError)
    with pytest.raises(pg.errors.LostGradientError):
        pg.grad(lambda c: total(ot.emd(A, B, c)))(COSTS)
    with pytest.raises(pg.errors.NonDifferentiableError, match="sinkhorn2"):
        pg.hessian(lambda c: ot.emd2(A, B, c))(COSTS)
    with pytest.raises(pg.errors.ArgumentTypeError, match="log"):
        pg.grad(lambda c: ot.emd2(A, B, c, log=True)[0])(COSTS)
    with pytest.raises(pg.errors.UnknownValueError):
        pg.jit(lambda c: ot.emd2(A, B, c))(COSTS)


AUTORAY = {
    "svd": lambda do, x: do("linalg.svd", x)[1],
    "norm": lambda do, x: do("linalg.norm", x),
    "tensordot": lambda do, x: do("tensordot", x, x, axes=([1], [1])),
    "transpose": lambda do, x: do("transpose", x, (1, 0)),
    "concatenate": lambda do, x: do("concatenate", [x, 2 * x]),
    "cumsum": lambda do, x: do("cumsum", x, 0),
    "pad": lambda do, x: do("pad", x, ((1, 1), (0, 0))),
    "split": lambda do, x: do("split", x, 2)[1],
    "array": lambda do, x: x * do("array", [1.0, 2, 3, 4, 5, 6], like=x),
    "expm": lambda do, x: do("linalg.expm", x[:, :4]),
    "logsumexp": lambda do, x: do("scipy.special.logsumexp", x),
}


@pytest.mark.parametrize("name", AUTORAY)
def test_autoray(name: str) -> None:
    autoray = pytest.importorskip("autoray")
    x = pg.asarray(M)
    assert autoray.infer_backend(x) == "polygrad"

    def f(x: Any) -> Any:
        return AUTORAY[name](autoray.do, x)

    slope = pg.grad(lambda x: total(f(x)))(M)
    direction = np.random.default_rng(1).normal(size=M.shape)
    up, down = (total(f(pg.asarray(M + s * direction))).item() for s in (1e-6, -1e-6))
    np.testing.assert_allclose(np.sum(slope * direction), (up - down) / 2e-6, 1e-5, 1e-8)


@pytest.mark.parametrize("first", ["einops", "polygrad"])
def test_nobody_registers_anything_whichever_is_imported_first(first: str) -> None:
    pytest.importorskip("einops")
    second = {"einops": "polygrad", "polygrad": "einops"}[first]
    code = (
        f"import sys, {first}; assert 'polygrad.interop' not in sys.modules or {first!r} != "
        f"'polygrad'; import {second}\n"
        "x = polygrad.ones((2, 3)); assert einops.rearrange(x, 'a b -> b a').shape == (3, 2)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
