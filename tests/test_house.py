"""The house rules: which way imports go, what an import loads, and what the wheel holds."""

import ast
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CORE = ROOT / "polygrad"

# Each layer may import those above it, and itself.
LAYERS = [
    {"errors", "locks", "places"},
    {"dtypes", "tree", "standard", "corrections", "additions", "functional"},
    {"backend_record"},
    {"generic_backend"},
    {"backend"},
    {"device"},
    {"array"},
    {"core"},
    {"ops"},
    {"numpy_functions", "torch_functions", "transforms"},
    {"scipy_functions"},
    {"compile", "explain", "implicit", "random"},
    {"data", "interop", "io", "nn", "optim", "testing"},
]
LIBRARIES = {
    "array_api_compat", "array_api_strict", "cupy", "cupyx", "dask", "jax", "numba", "numpy",
    "pandas", "scipy", "tensorflow", "torch",
}  # fmt: skip
POSIX_ONLY = {"fcntl", "grp", "posix", "pwd", "resource", "syslog", "termios", "tty"}


def imports(path):
    """The modules a file imports anywhere in it, functions included, with line numbers."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            if node.module == "polygrad":
                yield from ((f"polygrad.{alias.name}", node.lineno) for alias in node.names)
            else:
                yield node.module, node.lineno
        elif isinstance(node, ast.Call) and node.args:
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            given = node.args[0]
            if name in ("import_module", "__import__") and isinstance(given, ast.Constant):
                yield given.value, node.lineno


SOURCES = sorted(CORE.rglob("*.py"))


def unit(module):
    """The part of the house a module belongs to: the first name below polygrad."""
    return module.split(".")[1]


def layer(name):
    return next((i for i, names in enumerate(LAYERS) if name in names), None)


def test_every_part_of_the_house_has_its_layer():
    parts = {p.relative_to(CORE).parts[0].removesuffix(".py") for p in SOURCES}
    assert parts - {"__init__", "__main__"} == set().union(*LAYERS)


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_flow_one_way(path):
    own = path.relative_to(CORE).parts[0].removesuffix(".py")
    if own in ("__init__", "__main__"):
        return  # the face and the command line see the whole house
    for module, line in imports(path):
        if module.split(".")[0] == "polygrad":
            assert module != "polygrad", f"{path}:{line} imports the face of the package"
            other = unit(module)
            assert layer(other) is not None, f"{path}:{line} imports {module}"
            assert layer(other) <= layer(own), f"{path}:{line}: {own} imports {other}, below it"
            same = layer(other) == layer(own)
            assert not same or other == own or own in ("data", "explain", "io", "nn", "optim"), (
                f"{path}:{line}: {own} imports its neighbour {other}"
            )


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_core_imports_no_array_library_and_no_backend(path):
    for module, line in imports(path):
        top = module.split(".")[0]
        assert top not in LIBRARIES, f"{path}:{line} imports {module}"
        assert top not in POSIX_ONLY, f"{path}:{line} imports {module}, which Windows lacks"
        assert not module.startswith("polygrad.backends"), f"{path}:{line} imports a backend"


def module_name(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def circles(graph):
    """The sets of modules that import each other, by any way round."""

    def reached(start):
        found, waiting = set(), [start]
        while waiting:
            for other in graph[waiting.pop()] - found:
                found.add(other)
                waiting.append(other)
        return found

    below = {name: reached(name) for name in graph}
    return {frozenset(o for o in below[n] if n in below[o]) for n in graph if n in below[n]}


def test_no_modules_import_each_other():
    """Late imports inside of functions count too."""
    modules = {module_name(path): path for path in SOURCES}
    graph = {}
    for name, path in modules.items():
        found = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                whole = [f"{node.module}.{alias.name}" for alias in node.names]
                found.update(m if m in modules else node.module for m in whole)
        graph[name] = (found & set(modules)) - {name}
    assert not circles(graph)


def test_a_circle_is_seen():
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}
    assert circles(graph) == {frozenset("bc")}


def test_the_walk_sees_imports(tmp_path):
    """The check itself: every way to import is seen."""
    file = tmp_path / "sample.py"
    file.write_text(
        "import numpy.linalg\nfrom polygrad import ops, tree\n"
        "def f():\n    from scipy import fft\n    importlib.import_module('torch')\n"
    )
    found = {module for module, _ in imports(file)}
    assert found == {"numpy.linalg", "polygrad.ops", "polygrad.tree", "scipy", "torch"}


@pytest.mark.parametrize(
    "path",
    [*SOURCES, *sorted((ROOT / "backends").glob("*.py"))],
    ids=lambda p: str(p.relative_to(ROOT)),
)
def test_files_stay_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) < 400


def test_backends_import_of_polygrad_only_what_a_record_needs():
    for path in (ROOT / "backends").glob("*.py"):
        for module, line in imports(path):
            if module.split(".")[0] == "polygrad" and unit(module) != "backends":
                assert unit(module) in (
                    "additions",
                    "backend",
                    "corrections",
                    "device",
                    "dtypes",
                    "errors",
                    "locks",
                    "places",
                ), (  # fmt: skip
                    f"{path}:{line} imports {module}"
                )


def test_nobody_is_told_to_install_another_project():
    """`polygrad` on PyPI is someone else's; the distribution is polygrad-xp."""
    wrong = re.compile(r"pip3? install +(-\S+ +)*['\"]?polygrad(?!-xp)")
    for path in ROOT.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(ROOT).parts)
        text = path.suffix in (".py", ".md", ".toml", ".txt") and path.is_file()
        if text and not hidden and path != Path(__file__):
            assert not wrong.search(path.read_text(encoding="utf-8")), path


