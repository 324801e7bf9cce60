"""Algebraic clean-up: what gives back one of its operands, bit for bit, is left out."""

from typing import Any

from polygrad.compile.graph import Equation, Graph, Value
from polygrad.compile.passes.rewrite import rewrite, same_kind
from polygrad.core.op import OPS

_INVOLUTIONS = ("negative", "conj", "logical_not", "bitwise_invert", "matrix_transpose")
_IDENTITIES = ("copy", "stop_gradient", "positive")


def simplify(graph: Graph) -> Graph:
    """The graph without steps that change nothing.

    Only what holds for every number: ``x + 0.0`` stays, for it turns -0.0 into 0.0.

    >>> graph = pg.make_graph(lambda x: -(-(x * 1.0)) + 0.0)(pg.ones(2))
    >>> [e.op.name for e in simplify(graph).equations]
    ['negative', 'add']
    """
    return rewrite(graph, _rule)


def _rule(equation: Equation, producers: dict[Value, Equation]) -> Any:
    name, inputs = equation.op.builtin, equation.inputs
    if equation.op.multiple or not isinstance(inputs[0] if inputs else None, Value | int | float):
        return None
    out = equation.out
    if out.weak:
        return None
    left = inputs[0]
    kept: Any = None
    if name in _IDENTITIES or (name in ("astype", "astype_discrete") and _same(left, out)):
        kept = left
    elif name in _INVOLUTIONS:
        before = producers.get(left)
        if before is not None and before.op is equation.op:
            kept = before.inputs[0]
    elif name in ("reshape", "broadcast_to", "permute_dims"):
        return _shaping(equation, producers)
    elif len(inputs) == 2:
        # A number beside complex ones is complex: (inf+0j) * 1 has a nan, x + -0.0 adds 0j.
        kept = _neutral(name, left, inputs[1]) if not out.dtype.is_complex else None
        if kept is None and name in ("add", "subtract"):
            return _signs(equation, producers)
    return kept if isinstance(kept, Value) and same_kind(kept, out) else None


def _same(value: Any, out: Value) -> bool:
    return isinstance(value, Value) and same_kind(value, out)


def _number(x: Any) -> bool:
    return type(x) in (int, float)


def _neutral(name: str, left: Any, right: Any) -> Any:
    """The operand that the answer is, where the other is the neutral element."""
    if _number(right):
        zero = repr(right)
        one = name in ("multiply", "divide", "pow") and right == 1
        none = (name == "subtract" and zero in ("0", "0.0")) or (name == "add" and zero == "-0.0")
        return left if one or none else None
    zero = repr(left)
    if _number(left) and ((name == "multiply" and left == 1) or (name == "add" and zero == "-0.0")):
        return right
    return None


def _signs(equation: Equation, producers: dict[Value, Equation]) -> Any:
    """x + (-y) and x - (-y) without the negation: the same by IEEE arithmetic."""
    name = equation.op.builtin
    left, right = equation.inputs
    before = producers.get(right) if isinstance(right, Value) else None
    if before is None or before.op is not OPS["negative"] or before.out.weak:
        return None
    other = OPS["subtract" if name == "add" else "add"]
    return [Equation(other, (left, before.inputs[0]), {}, equation.outputs)]


def _shaping(equation: Equation, producers: dict[Value, Equation]) -> Any:
    """Reshapes and transposes in a row are one, or none."""
    out, x = equation.out, equation.inputs[0]
    if not isinstance(x, Value):
        return None
    name, params = equation.op.builtin, equation.params
    if name != "permute_dims" and x.shape == out.shape and same_kind(x, out):
        return x
    before = producers.get(x)
    if name == "permute_dims":
        axes = params["axes"]
        if before is not None and before.op is OPS["permute_dims"]:
            first = before.params["axes"]
            x, axes = before.inputs[0], tuple([first[i] for i in axes])
        if list(axes) == list(range(len(axes))):
            return x if same_kind(x, out) else None
        if x is not equation.inputs[0]:
            return [Equation(equation.op, (x,), {**params, "axes": axes}, equation.outputs)]
    elif before is not None and before.op is equation.op and isinstance(before.inputs[0], Value):
        if same_kind(before.inputs[0], out):
            return before.inputs[0]
        return [Equation(equation.op, before.inputs, params, equation.outputs)]
    return None
