"""What is taken for granted of the inside of NumPy, SciPy and scikit-learn, and what tells of it.

The first three tests fail where a release changed it: the lines that they show name what changed.
"""

import inspect
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import scipy.integrate
import scipy.interpolate
import scipy.linalg
import scipy.ndimage
import scipy.signal
import scipy.spatial
import scipy.stats
import sklearn.utils

import polygrad as pg
from polygrad.backends import numpy_native
from polygrad.errors import BackendError, UpstreamWarning
from polygrad.scipy_functions import scipy_internals, sklearn_internals

ROOT = Path(__file__).parent.parent


def test_scipy_is_as_expected():
    assert scipy_internals.changes() == []


def test_scikit_learn_is_as_expected():
    assert sklearn_internals.changes() == []


def test_numpy_is_as_expected():
    assert numpy_native.changes() == []


METHODS = [
    f"{module}.{name}.{method}"
    for module, owners in scipy_internals.METHODS.items()
    for name, methods in owners.items()
    for method in methods
]


@pytest.mark.parametrize("path", METHODS)
def test_a_method_that_is_gone_is_named(monkeypatch, path):
    module, name, method = path.rsplit(".", 2)
    public = getattr(sys.modules[module], name)
    cls = public if isinstance(public, type) else type(public)
    for owner in (public, cls, *cls.__mro__, *scipy_internals.workers(cls)):
        for base in owner.__mro__ if isinstance(owner, type) else [owner]:
            if method in vars(base):
                monkeypatch.delattr(base, method)
    assert f"{path}: expected a method, is not there" in scipy_internals.changes()


@pytest.fixture
def raw_finder(monkeypatch):
    """SciPy's functions look for namespaces as if its copy of array-api-compat was not found."""
    copies = [name for name in sys.modules if scipy_internals.is_namespace_finder(name)]
    raw = inspect.unwrap(sys.modules[copies[0]].array_namespace)
    places = []
    for name, module in list(sys.modules.items()):
        public = name.startswith("scipy.") and not name.startswith(scipy_internals.HELPERS)
        if public and "array_namespace" in vars(module):
            monkeypatch.setattr(module, "array_namespace", raw)
            places.append(module)
    assert places
    return places


def test_a_finder_under_another_name_is_named_and_extended_by_what_it_does(raw_finder):
    found = scipy_internals.changes()
    assert any("beside a NumPy array" in line and "array_namespace" in line for line in found)
    scipy_internals._mix_wherever_used()
    assert not any("beside a NumPy array" in line for line in scipy_internals.changes())
    one = pg.ones(2)
    assert all(module.array_namespace(one, np.ones(2)) is pg for module in raw_finder)


def test_functions_that_moved_are_named(monkeypatch):
    monkeypatch.setattr(scipy_internals, "ARRAY_HELPERS", ("scipy._elsewhere",))
    assert any("expected a function of scipy._elsewhere" in c for c in scipy_internals.changes())


def test_missing_tables_copies_and_policies_are_named(monkeypatch):
    policies = sys.modules[scipy_internals.NAN_POLICIES]
    monkeypatch.setattr(policies, "is_numpy", policies.is_numpy.__wrapped__)
    monkeypatch.setattr(scipy_internals, "is_numpy_copy", lambda name: False)
    monkeypatch.setattr(scipy_internals, "_tables", lambda function: iter(()))
    found = "\n".join(scipy_internals.changes())
    for name in (
        "_axis_nan_policy.is_numpy: expected to take polygrad, is a",
        "array_api_compat.numpy: expected a copy",
        "xp_capabilities_table: expected a dict",
    ):
        assert name in found


def test_a_change_is_told_once_with_the_version(monkeypatch):
    monkeypatch.setattr(scipy_internals, "_checked", set())
    monkeypatch.setattr(scipy_internals, "_told", set())
    monkeypatch.setattr(scipy, "__version__", "9.8.7")
    monkeypatch.setitem(scipy_internals.METHODS["scipy.stats"], "rv_continuous", ("_shed",))
    x = pg.asarray([0.5])
    with pytest.warns(UpstreamWarning, match=r"SciPy 9\.8\.7.*rv_continuous\._shed.*not there"):
        scipy.stats.norm.pdf(x)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UpstreamWarning)
        scipy.stats.norm.pdf(x)
        scipy.signal.detrend(pg.ones(4))


def test_a_copy_that_scikit_learn_hides_is_told(monkeypatch):
    monkeypatch.setattr(scipy_internals, "_told", set())
    monkeypatch.setattr(sklearn_internals, "_is_copy", lambda name: False)
    with pytest.warns(UpstreamWarning, match=rf"scikit-learn {sklearn.__version__}.*not there"):
        sklearn_internals.extend(sklearn.utils)


def test_a_numpy_that_lies_elsewhere_is_told_and_answers_stay(monkeypatch):
    numpy_native.layout.cache_clear()
    numpy_native._tell.cache_clear()
    monkeypatch.setattr(np._core._multiarray_umath, "_ARRAY_API", None)
    with (
        pytest.warns(UpstreamWarning, match=rf"NumPy {np.__version__}.*_ARRAY_API.*is not there"),
        pytest.raises(BackendError, match="_ARRAY_API: expected a PyCapsule, is not there"),
    ):
        numpy_native.layout()
    monkeypatch.undo()
    assert numpy_native.layout().new


UNKNOWN = """
import warnings, numpy as np, polygrad as pg
from polygrad.scipy_functions import scipy_internals
scipy_internals.is_namespace_finder = lambda name, host="scipy": False
import scipy.stats, scipy.signal
x, y = np.array([0.3, 1.2, 0.7, 2.0]), np.array([1.0, 0.5, 2.0, 0.1])
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for _ in range(2):
        try:
            print(pg.grad(lambda x: scipy.signal.correlate(x, y)[2])(x).tolist())
            print(pg.grad(lambda x: scipy.stats.pearsonr(x, y)[0])(x).tolist())
        except Exception as error:
            print(type(error).__name__, error)
told = [str(w.message) for w in caught if w.category is pg.errors.UpstreamWarning]
print("told", len(told), *told)
"""


def test_a_scipy_whose_copy_is_not_found_loses_nothing_in_silence():
    run = subprocess.run([sys.executable, "-c", UNKNOWN], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    *answers, told = run.stdout.splitlines()
    right = pg.grad(lambda x: scipy.stats.pearsonr(x, np.array([1.0, 0.5, 2.0, 0.1]))[0])
    expected = right(np.array([0.3, 1.2, 0.7, 2.0])).tolist()
    np.testing.assert_allclose(eval(answers[1]), expected)
    np.testing.assert_allclose(eval(answers[3]), expected)
    assert told.startswith(("told 0", "told 1"))


INSIDE = re.compile(r"scipy\._|sklearn\.(externals|utils)|(np|numpy)\._core|_multiarray|\._lib\b")
FILES = {
    "polygrad/scipy_functions/scipy_internals.py",
    "polygrad/scipy_functions/sklearn_internals.py",
    "backends/numpy_native.py",
}


def test_the_inside_of_a_library_is_known_to_one_file():
    sources = [*(ROOT / "polygrad").rglob("*.py"), *(ROOT / "backends").rglob("*.py")]
    found = {
        str(path.relative_to(ROOT))
        for path in sources
        if INSIDE.search(path.read_text(encoding="utf-8"))
    }
    assert found == FILES
