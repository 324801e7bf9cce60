"""The nodes of a recorded computation, and the edges between them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from polygrad.array import wrap
from polygrad.core.op import Op
from polygrad.core.trace import bind
from polygrad.explain.text import expression, number
from polygrad.ops import ones_like
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
