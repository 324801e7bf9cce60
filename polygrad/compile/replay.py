"""Running a graph op by op: for backends without a compiler, and the reference for those with."""

from collections.abc import Callable, Sequence
from typing import Any

from polygrad.array import wrap
from polygrad.backend import ARRAY_TYPES
from polygrad.compile.graph import Graph, Value
from polygrad.core.trace import evaluate

Program = Callable[..., Sequence[Any]]


def last_uses(graph: Graph) -> list[list[Value]]:
    """For each equation the values that nothing uses after it."""
    kept = {*graph.outputs, *graph.constants}
    found: list[list[Value]] = []
    for equation in reversed(graph.equations):
        ending = [v for v in dict.fromkeys((*equation.values, *equation.outputs)) if v not in kept]
        kept.update(ending)
        found.append(ending)
    return found[::-1]


def replay(graph: Graph) -> Program:
    """A function of the library arrays of the inputs that returns those of the outputs.

    A value is let go as soon as nothing needs it any more.

    >>> graph = pg.make_graph(lambda x: pg.tanh(x) + 1.0)(pg.zeros(2))
    >>> replay(graph)(pg.zeros(2)._value)
    [array([1., 1.])]
    """
    shared = shared_outputs(graph)
    steps = list(zip(graph.equations, last_uses(graph), strict=True))

    def run(*inputs: Any) -> list[Any]:
        known: dict[Any, Any] = dict(graph.constants)
        known.update(zip(graph.inputs, inputs, strict=True))
        for equation, ending in steps:
            operands = [known[x] if isinstance(x, Value) else x for x in equation.inputs]
            python = equation.op.facts.python
            if equation.outputs[0].weak and python is not None:
                known[equation.out] = python(*operands)
                continue
            found = evaluate(equation.op, tuple(operands), equation.params)
            if not equation.op.multiple:
                known[equation.out] = wrap(found)._value
            else:
                for value, one in zip(equation.outputs, found, strict=True):
                    known[value] = wrap(one)._value
            for value in ending:
                del known[value]
        return own([known[value] for value in graph.outputs], shared)

    return run


def own(outputs: list[Any], shared: Sequence[bool]) -> list[Any]:
    """Outputs in memory of their own; ``shared`` marks those that are not made by this call."""
    found = []
    for out, known in zip(outputs, shared, strict=True):
        backend = ARRAY_TYPES.get(type(out))
        if backend is not None and not backend.immutable:
            out = backend.xp.asarray(out, copy=True) if known else backend.own(out)
        found.append(out)
    return found


def shared_outputs(graph: Graph) -> list[bool]:
    """For each output whether it is an input, a constant or an output before it."""
    seen = {*graph.inputs, *graph.constants}
    found = []
    for value in graph.outputs:
        found.append(value in seen)
        seen.add(value)
    return found
