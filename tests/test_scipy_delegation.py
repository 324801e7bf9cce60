"""How calls of SciPy's functions come to polygrad, and when they do not."""

import importlib
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import scipy.interpolate
import scipy.linalg
import scipy.ndimage
import scipy.signal
import scipy.special
import scipy.stats
from sklearn import config_context, metrics

import polygrad as pg
from polygrad.errors import LostGradientError, NonDifferentiableError
from polygrad.scipy_functions import names, rerun, table

X = np.array([0.7, -1.3, 2.1, 0.4, -0.6, 1.5])


def python(program, **environment):
    """What a program prints, with SciPy's switch as given."""
    plain = {k: v for k, v in os.environ.items() if k != "SCIPY_ARRAY_API"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=plain | environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    "imports",
    [
        "import polygrad as pg; from scipy import signal",
        "from scipy import signal; import polygrad as pg",
        "import polygrad as pg; import scipy.signal as signal",
        "import polygrad as pg\ndef late():\n    import scipy.signal as s\n    return s.detrend",
    ],
)
def test_the_order_of_imports_does_not_matter(imports):
    name = "late()" if "late" in imports else "signal.detrend"
    program = f"{imports}\nimport numpy as np\nx = np.array([1.0, 4.0, 2.0, 0.0])\n" + (
        f"print(pg.grad(lambda x: pg.sum({name}(x)[:2] ** 2))(x).tolist())"
    )
    found = np.array(eval(python(program, SCIPY_ARRAY_API="1")))
    x = np.array([1.0, 4.0, 2.0, 0.0])
    eye = np.eye(4)
    projection = scipy.signal.detrend(eye, axis=0)
    kept = projection.copy()
    kept[2:] = 0
    np.testing.assert_allclose(found, 2 * projection.T @ kept @ x, atol=1e-12)


def test_without_the_switch_scipy_is_left_alone():
    program = (
        "import polygrad as pg, scipy.signal, scipy.linalg, numpy as np\n"
        "names = [scipy.signal.detrend.__module__, scipy.linalg.det.__module__]\n"
        "try: pg.grad(lambda x: pg.sum(scipy.signal.detrend(x)))(np.ones(4))\n"
        "except pg.errors.LostGradientError: names.append('LostGradientError')\n"
        "print(*names)"
    )
    for switch in ({}, {"SCIPY_ARRAY_API": "0"}):
        assert python(program, **switch) == (
            "scipy.signal._signaltools scipy.linalg._basic LostGradientError"
        )


def test_importing_polygrad_imports_no_scipy():
    program = "import polygrad, sys; print('scipy' in sys.modules)"
    assert python(program, SCIPY_ARRAY_API="1") == "False"


def test_numpy_arrays_go_to_scipys_own_code():
    for function, args in (
        (scipy.signal.detrend, (X,)),
        (scipy.linalg.det, (np.eye(3) * 2,)),
        (scipy.ndimage.gaussian_filter, (X, 1.0)),
        (scipy.stats.norm.pdf, (X,)),
    ):
        found = function(*args)
        assert type(found) is not pg.Array
        inner = getattr(function, "__wrapped__", None) or type(function.__self__).pdf.__wrapped__
        given = args if inner.__name__ != "pdf" else (scipy.stats.norm, *args)
        np.testing.assert_array_equal(found, inner(*given))


def test_a_front_keeps_what_the_function_tells_of_itself():
    import inspect

    for function in (scipy.linalg.det, scipy.signal.welch, scipy.ndimage.sobel):
        assert pickle.loads(pickle.dumps(function)) is function
        assert inspect.signature(function) == inspect.signature(function.__wrapped__)
        assert function.__doc__ == function.__wrapped__.__doc__


def test_loaders_are_those_of_python():
    """The hook leaves no trace in the modules: tools ask their loaders for source and data."""
    program = (
        "import polygrad, inspect, scipy.signal, scipy.linalg\n"
        "print(type(scipy.signal.__spec__.loader).__name__, type(scipy.linalg.__loader__).__name__,"
        " len(inspect.getsource(scipy.signal)) > 100)"
    )
    expected = "SourceFileLoader SourceFileLoader True"
    assert python(program, SCIPY_ARRAY_API="1") == expected


def parameters(function):
    import inspect

    return [p.name for p in inspect.signature(function).parameters.values()]


def resolve(module, name):
    found = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found


STAND_INS = [(module, name) for module, found in names.STAND_INS.items() for name in found]


def test_the_names_are_those_of_the_versions():
    """`names` is there so that polygrad can be imported without its versions."""
    table.load_all()
    assert {f"{module}.{name}" for module, name in STAND_INS} == set(table.STAND_INS)


@pytest.mark.parametrize(("module", "name"), STAND_INS, ids=lambda value: value)
def test_versions_have_scipys_signature(module, name):
    table.load_all()
    own = parameters(table.STAND_INS[f"{module}.{name}"])
    theirs = [p for p in parameters(resolve(module, name)) if p != "self"]
    own = [p for p in own if p != "self"]
    if not {"args", "options", "kwargs"} & set(own):
        # What a version of SciPy lacks, or has besides, changes no value.
        differ = set(theirs) ^ set(own)
        assert differ <= {"disp", "blocksize", "overwrite_b"}, (own, theirs)


@pytest.mark.parametrize(
    "name",
    [(m, n) for part in (names.RERUN, names.CLASSES) for m in part for n in part[m]],
    ids=str,
)
def test_what_is_run_again_exists(name):
    assert callable(resolve(*name))


