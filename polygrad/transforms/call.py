"""An op that runs a Python function of arrays and keeps nothing but its operands.

Its rules run the function again, under `vjp` or `jvp`, by the same op: so whatever happens
inside costs memory only while it runs, at every order of differentiation. (`checkpoint` keeps a
record of the ops instead, which is less than their arrays, but too much for many steps of a loop.)
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from polygrad import tree
from polygrad.array import Array, wrap
from polygrad.core.kinds import General
from polygrad.core.op import OpFacts
from polygrad.core.trace import bind
from polygrad.dtypes import as_dtype
from polygrad.errors import LostGradientError, PolygradError
from polygrad.transforms.arguments import inside
from polygrad.transforms.barrier import after
from polygrad.transforms.closures import captured, standing_for
from polygrad.transforms.grad import vjp
from polygrad.transforms.jvp import jvp
from polygrad.transforms.vmap import mapped_again

Flat = Callable[..., tuple[Any, ...]]  # from arrays to a tuple of arrays


class _Foreign(PolygradError):
    """Carries an error of the user's function unchanged through the op that ran it."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


def bind_function(op: Any, operands: Sequence[Any], params: dict[str, Any]) -> tuple[Any, ...]:
    """Run an op that runs a user's function; errors from there come as they were raised."""
    try:
        found: tuple[Any, ...] = bind(op, tuple(operands), params)
    except _Foreign as carried:
        raise carried.error from None
    return found


def run_plain(name: str, function: Flat, operands: Sequence[Any]) -> tuple[Any, ...]:
    """The function on untracked arrays, as the forward run of an op."""
    try:
        outs = function(*map(wrap, operands))
    except PolygradError:
        raise
    except Exception as error:
        raise _Foreign(error) from error
    return tuple([plain(name, out) for out in outs])


def plain(name: str, out: Any) -> Any:
    """The library array of a result; LostGradientError if a transform tracks it."""
    if type(out) is not Array:
        return out
    if out._trace.level:
        raise LostGradientError(
            f"{name}: the function uses a tracked array (shape {tuple(out.shape)}, "
            f"{out.dtype}) that is neither an argument nor found in its closure, so its gradient "
            "would be lost; pass it as an argument"
        )
    return out._value


def _forward(xp: Any, *operands: Any, function: Flat, name: str) -> tuple[Any, ...]:
    return run_plain(name, function, operands)


def _pull(xp: Any, g: Any, _ans: Any, *operands: Any, function: Flat, name: str) -> Sequence[Any]:
    inexact = [as_dtype(x.dtype).is_inexact for x in operands]
    operands = tuple(after(operands, g))

    def pulled(*flat: Any) -> tuple[Any, ...]:
        values, cotangents = flat[: len(operands)], flat[len(operands) :]
        _, pullback = vjp(lambda *xs: function(*xs[0]), values)
        return tuple([c for c in pullback(cotangents)[0] if c is not None])

    found = iter(call(pulled, (*operands, *g), name))
    return [next(found) if yes else None for yes in inexact]


def _push(
    xp: Any, tangents: Sequence[Any], _ans: Any, *operands: Any, function: Flat, name: str
) -> tuple[Any, ...]:
    moving = [i for i, t in enumerate(tangents) if t is not None]

    def pushed(*flat: Any) -> tuple[Any, ...]:
        values, given = flat[: len(operands)], iter(flat[len(operands) :])
        directions = [next(given) if i in moving else None for i in range(len(operands))]
        return jvp(function, values, directions)[1]

    return call(pushed, (*operands, *(tangents[i] for i in moving)), name)


def _batch(
    op: Any, size: int, values: Any, batched: Sequence[bool], params: Any, name: str | None = None
) -> Any:
    axes = tuple([0 if yes else None for yes in batched])
    mapped = mapped_again(params["function"], axes, name)
    return bind(op, tuple(values), {**params, "function": Once(mapped)})


class CallOp(General):
    """Runs its parameter ``function``."""

    __slots__ = ()
    kind_facts = OpFacts(axis_name=True)

    def inline(self, operands: Sequence[Any], params: dict[str, Any]) -> tuple[Any, ...]:
        """What a compiler sees in place of the op: no derivative is taken below it."""
        return tuple(map(wrap, params["function"](*map(wrap, operands))))


call_op = CallOp("call", _pull, _push, _forward, multiple=True, batch=_batch)


def call(function: Flat, operands: Sequence[Any], name: str) -> tuple[Any, ...]:
    """``function(*operands)`` as one op; ``name`` is what errors call it."""
    return bind_function(call_op, operands, {"function": Once(function), "name": name})


class Once:
    """A function made for one call: it has no hash, so no lasting table keeps it as a key."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, function: Flat) -> None:
        self._function = function

    def __call__(self, *arrays: Any) -> tuple[Any, ...]:
        return self._function(*arrays)


class Closed:
    """A function over pytrees as one of flat arrays: those in its arguments, then the captured.

    It runs at the level of the arrays it gets. The structure of its answer, and what is no array
    in there, are noted by each run.
    """

    def __init__(
        self, f: Callable[..., Any], args: tuple[Any, ...], handles: list[Array] | None = None
    ) -> None:
        leaves, self._spec = tree.flatten(args)
        self._leaves = [inside(leaf) for leaf in leaves]
        self._places = [i for i, leaf in enumerate(self._leaves) if type(leaf) is Array]
        self._handles = captured(f) if handles is None else handles
        self._f = f
        given = [self._leaves[i] for i in self._places]
        for i in self._places:
            self._leaves[i] = None
        # New objects: while the function runs, those that it holds are other arrays.
        held = [Array(h._value, h._trace, h._node) for h in self._handles]
        self.given = len(given)
        self.operands: list[Array] = [*given, *held]
        self._out: tuple[list[Any], Any] = ([], None)

    def __call__(self, *flat: Any) -> tuple[Any, ...]:
        return self.run(self._f, flat)

    def run(self, f: Callable[..., Any], flat: Sequence[Any]) -> tuple[Any, ...]:
        """``f``, which takes the same arguments and captures no more, on flat arrays."""
        leaves = list(self._leaves)
        for i, value in zip(self._places, flat, strict=False):
            leaves[i] = wrap(value)
        with self.standing(flat[self.given :]):
            out = f(*tree.unflatten(self._spec, leaves))
            found = [inside(leaf) for leaf in tree.leaves(out)]
            arrays = [Array(x._value, x._trace, x._node) for x in found if type(x) is Array]
        self._out = [None if type(x) is Array else x for x in found], tree.flatten(out)[1]
        # An op has at least one answer.
        return tuple(arrays) or tuple(flat[:1])

    def standing(self, values: Sequence[Any]) -> AbstractContextManager[None]:
        """While it lasts, the captured arrays have these values."""
        return standing_for(self._handles, values)

    def join(self, arrays: Sequence[Any]) -> Any:
        """The answer of the last run with these arrays."""
        leaves, spec = self._out
        rest = iter(arrays)
        return tree.unflatten(spec, [next(rest) if x is None else x for x in leaves])


def rematerialised(f: Callable[..., Any], args: tuple[Any, ...], name: str) -> Any:
    """``f(*args)``, of which a backward pass keeps the arguments only and runs it again."""
    closed = Closed(f, args)
    if not any(x._trace.level for x in closed.operands):
        return f(*tree.map(inside, args))
    return closed.join(call(closed, closed.operands, name))
