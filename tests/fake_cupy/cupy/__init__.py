"""A stand-in for CuPy on a machine without a GPU: NumPy arrays that say they are on GPUs.

It copies CuPy's rules about devices, as its sources and manual state them, so that the logic of
backends/cupy.py can be tested: there is a current device; results land on it; an operand on
another device is an error here (CuPy would compute over the bus, on the wrong device, or fail);
host arrays are refused; a Device has no hash. FAKE_CUPY_GPUS is the number of GPUs, or the name
of the CUDA error that counting them raises. It says nothing about CuPy's numbers or speed.
"""

import numpy as _np

from cupy import cuda
from cupy._core import array, asarray, fill, from_dlpack, ndarray, ufunc


class MemoryPool:
    """Half a GiB of freed memory that is kept for new arrays."""

    def free_bytes(self):
        return 2**29


def get_default_memory_pool():
    """The pool of the current device."""
    return MemoryPool()


__version__ = "14.2.0"

fill(globals(), _np)
from cupy import fft, linalg  # noqa: E402  they need the above
