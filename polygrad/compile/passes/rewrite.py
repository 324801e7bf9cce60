"""What passes share: walk a graph in order and put another value in place of an answer."""

from collections.abc import Callable
from typing import Any

from polygrad.compile.graph import Equation, Graph, Value
from polygrad.core.op import OPS

Rule = Callable[[Equation, dict[Value, Equation]], Any]


def rewrite(graph: Graph, rule: Rule) -> Graph:
    """The graph with each equation as ``rule(equation, producers)`` wants it.

    The rule sees an equation whose operands are rewritten already, and the rewritten equations
    before it by what they define. It returns None to keep it, a Value that stands for its one
    answer from now on, or a list of equations in its place, the last of which defines its
    answers.
    """
    instead: dict[Value, Value] = {}
    producers: dict[Value, Equation] = {}
    equations: list[Equation] = []
    for equation in graph.equations:
        if any(x in instead for x in equation.values):
            operands = [instead.get(x, x) if isinstance(x, Value) else x for x in equation.inputs]
            equation = Equation(equation.op, operands, equation.params, equation.outputs)
        found = rule(equation, producers)
        if isinstance(found, Value):
            instead[equation.out] = found
            continue
        for new in [equation] if found is None else found:
            equations.append(new)
            producers.update((out, new) for out in new.outputs)
    return graph.replaced(equations, [instead.get(v, v) for v in graph.outputs])


def same_kind(a: Value, b: Value) -> bool:
    """Whether two values have one shape, data type and place."""
    return a.shape == b.shape and a.dtype == b.dtype and a.device == b.device and a.weak == b.weak


def mean_as_sum(equation: Equation) -> list[Equation]:
    """A mean as a sum and a division; that of nothing is nan."""
    x, out = equation.inputs[0], equation.out
    count = x.size // max(out.size, 1)
    total = out.like()
    divisor = float(count) if count else float("nan")
    return [
        Equation(OPS["sum"], (x,), equation.params, (total,)),
        Equation(OPS["divide"], (total, divisor), {}, (out,)),
    ]
