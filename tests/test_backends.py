"""The backend registry: entry points, third parties, and records that are broken."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import polygrad as pg
from polygrad import backend as registry
from polygrad.backend import Backend
from polygrad.errors import BackendError, DeviceError, DeviceUnavailableError

PLUGIN = Path(__file__).parent / "plugin"
QUICK = Path(__file__).parent / "without_peers"


def python(code, path=None, **environment):
    """Run a program in a process of its own, with ``path`` in front of what is installed."""
    paths = [QUICK] if path is None else [path, QUICK]
    environment["PYTHONPATH"] = os.pathsep.join(map(str, paths))
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The plugin, built and installed by pip into a folder of its own."""
    source = tmp_path_factory.mktemp("source") / "plugin"
    shutil.copytree(PLUGIN, source, ignore=shutil.ignore_patterns("__pycache__"))
    target = tmp_path_factory.mktemp("site")
    options = "--no-deps --no-build-isolation --no-index --no-cache-dir --quiet"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *options.split(), "--target", target, source],
        check=True,
    )
    return target


def test_a_third_party_backend_is_listed_with_its_devices(installed):
    done = python("import sys, polygrad.__main__ as m; sys.exit(m.main(['devices']))", installed)
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["slate", "3.1", "slate:upper", "3.0", "/", "6.0", "GiB"] in rows
    assert ["slate:lower", "3.0", "/", "6.0", "GiB"] in rows


def test_a_broken_entry_point_is_listed_with_its_reason_and_harms_nobody(installed):
    done = python(
        "import polygrad as pg\n"
        "print(pg.ones(2).tolist())\n"
        "try: pg.device('chipped')\n"
        "except pg.errors.DeviceUnavailableError as error: print(error)\n",
        installed,
    )
    assert done.returncode == 0, done.stderr
    values, reason = done.stdout.splitlines()
    assert values == "[1.0, 1.0]"
    assert "the entry point 'slate_polygrad:there_is_no_such_record' of slate-arrays 3.1" in reason
    assert "failed to load (AttributeError:" in reason


def test_the_checks_for_backends_run_on_a_third_partys(installed):
    code = (
        "import polygrad as pg\n"
        "for device in ('slate', 'slate:lower'):\n"
        "    report = pg.testing.conformance(device)\n"
        "    report.raise_failures()\n"
        "print(report, len(report.passed))\n"
    )
    done = python(code, installed)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) > 1000


def test_ops_and_gradients_run_on_a_third_party_backend(installed):
    code = """
import polygrad as pg

def loss(params, x, y):
    w, b = params
    return pg.mean((pg.tanh(x @ w) + b - y) ** 2) + pg.sum(w[:, 0] * w[0])

def numbers(value):
    return pg.tree.map(lambda leaf: leaf.tolist(), value)

def run(device):
    def array(value):
        return pg.asarray(value, device=device)
    params = (array([[0.1, -0.2], [0.3, 0.4]]), array([0.5, -0.5]))
    x, y = array([[1.0, 2.0], [3.0, -4.0]]), array([[0.0, 1.0], [1.0, 0.0]])
    value, grads = pg.value_and_grad(loss)(params, x, y)
    assert all(str(leaf.device) == device for leaf in (value, *grads)), device
    second = pg.grad(lambda w: pg.sum(pg.grad(loss)((w, params[1]), x, y)[0] ** 2))(params[0])
    _, slope = pg.jvp(lambda p: loss(p, x, y), (params,), (params,))
    return numbers([value, *grads, second, slope])

import slate
expected, found = run("cpu"), run("slate:lower")
assert found == expected, (found, expected)
assert type(pg.ones(2, device="slate:lower")._value) is slate.Slate

raw = slate.asarray([1.0, 2.0], device="lower")
gradient = pg.grad(lambda x: pg.sum(x**3))(raw)
assert type(gradient) is slate.Slate and gradient.device == "lower"
index = pg.asarray([0, 0, 1], device="slate:lower")
assert pg.grad(lambda x: pg.sum(x[index] * 2.0))(raw).host.tolist() == [4.0, 2.0]

for other in ("slate:upper", "cpu"):
    try:
        pg.ones(2, device="slate:lower") + pg.ones(2, device=other)
    except pg.errors.MixedArraysError as error:
        print(error)
try:
    pg.device("slate:middle")
except pg.errors.DeviceUnavailableError as error:
    print(error)
"""
    done = python(code, installed)
    assert done.returncode == 0, done.stderr
    devices, libraries, unknown = done.stdout.splitlines()
    assert "slate:lower and slate:upper" in devices
    assert "slate and numpy" in libraries
    assert "'slate:middle' is not available: a slate has the devices upper, lower" in unknown


