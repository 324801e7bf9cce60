"""How a function with rules of its own meets the transforms: an op that carries the rules.

The highest trace among the operands decides, as for any op. Reverse mode runs the forward rule
one level down and keeps the residuals; forward mode runs the rule on values and tangents; vmap
maps the rules. Any other trace runs or writes down the op as it is, for later.
"""

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

from polygrad import ops
from polygrad.array import BASE, Array, wrap
from polygrad.core.dual import ForwardTrace, note_order
from polygrad.core.op import OPS, Op, OpFacts, Plan
from polygrad.core.record import plain
from polygrad.core.tape import ReverseTrace
from polygrad.core.trace import Trace, bind, leaked
from polygrad.dtypes import as_dtype
from polygrad.errors import LostGradientError
from polygrad.transforms.grad import vjp
from polygrad.transforms.vmap import mapped_again

Arrays = tuple[Any, ...]


class Rules:
    """A function of arrays and its derivative, for one call; arrays in, a tuple of arrays out."""

    # Tables of what is known about an op are keyed by its parameters; these are made for a call.
    __hash__ = None  # type: ignore[assignment]
    op: "RuleOp"

    def __init__(self, owner: Any, run: Callable[..., Arrays]) -> None:
        self.owner, self.name, self.run = owner, owner.name, run

    def __call__(self, *arrays: Any) -> Arrays:
        return self.op.dispatch(arrays, {"rules": self})

    def mapped(self, axes: tuple[int | None, ...], name: str | None) -> "Rules":
        """The rules of the function under vmap."""
        raise NotImplementedError

    def check(self, found: Sequence[Any], level: int = 1) -> None:
        """Raise LostGradientError for a result that a transform tracks through a closure."""
        for x in found:
            if type(x) is Array and x._trace.level >= level:
                raise LostGradientError(
                    f"{self.name}: the function or its rule uses a tracked array that is not among "
                    "its arguments, whose gradient would be lost; pass it as an argument"
                )


class ReverseRules(Rules):
    """``fwd(*arrays)`` is (answers, residuals); ``bwd(residuals, cotangents)`` the cotangents."""

    def __init__(
        self, owner: Any, run: Callable[..., Arrays], fwd: Callable[..., Any], bwd: Any
    ) -> None:
        super().__init__(owner, run)
        self.fwd, self.bwd = fwd, bwd
        self.op = REVERSE

    def mapped(self, axes: tuple[int | None, ...], name: str | None) -> Rules:
        def bwd(residuals: Arrays, cotangents: Arrays) -> list[Any]:
            found = mapped_again(self.bwd, 0, name)(tuple(residuals), tuple(cotangents))
            # An operand that all examples share gets the sum over them.
            return [
                ops.sum(c, axis=0) if c is not None and axis is None else c
                for c, axis in zip(found, axes, strict=True)
            ]

        run, fwd = (mapped_again(f, axes, name) for f in (self.run, self.fwd))
        return ReverseRules(self.owner, run, fwd, bwd)


class ForwardRules(Rules):
    """``push(arrays, tangents)`` is (answers, their tangents); a tangent may be None."""

    def __init__(self, owner: Any, run: Callable[..., Arrays], push: Callable[..., Any]) -> None:
        super().__init__(owner, run)
        self.push = push
        self.op = FORWARD

    def mapped(self, axes: tuple[int | None, ...], name: str | None) -> Rules:
        def push(arrays: Arrays, tangents: Arrays) -> Any:
            return mapped_again(self.push, (axes, axes), name)(tuple(arrays), tuple(tangents))

        return ForwardRules(self.owner, mapped_again(self.run, axes, name), push)


