"""Compiled functions under transforms: kinds of operands, where it cannot be, what is not lost."""

import gc
import threading
import warnings
import weakref
from typing import Any

import numpy as np
import pytest
from jit_driver import ROWS, Counted, X, Y, equal, inner, recorded, wavy

import polygrad as pg
from polygrad.compile.function import Function
from polygrad.core.tape import Node, ReverseTrace
from polygrad.errors import (
    LeakedArrayError,
    NonDifferentiableError,
    PolygradError,
    RetraceWarning,
    UnknownValueError,
)

# -- kinds of operands and answers -----------------------------------------------------------------


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[Function]:
    """The compiled functions that ran, in order."""
    return recorded(monkeypatch)


def test_python_numbers() -> None:
    f = lambda x, r: pg.sum(pg.tanh(x * r) * (1.0 - r / 2))
    for x in (X, X.astype(np.float32), pg.asarray(X)):
        for g in (pg.jit(f), lambda x, r: pg.jit(f)(x, r)):
            equal(pg.grad(g, (0, 1))(x, 0.5), pg.grad(f, (0, 1))(x, 0.5), 1e-6)
            equal(pg.grad(g)(x, 0.5), pg.grad(f)(x, 0.5), 1e-6)
        equal(pg.jit(pg.grad(f, (0, 1)))(x, 0.5), pg.grad(f, (0, 1))(x, 0.5), 1e-6)
        both = pg.jit(pg.value_and_grad(f, (0, 1)))
        equal(both(x, 0.5), pg.value_and_grad(f, (0, 1))(x, 0.5), 1e-6)
    assert type(pg.jit(pg.grad(f, (0, 1)))(X, 0.5)[1]) is float
    back = lambda x, r: pg.grad(lambda x: pg.sum(x) * pg.jit(lambda r: r * 2.0)(r))(x)
    equal(back(X, 0.5), np.ones(3))


def test_structures_statics_and_answers_without_a_derivative() -> None:
    def f(tree: Any, power: int, *, flag: str = "a", y: Any = None) -> Any:
        x = tree["x"]
        whole = pg.astype(x > 0.3, pg.int64)
        return (pg.sum(x**power) * y, {"n": power, "sign": whole, "y": y, "none": None, "f": flag})

    j = pg.jit(f, static_argnums=1, static_argnames="flag")
    for g in (j, lambda *a, **k: j(*a, **k)):
        for args in (({"x": X, "i": np.arange(3)}, 3), ({"x": pg.asarray(X)}, 2)):
            y = Y if type(args[0]["x"]) is np.ndarray else pg.asarray(Y)
            h = lambda f: pg.grad(
                lambda *a, **k: (lambda v, e: (pg.sum(v), e))(*f(*a, **k)), has_aux=True
            )
            equal(h(g)(*args, y=y), h(f)(*args, y=y))
    out, pullback, aux = pg.vjp(lambda x: j({"x": x}, 2, y=pg.asarray(Y)), X, has_aux=True)
    assert aux["sign"].dtype == pg.int64
    assert aux["n"] == 2
    equal(pullback(pg.ones_like(out))[0], 2.0 * X * np.sum(Y))


def test_an_answer_that_does_not_move_is_not_tracked() -> None:
    j = pg.jit(lambda x, y: (pg.sum(x * y), y * 2.0, pg.max(y)))

    def loss(x: Any) -> Any:
        out, double, top = j(x, pg.asarray(Y))
        assert float(top) == 2.0
        assert not isinstance(double, np.ndarray)
        return out * float(top) + pg.sum(double)

    equal(pg.grad(loss)(X), 2.0 * Y)


