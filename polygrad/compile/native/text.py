"""Writing LLVM's assembly: a stretch of code in which each line defines one name."""

import struct
from typing import Any

FLOATS = ("float", "double")
REASONS = {
    1: "an index is outside of its array",
    2: "sin or cos of a number beyond a million",
    4: "a matrix is not one that can be factored",
    8: "a Python number is outside of the data type of the arrays beside it",
    16: "nan, or a number outside of an integer type, is converted to that type",
}
"""Why a program gives up, by the bit of its status that says so."""


def reasons(status: int) -> str:
    """The reasons that a status names, in words.

    >>> reasons(1)
    'an index is outside of its array'
    """
    return "; ".join(text for bit, text in REASONS.items() if status & bit)


def real(value: float, kind: str) -> str:
    """A floating-point constant, exact: hexadecimal digits of the double it is.

    >>> real(1.5, "float")
    '0x3FF8000000000000'
    """
    if kind == "float":
        try:
            value = struct.unpack("f", struct.pack("f", value))[0]
        except OverflowError:
            value = float("inf") if value > 0 else float("-inf")
    return f"0x{struct.unpack('Q', struct.pack('d', value))[0]:016X}"


class Code:
    """Lines of code; a method adds one and returns the name it defines."""

    def __init__(self, prefix: str = "v") -> None:
        self.lines: list[str] = []
        self.prefix = prefix
        self.needs: set[tuple[str, str]] = set()  # math functions by name and type
        self.refusals: list[tuple[str, int]] = []
        self._count = 0

    def name(self) -> str:
        """A new name."""
        self._count += 1
        return f"%{self.prefix}{self._count}"

    def put(self, text: str) -> str:
        """Add ``name = text``."""
        name = self.name()
        self.lines.append(f"  {name} = {text}")
        return name

    def do(self, text: str) -> None:
        """Add a line that defines nothing."""
        self.lines.append(f"  {text}")

    def label(self, text: str) -> None:
        """Begin a block."""
        self.lines.append(f"{text}:")

    def refuse(self, condition: str, reason: int) -> None:
        """Have the program give up where a condition holds; the reason is one of `REASONS`."""
        self.refusals.append((condition, reason))

    def two(self, op: str, kind: str, x: str, y: str) -> str:
        """An operation on two values of one type."""
        return self.put(f"{op} {kind} {x}, {y}")

    def call(self, function: str, kind: str, *args: str, arg: str | None = None) -> str:
        """A call of a function of arguments of one type."""
        inside = ", ".join(f"{arg or kind} {x}" for x in args)
        return self.put(f"call {kind} @{function}({inside})")

    def math(self, function: str, kind: str, *args: str) -> str:
        """A call of one of our own math functions, which the module then has to hold."""
        self.needs.add((function, kind))
        return self.call(f"{function}.{kind}", kind, *args)

    def select(self, condition: str, kind: str, x: str, y: str) -> str:
        """x where the condition holds, otherwise y."""
        return self.put(f"select i1 {condition}, {kind} {x}, {kind} {y}")

    def cast(self, op: str, kind: str, x: str, to: str) -> str:
        """A conversion."""
        return self.put(f"{op} {kind} {x} to {to}")


class Real:
    """Arithmetic on one floating-point type; the integers beside it have as many bits."""

    def __init__(self, code: Code, kind: str) -> None:
        self.code, self.kind = code, kind
        self.double = kind == "double"
        self.bits = 64 if self.double else 32
        self.integer = f"i{self.bits}"
        self.mantissa = 52 if self.double else 23
        self.bias = 1023 if self.double else 127
        self.suffix = f"f{self.bits}"

    def number(self, x: Any) -> str:
        """A constant, or a name as it is."""
        return x if isinstance(x, str) else real(x, self.kind)

    def _two(self, op: str, x: Any, y: Any) -> str:
        return self.code.two(op, self.kind, self.number(x), self.number(y))

    def add(self, x: Any, y: Any) -> str:
        """x + y"""
        return self._two("fadd", x, y)

    def sub(self, x: Any, y: Any) -> str:
        """x - y"""
        return self._two("fsub", x, y)

    def mul(self, x: Any, y: Any) -> str:
        """x * y"""
        return self._two("fmul", x, y)

    def div(self, x: Any, y: Any) -> str:
        """x / y"""
        return self._two("fdiv", x, y)

    def neg(self, x: Any) -> str:
        """-x"""
        return self.code.put(f"fneg {self.kind} {self.number(x)}")

    def fma(self, x: Any, y: Any, z: Any) -> str:
        """x * y + z, rounded once where the processor can."""
        return self.intrinsic("fmuladd", x, y, z)

    def intrinsic(self, name: str, *args: Any) -> str:
        """One of LLVM's own functions of this type."""
        self.code.needs.add((f"llvm.{name}.{self.suffix}", f"{self.kind}*{len(args)}"))
        return self.code.call(f"llvm.{name}.{self.suffix}", self.kind, *map(self.number, args))

    def abs(self, x: Any) -> str:
        """|x|"""
        return self.intrinsic("fabs", x)

    def copysign(self, x: Any, y: Any) -> str:
        """|x| with the sign of y."""
        return self.intrinsic("copysign", x, y)

    def compare(self, how: str, x: Any, y: Any) -> str:
        """A comparison: olt, oge, uno, ..."""
        return self.code.put(f"fcmp {how} {self.kind} {self.number(x)}, {self.number(y)}")

    def select(self, condition: str, x: Any, y: Any) -> str:
        """x where the condition holds, otherwise y."""
        return self.code.select(condition, self.kind, self.number(x), self.number(y))

    def clamp(self, x: Any, low: float, high: float) -> str:
        """x between two bounds; a nan gives one of them."""
        x = self.select(self.compare("ogt", x, low), x, low)
        return self.select(self.compare("olt", x, high), x, high)

    def to_bits(self, x: Any) -> str:
        """The bits of a number as an integer."""
        return self.code.cast("bitcast", self.kind, self.number(x), self.integer)

    def from_bits(self, x: str) -> str:
        """The number with these bits."""
        return self.code.cast("bitcast", self.integer, x, self.kind)

    def integers(self, op: str, x: Any, y: Any) -> str:
        """An operation on integers of the same width."""
        return self.code.two(op, self.integer, str(x), str(y))

    def polynomial(self, x: str, coefficients: Any) -> str:
        """By Horner's scheme, lowest power first."""
        *rest, total = map(self.number, coefficients)
        for c in reversed(rest):
            total = self.fma(total, x, c)
        return total

    @property
    def magic(self) -> float:
        """Added to a small number, it leaves its nearest integer in the lowest bits."""
        return 1.5 * 2.0**self.mantissa

    def power_of_two(self, magic_sum: str) -> str:
        """2^n for n + magic, n within the exponents of normal numbers.

        The shift drops all of the bits but those of n, and adds it to the exponent of 1.
        """
        shifted = self.integers("shl", self.to_bits(magic_sum), self.mantissa)
        return self.from_bits(self.integers("add", shifted, self.bias << self.mantissa))
