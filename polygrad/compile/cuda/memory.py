"""Where the values of a program of kernels are, and for how long."""

from collections.abc import Sequence

from polygrad.compile.cuda.function import Function
from polygrad.compile.cuda.schedule import Schedule
from polygrad.compile.cuda.steps import Library, Product
from polygrad.compile.graph import Value

Launch = Function | Product | Library


class Memory:
    """The plan of a program's memory.

    ``place`` gives the buffer of each value that is used within a call only, of ``sizes`` bytes;
    ``fresh`` are the results, each in memory of its own, or in that of the input that ``instead``
    names; ``dynamic`` are arrays that the library makes.
    """

    def __init__(
        self, schedule: Schedule, steps: Sequence[Launch], donated: Sequence[bool]
    ) -> None:
        self.schedule, self.steps = schedule, steps
        self.defined: dict[Value, int] = {}
        self.last: dict[Value, int] = {}
        self.dynamic: set[Value] = set()
        for i, step in enumerate(steps):
            for value in written(step):
                self.defined[value] = i
                if isinstance(step, Library):
                    self.dynamic.add(value)
            for value in (*reads(schedule, step), *written(step)):
                self.last[value] = i
        results = set(schedule.results)
        self.fresh = {v for v in self.defined if v in results and v not in self.dynamic}
        self.instead: dict[Value, Value] = {}
        self._donate(donated)
        self.place: dict[Value, int] = {}
        self.sizes: list[int] = []
        self._buffers()

    def _donate(self, donated: Sequence[bool]) -> None:
        graph = self.schedule.graph
        free = [v for v, given in zip(graph.inputs, donated, strict=True) if given and not v.weak]
        for out in sorted(self.fresh, key=self.defined.__getitem__):
            for given in free:
                if given.shape == out.shape and given.dtype == out.dtype and self._over(given, out):
                    self.instead[out] = given
                    free.remove(given)
                    break

    def _over(self, given: Value, out: Value) -> bool:
        at, last = self.defined[out], self.last.get(given, -1)
        step = self.steps[at]
        if last != at:
            return last < at
        if not isinstance(step, Function) or not step.overwrites(given, out):
            return False
        step.aliased.add(given)
        return True

    def _buffers(self) -> None:
        """Values that are never needed at the same time share a buffer."""
        ending: dict[int, list[int]] = {}
        free: list[int] = []
        kept = [v for v in self.defined if v not in self.fresh and v not in self.dynamic]
        by_step: dict[int, list[Value]] = {}
        for value in kept:
            by_step.setdefault(self.defined[value], []).append(value)
        for i in range(len(self.steps)):
            for value in by_step.get(i, ()):
                self.place[value] = self._allocate(value.nbytes, free)
                ending.setdefault(self.last[value], []).append(self.place[value])
            free += ending.pop(i, [])

    def _allocate(self, nbytes: int, free: list[int]) -> int:
        """The tightest free buffer that is large enough, the largest made larger, or a new one."""
        fitting = [b for b in free if self.sizes[b] >= nbytes]
        if fitting:
            best = min(fitting, key=self.sizes.__getitem__)
        elif free:
            best = max(free, key=self.sizes.__getitem__)
            self.sizes[best] = nbytes
        else:
            self.sizes.append(nbytes)
            return len(self.sizes) - 1
        free.remove(best)
        return best


def written(step: Launch) -> list[Value]:
    """The values in memory that a step writes."""
    if isinstance(step, Function):
        return step.outputs()
    return list(step.outputs) if isinstance(step, Library) else [step.equation.out]


def reads(schedule: Schedule, step: Launch) -> list[Value]:
    """The values in memory, and Python numbers, that a step reads."""
    if isinstance(step, Function):
        mine = step.outputs()
        return [v for v in step.parameters if v not in mine]
    given = step.values if isinstance(step, Library) else step.operands
    return [v if v.weak else schedule.base(v) for v in given]
