"""Common subexpressions: what is computed twice from the same operands is computed once."""

from collections.abc import Hashable
from typing import Any

from polygrad.compile.graph import Equation, Graph, Value
from polygrad.compile.keys import frozen
from polygrad.compile.passes.rewrite import rewrite


def common_subexpressions(graph: Graph) -> Graph:
    """The graph with equal equations merged.

    >>> graph = pg.make_graph(lambda x: pg.exp(x) + pg.exp(x))(pg.ones(2))
    >>> [e.op.name for e in common_subexpressions(graph).equations]
    ['exp', 'add']
    """
    first: dict[Hashable, Equation] = {}

    def rule(equation: Equation, _: Any) -> Any:
        if equation.op.multiple:
            return None  # its answers would each need another in their place
        try:
            operands = [x if isinstance(x, Value) else frozen(x) for x in equation.inputs]
            key = equation.op, tuple(operands), frozen(equation.params)
        except TypeError:
            return None
        earlier = first.setdefault(key, equation)
        return None if earlier is equation else earlier.out

    return rewrite(graph, rule)
