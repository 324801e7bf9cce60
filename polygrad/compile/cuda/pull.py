"""Code for one element of a value: what it is computed from is pulled in, down to memory."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from polygrad.compile import index as indexing
from polygrad.compile.cuda import elements
from polygrad.compile.cuda.join import JOINED
from polygrad.compile.cuda.types import Unsupported, constant, converted
from polygrad.compile.cuda.types import name as type_name
from polygrad.compile.graph import Equation, Value
from polygrad.compile.index import Index, Line, is_alias
from polygrad.compile.passes.expand import class_places
from polygrad.core.op import OPS
from polygrad.dtypes import DTYPES


class Puller:
    """Writes code for elements of values, each once, into one block.

    ``pointer`` gives the parameter of a value that is in memory, or of a Python number. What is
    read is written down: in ``reads`` each value with its index, in ``forms`` its place.
    """

    def __init__(
        self,
        producers: dict[Value, Equation],
        stored: set[Value],
        pointer: Callable[[Value], str],
    ) -> None:
        self.producers, self.stored, self.pointer = producers, stored, pointer
        self.lines: list[str] = []
        self.known: dict[tuple[Value, Index], str] = {}
        self.reads: list[tuple[Value, Index]] = []
        self.forms: list[Line] = []
        self.cost = 0
        self.count = 0

    def name(self) -> str:
        """A name that is not used yet."""
        self.count += 1
        return f"t{self.count - 1}"

    def put(self, dtype: Any, text: str) -> str:
        """A new name for a number."""
        name = self.name()
        self.lines.append(f"const {type_name(dtype)} {name} = {text};")
        return name

    def start(self, dtype: Any) -> str:
        """A new name for a number that is 0 until it is set."""
        name = self.name()
        self.lines.append(f"{type_name(dtype)} {name} = {constant(0, dtype)};")
        return name

    def set(self, name: str, text: str) -> None:
        """Give a number that was started its value."""
        self.lines.append(f"{name} = {text};")

    def placed(self, line: Line) -> str:
        """A part of an index as a number; its axes are not made one with others."""
        self.forms.append(line)
        return f"({written(line)})"

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """What is written meanwhile is in a block; its names are not known after it."""
        lines, known = self.lines, self.known
        self.lines, self.known = [], dict(known)
        try:
            yield
        finally:
            lines += [f"{head} {{", *("  " + line for line in self.lines), "}"]
            self.lines, self.known = lines, known

    def get(self, value: Value, index: Index, root: bool = False) -> str:
        """The name of an element; computed anew for the root of a kernel."""
        if value.weak:
            return self.pointer(value)
        key = value, index
        found = self.known.get(key)
        if found is None:
            equation = self.producers.get(value)
            if equation is None or (value in self.stored and not root):
                self.reads.append(key)
                found = self.read(value, indexing.flat(index, indexing.strides(value.shape)))
            elif is_alias(equation):
                found = self._alias(equation, index)
            else:
                found = self._compute(equation, index)
            self.known[key] = found
        return found

    def _alias(self, equation: Equation, index: Index) -> str:
        base = equation.inputs[0]
        place = indexing.flat(index, indexing.strides(equation.out.shape))
        while base not in self.stored and (inner := self.producers.get(base)) and is_alias(inner):
            base = inner.inputs[0]
        self.reads.append((base, (place,)))
        return self.read(base, place)

    def read(self, value: Value, place: Line) -> str:
        """The element at a place in memory."""
        self.cost += 1
        self.forms.append(place)
        return self.put(value.dtype, f"{self.pointer(value)}[{written(place)}]")

    def _compute(self, equation: Equation, index: Index) -> str:
        op, out = equation.op, equation.out
        self.cost += indexing.element_cost(equation)
        if equation.op.facts.elementwise:
            given = [
                self.get(x, indexing.broadcast(index, x.shape)) if isinstance(x, Value) else ""
                for x in equation.inputs
            ]
            return self.put(
                out.dtype, elements.expression(op.builtin, equation.inputs, given, out.dtype)
            )
        if op is OPS["getitem"] and len(equation.inputs) > 1:
            return self.get(equation.inputs[0], self._gathered(equation, index))
        if op.facts.view:
            return self.get(equation.inputs[0], indexing.through(equation, index))
        if op is class_places:
            return self._class_place(equation, index)
        if op in JOINED:
            return JOINED[op](self, equation, index)
        raise Unsupported(f"the op {op.name}")

    def _gathered(self, equation: Equation, index: Index) -> Index:
        """The index of the operand where index arrays decide; what is outside wraps around."""
        x, *arrays = equation.inputs

        def place(array: Value, chosen: Index, length: int) -> Line:
            found = converted(self.get(array, chosen), array.dtype, DTYPES["int64"])
            wrapped = f"pg_wrap<long long>({found}, {length})"
            return indexing.variable(self.put(DTYPES["int64"], wrapped))

        return indexing.gathered(equation.params["index"], x.shape, arrays, index, place)

    def _class_place(self, equation: Equation, index: Index) -> str:
        labels, classes = equation.inputs[0], equation.params["classes"]
        if len(labels.shape) == 1:
            label = self.get(labels, index)
        else:
            self.reads.append((labels, index))
            label = self.read(labels, index[0])
        label = converted(label, labels.dtype, DTYPES["int64"])
        row = self.placed(index[0])
        return self.put(DTYPES["int64"], f"{row} * {classes}LL + {label}")


def written(line: Line) -> str:
    """A line in the text of a kernel."""
    parts = [v if factor == 1 else f"{v} * {factor}" for v, factor in line.terms]
    if line.constant or not parts:
        parts.append(str(line.constant))
    return " + ".join(parts)
