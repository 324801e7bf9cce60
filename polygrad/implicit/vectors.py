"""Pytrees as vectors: what the solvers compute with."""

from collections.abc import Callable
from typing import Any

from polygrad import ops, tree
from polygrad.array import Array, differs_between_examples, is_array
from polygrad.core.trace import describe
from polygrad.errors import ArgumentTypeError, DTypeError, ShapeError
from polygrad.transforms.branches import some
from polygrad.transforms.carry import shown


class Layout:
    """The structure, shapes and data types of a pytree of floating-point arrays."""

    def __init__(self, name: str, argument: str, value: Any) -> None:
        leaves, self.spec = tree.flatten(value)
        self._name, self._argument = name, argument
        self._leaves = []
        for leaf, path in zip(leaves, tree.paths(value), strict=True):
            leaf = as_array(leaf)
            if type(leaf) is not Array or not leaf.dtype.is_inexact:
                raise (DTypeError if is_array(leaf) else ArgumentTypeError)(
                    f"{name}: {argument}{path} is {describe(leaf)}, expected floating-point "
                    "arrays; convert it with pg.astype, or write 3.0 for 3"
                )
            self._leaves.append((leaf.shape, leaf.dtype, leaf.size))
        if not leaves:
            raise ArgumentTypeError(f"{name}: {argument} holds no array, expected at least one")
        self.size = sum(size for _, _, size in self._leaves)
        self.dtype = ops.result_type(*(dtype for _, dtype, _ in self._leaves))

    def ravel(self, value: Any, what: str | None = None) -> Any:
        """The leaves of a pytree of this layout as one vector; ``what`` names it in errors."""
        what = what or self._argument
        leaves, spec = tree.flatten(value)
        tree.check_same(spec, self.spec, f"{self._name}: {what}", self._argument)
        parts = []
        for i, (leaf, (shape, dtype, _)) in enumerate(zip(leaves, self._leaves, strict=True)):
            leaf = as_array(leaf)
            if type(leaf) is not Array or leaf.shape != shape:
                raise ShapeError(
                    f"{self._name}: {what}{tree.paths(value)[i]} is {describe(leaf)}, expected "
                    f"shape {tuple(shape)}, that of {self._argument}"
                )
            if leaf.dtype.is_complex and not dtype.is_complex:
                raise DTypeError(
                    f"{self._name}: {what}{tree.paths(value)[i]} is {leaf.dtype}, expected "
                    f"{dtype}, that of {self._argument}; start with a complex one"
                )
            flat = ops.reshape(leaf, (-1,))
            parts.append(flat if leaf.dtype == self.dtype else ops.astype(flat, self.dtype))
        return parts[0] if len(parts) == 1 else ops.concat(parts)

    def unravel(self, vector: Any) -> Any:
        """The pytree that a vector stands for."""
        leaves, start = [], 0
        for shape, dtype, size in self._leaves:
            part = vector if size == self.size else vector[start : start + size]
            if dtype != self.dtype:
                part = ops.astype(part if dtype.is_complex else _real(part), dtype)
            leaves.append(ops.reshape(part, shape))
            start += size
        return tree.unflatten(self.spec, leaves)

    def lift(self, f: Callable[[Any], Any], what: str) -> Callable[[Any], Any]:
        """A function of pytrees of this layout as one of vectors."""
        return lambda vector: self.ravel(f(self.unravel(vector)), what)

    def tolerance(self, tol: float | None) -> float:
        """``tol``, or a default that the data type can reach: eps ** (2/3)."""
        return float(ops.finfo(self.dtype).eps) ** (2 / 3) if tol is None else tol


def as_array(leaf: Any, device: Any = None) -> Any:
    """A number of Python or a library as an array; other leaves as functions see them."""
    return ops.asarray(leaf, device=device) if type(leaf) in (float, complex) else shown(leaf)


def place_of(*values: Any) -> Any:
    """The device of the first array in some pytrees, or None."""
    return next((ops.device_of(leaf) for leaf in tree.leaves(values) if is_array(leaf)), None)


def all_inexact(value: Any) -> bool:
    """Whether a pytree holds floating-point arrays and nothing else, one at least."""
    leaves = tree.leaves(value)
    return bool(leaves) and all(type(x) is Array and x.dtype.is_inexact for x in leaves)


def _real(x: Any) -> Any:
    return ops.real(x) if x.dtype.is_complex else x


def dot(a: Any, b: Any) -> Any:
    """The inner product of two vectors, linear in the second."""
    return ops.sum((ops.conj(a) if a.dtype.is_complex else a) * b)


def norm(x: Any) -> Any:
    """The Euclidean length of a vector."""
    return ops.sqrt(_real(dot(x, x)))


def largest(x: Any) -> Any:
    """The largest absolute value in a vector, 0 if it is empty."""
    return ops.max(ops.abs(x)) if x.size else ops.zeros((), dtype=_real(x).dtype, device=x.device)


def everywhere(pred: Any) -> bool:
    """Whether a condition holds, in every example of a vmap."""
    return not some(ops.logical_not(pred))


def worst(x: Any) -> str:
    """A number for a message: itself, or what is known of it inside vmap."""
    return "" if differs_between_examples(x) else f" {ops.stop_gradient(x).item():.3g}"
