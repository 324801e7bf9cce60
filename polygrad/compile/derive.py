"""The derivatives of a graph, as graphs: each transform runs over its ops while a trace writes.

What comes out is a graph like the one that went in, so it can be compiled, and differentiated
once more.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from polygrad.array import Array, wrap
from polygrad.compile.body import apply
from polygrad.compile.graph import Graph, Value
from polygrad.compile.passes.cse import common_subexpressions
from polygrad.compile.split import Part, split
from polygrad.compile.tracing import OpenTrace, trace
from polygrad.core.batch import BatchTrace
from polygrad.core.dual import ForwardTrace
from polygrad.core.record import plain
from polygrad.core.tape import Node, ReverseTrace, backward

Arrays = Sequence[Any]


class Forward(NamedTuple):
    """A graph of primals and of the tangents of those that move; it returns the answers, and the
    tangents of those at ``moved``.
    """

    graph: Graph
    moved: tuple[int, ...]


class Reverse(NamedTuple):
    """Both passes of a graph.

    ``forward`` returns the answers and what the backward pass keeps. ``depends`` marks the answers
    that a derivative flows from; the parts take their cotangents. ``gives`` says which input each
    output of a part is the cotangent of.

    ``chosen`` are the inputs whose cotangents hold zeros for elements that were left out, as
    `polygrad.core.tape.backward` has it. ``masked`` is the part, and its chosen inputs, for
    cotangents that hold such zeros themselves; None where that makes no difference.
    """

    forward: Graph
    depends: tuple[bool, ...]
    backward: Part
    gives: tuple[int, ...]
    chosen: tuple[int, ...]
    masked: Part | None
    chosen_masked: tuple[int, ...]


def _traced(graph: Graph, function: Callable[[Arrays], Arrays], more: list[Value]) -> Graph:
    """A function of the inputs of a graph, and of more, as a graph."""
    writer = OpenTrace()
    writer.adopt(graph.constants)
    inputs = [value.like() for value in graph.inputs]
    traced = trace(lambda arrays: list(function(arrays)), [*inputs, *more], graph.name, writer)
    traced.check()
    return traced


def _strong(value: Value) -> Value:
    return Value(value.shape, value.dtype, value.device)


def forward(graph: Graph, moving: Sequence[bool]) -> Forward:
    """Primals and tangents together."""
    count = len(graph.inputs)
    moved: list[int] = []

    def joint(arrays: Arrays) -> Arrays:
        dual, tangents = ForwardTrace(), iter(arrays[count:])
        given = [
            dual.input(x, next(tangents)) if yes else x
            for x, yes in zip(arrays[:count], moving, strict=True)
        ]
        found = _run(dual, graph, given)
        mine = [(i, x) for i, x in enumerate(found) if x._trace is dual]
        moved[:] = [i for i, _ in mine]
        return [*(_below(x, dual) for x in found), *(wrap(x._node) for _, x in mine)]

    tangents = [_strong(v) for v, yes in zip(graph.inputs, moving, strict=True) if yes]
    return Forward(_traced(graph, joint, tangents), tuple(moved))


def linear(graph: Graph, moving: Sequence[bool]) -> tuple[Graph, Part, tuple[int, ...]]:
    """Primals first, and tangents later, from what the first part keeps."""
    both, moved = forward(graph, moving)
    both = _shared(both)
    group = both.outputs[len(graph.outputs) :]
    first, (part,) = split(both, len(graph.inputs), [group], lazily=False)
    return first, part, moved


def reverse(graph: Graph, moving: Sequence[bool]) -> Reverse:
    """The forward and the backward pass, from one trace of both."""
    count = len(graph.inputs)
    places = [i for i, yes in enumerate(moving) if yes]
    inexact = [i for i, v in enumerate(graph.outputs) if v.dtype.is_inexact]
    notes: dict[str, Any] = {}

    def joint(arrays: Arrays) -> Arrays:
        tape = ReverseTrace()
        given = list(arrays[:count])
        for i in places:
            given[i] = tape.input(given[i])
        nodes = [given[i]._node for i in places]
        found = _run(tape, graph, given)
        notes["depends"] = tuple([x._trace is tape for x in found])
        seeds = [
            (found[i]._node, c)
            for i, c in zip(inexact, arrays[count:], strict=True)
            if found[i]._trace is tape
        ]
        selected: set[Node] = set()
        grads = backward(seeds, nodes, selected)
        notes["chosen"] = [places[i] for i, node in enumerate(nodes) if node in selected]
        notes["gives"] = [i for i, g in zip(places, grads, strict=True) if g is not None]
        masked: list[Any] = []
        if _reaches_elements([node for node, _ in seeds]):
            selected = {node for node, _ in seeds}
            masked = backward(seeds, nodes, selected)
        notes["chosen masked"] = [places[i] for i, node in enumerate(nodes) if node in selected]
        cotangents = [wrap(g) for g in (*grads, *masked) if g is not None]
        return [*(_below(x, tape) for x in found), *cotangents]

    both = _shared(_traced(graph, joint, [_strong(graph.outputs[i]) for i in inexact]))
    first, size = len(graph.outputs), len(notes["gives"])
    groups = [both.outputs[i : i + size] for i in range(first, len(both.outputs), size or 1)]
    passed, parts = split(both, count, groups or [()])
    # The cotangents of a part are counted among the answers.
    parts = [p._replace(used=tuple([inexact[i] for i in p.used])) for p in parts]
    chosen, chosen_masked = tuple(notes["chosen"]), tuple(notes["chosen masked"])
    masked = parts[1] if len(parts) > 1 else None
    return Reverse(
        passed, notes["depends"], parts[0], tuple(notes["gives"]), chosen, masked, chosen_masked
    )  # fmt: skip


def mapped(graph: Graph, batched: Sequence[bool], size: int) -> tuple[Graph, tuple[bool, ...]]:
    """The graph over a batch, in front of the inputs that are marked; and which outputs have it."""
    flags: list[bool] = []

    def joint(arrays: Arrays) -> Arrays:
        batch = BatchTrace(size)
        given = [batch.input(x) if yes else x for x, yes in zip(arrays, batched, strict=True)]
        found = _run(batch, graph, given)
        flags[:] = [x._trace is batch for x in found]
        return [wrap(x._value.value) if x._trace is batch else x for x in found]

    inputs = [
        Value((size, *v.shape), v.dtype, v.device) if yes else v.like()
        for v, yes in zip(graph.inputs, batched, strict=True)
    ]
    found = _traced(Graph((), graph.constants, (), (), graph.name), joint, inputs)
    return found, tuple(flags)


def _run(level: Any, graph: Graph, arrays: Arrays) -> list[Array]:
    try:
        return [wrap(x) for x in apply(graph, arrays)]
    finally:
        level.alive = False


def _below(x: Array, level: Any) -> Array:
    return wrap(plain(x._value)) if x._trace is level else x


def _shared(both: Graph) -> Graph:
    """What both passes compute, once. (No other pass: it could lose what has no derivative.)"""
    return common_subexpressions(both)


def _reaches_elements(nodes: Sequence[Node]) -> bool:
    """Whether a zero among the cotangents may meet an infinite derivative: see `backward`."""
    seen: set[Node] = set()
    waiting = [node for node in nodes if node.op is not None]
    while waiting:
        node = waiting.pop()
        if node in seen or node.op is None:
            continue
        seen.add(node)
        if node.op.kind == "elementwise" and any(map(callable, node.op.rules)):  # type: ignore[attr-defined]
            return True
        if node.op.kind in ("elementwise", "linear"):
            waiting += filter(None, node.parents)
    return False
