"""Binary search in every example of a batch at once: batch rules of searchsorted and isin.

The number of steps depends on the length alone, so nothing is read from the device.
"""

import math
from typing import Any

from polygrad.array import raw_and_backend
from polygrad.core import op as op_module
from polygrad.core.batch import spread_batch
from polygrad.core.op import Op
from polygrad.core.trace import bind
from polygrad.dtypes import as_dtype

_ORDERED = ("signed integer", "unsigned integer", "real floating")


def _before(xp: Any, a: Any, b: Any) -> Any:
    """a < b where nan comes last, as sorting has it."""
    if not as_dtype(b.dtype).is_inexact:
        return xp.less(a, b)
    return xp.logical_or(xp.less(a, b), xp.logical_and(xp.isnan(b), xp.logical_not(xp.isnan(a))))


def places(xp: Any, ordered: Any, wanted: Any, side: str) -> Any:
    """Where each of ``wanted`` (size, m) belongs in its row of ``ordered`` (size, n)."""
    n = ordered.shape[1]
    indices = raw_and_backend(wanted)[1].default_integer(False)
    low = xp.zeros_like(wanted, dtype=indices)
    high = low + n
    for _ in range(n.bit_length()):
        middle = (low + high) // 2
        found = xp.take_along_axis(ordered, xp.minimum(middle, low * 0 + (n - 1)), axis=1)
        if side == "left":
            right = _before(xp, found, wanted)
        else:
            right = xp.logical_not(_before(xp, wanted, found))
        right = xp.logical_and(right, low < high)
        low, high = xp.where(right, middle + 1, low), xp.where(right, high, middle)
    return low


def _flat(xp: Any, value: Any) -> Any:
    """One row an example."""
    return xp.reshape(value, (value.shape[0], math.prod(value.shape[1:])))


def _alike(xp: Any, a: Any, b: Any) -> tuple[Any, Any]:
    dtype = xp.result_type(a, b)
    return xp.astype(a, dtype, copy=False), xp.astype(b, dtype, copy=False)


def searchsorted_rule(
    op: Op, size: int, values: list[Any], batched: list[bool], params: Any
) -> Any:
    """The batch rule of searchsorted."""
    if not batched[0] and not any(batched[2:]):
        return bind(op, tuple(values), params)  # one x1 for all: x2 may have any shape
    xp = op_module.traced_namespace
    ordered = spread_batch(values[0], batched[0], size)
    if len(values) > 2:
        ordered = xp.take_along_axis(ordered, spread_batch(values[2], batched[2], size), axis=1)
    wanted = spread_batch(values[1], batched[1], size)
    a, b = _alike(xp, ordered, _flat(xp, wanted))
    return xp.reshape(places(xp, a, b, params["side"]), wanted.shape)


def isin_rule(op: Op, size: int, values: list[Any], batched: list[bool], params: Any) -> Any:
    """The batch rule of isin: a search in each sorted set."""
    if not batched[1]:
        return bind(op, tuple(values), params)  # one set for all: x1 may have any shape
    xp = op_module.traced_namespace
    wanted = spread_batch(values[0], batched[0], size)
    a, b = _alike(xp, _flat(xp, values[1]), _flat(xp, wanted))
    if a.shape[1] == 0:
        found = xp.zeros_like(b, dtype="bool")
    elif as_dtype(a.dtype).group in _ORDERED:
        a = xp.sort(a, axis=1)
        at = places(xp, a, b, "left")
        at = xp.minimum(at, at * 0 + (a.shape[1] - 1))
        found = xp.equal(xp.take_along_axis(a, at, axis=1), b)
    else:  # complex numbers and truth values have no order: each is compared with each
        found = xp.any(xp.equal(a[:, None, :], b[:, :, None]), axis=2)
    found = xp.logical_not(found) if params["invert"] else found
    return xp.reshape(found, wanted.shape)
