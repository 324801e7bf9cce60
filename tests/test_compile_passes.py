"""The passes, the buffer plan and the generated program: each alone, and on random programs."""

import itertools

import numpy as np
import pytest

import polygrad as pg
from polygrad.backends import numpy_program
from polygrad.compile.graph import Equation, Graph, Value
from polygrad.compile.passes import PASSES, optimise
from polygrad.compile.passes.cse import common_subexpressions
from polygrad.compile.passes.dce import dead_code
from polygrad.compile.passes.expand import EXPANSIONS, expand
from polygrad.compile.passes.fold import fold_constants, literals
from polygrad.compile.passes.simplify import simplify
from polygrad.compile.passes.transposes import transposes
from polygrad.compile.replay import replay
from polygrad.core.op import OPS
from polygrad.errors import GraphError


@pytest.fixture(autouse=True)
def _no_native_code(monkeypatch):
    monkeypatch.setenv(
        "POLYGRAD_NATIVE", "0"
    )  # it would take over from the program that is tested here


def names(graph):
    """The ops of a graph, in order."""
    return [equation.op.name for equation in graph.equations]


def traced(f, *args):
    """The graph of a function of NumPy arrays."""
    return pg.make_graph(f)(*args)


X = np.asarray([[0.5, -1.5, 2.0], [1.0, 0.25, -0.75]])


# -- each pass by itself ---------------------------------------------------------------------------


def test_dead_code_goes_and_so_do_constants_of_it():
    c = np.arange(3.0)
    graph = dead_code(traced(lambda x: (x + c, x * 2.0)[1], X))
    assert names(graph) == ["multiply"]
    assert not graph.constants


def test_common_subexpressions_need_equal_parameters_and_literals_of_one_type():
    graph = common_subexpressions(
        traced(lambda x: (pg.sum(x, axis=0), pg.sum(x, axis=1), pg.sum(x, axis=0)), X)
    )
    assert names(graph) == ["sum", "sum"]
    assert graph.outputs[0] is graph.outputs[2]
    ints = np.arange(3)
    assert (
        names(common_subexpressions(traced(lambda x: (x * 1, x * 1.0), ints))) == ["multiply"] * 2
    )
    assert (
        names(common_subexpressions(traced(lambda x: (x * 0.0, x * -0.0), X))) == ["multiply"] * 2
    )


def test_constants_are_folded_once_and_large_ones_stay_small():
    c = np.arange(3.0)

    def f(x):
        def g(y):  # through a level above, constants reach the trace one op at a time
            return pg.sum(x * y * pg.exp(pg.asarray(c)))

        return pg.grad(g)(pg.asarray(c))

    graph = fold_constants(traced(f, X))
    assert "exp" not in names(graph)
    x = Value((2,), pg.float64, pg.device("cpu"))
    k = Value((), pg.float64, pg.device("cpu"))
    for shape, expected in (((4,), []), ((1000, 1000), ["broadcast_to"])):
        out = Value(shape, pg.float64, pg.device("cpu"))
        wide = Equation(OPS["broadcast_to"], (k,), {"shape": shape}, (out,))
        graph = Graph((x,), {k: np.asarray(2.0)}, [wide], [out])
        assert names(fold_constants(graph)) == expected


def test_constants_of_one_value_become_literals_where_nothing_else_changes():
    ones, minus = np.ones((2, 3), np.float32), -np.zeros((2, 3))
    for x, c, literal in (
        (np.ones((2, 3), np.float32), ones, True),
        (np.ones((2, 3)), ones, True),  # float32 beside float64: the answer is float64 anyway
        (np.ones((1, 3), np.float32), ones, False),  # the constant decides on the shape
        (np.ones((2, 3), np.int64), ones, False),  # and here on the data type
        (np.ones((2, 3)), minus, False),  # -0.0 equals 0.0
    ):
        graph = literals(traced(lambda x, c=c: x + c, x))
        found = isinstance(graph.equations[0].inputs[1], float)
        same = c.dtype == x.dtype
        assert found == (literal and same), (x.dtype, c.dtype)
        np.testing.assert_array_equal(replay(graph)(x)[0], x + c)


