"""The CUDA part of the stand-in."""

from cupy.cuda import runtime
from cupy.cuda.device import Device
