"""scan: a loop over the leading axis of arrays, with a carried value."""

import math
from collections.abc import Callable, Iterator
from typing import Any

from polygrad import ops, tree
from polygrad.array import Array, is_array
from polygrad.core.trace import describe
from polygrad.errors import ArgumentTypeError, ArgumentValueError, ShapeError
from polygrad.transforms.call import rematerialised
from polygrad.transforms.carry import LOOPS, NUMBERS, UNROLLED, Carry, give_back, shown

Step = Callable[[Any, Any], tuple[Any, Any]]


def scan(
    f: Step,
    init: Any,
    xs: Any = None,
    length: int | None = None,
    *,
    reverse: bool = False,
    checkpoint: bool | int = False,
) -> tuple[Any, Any]:
    """Run ``carry, y = f(carry, x)`` over the leading axis of ``xs``; return the last carry and ys.

    ``init`` and ``xs`` are pytrees of arrays. ``f`` gets the carry and one slice of each array
    in ``xs`` (None where ``xs`` is None, with ``length`` the number of steps), and returns the
    next carry, of the same structure, shapes and data types, and a pytree of arrays or numbers,
    which come back stacked along a new leading axis. ``reverse`` starts from the end of ``xs``;
    the ys keep their places.

    Every transform goes through. Reverse mode keeps what each step needs for its derivative.
    With ``checkpoint=True`` it keeps the carry after every ceil(sqrt(length)) steps only, and
    runs the steps between once more when the backward pass reaches them: a third more time, and
    memory for 2 sqrt(length) steps in place of length. For 10,000 steps that is 200, and the
    tests hold the peak of the backward pass below 3% of what it is without. An integer
    ``checkpoint`` is the number of steps between, in place of the square root. In that mode
    ``f`` runs more than once for a step, so it must give the same answers each time.

    Where there are no steps, ``f`` is run once on zeros to learn the shapes of the ys. While `jit`
    traces, more than 16 steps are one instruction of the program: ``f`` is traced for one step,
    and the backward pass keeps the carries and runs each step again.

    Raises ShapeError for ``xs`` of different lengths, and TreeError, ShapeError or DTypeError
    when the carry changes.

    >>> total, sums = pg.scan(lambda c, x: (c + x, c + x), 0.0, pg.asarray([1.0, 2.0, 3.0]))
    >>> sums
    Array([1., 3., 6.], dtype=float64, device=cpu)
    >>> def last(x):
    ...     return pg.scan(lambda c, x: (pg.sin(c * x), None), 1.0, x, checkpoint=True)[0]
    >>> pg.grad(last)(pg.asarray([0.5, 1.0])).shape
    (2,)
    """
    if not callable(f):
        raise ArgumentTypeError(f"scan: f is {describe(f)}, expected a function f(carry, x)")
    n = _count(xs, length)
    every = _every(checkpoint, n)
    loops = LOOPS.get()
    run = _eager if loops is None or n <= UNROLLED else _instruction
    carry, ys = run(f, init, tree.map(shown, xs), n, reverse, every)
    return give_back((carry, ys), (init, xs))


def _eager(f: Step, init: Any, xs: Any, n: int, reverse: bool, every: int) -> tuple[Any, Any]:
    carry = Carry("scan", "f", init)
    if n == 0:
        zero = tree.map(lambda x: ops.zeros(x.shape[1:], dtype=x.dtype, device=x.device), xs)
        _, y = _pair(f(carry.value, zero), 0)
        return carry.value, tree.map(_nothing, y)
    if not every:
        return _steps(f, carry, xs, n, reverse, 0)

    def segment(value: Any, part: Any, first: int, count: int) -> tuple[Any, Any]:
        return _steps(f, Carry("scan", "f", value), part, count, reverse, first)

    starts = range(0, n, every)
    parts: list[Any] = []
    for done, start in enumerate(reversed(starts) if reverse else starts):
        stop = min(start + every, n)
        part = xs if every >= n else tree.map(lambda x, a=start, b=stop: x[a:b, ...], xs)
        count, first = stop - start, done * every

        def run(value: Any, part: Any, first: int = first, count: int = count) -> Any:
            return segment(value, part, first, count)

        value, y = rematerialised(run, (carry.value, part), "scan")
        carry.update(value, first + count - 1)
        parts.append(y)
    if reverse:
        parts.reverse()
    return carry.value, tree.map(lambda *ys: ops.concat(list(ys)), *parts)


