"""Calls that do not fit: looked at only after a function has failed on them.

A call that fits the signature of NumPy's function of the name, and not the standard's, is one of
NumPy's: ``sum(x, 1)``, ``nanmean(x, dtype=...)``. Other arguments may be no arrays. Elementwise
functions need none of this, their dispatch names such an operand by itself. Others read
``x.shape`` first, and would leave Python's own "no attribute 'shape'" as the message. A number
counts as an array without axes, as it does while `jit` or `grad` trace it.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any

from polygrad.array import _namespace, is_array
from polygrad.core.trace import PYTHON_SCALARS, as_number, describe
from polygrad.errors import ArgumentTypeError, PolygradError
from polygrad.ops.creation import asarray

RAW = (AttributeError, TypeError, IndexError)
"""What a function raises by itself on an operand that it does not expect."""

_SEVERAL = "arrays"
_OPERANDS = {
    *("x", "x1", "x2", "x3", "x4", "condition", "prepend", "append", "indices", "value"),
    *("weights", "predictions", "targets", "logits", "labels"),
}
_SPECIAL = {*"abdkmnpqrsvy", "delta", "dfd", "dfn", "lmbda"}
"""Operands of special functions; elsewhere some of these names are options."""


def check_functions(functions: dict[str, Any]) -> None:
    """Replace the functions of a namespace that take arrays by ones that explain."""
    section = functions["__name__"].removeprefix("polygrad.ops").lstrip(".")
    names = {*_OPERANDS, _SEVERAL} | (_SPECIAL if section == "special" else set())
    for name, value in list(functions.items()):
        if inspect.isfunction(value) and value.__code__.co_name == value.__name__ == name:
            parameters = list(inspect.signature(value).parameters.values())
            if any(p.name in names for p in parameters):
                spelling = f"{section}.{name}" if section else name
                functions[name] = _checked(value, spelling, functions["__name__"])


def _checked(function: Callable[..., Any], spelling: str, module: str) -> Any:
    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        try:
            return function(*args, **options)
        except PolygradError:
            raise
        except RAW as error:
            return rescued(function, spelling, args, options, error)

    call.__module__ = module
    return call


def rescued(
    function: Callable[..., Any],
    spelling: str,
    args: tuple[Any, ...],
    options: dict[str, Any],
    error: Exception,
) -> Any:
    """The result of a call that failed and is one of NumPy's; else ``error``, or what explains it.

    ``spelling`` is the function's name in NumPy ("sum", "linalg.svd").
    """
    signature = inspect.signature(function)
    try:
        bound = signature.bind(*args, **options)
    except TypeError:
        spellings = _namespace().numpy_functions.spellings
        if spellings.accepts(spelling):
            return spellings.attribute(spelling)(*args, **options)
        raise error from None
    special = function.__module__.startswith("polygrad.ops.special")
    changed = False
    for place, (name, value) in enumerate(list(bound.arguments.items())):
        if name == _SEVERAL:
            variadic = signature.parameters[name].kind is inspect.Parameter.VAR_POSITIONAL
            _check_several(function.__name__, value, variadic, error)
            made: Any = tuple(map(_as_array, value)) if variadic else value
            changed |= variadic and any(a is not b for a, b in zip(made, value, strict=True))
        elif name in _OPERANDS or (special and name in _SPECIAL):
            made = _as_array(value)
            if value is not None and not is_array(made):
                raise _error(function.__name__, name, place, value) from error
            changed |= made is not value
        else:
            continue
        bound.arguments[name] = made
    if not changed:
        raise error
    return function(*bound.args, **bound.kwargs)


def _as_array(value: Any) -> Any:
    number = value if is_array(value) else as_number(value)
    return asarray(number) if type(number) in PYTHON_SCALARS else value


def spelled(section: str, name: str) -> Any:
    """NumPy's function of a section ("linalg", "fft"), for the names that it alone has."""
    if name.startswith("_"):
        raise AttributeError(f"module 'polygrad.{section}' has no attribute {name!r}")
    return _namespace().numpy_functions.spellings.attribute(f"{section}.{name}")


def _check_several(function: str, value: Any, variadic: bool, error: Exception) -> None:
    if not isinstance(value, list | tuple):
        raise ArgumentTypeError(
            f"{function}: arrays is {describe(value)}, expected a list or tuple of arrays"
        ) from error
    for place, item in enumerate(value):
        if not is_array(_as_array(item) if variadic else item):
            raise _error(function, "x", place if variadic else 0, item) from error


def _error(function: str, name: str, place: int, value: Any) -> ArgumentTypeError:
    what = f"argument {place + 1}" if name[0] == "x" else name
    return ArgumentTypeError(
        f"{function}: {what} is or holds {describe(value)}, expected an "
        "array; pass pg.asarray(...) of it"
    )
