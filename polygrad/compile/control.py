"""Loops and branches while jit traces: each becomes one op that carries compiled bodies.

`polygrad.transforms` calls these in place of its own loops, with checked arguments.
"""

from collections.abc import Callable, Sequence
from typing import Any

from polygrad import ops, tree
from polygrad.array import Array, is_array, is_number
from polygrad.compile import cond_op, scan_op, while_op
from polygrad.compile.body import Body, trace_body
from polygrad.compile.elements import as_number
from polygrad.compile.graph import Value
from polygrad.compile.tracing import GraphTrace, value_like
from polygrad.core.trace import bind
from polygrad.device import current_device
from polygrad.dtypes import as_dtype
from polygrad.errors import ArgumentTypeError
from polygrad.transforms.call import Closed
from polygrad.transforms.carry import NUMBERS, Carry, StagedLoops, shown
from polygrad.transforms.closures import captured

Arrays = Sequence[Any]


class _Start:
    """The initial carry of a loop: arrays, and what its functions take for Python numbers."""

    def __init__(self, name: str, argument: str, init: Any, beside: Any) -> None:
        self._name, self._argument, self._init = name, argument, init
        leaves, self.spec = tree.flatten(tree.map(shown, init))
        arrays = [x for x in (*leaves, *tree.leaves(beside)) if type(x) is Array]
        self.device = ops.device_of(arrays[0]) if arrays else current_device()
        self.weak = [type(x) in NUMBERS or is_number(x) for x in leaves]
        Carry(name, argument, init)  # raises for what is no carry
        self.arrays = [
            ops.asarray(x, device=self.device) if type(x) in NUMBERS else x for x in leaves
        ]

    def value(self, arrays: Arrays) -> Any:
        """The carry as the user's functions see it."""
        return tree.unflatten(self.spec, arrays)

    def checked(self, new: Any, given: Arrays) -> list[Any]:
        """The leaves of the carry after a step, as arrays; raises as the loop itself does."""
        as_given = [0.0 if w else x for w, x in zip(self.weak, given, strict=True)]
        carry = Carry(self._name, self._argument, self.value(as_given))
        leaves = tree.leaves(carry.checked(new, 0))
        return [self.array(x) for x in leaves]

    def array(self, x: Any) -> Any:
        """An array for a leaf, also for a number that a function returned."""
        return x if type(x) is Array else ops.asarray(x, device=self.device)

    def settled(self, outputs: Sequence[Value]) -> bool:
        """Whether the carry comes out as it went in; if not it starts again as what came out."""
        settled = True
        for i, (x, out) in enumerate(zip(self.arrays, outputs, strict=True)):
            # By group: a library without 64 bits holds a number in 32.
            if not self.weak[i] or (out.weak and out.dtype.group == as_dtype(x.dtype).group):
                continue
            settled = False
            zero = ops.zeros((), dtype=out.dtype, device=out.device)
            self.arrays[i], self.weak[i] = zero + ops.astype(x, out.dtype), out.weak
        return settled

    def inputs(self) -> list[Value]:
        """New inputs for a body."""
        return [value_like(x, w) for x, w in zip(self.arrays, self.weak, strict=True)]

    def result(self, arrays: Arrays) -> Any:
        """The last carry; what was a number is one again."""
        found = [
            bind(as_number, (x,), {}) if w else x for x, w in zip(arrays, self.weak, strict=True)
        ]
        return tree.unflatten(self.spec, found)


def _body(
    start: _Start, step: Callable[[Arrays], Arrays], rest: Sequence[Value], name: str
) -> tuple[Body, list[Array]]:
    """The body of a loop, traced until the carry is of one kind in every step."""
    while True:
        inputs = start.inputs()
        found = trace_body(step, [*inputs, *(v.like() for v in rest)], name)
        if start.settled(found[0].graph.outputs[: len(inputs)]):
            return found


def scan(
    f: Callable[[Any, Any], Any], init: Any, xs: Any, n: int, reverse: bool, numbers: bool = False
) -> tuple[Any, Any]:
    """`polygrad.scan`, for one step or more; ``numbers``: a slice is a Python number."""
    start = _Start("scan", "f", init, xs)
    columns, x_spec = tree.flatten(xs)
    count = len(start.arrays)
    specs: list[Any] = []

    def step(arrays: Arrays) -> Arrays:
        out = f(start.value(arrays[:count]), tree.unflatten(x_spec, arrays[count:]))
        if not isinstance(out, tuple) or len(out) != 2:
            raise ArgumentTypeError(
                f"scan: f returned {type(out).__name__}, expected a pair (carry, y); return "
                "(carry, None) if there is no y"
            )
        ys, spec = tree.flatten(tree.map(shown, out[1]))
        specs[:] = [spec]
        for y in ys:
            if type(y) is not Array and type(y) not in NUMBERS:
                raise ArgumentTypeError(
                    f"scan: f returned {type(y).__name__} in y, expected arrays and numbers"
                )
        return [*start.checked(out[0], arrays[:count]), *map(start.array, ys)]

    rest = [Value(x.shape[1:], as_dtype(x.dtype), ops.device_of(x), numbers) for x in columns]
    body, others = _body(start, step, rest, "step")
    carry, ys, _ = scan_op.run_scan(body, start.arrays, columns, others, n, reverse)
    return start.result(carry), tree.unflatten(specs[0], ys)


def while_loop(
    name: str, cond_fun: Callable[[Any], Any], body_fun: Callable[[Any], Any], init: Any
) -> Any:
    """`polygrad.while_loop` on a condition that is not known while tracing."""
    start = _Start(name, "body_fun", init, None)

    def step(arrays: Arrays) -> Arrays:
        return start.checked(body_fun(start.value(arrays)), arrays)

    body, second = _body(start, step, (), "step")
    cond, first = trace_body(
        lambda arrays: [start.array(cond_fun(start.value(arrays)))], start.inputs(), "condition"
    )
    return start.result(while_op.run_while(cond, body, start.arrays, first, second))


def cond(
    pred: Any, true_fun: Callable[..., Any], false_fun: Callable[..., Any], operands: Arrays
) -> Any:
    """`polygrad.cond` on a condition that is not known while tracing.

    NotImplemented for branches whose results are not all arrays, of the same kind in both.
    """
    specs: list[Any] = []
    closed = Closed(true_fun, tuple(operands), captured(true_fun, false_fun))

    def flat(function: Callable[..., Any]) -> Callable[[Arrays], Arrays]:
        def branch(arrays: Arrays) -> Arrays:
            def noted(*args: Any) -> Any:
                leaves, spec = tree.flatten(tree.map(shown, function(*args)))
                specs.append((spec, all(is_array(x) and not is_number(x) for x in leaves)))
                return leaves if specs[-1][1] else []

            out = closed.run(noted, arrays)
            return out if specs[-1][1] and specs[-1][0].num_leaves else []

        return branch

    inputs = [value_like(x) for x in closed.operands]
    yes = trace_body(flat(true_fun), inputs, "true_fun")
    no = trace_body(flat(false_fun), [value.like() for value in inputs], "false_fun")
    outs = yes[0].graph.outputs, no[0].graph.outputs
    kinds = [[(v.shape, v.dtype, v.device) for v in out] for out in outs]
    if specs[0] != specs[1] or not specs[0][1] or kinds[0] != kinds[1] or not kinds[0]:
        return NotImplemented
    return tree.unflatten(specs[0][0], cond_op.run_cond(pred, closed.operands, yes, no))


GraphTrace.loops = StagedLoops(scan, while_loop, cond)
