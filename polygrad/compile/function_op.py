"""How a compiled function meets the transforms: one op, whose rules run compiled derivatives.

The highest trace among the operands decides, as for any op. What a rule runs one level down is
again a compiled function, and meets the next transform there. Any other trace, that of an outer
`jit` above all, sees the ops that the function is made of.
"""

from collections.abc import Callable, Sequence
from typing import Any

from polygrad.array import BASE, Array
from polygrad.core import op as op_module
from polygrad.core.batch import BatchTrace
from polygrad.core.dual import ForwardTrace, note_order
from polygrad.core.op import OPS, Op
from polygrad.core.record import Recorder, plain
from polygrad.core.tape import ReverseTrace
from polygrad.core.trace import leaked

Arrays = Sequence[Any]


class FunctionOp(Op):
    """Runs its parameter ``function``, a `polygrad.compile.function.Function`."""

    __slots__ = ()
    kind = "compiled"
    multiple = True

    def __init__(self) -> None:
        super().__init__("jit")
        del OPS[self.name]  # no op of the table: its derivatives come with each call
        self.selects = lambda node: False  # asked all the same: see `polygrad.core.tape.backward`

    def dispatch(self, operands: Arrays, params: dict[str, Any]) -> tuple[Any, ...]:
        """Run at the level of the highest trace; what `bind` is to other ops."""
        function = params["function"]
        top = highest(operands)
        if top is BASE:
            found = function.run([x._value if type(x) is Array else x for x in operands])
            return tuple([Array(x, BASE, None) for x in found])
        kind = type(top)
        if kind is Recorder:
            outs: tuple[Any, ...] = top.process(self, tuple(operands), params)
            return outs
        rule = RULES.get(kind)
        if rule is None:
            answers: tuple[Any, ...] = function.ops(operands)
            return answers
        if not top.alive:
            raise leaked(self, tuple(operands), top, "return it from the function instead")
        values, nodes = [], []
        for x in operands:
            mine = type(x) is Array and x._trace is top
            if type(x) is Array and not mine:  # the caller's own may change by x[i] = v
                x = x._value if x._trace is BASE else Array(x._value, x._trace, x._node)
            values.append(x._value if mine else x)
            nodes.append(x._node if mine else None)
        moving = tuple([type(x) is Array and x._trace is top for x in operands])
        return rule(self, top, function, values, nodes, moving)

    def pull(self, xp: Any, g: Any, node: Any, selected: bool = False) -> Sequence[Any]:
        reverse = node.params["reverse"]
        later = reverse.masked if selected else reverse.backward
        found: list[Any] = [None] * len(node.parents)
        if xp is op_module.traced_namespace:
            cotangents: Arrays = [*map(plain, later(node.args, g))]
        else:
            cotangents = later.run(node.args, g)
        for place, c in zip(reverse.gives, cotangents, strict=True):
            found[place] = c
        return found


def highest(operands: Arrays) -> Any:
    """The highest trace among operands."""
    top: Any = BASE
    for x in operands:
        if type(x) is Array and x._trace.level > top.level:
            top = x._trace
    return top


def _reverse(
    op: Op, trace: ReverseTrace, function: Any, values: list[Any], parents: Any, moving: Any
) -> tuple[Any, ...]:
    reverse = function.reverse(moving)
    found = reverse.forward(*values)
    outs = found[: len(reverse.depends)]
    if not any(reverse.depends):
        return outs
    everything = (*values, *map(plain, found))
    kept = [everything[i] for i in reverse.reads]
    params = {"function": function, "reverse": reverse}
    tracked = trace._several(op, parents, kept, params, tuple(map(plain, outs)), False)
    return tuple(
        [a if yes else out for a, out, yes in zip(tracked, outs, reverse.depends, strict=True)]
    )


def _forward(
    op: Op, trace: ForwardTrace, function: Any, values: list[Any], tangents: Any, moving: Any
) -> tuple[Any, ...]:
    for equation in function.graph.equations:
        op = equation.op
        if op.inline is not None or op.facts.custom_rule:
            note_order("jit")  # in derivatives that were compiled before
            break
    given = [t for t, yes in zip(tangents, moving, strict=True) if yes]
    if highest(given).level > highest(values).level:
        # Something happens to the tangents only: to record them, to transpose what they go through.
        rule = function.linear(moving)
        found = rule.function(*values)
        moved = rule.tangents((*values, *map(plain, found)), given)
    else:
        rule = function.forward(moving)
        found = rule.function(*values, *given)
        moved = found[len(found) - len(rule.moved) :]
    outs = list(found[: len(function.graph.outputs)])
    for i, t in zip(rule.moved, moved, strict=True):
        outs[i] = trace._dual(plain(outs[i]), plain(t))
    return tuple(outs)


def _batch(
    op: Op, trace: BatchTrace, function: Any, values: list[Any], _: Any, batched: Any
) -> tuple[Any, ...]:
    given = [x.value if yes else x for x, yes in zip(values, batched, strict=True)]
    mapped = function.mapped(batched, trace.size)
    outs = mapped.function(*given)
    return tuple(
        [trace.input(plain(x)) if yes else x for x, yes in zip(outs, mapped.batched, strict=True)]
    )


RULES: dict[type, Callable[..., tuple[Any, ...]]] = {
    ReverseTrace: _reverse, ForwardTrace: _forward, BatchTrace: _batch,
}  # fmt: skip
function_op = FunctionOp()