def test_nothing_is_donated_under_a_transform() -> None:
    j = pg.jit(lambda x, y: pg.sum(x * y) * x, donate_argnums=(0, 1))
    x, y = X.copy(), Y.copy()
    for _ in range(2):
        equal(pg.vjp(j, x, y)[1](Y), pg.vjp(j._f, x, y)[1](Y))
        equal(pg.jvp(j, (x, y), (y, x)), pg.jvp(j._f, (x, y), (y, x)))
        pg.grad(pg.jit(lambda x: pg.sum(x * x), donate_argnums=0))(x)
    equal((x, y), (X, Y))


def test_kinds_of_arrays_mixed() -> None:
    g = pg.value_and_grad(pg.jit(inner), (0, 1))
    for x, y in ((X, pg.asarray(Y)), (pg.asarray(X), Y), (X, Y)):
        equal(g(x, y), pg.value_and_grad(inner, (0, 1))(x, y))


# -- where it cannot be, and what must not be lost -------------------------------------------------


def growing(x: Any) -> Any:
    return pg.sum(pg.while_loop(lambda c: pg.sum(c) < 100.0, lambda c: c * (1 + x), x + 0.5))


def test_a_loop_of_unknown_length_is_differentiated_step_by_step() -> None:
    for j in (pg.jit(growing), lambda x: pg.jit(growing)(x)):
        equal(pg.grad(j)(X), pg.grad(growing)(X))
        equal(pg.jvp(j, (X,), (Y,)), pg.jvp(growing, (X,), (Y,)))
        equal(pg.jacfwd(j)(X), pg.jacfwd(growing)(X))
    with pytest.raises(NonDifferentiableError, match="while_loop"):
        pg.jit(pg.grad(growing))(X)


def test_values_that_steer_are_refused_as_without_a_transform() -> None:
    def f(x: Any) -> Any:
        return pg.sum(x) if x[0] > 0 else -pg.sum(x)

    for g in (pg.grad(pg.jit(f)), lambda x: pg.vmap(pg.jit(f))(x[None])):
        with pytest.raises(UnknownValueError, match=r"test_jit_under_transforms"):
            g(X)


def test_captured_tracked_arrays_keep_their_gradient() -> None:
    f = lambda x: pg.grad(lambda w: pg.sum(pg.jit(lambda y: y * w * x)(w)))(pg.asarray(2.0 * Y))
    equal(f(pg.asarray(X)), pg.asarray(4.0 * X * Y))


@pytest.mark.filterwarnings("ignore:.*encountered in divide")
def test_zeros_of_a_choice_stay_zeros_inside_and_outside() -> None:
    """A where keeps an infinite derivative out, on either side of the compiled function."""
    x = np.asarray([0.0, 4.0])
    root = pg.jit(pg.sqrt)
    pick = pg.jit(lambda x, r: pg.where(x > 0, r, 0.0))
    for f in (
        lambda x: pg.sum(pg.where(x > 0, root(x), 0.0)),
        lambda x: pg.sum(pick(x, pg.sqrt(x))),
        lambda x: pg.sum(pick(x, root(x) * 2.0)),
        lambda x: pg.sum(root(x)[x > 0]),
        lambda x: pg.sum(pg.where(x > 0, pg.jit(lambda y: 3.0 * y)(root(x)), 0.0)),
        pg.jit(lambda x: pg.sum(pg.where(x > 0, pg.sqrt(x), 0.0))),
    ):
        got = pg.grad(f)(x)
        assert got[0] == 0.0
        assert got[1] in (0.25, 0.5, 0.75)
    assert np.isinf(pg.grad(lambda x: pg.sum(root(x)))(x)[0])


def test_errors_come_as_they_are() -> None:
    def f(x: Any) -> Any:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        pg.grad(pg.jit(f))(X)
    j = pg.jit(lambda x, y: pg.sum(x @ y))
    for _ in range(2):
        with pytest.raises(PolygradError, match="matmul"):
            pg.grad(j)(ROWS, np.ones(2))
        equal(pg.grad(j)(ROWS, Y), np.stack([Y] * 3))
    kept: list[Any] = []
    pg.grad(lambda x: pg.sum(pg.jit(lambda x: x * 2.0)(kept.append(x) or x)))(X)
    with pytest.raises(LeakedArrayError):
        pg.jit(pg.sin)(kept[0])


