"""What the tests of vmap share: batches of examples for the cases of the op table, and loops."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import optree
from op_driver import put
from op_table import Case, Row, convert

import polygrad as pg

SIZE = 3


class Batch:
    """The arguments of a case for several examples, some of the operands shared by all.

    ``leaves`` are the arguments that are arrays, those at ``mapped`` with the examples in front;
    ``call`` runs the row's function on the arrays of one example.
    """

    def __init__(self, row: Row, case: Case, given: Any, mapped: Sequence[int]) -> None:
        self.row, self.case, self.given = row, case, given
        self._full, self._spec = optree.tree_flatten((given, case.kwargs))
        self._places = array_places(self._full)
        self.mapped = tuple(mapped)
        self.axes = [0 if i in mapped else None for i in range(len(self._places))]
        arrays = [self._full[i] for i in self._places]
        self.leaves = [
            np.stack([example(row, a, k) for k in range(SIZE)]) if i in mapped else a
            for i, a in enumerate(arrays)
        ]
        fixed = owners(row, given)
        self.varied = [
            i
            for i, a in enumerate(arrays)
            if a.dtype.kind in "fc" and i < len(fixed) and not fixed[i]
        ]

    def call(self, *arrays: Any) -> list[Any]:
        """The outputs that are arrays."""
        full = list(self._full)
        for place, array in zip(self._places, arrays, strict=True):
            full[place] = array
        args, kwargs = optree.tree_unflatten(self._spec, full)
        out = self.row.function(*args, **kwargs)
        out = out if self.row.project is None else self.row.project(out)
        return [leaf for leaf in optree.tree_leaves(out) if pg.is_array(leaf)]

    def put(self, device: Any) -> list[Any]:
        """The batched leaves as Arrays on a device."""
        return [put(leaf, device, raw=False) for leaf in self.leaves]

    def example(self, device: Any, k: int) -> list[Any]:
        """The leaves of one example."""
        leaves = [a[k] if axis == 0 else a for a, axis in zip(self.leaves, self.axes, strict=True)]
        return [put(np.asarray(leaf), device, raw=False) for leaf in leaves]

    @property
    def refused(self) -> bool:
        """Whether the shape of the answer would differ between the examples."""
        arrays = [self._full[i] for i in self._places]
        masks = self.case.needs == "boolean_indexing"
        decides = {i for i, a in enumerate(arrays) if masks and a.dtype.kind == "b"}
        return bool({*decides, *self.row.decides}.intersection(self.mapped))

    def __repr__(self) -> str:
        return f"{self.row}{self.case}, mapped operands {self.mapped}"


def array_places(leaves: Sequence[Any]) -> list[int]:
    """Where among leaves the arrays are."""
    return [i for i, leaf in enumerate(leaves) if isinstance(leaf, np.ndarray)]


def owners(row: Row, args: tuple[Any, ...]) -> list[bool]:
    """For each array among the positional arguments whether its argument is fixed."""
    return [
        i in row.fixed
        for i, arg in enumerate(args)
        for leaf in optree.tree_leaves(arg)
        if isinstance(leaf, np.ndarray)
    ]


def example(row: Row, array: Any, k: int) -> Any:
    """Another array of the kind that the row takes: the given one for ``k`` = 0.

    Elements move to other places, which keeps them in the interval the function is defined on;
    matrices, which have properties as a whole, are changed a little instead.
    """
    if k == 0 or array.size == 0:
        return array
    if row.another is not None:
        return row.another(array, k).astype(array.dtype)
    whole = row.name.startswith("linalg.") or "linalg." in row.name
    if array.dtype.kind in "biu" or not whole:
        return np.roll(array.ravel(), k).reshape(array.shape)
    factors = 1 + 0.05 * k * np.cos(np.arange(array.size) * 1.7 + k).reshape(array.shape)
    return (array * factors).astype(array.dtype)


def choices(count: int) -> Iterator[tuple[int, ...]]:
    """Which of the operands are batched: all, and each one alone."""
    if count:
        yield tuple(range(count))
    if count > 1:
        yield from ((i,) for i in range(count))


def batches(row: Row, dtypes: Sequence[str]) -> Iterator[tuple[Batch, str]]:
    """Each case in some data types, with each choice of batched operands."""
    for case in row.cases:
        for dtype in dtypes:
            given = convert(case.args, dtype)
            count = len(array_places(optree.tree_leaves((given, case.kwargs))))
            for mapped in choices(count):
                yield Batch(row, case, given, mapped), dtype


def loss_of(batch: Batch) -> Callable[..., Any]:
    """A real function of one example that every element of every output takes part in."""

    def loss(*arrays: Any) -> Any:
        total: Any = 0.0
        for out in batch.call(*arrays):
            if out.dtype.is_inexact:
                total = total + pg.sum(weighted(out))
        return total

    return loss


def weighted(out: Any) -> Any:
    """The real part of an output times fixed weights that differ."""
    weights = np.cos(np.arange(int(np.prod(out.shape))) * 1.3 + 0.4).reshape(out.shape)
    dtype = out.dtype.name
    if out.dtype.is_complex:
        weights = weights + 1j * weights[::-1] if weights.ndim else weights + 0.5j
    weights = pg.asarray(weights.astype(dtype), device=out.device)
    product = out * weights
    return pg.real(product) if out.dtype.is_complex else product


def seeds_of(batch: Batch, arrays: Sequence[Any]) -> tuple[Any, ...]:
    """A tangent for each array that is varied, None for the others."""
    return tuple(
        pg.cos(pg.astype(pg.real(a) if a.dtype.is_complex else a, "float64") * 3)
        + 0.5 * pg.ones_like(a)
        if i in batch.varied
        else None
        for i, a in enumerate(arrays)
    )
