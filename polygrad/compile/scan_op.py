"""scan as one op: a body, compiled once, that runs for each slice of its operands.

The answers are the last carry, the ys, and the carries before each step, on which derivatives
are taken: reverse mode scans backwards over them and runs each step again, forward mode scans
over them once more with the tangents. Where nobody asks for them they are not kept.
"""

from collections.abc import Callable, Sequence
from typing import Any

from polygrad import ops
from polygrad.array import BASE, wrap
from polygrad.compile.body import Body, number, trace_body
from polygrad.compile.graph import LITERALS, Equation, Value
from polygrad.compile.tracing import value_like
from polygrad.core.batch import spread_batch
from polygrad.core.kinds import General
from polygrad.core.op import OpFacts
from polygrad.core.record import plain
from polygrad.core.trace import bind
from polygrad.dtypes import as_dtype
from polygrad.transforms.grad import vjp_once
from polygrad.transforms.jvp import jvp
from polygrad.transforms.vmap import mapped_again

Arrays = Sequence[Any]
Step = Callable[[Arrays, Arrays], tuple[Arrays, Arrays]]  # (carry, x) to (carry, y)


class Shape:
    """How many operands and answers of a scan are carry, scanned over and kept."""

    def __init__(self, body: Body, carry: int, scanned: int, history: bool) -> None:
        outputs = body.graph.outputs
        self.carry, self.scanned, self.ys = carry, scanned, len(outputs) - carry
        self.inexact = [i for i in range(carry) if outputs[i].dtype.is_inexact]
        self.inexact_ys = [j for j in range(self.ys) if outputs[carry + j].dtype.is_inexact]
        self.history = carry if history else 0

    def operands(self, values: Arrays) -> tuple[Arrays, Arrays, Arrays]:
        """The carry, what is scanned over, and what each step shares."""
        end = self.carry + self.scanned
        return values[: self.carry], values[self.carry : end], values[end:]

    def answers(self, values: Arrays) -> tuple[Arrays, Arrays, Arrays]:
        """The last carry, the ys, and the carries before each step."""
        end = self.carry + self.ys
        return values[: self.carry], values[self.carry : end], values[end:]


def loop(
    step: Step,
    carry: Arrays,
    xs: Arrays,
    length: int,
    reverse: bool,
    weak: tuple[Sequence[bool], Sequence[bool]],
    name: str = "step",
) -> tuple[Arrays, Arrays, Arrays]:
    """``carry, y = step(carry, x)`` for each slice of ``xs``, as one op.

    Returns the last carry, the ys, and the carries before each step. ``weak`` marks what the
    step takes for Python numbers in the carry and in a slice.
    """
    inputs = [value_like(c, w) for c, w in zip(carry, weak[0], strict=True)]
    inputs += [
        Value(x.shape[1:], as_dtype(x.dtype), ops.device_of(x), w)
        for x, w in zip(xs, weak[1], strict=True)
    ]

    def traced(arrays: Arrays) -> Arrays:
        new, ys = step(arrays[: len(carry)], arrays[len(carry) :])
        return [*new, *ys]

    body, captured = trace_body(traced, inputs, name)
    return run_scan(body, carry, xs, captured, length, reverse)


def run_scan(
    body: Body, carry: Arrays, xs: Arrays, captured: Arrays, length: int, reverse: bool
) -> tuple[Arrays, Arrays, Arrays]:
    """The last carry, the ys and the carries before each step, of a body."""
    params = {
        "body": body, "carry": len(carry), "scanned": len(xs), "length": length,
        "reverse": reverse, "history": True,
    }  # fmt: skip
    found = bind(scan_op, (*carry, *xs, *captured), params)
    return _shape(params).answers([wrap(out) for out in found])


def _forward(xp: Any, *operands: Any, body: Body, length: int, reverse: bool, **counts: Any) -> Any:
    shape = Shape(body, **counts)
    carry, xs, shared = shape.operands(operands)
    weak = [value.weak for value in body.graph.inputs[shape.carry : shape.carry + len(xs)]]
    columns = [wrap(x).tolist() if yes else x for x, yes in zip(xs, weak, strict=True)]
    rows: list[list[Any]] = [[] for _ in range(shape.ys)]
    before: list[list[Any]] = [[] for _ in range(shape.history)]
    for i in reversed(range(length)) if reverse else range(length):
        for kept, c in zip(before, carry, strict=False):
            kept.append(c)
        x = [column[i] if type(column) is list else column[i, ...] for column in columns]
        out = body.run((*carry, *x, *shared))
        carry = out[: shape.carry]
        for row, y in zip(rows, out[shape.carry :], strict=True):
            row.append(y)
    if reverse:
        for row in (*rows, *before):
            row.reverse()
    place = xp.device_of(next(x for x in operands if hasattr(x, "shape")))
    last = [xp.asarray(c, device=place) if type(c) in LITERALS else c for c in carry]
    return (*last, *[_stacked(xp, row, place) for row in (*rows, *before)])


