"""PyTorch's own functions on polygrad's arrays: what its ``__torch_function__`` protocol leads to.

PyTorch hands over the function and the arguments of a call such as ``tensor + x`` or
``torch.sin(x)``. Only calls that mean the same in polygrad are taken: a function that is not in
the tables, or an option that polygrad's has not, raises NonDifferentiableError by name.
"""

import inspect
from collections.abc import Callable
from typing import Any

from polygrad import ops
from polygrad.array import Array
from polygrad.backend import backend_for_type
from polygrad.errors import LostGradientError, NonDifferentiableError

# Operands only: PyTorch's names, and the standard's.
_SAME = (
    "abs acos acosh add asin asinh atan atan2 atanh bitwise_and bitwise_left_shift bitwise_or "
    "bitwise_right_shift bitwise_xor ceil conj copysign cos cosh divide exp expm1 floor "
    "floor_divide greater greater_equal hypot imag isfinite isinf isnan less less_equal log "
    "log10 log1p log2 logaddexp logical_and logical_not logical_or logical_xor matmul maximum "
    "minimum multiply negative nextafter not_equal positive pow real reciprocal remainder "
    "round sign signbit sin sinh sqrt square subtract tan tanh trunc where"
)
_ELEMENTWISE = {name: name for name in _SAME.split()} | {
    "__and__": "bitwise_and",
    "__floordiv__": "floor_divide",
    "__lshift__": "bitwise_left_shift",
    "__or__": "bitwise_or",
    "__rshift__": "bitwise_right_shift",
    "__xor__": "bitwise_xor",
    "absolute": "abs",
    "arccos": "acos",
    "arccosh": "acosh",
    "arcsin": "asin",
    "arcsinh": "asinh",
    "arctan": "atan",
    "arctan2": "atan2",
    "arctanh": "atanh",
    "bitwise_not": "bitwise_invert",
    "conj_physical": "conj",
    "div": "divide",
    "eq": "equal",
    "ge": "greater_equal",
    "gt": "greater",
    "le": "less_equal",
    "lt": "less",
    "mul": "multiply",
    "ne": "not_equal",
    "neg": "negative",
    "sub": "subtract",
    "true_divide": "divide",
}

# ``torch.f(x, dim, keepdim)`` with any dimensions, and ``torch.f(x, dim)`` with one.
_OVER_AXES = {"amax": "max", "amin": "min"} | {
    name: name for name in ("all", "any", "argmax", "argmin", "logsumexp", "mean", "sum")
}
_ALONG_AXIS = {"cumsum": "cumulative_sum", "unsqueeze": "expand_dims"} | {
    name: name for name in ("log_softmax", "softmax")
}
_JOINING = {"cat": "concat", "concat": "concat", "concatenate": "concat", "stack": "stack"}

# Options that change nothing at these values.
_SILENT = {"dtype": None, "inplace": False, "out": None, "_stacklevel": 3}


def _over_axes(name: str) -> Callable[..., Any]:
    def call(x: Any, /, dim: Any = None, keepdim: bool = False) -> Any:
        axis = tuple(dim) if isinstance(dim, list) else dim
        return getattr(ops, name)(x, axis=axis, keepdims=keepdim)

    return call


def _along_axis(name: str) -> Callable[..., Any]:
    def call(x: Any, /, dim: int) -> Any:
        return getattr(ops, name)(x, axis=dim)

    return call


def _joining(name: str) -> Callable[..., Any]:
    def call(tensors: Any, /, dim: int = 0) -> Any:
        return getattr(ops, name)(tensors, axis=dim)

    return call


def _of_all(name: str) -> Callable[..., Any]:
    def call(x: Any, /) -> Any:  # with a dimension PyTorch's returns a pair
        return getattr(ops, name)(x)

    return call


def _permute(x: Any, /, dims: Any) -> Any:
    return ops.permute_dims(x, dims)


def _reshape(x: Any, /, shape: Any) -> Any:
    return ops.reshape(x, shape)


def _relu(x: Any, /) -> Any:
    return ops.maximum(x, 0.0)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{torch: getattr(ops, name) for torch, name in _ELEMENTWISE.items()},
    **{torch: _over_axes(name) for torch, name in _OVER_AXES.items()},
    **{torch: _along_axis(name) for torch, name in _ALONG_AXIS.items()},
    **{torch: _joining(name) for torch, name in _JOINING.items()},
    **{name: _of_all(name) for name in ("max", "min")},
    "__getitem__": ops.getitem,
    "permute": _permute,
    "relu": _relu,
    "reshape": _reshape,
}
"""What a function or tensor method of PyTorch leads to, by its name."""


def function(
    function: Any, types: Any, args: tuple[Any, ...], options: dict[str, Any] | None
) -> Any:
    """``torch.<function>(..., x, ...)`` of an Array ``x``.

    NotImplemented beside an operand of a class that is not known, which gets its turn.
    """
    if any(cls is not Array and backend_for_type(cls) is None for cls in types):
        return NotImplemented
    name = getattr(function, "__name__", repr(function))
    if name in ("__setitem__", "__iadd__") or (name.endswith("_") and not name.startswith("_")):
        raise LostGradientError(
            f"torch's {name} would write an Array into a tensor, which keeps no gradient; use an "
            "Array on the left (pg.asarray(...)), or write x = x + y instead of x += y"
        )
    given = {
        key: value
        for key, value in (options or {}).items()
        if key not in _SILENT or value is not _SILENT[key]
    }
    found = FUNCTIONS.get(name)
    if found is None:
        raise _no_rule(f"torch's {name}")
    try:
        inspect.signature(found).bind(*args, **given)
    except TypeError as error:
        raise _no_rule(f"torch's {name} with these arguments ({error})") from None
    return found(*args, **given)


def _no_rule(what: str) -> NonDifferentiableError:
    return NonDifferentiableError(
        f"{what} has no rule in polygrad; write it with functions of polygrad (import polygrad "
        "as pg), or move on with pg.to_numpy(pg.stop_gradient(x)) if no gradient is wanted"
    )
