"""Automatic differentiation of array API code on any array library and device.

>>> import polygrad as pg
>>> pg.grad(lambda x: pg.sum(x**2))(pg.asarray([1.0, 2.0]))
Array([2., 4.], dtype=float64, device=cpu)
"""

import importlib as _importlib
import sys as _sys
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from polygrad import array as _array
from polygrad import backend, dtypes, errors, ops, tree
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

if _TYPE_CHECKING:
    from polygrad import (  # noqa: F401
        data,
        explain,
        io,
        nn,
        numpy_functions,
        optim,
        random,
        testing,
        torch_functions,
    )
    from polygrad.ops import fft, linalg, special

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
    "fft",
    "grad",
    "io",
    "is_array",
    "jvp",
    "linalg",
    "nn",
    "ops",
    "optim",
    "random",
    "register_backend",
    "set_device",
    "special",
    "testing",
    "tree",
    "value_and_grad",
    "vjp",
    "vmap",
]

# Loaded on first use, so that `import polygrad` stays quick.
_EXTENSIONS = ("fft", "linalg", "special")
_SUBMODULES = (
    "data",
    "explain",
    "io",
    "nn",
    "numpy_functions",
    "optim",
    "random",
    "testing",
    "torch_functions",
)


def __getattr__(name: str) -> _Any:
    if name in _EXTENSIONS:
        return getattr(ops, name)
    if name in _SUBMODULES:
        return _importlib.import_module(f"polygrad.{name}")
    raise AttributeError(f"module 'polygrad' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


_array.set_namespace(_sys.modules[__name__])
