"""Functions with derivative rules of one's own: custom_vjp and custom_jvp, shaped as in JAX."""

import functools
import inspect
from collections.abc import Callable, Sequence
from types import MethodType
from typing import Any

from polygrad import ops, tree
from polygrad.array import BASE, Array
from polygrad.core.trace import Trace, describe
from polygrad.core.views import RUNS_ONCE
from polygrad.dtypes import as_dtype
from polygrad.errors import (
    ArgumentTypeError,
    ArgumentValueError,
    LostGradientError,
    NonDifferentiableError,
    RuleError,
)
from polygrad.transforms.arguments import check_callable, kind_of, reduced, unwrap_as
from polygrad.transforms.packed import Packed, checked_cotangents, fitting
from polygrad.transforms.rule_ops import ForwardRules, ReverseRules, Rules


class _Custom:
    """What both kinds share: the function, its static arguments, and the way through a call."""

    _kind: str

    def __init__(self, f: Callable[..., Any], nondiff_argnums: int | Sequence[int] = ()) -> None:
        check_callable(f, self._kind)
        numbers = (nondiff_argnums,) if isinstance(nondiff_argnums, int) else nondiff_argnums
        self._fixed = tuple(sorted(numbers))
        if not all(isinstance(n, int) and n >= 0 for n in self._fixed):
            raise ArgumentValueError(
                f"{self._kind}: nondiff_argnums is {nondiff_argnums!r}, expected the places of "
                "positional arguments, numbers from 0"
            )
        self._f = f
        self.name = getattr(f, "__name__", type(f).__name__)
        functools.update_wrapper(self, f)  # type: ignore[arg-type]

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """In a class it is a method: the object is argument 0."""
        return self if instance is None else MethodType(self, instance)  # type: ignore[arg-type]

    def __reduce_ex__(self, protocol: Any) -> Any:
        found = reduced(self, type(self), (self._f, self._fixed))
        return found if isinstance(found, str) else super().__reduce_ex__(protocol)

    def _positional(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        """All arguments as positional ones, for the rules get them so."""
        try:
            signature = inspect.signature(self._f)
        except (TypeError, ValueError):  # a built-in function
            signature = None
        if signature is not None:
            try:
                bound = signature.bind(*args, **kwargs)
            except TypeError as error:
                raise ArgumentTypeError(f"{self.name}: {error}") from None
            bound.apply_defaults()
            args, kwargs = bound.args, bound.kwargs
        if kwargs:
            raise ArgumentTypeError(
                f"{self.name}: the rules of a {self._kind} function take positional arguments "
                f"only, got the keyword arguments {', '.join(kwargs)}; drop the * in its signature"
            )
        return args

    def _call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        args = self._positional(args, kwargs)
        for n in self._fixed:
            if n >= len(args):
                raise ArgumentValueError(
                    f"{self.name}: nondiff_argnums names argument {n}, but {len(args)} were given"
                )
            for leaf in tree.leaves(args[n]):
                if type(leaf) is Array and leaf._trace is not BASE:
                    raise LostGradientError(
                        f"{self.name}: argument {n} is one of nondiff_argnums and holds a tracked "
                        f"array, {describe(leaf)}, whose gradient would be lost; take it out of "
                        "nondiff_argnums, or pass pg.stop_gradient(x)"
                    )
        fixed = [args[n] for n in self._fixed]
        given = tuple([arg for i, arg in enumerate(args) if i not in self._fixed])
        packed = Packed()
        arrays = packed.take(given)
        call = Call(self, fixed, packed)
        outs = self._rules(call)(*arrays)
        kind = kind_of(tree.leaves(given))
        return tree.map(lambda leaf: unwrap_as(leaf, kind), call.out.join(outs))

    def _rules(self, call: "Call") -> Rules:
        raise NotImplementedError


class Call:
    """One call: the function and its rules as functions of flat arrays.

    It holds no array of the call itself: traces keep it, and arrays keep their traces.
    """

    def __init__(self, custom: _Custom, fixed: list[Any], given: Packed) -> None:
        self._custom, self._fixed = custom, fixed
        self.name = custom.name
        self.given = given
        self.out = Packed()
        self.kept = Packed()

    def everything(self, args: tuple[Any, ...]) -> list[Any]:
        """The arguments of the function, from those that are differentiated."""
        rest, fixed = iter(args), dict(zip(self._custom._fixed, self._fixed, strict=True))
        return [fixed[i] if i in fixed else next(rest) for i in range(len(args) + len(self._fixed))]

    def run(self, *arrays: Any) -> tuple[Any, ...]:
        """The function itself."""
        return self.answers(_apart(self._custom._f, *self.everything(self.given.join(arrays))))

    def answers(self, out: Any) -> tuple[Any, ...]:
        """The arrays of what the function returned."""
        return self.out.take(out)

    def rule(self, rule: Callable[..., Any], *args: Any) -> Any:
        """A rule, which gets the arguments without a derivative first."""
        return _apart(rule, *self._fixed, *args)


def _apart(function: Callable[..., Any], *args: Any) -> Any:
    """What a function returns that is run apart from the tape: it writes to no array outside."""
    before = RUNS_ONCE.set(Trace().level)
    try:
        return function(*args)
    finally:
        RUNS_ONCE.reset(before)


class custom_vjp(_Custom):  # noqa: N801  a decorator, named as in JAX
    """A function whose reverse-mode derivative is a rule of your own, given with `defvjp`.

    ``nondiff_argnums`` names positional arguments that the rules get as they are, before all
    others: numbers, functions; no derivative flows to them. Arguments and outputs are pytrees.

    The function is differentiated by its rule wherever it is used, also inside other transforms;
    at second order, what the rules themselves compute is differentiated. Forward mode turns the
    backward rule round, which has to be linear in its cotangent for that (one that is not, as
    below, is taken as it is near zero).

    >>> @pg.custom_vjp
    ... def clipped(x):
    ...     return x
    >>> clipped.defvjp(lambda x: (x, None), lambda _, g: (pg.clip(g, -1.0, 1.0),))
    >>> pg.grad(lambda x: 100.0 * clipped(x))(3.0)
    1.0
    """

    _kind = "custom_vjp"

    def __init__(self, f: Callable[..., Any], nondiff_argnums: int | Sequence[int] = ()) -> None:
        super().__init__(f, nondiff_argnums)
        self._fwd: Any = None
        self._bwd: Any = None

    def defvjp(self, fwd: Callable[..., Any], bwd: Callable[..., Any]) -> None:
        """Set the rule: ``fwd(*args)`` is ``(out, residuals)``, ``bwd(residuals, g)`` the rest.

        ``fwd`` takes what the function takes; the residuals are any pytree, kept for the backward
        pass. ``bwd`` returns a tuple with the cotangent of each argument: a pytree of its
        structure, shapes and data types, or None for zero. With ``nondiff_argnums`` it gets
        those arguments first. A cotangent of an output that nothing depends on is zeros.

        Raises RuleError, when the rule runs, for anything else that it returns.
        """
        for rule, name in ((fwd, "fwd"), (bwd, "bwd")):
            if not callable(rule):
                raise ArgumentTypeError(
                    f"{self.name}.defvjp: {name} is {describe(rule)}, expected a function"
                )
        self._fwd, self._bwd = fwd, bwd

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._fwd is None:
            raise NonDifferentiableError(
                f"{self.name}: a custom_vjp function without its rule; call "
                f"{self.name}.defvjp(fwd, bwd) first"
            )
        return self._call(args, kwargs)

    def _rules(self, call: Call) -> Rules:
        like: list[Any] = []

        def fwd(*arrays: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
            like[:] = [(tuple(x.shape), as_dtype(x.dtype)) for x in arrays]
            found = _apart(self._fwd, *call.everything(call.given.join(arrays)))
            if not isinstance(found, tuple) or len(found) != 2:
                raise RuleError(
                    f"{self.name}: the forward rule returned {describe(found)}, expected a pair "
                    "(out, residuals)"
                )
            return call.answers(found[0]), call.kept.take(found[1])

        def bwd(residuals: Sequence[Any], cotangents: Sequence[Any]) -> list[Any]:
            found = call.rule(self._bwd, call.kept.join(residuals), call.out.join(cotangents))
            return checked_cotangents(self.name, found, call.given, like)

        return ReverseRules(self, call.run, fwd, bwd)


class custom_jvp(_Custom):  # noqa: N801  a decorator, named as in JAX
    """A function whose derivative is a forward-mode rule of your own; reverse mode follows.

    ``nondiff_argnums`` is as for `custom_vjp`. The rule has to be linear in the tangents, and made
    of operations that can be differentiated themselves: reverse mode transposes it.

    >>> @pg.custom_jvp
    ... def log1pexp(x):
    ...     return pg.log(1.0 + pg.exp(x))
    >>> @log1pexp.defjvp
    ... def rule(primals, tangents):
    ...     (x,), (t,) = primals, tangents
    ...     return log1pexp(x), t * (1.0 - 1.0 / (1.0 + pg.exp(x)))
    >>> pg.grad(log1pexp)(100.0), pg.jvp(log1pexp, (0.0,), (1.0,))[1]
    (1.0, 0.5)
    """

    _kind = "custom_jvp"

    def __init__(self, f: Callable[..., Any], nondiff_argnums: int | Sequence[int] = ()) -> None:
        super().__init__(f, nondiff_argnums)
        self._jvp: Any = None

    def defjvp(self, jvp: Callable[..., Any]) -> Callable[..., Any]:
        """Set the rule: ``jvp(primals, tangents)`` returns ``(out, tangent of out)``.

        Primals and tangents are tuples with an entry for each argument; tangents of arrays are
        arrays, also where they are zero, 0.0 for Python floats, and None for what has no
        derivative. With
        ``nondiff_argnums`` the rule gets those arguments first. The tangent has the structure,
        shapes and data types of ``out``. Returns the rule, so that it decorates.

        Raises RuleError, when the rule runs, for anything else that it returns.
        """
        if not callable(jvp):
            raise ArgumentTypeError(
                f"{self.name}.defjvp: the rule is {describe(jvp)}, expected a function"
            )
        self._jvp = jvp
        return jvp

    def defjvps(self, *jvps: Callable[..., Any] | None) -> None:
        """Set a rule for each argument, ``rule(tangent, out, *primals)``; None for zero.

        The tangent of the output is the sum of what they return. For a function of arrays that
        returns one array.
        """

        def rule(*given: Any) -> Any:
            *fixed, primals, tangents = given
            merged = Call(self, list(fixed), Packed()).everything(primals)
            out = self(*merged)
            total: Any = None
            if len(jvps) != len(primals):
                raise RuleError(
                    f"{self.name}.defjvps: got {len(jvps)} rules for {len(primals)} arguments, "
                    "expected one for each, None for zero"
                )
            for one, t in zip(jvps, tangents, strict=True):
                if one is not None and t is not None:
                    part = one(t, out, *primals)
                    total = part if total is None else total + part
            return out, ops.zeros_like(out) if total is None else total

        self._jvp = rule

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._jvp is None:
            raise NonDifferentiableError(
                f"{self.name}: a custom_jvp function without its rule; call "
                f"{self.name}.defjvp(rule) first"
            )
        return self._call(args, kwargs)

    def _rules(self, call: Call) -> Rules:
        def push(
            arrays: Sequence[Any], tangents: Sequence[Any]
        ) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
            primals = call.given.join(arrays)
            # Numbers are constants here; a rule may still multiply with their tangents.
            directions: list[Any] = [
                0.0 if type(x) in (float, complex) else None for x in call.given.fixed
            ]
            for i, t in zip(call.given.places, tangents, strict=True):
                directions[i] = t
            along = tree.unflatten(call.given.spec, directions)
            found = call.rule(self._jvp, primals, along)
            if not isinstance(found, tuple) or len(found) != 2:
                raise RuleError(
                    f"{self.name}: the rule returned {describe(found)}, expected a pair (out, "
                    "tangent of out)"
                )
            outs = call.answers(found[0])
            return outs, self._checked(found[1], call.out, outs)

        return ForwardRules(self, call.run, push)

    def _checked(self, moved: Any, out: Packed, outs: Sequence[Any]) -> tuple[Any, ...]:
        try:
            flat = out.spec.flatten_up_to(moved)
        except ValueError:
            got = tree.show(tree.flatten(moved)[1])
            raise RuleError(
                f"{self.name}: the rule returned a tangent with the pytree {got}, expected the "
                f"structure of the output, {tree.show(out.spec)}"
            ) from None
        paths = tree.paths(out.spec.unflatten(range(out.spec.num_leaves)))
        found = []
        for i, x in zip(out.places, outs, strict=True):
            dtype = as_dtype(x.dtype)
            t = fitting(
                f"{self.name}: the rule returned the tangent",
                "output", paths[i], flat[i], tuple(x.shape), dtype,
            )  # fmt: skip
            found.append(ops.zeros_like(x) if t is None else t)
        return tuple(found)
