"""Data types as CUDA C++ has them, numbers in its text, and conversions."""

import math
from typing import Any


class Unsupported(Exception):
    """There is no kernel for an op or data type; the message says which."""


_NAMES = {
    "bool": "bool", "int8": "signed char", "int16": "short", "int32": "int", "int64": "long long",
    "uint8": "unsigned char", "uint16": "unsigned short", "uint32": "unsigned int",
    "uint64": "unsigned long long", "float32": "float", "float64": "double",
}  # fmt: skip


def name(dtype: Any) -> str:
    """The type of an element; raises Unsupported."""
    found = _NAMES.get(dtype.name)
    if found is None:
        raise Unsupported(f"the data type {dtype.name}")
    return found


def weak_name(dtype: Any) -> str:
    """The type of a Python number as a parameter; raises Unsupported."""
    if dtype.group == "complex floating":
        raise Unsupported("complex Python numbers")
    return "double" if is_float(dtype) else "long long"


def is_float(dtype: Any) -> bool:
    """Whether a data type is real floating."""
    return bool(dtype.group == "real floating")


def is_signed(dtype: Any) -> bool:
    """Whether a data type is a signed integer."""
    return bool(dtype.group == "signed integer")


def limits(dtype: Any) -> tuple[int, int]:
    """The smallest and the largest number of an integer type, or of bool."""
    if dtype.group == "bool":
        return 0, 1
    signed = is_signed(dtype)
    return -(1 << dtype.bits - 1) if signed else 0, (1 << dtype.bits - signed) - 1


def constant(value: Any, dtype: Any) -> str:
    """A Python number in a data type."""
    kind = name(dtype)
    if dtype.group == "bool":
        return "true" if value else "false"
    if is_float(dtype):
        value = float(value)
        if math.isnan(value):
            return f"({kind})PG_NAN"
        if math.isinf(value):
            return f"({kind}){'-' if value < 0 else ''}PG_INF"
        return (
            f"({kind}){value!r}"
            if value >= 0 and not _negative_zero(value)
            else f"({kind})({value!r})"
        )
    if type(value) is complex or (type(value) is float and not value.is_integer()):
        raise Unsupported(f"the number {value} among integers")
    low, high = limits(dtype)
    if not low <= value <= high:
        raise Unsupported(f"the number {value} as {dtype.name}")
    return f"({kind}){int(value) % 2**64}ULL"


def _negative_zero(value: float) -> bool:
    return value == 0 and math.copysign(1.0, value) < 0


def converted(x: str, old: Any, new: Any) -> str:
    """A number in another data type, as `astype` does it."""
    if old == new:
        return x
    if new.group == "bool":
        return f"({x} != 0)"
    if is_float(old) and not is_float(new):
        return f"pg_integer<{name(new)}>({x})"
    return f"({name(new)}){x}"
