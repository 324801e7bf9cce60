"""Reverse mode: nodes linked from each answer to its operands, walked in creation order.

No list of all nodes exists. A node holds its parents and what its rule needs, so the graph of
a value lives exactly as long as the value, by reference counting alone.
"""

import itertools
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any

from polygrad.array import BASE, Array
from polygrad.backend import namespace_of
from polygrad.core import op as op_module
from polygrad.core.op import Op, Spec, is_complex
from polygrad.core.trace import Trace, bind, evaluate
from polygrad.dtypes import as_dtype
from polygrad.errors import LeakedArrayError, RuleError

_order = itertools.count()


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


class ReverseTrace(Trace):
    """Records a node for each op that depends on the inputs of one `vjp` or `grad`."""

    __slots__ = ()

    def input(self, value: Any) -> Array:
        """A tracked array to differentiate with respect to."""
        return Array(value, self, Node(None, (), (), None, None, value))

    def process(self, op: Op, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        """Run ``op`` one level down and link its answer to its tracked operands."""
        if not self.alive:
            raise LeakedArrayError(
                f"{op.name}: a tracked array is used after the transform that made it ended; "
                "return it from the differentiated function (has_aux=True), or keep "
                "pg.stop_gradient(x)"
            )
        values: list[Any] = []
        parents: list[Node | None] = []
        mask, bit = 0, 1
        raw = True
        for arg in args:
            if type(arg) is Array:
                value = arg._value
                if arg._trace is self:
                    mask |= bit
                    parents.append(arg._node)
                    if type(value) is Array:
                        raw = False
                else:
                    parents.append(None)
                    if arg._trace is not BASE:
                        value, raw = arg, False
                values.append(value)
            else:
                values.append(arg)
                parents.append(None)
            bit <<= 1
        try:
            plan = op.plans[mask]
        except KeyError:
            plan = op.plan(mask, len(args))
        out = (evaluate if raw else bind)(op, tuple(values), params)
        if plan is None:
            return _untracked(out)
        keep_answer, keeps = plan
        for i, keep in enumerate(keeps):
            if not keep:
                parent = parents[i]
                values[i] = Spec(values[i]) if parent is None else parent
        if op.multiple:
            return self._several(op, parents, values, params, out, keep_answer)
        node = Node(op, parents, values, out if keep_answer else None, params, out)
        return Array(out, self, node)

    def _several(
        self, op: Op, parents: Any, values: Any, params: Any, outs: Any, keep: bool
    ) -> tuple[Array, ...]:
        kept = tuple(out if keep else Spec(out) for out in outs)
        whole = Node(op, parents, values, kept, params, outs[0])
        found = []
        for slot, out in enumerate(outs):
            if not as_dtype(out.dtype).is_inexact:
                found.append(_untracked(out))
                continue
            node = Node(None, (whole,), (), None, None, out)
            node.slot = slot
            found.append(Array(out, self, node))
        return tuple(found)


def _untracked(out: Any) -> Any:
    if isinstance(out, tuple):
        return tuple([_untracked(value) for value in out])
    return out if type(out) is Array else Array(out, BASE, None)


def backward(seeds: Iterable[tuple[Node, Any]], inputs: Sequence[Node]) -> list[Any]:
    """Cotangents of the inputs for the cotangents given at some nodes; None where none flows.

    Nodes are let go as the walk passes them, so memory that nobody else holds is freed on the
    way.
    """
    cotangents: dict[Node, Any] = {}
    for node, g in seeds:
        _add(cotangents, node, g)
    nodes = _reachable(cotangents)
    while nodes:
        node = nodes.pop()
        if not node.parents:
            continue
        g = cotangents.pop(node, None)
        if g is None:
            continue
        op = node.op
        if op is None:
            _fill_slot(cotangents, node, g)
            continue
        if op.multiple:
            g = _complete(node, g)
            first = g[0]
        else:
            first = g
        if node.traced or type(first) is Array:
            xp = op_module.traced_namespace
        else:
            xp = namespace_of(first)
        for parent, c in zip(node.parents, op.pull(xp, g, node), strict=True):
            if parent is None or c is None:
                continue
            if c.shape != parent.shape:
                raise RuleError(
                    f"the rule of {op.name} returned a cotangent of shape {tuple(c.shape)} for "
                    f"an operand of shape {tuple(parent.shape)}; the two have to be equal"
                )
            if c.dtype is not parent.dtype and c.dtype != parent.dtype:
                c = _as_dtype(xp, c, parent.dtype)
            _add(cotangents, parent, c)
    return [cotangents.get(node) for node in inputs]


def _reachable(start: Iterable[Node]) -> list[Node]:
    seen = set(start)
    stack = list(seen)
    while stack:
        for parent in stack.pop().parents:
            if parent is not None and parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return sorted(seen, key=attrgetter("order"))


def _add(cotangents: dict[Node, Any], node: Node, g: Any) -> None:
    """The chain rule over several paths: contributions to one node are added."""
    before = cotangents.get(node)
    cotangents[node] = g if before is None else before + g


def _fill_slot(cotangents: dict[Node, Any], node: Node, g: Any) -> None:
    (whole,) = node.parents
    slots = cotangents.setdefault(whole, [None] * len(whole.ans))
    slots[node.slot] = g


def _complete(node: Node, slots: list[Any]) -> tuple[Any, ...]:
    """Zeros in place of the answers that no cotangent reached."""
    some = next(g for g in slots if g is not None)
    traced = node.traced or any(type(g) is Array for g in slots)
    xp = op_module.traced_namespace if traced else namespace_of(some)
    return tuple(
        xp.zeros(ans.shape, dtype=ans.dtype, device=some.device) if g is None else g
        for g, ans in zip(slots, node.ans, strict=True)
    )


def _as_dtype(xp: Any, c: Any, dtype: Any) -> Any:
    """A cotangent in the data type of its operand: the real part where the operand is real."""
    if is_complex(c.dtype) and not is_complex(dtype):
        c = xp.real(c)
    return c if c.dtype == dtype else xp.astype(c, dtype)
