"""jit: the same results as without, for every op, and what it says where it cannot help."""

import itertools
import threading
import warnings
from typing import Any

import native_mode
import numpy as np
import optree
import pytest
from op_driver import differentiable, host, on, precision, put, same, samples
from op_table import Row, all_rows

import polygrad as pg
from polygrad.errors import (
    ArgumentTypeError,
    ArgumentValueError,
    LeakedArrayError,
    RetraceWarning,
    StaticArgumentError,
    UnknownValueError,
)

# Rows that need values while they are traced: counts, masks and quantiles steer their programs.
UNKNOWN = ("arange", "at", "bincount", "quantile", "nanquantile", "repeat", "median", "nanmedian")
DEVICES = ("cpu", "strict:device1")


def eagerly(monkeypatch, f, *args):
    """The result with POLYGRAD_JIT=0."""
    with monkeypatch.context() as patch:
        patch.setenv("POLYGRAD_JIT", "0")
        return pg.jit(f)(*args)


def bound(f, args):
    """The function of the other arguments: the integers of a row are shapes, axes and counts."""
    leaves, spec = optree.tree_flatten(args)
    places = [i for i, leaf in enumerate(leaves) if type(leaf) is not int]
    if len(places) == len(leaves):
        return f, args

    def of_the_rest(*rest):
        full = list(leaves)
        for i, leaf in zip(places, rest, strict=True):
            full[i] = leaf
        return f(*optree.tree_unflatten(spec, full))

    return of_the_rest, [leaves[i] for i in places]


def compare(monkeypatch, f, args, rtol, where):
    """Compiled, twice, against eager; True if the function could be traced."""
    f, args = bound(f, args)
    with np.errstate(all="ignore"):
        expected = eagerly(monkeypatch, f, *args)
        jitted = pg.jit(f)
        try:
            got = jitted(*args)
        except UnknownValueError:
            return False
        again = jitted(*args)
    left, right = optree.tree_leaves(got), optree.tree_leaves(expected)
    assert [type(x) for x in left] == [type(x) for x in right], where
    same(host(got), host(expected), rtol, where)
    same(host(again), host(expected), rtol, where)
    return True


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("row", all_rows(), ids=str)
def test_every_op_compiled_equals_eager(row: Row, device: str, monkeypatch) -> None:
    if row.creates and device != "cpu":
        pytest.skip("made on the current device")
    with on(device) as place:
        for case, dtype, given in samples(row):
            if case.needs and device != "cpu":
                continue
            args, kwargs = put((given, case.kwargs), place, True)
            f = lambda *args, kwargs=kwargs: row.function(*args, **kwargs)
            rtol = max(precision(row, dtype), 1e-12)
            traced = compare(monkeypatch, f, args, rtol, (case, dtype))
            masks = case.needs or any(
                isinstance(a, np.ndarray) and a.dtype == bool for a in optree.tree_leaves(given)
            )
            assert traced or masks or row.name in UNKNOWN, (case, dtype)
            if not traced or row.gradient != "yes" or dtype != "float64":
                continue
            leaves, spec = optree.tree_flatten(args)
            places = differentiable(row, args)

            def loss(*arrays: Any, places=places, leaves=leaves, spec=spec, f=f) -> Any:
                full = [pg.asarray(a) if pg.is_array(a) else a for a in leaves]
                for i, array in zip(places, arrays, strict=True):
                    full[i] = array
                outs = optree.tree_leaves(f(*optree.tree_unflatten(spec, full)))
                outs = [o for o in outs if pg.is_array(o) and pg.isdtype(o.dtype, "real floating")]
                return sum((pg.sum(o * o) for o in outs), start=pg.sum(pg.real(arrays[0])))

            if places:
                gradient = pg.grad(loss, argnums=tuple(range(len(places))))
                chosen = [leaves[i] for i in places]
                compare(monkeypatch, gradient, chosen, 1e-9, (case, "gradient"))


def test_transforms_inside_and_outside():
    def f(x):
        return pg.sum(pg.tanh(x) ** 3)

    def twice(x):
        return pg.sum(pg.grad(f)(x) ** 2)

    x = np.asarray([0.3, -0.7, 1.1])
    xs = np.stack([x, 2 * x])
    j = pg.jit(f)
    for nested, plain, arg in (
        (pg.jit(pg.grad(f)), pg.grad(f), x),
        (pg.grad(j), pg.grad(f), x),
        (pg.jit(pg.grad(j)), pg.grad(f), x),
        (pg.jit(pg.grad(twice)), pg.grad(twice), x),
        (pg.jit(pg.vmap(pg.grad(f))), pg.vmap(pg.grad(f)), xs),
        (pg.vmap(pg.jit(pg.grad(f))), pg.vmap(pg.grad(f)), xs),
        (pg.jit(lambda x: pg.jvp(f, (x,), (x,))[1]), lambda x: pg.jvp(f, (x,), (x,))[1], x),
        (lambda x: pg.jvp(j, (x,), (x,))[1], lambda x: pg.jvp(f, (x,), (x,))[1], x),
    ):  # fmt: skip
        np.testing.assert_allclose(nested(arg), plain(arg), rtol=1e-12)


