"""Stand-ins for NumPy's ufuncs and their methods (reduce, accumulate, outer, at, reduceat)."""

import math
from collections.abc import Callable
from typing import Any

from polygrad import ops
from polygrad.array import Array
from polygrad.core.trace import PYTHON_SCALARS
from polygrad.dtypes import as_dtype
from polygrad.errors import ArgumentTypeError, ArgumentValueError, LostGradientError
from polygrad.numpy_functions.reductions import (
    all_true,
    any_true,
    largest,
    product,
    smallest,
    total,
)
from polygrad.numpy_functions.table import (
    array,
    axis_of_number,
    check_casting,
    check_layout,
    together,
    write,
)
from polygrad.ops import special
from polygrad.ops.datatypes import in_wide, is_scalar
from polygrad.ops.manipulation import normalise_axis


def _ignoring_nan(pick: Callable[..., Any], a: Any, b: Any) -> Any:
    """The extreme of two arrays, nan only where both are; a plain number is no part of a tie."""
    x, y = together(a, b)
    first, second = ops.where(ops.isnan(x), y, x), ops.where(ops.isnan(y), x, y)
    if type(a) in PYTHON_SCALARS and a == a:
        first = a
    if type(b) in PYTHON_SCALARS and b == b:
        second = b
    return pick(first, second)


def _inexact(x: Any) -> Any:
    """Integers as the floating-point numbers that NumPy's loops take them for."""
    x = array(x)
    dtype = as_dtype(x.dtype)
    if dtype.is_inexact:
        return x
    return ops.astype(x, {1: ops.float16, 2: ops.float32}.get(dtype.itemsize, ops.float64))


def _narrow(function: Any, x: Any) -> Any:
    """A function that computes float16 in a wider type, with the result in the type of NumPy's."""
    x = _inexact(x)
    return ops.astype(function(x), x.dtype, copy=False)


def _times(x: Any, factor: float) -> Any:
    return in_wide(lambda v: v * factor, _inexact(x))


def _modf(x: Any) -> tuple[Any, Any]:
    x = _inexact(x)
    whole = ops.trunc(x)
    rest = ops.where(ops.isinf(x), ops.zeros_like(x), x - whole)
    return ops.copysign(rest, x), whole


def _fmod(a: Any, b: Any) -> Any:
    """The remainder with the sign of ``a``."""
    a, b = together(a, b)
    if not as_dtype(a.dtype).is_inexact:
        rest = ops.remainder(a, b)
        if as_dtype(a.dtype).kind in "ub":
            return rest
        # Not by the sizes: that of the smallest integer is no integer.
        return ops.where((rest != 0) & ((a < 0) != (b < 0)), rest - b, rest)
    # The remainder of the sizes loses no digits. Not by abs, which is flat at 0.
    minus = ops.signbit(a)
    rest = ops.remainder(ops.where(minus, -a, a), ops.where(b < 0, -b, b))
    return ops.where(minus, -rest, rest)


def _ldexp(x: Any, n: Any) -> Any:
    """x * 2**n in steps of which only the last can round, overflow or underflow."""
    low, high = (-126, 127) if as_dtype(x.dtype).itemsize == 4 else (-1022, 1023)
    n = array(n)
    if as_dtype(n.dtype).is_inexact:
        raise ArgumentTypeError(f"numpy.ldexp: the exponents are {n.dtype}, expected integers")
    n = ops.clip(ops.astype(n, ops.int64), 4 * low, 4 * high)
    last = ops.clip(n, low, high)
    rest = n - last
    steps = [last]
    for _ in range(3):
        steps.append(ops.clip(rest, low, high))
        rest = rest - steps[-1]
    for step in reversed(steps):
        x = x * special.exp2(ops.astype(step, x.dtype))
    return x


def _frexp(x: Any) -> tuple[Any, Any]:
    """Mantissas from 0.5 to 1, whose slope is 2**-exponent, and the exponents."""
    x = _inexact(x)
    size = ops.abs(ops.stop_gradient(x))
    usual = ops.isfinite(size) & (size > 0)
    size = ops.astype(ops.where(usual, size, ops.ones_like(size)), ops.float64)
    n = ops.astype(ops.floor(ops.log2(size)), ops.int64) + 1
    # The logarithm may be rounded over a power of two.
    scaled = _ldexp(size, -n)
    one, none = ops.ones_like(n), ops.zeros_like(n)
    n = n + ops.where(scaled >= 1, one, none) - ops.where(scaled < 0.5, one, none)
    n = ops.where(usual, n, none)
    return _narrow(lambda v: _ldexp(v, -n), x), ops.astype(n, ops.int32)


