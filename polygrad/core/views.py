"""Views: arrays that are read from, and written through to, the array they are a part of.

Libraries differ in what shares memory, and a traced program has no memory, so a view here is a
lens: how it is taken from its base and how a new value of it is put back. A write gives new
values to the array written to and to the arrays it is a view of, down to the one that is a view
of nothing; all other views of these are out of date from then on, and are taken again when they
are next looked at (`Array.__getattr__`). An array that is no view, and has none, pays nothing.
"""

import weakref
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, NamedTuple

from polygrad import array as array_module
from polygrad import locks, tree
from polygrad.array import Array
from polygrad.errors import ArgumentValueError, LeakedArrayError

Strides = tuple[int, ...]


class Lens(NamedTuple):
    """One way to be a view: each function gets the base and the key that the view was made with.

    ``put(base, new, key)`` is the base with the view as ``new``; None for a view that NumPy does
    not let be written. ``strides(strides, shape, key)`` are the view's for those of its base.
    """

    name: str
    get: Callable[[Array, Any], Any]
    put: Callable[[Array, Array, Any], Any] | None
    strides: Callable[[Strides, tuple[int, ...], Any], Strides]


class View(weakref.ref[Array]):
    """What makes an array a view. The base finds its views by these references to itself."""

    __slots__ = ("part", "base", "lens", "key")
    part: Any
    base: Array
    lens: Lens
    key: Any


def look(part: Array, base: Array, lens: Lens, key: Any) -> Array:
    """Make ``part``, just taken from ``base`` by the lens, a view of it."""
    view = View(base)
    view.part, view.base, view.lens, view.key = weakref.ref(part), base, lens, key
    part._view = view  # type: ignore[attr-defined]
    return part


def has_views(array: Array) -> bool:
    """Whether somebody holds a view of the array."""
    return any(type(found) is View for found in weakref.getweakrefs(array))


WRITING = locks.new()
"""Held from when an array is read until the new values stand: threads that write to parts of one
array do not undo each other's writes."""
RUNS_ONCE: ContextVar[int] = ContextVar("level", default=0)
"""The level of a trace in which a function runs once for many calls, or apart from its tape."""


def _written_from_inside(array: Array) -> LeakedArrayError:
    return LeakedArrayError(
        f"assignment to an array of shape {tuple(array.shape)} from outside of the function that "
        "is running: this one is run once for many calls (by jit, as the body of a traced loop "
        "or branch) or apart from what is differentiated (a custom rule), so that the write "
        "would be lost; return the new values from the function (in a loop: carry the array), "
        "or write to a copy made in it with x.copy()"
    )


def rebind(array: Array, new: Array) -> None:
    """Let the handle ``array`` stand for the value ``new``, of its shape and type, from now on.

    What it is a view of changes with it, and so do all views of these. Raises
    ArgumentValueError for a view that is read only, as a broadcast array is. Whoever computes
    ``new`` from the values of ``array`` holds `WRITING`.
    """
    with WRITING:
        _rebind(array, new)


def _rebind(array: Array, new: Array) -> None:
    written = [(array, new)]
    view = array._view
    while view is not None:
        base, lens = view.base, view.lens
        if lens.put is None:
            raise ArgumentValueError(
                f"assignment to a view that is read only: it was made by {lens.name}, as NumPy's "
                "it cannot be written; take a copy first with x.copy()"
            )
        new = lens.put(base, new, view.key)
        written.append((base, new))
        view = base._view
    once = RUNS_ONCE.get()
    for part, _ in written if once else ():
        if part._since < once:
            raise _written_from_inside(part)
    values = [(part, now._value, now._trace, now._node) for part, now in written]
    kept = None
    for part, value, trace, node in values:
        part._value, part._node, part._trace = value, node, trace
        _outdate(part, kept)
        kept = part


def _outdate(array: Array, kept: Array | None) -> None:
    """Take the values from all views of an array, at any depth, but for one."""
    waiting = [array]
    while waiting:
        for view in weakref.getweakrefs(waiting.pop()):
            if type(view) is not View:
                continue
            part = view.part()
            if part is None or part is kept:
                continue
            try:
                del part._trace  # first: who has seen the trace of an array finds the rest of it
            except AttributeError:
                continue  # out of date already, and with it its own views
            del part._value, part._node
            waiting.append(part)


_trace_of = Array.__dict__["_trace"].__get__


def _is_current(array: Array) -> bool:
    try:
        _trace_of(array)
    except AttributeError:
        return False
    return True


def refresh(array: Array) -> None:
    """Take a view from its base again, after this was written to."""
    with WRITING:
        if _is_current(array):  # by another thread, meanwhile
            return
        stale = [array]
        while not _is_current(base := stale[-1]._view.base):
            stale.append(base)
        for part in reversed(stale):
            view = part._view
            now = view.lens.get(view.base, view.key)
            part._value, part._node, part._trace = now._value, now._node, now._trace


def up_to_date(out: Any) -> Any:
    """``out``, a pytree, after its views were taken from their bases again.

    A transform asks for it before it ends: then a view cannot be taken any more.
    """
    for leaf in (out,) if type(out) is Array else tree.leaves(out):
        if type(leaf) is Array and not _is_current(leaf):
            refresh(leaf)
    return out


def strides_of(array: Array) -> Strides:
    """How far apart neighbours along each axis are, in elements of what the array is a view of.

    An array that is no view counts as stored in C order: arrays of libraries may be laid out
    otherwise, and those of a traced program are not laid out at all, but what is a view has to
    be one everywhere.
    """
    chain: list[View] = []
    while (view := array._view) is not None:
        chain.append(view)
        array = view.base
    strides = c_order(array.shape)
    for view in reversed(chain):
        strides = view.lens.strides(strides, view.base.shape, view.key)
    return strides


def c_order(shape: tuple[int, ...]) -> Strides:
    """The strides of an array of its own."""
    found, step = [], 1
    for n in reversed(shape):
        found.append(step)
        step *= n
    return tuple(reversed(found))


def reshaped_strides(
    strides: Strides, shape: tuple[int, ...], wanted: tuple[int, ...]
) -> Strides | None:
    """The strides of another shape of the same elements; None where it takes a copy.

    Axes that are merged have to follow each other without gaps.
    """
    if 0 in shape:
        return c_order(wanted)
    axes = [(n, step) for n, step in zip(shape, strides, strict=True) if n != 1]
    runs: list[list[int]] = []  # lengths and final strides of axes without gaps between them
    for n, step in axes:
        if runs and runs[-1][1] == n * step:
            runs[-1] = [runs[-1][0] * n, step]
        else:
            runs.append([n, step])
    found = []
    for n in reversed(wanted):
        if n == 1:
            found.append(0)
            continue
        while runs and runs[-1][0] == 1:
            runs.pop()
        length, step = runs[-1]
        if length % n:
            return None
        found.append(step)
        runs[-1] = [length // n, step * n]
    return tuple(reversed(found))


array_module.refresh_view = refresh
