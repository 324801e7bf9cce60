"""Passes: each takes a graph and returns one that computes the same."""

from polygrad.compile.graph import Graph
from polygrad.compile.passes.cse import common_subexpressions
from polygrad.compile.passes.dce import dead_code
from polygrad.compile.passes.fold import fold_constants, literals
from polygrad.compile.passes.numbers import arrays_for_numbers
from polygrad.compile.passes.simplify import simplify
from polygrad.compile.passes.transposes import transposes

PASSES = (
    dead_code, arrays_for_numbers, fold_constants, literals, simplify, transposes,
    common_subexpressions, dead_code,
)  # fmt: skip
"""In the order they run. None changes a result by more than a rounding error."""


def optimise(graph: Graph) -> Graph:
    """The graph after all passes.

    >>> graph = pg.make_graph(lambda x: pg.sum(-(-x)) + 0.0 * pg.sum(pg.ones(3)))(pg.ones(2))
    >>> [e.op.name for e in optimise(graph).equations]
    ['sum', 'add']
    """
    for one in PASSES:
        graph = one(graph)
    return graph