def test_a_record_without_its_library_says_so(installed, tmp_path):
    shutil.copytree(installed, tmp_path / "site")
    (tmp_path / "site" / "slate.py").unlink()
    done = python("import polygrad as pg; pg.ones(1); pg.device('slate')", tmp_path / "site")
    assert "DeviceUnavailableError: device 'slate' is not available: pip install" in done.stderr


def entry_points(folder, name, source, *entries):
    """A distribution in ``folder`` with one module and some entry points."""
    (folder / f"{name}.py").write_text(source)
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[polygrad.backends]\n" + "\n".join(entries) + "\n")
    return folder


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("raise OSError('libfoo.so:\\n  not found')", "OSError: libfoo.so: not found"),
        ("import no_such_library_anywhere", "No module named 'no_such_library_anywhere'"),
        ("Record = dict", "is not an instance of polygrad.backend.Backend"),
        ("Record = None", "failed to load (TypeError:"),
        ("from polygrad.backend import Backend as Record", "has the name None"),
        (
            "from polygrad.backend import Backend\nclass Record(Backend):\n    name = 'odd'",
            "has array_classes=None, expected a tuple",
        ),
        (
            "from polygrad.backend import Backend\n"
            "class Record(Backend):\n    name, array_classes = 'odd', ()",
            "its check for the library failed (NotImplementedError",
        ),
        (
            "from polygrad.backend import Backend\n"
            "class Record(Backend):\n    name, array_classes = 'odd', ()\n"
            "    def unavailable(self): return None\n"
            "    def version(self): return 1 / 0\n"
            "    def device_names(self): raise RuntimeError('driver\\nasleep')",
            "its devices cannot be listed (RuntimeError: driver asleep)",
        ),
    ],
)
def test_every_way_to_be_broken_is_one_line_of_the_table(tmp_path, source, reason):
    entry_points(tmp_path, "oddities", source, "odd = oddities:Record")
    done = python(
        "import sys, polygrad as pg; from polygrad.__main__ import main\n"
        "assert pg.grad(lambda x: x * x)(3.0) == 6.0\n"
        "assert str(pg.device('auto')) and str(pg.devices()[0]) == 'cpu'\n"
        "sys.exit(main(['devices']))",
        tmp_path,
    )
    assert done.returncode == 0, done.stderr
    (row,) = [line for line in done.stdout.splitlines() if line.startswith("odd ")]
    assert "unavailable: " in row
    assert reason in row


def test_no_package_can_take_the_name_of_a_backend_of_polygrad(tmp_path):
    source = (
        "from polygrad.backend import Backend\n"
        "class Thief(Backend):\n    name, array_classes, host = 'numpy', ('numpy:ndarray',), True"
    )
    entry_points(tmp_path, "aaa_thief", source, "numpy = aaa_thief:Thief")
    done = python("import polygrad as pg; print(pg.ones(2).device.backend)", tmp_path)
    assert done.stdout.strip() == "<Backend numpy>", done.stderr


