"""pg.explain: the recorded graph, its edges, and backpropagation step by step."""

import math

import numpy as np
import pytest
from op_driver import cotangent, differentiable, function_of, on, put, samples
from op_table import all_rows

import polygrad as pg
from polygrad.core.kinds import General
from polygrad.core.op import OPS
from polygrad.core.trace import bind

DEVICES = ["cpu", "strict:device1"]


@pytest.fixture(params=DEVICES)
def device(request):
    with pg.device(request.param) as device:
        yield device


def same(got, expected, **tolerance):
    np.testing.assert_allclose(np.asarray(got.tolist()), np.asarray(expected), **tolerance)


def layer(params, x):
    """Matrices, broadcasting, a node used three times, reductions and indexing."""
    z = pg.explain.name("z", pg.tanh(params["w"] @ x + params["b"]))
    total = pg.sum(z * z, axis=0) + z[0, ...]
    return pg.mean(pg.logsumexp(total) * pg.max(z) + pg.where(total > 0, total, -total))


def arguments():
    generator = np.random.default_rng(0)
    w = pg.asarray(generator.normal(size=(4, 3)))
    b = pg.asarray(generator.normal(size=(4, 1)))
    return {"w": w, "b": b}, pg.asarray(generator.normal(size=(3, 5)))


FUNCTIONS = {
    "layer": (layer, arguments),
    "shared": (lambda x: x * x * x + pg.sin(x * x), lambda: (pg.asarray(0.7),)),
    "concat": (
        lambda x, y: pg.sum(pg.concat([x, y, x]) * pg.arange(6, dtype=pg.float64)),
        lambda: (pg.asarray([1.0, 2.0]), pg.asarray([3.0, 4.0])),
    ),
    "dtypes": (
        lambda x: pg.sum(pg.astype(x, pg.float64) ** 2),
        lambda: (pg.asarray([1.0, 2.0], dtype=pg.float32),),
    ),
    "unused": (lambda x, y: x * 1.0, lambda: (pg.asarray(2.0), pg.asarray([3.0]))),
    "complex": (
        lambda z: pg.sum(pg.real(z * pg.conj(z) * z)),
        lambda: (pg.asarray([1.0 + 2.0j, -0.5j]),),
    ),
}


@pytest.mark.parametrize("which", FUNCTIONS)
def test_gradients_are_those_of_grad(device, which):
    f, make = FUNCTIONS[which]
    args = make()
    steps = pg.explain.graph(f)(*args).steps()
    numbers = tuple(range(len(args)))
    expected = pg.tree.leaves(pg.grad(f, argnums=numbers)(*args))
    graph = pg.explain.graph(f)(*args)
    assert len(graph.leaves) == len(expected)
    for leaf, g in zip(graph.leaves, expected, strict=True):
        got = steps.gradient(leaf)
        same(got, g.tolist(), rtol=1e-12)
        assert got.dtype == g.dtype
        assert got.device == device


def test_several_paths_are_added_one_by_one(device):
    steps = pg.explain.graph(lambda x: (x * x) * pg.sin(x))(pg.asarray(2.0)).steps()
    reached = [s for s in steps if s.operand == "x"]
    assert [(s.path, s.paths) for s in reached] == [(1, 3), (2, 3), (3, 3)]
    by_hand = [4 * math.cos(2), 2 * math.sin(2), 2 * math.sin(2)]
    for step, value in zip(reached, by_hand, strict=True):
        same(step.contribution, value)
    assert reached[0].before is None
    same(reached[1].before, by_hand[0])
    same(reached[1].total, by_hand[0] + by_hand[1])
    same(reached[2].total, sum(by_hand))
    assert [s.number for s in steps] == list(range(1, len(steps) + 1))
    assert f"path 2 of 3: {by_hand[0]:.6g} + {by_hand[1]:.6g}" in str(steps)


def test_each_step_is_incoming_times_local(device):
    def f(a, b, c):
        return pg.tanh(a * b + pg.exp(c) / b) ** 3 - pg.sqrt(b)

    recorded = pg.explain.graph(f)(pg.asarray(0.3), pg.asarray(1.7), pg.asarray(-0.4))
    steps = recorded.steps()
    assert steps[0].node is None
    assert steps[0].operand == recorded.output
    for step in steps[1:]:
        same(step.contribution, (step.incoming * step.local).tolist(), rtol=1e-12)
        same(step.incoming, steps.gradient(step.node.name).tolist())
    order = list(recorded.nodes)
    visited = [order.index(step.node.name) for step in steps[1:]]
    assert visited == sorted(visited, reverse=True)
    assert len(recorded.edges()) == len(steps) - 1