def _instruction(f: Step, init: Any, xs: Any, n: int, reverse: bool, every: int) -> tuple[Any, Any]:
    """One instruction of a traced program; two, one in the other, to keep less."""
    loops = LOOPS.get()
    assert loops is not None
    if not every or every >= n:
        carry, ys = loops.scan(f, init, xs, n, reverse)
        return carry, ys
    whole = n // every * every
    # The steps that do not fill a segment come last.
    cut = n - whole if reverse else whole
    first = tree.map(lambda x: x[n - whole :, ...] if reverse else x[:whole, ...], xs)
    rest = tree.map(lambda x: x[:cut, ...] if reverse else x[cut:, ...], xs)
    parts = tree.map(lambda x: ops.reshape(x, (n // every, every, *x.shape[1:])), first)

    def segment(carry: Any, part: Any) -> tuple[Any, Any]:
        return loops.scan(f, carry, part, every, reverse)

    carry, ys = loops.scan(segment, init, parts, n // every, reverse)
    ys = tree.map(lambda y: ops.reshape(y, (whole, *y.shape[2:])), ys)
    if whole < n:
        carry, last = loops.scan(f, carry, rest, n - whole, reverse)
        ends = (last, ys) if reverse else (ys, last)
        ys = tree.map(lambda a, b: ops.concat([a, b]), *ends)
    return carry, ys


def _steps(f: Step, carry: Carry, xs: Any, n: int, reverse: bool, first: int) -> tuple[Any, Any]:
    """``n`` steps one after the other, of which the first is step number ``first``."""
    found: list[Any] = []
    for i, x in enumerate(_slices(xs, n, reverse), first):
        value, y = _pair(f(carry.value, x), i)
        carry.update(value, i)
        found.append(y)
    if reverse:
        found.reverse()
    return carry.value, tree.map(_stacked, *found)


def _slices(xs: Any, n: int, reverse: bool) -> Iterator[Any]:
    leaves, spec = tree.flatten(xs)
    columns = [ops.unstack(x) for x in leaves]
    for i in reversed(range(n)) if reverse else range(n):
        yield tree.unflatten(spec, [column[i] for column in columns])


def _pair(out: Any, step: int) -> tuple[Any, Any]:
    if not isinstance(out, tuple) or len(out) != 2:
        raise ArgumentTypeError(
            f"scan: f returned {describe(out)} in step {step}, expected a pair (carry, y); "
            "return (carry, None) if there is no y"
        )
    return out


def _stacked(*ys: Any) -> Any:
    arrays = [y for y in map(shown, ys) if type(y) is Array]
    if len(arrays) == len(ys):
        return ops.stack(arrays)
    if not all(type(y) is Array or type(y) in NUMBERS for y in map(shown, ys)):
        odd = next(y for y in ys if not is_array(y) and type(y) not in NUMBERS)
        raise ArgumentTypeError(
            f"scan: f returned {describe(odd)} in y, expected arrays and numbers"
        )
    return ops.asarray([y if type(y) in NUMBERS else shown(y) for y in ys])


def _nothing(y: Any) -> Any:
    like = shown(y)
    if type(like) is not Array:
        like = ops.asarray(like)
    return ops.zeros((0, *like.shape), dtype=like.dtype, device=like.device)


def _count(xs: Any, length: int | None) -> int:
    """The number of steps that ``xs`` and ``length`` agree on."""
    if length is not None and (type(length) is not int or length < 0):
        raise ArgumentValueError(f"scan: length is {length!r}, expected an integer from 0")
    lengths: dict[str, int] = {}
    for leaf, path in zip(tree.leaves(xs), tree.paths(xs), strict=True):
        if not is_array(leaf) or not len(leaf.shape):
            raise ArgumentTypeError(
                f"scan: xs{path} is {describe(leaf)}, expected an array with a leading axis to "
                "loop over; pass what every step shares by a closure"
            )
        lengths[f"xs{path}"] = leaf.shape[0]
    if length is not None:
        lengths["length"] = length
    if not lengths:
        raise ArgumentValueError("scan: xs is None, so length has to say how many steps to run")
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{name} has {n}" for name, n in list(lengths.items())[:6])
        raise ShapeError(
            f"scan: the numbers of steps differ: {found.replace('length has', 'length is')}; "
            "expected one length along the leading axes"
        )
    return next(iter(lengths.values()))


def _every(checkpoint: bool | int, n: int) -> int:
    """The number of steps between two kept carries, or 0 to keep everything."""
    if type(checkpoint) is bool:
        return math.isqrt(max(n - 1, 0)) + 1 if checkpoint else 0
    if type(checkpoint) is not int or checkpoint < 1:
        raise ArgumentValueError(
            f"scan: checkpoint is {checkpoint!r}, expected True, False or a number of steps from 1"
        )
    return checkpoint
