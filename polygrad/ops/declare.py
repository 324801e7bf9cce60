"""One declaration makes an elementwise op, its rule and its public function."""

import inspect
import sys
from collections.abc import Callable, Sequence
from typing import Any

from polygrad.array import BASE, Array
from polygrad.core.batch import elementwise as batch_elementwise
from polygrad.core.dual import ForwardTrace
from polygrad.core.kinds import Elementwise, Nondifferentiable
from polygrad.core.op import Op, OpFacts, Rule
from polygrad.core.tape import ReverseTrace
from polygrad.core.trace import apply, bind, top_trace

_NO_PARAMS: dict[str, Any] = {}
BY_ELEMENT = OpFacts(elementwise=True)
_FUNCTION = Elementwise.kind_facts
_NOTE = """
Operands are arrays of one library and device (or Python numbers) whose shapes broadcast; the
result has their promoted data type{truth}. Raises ShapeError where they do not broadcast.
"""


def elementwise(
    name: str,
    *rules: Rule | int | None,
    doc: str,
    forward: Callable[..., Any] | None = None,
    facts: OpFacts = _FUNCTION,
    kind: type[Elementwise] = Elementwise,
) -> Callable[..., Any]:
    """Declare a differentiable elementwise function, with one rule an operand.

    ``rule(xp, g, ans, *operands)`` is ``g`` times the partial derivative (see
    `polygrad.core.kinds.Elementwise`); ``doc`` is the docstring. Without ``forward`` the
    function of that name in the array's namespace computes it. ``kind`` is the class of the op.
    """
    op = kind(name, *rules, forward=forward, facts=facts)
    return _public(op, len(rules), doc, "")


def nondifferentiable(
    name: str,
    arity: int,
    *,
    doc: str,
    forward: Callable[..., Any] | None = None,
    misleading: str | None = None,
    facts: OpFacts = BY_ELEMENT,
) -> Callable[..., Any]:
    """Declare an elementwise function without a derivative, or with one that is zero.

    A tracked operand gives an untracked result, or raises NonDifferentiableError with the
    reason ``misleading``.
    """
    op = Nondifferentiable(
        name, forward, misleading=misleading, batch=batch_elementwise, facts=facts
    )
    return _public(op, arity, doc, " or bool, and carries no gradient")


def _public(op: Op, arity: int, doc: str, truth: str) -> Callable[..., Any]:
    function: Callable[..., Any]
    run = bind if op.dispatch is None else apply
    if arity == 1:

        def function(x: Any, /) -> Any:
            return run(op, (x,), _NO_PARAMS)
    elif arity == 2:

        def function(x1: Any, x2: Any, /) -> Any:
            return run(op, (x1, x2), _NO_PARAMS)
    elif arity == 3:

        def function(x1: Any, x2: Any, x3: Any, /) -> Any:
            return run(op, (x1, x2, x3), _NO_PARAMS)
    else:

        def function(x1: Any, x2: Any, x3: Any, x4: Any, /) -> Any:
            return run(op, (x1, x2, x3, x4), _NO_PARAMS)

    summary, _, rest = inspect.cleandoc(doc).partition("\n")
    function.__doc__ = f"{summary}\n{_NOTE.format(truth=truth)}{rest}\n"
    function.__name__ = function.__qualname__ = op.name
    function.__module__ = sys._getframe(2).f_globals["__name__"]
    return function


def _differentiates(x: Any, top: Any = None) -> bool:
    """Whether ``x`` belongs to a trace below ``top`` that differentiates, or whose graph may be."""
    while type(x) is Array:
        trace = x._trace
        if trace is not top and isinstance(trace, ReverseTrace | ForwardTrace):
            return True
        if getattr(trace, "inlines", True) is False:
            return True
        x = getattr(x._value, "value", x._value)
    return False


def differentiated(operands: Sequence[Any]) -> bool:
    """Whether what a rule computes of these may be differentiated in turn."""
    return any(map(_differentiates, operands))


def _twice(operands: Sequence[Any]) -> bool:
    """Whether the top level differentiates, and so does one below, or may one that is to come."""
    top = top_trace(operands)
    if not isinstance(top, ReverseTrace | ForwardTrace):
        return False
    return any(_differentiates(x, top) for x in operands)


def length(operands: Sequence[Any], axis: tuple[int, ...] = ()) -> Any:
    """The length of operands that are differentiated more than once, its axes kept; else None.

    That of one operand is over ``axis``, that of two is their hypot.
    """
    for x in operands:
        if type(x) is Array and x._trace is not BASE:
            return _measured(operands, axis) if _twice(operands) else None
    return None


def _measured(operands: Sequence[Any], axis: tuple[int, ...]) -> Any:
    from polygrad.ops.lengths import measured  # few programs need it

    return measured(operands, axis)


class Length(Elementwise):
    """An op by element that computes a length: abs, hypot."""

    __slots__ = ()

    def dispatch(self, operands: Sequence[Any], params: dict[str, Any]) -> Any:
        """By the ops of `polygrad.ops.lengths` where it is differentiated more than once."""
        found = length(operands)
        return bind(self, tuple(operands), params) if found is None else found
