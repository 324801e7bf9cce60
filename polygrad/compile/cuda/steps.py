"""The steps that a graph is divided into, before they have a text."""

from dataclasses import dataclass, field

from polygrad.compile.graph import Equation, Value


@dataclass(eq=False)
class Root:
    """A value that a kernel writes: ``source`` as it is, or reduced over axes of the space."""

    value: Value
    source: Value
    axes: tuple[int, ...] = ()
    op: str = ""


@dataclass(eq=False)
class Group:
    """What one kernel computes: values over one space, and reductions over the same axes of it."""

    space: tuple[int, ...]
    roots: list[Root] = field(default_factory=list)
    reads: set[Value] = field(default_factory=set)
    cost: int = 0

    @property
    def axes(self) -> tuple[int, ...] | None:
        """The axes that are reduced, if any are."""
        return next((r.axes for r in self.roots if r.op), None)

    @property
    def totals(self) -> int:
        """How many reductions there are."""
        return sum(bool(r.op) for r in self.roots)


@dataclass(eq=False)
class Tiled:
    """A matrix product that a generated kernel computes, tile by tile.

    Its operands are read through views and cheap steps. ``roots`` are what is written: the
    product, or what is computed from it and from others at each element.
    """

    equation: Equation
    roots: list[Root]


@dataclass(eq=False)
class Product:
    """A matrix product of values in memory by the library; whether each is read transposed."""

    equation: Equation
    operands: tuple[Value, Value]
    flips: tuple[bool, bool]


@dataclass(eq=False)
class Library:
    """An op as the library's own function; without one, a copy."""

    equation: Equation | None
    values: tuple[Value, ...]
    outputs: tuple[Value, ...]


Step = Group | Tiled | Product | Library
