"""Python numbers among the inputs of a graph: computed with by Python, before the program runs.

What depends on such inputs alone (``n + 1``, ``rate * 0.5**count``) is Python's arithmetic, exact
for integers of any size, and the same whatever the program is compiled to. An integer that meets
arrays comes into the program as an array without axes, in the data type that it takes beside them;
one that does not fit raises, as it does in eager code.
"""

from collections.abc import Callable, Sequence
from typing import Any

from polygrad.compile.elements import as_number
from polygrad.compile.graph import LITERALS, Equation, Graph, Value
from polygrad.dtypes import DTYPES, check_range
from polygrad.errors import ArgumentValueError

_INT64 = DTYPES["int64"]
_TYPES: dict[str, type] = {
    "bool": bool, "signed integer": int, "real floating": float, "complex floating": complex,
}  # fmt: skip


class Numbers:
    """A graph without arithmetic on its number inputs, and what Python does before it runs.

    ``graph`` takes what `before` makes of the inputs of the graph given. With ``convert`` integers
    and bools become arrays; without, they are checked only.
    """

    def __init__(self, graph: Graph, convert: bool) -> None:
        self._name = graph.name
        self._inputs = {value: i for i, value in enumerate(graph.inputs)}
        self._convert = convert
        self._known = {v for v in graph.inputs if v.weak}
        self._steps: list[tuple[Any, list[Any], Value]] = []
        self._made: dict[tuple[Value, str, str], Value] = {}
        self._checked: dict[tuple[Value, str], None] = {}
        kept = [e for e in graph.equations if not self._hoisted(e)]
        equations = [Equation(e.op, self._operands(e), e.params, e.outputs) for e in kept]
        plain = [v for v in graph.inputs if not v.weak]
        used = dict.fromkeys(x for e in equations for x in e.values if x in self._known)
        self._plain = [self._inputs[v] for v in plain]
        self._given = [*used]
        outputs = [v for v in graph.outputs if v not in self._known]
        self._outputs = [v if v in self._known else None for v in graph.outputs]
        self._numbers = any(v is not None for v in self._outputs)
        inputs = [*plain, *used, *self._made.values()]
        self.graph = Graph(inputs, graph.constants, equations, outputs, graph.name)

    def donated(self, donated: Sequence[bool]) -> list[bool]:
        """Which inputs of ``graph`` are given away."""
        plain = [donated[i] for i in self._plain]
        return plain + [False] * (len(self.graph.inputs) - len(plain))

    def _hoisted(self, equation: Equation) -> bool:
        if equation.op.facts.python is None or not equation.outputs[0].weak:
            return False
        if not all(type(x) in LITERALS or x in self._known for x in equation.inputs):
            return False
        function = equation.op.facts.python
        self._steps.append((function, list(equation.inputs), equation.out))
        self._known.add(equation.out)
        return True

    def _operands(self, equation: Equation) -> list[Any]:
        return [
            self._operand(equation, i, x) if isinstance(x, Value) and x in self._known else x
            for i, x in enumerate(equation.inputs)
        ]

    def _operand(self, equation: Equation, place: int, x: Value) -> Value:
        if x.dtype.group not in ("signed integer", "bool"):
            return x
        dtype = _INT64 if x.dtype.group != "bool" else x.dtype
        if equation.op is as_number:
            return x
        if equation.op.facts.elementwise and not equation.op.facts.casts:
            found = _beside(equation, x)
            if found is None:
                if not self._convert and equation.op.facts.compares:
                    self._checked[x, "int64"] = None  # as kernels get it
                return x
            dtype = found
        out = equation.outputs[0]
        if not self._convert:
            self._checked[x, dtype.name] = None
            return x
        key = x, dtype.name, out.device.name
        if key not in self._made:
            self._made[key] = Value((), dtype, out.device)
        return self._made[key]

    def before(self, inputs: Sequence[Any]) -> tuple[list[Any], dict[Value, Any]]:
        """The inputs of ``graph``, and all numbers."""
        known = {v: inputs[i] for v, i in self._inputs.items() if v.weak}
        for function, operands, out in self._steps:
            given = [known[x] if isinstance(x, Value) else x for x in operands]
            number = function(*given)
            if type(number) is not _TYPES[out.dtype.group]:
                raise ArgumentValueError(
                    f"{self._name}: {' and '.join(map(repr, given))} give {number!r}, a "
                    f"{type(number).__name__}, where jit expects one of "
                    f"{_TYPES[out.dtype.group].__name__} whatever the numbers; compute with "
                    "pg.asarray of them, or name the argument in static_argnums"
                )
            known[out] = number
        for x, dtype in self._checked:
            check_range(known[x], DTYPES[dtype])
        found = [inputs[i] for i in self._plain]
        found += [known[v] for v in self._given]
        for (x, _, _), value in self._made.items():
            backend = value.device.backend
            number = check_range(known[x], value.dtype)
            found.append(
                backend.from_host(number, backend.raw_dtype(value.dtype), value.device.raw)
            )
        return found, known

    def run(self, program: Callable[..., Any], inputs: Sequence[Any]) -> Any:
        """The outputs of the graph given, by a program of ``graph``."""
        given, known = self.before(inputs)
        found = program(*given)
        if not self._numbers:
            return found
        rest = iter(found)
        return tuple([next(rest) if v is None else known[v] for v in self._outputs])


def _beside(equation: Equation, x: Value) -> Any:
    """The data type that an integer takes beside the arrays of an op; None to leave it alone."""
    arrays = [v.dtype for v in equation.values if not v.weak]
    if not arrays:
        return None
    if equation.op.facts.compares:
        inexact = [dtype for dtype in arrays if dtype.is_inexact]
        if inexact:
            return inexact[0] if len(inexact) == len(arrays) == 1 else None
        if any(dtype.name == "uint64" for dtype in arrays):
            return None
        return x.dtype if x.dtype.group == "bool" else _INT64
    if not equation.op.facts.one_dtype:
        return None
    out = equation.outputs[0].dtype
    if x.dtype.group == "bool":  # of the lowest kind: it decides on no data type
        return x.dtype
    if out.is_complex:
        return None
    return _INT64 if out.group == "bool" else out


def numbers(graph: Graph, convert: bool) -> Numbers | None:
    """What is to be done before a graph runs; None where it takes floats only, and as they are."""
    weak = [v for v in graph.inputs if v.weak]
    if not weak:
        return None
    plain = all(v.dtype.group in ("real floating", "complex floating") for v in weak)
    if plain and not any(e.outputs[0].weak and e.op is not as_number for e in graph.equations):
        return None
    return Numbers(graph, convert)