def _heaviside(x: Any, half: Any) -> Any:
    x, half = (_inexact(v) for v in together(x, half))
    zero, one = ops.zeros_like(x), ops.ones_like(x)
    out = ops.where(x == 0, half, ops.where(x > 0, one, zero))
    return ops.where(ops.isnan(x), x, out)


# The standard's own names, which NumPy has, too.
_SAME = [
    "abs", "acos", "acosh", "add", "asin", "asinh", "atan", "atan2", "atanh", "bitwise_and",
    "bitwise_invert", "bitwise_left_shift", "bitwise_or", "bitwise_right_shift",
    "bitwise_xor", "ceil", "conj", "copysign", "cos", "cosh", "divide", "equal", "exp",
    "expm1", "floor", "floor_divide", "greater", "greater_equal", "hypot", "isfinite",
    "isinf", "isnan", "less", "less_equal", "log", "log10", "log1p", "log2", "logaddexp",
    "logical_and", "logical_not", "logical_or", "logical_xor", "matmul", "maximum", "minimum",
    "multiply", "negative", "nextafter", "not_equal", "positive", "pow", "reciprocal",
    "remainder", "sign", "signbit", "sin", "sinh", "sqrt", "square", "subtract", "tan",
    "tanh", "trunc", "vecdot",
]  # fmt: skip

# SciPy's ufuncs arrive the same way, under the names that pg.special has.
UFUNCS: dict[str, Callable[..., Any]] = {name: getattr(special, name) for name in special.__all__}
UFUNCS |= {name: getattr(ops, name) for name in _SAME}
UFUNCS |= {
    "_lambertw": lambda z, k, tol: special.lambertw(z, int(k)),
    "absolute": ops.abs,
    "arccos": ops.acos,
    "arccosh": ops.acosh,
    "arcsin": ops.asin,
    "arcsinh": ops.asinh,
    "arctan": ops.atan,
    "arctan2": ops.atan2,
    "arctanh": ops.atanh,
    "bitwise_not": ops.bitwise_invert,
    "cbrt": lambda x: _narrow(special.cbrt, x),
    "conjugate": ops.conj,
    "deg2rad": lambda x: _times(x, math.pi / 180),
    "degrees": lambda x: _times(x, 180 / math.pi),
    "divmod": lambda a, b: (ops.floor_divide(a, b), ops.remainder(a, b)),
    "exp2": lambda x: (
        ops.exp(x * math.log(2)) if as_dtype(x.dtype).is_complex else _narrow(special.exp2, x)
    ),
    "fabs": lambda x: ops.abs(_inexact(x)),
    "float_power": lambda a, b: ops.pow(*together(a, b, array(1.0))[:2]),
    "fmax": lambda a, b: _ignoring_nan(ops.maximum, a, b),
    "fmin": lambda a, b: _ignoring_nan(ops.minimum, a, b),
    "fmod": _fmod,
    "frexp": _frexp,
    "heaviside": _heaviside,
    "invert": ops.bitwise_invert,
    "ldexp": lambda x, n: _narrow(lambda v: _ldexp(v, n), x),
    "left_shift": ops.bitwise_left_shift,
    "logaddexp2": lambda a, b: (
        ops.logaddexp(a * math.log(2), b * math.log(2)) / math.log(2)
    ),
    "matvec": lambda a, b: ops.matmul(a, ops.expand_dims(b, axis=-1))[..., 0],
    "mod": ops.remainder,
    "modf": _modf,
    "power": ops.pow,
    "rad2deg": lambda x: _times(x, 180 / math.pi),
    "radians": lambda x: _times(x, math.pi / 180),
    "right_shift": ops.bitwise_right_shift,
    "rint": lambda x: ops.round(_inexact(x)),
    "true_divide": ops.divide,
    "vecmat": lambda a, b: ops.matmul(ops.expand_dims(ops.conj(a), axis=-2), b)[..., 0, :],
}  # fmt: skip


