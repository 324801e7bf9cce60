"""Composite ops written out in simpler ones, whose steps are then shared and fused with others."""

from collections.abc import Callable
from functools import partial
from typing import Any

from polygrad import ops
from polygrad.compile.graph import Equation, Graph, Value
from polygrad.compile.passes.rewrite import rewrite, same_kind
from polygrad.compile.tracing import GraphTrace
from polygrad.core.kinds import Nondifferentiable
from polygrad.core.op import OpFacts
from polygrad.core.trace import bind


def _class_places(xp: Any, labels: Any, classes: int) -> Any:
    if hasattr(xp, "class_places"):  # a backend's, which refuses what is no class
        return xp.class_places(labels, classes)
    flat = xp.reshape(labels, (-1,))
    kind = xp.int32 if flat.shape[0] * classes < 2**31 else xp.int64
    rows = xp.arange(flat.shape[0], dtype=kind, device=xp.device_of(labels))
    return rows * classes + xp.astype(flat, kind)


class_places = Nondifferentiable("class_places", _class_places, facts=OpFacts(cost=5))
"""The place of the element each label names in the flat array of scores."""


def _cross_entropy(logits: Any, labels: Any) -> Any:
    x = logits - ops.max(logits, axis=-1, keepdims=True)
    total = ops.sum(ops.exp(x), axis=-1, keepdims=True)
    places = bind(class_places, (labels,), {"classes": logits.shape[-1]})
    picked = ops.reshape(x, (-1,))[places]
    return ops.reshape(ops.log(ops.reshape(total, (-1,))) - picked, labels.shape)


EXPANSIONS: dict[str, Callable[..., Any]] = {"softmax_cross_entropy": _cross_entropy}
"""Ops that have other steps in a program than on arrays, by their names in the table.

All others are written out by their own forward, where `OpFacts.composite` says that it serves.
"""


def expand(graph: Graph) -> Graph:
    """The graph with composite ops in terms of simpler ones.

    >>> graph = pg.make_graph(lambda x: pg.softmax(x))(pg.ones(2))
    >>> [e.op.name for e in expand(graph).equations]
    ['max', 'subtract', 'exp', 'sum', 'divide']
    """
    constants = dict(graph.constants)
    expanded = rewrite(graph, lambda equation, _: _steps(equation, constants))
    return graph.replaced(expanded.equations, expanded.outputs, constants)


def _steps(equation: Equation, constants: dict[Value, Any]) -> list[Equation] | None:
    """The equations in place of one, the last of which defines its answer; None to keep it."""
    op = equation.op
    function = EXPANSIONS.get(op.builtin)
    if function is None:
        if not op.facts.composite or op.forward is None or not _has_types(equation):
            return None
        function = partial(op.forward, ops)
    writer = GraphTrace()
    given = [writer.array(x) if isinstance(x, Value) else x for x in equation.inputs]
    out, expected = writer.operand(function(*given, **equation.params)), equation.out
    if not isinstance(out, Value) or not same_kind(out, expected):
        return None
    if not any(out in e.outputs for e in writer.equations):  # it is an operand, or constant
        return None
    constants.update(writer.constants)
    found: list[Equation] = []
    for step in (_renamed(e, out, expected) for e in writer.equations):
        found += _steps(step, constants) or [step]
    return found


def _has_types(equation: Equation) -> bool:
    """Whether each operand has a data type while the forward is traced.

    Not so a number beside integers, whose value decides whether it fits.
    """
    if equation.op.multiple:
        return False
    whole = not equation.outputs[0].dtype.is_inexact
    return not any(x.weak and whole for x in equation.values) and not equation.outputs[0].weak


def _renamed(equation: Equation, old: Value, new: Value) -> Equation:
    outputs = [new if out is old else out for out in equation.outputs]
    return Equation(equation.op, equation.inputs, equation.params, outputs)