@pytest.mark.parametrize(
    ("f", "left"),
    [
        (lambda x: x * 1.0, []),
        (lambda x: 1.0 * x, []),
        (lambda x: x / 1.0, []),
        (lambda x: x - 0.0, []),
        (lambda x: x + 0.0, ["add"]),  # turns -0.0 into 0.0
        (lambda x: x + -0.0, []),
        (lambda x: 0.0 - x, ["subtract"]),
        (lambda x: x**1, []),
        (lambda x: pg.permute_dims(pg.permute_dims(x, (1, 0)), (1, 0)), []),
        (lambda x: pg.negative(-x), []),
        (lambda x: x.T.T, []),
        (lambda x: pg.reshape(pg.reshape(x, (3, 2)), (2, 3)), []),
        (lambda x: pg.reshape(pg.reshape(x, (3, 2)), (6,)), ["reshape"]),
        (lambda x: pg.astype(x, pg.float64), []),
        (lambda x: pg.astype(pg.astype(x, pg.float32), pg.float64), ["astype", "astype"]),
        (lambda x: x - (-x), ["add"]),
        (lambda x: pg.broadcast_to(x, (2, 3)), []),
        (lambda x: pg.stop_gradient(x), []),
    ],
)
def test_what_changes_nothing_is_left_out(f, left):
    x = np.asarray([[0.0, -0.0, np.inf], [np.nan, 1.5, -2.0]])
    graph = dead_code(simplify(traced(f, x)))
    assert names(graph) == left
    out, expected = replay(graph)(x)[0], replay(traced(f, x))(x)[0]
    np.testing.assert_array_equal(out, expected)
    np.testing.assert_array_equal(np.signbit(out), np.signbit(expected))


def test_one_times_an_integer_array_is_kept_where_it_changes_the_type():
    x = np.arange(3)
    graph = simplify(traced(lambda x: x * 1.0, x))
    assert names(graph) == ["multiply"]
    assert replay(graph)(x)[0].dtype == np.float64


def test_transposes_move_into_products():
    a, b = np.ones((2, 3)), np.ones((4, 2))
    graph = dead_code(transposes(traced(lambda a, b: (a.T @ b.T).T, a, b)))
    assert names(graph) == ["matmul"]
    assert "permute_dims" not in names(dead_code(transposes(traced(lambda a: a.T @ a, a))))


@pytest.mark.parametrize(
    "name", [*EXPANSIONS, "softmax", "log_softmax", "logsumexp", "relu", "sigmoid"]
)
def test_expansions_compute_what_the_op_does(name):
    x = np.asarray([[0.5, -1000.0, 2.0], [1000.0, 0.25, -0.75]])
    kinds = {
        "softmax_cross_entropy": lambda x: pg.nn.softmax_cross_entropy(x, np.asarray([2, 0])),
        "relu": pg.nn.relu,
        "sigmoid": pg.nn.sigmoid,
        "logsumexp": lambda x: pg.logsumexp(x, axis=0),
        "softmax": lambda x: pg.softmax(x, axis=0),
        "log_softmax": pg.nn.log_softmax if hasattr(pg.nn, "log_softmax") else pg.log_softmax,
    }
    graph = traced(kinds[name], x)
    assert name in names(graph)
    expanded = expand(graph)
    expanded.check()
    assert name not in names(expanded)
    np.testing.assert_allclose(replay(expanded)(x)[0], replay(graph)(x)[0], rtol=1e-14)


@pytest.mark.parametrize("bounds", [(-1.0, 0.5), (None, -0.0), (0.0, None), (0.5, -1.0)], ids=str)
@pytest.mark.parametrize("dtype", ["float64", "float32", "int32"])
def test_clip_is_written_out_by_its_own_forward(dtype, bounds):
    if dtype == "int32":
        bounds = tuple(None if bound is None else int(4 * bound) for bound in bounds)
    x = np.asarray([-3.0, -0.0, 0.0, 0.3, 9.0]).astype(dtype)
    graph = pg.make_graph(lambda x: pg.clip(x, *bounds))(x)
    expanded = expand(graph)
    expanded.check()
    assert {"maximum", "minimum"} >= set(names(expanded)) != set()
    (found,), expected = replay(expanded)(x), pg.clip(x, *bounds)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(np.signbit(found), np.signbit(expected))


def test_a_label_that_is_no_class_is_refused_as_without_jit():
    j = pg.jit(lambda x, y: pg.sum(pg.nn.softmax_cross_entropy(x, y)))
    assert j(X, np.asarray([0, 2])) > 0
    for bad in ([0, 3], [-1, 0]):
        with pytest.raises(pg.errors.ArgumentValueError, match="label"):
            j(X, np.asarray(bad))


