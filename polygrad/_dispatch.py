"""NumPy's own functions on an Array: its dispatch protocols lead to polygrad's functions."""

from typing import Any

from polygrad import ops
from polygrad.errors import LostGradientError, NonDifferentiableError

# NumPy's names for functions that the standard calls otherwise.
_RENAMED = {
    "absolute": "abs",
    "arccos": "acos",
    "arccosh": "acosh",
    "arcsin": "asin",
    "arcsinh": "asinh",
    "arctan": "atan",
    "arctan2": "atan2",
    "arctanh": "atanh",
    "concatenate": "concat",
    "conjugate": "conj",
    "cumsum": "cumulative_sum",
    "invert": "bitwise_invert",
    "left_shift": "bitwise_left_shift",
    "mod": "remainder",
    "power": "pow",
    "right_shift": "bitwise_right_shift",
    "rint": "round",
    "true_divide": "divide",
}


def ufunc(function: Any, method: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """``np.<ufunc>(..., x, ...)`` of an Array ``x``."""
    name = function.__name__
    if options.get("out") is not None:
        raise LostGradientError(
            f"np.{name} would write an Array into a NumPy array, which keeps no gradient; use "
            "an Array on the left (pg.asarray(...)), or write x = x + y instead of x += y"
        )
    found = getattr(ops, _RENAMED.get(name, name), None)
    if found is None or method != "__call__" or options:
        raise _no_rule(f"numpy.{name}" + ("" if method == "__call__" else f".{method}"))
    return found(*inputs)


def function(function: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """``np.<function>(..., x, ...)`` of an Array ``x``."""
    name = function.__name__
    found = getattr(ops, _RENAMED.get(name, name), None)
    if found is None or function.__module__ != "numpy":
        raise _no_rule(f"{function.__module__}.{name}")
    return found(*args, **options)


def _no_rule(name: str) -> NonDifferentiableError:
    return NonDifferentiableError(
        f"{name} has no rule in polygrad; write it with functions of polygrad (import polygrad "
        "as pg), or pass pg.to_numpy(pg.stop_gradient(x)) if no gradient is wanted"
    )
