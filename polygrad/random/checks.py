"""Integers among the arguments of random functions: known, or traced by a transform."""

from typing import Any

from polygrad.array import BASE, Array, is_array, raw_and_backend, wrap
from polygrad.backend import SCALAR_TYPES
from polygrad.device import Device, intern_device
from polygrad.dtypes import as_dtype
from polygrad.errors import ArgumentTypeError, ArgumentValueError


def is_integer(value: Any) -> bool:
    """Whether a value can be used as an integer; a bool is none."""
    return not isinstance(value, bool) and hasattr(value, "__index__")


def integer(name: str, argument: str, value: Any, limit: int) -> int:
    """An integer from 0 that is below ``limit``."""
    if not is_integer(value) or (is_array(value) and as_dtype(value.dtype).group == "bool"):
        raise ArgumentTypeError(
            f"{name}: {argument} is {type(value).__name__} {value!r:.40}, expected an integer"
        )
    found: int = value.__index__()
    if not 0 <= found < limit:
        raise ArgumentValueError(
            f"{name}: {argument} is {found}, expected an integer from 0 to 2**"
            f"{limit.bit_length() - 1} - 1"
        )
    return found


def number(name: str, argument: str, value: Any, limit: int) -> Any:
    """An integer, or an integer array of any level with axes or not known yet."""
    if not is_array(value):
        return integer(name, argument, value, limit)
    if "integer" not in as_dtype(value.dtype).group:
        raise ArgumentTypeError(
            f"{name}: {argument} is an array of {as_dtype(value.dtype)}, expected integers"
        )
    if type(value) in SCALAR_TYPES:
        return integer(name, argument, value.item(), limit)
    value = wrap(value)
    if value._trace is BASE:
        raw, backend = raw_and_backend(value)
        found = backend.to_host(raw)
        if found.shape == ():
            return integer(name, argument, found.item(), limit)
        if found.size:
            integer(name, argument, int(found.min()), limit)
            integer(name, argument, int(found.max()), limit)
        return Array(value._value, BASE, None)
    return value


def place_of(raw: Any) -> Device:
    """The device of an array of any level."""
    raw, backend = raw_and_backend(raw)
    return intern_device(backend, backend.device_of(raw))
