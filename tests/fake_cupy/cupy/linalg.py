"""numpy.linalg on the stand-in's arrays, which ignores what is wrong with a matrix as CuPy does."""

import numpy as _np

from cupy._core import fill as _fill

_fill(globals(), _np.linalg)


def _unless_told(function):
    def call(a, *others):
        import cupyx

        try:
            return function(a, *others)
        except _np.linalg.LinAlgError:
            if cupyx.linalg_state == "raise":
                raise
            return others[0] if others else a

    return call


cholesky, inv, solve = map(_unless_told, (cholesky, inv, solve))  # noqa: F821
