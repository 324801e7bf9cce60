"""The main job: whole training runs, on every device, and its command line."""

import importlib.util
import pathlib
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from op_driver import DEVICES, on

import polygrad as pg

SCRIPT = pathlib.Path(__file__).parents[1] / "examples" / "train_digits.py"


def _load() -> Any:
    spec = importlib.util.spec_from_file_location("train_digits", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["train_digits"] = module  # where its dataclass looks itself up
    spec.loader.exec_module(module)
    return module


digits = _load()


def _run(*arguments: Any, cwd: pathlib.Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=300,
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The command `make train` runs, and the folder of its results."""
    folder = tmp_path_factory.mktemp("digits")
    return _run("--device", "cpu", "--output", folder / "new" / "run", cwd=folder), folder


def test_the_main_job_reaches_97_percent(finished: Any) -> None:
    done, _ = finished
    assert done.returncode == 0, done.stderr
    assert "epoch" not in done.stderr, "a progress bar without a terminal"
    last = done.stdout.strip().splitlines()[-1]
    found = re.fullmatch(
        r"device cpu: ([\d,]+) examples per second, test accuracy (\d+\.\d+)%", last
    )
    assert found is not None, last
    assert int(found[1].replace(",", "")) > 100
    assert float(found[2]) >= 97.0


def test_its_results_are_there_and_reload(finished: Any) -> None:
    done, folder = finished
    output = folder / "new" / "run"
    assert sorted(path.name for path in output.iterdir()) == ["curve.png", "weights.safetensors"]
    assert (output / "curve.png").read_bytes().startswith(b"\x89PNG\r\n")
    assert (output / "curve.png").stat().st_size > 20_000
    reported = float(re.search(r"accuracy (\d+\.\d+)%", done.stdout)[1])  # type: ignore[index]
    for device in ("cpu", "strict:device1"):
        model = pg.io.load(output / "weights.safetensors", digits.new_model(99, device))
        _, test = digits.load_data(device)
        assert 100 * digits.accuracy(model, *test) == pytest.approx(reported, abs=0.3)
    blank = digits.accuracy(digits.new_model(99), *digits.load_data()[1])
    assert blank < 0.5


def test_the_test_digits_are_held_out() -> None:
    (pixels, labels), (held, wanted) = digits.load_data("cpu", "float64")
    assert (pixels.shape, held.shape) == ((1437, 64), (360, 64))
    assert (len(labels), len(wanted)) == (1437, 360)
    assert pg.max(pixels).item() == 1.0
    seen = {tuple(row) for row in pixels.tolist()}
    assert not any(tuple(row) in seen for row in held.tolist())


# Dask only plans: over the hundreds of steps of a run its plan outgrows the computation.
EAGER = [d for d in DEVICES if d != "cpu" and getattr(d, "values", ()) != ("dask",)]


@pytest.mark.parametrize("device", EAGER)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-9), ("float32", 2e-3)])
def test_runs_agree_step_by_step(device: str, dtype: str, tolerance: float) -> None:
    """The same seed gives the same losses on every device, to rounding that adds up."""
    options = {"epochs": 3, "seed": 4, "dtype": dtype}
    expected = digits.train("cpu", **options)
    with on(device) as place:
        found = digits.train(device, **options)
        assert found.device == place
        assert {leaf.device for leaf in pg.tree.leaves(found.model)} == {place}
    assert len(found.losses) == len(expected.losses) == 3 * 23
    np.testing.assert_allclose(found.losses, expected.losses, rtol=tolerance, atol=tolerance / 10)
    np.testing.assert_allclose(found.test_accuracy, expected.test_accuracy, atol=0.01)
    assert found.examples == expected.examples == 3 * 1437
    assert expected.losses[-1] < 0.3 < 2.0 < expected.losses[0]


def test_the_options_count() -> None:
    base = digits.train(epochs=1)
    assert digits.train(epochs=1).losses == base.losses
    assert digits.train(epochs=1, seed=1).losses[0] != base.losses[0]
    assert digits.train(epochs=1, lr=1e-4).losses[-1] > base.losses[-1]
    assert len(digits.train(epochs=1, batch_size=500).losses) == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--device", "abacus"), r"'abacus'; expected one of 'auto', 'cpu'"),
        (("--device", "strict:device9"), "device9"),
        (("--epochs", "0"), r"argument --epochs: got '0', expected an integer from 1"),
        (("--epochs", "many"), r"argument --epochs: got 'many'"),
        (("--lr", "nan"), r"argument --lr: got 'nan', expected a number above 0"),
        (("--lr", "-1"), "argument --lr"),
        (("--batch-size", "0"), "argument --batch-size"),
        (("--seed", "-1"), "argument --seed"),
        (("--dtype", "int8"), "argument --dtype"),
        (("--colour",), "unrecognized arguments: --colour"),
        (("--lr", "1e30", "--epochs", "1"), r"the loss became .* in epoch 1; try a smaller --lr"),
        (("--output", SCRIPT / "folder"), "train_digits.py"),
    ],
)
def test_bad_arguments_give_one_line(
    arguments: tuple[Any, ...],
    words: str,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        digits.main([str(argument) for argument in arguments])
    # argparse prints its line and exits with 2; the others leave it to SystemExit.
    text = capsys.readouterr().err if stopped.value.code == 2 else f"{stopped.value.code}\n"
    assert re.fullmatch(rf"error: [^\n]*{words}[^\n]*\n", text), text
    assert not list(tmp_path.rglob("*.safetensors"))


@pytest.mark.parametrize(
    "arguments", [("--device", "abacus"), ("--epochs", "0"), ("--lr", "1e30", "--epochs", "1")]
)
def test_an_error_ends_the_process_without_a_traceback(
    arguments: tuple[str, ...], tmp_path: pathlib.Path
) -> None:
    done = _run(*arguments, cwd=tmp_path)
    assert done.returncode != 0
    assert done.stdout == ""
    assert re.fullmatch(r"error: [^\n]+\n", done.stderr)


def test_an_absent_gpu_is_one_line(tmp_path: pathlib.Path) -> None:
    try:
        pg.device("cuda")
    except pg.errors.DeviceUnavailableError:
        done = _run("--device", "cuda", cwd=tmp_path)
        assert done.returncode != 0
        assert re.fullmatch(r"error: device 'cuda' is not available: [^\n]+\n", done.stderr)
    else:
        pytest.skip("a GPU is there")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_whole_runs_agree_between_devices(seed: int) -> None:
    """The main job at full length: the same losses in every step, and 97 % on every device."""
    expected = digits.train("cpu", seed=seed, dtype="float64")
    found = digits.train("strict:device1", seed=seed, dtype="float64")
    np.testing.assert_allclose(found.losses, expected.losses, rtol=1e-6, atol=1e-7)
    assert min(found.test_accuracy[-1], expected.test_accuracy[-1]) >= 0.97