def test_a_malformed_graph_is_refused():
    device = pg.device("cpu")
    a, b = Value((2,), pg.float64, device), Value((2,), pg.float64, device)
    bad = Graph((a,), {}, [Equation(OPS["exp"], (b,), {}, (b,))], [b])
    with pytest.raises(GraphError, match="before it is defined"):
        bad.check()
    with pytest.raises(GraphError, match="a second time"):
        Graph((a,), {}, [Equation(OPS["exp"], (a,), {}, (a,))], [a]).check()
    with pytest.raises(GraphError, match="never defined"):
        Graph((a,), {}, [], [b]).check()


# -- random programs -------------------------------------------------------------------------------

SHAPES = ((4, 6), (6,), (4, 1), (1, 6), (), (6, 4), (3, 4, 6))


def random_function(rng):
    """A function of some arrays made of random ops, and its arguments."""
    shapes = [SHAPES[i] for i in rng.integers(0, len(SHAPES), 4)]
    dtypes = rng.choice(["float64", "float64", "float32", "int64"], 4)
    args = [np.asarray(rng.integers(-3, 4, s) / 2 + 0.25).astype(d) for s, d in zip(shapes, dtypes, strict=True)]  # fmt: skip # noqa: E501
    script = rng.integers(0, 1 << 30, (int(rng.integers(3, 25)), 4))
    constant = rng.standard_normal((4, 6))

    def f(*arrays):
        pool = [*arrays, pg.asarray(constant), pg.ones((4, 6))]
        for kind, i, j, k in script.tolist():
            new = step(kind, pool[i % len(pool)], pool[j % len(pool)], k)
            if new is not None and new.size <= 2000:
                pool.append(new)
        chosen = [pool[n % len(pool)] for n in script[:3, 3].tolist()]
        return [*chosen, pool[-1], pg.reshape(pool[-1], (-1,))]

    return f, args


UNARY = (
    lambda x: -x, lambda x: pg.tanh(x * 1.0), lambda x: pg.exp(-pg.abs(x)), lambda x: x * 1.0,
    lambda x: x**2, lambda x: pg.where(x > 0, x, 0.0), lambda x: pg.astype(x, pg.float32),
    lambda x: pg.maximum(x, -x), lambda x: 2.0 - x, lambda x: pg.negative(-x), lambda x: x + 0.0,
    lambda x: pg.nn.sigmoid(x * 1.0),
)  # fmt: skip
BINARY = (
    lambda x, y: x + y, lambda x, y: x * y, lambda x, y: x - y, lambda x, y: pg.maximum(x, y),
    lambda x, y: pg.where(x < y, x, y), lambda x, y: x / (1.0 + y * y), lambda x, y: x - (-y),
)  # fmt: skip
REDUCE = (pg.sum, pg.mean, pg.max, lambda x, **k: pg.sum(pg.abs(x), **k), pg.prod)


def step(kind, x, y, k):
    """One random op, or None where it does not fit the operands."""
    which = kind % 5
    if which == 0:
        return UNARY[k % len(UNARY)](x)
    if which == 1:
        try:
            np.broadcast_shapes(x.shape, y.shape)
        except ValueError:
            return None
        return BINARY[k % len(BINARY)](x, y)
    if which == 2:
        axes = [None, *itertools.chain(*(itertools.combinations(range(x.ndim), n) for n in (1, 2)))]
        return REDUCE[k % len(REDUCE)](x * 1.0, axis=axes[k % len(axes)], keepdims=bool(k & 64))
    if which == 3 and x.ndim == 2 and y.ndim == 2 and x.shape[1] == y.shape[0]:
        return x * 1.0 @ (y * 1.0)
    if x.ndim >= 2:
        return (pg.matrix_transpose, lambda x: x[..., 0], lambda x: pg.reshape(x, (-1,)), lambda x: x[1:, ...])[k % 4](x)  # fmt: skip # noqa: E501
    return pg.broadcast_to(x, (4, *x.shape)) if x.shape == (6,) else None


def random_chain(rng):
    """A function that is one long chain by element over one shape, with reductions of it."""
    script = rng.integers(0, 1 << 30, (int(rng.integers(8, 30)), 4))
    x, row = rng.standard_normal((5, 8)), rng.standard_normal(8)

    def f(x, row, column):
        pool, ends = [x, row, column, x * row], []
        for kind, i, j, k in script.tolist():
            a, b = pool[-1 - i % min(5, len(pool))], pool[-1 - j % min(3, len(pool))]
            if kind % 4 == 0:
                pool.append(UNARY[k % len(UNARY)](a + pool[3]))
            elif kind % 4 == 3:
                axis = ((0,), (1,), (0, 1))[k % 3]
                keep = bool(k & 64)
                end = REDUCE[k % len(REDUCE)](a + pool[3], axis=axis, keepdims=keep)
                ends.append(end)
                if keep:
                    pool.append(pool[3] - end)
            else:
                pool.append(BINARY[k % len(BINARY)](a, b))
        return [pool[-1], *ends]

    return f, [x, row, rng.standard_normal((5, 1))]


