"""Lengths, which have a kink at 0: what the rules of absolute values, norms and deviations share.

A function f of a length n of x has the gradient f'(n) x / n, which is 0 at 0 if f'(0) is. Then it
has a second derivative there too, f''(0) times the identity, though x / n has no derivative and n
none but to one side. Forward over reverse mode finds it: the direction at 0 is that of the tangent,
and so is the slope of n, which is why reverse mode runs another op (`Op.one_sided`) where its slope
will be differentiated again. Reverse over forward mode, and either over itself, give nan at 0.
"""

import math
from collections.abc import Callable
from typing import Any

from polygrad.array import Array
from polygrad.core.batch import elementwise as batch_elementwise
from polygrad.core.kinds import Elementwise, General
from polygrad.core.op import Op, Spec, is_complex
from polygrad.core.tape import Node
from polygrad.core.trace import bind


def _over(xp: Any, g: Any, n: Any) -> Any:
    return g / xp.where(n == 0, xp.ones_like(n), n)


def _conj(xp: Any, x: Any) -> Any:
    return xp.conj(x) if is_complex(x.dtype) else x


def _radial_vjp(xp: Any, u: Any, ans: Any, g: Any, x: Any, n: Any) -> Any:
    zero = n == 0
    by_x = xp.where(zero, xp.full_like(u, math.nan), _over(xp, _conj(xp, g) * u, n))
    by_n = _conj(xp, ans) * u
    by_n = -_over(xp, xp.real(by_n) if is_complex(by_n.dtype) else by_n, n)
    return _conj(xp, _over(xp, x, n)) * u, by_x, xp.where(zero, xp.zeros_like(by_n), by_n)


def _radial_jvp(xp: Any, t: Any, ans: Any, g: Any, x: Any, n: Any) -> Any:
    tg, tx, tn = (xp.zeros_like(v) if d is None else d for d, v in zip(t, (g, x, n), strict=True))
    unit, zero, still = _over(xp, x, n), n == 0, tn == 0
    smooth = tg * unit + _over(xp, g * (tx - unit * tn), n)
    # At 0 the direction is that of the tangent, if it tells how far it goes. Where g is not 0 the
    # slope jumps, and where g begins to grow without a direction there is none.
    side = _over(xp, tg * tx, tn)
    lost = xp.where(still, (tx != 0) | ((g == 0) & (tg != 0)), (g != 0) & (tx != 0))
    return xp.where(zero, xp.where(lost, xp.full_like(smooth, math.nan), side), smooth)


def _radial(xp: Any, g: Any, x: Any, n: Any) -> Any:
    return g * _over(xp, x, n)


radial_op = General("radial", _radial_vjp, _radial_jvp, _radial, batch=batch_elementwise)


def radial(xp: Any, g: Any, x: Any, n: Any) -> Any:
    """``g`` times the slope of the length ``n`` by ``x``, x / n; 0 where the length is 0.

    Arrays of one shape. A function f of a length has a second derivative at 0 only if its slope
    ``g`` is 0 there, and then it is f'' times the identity: forward over reverse mode gives it, by
    the side that the tangent points to (see `Op.one_sided`). Elsewhere at 0 it is nan.
    """
    return bind(radial_op, (g, x, n), {}) if type(x) is Array else _radial(xp, g, x, n)


class OneSided(Elementwise):
    """An elementwise length whose tangent at 0 is the length of the tangents."""

    __slots__ = ()

    def __init__(self, length: Op, squared: Callable[..., Any]) -> None:
        rules = length.rules  # type: ignore[attr-defined]
        super().__init__(f"one_sided_{length.name}", *rules, forward=length.forward)
        self.plain, length.one_sided = length, self
        if length.forward is None:
            self.forward = lambda xp, *x: getattr(xp, length.name)(*x)
        self.squared = length.squared = squared

    def push(self, xp: Any, tangents: Any, ans: Any, args: Any, params: Any) -> Any:
        """The usual tangent, and at 0 the length of the tangents."""
        usual = super().push(xp, tangents, ans, args, params)
        whole = [
            xp.zeros_like(ans) if t is None else xp.broadcast_to(t, ans.shape) for t in tangents
        ]
        size = getattr(xp, self.plain.name)(*whole)  # type: ignore[union-attr]
        return xp.where(ans == 0, size, usual)


def _abs_slope_jvp(xp: Any, t: Any, ans: Any, g: Any, x: Any) -> Any:
    tg, tx = (xp.zeros_like(v) if d is None else d for d, v in zip(t, (g, x), strict=True))
    return tg * xp.where(x == 0, xp.sign(tx), xp.sign(x))


# g times the sign of a real number, whose own slope is taken to be 0 everywhere; at 0 it is the
# sign of the tangent.
abs_slope_op = General(
    "abs_slope",
    lambda xp, u, ans, g, x: (u * xp.sign(x), None),
    _abs_slope_jvp,
    lambda xp, g, x: g * xp.sign(x),
    batch=batch_elementwise,
)


def abs_slope(xp: Any, g: Any, x: Any) -> Any:
    """``g`` times the slope of the absolute value of a real number ``x``, 0 at 0."""
    return bind(abs_slope_op, (g, x), {}) if type(x) is Array else g * xp.sign(x)


def smooth_square(x: Any) -> Any:
    """The square of a length from its operands, if this is one and they are at hand; else None."""
    node = x._node if type(x) is Array else None
    if type(node) is not Node or node.op is None or node.op.squared is None:
        return None
    operands = []
    for arg, parent in zip(node.args, node.parents, strict=True):
        if type(arg) is Spec:
            return None  # it was not kept
        operands.append(arg if parent is None else Array(arg, x._trace, parent))
    return node.op.squared(*operands, **node.params)
