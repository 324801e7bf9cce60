"""The kinds of op: each derives both modes of differentiation from one authored rule."""

from collections.abc import Callable, Sequence
from typing import Any

from polygrad.core.batch import BatchRule
from polygrad.core.batch import elementwise as batch_elementwise
from polygrad.core.op import Op, OpFacts, Plan, Rule, constant, is_complex
from polygrad.core.trace import bind
from polygrad.errors import NonDifferentiableError


def unbroadcast(xp: Any, g: Any, shape: tuple[int, ...]) -> Any:
    """Sum ``g`` over the axes along which an operand of the given shape was broadcast."""
    given = g.shape
    extra = len(given) - len(shape)
    if given[extra:] == shape:  # a bias: only new axes in front
        return xp.sum(g, axis=0 if extra == 1 else tuple(range(extra))) if extra else g
    axes = tuple(range(extra)) + tuple(
        i + extra for i, n in enumerate(shape) if n == 1 and g.shape[i + extra] != 1
    )
    if axes:
        g = xp.sum(g, axis=axes)
    return xp.reshape(g, shape)


class Elementwise(Op):
    """Each element of the answer depends on the elements at the same place.

    One rule an operand: ``rule(xp, g, ans, *operands)`` is ``g`` times the partial derivative.
    It may be the number 1 or -1, or None where no derivative flows. For complex operands the
    rule is the holomorphic derivative; the conjugation of reverse mode is done here.
    """

    __slots__ = ("rules",)
    kind = "elementwise"
    kind_facts = OpFacts(elementwise=True, cost=20)

    def __init__(
        self,
        name: str,
        *rules: Rule | int | None,
        forward: Callable[..., Any] | None = None,
        batch: BatchRule = batch_elementwise,
        facts: OpFacts | None = None,
    ) -> None:
        super().__init__(name, forward, batch, facts)
        self.rules = rules

    def wants(self, operand: int) -> Sequence[Rule]:
        rule = self.rules[operand]
        if rule is None:
            return ()
        return (constant if isinstance(rule, int) else rule,)

    def pull(self, xp: Any, g: Any, node: Any, selected: bool = False) -> Sequence[Any]:
        """Cotangents of the operands; with ``selected`` a cotangent of 0 stays 0 whatever the
        partial derivative, which may be infinite or nan at elements that were not chosen.
        """
        ans = node if node.ans is None else node.ans
        conjugate = is_complex(node.dtype)
        if conjugate:
            g = xp.conj(g)
        found: list[Any] = []
        for parent, rule in zip(node.parents, self.rules):  # noqa: B905  strict costs a call
            if parent is None or rule is None:
                found.append(None)
                continue
            if isinstance(rule, int):
                c = g if rule == 1 else -g
            else:
                c = rule(xp, g, ans, *node.args, **node.params)
                if selected:
                    c = xp._keep_zeros(g, c)
            if conjugate:
                c = xp.conj(c)
            found.append(c if c.shape == parent.shape else unbroadcast(xp, c, parent.shape))
        return found

    def push(
        self, xp: Any, tangents: Sequence[Any], ans: Any, args: tuple[Any, ...], params: Any
    ) -> Any:
        total = None
        for t, rule in zip(tangents, self.rules, strict=True):
            if t is None or rule is None:
                continue
            if callable(rule):
                if t.shape != ans.shape:
                    t = xp.broadcast_to(t, ans.shape)
                if is_complex(t.dtype) and not is_complex(ans.dtype):
                    # A real function of a complex number: Re(conj(d) t), as reverse mode has it.
                    t = xp.real(rule(xp, xp.conj(t), ans, *args, **params))
                else:
                    t = rule(xp, t, ans, *args, **params)
            elif rule == -1:
                t = -t
            total = t if total is None else total + t
        if total is not None and total.shape != ans.shape:
            total = xp.broadcast_to(total, ans.shape)
        return total


class Linear(Op):
    """Linear in its first ``operands`` operands together, the others (indices) fixed.

    ``transpose(xp, g, *operands, **params)`` returns the cotangent of the linear operand, or
    the list of all of theirs. Linear operands are never kept. Where the operands are complex
    the transpose is the adjoint.
    """

    __slots__ = ("transpose", "operands")
    kind = "linear"

    def __init__(
        self,
        name: str,
        transpose: Rule,
        forward: Callable[..., Any] | None = None,
        operands: int | None = 1,
        batch: BatchRule | None = None,
        facts: OpFacts | None = None,
    ) -> None:
        super().__init__(name, forward, batch, facts)
        self.transpose, self.operands = transpose, operands

    def plan(self, mask: int, count: int) -> Plan | None:
        linear = count if self.operands is None else self.operands
        found = (False, tuple(range(linear))) if mask & ((1 << linear) - 1) else None
        self.plans[mask] = found
        return found

    def pull(self, xp: Any, g: Any, node: Any) -> Sequence[Any]:
        found = self.transpose(xp, g, *node.args, **node.params)
        if self.operands == 1:
            found = (found,)
        fixed = len(node.parents) - len(found)  # operands it is not linear in: indices
        return (*found, *(None,) * fixed) if fixed else found

    def push(
        self, xp: Any, tangents: Sequence[Any], ans: Any, args: tuple[Any, ...], params: Any
    ) -> Any:
        linear = len(args) if self.operands is None else self.operands
        filled = [
            (xp.zeros_like(arg) if t is None else t) if i < linear else arg
            for i, (t, arg) in enumerate(zip(tangents, args, strict=True))
        ]
        return bind(self, tuple(filled), params)


