"""A graph with ops that native code is not written for: native stretches, and the ops between.

Each equation belongs to the earliest stretch it can: one more than that of the last op outside
that it waits for. So there are as few stretches as there are ops outside one behind the other.
"""

from collections import Counter
from collections.abc import Hashable, Iterable
from operator import itemgetter
from typing import Any

from polygrad.compile.graph import Equation, Graph, Value, label
from polygrad.compile.keys import frozen
from polygrad.compile.native.host import Host
from polygrad.compile.native.program import Native
from polygrad.compile.native.types import Unsupported
from polygrad.compile.native.writer import Module
from polygrad.compile.replay import own, replay, shared_outputs

SHARED = 1 << 25
"""Work of a stretch from which on threads share it. The library's own threads (BLAS) go on spinning
after an op outside, so that ours would wait for a core."""
WORTH = 2
"""Computing equations from which on a stretch is made native."""


_KNOWN: dict[Hashable, str] = {}
"""Why there is no native code, for each op and the kinds of operands it has met; "" if there is."""


def supported(equation: Equation) -> bool:
    """Whether an equation alone has native code: asked of what writes it."""
    return not missing(equation)


def missing(equation: Equation) -> str:
    """Why an equation has no native code; "" where it has."""
    key = _key(equation)
    known = _KNOWN.get(key) if key is not None else None
    if known is None:
        known = _refused(equation)
        if key is not None:
            if len(_KNOWN) > 10_000:
                _KNOWN.clear()
            _KNOWN[key] = known
    return known


def _refused(equation: Equation) -> str:
    inputs = tuple([x.like() if isinstance(x, Value) else x for x in equation.inputs])
    outputs = [out.like() for out in equation.outputs]
    given = [x for x in inputs if isinstance(x, Value)]
    again = Equation(equation.op, inputs, equation.params, outputs)
    try:
        Module(Graph(given, {}, [again], outputs))
    except Unsupported as reason:
        return str(reason) or "no reason given"
    return ""


def _key(equation: Equation) -> Hashable:
    parts = [
        (x.shape, x.dtype.name, x.weak) if isinstance(x, Value) else (type(x), repr(x))
        for x in (*equation.inputs, *equation.outputs)
    ]
    try:
        key = equation.op, tuple(parts), frozen(equation.params)
        hash(key)
    except TypeError:
        return None
    return key


def stretches(graph: Graph) -> list[tuple[bool, Graph]]:
    """The graph in parts, in the order they run, and whether each is to be native code."""
    level: dict[Value, int] = {}
    outside: set[Value] = set()
    found: dict[tuple[int, bool], list[Equation]] = {}
    for equation in graph.equations:
        inside = supported(equation)
        waits = [level.get(x, 0) + (inside and x in outside) for x in equation.values]
        at = max(waits, default=0)
        found.setdefault((at, not inside), []).append(equation)
        level.update((out, at) for out in equation.outputs)
        if not inside:
            outside.update(equation.outputs)
    ordered = sorted(found.items(), key=itemgetter(0))
    parts = [(not out and _worth(equations), equations) for (_, out), equations in ordered]
    made = [{out for e in equations for out in e.outputs} for _, equations in parts]
    reads = [dict.fromkeys(x for e in equations for x in e.values) for _, equations in parts]
    readers = Counter(x for read in reads for x in read)
    readers.update(set(graph.outputs))
    result = []
    for i, (native, equations) in enumerate(parts):
        given = [x for x in reads[i] if x not in made[i] and x not in graph.constants]
        constants = {x: graph.constants[x] for x in reads[i] if x in graph.constants}
        outputs = [out for e in equations for out in e.outputs if readers[out] > (out in reads[i])]
        result.append((native, Graph(given, constants, equations, outputs, graph.name)))
    return result


def _worth(equations: Iterable[Equation]) -> bool:
    return sum(not e.op.facts.view for e in equations) >= WORTH


class Divided:
    """The program of such a graph; it stands in the place of a `Native`.

    Raises Unsupported where no stretch is worth native code.
    """

    def __init__(self, graph: Graph, host: Host) -> None:
        parts = stretches(graph)
        self.outside: list[str] = []
        self.reasons: dict[str, str] = {}
        slots: dict[Value, int] = {}
        for value in (*graph.inputs, *graph.constants):
            slots[value] = len(slots)
        self._in_order = host.in_order
        self._natives: list[Native] = []
        self._error = ""
        self._steps = []
        texts = []
        for native, part in parts:
            run: Any
            made = self._native(part, host) if native else None
            native = made is not None
            if made is not None:
                if made.work < SHARED:
                    made.forget_pool()
                self._natives.append(made)
                texts.append(made.text)
                run = made.call
            else:
                run = replay(part)
                names = [label(e.op.name) for e in part.equations]
                self.outside += [name for name in dict.fromkeys(names) if name not in self.outside]
                self.reasons |= {e.op.name: missing(e) for e in part.equations}
                texts.append(f"; outside: {', '.join(names)}\n")
            reads = [slots[x] for x in part.inputs]
            for out in part.outputs:
                slots[out] = len(slots)
            plain = [native or out.weak for out in part.outputs]
            self._steps.append((run, reads, [slots[out] for out in part.outputs], plain))
        if not self._natives:
            raise Unsupported(f"enough of it; outside: {', '.join(self.outside)}")
        self.text = "".join(texts)
        self._size = len(slots)
        self._constants = list(graph.constants.values())
        self._outputs = [slots[v] for v in graph.outputs]
        self._shared = shared_outputs(graph)

    @staticmethod
    def _native(part: Graph, host: Host) -> Native | None:
        """A stretch as native code, if it has any as a whole."""
        try:
            return Native(part, host)
        except Unsupported:
            return None

    @property
    def parallel(self) -> bool:
        """Whether threads share some of the work."""
        return any(native.parallel for native in self._natives)

    def forget_pool(self) -> None:
        """See `Native.forget_pool`."""
        for native in self._natives:
            native.forget_pool()

    def declined(self) -> str:
        """See `Native.declined`."""
        found, self._error = self._error, ""
        return found or "; ".join(filter(None, [native.declined() for native in self._natives]))

    def call(self, *inputs: Any) -> Any:
        """The outputs, or None where the graph has to be run another way this time.

        So it is where an op outside raises: the other program has the better message.
        """
        known: list[Any] = [*inputs, *self._constants]
        known += [None] * (self._size - len(known))
        try:
            for run, reads, writes, plain in self._steps:
                found = run(*[known[i] for i in reads])
                if found is None:
                    return None
                for i, one, ready in zip(writes, found, plain, strict=True):
                    known[i] = one if ready else self._in_order(one)
        except Exception as error:
            self._error = f"an op outside of native code raises {type(error).__name__}: {error}"
            return None
        return tuple(own([known[i] for i in self._outputs], self._shared))


def native_program(graph: Graph, host: Host) -> Native | Divided:
    """Native code for a graph, in one piece where that can be.

    Raises Unsupported, with the reason, where there is none.
    """
    try:
        return Native(graph, host)
    except Unsupported as reason:
        try:
            return Divided(graph, host)
        except Unsupported as second:
            raise Unsupported(f"{reason} ({second})") from None
