"""How each elementwise op is computed on numbers in registers."""

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

from polygrad.compile.graph import Value
from polygrad.compile.native import trigonometric
from polygrad.compile.native.mathematics import FUNCTIONS
from polygrad.compile.native.text import Code, Real, real
from polygrad.compile.native.types import (
    Unsupported,
    constant,
    convert,
    from_python,
    is_float,
    is_signed,
    limits,
    register,
)
from polygrad.dtypes import DTYPES

_COMPARISONS = {
    "equal": ("oeq", "eq"), "not_equal": ("une", "ne"), "less": ("olt", "lt"),
    "less_equal": ("ole", "le"), "greater": ("ogt", "gt"), "greater_equal": ("oge", "ge"),
}  # fmt: skip
_ARITHMETIC = {"add": ("fadd", "add"), "subtract": ("fsub", "sub"), "multiply": ("fmul", "mul")}
_ROUNDING = {"floor": "floor", "ceil": "ceil", "trunc": "trunc", "round": "rint"}
_LOGICAL = {"logical_and": "and", "logical_or": "or", "logical_xor": "xor"}
_BITWISE = {"bitwise_and": "and", "bitwise_or": "or", "bitwise_xor": "xor"}
_SHIFTS = {"bitwise_left_shift": True, "bitwise_right_shift": False}
_ON_BOOL = {"add": "or", "maximum": "or", "multiply": "and", "minimum": "and"}
_TESTS = ("isnan", "isinf", "isfinite", "signbit", "logical_not")
_SAME = ("positive", "astype", "astype_discrete", "copy", "stop_gradient", "conj", "real")


def promoted(a: Any, b: Any) -> Any:
    """The data type of two together, as arrays promote."""
    if is_float(a) or is_float(b) or "bool" in (a.group, b.group):
        number = {"bool": 0, "unsigned integer": 1, "signed integer": 1, "real floating": 2}
        low, high = sorted((a, b), key=lambda d: (number[d.group], d.bits))
        exact = not is_float(high) or is_float(low) or low.bits * 2 <= high.bits
        return high if exact or low.group == "bool" else DTYPES["float64"]
    if a.group == b.group:
        return max(a, b, key=lambda d: d.bits)
    signed, other = (a, b) if is_signed(a) else (b, a)
    if other.bits == 64:
        return DTYPES["float64"]
    return DTYPES[f"int{max(signed.bits, 2 * other.bits)}"]


def _together(inputs: Sequence[Any]) -> Any:
    """The data type of operands together, Python numbers among them."""
    arrays = [x.dtype for x in inputs if isinstance(x, Value) and not x.weak]
    numbers = [x.dtype if isinstance(x, Value) else x for x in inputs if not _is_array(x)]
    found = functools.reduce(promoted, arrays)
    if is_float(found):
        return found
    if any(type(x) is float or x is DTYPES["float64"] for x in numbers):
        return DTYPES["float64"]
    if found.group == "bool" and any(type(x) is not bool for x in numbers):
        return DTYPES["int64"]
    return found


def _is_array(x: Any) -> bool:
    return isinstance(x, Value) and not x.weak


def compute(code: Code, name: str, inputs: Sequence[Any], given: Sequence[str], out: Any) -> str:
    """The register with the answer of an op; ``given`` are the registers of its operands."""
    if name in _COMPARISONS:
        return _compare(code, name, inputs, given)
    dtype = out
    if name in _TESTS:
        dtype = inputs[0].dtype
    elif name in _LOGICAL:
        dtype = DTYPES["bool"]
    kinds = [dtype] * len(inputs)
    if name == "where":
        kinds[0] = DTYPES["bool"]
    operands = [operand(code, *one) for one in zip(inputs, given, kinds, strict=True)]
    kind = register(dtype)
    if name == "where":
        return code.select(operands[0], kind, operands[1], operands[2])
    if name in _SAME:
        return operands[0]
    if name in _LOGICAL:
        return code.two(_LOGICAL[name], "i1", *operands)
    if name in _BITWISE and not is_float(dtype):
        return code.two(_BITWISE[name], kind, *operands)
    if is_float(dtype):
        return _float(code, name, kind, operands)
    return _integer(code, name, dtype, kind, operands)


