"""How values and operations are written in text."""

from typing import Any

from polygrad.array import Array, is_array, wrap

_INFIX = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    "pow": "**",
    "matmul": "@",
}


def number(value: Any) -> str:
    """A value in a few characters: a number, or the data type and shape of an array."""
    if isinstance(value, tuple):
        return "(" + ", ".join(map(number, value)) + ")"
    if type(value) is Array and value.shape != ():
        return f"{value.dtype}{list(value.shape)}"
    plain = value.item() if type(value) is Array else value
    if type(plain) is float:
        return f"{plain + 0.0:.6g}"
    return f"{plain:.6g}" if type(plain) is complex else str(plain)


def constant(value: Any) -> str:
    """An operand that is no node: a plain number or an array."""
    return number(wrap(value) if is_array(value) else value)


def expression(op: str, operands: tuple[str, ...]) -> str:
    """An operation applied to its operands, as one would write it."""
    if op in _INFIX and len(operands) == 2:
        return f" {_INFIX[op]} ".join(operands)
    return f"{op}({', '.join(operands)})"


def table(rows: list[list[str]], right: set[int]) -> str:
    """Rows as lines of aligned columns; the columns in ``right`` are aligned to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
