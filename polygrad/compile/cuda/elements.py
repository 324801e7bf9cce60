"""How each elementwise op is computed on numbers: an expression of CUDA C++, or a helper's call.

Values are those of NumPy, and of CuPy where the two differ and NumPy would raise: an integer
divided by zero is 0.
"""

from collections.abc import Callable, Sequence
from typing import Any

from polygrad.compile.cuda.comparing import COMPARISONS, compared
from polygrad.compile.cuda.comparing import PRELUDE as COMPARING
from polygrad.compile.cuda.types import (
    Unsupported,
    constant,
    converted,
    is_float,
    is_signed,
)
from polygrad.compile.cuda.types import (
    name as type_name,
)
from polygrad.compile.graph import Value
from polygrad.dtypes import DTYPES

_LOGICAL = {
    "logical_and": "{0} && {1}", "logical_or": "{0} || {1}", "logical_xor": "{0} != {1}",
    "logical_not": "!{0}",
}  # fmt: skip
_SAME = (
    "clip_none",
    "positive",
    "astype",
    "astype_discrete",
    "copy",
    "stop_gradient",
    "conj",
    "real",
)
_FUNCTIONS = {
    "exp": "exp", "expm1": "expm1", "log": "log", "log1p": "log1p", "log2": "log2",
    "log10": "log10", "sqrt": "sqrt", "sin": "sin", "cos": "cos", "tan": "tan",
    "asin": "asin",
    "acos": "acos", "atan": "atan", "sinh": "sinh", "cosh": "cosh", "tanh": "tanh",
    "asinh": "asinh", "acosh": "acosh", "atanh": "atanh", "atan2": "atan2", "hypot": "hypot",
    "pow": "pow", "copysign": "copysign", "nextafter": "nextafter", "abs": "fabs",
    "floor": "floor", "ceil": "ceil", "trunc": "trunc", "round": "rint", "erf": "erf",
    "erfc": "erfc",
}  # fmt: skip
_FLOAT = {
    "add": "{0} + {1}", "subtract": "{0} - {1}", "multiply": "{0} * {1}", "divide": "{0} / {1}",
    "negative": "-{0}", "square": "{0} * {0}", "reciprocal": "1 / {0}",
    "sign": "pg_sign({0})",
    "remainder": "pg_mod({0}, {1})", "floor_divide": "pg_floor_divide({0}, {1})",
    "logaddexp": "pg_logaddexp({0}, {1})",
}  # fmt: skip
# Integers wrap around, which signed arithmetic in C++ need not do: it is done on unsigned ones.
_INTEGER = {
    "add": "({u}){0} + ({u}){1}", "subtract": "({u}){0} - ({u}){1}",
    "multiply": "({u}){0} * ({u}){1}", "negative": "({u})0 - ({u}){0}",
    "square": "({u}){0} * ({u}){0}", "remainder": "pg_mod({0}, {1})",
    "floor_divide": "pg_floor_divide({0}, {1})", "bitwise_and": "{0} & {1}",
    "bitwise_or": "{0} | {1}", "bitwise_left_shift": "pg_left({0}, {1})",
    "bitwise_right_shift": "pg_right({0}, {1})", "bitwise_xor": "{0} ^ {1}",
    "bitwise_invert": "~{0}", "floor": "{0}", "ceil": "{0}", "trunc": "{0}", "round": "{0}",
}  # fmt: skip
_SIGNED = {"abs": "({0} < 0 ? ({u})0 - ({u}){0} : ({u}){0})", "sign": "({0} > 0) - ({0} < 0)"}
_UNSIGNED = {"abs": "{0}", "sign": "{0} > 0"}
_ORDER = {
    "maximum": "pg_max({0}, {1})", "minimum": "pg_min({0}, {1})",
}  # fmt: skip
_TESTS: dict[str, Callable[[str, str], str]] = {
    "isnan": lambda x, f: f"{x} != {x}",
    "isinf": lambda x, f: f"fabs{f}({x}) == PG_INF",
    "isfinite": lambda x, f: f"fabs{f}({x}) < PG_INF",
    "signbit": lambda x, f: f"pg_signbit({x})",
}

