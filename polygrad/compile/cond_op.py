"""cond as one op: two bodies, of which one runs."""

from collections.abc import Callable, Sequence
from typing import Any

from polygrad import ops
from polygrad.array import wrap
from polygrad.compile.body import Body, number, trace_body
from polygrad.compile.tracing import value_like
from polygrad.core.kinds import General
from polygrad.core.op import OpFacts
from polygrad.core.record import plain
from polygrad.core.trace import bind
from polygrad.transforms.grad import vjp_once
from polygrad.transforms.jvp import jvp
from polygrad.transforms.vmap import mapped_again

Arrays = Sequence[Any]
Branch = Callable[[Arrays], Arrays]


def choose(pred: Any, yes: Branch, no: Branch, operands: Arrays, weak: Sequence[bool]) -> Arrays:
    """What one of two functions of the operands returns: arrays of the same kinds."""
    inputs = [value_like(x, w) for x, w in zip(operands, weak, strict=True)]
    first = trace_body(yes, inputs, "true_fun")
    second = trace_body(no, [value.like() for value in inputs], "false_fun")
    return run_cond(pred, operands, first, second)


def run_cond(
    pred: Any, operands: Arrays, yes: tuple[Body, Arrays], no: tuple[Body, Arrays]
) -> Arrays:
    """The answers of one body; each comes with the arrays it captured."""
    (first, mine), (second, others) = yes, no
    params = {"yes": first, "no": second, "shared": len(operands)}
    return [wrap(x) for x in bind(cond_op, (pred, *operands, *mine, *others), params)]


def _places(yes: Body, no: Body, shared: int) -> tuple[list[int], list[int]]:
    """Which operands of the op each body gets; the condition is the first."""
    common = list(range(1, 1 + shared))
    end = 1 + len(yes.graph.inputs)
    return (
        common + list(range(1 + shared, end)),
        common + list(range(end, end + len(no.graph.inputs) - shared)),
    )


def _forward(xp: Any, *operands: Any, yes: Body, no: Body, shared: int) -> Any:
    holds = number(operands[0])
    places = _places(yes, no, shared)[0 if holds else 1]
    return tuple((yes if holds else no).run([operands[i] for i in places]))


class CondOp(General):
    """Runs one of two bodies."""

    __slots__ = ()
    kind_facts = OpFacts(python_loop=True, axis_name=True)

    def abstract(self, yes: Body, **_: Any) -> list[tuple[Any, Any, Any]]:
        """Shape, data type and device of each answer."""
        return [(v.shape, v.dtype, v.device) for v in yes.graph.outputs]

    def pull(self, xp: Any, g: Any, node: Any) -> Sequence[Any]:
        operands = [wrap(x) for x in node.args]
        outputs = _inexact(node.params["yes"])
        moving = [i for i, parent in enumerate(node.parents) if parent is not None]

        def pulled(body: Body, places: list[int]) -> Branch:
            def branch(given: Arrays) -> Arrays:
                values, cotangents = (None, *given[: len(operands) - 1]), given[len(operands) - 1 :]
                mine = [i for i in moving if i in places]

                def of(*some: Any) -> Arrays:
                    full = list(values)
                    for i, x in zip(mine, some, strict=True):
                        full[i] = x
                    out = body(*[full[i] for i in places])
                    return [out[i] for i in outputs]

                some = vjp_once(of, [values[i] for i in mine], cotangents) if mine else ()
                found = dict(zip(mine, map(wrap, some), strict=True))
                return [found[i] if i in found else ops.zeros_like(values[i]) for i in moving]

            return branch

        out = self._again(operands, node.params, pulled, [wrap(g[i]) for i in outputs])
        found: list[Any] = [None] * len(operands)
        for i, c in zip(moving, out, strict=True):
            found[i] = plain(c)
        return found

    def push(
        self, xp: Any, tangents: Sequence[Any], ans: Any, args: tuple[Any, ...], params: Any
    ) -> Any:
        operands, like = [wrap(x) for x in args], params["yes"].graph.outputs
        outputs = _inexact(params["yes"])
        moving = [i for i, t in enumerate(tangents) if t is not None]

        def pushed(body: Body, places: list[int]) -> Branch:
            def branch(given: Arrays) -> Arrays:
                values = (None, *given[: len(operands) - 1])
                along = dict(zip(moving, given[len(operands) - 1 :], strict=True))
                primals = tuple([values[i] for i in places])
                moved = jvp(lambda *all: body(*all), primals, [along.get(i) for i in places])[1]
                return [ops.astype(moved[i], like[i].dtype, copy=False) for i in outputs]

            return branch

        out = self._again(operands, params, pushed, [wrap(tangents[i]) for i in moving])
        found: list[Any] = [None] * len(ans)
        for i, t in zip(outputs, out, strict=True):
            found[i] = plain(t)
        return tuple(found)

    def _again(self, operands: Arrays, params: Any, rule: Any, more: Arrays) -> Arrays:
        """A cond of the same condition, of what ``rule`` makes of the bodies."""
        yes, no, shared = params["yes"], params["no"], params["shared"]
        first, second = _places(yes, no, shared)
        weak = [v.weak for v in (*yes.graph.inputs, *no.graph.inputs[shared:])]
        weak += [False] * len(more)
        given = [*operands[1:], *more]
        return choose(operands[0], rule(yes, first), rule(no, second), given, weak)


def _inexact(body: Body) -> list[int]:
    return [i for i, v in enumerate(body.graph.outputs) if v.dtype.is_inexact]


def _batch(
    op: Any,
    size: int,
    values: Arrays,
    batched: Sequence[bool],
    params: Any,
    name: str | None = None,
) -> Any:
    """One branch for all examples where they agree; else both, and each example takes its own."""

    def mapped(body: Body, places: list[int]) -> Branch:
        axes = tuple([0 if batched[i] else None for i in places])

        def branch(given: Arrays) -> Arrays:
            mine = [given[i - 1] for i in places]
            if any(axis == 0 for axis in axes):
                return list(mapped_again(lambda *all: tuple(body(*all)), axes, name)(*mine))
            return [ops.broadcast_to(x, (size, *x.shape)) for x in body(*mine)]

        return branch

    operands = [wrap(v) for v in values]
    if not batched[0]:
        return tuple(map(plain, op._again(operands, params, mapped, [])))
    first, second = _places(params["yes"], params["no"], params["shared"])
    pairs = zip(
        mapped(params["yes"], first)(operands[1:]), mapped(params["no"], second)(operands[1:]),
        strict=True,
    )  # fmt: skip
    preds = [(ops.reshape(operands[0], (size, *(1,) * (len(a.shape) - 1))), a, b) for a, b in pairs]
    return tuple([plain(ops.where(*one)) for one in preds])


def _keeps_all(xp: Any, g: Any, ans: Any, *operands: Any, **params: Any) -> Any:
    raise NotImplementedError  # what is kept is read off it; `pull` and `push` do the work


cond_op = CondOp("cond", _keeps_all, _keeps_all, _forward, multiple=True, batch=_batch)
