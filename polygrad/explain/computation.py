"""The recorded graph: its nodes, its edges with their local derivatives, its evaluation."""

from collections.abc import Mapping
from typing import Any

from polygrad.array import Array, is_array, wrap
from polygrad.errors import ArgumentValueError, NonScalarError
from polygrad.explain.nodes import Edge, Node
from polygrad.explain.steps import Steps, walk
from polygrad.explain.text import number, table
from polygrad.ops import asarray, ones_like


class Graph:
    """The computation graph of one run of a function; made by `graph`.

    ``nodes`` maps names to nodes in the order they were computed; ``leaves`` are the names of
    what the function was differentiated with respect to, ``output`` is that of its value.
    """

    def __init__(self, nodes: Mapping[str, Node], leaves: list[str], output: str) -> None:
        self.nodes, self.leaves, self.output = dict(nodes), leaves, output

    @property
    def value(self) -> Array:
        """The value of the function."""
        return self.nodes[self.output].value

    def edges(self) -> list[Edge]:
        """Every edge with its local derivative, found by the rule of the op itself.

        >>> for edge in pg.explain.graph(lambda x, y: x * y)(2.0, 3.0).edges():
        ...     print(edge)
        x -> v1: 3
        y -> v1: 2
        """
        return [
            Edge(str(node.sources[place]), node.name, place, local)
            for node in self.nodes.values()
            for place, local in node.local().items()
        ]

    def steps(self, cotangent: Any = None) -> Steps:
        """Backpropagation from the output to every leaf, as a list of numbered steps.

        ``cotangent`` is the gradient to start from, 1 for a scalar output and needed for any
        other. Nodes are visited from the last computed to the first; a node's gradient is
        complete when it is visited, the sum of one contribution for each path to it.

        Raises NonScalarError when a cotangent is needed.

        >>> pg.explain.graph(lambda x: x * x)(3.0).steps().gradient("x").item()
        6.0
        """
        if cotangent is None:
            if self.value.shape != ():
                raise NonScalarError(
                    f"explain: the output has shape {tuple(self.value.shape)}, and only a scalar "
                    "has a gradient of its own; pass steps(cotangent) of that shape"
                )
            cotangent = ones_like(self.value)
        return walk(
            self.nodes, self.output, wrap(cotangent) if is_array(cotangent) else asarray(cotangent)
        )

    def evaluate(self, changes: Mapping[str, Any], node: str | None = None) -> Any:
        """The value of ``node`` (the output by default) when other nodes are given values.

        What depends on them is computed anew. Together with the definition of the derivative
        this checks any node, not only the leaves.

        Raises ArgumentValueError for a name that the graph does not have.

        >>> pg.explain.graph(lambda x: (x * x) + x)(3.0).evaluate({"v1": 10.0}).item()
        13.0
        """
        target = self.output if node is None else node
        for given in (target, *changes):
            if given not in self.nodes:
                raise ArgumentValueError(
                    f"explain: got the node {given!r}, expected one of {', '.join(self.nodes)}"
                )
        found: dict[str, Any] = {}
        for given, value in changes.items():
            like = self.nodes[given].value
            plain = not is_array(value) and not isinstance(value, tuple)
            found[given] = asarray(value, dtype=like.dtype, device=like.device) if plain else value
        for each in self.nodes.values():
            moved = {i: found[s] for i, s in enumerate(each.sources) if s in found}
            if moved and each.name not in found:
                found[each.name] = each.compute(moved)
        return found.get(target, self.nodes[target].value)

    def __str__(self) -> str:
        rows = []
        for node in self.nodes.values():
            params = "".join(f", {key}={value!r}" for key, value in node.params.items())
            text = f"{str(node)[:-1]}{params})" if params and str(node)[-1] == ")" else str(node)
            rows.append([text, f"= {number(node.value)}"])
        return table(rows, set())

    def __repr__(self) -> str:
        return f"<Graph of {len(self.nodes)} nodes, output {self.output}>"
