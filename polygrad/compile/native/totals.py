"""What a reduction carries from element to element, and in which data types."""

from dataclasses import dataclass
from typing import Any

from polygrad.compile.index import Line
from polygrad.compile.native.schedule import Root
from polygrad.compile.native.text import Code, real
from polygrad.compile.native.types import convert, is_float, is_signed, memory
from polygrad.dtypes import DTYPES


@dataclass
class Total:
    """A reduction as the loops carry it: in a register, over the last axes, or in memory."""

    root: Root
    start: int  # the first loop that carries it in a register; beyond the last: in memory
    target: Line
    dtype: Any  # in which the elements of a block are put together
    wide: Any  # in which blocks are
    memory: Any  # in which it lies in memory
    value: str = ""

    @property
    def sums(self) -> bool:
        """Whether its error grows with the number of elements."""
        return self.root.op == "sum" and is_float(self.dtype)

    def first(self, dtype: Any) -> str:
        """What a total begins with."""
        return first_value(self.root.op, dtype)


def wide(root: Root) -> Any:
    """The data type in which the parts of a total are put together."""
    dtype = root.value.dtype
    return DTYPES["float64"] if root.op == "sum" and is_float(dtype) else dtype


def convert_total(code: Code, x: str, old: Any, new: Any) -> str:
    """A total in another data type; as a byte, bool stays what it is."""
    return x if old == new else convert(code, x, old, new)


def to_memory(code: Code, x: str, dtype: Any) -> str:
    """A register as memory has it: bool as a byte."""
    return code.cast("zext", "i1", x, "i8") if dtype.group == "bool" else x


def first_value(op: str, dtype: Any) -> str:
    """What a reduction begins with."""
    kind = memory(dtype)
    if op in ("sum", "any"):
        return real(-0.0 if op == "sum" else 0.0, kind) if is_float(dtype) else "0"
    if op in ("prod", "all"):
        return real(1.0, kind) if is_float(dtype) else "1"
    if is_float(dtype):
        return real(float("-inf") if op == "max" else float("inf"), kind)
    if dtype.group == "bool":
        return "0" if op == "max" else "1"
    low = -(1 << dtype.bits - 1) if is_signed(dtype) else 0
    high = (1 << dtype.bits - 1) - 1 if is_signed(dtype) else (1 << dtype.bits) - 1
    return str(low if op == "max" else high)


def combine(code: Code, op: str, dtype: Any, total: str, x: str) -> str:
    """A total with one more element; sums and products may be taken in any order."""
    kind = memory(dtype)
    if op == "sum":
        return code.two("fadd reassoc" if is_float(dtype) else "add", kind, total, x)
    if op == "prod":
        return code.two("fmul reassoc" if is_float(dtype) else "mul", kind, total, x)
    if op in ("all", "any"):
        return code.two("and" if op == "all" else "or", kind, total, x)
    if is_float(dtype):
        name = f"llvm.{op}imum.f{dtype.bits}"
    else:
        name = f"llvm.{'s' if is_signed(dtype) else 'u'}{op}.{kind}"
    code.needs.add((name, f"{kind}*2"))
    return code.call(name, kind, total, x)
