"""Ops of one's own: a function of another library or a kernel, with its derivative."""

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from types import FunctionType
from typing import Any

from polygrad import ops
from polygrad.array import raw_and_backend, wrap
from polygrad.backend import backend_for_type
from polygrad.core import batch as batching
from polygrad.core.dual import note_order
from polygrad.core.kinds import Elementwise, General, Nondifferentiable
from polygrad.core.op import OPS, Op, OpFacts, Rule
from polygrad.core.record import plain
from polygrad.core.trace import bind, describe
from polygrad.dtypes import as_dtype
from polygrad.errors import (
    ArgumentTypeError,
    ArgumentValueError,
    BackendError,
    BatchingError,
    RuleError,
)
from polygrad.transforms.rule_ops import turned_round

Forward = Callable[..., Any] | Mapping[str, Callable[..., Any]]
_turning: ContextVar[frozenset[Op]] = ContextVar("_turning", default=frozenset())
"""The ops whose rules are being turned round."""
BATCHES = {"leading": batching.leading, "loop": batching.one_by_one}


def define_op(
    name: str,
    forward: Forward,
    *,
    partials: Sequence[Rule | None] | None = None,
    vjp: Rule | None = None,
    jvp: Rule | None = None,
    batch: str | Callable[..., Any] | None = None,
    multiple: bool = False,
    differentiable: Sequence[bool] = (True,),
    doc: str | None = None,
) -> Callable[..., Any]:
    """A differentiable function out of any function of library arrays: SciPy's, a CUDA kernel.

    ``forward(*operands, **params)`` gets raw arrays of one library (NumPy's, CuPy's) and returns
    an array of it, or with ``multiple`` a tuple of them. A mapping from backend names to
    functions, ``{"numpy": f, "cupy": g}``, holds one for each library. The function returned takes
    operands of any kind by position, and by keyword parameters that do not vary.

    The derivative is one of these. Their ``xp`` is the namespace of what they are handed: the
    library's own in a first-order pass, polygrad's under further transforms. Code that needs raw
    arrays in a rule is an op of its own, too. ``ans`` is the answer; an operand (or ``ans``) whose
    parameter name begins with ``_`` is not kept in memory, only its shape and data type.

    - ``partials``, for a function by element: one rule ``(xp, g, ans, *operands, **params)`` for
      each operand, which returns ``g`` times the partial derivative; None for zero.
    - ``vjp(xp, g, ans, *operands, **params)`` returns the cotangent of the one operand, or a tuple
      of one for each (None for zero); linear in ``g``.
    - ``jvp(xp, tangents, ans, *operands, **params)`` returns the tangent of the answer; a tangent
      is None where it is zero; linear in the tangents.

    Of ``vjp`` and ``jvp`` one is enough: the other mode turns it round. ``differentiable`` says for
    each operand whether a derivative flows to it; its last entry goes for the rest. Without a
    derivative, a tracked operand raises NonDifferentiableError.

    ``batch`` is how `vmap` runs it: "leading" if ``forward`` works on the last axes and broadcasts
    those in front, "loop" for one example after the other, or a rule ``(size, batched, *operands,
    **params)`` where the operands marked in ``batched`` have the batch in front, as its answer
    must. With ``partials`` it is known; otherwise vmap raises BatchingError without it.

    Raises ArgumentTypeError or ArgumentValueError for a wrong declaration, and RuleError when a
    rule returns what does not fit.

    >>> import numpy as np
    >>> cbrt = pg.define_op("cbrt", np.cbrt, partials=[lambda xp, g, y, _x: g / (3 * y * y)])
    >>> cbrt(8.0), pg.grad(cbrt)(8.0)
    (Array(2., dtype=float64, device=cpu), 0.08333333333333333)
    >>> pg.vmap(pg.grad(pg.grad(cbrt)))(np.asarray([1.0, 8.0]))
    array([-0.22222222, -0.00694444])
    """
    _check(name, forward, partials, vjp, jvp, batch, multiple)
    run = _forward(name, forward)
    rule = _batch_rule(batch)
    op: Op
    if partials is not None:
        op = _listed(Elementwise, name, *map(_rule, partials), forward=run)
    elif vjp is not None or jvp is not None:
        flags = tuple(differentiable)
        op = _listed(_Defined, name, _rule(vjp), jvp, run, multiple, flags, rule)
    else:
        reason = "pg.define_op was given no rule for it (partials, vjp or jvp)"
        op = _listed(Nondifferentiable, name, run, misleading=reason, multiple=multiple, batch=rule)

    def function(*operands: Any, **params: Any) -> Any:
        return bind(op, operands, params)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc or getattr(forward, "__doc__", None)
    return function


