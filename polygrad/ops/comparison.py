"""Comparisons, logic, bits, and the choice between two values, element by element."""

import operator
import sys
from typing import Any

from polygrad.additions import keep_zeros
from polygrad.array import Array, is_array, is_number
from polygrad.core.kinds import Elementwise
from polygrad.core.op import OPS, OpFacts
from polygrad.core.trace import PYTHON_SCALARS, bind
from polygrad.dtypes import DType, as_dtype, check_range, limits
from polygrad.ops.creation import scalar_beside
from polygrad.ops.datatypes import astype, result_type
from polygrad.ops.declare import BY_ELEMENT, elementwise, nondifferentiable


def _bigger(xp: Any, g: Any, a: Any, b: Any) -> Any:
    """The cotangent of a in max(a, b): shared equally at a tie, 0 if b is a plain number."""
    if type(b) in (int, float) or is_number(b):
        return xp.where(a > b, g, xp.zeros_like(g))
    half = xp.where(a == b, g * 0.5, xp.zeros_like(g))
    return xp.where(a > b, g, half)


_ONE_DTYPE = OpFacts(elementwise=True, one_dtype=True)

maximum = elementwise(
    "maximum",
    lambda xp, g, _y, a, b: _bigger(xp, g, a, b),
    lambda xp, g, _y, a, b: _bigger(xp, g, b, a),
    facts=_ONE_DTYPE,
    doc="""The larger of x1 and x2.

    Where two arrays are equal the gradient is shared equally; where an array equals a Python
    number its derivative is taken as 0, as for relu.

    >>> pg.grad(pg.maximum, argnums=(0, 1))(1.0, 1.0), pg.grad(lambda x: pg.maximum(x, 0))(0.0)
    ((0.5, 0.5), 0.0)
    """,
)

minimum = elementwise(
    "minimum",
    lambda xp, g, _y, a, b: _bigger(xp, g, -a, -b),
    lambda xp, g, _y, a, b: _bigger(xp, g, -b, -a),
    facts=_ONE_DTYPE,
    doc="""The smaller of x1 and x2; ties as in `maximum`.

    >>> pg.grad(pg.minimum, argnums=(0, 1))(1.0, 2.0)
    (1.0, 0.0)
    """,
)

where_op = Elementwise(
    "where",
    None,
    lambda xp, g, _y, c, _a, _b: xp.where(c, g, xp.zeros_like(g)),
    lambda xp, g, _y, c, _a, _b: xp.where(c, xp.zeros_like(g), g),
    facts=_ONE_DTYPE,
)


def where(condition: Any, x1: Any, x2: Any, /) -> Any:
    """x1 where ``condition`` holds, x2 elsewhere; shapes broadcast.

    Both branches are computed. A branch that is not chosen gets the cotangent 0, and the ops by
    element that it comes from keep it 0, also where their derivative is infinite or nan:
    ``where(x > 0, log(x), 0)`` has the derivative 0 at 0. Ops that mix elements, such as
    matmul, give nan if one of theirs is.

    >>> x = pg.asarray([1.0, -1.0])
    >>> pg.grad(lambda x: pg.sum(pg.where(x > 0, 3 * x, x)))(x)
    Array([3., 1.], dtype=float64, device=cpu)
    """
    for x, other in ((x1, x2), (x2, x1)):
        if type(x) is int and hasattr(other, "dtype"):
            check_range(x, as_dtype(other.dtype))  # NumPy itself would let it wrap around here
    return bind(where_op, (condition, x1, x2), {})


where_op.selects = lambda node: True


def _outside(xp: Any, x: Any, low: Any, high: Any) -> Any:
    out = None
    if low is not None:
        out = x < low
    if high is not None:
        out = x > high if out is None else out | (x > high)
    return out


def _clip_rule(xp: Any, g: Any, x: Any, low: Any, high: Any) -> Any:
    return xp.where(_outside(xp, x, low, high), xp.zeros_like(g), g)


def _is_integer(dtype: DType) -> bool:
    return dtype.group in ("signed integer", "unsigned integer")


def _bound(xp: Any, x: Any, bound: Any, lower: bool) -> Any:
    """A bound in the data type of ``x``; None where it limits nothing."""
    dtype = as_dtype(x.dtype)
    if type(bound) in PYTHON_SCALARS:
        if not _is_integer(dtype):
            return bound
        low, high = limits(dtype)
        if low <= bound <= high:
            return int(bound)
        return None if (bound < low) is lower else check_range(int(bound), dtype)
    own = as_dtype(bound.dtype)
    if own == dtype:
        return bound
    if _is_integer(dtype) and _is_integer(own):
        (low, high), (own_low, own_high) = limits(dtype), limits(own)
        low, high = max(low, own_low), min(high, own_high)
        bound = xp.minimum(xp.maximum(bound, low), high)
    return xp.astype(bound, x.dtype)


