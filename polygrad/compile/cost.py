"""What a graph costs: arithmetic, memory traffic and memory, counted before it runs."""

import math
from typing import NamedTuple

from polygrad.compile.graph import Equation, Graph
from polygrad.compile.index import is_view
from polygrad.compile.replay import last_uses
from polygrad.core.op import OPS


class Cost(NamedTuple):
    """Figures of one call, by shapes alone.

    ``flops`` counts one for each element of an elementwise answer and of what a reduction takes,
    and two for each product that a matrix product adds up; other ops count the elements they
    take. ``bytes`` is what is read and written if each op reads its operands from memory and
    writes its answer there, an upper bound: fused loops keep most of it in the cache. ``peak``
    is the most bytes that values which are still needed take at any time, arguments included.
    """

    flops: int
    bytes: int
    peak: int

    def __str__(self) -> str:
        return (
            f"{self.flops / 1e6:,.3f} Mflop, {self.bytes / 1e6:,.3f} MB moved, at most "
            f"{self.peak / 1e6:,.3f} MB held"
        )


def cost(graph: Graph) -> Cost:
    """The cost of a graph.

    >>> cost(pg.make_graph(lambda a, b: pg.sum(a @ b))(pg.ones((2, 3)), pg.ones((3, 4))))
    Cost(flops=56, bytes=248, peak=208)
    """
    flops = moved = 0
    held = sum(v.nbytes for v in (*graph.inputs, *graph.constants))
    peak = held
    uncounted = {*graph.inputs, *graph.constants}
    for equation, ending in zip(graph.equations, last_uses(graph), strict=True):
        if not is_view(equation):
            flops += _flops(equation)
            moved += sum(v.nbytes for v in (*equation.values, *equation.outputs))
            held += sum(out.nbytes for out in equation.outputs)
        else:
            uncounted.update(equation.outputs)  # a view: it has no memory of its own
        peak = max(peak, held)
        held -= sum(v.nbytes for v in ending if v not in uncounted)
    return Cost(flops, moved, peak)


def _flops(equation: Equation) -> int:
    if equation.op is OPS["matmul"]:
        left = equation.inputs[0].shape
        return 2 * math.prod(equation.out.shape) * left[-1]
    if equation.op.facts.elementwise:
        return equation.out.size
    return sum(x.size for x in equation.values)
