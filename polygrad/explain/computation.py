"""The recorded graph: its nodes, its edges with their local derivatives, its evaluation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from polygrad.array import Array, is_array, wrap
from polygrad.core.op import Op
from polygrad.core.trace import bind
from polygrad.errors import ArgumentValueError, NonScalarError
from polygrad.explain.steps import Steps, walk
from polygrad.explain.text import expression, number, table
from polygrad.ops import asarray, ones_like
from polygrad.transforms.grad import vjp


@dataclass(frozen=True, eq=False, slots=True)
class Node:
    """One value of the graph: a leaf (``op`` None), or an op applied to its operands.

    ``operands`` are names of nodes, or constants as text; ``sources`` are the same names, with
    None for each constant. ``value`` is an Array, or the tuple of them of an op with several
    answers; each of those is then a node too, whose ``slot`` says which.
    """

    name: str
    primitive: Op | None = field(repr=False)
    operands: tuple[str, ...]
    sources: tuple[str | None, ...] = field(repr=False)
    args: tuple[Any, ...] = field(repr=False)
    params: dict[str, Any]
    value: Any
    slot: int | None

    @property
    def op(self) -> str | None:
        """The name of the operation; None for a leaf."""
        if self.slot is not None:
            return f"answer {self.slot}"
        return None if self.primitive is None else self.primitive.name

    @property
    def shape(self) -> Any:
        """The shape of the value; a tuple of shapes for an op with several answers."""
        if isinstance(self.value, tuple):
            return tuple(v.shape for v in self.value)
        return self.value.shape

    def __str__(self) -> str:
        return self.name if self.op is None else f"{self.name} = {self.expression}"

    @property
    def expression(self) -> str:
        """What is computed, such as ``m * x``; a leaf's name."""
        return self.name if self.op is None else expression(self.op, self.operands)

    def flows(self) -> list[int]:
        """The places of the operands that a derivative flows to."""
        if self.primitive is None:
            return [0] if self.sources else []
        n = len(self.sources)
        return [
            i
            for i, source in enumerate(self.sources)
            if source is not None and self.primitive.plan(1 << i | 1 << n, n) is not None
        ]

    def pull(self, g: Any) -> dict[int, Any]:
        """The op's own rule: what each operand gets when the gradient of the value is ``g``."""
        places = self.flows()
        if self.primitive is None or not places:
            return dict.fromkeys(places, g)
        args = [wrap(self.args[i]) for i in places]
        _, pullback = vjp(lambda *given: self.compute(dict(zip(places, given, strict=True))), *args)
        return dict(zip(places, pullback(g), strict=True))

    def local(self) -> dict[int, Any]:
        """The local derivative to each operand, as `Edge` has it, from a gradient of ones."""
        if isinstance(self.value, tuple):
            return dict.fromkeys(self.flows())
        found = self.pull(ones_like(self.value))
        elementwise = self.primitive is None or self.primitive.kind == "elementwise"
        if self.value.dtype.is_complex or not (elementwise or self.shape == ()):
            return dict.fromkeys(found)
        return {
            place: None if d.shape != self.shape or d.dtype.is_complex else d
            for place, d in found.items()
        }

    def compute(self, operands: Mapping[int, Any]) -> Any:
        """The value when the operands at some places are given."""
        if self.primitive is None:
            return operands[0][self.slot] if self.sources else self.value
        args = tuple(operands.get(i, arg) for i, arg in enumerate(self.args))
        out = bind(self.primitive, args, self.params)
        return tuple(map(wrap, out)) if self.primitive.multiple else wrap(out)


@dataclass(frozen=True, eq=False, slots=True)
class Edge:
    """A path from an operand to the node that uses it, at one place among its operands.

    ``local`` is the local derivative, an Array: a number where both are scalars; for an
    elementwise op of equal shapes one number an element. It is None where it would be a matrix
    (or complex): such a derivative is only ever applied, as a vector-Jacobian product.
    """

    operand: str
    node: str
    place: int
    local: Any

    def __str__(self) -> str:
        shown = "vjp" if self.local is None else number(self.local)
        return f"{self.operand} -> {self.node}: {shown}"


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
        return walk(self, wrap(cotangent) if is_array(cotangent) else asarray(cotangent))

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
