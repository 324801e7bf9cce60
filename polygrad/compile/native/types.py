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
        if not is_signed(new):
            raise Unsupported(f"a conversion of {old.name} to {new.name}")
        code.needs.add((f"llvm.fptosi.sat.{b}.f{old.bits}", f"{b}({a})"))
        return code.call(f"llvm.fptosi.sat.{b}.f{old.bits}", b, x, arg=a)
    if is_float(new):
        return code.cast("sitofp" if is_signed(old) else "uitofp", a, x, b)
    if old.group == "bool" or old.itemsize < new.itemsize:
        return code.cast("sext" if is_signed(old) else "zext", a, x, b)
    return x if a == b else code.cast("trunc", a, x, b)


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
