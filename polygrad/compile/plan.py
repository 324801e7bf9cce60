"""The plan of a program's memory: which values share a buffer, and which get memory of their own.

A value is *written* (a call writes its answer to an array), a *view* of another, or *made* (by a
function that returns a new array, or perhaps a view of an operand). Written values that are
returned get new memory in each run, or that of a donated input; all others live in buffers that
the program keeps, and that values share which are never needed at the same time.
"""

from collections.abc import Sequence
from typing import Any

from polygrad.compile.graph import Equation, Graph, Value
from polygrad.compile.passes.fuse import Loop, Step
from polygrad.compile.replay import shared_outputs

END = 1 << 60


class Plan:
    """Where each value of a program is."""

    def __init__(
        self, graph: Graph, steps: list[Step], calls: dict[Equation, Any], views: set[Equation]
    ) -> None:
        self.graph, self.steps, self.calls = graph, steps, calls
        self.base: dict[Value, Value] = {}  # what a view looks at, through all views
        self.sources: dict[Value, set[Value]] = {}  # whose memory a value may show
        self.written: set[Value] = set()
        self.inner: set[Value] = set()  # used within one loop only
        self.step_of: dict[Value, int] = {}
        self.last: dict[Value, int] = {}
        for value in (*graph.inputs, *graph.constants):
            self._define(value, -1, {value})
        for i, step in enumerate(steps):
            for equation in step.equations if isinstance(step, Loop) else (step,):
                self._add(i, equation, isinstance(step, Loop), equation in views)
        self._find_inner()
        self._outputs()

    def _define(self, value: Value, i: int, sources: set[Value]) -> None:
        self.sources[value], self.step_of[value] = sources, i
        self.base.setdefault(value, value)

    def _add(self, i: int, equation: Equation, in_loop: bool, is_view: bool) -> None:
        for x in equation.values:
            self._use(x, i)
        if is_view:
            x = equation.inputs[0]
            self.base[equation.out] = self.base[x]
            self._define(equation.out, i, self.sources[x])
        elif in_loop or equation in self.calls:
            self._define(equation.out, i, {equation.out})
            self.written.add(equation.out)
        else:
            shown = set().union(*(self.sources[x] for x in equation.values))
            for out in equation.outputs:
                self._define(out, i, shown | {out})

    def _use(self, value: Value, i: int) -> None:
        for source in self.sources[value]:
            self.last[source] = max(self.last.get(source, -1), i)

    def _find_inner(self) -> None:
        outside = set(self.graph.outputs)
        for i, step in enumerate(self.steps):
            for equation in step.equations if isinstance(step, Loop) else (step,):
                outside.update(x for x in equation.values if self.step_of[x] != i)
        for step in self.steps:
            if isinstance(step, Loop):
                self.inner |= step.made - outside
        self.written -= self.inner

    def _outputs(self) -> None:
        """Which outputs are copied, and which written values get memory of their own."""
        self.returned: set[Value] = set()
        self.copied: list[bool] = []
        given = {*self.graph.constants, *self.graph.inputs}
        for value, again in zip(self.graph.outputs, shared_outputs(self.graph), strict=True):
            base = self.base[value]
            copied = again or base in given or (base in self.written and base in self.returned)
            self.copied.append(copied)
            self._use(value, END)
            if not copied and base in self.written:
                self.returned.add(base)

    # -- donated inputs ----------------------------------------------------------------------------

    def donate(self, donated: Sequence[bool]) -> dict[Value, Value]:
        """For returned values the donated input whose memory each is written to."""
        free = [v for v, given in zip(self.graph.inputs, donated, strict=True) if given]
        found: dict[Value, Value] = {}
        for out in dict.fromkeys(self.base[v] for v in self.graph.outputs):
            if out not in self.returned:
                continue
            for given in free:
                same = given.shape == out.shape and given.dtype == out.dtype and not given.weak
                if same and self._is_free(given, out):
                    found[out] = given
                    free.remove(given)
                    break
        return found

    def _is_free(self, given: Value, out: Value) -> bool:
        """Whether an input is not needed any more when a value is written."""
        i, last = self.step_of[out], self.last.get(given, -1)
        if last != i:
            return last < i
        step = self.steps[i]
        return self._overlaps(step, given, out)

    def _overlaps(self, step: Step, old: Value, new: Value) -> bool:
        """Whether ``new`` may be written over ``old``, an operand of the same step."""
        if isinstance(step, Equation):
            call = self.calls[step]
            others = [x for x in step.values if x is not old and old in self.sources[x]]
            return bool(call.in_place) and not others
        if old.shape != step.shape:
            return False
        seen = False
        for equation in step.equations:
            if any(old in self.sources[x] and x is not old for x in equation.values):
                return False
            if seen and old in equation.values:
                return False  # read once more after it was written
            if equation.out is new:
                seen = True
                if not self.calls[equation].in_place and old in equation.values:
                    return False
        return True

    # -- buffers -----------------------------------------------------------------------------------

    def buffers(self) -> tuple[dict[Value, int], list[int]]:
        """The number of the buffer of each value that has one, and the bytes of each buffer."""
        kept = [v for v in self.written if v not in self.returned]
        by_step: dict[int, list[Value]] = {}
        ending: dict[int, list[Value]] = {}
        for value in sorted(kept, key=self._order):
            by_step.setdefault(self.step_of[value], []).append(value)
            ending.setdefault(self.last.get(value, self.step_of[value]), []).append(value)
        place: dict[Value, int] = {}
        sizes: list[int] = []
        free: list[int] = []
        for i, step in enumerate(self.steps):
            dying = [v for v in ending.get(i, ()) if v in place]
            for value in by_step.get(i, ()):
                old = next((v for v in dying if self._reuses(step, v, value)), None)
                if old is not None:
                    dying.remove(old)
                    place[value] = place[old]
                else:
                    place[value] = _allocate(value.nbytes, free, sizes)
            free += [place[v] for v in dying]
            free += [place[v] for v in by_step.get(i, ()) if self.last.get(v, i) == i]
        return place, sizes

    def _order(self, value: Value) -> int:
        return self._numbers[value]

    @property
    def _numbers(self) -> dict[Value, int]:
        numbers = self.__dict__.get("_numbered")
        if numbers is None:
            outs = (out for equation in self.graph.equations for out in equation.outputs)
            self.__dict__["_numbered"] = numbers = {out: n for n, out in enumerate(outs)}
        return numbers

    def _reuses(self, step: Step, old: Value, new: Value) -> bool:
        same = old.shape == new.shape and old.dtype == new.dtype
        return same and self._overlaps(step, old, new)


def _allocate(nbytes: int, free: list[int], sizes: list[int]) -> int:
    """A free buffer that is large enough, the tightest; the largest made larger; or a new one."""
    fitting = [b for b in free if sizes[b] >= nbytes]
    if fitting:
        best = min(fitting, key=sizes.__getitem__)
    elif free:
        best = max(free, key=sizes.__getitem__)
        sizes[best] = nbytes
    else:
        sizes.append(nbytes)
        return len(sizes) - 1
    free.remove(best)
    return best
