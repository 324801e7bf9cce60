"""Transposes into products: (a.T @ b.T).T is b @ a, and a swap of the last axes is one op."""

from typing import Any

from polygrad.compile.graph import Equation, Graph, Value
from polygrad.compile.index import is_transpose
from polygrad.compile.passes.rewrite import rewrite
from polygrad.core.op import OPS

_TRANSPOSE = OPS["matrix_transpose"]


def transposes(graph: Graph) -> Graph:
    """The graph with transposes next to matrix products, which take them for nothing.

    >>> graph = pg.make_graph(lambda a, b: (a.T @ b.T).T)(pg.ones((2, 3)), pg.ones((4, 2)))
    >>> [e.op.name for e in transposes(graph).equations if e.op.name == "matmul"]
    ['matmul', 'matmul']
    """
    uses = graph.users()

    def rule(equation: Equation, producers: dict[Value, Equation]) -> Any:
        if equation.op is OPS["permute_dims"]:
            if is_transpose(equation):
                swapped = Equation(_TRANSPOSE, equation.inputs, {}, equation.outputs)
                return rule(swapped, producers) or [swapped]
            return None
        if equation.op is not _TRANSPOSE:
            return None
        product = producers.get(equation.inputs[0])
        if product is None or product.op is not OPS["matmul"]:
            return None
        if len(uses.get(product.out, ())) > 1 or product.out in graph.outputs:
            return None
        sources = [producers.get(x) for x in product.inputs]
        if any(s is None or s.op is not _TRANSPOSE for s in sources):
            return None
        right, left = [s.inputs[0] for s in sources if s is not None]
        return [Equation(product.op, (left, right), {}, equation.outputs)]

    return rewrite(graph, rule)