def test_an_entry_point_may_register_backends_while_it_loads(tmp_path):
    source = (
        "import polygrad as pg\nfrom polygrad.backend import Backend\n"
        "class First(Backend):\n    name, array_classes = 'first', ()\n"
        "class Second(First):\n    name = 'second'\n"
        "pg.register_backend(Second())\n"
    )
    entry_points(tmp_path, "pair", source, "first = pair:First")
    code = "import polygrad as pg; print(sorted(b.name for b in pg.backend.backends()))"
    done = python(code, tmp_path)
    assert all(f"'{name}'" in done.stdout for name in ("first", "second", "numpy")), done.stderr


def test_two_threads_find_the_same_registry():
    code = """
import threading, polygrad as pg
barrier, names = threading.Barrier(8), []
def look():
    barrier.wait()
    names.append(tuple(b.name for b in pg.backend.backends()))
threads = [threading.Thread(target=look) for _ in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]
assert len(names) == 8 and len(set(names)) == 1 and names[0][0] == 'numpy', names
"""
    done = python(code)
    assert done.returncode == 0, done.stderr


class Record(Backend):
    """As little as a backend can be."""

    name = "test-record"
    array_classes = ("no_such_module:Array",)

    def unavailable(self):
        return "it is part of a test"


@pytest.fixture
def clean_registry(monkeypatch):
    registry.backends()
    monkeypatch.setattr(registry, "_BACKENDS", dict(registry._BACKENDS))


def test_register_backend(clean_registry):
    first, second = Record(), Record()
    pg.register_backend(first)
    assert pg.backend.get_backend("test-record") is first
    pg.register_backend(second)  # not in use yet
    assert pg.backend.get_backend("test-record") is second
    with pytest.raises(DeviceUnavailableError, match="'test-record' is not available: it is part"):
        pg.device("test-record")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (Record, "got <class .*Record'>, expected an instance of polygrad.backend.Backend; subc"),
        (42, "got 42, expected an instance"),
        (type("Nameless", (Backend,), {"array_classes": ()})(), "a Nameless has the name None"),
        (type("Colon", (Record,), {"name": "a:b"})(), "has the name 'a:b', expected lower-case"),
        (type("Text", (Record,), {"array_classes": "m:A"})(), "array_classes='m:A', expected a tu"),
    ],
)
def test_register_backend_refuses_what_is_none(clean_registry, given, message):
    with pytest.raises(BackendError, match=message) as caught:
        pg.register_backend(given)
    assert isinstance(caught.value, LookupError)


def test_a_backend_in_use_is_not_replaced(clean_registry):
    pg.ones(1)
    impostor = type("Impostor", (Record,), {"name": "numpy"})()
    with pytest.raises(BackendError, match="'numpy' is registered and in use already"):
        pg.register_backend(impostor)


def test_an_unknown_backend_names_those_that_exist():
    with pytest.raises(DeviceError, match="unknown backend or device 'tensorflux'; expected one"):
        pg.backend.get_backend("tensorflux")


def test_a_data_type_that_a_backend_lacks():
    with pytest.raises(BackendError, match="the backend 'strict' has no bfloat16; use another"):
        pg.zeros(2, dtype=pg.bfloat16, device="strict")


def test_from_a_folder_that_is_not_installed(tmp_path):
    """A copied source folder has no entry points: the error says what to do."""
    code = (
        "import importlib.metadata as m; m.entry_points = lambda group: []\n"
        "import polygrad as pg\n"
        "for _ in range(2):\n"
        "    try: pg.ones(2)\n"
        "    except pg.errors.BackendError as error: print(error)"
    )
    done = python(code)
    assert done.stdout.count("run `pip install -e .` in the checkout") == 2, done.stderr


def test_every_record_is_complete():
    """No method of the protocol is left unwritten in the records that come with polygrad."""
    required = [
        "namespace",
        "unavailable",
        "version",
        "device_names",
        "find_device",
        "device_name",
        "from_host",
        "to_host",
    ]
    for backend in pg.backend.backends():
        missing = [n for n in required if getattr(type(backend), n) is getattr(Backend, n)]
        assert not missing, (backend, missing)
