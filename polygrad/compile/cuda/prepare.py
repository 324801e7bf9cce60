"""Ops in terms of what kernels compute: means as sums, and products of vectors as sums, too.

A product by a vector, or an outer one, reads each number of the matrix once or writes it once: it
takes as long as the memory does, as a reduction or an elementwise kernel takes, and as one of
those it is fused with what is before and after.
"""

from typing import Any

from polygrad.compile.cuda.supported import FLOATS, is_product
from polygrad.compile.graph import Equation, Graph, Value
from polygrad.compile.index import broadcast_shape, is_transpose
from polygrad.compile.passes.rewrite import mean_as_sum, rewrite
from polygrad.core.op import OPS

SHORT = 4
"""Length of the sums up to which a product of matrices is computed without tiles."""


def prepare(graph: Graph) -> Graph:
    """The graph without means and without products of vectors."""
    producers = graph.producers()

    def rule(equation: Equation, _: Any) -> Any:
        if equation.op is OPS["mean"]:
            return _mean(equation)
        return _thin(equation, producers) if is_product(equation) else None

    return rewrite(graph, rule)


def _mean(equation: Equation) -> list[Equation] | None:
    x, out = equation.inputs[0], equation.out
    if out.dtype.name not in FLOATS or x.dtype != out.dtype:
        return None
    return mean_as_sum(equation)


class _Writer:
    """Equations with answers of one data type."""

    def __init__(self, out: Value) -> None:
        self.out = out
        self.equations: list[Equation] = []

    def reshape(self, x: Value, shape: tuple[int, ...]) -> Value:
        if x.shape == shape:
            return x
        made = Value(shape, x.dtype, x.device)
        self.equations.append(Equation(OPS["reshape"], (x,), {"shape": shape}, (made,)))
        return made

    def transposed(self, x: Value) -> Value:
        made = Value((*x.shape[:-2], x.shape[-1], x.shape[-2]), x.dtype, x.device)
        self.equations.append(Equation(OPS["matrix_transpose"], (x,), {}, (made,)))
        return made

    def multiply(self, a: Value, b: Value, out: Value | None = None) -> Value:
        made = out or Value(broadcast_shape([a.shape, b.shape]), a.dtype, a.device)
        self.equations.append(Equation(OPS["multiply"], (a, b), {}, (made,)))
        return made

    def total(self, x: Value, axis: int, keepdims: bool = False) -> list[Equation]:
        params = {"axis": (x.ndim + axis,), "keepdims": keepdims}
        self.equations.append(Equation(OPS["sum"], (x,), params, (self.out,)))
        return self.equations


def _thin(equation: Equation, producers: dict[Value, Equation]) -> list[Equation] | None:
    """A product with a vector, or with short sums, as a sum of products of numbers.

    The axis that is last in the memory of the larger operand is the last one here.
    """
    a, b = equation.inputs
    w = _Writer(equation.out)
    if b.ndim == 1 or b.shape[-1] == 1:
        if b.ndim == 1 and a.ndim == 1:
            return w.total(w.multiply(a, b), -1)
        matrix, turned = (a, _turned(a, producers)) if a.ndim > 1 else (a, None)
        keep = b.ndim > 1
        if turned is not None:
            column = w.reshape(b, (b.shape[0], 1) if b.ndim == 1 else (*b.shape, 1))
            wide = w.reshape(turned, (*turned.shape, 1)) if keep else turned
            return w.total(w.multiply(wide, column), -3 if keep else -2)
        row = w.reshape(b, (*b.shape[:-2], 1, b.shape[-2])) if keep else b
        if matrix.ndim == 1:
            row = w.reshape(row, (*row.shape[:-2], row.shape[-1]))
            keep = True
        return w.total(w.multiply(matrix, row), -1, keep)
    if a.ndim == 1 or a.shape[-2] == 1:
        keep = a.ndim > 1
        turned = _turned(b, producers)
        if turned is not None:
            row = w.reshape(a, (*a.shape[:-1], 1, a.shape[-1])) if keep else a
            shape = (*turned.shape[:-2], 1, *turned.shape[-2:])
            wide = w.reshape(turned, shape) if keep else turned
            return w.total(w.multiply(wide, row), -1)
        column = w.reshape(a, (*a.shape[:-2], a.shape[-1], 1))
        return w.total(w.multiply(column, b), -2, keep)
    if a.shape[-1] == 1:
        w.multiply(a, b, equation.out)
        return w.equations
    if a.shape[-1] <= SHORT:
        rows = w.reshape(a, (*a.shape[:-1], 1, a.shape[-1]))
        columns = w.transposed(b)
        columns = w.reshape(columns, (*columns.shape[:-2], 1, *columns.shape[-2:]))
        return w.total(w.multiply(rows, columns), -1)
    return None


def _turned(x: Value, producers: dict[Value, Equation]) -> Value | None:
    """What a value is the matrix transpose of."""
    equation = producers.get(x)
    if equation is None or not is_transpose(equation):
        return None
    found = equation.inputs[0]
    return found if isinstance(found, Value) else None
