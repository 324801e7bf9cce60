"""What long programs cost to compile: their length, and no more; and none keeps others waiting."""

import sys
import threading

import numpy as np
import pytest

import polygrad as pg
from polygrad.compile.lowering import Lowered, lower
from polygrad.compile.passes.fuse import fuse

X = np.linspace(-1.0, 1.0, 8)


def chain(n):
    def f(x):
        for i in range(n // 2):
            x = x * 1.0001 + 0.001 * i if i % 2 else pg.tanh(x)
        return x

    return f


def recurrent(n):
    def f(w, b, h):
        for _ in range(n):
            h = pg.tanh(w @ h + b)
        return pg.sum(h)

    return f


def weights(n):
    return np.eye(n) * 0.5, np.linspace(-1, 1, n), np.ones(n)


def test_twenty_thousand_operations_make_a_program():
    f = chain(26_000)
    lowered = pg.jit(f).lower(X)
    assert len(lowered.graph.equations) > 19_000
    np.testing.assert_array_equal(lowered.run(X)[0], f(X))


def test_the_work_of_the_generator_grows_with_the_program():
    """Counted, not timed: how often shapes of loops are compared."""

    def looked(n):
        count = 0

        class Counted(tuple):
            def __eq__(self, other):
                nonlocal count
                count += 1
                return tuple.__eq__(self, other)

            __hash__ = tuple.__hash__

        xs = [np.ones(i + 1) for i in range(n)]
        graph = pg.make_graph(lambda xs: [pg.exp(x) for x in xs])(xs)
        for equation in graph.equations:
            equation.out.shape = Counted(equation.out.shape)
        steps = fuse(graph, lambda equation: True, 1, 1 << 20)
        assert len(steps) == n
        return count

    assert looked(400) <= 5 * looked(100)


def calls(f, *args):
    """How many Python functions run, generators' steps included."""
    count = 0

    def profile(frame, event, arg):
        nonlocal count
        count += event == "call"

    sys.setprofile(profile)
    try:
        f(*args)
    finally:
        sys.setprofile(None)
    return count


def layers(n):
    """Each step a loop of its own, since it waits for the total before."""

    def f(x):
        for _ in range(n):
            x = pg.tanh(x) * 1.5
            x = x - pg.sum(x) * 0.001
        return x

    return f


@pytest.mark.parametrize("make", [chain, layers, lambda n: pg.grad(lambda x: pg.sum(chain(n)(x)))])
@pytest.mark.parametrize("size", [8, 40_000])
def test_the_calls_of_all_passes_grow_with_the_program(make, size, monkeypatch):
    monkeypatch.setenv("POLYGRAD_NATIVE", "off")
    x = np.linspace(-1.0, 1.0, size)
    few, many = (pg.make_graph(make(n))(x) for n in (100, 400))
    lower(few, (False,))  # loads what is loaded once
    assert calls(lower, many, (False,)) <= 4.4 * calls(lower, few, (False,))


@pytest.mark.parametrize(
    "make",
    [
        lambda n: (lambda x: [x * (i + 0.5) for i in range(n)], X),
        lambda n: (lambda t: {k: v * 2.0 for k, v in t.items()}, {str(i): X for i in range(n)}),
        lambda n: (lambda x: sum(pg.sum(x * (i + 0.5)) for i in range(n)), X),
        lambda n: (pg.grad(lambda x: pg.sum(chain(n)(x))), X),
    ],
    ids=["outputs", "leaves", "sums", "gradient"],
)
def test_wide_and_long_programs_compile(make):
    f, x = make(3000)
    pg.tree.map(np.testing.assert_allclose, pg.jit(f)(x), f(x))


# -- native code -----------------------------------------------------------------------------------


@pytest.fixture
def native(monkeypatch, tmp_path):
    pytest.importorskip("llvmlite")
    monkeypatch.delenv("POLYGRAD_NATIVE", raising=False)
    monkeypatch.setenv("POLYGRAD_CACHE_DIR", str(tmp_path))


def test_four_thousand_operations_in_a_row_have_native_code(native):
    f = chain(5_400)
    lowered = pg.jit(f).lower(X)
    assert len(lowered.graph.equations) > 4_000
    assert lowered.native.wait(120), lowered.native.state
    np.testing.assert_allclose(lowered.run(X)[0], f(X), rtol=1e-12)


@pytest.mark.parametrize("grad", [False, True])
def test_the_steps_of_a_recurrent_network_share_their_code(native, grad):
    from polygrad.compile.native.writer import Module

    def functions(n):
        f = pg.value_and_grad(recurrent(n)) if grad else recurrent(n)
        return Module(pg.jit(f).lower(*weights(6)).graph).functions

    few, many = functions(10), functions(80)
    assert len(many) <= len(few) + 2


@pytest.mark.parametrize("steps", [20, 160])
def test_a_long_recurrent_network_is_right_in_native_code(native, steps):
    f = pg.value_and_grad(recurrent(steps))
    j = pg.jit(f)
    args = weights(6)
    tier = j.lower(*args).native
    assert tier.wait(120), tier.state
    for got, expected in zip(j(*args), f(*args), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-14)


def test_shared_operands_are_not_written_out_again_and_again(native):
    """x + x*c of itself, sixty deep, would be 2**60 reads."""
    from polygrad.compile.native.writer import Module

    def f(x):
        y = x
        for _ in range(60):
            x, y = pg.sqrt(x * x + y * 0.5 * x), x - y * 0.1
        return x + y

    text = Module(pg.jit(f).lower(X).graph).text
    assert len(text) < 100_000


def test_short_programs_do_not_wait_for_long_ones(native, monkeypatch):
    from polygrad.compile.native import tier as tiers

    order, started, go = [], threading.Event(), threading.Event()
    real = tiers.native_program

    def slowly(graph, host):
        started.set()
        assert go.wait(30)
        order.append(len(graph.equations))
        return real(graph, host)

    monkeypatch.setattr(tiers, "native_program", slowly)
    programs: list[Lowered] = [pg.jit(chain(n)).lower(X) for n in (4, 60, 40, 20)]
    for one in programs:
        one.native.start()
        assert started.wait(30)
    go.set()
    for one in programs:
        assert one.native.wait(60), one.native.state
    assert order[1:] == sorted(order[1:])