class RuleOp(Op):
    """Runs ``rules.run``, and differentiates by the rules."""

    __slots__ = ()
    kind_facts = OpFacts(axis_name=True)
    kind = "general"
    multiple = True

    def __init__(self, name: str) -> None:
        super().__init__(name, _forward, _batch)
        del OPS[name]  # no op of the table: its rules come with each call

    def plan(self, mask: int, count: int) -> Plan | None:
        found = (False, ()) if mask & ((1 << count) - 1) else None
        self.plans[mask] = found
        return found

    def dispatch(self, args: Arrays, params: dict[str, Any]) -> Arrays:
        """Run at the level of the highest trace; what `bind` is to other ops."""
        rules: Rules = params["rules"]
        top: Any = BASE
        for arg in args:
            if type(arg) is Array and arg._trace.level > top.level:
                top = arg._trace
        if top is BASE:
            outs = rules.run(*map(wrap, args))
            rules.check(outs)
            return outs
        if any(owner is rules.owner and top.level > level for owner, level in _turning.get()):
            # A rule applies its own function to tangents, since it is linear.
            return rules.run(*args)
        # A subclass of these may have to see every op itself.
        if type(top) not in (ReverseTrace, ForwardTrace):
            return bind(self, args, params)
        if not top.alive:
            raise leaked(self, args, top, "return it from the function (has_aux=True)")
        mine = [type(arg) is Array and arg._trace is top for arg in args]
        values = tuple(
            [wrap(arg._value if yes else arg) for arg, yes in zip(args, mine, strict=True)]
        )
        nodes = [arg._node if yes else None for arg, yes in zip(args, mine, strict=True)]
        if type(top) is ReverseTrace:
            return self.recorded(top, values, nodes, rules)
        note_order(self.name)
        return self.dual(top, values, nodes, rules)

    def inline(self, operands: Sequence[Any], params: dict[str, Any]) -> Arrays:
        """What a compiler sees in place of the op: no derivative is taken below it."""
        return params["rules"].run(*map(wrap, operands))

    def recorded(self, trace: ReverseTrace, values: Arrays, parents: Any, rules: Any) -> Arrays:
        """The answers in reverse mode, with a node that keeps what its rule needs."""
        raise NotImplementedError

    def dual(self, trace: ForwardTrace, values: Arrays, tangents: Any, rules: Any) -> Arrays:
        """The answers in forward mode, with their tangents."""
        raise NotImplementedError


def _forward(xp: Any, *arrays: Any, rules: Rules) -> Arrays:
    outs = rules.run(*map(wrap, arrays))
    rules.check(outs)
    return tuple(map(plain, outs))


def _batch(
    op: RuleOp,
    size: int,
    values: list[Any],
    batched: list[bool],
    params: Any,
    name: str | None = None,
) -> Any:
    axes = tuple([0 if yes else None for yes in batched])
    return op.dispatch(tuple(values), {"rules": params["rules"].mapped(axes, name)})


class _ReverseOp(RuleOp):
    __slots__ = ()

    def recorded(
        self, trace: ReverseTrace, values: Arrays, parents: Any, rules: ReverseRules
    ) -> Arrays:
        outs, residuals = rules.fwd(*values)
        rules.check((*outs, *residuals), trace.level)
        kept = list(map(plain, residuals))
        params = {"rules": rules, "ran": True}
        return trace._several(self, parents, kept, params, tuple(map(plain, outs)), False)

    def pull(self, xp: Any, g: Any, node: Any) -> Sequence[Any]:
        rules, kept = node.params["rules"], node.args
        if "ran" not in node.params:  # a trace that knows nothing of rules has made the node
            kept = rules.fwd(*map(wrap, node.args))[1]
        found = rules.bwd(tuple(map(wrap, kept)), tuple(map(wrap, g)))
        return [None if c is None else plain(c) for c in found]

    def dual(
        self, trace: ForwardTrace, values: Arrays, tangents: Any, rules: ReverseRules
    ) -> Arrays:
        outs, residuals = rules.fwd(*values)
        rules.check((*outs, *residuals), trace.level)
        moved = _along(rules, outs, residuals, tangents)
        return tuple([trace._dual(plain(out), t) for out, t in zip(outs, moved, strict=True)])

    def push(
        self, xp: Any, tangents: Sequence[Any], ans: Any, args: tuple[Any, ...], params: Any
    ) -> Any:
        note_order(self.name)
        outs, residuals = params["rules"].fwd(*map(wrap, args))
        return _along(params["rules"], outs, residuals, tangents)


