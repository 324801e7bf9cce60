"""The program generator: a flat Python function for a graph, on a backend's table of calls.

It has two parts. ``make(arrays)`` gets the buffers of one run, and views of them, and returns
``run``, the function of the inputs; so several runs can be under way at once, each on a set of
buffers of its own. Loops over blocks are functions beside it.
"""

import builtins
import itertools
import keyword
import re
from collections.abc import Sequence
from typing import Any

from polygrad.compile.graph import Equation, Graph, Value, label
from polygrad.compile.passes.fuse import Loop, fuse
from polygrad.compile.plan import Plan
from polygrad.compile.replay import Program
from polygrad.compile.target import Call, Target
from polygrad.core.op import OPS

_LOCAL = re.compile(r"[a-z]?[0-9_].*|[a-z]|loop.*|")
"""What variables of a program are called (a0, v1, v1_parts, s, loop2), which no function is."""
_WORDS = frozenset(("make", "run", "lo", "hi", *dir(builtins)))


class Writer:
    """Writes the program of one graph; `source` and `build` give it as text and as a function."""

    def __init__(self, graph: Graph, donated: Sequence[bool], target: Target, backend: Any) -> None:
        self.graph, self.target, self.backend = graph, target, backend
        self.products = any(equation.op is OPS["matmul"] for equation in graph.equations)
        self.names: dict[str, Any] = {}  # what the source refers to
        self._known: dict[int, str] = {}
        self._counts: dict[str, int] = {}  # how often a hint was taken
        self.of: dict[Value, str] = {}
        self.calls: dict[Equation, Call] = {}
        self.looks: dict[Equation, Call] = {}
        for equation in graph.equations:
            self._choose(equation)
        steps = fuse(graph, self._loops, target.LOOP, 2 * target.BLOCK)
        self.plan = Plan(graph, steps, self.calls, set(self.looks))
        self.place, self.sizes = self.plan.buffers()
        self.instead = self.plan.donate(donated)
        self.kept: list[tuple[str, Any]] = []  # arrays of a run, each with how it is made
        self.samples: dict[str, Any] = {}
        self.functions: list[str] = []
        self.lines: list[str] = []
        self._write(steps)

    # -- which call computes what ------------------------------------------------------------------

    def dtype(self, value: Value) -> Any:
        """The library's data type of a value, as its arrays have it."""
        return self.target.empty((0,), self.backend.raw_dtype(value.dtype)).dtype

    def operand(self, x: Any, shape: Any = None) -> Any:
        """What the target is told of an operand."""
        if not isinstance(x, Value):
            return self.target.Operand((), None, literal=x)
        return self.target.Operand(x.shape if shape is None else shape, self.dtype(x), weak=x.weak)

    def _choose(self, equation: Equation) -> None:
        if equation.op.multiple or equation.out.weak or None in equation.inputs:
            return
        if not equation.op.builtin:  # a user's op, whatever its name
            return
        if any(x.device != equation.out.device for x in equation.values):
            return
        operands, out = [self.operand(x) for x in equation.inputs], self.operand(equation.out)
        name, params = equation.op.builtin, equation.params
        if isinstance(equation.inputs[0], Value) and not equation.inputs[0].weak:
            look = self.target.view(name, params, operands, out)
            if look is not None:
                self.looks[equation] = look
                return
        call = self.target.into(name, params, operands, out)
        if call is not None:
            self.calls[equation] = call

    def _loops(self, equation: Equation) -> bool:
        if equation not in self.calls or any(x.weak for x in equation.values):
            return False
        if equation.op.facts.reduction:
            return equation.inputs[0].size > 0
        return equation.op.facts.elementwise and equation.out.size > 0

    # -- names -------------------------------------------------------------------------------------

    def name(self, thing: Any, hint: str) -> str:
        """A name in the source for a function or constant."""
        known = self._known.get(id(thing))
        if known is None:
            hint = "".join([c for c in hint if c.isascii() and (c.isalnum() or c == "_")])
            if _LOCAL.fullmatch(hint) or keyword.iskeyword(hint) or hint in _WORDS:
                hint = f"op_{hint}"
            count = self._counts.get(hint, 0)
            known = f"{hint}_{count}" if count else hint
            while known in self.names:
                count += 1
                known = f"{hint}_{count}"
            self._counts[hint] = count + 1
            self.names[known] = thing
            self._known[id(thing)] = known
        return known

    def text(self, template: str, names: dict[str, Any], operands: Sequence[str], out: str) -> str:
        """A call with its places filled."""
        filled = {
            key: self.name(thing, getattr(thing, "__name__", key)) for key, thing in names.items()
        }
        return template.format(*operands, out=out, **filled)

    def reference(self, x: Any) -> str:
        """An operand in the source."""
        if isinstance(x, Value):
            return self.of[x]
        text = repr(x)
        return (
            text if text.lstrip("-")[:1].isdigit() and "j" not in text else self.name(x, "number")
        )

    def keep(self, name: str, array: Any) -> str:
        """An array that a run keeps: ``array`` makes it from those kept before."""
        self.kept.append((name, array))
        return name

    # -- writing -----------------------------------------------------------------------------------

    def _write(self, steps: list[Any]) -> None:
        from polygrad.compile.loops import write_loop

        numbers = itertools.count()
        for i, value in enumerate(self.graph.inputs):
            self.of[value] = f"a{i}"
        for value, array in self.graph.constants.items():
            self.of[value] = self.name(array, "constant")
        for step in steps:
            for equation in step.equations if isinstance(step, Loop) else (step,):
                for out in equation.outputs:
                    self.of[out] = f"v{next(numbers)}"
            if isinstance(step, Loop):
                for out in sorted(self.plan.written & (step.made | step.reduced), key=self.of.get):  # type: ignore[arg-type]
                    self.destination(out)
                write_loop(self, step)
            else:
                self._write_equation(step)
        self._write_outputs()

    def destination(self, value: Value) -> str:
        """The array that a value is written to, by name; new ones are made here."""
        name, dtype = self.of[value], self.dtype(value)
        if value in self.plan.returned:
            empty = self.name(self.target.empty, "empty")
            make = f"{empty}({value.shape}, {self.name(dtype, 'dtype')})"
            given = self.instead.get(value)
            if given is not None:
                fits = self.name(self.target.fits, "fits")
                make = f"{self.of[given]} if {fits}({self.of[given]}) else {make}"
            self.lines.append(f"{name} = {make}")
        elif value in self.place and name not in self.samples:
            number, shape = self.place[value], value.shape
            self.keep(name, lambda made, memory: self.target.array_in(memory[number], shape, dtype))
            self.samples[name] = self.target.empty(shape, dtype)
        return name

    def _write_equation(self, equation: Equation) -> None:
        operands = [self.reference(x) for x in equation.inputs]
        if equation.outputs[0].weak:
            function = self.name(equation.op.facts.python, equation.op.name)
            self.lines.append(f"{self.of[equation.out]} = {function}({', '.join(operands)})")
        elif equation in self.looks:
            look = self.looks[equation]
            self.look(self.of[equation.out], operands[0], look.text, look.names)
        elif equation in self.calls:
            call, out = self.calls[equation], equation.out
            fresh = out in self.plan.returned and out not in self.instead
            if call.made is not None and fresh:
                made = self.text(call.made, call.names, operands, "")
                self.lines.append(f"{self.of[out]} = {made}")
            else:
                self.destination(out)
                self.lines.append(self.text(call.text, call.names, operands, self.of[out]))
        else:
            self._write_other(equation, operands)

    def look(self, name: str, operand: str, template: str, names: dict[str, Any]) -> str:
        """A view of an array, made once for a run's own arrays and at each call for others."""
        text = self.text(template, names, [operand], "")
        sample = self.samples.get(operand)
        if sample is not None:
            seen = eval(text, self.names, {operand: sample})
            if self.target.shares(seen, sample):
                code = compile(text, "<view>", "eval")
                self.keep(name, lambda made, _: eval(code, self.names, made))
                self.samples[name] = seen
                return name
        if operand in self.names:  # a constant
            self.names[name] = eval(text, self.names)
        else:
            self.lines.append(f"{name} = {text}")
        return name

    def _write_other(self, equation: Equation, operands: list[str]) -> None:
        """An op that makes its answer: by an expression of the target, or as it always does."""
        call = None
        if not equation.op.multiple and equation.op.builtin:
            described = [self.operand(x) for x in equation.inputs]
            call = self.target.made(
                equation.op.builtin, equation.params, described, self.operand(equation.out)
            )
        left = ", ".join(self.of[out] for out in equation.outputs)
        if call is not None:
            self.lines.append(f"{left} = {self.text(call.text, call.names, operands, '')}")
            return
        op = equation.op
        impl = op.impls.get(self.backend) or op.implement(self.backend)
        parts = [self._as_array(x, text) for x, text in zip(equation.inputs, operands, strict=True)]
        if op.facts.elementwise and not all(
            isinstance(x, Value) and x.weak for x in equation.inputs
        ):
            parts = list(operands)  # a number keeps the data type of the arrays beside it
        if equation.params:
            parts.append(f"**{self.name(equation.params, 'params')}")
        made = f"{self.name(impl, f'op_{op.name}')}({', '.join(parts)})"
        asarray = self.name(self.target.asarray, "asarray")
        if op.multiple:
            self.lines.append(f"{left}, = map({asarray}, {made})")
        else:
            self.lines.append(f"{left} = {asarray}({made})")

    def _as_array(self, x: Any, text: str) -> str:
        """A Python number known at run time as an array, for ops that take arrays only."""
        if not isinstance(x, Value) or not x.weak:
            return text
        return f"{self.name(self.target.asarray, 'asarray')}({text})"

    def _write_outputs(self) -> None:
        parts = []
        copy, own = self.name(self.target.copy, "copy"), self.name(self.target.own, "own")
        for value, copied in zip(self.graph.outputs, self.plan.copied, strict=True):
            name, base = self.of[value], self.plan.base[value]
            if value.weak:
                parts.append(name)
            elif copied:
                parts.append(f"{copy}({name})")
            elif base in self.plan.written:
                parts.append(name)
            else:
                others = [
                    self.of[v] for v in (*self.graph.inputs, *self.graph.constants)
                    if v in self.plan.sources[value]
                ]  # fmt: skip
                parts.append(f"{own}({name}, ({''.join(n + ', ' for n in others)}))")
        self.lines.append(f"return ({''.join(part + ', ' for part in parts)})")

    # -- the whole ---------------------------------------------------------------------------------

    def source(self) -> str:
        """The program as Python."""
        arrays = ", ".join(name for name, _ in self.kept)
        inputs = ", ".join(self.of[v] for v in self.graph.inputs)
        body = "".join(f"        {line}\n" for line in self.lines)
        functions = "".join(f"{text}\n\n" for text in self.functions)
        return f"{functions}def make({arrays}):\n    def run({inputs}):\n{body}    return run\n"

    def build(self) -> tuple[Any, Program]:
        """A function that makes a run with buffers of its own, and one that runs the program."""
        code = compile(self.source(), f"<compiled {label(self.graph.name)}>", "exec")
        exec(code, self.names)
        make_run = self.names["make"]

        def make() -> Any:
            memory = [self.target.buffer(size) for size in self.sizes]
            made: dict[str, Any] = {}
            for name, array in self.kept:
                made[name] = array(made, memory)
            return make_run(*made.values())

        return make, make_run