def _inexact(bound: Any) -> bool:
    return type(bound) is float or (hasattr(bound, "dtype") and as_dtype(bound.dtype).is_inexact)


def _limited(xp: Any, x: Any, low: Any, high: Any) -> Any:
    """The elements of ``x`` in an interval; no library's clip, some of which write to bounds."""
    if type(x) in PYTHON_SCALARS:  # a number that `jit` traced, at run time
        x = xp.asarray(x)
    if not as_dtype(x.dtype).is_inexact and (_inexact(low) or _inexact(high)):
        x = xp.astype(x, xp.float64)
    low = None if low is None else _bound(xp, x, low, True)
    high = None if high is None else _bound(xp, x, high, False)
    if low is not None and high is not None and hasattr(xp, "_between"):  # CuPy: one kernel
        out = xp._between(x, low, high)
    else:
        out = x if low is None else xp.maximum(x, low)
        out = out if high is None else xp.minimum(out, high)
    if out is x:
        return xp.asarray(out, copy=True)
    # ml_dtypes has a number beside bfloat16 give float32.
    return out if out.dtype == x.dtype else xp.astype(out, x.dtype)


_COMPOSITE = BY_ELEMENT._replace(composite=True)
_clip_both = Elementwise(
    "clip",
    lambda xp, g, _y, x, low, high: _clip_rule(xp, g, x, low, high),
    # Of bounds that cross the upper one stands, as it does in the value.
    lambda xp, g, _y, x, low, high: xp.where((x < low) & (low <= high), g, xp.zeros_like(g)),
    lambda xp, g, _y, x, low, high: xp.where((x > high) | (low > high), g, xp.zeros_like(g)),
    forward=_limited,
    facts=_COMPOSITE,
)
_clip_low = Elementwise(
    "clip_low",
    lambda xp, g, _y, x, low: _clip_rule(xp, g, x, low, None),
    lambda xp, g, _y, x, low: xp.where(x < low, g, xp.zeros_like(g)),
    forward=lambda xp, x, low: _limited(xp, x, low, None),
    facts=_COMPOSITE,
)
_clip_high = Elementwise(
    "clip_high",
    lambda xp, g, _y, x, high: _clip_rule(xp, g, x, None, high),
    lambda xp, g, _y, x, high: xp.where(x > high, g, xp.zeros_like(g)),
    forward=lambda xp, x, high: _limited(xp, x, None, high),
    facts=_COMPOSITE,
)


def _keep_zeros(g: Any, c: Any) -> Any:
    return keep_zeros(sys.modules["polygrad.ops"], g, c)


for _op in (_clip_both, _clip_low, _clip_high, OPS["maximum"], OPS["minimum"]):
    _op.selects = lambda node: True

_clip_none = Elementwise("clip_none", 1, forward=lambda xp, x: xp.clip(x), facts=BY_ELEMENT)


def _beside_bounds(x: Any, *bounds: Any) -> Any:
    """A number as an array of the library of the bounds, if one of these is an array."""
    arrays = [bound for bound in bounds if is_array(bound) and not is_number(bound)]
    if not arrays:
        return x
    like = next((bound for bound in arrays if type(bound) is Array), arrays[0])
    if is_number(x):
        plain = {"bool": False, "real floating": 0.0}.get(as_dtype(x.dtype).group, 0)
        return astype(x, result_type(*arrays, plain))
    return scalar_beside(x, like, *arrays)


def clip(x: Any, /, min: Any = None, max: Any = None) -> Any:  # noqa: A002
    """Limit the elements of ``x`` to the interval from ``min`` to ``max``.

    The bounds are numbers or arrays that broadcast with ``x``, or None for no bound. On a
    bound the derivative by ``x`` is 1, outside it is 0. Where ``min`` is above ``max`` the
    answer is ``max``. The result has the data type of ``x`` (float64 for
    integers between floating-point bounds). Raises IntegerRangeError for a number as a bound
    that the data type of an integer ``x`` cannot hold, if it limits anything.

    >>> x = pg.asarray([-2.0, 0.5, 2.0])
    >>> pg.grad(lambda x: pg.sum(pg.clip(x, -1, 1)))(x)
    Array([0., 1., 0.], dtype=float64, device=cpu)
    """
    if type(x) in PYTHON_SCALARS or is_number(x):
        x = _beside_bounds(x, min, max)
    if min is None and max is None:
        return bind(_clip_none, (x,), {})
    if max is None:
        return bind(_clip_low, (x, min), {})
    if min is None:
        return bind(_clip_high, (x, max), {})
    return bind(_clip_both, (x, min, max), {})


