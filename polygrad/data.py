"""Data sets in memory, as pytrees of arrays: splits and minibatches with an explicit key."""

import math
from collections.abc import Iterator
from typing import Any

from polygrad import random, tree
from polygrad.array import Array, is_array, raw_and_backend
from polygrad.device import Device, intern_device
from polygrad.errors import ArgumentTypeError, ArgumentValueError, MixedArraysError, ShapeError
from polygrad.ops import take


def minibatches(
    data: Any, batch_size: int, *, key: random.Key | None = None, drop_last: bool = False
) -> Iterator[Any]:
    """The examples of a data set in batches, each a pytree like ``data``.

    The leaves of ``data`` are arrays on one device whose first axes, the examples, are equally
    long. With a key they come in random order, the same on every backend; without, as they
    stand. The last batch may be smaller, or be left out with ``drop_last``. Gathered batch by
    batch, so no second copy of the data is held.

    Raises ArgumentTypeError, ArgumentValueError, ShapeError or MixedArraysError for arguments
    that do not fit.

    >>> x = pg.arange(5)
    >>> [batch.tolist() for batch in pg.data.minibatches(x, 2, key=pg.random.key(0))]
    [[1, 2], [0, 4], [3]]
    """
    count, place = _examples("minibatches", data)
    if type(batch_size) is bool or not hasattr(batch_size, "__index__"):
        raise ArgumentTypeError(f"minibatches: batch_size is {batch_size!r}, expected an integer")
    if (size := batch_size.__index__()) < 1:
        raise ArgumentValueError(f"minibatches: batch_size is {size}, expected 1 or more")
    order = None if key is None else random.permutation(key, count, device=place)
    stop = count - count % size if drop_last else count
    return (_part(data, order, i, min(i + size, count)) for i in range(0, stop, size))


def train_test_split(
    data: Any, *, key: random.Key | None, test_size: float = 0.25
) -> tuple[Any, Any]:
    """The examples of a data set dealt out at random to two: ``(train, test)``.

    ``data`` is as in `minibatches`. ``test_size`` is the share of examples in the second, above
    0 and below 1; it is rounded up to whole examples. With ``key`` None they are the last ones.
    Raises ArgumentValueError where either part would be empty.

    >>> train, test = pg.data.train_test_split(pg.arange(8), key=pg.random.key(0))
    >>> len(train), len(test)
    (6, 2)
    """
    count, place = _examples("train_test_split", data)
    if type(test_size) is bool or not isinstance(test_size, int | float):
        raise ArgumentTypeError(
            f"train_test_split: test_size is {test_size!r}, expected a number between 0 and 1"
        )
    if not 0.0 < test_size < 1.0:
        raise ArgumentValueError(
            f"train_test_split: test_size is {test_size}, expected a share above 0 and below 1"
        )
    tested = math.ceil(test_size * count)
    if not 0 < tested < count:
        raise ArgumentValueError(
            f"train_test_split: a share of {test_size} of {count} examples leaves "
            f"{count - tested} to train on and {tested} to test on; give more examples"
        )
    order = None if key is None else random.permutation(key, count, device=place)
    middle = count - tested
    return _part(data, order, 0, middle), _part(data, order, middle, count)


def _part(data: Any, order: Array | None, start: int, stop: int) -> Any:
    """The examples at the places from ``start`` to ``stop`` of an order."""
    if order is None:
        return tree.map(lambda leaf: leaf[start:stop, ...], data)
    chosen = order[start:stop]

    def gather(leaf: Any) -> Any:
        # A library's array goes with an index of that library, and gives its own kind back.
        return take(leaf, chosen if type(leaf) is Array else chosen._value, axis=0)

    return tree.map(gather, data)


def _examples(name: str, data: Any) -> tuple[int, Device]:
    """How many examples a data set has, and the device it is on."""
    leaves, paths = tree.leaves(data), tree.paths(data)
    if not leaves:
        raise ArgumentValueError(f"{name}: data holds no arrays; pass a pytree of arrays")
    lengths, places = [], []
    for leaf, path in zip(leaves, paths, strict=True):
        if not is_array(leaf):
            raise ArgumentTypeError(
                f"{name}: data{path} is {type(leaf).__name__}, expected an array; pass "
                "pg.asarray(...) of it"
            )
        if not leaf.shape:
            raise ShapeError(
                f"{name}: data{path} has no axes, expected examples along the first axis"
            )
        raw, backend = raw_and_backend(leaf)
        lengths.append(leaf.shape[0])
        places.append(intern_device(backend, backend.device_of(raw)))
    if len(set(lengths)) > 1:
        shown = ", ".join(f"data{p} {n}" for p, n in zip(paths, lengths, strict=True))
        raise ShapeError(f"{name}: expected as many examples in each array, got {shown}")
    if len(set(places)) > 1:
        shown = ", ".join(f"data{p} on {d}" for p, d in zip(paths, places, strict=True))
        raise MixedArraysError(f"{name}: expected one device, got {shown}; move them first")
    return lengths[0], places[0]
