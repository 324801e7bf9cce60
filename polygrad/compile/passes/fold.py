"""Constant folding: what depends on no input is computed once; plain numbers become literals."""

from typing import Any

from polygrad.array import wrap
from polygrad.backend import backend_for_type
from polygrad.compile.graph import LITERALS, Equation, Graph, Value
from polygrad.compile.passes.rewrite import rewrite
from polygrad.core.op import OPS, Op
from polygrad.core.trace import evaluate

LARGEST = 1 << 20
"""Bytes of a folded constant: a larger one costs more to keep than to compute again."""


def fold_constants(graph: Graph) -> Graph:
    """The graph with equations of constants only evaluated.

    >>> graph = pg.make_graph(lambda x: x + pg.sum(pg.ones(3) * 2.0))(pg.ones(2))
    >>> [e.op.name for e in fold_constants(graph).equations]
    ['add']
    """
    constants = dict(graph.constants)

    def rule(equation: Equation, _: Any) -> Any:
        out = equation.outputs[0]
        if equation.op.multiple or out.weak or out.nbytes > LARGEST:
            return None
        if not equation.values or any(x not in constants for x in equation.values):
            return None
        operands = [constants[x] if isinstance(x, Value) else x for x in equation.inputs]
        try:
            found = wrap(evaluate(equation.op, tuple(operands), equation.params))._value
        except Exception:
            return None  # it is raised when, and if, the program runs
        constants[out] = backend_for_type(type(found)).own(found)  # type: ignore[union-attr]
        return out

    folded = rewrite(graph, rule)
    return graph.replaced(folded.equations, folded.outputs, constants)


def literals(graph: Graph) -> Graph:
    """The graph with constants of one value everywhere as literals, where nothing else changes.

    The other operands have to decide on the shape and data type of the answer.

    >>> graph = pg.make_graph(lambda x: x * pg.ones(2))(pg.ones(2))
    >>> str(literals(graph).equations[0].inputs[1])
    '1.0'
    """
    known: dict[Value, Any] = {}
    for value, array in graph.constants.items():
        number = _uniform(array)
        if number is not None:
            known[value] = number

    def rule(equation: Equation, _: Any) -> Any:
        if not _takes_numbers(equation.op):
            return None
        places = [i for i, x in enumerate(equation.inputs) if isinstance(x, Value) and x in known]
        others = [x for x in equation.values if x not in known]
        out = equation.out
        if not places or not any(x.shape == out.shape and not x.weak for x in others):
            return None
        inputs = list(equation.inputs)
        for i in places:
            # A literal has the data type of the arrays beside it, which must be what it had.
            if all(inputs[i].dtype == x.dtype for x in others):
                inputs[i] = known[inputs[i]]
        return [Equation(equation.op, inputs, equation.params, equation.outputs)]

    return rewrite(graph, rule)


def _takes_numbers(op: Op) -> bool:
    """Whether each library's implementation takes a Python number beside an array.

    The standard's functions do. One of ours, or of a user's, may ask an operand for its shape.
    """
    return op.facts.elementwise and op.forward is None and op is not OPS["where"]


def _uniform(array: Any) -> Any:
    """The number that all elements of an array are, or None."""
    backend = backend_for_type(type(array))
    assert backend is not None
    if not backend.on_host(backend.device_of(array)) or 0 in array.shape:
        return None
    if str(array.dtype).endswith("bfloat16"):
        return None  # NumPy takes it to float32 beside a number
    xp = backend.xp
    flat = xp.reshape(array, (-1,))
    first = wrap(flat[0]).item() if flat.shape == (1,) or wrap(xp.all(flat == flat[0])).item() else None  # fmt: skip # noqa: E501
    if type(first) not in LITERALS or first != first or (first == 0 and _signs(xp, flat)):
        return None
    return first


def _signs(xp: Any, flat: Any) -> bool:
    """Whether some zeros are negative: 0.0 and -0.0 are equal, and no one number."""
    kind = str(flat.dtype)
    return "complex" in kind or ("float" in kind and bool(wrap(xp.any(xp.signbit(flat))).item()))
