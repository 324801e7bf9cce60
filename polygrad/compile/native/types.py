"""Data types as LLVM has them, and conversions between them."""

from typing import Any

from polygrad.compile.native.text import Code, real


class Unsupported(Exception):
    """The graph holds something that native code is not written for; the message says what."""


_FLOATS = {"float32": "float", "float64": "double"}


def check(dtype: Any) -> None:
    """Raise Unsupported for a data type without native arithmetic."""
    if dtype.group in ("complex floating",) or dtype.name in ("float16", "bfloat16"):
        raise Unsupported(f"the data type {dtype.name}")


def register(dtype: Any) -> str:
    """The type of a number in a register."""
    return "i1" if dtype.group == "bool" else memory(dtype)


def memory(dtype: Any) -> str:
    """The type of an element of an array."""
    return _FLOATS.get(dtype.name) or f"i{dtype.itemsize * 8}"


def is_float(dtype: Any) -> bool:
    """Whether a data type is real floating."""
    return bool(dtype.group == "real floating")


def is_signed(dtype: Any) -> bool:
    """Whether a data type is a signed integer."""
    return bool(dtype.group == "signed integer")


def constant(value: Any, dtype: Any) -> str:
    """A Python number as a constant of a data type."""
    if is_float(dtype):
        return real(float(value), memory(dtype))
    if dtype.group == "bool":
        return "true" if value else "false"
    if type(value) is float and value != int(value):
        raise Unsupported(f"the number {value} among integers")
    low, high = limits(dtype)
    if not low <= value <= high:
        raise Unsupported(f"the number {value} as {dtype.name}")
    return str(int(value))


def convert(code: Code, x: str, old: Any, new: Any) -> str:
    """A number in a register in another data type, as `astype` does it."""
    if old == new:
        return x
    a, b = register(old), register(new)
    if new.group == "bool":
        if is_float(old):
            return code.put(f"fcmp une {a} {x}, {real(0.0, a)}")
        return code.put(f"icmp ne {a} {x}, 0")
    if is_float(old):
        if is_float(new):
            return code.cast("fpext" if old.bits < new.bits else "fptrunc", a, x, b)
        return _to_integer(code, x, old, new)
    if is_float(new):
        return code.cast("sitofp" if is_signed(old) else "uitofp", a, x, b)
    if old.group == "bool" or old.itemsize < new.itemsize:
        return code.cast("sext" if is_signed(old) else "zext", a, x, b)
    return x if a == b else code.cast("trunc", a, x, b)


def limits(dtype: Any) -> tuple[int, int]:
    """The smallest and the largest number of an integer type."""
    if is_signed(dtype):
        return -(1 << dtype.bits - 1), (1 << dtype.bits - 1) - 1
    return 0, (1 << dtype.bits) - 1


def _to_integer(code: Code, x: str, old: Any, new: Any) -> str:
    """A number without its fraction; what C leaves open is left to the library."""
    a, b = register(old), register(new)
    low, high = limits(new)
    code.needs.add((f"llvm.trunc.f{old.bits}", a))
    whole = code.call(f"llvm.trunc.f{old.bits}", a, x)
    above = code.put(f"fcmp oge {a} {whole}, {real(float(low), a)}")
    below = code.put(f"fcmp olt {a} {whole}, {real(float(high + 1), a)}")
    inside = code.two("and", "i1", above, below)
    code.refuse(code.two("xor", "i1", inside, "true"), 16)
    safe = code.select(inside, a, whole, real(0.0, a))
    return code.cast("fptosi" if is_signed(new) else "fptoui", a, safe, b)


def from_python(code: Code, x: str, old: Any, new: Any) -> str:
    """A Python number known at run time in the data type of the arrays beside it."""
    if is_float(old) or new.group == "bool":
        return convert(code, x, old, new)
    if is_float(new):
        wide = code.cast("sitofp", "i64", x, "double")
        return wide if new.bits == 64 else code.cast("fptrunc", "double", wide, "float")
    kind = register(new)
    if new.bits == 64:
        if not is_signed(new):
            code.refuse(code.put(f"icmp slt i64 {x}, 0"), 8)
        return x
    short = code.cast("trunc", "i64", x, kind)
    again = code.cast("sext" if is_signed(new) else "zext", kind, short, "i64")
    code.refuse(code.put(f"icmp ne i64 {again}, {x}"), 8)
    return short


def load(code: Code, pointer: str, dtype: Any) -> str:
    """The element at an address, in a register."""
    kind = memory(dtype)
    x = code.put(f"load {kind}, ptr {pointer}, align {dtype.itemsize}")
    return code.put(f"icmp ne i8 {x}, 0") if dtype.group == "bool" else x


def store(code: Code, x: str, pointer: str, dtype: Any) -> None:
    """Write a register to an address."""
    kind = memory(dtype)
    if dtype.group == "bool":
        x = code.cast("zext", "i1", x, "i8")
    code.do(f"store {kind} {x}, ptr {pointer}, align {dtype.itemsize}")
