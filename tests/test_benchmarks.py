"""The benchmark: what it times is right, it runs end to end, and it notices a wrong result."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import growth, table
from benchmarks.cases import CASES, Chain, Conv, GaussianProcess, Mlp, Transformer
from benchmarks.checks import CALLS, check
from benchmarks.libraries import numpy_by_hand, polygrad_eager, polygrad_jit
from benchmarks.turns import arrays, summary, turn

ROOT = Path(__file__).parent.parent
SMALL = [
    Mlp("mlp", 4, (5, 6, 3)),
    Conv("conv", batch=2, side=11, channels=(2, 3, 4), classes=3),
    Transformer("transformer", batch=2, length=5, width=8),
    GaussianProcess("gp", size=12, dimensions=2),
    Chain("chain float32", 50, "float32"),
    Chain("chain float64", 50, "float64"),
]
by_kind = pytest.mark.parametrize("case", SMALL, ids=lambda case: case.name)


def results(library, case):
    function = library.prepare(case)
    return [arrays(function()) for _ in range(CALLS)][-1]


@by_kind
@pytest.mark.parametrize("library", [polygrad_eager, polygrad_jit], ids=["eager", "jit"])
def test_polygrad_computes_what_numpy_by_hand_does(case, library):
    check(case, library.NAME, results(library, case), results(numpy_by_hand, case))


@by_kind
def test_numpy_by_hand_agrees_with_finite_differences(case):
    """The reference is written by hand: in double precision its gradients can be trusted."""
    models = importlib.import_module("benchmarks.libraries.numpy_models")
    data = [a.astype(float) if a.dtype.kind == "f" else a for a in case.data()]
    start = [np.asarray(a, float) for a in case.arguments()]
    rng = np.random.default_rng(3)
    along = [rng.standard_normal(a.shape) for a in start]
    if case.kind == "chain":
        return _chain_agrees(models.chain, start[0], along[0])

    def value(step):
        moved = [a + step * d for a, d in zip(start, along, strict=True)]
        return getattr(models, case.kind)(moved, *data)[0]

    _, grads = getattr(models, case.kind)([a.copy() for a in start], *data)
    slope = sum(np.sum(g * d) for g, d in zip(grads, along, strict=True))
    assert (value(1e-6) - value(-1e-6)) / 2e-6 == pytest.approx(slope, rel=1e-6)


def _chain_agrees(chain, x, along):
    def value(x):
        return np.sum(np.tanh(x) * np.exp(-(x**2)) + np.log1p(x**2))

    slope = (value(x + 1e-6 * along) - value(x - 1e-6 * along)) / 2e-6
    assert slope == pytest.approx(np.sum(chain([x])[1][0] * along), rel=1e-6)


@by_kind
def test_the_check_notices_one_wrong_gradient(case):
    expected = results(numpy_by_hand, case)
    starts = [0.0, *case.arguments()] if case.wants == "step" else [0.0] * len(expected)
    for i, start in enumerate(starts):
        wrong = [a.copy() for a in expected]
        wrong[i] = (start + 1.01 * (wrong[i] - start)).astype(case.dtype)
        with pytest.raises(AssertionError, match=f"{case.name}: some library: result {i}"):
            check(case, "some library", wrong, expected)
    with pytest.raises(AssertionError, match="is float16"):
        check(case, "some library", [a.astype("float16") for a in expected], expected)


def test_a_turn_warms_up_and_times_at_least_three_calls():
    calls = []
    turn(lambda: calls.append(0) or sum(range(20_000)), warm=0.0, seconds=0.0)
    assert len(calls) == 2 + 3
    assert turn(lambda: None, warm=0.001, seconds=0.001) < 1e-5


def test_ratios_are_taken_round_by_round():
    rows = summary("case", {"base": [1.0, 2.0, 4.0], "other": [3.0, 6.0, 2.0]}, "base")
    assert [row["ratio"] for row in rows] == [1.0, 3.0]
    assert (rows[1]["ratio_min"], rows[1]["ratio_max"]) == (0.5, 3.0)
    assert rows[1]["microseconds"] == 3e6


def test_growth_finds_the_exponent():
    results = [
        {"case": name, "library": "some", "microseconds": 5e-3 * CASES[name].size ** 0.5}
        for name in growth.FAMILIES["chain float64"]
    ]
    rows = growth.rows(results)
    assert rows[-1] == {"case": "chain float64, exponent", "library": "some", "text": "0.50"}
    assert rows[0]["text"] == "0.05 ns"


def test_the_benchmark_runs_and_its_file_becomes_markdown(tmp_path):
    command = [
        sys.executable, "-m", "benchmarks.bench", "--cases", "tiny", "mnist", "--rounds", "2",
        "--warm", "0.01", "--seconds", "0.01", "--imports", "1", "--processes", "1",
        "--save", str(tmp_path / "out"),
        "--skip", "polygrad_native", "torch_eager", "torch_compiled", "jax_jit", "hips_autograd",
        "mygrad_eager",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    result = json.loads((tmp_path / "out.json").read_text())
    found = {(row["case"], row["library"]): row for row in result["rows"]}
    names = "NumPy by hand", "polygrad eager", "polygrad jit"
    assert {(case, name) for case, name in found if case == "tiny"} == {("tiny", n) for n in names}
    assert found["tiny", "NumPy by hand"]["ratio"] == 1
    assert found["import", "polygrad eager"]["ratio"] > 0
    kinds = "", ", not the first", ", kept on disk"
    first = [f"{case}{kind}" for case in ("tiny", "mnist") for kind in kinds]
    assert [row["case"] for row in result["compile"]] == first
    assert result["machine"]["cores"] >= 1
    text = table.markdown(result)
    assert f"|  | {' | '.join(names)} |" in text
    for line in text.splitlines():
        if line.startswith("| tiny |"):
            assert table.duration(found["tiny", names[1]]["microseconds"]) in line
            break
    else:
        pytest.fail(text)
    assert "polygrad eager" in done.stdout