def _stacked(xp: Any, row: list[Any], place: Any) -> Any:
    if type(row[-1]) in LITERALS:
        return xp.asarray([number(x) for x in row], device=place)
    return xp.stack(row)


class ScanOp(General):
    """Runs a body for each slice."""

    __slots__ = ()
    kind_facts = OpFacts(python_loop=True, axis_name=True)

    def abstract(
        self, body: Body, length: int, reverse: bool, **counts: Any
    ) -> list[tuple[Any, Any, Any]]:
        """Shape, data type and device of each answer."""
        shape, graph = Shape(body, **counts), body.graph
        found = [(v.shape, v.dtype, v.device) for v in graph.outputs[: shape.carry]]
        rows = [*graph.outputs[shape.carry :], *graph.inputs[: shape.history]]
        return found + [((length, *v.shape), v.dtype, v.device) for v in rows]

    def pruned(self, equation: Equation, needed: set[Any]) -> Equation:
        """The equation without the carries before each step, where nothing needs them."""
        shape = _shape(equation.params)
        kept = shape.carry + shape.ys
        if not shape.history or not needed.isdisjoint(equation.outputs[kept:]):
            return equation
        params = {**equation.params, "history": False}
        return Equation(self, equation.inputs, params, equation.outputs[:kept])

    def pull(self, xp: Any, g: Any, node: Any) -> Sequence[Any]:
        body, params = node.params["body"], node.params
        shape = _shape(params)
        _, xs, shared = shape.operands([wrap(x) for x in node.args])
        _, moved_xs, moved_shared = shape.operands(node.parents)
        before = [wrap(x) for x in shape.answers(node.ans)[2]]
        g_carry, g_ys, g_before = shape.answers(g)
        inexact = shape.inexact
        at_x = [i for i, parent in enumerate(moved_xs) if parent is not None]
        at_shared = [i for i, parent in enumerate(moved_shared) if parent is not None]
        history = [] if _all_zero(g_before) else inexact
        count = shape.carry, shape.scanned, len(shape.inexact_ys)

        def step(carry: Arrays, x: Arrays) -> tuple[Arrays, Arrays]:
            gs, sums = carry[: len(inexact)], carry[len(inexact) :]
            values, slices = x[: count[0]], x[count[0] : count[0] + count[1]]
            arriving, late = x[count[0] + count[1] :][: count[2]], x[sum(count) :]

            def moving(*some: Any) -> Arrays:
                given, full = iter(some), [*values, *slices, *shared]
                places = [*inexact, *(shape.carry + i for i in at_x)]
                for place in [*places, *(shape.carry + shape.scanned + i for i in at_shared)]:
                    full[place] = next(given)
                out = body(*full)
                wanted = [*inexact, *(shape.carry + j for j in shape.inexact_ys)]
                return [out[i] for i in wanted]

            primals = [
                *[values[i] for i in inexact], *[slices[i] for i in at_x],
                *[shared[i] for i in at_shared],
            ]  # fmt: skip
            found = [wrap(c) for c in vjp_once(moving, primals, [*gs, *arriving])]
            new, rest = found[: len(inexact)], found[len(inexact) :]
            for i, extra in enumerate(late):
                new[i] = new[i] + extra
            added = [a + b for a, b in zip(sums, rest[len(at_x) :], strict=True)]
            return [*new, *added], rest[: len(at_x)]

        carry = [*[wrap(g_carry[i]) for i in inexact], *[ops.zeros_like(shared[i]) for i in at_shared]]  # fmt: skip # noqa: E501
        over = [
            *before, *xs, *[wrap(g_ys[j]) for j in shape.inexact_ys],
            *[wrap(g_before[i]) for i in history],
        ]  # fmt: skip
        weak = [v.weak for v in body.graph.inputs[: shape.carry + shape.scanned]]
        weak_over = [*weak, *[False] * (len(over) - len(weak))]
        marks = [False] * len(carry), weak_over
        last, ys, _ = loop(
            step, carry, over, params["length"], not params["reverse"], marks, "backward"
        )
        found: list[Any] = [None] * len(node.parents)
        for i, c in zip(inexact, last, strict=False):
            found[i] = plain(c)
        for i, c in zip(at_x, ys, strict=True):
            found[shape.carry + i] = plain(c)
        for i, c in zip(at_shared, last[len(inexact) :], strict=True):
            found[shape.carry + shape.scanned + i] = plain(c)
        return found

    def push(
        self, xp: Any, tangents: Sequence[Any], ans: Any, args: tuple[Any, ...], params: Any
    ) -> Any:
        body, shape = params["body"], _shape(params)
        start, xs, shared = shape.operands([wrap(x) for x in args])
        t_carry, t_xs, t_shared = shape.operands(tangents)
        before = [wrap(x) for x in shape.answers(ans)[2]]
        at_x = [i for i, t in enumerate(t_xs) if t is not None]
        inexact, outputs = shape.inexact, body.graph.outputs
        split = shape.carry + shape.scanned

        def step(carry: Arrays, x: Arrays) -> tuple[Arrays, Arrays]:
            directions: list[Any] = [None] * (split + len(shared))
            for i, t in zip(inexact, carry, strict=True):
                directions[i] = t
            for i, t in zip(at_x, x[split:], strict=True):
                directions[shape.carry + i] = t
            directions[split:] = [None if t is None else wrap(t) for t in t_shared]
            moved = jvp(lambda *all: body(*all), (*x[:split], *shared), directions)[1]
            ys = [moved[shape.carry + j] for j in shape.inexact_ys]
            return [_fitting(moved[i], outputs[i]) for i in inexact], [*ys, *carry]

        first = [
            ops.zeros(start[i].shape, dtype=outputs[i].dtype, device=ops.device_of(start[i]))
            if t_carry[i] is None else wrap(t_carry[i])
            for i in inexact
        ]  # fmt: skip
        over = [*before, *xs, *[wrap(t_xs[i]) for i in at_x]]
        weak = [v.weak for v in body.graph.inputs[:split]] + [False] * len(at_x)
        marks = [False] * len(first), weak
        last, rows, _ = loop(
            step, first, over, params["length"], params["reverse"], marks, "forward"
        )
        found: list[Any] = [None] * len(ans)
        for i, t in zip(inexact, last, strict=True):
            found[i] = plain(t)
        places = [shape.carry + j for j in shape.inexact_ys]
        places += [shape.carry + shape.ys + i for i in inexact]
        for i, t in zip(places, rows, strict=True):
            found[i] = plain(t)
        return tuple(found)


