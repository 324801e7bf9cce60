"""Calls that do not fit: looked at only after a function has failed on them.

A call that fits the signature of NumPy's function of the name, and not the standard's, is one of
NumPy's: ``sum(x, 1)``, ``nanmean(x, dtype=...)``. Other arguments may be no arrays. Elementwise
functions need none of this, their dispatch names such an operand by itself. Others read
``x.shape`` first, and would leave Python's own "no attribute 'shape'" as the message.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any

from polygrad.array import _namespace, is_array
from polygrad.core.trace import describe
from polygrad.errors import ArgumentTypeError, PolygradError

_ONE = ("x", "x1", "x2")
_SEVERAL = "arrays"


def check_functions(functions: dict[str, Any]) -> None:
    """Replace the functions of a namespace that take arrays by ones that explain."""
    section = functions["__name__"].removeprefix("polygrad.ops").lstrip(".")
    for name, value in list(functions.items()):
        if inspect.isfunction(value) and value.__code__.co_name == value.__name__ == name:
            parameters = list(inspect.signature(value).parameters.values())
            if parameters and parameters[0].name in (*_ONE, _SEVERAL):
                functions[name] = _checked(value, f"{section}.{name}" if section else name)


def _checked(function: Callable[..., Any], spelling: str) -> Any:
    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        try:
            return function(*args, **options)
        except PolygradError:
            raise
        except (AttributeError, TypeError) as error:
            return rescued(function, spelling, args, options, error)

    call.__module__ = "polygrad.ops"
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
    if isinstance(error, TypeError):
        try:
            signature.bind(*args, **options)
        except TypeError:
            spellings = _namespace().numpy_functions.spellings
            if spellings.accepts(spelling):
                return spellings.attribute(spelling)(*args, **options)
    parameters = list(signature.parameters.values())
    variadic = parameters[0].kind is inspect.Parameter.VAR_POSITIONAL
    found = [_SEVERAL] * len(args) if variadic else [p.name for p in parameters]
    for place, (name, value) in enumerate(zip(found, args, strict=False)):
        items = value if name == _SEVERAL and not variadic else [value]
        _check(function.__name__, name, place, value, items, error)
    raise error


def spelled(section: str, name: str) -> Any:
    """NumPy's function of a section ("linalg", "fft"), for the names that it alone has."""
    if name.startswith("_"):
        raise AttributeError(f"module 'polygrad.{section}' has no attribute {name!r}")
    return _namespace().numpy_functions.spellings.attribute(f"{section}.{name}")


def _check(function: str, name: str, place: int, value: Any, items: Any, error: Exception) -> None:
    if name == _SEVERAL and not isinstance(items, list | tuple):
        raise ArgumentTypeError(
            f"{function}: arrays is {describe(value)}, expected a list or tuple of arrays"
        ) from error
    if name not in (*_ONE, _SEVERAL):
        return
    for item in items:
        if not is_array(item):
            raise ArgumentTypeError(
                f"{function}: argument {place + 1} is or holds {describe(item)}, expected an "
                "array; pass pg.asarray(...) of it"
            ) from error
