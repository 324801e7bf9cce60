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
from polygrad import scipy_functions as _scipy_functions
from polygrad import standard as _standard
from polygrad.array import Array, is_array
from polygrad.backend import register_backend
from polygrad.core.debugging import debug_nans, set_debug_nans
from polygrad.device import Device, current_device, device, devices, set_device
from polygrad.errors import PolygradError
from polygrad.ops import *  # noqa: F403
from polygrad.ops import __all__ as _ops_all
from polygrad.ops import __array_namespace_info__

# What a user calls gives views; the same functions within the package do not.
from polygrad.ops.views import (  # noqa: F401
    broadcast_arrays,
    broadcast_to,
    einsum,
    expand_dims,
    flip,
    getitem,
    imag,
    matrix_transpose,
    moveaxis,
    permute_dims,
    real,
    reshape,
    squeeze,
    unstack,
)
from polygrad.transforms.branches import cond, fori_loop, while_loop
from polygrad.transforms.checkpoint import checkpoint
from polygrad.transforms.collectives import (
    all_gather,
    axis_index,
    axis_size,
    pmax,
    pmean,
    pmin,
    psum,
)
from polygrad.transforms.custom import custom_jvp, custom_vjp
from polygrad.transforms.define import define_op
from polygrad.transforms.grad import grad, value_and_grad, vjp
from polygrad.transforms.jacobian import hessian, hvp, jacfwd, jacobian, jacrev
from polygrad.transforms.jvp import jvp
from polygrad.transforms.linearize import linearize
from polygrad.transforms.scan import scan
from polygrad.transforms.vmap import vmap

if _TYPE_CHECKING:
    from polygrad import (  # noqa: F401
        data,
        explain,
        implicit,
        io,
        nn,
        numpy_functions,
        optim,
        random,
        testing,
        torch_functions,
    )
    from polygrad.compile.jit import jit, make_graph
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
    "all_gather",
    "axis_index",
    "axis_size",
    "backend",
    "checkpoint",
    "cond",
    "current_device",
    "custom_jvp",
    "custom_vjp",
    "data",
    "debug_nans",
    "define_op",
    "device",
    "devices",
    "dtypes",
    "errors",
    "explain",
    "fft",
    "fori_loop",
    "grad",
    "hessian",
    "hvp",
    "implicit",
    "io",
    "is_array",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jit",
    "jvp",
    "linalg",
    "linearize",
    "make_graph",
    "nn",
    "ops",
    "optim",
    "pmax",
    "pmean",
    "pmin",
    "psum",
    "random",
    "register_backend",
    "scan",
    "set_debug_nans",
    "set_device",
    "special",
    "testing",
    "tree",
    "value_and_grad",
    "vjp",
    "vmap",
    "while_loop",
]

# Loaded on first use, so that `import polygrad` stays quick.
_EXTENSIONS = ("fft", "linalg", "special")
_SUBMODULES = (
    "data",
    "explain",
    "implicit",
    "io",
    "nn",
    "numpy_functions",
    "optim",
    "random",
    "testing",
    "torch_functions",
)


_COMPILING = ("jit", "make_graph")


def __getattr__(name: str) -> _Any:
    if name in _COMPILING:
        return getattr(_importlib.import_module("polygrad.compile.jit"), name)
    if name in _EXTENSIONS:
        return getattr(ops, name)
    if name in _SUBMODULES:
        return _importlib.import_module(f"polygrad.{name}")
    if not name.startswith("_"):  # NumPy's names: concatenate, cumsum, outer ...
        return _numpy_spelling(name)
    raise AttributeError(f"module 'polygrad' has no attribute {name!r}")


def _numpy_spelling(name: str) -> _Any:
    return _importlib.import_module("polygrad.numpy_functions").spellings.attribute(name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


_array.set_namespace(_sys.modules[__name__])
_scipy_functions.watch()
