"""Every function of the table between operations with native code: the program has native code.

What native code is not written for runs on the array library, in the middle, and the values are
those of eager code.
"""

import numpy as np
import optree
import pytest
from op_driver import host
from op_table import all_rows

import polygrad as pg

pytest.importorskip("llvmlite")

from polygrad.compile.native.divided import stretches

TOGETHER = 12
"""Rows in one program: what takes time is to have LLVM at all."""


@pytest.fixture(autouse=True)
def _native_code(monkeypatch, tmp_path):
    monkeypatch.delenv("POLYGRAD_NATIVE", raising=False)
    monkeypatch.setenv("POLYGRAD_CACHE_DIR", str(tmp_path))
    with np.errstate(all="ignore"):
        yield


def is_real(x):
    return isinstance(x, np.ndarray) and x.dtype.kind == "f" and x.size > 0


def usable(case):
    return any(map(is_real, case.args)) and case.needs is None


def between(row, case):
    """The row's function of operands that are computed, and computed with, and the operands."""
    places = [i for i, x in enumerate(case.args) if is_real(x)]

    def f(arrays):
        full = list(case.args)
        for i, x in zip(places, arrays, strict=True):
            full[i] = (x + x) * 0.5  # exactly what it was
        out = row.function(*full, **case.kwargs)
        out = out if row.project is None else row.project(out)
        return [
            (one + one) * 0.5 if is_real(np.zeros(1, getattr(one, "dtype", int))) else one
            for one in optree.tree_leaves(out)
            if pg.is_array(one)
        ]

    return f, [np.asarray(case.args[i]) for i in places]


def rows():
    found = []
    for row in all_rows():
        case = next(filter(usable, row.cases), None)
        if case is not None and not row.creates and not row.decides:
            found.append((row, case))
    return found


ROWS = rows()
GROUPS = [ROWS[i : i + TOGETHER] for i in range(0, len(ROWS), TOGETHER)]


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group[0][0].name)
def test_every_function_between_native_operations(group):
    functions, operands = zip(*[between(*one) for one in group], strict=True)

    def program(operands):
        return [f(x) for f, x in zip(functions, operands, strict=True)]

    operands = list(operands)
    j = pg.jit(program)
    tier = j.lower(operands).native
    assert tier.wait(120), tier.state
    expected = program(operands)
    for _ in range(2):
        got = j(operands)
        assert tier.state.startswith("in use"), tier.state
        assert tier.went_back == 0, tier.state
        for (row, case), a, b in zip(group, got, expected, strict=True):
            for one, other in zip(a, b, strict=True):
                one, other = np.asarray(host(one)), np.asarray(host(other))
                assert one.dtype == other.dtype, row
                rtol = max(row.rtol, 1e-12)
                np.testing.assert_allclose(one, other, rtol, rtol, err_msg=f"{row}{case}")


@pytest.mark.parametrize(("row", "case"), ROWS, ids=repr)
def test_each_function_leaves_native_stretches_around_it(row, case):
    f, operands = between(row, case)
    graph = pg.jit(f).lower(operands).graph
    parts = stretches(graph)
    for _, part in parts:
        part.check()
    assert sum(len(part.equations) for _, part in parts) == len(graph.equations)
    assert any(native for native, _ in parts) or not graph.equations


@pytest.mark.slow
@pytest.mark.parametrize(("row", "case"), ROWS, ids=repr)
def test_each_function_alone_between_native_operations(row, case):
    test_every_function_between_native_operations([(row, case)])


def test_the_table_is_here():
    assert len(ROWS) > 250