def operand(code: Code, x: Any, given: str, dtype: Any) -> str:
    """The register with an operand in a data type; ``given`` is the one with its value."""
    if not isinstance(x, Value):
        return constant(x, dtype)
    return (from_python if x.weak else convert)(code, given, x.dtype, dtype)


def _compare(code: Code, name: str, inputs: Sequence[Any], given: Sequence[str]) -> str:
    """A comparison, in the data type that the operands have together; of integers it is exact."""
    dtype = _together(inputs)
    how, whole = _COMPARISONS[name]
    values = [x.dtype for x in inputs if isinstance(x, Value)]
    if all(d.group.endswith("integer") for d in values):
        for i, x in enumerate(inputs):
            if type(x) is int and not limits(dtype)[0] <= x <= limits(dtype)[1]:
                left, right = (x, 0) if i == 0 else (0, x)
                return "true" if getattr(operator, whole)(left, right) else "false"
        if len({d.group for d in values}) > 1:  # signed and unsigned ones
            return _compare_mixed(code, whole, values, given)
        if any(x.weak for x in inputs if isinstance(x, Value)):
            dtype = max(values, key=lambda d: d.bits)
    if is_float(dtype):
        x, y = (operand(code, *one, dtype) for one in zip(inputs, given, strict=True))
        return code.put(f"fcmp {how} {register(dtype)} {x}, {y}")
    x, y = (
        constant(v, dtype) if not isinstance(v, Value) else convert(code, r, v.dtype, dtype)
        for v, r in zip(inputs, given, strict=True)
    )
    if whole not in ("eq", "ne"):
        whole = ("s" if is_signed(dtype) else "u") + whole
    return code.put(f"icmp {whole} {register(dtype)} {x}, {y}")


def _compare_mixed(code: Code, whole: str, dtypes: Sequence[Any], given: Sequence[str]) -> str:
    """A signed and an unsigned integer, in a type that holds both."""
    bits = max(d.bits if is_signed(d) else 2 * d.bits for d in dtypes)
    x, y = (
        r if d.bits == bits
        else code.cast("sext" if is_signed(d) else "zext", register(d), r, f"i{bits}")
        for d, r in zip(dtypes, given, strict=True)
    )  # fmt: skip
    return code.put(f"icmp {whole if whole in ('eq', 'ne') else 's' + whole} i{bits} {x}, {y}")


def _sign(r: Real, x: str) -> str:
    one = r.copysign(1.0, x)
    return r.select(r.compare("one", x, 0.0), one, r.select(r.compare("uno", x, x), x, 0.0))


def _extreme(r: Real, how: str, x: str, y: str) -> str:
    """The larger or smaller one, or a nan; of two zeros the second, as processors have it."""
    first = r.code.two("or", "i1", r.compare(how, x, y), r.compare("uno", x, x))
    return r.select(first, x, y)


def _finite(r: Real, x: str) -> str:
    return r.compare("olt", r.abs(x), float("inf"))


def _not(r: Real, x: str) -> str:
    return r.compare("oeq", x, 0.0)


def _signbit(r: Real, x: str) -> str:
    return r.code.put(f"icmp slt {r.integer} {r.to_bits(x)}, 0")


