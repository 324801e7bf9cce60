"""The CUDA part of the stand-in."""

from cupy.cuda import runtime  # noqa: F401
from cupy.cuda.device import Device  # noqa: F401
