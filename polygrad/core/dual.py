"""Forward mode: dual arrays that carry a tangent beside their value."""

from contextvars import ContextVar
from typing import Any

from polygrad.array import BASE, Array, wrap
from polygrad.backend import guard_of, namespace_of
from polygrad.core import op as op_module
from polygrad.core.op import Op, match_dtype
from polygrad.core.trace import Trace, as_number, bind, leaked, lifted
from polygrad.dtypes import as_dtype

ORDER_MATTERS: ContextVar[list[str] | None] = ContextVar("ORDER_MATTERS", default=None)
"""Where somebody asks: the names of the ops met for which the order of differentiation matters.

Derivatives that a user wrote need not be those of what the op computes. None where nobody asks.
"""


def note_order(name: str) -> None:
    """Say that the order in which this op is differentiated may matter."""
    met = ORDER_MATTERS.get()
    if met is not None:
        met.append(name)


class ForwardTrace(Trace):
    """Pushes tangents through each op; an array's node is its tangent."""

    __slots__ = ()
    transform = "forward mode (pg.jvp)"

    def input(self, value: Any, tangent: Any) -> Array:
        """A tracked array with a value and a tangent one level down."""
        return Array(value, self, tangent)

    def process(self, op: Op, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        """Run ``op`` one level down, and its rule on the tangents."""
        if not self.alive:
            remedy = "return it from the function, or keep pg.stop_gradient(x)"
            raise leaked(op, args, self, remedy)
        values: list[Any] = []
        tangents: list[Any] = []
        mask = 1 << len(args)  # as in reverse mode, marks the number of operands
        for i, arg in enumerate(args):
            tangent = None
            if type(arg) is not Array:
                arg = as_number(arg)
            else:
                if arg._trace is self:
                    mask |= 1 << i
                    arg, tangent = arg._value, arg._node
                elif arg._trace is BASE:
                    arg = arg._value
            values.append(arg)
            tangents.append(tangent)
        plan = op.plans[mask] if mask in op.plans else op.plan(mask, len(args))
        out = bind(op, tuple(values), params)
        if plan is None:
            return tuple(map(wrap, out)) if op.multiple else wrap(out)
        traced = any(type(value) is Array for value in (*values, *tangents))
        first = out[0] if op.multiple else out
        xp = op_module.traced_namespace if traced else namespace_of(type(first))
        guard = None if traced else guard_of(type(first))
        push = op.push if guard is None else guard(op.push)
        if traced:
            tangents, values = [lifted(t) for t in tangents], [lifted(v) for v in values]
            above = tuple(map(lifted, out)) if op.multiple else lifted(out)
        else:
            above = out
        tangent = push(xp, tangents, above, tuple(values), params)
        if op.multiple:
            return tuple(self._dual(o, t) for o, t in zip(out, tangent, strict=True))
        return self._dual(out, tangent)

    def _dual(self, out: Any, tangent: Any) -> Array:
        if tangent is None or not as_dtype(out.dtype).is_inexact:
            return wrap(out)
        if as_dtype(tangent.dtype) != as_dtype(out.dtype):
            tangent = match_dtype(op_module.traced_namespace, tangent, as_dtype(out.dtype))
        return Array(out, self, tangent)