class Bilinear(Op):
    """Linear in each of two operands; one transpose for each.

    ``transpose(xp, g, ans, a, b, **params)`` returns the cotangent of its operand, of that
    operand's shape; it is the adjoint where the other operand is complex.
    """

    __slots__ = ("transposes",)
    kind = "bilinear"

    def __init__(
        self,
        name: str,
        left: Rule,
        right: Rule,
        forward: Callable[..., Any] | None = None,
        batch: BatchRule | None = None,
        facts: OpFacts | None = None,
    ) -> None:
        super().__init__(name, forward, batch, facts)
        self.transposes = (left, right)

    def wants(self, operand: int) -> Sequence[Rule]:
        return (self.transposes[operand],)

    def pull(self, xp: Any, g: Any, node: Any) -> Sequence[Any]:
        (left, right), (a, b), params = self.transposes, node.args, node.params
        first, second = node.parents
        return (
            None if first is None else left(xp, g, node, a, b, **params),
            None if second is None else right(xp, g, node, a, b, **params),
        )

    def push(
        self, xp: Any, tangents: Sequence[Any], ans: Any, args: tuple[Any, ...], params: Any
    ) -> Any:
        left, right = tangents
        total = None if left is None else bind(self, (left, args[1]), params)
        if right is not None:
            other = bind(self, (args[0], right), params)
            total = other if total is None else total + other
        return total


class General(Op):
    """Any other differentiable op: both modes written, and held against each other by test.

    ``vjp(xp, g, ans, *operands, **params)`` returns the cotangent of the one operand, or a
    sequence of one for each (None where none flows). ``jvp(xp, tangents, ans, *operands,
    **params)`` returns the tangent of the answer. With ``multiple`` the answer, ``g`` and the
    tangent are tuples, and a cotangent that nothing contributed to is zero, or None with
    ``partial``. ``derivative`` tells for each operand whether a derivative flows to it; the last
    entry repeats. ``residuals`` is a forward and a backward rule as `WithResiduals` has them.
    """

    __slots__ = ("vjp", "jvp", "multiple", "partial", "derivative", "recorded")
    kind = "general"

    def __init__(
        self,
        name: str,
        vjp: Rule,
        jvp: Rule,
        forward: Callable[..., Any] | None = None,
        *,
        multiple: bool = False,
        partial: bool = False,
        derivative: Sequence[bool] = (True,),
        residuals: tuple[Callable[..., Any], Rule] | None = None,
        batch: BatchRule | None = None,
        facts: OpFacts | None = None,
    ) -> None:
        super().__init__(name, forward, batch, facts)
        self.vjp, self.jvp, self.multiple, self.derivative = vjp, jvp, multiple, derivative
        self.partial = partial
        self.recorded = WithResiduals(self, *residuals) if residuals else None

    def wants(self, operand: int) -> Sequence[Rule]:
        flows = self.derivative[min(operand, len(self.derivative) - 1)]
        return (self.vjp,) if flows else ()

    def pull(self, xp: Any, g: Any, node: Any) -> Sequence[Any]:
        found = self.vjp(xp, g, node if node.ans is None else node.ans, *node.args, **node.params)
        return found if isinstance(found, tuple | list) else (found,)

    def push(
        self, xp: Any, tangents: Sequence[Any], ans: Any, args: tuple[Any, ...], params: Any
    ) -> Any:
        return self.jvp(xp, tangents, ans, *args, **params)


class WithResiduals(Op):
    """Stands for an op in the tape of a first-order pass: its forward pass hands results on.

    ``forward(xp, *operands, **params)`` returns the answer and a tuple of residuals, arrays that
    ``vjp(xp, g, residuals, *operands, **params)`` would have to compute again. Of the operands
    it sees the shape and data type only.
    """

    __slots__ = ("vjp",)
    kind = "general"

    def __init__(self, op: Op, forward: Callable[..., Any], vjp: Rule) -> None:
        self.name, self.forward, self.vjp = op.name, forward, vjp
        self.impls, self.fast, self.selects, self.facts = {}, {}, None, op.facts

    def pull(self, xp: Any, g: Any, node: Any) -> Sequence[Any]:
        return self.vjp(xp, g, node.ans, *node.args, **node.params)


class Nondifferentiable(Op):
    """An op with derivative zero, or none at all: its answer is never tracked.

    With ``misleading`` set, a tracked operand raises NonDifferentiableError with that reason.
    With ``multiple`` the answer is a tuple.
    """

    __slots__ = ("misleading", "multiple")
    kind = "nondifferentiable"

    def __init__(
        self,
        name: str,
        forward: Callable[..., Any] | None = None,
        *,
        misleading: str | None = None,
        multiple: bool = False,
        batch: BatchRule | None = None,
        facts: OpFacts | None = None,
    ) -> None:
        super().__init__(name, forward, batch, facts)
        self.misleading, self.multiple = misleading, multiple

    def plan(self, mask: int, count: int) -> None:
        """Nothing is kept; raises where a derivative of zero would mislead."""
        if self.misleading is not None:
            raise NonDifferentiableError(
                f"{self.name} has no derivative: {self.misleading}; "
                "pass pg.stop_gradient(x) if none is wanted"
            )
        self.plans[mask] = None
