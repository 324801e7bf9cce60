"""SciPy's functions on tracked arrays, and the page that says which of them work."""

import subprocess
import sys

import numpy as np
import other_code
import pytest

import polygrad as pg

CASES = [case for case in other_code.load() if case.library == "SciPy"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_function(case):
    other_code.check(case)


def test_no_case_is_there_twice():
    names = [str(case) for case in other_code.CASES]
    assert len(set(names)) == len(names)


def test_the_page_is_current():
    assert other_code.PAGE.read_text(encoding="utf-8") == other_code.page(), (
        "run `python tests/other_code.py`"
    )


def test_array_namespace_of_tracked_arrays():
    from scipy._lib._array_api import array_namespace

    def f(x):
        assert array_namespace(x, pg.ones(2), 1.0, None) is pg
        return pg.sum(x)

    pg.grad(f)(np.ones(2))


WITHOUT_THE_SETTING = """
import numpy as np, scipy.special as ss, polygrad as pg
x = np.array([0.3, 1.2])
print(pg.grad(lambda x: np.sum(ss.expit(x) + ss.gammaln(x) + ss.jv(2, x)))(x).tolist())
"""


def test_ufuncs_of_scipy_need_no_setting():
    import os

    environment = {k: v for k, v in os.environ.items() if k != "SCIPY_ARRAY_API"}
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_SETTING], env=environment, capture_output=True, text=True
    )
    x = np.array([0.3, 1.2])
    expit = 1 / (1 + np.exp(-x))
    h = 1e-6
    special = pg.special
    rest = [
        (f(x + h) - f(x - h)) / (2 * h) for f in (special.gammaln, lambda t: special.jv(2.0, t))
    ]
    np.testing.assert_allclose(
        np.array(eval(run.stdout)), expit * (1 - expit) + rest[0] + rest[1], rtol=1e-7
    )