KINDS = {"mixed": random_function, "chain": random_chain}


def agree(got, expected, where):
    """Equal but for rounding; what overflowed may have done so in another order."""
    for a, b in zip(got, expected, strict=True):
        a, b = np.asarray(a), np.asarray(b)
        assert (a.dtype, a.shape) == (b.dtype, b.shape), where
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-4, err_msg=str(where))


@pytest.mark.parametrize("seed", range(60))
def test_every_pass_keeps_what_random_programs_compute(seed):
    rng = np.random.default_rng(seed)
    f, args = random_function(rng)
    with np.errstate(all="ignore"):
        graph = traced(f, *args)
        graph.check()
        expected = replay(graph)(*args)
        for one in (*PASSES, expand, optimise):
            changed = one(graph)
            changed.check()
            agree(replay(changed)(*args), expected, (seed, one))
        assert len(optimise(graph).equations) <= len(graph.equations)


@pytest.mark.parametrize("blocks", [(1 << 30, 1 << 30, 99), (8, 4, 99), (8, 12, 2)], ids=str)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(60))
def test_random_programs_compiled_equal_eager(seed, kind, blocks, monkeypatch):
    loop, block, parallel = blocks
    monkeypatch.setattr(numpy_program, "LOOP", loop)
    monkeypatch.setattr(numpy_program, "BLOCK", block)
    monkeypatch.setattr(numpy_program, "PARALLEL", parallel)
    monkeypatch.setattr(numpy_program, "threads", lambda *_: 2)
    f, args = KINDS[kind](np.random.default_rng(1000 + seed))
    before = [a.copy() for a in args]
    with np.errstate(all="ignore"):
        monkeypatch.setenv("POLYGRAD_JIT", "0")
        expected = pg.jit(f)(*args)
        monkeypatch.delenv("POLYGRAD_JIT")
        j = pg.jit(f)
        first = j(*args)
        assert kind == "mixed" or ("loop0(" in j.lower(*args).source()) == (loop == 8)
        kept = [np.copy(a) for a in first]
        second = j(*args)
    agree(first, expected, seed)
    agree(second, expected, seed)
    for a, b in zip(args, before, strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(first, kept, strict=True):
        np.testing.assert_array_equal(a, b)
    arrays = [*args, *first, *second]
    for i, a in enumerate(arrays):
        assert not any(np.shares_memory(a, b) for b in arrays[:i])


@pytest.mark.parametrize("blocks", [(1 << 30, 1 << 30), (8, 4)], ids=str)
@pytest.mark.parametrize("seed", range(40))
def test_donated_inputs_are_used_only_when_nothing_needs_them(seed, blocks, monkeypatch):
    monkeypatch.setattr(numpy_program, "LOOP", blocks[0])
    monkeypatch.setattr(numpy_program, "BLOCK", blocks[1])
    rng = np.random.default_rng(5000 + seed)
    f, args = random_function(rng)
    args = [a.astype(np.float64) for a in args]

    def g(*arrays):
        outs = f(*arrays)
        return outs, [a * 0.5 + pg.sum(outs[0]) for a in arrays]

    with np.errstate(all="ignore"):
        expected = pg.jit(g)(*args)
        given = [a.copy() for a in args]
        got = pg.jit(g, donate_argnums=(0, 1, 2, 3))(*given)
    agree(got[0], expected[0], seed)
    agree(got[1], expected[1], seed)


def test_a_replay_gives_memory_of_its_own():
    x = np.ones((2, 3))
    outs = replay(traced(lambda x: (x, x.T, pg.reshape(x, (6,)), x + 1.0), x))(x)
    assert not any(np.shares_memory(x, out) for out in outs)


def test_a_choice_is_never_written_over_its_own_operands(monkeypatch):
    monkeypatch.setattr(numpy_program, "LOOP", 1)
    x = np.linspace(-1.0, 1.0, 7)
    j = pg.jit(lambda x: pg.where(x > 0, x * 2.0, x * 3.0) + pg.where(x < 0, x * 5.0, 1.0))
    np.testing.assert_allclose(j(x), np.where(x > 0, x * 2, x * 3) + np.where(x < 0, x * 5, 1))
