"""Which equations can be part of a kernel, and which are products."""

import math
from collections.abc import Sequence
from typing import Any

from polygrad.compile import index as indexing
from polygrad.compile.cuda import elements, types
from polygrad.compile.cuda.types import Unsupported
from polygrad.compile.graph import Equation, Value
from polygrad.compile.index import is_slot
from polygrad.compile.passes.expand import class_places
from polygrad.core.op import OPS

FLOATS = ("float32", "float64")
ARRAYS = 16
"""Arrays that a kernel joins: each is a branch in its code."""
PLACES = 2048
"""Places of an index array up to which each thread looks through all of them for its own.

With atomic additions the work would not grow with them, but the order of a sum, and so its last
digits, would differ from run to run.
"""
COMPARISONS = 2**26
"""Comparisons of places by all threads together up to which they are made."""


def typed(value: Value) -> bool:
    """Whether kernels have the data type of a value."""
    try:
        types.name(value.dtype)
    except Unsupported:
        return False
    return True


def is_product(equation: Equation) -> bool:
    """Whether an equation is a matrix product of real floating-point numbers."""
    if equation.op is not OPS["matmul"]:
        return False
    kinds = {x.dtype.name for x in (*equation.values, equation.out)}
    return len(kinds) == 1 and kinds <= set(FLOATS) and 0 not in equation.out.shape


def work(equation: Equation) -> int:
    """The additions and multiplications of a product."""
    return 2 * math.prod(equation.out.shape) * int(equation.inputs[0].shape[-1])


def kernelable(equation: Equation) -> bool:
    """Whether an equation can be part of a kernel."""
    op = equation.op
    if op.multiple or not all(map(typed, (*equation.values, *equation.outputs))):
        return False
    out, params = equation.out, equation.params
    if (
        any(x.device != out.device for x in equation.values if not x.weak)
        or None in equation.inputs
    ):
        return False
    if equation.op.facts.elementwise:
        return _by_element(equation)
    x = equation.inputs[0] if equation.inputs else None
    if not isinstance(x, Value) or x.weak:
        return False
    if op.facts.reduction:
        if not set(params) <= {"axis", "keepdims", "dtype"}:
            return False
        empty = math.prod([x.shape[a] for a in params["axis"]]) == 0
        numbers = (
            x.dtype.group != "bool"
            or equation.out.dtype != x.dtype
            or op.facts.reduction in ("all", "any")
        )
        return numbers and not (op.facts.reduction in ("max", "min") and empty)
    if op is OPS["getitem"]:
        return _plain(params["index"], equation.inputs[1:], x.shape)
    if op.facts.joins or op.facts.triangle:
        return _joins(equation)
    return bool(op.facts.view) or op is class_places


def _by_element(equation: Equation) -> bool:
    if equation.params and not equation.op.facts.casts:
        return False
    given = ["x"] * len(equation.inputs)
    try:
        elements.expression(equation.op.builtin, equation.inputs, given, equation.out.dtype)
    except Unsupported:
        return False
    return True


def _joins(equation: Equation) -> bool:
    facts, out = equation.op.facts, equation.out
    if any(not isinstance(x, Value) or x.weak for x in equation.inputs):
        return False
    if facts.joins in ("concat", "stack"):
        return len(equation.inputs) <= ARRAYS and all(x.dtype == out.dtype for x in equation.inputs)
    if facts.triangle:
        return type(equation.params["k"]) is int
    if facts.joins == "add" and out.dtype.group == "bool":
        return False
    arrays = equation.inputs[facts.indices :]
    if not _plain(equation.params["index"], arrays, out.shape):
        return False
    count = math.prod(indexing.broadcast_shape([a.shape for a in arrays])) if arrays else 1
    return count <= PLACES and count * out.size <= COMPARISONS


def _plain(key: tuple[Any, ...], arrays: Sequence[Any], shape: tuple[int, ...]) -> bool:
    """Whether index arrays stand side by side, without integers or masks beside them."""
    if any(type(part) is bool for part in key):
        return False
    if not arrays:
        return True
    if any(not isinstance(a, Value) or a.weak or a.dtype.group == "bool" for a in arrays):
        return False
    if 0 in shape:
        return False
    slots = [i for i, part in enumerate(key) if is_slot(part)]
    return slots == list(range(slots[0], slots[-1] + 1)) and not any(type(p) is int for p in key)
