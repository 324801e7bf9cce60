"""On PYTHONPATH: a process in which PyTorch, JAX and Dask seem not to be installed.

They take seconds to import, which tests that start many processes need not pay.
"""

import sys

sys.modules.update(torch=None, jax=None, dask=None)
