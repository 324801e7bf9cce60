"""The body of a loop or branch: a graph of its own, which an equation of another graph runs.

What a body uses of the function around it becomes further inputs, so a body depends on nothing
but its operands. It can run in two ways: compiled, on library arrays; and op by op on arrays of
any level, which is how its derivatives are taken.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from polygrad.array import Array, wrap
from polygrad.compile.graph import LITERALS, Graph, Value
from polygrad.compile.lowering import lower
from polygrad.compile.tracing import BodyTrace, GraphTrace, run_traced
from polygrad.core.trace import apply as apply_op


class Body:
    """A graph with a program; made for one equation."""

    __hash__ = None  # type: ignore[assignment]  # no key of a lasting table

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def __call__(self, *arrays: Any) -> list[Any]:
        return apply(self.graph, arrays)

    @cached_property
    def program(self) -> Any:
        """The compiled graph; its ``run`` takes and returns library arrays."""
        graph = self.graph
        if any(e.op.inline is not None for e in graph.equations):
            inputs = [value.like() for value in graph.inputs]
            writer = GraphTrace()
            outputs = run_traced(writer, lambda arrays: apply(graph, arrays), inputs)
            graph = Graph(inputs, writer.constants, writer.equations, outputs, graph.name)
        return lower(graph, (False,) * len(graph.inputs))

    def run(self, arrays: Sequence[Any]) -> Sequence[Any]:
        """The answers for library arrays, or numbers where the graph has them."""
        given = [
            number(x) if value.weak else x
            for x, value in zip(arrays, self.graph.inputs, strict=True)
        ]
        found: Sequence[Any] = self.program.run(*given)
        return found

    def depends(self, flags: Sequence[bool]) -> list[bool]:
        """Which answers depend on any of the inputs that are flagged."""
        known = {v for v, yes in zip(self.graph.inputs, flags, strict=True) if yes}
        for equation in self.graph.equations:
            if not known.isdisjoint(equation.values):
                known.update(equation.outputs)
        return [value in known for value in self.graph.outputs]

    def __repr__(self) -> str:
        return f"<{self.graph.name} of {len(self.graph.equations)} equations>"


def number(x: Any) -> Any:
    """A Python number for an array without axes, or for itself."""
    return x if type(x) in LITERALS else wrap(x).item()


def trace_body(
    function: Callable[[list[Array]], Sequence[Any]], inputs: Sequence[Value], name: str
) -> tuple[Body, list[Array]]:
    """A function of arrays that returns arrays, as a body, and the arrays it captured.

    Those are inputs of the body after ``inputs``.
    """
    writer = BodyTrace()
    outputs = run_traced(writer, function, inputs)
    graph = Graph([*inputs, *writer.extra], writer.constants, writer.equations, outputs, name)
    return Body(graph), writer.captured


def apply(graph: Graph, arrays: Sequence[Any]) -> list[Any]:
    """The outputs of a graph for arrays of any level."""
    known: dict[Value, Any] = {v: wrap(array) for v, array in graph.constants.items()}
    known.update(zip(graph.inputs, arrays, strict=True))
    for equation in graph.equations:
        op = equation.op
        operands = tuple([known[x] if isinstance(x, Value) else x for x in equation.inputs])
        if op.facts.python is not None and all(type(x) in LITERALS for x in operands):
            known[equation.out] = op.facts.python(*operands)
            continue
        out = apply_op(op, operands, equation.params)
        known.update(zip(equation.outputs, out if op.multiple else (out,), strict=True))
    return [known[value] for value in graph.outputs]
