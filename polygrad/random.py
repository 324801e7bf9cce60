"""Reproducible random numbers: explicit keys, the same bits on every backend and device.

The bits come from Threefry-2x32 with 20 rounds, a counter-based generator: each block of two
words is a function of the key and of its own number alone, written here in integer operations
of the array API. Source: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random
numbers: as easy as 1, 2, 3", SC '11, 2011.

A key is used once. `split` and `fold_in` make new keys of it, independent of one another and
of the numbers drawn with it.
"""

import math
from typing import Any

from polygrad import tree
from polygrad.array import Array, is_array, raw_and_backend, wrap
from polygrad.device import Device, current_device, intern_device
from polygrad.device import device as as_device
from polygrad.dtypes import DType, as_dtype
from polygrad.errors import ArgumentTypeError, ArgumentValueError, DTypeError
from polygrad.ops import take
from polygrad.threefry import WORD, threefry

_DIGITS = {"float32": 24, "float16": 11, "bfloat16": 8}  # of the significand, in base 2

# The second word of a block's number says what the block is for, so that no two uses of a key
# ever share a block.
_FOR_BITS, _FOR_SPLIT, _FOR_FOLD = 0, 1, 2


@tree.dataclass
class Key:
    """A 64-bit key in two words; made by `key`, `split` and `fold_in`."""

    high: int
    low: int

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and (self.high, self.low) == (other.high, other.low)

    def __hash__(self) -> int:
        return hash((self.high, self.low))

    def __repr__(self) -> str:
        return f"Key(0x{self.high:08x}, 0x{self.low:08x})"


def key(seed: int) -> Key:
    """The key for a seed, an integer from 0 to 2**64 - 1.

    Raises ArgumentTypeError or ArgumentValueError for anything else.

    >>> pg.random.key(42)
    Key(0x00000000, 0x0000002a)
    """
    seed = _integer("key", "seed", seed, 2**64)
    return Key(seed >> 32, seed & WORD)


def split(key: Key, n: int = 2) -> list[Key]:
    """``n`` new keys, independent of one another and of the numbers drawn with ``key``.

    >>> first, second = pg.random.split(pg.random.key(0))
    >>> first == second
    False
    """
    words = _key("split", key)
    n = _integer("split", "n", n, 2**32)
    return [Key(*threefry(words, i, _FOR_SPLIT)) for i in range(n)]


def fold_in(key: Key, data: int) -> Key:
    """A new key for ``key`` and a number from 0 to 2**32 - 1, such as the count of a step.

    >>> k = pg.random.key(0)
    >>> pg.random.fold_in(k, 1) == pg.random.fold_in(k, 2)
    False
    """
    words = _key("fold_in", key)
    return Key(*threefry(words, _integer("fold_in", "data", data, 2**32), _FOR_FOLD))


