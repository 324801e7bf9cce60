"""Pytrees as flat arrays and the rest, and what rules return held against them."""

from collections.abc import Sequence
from typing import Any

from polygrad import ops, tree
from polygrad.array import Array, is_array
from polygrad.backend import SCALAR_TYPES
from polygrad.core.trace import describe
from polygrad.errors import RuleError
from polygrad.transforms.arguments import inside


class Packed:
    """The structure of a pytree, and its leaves that are no arrays; the arrays go apart."""

    def __init__(self) -> None:
        self.spec: Any = None
        self.fixed: list[Any] = []
        self.places: list[int] = []

    def take(self, value: Any) -> tuple[Any, ...]:
        """Note the structure of a pytree and return its arrays."""
        leaves, self.spec = tree.flatten(value)
        shown = [as_seen(leaf) for leaf in leaves]
        self.places = [i for i, leaf in enumerate(shown) if type(leaf) is Array]
        self.fixed = [None if type(leaf) is Array else leaf for leaf in shown]
        return tuple([shown[i] for i in self.places])

    def join(self, arrays: Sequence[Any]) -> Any:
        """The pytree with these arrays."""
        full = list(self.fixed)
        for i, array in zip(self.places, arrays, strict=True):
            full[i] = array
        return tree.unflatten(self.spec, full)


def as_seen(leaf: Any) -> Any:
    """A leaf as functions and rules see it: every array, and library scalar, an Array."""
    if type(leaf) in SCALAR_TYPES:
        return ops.asarray(leaf)
    return inside(leaf)


def checked_cotangents(name: str, found: Any, given: Packed, like: list[Any]) -> list[Any]:
    """The cotangents of the arrays among the arguments; raises RuleError where they do not fit."""
    args = tree.children(given.spec.unflatten(range(given.spec.num_leaves)))
    if not isinstance(found, tuple | list) or len(found) != len(args):
        got = f"{len(found)} entries" if isinstance(found, tuple | list) else describe(found)
        raise RuleError(
            f"{name}: the backward rule returned {got}, expected a tuple of {len(args)}, one for "
            "each argument that is differentiated"
        )
    flat: list[Any] = []
    for n, (arg, c) in enumerate(zip(args, found, strict=True)):
        spec = tree.flatten(arg)[1]
        if c is None:
            flat += [None] * spec.num_leaves
            continue
        try:
            flat += spec.flatten_up_to(c)
        except ValueError:
            got = tree.show(tree.flatten(c)[1])
            raise RuleError(
                f"{name}: the backward rule returned the pytree {got} for argument {n}, expected "
                f"the structure of the argument, {tree.show(spec)}"
            ) from None
    paths = tree.paths(given.spec.unflatten(range(given.spec.num_leaves)))
    return [
        fitting(f"{name}: the backward rule returned", "argument", paths[i], flat[i], *one)
        for i, one in zip(given.places, like, strict=True)
    ]


def fitting(rule: str, what: str, path: str, value: Any, shape: Any, dtype: Any) -> Any:
    """A cotangent or tangent as an array, or None; raises RuleError unless it fits."""
    if value is None or not dtype.is_inexact:
        return None
    if type(value) in (float, complex) and shape == ():
        value = ops.asarray(value, dtype=dtype)
    if not is_array(value):
        raise RuleError(
            f"{rule} {describe(value)} for {what} {path}, expected an array of {dtype}"
            f"{list(shape)}, or None for zero"
        )
    value = as_seen(value)
    if tuple(value.shape) != shape or value.dtype != dtype:
        raise RuleError(
            f"{rule} {describe(value)} for {what} {path}, expected {dtype}{list(shape)}, the "
            f"shape and data type of the {what}"
        )
    return value