def _fitting(x: Any, like: Any) -> Any:
    """A tangent as an array of its primal's data type."""
    return x if x.dtype == like.dtype else ops.astype(x, like.dtype)


def _all_zero(arrays: Arrays) -> bool:
    """Whether cotangents are known to be nothing: those of answers that were not used."""
    arrays = [wrap(x) for x in arrays if as_dtype(x.dtype).is_inexact]
    return all(x._trace is BASE and not ops.any(x != 0) for x in arrays)


def _shape(params: dict[str, Any]) -> Shape:
    return Shape(params["body"], params["carry"], params["scanned"], params["history"])


def _batch(
    op: Any,
    size: int,
    values: Arrays,
    batched: Sequence[bool],
    params: Any,
    name: str | None = None,
) -> Any:
    body, shape = params["body"], _shape(params)
    flags = spreading(body, list(batched), shape.carry)
    carry, xs, shared = shape.operands([wrap(v) for v in values])
    carry = [
        wrap(spread_batch(c, b, size)) if yes else c
        for c, b, yes in zip(carry, batched, flags, strict=False)
    ]
    over = [
        ops.moveaxis(x, 1, 0) if yes else x
        for x, yes in zip(xs, flags[shape.carry :], strict=False)
    ]
    answers = body.depends(flags)
    answers[: shape.carry] = flags[: shape.carry]
    mapped = mapped_again(
        lambda *all: tuple(body(*all)),
        tuple([0 if yes else None for yes in flags]),
        name,
        tuple([0 if yes else None for yes in answers]),
    )

    def step(carry: Arrays, x: Arrays) -> tuple[Arrays, Arrays]:
        out = mapped(*carry, *x, *shared)
        return out[: shape.carry], out[shape.carry :]

    weak = [v.weak and not f for v, f in zip(body.graph.inputs, flags, strict=True)]
    marks = weak[: shape.carry], weak[shape.carry : shape.carry + shape.scanned]
    found = loop(step, carry, over, params["length"], params["reverse"], marks)
    out = [spread_batch(c, yes, size) for c, yes in zip(found[0], answers, strict=False)]
    for y, yes in zip((*found[1], *found[2]), answers[shape.carry :] + flags[: shape.carry], strict=True):  # fmt: skip # noqa: E501
        out.append(ops.moveaxis(y, 0, 1) if yes else spread_batch(y, False, size))
    return tuple(map(plain, out))


def spreading(body: Body, flags: list[bool], carry: int) -> list[bool]:
    """The flags of the operands, once what differs in one step has spread over the carry."""
    while True:
        spread = [a or b for a, b in zip(flags[:carry], body.depends(flags), strict=False)]
        if spread == flags[:carry]:
            return flags
        flags = [*spread, *flags[carry:]]


def _keeps_all(xp: Any, g: Any, ans: Any, *operands: Any, **params: Any) -> Any:
    raise NotImplementedError  # what is kept is read off it; `pull` and `push` do the work


scan_op = ScanOp("scan", _keeps_all, _keeps_all, _forward, multiple=True, batch=_batch)