def test_evaluate_recomputes_what_depends_on_the_change(device):
    recorded = pg.explain.graph(lambda x, y: pg.square(x * y) + x)(pg.asarray(2.0), pg.asarray(3.0))
    assert recorded.value.item() == 38.0
    assert recorded.evaluate({"x": 5.0}).item() == 230.0
    assert recorded.evaluate({"v1": 10.0}).item() == 102.0
    assert recorded.evaluate({"v1": 10.0, "x": 0.0}).item() == 100.0
    assert recorded.evaluate({"x": 5.0}, "v1").item() == 15.0
    assert recorded.evaluate({}).item() == 38.0
    assert recorded.evaluate({"x": 5.0}).device == device
    assert recorded.value.item() == 38.0


def test_local_derivatives_by_shape(device):
    recorded = pg.explain.graph(layer)(*arguments())
    kinds = {}
    for edge in recorded.edges():
        node = recorded.nodes[edge.node]
        source = recorded.nodes[edge.operand]
        kinds.setdefault(node.op, []).append(edge.local)
        if edge.local is not None:
            assert edge.local.shape == node.shape == source.shape
    assert kinds["matmul"] == [None, None]
    z = recorded.nodes["z"].value
    same(kinds["tanh"][0], (1 - z**2).tolist(), rtol=1e-9)
    assert "vjp" in str(recorded.steps())
    assert "float64[4, 5]" in str(recorded.steps())


def test_names_of_leaves_and_nodes():
    def f(p, *rest, scale=2.0):
        pg.explain.name("alpha", p["a"])
        u = pg.explain.name("u", p["b"][0] * rest[0])
        u = pg.explain.name("u", u + rest[1])
        return u * p["a"] * scale

    recorded = pg.explain.graph(f)({"a": 1.0, "b": [2.0, 5]}, 3.0, 4.0, scale=0.5)
    assert recorded.leaves == ["alpha", "p['b'][0]", "rest[0]", "rest[1]"]
    assert list(recorded.nodes)[4:] == ["u", "u#2", "v1", "v2"]
    assert str(recorded.nodes["u"]) == "u = p['b'][0] * rest[0]"
    assert recorded.nodes["v2"].operands == ("v1", "0.5")
    assert recorded.nodes["v2"].sources == ("v1", None)
    assert pg.explain.name("out of a graph", 3) == 3
    assert "u = p['b'][0] * rest[0]  = 6" in str(recorded)
    taken = pg.explain.graph(lambda v1: v1 * 2.0 * 3.0)(1.0)
    assert list(taken.nodes) == ["v1", "v2", "v3"]


def test_index_assignment_keeps_the_graph_right():
    def f(x):
        y = x * 2.0
        z = y * y
        y[0] = 5.0
        y += z
        return pg.sum(y)

    x = pg.asarray([1.0, 2.0])
    steps = pg.explain.graph(f)(x).steps()
    same(steps.gradient("x"), pg.grad(f)(x).tolist())
    same(steps.gradient("x"), [8.0, 18.0])


def test_gradient_inside_the_function_and_around_it():
    def slope(x):
        return pg.grad(lambda y: pg.sin(y) * y)(x)

    expected = 2 * math.cos(0.8) - 0.8 * math.sin(0.8)
    same(pg.explain.graph(slope)(0.8).steps().gradient("x"), expected)

    def around(x):
        return pg.explain.graph(lambda y: pg.sin(y) * y)(x).steps().gradient("y")

    same(pg.asarray(pg.grad(around)(0.8)), expected)


def test_vector_output_needs_a_cotangent():
    recorded = pg.explain.graph(lambda x: x * pg.asarray([1.0, 2.0]))(3.0)
    with pytest.raises(pg.errors.NonScalarError, match=r"steps\(cotangent\)"):
        recorded.steps()
    same(recorded.steps(pg.asarray([10.0, 100.0])).gradient("x"), 210.0)
    same(recorded.steps([10.0, 100.0]).gradient("x"), 210.0)


def test_output_that_does_not_depend_on_the_arguments():
    recorded = pg.explain.graph(lambda x: pg.asarray(3.0))(2.0)
    steps = recorded.steps()
    assert len(steps) == 1
    assert recorded.leaves == ["x"]
    same(steps.gradient("x"), 0.0)
    assert pg.explain.graph(lambda x: x)(2.0).steps().gradient("x").item() == 1.0


