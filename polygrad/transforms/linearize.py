"""linearize: the value of a function, and its derivative as a linear function to call again."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from polygrad import tree
from polygrad.array import Array, wrap
from polygrad.core.record import Program, Recorder
from polygrad.ops import asarray, zeros_like
from polygrad.transforms.arguments import (
    Leaf,
    check_callable,
    kind_of,
    nothing_to_differentiate,
    unwrap_as,
)
from polygrad.transforms.jvp import directions, jvp


class Linearised:
    """A function at a point: its value, and its derivative as a recorded program.

    ``out`` and ``aux`` are what the function returned. `push` takes the tangents of the tracked
    leaves of the primals, at ``places``, to those of the leaves of ``out``.
    """

    def __init__(self, f: Callable[..., Any], primals: tuple[Any, ...], has_aux: bool) -> None:
        recorder = Recorder(f)
        given, spec = tree.flatten(primals)
        leaves = [Leaf(one) for one in given]
        self.places = [i for i, leaf in enumerate(leaves) if leaf.value is not None]
        self.values = [leaves[i].value for i in self.places]
        self.kind = kind_of(given)
        tangents: list[Any] = [None] * len(given)
        for i, value in zip(self.places, self.values, strict=True):
            tangents[i] = recorder.input(wrap(zeros_like(value))._value)
        try:
            found = jvp(f, primals, tree.unflatten(spec, tangents), has_aux)
        finally:
            recorder.alive = False
        self.out, moved, self.aux = found if has_aux else (*found, None)
        # None, where a leaf of the output has no tangent, is no leaf of the tangents.
        self._tangents, self.spec = tree.flatten(moved)
        mine = [type(t) is Array and t._trace is recorder for t in self._tangents]
        self._program = Program(
            recorder, [t._node for t, yes in zip(self._tangents, mine, strict=True) if yes]
        )
        # A tangent that is a number (a slope of zero, at a number) is an array as the others are.
        self._tangents = [
            None if yes else asarray(t) if type(t) in (int, float, complex) else t
            for t, yes in zip(self._tangents, mine, strict=True)
        ]
        self._captured = recorder.captured

    def push(self, tangents: Sequence[Any]) -> list[Any]:
        """The tangents of the leaves of the output; constant leaves have zeros."""
        found = iter(self._program(*tangents, *self._captured))
        return [next(found) if t is None else t for t in self._tangents]


def linearize(f: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """The value of ``f`` at the primals, and its derivative there as a linear function.

    Returns ``(out, f_jvp)``, or ``(out, f_jvp, aux)`` with ``has_aux``, when ``f`` returns
    ``(out, aux)``. ``f_jvp(*tangents)`` is the tangent of ``out`` that `jvp` would return, without
    running ``f`` again: the linear steps are recorded once, with what they need kept. Primals are
    pytrees; a tangent has the structure, shapes and data types of its primal, None for zero.

    Raises DTypeError when the primals have nothing to differentiate; ``f_jvp`` raises TreeError,
    ShapeError or DTypeError when a tangent does not fit its primal.

    >>> out, f_jvp = pg.linearize(lambda x, y: x * y, 3.0, 4.0)
    >>> out, f_jvp(1.0, 0.0), f_jvp(0.0, 1.0)
    (12.0, 4.0, 3.0)
    """
    check_callable(f, "linearize")
    line = Linearised(f, primals, has_aux)
    if not line.places:
        nothing_to_differentiate("linearize", primals)

    f_jvp = partial(_pushed, line, primals)
    return (line.out, f_jvp, line.aux) if has_aux else (line.out, f_jvp)


def _pushed(line: Linearised, primals: tuple[Any, ...], /, *tangents: Any) -> Any:
    """The tangent of the output; a function of the module, so that it can be pickled."""
    found = directions(primals, tangents)
    moving = [
        zeros_like(value) if found[i] is None else found[i]
        for i, value in zip(line.places, line.values, strict=True)
    ]
    pushed = [unwrap_as(wrap(t), line.kind) for t in line.push(moving)]
    return tree.unflatten(line.spec, pushed)
