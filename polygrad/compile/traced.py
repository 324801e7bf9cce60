"""A function traced for one kind of arguments."""

from collections.abc import Callable, Coroutine, Generator, Sequence
from typing import Any

import polygrad.compile.control  # noqa: F401  loops and branches become instructions
from polygrad import tree
from polygrad.array import BASE, Array, is_array
from polygrad.backend import SCALAR_TYPES, backend_for_type
from polygrad.compile.graph import LITERALS, Graph
from polygrad.compile.signature import Split
from polygrad.compile.tracing import GraphTrace, input_like, number_type, trace
from polygrad.errors import ArgumentTypeError, ArgumentValueError
from polygrad.transforms.arguments import kind_of, unwrap_as


class Traced:
    """A function traced for one kind of arguments: its graph, and how outputs are put together."""

    def __init__(
        self,
        f: Callable[..., Any],
        split: Split,
        name: str,
        writer: Callable[[], GraphTrace] = GraphTrace,
    ) -> None:
        values = [input_like(leaf) for leaf in split.leaves]
        self.places = [i for i, value in enumerate(values) if value is not None]
        self.kind = kind_of(split.leaves)
        donated = split.donated()
        self.donated = [donated[i] for i in self.places]
        self.used = 0  # when: see `polygrad.compile.programs`
        self.quick: Any = None  # its shortcut
        self.results: list[Any] = []  # for each output leaf its number, or what it always is
        self.raw: list[bool] = []

        def flat(arrays: list[Array]) -> list[Any]:
            leaves = list(split.leaves)
            for i, array in zip(self.places, arrays, strict=True):
                leaves[i] = array
            args, kwargs = split.rebuild(leaves)
            outs, self.spec = tree.flatten(f(*args, **kwargs))
            for out in outs:
                if isinstance(out, Generator | Coroutine):
                    out.close()
                    raise ArgumentTypeError(
                        f"{name} returns a {type(out).__name__}, whose body would run after the "
                        "trace; return arrays (a list for a generator), and use no async function"
                    )
            found: list[Any] = []
            for out in outs:
                self.results.append(_Place(len(found)) if is_array(out) else out)
                self.raw.append(is_array(out) and type(out) is not Array)
                if is_array(out):
                    found.append(out)
            return found

        inputs = [value for value in values if value is not None]
        self.graph: Graph = trace(flat, inputs, name, writer())
        self.graph.check()
        places = [r.number if type(r) is _Place else None for r in self.results]
        self.weak = [n is not None and self.graph.outputs[n].weak for n in places]

    def inputs(self, leaves: Sequence[Any]) -> list[Any]:
        """The library arrays and Python numbers of a call."""
        found: list[Any] = []
        for i in self.places:
            leaf = leaves[i]
            if type(leaf) is Array and leaf._trace is BASE:
                leaf = leaf._value
            if type(leaf) in SCALAR_TYPES:
                leaf = backend_for_type(type(leaf)).normalise(leaf)  # type: ignore[union-attr]
            elif isinstance(leaf, int | float | complex) and type(leaf) not in LITERALS:
                leaf = number_type(leaf)(leaf)  # type: ignore[misc]
            found.append(leaf)
        return found

    def check_donated(self, inputs: Sequence[Any]) -> None:
        """Raise ArgumentValueError where an array that is given away is another argument too."""
        if not any(self.donated) or len({id(x) for x in inputs}) == len(inputs):
            return
        for i, x in enumerate(inputs):
            for j in range(i):
                if inputs[j] is x and (self.donated[i] or self.donated[j]):
                    raise ArgumentValueError(
                        f"{self.graph.name}: arrays {j} and {i} among the arguments are one and "
                        "the same, and it is donated: what is written to one would change the "
                        "other; pass a copy of one"
                    )

    def outputs(self, arrays: Sequence[Any]) -> Any:
        """What the function returns, in the kind of array that came in."""
        leaves = []
        for result, raw in zip(self.results, self.raw, strict=True):
            if type(result) is not _Place:
                leaves.append(result)
                continue
            out = arrays[result.number]
            number = type(out) in (bool, int, float, complex)
            leaves.append(out if raw or number else unwrap_as(Array(out, BASE, None), self.kind))
        return tree.unflatten(self.spec, leaves)

    def tracked_outputs(self, arrays: Sequence[Array]) -> Any:
        """What the function returns to a transform: arrays of any level."""
        leaves = []
        for result, raw, weak in zip(self.results, self.raw, self.weak, strict=True):
            if type(result) is not _Place:
                leaves.append(result)
                continue
            out = arrays[result.number]
            if out._trace is BASE and (raw or weak):
                leaves.append(out.item() if weak else out._value)
            else:
                leaves.append(unwrap_as(out, self.kind))
        return tree.unflatten(self.spec, leaves)


class _Place:
    """Stands for an array among the leaves of an output."""

    def __init__(self, number: int) -> None:
        self.number = number
