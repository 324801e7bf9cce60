"""Whether a library computed what NumPy did."""

from collections.abc import Sequence

import numpy as np

from benchmarks.cases import Case

CALLS = 3
"""Calls before the check: weights are compared after so many steps."""
_TOLERANCE = {"float32": 2e-3, "float64": 1e-9}


def check(case: Case, name: str, got: Sequence[np.ndarray], expected: Sequence[np.ndarray]) -> None:
    """Raise AssertionError unless all arrays agree.

    Weights are compared by how far they moved, so that a gradient that is wrong is seen however
    small the step is.
    """
    starts: list[np.ndarray] = [np.zeros(())] * len(expected)
    if case.wants == "step":
        starts[1:] = case.arguments()
    for i, (a, b, start) in enumerate(zip(got, expected, starts, strict=True)):
        where = f"{case.name}: {name}: result {i}"
        assert a.shape == b.shape, f"{where} has shape {a.shape}, expected {b.shape}"
        assert a.dtype == b.dtype == case.dtype, f"{where} is {a.dtype}, expected {case.dtype}"
        rounding = 8 * np.finfo(b.dtype).eps * np.max(np.abs(start))
        allowed = _TOLERANCE[case.dtype] * np.max(np.abs(b - start)) + rounding
        np.testing.assert_allclose(a, b, rtol=0, atol=allowed, err_msg=where)