# -- what an import loads ------------------------------------------------------------------------


def loaded(code):
    """The top-level modules that a program loads beyond those of an empty one."""
    program = (
        "import sys; before = set(sys.modules)\n" + code + "\n"
        "print(*sorted({n.split('.')[0] for n in set(sys.modules) - before}), "
        "len(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    *names, count = done.stdout.split()
    return set(names), int(count)


def test_import_polygrad_loads_no_array_library():
    names, _ = loaded("import polygrad")
    foreign = names - set(sys.stdlib_module_names) - {"polygrad"}
    foreign = {name for name in foreign if not name.startswith(("_", "__editable__"))}
    assert foreign <= {"optree", "typing_extensions"}


def test_import_polygrad_loads_fewer_modules_than_numpy():
    """Times are for the benchmark; what they come from can be counted."""
    assert loaded("import polygrad")[1] < loaded("import numpy")[1]


def test_every_public_module_loads_without_an_array_library():
    code = "import polygrad as pg\nfor name in pg.__all__: getattr(pg, name)"
    assert not loaded(code)[0] & LIBRARIES


def test_a_computation_on_the_cpu_loads_numpy_and_no_other_library():
    code = (
        "import polygrad as pg\n"
        "x = pg.asarray([[1.0, 2.0], [3.0, 4.0]])\n"
        "pg.grad(lambda x: pg.sum(pg.tanh(x @ x) * pg.softmax(x)) + pg.max(x[0]))(x)"
    )
    names = loaded(code)[0] & LIBRARIES
    assert names == {"numpy", "array_api_compat"}


def test_find_a_third_party_backend_without_importing_its_library():
    code = "import polygrad as pg\nassert len(pg.backend.backends()) >= 3"
    assert not loaded(code)[0] & LIBRARIES


# -- the wheel -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from a copy of the sources: building writes beside them."""
    source = tmp_path_factory.mktemp("source")
    junk = shutil.ignore_patterns("__pycache__", "*.pyc")
    for name in ("polygrad", "backends"):
        shutil.copytree(ROOT / name, source / name, ignore=junk)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    out = tmp_path_factory.mktemp("wheel")
    options = "--no-deps --no-build-isolation --no-index --no-cache-dir --quiet"
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *options.split(), "--wheel-dir", out, source],
        check=True,
    )
    (found,) = out.iterdir()
    return found


def test_the_wheel_is_pure_and_small(wheel):
    assert re.fullmatch(r"polygrad_xp-[\d.]+\w*-py3-none-any\.whl", wheel.name)
    assert wheel.stat().st_size < 1_000_000


def test_the_wheel_holds_only_polygrad(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    tops = {name.split("/")[0] for name in names}
    (info,) = tops - {"polygrad"}
    assert info.endswith(".dist-info")
    for folder, package in ((CORE, "polygrad"), (ROOT / "backends", "polygrad/backends")):
        for path in folder.rglob("*.py"):
            assert f"{package}/{path.relative_to(folder).as_posix()}" in names
    assert "polygrad/py.typed" in names
    assert f"{info}/licenses/LICENSE" in names
    assert not [name for name in names if "test" in name and not name.startswith("polygrad/test")]


def test_the_wheel_works_where_it_is_installed(wheel, tmp_path):
    target = tmp_path / "site"
    options = "--no-deps --no-index --no-cache-dir --quiet --no-compile"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *options.split(), "--target", target, wheel],
        check=True,
    )
    code = (
        "import polygrad as pg, polygrad.backends.numpy as backend, pathlib\n"
        "print(pg.__file__); print(backend.__file__)\n"
        "print(pg.grad(lambda x: pg.sum(x * x))(pg.asarray([1.0, 2.0])).tolist())\n"
        "try: import backends\n"
        "except ImportError: print('no top-level backends')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(target)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    face, backend, gradient, top = done.stdout.splitlines()
    assert Path(face).is_relative_to(target)
    assert Path(backend).is_relative_to(target / "polygrad" / "backends")
    assert gradient == "[2.0, 4.0]"
    assert top == "no top-level backends"
    script = target / "bin" / "polygrad"
    if script.exists():
        done = subprocess.run(
            [sys.executable, script, "--version"],
            env={**os.environ, "PYTHONPATH": str(target)},
            capture_output=True,
            text=True,
        )
        assert done.stdout.startswith("polygrad ")


def test_a_group_of_data_types_is_never_looked_for_in_kind() -> None:
    # dtype.kind is NumPy's letter: a comparison with the standard's name would be False unseen.
    names = r"(bool|(un)?signed integer|real floating|complex floating|integral)"
    wrong = re.compile(rf"\.kind\)? *(==|!=|in|not in) *\(?\"{names}\"|\"{names}\" *(in|not in) *[\w.()]*\.kind")  # fmt: skip # noqa: E501
    for path in [*(ROOT / "polygrad").rglob("*.py"), *(ROOT / "backends").rglob("*.py")]:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            assert not wrong.search(line), f"{path}:{number}: read dtype.group: {line.strip()}"