# Ufuncs whose results are bool, whatever they compare.
_TESTS = {
    *("equal", "greater", "greater_equal", "isfinite", "isinf", "isnan", "less", "less_equal"),
    *("logical_and", "logical_not", "logical_or", "logical_xor", "not_equal", "signbit"),
}


def _spherical(name: str, bessel: Callable[..., Any], scale: float, sign: int) -> None:
    """The ufuncs inside scipy.special.spherical_jn and its kin, and of their derivatives."""

    def value(n: Any, z: Any) -> Any:
        return ops.sqrt(scale / z) * bessel(n + 0.5, z)

    UFUNCS[f"_spherical_{name}"] = value
    UFUNCS[f"_spherical_{name}_d"] = lambda n, z: sign * value(n - 1, z) - (n + 1) / z * value(n, z)


_spherical("jn", special.jv, math.pi / 2, 1)
_spherical("yn", special.yv, math.pi / 2, 1)
_spherical("in", special.iv, math.pi / 2, 1)
_spherical("kn", special.kv, math.pi / 2, -1)

# A ufunc's reduction over several axes at once.
_REDUCTIONS: dict[str, Callable[..., Any]] = {
    "add": total,
    "logaddexp": lambda a, axis, dtype, keepdims: ops.logsumexp(a, axis=axis, keepdims=keepdims),
    "logical_and": lambda a, axis, dtype, **rest: all_true(a, axis, **rest),
    "logical_or": lambda a, axis, dtype, **rest: any_true(a, axis, **rest),
    "maximum": lambda a, axis, dtype, **rest: largest(a, axis, **rest),
    "minimum": lambda a, axis, dtype, **rest: smallest(a, axis, **rest),
    "multiply": product,
}
_RUNNING = {"add": ops.cumulative_sum, "multiply": ops.cumulative_prod}


