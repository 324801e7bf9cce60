"""The example on scan: the same gradient in less memory, and springs that are found."""

import importlib.util
import pathlib
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import polygrad as pg

SCRIPT = pathlib.Path(__file__).parents[1] / "examples" / "fit_springs.py"


def _load() -> Any:
    spec = importlib.util.spec_from_file_location("fit_springs", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


springs = _load()


@pytest.mark.parametrize("device", ["cpu", "strict:device1"])
def test_the_gradient_is_that_of_finite_differences(device: str) -> None:
    with pg.device(device):
        _, start, recorded = springs.experiment(12)
        ones = pg.ones((springs.MASSES + 1,), dtype="float64")
        pg.testing.check_grads(
            lambda k: springs.motion(k, recorded, start, True)[0], (ones,), modes="rev"
        )


def test_the_springs_are_found() -> None:
    stiffness, start, recorded = springs.experiment(60)
    found, misfits = springs.fit(recorded, start, 150)
    assert misfits[-1] < 1e-4 * misfits[0]
    np.testing.assert_allclose(pg.to_numpy(found), pg.to_numpy(stiffness), rtol=0.05)


def test_the_command_line() -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--steps", "400", "--iterations", "2"],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    peaks = [float(mb) for mb in re.findall(r"([\d.]+) MB at the peak", done.stdout)]
    assert peaks[1] < peaks[0] / 4
    gap = re.search(r"two gradients: (\S+)", done.stdout)
    assert gap is not None
    assert float(gap[1]) < 1e-12


@pytest.mark.parametrize("arguments", [["--steps", "0"], ["--device", "nowhere"]])
def test_bad_arguments(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, timeout=60
    )
    assert done.returncode != 0
    assert "error:" in done.stderr
    assert "Traceback" not in done.stderr
