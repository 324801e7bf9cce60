"""Python numbers that are known when a program runs, as arrays for ops that ask for arrays."""

from typing import Any

from polygrad.compile.graph import Equation, Graph, Value
from polygrad.compile.passes.rewrite import rewrite
from polygrad.core.op import OPS, Op


def arrays_for_numbers(graph: Graph) -> Graph:
    """The graph with arrays without axes where an op could not do with a number.

    >>> graph = pg.make_graph(lambda x, y: pg.clip(x, y, 2.0))(1.0, pg.ones(2))
    >>> [e.op.name for e in arrays_for_numbers(graph).equations]
    ['astype', 'clip']
    """

    def rule(equation: Equation, _: Any) -> Any:
        dtype = dtype_beside(equation) if _asks(equation.op) else None
        if dtype is None or len({x.weak for x in equation.values}) < 2:
            return None
        before, inputs = [], list(equation.inputs)
        for i, x in enumerate(inputs):
            if isinstance(x, Value) and x.weak:
                inputs[i] = new = Value((), dtype, x.device)
                before.append(Equation(OPS["astype"], (x,), {"dtype": dtype}, (new,)))
        return [*before, Equation(equation.op, inputs, equation.params, equation.outputs)]

    return rewrite(graph, rule)


def _asks(op: Op) -> bool:
    """Whether what computes it may ask an operand for its shape or data type.

    The standard's functions do not. An op of a user's gets what it gets without a compiler.
    """
    return op.facts.elementwise and op.forward is not None and bool(op.builtin)


def dtype_beside(equation: Equation) -> Any:
    """The data type that numbers take among the operands of an equation; None for their own."""
    out = equation.outputs[0]
    if out.weak or not equation.op.facts.elementwise:
        return None
    arrays = [x for x in equation.values if not x.weak]
    if out.dtype.is_inexact:
        return out.dtype
    return next((x.dtype for x in arrays if x.dtype.is_inexact), None)
