"""NumPy's own functions on polygrad's arrays: what its dispatch protocols lead to.

A function that is not in the tables raises NonDifferentiableError by name: nothing is ever
computed on the side without its gradient.
"""

from typing import Any

from polygrad.array import Array
from polygrad.backend import backend_for_type
from polygrad.errors import NonDifferentiableError
from polygrad.numpy_functions import (  # noqa: F401  each enters its functions into the table
    decompositions,
    diagonals,
    elements,
    methods,
    nans,
    polynomials,
    products,
    reductions,
    samples,
    searching,
    sets,
    shapes,
    slopes,
    spellings,
    table,
    ufuncs,
    writing,
)


def ufunc(function: Any, method: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """``np.<ufunc>(..., x, ...)`` of an Array ``x``.

    NotImplemented beside an operand of a class with rules of its own, which gets its turn.
    """
    for operand in (*inputs, *_targets(options.get("out"))):
        if _has_its_turn(type(operand), "__array_ufunc__"):
            return NotImplemented
    name = function.__name__
    if name not in ufuncs.UFUNCS or method not in ufuncs.METHODS:
        raise _no_rule(f"the ufunc {name}" + ("" if method == "__call__" else f".{method}"))
    return ufuncs.call(name, method, inputs, dict(options))


def function(function: Any, types: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """``np.<function>(..., x, ...)`` of an Array ``x``, with operands of ``types`` in the call.

    NotImplemented where one of them has rules of its own, which gets its turn.
    """
    if any(_has_its_turn(cls, "__array_function__") for cls in types):
        return NotImplemented
    name = f"{function.__module__}.{function.__name__}"
    if name not in table.FUNCTIONS:
        raise _no_rule(name)
    return table.call(name, args, options)


def _targets(out: Any) -> tuple[Any, ...]:
    return out if isinstance(out, tuple) else (out,)


def _has_its_turn(cls: type, protocol: str) -> bool:
    """Whether a class that polygrad does not know answers one of NumPy's protocols."""
    if cls is Array or not hasattr(cls, protocol):
        return False
    return backend_for_type(cls) is None


def _no_rule(name: str) -> NonDifferentiableError:
    return NonDifferentiableError(
        f"{name} has no rule in polygrad; write it with functions of polygrad (import polygrad "
        "as pg), or pass pg.to_numpy(pg.stop_gradient(x)) if no gradient is wanted"
    )
