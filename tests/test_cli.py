"""The command line: `polygrad devices`, `python -m polygrad devices`, `polygrad --version`."""

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import polygrad as pg
from polygrad import __main__ as cli

SCRIPT = Path(sysconfig.get_path("scripts")) / "polygrad"


QUICK = str(Path(__file__).parent / "without_peers")


def run(*arguments, script=False, path=QUICK, **environment):
    start = [str(SCRIPT)] if script else [sys.executable, "-m", "polygrad"]
    clean = {name: value for name, value in os.environ.items() if name != "POLYGRAD_DEVICE"}
    clean["PYTHONPATH"] = path
    return subprocess.run(
        [*start, *arguments], env={**clean, **environment}, capture_output=True, text=True
    )


def table(output):
    """The rows as (backend, version, device, rest); continued rows repeat the backend."""
    lines = output.split("\n\n")[0].splitlines()
    starts = [match.start() for match in re.finditer(r"\S+(?: \S+)*", lines[0])]
    rows, name = [], ""
    for line in lines[1:]:
        cells = [line[a:b].strip() for a, b in zip(starts, [*starts[1:], None], strict=True)]
        name = cells[0] or name
        rows.append((name, *cells[1:]))
    return rows


@pytest.mark.parametrize("script", [False, True])
def test_devices_lists_every_backend(script):
    if script and not SCRIPT.exists():
        pytest.skip("polygrad's console script is not installed beside this Python")
    done = run("devices", script=script)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    rows = table(done.stdout)
    assert {row[0] for row in rows} >= {"numpy", "cupy", "strict"}
    (numpy,) = [row for row in rows if row[0] == "numpy"]
    import numpy as np

    assert numpy[1:3] == (np.__version__, "cpu *")
    assert done.stdout.endswith("* new arrays are made on cpu\n")


def test_every_usable_device_has_a_row_and_every_other_backend_its_reason():
    rows = table(run("devices", path="").stdout)
    listed = {row[2].removesuffix(" *") for row in rows} - {"-"}
    assert listed == {str(device) for device in pg.devices()}
    for backend in pg.backend.backends():
        reason = pg.backend.why_unavailable(backend)
        if reason is not None:
            (row,) = [row for row in rows if row[0] == backend.name]
            assert row[2] == "-"
            assert row[3].startswith("unavailable: ")


def test_memory_of_the_host_is_plausible():
    if not Path("/proc/meminfo").exists():
        pytest.skip("the host's memory is known on Linux only")
    (row,) = [row for row in table(run("devices").stdout) if row[0] == "numpy"]
    free, total = re.fullmatch(r"([\d.]+) / ([\d.]+) GiB", row[3]).groups()
    assert 0 < float(free) <= float(total)


def test_the_star_follows_the_environment_variable():
    done = run("devices", POLYGRAD_DEVICE="strict:device1")
    assert "strict:device1 *" in done.stdout
    assert "cpu *" not in done.stdout
    assert done.stdout.endswith("* new arrays are made on strict:device1\n")


@pytest.mark.parametrize("name", ["nonsense", "strict:attic", "cpu:3", "missing:0"])
def test_a_wrong_device_is_one_line_and_no_traceback(name):
    done = run("devices", POLYGRAD_DEVICE=name)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    start = f"polygrad devices: error: environment variable POLYGRAD_DEVICE={name!r}: "
    assert line.startswith(start)
    assert "numpy " in done.stdout  # the table helps to choose
    assert "*" not in done.stdout


def test_an_unavailable_device_gives_the_reason_and_the_remedy():
    if "cuda:0" in map(str, pg.devices()):
        pytest.skip("CUDA is available here")
    done = run("devices", POLYGRAD_DEVICE="cuda")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "device 'cuda' is not available: " in line
    assert "cupy" in line.lower()


def test_a_registry_that_does_not_load_is_an_error_not_a_traceback(capsys, monkeypatch):
    def fail():
        raise pg.errors.BackendError("no backend for host memory is registered")

    monkeypatch.setattr(cli, "backends", fail)
    assert cli.main(["devices"]) == 1
    assert capsys.readouterr().err == (
        "polygrad devices: error: no backend for host memory is registered\n"
    )


def test_memory_that_cannot_be_read_does_not_hide_the_device(capsys, monkeypatch):
    def fail(device):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(pg.device("cpu").backend, "memory", fail, raising=False)
    assert cli.main(["devices"]) == 0
    assert ("numpy", "unknown (RuntimeError)") in [
        (row[0], row[3]) for row in table(capsys.readouterr().out)
    ]


def test_version():
    done = run("--version")
    assert done.returncode == 0
    assert done.stdout == f"polygrad {pg.__version__}\n"
    from importlib.metadata import version

    assert version("polygrad-xp") == pg.__version__


@pytest.mark.parametrize("arguments", [[], ["device"], ["devices", "--loud"]])
def test_wrong_usage(arguments):
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: polygrad")
    assert "Traceback" not in done.stderr


def test_help_names_the_command():
    assert "devices" in run("--help").stdout
