"""What is computed from a matrix product at each of its elements becomes part of its kernel.

So a bias and an activation, or the update of a weight by its gradient, take no kernel of their
own, and the product itself need not be written where nothing else reads it.
"""

from typing import Any

from polygrad.compile.cuda.pull import Puller
from polygrad.compile.cuda.steps import Group, Library, Product, Root, Step, Tiled
from polygrad.compile.cuda.tiles import Tiles
from polygrad.compile.graph import Value
from polygrad.compile.index import identity

Schedule = Any  # polygrad.compile.cuda.schedule.Schedule, which imports this module
AGAIN = 6
"""Cost of what is computed twice, in the product's kernel and outside, up to which that is done."""


def attach(schedule: Schedule) -> None:
    """Move what kernels compute from tiled products to the products, step by step."""
    for step in list(schedule.steps):
        if isinstance(step, Tiled) and Tiles(step.equation).chunks == 1:
            _attach(schedule, step)


def _attach(schedule: Schedule, product: Tiled) -> None:
    out, steps = product.equation.out, schedule.steps
    at = next(i for i, step in enumerate(steps) if step is product)
    for i in range(at + 1, len(steps)):
        group = steps[i]
        if out not in _reads(schedule, group):
            continue
        moved, left = _divided(schedule, group, out) if isinstance(group, Group) else ([], [])
        if not moved:
            return
        assert isinstance(group, Group)
        product.roots = moved
        following: list[Step] = []
        if left:
            kept = Group(group.space, left)
            kept.reads, kept.cost = _pulled(schedule, group.space, left)
            following.append(kept)
        rest = [*following, *steps[i + 1 :]]
        if out in schedule.results or any(out in _reads(schedule, step) for step in rest):
            product.roots = [Root(out, out), *moved]
        steps[at:] = [*steps[at + 1 : i], product, *rest]
        return


def _divided(schedule: Schedule, group: Group, out: Value) -> tuple[list[Root], list[Root]]:
    """The roots that can be computed with a product, and the others."""
    moved: list[Root] = []
    left: list[Root] = []
    if group.space != out.shape:
        return moved, group.roots
    here = identity(_names(group.space))
    for root in group.roots:
        puller = Puller(schedule.producers, schedule.stored, lambda value: "p")
        puller.get(root.source, here, root.source is root.value)
        known = {out, *(other.value for other in moved)}
        places = [index for value, index in puller.reads if value in known]
        fits = not root.op and places and all(index == here for index in places)
        (moved if fits else left).append(root)
    own = {root.value for root in left}
    reads, cost = _pulled(schedule, group.space, moved)
    other = _pulled(schedule, group.space, left)[1]
    together = _pulled(schedule, group.space, group.roots)[1]
    if reads & own or cost + other > together + AGAIN:
        return [], group.roots
    return moved, left


def _pulled(
    schedule: Schedule, space: tuple[int, ...], roots: list[Root]
) -> tuple[set[Value], int]:
    """What roots read that is not among them, and what they cost together."""
    puller = Puller(schedule.producers, schedule.stored, lambda value: "p")
    here = identity(_names(space))
    for root in roots:
        puller.get(root.source, here, root.source is root.value)
    return {value for value, _ in puller.reads}, puller.cost


def _names(space: tuple[int, ...]) -> list[str]:
    return [f"i{d}" if n != 1 else "" for d, n in enumerate(space)]


def _reads(schedule: Schedule, step: Step) -> set[Value]:
    """The values in memory that a step reads."""
    if isinstance(step, Group):
        return step.reads
    if isinstance(step, Product | Library):
        given = step.operands if isinstance(step, Product) else step.values
        return {value if value.weak else schedule.base(value) for value in given}
    puller = Puller(schedule.producers, schedule.stored, lambda value: "p")
    for x in step.equation.inputs:
        puller.get(x, identity(_names(x.shape)))
    here = identity(_names(step.equation.out.shape))
    puller.known[step.equation.out, here] = "x"
    for root in step.roots:
        puller.get(root.source, here, root.source is root.value)
    return {value for value, _ in puller.reads}