def test_array_in_array_out_raw_in_raw_out_number_in_number_out():
    j = pg.jit(lambda x: x * 2.0)
    assert type(j(pg.ones(2))) is pg.Array
    assert type(j(np.ones(2))) is np.ndarray
    assert j(3.0) == 6.0
    assert type(j(3.0)) is float
    assert j(3) == 6.0


def test_python_numbers_promote_as_numbers_and_need_no_new_program():
    traced = []

    @pg.jit
    def f(x, rate):
        traced.append(rate)
        return x - (1.0 - rate / 2) * x

    x = np.ones(3, np.float32)
    for rate in (0.5, 0.25):
        out = f(x, rate)
        assert out.dtype == np.float32
        np.testing.assert_allclose(out, rate / 2)
    assert len(traced) == 1


def test_one_program_for_each_structure_shape_dtype_and_static_value():
    traced = []

    def f(tree, power=2, name="a"):
        traced.append((power, name))
        return {"out": tree["x"] ** power}

    j = pg.jit(f, static_argnames="name")
    for x in (np.ones(2), np.ones(2), np.ones(3), np.ones(2, np.float32)):
        j({"x": x})
    assert len(traced) == 3
    j({"x": np.ones(2)}, 3)
    j({"x": np.ones(2)}, power=3, name="b")
    assert j({"x": np.full(2, 3.0)}, 4)["out"].tolist() == [81.0, 81.0]
    assert [name for _, name in traced[3:]] == ["a", "b"]
    j({"x": np.ones(2), "y": np.ones(1)})
    assert len(traced) == 6
    j({"x": pg.ones(2)})  # Arrays in place of raw ones: results are of another kind
    assert len(traced) == 7


def test_static_arguments_by_number_or_name():
    def f(n, x):
        return x[:n] if n > 1 else x

    with pytest.raises(UnknownValueError, match=r"static_argnums, static_argnames"):
        pg.jit(f)(2, np.arange(4.0))
    for j in (pg.jit(f, static_argnums=0), pg.jit(f, static_argnames="n")):
        assert j(2, np.arange(4.0)).shape == (2,)
        assert j(1, x=np.arange(4.0)).shape == (4,)
        assert j(n=3, x=np.arange(4.0)).shape == (3,)
    with pytest.raises(StaticArgumentError, match=r"f: static argument 0 is a set, .* tuple"):
        pg.jit(f, static_argnums=0)({1}, np.ones(2))
    with pytest.raises(StaticArgumentError, match="static argument 0 is a ndarray"):
        pg.jit(f, static_argnums=0)(np.ones(2), np.ones(2))
    with pytest.raises(ArgumentValueError, match="got 'm', expected one of the parameters of f"):
        pg.jit(f, static_argnames="m")
    with pytest.raises(ArgumentValueError, match="static_argnums: got 2, but f has 2 positional"):
        pg.jit(f, static_argnums=2)
    with pytest.raises(ArgumentTypeError, match="got float for the function"):
        pg.jit(3.0)


def test_one_and_true_and_one_point_nought_are_different_static_values():
    j = pg.jit(lambda x, n: x * n, static_argnums=1)
    x = np.ones(2, np.int64)
    assert [j(x, n).dtype.name for n in (1, 1.0, True)] == ["int64", "float64", "int64"]
    assert np.signbit(j(np.ones(1), -0.0)) != np.signbit(j(np.ones(1), 0.0))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: 1 if x[0] > 0 else 2,
        lambda x: float(pg.sum(x)),
        lambda x: [1, 2][pg.sum(x).item()],
        lambda x: np.asarray(x),
        lambda x: pg.grad(lambda y: pg.sum(y) if y[0] > 0 else pg.sum(-y))(x),
        lambda x: x[x > 0],
        lambda x: pg.nonzero(x),
        lambda x: pg.unique_values(x),
        lambda x: x.tolist(),
        lambda x: pg.vmap(lambda y: y * float(x[0]))(x),
    ],
)
def test_what_depends_on_values_names_the_line_and_the_way_out(f):
    with pytest.raises(UnknownValueError, match=r"test_jit.py, line \d+: .*lambda.*outside of"):
        pg.jit(f)(np.ones(3))


