"""Automatic differentiation of array API code on any array library and device.

>>> import polygrad as pg
>>> pg.grad(lambda x: pg.sum(x**2))(pg.asarray([1.0, 2.0]))
Array([2., 4.], dtype=float64, device=cpu)
"""

import sys as _sys

from polygrad import (
    backend,
    data,
    dtypes,
    errors,
    explain,
    io,
    nn,
    numpy_functions,  # noqa: F401  found here by Array
    ops,
    optim,
    random,
    testing,
    tree,
)
from polygrad import array as _array
from polygrad import standard as _standard
from polygrad.array import Array, is_array
from polygrad.backend import register_backend
from polygrad.device import Device, current_device, device, devices, set_device
from polygrad.errors import PolygradError
from polygrad.ops import *  # noqa: F403
from polygrad.ops import __all__ as _ops_all
from polygrad.ops import __array_namespace_info__
from polygrad.transforms.grad import grad, value_and_grad, vjp
from polygrad.transforms.jvp import jvp
from polygrad.transforms.vmap import vmap

__version__ = "0.1.0"
__array_api_version__ = _standard.VERSION

__all__ = [
    *_ops_all,
    "Array",
    "Device",
    "PolygradError",
    "__array_api_version__",
    "__array_namespace_info__",
    "backend",
    "current_device",
    "data",
    "device",
    "devices",
    "dtypes",
    "errors",
    "explain",
    "grad",
    "io",
    "is_array",
    "jvp",
    "nn",
    "ops",
    "optim",
    "random",
    "register_backend",
    "set_device",
    "testing",
    "tree",
    "value_and_grad",
    "vjp",
    "vmap",
]

_array.set_namespace(_sys.modules[__name__])