def turned_round(
    f: Callable[[Sequence[Any]], Sequence[Any]], like: Sequence[Any], cotangents: Sequence[Any]
) -> list[Any]:
    """The transpose of a linear function of arrays like ``like``, applied to cotangents.

    ``f`` may return None for an entry that is zero.
    """
    used: list[int] = []

    def some(*xs: Any) -> list[Any]:
        found = f(xs)
        used[:] = [i for i, y in enumerate(found) if y is not None]
        return [found[i] for i in used]

    if not like:
        return []
    _, pullback = vjp(some, *[ops.zeros_like(wrap(x)) for x in like])
    return list(pullback([wrap(cotangents[i]) for i in used]))


def _along(rules: ReverseRules, outs: Arrays, residuals: Arrays, tangents: Any) -> list[Any]:
    """The tangents of the answers: the backward rule, linear in its cotangents, turned round."""
    inexact = [i for i, x in enumerate(outs) if as_dtype(x.dtype).is_inexact]

    def of_cotangents(some: Sequence[Any]) -> list[Any]:
        full = [ops.zeros_like(x) for x in outs]
        for i, c in zip(inexact, some, strict=True):
            full[i] = c
        found = rules.bwd(residuals, tuple(full))
        return [None if t is None else c for c, t in zip(found, tangents, strict=True)]

    moved: list[Any] = [None] * len(outs)
    flat = turned_round(of_cotangents, [outs[i] for i in inexact], tangents)
    for i, t in zip(inexact, flat, strict=True):
        moved[i] = plain(t)
    return moved


class _ForwardOp(RuleOp):
    __slots__ = ()

    def recorded(
        self, trace: ReverseTrace, values: Arrays, parents: Any, rules: ForwardRules
    ) -> Arrays:
        outs, pullback = _transposed(rules, values, [p is not None for p in parents])
        rules.check(outs, trace.level)
        params = {"rules": rules, "pullback": pullback}
        return trace._several(self, parents, [], params, tuple(map(plain, outs)), False)

    def pull(self, xp: Any, g: Any, node: Any) -> Sequence[Any]:
        pullback = node.params.get("pullback")
        moving = [p is not None for p in node.parents]
        if pullback is None:
            values = tuple(map(wrap, node.args))
            pullback = _transposed(node.params["rules"], values, moving)[1]
        found = iter(pullback(tuple(map(wrap, g))))
        return [plain(next(found)) if yes else None for yes in moving]

    def dual(
        self, trace: ForwardTrace, values: Arrays, tangents: Any, rules: ForwardRules
    ) -> Arrays:
        outs, moved = rules.push(values, _filled(values, tangents))
        rules.check((*outs, *moved), trace.level)
        pairs = zip(map(plain, outs), map(plain, moved), strict=True)
        return tuple([trace._dual(out, t) for out, t in pairs])

    def push(
        self, xp: Any, tangents: Sequence[Any], ans: Any, args: tuple[Any, ...], params: Any
    ) -> Any:
        note_order(self.name)
        values = tuple(map(wrap, args))
        moved = params["rules"].push(values, _filled(values, tangents))[1]
        return tuple(map(plain, moved))


def _filled(values: Arrays, tangents: Sequence[Any]) -> Arrays:
    """The tangents as arrays, zeros where there was none; None for what has no derivative."""
    return tuple(
        [
            (ops.zeros_like(x) if t is None else wrap(t)) if as_dtype(x.dtype).is_inexact else None
            for x, t in zip(values, tangents, strict=True)
        ]
    )


def _transposed(rules: ForwardRules, values: Arrays, moving: list[bool]) -> tuple[Arrays, Any]:
    """The answers, and the rule's linear map from tangents to tangents turned round."""

    def of_tangents(*some: Any) -> tuple[Any, Any]:
        given = iter(some)
        tangents = [next(given) if yes else None for yes in moving]
        outs, moved = rules.push(values, _filled(values, tangents))
        return moved, outs

    zeros = [ops.zeros_like(x) for x, yes in zip(values, moving, strict=True) if yes]
    token = _turning.set((*_turning.get(), (rules.owner, Trace().level)))
    try:
        _, pullback, outs = vjp(of_tangents, *zeros, has_aux=True)
    finally:
        _turning.reset(token)
    return outs, pullback


_turning: ContextVar[tuple[tuple[Any, int], ...]] = ContextVar("_turning", default=())
"""The functions whose rules are being turned round, and the levels from which on they are."""
REVERSE = _ReverseOp("custom_vjp")
FORWARD = _ForwardOp("custom_jvp")
