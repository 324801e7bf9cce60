"""The table is complete: no public function and no op without a row or a reason."""

import importlib
import pkgutil
from typing import Any

import numpy as np
import optree
import pytest
from op_driver import differentiable
from op_table import NO_ROW, OPS_WITHOUT_ROW, all_rows, public_names

import polygrad as pg
from polygrad.core.op import OPS
from polygrad.core.trace import Trace, bind


class Recorder(Trace):
    """Notes the name of every op that runs on its arrays."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def wrap(self, value: Any) -> Any:
        return pg.Array(value, self, None)

    def process(self, op: Any, args: tuple[Any, ...], params: Any) -> Any:
        self.names.add(op.name)
        lowered = tuple(a._value if type(a) is pg.Array and a._trace is self else a for a in args)
        out = bind(op, lowered, params)
        if op.kind == "nondifferentiable":  # its answers are plain, as in the transforms
            return tuple(map(pg.asarray, out)) if op.multiple else pg.asarray(out)
        return tuple(map(self.wrap, out)) if op.multiple else self.wrap(out)


def ops_of(function: Any, cases: Any) -> set[str]:
    """The names of the ops that calls of a function run."""
    recorder = Recorder()
    for args, kwargs in cases:
        args, kwargs = optree.tree_map(
            lambda leaf: recorder.wrap(leaf) if isinstance(leaf, np.ndarray) else leaf,
            (args, kwargs),
        )
        function(*args, **kwargs)
    return recorder.names


def test_every_op_is_run_by_a_row() -> None:
    load_everything()
    run: set[str] = set()
    for row in all_rows():
        run |= ops_of(row.function, [(case.args, case.kwargs) for case in row.cases])
    missing = sorted(set(OPS) - run - set(OPS_WITHOUT_ROW))
    assert not missing, f"no row in tests/rows runs these ops: {missing}"
    stale = sorted(set(OPS_WITHOUT_ROW) & run)
    assert not stale, f"rows run these ops, so they need no reason: {stale}"


def load_everything() -> None:
    """Parts of the package are imported on first use, and with them their ops are declared."""
    for module in pkgutil.walk_packages(pg.__path__, "polygrad."):
        if not module.name.startswith("polygrad.backends") and "__main__" not in module.name:
            importlib.import_module(module.name)


def test_every_public_function_has_a_row() -> None:
    named = {row.name for row in all_rows()}
    missing = sorted(public_names() - named - set(NO_ROW))
    assert not missing, f"no row in tests/rows for: {missing}"
    assert not named & set(NO_ROW)


def test_an_op_without_a_row_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OPS, "an_op_that_nobody_listed", None)
    with pytest.raises(AssertionError, match="an_op_that_nobody_listed"):
        test_every_op_is_run_by_a_row()


@pytest.mark.parametrize("row", all_rows(), ids=repr)
def test_samples_are_worth_testing(row: Any) -> None:
    assert row.cases
    if row.gradient == "yes":
        assert any(len(differentiable(row, case.args)) for case in row.cases)


@pytest.mark.parametrize("device", ["cpu", "strict:device1"])
def test_empty_and_empty_like(device: str) -> None:
    x = pg.empty((2, 3), dtype="float32", device=device)
    assert (x.shape, x.dtype, x.device) == ((2, 3), pg.float32, device)
    y = pg.empty_like(x)
    assert (y.shape, y.dtype, y.device) == ((2, 3), pg.float32, device)
