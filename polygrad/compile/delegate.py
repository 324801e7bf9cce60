"""Programs for libraries with a compiler of their own (PyTorch, JAX): it gets the replay.

A backend's target says so by ``LANGUAGE = "library"``. Its ``compile_program`` turns a function of
arrays that returns a list of arrays into a compiled one. ``NUMBERS`` tells whether that takes
Python numbers for what they are; where it would keep their values, they come as arrays without
axes.
"""

import warnings
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from polygrad.backend import one_line
from polygrad.compile.graph import LITERALS, Equation, Graph, Value
from polygrad.compile.passes.numbers import dtype_beside
from polygrad.compile.replay import replay
from polygrad.core.op import OPS
from polygrad.errors import DelegationWarning


class Library(Protocol):
    """What compiles the functions of a library."""

    LANGUAGE: str
    NUMBERS: bool

    def compile_program(
        self, program: Callable[..., Sequence[Any]]
    ) -> Callable[..., Sequence[Any]]: ...

    def array(self, number: Any) -> Any: ...


def delegate(graph: Graph, library: Library, name: str) -> Callable[..., Sequence[Any]]:
    """A function of the inputs, compiled at the first call; a replay where that is impossible."""
    plain = replay(graph)
    if any(equation.op.facts.python_loop for equation in graph.equations):
        return plain
    return _Delegated(graph, library, name, plain)


def without_numbers(graph: Graph) -> Graph:
    """The graph with arrays without axes in place of Python numbers that are known when it runs.

    Beside arrays they are converted first, so that all data types stay what they are.
    """
    instead: dict[Any, Value] = {}

    def new(value: Value) -> Value:
        if value.weak and value not in instead:
            instead[value] = Value((), value.dtype, value.device)
        return instead.get(value, value)

    equations: list[Equation] = []
    for equation in graph.equations:
        inputs = []
        for x in equation.inputs:
            if isinstance(x, Value) and x.weak:
                dtype, x = dtype_beside(equation), new(x)
                if dtype is not None and dtype != x.dtype:
                    cast = Value((), dtype, x.device)
                    equations.append(Equation(OPS["astype"], (x,), {"dtype": dtype}, (cast,)))
                    x = cast
            inputs.append(x)
        outputs = [new(out) for out in equation.outputs]
        equations.append(Equation(equation.op, inputs, equation.params, outputs))
    inputs = [new(value) for value in graph.inputs]
    return Graph(inputs, graph.constants, equations, map(new, graph.outputs), graph.name)


class _Delegated:
    """A compiled function, until it fails where the replay does not."""

    def __init__(self, graph: Graph, library: Library, name: str, plain: Any) -> None:
        self._weak = [value.weak for value in graph.outputs]
        self._name, self._function, self._plain = name, graph.name, plain
        self._array = None if library.NUMBERS else library.array
        # Captured arrays are arguments, too: a compiler may copy what it takes for a constant.
        self._constants = list(graph.constants.values())
        if not library.NUMBERS:
            graph = without_numbers(graph)
        inputs = [*graph.constants, *graph.inputs]
        whole = Graph(inputs, {}, graph.equations, graph.outputs, graph.name)
        self._run: Any = library.compile_program(replay(whole))

    def __call__(self, *inputs: Any) -> Sequence[Any]:
        if self._run is None:
            return self._plain(*inputs)
        try:
            if self._array is not None:
                given = [self._array(x) if type(x) in LITERALS else x for x in inputs]
            else:
                given = list(inputs)
            found = self._run(*self._constants, *given)
        except Exception as error:
            out: Sequence[Any] = self._plain(*inputs)  # raises what is wrong with the arguments
            self._run = None
            warnings.warn(
                f"jit: {self._function} runs op by op, since {self._name} could not compile it "
                f"({type(error).__name__}: {one_line(error):.200}); results are the same",
                DelegationWarning,
                stacklevel=4,
            )
            return out
        if any(self._weak):
            return [
                x.item() if weak and type(x) not in LITERALS else x
                for x, weak in zip(found, self._weak, strict=True)
            ]
        return found
