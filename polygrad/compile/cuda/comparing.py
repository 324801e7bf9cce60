"""Comparisons, in the data type that operands have together; those of integers are exact."""

import functools
import operator
from collections.abc import Sequence
from typing import Any

from polygrad.compile.cuda.types import (
    Unsupported,
    constant,
    converted,
    is_float,
    is_signed,
    limits,
)
from polygrad.compile.graph import Value
from polygrad.compile.native.elements import promoted
from polygrad.dtypes import DTYPES

COMPARISONS = {
    "equal": "==", "not_equal": "!=", "less": "<", "less_equal": "<=", "greater": ">",
    "greater_equal": ">=",
}  # fmt: skip
_PYTHON = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt,
    ">=": operator.ge,
}  # fmt: skip
_INT64, _FLOAT64 = DTYPES["int64"], DTYPES["float64"]
PRELUDE = """\
__device__ inline int pg_order(long long a, unsigned long long b) {
  if (a < 0) return -1;
  unsigned long long c = (unsigned long long)a;
  return c < b ? -1 : c > b;
}
"""
"""The order of a signed and an unsigned integer."""


def compared(op: str, inputs: Sequence[Any], given: Sequence[str]) -> str:
    """A comparison of two operands; ``given`` are their names. Raises Unsupported."""
    sign, dtype = COMPARISONS[op], _together(op, inputs)
    if is_float(dtype):
        x, y = map(_number, inputs, given, (dtype, dtype))
        return f"{x} {sign} {y}"
    if dtype.group == "bool" and any(type(x) is int for x in inputs):
        dtype = _INT64
    for place, x in enumerate(inputs):
        if type(x) is int and not limits(dtype)[0] <= x <= limits(dtype)[1]:
            left, right = (x, 0) if place == 0 else (0, x)
            return "true" if _PYTHON[sign](left, right) else "false"
    # A Python number of a call is a signed one of 64 bits, whatever it stands beside.
    kinds = [
        _INT64 if isinstance(x, Value) and x.weak else x.dtype if isinstance(x, Value) else dtype
        for x in inputs
    ]
    x, y = map(_number, inputs, given, kinds)
    whole = [kind.group != "bool" for kind in kinds]
    if all(whole) and is_signed(kinds[0]) != is_signed(kinds[1]):
        if is_signed(kinds[0]):
            return f"pg_order({x}, {y}) {sign} 0"
        return f"0 {sign} pg_order({y}, {x})"
    return f"{x} {sign} {y}"


def _number(x: Any, text: str, dtype: Any) -> str:
    return converted(text, x.dtype, dtype) if isinstance(x, Value) else constant(x, dtype)


def _together(op: str, inputs: Sequence[Any]) -> Any:
    arrays = [x.dtype for x in inputs if isinstance(x, Value) and not x.weak]
    numbers = [x for x in inputs if not isinstance(x, Value) or x.weak]
    if not arrays:
        raise Unsupported(f"{op} of numbers")
    if any(type(x) is complex for x in numbers):
        raise Unsupported("complex numbers")
    found = functools.reduce(promoted, arrays)
    if is_float(found) and not any(map(is_float, arrays)):
        return _INT64  # signed and unsigned ones of 64 bits: no type of integers holds both
    if not is_float(found) and any(
        type(x) is float or (isinstance(x, Value) and is_float(x.dtype)) for x in numbers
    ):
        return _FLOAT64
    return found