def _call(name: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    dtype, where = options.pop("dtype", None), options.pop("where", True)
    casting = options.pop("casting", "same_kind")
    check_layout(f"numpy.{name}", "casting", casting)
    taken = {"axis"} if name == "vecdot" else set()
    unknown = [key for key in options if key not in taken]
    if unknown:
        raise ArgumentTypeError(
            f"numpy.{name} of a polygrad array: the argument {unknown[0]} is not taken; leave it "
            "out, and move the axes or convert the data types of the operands"
        )
    values = [array(v) if isinstance(v, list | tuple) else v for v in inputs]
    if dtype is not None and not (as_dtype(dtype).group == "bool" and name in _TESTS):
        for i, value in enumerate(values):
            if not is_scalar(value):
                check_casting(f"numpy.{name}", value.dtype, dtype, casting)
            values[i] = ops.astype(array(value), dtype, copy=False)
    elif casting in ("no", "equiv"):
        _check_alike(name, casting, values)
    if name == "matmul" or name == "vecdot":
        values = [array(v) for v in values]
    out = UFUNCS[name](*values, **options)
    if type(out) is Array and dtype is not None and name not in _TESTS and out.dtype != dtype:
        raise ArgumentTypeError(
            f"numpy.{name} of a polygrad array: has no result of {as_dtype(dtype)}, expected "
            f"dtype={out.dtype} or none"
        )
    if where is True:
        return out
    raise ArgumentValueError(
        f"numpy.{name} of a polygrad array: where= leaves elements undefined; "
        "write np.where(mask, ..., other)"
    )


def _check_alike(name: str, casting: str, values: list[Any]) -> None:
    """Refuse operands that a ufunc would convert, where ``casting`` does not allow that."""
    kinds = {as_dtype(v.dtype) for v in values if not is_scalar(v)}
    if len(kinds) > 1 or not all(kind.is_inexact for kind in kinds):
        raise ArgumentTypeError(
            f"numpy.{name}: casting {casting!r} of {', '.join(sorted(k.name for k in kinds))}; "
            "expected operands of one floating-point type, or another casting"
        )


def _reduce(
    name: str, a: Any, axis: Any = 0, dtype: Any = None, keepdims: bool = False, **rest: Any
) -> Any:
    a = array(a)
    axis = axis_of_number(a, axis)
    rest = {k: v for k, v in rest.items() if type(v).__name__ != "_NoValueType" and v is not None}
    if name in _REDUCTIONS:
        return _REDUCTIONS[name](a, axis, dtype, keepdims=keepdims, **rest)
    if set(rest) - {"initial"} and rest.get("where", True) is not True:
        raise ArgumentTypeError(
            f"numpy.{name}.reduce of a polygrad array: where is not taken; choose the elements by "
            "np.where(mask, x, neutral) first"
        )
    a = _operand(name, a, dtype)
    axes = range(len(a.shape)) if axis is None else [axis] if isinstance(axis, int) else axis
    places = sorted((normalise_axis(name, i, len(a.shape)) for i in axes), reverse=True)
    for place in places:
        slices = list(ops.unstack(a, axis=place))
        if not slices:
            raise ArgumentValueError(f"numpy.{name}.reduce: got no elements along axis {place}")
        out = slices[0]
        for part in slices[1:]:
            out = UFUNCS[name](out, part)
        a = ops.expand_dims(out, axis=place) if keepdims else out
    if "initial" in rest:
        a = UFUNCS[name](ops.astype(array(rest["initial"]), a.dtype), a)
    return a


def _operand(name: str, a: Any, dtype: Any) -> Any:
    """What a ufunc's own reduction or accumulation works on: truth for a logical one."""
    if name.startswith("logical_"):
        return ops.astype(a, ops.bool, copy=False) if as_dtype(a.dtype).group == "bool" else a != 0
    return a if dtype is None else ops.astype(a, dtype, copy=False)


def _accumulate(name: str, a: Any, axis: int = 0, dtype: Any = None) -> Any:
    a = array(a)
    if name in _RUNNING:
        return _RUNNING[name](a, axis=axis, dtype=dtype)
    a = _operand(name, a, dtype)
    slices = list(ops.unstack(a, axis=axis))
    for i in range(1, len(slices)):
        slices[i] = UFUNCS[name](slices[i - 1], slices[i])
    return ops.stack(slices, axis=axis)


def _outer(name: str, a: Any, b: Any, **options: Any) -> Any:
    a, b = array(a), array(b)
    a = ops.reshape(a, tuple(a.shape) + (1,) * len(b.shape))
    return _call(name, (a, b), options)


def _reduceat(name: str, a: Any, indices: Any, axis: int = 0, dtype: Any = None) -> Any:
    a = array(a)
    axis = normalise_axis(name, axis, len(a.shape))
    n = a.shape[axis]
    starts = [int(i) for i in (indices.tolist() if hasattr(indices, "tolist") else indices)]
    front = (slice(None),) * axis
    parts = []
    for start, stop in zip(starts, [*starts[1:], n], strict=True):
        part = a[(*front, slice(start, stop if stop > start else start + 1), ...)]
        parts.append(_reduce(name, part, axis, dtype, keepdims=True))
    return ops.concat(parts, axis=axis)


def _at(name: str, a: Any, indices: Any, b: Any = None) -> None:
    if type(a) is not Array:
        raise LostGradientError(
            f"numpy.{name}.at would write an Array into a {type(a).__name__}, which keeps no "
            "gradient; make the target an Array first with pg.asarray"
        )
    place = ops.at(a)[indices]
    if b is None:
        a[indices] = UFUNCS[name](a[indices])
    elif name in ("add", "subtract"):
        a[...] = getattr(place, name)(b)
    else:
        a[...] = place.apply(UFUNCS[name], b)


METHODS: dict[str, Callable[..., Any]] = {
    "__call__": lambda name, *inputs, **options: _call(name, inputs, options),
    "reduce": _reduce,
    "accumulate": _accumulate,
    "outer": _outer,
    "reduceat": _reduceat,
    "at": _at,
}


def call(name: str, method: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """``np.<name>(...)`` or ``np.<name>.<method>(...)``, with ``out=`` written by rebinding."""
    if method not in ("__call__", "outer"):
        options.pop("casting", None)
    if options.get("signature") is None:
        options.pop("signature", None)
    for key in ("order", "subok"):
        if key in options:
            check_layout(f"numpy.{name}", key, options.pop(key))
    out = options.pop("out", None)
    mask = options.get("where", True)
    if out is not None and mask is not True and method == "__call__":
        target = out[0] if isinstance(out, tuple) else out
        del options["where"]
        result = METHODS[method](name, *inputs, **options)
        return write(f"numpy.{name}", ops.where(array(mask), result, target), out)
    return write(f"numpy.{name}", METHODS[method](name, *inputs, **options), out)
