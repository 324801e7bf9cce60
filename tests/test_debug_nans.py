"""debug_nans: the first op that makes a nan is named, with its pass, shapes and line."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import optree
import pytest
from op_driver import cotangent, differentiable, function_of, host, on, put, runs
from op_table import Row, all_rows, convert

import polygrad as pg
from polygrad.core import tape, trace
from polygrad.errors import NanError


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with np.errstate(all="ignore"):
        yield
    assert trace.run.__name__ == "run", "debug_nans was left on"


def line_of(error: NanError) -> str:
    """The source text that an error points at, in this file."""
    assert error.line.startswith(__file__)
    return error.line.rpartition(": ")[2]


def test_forward() -> None:
    def f(x: Any) -> Any:
        y = pg.exp(x)
        z = pg.log(y - 2.0)
        return pg.sum(z * 2.0)

    x = np.asarray([[0.0, 1.0]])
    for call in (f, pg.grad(f), pg.vmap(f), lambda x: pg.jvp(f, (x,), (x,))):
        with pg.debug_nans(), pytest.raises(NanError, match="log made a nan in the forward") as e:
            call(x)
        assert (e.value.op, e.value.phase) == ("log", "forward")
        assert e.value.shapes in ([(1, 2)], [(2,)])
        assert line_of(e.value) == "z = pg.log(y - 2.0)"
        assert isinstance(e.value, FloatingPointError)
    assert np.isnan(f(x).item())


def test_backward() -> None:
    def powers(x: Any) -> Any:
        y = x**-1.0
        return pg.sum(pg.exp(-y))

    x = np.zeros(3)
    assert np.isnan(pg.grad(powers)(x)).all()
    with pg.debug_nans(), pytest.raises(NanError, match="backward pass") as e:
        pg.grad(powers)(x)
    assert (e.value.op, e.value.phase, e.value.shapes) == ("reciprocal", "backward", [(3,)])
    assert line_of(e.value) == "y = x**-1.0"


def test_forward_mode_and_second_order() -> None:
    x = np.asarray([0.0, 4.0])

    def f(x: Any) -> Any:
        root = pg.sqrt(x)
        return pg.sum(root * x)

    with pg.debug_nans(), pytest.raises(NanError, match="forward mode") as e:
        pg.jvp(f, (x,), (np.asarray([0.0, 1.0]),))
    assert (e.value.op, e.value.phase) == ("sqrt", "tangent")
    assert line_of(e.value) == "root = pg.sqrt(x)"
    second = pg.grad(lambda x: pg.sum(pg.grad(f)(x) ** 2))
    with pg.debug_nans(), pytest.raises(NanError, match="sqrt made a nan in the backward") as e:
        second(x)
    assert line_of(e.value) == "root = pg.sqrt(x)"
    with pg.debug_nans():
        assert np.isfinite(second(x + 1.0)).all()


def test_a_nan_that_was_given_is_not_the_ops() -> None:
    x = np.asarray([np.nan, 1.0, 0.0])
    with pg.debug_nans():
        assert np.isnan(pg.sum(pg.exp(x) * 2.0).item())
        assert np.isnan(pg.grad(lambda x: pg.sum(pg.exp(x)))(x)[0])
        assert pg.nansum(x).item() == 1.0
        assert np.isnan(pg.asarray([pg.nan]).item())
        assert np.isnan(pg.where(x > 0, x, pg.nan)).any()
        with pytest.raises(NanError, match="divide"):  # at another element than the nan
            pg.divide(x, np.asarray([1.0, 1.0, 0.0]))


def test_the_dead_branch_of_where() -> None:
    """The gradient is right, yet log did make a nan: exempt it, or mask its operand."""

    def f(x: Any) -> Any:
        return pg.sum(pg.where(x > 0, pg.log(x), 0.0))

    def exempt(x: Any) -> Any:
        with pg.debug_nans(False):
            y = pg.log(x)
        return pg.sum(pg.where(x > 0, y, 0.0))

    def masked(x: Any) -> Any:
        return pg.sum(pg.where(x > 0, pg.log(pg.where(x > 0, x, 1.0)), 0.0))

    x = np.asarray([-1.0, 2.0])
    for g in (f, exempt, masked):
        np.testing.assert_array_equal(pg.grad(g)(x), [0.0, 0.5])
    with pg.debug_nans():
        with pytest.raises(NanError, match="log"):
            pg.grad(f)(x)
        for g in (exempt, masked):
            np.testing.assert_array_equal(pg.grad(g)(x), [0.0, 0.5])


def test_compiled_functions_run_uncompiled() -> None:
    @pg.jit
    def f(x: Any) -> Any:
        shifted = x - 2.0
        return pg.log(shifted)

    x = np.ones(3)
    assert np.isnan(f(x)).all()
    with pg.debug_nans(), pytest.raises(NanError) as e:
        f(x)
    assert line_of(e.value) == "return pg.log(shifted)"
    assert np.isnan(f(x)).all()


def test_off_means_off() -> None:
    places = [(trace, "run"), (tape.ReverseTrace, "process")]
    usual = [getattr(*place) for place in places]
    with pg.debug_nans():
        assert all(getattr(*p) is not u for p, u in zip(places, usual, strict=True))
        with pg.debug_nans(False):
            assert [getattr(*place) for place in places] == usual
            assert np.isnan(pg.log(np.asarray([-1.0]))).all()
        with pytest.raises(NanError):
            pg.log(np.asarray([-1.0]))
        _, pullback = pg.vjp(lambda x: pg.sqrt(x) * x, np.zeros(1))
    assert [getattr(*place) for place in places] == usual
    assert np.isnan(pullback(np.ones(1))[0]).all()  # a tape of the block, used after it
    pg.set_debug_nans(True)
    try:
        with pytest.raises(NanError):
            pg.log(-1.0)
    finally:
        pg.set_debug_nans(False)
    assert np.isnan(pg.log(-1.0).item())


def test_the_environment_variable() -> None:
    code = "import polygrad as pg\ntry: pg.log(-1.0)\nexcept pg.errors.NanError as e: print(e.op)"
    for value, expected in (("1", "log"), ("0", ""), ("", "")):
        run = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            env={"POLYGRAD_DEBUG_NANS": value, "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        )
        assert run.stdout.strip() == expected


def test_the_page_says_what_happens(capsys: pytest.CaptureFixture[str]) -> None:
    text = (Path(__file__).parent.parent / "docs" / "nans.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    scope: dict[str, Any] = {}
    with pytest.raises(NanError) as e:
        exec(compile(blocks[0], "example.py", "exec"), scope)
    shown = " ".join(re.search(r"```\npolygrad(.*?) \.\.\.\n```", text, re.DOTALL)[1].split())  # type: ignore[index]
    assert f".errors.NanError: {e.value}".startswith(shown.partition(": root")[0])
    for block in blocks[1:]:
        exec(block, scope)
    expected = re.findall(r"print\(.*\)  # (.*)", text)
    assert capsys.readouterr().out.splitlines() == expected


@pytest.mark.parametrize("row", all_rows(), ids=repr)
def test_no_false_alarms(row: Row) -> None:
    """Where nothing comes out as nan nothing raises, whatever a rule does on the way."""
    with on("cpu") as device:
        points = [(c, convert(c.args, d)) for c in row.cases[:4] for d in row.dtypes[::2]]
        points += [(s, optree.tree_map(as_array, s.args)) for s in row.special]  # type: ignore[misc]
        for case, given in points:
            if getattr(case, "needs", None) and not runs(case, device):  # type: ignore[arg-type]
                continue
            args = put(given, device, raw=False)
            places = differentiable(row, args) if row.gradient == "yes" else []
            f, leaves = function_of(row, case, args, places)  # type: ignore[arg-type]
            if has_nan(results(f, leaves, device)) or has_nan(given):
                continue
            with pg.debug_nans():
                results(f, leaves, device)


def results(f: Any, leaves: Any, device: Any) -> Any:
    out, pullback = pg.vjp(f, *leaves) if leaves else (f(), lambda seeds: ())
    found = pullback([cotangent(value, device, raw=False) for value in out]) if leaves else ()
    return out, found, pg.jvp(f, leaves, [pg.ones_like(x) for x in leaves]) if leaves else ()


def as_array(leaf: Any) -> Any:
    return np.asarray(leaf) if isinstance(leaf, float | complex) else leaf


def has_nan(values: Any) -> bool:
    leaves = [a for a in optree.tree_leaves(host(values)) if hasattr(a, "dtype")]
    return any(np.isnan(a).any() for a in leaves if a.dtype.kind in "fc")
