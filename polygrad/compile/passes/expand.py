"""Composite ops written out in simpler ones, whose steps are then shared and fused with others."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from polygrad import ops
from polygrad.compile.graph import Equation, Graph, Value
from polygrad.compile.passes.rewrite import rewrite
from polygrad.compile.tracing import GraphTrace
from polygrad.core.kinds import Nondifferentiable
from polygrad.core.op import OpFacts
from polygrad.core.trace import bind
from polygrad.dtypes import as_dtype
from polygrad.ops.activations import stable_sigmoid


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


def _softmax(x: Any, axis: Any) -> Any:
    e = ops.exp(x - ops.max(x, axis=axis, keepdims=True))
    return e / ops.sum(e, axis=axis, keepdims=True)


def _log_softmax(x: Any, axis: Any) -> Any:
    x = x - ops.max(x, axis=axis, keepdims=True)
    first, e, zero = x == 0, ops.exp(x), ops.zeros_like(x)
    most = ops.sum(ops.where(first, e, zero), axis=axis, keepdims=True)
    rest = ops.sum(ops.where(first, zero, e), axis=axis, keepdims=True)
    return x - (ops.log(most) + ops.log1p(rest / most))


def _logsumexp(x: Any, axis: Any, keepdims: bool) -> Any:
    if as_dtype(x.dtype).is_complex:
        return None
    top = ops.max(x, axis=axis, keepdims=True)
    first, zero = x == top, ops.zeros_like(x)
    shift = ops.where(ops.isfinite(top), top, ops.zeros_like(top))
    e = ops.exp(x - shift)
    most = ops.sum(ops.where(first, e, zero), axis=axis, keepdims=True)
    rest = ops.sum(ops.where(first | (top == math.inf), zero, e), axis=axis, keepdims=True)
    small = (rest < most) & ops.isfinite(most)
    one = ops.ones_like(most)
    ratio = ops.where(small, rest, one * 0) / ops.where(small, most, one)
    out = ops.log(ops.where(small, most, most + rest)) + ops.log1p(ratio) + shift
    return out if keepdims else ops.squeeze(out, axis=axis)


EXPANSIONS: dict[str, Callable[..., Any]] = {
    "softmax_cross_entropy": _cross_entropy,
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "logsumexp": _logsumexp,
    "relu": lambda x: ops.maximum(x, 0.0),
    "sigmoid": partial(stable_sigmoid, ops),
}
"""Composite ops by their names in the table: the same steps as their own forward."""
BY_FORWARD = frozenset(("clip", "clip_low", "clip_high"))
"""Ops whose forward is traced: it takes the same steps in every namespace."""


def expand(graph: Graph) -> Graph:
    """The graph with composite ops in terms of simpler ones.

    >>> graph = pg.make_graph(lambda x: pg.softmax(x))(pg.ones(2))
    >>> [e.op.name for e in expand(graph).equations]
    ['max', 'subtract', 'exp', 'sum', 'divide']
    """
    constants = dict(graph.constants)

    def rule(equation: Equation, _: Any) -> Any:
        function = EXPANSIONS.get(equation.op.builtin)
        forward = equation.op.forward
        if forward is not None and equation.op.builtin in BY_FORWARD and _has_types(equation):
            function = partial(forward, ops)
        if function is None:
            return None
        writer = GraphTrace()
        given = [writer.array(x) if isinstance(x, Value) else x for x in equation.inputs]
        found = function(*given, **equation.params)
        if found is None:
            return None
        out = writer.operand(found)
        constants.update(writer.constants)
        # The last equation defines the answer under its own name.
        new = [_renamed(e, out, equation.out) for e in writer.equations]
        return new if any(equation.out in e.outputs for e in new) else None

    expanded = rewrite(graph, rule)
    return graph.replaced(expanded.equations, expanded.outputs, constants)


def _has_types(equation: Equation) -> bool:
    """Whether each operand has a data type while the forward is traced.

    Not so a number beside integers, whose value decides whether it fits.
    """
    whole = not equation.outputs[0].dtype.is_inexact
    return not any(x.weak and whole for x in equation.values) and not equation.outputs[0].weak


def _renamed(equation: Equation, old: Value, new: Value) -> Equation:
    outputs = [new if out is old else out for out in equation.outputs]
    return Equation(equation.op, equation.inputs, equation.params, outputs)
