"""Reverse mode: nodes linked from each answer to its operands, walked in creation order.

No list of all nodes exists. A node holds its parents and what its rule needs, so the graph of
a value lives exactly as long as the value, by reference counting alone.
"""

import itertools
from collections.abc import Iterable, Sequence
from heapq import heapify, heappop, heappush
from operator import add
from typing import Any

from polygrad.array import BASE, Array, wrap
from polygrad.backend import ARRAY_TYPES, PLAIN_TYPES, guard_of, namespace_of
from polygrad.core import op as op_module
from polygrad.core.op import Op, Spec, match_dtype
from polygrad.core.trace import Trace, as_number, bind, explained, leaked, lifted, rescued, settled
from polygrad.dtypes import as_dtype
from polygrad.errors import RuleError

_order = itertools.count()
_UNKNOWN: Any = object()
_NOTHING: Any = ()  # the operands of an op whose rules look at none
# Kinds of op that do not mix a zero with the rest.
_BY_ELEMENT = ("elementwise", "linear", "length")


class Node:
    """One op of the graph, or (with ``op`` None) an input of it or one of several answers.

    ``shape`` and ``dtype`` are those of the answer. ``slot`` is the place of this value among
    the answers of its only parent, an op with several.
    """

    __slots__ = (
        "op", "parents", "args", "ans", "params", "shape", "dtype", "traced", "order", "slot",
    )  # fmt: skip

    def __init__(
        self, op: Op | None, parents: Any, args: Any, ans: Any, params: Any, out: Any
    ) -> None:
        self.op, self.parents, self.args = op, parents, args
        self.ans, self.params = ans, params
        self.slot: int | None = None
        self.shape, self.dtype = out.shape, out.dtype
        self.traced = type(out) is Array
        self.order = next(_order)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return Spec(self).size


def _below(array: Array) -> Any:
    """An operand of a lower level: a copy, as ``x[i] = v`` gives the caller's another value."""
    if array._trace is BASE:
        return array._value
    return Array(array._value, array._trace, array._node)


