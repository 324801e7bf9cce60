"""An op is its record: one of a user's, whatever its name, is never taken for another."""

import re
from pathlib import Path

import numpy as np
import pytest

import polygrad as pg
from polygrad.compile.known import listed
from polygrad.core.op import OPS
from polygrad.errors import ArgumentValueError, RuleError

X, Y = np.asarray([0.3, 0.1, 0.2]), np.asarray([0.5, 0.7, 0.9])
ODD = (
    "v0", "a0", "s", "e", "x0", "x0_", "t0", "lo", "hi", "run", "make", "loop0", "n0", "params",
    "add_1", "op_add", "print", "range", "map", "asarray", "own", "copy", "None", "True", "lambda",
    "class", "été", "jit", "checkpoint", "custom_vjp", "make_graph",
)  # fmt: skip


def all_names():
    """Every name of the table, with those of modules that are loaded late, and odd ones."""
    assert pg.special.gammasgn, "loaded"
    assert pg.linalg.inv, "loaded"
    assert pg.nn.softmax_cross_entropy, "loaded"
    return [*(name for name in OPS if name.isidentifier()), *ODD]


def of_user(name, weight, operands):
    """``weight`` times the first operand, and the others added."""
    return pg.define_op(
        name,
        lambda x, *rest: sum(rest, np.asarray(x) * weight),
        partials=[lambda xp, g, y, *_: g * weight, *[lambda xp, g, y, *_: g] * (operands - 1)],
    )


@pytest.fixture(params=["numpy", "native"])
def tier(request, monkeypatch, tmp_path):
    if request.param == "native":
        pytest.importorskip("llvmlite")
        monkeypatch.delenv("POLYGRAD_NATIVE", raising=False)
        monkeypatch.setenv("POLYGRAD_CACHE_DIR", str(tmp_path))
    return request.param


@pytest.mark.parametrize("operands", [1, 2])
def test_ops_of_the_user_under_every_name_of_the_table(operands, tier):
    args = (X, Y)[:operands]
    ops = [of_user(name, i % 7 + 2.0, operands) for i, name in enumerate(all_names())]

    def total(*args):
        parts = [op(*args) for op in ops]
        while len(parts) > 1:  # no deep chain: as many steps of ours as there are ops
            parts = [sum(parts[i : i + 2], 0.0) for i in range(0, len(parts), 2)]
        return pg.sum(parts[0] * 2.0)

    expected = sum((i % 7 + 2.0) * X + (operands - 1) * Y for i in range(len(ops)))
    both = pg.jit(pg.value_and_grad(total))
    if tier == "native":
        native = both.lower(*args).native
        assert native.wait(120), native.state
    for f in (pg.value_and_grad(total), both, both):
        value, gradient = f(*args)
        assert value == pytest.approx(2 * np.sum(expected), rel=1e-13)
        np.testing.assert_allclose(gradient, 2.0 * sum(i % 7 + 2.0 for i in range(len(ops))))


@pytest.mark.parametrize("name", [n for n in ODD if n.isidentifier()])
def test_names_that_generated_code_uses(name):
    op = of_user(name, 3.0, 2)
    j = pg.jit(lambda x, y: op(pg.tanh(x), y) * y)
    np.testing.assert_array_equal(j(X, Y), (np.tanh(X) * 3.0 + Y) * Y)
    graph = str(pg.make_graph(lambda x, y: op(x, y) + 1.0)(X, Y))
    assert f"= {name}(" in graph


@pytest.mark.parametrize("name", ["", "a b", "'", '"', "a\nb", "%s", "{x}", "a.b", 3, None])
def test_what_is_no_name_is_refused(name):
    with pytest.raises(ArgumentValueError, match="define_op: name is"):
        pg.define_op(name, lambda x: x)


@pytest.mark.parametrize(
    "name", ["", 'a"b', "it's", "a\nb", "{x}%s", "a\\", "a\0b", "été", "class"]
)
def test_functions_of_any_name(name, tier):
    """A function's name appears in sources and messages, and is nothing to them but text."""

    def f(x):
        return pg.sum(pg.tanh(x) * x)

    @pg.custom_vjp
    def g(x):
        return x * 2.0

    g.defvjp(lambda x: (x * 2.0, None), lambda _, ct: (ct * 3.0,))
    f.__name__ = f.__qualname__ = name
    j = pg.jit(lambda x: f(g(x)) + f(x))
    j2 = pg.jit(f)
    np.testing.assert_allclose(j(X), f(2 * X) + f(X), rtol=1e-14)
    np.testing.assert_allclose(j2(X), f(X), rtol=1e-14)
    assert str(pg.make_graph(f)(X)).count("\n") == 4
    lowered = j2.lower(X)
    compile(lowered.source(), "source", "exec")
    if tier == "native":
        assert lowered.native.wait(60), lowered.native.state


def test_a_table_of_ops_names_only_ops_there_are():
    assert listed("exp") == {OPS["exp"]}
    with pytest.raises(RuleError, match="no op of the table is called 'expand_dims'"):
        listed("exp", "expand_dims")


def test_no_code_asks_for_the_name_of_an_op():
    """Names are for people: what an op is, is asked of its record, or of `Op.builtin`."""
    root = Path(pg.__file__).parent
    asked = re.compile(r"op\.name (==|!=|in|not in) |\[[\w.]*op\.name\]|\.get\([\w.]*op\.name\)")
    found = [
        f"{path.name}: {line.strip()}"
        for path in root.rglob("*.py")
        for line in path.read_text().splitlines()
        if asked.search(line) and ">>>" not in line
    ]
    assert not found


def test_tables_of_text_name_only_ops_there_are():
    from polygrad.backends import numpy_program
    from polygrad.compile.cuda import elements as cuda
    from polygrad.compile.native import elements as native
    from polygrad.compile.passes.expand import EXPANSIONS

    known = set(all_names())
    for module in (numpy_program, cuda, native):
        for table, names in vars(module).items():
            if table.startswith("_") and table.isupper() and table.strip("_") not in ("FLOATS",):
                stale = {n for n in names if type(n) is str} - known if _holds(names) else set()
                assert not stale, (module.__name__, table)
    assert set(EXPANSIONS) <= known


def _holds(table):
    return isinstance(table, dict | tuple | frozenset | set)