def test_arrays_of_numpy_stand_beside_tracked_ones_as_constants():
    y = np.cos(X)
    assert pg.grad(lambda x: scipy.stats.pearsonr(x, y)[0])(X).shape == X.shape
    both = pg.grad(lambda x, y: scipy.stats.pearsonr(x, y)[0], argnums=(0, 1))(X, y)
    np.testing.assert_allclose(pg.grad(lambda x: scipy.stats.pearsonr(x, y)[0])(X), both[0])
    np.testing.assert_allclose(pg.grad(lambda y: scipy.stats.pearsonr(X, y)[0])(y), both[1])
    with config_context(array_api_dispatch=True):
        found = pg.grad(lambda x: pg.sum(metrics.pairwise.rbf_kernel(x, np.ones((2, 3)))))(
            X.reshape(2, 3)
        )
    assert np.all(found != 0)
    # Without an Array the rule of SciPy is as it was.
    from scipy._lib._array_api import array_namespace

    strict = pytest.importorskip("array_api_strict")
    with pytest.raises(TypeError, match="Multiple namespaces"):
        array_namespace(strict.ones(2), np.ones(2))


def test_a_constant_does_not_move_to_another_device_unsaid():
    x = pg.asarray(X, device="strict:device1")
    with pytest.raises(pg.errors.MixedArraysError, match="several devices|several libraries"):
        pg.grad(lambda x: pg.sum(scipy.signal.fftconvolve(x, np.ones(2))))(x)


def test_the_backend_of_the_data_computes():
    for device in ("strict:cpu", "strict:device1"):
        x = pg.asarray(X, device=device)
        for f in (
            lambda x: pg.sum(scipy.signal.detrend(x) ** 2),
            lambda x: pg.sum(scipy.linalg.expm(pg.reshape(x[:4], (2, 2)))),
            lambda x: pg.sum(scipy.ndimage.sobel(pg.reshape(x, (2, 3))) ** 2),
            lambda x: pg.sum(scipy.stats.norm.logpdf(x)),
            lambda x: pg.sum(scipy.signal.lfilter([1.0], [1.0, 0.5], x) ** 2),
        ):
            g = pg.grad(f)(x)
            assert g.device == device
            np.testing.assert_allclose(pg.to_numpy(g), pg.grad(f)(X), rtol=1e-10, atol=1e-12)


def test_second_derivatives_and_batches():
    x = np.reshape(X, (2, 3))

    def f(x):
        return pg.sum(scipy.signal.detrend(x) ** 3) + pg.sum(scipy.special.comb(x**2 + 3, 2.0))

    pg.testing.check_grads(lambda x: [f(x)], [X], order=2)
    for row, found in zip(x, pg.vmap(pg.grad(f))(x), strict=True):
        np.testing.assert_allclose(found, pg.grad(f)(row), rtol=1e-12)


def test_what_has_no_version_says_so_and_arrays_without_a_gradient_go_to_scipy():
    with pytest.raises(NonDifferentiableError, match=r"scipy\.linalg\.qr.*pivoting"):
        pg.grad(lambda a: pg.sum(scipy.linalg.qr(a, pivoting=True)[0]))(np.eye(2))
    _, _, p = scipy.linalg.qr(pg.asarray(np.eye(2)), pivoting=True)
    assert sorted(np.asarray(p).tolist()) == [0, 1]
    with pytest.raises(LostGradientError):  # compiled code in a function that is run again
        pg.grad(lambda x: scipy.interpolate.splrep(np.arange(6.0), x)[1][2])(X)


def test_arguments_are_not_written_into():
    x = pg.asarray(X)
    before = x.tolist()
    pg.grad(lambda y: pg.sum(scipy.signal.detrend(y, overwrite_data=False)))(x)
    scipy.signal.savgol_filter(x, 3, 1)
    assert x.tolist() == before
    assert X.tolist() == before


def test_an_interpolator_is_an_instance_of_scipys_class():
    spline = scipy.interpolate.CubicSpline(np.arange(6.0), pg.asarray(X))
    assert isinstance(spline, scipy.interpolate.CubicSpline)
    assert type(spline(1.5)) is pg.Array
    plain = scipy.interpolate.CubicSpline(np.arange(6.0), X)
    assert type(plain) is scipy.interpolate.CubicSpline
    assert type(plain(1.5)) is not pg.Array
    np.testing.assert_allclose(np.asarray(spline(1.5)), plain(1.5))
    assert type(plain(pg.asarray([1.5]))) is pg.Array
    assert type(plain(1.5)) is not pg.Array  # the plain one is as it was


class Doubled(scipy.interpolate.CubicSpline):
    def __call__(self, x):
        return 2 * scipy.interpolate.CubicSpline.__call__(self, np.asarray(x))


def test_a_subclass_of_ones_own_keeps_its_methods():
    spline = Doubled(np.arange(6.0), pg.asarray(X))
    np.testing.assert_allclose(
        np.asarray(spline(1.5)), 2 * scipy.interpolate.CubicSpline(np.arange(6.0), X)(1.5)
    )
    with pytest.raises(LostGradientError):
        pg.grad(lambda t: pg.sum(Doubled(np.arange(6.0), X)(t)))(np.array([1.5]))


def test_functions_are_made_over_once():
    inner = scipy.signal.detrend.__wrapped__
    while hasattr(inner, "__wrapped__"):
        inner = inner.__wrapped__
    assert rerun.rerun(inner) is rerun.rerun(inner)
    assert inner.__globals__["np"] is np  # SciPy's own is untouched
