"""The functions that make keys: of a seed, and of another key."""

from typing import Any

from polygrad import ops
from polygrad.array import Array, wrap
from polygrad.backend import host_backend
from polygrad.device import Device, current_device
from polygrad.dtypes import as_dtype
from polygrad.random.checks import integer, number
from polygrad.random.keys import (
    Key,
    checked,
    host_words,
    joined,
    made,
    numbers,
    traced,
    widened,
    words_on,
)
from polygrad.random.threefry import WORD, threefry

# The second word of a block's number says what the block is for, so that no two uses of a key
# ever share a block.
FOR_BITS, FOR_SPLIT, FOR_FOLD = 0, 1, 2


def key(seed: Any) -> Key:
    """The key for a seed, an integer from 0 to 2**64 - 1, on the current device.

    Of an integer array (one that `jit` or `vmap` traces, too) it is a key for each element, on
    the device of the array. Raises ArgumentTypeError or ArgumentValueError for anything else; of
    a traced seed the lowest 64 bits count.

    >>> pg.random.key(42)
    Key(0x00000000, 0x0000002a)
    >>> pg.random.key(pg.arange(2))
    Key([(0x00000000, 0x00000000), (0x00000000, 0x00000001)])
    """
    seed = number("key", "seed", seed, 2**64)
    if type(seed) is int:
        return made(host_words([seed >> 32, seed & WORD]), current_device())
    wide = as_dtype(seed.dtype).bits > 32
    low = seed & WORD if wide else seed
    high = (seed >> 32) & WORD if wide else ops.zeros_like(seed)
    return joined(ops.stack([_as_word(high), _as_word(low)], axis=-1))


def split(key: Key, n: int = 2) -> Key:
    """``n`` new keys in a stack, independent of one another and of the numbers drawn with ``key``.

    The stack is iterated over as a list, and `vmap` maps over it. The keys of a smaller ``n`` are
    the first ones of a larger.

    >>> first, second = pg.random.split(pg.random.key(0))
    >>> first == second
    False
    """
    checked("split", key)
    n = integer("split", "n", n, 2**32)
    place = key.device
    if not traced(key):
        xp = host_backend().xp
        counts = xp.arange(n, dtype=xp.uint32)
        blocks = threefry(numbers("split", key), counts, xp.full_like(counts, FOR_SPLIT))
        return made(xp.stack(blocks, axis=-1), place)
    counts = ops.arange(n, dtype=as_dtype(place.backend.word_dtype), device=place)
    return _derived(key, counts, FOR_SPLIT, place)


def fold_in(key: Key, data: Any) -> Key:
    """A new key for ``key`` and a number from 0 to 2**32 - 1, such as the count of a step.

    Of an array of numbers it is a stack of keys. A number that `jit` or `vmap` traces is taken
    by its lowest 32 bits, as it cannot be checked.

    >>> k = pg.random.key(0)
    >>> pg.random.fold_in(k, 1) == pg.random.fold_in(k, 2)
    False
    """
    checked("fold_in", key)
    place = key.device
    data = number("fold_in", "data", data, 2**32)
    if type(data) is int:
        if not traced(key):
            return made(host_words(threefry(numbers("fold_in", key), data, FOR_FOLD)), place)
        counts = ops.full((1,), data, dtype=as_dtype(place.backend.word_dtype), device=place)
        return _derived(key, counts, FOR_FOLD, place)[0]
    counts = widened(_as_word(ops.reshape(data, (-1,))), place)
    if counts.device != place:
        counts = ops.to_device(counts, place)
    stack = _derived(key, counts, FOR_FOLD, place)
    return joined(ops.reshape(stack._data, (*data.shape, 2)))


def _derived(key: Key, counts: Array, purpose: int, place: Device) -> Key:
    """Keys for a key and an array of numbers, by operations that transforms see."""
    first, second = (widened(word, place) for word in words_on(key, place))
    blocks = threefry((first, second), counts, ops.full_like(counts, purpose), in_place=False)
    return joined(ops.stack([_as_word(word) for word in blocks], axis=-1))


def _as_word(x: Any) -> Any:
    return wrap(ops.astype(x, as_dtype("uint32"), copy=False))
