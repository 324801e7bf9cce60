"""Native stretches of a program, with the ops between that native code is not written for."""

import threading

import numpy as np
import pytest
from test_compile_passes import KINDS, agree

import polygrad as pg
from polygrad.errors import LinearAlgebraError

pytest.importorskip("llvmlite")

from polygrad.compile.graph import Equation
from polygrad.compile.native import divided
from polygrad.compile.native.divided import Divided
from polygrad.compile.native.types import Unsupported
from polygrad.compile.replay import replay
from polygrad.core.op import OpFacts


@pytest.fixture(autouse=True)
def _native_code(monkeypatch, tmp_path):
    monkeypatch.delenv("POLYGRAD_NATIVE", raising=False)
    monkeypatch.setenv("POLYGRAD_CACHE_DIR", str(tmp_path))
    with np.errstate(all="ignore"):
        yield


def likelihood(scales, x):
    """Of a Gaussian process, but for a constant."""
    z = x / pg.exp(scales)
    d = z[:, None, :] - z[None, :, :]
    kernel = pg.exp(-pg.sum(d * d, axis=-1)) + 0.1 * pg.eye(len(x))
    y = pg.sin(x[:, 0])
    return pg.sum(y * pg.linalg.solve(kernel, y)) + pg.linalg.slogdet(kernel).logabsdet


def spectrum(x):
    y = pg.real(pg.fft.ifft(pg.fft.fft(x * 2.0 + 1.0, axis=0), axis=0))
    return pg.tanh(y) * pg.exp(-y * y) + pg.sin(y) * pg.sum(y * 3.0), y.T


def ranked(x):
    order = pg.sort(pg.exp(x) * 2.0, axis=0)
    return pg.cumulative_sum(order * 3.0 + x * x, axis=0) * pg.tanh(x) + x * 2.0, x, order


X = np.random.default_rng(0).standard_normal((12, 4))
PROGRAMS = {
    "likelihood": (pg.value_and_grad(likelihood), (np.zeros(4), X), "solve"),
    "spectrum": (spectrum, (X,), "fftn"),
    "ranked": (ranked, (X,), "sort"),
    "empty": (lambda x: (pg.exp(x * 2.0) * x - 1.0, x[:0] * 2.0), (X,), "multiply"),
}


def used(f, *args):
    """``f`` compiled, with native stretches in use."""
    j = pg.jit(f)
    tier = j.lower(*args).native
    assert tier.wait(60), tier.state
    return j, tier


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_results_are_those_of_eager_code(name):
    f, args, outside = PROGRAMS[name]
    j, tier = used(f, *args)
    assert isinstance(tier.native, Divided)
    assert outside in tier.native.outside
    assert outside in tier.state
    assert tier.native.call(*args) is not None
    expected = f(*args)
    for _ in range(3):
        got = j(*args)
        pg.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-10), got, expected)
    leaves = [*args, *pg.tree.leaves(got)]
    for i, a in enumerate(leaves):
        assert not any(np.shares_memory(a, b) for b in leaves[:i])


def same_outside(op):
    """An op that computes the same, and is none of the table: native code does not know it."""

    def forward(xp, *operands, **params):
        if op.forward is None:
            return getattr(xp, op.name)(*operands, **params)
        return op.forward(xp, *operands, **params)

    other = object.__new__(type(op))  # copy.copy gives the op itself
    for cls in type(op).__mro__:
        for name in getattr(cls, "__slots__", ()):
            setattr(other, name, getattr(op, name))
    other.impls, other.fast, other.plans, other.forward = {}, {}, {}, forward
    other.facts = OpFacts(elementwise=op.facts.elementwise, python=op.facts.python)
    return other


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(12))
def test_random_programs_cut_anywhere(seed, kind):
    """Whichever ops have no native code, the results stay the same."""
    f, args = KINDS[kind](np.random.default_rng(3000 + seed))
    graph = pg.jit(f).lower(*args).graph
    ops = sorted({e.op for e in graph.equations if not e.op.multiple}, key=lambda op: op.name)
    left_out = np.random.default_rng(seed).permutation(len(ops))[: max(1, len(ops) // 4)]
    instead = {ops[i]: same_outside(ops[i]) for i in left_out}
    graph = graph.replaced(
        Equation(instead.get(e.op, e.op), e.inputs, e.params, e.outputs) for e in graph.equations
    )
    parts = divided.stretches(graph)
    assert sum(len(part.equations) for _, part in parts) == len(graph.equations)
    for _, part in parts:
        part.check()
        assert part.equations
    host = pg.device("cpu").backend.target().native()
    if not any(native for native, _ in parts):
        with pytest.raises(Unsupported, match="outside"):
            Divided(graph, host)
        expected = replay(graph)(*args)
    else:
        program = Divided(graph, host)
        assert set(program.outside) >= {op.name for op in instead}
        expected = program.call(*args)
        assert expected is not None
    agree(tuple(expected), f(*args), (seed, instead))


def test_an_error_outside_is_the_one_of_the_op():
    def f(x):
        y = x * 2.0 + x
        return pg.sum(pg.linalg.inv(y) * y + x)

    j, _ = used(f, np.eye(3))
    assert j(np.eye(3)) == pytest.approx(f(np.eye(3)))
    with pytest.raises(LinearAlgebraError, match="no inverse"):
        j(np.zeros((3, 3)))
    assert j(np.eye(3)) == pytest.approx(f(np.eye(3)))


def test_mostly_outside_stays_with_the_first_program():
    tier = pg.jit(lambda x: pg.sort(pg.cumulative_sum(x, axis=0), axis=0) * 2.0).lower(X).native
    assert not tier.wait(60)
    assert "cumulative_sum" in tier.state


def test_threads_share_one_program():
    f, args, _ = PROGRAMS["likelihood"]
    j, _ = used(f, *args)
    results = {}

    def work(i):
        scales = np.full(4, i / 10)
        results[i] = [j(scales, X) for _ in range(20)][-1]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i, (value, gradient) in results.items():
        expected = f(np.full(4, i / 10), X)
        np.testing.assert_allclose(value, expected[0], rtol=1e-10)
        np.testing.assert_allclose(gradient, expected[1], rtol=1e-8)
