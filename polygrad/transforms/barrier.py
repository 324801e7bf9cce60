"""A step that keeps a compiler from sharing work: what a backward pass computes again, it does.

The answers are the operands themselves, available only once others are. So computing something of
them is not what was computed of the operands before, and waits for the cotangents.
"""

from collections.abc import Sequence
from typing import Any

from polygrad.array import Array, is_number, is_symbolic, wrap
from polygrad.core.batch import spread_batch
from polygrad.core.kinds import General
from polygrad.core.trace import bind


def _forward(xp: Any, *operands: Any, count: int) -> tuple[Any, ...]:
    return operands[:count]


def _pull(xp: Any, g: Any, _ans: Any, *_operands: Any, count: int) -> list[Any]:
    return [*g, *[None] * (len(_operands) - count)]


def _push(
    xp: Any, tangents: Sequence[Any], _ans: Any, *_operands: Any, count: int
) -> tuple[Any, ...]:
    return tuple(tangents[:count])


def _batch(op: Any, size: int, values: Any, batched: Sequence[bool], params: Any) -> Any:
    count = params["count"]
    if not any(batched[:count]):
        values = values[:count]  # nothing of it differs, whatever it waits for
    pairs = zip(values[:count], batched, strict=False)
    full = [spread_batch(v, b, size) for v, b in pairs]
    return bind(op, (*full, *values[count:]), params)


barrier = General("barrier", _pull, _push, _forward, multiple=True, batch=_batch)


def after(arrays: Sequence[Any], others: Sequence[Any]) -> list[Any]:
    """The arrays as they are; while jit traces, they come after the others."""
    found = list(arrays)
    if not any(map(is_symbolic, (*arrays, *others))):
        return found
    places = [i for i, x in enumerate(arrays) if type(x) is Array and not is_number(x)]
    operands = [*[arrays[i] for i in places], *map(wrap, others)]
    for i, x in zip(places, bind(barrier, tuple(operands), {"count": len(places)}), strict=True):
        found[i] = x
    return found
