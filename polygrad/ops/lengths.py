"""Lengths, whose derivative jumps at 0, and the second derivatives of their functions there.

For a length n(x) (abs, hypot, norms, a standard deviation) the gradient of f(n(x)) is
f'(n) x / n. Where n = 0 it is taken as 0, and its derivative along w is the one-sided one,

    f''(0) |w| w / |w|    if f'(0) = 0, else nan (f''(0) w in one dimension),

so that the Hessian of n**2 is 2 I, and that of cos(n) is -I. No rule that looks at one place of
the chain alone finds it: along w the length grows by |w|, and the direction x / n, which is lost
at 0, is w / |w|. So a length that is differentiated more than once is computed by the ops here,
which tell each other w: `length_op` has a further answer for each operand, a port, that is 0 and
takes the direction in reverse mode; and one more that counts how many have arrived.

An operand is a tuple of components of one shape; the length is over them and over ``axis``,
whose axes stay, with length 1.
"""

import math
from collections.abc import Sequence
from typing import Any

from polygrad.array import Array
from polygrad.core import op as op_module
from polygrad.core.batch import spread
from polygrad.core.dual import ForwardTrace
from polygrad.core.kinds import General
from polygrad.core.op import is_complex
from polygrad.core.tape import ReverseTrace
from polygrad.core.trace import apply, bind, top_trace
from polygrad.dtypes import as_dtype

Parts = Sequence[Any]
Axis = tuple[int, ...]


def _total(xp: Any, parts: Parts, axis: Axis) -> Any:
    found = parts[0]
    for part in parts[1:]:
        found = found + part
    return xp.sum(found, axis=axis, keepdims=True) if axis else found


def _inner(xp: Any, a: Parts, b: Parts, axis: Axis) -> Any:
    return _total(xp, [p * q for p, q in zip(a, b, strict=True)], axis)


def _size(xp: Any, parts: Parts, axis: Axis) -> Any:
    if axis:
        parts = [xp.linalg.vector_norm(part, axis=axis, keepdims=True) for part in parts]
    elif len(parts) == 1:
        return xp.abs(parts[0])
    found = parts[0]
    for part in parts[1:]:
        found = xp.hypot(found, part)
    return found


def _over(xp: Any, a: Any, n: Any) -> Any:
    """``a / n``, and 0 where n is 0."""
    zero = n == 0
    found = a / xp.where(zero, xp.ones_like(n), n)
    return xp.where(zero, xp.zeros_like(found), found)


def _units(xp: Any, parts: Parts, n: Any, axis: Axis) -> list[Any]:
    if len(parts) == 1 and not axis:
        return [xp.sign(parts[0])]
    return [_over(xp, part, n) for part in parts]


def _filled(xp: Any, given: Parts, like: Parts) -> list[Any]:
    return [xp.zeros_like(b) if a is None else a for a, b in zip(given, like, strict=True)]


def _mark(xp: Any, where: Any, value: float, like: Any) -> Any:
    """``value`` at some places, and 0 at the others, in the shape of ``like``."""
    return xp.where(where, xp.full_like(like, value), xp.zeros_like(like))


def _batch(op: Any, size: int, values: Any, batched: Any, params: Any) -> Any:
    moved = tuple([a + 1 for a in params["axis"]])
    return spread(op, size, values, batched, {**params, "axis": moved})


