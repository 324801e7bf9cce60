"""Automatic differentiation of array API code on any array library and device.

>>> import polygrad as pg
>>> pg.grad(lambda x: pg.sum(x**2))(pg.asarray([1.0, 2.0]))
Array([2., 4.], dtype=float64, device=cpu)
"""

import sys as _sys

from polygrad import _dispatch, backend, dtypes, errors, ops, tree
from polygrad import array as _array
from polygrad.array import Array, is_array
from polygrad.backend import register_backend
from polygrad.device import Device, current_device, device, devices, set_device
from polygrad.errors import PolygradError
from polygrad.ops import *  # noqa: F403
from polygrad.ops import __all__ as _ops_all
from polygrad.transforms.grad import grad, value_and_grad, vjp
from polygrad.transforms.jvp import jvp

__version__ = "0.1.0"
API_VERSIONS = ("2021.12", "2022.12", "2023.12", "2024.12")
__array_api_version__ = API_VERSIONS[-1]

__all__ = [
    *_ops_all,
    "Array",
    "Device",
    "PolygradError",
    "backend",
    "current_device",
    "device",
    "devices",
    "dtypes",
    "errors",
    "grad",
    "is_array",
    "jvp",
    "ops",
    "register_backend",
    "set_device",
    "tree",
    "value_and_grad",
    "vjp",
]

_array.set_namespace(_sys.modules[__name__])
