"""tools/conformance.py, on a small suite of its own."""

import importlib.util
import pathlib
from typing import Any

import pytest

TOOL = pathlib.Path(__file__).parent.parent / "tools" / "conformance.py"
CONFTEST = """
def pytest_addoption(parser):
    for name in ("--max-examples", "--skips-file", "--xfails-file"):
        parser.addoption(name)
    parser.addoption("--disable-deadline", action="store_true")
"""
GOOD = """
import os, pytest
xp = pytest.importorskip(os.environ["ARRAY_API_TESTS_MODULE"])

def test_version():
    assert xp.__array_api_version__ == os.environ["ARRAY_API_TESTS_VERSION"]

def test_device():
    assert xp.ones(1).device.backend.name == {"cpu": "numpy"}.get(DEVICE, DEVICE)

DEVICE = os.environ["POLYGRAD_DEVICE"]

@pytest.mark.skip
def test_skipped():
    pass
"""
BAD = (
    GOOD
    + """
def test_that_fails():
    assert DEVICE == "cpu"
"""
)


@pytest.fixture
def tool() -> Any:
    spec = importlib.util.spec_from_file_location("conformance", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _suite(folder: pathlib.Path, tests: str) -> str:
    (folder / "array_api_tests").mkdir()
    (folder / "array-api" / "spec").mkdir(parents=True)
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "array_api_tests" / "test_it.py").write_text(tests)
    return str(folder)


def test_all_pass(tool: Any, tmp_path: pathlib.Path, capsys: Any) -> None:
    suite = _suite(tmp_path, GOOD)
    assert tool.main([suite, "--version", "2024.12", "--version", "2025.12"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[1:] == [
        [backend, version, "2", "0", "0", "1"]
        for version in ("2024.12", "2025.12")
        for backend in ("cpu", "strict")
    ]


def test_a_failure_is_named(tool: Any, tmp_path: pathlib.Path, capsys: Any) -> None:
    assert tool.main([_suite(tmp_path, BAD)]) == 1
    shown = capsys.readouterr()
    assert "array_api_tests.test_it::test_that_fails" in shown.out
    assert shown.out.splitlines()[2].split() == ["strict", "2024.12", "2", "1", "0", "1"]
    assert "assert DEVICE ==" in shown.err


def test_a_suite_that_cannot_run(tool: Any, tmp_path: pathlib.Path, capsys: Any) -> None:
    assert tool.main([_suite(tmp_path, "import no_such_module")]) == 1
    assert "cpu         2024.12          0       0       1" in capsys.readouterr().out
    assert tool.main([_suite_without_tests(tmp_path)]) == 1
    assert "pytest ended with exit status 5" in capsys.readouterr().out


def _suite_without_tests(folder: pathlib.Path) -> str:
    (folder / "array_api_tests" / "test_it.py").unlink()
    return str(folder)


def test_no_suite(tool: Any, tmp_path: pathlib.Path, capsys: Any) -> None:
    assert tool.main([str(tmp_path)]) == 2
    assert "holds no array_api_tests/" in capsys.readouterr().err
    (tmp_path / "array_api_tests").mkdir()
    assert tool.main([str(tmp_path)]) == 2
    assert "git submodule update --init" in capsys.readouterr().err