def _check(
    name: Any, forward: Any, partials: Any, vjp: Any, jvp: Any, batch: Any, multiple: bool
) -> None:
    if not isinstance(name, str) or not name.isidentifier():
        raise ArgumentValueError(
            f"define_op: name is {name!r}, expected a Python name such as 'expm'"
        )
    functions = list(forward.values()) if isinstance(forward, Mapping) else [forward]
    for what, one in [
        *(("forward", f) for f in functions), ("vjp", vjp), ("jvp", jvp),
        *(("each of partials", rule) for rule in partials or ()),
    ]:  # fmt: skip
        if not callable(one) and (one is not None or what == "forward"):
            raise ArgumentTypeError(f"{name}: {what} is {describe(one)}, expected a function")
    if partials is not None and (vjp is not None or jvp is not None or multiple):
        raise ArgumentValueError(
            f"{name}: partials is for a function by element with one answer; pass it without vjp, "
            "jvp and multiple=True, or leave it out"
        )
    if not (batch is None or callable(batch) or batch in BATCHES):
        raise ArgumentValueError(
            f"{name}: batch is {batch!r}, expected one of {', '.join(map(repr, BATCHES))}, or a "
            "rule (size, batched, *operands, **params)"
        )
    if partials is not None and batch is not None:
        raise ArgumentValueError(
            f"{name}: batch is given beside partials; a function by element needs none"
        )


def _listed(kind: Callable[..., Op], name: str, *rules: Any, **options: Any) -> Op:
    """An op, which does not stay in the table: names of users need not differ from ours."""
    place = f"defined {name} {len(OPS)} {id(rules)}"
    op = kind(place, *rules, **options)
    del OPS[place]
    op.name = name
    return op


def _rule(rule: Rule | None) -> Any:
    """A rule whose parameter names can be read; other callables keep everything."""
    if rule is None or isinstance(rule, FunctionType):
        return rule

    def called(xp: Any, g: Any, ans: Any, *operands: Any, **params: Any) -> Any:
        return rule(xp, g, ans, *operands, **params)

    return called


def _forward(name: str, given: Forward) -> Callable[..., Any]:
    def forward(xp: Any, *operands: Any, **params: Any) -> Any:
        if callable(given):
            return given(*operands, **params)
        array = next(x for x in operands if backend_for_type(type(x)) is not None)
        backend = raw_and_backend(array)[1].name
        if backend not in given:
            raise BackendError(
                f"{name}: there is no forward function for arrays of the backend {backend!r}, "
                f"only for {', '.join(map(repr, given))}; move the data with pg.to_device, or add "
                "one to define_op"
            )
        return given[backend](*operands, **params)

    return forward


def _batch_rule(batch: Any) -> Any:
    if batch is None:
        return _no_rule
    if isinstance(batch, str):
        return BATCHES[batch]

    def rule(op: Op, size: int, values: list[Any], batched: list[bool], params: Any) -> Any:
        shown = [wrap(v) if backend_for_type(type(v)) is not None else v for v in values]
        out = batch(size, tuple(batched), *shown, **params)
        answers = out if op.multiple else (out,)
        for one in answers:
            if tuple(getattr(one, "shape", ()))[:1] != (size,):
                raise RuleError(
                    f"{op.name}: the batch rule returned {describe(one)}, expected an array with "
                    f"the batch of {size} as its first axis"
                )
        found = tuple(map(plain, answers))
        return found if op.multiple else found[0]

    return rule


def _no_rule(op: Op, size: int, values: list[Any], batched: list[bool], params: Any) -> Any:
    raise BatchingError(
        f"{op.name}: vmap (and with it jacfwd, jacrev and hessian) needs to know how it runs on a "
        "batch; declare it with batch='leading' if it broadcasts leading axes, batch='loop' for "
        "one example after the other, or a rule"
    )


