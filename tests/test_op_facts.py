"""What ops say of themselves to compilers: one record each, which no file asks a name for."""

import ast
from pathlib import Path

import numpy as np
import pytest

import polygrad as pg
from polygrad.compile.index import is_alias, is_transpose, is_view
from polygrad.core.op import OPS, OpFacts

COMPILE = Path(__file__).parent.parent / "polygrad" / "compile"
# Where text is made from names, which only the op table's own ops have, or the algebra is known.
BY_NAME = {
    "passes/simplify.py", "passes/expand.py", "native/elements.py", "native/pull.py",
    "cuda/elements.py", "cuda/pull.py", "cuda/supported.py", "loops.py", "program.py",
}  # fmt: skip


def names_asked(path):
    """The lines that compare an op's name, or look it up in a table."""
    for node in ast.walk(ast.parse(path.read_text())):
        inside = []
        if isinstance(node, ast.Compare):
            inside = [node.left, *node.comparators]
        elif isinstance(node, ast.Subscript):
            inside = [node.slice]
        for part in inside:
            if isinstance(part, ast.Attribute) and part.attr in ("name", "builtin"):
                owner = ast.unparse(part.value)
                if owner == "op" or owner.endswith((".op", "_op")):
                    yield node.lineno


def test_the_check_sees_names(tmp_path):
    file = tmp_path / "sample.py"
    file.write_text("x = equation.op.name == 'add'\ny = TABLE[op.builtin]\nz = value.name == 'a'\n")
    assert list(names_asked(file)) == [1, 2]


@pytest.mark.parametrize("path", sorted(COMPILE.rglob("*.py")), ids=lambda p: p.name)
def test_no_compiler_asks_an_op_for_its_name(path):
    if str(path.relative_to(COMPILE)) not in BY_NAME:
        assert not list(names_asked(path))


# Their operands are integers, or they have parameters.
OTHER = {"eval_hermite", "eval_hermitenorm", "lambertw"}
ELEMENTWISE = [
    op
    for op in OPS.values()
    if op.facts.elementwise and hasattr(op, "rules") and op.name not in OTHER
]


@pytest.mark.parametrize("op", ELEMENTWISE, ids=lambda op: op.name)
def test_elementwise_ops_work_element_by_element(op):
    """Both elements are what they are alone."""
    run = op.implement(pg.device("cpu").backend)
    x = [np.asarray([0.75, 1.0]) + i for i in range(len(op.rules))]
    if op is OPS["where"]:
        x[0] = np.asarray([True, False])
    with np.errstate(all="ignore"):
        whole = run(*x)
        parts = [run(*[a[i : i + 1] for a in x]) for i in range(2)]
    np.testing.assert_array_equal(whole, np.concatenate(parts))


@pytest.mark.parametrize("op", [op for op in OPS.values() if op.facts.reduction], ids=str)
def test_reductions_have_axes_and_lose_them(op):
    dtype = bool if op.facts.reduction in ("all", "any") else int
    x = np.ones((2, 3), dtype)
    params = {"axis": (0,), "keepdims": False}
    if op.name.endswith("_integer"):
        params["dtype"] = pg.int64
    out = op.implement(pg.device("cpu").backend)(x, **params)
    assert out.shape == (3,)
    together = {"sum": np.sum, "prod": np.prod, "max": np.max, "min": np.min}
    expected = {**together, "all": np.all, "any": np.any}[op.facts.reduction]
    np.testing.assert_array_equal(out, expected(x, axis=0))


def test_views_are_views_in_numpy():
    def f(x):
        return [
            pg.matrix_transpose(x), pg.reshape(x, (3, 2)), pg.flip(x), x[1:],
            pg.broadcast_to(x, (4, 2, 3)),
            pg.linalg.diagonal(x), pg.permute_dims(x, (1, 0)),
        ]  # fmt: skip

    graph = pg.make_graph(f)(np.ones((2, 3)))
    views = [e for e in graph.equations if is_view(e)]
    assert {e.op.facts.view for e in views} == {
        "transpose", "reshape", "flip", "index", "broadcast", "diagonal", "permute"
    }  # fmt: skip
    x = np.ones((2, 3))
    for equation in views:
        if equation.inputs[0].shape == x.shape:
            run = equation.op.implement(pg.device("cpu").backend)
            assert np.shares_memory(run(x, **equation.params), x), equation
    assert sum(map(is_transpose, views)) == 2
    assert sum(map(is_alias, views)) == 1


def test_an_index_array_makes_no_view():
    graph = pg.make_graph(lambda x, i: x[i])(np.ones(3), np.asarray([0, 2]))
    assert [is_view(e) for e in graph.equations if e.op.facts.view] == [False]


def test_an_op_of_the_users_has_the_facts_of_its_kind():
    op = pg.define_op("add", lambda x: np.asarray(x) * 3.0, partials=[lambda xp, g, y, x: g * 3.0])
    graph = pg.make_graph(op)(np.ones(3))
    (equation,) = graph.equations
    assert equation.op.facts == OpFacts(elementwise=True, cost=20)
