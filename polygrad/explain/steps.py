"""Backpropagation over a recorded graph, one numbered step for each path."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from polygrad.errors import ArgumentValueError
from polygrad.explain.nodes import Node
from polygrad.explain.text import number, table
from polygrad.ops import zeros_like

_HEADER = ["step", "node", "operand", "incoming", "local", "incoming * local", ""]


@dataclass(frozen=True, eq=False, slots=True)
class Step:
    """One application of the chain rule: from a node to one of its operands.

    ``incoming`` is the gradient of the output with respect to the node, ``local`` the node's
    derivative with respect to the operand (see `Edge`), ``contribution`` what the op's rule
    makes of the two: their product, where ``local`` is a number. ``total`` is the operand's
    gradient so far: this contribution added to those of the ``path`` - 1 paths before it, out
    of ``paths``. In the first step ``node`` is None: the output's gradient is given.
    """

    number: int
    node: Node | None
    operand: str
    incoming: Any
    local: Any
    contribution: Any
    before: Any
    total: Any
    path: int
    paths: int

    def cells(self) -> list[str]:
        """The step as the cells of a row of the table that `Steps` prints."""
        result = number(self.contribution)
        if self.node is None:
            return [str(self.number), "last node", self.operand, "", "", result, ""]
        note = ""
        if self.paths > 1:
            note = f"path {self.path} of {self.paths}"
            if self.before is not None and self.total.shape == ():
                added = f"({result})" if result[0] == "-" else result
                note += f": {number(self.before)} + {added} = {number(self.total)}"
            elif self.before is not None:
                note += ", added to the path before" + "s" * (self.path > 2)
        shown = "vjp" if self.local is None else number(self.local)
        incoming = number(self.incoming)
        return [str(self.number), str(self.node), self.operand, incoming, shown, result, note]

    def __str__(self) -> str:
        return table([self.cells()], set())


class Steps(list[Step]):
    """The steps of one backward pass, in order; printed as a table.

    >>> steps = pg.explain.graph(lambda x: x * x + x)(3.0).steps()
    >>> steps.gradient("x").item()
    7.0
    """

    def __init__(self, steps: list[Step], gradients: dict[str, Any]) -> None:
        super().__init__(steps)
        self._gradients = gradients

    def gradient(self, name: str) -> Any:
        """The gradient of the output with respect to a leaf or any other node.

        Zero where no path leads to the output. Raises ArgumentValueError for a name that the
        graph does not have.
        """
        if name not in self._gradients:
            raise ArgumentValueError(
                f"explain: got the node {name!r}, expected one of {', '.join(self._gradients)}"
            )
        return self._gradients[name]

    def __str__(self) -> str:
        return table([_HEADER, *(step.cells() for step in self)], {0, 3, 4, 5})


def walk(nodes: dict[str, Node], output: str, seed: Any) -> Steps:
    """Go through the nodes from the last to the first, as the reverse-mode tape does."""
    gradients: dict[str, Any] = {output: seed}
    steps = [Step(1, None, output, None, None, seed, None, seed, 1, 1)]
    paths = _paths(nodes, output)
    seen: Counter[str] = Counter()
    for node in reversed(nodes.values()):
        if node.name not in gradients:
            continue
        g = gradients[node.name] = _complete(node, gradients[node.name])
        local = node.local()
        for place, contribution in node.pull(g).items():
            operand = node.sources[place]
            assert operand is not None
            before = gradients.get(operand)
            if node.slot is None:
                total = contribution if before is None else before + contribution
                gradients[operand] = total
            else:  # one of several answers: their gradients stand side by side
                gradients[operand] = {**(before or {}), node.slot: contribution}
                before, total = None, contribution
            seen[operand] += 1
            nth = (seen[operand], paths[operand]) if node.slot is None else (1, 1)
            steps.append(
                Step(
                    len(steps) + 1, node, operand, g, local[place], contribution, before, total,
                    *nth,
                )
            )  # fmt: skip
    for node in nodes.values():
        gradients.setdefault(node.name, _complete(node, {}))
    return Steps(steps, gradients)


def _complete(node: "Node", found: Any) -> Any:
    """A node's gradient; zeros stand for the answers, of several, that no path led to."""
    if isinstance(node.value, tuple):
        return tuple(found[i] if i in found else zeros_like(v) for i, v in enumerate(node.value))
    return zeros_like(node.value) if type(found) is dict else found


def _paths(nodes: dict[str, Node], output: str) -> Counter[str]:
    """How many edges leave each node towards the output."""
    reached = {output}
    paths: Counter[str] = Counter()
    for node in reversed(nodes.values()):
        if node.name in reached:
            operands = [str(node.sources[place]) for place in node.flows()]
            paths.update(operands)
            reached.update(operands)
    return paths