class ReverseTrace(Trace):
    """Records a node for each op that depends on the inputs of one `vjp` or `grad`."""

    __slots__ = ()
    transform = "reverse mode (pg.grad, pg.vjp)"

    def input(self, value: Any) -> Array:
        """A tracked array to differentiate with respect to."""
        return Array(value, self, Node(None, (), (), None, None, value))

    def process(self, op: Op, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        """Run ``op`` one level down and link its answer to its tracked operands."""
        if not self.alive:
            remedy = "return it from the function (has_aux=True), or keep pg.stop_gradient(x)"
            raise leaked(op, args, self, remedy)
        classes: tuple[type, ...]
        if len(args) == 1:  # the one operand is of this trace, or the op would run elsewhere
            value, node = args[0]._value, args[0]._node
            values, parents, mask, classes = [value], [node], 3, (type(value),)
        else:
            values, parents, mask, bit = [], [], 0, 1
            for arg in args:
                node = None
                if type(arg) is Array:
                    if arg._trace is self:
                        mask |= bit
                        node, arg = arg._node, arg._value
                    else:
                        arg = _below(arg)
                values.append(arg)
                parents.append(node)
                bit <<= 1
            mask |= bit  # one more bit: plans differ by the number of operands too
            # Written out for two: tuple(map(...)) takes five times as long.
            classes = (type(values[0]), type(values[1])) if mask < 8 else tuple(map(type, values))
        plan = op.plans.get(mask, _UNKNOWN)
        if plan is _UNKNOWN:
            plan = op.plan(mask, len(args))
        # The way of `bind` and `evaluate`, without their frames: this is the hottest path.
        impl = op.fast.get(classes)
        if impl is None:
            values = list(map(as_number, values))
            out = bind(op, tuple(values), params)
        elif op.recorded is not None and plan is not None:
            return self._with_residuals(op, parents, values, params)
        else:
            try:
                out = impl(*values, **params) if params else impl(*values)
            except Exception as error:
                out = rescued(op, values, params, error)
            if type(out) not in PLAIN_TYPES:
                out = settled(op, values, out)
        if plan is None:
            return tuple(map(wrap, out)) if op.multiple else wrap(out)
        keep_answer, dropped = plan
        if dropped is None:
            values = _NOTHING
        else:
            for i in dropped:
                parent = parents[i]
                values[i] = Spec(values[i]) if parent is None else parent
        if op.multiple:
            return self._several(op, parents, values, params, out, keep_answer)
        node = Node(op, parents, values, out if keep_answer else None, params, out)
        return Array(out, self, node)

    def _with_residuals(self, op: Op, parents: Any, operands: Any, params: Any) -> Array:
        recorded = op.recorded
        backend = ARRAY_TYPES[type(operands[0])]
        impl = recorded.impls.get(backend) or recorded.implement(backend)
        try:
            out, residuals = impl(*operands, **params)
        except Exception as error:
            raise explained(op, operands, params, error) from error
        node = Node(recorded, parents, tuple(map(Spec, operands)), residuals, params, out)
        return Array(out, self, node)

    def _several(
        self, op: Op, parents: Any, values: Any, params: Any, outs: Any, keep: bool
    ) -> tuple[Array, ...]:
        kept = tuple(out if keep else Spec(out) for out in outs)
        whole = Node(op, parents, values, kept, params, outs[0])
        found = []
        for slot, out in enumerate(outs):
            if not as_dtype(out.dtype).is_inexact:
                found.append(wrap(out))
                continue
            node = Node(None, (whole,), (), None, None, out)
            node.slot = slot
            found.append(Array(out, self, node))
        return tuple(found)


def backward(
    seeds: Iterable[tuple[Node, Any]],
    inputs: Sequence[Node],
    selected: set[Node] | None = None,
) -> list[Any]:
    """Cotangents of the inputs for the cotangents given at some nodes; None where none flows.

    Nodes are let go as the walk passes them, so memory that nobody else holds is freed on the
    way. ``selected`` is told which nodes a choice of elements was made from (where, x[mask]),
    and tells it of those around the walk.
    """
    # What has arrived at each node that waits, by order. The latest node comes first: whatever
    # used a node's answer was made after it.
    waiting: dict[int, list[Any]] = {}
    for node, g in seeds:
        if (slot := waiting.get(-node.order)) is None:
            waiting[-node.order] = [node, g]
        else:
            slot[1] = _added(slot[1], g)
    heap = list(waiting)
    heapify(heap)
    arrived: dict[Node, Any] = {}
    last: Any = None
    xp: Any = None
    guard: Any = None
    # Nodes that a choice of elements (where, x[mask]) was made from, itself or through ops by
    # element: their cotangents hold zeros for what was left out, where a derivative may be
    # infinite or nan.
    selected = set() if selected is None else selected
    while heap:
        node, g = waiting.pop(heappop(heap))
        parents, op = node.parents, node.op
        if op is None:
            if not parents:
                arrived[node] = _added(arrived[node], g) if node in arrived else g
                continue
            whole = parents[0]
            if (slot := waiting.get(-whole.order)) is None:
                waiting[-whole.order] = slot = [whole, [None] * len(whole.ans)]
                heappush(heap, -whole.order)
            slot[1][node.slot] = g
            if node in selected:
                selected.add(whole)
            continue
        if op.multiple:
            g = tuple(g) if op.partial else _complete(node, g)
        masked = False
        if selected or op.selects is not None:
            behind = node in selected and op.kind in _BY_ELEMENT
            if behind or (op.selects is not None and op.selects(node)):
                selected.update(filter(None, parents))
            masked = behind and op.kind != "linear"
            if op.kind == "compiled":  # a function, which knows what it chooses from
                masked = node in selected
                chosen = node.params["reverse"].chosen[masked]
                selected.update(parents[i] for i in chosen)
        kind = _kind(g) if op.multiple else type(g)
        if node.traced or kind is Array:
            last, xp, guard = None, op_module.traced_namespace, None
            g, node = tuple(map(lifted, g)) if op.multiple else lifted(g), _lifted(node)
        elif kind is not last:
            last, xp, guard = kind, namespace_of(kind), guard_of(kind)
        pull: Any = op.pull if guard is None else guard(op.pull)
        found = pull(xp, g, node, selected=True) if masked else pull(xp, g, node)
        if len(found) != len(parents):
            raise RuleError(
                f"the rule of {op.name} returned {len(found)} cotangents for {len(parents)} "
                "operands; expected one for each, None where no derivative flows"
            )
        for parent, c in zip(parents, found):  # noqa: B905  checked above, and strict is slow
            if parent is None or c is None:
                continue
            if c.shape != parent.shape:
                raise RuleError(
                    f"the rule of {op.name} returned a cotangent of shape {tuple(c.shape)} for "
                    f"an operand of shape {tuple(parent.shape)}; the two have to be equal"
                )
            if c.dtype is not parent.dtype and c.dtype != parent.dtype:
                c = (guard(match_dtype) if guard else match_dtype)(xp, c, parent.dtype)
            # The chain rule over several paths: contributions to one node are added.
            place = -parent.order
            if not parent.parents:  # an input: nothing is below it
                if (before := arrived.get(parent)) is not None:
                    c = guard(add)(before, c) if guard else _added(before, c)
                arrived[parent] = c
            elif (slot := waiting.get(place)) is None:
                waiting[place] = [parent, c]
                heappush(heap, place)
            else:
                slot[1] = guard(add)(slot[1], c) if guard else _added(slot[1], c)
    return [arrived.get(node) for node in inputs]


def _kind(cotangents: tuple[Any, ...]) -> type:
    """The class that decides on the namespace of a rule: Array if any of them is one."""
    kinds = [type(g) for g in cotangents if g is not None]
    return Array if Array in kinds else kinds[0]


def _added(a: Any, b: Any) -> Any:
    """The sum of two cotangents; a library need not know what to do with an Array."""
    return lifted(a) + b if type(b) is Array else a + b


def _lifted(node: Node) -> Node:
    """A copy that holds Arrays only."""
    found: Node = object.__new__(Node)
    for name in Node.__slots__:
        setattr(found, name, getattr(node, name))
    found.args = [lifted(arg) for arg in node.args]
    ans = node.ans
    found.ans = tuple(map(lifted, ans)) if isinstance(ans, tuple) else lifted(ans)
    return found


def _complete(node: Node, slots: list[Any]) -> tuple[Any, ...]:
    """Zeros in place of the answers that no cotangent reached."""
    some = next(g for g in slots if g is not None)
    traced = node.traced or any(type(g) is Array for g in slots)
    xp = op_module.traced_namespace if traced else namespace_of(type(some))
    return tuple(
        xp.zeros(ans.shape, dtype=ans.dtype, device=xp.device_of(some)) if g is None else g
        for g, ans in zip(slots, node.ans, strict=True)
    )