_PAIR = "Whether {} holds, element by element.\n\n    >>> pg.{}(1.0, 2.0).item()\n    {}\n    "

equal = nondifferentiable(
    "equal",
    2,
    facts=OpFacts(elementwise=True, compares=True, python=operator.eq),
    doc=_PAIR.format("x1 == x2", "equal", False),
)
not_equal = nondifferentiable(
    "not_equal",
    2,
    facts=OpFacts(elementwise=True, compares=True, python=operator.ne),
    doc=_PAIR.format("x1 != x2", "not_equal", True),
)
less = nondifferentiable(
    "less",
    2,
    facts=OpFacts(elementwise=True, compares=True, python=operator.lt),
    doc=_PAIR.format("x1 < x2", "less", True),
)
less_equal = nondifferentiable(
    "less_equal",
    2,
    facts=OpFacts(elementwise=True, compares=True, python=operator.le),
    doc=_PAIR.format("x1 <= x2", "less_equal", True),
)
greater = nondifferentiable(
    "greater",
    2,
    facts=OpFacts(elementwise=True, compares=True, python=operator.gt),
    doc=_PAIR.format("x1 > x2", "greater", False),
)
greater_equal = nondifferentiable(
    "greater_equal",
    2,
    facts=OpFacts(elementwise=True, compares=True, python=operator.ge),
    doc=_PAIR.format("x1 >= x2", "greater_equal", False),
)

_TEST = "Whether each element {}.\n\n    >>> pg.{}(1.0).item()\n    {}\n    "

isnan = nondifferentiable("isnan", 1, doc=_TEST.format("is not a number", "isnan", False))
isinf = nondifferentiable("isinf", 1, doc=_TEST.format("is infinite", "isinf", False))
isfinite = nondifferentiable("isfinite", 1, doc=_TEST.format("is finite", "isfinite", True))
signbit = nondifferentiable(
    "signbit", 1, doc=_TEST.format("has its sign bit set", "signbit", False)
)

_LOGIC = "The logical {} of booleans.\n\n    >>> pg.{}({}).item()\n    {}\n    "

logical_and = nondifferentiable(
    "logical_and", 2, doc=_LOGIC.format("and", "logical_and", "True, False", False)
)
logical_or = nondifferentiable(
    "logical_or", 2, doc=_LOGIC.format("or", "logical_or", "True, False", True)
)
logical_xor = nondifferentiable(
    "logical_xor", 2, doc=_LOGIC.format("exclusive or", "logical_xor", "True, True", False)
)
logical_not = nondifferentiable(
    "logical_not", 1, doc=_LOGIC.format("negation", "logical_not", "True", False)
)

_BITS = "The {} of integers or booleans.\n\n    >>> pg.{}({}).item()\n    {}\n    "

bitwise_and = nondifferentiable(
    "bitwise_and",
    2,
    facts=_ONE_DTYPE,
    doc=_BITS.format("bits set in both", "bitwise_and", "6, 3", 2),
)
bitwise_or = nondifferentiable(
    "bitwise_or",
    2,
    facts=_ONE_DTYPE,
    doc=_BITS.format("bits set in either", "bitwise_or", "6, 3", 7),
)
bitwise_xor = nondifferentiable(
    "bitwise_xor",
    2,
    facts=_ONE_DTYPE,
    doc=_BITS.format("bits set in one only", "bitwise_xor", "6, 3", 5),
)
bitwise_invert = nondifferentiable(
    "bitwise_invert", 1, doc=_BITS.format("bits flipped", "bitwise_invert", "6", -7)
)
bitwise_left_shift = nondifferentiable(
    "bitwise_left_shift",
    2,
    facts=_ONE_DTYPE,
    doc=_BITS.format("bits moved left", "bitwise_left_shift", "3, 2", 12),
)
bitwise_right_shift = nondifferentiable(
    "bitwise_right_shift",
    2,
    facts=_ONE_DTYPE,
    doc=_BITS.format("bits moved right", "bitwise_right_shift", "12, 2", 3),
)
