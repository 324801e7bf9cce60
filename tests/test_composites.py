"""Composite ops: their forward, traced, computes what they do, in programs and in native code."""

import importlib

import numpy as np
import pytest

import polygrad as pg
from polygrad.compile.passes.expand import expand
from polygrad.compile.replay import replay
from polygrad.core.op import OPS
from polygrad.core.trace import bind

for module in ("special", "activations"):
    importlib.import_module(f"polygrad.ops.{module}")
COMPOSITES = [op for op in OPS.values() if op.facts.composite]
ELEMENTWISE = [op for op in COMPOSITES if op.facts.elementwise]
# Near 0 and 1, at both, beyond all numbers; subnormal ones, whose tenth is lost.
EDGES = [0.0, -0.0, 1.0, -1.0, 0.5, 0.75, 0.25, 0.5 + 1e-6, 1e-8, -3.0, 40.0, -40.0, 710.0, -745.0]
EDGES += [1e-38, 1e38, np.inf, -np.inf, np.nan]


def points(op, dtype):
    rng = np.random.default_rng(0)
    x = np.concatenate([EDGES, rng.uniform(0, 1, 9), rng.normal(0, 3, 9)]).astype(dtype)
    return [a.ravel() for a in np.meshgrid(*[x] * len(op.rules))]


def check(found, expected, ulps):
    assert found.dtype == expected.dtype
    found, expected = np.asarray(found), np.asarray(expected)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    sure = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(found)[sure], np.signbit(expected)[sure])
    eps = np.finfo(expected.dtype)
    np.testing.assert_allclose(
        found[sure], expected[sure], rtol=float(ulps * eps.eps), atol=float(eps.tiny)
    )


def test_which_ops_are_composite():
    names = {op.name for op in COMPOSITES}
    assert names >= {"relu", "sigmoid", "clip", "softmax", "log_softmax", "logsumexp", "xlogy"}
    assert all(op.forward is not None for op in COMPOSITES)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("op", ELEMENTWISE, ids=lambda op: op.name)
def test_an_elementwise_op_is_its_forward_everywhere(op, dtype, monkeypatch):
    args = points(op, dtype)

    def f(*args):
        return bind(op, args, {})

    graph = pg.make_graph(f)(*args)
    assert op in [e.op for e in graph.equations]
    expanded = expand(graph)
    expanded.check()
    assert not any(e.op.facts.composite for e in expanded.equations)
    with np.errstate(all="ignore"):
        expected = f(*args)
        check(replay(expanded)(*args)[0], expected, 4)
        monkeypatch.setenv("POLYGRAD_NATIVE", "off")
        check(pg.jit(f)(*args), expected, 4)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("op", ELEMENTWISE, ids=lambda op: op.name)
def test_an_elementwise_op_has_native_code(op, dtype, monkeypatch):
    pytest.importorskip("llvmlite")
    monkeypatch.setenv("POLYGRAD_NATIVE", "wait")
    args = points(op, dtype)

    def f(*args):
        return bind(op, args, {})

    j = pg.jit(f)
    with np.errstate(all="ignore"):
        found, expected = j(*args), f(*args)
    tier = j.lower(*args).native
    assert tier is not None
    assert tier.state.startswith("in use"), tier.state
    check(found, expected, 4)


REDUCTIONS = [op for op in COMPOSITES if not op.facts.elementwise]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("op", REDUCTIONS, ids=lambda op: op.name)
@pytest.mark.parametrize("axis", [(0,), (1,), (0, 1)])
def test_a_reduction_is_its_forward(op, axis, dtype):
    rng = np.random.default_rng(1)
    x, b = (rng.normal(0, 4, (5, 6)).astype(dtype) for _ in range(2))
    x[0, 0], x[1, 1], x[2] = 1000.0, -np.inf, 0.0
    args = (x, b) if "weighted" in op.name or "sign" in op.name else (x,)
    params = {"axis": axis} if "softmax" in op.name else {"axis": axis, "keepdims": False}

    def f(*args):
        return bind(op, args, params)

    expanded = expand(pg.make_graph(f)(*args))
    expanded.check()
    assert not any(e.op.facts.composite for e in expanded.equations)
    with np.errstate(all="ignore"):
        check(replay(expanded)(*args)[0], f(*args), 4)
        check(pg.jit(f)(*args), f(*args), 16)
