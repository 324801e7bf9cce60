"""Tracing: a function run once on arrays without values, which writes down what it does.

Transforms inside the function are levels above the trace, as they are above any array: what
reaches it are the ops that they come down to.
"""

import enum
from collections.abc import Callable, Sequence
from typing import Any

from polygrad import ops
from polygrad.array import BASE, Array, is_number
from polygrad.backend import PLAIN_TYPES, SCALAR_TYPES, backend_for_type
from polygrad.compile.abstract import answers, is_weak
from polygrad.compile.graph import LITERALS, Equation, Graph, Value
from polygrad.core.op import Op
from polygrad.core.trace import Trace, as_number, not_an_array
from polygrad.core.views import RUNS_ONCE
from polygrad.device import current_device, intern_device
from polygrad.dtypes import as_dtype
from polygrad.errors import LeakedArrayError, UnknownValueError, user_line
from polygrad.transforms.carry import LOOPS, CapturedTrackedArray, StagedLoops


class GraphTrace(Trace):
    """Writes an equation for each op that depends on its inputs; its arrays hold Values."""

    __slots__ = ("equations", "constants", "_held")
    inlines = True
    """Whether the function that an op carries is traced, in place of the op."""
    loops: StagedLoops | None = None
    """What loops and branches become: set once, by `polygrad.compile.control`."""

    def __init__(self) -> None:
        super().__init__()
        self.equations: list[Equation] = []
        self.constants: dict[Value, Any] = {}
        self._held: dict[int, tuple[Value, Any]] = {}  # constants by identity, kept alive

    def array(self, value: Value) -> Array:
        """The array that stands for a value of this trace."""
        return Array(value, self, None)

    def operand(self, arg: Any) -> Any:
        """A Value or a literal for what an op was given."""
        if type(arg) is Array:
            if arg._trace is self:
                return arg._value
            if arg._trace is not BASE:
                raise CapturedTrackedArray
            arg = arg._value
        if arg is None or type(arg) in LITERALS:
            return arg
        return self.constant(arg)

    def constant(self, raw: Any) -> Value:
        """The Value of a library array that depends on no input; it is copied, once."""
        known = self._held.get(id(raw))
        if known is not None:
            return known[0]
        backend = backend_for_type(type(raw))
        assert backend is not None, raw
        array = backend.normalise(raw) if type(raw) in SCALAR_TYPES else raw
        if not backend.immutable:
            array = backend.xp.asarray(array, copy=True)
        place = intern_device(backend, backend.device_of(array))
        value = Value(array.shape, as_dtype(array.dtype), place)
        self.constants[value] = array
        self._held[id(raw)] = value, raw
        return value

    def process(self, op: Op, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        """Write down one op, and return arrays for its answers."""
        if not self.alive:
            raise LeakedArrayError(
                f"{op.name}: an array of a traced function is used after the trace ended; return "
                "it from the function, and keep none in a global or an attribute"
            )
        inline = op.inline
        if inline is not None and self.inlines:
            return inline(args, params)
        for place, arg in enumerate(args):
            if type(arg) is not Array and not _known(type(arg)):
                if isinstance(arg, int | float | complex):  # a member of an IntEnum, for one
                    args = tuple(map(as_number, args))
                    continue
                raise not_an_array(op.name, place, arg)
        operands = [self.operand(arg) for arg in args]
        given = [self.constants.get(x, x) if isinstance(x, Value) else x for x in operands]
        _check_shape_known(op, given)
        if inline is None:
            found = answers(op, given, params)
        else:
            found = _answers_of_function(lambda arrays: inline(arrays, params), operands)
        weak = is_weak(op, operands)
        outs = tuple([Value(*one, weak) for one in found])
        self.equations.append(Equation(op, operands, params, outs))
        made = tuple([self.array(out) for out in outs])
        return made if op.multiple else made[0]


def _known(kind: type) -> bool:
    return kind in LITERALS or kind is type(None) or backend_for_type(kind) is not None


class OpenTrace(GraphTrace):
    """Writes a graph that is still to be differentiated: a rule of the user's stays with its op."""

    __slots__ = ()
    inlines = False

    def adopt(self, constants: dict[Value, Any]) -> None:
        """Take the constants of another graph for one's own, without a copy."""
        self.constants.update(constants)
        self._held.update((id(raw), (value, raw)) for value, raw in constants.items())


class BodyTrace(GraphTrace):
    """Writes a body; arrays that another trace tracks become inputs, in `captured`."""

    __slots__ = ("captured", "extra", "_met")
    inlines = False

    def __init__(self) -> None:
        super().__init__()
        self.captured: list[Array] = []
        self.extra: list[Value] = []
        self._met: dict[tuple[int, int, int], Value] = {}

    def operand(self, arg: Any) -> Any:
        """A Value or a literal for what an op was given."""
        if type(arg) is not Array or arg._trace is BASE or arg._trace is self:
            return super().operand(arg)
        # By what the handle holds now: an index assignment may give it another value.
        key = id(arg._value), id(arg._trace), id(arg._node)
        if key not in self._met:
            self.captured.append(Array(arg._value, arg._trace, arg._node))
            self._met[key] = value_like(arg)
            self.extra.append(self._met[key])
        return self._met[key]


def _check_shape_known(op: Op, operands: Sequence[Any]) -> None:
    """Raise UnknownValueError where values decide on the shape of the answer."""
    what, remedy = op.name, op.facts.value_shaped
    if op.facts.indices is not None:
        arrays = operands[op.facts.indices :]
        if any(isinstance(x, Value) and x.dtype.group == "bool" for x in arrays):
            what, remedy = "an index with a mask", "use pg.where(mask, x, other)"
    if remedy:
        raise UnknownValueError(
            f"{what}: the shape of the result depends on values, which are not known while jit "
            f"traces the function ({user_line()}); {remedy}, or do this outside of jit"
        )


def trace(
    function: Callable[[list[Array]], list[Any]],
    inputs: list[Value],
    name: str,
    writer: GraphTrace | None = None,
) -> Graph:
    """The graph of a function of a list of arrays that returns a list of arrays.

    Raises CapturedTrackedArray where it uses one that a transform outside tracks.
    """
    writer = writer or GraphTrace()
    outputs = run_traced(writer, function, inputs)
    return Graph(inputs, writer.constants, writer.equations, outputs, name)


def run_traced(
    writer: GraphTrace, function: Callable[[list[Array]], Sequence[Any]], inputs: Sequence[Value]
) -> list[Value]:
    """The outputs of a function of arrays, whose ops the trace writes down."""
    before = LOOPS.set(writer.loops)
    once = RUNS_ONCE.set(writer.level)
    try:
        return [writer.operand(out) for out in function([writer.array(v) for v in inputs])]
    finally:
        LOOPS.reset(before)
        RUNS_ONCE.reset(once)
        writer.alive = False


def _answers_of_function(function: Callable[..., Any], operands: Sequence[Any]) -> list[Any]:
    """Shape, data type and device of what a function makes of operands: it is traced for that."""

    class Tried(BodyTrace):
        __slots__ = ()
        inlines = True

    inputs = [x.like() if isinstance(x, Value) else x for x in operands]
    writer = Tried()

    def run(arrays: list[Array]) -> Any:
        given = iter(arrays)
        return function(tuple([next(given) if isinstance(x, Value) else x for x in inputs]))

    outs = run_traced(writer, run, [x for x in inputs if isinstance(x, Value)])
    return [(out.shape, out.dtype, out.device) for out in outs]


def value_like(x: Any, weak: bool | None = None) -> Value:
    """A new input for an array of any level."""
    weak = is_number(x) if weak is None else weak
    return Value(x.shape, as_dtype(x.dtype), ops.device_of(x), weak)


def number_type(leaf: Any) -> type | None:
    """int, float or complex for a Python number that may change from call to call, else None.

    A bool steers a program, and so do members of an Enum: they are static. A number of another
    subclass is taken for what it is a subclass of.
    """
    cls = type(leaf)
    if cls is float or cls is int or cls is complex:
        return cls
    if not isinstance(leaf, int | float | complex) or isinstance(leaf, bool | enum.Enum):
        return None
    if backend_for_type(cls) is not None:  # a library's scalar (numpy.float64)
        return None
    return int if isinstance(leaf, int) else float if isinstance(leaf, float) else complex


def input_like(leaf: Any) -> Value | None:
    """The Value for an argument: an array or a number that is no bool; None for anything else."""
    if type(leaf) is Array:
        if leaf._trace is not BASE:
            return Value(leaf.shape, leaf.dtype, leaf.device)
        leaf = leaf._value
    elif (number := number_type(leaf)) is not None:
        return Value((), as_dtype(number), current_device(), weak=True)
    backend = backend_for_type(type(leaf))
    if backend is None or (type(leaf) not in PLAIN_TYPES and type(leaf) not in SCALAR_TYPES):
        return None
    array = backend.normalise(leaf) if type(leaf) in SCALAR_TYPES else leaf
    place = intern_device(backend, backend.device_of(array))
    return Value(array.shape, as_dtype(array.dtype), place)