def test_cond_and_where_choose_by_value():
    j = pg.jit(lambda x: pg.cond(x > 0, lambda: x * 2.0, lambda: -x))
    assert (j(3.0), j(-3.0)) == (6.0, 3.0)


def test_printing_a_traced_array_shows_what_is_known(capsys):
    pg.jit(lambda x: print(x, repr(x)))(np.ones((2, 3), np.float32))
    shown = "Array(traced, shape=(2, 3), dtype=float32, device=cpu)"
    assert capsys.readouterr().out == f"{shown} {shown}\n"


def test_index_assignment_rebinds():
    def f(x):
        y = x * 1.0
        y[0] = 10.0
        y[1:] += 1.0
        return y, x

    x = np.asarray([1.0, 2.0, 3.0])
    y, same_x = pg.jit(f)(x)
    np.testing.assert_array_equal(y, [10.0, 3.0, 4.0])
    np.testing.assert_array_equal(x, [1.0, 2.0, 3.0])
    assert not np.shares_memory(same_x, x)


def test_captured_arrays_are_constants_copied_when_traced():
    c = np.ones(2)
    j = pg.jit(lambda x: (x + c, c))
    j(np.ones(2))
    c[:] = 5.0
    total, constant = j(np.ones(2))
    np.testing.assert_array_equal(total, [2.0, 2.0])
    constant[:] = 7.0
    np.testing.assert_array_equal(j(np.ones(2))[1], [1.0, 1.0])


def test_a_captured_tracked_array_keeps_its_gradient():
    assert pg.grad(lambda w: pg.jit(lambda x: x * w)(np.asarray(2.0)))(3.0) == 2.0


