"""checkpoint: keep the arguments of a function in place of what happens inside, and run it again.

The function runs once, recorded as a program (see `polygrad.core.record`) on values that no
derivative flows from. Its answers then go through an op that hands them on as they are, and
whose derivative is that of the program: a backward pass runs the program again, under its own
tape, and so does forward mode. What they do is a checkpointed function in turn, so memory is
saved at every order.
"""

import functools
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

from polygrad import tree
from polygrad.array import BASE, Array, wrap
from polygrad.core.batch import spread_batch
from polygrad.core.op import OPS, Op, OpFacts, Plan
from polygrad.core.record import Program, Recorder, constant, plain
from polygrad.core.trace import bind
from polygrad.core.views import up_to_date
from polygrad.errors import ArgumentValueError
from polygrad.transforms.arguments import check_callable, inside, kind_of, remade, unwrap_as
from polygrad.transforms.barrier import after
from polygrad.transforms.grad import vjp_once
from polygrad.transforms.jvp import jvp
from polygrad.transforms.vmap import mapped_again

Flat = Callable[..., Sequence[Any]]  # from arrays to arrays


@remade
def checkpoint(f: Callable[..., Any]) -> Callable[..., Any]:
    """``f``, of which reverse mode keeps the arguments, and computes the rest again when needed.

    The new function takes and returns what ``f`` does, any pytrees. Its derivatives are the same,
    at every order and in every mode; the backward pass costs one more forward pass of ``f``, and
    what ``f`` computes on the way is freed as soon as ``f`` has used it. Checkpointed functions
    may be nested.

    ``f`` itself runs once. What is repeated are the array operations that it did, so Python side
    effects happen once, and random numbers drawn inside are the same again; arrays made inside
    ``f`` from nothing that it is handed are kept as constants, so pass a random key as an
    argument. Tracked arrays that ``f`` uses without being handed them are found on the way.

    >>> layer = pg.checkpoint(lambda w, x: pg.tanh(x @ w))
    >>> pg.grad(lambda w: pg.sum(layer(w, pg.ones(2))))(pg.zeros((2, 1)))
    Array([[1.],
           [1.]], dtype=float64, device=cpu)
    """
    check_callable(f, "checkpoint")

    @functools.wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        leaves, spec = tree.flatten((args, kwargs))
        shown = [inside(leaf) for leaf in leaves]
        places = [i for i, leaf in enumerate(shown) if type(leaf) is Array]

        def flat(arrays: Sequence[Any]) -> Any:
            full = list(shown)
            for i, array in zip(places, arrays, strict=True):
                full[i] = array
            some, named = tree.unflatten(spec, full)
            return f(*some, **named)

        kind = kind_of(leaves)
        out = _kept(f, flat, [shown[i] for i in places])
        return tree.map(lambda leaf: unwrap_as(leaf, kind), out)

    return wrapped


def _kept(name: Any, f: Callable[[Sequence[Any]], Any], arrays: Sequence[Any]) -> Any:
    """``f(arrays)``, checkpointed: arrays in a list in, any pytree out."""
    recorder = Recorder(name)
    try:
        with NESTED:
            out, spec = tree.flatten(up_to_date(f([recorder.input(constant(x)) for x in arrays])))
    finally:
        recorder.alive = False
    mine = [i for i, x in enumerate(out) if type(x) is Array and x._trace is recorder]
    answers = [wrap(out[i]._value) for i in mine]
    operands = [*map(wrap, arrays), *recorder.captured]
    if mine and any(x._trace is not BASE for x in operands):
        program = Program(recorder, [out[i]._node for i in mine])
        op = _op(len(mine))
        answers = bind(op, (*answers, *operands), {"program": program})
    for i, answer in zip(mine, answers, strict=True):
        out[i] = answer
    return tree.unflatten(spec, out)


DEEPEST = 500
"""How many may run inside one another; a backward pass counts twice."""
FRAMES = 40
"""Python's frames that one takes at most, with a few transforms around it."""
_lock = threading.Lock()
_active = 0  # threads that are inside of one
_limit = 0  # Python's limit before


