"""Arguments that are no arrays: looked at only after a function has failed on them.

Elementwise functions need none of this, their dispatch names such an operand by itself. Others
read ``x.shape`` first, and would leave Python's own "no attribute 'shape'" as the message.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any

from polygrad.array import is_array
from polygrad.core.trace import describe
from polygrad.errors import ArgumentTypeError, PolygradError

_ONE = ("x", "x1", "x2")
_SEVERAL = "arrays"


def check_functions(namespace: dict[str, Any]) -> None:
    """Replace the functions of a namespace that take arrays by ones that explain."""
    for name, value in list(namespace.items()):
        if inspect.isfunction(value) and value.__code__.co_name == value.__name__ == name:
            parameters = list(inspect.signature(value).parameters.values())
            if parameters and parameters[0].name in (*_ONE, _SEVERAL):
                namespace[name] = _checked(value, parameters)


def _checked(function: Callable[..., Any], parameters: list[inspect.Parameter]) -> Any:
    variadic = parameters[0].kind is inspect.Parameter.VAR_POSITIONAL

    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        try:
            return function(*args, **options)
        except PolygradError:
            raise
        except (AttributeError, TypeError) as error:
            found = [_SEVERAL] * len(args) if variadic else [p.name for p in parameters]
            for place, (name, value) in enumerate(zip(found, args, strict=False)):
                items = value if name == _SEVERAL and not variadic else [value]
                _check(function.__name__, name, place, value, items, error)
            raise

    call.__module__ = "polygrad.ops"
    return call


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