def test_results_share_no_memory_with_each_other_or_the_next_call():
    j = pg.jit(lambda x: (x + 1.0, x + 1.0, pg.reshape(x + 1.0, (-1,)), x, x.T))
    x = np.ones((3, 3))
    first = j(x)
    kept = [a.copy() for a in first]
    second = j(x * 2)
    everything = [x, *first, *second]
    for i, a in enumerate(everything):
        assert not any(np.shares_memory(a, b) for b in everything[:i])
    for a, b in zip(first, kept, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_traced_array_that_escapes_is_named():
    kept = []
    pg.jit(lambda x: kept.append(x))(np.ones(2))
    with pytest.raises(LeakedArrayError, match="add: an array of a traced function"):
        kept[0] + 1


def test_a_retrace_storm_is_said_once():
    j = pg.jit(lambda x: x * 1.0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for n in range(1, 40):
            j(np.ones(n))
    (warning,) = caught
    assert warning.category is RetraceWarning
    assert "16th time: of its last two calls x was float64[15], then float64[16]" in str(
        warning.message
    )
    assert warning.filename == __file__


def test_errors_of_the_function_come_through_as_they_are():
    with pytest.raises(pg.errors.ShapeError, match=r"add: got float64\[2\], float64\[3\]"):
        pg.jit(lambda x, y: x + y)(np.ones(2), np.ones(3))


def test_jit_zero_runs_the_function_itself(monkeypatch):
    seen = []
    assert eagerly(monkeypatch, lambda x: seen.append(x.item()) or x * 2.0, np.asarray(2.0)) == 4.0
    assert seen == [2.0]


def test_methods_can_be_compiled():
    class Model:
        def __init__(self):
            self.scale = 3.0

        @pg.jit
        def __call__(self, x):
            return x * self.scale

    np.testing.assert_array_equal(Model()(np.ones(2)), [3.0, 3.0])


def test_threads_share_a_compiled_function():
    j = pg.jit(lambda x: pg.sum(pg.exp(x) * x) + pg.sum(x @ x))
    data = [np.random.default_rng(i).standard_normal((30, 30)) for i in range(4)]
    expected = [np.sum(np.exp(x) * x) + np.sum(x @ x) for x in data]
    wrong = []

    def work(i):
        for _ in range(100):
            if not np.allclose(j(data[i]), expected[i]):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_make_graph_prints_a_program():
    graph = pg.make_graph(lambda x, w: pg.sum(pg.tanh(x @ w) * 2.0))(
        np.ones((2, 3), np.float32), np.ones((3, 4), np.float32)
    )
    assert str(graph).splitlines() == [
        "<lambda>(a: float32[2, 3], b: float32[3, 4]):",
        "    c: float32[2, 4] = matmul(a, b)",
        "    d: float32[2, 4] = tanh(c)",
        "    e: float32[2, 4] = multiply(d, 2.0)",
        "    f: float32[] = sum(e, axis=(0, 1), keepdims=False)",
        "    return f",
    ]


@pytest.mark.skipif(native_mode.ON, reason="native code always returns new memory")
def test_donated_arrays_are_written_in_place_and_others_never():
    def f(w, x):
        total = pg.sum(w)
        return w - 0.5 * x, total

    j = pg.jit(f, donate_argnums=0)
    w, x = np.ones((3, 2)), np.ones((3, 2))
    out, total = j(w, x)
    assert np.shares_memory(out, w)
    assert total == 6.0
    np.testing.assert_array_equal(out, 0.5)
    np.testing.assert_array_equal(x, 1.0)
    fixed = np.ones((3, 2))
    fixed.setflags(write=False)
    assert not np.shares_memory(j(fixed, x)[0], fixed)
    turned = np.ones((2, 3)).T  # not one block in C order
    np.testing.assert_array_equal(j(turned, x)[0], 0.5)


def test_lowered_programs_show_source_graph_and_cost():
    step = pg.jit(lambda w, x: pg.sum(pg.tanh(x @ w)))
    lowered = step.lower(np.ones((3, 4), np.float32), np.ones((2, 3), np.float32))
    assert [e.op.name for e in lowered.graph.equations] == ["matmul", "tanh", "sum"]
    assert "tanh(" in lowered.source()
    compile(lowered.source(), "source", "exec")
    cost = lowered.cost()
    assert cost.flops == 2 * 2 * 3 * 4 + 8 + 8
    assert cost.bytes == 4 * ((12 + 6 + 8) + (8 + 8) + (8 + 1))
    assert cost.peak == 4 * (12 + 6 + 8 + 8)


def test_the_shortcut_and_the_long_way_agree_for_every_container():
    @pg.tree.dataclass
    class Pair:
        a: pg.Array
        b: pg.Array

    def f(tree, rate, flag, name):
        leaf = tree["k"][0]
        pair = tree["p"]
        assert name == "n"
        total = pair.a * rate + pair.b + leaf
        return {"z": total if flag else -total, "a": [tree["k"], (pair, None, 3)]}

    for wrap in (np.asarray, lambda x: pg.asarray(np.asarray(x))):
        tree = {"p": Pair(wrap([1.0, 2.0]), wrap([3.0, 4.0])), "k": (wrap([5.0, 6.0]),)}
        j = pg.jit(f, static_argnums=3)
        for rate, flag in ((2.0, True), (3.0, True), (3.0, False), (2.0, True)):
            out = j(tree, rate, flag, "n")
            expected = f(tree, rate, flag, "n")
            left, spec = pg.tree.flatten(out)
            right, expected_spec = pg.tree.flatten(expected)
            assert spec == expected_spec
            for a, b in zip(left, right, strict=True):
                assert type(a) is type(b)
                np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
        assert len(j._shortcuts) == 2


def test_tracing_the_mnist_step_takes_well_under_fifty_milliseconds_of_work():
    """Counted, not timed: equations of the step, and runs of ops on stand-ins when warm."""
    from polygrad.compile import abstract

    sizes = (784, 256, 128, 10)
    rng = np.random.default_rng(0)
    weights = [rng.standard_normal(s).astype(np.float32) for s in itertools.pairwise(sizes)]
    x, labels = np.ones((128, 784), np.float32), np.zeros(128, np.int64)

    def loss(weights, x, labels):
        for w in weights[:-1]:
            x = pg.tanh(x @ w)
        return pg.mean(pg.nn.softmax_cross_entropy(x @ weights[-1], labels))

    step = lambda w, x, y: pg.value_and_grad(loss)(w, x, y)
    graph = pg.make_graph(step)(weights, x, labels)
    assert len(graph.equations) < 60
    known = len(abstract._KNOWN)
    pg.make_graph(step)(weights, x, labels)
    assert len(abstract._KNOWN) == known


def test_special_cases_of_the_standard_hold_in_compiled_functions():
    a = np.array([np.inf, -np.inf, 1.0, 5.0, np.nan, -7.0, 0.0])
    b = np.array([2.0, 3.0, np.inf, -np.inf, 1.0, 2.0, 0.0])
    z = np.array([complex(np.inf, 1), complex(-np.inf, 2), complex(-0.0, 0.0)])
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(pg.jit(lambda a, b: a // b)(a, b), pg.floor_divide(a, b))
        for function in (pg.tanh, pg.expm1, pg.sign):
            found, expected = pg.jit(function)(z), function(z)
            np.testing.assert_array_equal(found, expected)
            np.testing.assert_array_equal(np.signbit(found.imag), np.signbit(expected.imag))