def test_the_tape_dies_by_reference_counting() -> None:
    j = pg.jit(lambda x: pg.sum(pg.tanh(x) ** 2))
    runs = (
        lambda: pg.vjp(lambda x: j(x), X)[1](1.0),
        lambda: pg.grad(lambda x: pg.sum(pg.grad(lambda x: j(x))(x)))(X),
        lambda: pg.grad(lambda x: pg.jvp(j, (x,), (x,))[1])(X),
    )
    for run in runs:
        run()
    count = lambda: sum(type(x) in (Node, ReverseTrace) for x in gc.get_objects())
    gc.collect()
    gc.disable()
    try:
        before = count()
        for run in runs:
            run()
        assert count() == before
    finally:
        gc.enable()
    compiled = pg.jit(lambda x: pg.sum(x * x))
    pg.grad(compiled)(X)
    dead = weakref.ref(compiled)
    del compiled
    assert dead() is None


def test_threads_derive_once() -> None:
    counted = Counted(wavy)
    j = pg.jit(counted)
    expected = pg.grad(wavy)(X), pg.hessian(wavy)(X)
    found: list[Any] = []

    def work() -> None:
        for _ in range(5):
            found.append((pg.grad(lambda x: j(x))(X), pg.hessian(j)(X)))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 20
    for one in found:
        equal(one, expected)
    assert counted.runs == 1


def test_a_retrace_storm_is_said() -> None:
    j = pg.jit(lambda x: pg.sum(x * x))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for n in range(1, 18):
            pg.grad(lambda x: j(x))(np.ones(n))
    (said,) = [w for w in caught if w.category is RetraceWarning]
    assert "x was float64[15], then float64[16]" in str(said.message)


def test_switched_off(monkeypatch: Any, ran: list[Function]) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("POLYGRAD_JIT", "0")
        counted = Counted(wavy)
        j = pg.jit(counted)
    for _ in range(3):
        equal(pg.grad(j)(X), pg.grad(counted.f)(X))
    assert counted.runs == 3
    assert ran == []
    log = pg.jit(lambda x: pg.sum(pg.log(x)))
    with np.errstate(all="ignore"), pg.debug_nans(), pytest.raises(pg.errors.NanError):
        pg.grad(log)(-X)


def test_explain_sees_the_ops_inside() -> None:
    shown = str(pg.explain.graph(pg.jit(lambda x: pg.sin(x) * x))(0.5))
    assert "sin" in shown
    assert "jit" not in shown


def test_a_checkpoint_saves_memory_in_a_compiled_gradient() -> None:
    def layer(w: Any, x: Any) -> Any:
        for _ in range(4):
            x = pg.sin(pg.exp(x * 0.1)) + pg.tanh(x)
        return x @ w

    def network(layer: Any) -> Any:
        def loss(w: Any, x: Any) -> Any:
            for one in w:
                x = layer(one, x)
            return pg.sum(x * x)

        return loss

    w = [np.eye(4) * 0.3] * 6
    x = np.random.default_rng(0).normal(size=(500, 4))
    plain, kept = network(layer), network(pg.checkpoint(layer))
    equal(pg.jit(pg.grad(kept))(w, x), pg.grad(plain)(w, x))
    costs = [pg.jit(pg.grad(f)).lower(w, x).cost() for f in (plain, kept)]
    assert costs[1].peak < 0.4 * costs[0].peak
    assert costs[1].flops > 1.1 * costs[0].flops
    held = []
    for f in (plain, kept):
        j = pg.jit(f)

        def loss(w: Any, j: Any = j) -> Any:
            out = j(w, x)
            held.append(sum(a.nbytes for a in out._node.parents[0].args))
            return out

        equal(pg.grad(loss)(w), pg.grad(plain)(w, x))
    assert held[1] < 0.2 * held[0]