class _Defined(General):
    """A general op of which one rule may be missing: the other is turned round."""

    __slots__ = ("given",)
    kind_facts = OpFacts(custom_rule=True)

    def __init__(
        self, name: str, vjp: Any, jvp: Any, forward: Any, multiple: bool, flags: Any, batch: Any
    ) -> None:
        super().__init__(
            name, vjp or _keep_all, jvp, forward,
            multiple=multiple, derivative=flags, batch=batch,
        )  # fmt: skip
        self.given = vjp

    def pull(self, xp: Any, g: Any, node: Any) -> Sequence[Any]:
        if self.given is not None:
            return super().pull(xp, g, node)
        moving = [i for i, parent in enumerate(node.parents) if parent is not None]
        ans, args = _arrays(node.ans), _arrays(node.args)

        def of_tangents(some: Sequence[Any]) -> Sequence[Any]:
            tangents: list[Any] = [None] * len(args)
            for i, t in zip(moving, some, strict=True):
                tangents[i] = t
            found = self.jvp(ops, tangents, ans, *args, **node.params)
            return self._checked_tangents(found, ans)

        given = g if self.multiple else (g,)
        if self in _turning.get():
            raise RuleError(
                f"the rule of {self.name} applies {self.name} itself to tangents, so it cannot be "
                "turned round for reverse mode; pass vjp as well"
            )
        token = _turning.set(_turning.get() | {self})
        try:
            flat = turned_round(of_tangents, [args[i] for i in moving], given)
        finally:
            _turning.reset(token)
        found: list[Any] = [None] * len(args)
        for i, c in zip(moving, flat, strict=True):
            found[i] = plain(c)
        return found

    def push(
        self, xp: Any, tangents: Sequence[Any], ans: Any, args: tuple[Any, ...], params: Any
    ) -> Any:
        note_order(self.name)
        if self.jvp is not None:
            found = self._checked_tangents(self.jvp(xp, tangents, ans, *args, **params), ans)
            return found if self.multiple else found[0]
        shown, operands = _arrays(ans if self.multiple else (ans,)), _arrays(args)
        inexact = [i for i, x in enumerate(shown) if as_dtype(x.dtype).is_inexact]

        def of_cotangents(some: Sequence[Any]) -> Sequence[Any]:
            full = [ops.zeros_like(x) for x in shown]
            for i, c in zip(inexact, some, strict=True):
                full[i] = c
            g = tuple(full) if self.multiple else full[0]
            whole = tuple(shown) if self.multiple else shown[0]
            found = self.vjp(ops, g, whole, *operands, **params)
            found = found if isinstance(found, tuple | list) else (found,)
            return self._checked_cotangents(found, operands, tangents)

        moved: list[Any] = [None] * len(shown)
        flat = turned_round(of_cotangents, [shown[i] for i in inexact], tangents)
        for i, t in zip(inexact, flat, strict=True):
            moved[i] = plain(t)
        return tuple(moved) if self.multiple else moved[0]

    def _checked_tangents(self, found: Any, ans: Any) -> Sequence[Any]:
        answers = ans if self.multiple else (ans,)
        found = found if self.multiple else (found,)
        if not isinstance(found, tuple | list) or len(found) != len(answers):
            raise RuleError(
                f"the rule of {self.name} returned {describe(found)} for {len(answers)} answers, "
                "expected a tuple with the tangent of each, None for zero"
            )
        for t, x in zip(found, answers, strict=True):
            if t is not None and tuple(getattr(t, "shape", ())) != tuple(x.shape):
                raise RuleError(
                    f"the rule of {self.name} returned the tangent {describe(t)} for an answer of "
                    f"shape {tuple(x.shape)}; the two have to be equal in shape"
                )
        return found

    def _checked_cotangents(self, found: Any, operands: Any, tangents: Any) -> list[Any]:
        if len(found) != len(operands):
            raise RuleError(
                f"the rule of {self.name} returned {len(found)} cotangents for {len(operands)} "
                "operands; expected one for each, None where no derivative flows"
            )
        for c, x in zip(found, operands, strict=True):
            if c is not None and tuple(c.shape) != tuple(x.shape):
                raise RuleError(
                    f"the rule of {self.name} returned a cotangent of shape {tuple(c.shape)} for "
                    f"an operand of shape {tuple(x.shape)}; the two have to be equal"
                )
        return [None if t is None else c for c, t in zip(found, tangents, strict=True)]


def _keep_all(xp: Any, g: Any, ans: Any, *operands: Any) -> Any:
    """Stands for a backward rule, of which only the parameter names are read."""


def _arrays(values: Any) -> Any:
    """Values as Arrays, alone or in a sequence; Python numbers stay."""
    if isinstance(values, tuple | list):
        return [_arrays(value) for value in values]
    return wrap(values) if backend_for_type(type(values)) is not None else values