class _Nested(threading.local):
    """Around what runs inside a checkpointed function: room for the frames that it takes.

    Python's limit, 1000 by default, is meant for functions that never stop calling themselves.
    Raises ArgumentValueError for too many.
    """

    depth = 0

    def __enter__(self) -> None:
        global _active, _limit
        if self.depth >= DEEPEST:
            raise ArgumentValueError(
                f"checkpoint: {DEEPEST} checkpointed functions are inside one another, expected "
                "fewer; checkpoint a part of the levels, or blocks of a loop one after the other"
            )
        if not self.depth:
            with _lock:
                if not _active:
                    _limit = sys.getrecursionlimit()
                _active += 1
        elif self.depth % 10 == 0:
            with _lock:
                room = _limit + self.depth * FRAMES
                sys.setrecursionlimit(max(room, sys.getrecursionlimit()))
        self.depth += 1

    def __exit__(self, *_: object) -> None:
        global _active
        self.depth -= 1
        if not self.depth:
            with _lock:
                _active -= 1
                if not _active:
                    sys.setrecursionlimit(_limit)


NESTED = _Nested()


class _AtHand:
    """In place of a table of functions by classes: answers come along, whatever they are."""

    def __init__(self, count: int) -> None:
        self._count = count

    def get(self, classes: tuple[type, ...]) -> Callable[..., Any] | None:
        """What computes the op on library arrays."""
        return None if Array in classes else self._forward

    def _forward(self, *operands: Any, program: Flat) -> tuple[Any, ...]:
        return operands[: self._count]


class _Kept(Op):
    """The first ``count`` operands, as what a program makes of the others."""

    __slots__ = ("count",)
    kind_facts = OpFacts(axis_name=True)
    kind = "general"
    multiple = True

    def __init__(self, count: int) -> None:
        super().__init__(f"checkpoint_{count}", None, _batch)
        del OPS[self.name]  # no op of the table: its rule comes with each call
        self.name = "checkpoint"
        self.count = count
        self.forward = lambda xp, *operands, program: operands[:count]
        self.fast: Any = _AtHand(count)

    def plan(self, mask: int, count: int) -> Plan | None:
        operands = (mask & ((1 << count) - 1)) >> self.count
        found = (False, tuple(range(self.count))) if operands else None
        self.plans[mask] = found
        return found

    def inline(self, operands: Sequence[Any], params: dict[str, Any]) -> tuple[Any, ...]:
        """What a compiler sees in place of the op: no derivative is taken below it."""
        return tuple(map(wrap, operands[: self.count]))

    def pull(self, xp: Any, g: Any, node: Any) -> Sequence[Any]:
        operands, program = after(node.args[self.count :], g), node.params["program"]
        moving = [i for i, p in enumerate(node.parents[self.count :]) if p is not None]

        def pulled(arrays: Sequence[Any]) -> Any:
            values, cotangents = arrays[: len(operands)], arrays[len(operands) :]

            def of_moving(*some: Any) -> Any:
                full = list(values)
                for i, value in zip(moving, some, strict=True):
                    full[i] = value
                return program(*full)

            return vjp_once(of_moving, [values[i] for i in moving], cotangents)

        found: list[Any] = [None] * len(node.parents)
        for i, c in zip(moving, _again(pulled, [*operands, *g]), strict=True):
            found[self.count + i] = plain(c)
        return found

    def push(
        self, xp: Any, tangents: Sequence[Any], ans: Any, args: tuple[Any, ...], params: Any
    ) -> Any:
        operands, program = args[self.count :], params["program"]
        given = tangents[self.count :]
        moving = [i for i, t in enumerate(given) if t is not None]

        def pushed(arrays: Sequence[Any]) -> Any:
            values, some = arrays[: len(operands)], arrays[len(operands) :]
            directions: list[Any] = [None] * len(operands)
            for i, t in zip(moving, some, strict=True):
                directions[i] = t
            return jvp(program, tuple(values), directions)[1]

        return tuple(map(plain, _again(pushed, [*operands, *[given[i] for i in moving]])))


def _again(f: Callable[[Sequence[Any]], Any], arrays: Sequence[Any]) -> Any:
    """``f(arrays)``, checkpointed itself where a transform is watching, which `jit` is not."""
    with NESTED:
        if any(type(x) is Array and _watches(x._trace) for x in arrays):
            return _kept(f, f, arrays)
        return f(arrays)


def _watches(trace: Any) -> bool:
    return trace is not BASE and not getattr(trace, "inlines", False)


def _batch(
    op: Any, size: int, values: list[Any], batched: list[bool], params: Any, name: str | None = None
) -> Any:
    answers = [
        spread_batch(v, b, size)
        for v, b in zip(values[: op.count], batched[: op.count], strict=True)
    ]
    program = params["program"]
    axes = tuple([0 if yes else None for yes in batched[op.count :]])
    if any(batched[op.count :]):
        program = mapped_again(program, axes, name)
    return bind(op, (*answers, *values[op.count :]), {"program": program})


@functools.cache
def _op(count: int) -> _Kept:
    return _Kept(count)
