"""Writing a fused loop: a function that runs its equations block by block."""

import math
from typing import Any

from polygrad.compile.graph import Equation, Value
from polygrad.compile.passes.fuse import Loop


def write_loop(writer: Any, loop: Loop) -> None:
    """Add a loop's function to the program, and its call."""
    _LoopWriter(writer, loop).write()


class _LoopWriter:
    def __init__(self, writer: Any, loop: Loop) -> None:
        self.writer, self.loop, self.target = writer, loop, writer.target
        self.number = len(writer.functions)
        self.rest = loop.shape[loop.split :]
        self.step = min(max(1, self.target.BLOCK // max(loop.width, 1)), loop.rows)
        self.blocks = -(-loop.rows // self.step)
        self.shared: list[tuple[str, str]] = []  # parameter and argument
        self.local: dict[Value, str] = {}  # a value's block, or whole array
        self.temps: list[tuple[str, Any]] = []  # parameter and data type
        self.head: list[str] = []
        self.body: list[str] = []
        self.after: list[str] = []

    def write(self) -> None:
        loop, writer = self.loop, self.writer
        last: dict[Value, int] = {}
        for i, equation in enumerate(loop.equations):
            for x in equation.values:
                last[x] = i
        free: dict[Any, list[str]] = {}
        for i, equation in enumerate(loop.equations):
            operands = [self._operand(x) for x in equation.inputs]
            dying = {x for x in equation.values if last[x] == i and x in writer.plan.inner}
            if equation.op.facts.reduction:
                self._reduce(equation, operands[0])
            else:
                self._compute(equation, operands, dying, free)
            for x in dying:
                free.setdefault(writer.dtype(x), []).append(self.local[x])
        self._emit()

    # -- operands ----------------------------------------------------------------------------------

    def _operand(self, x: Any) -> str:
        if not isinstance(x, Value):
            return self.writer.reference(x)
        if x not in self.local:
            self._enter(x)
        return self.local[x]

    def _enter(self, x: Value) -> None:
        """An array from outside: sliced by rows, or whole."""
        ndim, split = len(self.loop.shape), self.loop.split
        full = (1,) * (ndim - len(x.shape)) + x.shape
        rows = full[:split] == self.loop.shape[:split] and self.loop.rows > 1
        if rows:
            name = self._shaped(x, (self.loop.rows, *full[split:]))
            self.local[x] = self._slice(self._share(name))
        else:
            self.local[x] = self._share(self._shaped(x, full[split:]))

    def _shaped(self, x: Value, shape: tuple[int, ...]) -> str:
        """An array in the shape of rows."""
        name = self.writer.of[x]
        if x.shape == shape:
            return name
        # Names of one letter and a number are no constant's: constant_3 may be the fourth one.
        constant = name in self.writer.names
        fresh = f"c{self.number}_{name}" if constant else f"{name}_{self.number}"
        return self.writer.look(fresh, name, "{0}.reshape({shape})", {"shape": shape})

    def _share(self, argument: str) -> str:
        parameter = f"x{len(self.shared)}"
        self.shared.append((parameter, argument))
        return parameter

    def _slice(self, parameter: str) -> str:
        block = f"{parameter}_"
        self.head.append(f"{block} = {parameter}[s:e]")
        return block

    # -- equations ---------------------------------------------------------------------------------

    def _described(self, equation: Equation) -> list[Any]:
        """Operands as the target sees them in the loop: blocks of unknown length."""
        return [
            self.writer.operand(x, (None, *self.rest) if isinstance(x, Value) else None)
            for x in equation.inputs
        ]

    def _compute(
        self, equation: Equation, operands: list[str], dying: set[Value], free: dict[Any, list[str]]
    ) -> None:
        out, call = equation.out, self.writer.calls[equation]
        dtype = self.writer.dtype(out)
        if out not in self.writer.plan.inner:
            name = self._shaped(out, (self.loop.rows, *self.rest))
            self.local[out] = self._slice(self._share(name))
        else:
            old = next((x for x in dying if self.writer.dtype(x) == dtype), None)
            if call.in_place and old is not None:
                dying.remove(old)
                self.local[out] = self.local[old]
            elif free.get(dtype):
                self.local[out] = free[dtype].pop()
            else:
                self.local[out] = f"t{len(self.temps)}"
                self.temps.append((self.local[out], dtype))
        self.body.append(self.writer.text(call.text, call.names, operands, self.local[out]))

    def _reduce(self, equation: Equation, operand: str) -> None:
        loop, writer = self.loop, self.writer
        split, out = loop.split, equation.out
        name, params = equation.op.builtin, equation.params
        axes = params["axis"]
        x = writer.operand(equation.inputs[0], (None, *self.rest))
        if min(axes, default=0) >= split:  # within the rows of a block
            kept = tuple(out.shape[split:])
            array = self._shaped(out, (loop.rows, *kept))
            place = self._slice(self._share(array))
            inside = {**params, "axis": tuple(a - split + 1 for a in axes)}
            call = self.target.into(name, inside, [x], writer.operand(out, (None, *kept)))
            self.body.append(writer.text(call.text, call.names, [operand], place))
            return
        inside = {"axis": (0, *(a - split + 1 for a in axes if a >= split)), "keepdims": False}
        left = tuple(n for i, n in enumerate(loop.shape) if i not in axes)
        parts = f"{writer.of[out]}_parts"
        shape, dtype = (self.blocks, *left), writer.dtype(out)
        writer.keep(parts, lambda made, memory: self.target.empty(shape, dtype))
        block = self._share(parts)
        call = self.target.into(name, inside, [x], writer.operand(out, left))
        place = f"{block}[s // {self.step}, ...]"
        self.body.append(writer.text(call.text, call.names, [operand], place))
        # The parts of the blocks come together at the end.
        total = self.target.into(
            equation.op.facts.reduction, {"axis": (0,), "keepdims": False},
            [self.target.Operand(shape, dtype)], writer.operand(out, left),
        )  # fmt: skip
        whole = self._shaped(out, left)
        self.after.append(writer.text(total.text, total.names, [parts], whole))

    # -- the function ------------------------------------------------------------------------------

    def _threads(self) -> int:
        if not self.temps and self.blocks == 1:
            return 1
        work = math.prod(self.loop.shape) * len(self.loop.equations)
        return self.target.threads(work, self.writer.products)

    def _emit(self) -> None:
        writer, step = self.writer, self.step
        function = f"loop{self.number}"
        parameters = [name for name, _ in (*self.shared, *self.temps)]
        lines = [f"def {function}({', '.join(('lo', 'hi', *parameters))}):"]
        lines += [f"    for s in range(lo, hi, {step}):", f"        e = s + {step}"]
        lines += ["        if e > hi:", "            e = hi"]
        lines += [f"            {name} = {name}[: e - s]" for name, _ in self.temps]
        lines += [f"        {line}" for line in (*self.head, *self.body)]
        writer.functions.append("\n".join(lines))
        sets = []
        for thread in range(self._threads()):
            names = []
            for name, dtype in self.temps:
                shape = (step, *self.rest)
                kept = f"{function}_{name}_{thread}"
                writer.keep(kept, lambda made, memory, d=dtype, s=shape: self.target.empty(s, d))
                names.append(kept)
            sets.append(f"({''.join(n + ', ' for n in names)})")
        shared = "".join(argument + ", " for _, argument in self.shared)
        run = writer.name(self.target.run_loop, "run_loop")
        temps = "".join(s + ", " for s in sets)
        rows = self.loop.rows
        writer.lines.append(f"{run}({function}, {rows}, {step}, ({shared}), ({temps}))")
        writer.lines += self.after
