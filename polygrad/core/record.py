"""Recording what a function does to its inputs, as a program that can run again.

The ops run as they are recorded, on values from which no derivative flows, so a recording costs
no more memory than the function itself: of each op only its name, its parameters and the places
of its operands are kept.
"""

from collections.abc import Sequence
from typing import Any

from polygrad.array import BASE, Array, wrap
from polygrad.core import op as op_module
from polygrad.core.op import Op
from polygrad.core.trace import Trace, apply, leaked

Place = tuple[int, int]  # which operand, and the slot that it comes from


class Program:
    """A recorded run: steps over numbered slots, the inputs first, each freed after its last use.

    Called with one value for each input, it returns the outputs: at the level of what it gets.
    """

    __slots__ = ("inputs", "steps", "outputs", "size")

    def __init__(self, recorder: "Recorder", outputs: Sequence[int]) -> None:
        self.inputs = [*recorder.inputs, *recorder.captured_slots]
        self.outputs, self.size = list(outputs), recorder.size
        self.steps: list[Any] = []
        needed = set(outputs)
        for op, args, places, params, made in reversed(recorder.steps):
            if needed.isdisjoint(made):
                continue  # nothing that is returned depends on it
            last = {slot for _, slot in places} - needed
            needed |= last
            self.steps.append((op, args, places, params, made, tuple(last)))
        self.steps.reverse()

    def __call__(self, *values: Any) -> list[Any]:
        held: list[Any] = [None] * self.size
        for slot, value in zip(self.inputs, values, strict=True):
            held[slot] = value
        del values
        for op, args, places, params, made, last in self.steps:
            operands = list(args)
            for i, slot in places:
                operands[i] = held[slot]
            out = apply(op, tuple(operands), params)
            del operands
            if op.multiple:
                for slot, value in zip(made, out, strict=True):
                    held[slot] = value
            else:
                held[made[0]] = out
            del out
            for slot in last:
                held[slot] = None
        return [held[slot] for slot in self.outputs]


class Recorder(Trace):
    """Records the ops that depend on its inputs.

    An array that another transform tracks, met on the way, becomes a further input of the
    program, in `captured`; everything else is a constant of it. An array's node is its slot.
    """

    __slots__ = ("inputs", "steps", "size", "captured", "captured_slots", "_known")
    transform = "pg.linearize or pg.checkpoint"
    integers_known = True
    inlines = False  # what it writes down may still be differentiated

    def __init__(self, origin: Any = None) -> None:
        super().__init__(origin)
        self.inputs: list[int] = []
        self.steps: list[Any] = []
        self.size = 0
        self.captured: list[Array] = []
        self.captured_slots: list[int] = []
        self._known: dict[tuple[int, int, int], tuple[int, Any]] = {}

    def _slot(self) -> int:
        self.size += 1
        return self.size - 1

    def input(self, value: Any) -> Array:
        """A recorded array; its value should carry no derivative, see `constant`."""
        slot = self._slot()
        self.inputs.append(slot)
        return Array(value, self, slot)

    def process(self, op: Op, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        """Run ``op`` one level down, and write it down."""
        if not self.alive:
            raise leaked(op, args, self, "return it from the function instead")
        values: list[Any] = []
        constants: list[Any] = []
        places: list[Place] = []
        for i, arg in enumerate(args):
            fixed = None
            if type(arg) is not Array:
                fixed = arg
            elif arg._trace is self:
                places.append((i, arg._node))
                arg = arg._value
            elif arg._trace is BASE:
                arg = fixed = arg._value
            else:
                slot, arg = self._capture(arg)
                places.append((i, slot))
            values.append(arg)
            constants.append(fixed)
        out = apply(op, tuple(values), params)
        answers = out if op.multiple else (out,)
        made = tuple([self._slot() for _ in answers])
        self.steps.append((op, constants, places, params, made))
        arrays = [
            Array(plain(answer), self, slot) for answer, slot in zip(answers, made, strict=True)
        ]
        return tuple(arrays) if op.multiple else arrays[0]

    def _capture(self, array: Array) -> tuple[int, Any]:
        # By what the handle holds now: an index assignment may give it another value.
        key = id(array._value), id(array._trace), id(array._node)
        if key not in self._known:
            slot = self._slot()
            self.captured.append(Array(array._value, array._trace, array._node))
            self.captured_slots.append(slot)
            self._known[key] = slot, constant(array)
        return self._known[key]


def plain(value: Any) -> Any:
    """A value as traces hold it: untracked Arrays are library arrays."""
    return value._value if type(value) is Array and value._trace is BASE else value


def constant(value: Any) -> Any:
    """A value as traces hold it, from which no derivative flows at any level."""
    if type(value) is Array and value._trace is not BASE:
        return plain(op_module.traced_namespace.stop_gradient(value))
    return wrap(value)._value
