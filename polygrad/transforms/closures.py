"""Tracked arrays that a function uses without being handed them.

An op that runs a Python function, and runs it again in its rules, has to know every tracked
array the function depends on: they are operands like its arguments. A closure may hold them
anywhere; they are looked for in what the function refers to, and while it runs each stands for
the operand of that run.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from polygrad import locks
from polygrad.array import Array, is_array, wrap

_LEAVES = (bool, int, float, complex, str, bytes, type(None), type, ModuleType, CodeType)
_CONTAINERS = (list, tuple, set, frozenset)
STANDING = locks.new()
"""One for all: functions that run inside one another may hold the same arrays. Tracing takes it
too, since a function that is traced may wait for a solver, and a solver for a trace."""


def captured(*functions: Callable[..., Any]) -> list[Array]:
    """The arrays tracked by some transform that the functions refer to, each once.

    Found in closures, default values, bound arguments, containers, attributes of objects, and
    the global variables that a function names.
    """
    found: list[Array] = []
    seen: set[int] = set()
    queue: list[Any] = list(functions)
    kept: list[Any] = []  # so that no id is used twice while the walk lasts
    while queue:
        one = queue.pop()
        if isinstance(one, _LEAVES) or id(one) in seen:
            continue
        seen.add(id(one))
        kept.append(one)
        if type(one) is Array:
            if one._trace.level:
                found.append(one)
        elif not is_array(one):
            queue += _parts(one)
    return found


def _parts(one: Any) -> Iterator[Any]:
    """What an object refers to, as far as arrays can be reached that way."""
    if isinstance(one, dict):
        yield from one.values()
    elif isinstance(one, _CONTAINERS):
        yield from one
    elif isinstance(one, MethodType):
        yield from (one.__self__, one.__func__)
    elif isinstance(one, functools.partial):
        yield from (one.func, one.args, one.keywords)
    elif isinstance(one, FunctionType):
        yield from _of_function(one)
    yield from getattr(one, "__dict__", {}).values()
    for cls in type(one).__mro__:
        slots = cls.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            yield getattr(one, name, None)
    if not isinstance(one, FunctionType) and callable(one):
        yield getattr(type(one), "__call__")  # noqa: B004  its globals, not whether it has one


def _of_function(function: FunctionType) -> Iterator[Any]:
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    yield from (function.__defaults__, function.__kwdefaults__)
    if not _own(function):
        variables = function.__globals__
        yield from (variables[name] for name in _names(function.__code__) if name in variables)


def _own(function: FunctionType) -> bool:
    """Whether a function is of polygrad itself, whose global variables hold no tracked array."""
    return function.__globals__.get("__name__", "").partition(".")[0] == "polygrad"


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:  # functions defined inside
        if isinstance(constant, CodeType):
            yield from _names(constant)


@contextmanager
def standing_for(arrays: Sequence[Array], values: Sequence[Any]) -> Iterator[None]:
    """While it lasts, the captured arrays have other values: those of the run at hand.

    The objects themselves change, since that is what the function holds: a compiled program, or
    a recorded one, may run in several threads, which take turns.
    """
    if not arrays:
        yield
        return
    with STANDING, _changed(arrays, values):
        yield


@contextmanager
def _changed(arrays: Sequence[Array], values: Sequence[Any]) -> Iterator[None]:
    before = [(array._value, array._trace, array._node) for array in arrays]
    try:
        for array, value in zip(arrays, map(wrap, values), strict=True):
            array._value, array._trace, array._node = value._value, value._trace, value._node
        yield
    finally:
        for array, (value, trace, node) in zip(arrays, before, strict=True):
            array._value, array._trace, array._node = value, trace, node