PRELUDE = """\
#define PG_INF __longlong_as_double(0x7ff0000000000000LL)
#define PG_NAN __longlong_as_double(0x7ff8000000000000LL)
template <typename T> __device__ inline T pg_max(T a, T b) { return a > b || a != a ? a : b; }
template <typename T> __device__ inline T pg_min(T a, T b) { return a < b || a != a ? a : b; }
template <typename T> __device__ inline T pg_sign(T x) {
  return x > 0 ? (T)1 : x < 0 ? (T)-1 : x == 0 ? (T)0 : x;
}
__device__ inline bool pg_signbit(float x) { return __float_as_int(x) < 0; }
__device__ inline bool pg_signbit(double x) { return __double_as_longlong(x) < 0; }
template <typename T> __device__ inline T pg_mod(T a, T b) {
  if (b == 0) return 0;
  if ((T)-1 < 0 && b == (T)-1) return 0;  // the smallest integer by -1 is a trap on the host
  T m = a % b;
  return m != 0 && (m < 0) != (b < 0) ? (T)(m + b) : m;
}
template <typename T> __device__ inline T pg_floor_divide(T a, T b) {
  if (b == 0) return 0;
  if ((T)-1 < 0 && b == (T)-1) return (T)(0ULL - (unsigned long long)a);
  T q = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? (T)(q - 1) : q;
}
#define PG_DIVISION(T, FMOD, FLOOR, COPYSIGN)                                           \\
  template <> __device__ inline T pg_mod<T>(T a, T b) {                                 \\
    T m = FMOD(a, b);                                                                   \\
    if (b == 0) return m;                                                               \\
    if (m == 0) return COPYSIGN((T)0, b);                                               \\
    return (m < 0) != (b < 0) ? m + b : m;                                              \\
  }                                                                                     \\
  template <> __device__ inline T pg_floor_divide<T>(T a, T b) {                        \\
    T d = a / b, big = (T)PG_INF;                                                       \\
    if (b == 0 || d == big || d == -big || b == big || b == -big) return FLOOR(d);      \\
    T m = FMOD(a, b);                                                                   \\
    T q = (a - m) / b;                                                                  \\
    if (m != 0 && (m < 0) != (b < 0)) q -= 1;                                           \\
    if (q == 0) return COPYSIGN((T)0, d);                                               \\
    T f = FLOOR(q);                                                                     \\
    return q - f > (T)0.5 ? f + 1 : f;                                                  \\
  }
PG_DIVISION(float, fmodf, floorf, copysignf)
PG_DIVISION(double, fmod, floor, copysign)
__device__ inline float pg_logaddexp(float a, float b) {
  if (a == b) return a + 0.693147182f;
  float d = a - b;
  return d > 0 ? a + log1pf(expf(-d)) : d <= 0 ? b + log1pf(expf(d)) : d;
}
__device__ inline double pg_logaddexp(double a, double b) {
  if (a == b) return a + 0.69314718055994531;
  double d = a - b;
  return d > 0 ? a + log1p(exp(-d)) : d <= 0 ? b + log1p(exp(d)) : d;
}
// A float without its fraction as an integer: what does not fit becomes what x86 makes of it.
template <typename T> __device__ inline T pg_integer(double x) {
  if (sizeof(T) == 4 && (T)-1 > 0) {
    bool fits = x > -9223372036854775809.0 && x < 9223372036854775808.0;
    return fits ? (T)(long long)x : (T)0;
  }
  return x > -2147483649.0 && x < 2147483648.0 ? (T)(int)x : (T)-2147483648LL;
}
template <> __device__ inline long long pg_integer<long long>(double x) {
  bool fits = x >= -9223372036854775808.0 && x < 9223372036854775808.0;
  return fits ? (long long)x : (long long)(1ULL << 63);
}
template <> __device__ inline unsigned long long pg_integer<unsigned long long>(double x) {
  if (x >= 9223372036854775808.0) return x < 18446744073709551616.0 ? (unsigned long long)x : 0;
  return x >= -9223372036854775808.0 ? (unsigned long long)(long long)x : 1ULL << 63;
}
// Shifts by the width or more leave nothing, or the sign.
template <typename T> __device__ inline T pg_left(T a, T n) {
  return n < 0 || n >= (T)(8 * sizeof(T)) ? (T)0 : (T)((unsigned long long)a << n);
}
template <typename T> __device__ inline T pg_right(T a, T n) {
  return n < 0 || n >= (T)(8 * sizeof(T)) ? (T)(a < 0 ? -1 : 0) : (T)(a >> n);
}
template <typename T> __device__ inline T pg_down(T x, int n) {
  return (T)__shfl_down_sync(0xffffffffu, x, n);
}
template <typename T> __device__ inline T pg_wrap(T i, T n) {
  T m = i % n;
  return m < 0 ? m + n : m;
}
"""
PRELUDE += COMPARING
"""The functions that expressions call, at the head of every source."""


