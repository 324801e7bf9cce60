"""What a loop hands from one step to the next: always the same structure, shapes and types."""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, NamedTuple

from polygrad import tree
from polygrad.array import Array, is_array, raw_and_backend, wrap
from polygrad.backend import SCALAR_TYPES
from polygrad.core.trace import describe
from polygrad.errors import ArgumentTypeError, DTypeError, ShapeError
from polygrad.transforms.arguments import kind_of, unwrap_as

NUMBERS = (bool, int, float, complex)
UNROLLED = 16
"""Steps of a loop that jit writes out one after the other; a longer loop is one instruction."""


class StagedLoops(NamedTuple):
    """Loops and branches as instructions of a program; their arguments have been checked."""

    scan: Callable[..., tuple[Any, Any]]
    while_loop: Callable[..., Any]
    cond: Callable[..., Any]


LOOPS: ContextVar[StagedLoops | None] = ContextVar("LOOPS", default=None)
"""What makes loops and branches instructions while jit traces a function; None outside of it."""


class CapturedTrackedArray(Exception):
    """A function that jit traces uses an array, or a named axis, of a transform around it."""


class Carry:
    """The carried value of one loop, checked at every step.

    ``name`` is the loop, ``argument`` the function whose answer is checked. A Python number may
    become an array without axes in the first step, and is one from then on.
    """

    def __init__(self, name: str, argument: str, init: Any) -> None:
        leaves, self._spec = tree.flatten(init)
        self._name, self._argument, self._init = name, argument, init
        self.value = tree.map(shown, init)
        self._leaves = tree.leaves(self.value)
        for leaf, path in zip(leaves, tree.paths(init), strict=True):
            if not is_array(leaf) and type(leaf) not in NUMBERS:
                raise ArgumentTypeError(
                    f"{name}: init{path} is {describe(leaf)}, expected arrays and numbers; pass "
                    "other values by a closure"
                )

    def update(self, new: Any, step: int) -> None:
        """Take the value after a step; raises TreeError, ShapeError or DTypeError."""
        self.value = self.checked(new, step)
        self._leaves = tree.leaves(self.value)

    def checked(self, new: Any, step: int) -> Any:
        """The value after a step, if it is like the one before."""
        leaves, spec = tree.flatten(new)
        if spec != self._spec:
            where = f"{self._name}: the carry that {self._argument} returned in step {step}"
            tree.check_same(spec, self._spec, where, "init")
        leaves = [shown(leaf) for leaf in leaves]
        for i, (leaf, old) in enumerate(zip(leaves, self._leaves, strict=True)):
            self._check(leaf, old, i, step)
        return tree.unflatten(spec, leaves)

    def _check(self, leaf: Any, old: Any, i: int, step: int) -> None:
        if type(leaf) is Array and type(old) is Array:
            if leaf.shape == old.shape and leaf.dtype == old.dtype:
                return
            kind: Any = ShapeError if leaf.shape != old.shape else DTypeError
            remedy = "reshape" if kind is ShapeError else "convert with pg.astype"
        elif type(old) is not Array and (type(leaf) in NUMBERS or getattr(leaf, "shape", 0) == ()):
            return
        else:
            kind, remedy = ArgumentTypeError, "return an array of the same kind"
        path = tree.paths(self._init)[i]
        raise kind(
            f"{self._name}: carry{path} was {describe(old)} before step {step} and "
            f"{self._argument} returned {describe(leaf)}, expected the same shape and data type "
            f"in every step; {remedy} it in {self._argument}, or start with an init that fits"
        )


def shown(leaf: Any) -> Any:
    """A leaf as the functions of a loop see it: every array, and library scalar, an Array."""
    if type(leaf) is Array or not is_array(leaf):
        return leaf
    raw, backend = raw_and_backend(leaf)
    return wrap(backend.normalise(raw) if type(raw) in SCALAR_TYPES else raw)


def give_back(out: Any, given: Any) -> Any:
    """An answer in the kind of array that the arguments have."""
    leaves = [leaf for leaf in tree.leaves(given) if is_array(leaf) or type(leaf) in NUMBERS]
    if not leaves:
        return out
    kind = kind_of(leaves)
    return tree.map(lambda leaf: unwrap_as(leaf, kind), out)


def check_predicate(name: str, pred: Any) -> Any:
    """A Python bool, or a boolean Array without axes: what a condition has to be."""
    if type(pred) is bool:
        return pred
    if is_array(pred):
        pred = shown(pred)
        if pred.dtype.group != "bool":
            raise DTypeError(
                f"{name}: got an array of {pred.dtype}, expected one of bool; compare, as in x > 0"
            )
        if pred.shape != ():
            raise ShapeError(
                f"{name}: got shape {pred.shape}, expected a single boolean, shape (); reduce it "
                "with pg.all or pg.any"
            )
        return pred
    raise ArgumentTypeError(f"{name}: got {describe(pred)}, expected a bool or a boolean array")
