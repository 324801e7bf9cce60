"""numpy.fft on the stand-in's arrays."""

import numpy as _np

from cupy._core import fill as _fill

_fill(globals(), _np.fft)
