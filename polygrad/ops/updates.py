"""Functional updates: ``x.at[key].add(values)`` is a new array, ``x`` stays as it is."""

from collections.abc import Callable, Iterator
from typing import Any

from polygrad.array import (
    Array,
    _namespace,
    differs_between_examples,
    is_array,
    is_number,
    is_symbolic,
)
from polygrad.core.trace import as_number
from polygrad.dtypes import as_dtype, check_range
from polygrad.errors import ArgumentTypeError
from polygrad.ops.arithmetic import divide, multiply, negative, pow
from polygrad.ops.comparison import maximum, minimum
from polygrad.ops.creation import arange_beside, as_operand, asarray
from polygrad.ops.datatypes import astype, stop_gradient, to_numpy
from polygrad.ops.indexing import getitem, index_set, scatter_add
from polygrad.ops.manipulation import broadcast_to, reshape


class At:
    """``at(x)[key]``: a place in an array to be updated; see `at`."""

    __slots__ = ("_x", "_key")

    def __init__(self, x: Any, key: Any = None) -> None:
        self._x, self._key = x, key

    def __getitem__(self, key: Any) -> "At":
        return At(self._x, key)

    def get(self) -> Any:
        """The elements themselves, ``x[key]``."""
        return getitem(self._x, self._key)

    def set(self, values: Any) -> Any:
        """``values`` at the place; where it is named twice, the last value stands."""
        return index_set(self._x, values, self._key)

    def add(self, values: Any) -> Any:
        """``values`` added; where the place is named twice, both are."""
        x = self._x
        values = self._fitted(values)
        if _is_mask(self._key) and not _has_integers(self._key):
            return index_set(x, getitem(x, self._key) + values, self._key)
        return x + scatter_add(values, self._key, tuple(x.shape))

    def subtract(self, values: Any) -> Any:
        """``values`` subtracted; where the place is named twice, both are."""
        return self.add(negative(self._fitted(values)))

    def multiply(self, values: Any) -> Any:
        """The elements times ``values``."""
        return self.apply(multiply, values)

    def divide(self, values: Any) -> Any:
        """The elements divided by ``values``; ``x`` has to be floating-point."""
        return self.apply(divide, values)

    def power(self, values: Any) -> Any:
        """The elements to the power of ``values``."""
        return self.apply(pow, values)

    def min(self, values: Any) -> Any:
        """The smaller of each element and its value."""
        return self.apply(minimum, values)

    def max(self, values: Any) -> Any:
        """The larger of each element and its value."""
        return self.apply(maximum, values)

    def apply(self, function: Callable[[Any, Any], Any], values: Any) -> Any:
        """``function(element, value)`` in place of each element.

        Where a place is named several times, its values come to it one after another.
        """
        x, key = self._x, self._key
        values = self._fitted(values)
        if not _has_integers(key):
            return index_set(x, function(getitem(x, key), values), key)
        numbers = reshape(arange_beside(_size(x.shape), x), tuple(x.shape))
        targets = getitem(numbers, key)
        flat = reshape(x, (-1,))
        values = reshape(broadcast_to(values, tuple(targets.shape)), (-1,))
        if is_symbolic(targets) and values.shape[0] > UNROLLED:
            return reshape(_in_a_loop(function, flat, targets, values), tuple(x.shape))
        for sources, at in _rounds(reshape(targets, (-1,)), x):
            picked = getitem(values, sources)
            flat = index_set(flat, function(getitem(flat, at), picked), at)
        return reshape(flat, tuple(x.shape))

    def _fitted(self, values: Any) -> Any:
        """The values as an array with the data type of ``x``."""
        x = self._x
        dtype = as_dtype(x.dtype)
        values = as_operand(check_range(as_number(values), dtype), x, "x.at[...]: values")
        given = as_dtype(values.dtype)
        if dtype == given:
            return values
        if (given.is_inexact and not dtype.is_inexact) or (
            given.is_complex and not dtype.is_complex
        ):
            raise ArgumentTypeError(
                f"x.at[...]: values are {given} and x is {dtype}, which cannot hold them; "
                "convert x first with pg.astype"
            )
        return asarray(values, dtype=dtype) if is_number(values) else astype(values, dtype)


UNROLLED = 4
"""Updates at places not known while jit traces that are written out one by one."""


def _in_a_loop(function: Callable[[Any, Any], Any], flat: Any, targets: Any, values: Any) -> Any:
    """Updates one after another: a program as long for a thousand of them as for one."""

    def step(flat: Any, one: Any) -> Any:
        at, value = one
        return index_set(flat, function(getitem(flat, at), value), at), None

    columns = reshape(targets, (-1, 1)), reshape(values, (-1, 1))
    return _namespace().scan(step, flat, columns)[0]


def _size(shape: Any) -> int:
    n = 1
    for length in shape:
        n *= length
    return n


def _parts(key: Any) -> tuple[Any, ...]:
    return key if isinstance(key, tuple) else (key,)


def _is_mask(key: Any) -> bool:
    return any(is_array(p) and as_dtype(p.dtype).group == "bool" for p in _parts(key))


def _has_integers(key: Any) -> bool:
    """Whether a place can be named more than once: by integer arrays only."""
    return any(
        isinstance(p, list | tuple)
        or (is_array(p) and p.shape and as_dtype(p.dtype).group != "bool")
        for p in _parts(key)
    )


def _rounds(targets: Any, like: Any) -> Iterator[tuple[Any, Any]]:
    """Updates split into rounds that name no target twice, in order: (sources, targets).

    Targets that differ between the examples of a vmap, or that jit does not know yet, cannot be
    compared: one update a round.
    """
    if differs_between_examples(targets) or is_symbolic(targets):
        for source in range(targets.shape[0]):
            one = slice(source, source + 1)
            yield one, getitem(targets, one)
        return
    seen: dict[int, int] = {}
    rounds: list[tuple[list[int], list[int]]] = []
    for source, target in enumerate(to_numpy(stop_gradient(targets)).tolist()):
        n = seen.get(target, 0)
        seen[target] = n + 1
        if n == len(rounds):
            rounds.append(([], []))
        rounds[n][0].append(source)
        rounds[n][1].append(target)
    for sources, places in rounds:
        yield as_operand(sources, like, "sources"), as_operand(places, like, "places")


def at(x: Any, /) -> At:
    """Functional updates: ``at(x)[key].add(values)`` is a new array; ``x.at[key]`` on an Array.

    The methods are ``set add subtract multiply divide power min max apply(function, values)``
    and ``get``. ``key`` is anything that indexing takes, ``values`` broadcast. A place named
    several times gets all its updates in their order; with ``set`` the last value stands.
    Differentiable by ``x`` and by the values.

    >>> x = pg.zeros(3)
    >>> x.at[[0, 0, 2]].add(pg.asarray([1.0, 2.0, 5.0]))
    Array([3., 0., 5.], dtype=float64, device=cpu)
    """
    return At(asarray(x) if not is_array(x) else x)


def install() -> None:
    """Give Array its ``at``; called once by `polygrad.ops`."""
    setattr(Array, "at", property(At))
