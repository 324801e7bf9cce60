"""Reductions: what a total begins with, and how an element is added to it."""

from typing import Any

from polygrad.compile.cuda.types import constant, is_float, limits
from polygrad.compile.cuda.types import name as type_name


def first(op: str, dtype: Any) -> str:
    """What a reduction begins with."""
    if op in ("sum", "any"):
        return constant(0, dtype)
    if op in ("prod", "all"):
        return constant(1, dtype)
    if is_float(dtype):
        return constant(float("-inf") if op == "max" else float("inf"), dtype)
    low, high = limits(dtype)
    return constant(low if op == "max" else high, dtype)


def combined(op: str, dtype: Any, total: str, x: str) -> str:
    """A total with one more element."""
    if op in ("max", "min"):
        return f"pg_{op}({total}, {x})"
    if op in ("all", "any"):
        return f"{total} {'&&' if op == 'all' else '||'} {x}"
    sign = "+" if op == "sum" else "*"
    if is_float(dtype):
        return f"{total} {sign} {x}"
    wide = "unsigned long long" if dtype.bits == 64 else "unsigned int"
    return f"({type_name(dtype)})(({wide}){total} {sign} ({wide}){x})"
