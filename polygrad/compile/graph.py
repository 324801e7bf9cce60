"""The graph of a traced function: a flat program of ops on arrays of known shape and data type.

A `Graph` is a list of equations in the order they run. Each `Equation` applies one op of the op
table to values that exist by then, and defines new ones::

    graph(a: float32[8, 16], b: float32[16, 4], c: float32[4]):
        d: float32[8, 4] = matmul(a, b)
        e: float32[8, 4] = add(d, c)
        f: float32[] = sum(e, axis=(0, 1), keepdims=False)
        return f

- A `Value` has a shape, a `polygrad.dtypes.DType`, a `Device`, and an identity: values are
  compared and hashed as objects, and each is defined once. It holds no data.
- An operand of an equation is a Value or a literal: a Python number (bool, int, float, complex)
  that takes the data type of the arrays beside it, by the standard's rules for scalars (or None,
  for an option left out). The data type of an answer is always that of its Value.
- A value that is ``weak`` stands for a Python number at run time: an input that was a number, or
  what is computed from numbers only. It has no axes, and promotes as a literal does.
- ``op`` is the record of what an equation computes (its name need not be unique: a user may have
  chosen it) and ``params`` are its static parameters: axes as
  non-negative tuples, shapes, data types, and an ``index`` as `polygrad.ops.indexing` makes it,
  in which a slot stands for each index array among the operands.
- ``constants`` are arrays the function captured or computed from no argument: Values with the
  library array each stands for. They belong to the graph and are never written.
- ``outputs`` may repeat a value, or name an input or a constant.

`Graph.check` raises unless all this holds; passes return new graphs and change none.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from polygrad.array import Symbolic, wrap
from polygrad.core.op import Op
from polygrad.errors import GraphError

LITERALS = (bool, int, float, complex)
_PYTHON_NAMES = {
    "bool": "bool", "signed integer": "int", "real floating": "float",
    "complex floating": "complex",
}  # fmt: skip
Operand = Any  # a Value, or a literal


class Value(Symbolic):
    """An array that a program will compute or be given: shape, data type and device."""

    __slots__ = ("after",)

    def __init__(self, shape: Any, dtype: Any, device: Any, weak: bool = False) -> None:
        super().__init__(tuple(shape), dtype, device, weak)
        self.after: tuple[Value, ...] = ()
        """Values that come first, though it does not depend on them: see the pass `release`."""

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """The bytes of its elements."""
        return self.size * self.dtype.itemsize

    def like(self) -> "Value":
        """A new value of the same shape, data type and device."""
        return Value(self.shape, self.dtype, self.device, self.weak)

    def __repr__(self) -> str:
        if self.weak:
            return f"Python {_PYTHON_NAMES[self.dtype.group]}"
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"


class Equation:
    """``outputs = op(*inputs, **params)``: one step of a program.

    ``outputs`` is a tuple, of one value unless ``op.multiple``.
    """

    __slots__ = ("op", "inputs", "params", "outputs")

    def __init__(
        self,
        op: Op,
        inputs: Sequence[Operand],
        params: dict[str, Any],
        outputs: Sequence[Value],
    ) -> None:
        self.op, self.params = op, params
        self.inputs, self.outputs = tuple(inputs), tuple(outputs)

    @property
    def out(self) -> Value:
        """The answer of an op that has one."""
        (value,) = self.outputs
        return value

    @property
    def values(self) -> list[Value]:
        """The operands that are values, literals left out."""
        return [x for x in self.inputs if isinstance(x, Value)]

    def __repr__(self) -> str:
        return f"<equation {label(self.op.name)} -> {', '.join(map(repr, self.outputs))}>"


class Graph:
    """A program: inputs and constants, equations in order, outputs. ``str`` makes it readable."""

    __slots__ = ("inputs", "constants", "equations", "outputs", "name")

    def __init__(
        self,
        inputs: Iterable[Value],
        constants: dict[Value, Any],
        equations: Iterable[Equation],
        outputs: Iterable[Value],
        name: str = "graph",
    ) -> None:
        self.inputs, self.outputs = tuple(inputs), tuple(outputs)
        self.constants = constants
        self.equations = tuple(equations)
        self.name = name

    def replaced(
        self,
        equations: Iterable[Equation],
        outputs: Iterable[Value] | None = None,
        constants: dict[Value, Any] | None = None,
    ) -> "Graph":
        """The graph with other equations (and outputs, and constants), of the same inputs."""
        return Graph(
            self.inputs,
            self.constants if constants is None else constants,
            equations,
            self.outputs if outputs is None else outputs,
            self.name,
        )

    def producers(self) -> dict[Value, Equation]:
        """The equation that defines each value; inputs and constants have none."""
        return {out: equation for equation in self.equations for out in equation.outputs}

    def users(self) -> dict[Value, list[Equation]]:
        """The equations that use each value, one entry a use; outputs are not counted."""
        found: dict[Value, list[Equation]] = {}
        for equation in self.equations:
            for value in equation.values:
                found.setdefault(value, []).append(equation)
        return found

    def check(self) -> None:
        """Raise GraphError unless each value is defined once, and before it is used."""
        known: set[Value] = set()

        def define(values: Iterable[Value], where: str) -> None:
            for value in values:
                if value in known:
                    raise GraphError(f"{self.name}: {where} defines a value a second time")
                known.add(value)

        define(self.inputs, "the list of inputs")
        define(self.constants, "the table of constants")
        for equation in self.equations:
            for x in equation.inputs:
                if isinstance(x, Value):
                    if x not in known:
                        raise GraphError(
                            f"{self.name}: {equation!r} uses {x!r} before it is defined"
                        )
                elif x is not None and type(x) not in LITERALS:
                    raise GraphError(f"{self.name}: {equation!r} has the operand {x!r}")
            if not equation.op.multiple and len(equation.outputs) != 1:
                raise GraphError(f"{self.name}: {equation!r} has {len(equation.outputs)} answers")
            define(equation.outputs, repr(equation))
        for value in self.outputs:
            if value not in known:
                raise GraphError(f"{self.name}: the output {value!r} is never defined")

    def names(self) -> dict[Value, str]:
        """A short name for each value, in the order they are defined: a, b, ..., z, ba, bb."""
        ordered = [*self.inputs, *self.constants]
        ordered += [out for equation in self.equations for out in equation.outputs]
        return {value: _letters(i) for i, value in enumerate(ordered)}

    def __str__(self) -> str:
        names = self.names()
        typed = {value: f"{name}: {value!r}" for value, name in names.items()}
        lines = [f"{label(self.name)}({', '.join(typed[v] for v in self.inputs)}):"]
        lines += [f"    {typed[v]} = constant({_shown(a)})" for v, a in self.constants.items()]
        for equation in self.equations:
            parts = [names[x] if isinstance(x, Value) else repr(x) for x in equation.inputs]
            parts += [f"{key}={param!r}" for key, param in equation.params.items()]
            left = ", ".join(typed[out] for out in equation.outputs)
            lines.append(f"    {left} = {label(equation.op.name)}({', '.join(parts)})")
        lines.append(f"    return {', '.join(names[v] for v in self.outputs) or 'nothing'}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)


def label(name: str) -> str:
    """A name as text within one line of a program's source or listing.

    >>> label("f\\ng")
    'f?g'
    """
    return "".join([c if c.isprintable() and c != "\\" else "?" for c in name])


def _letters(number: int) -> str:
    text = ""
    while True:
        number, last = divmod(number, 26)
        text = chr(ord("a") + last) + text
        if not number:
            return text


def _shown(array: Any) -> str:
    return repr(wrap(array).item()) if array.shape == () else "..."
