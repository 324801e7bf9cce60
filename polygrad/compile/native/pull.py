"""Code for one element of a value: what it is computed from is pulled in, down to memory."""

from collections.abc import Callable
from typing import Any

from polygrad.compile import index as indexing
from polygrad.compile.graph import Equation, Value
from polygrad.compile.index import Index, Line, is_alias
from polygrad.compile.native import elements
from polygrad.compile.native.text import Code, real
from polygrad.compile.native.types import Unsupported, convert, is_float, load, memory, register
from polygrad.compile.passes.expand import class_places
from polygrad.core.op import OPS
from polygrad.dtypes import DTYPES


class Puller:
    """Writes code for elements of values, each once, into one stretch of code.

    ``pointer`` gives the address, in a register, of a value that is in memory. What is read is
    written down: in ``reads`` each value with its index, in ``forms`` its place in memory.
    """

    def __init__(
        self,
        code: Code,
        producers: dict[Value, Equation],
        stored: set[Value],
        pointer: Callable[[Value], str],
    ) -> None:
        self.code, self.producers, self.stored, self.pointer = code, producers, stored, pointer
        self.known: dict[tuple[Value, Index], str] = {}
        self.reads: list[tuple[Value, Index]] = []
        self.forms: list[Line] = []
        self.cost = 0

    def get(self, value: Value, index: Index, root: bool = False) -> str:
        """The register with an element; computed anew for the root of a loop."""
        key = value, index
        found = self.known.get(key)
        if found is None:
            equation = self.producers.get(value)
            if equation is not None and is_alias(equation):
                found = self._alias(equation, index)
            elif equation is None or (value in self.stored and not root):
                found = self.read(value, indexing.flat(index, indexing.strides(value.shape)))
                self.reads.append(key)
            else:
                found = self._compute(equation, index)
            self.known[key] = found
        return found

    def _alias(self, equation: Equation, index: Index) -> str:
        base = equation.inputs[0]
        place = indexing.flat(index, indexing.strides(equation.out.shape))
        while (inner := self.producers.get(base)) is not None and is_alias(inner):
            base = inner.inputs[0]
        self.reads.append((base, (place,)))
        return self.read(base, place)

    def read(self, value: Value, place: Line) -> str:
        """The element at a place in memory."""
        self.cost += 1
        return load(self.code, self.address(value, place), value.dtype)

    def address(self, value: Value, place: Line) -> str:
        """The address of a place in the memory of a value."""
        self.forms.append(place)
        return self.address_of(self.pointer(value), value.dtype, place)

    def address_of(self, pointer: str, dtype: Any, place: Line) -> str:
        """The address of a place in an array."""
        kind = memory(dtype)
        return self.code.put(
            f"getelementptr inbounds {kind}, ptr {pointer}, i64 {self.number(place)}"
        )

    def number(self, line: Line) -> str:
        """A line as a number in a register."""
        total = ""
        for variable, factor in line.terms:
            part = variable if factor == 1 else self.code.put(f"mul nsw i64 {variable}, {factor}")
            total = part if not total else self.code.put(f"add nsw i64 {total}, {part}")
        if not total:
            return str(line.constant)
        return self.code.put(f"add nsw i64 {total}, {line.constant}") if line.constant else total

    def _compute(self, equation: Equation, index: Index) -> str:
        op, name = equation.op, equation.op.builtin
        if not name:
            raise Unsupported(f"the op {op.name}")
        self.cost += indexing.element_cost(equation)
        if equation.op.facts.elementwise:
            given = [
                self.get(x, indexing.broadcast(index, x.shape)) if isinstance(x, Value) else ""
                for x in equation.inputs
            ]
            out = equation.out.dtype
            return elements.compute(self.code, name, equation.inputs, given, out)
        if op is OPS["getitem"] and len(equation.inputs) > 1:
            return self._gather(equation, index)
        if op.facts.view:
            return self.get(equation.inputs[0], indexing.through(equation, index))
        if op is class_places:
            return self._class_place(equation, index)
        if op.facts.triangle:
            return self._triangle(equation, index)
        raise Unsupported(f"the op {op.name}")

    def _triangle(self, equation: Equation, index: Index) -> str:
        x, dtype = self.get(equation.inputs[0], index), equation.out.dtype
        line = index[-1].plus(index[-2].times(-1))
        self.forms.append(line)
        apart = self.number(line)
        how = "sle" if equation.op.facts.triangle == "lower" else "sge"
        inside = self.code.put(f"icmp {how} i64 {apart}, {equation.params['k']}")
        zero = real(0.0, register(dtype)) if is_float(dtype) else "0"
        return self.code.select(inside, register(dtype), x, zero)

    def _gather(self, equation: Equation, index: Index) -> str:
        x, *arrays = equation.inputs
        return self.get(x, self.gathered(x.shape, equation.params["index"], arrays, index))

    def gathered(self, shape: tuple[int, ...], key: Any, arrays: Any, index: Index) -> Index:
        """The index in an array of ``shape`` where index arrays decide."""

        def place(array: Value, chosen: Index, length: int) -> Line:
            found = convert(self.code, self.get(array, chosen), array.dtype, DTYPES["int64"])
            return self._checked(found, length, wraps=True)

        return indexing.gathered(key, shape, arrays, index, place)

    def _checked(self, place: str, length: int, wraps: bool) -> Line:
        """A place that is known to be inside; the program gives up where it is not."""
        code = self.code
        if wraps:
            negative = code.put(f"icmp slt i64 {place}, 0")
            place = code.select(negative, "i64", code.put(f"add i64 {place}, {length}"), place)
        outside = code.put(f"icmp uge i64 {place}, {length}")
        code.refuse(outside, 1)
        return indexing.variable(code.select(outside, "i64", "0", place))

    def _class_place(self, equation: Equation, index: Index) -> str:
        labels, classes = equation.inputs[0], equation.params["classes"]
        if len(labels.shape) == 1:
            label = self.get(labels, index)
        else:
            self.reads.append((labels, index))
            label = self.read(labels, index[0])
        label = convert(self.code, label, labels.dtype, DTYPES["int64"])
        inside = self._checked(label, classes, wraps=False)
        self.forms.append(index[0])
        return self.number(inside.plus(index[0].times(classes)))
