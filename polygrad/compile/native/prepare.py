"""A graph in the few ops that native code is written for, or the reason why it cannot be."""

import math
from typing import Any

from polygrad.compile import index as indexing
from polygrad.compile.abstract import broadcast
from polygrad.compile.graph import Equation, Graph, Value
from polygrad.compile.index import is_slot
from polygrad.compile.known import listed
from polygrad.compile.native.types import Unsupported, check
from polygrad.compile.passes.expand import class_places
from polygrad.compile.passes.rewrite import mean_as_sum, rewrite
from polygrad.core.op import OPS

FACTORS = listed("cholesky", "solve_triangular")
OTHERS = listed("matmul") | {class_places}

MATMUL = OPS["matmul"]
LONG = 1024
"""Elements of a row from which on its product with a column is a sum."""


def prepare(graph: Graph) -> Graph:
    """The graph, checked, with a mean as a sum and a division, and products of one data type."""
    for value in (*graph.inputs, *graph.constants):
        check(value.dtype)
        if value.weak and value.dtype.name not in ("int64", "float64"):
            raise Unsupported("a Python number that is no int or float")
    if any(v.weak for v in graph.outputs):
        raise Unsupported("a Python number as a result")
    found = rewrite(graph, _rule)
    for equation in found.equations:
        _check(equation)
    return found


def _rule(equation: Equation, producers: dict[Value, Equation]) -> Any:
    if equation.op is MATMUL:
        return _matmul(equation, producers)
    return mean_as_sum(equation) if equation.op is OPS["mean"] else None


def _matmul(equation: Equation, producers: dict[Value, Equation]) -> Any:
    """A product of one data type; with one long column it is a sum, and as exact as those."""
    out, before, operands = equation.out, [], []
    for x in equation.inputs:
        if x.dtype != out.dtype:
            new = Value(x.shape, out.dtype, x.device)
            before.append(Equation(OPS["astype"], (x,), {"dtype": out.dtype}, (new,)))
            x = new
        operands.append(x)
    left, right = operands
    turned = left in producers and indexing.is_transpose(producers[left])
    column = right.ndim == 1 or right.shape[-1] == 1
    if column and left.shape[-1] >= LONG and out.dtype.is_inexact and not turned:
        return [*before, *_as_sum(left, right, out)]
    return [*before, Equation(equation.op, operands, {}, equation.outputs)] if before else None


def _as_sum(left: Value, right: Value, out: Value) -> list[Equation]:
    """A product with a column, summed over the rows of the left operand."""
    found = []
    if right.ndim > 1:
        row = Value((*right.shape[:-2], 1, right.shape[-2]), out.dtype, out.device)
        found.append(Equation(OPS["matrix_transpose"], (right,), {}, (row,)))
        right = row
    shape = broadcast([left.shape, right.shape])
    parts = Value(shape, out.dtype, out.device)
    params = {"axis": (len(shape) - 1,), "keepdims": len(out.shape) == len(shape)}
    found.append(Equation(OPS["multiply"], (left, right), {}, (parts,)))
    return [*found, Equation(OPS["sum"], (parts,), params, (out,))]


def _check(equation: Equation) -> None:
    op, name = equation.op, equation.op.name
    if op.multiple or None in equation.inputs:
        raise Unsupported(f"the op {name}")
    out = equation.out
    if out.weak:
        raise Unsupported("arithmetic on Python numbers only")
    check(out.dtype)
    if equation.op.facts.elementwise:
        if equation.params and not op.facts.casts:
            raise Unsupported(f"the op {name} with parameters")
        return
    if op.facts.reduction:
        if not set(equation.params) <= {"axis", "keepdims", "dtype"}:
            raise Unsupported(f"the op {name} with these parameters")
        if op.facts.reduction in ("max", "min") and equation.inputs[0].size == 0:
            raise Unsupported(f"the {name} of nothing")
        return
    if op.facts.view or op in OTHERS or op.facts.joins or op.facts.triangle:
        if "index" in equation.params:
            _check_index(equation)
        return
    if op in FACTORS:
        _check_factor(equation)
        return
    raise Unsupported(f"the op {name}")


def _check_factor(equation: Equation) -> None:
    name, out = equation.op.name, equation.out
    if any(not isinstance(x, Value) or x.dtype != out.dtype for x in equation.inputs):
        raise Unsupported(f"{name} of several data types")
    if equation.op is OPS["cholesky"] and equation.params["upper"]:
        raise Unsupported("cholesky with upper=True")
    whole = math.prod(out.shape[:-2])
    if any(math.prod(x.shape[:-2]) not in (1, whole) for x in equation.values):
        raise Unsupported(f"{name} of stacks of matrices that broadcast")


def _check_index(equation: Equation) -> None:
    """Index arrays have to stand side by side, without integers beside them."""
    key, arrays = equation.params["index"], equation.inputs[equation.op.facts.indices :]
    if any(type(part) is bool for part in key):
        raise Unsupported("an index of bool")
    if not arrays:
        return
    if any(a.dtype.group == "bool" for a in arrays):
        raise Unsupported("an index of bool")
    slots = [i for i, part in enumerate(key) if is_slot(part)]
    if slots != list(range(slots[0], slots[-1] + 1)) or any(type(p) is int for p in key):
        raise Unsupported("index arrays apart from each other")