class _Op(General):
    """An op of this file: a compiler sees the steps of its forward pass."""

    __slots__ = ()
    kind = "length"

    def pull(self, xp: Any, g: Any, node: Any, selected: bool = False) -> Sequence[Any]:
        """With ``selected`` a cotangent of 0 stays 0, as for ops by element; directions do not."""
        found = super().pull(xp, g, node)
        if not selected or g[0] is None:
            return found
        given = g[0]
        if self is slope_op:
            given = _total(xp, [xp.abs(c) for c in g], node.params["axis"])
        ports = {slope_op: (len(found) - 3) // 2, change_op: (len(found) - 2) // 3}.get(self, 0)
        kept = len(found) - ports
        return [
            c if c is None or i >= kept else xp._keep_zeros(given, c) for i, c in enumerate(found)
        ]

    def inline(self, operands: Sequence[Any], params: dict[str, Any]) -> tuple[Any, ...]:
        """The steps: no derivative is taken below."""
        assert self.forward is not None
        found: tuple[Any, ...] = self.forward(op_module.traced_namespace, *operands, **params)
        return found


# -- the length ------------------------------------------------------------------------------------


def _length(xp: Any, *xs: Any, axis: Axis) -> tuple[Any, ...]:
    n = _size(xp, xs, axis)
    return (n, *map(xp.zeros_like, xs), xp.zeros_like(n))


def _length_vjp(xp: Any, g: Any, ans: Any, *xs: Any, axis: Axis) -> Any:
    (n, *ports, met), (by_n, *directions, count) = ans, g
    if by_n is None:
        return (None,) * len(xs)
    found = bind(slope_op, (by_n, n, met, *xs, *ports), {"axis": axis})
    if count is None:
        return found
    # Two directions at once: which of them a cotangent belongs to is not known.
    by_n = by_n + _mark(xp, (count > 1) & (by_n != 0), math.nan, by_n)
    directions = _filled(xp, directions, xs)
    size = _size(xp, directions, axis)
    along = [by_n * _over(xp, d, size) for d in directions]
    return tuple([xp.where(n == 0, a, f) for a, f in zip(along, found, strict=True)])


def _length_jvp(xp: Any, t: Any, ans: Any, *xs: Any, axis: Axis) -> Any:
    (n, *ports, met), params = ans, {"axis": axis, "onesided": True}
    (moved,) = bind(change_op, (n, met, *xs, *_filled(xp, t, xs), *ports), params)
    return (moved, *(None,) * (len(xs) + 1))


length_op = _Op(
    "length", _length_vjp, _length_jvp, _length, multiple=True, partial=True, batch=_batch
)


# -- its slope, by reverse mode --------------------------------------------------------------------


def _slope(xp: Any, g: Any, n: Any, _met: Any, *rest: Any, axis: Axis) -> tuple[Any, ...]:
    xs = rest[: len(rest) // 2]
    return tuple([g * unit for unit in _units(xp, xs, n, axis)])


def _slope_vjp(xp: Any, c: Any, _ans: Any, g: Any, n: Any, met: Any, *rest: Any, axis: Axis) -> Any:
    xs = rest[: len(rest) // 2]
    single, zero = len(xs) == 1 and not axis, n == 0
    c, size = list(c), _size(xp, c, axis)
    inner, moves = _inner(xp, c, _units(xp, xs, n, axis), axis), size != 0
    by_g = xp.where(zero, size if single else xp.where(g == 0, size, inner * 0), inner)
    by_port = [xp.where(zero, one, xp.zeros_like(one)) for one in c]
    by_met = _mark(xp, zero & moves, 1.0, met)
    if single:
        return (by_g, None, by_met, None, *by_port)
    lost = _mark(xp, zero & (g != 0) & moves, math.nan, n)
    by_x = [_over(xp, g * one, n) + lost for one in c]
    return (by_g, -_over(xp, g * inner, n), by_met, *by_x, *by_port)


def _slope_jvp(xp: Any, t: Any, _ans: Any, g: Any, n: Any, _met: Any, *rest: Any, axis: Axis) -> Any:  # fmt: skip # noqa: E501
    xs, (by_g, by_n) = rest[: len(rest) // 2], t[:2]
    single, zero = len(xs) == 1 and not axis, n == 0
    moved = _filled(xp, t[3 : 3 + len(xs)], xs)
    by_g, by_n = _filled(xp, (by_g, by_n), (g, n))
    size, units = _size(xp, moved, axis), _units(xp, xs, n, axis)
    found = []
    for move, unit in zip(moved, units, strict=True):
        there = by_g * xp.where(zero, _over(xp, move, size), unit)
        if not single:
            there = there + _over(xp, g * (move - unit * by_n), n)
            # The slope jumps, or begins to grow without a direction.
            lost = xp.where(size == 0, (g == 0) & (by_g != 0), g != 0)
            there = there + _mark(xp, zero & lost, math.nan, n)
        found.append(there)
    return tuple(found)


slope_op = _Op("length_slope", _slope_vjp, _slope_jvp, _slope, multiple=True, batch=_batch)


# -- its change, by forward mode -------------------------------------------------------------------


def _thirds(rest: Parts) -> tuple[Parts, Parts, Parts]:
    k = len(rest) // 3
    return rest[:k], rest[k : 2 * k], rest[2 * k :]


def _change(xp: Any, n: Any, _met: Any, *rest: Any, axis: Axis, onesided: bool) -> tuple[Any, ...]:
    xs, vs, _ = _thirds(rest)
    inner = _inner(xp, vs, _units(xp, xs, n, axis), axis)
    return (xp.where(n == 0, _size(xp, vs, axis), inner) if onesided else inner,)


def _change_vjp(
    xp: Any, g: Any, ans: Any, n: Any, met: Any, *rest: Any, axis: Axis, onesided: bool
) -> Any:
    xs, vs, _ = _thirds(rest)
    single, zero, (c,) = len(xs) == 1 and not axis, n == 0, g
    size = _size(xp, vs, axis)
    by_v = [c * unit for unit in _units(xp, xs, n, axis)]
    if onesided:
        by_v = [xp.where(zero, c * _over(xp, v, size), b) for v, b in zip(vs, by_v, strict=True)]
    by_port = [xp.where(zero, v, xp.zeros_like(v)) for v in vs]
    by_met = _mark(xp, zero & (size != 0), 1.0, met)
    if single:
        return (None, by_met, None, *by_v, *by_port)
    lost = _mark(xp, zero & (c != 0) & (size != 0), math.nan, n)
    by_x = [_over(xp, c * v, n) + lost for v in vs]
    return (-_over(xp, c * ans[0], n), by_met, *by_x, *by_v, *by_port)


def _change_jvp(
    xp: Any, t: Any, ans: Any, n: Any, _met: Any, *rest: Any, axis: Axis, onesided: bool
) -> Any:
    xs, vs, _ = _thirds(rest)
    k, single, zero = len(xs), len(rest) == 3 and not axis, n == 0
    (by_n,), moved = _filled(xp, t[:1], (n,)), _filled(xp, t[2 : 2 + k], xs)
    turned = _filled(xp, t[2 + k : 2 + 2 * k], vs)
    found = _inner(xp, turned, _units(xp, xs, n, axis), axis)
    if not single:
        found = found + _over(xp, _inner(xp, moved, vs, axis) - ans[0] * by_n, n)
    size, speed = _size(xp, moved, axis), _size(xp, vs, axis)
    # The direction of the length's growth is known where it moves along v itself.
    near = 1 - 16 * float(xp.finfo(n.dtype).eps)
    along = _inner(xp, moved, vs, axis) >= size * speed * near
    there = _mark(xp, ~along, math.nan, n)
    if onesided:
        there = there + _over(xp, _inner(xp, vs, turned, axis), speed)
    return (xp.where(zero, there, found),)


class _Change(_Op):
    """The tangent of a length: 0 where that is 0, and one-sided where it is differentiated."""

    __slots__ = ()

    def dispatch(self, operands: Sequence[Any], params: dict[str, Any]) -> Any:
        """The one-sided tangent below reverse or forward mode."""
        if isinstance(top_trace(operands), ReverseTrace | ForwardTrace):
            params = {**params, "onesided": True}
        return bind(self, tuple(operands), params)


change_op = _Change("length_change", _change_vjp, _change_jvp, _change, multiple=True, batch=_batch)


# -- for the ops that compute a length -------------------------------------------------------------


def measured(operands: Sequence[Any], axis: Axis) -> Any:
    """The length of operands, its axes kept, at a level of reverse or forward mode."""
    parts = _parts(operands)
    top = top_trace(parts)
    if not isinstance(top, ForwardTrace) or not top.alive:
        return bind(length_op, tuple(parts), {"axis": axis})[0]
    # One level down the value is the length that the tangent can tell its direction.
    xp = op_module.traced_namespace
    mine = [type(x) is Array and x._trace is top for x in parts]
    xs = [x._value if yes else x for x, yes in zip(parts, mine, strict=True)]
    vs = [x._node if yes else xp.zeros_like(x) for x, yes in zip(parts, mine, strict=True)]
    n, *ports, met = bind(length_op, tuple(xs), {"axis": axis})
    operands = (n, met, *xs, *vs, *ports)
    (moved,) = apply(change_op, operands, {"axis": axis, "onesided": False})
    return Array(n, top, moved)


def _parts(operands: Sequence[Any]) -> tuple[Any, ...]:
    """The real components whose length abs, hypot or a norm computes, of one shape and type."""
    xp = op_module.traced_namespace
    if len(operands) == 1:
        x = operands[0]
        return (xp.real(x), xp.imag(x)) if is_complex(x.dtype) else (x,)
    a, b = operands
    a, b = [x if hasattr(x, "dtype") else xp.full_like(y, x) for x, y in ((a, b), (b, a))]
    dtype = as_dtype(xp.result_type(a, b))
    a, b = [x if as_dtype(x.dtype) == dtype else xp.astype(x, dtype) for x in (a, b)]
    return tuple(xp.broadcast_arrays(a, b))
