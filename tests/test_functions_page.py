"""docs/functions.md is what tools/functions_page.py writes now, and leaves no function out."""

import importlib.util
import os
import pathlib
import subprocess
import sys
from collections import defaultdict
from typing import Any

import pytest
from op_table import NO_ROW, all_rows, public_names

import polygrad as pg
from polygrad.core.op import OPS

ROOT = pathlib.Path(__file__).parent.parent
TOOL = ROOT / "tools" / "functions_page.py"


@pytest.fixture(scope="module")
def tool() -> Any:
    spec = importlib.util.spec_from_file_location("functions_page", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def cells() -> dict[str, dict[str, str]]:
    """The tables of the page: the columns of each function."""
    found: dict[str, dict[str, str]] = {}
    heads: list[str] = []
    for line in (ROOT / "docs" / "functions.md").read_text(encoding="utf-8").splitlines():
        parts = [part.strip() for part in line.strip("| ").split(" | ")]
        if line.startswith("| function"):
            heads = parts
        elif line.startswith("| `"):
            found[parts[0].strip("`")] = dict(zip(heads, parts, strict=True))
    return found


def test_the_page_is_current() -> None:
    """In a process of its own: it collects the tests, as pytest does here."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    command = [sys.executable, str(TOOL), "--check"]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_function_has_a_row_on_the_page() -> None:
    assert set(cells()) == public_names() - set(NO_ROW)
    assert len(cells()) > 300
    assert not [name for name, columns in cells().items() if "no" in columns.values()]


def test_a_function_that_no_row_covers_stops_the_tool(tool: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(pg.ops, "__all__", [*pg.ops.__all__, "a_new_function"])
    with pytest.raises(SystemExit, match="a_new_function"):
        tool.entries(defaultdict(lambda: defaultdict(set)))


def test_the_cells_follow_the_ops_and_the_tests(tool: Any, monkeypatch: Any) -> None:
    row = next(row for row in all_rows() if row.name == "tanh")
    tests = defaultdict(set, {
        "test_forward": {"cpu", "jax"},
        "test_gradients_agree_between_backends": {"cpu"},
        "test_derivatives_agree_with_finite_differences": {"cpu"},
        "test_vmap_equals_the_loop": {"cpu"},
    })  # fmt: skip
    entry = tool.Entry("tanh", [row], {row: tests})
    assert (entry.kind(), entry.values(), entry.vmap()) == (
        "elementwise", "real, complex", "batch rule"
    )  # fmt: skip
    assert [entry.derivative(order) for order in (0, 1, 2)] == ["yes"] * 3
    assert set(entry.backends().split(", ")) == {"NumPy", "JAX"}
    monkeypatch.setattr(OPS["tanh"], "batching", None)
    assert entry.vmap() == "loop with a warning: tanh"
    tests["test_derivatives_agree_with_finite_differences"].clear()
    tests["test_vmap_equals_the_loop"].clear()
    assert (entry.derivative(1), entry.vmap()) == ("no", "no")


def test_what_is_refused_says_why() -> None:
    found = cells()
    assert found["nonzero"]["vmap"].startswith("refused: the number of elements would differ")
    assert found["repeat"]["vmap"].startswith("composed; refused: repeats differs between")
    assert found["nextafter"]["reverse"].startswith("refused: it steps between neighbouring")
    assert found["special.gammainc"]["reverse"] == "yes, not by argument 1"
    assert found["argmax"]["reverse"] == "zero"
    assert not [name for name, columns in found.items() if "loop" in columns["vmap"]]
