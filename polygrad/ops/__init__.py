"""The functions of the array API standard, each an op with its rule, and some beyond it.

This module is also the namespace that rules are written against when the values they get are
tracked themselves.
"""

import importlib
import sys
from typing import TYPE_CHECKING, Any

from polygrad.core import op as _op
from polygrad.dtypes import DTYPES as _DTYPES
from polygrad.ops import operators as _operators
from polygrad.ops import updates as _updates
from polygrad.ops.arithmetic import (
    abs,
    add,
    ceil,
    conj,
    copysign,
    divide,
    floor,
    floor_divide,
    imag,
    multiply,
    negative,
    nextafter,
    positive,
    pow,
    real,
    reciprocal,
    remainder,
    round,
    sign,
    square,
    subtract,
    trunc,
)
from polygrad.ops.checked import check_functions as _check_functions
from polygrad.ops.comparison import (
    _keep_zeros,
    bitwise_and,
    bitwise_invert,
    bitwise_left_shift,
    bitwise_or,
    bitwise_right_shift,
    bitwise_xor,
    clip,
    equal,
    greater,
    greater_equal,
    isfinite,
    isinf,
    isnan,
    less,
    less_equal,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    maximum,
    minimum,
    not_equal,
    signbit,
    where,
)
from polygrad.ops.creation import (
    arange,
    asarray,
    empty,
    empty_like,
    eye,
    from_dlpack,
    full,
    full_like,
    linspace,
    ones,
    ones_like,
    zeros,
    zeros_like,
)
from polygrad.ops.datatypes import (
    astype,
    can_cast,
    device_of,
    finfo,
    iinfo,
    isdtype,
    result_type,
    stop_gradient,
    to_device,
    to_numpy,
)
from polygrad.ops.einsum import einsum
from polygrad.ops.exponential import (
    acos,
    acosh,
    asin,
    asinh,
    atan,
    atan2,
    atanh,
    cos,
    cosh,
    exp,
    expm1,
    hypot,
    log,
    log1p,
    log2,
    log10,
    logaddexp,
    sin,
    sinh,
    sqrt,
    tan,
    tanh,
)
from polygrad.ops.indexing import getitem, index_set, scatter_add, take, take_along_axis
from polygrad.ops.inspection import __array_namespace_info__
from polygrad.ops.joining import concat, meshgrid, repeat, stack, tile, unstack
from polygrad.ops.linear_algebra import matmul, tensordot, vecdot
from polygrad.ops.manipulation import (
    broadcast_arrays,
    broadcast_shapes,
    broadcast_to,
    expand_dims,
    flip,
    matrix_transpose,
    moveaxis,
    permute_dims,
    reshape,
    roll,
    squeeze,
    tril,
    triu,
)
from polygrad.ops.nans import (
    nan_to_num,
    nancumsum,
    nanmax,
    nanmean,
    nanmin,
    nanprod,
    nanstd,
    nansum,
    nanvar,
)
from polygrad.ops.neural import log_softmax, logsumexp, softmax
from polygrad.ops.padding import pad
from polygrad.ops.products import cumulative_prod, prod
from polygrad.ops.quantiles import median, nanmedian, nanquantile, quantile
from polygrad.ops.samples import bincount, convolve
from polygrad.ops.searching import (
    all,
    any,
    argmax,
    argmin,
    argsort,
    count_nonzero,
    nonzero,
    searchsorted,
    sort,
)
from polygrad.ops.sets import isin, unique_all, unique_counts, unique_inverse, unique_values
from polygrad.ops.statistical import cumulative_sum, diff, max, mean, min, std, sum, var
from polygrad.ops.updates import at

bool = _DTYPES["bool"]
int8, int16, int32, int64 = (_DTYPES[f"int{n}"] for n in (8, 16, 32, 64))
uint8, uint16, uint32, uint64 = (_DTYPES[f"uint{n}"] for n in (8, 16, 32, 64))
float16, bfloat16 = _DTYPES["float16"], _DTYPES["bfloat16"]
float32, float64 = _DTYPES["float32"], _DTYPES["float64"]
complex64, complex128 = _DTYPES["complex64"], _DTYPES["complex128"]

e, pi, inf, nan = 2.718281828459045, 3.141592653589793, float("inf"), float("nan")
newaxis = None

if TYPE_CHECKING:
    from polygrad.ops import fft, linalg, special

__all__ = [
    name
    for name, value in list(globals().items())
    if not name.startswith("_")
    and type(value) is not type(sys)
    and name not in ("TYPE_CHECKING", "Any")
]

_EXTENSIONS = ("fft", "linalg", "special")  # loaded on first use


def __getattr__(name: str) -> Any:
    if name in _EXTENSIONS:
        return importlib.import_module(f"polygrad.ops.{name}")
    if name == "_solve_triangular":
        return importlib.import_module("polygrad.ops.linalg.triangular").by_op
    raise AttributeError(f"module 'polygrad.ops' has no attribute {name!r}")


_check_functions(globals())
_op.traced_namespace = sys.modules[__name__]
_operators.install()
_updates.install()
