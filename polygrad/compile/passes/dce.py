"""Dead code: equations whose answers nothing needs, and constants that nothing uses."""

from polygrad.compile.graph import Graph


def dead_code(graph: Graph) -> Graph:
    """The graph without what no output depends on.

    >>> graph = pg.make_graph(lambda x: (pg.exp(x), x + 1.0)[1])(pg.ones(2))
    >>> [e.op.name for e in dead_code(graph).equations]
    ['add']
    """
    needed = set(graph.outputs)
    kept = []
    for equation in reversed(graph.equations):
        if not needed.isdisjoint(equation.outputs):
            if equation.op.pruned is not None:
                equation = equation.op.pruned(equation, needed)
            needed.update(equation.values)
            kept.append(equation)
    constants = {v: array for v, array in graph.constants.items() if v in needed}
    return graph.replaced(kept[::-1], constants=constants)
