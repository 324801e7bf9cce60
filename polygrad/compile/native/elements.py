"""How each elementwise op is computed on numbers in registers."""

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
    is_float,
    is_signed,
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
_TESTS = ("isnan", "isinf", "isfinite", "signbit", "logical_not")
_SAME = ("positive", "astype", "astype_discrete", "copy", "stop_gradient", "conj", "real")


class Refusals:
    """Conditions on which a program gives up, in registers."""

    def __init__(self) -> None:
        self.names: list[str] = []


def cost(name: str) -> int:
    """About how many simple operations an op is worth."""
    if name in FUNCTIONS:
        return 20
    return 5 if name in ("divide", "sqrt", "reciprocal", "getitem", "class_places") else 1


def common(inputs: Sequence[Any], name: str) -> Any:
    """The data type in which operands are compared."""
    arrays = [x.dtype for x in inputs if isinstance(x, Value) and not x.weak]
    numbers = [_number(x) for x in inputs if not isinstance(x, Value) or x.weak]
    best = max(arrays, key=lambda d: (is_float(d), d.bits))
    exact = best.name == "float64"
    if any(d.group not in (best.group, "bool") and not exact for d in arrays):
        raise Unsupported(f"{name} of the data types {' and '.join(d.name for d in arrays)}")
    if not is_float(best) and any(type(x) is float for x in numbers):
        return DTYPES["float64"]
    if best.group == "bool" and any(type(x) is int for x in numbers):
        return DTYPES["int64"]
    return best


def _number(x: Any) -> Any:
    return x if not isinstance(x, Value) else 1.0 if is_float(x.dtype) else 1


def compute(
    code: Code, name: str, inputs: Sequence[Any], given: Sequence[str], out: Any, refuse: Refusals
) -> str:
    """The register with the answer of an op; ``given`` are the registers of its operands."""
    dtype = out
    if name in _COMPARISONS or name in _TESTS:
        dtype = common(inputs, name)
    elif name in _LOGICAL:
        dtype = DTYPES["bool"]
    kinds = [dtype] * len(inputs)
    if name == "where":
        kinds[0] = DTYPES["bool"]
    operands = []
    for x, name_of, kind in zip(inputs, given, kinds, strict=True):
        if isinstance(x, Value):
            operands.append(convert(code, name_of, x.dtype, kind))
        else:
            operands.append(constant(x, kind))
    kind = register(dtype)
    if name in _COMPARISONS:
        return _compare(code, name, dtype, operands)
    if name == "where":
        return code.select(operands[0], kind, operands[1], operands[2])
    if name in _SAME:
        return operands[0]
    if name in _LOGICAL:
        return code.two(_LOGICAL[name], "i1", *operands)
    if name in _BITWISE and not is_float(dtype):
        return code.two(_BITWISE[name], kind, *operands)
    if is_float(dtype):
        return _float(code, name, kind, operands, refuse)
    return _integer(code, name, dtype, kind, operands)


def _compare(code: Code, name: str, dtype: Any, operands: Sequence[str]) -> str:
    real_name, whole = _COMPARISONS[name]
    kind = register(dtype)
    if is_float(dtype):
        return code.put(f"fcmp {real_name} {kind} {operands[0]}, {operands[1]}")
    if whole not in ("eq", "ne"):
        whole = ("s" if is_signed(dtype) else "u") + whole
    return code.put(f"icmp {whole} {kind} {operands[0]}, {operands[1]}")


def _sign(r: Real, x: str) -> str:
    one = r.copysign(1.0, x)
    return r.select(r.compare("one", x, 0.0), one, r.select(r.compare("uno", x, x), x, 0.0))


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
    "maximum": lambda r, x, y: r.intrinsic("maximum", x, y),
    "minimum": lambda r, x, y: r.intrinsic("minimum", x, y),
    "copysign": Real.copysign,
}
_POWERS: dict[float, Callable[[Real, str], str]] = {
    2.0: lambda r, x: r.mul(x, x),
    3.0: lambda r, x: r.mul(r.mul(x, x), x),
    4.0: lambda r, x: r.mul(r.mul(x, x), r.mul(x, x)),
    -1.0: lambda r, x: r.div(1.0, x),
    1.0: lambda r, x: x,
}


def _float(code: Code, name: str, kind: str, operands: Sequence[str], refuse: Refusals) -> str:
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
        refuse.names.append(trigonometric.too_large(code, kind, operands[0]))
    if name in FUNCTIONS:
        return code.math(name, kind, *operands)
    raise Unsupported(f"the op {name}")


def _integer(code: Code, name: str, dtype: Any, kind: str, operands: Sequence[str]) -> str:
    x, y = operands[0], operands[-1]
    signed = is_signed(dtype)
    if dtype.group == "bool":
        if name in ("logical_not", "bitwise_invert"):
            return code.two("xor", kind, x, "true")
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
