"""while_loop as one op: a condition and a body, both compiled, that run until it fails."""

from collections.abc import Callable, Sequence
from typing import Any

from polygrad import ops
from polygrad.array import wrap
from polygrad.compile.body import Body, number, trace_body
from polygrad.compile.graph import LITERALS
from polygrad.compile.scan_op import spreading
from polygrad.compile.tracing import value_like
from polygrad.core.batch import spread_batch
from polygrad.core.kinds import General
from polygrad.core.op import OpFacts
from polygrad.core.record import plain
from polygrad.core.trace import bind
from polygrad.errors import NonDifferentiableError
from polygrad.transforms.jvp import jvp
from polygrad.transforms.vmap import mapped_again

Arrays = Sequence[Any]


def loop(
    test: Callable[[Arrays], Any],
    step: Callable[[Arrays], Arrays],
    carry: Arrays,
    weak: Sequence[bool],
) -> Arrays:
    """The carry after the last step; ``weak`` marks what both take for Python numbers."""
    inputs = [value_like(c, w) for c, w in zip(carry, weak, strict=True)]
    cond, first = trace_body(lambda arrays: [test(arrays)], inputs, "condition")
    inputs = [value.like() for value in inputs]
    body, second = trace_body(step, inputs, "step")
    return run_while(cond, body, carry, first, second)


def run_while(cond: Body, body: Body, carry: Arrays, first: Arrays, second: Arrays) -> Arrays:
    """The last carry; ``first`` is what the condition shares, ``second`` what the body does."""
    params = {"cond": cond, "body": body, "carry": len(carry), "shared": len(first)}
    return [wrap(x) for x in bind(while_op, (*carry, *first, *second), params)]


def _forward(xp: Any, *operands: Any, cond: Body, body: Body, carry: int, shared: int) -> Any:
    state: Any = operands[:carry]
    first, second = operands[carry : carry + shared], operands[carry + shared :]
    while number(cond.run((*state, *first))[0]):
        state = body.run((*state, *second))
    place = xp.device_of(next(x for x in operands if hasattr(x, "shape")))
    return tuple([xp.asarray(x, device=place) if type(x) in LITERALS else x for x in state])


class WhileOp(General):
    """Runs a body for as long as a condition holds."""

    __slots__ = ()
    kind_facts = OpFacts(python_loop=True, axis_name=True)

    def abstract(self, body: Body, **_: Any) -> list[tuple[Any, Any, Any]]:
        """Shape, data type and device of each answer."""
        return [(v.shape, v.dtype, v.device) for v in body.graph.outputs]

    def pull(self, xp: Any, g: Any, node: Any) -> Sequence[Any]:
        raise NonDifferentiableError(
            "while_loop inside jit has no reverse mode: the number of steps is not known while "
            "the function is traced, so there is no place to keep them; use pg.scan, or "
            "pg.fori_loop between two Python integers, with pg.where to hold the value once it is "
            "done; or forward mode (pg.jvp, pg.jacfwd); or differentiate outside, pg.grad(pg.jit"
            "(f)); an iteration to a fixed point has pg.implicit.fixed_point"
        )

    def push(
        self, xp: Any, tangents: Sequence[Any], ans: Any, args: tuple[Any, ...], params: Any
    ) -> Any:
        cond, body, count = params["cond"], params["body"], params["carry"]
        split = count + params["shared"]
        start, first, second = args[:count], args[count:split], args[split:]
        outputs = body.graph.outputs
        inexact = [i for i in range(count) if outputs[i].dtype.is_inexact]

        def step(state: Arrays) -> Arrays:
            directions: list[Any] = [None] * count
            for i, t in zip(inexact, state[count:], strict=True):
                directions[i] = t
            directions += [None if t is None else wrap(t) for t in tangents[split:]]
            given = (*state[:count], *map(wrap, second))
            out, moved = jvp(lambda *all: body(*all), given, directions)
            return [*out, *[ops.astype(moved[i], outputs[i].dtype, copy=False) for i in inexact]]

        moving = [
            ops.zeros(outputs[i].shape, dtype=outputs[i].dtype, device=ops.device_of(start[i]))
            if tangents[i] is None else wrap(tangents[i])
            for i in inexact
        ]  # fmt: skip
        weak = [v.weak for v in body.graph.inputs[:count]] + [False] * len(moving)
        last = loop(
            lambda state: cond(*state[:count], *map(wrap, first))[0],
            step, [*map(wrap, start), *moving], weak,
        )  # fmt: skip
        found: list[Any] = [None] * count
        for i, t in zip(inexact, last[count:], strict=True):
            found[i] = plain(t)
        return tuple(found)


def _batch(
    op: Any,
    size: int,
    values: Arrays,
    batched: Sequence[bool],
    params: Any,
    name: str | None = None,
) -> Any:
    """Examples that are done keep their value while others go on."""
    cond, body, count = params["cond"], params["body"], params["carry"]
    split = count + params["shared"]
    first, second = list(batched[count:split]), list(batched[split:])
    flags = spreading(body, [*batched[:count], *second], count)[:count]
    mixed = cond.depends([*flags, *first])[0]
    if mixed:
        flags = [True] * count
    start = [
        wrap(spread_batch(wrap(v), b, size)) if yes else wrap(v)
        for v, b, yes in zip(values, batched, flags, strict=False)
    ]
    axes = [0 if yes else None for yes in flags]
    test_axes = tuple(axes + [0 if yes else None for yes in first])
    step_axes = tuple(axes + [0 if yes else None for yes in second])
    tests = mapped_again(lambda *all: cond(*all)[0], test_axes, name) if mixed else None
    steps = body
    if any(axis == 0 for axis in step_axes):
        steps = mapped_again(lambda *all: tuple(body(*all)), step_axes, name, tuple(axes))
    shared, used = [wrap(v) for v in values[count:split]], [wrap(v) for v in values[split:]]

    def holds(state: Arrays) -> Any:
        return tests(*state, *shared) if tests else cond(*state, *shared)[0]

    def step(state: Arrays) -> Arrays:
        new = list(steps(*state, *used))
        if not mixed:
            return new
        active = holds(state)
        return [
            ops.where(ops.reshape(active, (size, *(1,) * (len(a.shape) - 1))), a, b)
            for a, b in zip(new, state, strict=True)
        ]

    weak = [v.weak and not yes for v, yes in zip(body.graph.inputs, flags, strict=False)]
    last = loop(lambda state: ops.any(holds(state)) if mixed else holds(state), step, start, weak)
    return tuple([plain(spread_batch(x, yes, size)) for x, yes in zip(last, flags, strict=True)])


def _keeps_all(xp: Any, g: Any, ans: Any, *operands: Any, **params: Any) -> Any:
    raise NotImplementedError  # what is kept is read off it; `pull` and `push` do the work


while_op = WhileOp("while_loop", _keeps_all, _keeps_all, _forward, multiple=True, batch=_batch)
