"""Assignments to arrays from outside of the running function: as in Python, or refused."""

import numpy as np
import pytest

import polygrad as pg
from polygrad.errors import LeakedArrayError

X = np.asarray(1.5)


def whole(y):
    return y


def part(y):
    return y[:2]


def turned(y):
    return pg.flip(y)[1:]


def branch(write, x):
    def first(x):
        write(x)
        return x

    return pg.cond(x > 0, first, first, x)


def turns(write, x):
    def body(c):
        write(c)
        return c * 2.0

    return pg.while_loop(lambda c: c < 10.0, body, x)


def counted(write, x):
    def body(i, c):
        write(c)
        return c * 1.5

    return pg.fori_loop(0, 20, body, x)


def scanned(write, x):
    def body(c, e):
        write(c)
        return c + e, c

    return pg.scan(body, x, pg.arange(20.0))[0]


def function(write):
    def f(x):
        write(x)
        return x * x

    return f


def with_rule(write, x):
    f = pg.custom_vjp(function(write))
    f.defvjp(lambda x: (x * x, x), lambda x, g: (2.0 * x * g,))
    return f(x)


def in_rule(write, x):
    f = pg.custom_jvp(lambda x: x * x)

    @f.defjvp
    def rule(primals, tangents):
        write(primals[0])
        return primals[0] ** 2, 2.0 * primals[0] * tangents[0]

    return pg.jvp(f, (x,), (x,))[1]


LOOPS = [branch, turns, counted, scanned]
APART = {
    "jit": lambda write, x: pg.jit(function(write))(x),
    "custom_vjp": with_rule,
    "custom_jvp": in_rule,
}
# A jitted function inside of another is a part of it; reverse mode runs a rule in its place.
WAYS = {"jit": [], "custom_vjp": [pg.jit], "custom_jvp": [pg.jit, pg.grad]}
TRACKED = {
    "vmap": lambda write, x: pg.sum(pg.vmap(function(write))(pg.arange(3.0) * x)),
    "grad": lambda write, x: pg.grad(function(write))(x),
    "jvp": lambda write, x: pg.jvp(function(write), (x,), (x,))[1],
    "linearize": lambda write, x: pg.linearize(function(write), x)[0],
    "checkpoint": lambda write, x: pg.grad(pg.checkpoint(function(write)))(x),
}
VIEWS = [whole, part, turned]
VALUES = {"a number": lambda c: 3.0, "an array": lambda c: c * 2.0}


def program(run, view, value):
    def f(x):
        y = pg.zeros(3)
        seen = view(y)

        def write(c):
            seen[0] = value(c)

        out = run(write, x)
        return pg.sum(y * pg.arange(1.0, 4.0)) + out

    return f


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("run", LOOPS)
def test_control_flow_writes_as_python_does_and_is_refused_where_it_is_traced(run, value, view):
    f = program(run, view, VALUES[value])
    expected, place = python_loop(run, VALUES[value]), {whole: 1.0, part: 1.0, turned: 2.0}[view]
    assert f(X).item() == pytest.approx(expected[0] + place * expected[1])
    step = 1e-6
    slope = (f(X + step) - f(X - step)) / (2 * step)
    assert pg.grad(f)(X).item() == pytest.approx(slope.item(), rel=1e-6)
    for compiled in (pg.jit(f), pg.jit(pg.grad(f))):
        with pytest.raises(LeakedArrayError, match=r"assignment to .* carry the array"):
            compiled(X)


def python_loop(run, value):
    """The result of the loop, and the last value that is written, by plain Python."""
    c = float(X)
    written = None
    if run is branch:
        return c, value(c)
    if run is turns:
        while c < 10.0:
            written, c = value(c), c * 2.0
    elif run is counted:
        for _ in range(20):
            written, c = value(c), c * 1.5
    else:
        for e in range(20):
            written, c = value(c), c + e
    return c, written


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("run", APART)
def test_what_runs_apart_from_the_tape_writes_to_nothing_outside(run, value, view):
    f = program(APART[run], view, VALUES[value])
    for call in (f, *(transform(f) for transform in WAYS[run])):
        with pytest.raises(LeakedArrayError, match="assignment to an array"):
            call(X)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("run", TRACKED)
def test_values_of_a_transform_are_refused_after_it(run, view):
    f = program(TRACKED[run], view, VALUES["an array"])
    for call in (f, pg.jit(f), pg.grad(f)):
        with pytest.raises(LeakedArrayError, match="used after the transform"):
            call(X)


@pytest.mark.parametrize("run", ["vmap", "grad", "jvp", "linearize"])
def test_constants_are_written_once(run):
    f = program(TRACKED[run], whole, VALUES["a number"])
    plain = program(TRACKED[run], lambda y: y * 1.0, VALUES["a number"])
    assert f(X).item() == pytest.approx(plain(X).item() + 3.0)
    assert pg.jit(f)(X).item() == pytest.approx(plain(X).item() + 3.0)


@pytest.mark.parametrize("run", [*LOOPS, *APART.values(), *TRACKED.values()])
def test_arrays_made_inside_are_written_freely(run):
    found = []

    def write(c):
        y = pg.zeros(3)
        y[1:][0] = c
        y += 1.0
        found.append(pg.sum(y).shape)

    def f(x):
        return run(write, x)

    expected = run(lambda c: None, X)
    for call in (f, pg.jit(f)):
        np.testing.assert_allclose(pg.to_numpy(call(X)), pg.to_numpy(expected))
    assert set(found) == {()}
