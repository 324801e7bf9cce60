"""vmap: arrays with a hidden leading axis, and how each op carries it along.

A batched array shows the shape of one example; underneath, the batch is axis 0 of its value.
A batch rule is ``rule(op, size, values, batched, params)``: ``values`` are one level down, those
marked in ``batched`` with the batch in front, and so is each answer that it returns.
"""

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from polygrad.array import BASE, Array, Batched, differs_between_examples, wrap
from polygrad.core import op as op_module
from polygrad.core.op import Op
from polygrad.core.trace import Trace, apply, as_number, bind, leaked
from polygrad.errors import IndexingError

BatchRule = Callable[..., Any]


class Shared:
    """Around the answer of a batch rule that is the same for all examples: it has no batch."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class BatchTrace(Trace):
    """Runs each op on a whole batch at once; ``name`` is what collectives call its axis."""

    __slots__ = ("size", "name", "in_rule")

    transform = "pg.vmap"

    def __init__(self, size: int, origin: Any = None, name: str | None = None) -> None:
        super().__init__(origin)
        self.size, self.name = size, name
        self.in_rule = 0

    def input(self, value: Any) -> Array:
        """A batched array; the batch is axis 0 of ``value``."""
        return Array(Batched(value), self, None)

    def process(self, op: Op, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        """Run ``op`` one level down by its batch rule."""
        if not self.alive:
            raise leaked(op, args, self, "return it from the function instead")
        values, batched = [], []
        for arg in args:
            mine = type(arg) is Array and arg._trace is self
            if mine:
                arg = arg._value.value
            elif type(arg) is Array and arg._trace is BASE:
                arg = arg._value
            elif type(arg) is not Array:
                arg = as_number(arg)
            values.append(arg)
            batched.append(mine)
        rule = op.batching or loop
        if self.name is None:
            out = rule(op, self.size, values, batched, params)
        else:
            out = self._named(rule, op, values, batched, params)
        if type(out) is Shared:
            return wrap(out.value)
        return tuple(map(self.input, out)) if op.multiple else self.input(out)

    def _named(self, rule: BatchRule, op: Op, values: Any, batched: Any, params: Any) -> Any:
        name = {"name": self.name} if op.facts.axis_name else {}
        self.in_rule += 1
        try:
            return rule(op, self.size, values, batched, params, **name)
        finally:
            self.in_rule -= 1


def unbatched_ndim(value: Any, is_batched: bool) -> int:
    """The number of axes of one example of an operand."""
    return len(getattr(value, "shape", ())) - is_batched


def raise_ndim(value: Any, is_batched: bool, ndim: int) -> Any:
    """A batched value with axes of length 1 behind the batch, to ``ndim`` axes an example."""
    missing = ndim - unbatched_ndim(value, is_batched)
    if not is_batched or missing <= 0:
        return value
    xp = op_module.traced_namespace
    return xp.reshape(value, (value.shape[0], *(1,) * missing, *value.shape[1:]))


def spread_batch(value: Any, is_batched: bool, size: int) -> Any:
    """A value with the batch in front, repeated where it had none."""
    if is_batched:
        return value
    xp = op_module.traced_namespace
    return xp.broadcast_to(value, (size, *value.shape))


def elementwise(op: Op, size: int, values: list[Any], batched: list[bool], params: Any) -> Any:
    """Line up the axes of one example from the last; they broadcast as they do without vmap."""
    ndim = max(unbatched_ndim(v, b) for v, b in zip(values, batched, strict=True))
    lined_up = [raise_ndim(v, b, ndim) for v, b in zip(values, batched, strict=True)]
    return apply(op, tuple(lined_up), params)


# Linear algebra works on the last axes and broadcasts those in front, which is the same rule.
leading = elementwise


def spread(op: Op, size: int, values: list[Any], batched: list[bool], params: Any) -> Any:
    """For ops that act alike on every slice along the first axis: all operands get the batch."""
    full = [spread_batch(v, b, size) for v, b in zip(values, batched, strict=True)]
    return apply(op, tuple(full), params)


def by_axis(new: int = 0) -> BatchRule:
    """For ops with a parameter ``axis``: a number or a tuple, or None for the flat example.

    All operands get the batch. ``new`` is how many axes the op adds to those of an example.
    """

    def rule(op: Op, size: int, values: list[Any], batched: list[bool], params: Any) -> Any:
        full = [spread_batch(v, b, size) for v, b in zip(values, batched, strict=True)]
        axis, ndim = params["axis"], len(full[0].shape) - 1 + new
        if axis is None:
            return _flat_example(op, size, full[0], params)
        if isinstance(axis, tuple):
            moved: Any = tuple(a % ndim + 1 for a in axis)
        else:
            moved = axis % ndim + 1
        return apply(op, tuple(full), {**params, "axis": moved})

    return rule


def _flat_example(op: Op, size: int, x: Any, params: Any) -> Any:
    xp = op_module.traced_namespace
    flat = xp.reshape(x, (size, math.prod(x.shape[1:])))
    out = apply(op, (flat,), {**params, "axis": 1})
    if params.get("keepdims"):
        out = xp.reshape(out, (size, *(1,) * (len(x.shape) - 1)))
    return out


def by_shape(op: Op, size: int, values: list[Any], batched: list[bool], params: Any) -> Any:
    """For ops with a parameter ``shape``, that of the answer."""
    return spread(op, size, values, batched, {**params, "shape": (size, *params["shape"])})


def refuse(op: Op, size: int, values: list[Any], batched: list[bool], params: Any) -> Any:
    """For ops whose answers have shapes that depend on the data: IndexingError."""
    raise IndexingError(
        f"{op.name} inside vmap: the number of elements would differ between examples; "
        f"{op.facts.value_shaped}"
    )


def refuse_examples(function: str, argument: str, value: Any, remedy: str) -> None:
    """Raise IndexingError for an argument that decides on a shape, if a vmap runs over it."""
    if differs_between_examples(value):
        raise IndexingError(
            f"{function} inside vmap: {argument} differs between the examples, and with it the "
            f"shape of the answer; {remedy}"
        )


def loop(op: Op, size: int, values: list[Any], batched: list[bool], params: Any) -> Any:
    """For ops without a rule: one example after the other, said aloud."""
    warnings.warn(
        f"vmap: {op.name} has no batch rule and runs {size} times in a Python loop; declare one "
        "with batch=...",
        stacklevel=2,
    )
    return one_by_one(op, size, values, batched, params)


def one_by_one(op: Op, size: int, values: list[Any], batched: list[bool], params: Any) -> Any:
    """One example after the other, where that was asked for."""
    xp = op_module.traced_namespace
    outs: Sequence[Any] = [
        bind(
            op,
            tuple([xp.getitem(v, i) if b else v for v, b in zip(values, batched, strict=True)]),
            params,
        )
        for i in range(size)
    ]
    if op.multiple:
        return tuple(xp.stack(parts) for parts in zip(*outs, strict=True))
    return xp.stack(outs)