def bits(key: Key, shape: Any = (), *, dtype: Any = "uint32", device: Any = None) -> Array:
    """Uniform random bits in an unsigned integer data type, uint32 by default.

    An element depends on the key and its place (in row-major order) alone. Raises DTypeError
    for a data type that is not an unsigned integer.

    >>> pg.random.bits(pg.random.key(0), (2,))
    Array([1797259609, 2579123966], dtype=uint32, device=cpu)
    """
    words, shape, place = _key("bits", key), _shape("bits", shape), _place(device)
    dtype = as_dtype(dtype)
    if dtype.group != "unsigned integer":
        raise DTypeError(
            f"bits: dtype is {dtype}, expected uint8, uint16, uint32 or uint64; "
            "use randint for other integers"
        )
    xp, count = place.backend.xp, math.prod(shape)
    if dtype.bits == 64:
        high, low = (xp.astype(word, xp.int64) for word in _blocks(words, count, place))
        flat = xp.astype((high << 32) | low, xp.uint64)  # the same 64 bits, the sign among them
    else:
        flat = _interleaved(xp, *_blocks(words, (count + 1) // 2, place), count)
        flat = xp.astype(flat >> (32 - dtype.bits), place.backend.raw_dtype(dtype), copy=False)
    return wrap(xp.reshape(flat, shape))


def uniform(
    key: Key,
    shape: Any = (),
    *,
    low: float = 0.0,
    high: float = 1.0,
    dtype: Any = None,
    device: Any = None,
) -> Array:
    """Uniform random numbers with ``low <= x < high``; ``dtype`` float64 by default.

    Multiples of 2**-53 (float64), 2**-24 (float32) or 2**-11 (float16), scaled; rounding in the
    scaling may reach ``high``. Raises DTypeError unless the data type is real floating-point.

    >>> pg.random.uniform(pg.random.key(0), (2,), dtype=pg.float32)
    Array([0.4184571 , 0.60049903], dtype=float32, device=cpu)
    """
    words, shape, place = _key("uniform", key), _shape("uniform", shape), _place(device)
    dtype = _floating("uniform", dtype)
    low, high = _number("uniform", "low", low), _number("uniform", "high", high)
    if not low <= high:
        raise ArgumentValueError(f"uniform: got low={low} and high={high}, expected low <= high")
    unit = _unit(words, math.prod(shape), dtype, place)
    if (low, high) != (0.0, 1.0):
        unit = unit * (high - low) + low
    return wrap(place.backend.xp.reshape(unit, shape))


def normal(key: Key, shape: Any = (), *, dtype: Any = None, device: Any = None) -> Array:
    """Standard normal random numbers; ``dtype`` float64 by default.

    By the transform of G. E. P. Box and M. E. Muller, "A note on the generation of random
    normal deviates", 1958: the bits are the same everywhere, the numbers to rounding. Raises
    DTypeError for a data type that is not real floating-point.

    >>> pg.random.normal(pg.random.key(0), (1000,)).shape
    (1000,)
    """
    words, shape, place = _key("normal", key), _shape("normal", shape), _place(device)
    dtype = _floating("normal", dtype)
    xp, count = place.backend.xp, math.prod(shape)
    pairs = (count + 1) // 2
    wide = dtype.bits == 64
    real = xp.float64 if wide else xp.float32
    if wide:
        unit = _unit(words, 2 * pairs, dtype, place)
        radial, angle = unit[0::2] + 2.0**-53, unit[1::2]
    else:
        first, second = _blocks(words, pairs, place)
        # All 32 bits count: small numbers here are the far tails. Never 0, so log is finite.
        radial = (xp.astype(first, real) + 1.0) * 2.0**-32
        angle = xp.astype(second >> 8, real) * 2.0**-24
    radius = xp.sqrt(-2.0 * xp.log(radial))
    angle = angle * (2.0 * math.pi)
    flat = _interleaved(xp, radius * xp.cos(angle), radius * xp.sin(angle), count)
    return wrap(xp.reshape(xp.astype(flat, place.backend.raw_dtype(dtype), copy=False), shape))


def randint(
    key: Key, shape: Any = (), *, low: int = 0, high: int, dtype: Any = "int64", device: Any = None
) -> Array:
    """Uniform random integers with ``low <= x < high``; ``dtype`` int64 by default.

    63 bits are reduced to the range: probabilities differ by (high - low) / 2**63 in relative
    terms at most. Raises DTypeError for a data type that is not an integer, ArgumentValueError
    for an empty range or one that does not fit the data type.

    >>> pg.random.randint(pg.random.key(0), (5,), low=1, high=7)
    Array([3, 5, 6, 1, 6], dtype=int64, device=cpu)
    """
    words, shape, place = _key("randint", key), _shape("randint", shape), _place(device)
    dtype = as_dtype(dtype)
    if "integer" not in dtype.group:
        raise DTypeError(f"randint: dtype is {dtype}, expected an integer type such as pg.int64")
    for name, bound in (("low", low), ("high", high)):
        if not _is_int(bound):
            raise ArgumentTypeError(f"randint: {name} is {bound!r}, expected an integer")
    low, high = int(low), int(high)
    signed = dtype.group == "signed integer"
    least = -(2 ** (dtype.bits - 1)) if signed else 0
    most = min(2 ** (dtype.bits - signed) - 1, 2**63 - 1)
    if not (least <= low < high <= most + 1) or high - low > 2**63 - 1:
        raise ArgumentValueError(
            f"randint: got low={low} and high={high}, expected low < high, both within {dtype} "
            "and less than 2**63 apart"
        )
    xp = place.backend.xp
    flat = _int63(words, math.prod(shape), place) % (high - low) + low
    return wrap(xp.reshape(xp.astype(flat, place.backend.raw_dtype(dtype), copy=False), shape))


def permutation(key: Key, x: Any, *, axis: int = 0, device: Any = None) -> Any:
    """A random order: of the integers below ``x``, or of an array's elements along ``axis``.

    An integer gives an int64 Array on ``device``; an array keeps its device, kind and track.

    >>> pg.random.permutation(pg.random.key(0), 5)
    Array([1, 2, 0, 4, 3], dtype=int64, device=cpu)
    """
    words = _key("permutation", key)
    if not is_array(x):
        n = _integer("permutation", "x", x, 2**32)
        return wrap(_order(words, n, _place(device)))
    if device is not None:
        raise ArgumentValueError(
            "permutation: device goes with a number of elements; an array stays where it is"
        )
    if not x.shape or not -len(x.shape) <= axis < len(x.shape):
        raise ArgumentValueError(
            f"permutation: got axis {axis} for an array of shape {tuple(x.shape)}, expected one "
            "of its axes"
        )
    raw, backend = raw_and_backend(x)
    order = _order(words, x.shape[axis], intern_device(backend, backend.device_of(raw)))
    return take(x, order, axis=axis)


def bernoulli(key: Key, p: Any = 0.5, shape: Any = None, *, device: Any = None) -> Array:
    """True with probability ``p``, a number or an array of them; bool.

    ``shape`` is that of ``p`` by default, and ``p`` has to broadcast to it. A probability at or
    below 0 never comes true, one at or above 1 always does. An array ``p`` says the device.

    >>> pg.random.bernoulli(pg.random.key(0), 0.5, (4,))
    Array([ True,  True,  True, False], dtype=bool, device=cpu)
    """
    words = _key("bernoulli", key)
    if not is_array(p):
        if not 0.0 <= (p := _number("bernoulli", "p", p)) <= 1.0:
            raise ArgumentValueError(f"bernoulli: p is {p}, expected a number from 0 to 1")
        place, dtype = _place(device), as_dtype("float64")
        shape = _shape("bernoulli", () if shape is None else shape)
    else:
        p, backend = raw_and_backend(p)
        place = intern_device(backend, backend.device_of(p))
        if device is not None and as_device(device) != place:
            raise ArgumentValueError(
                f"bernoulli: device is {as_device(device)}, but p is on {place}; leave it out"
            )
        dtype = _floating("bernoulli", p.dtype)
        shape = _shape("bernoulli", p.shape if shape is None else shape)
        try:
            p = backend.xp.broadcast_to(p, shape)
        except ValueError:
            raise ArgumentValueError(
                f"bernoulli: p has shape {tuple(p.shape)}, which does not broadcast to {shape}"
            ) from None
    unit = _unit(words, math.prod(shape), dtype, place)
    return wrap(place.backend.xp.reshape(unit, shape) < p)


def _blocks(words: tuple[int, int], count: int, place: Device) -> tuple[Any, Any]:
    """The two words of the first ``count`` blocks under a key."""
    if count > 2**32:
        raise ArgumentValueError(
            f"shape: {count} blocks of random bits were asked of one key, which has 2**32; "
            "split the key and draw in parts"
        )
    xp = place.backend.xp
    word = place.backend.raw_dtype(place.backend.word_dtype)
    numbers = xp.arange(count, dtype=word, device=place.raw)
    purpose = xp.full((count,), _FOR_BITS, dtype=word, device=place.raw)
    return threefry(words, numbers, purpose)


def _interleaved(xp: Any, first: Any, second: Any, count: int) -> Any:
    return xp.reshape(xp.stack([first, second], axis=-1), (-1,))[:count]


def _unit(words: tuple[int, int], count: int, dtype: DType, place: Device) -> Any:
    """``count`` uniform numbers in [0, 1), each exact in its data type."""
    xp, wanted = place.backend.xp, place.backend.raw_dtype(dtype)
    if dtype.bits == 64:
        first, second = _blocks(words, count, place)
        high, low = xp.astype(first >> 5, wanted), xp.astype(second >> 6, wanted)
        return (high * 2.0**26 + low) * 2.0**-53
    flat = _interleaved(xp, *_blocks(words, (count + 1) // 2, place), count)
    digits = _DIGITS[dtype.name]
    scaled = xp.astype(flat >> (32 - digits), xp.float32) * 2.0**-digits
    return xp.astype(scaled, wanted, copy=False)


def _int63(words: tuple[int, int], count: int, place: Device) -> Any:
    xp = place.backend.xp
    first, second = _blocks(words, count, place)
    return (xp.astype(first >> 1, xp.int64) << 32) | xp.astype(second, xp.int64)


def _order(words: tuple[int, int], n: int, place: Device) -> Any:
    """The integers below ``n`` in random order.

    Each stands in the low bits of a random number: no two are equal, so every sort agrees.
    """
    backend, width = place.backend, max(n - 1, 0).bit_length()
    xp, integer = backend.xp, backend.default_integer(False)
    if integer != "int64":  # JAX without its 64 bits: the same order, found on the host
        order = _order(words, n, as_device("cpu"))
        return backend.from_host(order, backend.raw_dtype(integer), place.raw)
    numbers = xp.arange(n, dtype=xp.int64, device=place.raw)
    drawn = xp.sort(((_int63(words, n, place) >> width) << width) | numbers)
    return drawn & (2**width - 1)


def _key(name: str, key: Any) -> tuple[int, int]:
    if type(key) is not Key:
        raise ArgumentTypeError(
            f"{name}: key is {type(key).__name__} {key!r:.40}, expected a key; make one with "
            "pg.random.key(seed)"
        )
    return key.high, key.low


def _is_int(value: Any) -> bool:
    return type(value) is not bool and hasattr(value, "__index__")


def _integer(name: str, argument: str, value: Any, limit: int) -> int:
    if not _is_int(value):
        raise ArgumentTypeError(
            f"{name}: {argument} is {type(value).__name__} {value!r:.40}, expected an integer"
        )
    if not 0 <= (value := value.__index__()) < limit:
        raise ArgumentValueError(
            f"{name}: {argument} is {value}, expected an integer from 0 to 2**"
            f"{limit.bit_length() - 1} - 1"
        )
    return value


def _number(name: str, argument: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ArgumentTypeError(
            f"{name}: {argument} is {type(value).__name__} {value!r:.40}, expected a number"
        ) from None


def _shape(name: str, shape: Any) -> tuple[int, ...]:
    lengths = (shape,) if _is_int(shape) else shape
    if not isinstance(lengths, list | tuple) or not all(_is_int(n) for n in lengths):
        raise ArgumentTypeError(
            f"{name}: shape is {shape!r:.40}, expected an integer or a tuple of integers"
        )
    if any(n < 0 for n in lengths):
        raise ArgumentValueError(f"{name}: shape is {shape}, expected lengths of 0 or more")
    return tuple(n.__index__() for n in lengths)


def _place(device: Any) -> Device:
    return current_device() if device is None else as_device(device)


def _floating(name: str, dtype: Any) -> DType:
    found = as_dtype("float64" if dtype is None else dtype)
    if found.group != "real floating":
        raise DTypeError(
            f"{name}: dtype is {found}, expected a real floating-point type such as pg.float32"
        )
    return found