_UNARY: dict[str, Callable[[Real, str], str]] = {
    "negative": Real.neg,
    "abs": Real.abs,
    "square": lambda r, x: r.mul(x, x),
    "reciprocal": lambda r, x: r.div(1.0, x),
    "sqrt": lambda r, x: r.intrinsic("sqrt", x),
    "sign": _sign,
    "relu": lambda r, x: r.intrinsic("maximum", x, 0.0),
    "isnan": lambda r, x: r.compare("uno", x, x),
    "isinf": lambda r, x: r.compare("oeq", r.abs(x), float("inf")),
    "isfinite": _finite,
    "signbit": _signbit,
    "logical_not": _not,
}
_BINARY: dict[str, Callable[[Real, str, str], str]] = {
    "divide": Real.div,
    "maximum": lambda r, x, y: _extreme(r, "ogt", x, y),
    "minimum": lambda r, x, y: _extreme(r, "olt", x, y),
    "copysign": Real.copysign,
}
_POWERS: dict[float, Callable[[Real, str], str]] = {
    2.0: lambda r, x: r.mul(x, x),
    3.0: lambda r, x: r.mul(r.mul(x, x), x),
    4.0: lambda r, x: r.mul(r.mul(x, x), r.mul(x, x)),
    -1.0: lambda r, x: r.div(1.0, x),
    0.5: lambda r, x: r.intrinsic("sqrt", x),
    1.0: lambda r, x: x,
}


def _float(code: Code, name: str, kind: str, operands: Sequence[str]) -> str:
    r = Real(code, kind)
    if name in _ARITHMETIC:
        return code.two(_ARITHMETIC[name][0], kind, *operands)
    if name in _ROUNDING:
        return r.intrinsic(_ROUNDING[name], *operands)
    if name in _UNARY:
        return _UNARY[name](r, operands[0])
    if name in _BINARY:
        return _BINARY[name](r, operands[0], operands[1])
    if name == "pow":
        for exponent, rule in _POWERS.items():
            if operands[1] == real(exponent, kind):
                return rule(r, operands[0])
    if name in ("sin", "cos"):
        code.refuse(trigonometric.too_large(code, kind, operands[0]), 2)
    if name in FUNCTIONS:
        return code.math(name, kind, *operands)
    raise Unsupported(f"the op {name}")


def _shift(code: Code, left: bool, signed: bool, kind: str, x: str, y: str) -> str:
    """A shift by any number of bits, of which LLVM leaves those outside of the type undefined.

    As in NumPy all bits are gone then; of a signed number shifted to the right its sign stays.
    """
    bits = int(kind[1:])
    inside = code.put(f"icmp ult {kind} {y}, {bits}")
    if not left and signed:
        return code.two("ashr", kind, x, code.select(inside, kind, y, str(bits - 1)))
    moved = code.two("shl" if left else "lshr", kind, x, code.select(inside, kind, y, "0"))
    return code.select(inside, kind, moved, "0")


def _integer(code: Code, name: str, dtype: Any, kind: str, operands: Sequence[str]) -> str:
    x, y = operands[0], operands[-1]
    signed = is_signed(dtype)
    if dtype.group == "bool":
        if name in ("logical_not", "bitwise_invert"):
            return code.two("xor", kind, x, "true")
        if name in _ON_BOOL:
            return code.two(_ON_BOOL[name], kind, x, y)
        raise Unsupported(f"the op {name} on bool")
    if name in _ARITHMETIC:
        return code.two(_ARITHMETIC[name][1], kind, x, y)
    if name == "square":
        return code.two("mul", kind, x, x)
    if name == "negative":
        return code.two("sub", kind, "0", x)
    if name == "logical_not":
        return code.put(f"icmp eq {kind} {x}, 0")
    if name == "bitwise_invert":
        return code.two("xor", kind, x, "-1")
    if name in _SHIFTS:
        return _shift(code, _SHIFTS[name], signed, kind, x, y)
    if name in ("isnan", "isinf"):
        return "false"
    if name == "isfinite":
        return "true"
    if name in ("maximum", "minimum"):
        full = f"llvm.{'s' if signed else 'u'}{name[:3]}.{kind}"
        code.needs.add((full, f"{kind}*2"))
        return code.call(full, kind, x, y)
    if name == "abs" and signed:
        negative = code.put(f"icmp slt {kind} {x}, 0")
        return code.select(negative, kind, code.two("sub", kind, "0", x), x)
    if name in ("floor", "ceil", "trunc", "round") or (name == "abs" and not signed):
        return x
    raise Unsupported(f"the op {name} on {dtype.name}")