def test_op_with_several_answers(device):
    op = General(
        "test_explain_pair",
        lambda xp, g, _ans, a, b: (g[0] * b + g[1], g[0] * a + 2 * g[1]),
        lambda xp, t, _ans, a, b: (t[0] * b + t[1] * a, t[0] + 2 * t[1]),
        lambda xp, a, b: (a * b, a + 2 * b),
        multiple=True,
    )
    try:

        def both(a, b):
            p, s = bind(op, (a, b), {})
            return p * s

        def one(a, b):
            return pg.square(bind(op, (a, b), {})[1])

        a, b = pg.asarray(3.0), pg.asarray(5.0)
        steps = pg.explain.graph(both)(a, b).steps()
        same(steps.gradient("a"), 5 * 13 + 15)
        same(steps.gradient("b"), 3 * 13 + 2 * 15)
        assert [v.item() for v in steps.gradient("v1")] == [13.0, 15.0]
        steps = pg.explain.graph(one)(a, b).steps()
        same(steps.gradient("a"), 26.0)
        same(steps.gradient("b"), 52.0)
        recorded = pg.explain.graph(both)(a, b)
        assert "(15, 13)" in str(recorded)
        assert "path" not in str(recorded.steps())  # the answers are not added
        assert recorded.evaluate({"a": 4.0}).item() == 4 * 5 * 14
    finally:
        del OPS["test_explain_pair"]


def test_a_wrong_rule_shows_in_the_steps(monkeypatch):
    recorded = pg.explain.graph(pg.sin)(0.5)
    right = recorded.edges()[0].local.item()
    monkeypatch.setattr(OPS["sin"], "rules", (lambda xp, g, _y, x: g * xp.sin(x),))
    wrong = recorded.edges()[0].local.item()
    assert right == pytest.approx(math.cos(0.5))
    assert wrong == pytest.approx(math.sin(0.5))


def test_bad_input():
    with pytest.raises(pg.errors.ArgumentTypeError, match="expected a callable"):
        pg.explain.graph(3.0)
    with pytest.raises(pg.errors.DTypeError, match="nothing to differentiate"):
        pg.explain.graph(lambda x: x)(3)
    with pytest.raises(pg.errors.ArgumentTypeError, match="returned tuple"):
        pg.explain.graph(lambda x: (x, x))(3.0)
    with pytest.raises(pg.errors.ArgumentTypeError, match="returned int"):
        pg.explain.graph(lambda x: pg.argmax(x))(pg.asarray([1.0, 2.0]))
    recorded = pg.explain.graph(lambda x: 2 * x)(3.0)
    with pytest.raises(pg.errors.ArgumentValueError, match="'nope', expected one of x, v1"):
        recorded.evaluate({"nope": 1.0})
    with pytest.raises(pg.errors.ArgumentValueError, match="'nope'"):
        recorded.steps().gradient("nope")
    kept = []
    pg.explain.graph(lambda x: kept.append(x) or x)(3.0)
    with pytest.raises(pg.errors.LeakedArrayError):
        kept[0] + 1.0


@pytest.mark.parametrize("row", [r for r in all_rows() if r.gradient == "yes"], ids=str)
def test_every_op_of_the_table(row):
    """For each op: the steps end at the gradients of pg.grad, and locals fit the shapes."""
    with on("cpu") as device:
        for case, dtype, given in samples(row):
            args = put(given, device, raw=False)
            places = differentiable(row, args)
            if not places or dtype not in ("float64", "complex128"):
                continue
            f, leaves = function_of(row, case, args, places)

            def total(*arrays, f=f, device=device):
                found = [v for v in f(*arrays) if v.dtype.is_inexact]
                return sum(pg.sum(pg.real(v * cotangent(v, device, False))) for v in found)

            recorded = pg.explain.graph(total)(*leaves)
            steps = recorded.steps()
            expected = pg.grad(total, argnums=tuple(range(len(leaves))))(*leaves)
            for leaf, g in zip(recorded.leaves, expected, strict=True):
                got = steps.gradient(leaf)
                assert got.dtype == g.dtype
                np.testing.assert_allclose(got, g, rtol=1e-10, atol=1e-12, err_msg=str(case))
            for step in steps[1:]:
                if step.node.slot is None:
                    assert step.total.shape == recorded.nodes[step.operand].shape
                if step.local is not None:
                    product = step.local * step.incoming
                    np.testing.assert_allclose(step.contribution, product, rtol=1e-9, atol=1e-12)
            assert str(steps)
            assert str(recorded)
