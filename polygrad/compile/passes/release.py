"""Barriers taken out, last of all: by then nothing is shared across them any more.

What comes after a barrier is still not to be computed before it, where it would take memory for
longer. So each value remembers what the last barrier on its way waited for, in `Value.after`.
"""

from polygrad.compile.graph import Equation, Graph, Value
from polygrad.transforms.barrier import barrier


def release(graph: Graph) -> Graph:
    """The graph with the operands of each barrier in place of its answers.

    >>> f = lambda x: pg.sum(pg.checkpoint(pg.exp)(x))
    >>> graph = pg.make_graph(pg.grad(f))(pg.ones(2))
    >>> [e.op.name for e in graph.equations if e.op.name == "barrier"]
    ['barrier']
    >>> [e.op.name for e in release(graph).equations if e.op.name == "barrier"]
    []
    """
    instead: dict[Value, Value] = {}
    barriers: dict[Value, int] = {}  # the last one before a value, by its place
    waits: list[tuple[Value, ...]] = []
    equations = []
    for equation in graph.equations:
        inputs = [instead.get(x, x) if isinstance(x, Value) else x for x in equation.inputs]
        if equation.op is barrier:
            count = equation.params["count"]
            instead.update(zip(equation.outputs, inputs, strict=False))
            barriers.update((out, len(waits)) for out in equation.outputs)
            waits.append(tuple([x for x in inputs[count:] if isinstance(x, Value)]))
            continue
        last = max((barriers[x] for x in equation.values if x in barriers), default=None)
        if last is not None:
            equation = Equation(equation.op, inputs, equation.params, equation.outputs)
            for out in equation.outputs:
                barriers[out], out.after = last, waits[last]
        equations.append(equation)
    return graph.replaced(equations, [instead.get(v, v) for v in graph.outputs])
