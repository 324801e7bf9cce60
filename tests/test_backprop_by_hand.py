"""The text on backpropagation, examples/backprop_by_hand.py: its numbers, its checks, its exits."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from polygrad.core.op import OPS

ROOT = Path(__file__).parent.parent
SCRIPT = ROOT / "examples" / "backprop_by_hand.py"
NAMES = [f"{kind}[{place}" for kind, place in [
    ("w", "1]_11"), ("b", "1]_1"), ("w", "2]_11"), ("w", "2]_21"), ("b", "2]_1"), ("b", "2]_2"),
    ("w", "3]_11"), ("w", "3]_12"), ("b", "3]_1"),
]]  # fmt: skip


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("backprop_by_hand", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def run(script, capsys, tmp_path):
    def run(*options):
        code = script.main([*options, "--output", str(tmp_path / "new" / "folder")])
        return code, capsys.readouterr().out

    return run


def section(text, number):
    return re.split(r"\n\d\. .*\n-+\n", text)[number]


def gradient_by_formula(p, x, y):
    """dL/dp of the 1-1-2-1 network, derived on paper."""
    a1 = p["w[1]_11"] * x + p["b[1]_1"]
    a21 = p["w[2]_11"] * a1 + p["b[2]_1"]
    a22 = p["w[2]_21"] * a1 + p["b[2]_2"]
    d = 2 * (p["w[3]_11"] * a21 + p["w[3]_12"] * a22 + p["b[3]_1"] - y)
    d21, d22 = d * p["w[3]_11"], d * p["w[3]_12"]
    d1 = d21 * p["w[2]_11"] + d22 * p["w[2]_21"]
    return {
        "w[1]_11": d1 * x, "b[1]_1": d1,
        "w[2]_11": d21 * a1, "b[2]_1": d21, "w[2]_21": d22 * a1, "b[2]_2": d22,
        "w[3]_11": d * a21, "w[3]_12": d * a22, "b[3]_1": d,
    }  # fmt: skip


def parameters_in(text):
    """The parameters as section 5 prints them in its graph of L."""
    return {n: float(re.search(rf"^{re.escape(n)} += (\S+)$", text, re.M)[1]) for n in NAMES}


def rows_in(text, letter):
    found = re.findall(rf"^   d{letter}/d (\S.*?)  +(\S+)  +(\S+)  +(?:(\S+)  +)?ok$", text, re.M)
    return {name: [float(v) for v in values if v] for name, *values in found}


@pytest.mark.parametrize("device", ["cpu", "strict:device1"])
def test_numbers_are_those_of_the_formulas(run, script, device):
    code, text = run("--device", device, "--seed", "3")
    assert code == 0
    assert f"on {device}, seed 3" in text
    assert "WRONG" not in text
    p = parameters_in(section(text, 5))
    x, y = script.EXAMPLES[0]
    for letter, examples in (("L", [(x, y)]), ("J", script.EXAMPLES)):
        each = [gradient_by_formula(p, *example) for example in examples]
        rows = rows_in(section(text, 5), letter)
        for name in NAMES:
            expected = np.mean([g[name] for g in each])
            assert len(rows[name]) == 3
            np.testing.assert_allclose(rows[name], expected, rtol=2e-4, atol=1e-4)
    rows = rows_in(section(text, 5), "L")
    assert len(rows) == 23
    assert rows["y"][0] == -rows["error"][0]
    for name in NAMES:
        line = re.search(rf"^{re.escape(name)} +(.*?) +ok$", section(text, 6), re.M)[1]
        *each, mean, whole = map(float, line.split())
        exact = [gradient_by_formula(p, *example)[name] for example in script.EXAMPLES]
        np.testing.assert_allclose(each, exact, rtol=2e-4, atol=1e-4)
        np.testing.assert_allclose([mean, whole], np.mean(exact), rtol=2e-4, atol=1e-4)


def test_the_early_sections(run):
    code, text = run()
    assert code == 0
    table = re.findall(r"^   1e-(\d+) +(\S+) +(\S+)$", section(text, 1), re.M)
    assert len(table) == 6
    for exponent, line, curve in table:
        assert float(line) == pytest.approx(2.0, abs=1e-8)
        assert float(curve) == pytest.approx(6 + 10.0 ** -int(exponent), abs=1e-8)
    assert "= 2 * 4 = 8 ok" in section(text, 2)
    assert "path 2 of 2: 12 + 24 = 36" in section(text, 3)
    assert re.search(r"4  p = m \* x  m +1 +3 +3$", section(text, 4), re.M)
    assert re.search(r"path 2 of 2: \S+ \+ \S+ = \S+$", section(text, 5), re.M)


def test_every_partial_derivative_is_a_numbered_step(run):
    _, text = run()
    first, second = re.split("The cost J is", section(text, 5))
    for part, paths in ((first, 1), (second, 3)):
        steps = re.findall(r"^ *(\d+)  (\S.*)$", part.partition("hecked")[0], re.M)
        assert [int(n) for n, _ in steps] == list(range(1, len(steps) + 1))
        for name in NAMES:
            reached = [line for _, line in steps if re.search(rf"  {re.escape(name)} +\S", line)]
            assert len(reached) == paths, name


def test_descent_reaches_two_minima(run, tmp_path):
    code, text = run("--seed", "5", "--alpha", "0.04")
    assert code == 0
    ends = {
        letter: [float(v) for v in values]
        for letter, *values in re.findall(
            r"^   ([abcd]) = \( *(\S+), +(\S+)\), J = (\d+\.\d+)", text, re.M
        )
    }
    assert sorted(ends) == ["a", "b", "c", "d"]

    def cost(w1, w2):
        x = np.array([-1.5, -0.5])
        return np.mean((w2 * np.tanh(w1 * x + 0.5) - 2 * np.tanh(1.5 * x + 0.5)) ** 2)

    for w1, w2, value in ends.values():
        assert cost(w1, w2) == pytest.approx(value, abs=0.02)
    assert ends["c"][2] < ends["a"][2]
    assert ends["d"][2] < ends["b"][2]
    assert np.hypot(ends["c"][0] - ends["d"][0], ends["c"][1] - ends["d"][1]) > 1
    for letter in "cd":
        w1, w2, _ = ends[letter]
        around = [
            cost(w1 + 0.05 * np.cos(t), w2 + 0.05 * np.sin(t)) for t in np.arange(0, 6.3, 0.3)
        ]
        assert min(around) > cost(w1, w2)
    costs = [float(v) for v in re.findall(r"^ +\d+ +(\d\.\d{8})$", section(text, 7), re.M)]
    assert len(costs) >= 5
    assert costs == sorted(costs, reverse=True)
    assert "J falls at every step" in text
    slope, intercept = np.polyfit([-1.0, 0.5, 2.0], [-1.4, 1.1, 2.9], 1)
    assert f"m = {slope:.4f}, c = {intercept:.4f}" in text
    picture = tmp_path / "new" / "folder" / "backprop_by_hand.png"
    assert picture.read_bytes()[:4] == b"\x89PNG"
    assert picture.stat().st_size > 50_000


def test_starts_follow_the_seed(run):
    texts = [run("--seed", seed)[1] for seed in ("1", "1", "2")]
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]


@pytest.mark.parametrize("operand", [0, 1])
def test_a_wrong_rule_fails_the_checks(run, monkeypatch, operand):
    op = OPS["multiply"]
    rules = list(op.rules)
    right = rules[operand]
    rules[operand] = lambda xp, g, _y, a, b: right(xp, g, _y, a, b) * 1.001
    monkeypatch.setattr(op, "rules", tuple(rules))
    monkeypatch.setattr(op, "plans", {})
    code, text = run()
    assert code == 1
    assert "WRONG" in text
    failed, passed = map(int, re.search(r"^(\d+) checks failed, (\d+) passed", text, re.M).groups())
    assert failed > 10
    assert passed > 10
    assert "All" not in text.splitlines()[-1]


def test_a_learning_rate_that_is_too_large(run):
    code, text = run("--alpha", "5")
    assert code == 1
    assert "--alpha 5 is too large" in text


def test_without_matplotlib(run, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    code, text = run()
    assert code == 0
    assert "install the extra viz" in text
    assert not list(tmp_path.rglob("*.png"))


def command(*options, **environment):
    return subprocess.run(
        [sys.executable, str(SCRIPT), *options],
        capture_output=True, text=True, env={**os.environ, **environment},
    )  # fmt: skip


def test_as_a_command(tmp_path):
    done = command("--output", str(tmp_path), POLYGRAD_DEVICE="strict:device1")
    assert done.returncode == 0, done.stderr
    assert "on strict:device1, seed 0" in done.stdout
    assert re.search(r"^All \d+ checks passed\.$", done.stdout, re.M)
    assert (tmp_path / "backprop_by_hand.png").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--device", "nowhere"), "--device: "),
        (("--device", "strict:device9"), "is not available"),
        (("--alpha", "-1"), "--alpha: got -1"),
        (("--alpha", "nan"), "--alpha: got nan"),
    ],
)
def test_bad_options(options, message):
    done = command(*options)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
