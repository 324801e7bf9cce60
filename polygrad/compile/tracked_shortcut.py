"""The quick way into a compiled function under a first gradient: see `polygrad.compile.shortcut`.

What a training step does at each call, `pg.grad` of a function that `pg.jit` compiled: arrays of
one tape, which hold library arrays. The code written here runs the program of the forward pass and
puts one node on the tape.
"""

from collections.abc import Callable
from typing import Any

from polygrad.array import BASE, Array
from polygrad.compile.function_op import function_op
from polygrad.compile.shortcut import Shortcut, Unknown
from polygrad.core.tape import ReverseTrace


def tracked_shortcut(
    args: tuple[Any, ...], kwargs: Any, static: frozenset[int], function: Any, traced: Any
) -> Callable[..., Any] | None:
    """A function of (args, kwargs) that runs a compiled function, or returns MISS.

    None where the arguments have no shortcut: keywords, other transforms than one gradient.
    """
    if kwargs:
        return None
    try:
        return _TrackedShortcut(args, static, function, traced).build()
    except Unknown:
        return None


class _TrackedShortcut(Shortcut):
    def __init__(self, args: Any, static: frozenset[int], function: Any, traced: Any) -> None:
        self._first = True
        self._nodes: list[str] = []
        super().__init__(args, static, function, traced)
        moving = tuple([node != "None" for node in self._nodes])
        self._reverse = function.reverse(moving)
        if not any(self._reverse.depends):
            raise Unknown
        self.names.update(
            ReverseTrace=ReverseTrace, op=function_op, program=self._reverse.forward.program,
            params={"function": function, "reverse": self._reverse},
        )  # fmt: skip

    def _take(self, name: str, value: Any) -> None:
        super()._take(name, value)
        # Each input that was added has a node, or None for one.
        self._nodes += ["None"] * (len(self.inputs) - len(self._nodes))

    def _array(self, name: str, value: Any) -> None:
        if type(value) is not Array or value._trace is BASE:
            super()._array(name, value)
            return
        if type(value._trace) is not ReverseTrace or type(value._value) is Array:
            raise Unknown
        self._flush()
        if self._first:
            self._first = False
            self.lines.append(f"if type({name}) is not Array: return MISS")
            self.lines.append(f"trace = {name}._trace")
            self.checks.append("type(trace) is ReverseTrace and trace.alive")
        else:
            self.checks.append(f"type({name}) is Array and {name}._trace is trace")
        self._flush()
        part = self._new()
        self.lines.append(f"{part} = {name}._value")
        super()._array(part, value._value)
        self._nodes.append(f"{name}._node")

    def _result(self, place: int, as_it_is: bool) -> str:
        if as_it_is:
            raise Unknown
        if self._reverse.depends[place]:
            return f"out[{place}]"
        return f"Array(found[{place}], BASE, None)"

    def _run(self) -> None:
        reverse, inputs = self._reverse, self.inputs
        count = len(inputs)
        kept = [inputs[i] if i < count else f"found[{i - count}]" for i in reverse.reads]
        self.lines += [
            f"found = program.run({', '.join(inputs)})",
            f"out = trace._several(op, [{', '.join(self._nodes)}], [{', '.join(kept)}], params, "
            f"found[:{len(reverse.depends)}], False)",
        ]
