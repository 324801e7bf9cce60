"""debug_nans: the first op that makes a nan raises, and names the line that called it.

While it is off none of this runs: switching it on puts other functions in the place of the three
below, so no path has a flag to test.
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from polygrad import locks
from polygrad.array import is_array, raw_and_backend
from polygrad.core import trace
from polygrad.core.dual import ForwardTrace
from polygrad.core.op import Op
from polygrad.core.tape import ReverseTrace
from polygrad.core.trace import describe
from polygrad.dtypes import as_dtype
from polygrad.errors import NanError, user_line

VARIABLE = "POLYGRAD_DEBUG_NANS"

_here = threading.local()  # .line: that of the op whose rule this thread runs
_switch = locks.new()
_on = False


def set_debug_nans(on: bool = True) -> None:
    """Switch `debug_nans` on, or off, from here on.

    The environment variable ``POLYGRAD_DEBUG_NANS=1`` switches it on from the start.

    >>> pg.set_debug_nans(True)
    >>> pg.set_debug_nans(False)
    """
    global _on
    with _switch:
        _on = bool(on)
        for owner, name, usual, watching in _PLACES:
            setattr(owner, name, watching if _on else usual)


@contextmanager
def debug_nans(on: bool = True) -> Iterator[None]:
    """Within the block the first op that makes a nan raises NanError.

    That is an op whose result (forward pass), cotangent (backward pass) or tangent (forward
    mode) holds a nan that nothing it was given held. The error names the op, the pass, the
    shapes and the line of the program that called the op, in the backward pass too. Functions
    that `jit` compiled run uncompiled. Each result is read, which is slow and waits for a GPU.
    ``debug_nans(False)`` exempts a block. The switch is the whole process's, all threads'.

    >>> with pg.debug_nans():
    ...     pg.log(pg.asarray([1.0, -1.0]))
    Traceback (most recent call last):
    polygrad.errors.NanError: log made a nan in the forward pass...
    """
    before = _on
    set_debug_nans(on)
    try:
        yield
    finally:
        set_debug_nans(before)


def while_on(owner: Any, name: str, watching: Callable[..., Any]) -> None:
    """Have ``watching`` in the place of an attribute while `debug_nans` is on."""
    with _switch:
        _PLACES.append((owner, name, getattr(owner, name), watching))
        if _on:
            setattr(owner, name, watching)


# -- the forward pass -------------------------------------------------------------------------


def _run(op: Op, impl: Any, args: Sequence[Any], params: dict[str, Any]) -> Any:
    out = _usual_run(op, impl, args, params)
    if getattr(_here, "line", None) is None:  # a rule may make a nan that it then leaves out
        _look(op, "forward", args, out, args, None)
    return out


# -- cotangents and tangents ------------------------------------------------------------------


def _reverse(self: Any, op: Op, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
    return _usual_reverse(self, _watched(op), args, params)


def _forward(self: Any, op: Op, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
    return _usual_forward(self, _watched(op), args, params)


class _Watched:
    """What a copy of an op has before its own class: rules whose results are looked at."""

    __slots__ = ()

    def pull(self: Any, xp: Any, g: Any, node: Any, **options: Any) -> Any:
        found = self.by_rule(super().pull, xp, g, node, **options)  # type: ignore[misc]
        operands = node.args or tuple(filter(None, node.parents))  # where none had to be kept
        _look(self, "backward", (g, *node.args, node.ans), found, operands, self.line)
        return found

    def push(self: Any, xp: Any, tangents: Any, ans: Any, args: Any, params: Any) -> Any:
        found = self.by_rule(super().push, xp, tangents, ans, args, params)  # type: ignore[misc]
        _look(self, "tangent", (*tangents, *args, ans), found, args, self.line)
        return found

    def by_rule(self: Any, rule: Callable[..., Any], *args: Any, **options: Any) -> Any:
        outside = getattr(_here, "line", None)
        _here.line = self.line
        try:
            return rule(*args, **options)
        finally:
            _here.line = outside


_classes: dict[type, type] = {}


def _watched(op: Any) -> Any:
    """A copy of an op that looks at what its rules return, and knows who called it."""
    cls = type(op)
    if issubclass(cls, _Watched):
        return op
    if cls not in _classes:
        _classes[cls] = type(cls.__name__, (_Watched, cls), {"__slots__": ("line",)})
    copy: Any = object.__new__(_classes[cls])
    for base in cls.__mro__:
        for name in base.__dict__.get("__slots__", ()):
            if hasattr(op, name):
                setattr(copy, name, getattr(op, name))
    for name, value in getattr(op, "__dict__", {}).items():
        setattr(copy, name, value)
    if op.recorded is not None:
        copy.recorded = None  # residuals, which only its own rule reads, may hold a nan
    copy.fast = {}  # so that every call comes by `run`
    copy.line = getattr(_here, "line", None) or user_line()
    return copy


_PHASES = {"forward": "forward pass", "backward": "backward pass", "tangent": "forward mode"}


# -- looking ----------------------------------------------------------------------------------


def _look(op: Any, phase: str, given: Any, made: Any, operands: Any, line: str | None) -> None:
    """Raise NanError if an array in ``made`` holds a nan that those in ``given`` do not."""
    arrays = list(_arrays(made)) if _on else []  # a node may outlive the block
    if not any(map(_has_nan, arrays)):
        return
    sources = list(_arrays(given))
    if op.kind == "elementwise":
        if not any(_has_nan(array, sources) for array in arrays):
            return
    elif any(map(_has_nan, sources)):
        return
    shapes = [tuple(value.shape) for value in operands if hasattr(value, "shape")]
    shown = ", ".join(_shown(value) for value in operands)
    where = line or user_line()
    raise NanError(
        f"{op.name} made a nan in the {_PHASES[phase]}, from operands ({shown}) that held none; "
        f"it was called at {where}. Look for 0/0, inf - inf, or arguments outside of the domain; "
        "where the nan is meant, exempt the block by `with pg.debug_nans(False):`",
        op.name,
        phase,
        shapes,
        where,
    )


def _shown(value: Any) -> str:
    return describe(value) if hasattr(value, "dtype") else repr(value)


def _arrays(values: Any) -> Iterator[Any]:
    """The inexact arrays, and the Python floats, among values and tuples of them."""
    for value in values if isinstance(values, tuple | list) else (values,):
        if isinstance(value, tuple | list):
            yield from _arrays(value)
        elif type(value) in (float, complex) or (
            is_array(value) and as_dtype(value.dtype).is_inexact
        ):
            yield value


def _has_nan(value: Any, sources: Sequence[Any] = ()) -> bool:
    """Whether a value holds a nan, in a place where no source of its shape has one."""
    if type(value) in (float, complex):
        return value != value
    raw, backend = raw_and_backend(value)

    def look() -> bool:
        xp = backend.xp
        bad = xp.isnan(raw)
        for source in sources:
            if type(source) in (float, complex):
                if source != source:
                    return False
                continue
            other = raw_and_backend(source)[0]
            seen = xp.isnan(other)
            if _fits(other.shape, raw.shape):
                bad = xp.logical_and(bad, xp.logical_not(seen))
            elif bool(xp.any(seen)):
                return False
        return bool(xp.any(bad))

    return (look if backend.guard is None else backend.guard(look))()


def _fits(shape: tuple[int, ...], whole: tuple[int, ...]) -> bool:
    """Whether an array of a shape broadcasts to another."""
    return len(shape) <= len(whole) and all(
        a in (1, b) for a, b in zip(reversed(shape), reversed(whole), strict=False)
    )


_usual_run, _usual_reverse, _usual_forward = trace.run, ReverseTrace.process, ForwardTrace.process
_PLACES: list[tuple[Any, str, Any, Callable[..., Any]]] = [
    (trace, "run", trace.run, _run),
    (ReverseTrace, "process", ReverseTrace.process, _reverse),
    (ForwardTrace, "process", ForwardTrace.process, _forward),
]
if os.environ.get(VARIABLE, "0") not in ("", "0"):
    set_debug_nans(True)