def expression(op: str, inputs: Sequence[Any], given: Sequence[str], out: Any) -> str:
    """The answer of an op in the data type ``out``; ``given`` are the names of its operands.

    Raises Unsupported.
    """
    dtype = out
    if op in COMPARISONS:
        return compared(op, inputs, given)
    if op in _TESTS:
        dtype = inputs[0].dtype
    elif op in _LOGICAL:
        dtype = DTYPES["bool"]
    kinds = [dtype] * len(inputs)
    if op == "where":
        kinds[0] = DTYPES["bool"]
    x = [
        converted(text, value.dtype, kind) if isinstance(value, Value) else constant(value, kind)
        for value, text, kind in zip(inputs, given, kinds, strict=True)
    ]
    kind = type_name(dtype)
    if op == "where":
        return f"{x[0]} ? {x[1]} : {x[2]}"
    if op in _SAME:
        return x[0]
    if op in _LOGICAL:
        return _LOGICAL[op].format(*x)
    if op in _ORDER:
        return _ORDER[op].format(*x)
    if is_float(dtype):
        if (
            op == "pow" and type(inputs[1]) is float and inputs[1] == 0.5
        ):  # which is no pow to NumPy: -inf gives nan
            op, x = "sqrt", x[:1]
        return _float(op, kind, x)
    if op in ("isnan", "isinf", "isfinite"):
        return "true" if op == "isfinite" else "false"
    return _integer(op, dtype, kind, x)


def _float(op: str, kind: str, x: list[str]) -> str:
    suffix = "f" if kind == "float" else ""
    if op in _FUNCTIONS:
        return f"{_FUNCTIONS[op]}{suffix}({', '.join(x)})"
    if op in _TESTS:
        return _TESTS[op](x[0], suffix)
    if op == "relu":
        return f"pg_max({x[0]}, ({kind})0)"
    if op in _FLOAT:
        return _FLOAT[op].format(*x)
    raise Unsupported(f"the op {op}")


def _integer(op: str, dtype: Any, kind: str, x: list[str]) -> str:
    if dtype.group == "bool":
        bits = {"bitwise_and": "{0} && {1}", "bitwise_or": "{0} || {1}",
                "bitwise_xor": "{0} != {1}", "bitwise_invert": "!{0}"}  # fmt: skip
        if op in bits:
            return bits[op].format(*x)
        raise Unsupported(f"the op {op} on bool")
    table = _INTEGER | (_SIGNED if is_signed(dtype) else _UNSIGNED)
    if op not in table:
        raise Unsupported(f"the op {op} on {dtype.name}")
    wide = "unsigned long long" if dtype.bits == 64 else "unsigned int"
    return f"({kind})({table[op].format(*x, u=wide)})"
