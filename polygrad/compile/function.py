"""A compiled function of arrays that stays compiled under every transform.

It is a graph. What reverse mode, forward mode and vmap make of it are graphs in turn, derived once
for each choice of operands and compiled, so whatever nests comes down to programs. A transform
sees one op: see `polygrad.compile.function_op`.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

from polygrad.array import wrap
from polygrad.backend import ARRAY_TYPES, SCALAR_TYPES
from polygrad.compile import derive
from polygrad.compile.body import Body, apply
from polygrad.compile.function_op import function_op
from polygrad.compile.graph import LITERALS, Graph
from polygrad.compile.split import Part
from polygrad.core.debugging import while_on
from polygrad.errors import PolygradError
from polygrad.transforms.closures import STANDING

Arrays = Sequence[Any]


class NoDerivative(Exception):
    """A graph cannot be differentiated, or mapped, by itself."""


class Function:
    """A graph as a function of arrays at any level, and of the numbers it takes.

    Untracked operands run its program; tracked ones run those of its derivatives. Where these
    cannot be had it raises NoDerivative.
    """

    __hash__ = None  # type: ignore[assignment]  # no key of a lasting table

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._program: Any = None
        self._numbers = any(value.weak for value in graph.outputs)
        self._lock = STANDING
        self._derived: dict[Hashable, Any] = {}

    def __call__(self, *operands: Any) -> tuple[Any, ...]:
        return function_op.dispatch(operands, {"function": self})

    @property
    def program(self) -> Any:
        """The compiled graph; its ``run`` takes and returns library arrays, and numbers."""
        if self._program is None:
            with self._lock:
                if self._program is None:
                    self._program = Body(self.graph).program
        return self._program

    def run(self, operands: Arrays) -> Arrays:
        """The answers, as library arrays, for library arrays and numbers."""
        if not SCALAR_TYPES.isdisjoint(map(type, operands)):  # left by a rule on 0-d arrays
            operands = [
                ARRAY_TYPES[type(x)].normalise(x) if type(x) in SCALAR_TYPES else x
                for x in operands
            ]
        found: Arrays = (self._program or self.program).run(*operands)
        return [*map(self._array, found, self.graph.outputs)] if self._numbers else found

    @staticmethod
    def _array(x: Any, like: Any) -> Any:
        """An array, also where the program gives a number."""
        if type(x) not in LITERALS:
            return x
        backend = like.device.backend
        return backend.from_host(x, backend.raw_dtype(like.dtype), like.device.raw)

    def ops(self, operands: Arrays) -> tuple[Any, ...]:
        """The answers, computed op by op at the level of the operands."""
        return tuple(map(wrap, apply(self.graph, operands)))

    # -- derivatives -------------------------------------------------------------------------------

    def reverse(self, moving: tuple[bool, ...]) -> "Reverse":
        """Both passes of reverse mode, with respect to the operands that are marked."""
        found: Reverse = self._derive(
            (moving,), lambda: Reverse(derive.reverse(self.graph, moving))
        )
        return found

    def forward(self, moving: tuple[bool, ...]) -> "Forward":
        """Answers and tangents together."""
        found: Forward = self._derive(
            ("both", moving), lambda: Forward(*derive.forward(self.graph, moving))
        )
        return found

    def linear(self, moving: tuple[bool, ...]) -> "Linear":
        """Answers first and tangents later."""
        found: Linear = self._derive(
            ("linear", moving), lambda: Linear(*derive.linear(self.graph, moving))
        )
        return found

    def mapped(self, batched: tuple[bool, ...], size: int) -> "Mapped":
        """All examples at once, for a batch in front of the operands that are marked."""
        found: Mapped = self._derive(
            ("mapped", batched, size), lambda: Mapped(*derive.mapped(self.graph, batched, size))
        )
        return found

    def _derive(self, key: Hashable, make: Callable[[], Any]) -> Any:
        found = self._derived.get(key)
        if found is None:
            with self._lock:
                found = self._derived.get(key)
                if found is None:
                    try:
                        found = make()
                    except PolygradError as error:
                        found = str(error)
                    self._derived[key] = found
        if type(found) is str:
            raise NoDerivative(found)
        return found

    def __repr__(self) -> str:
        return f"<compiled {self.graph.name}>"


def _watched(self: Function, operands: Arrays) -> Arrays:
    return [x._value for x in self.ops([*map(wrap, operands)])]


while_on(Function, "run", _watched)  # debug_nans looks at each op


class Later:
    """A part of a graph that runs later; see `polygrad.compile.split.Part`."""

    def __init__(self, part: Part) -> None:
        self.function, self.reads, self.used = Function(part.graph), part.reads, part.used

    def __call__(self, kept: Arrays, arriving: Arrays) -> tuple[Any, ...]:
        """Its answers, of what the first part handed on and of what has come since."""
        return self.function(*[kept[i] for i in self.reads], *[arriving[i] for i in self.used])

    def run(self, kept: Arrays, arriving: Arrays) -> Arrays:
        """The same for library arrays."""
        given = [*[kept[i] for i in self.reads], *[arriving[i] for i in self.used]]
        return self.function.run(given)


class Reverse:
    """Both passes, as functions; see `polygrad.compile.derive.Reverse`.

    ``reads`` is what the backward pass keeps of the operands and answers of the forward pass.
    """

    def __init__(self, found: derive.Reverse) -> None:
        self.forward, self.depends = Function(found.forward), found.depends
        self.gives, self.chosen = found.gives, (found.chosen, found.chosen_masked)
        parts = [p for p in (found.backward, found.masked) if p is not None]
        self.reads = tuple(dict.fromkeys(i for part in parts for i in part.reads))
        places = {i: n for n, i in enumerate(self.reads)}
        later = [Later(p._replace(reads=tuple([places[i] for i in p.reads]))) for p in parts]
        self.backward, self.masked = later[0], later[-1]


class Forward:
    """Answers and tangents together: ``moved`` are the answers that have one."""

    def __init__(self, graph: Graph, moved: tuple[int, ...]) -> None:
        self.function, self.moved = Function(graph), moved


class Linear:
    """Answers, and their tangents later."""

    def __init__(self, first: Graph, part: Part, moved: tuple[int, ...]) -> None:
        self.function, self.tangents, self.moved = Function(first), Later(part), moved


class Mapped:
    """The function of a batch; ``batched`` are the answers that differ between the examples."""

    def __init__(self, graph: Graph, batched: tuple[bool, ...]) -> None:
        self.function, self.batched = Function(graph), batched
