"""Samplers: random numbers of a key, the same on every backend and under every transform."""

import math
from typing import Any, NamedTuple

from polygrad import ops
from polygrad.array import BASE, Array, is_array, is_number, wrap
from polygrad.device import Device, current_device
from polygrad.device import device as as_device
from polygrad.dtypes import DType, as_dtype
from polygrad.errors import ArgumentTypeError, ArgumentValueError, DTypeError
from polygrad.random import keys
from polygrad.random.checks import integer, is_integer, place_of
from polygrad.random.derive import FOR_BITS
from polygrad.random.keys import Key
from polygrad.random.threefry import threefry

_DIGITS = {"float32": 24, "float16": 11, "bfloat16": 8}  # of the significand, in base 2


class _Source(NamedTuple):
    """The words of a key, and what computes with them.

    Words that are known go into the library's own functions; words that a transform traces into
    polygrad's, which it sees.
    """

    words: tuple[Any, Any]
    xp: Any
    place: Device
    traced: bool

    def dtype(self, spec: Any) -> Any:
        """A data type as ``xp`` spells it."""
        return as_dtype(spec) if self.traced else self.place.backend.raw_dtype(spec)

    def at(self, place: Device) -> Any:
        """A device as ``xp`` spells it."""
        return place if self.traced else place.raw

    def astype(self, x: Any, spec: Any) -> Any:
        """``x`` in a data type, itself where it has it."""
        return self.xp.astype(x, self.dtype(spec), copy=False)


def _source(name: str, key: Any, device: Any) -> _Source:
    keys.checked(name, key)
    place = current_device() if device is None else as_device(device)
    if not keys.traced(key):
        return _Source(keys.numbers(name, key), place.backend.xp, place, False)
    first, second = keys.words_on(key, place)
    words = keys.widened(first, place), keys.widened(second, place)
    return _Source(words, ops, place, True)


def bits(key: Key, shape: Any = (), dtype: Any = "uint32", *, device: Any = None) -> Array:
    """Uniform random bits in an unsigned integer data type, uint32 by default.

    An element depends on the key and its place (in row-major order) alone. Raises DTypeError
    for a data type that is not an unsigned integer.

    >>> pg.random.bits(pg.random.key(0), (2,))
    Array([1797259609, 2579123966], dtype=uint32, device=cpu)
    """
    source, shape = _source("bits", key, device), _shape("bits", shape)
    dtype = as_dtype(dtype)
    if dtype.group != "unsigned integer":
        raise DTypeError(
            f"bits: dtype is {dtype}, expected uint8, uint16, uint32 or uint64; "
            "use randint for other integers"
        )
    xp, count = source.xp, math.prod(shape)
    if dtype.bits == 64:
        high, low = (xp.astype(word, source.dtype("int64")) for word in _blocks(source, count))
        flat = xp.astype((high << 32) | low, source.dtype("uint64"))  # the same 64 bits
    else:
        flat = _interleaved(xp, *_blocks(source, (count + 1) // 2), count)
        flat = source.astype(flat >> (32 - dtype.bits), dtype)
    return wrap(xp.reshape(flat, shape))


def uniform(
    key: Key,
    shape: Any = (),
    low: Any = 0.0,
    high: Any = 1.0,
    *,
    dtype: Any = None,
    device: Any = None,
) -> Array:
    """Uniform random numbers with ``low <= x < high``; ``dtype`` float64 by default.

    Multiples of 2**-53 (float64), 2**-24 (float32) or 2**-11 (float16), scaled; rounding in the
    scaling may reach ``high`` (under `jit` on JAX it is rounded once less). The bounds are
    numbers, or arrays that broadcast to ``shape``, to
    which gradients flow. Raises DTypeError unless the data type is real floating-point.

    >>> pg.random.uniform(pg.random.key(0), (2,), dtype=pg.float32)
    Array([0.4184571 , 0.60049903], dtype=float32, device=cpu)
    >>> pg.random.uniform(pg.random.key(0), (2,), -1.0, 1.0).shape
    (2,)
    """
    source, shape = _source("uniform", key, device), _shape("uniform", shape)
    dtype = _floating("uniform", dtype)
    low = _bound("uniform", "low", low, dtype, shape)
    high = _bound("uniform", "high", high, dtype, shape)
    plain = type(low) is float and type(high) is float
    if plain and not low <= high:
        raise ArgumentValueError(f"uniform: got low={low} and high={high}, expected low <= high")
    unit = _unit(source, math.prod(shape), dtype)
    if not plain:
        return wrap(ops.reshape(wrap(unit), shape) * (high - low) + low)
    if (low, high) != (0.0, 1.0):
        unit = unit * (high - low) + low
    return wrap(source.xp.reshape(unit, shape))


def normal(key: Key, shape: Any = (), dtype: Any = None, *, device: Any = None) -> Array:
    """Standard normal random numbers; ``dtype`` float64 by default.

    By the transform of G. E. P. Box and M. E. Muller, "A note on the generation of random
    normal deviates", 1958: the bits are the same everywhere, the numbers to rounding. Raises
    DTypeError for a data type that is not real floating-point.

    >>> pg.random.normal(pg.random.key(0), (1000,)).shape
    (1000,)
    """
    source, shape = _source("normal", key, device), _shape("normal", shape)
    dtype = _floating("normal", dtype)
    xp, count = source.xp, math.prod(shape)
    pairs = (count + 1) // 2
    wide = dtype.bits == 64
    real = source.dtype("float64" if wide else "float32")
    if wide:
        unit = _unit(source, 2 * pairs, dtype)
        radial, angle = unit[0::2] + 2.0**-53, unit[1::2]
    else:
        first, second = _blocks(source, pairs)
        # All 32 bits count: small numbers here are the far tails. Never 0, so log is finite.
        radial = (xp.astype(first, real) + 1.0) * 2.0**-32
        angle = xp.astype(second >> 8, real) * 2.0**-24
    radius = xp.sqrt(-2.0 * xp.log(radial))
    angle = angle * (2.0 * math.pi)
    flat = _interleaved(xp, radius * xp.cos(angle), radius * xp.sin(angle), count)
    return wrap(xp.reshape(source.astype(flat, dtype), shape))


_NEEDED: Any = object()


def randint(
    key: Key,
    shape: Any = (),
    low: Any = 0,
    high: Any = _NEEDED,
    *,
    dtype: Any = "int64",
    device: Any = None,
) -> Array:
    """Uniform random integers with ``low <= x < high``; ``dtype`` int64 by default.

    63 bits are reduced to the range: probabilities differ by (high - low) / 2**63 in relative
    terms at most. The bounds are integers, or integer arrays that broadcast to ``shape``. Raises
    DTypeError for a data type that is not an integer, ArgumentValueError for an empty range or
    one that does not fit the data type; bounds that `jit` or `vmap` traces are not checked.

    >>> pg.random.randint(pg.random.key(0), (5,), 1, 7)
    Array([3, 5, 6, 1, 6], dtype=int64, device=cpu)
    """
    source, shape = _source("randint", key, device), _shape("randint", shape)
    dtype = as_dtype(dtype)
    if "integer" not in dtype.group:
        raise DTypeError(f"randint: dtype is {dtype}, expected an integer type such as pg.int64")
    if high is _NEEDED:
        raise ArgumentTypeError(
            "randint: high is missing, expected the end of the range, which is not drawn: "
            "randint(key, shape, low, high)"
        )
    low = _integer_bound("low", low, shape)
    high = _integer_bound("high", high, shape)
    plain = type(low) is int and type(high) is int
    if plain:
        _check_range(low, high, low < high, dtype)
    elif all(type(x) is int or x._trace is BASE for x in (low, high)) and math.prod(shape):
        least, most = (
            x if type(x) is int else f(x).item() for x, f in ((low, ops.min), (high, ops.max))
        )
        _check_range(least, most, bool(ops.all(low < high)), dtype)
    flat = _int63(source, math.prod(shape))
    if not plain:
        drawn = ops.reshape(wrap(flat), shape) % (high - low) + low
        return wrap(ops.astype(drawn, dtype, copy=False))
    flat = flat % (high - low) + low
    return wrap(source.xp.reshape(source.astype(flat, dtype), shape))


def _check_range(low: int, high: int, ordered: bool, dtype: DType) -> None:
    signed = dtype.group == "signed integer"
    least = -(2 ** (dtype.bits - 1)) if signed else 0
    most = min(2 ** (dtype.bits - signed) - 1, 2**63 - 1)
    if not ordered or not least <= low <= high <= most + 1 or high - low > 2**63 - 1:
        raise ArgumentValueError(
            f"randint: got low={low} and high={high}, expected low < high, both within {dtype} "
            "and less than 2**63 apart"
        )


def permutation(key: Key, x: Any, axis: int = 0, *, device: Any = None) -> Any:
    """A random order: of the integers below ``x``, or of an array's elements along ``axis``.

    An integer gives an int64 Array on ``device``; an array keeps its device, kind and track.

    >>> pg.random.permutation(pg.random.key(0), 5)
    Array([1, 2, 0, 4, 3], dtype=int64, device=cpu)
    """
    keys.checked("permutation", key)
    if not is_array(x) or is_number(x):
        n = integer("permutation", "x", x, 2**32)
        return wrap(_order(_source("permutation", key, device), n))
    if device is not None:
        raise ArgumentValueError(
            "permutation: device goes with a number of elements; an array stays where it is"
        )
    if not x.shape or not -len(x.shape) <= axis < len(x.shape):
        raise ArgumentValueError(
            f"permutation: got axis {axis} for an array of shape {tuple(x.shape)}, expected one "
            "of its axes"
        )
    order = _order(_source("permutation", key, place_of(x)), x.shape[axis])
    return ops.take(x if type(order) is not Array else wrap(x), order, axis=axis)


def bernoulli(key: Key, p: Any = 0.5, shape: Any = None, *, device: Any = None) -> Array:
    """True with probability ``p``, a number or an array of them; bool.

    ``shape`` is that of ``p`` by default, and ``p`` has to broadcast to it. A probability at or
    below 0 never comes true, one at or above 1 always does. An array ``p`` says the device.

    >>> pg.random.bernoulli(pg.random.key(0), 0.5, (4,))
    Array([ True,  True,  True, False], dtype=bool, device=cpu)
    """
    keys.checked("bernoulli", key)
    if not is_array(p):
        if not 0.0 <= (p := _number("bernoulli", "p", p)) <= 1.0:
            raise ArgumentValueError(f"bernoulli: p is {p}, expected a number from 0 to 1")
        source, dtype = _source("bernoulli", key, device), as_dtype("float64")
        shape = _shape("bernoulli", () if shape is None else shape)
    else:
        place = place_of(p)
        if device is not None and as_device(device) != place:
            raise ArgumentValueError(
                f"bernoulli: device is {as_device(device)}, but p is on {place}; leave it out"
            )
        dtype = _floating("bernoulli", p.dtype)
        source = _source("bernoulli", key, place)
        shape = _shape("bernoulli", p.shape if shape is None else shape)
        p = _broadcast("bernoulli", "p", wrap(p), shape)
    unit = source.xp.reshape(_unit(source, math.prod(shape), dtype), shape)
    return wrap(wrap(unit) < p)


def _blocks(source: _Source, count: int) -> tuple[Any, Any]:
    """The two words of the first ``count`` blocks under a key."""
    if count > 2**32:
        raise ArgumentValueError(
            f"shape: {count} blocks of random bits were asked of one key, which has 2**32; "
            "split the key and draw in parts"
        )
    xp, place = source.xp, source.place
    word = source.dtype(place.backend.word_dtype)
    numbers = xp.arange(count, dtype=word, device=source.at(place))
    purpose = xp.full((count,), FOR_BITS, dtype=word, device=source.at(place))
    return threefry(source.words, numbers, purpose, in_place=not source.traced)


def _interleaved(xp: Any, first: Any, second: Any, count: int) -> Any:
    return xp.reshape(xp.stack([first, second], axis=-1), (-1,))[:count]


def _unit(source: _Source, count: int, dtype: DType) -> Any:
    """``count`` uniform numbers in [0, 1), each exact in its data type."""
    xp = source.xp
    if dtype.bits == 64:
        first, second = _blocks(source, count)
        high, low = source.astype(first >> 5, dtype), source.astype(second >> 6, dtype)
        return (high * 2.0**26 + low) * 2.0**-53
    flat = _interleaved(xp, *_blocks(source, (count + 1) // 2), count)
    digits = _DIGITS[dtype.name]
    scaled = source.astype(flat >> (32 - digits), "float32") * 2.0**-digits
    return source.astype(scaled, dtype)


def _int63(source: _Source, count: int) -> Any:
    first, second = _blocks(source, count)
    return (source.astype(first >> 1, "int64") << 32) | source.astype(second, "int64")


def _order(source: _Source, n: int) -> Any:
    """The integers below ``n`` in random order.

    Each stands in the low bits of a random number: no two are equal, so every sort agrees.
    """
    xp, place, width = source.xp, source.place, max(n - 1, 0).bit_length()
    backend = place.backend
    integers = backend.default_integer(False)
    if integers != "int64":  # JAX without its 64 bits: the same order, found on the host
        if source.traced:
            raise DTypeError(
                f"permutation: {place} has no int64, in which an order is drawn for a key that a "
                "transform traces; switch it on (jax_enable_x64), or draw it outside"
            )
        host = as_device("cpu")
        order = _order(source._replace(xp=host.backend.xp, place=host), n)
        return backend.from_host(order, backend.raw_dtype(integers), place.raw)
    numbers = xp.arange(n, dtype=source.dtype("int64"), device=source.at(place))
    drawn = xp.sort(((_int63(source, n) >> width) << width) | numbers)
    return drawn & (2**width - 1)


def _number(name: str, argument: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ArgumentTypeError(
            f"{name}: {argument} is {type(value).__name__} {value!r:.40}, expected a number"
        ) from None


def _bound(name: str, argument: str, value: Any, dtype: DType, shape: tuple[int, ...]) -> Any:
    """A bound as a Python float, where it is one known number, or as an array to compute with."""
    if not is_array(value):
        return _number(name, argument, value)
    value = wrap(value)
    if is_number(value):
        return value
    if value.shape == () and value._trace is BASE:
        return _number(name, argument, value.item())
    value = _broadcast(name, argument, value, shape)
    return ops.astype(value, dtype, copy=False)


def _integer_bound(argument: str, value: Any, shape: tuple[int, ...]) -> Any:
    if is_array(value):
        kind = as_dtype(value.dtype).group
        if "integer" not in kind:
            raise ArgumentTypeError(
                f"randint: {argument} is an array of {as_dtype(value.dtype)}, expected integers"
            )
        value = wrap(value)
        if is_number(value):
            return value
        if value.shape != () or value._trace is not BASE:
            value = _broadcast("randint", argument, value, shape)
            return ops.astype(value, as_dtype("int64"), copy=False)
        return int(value.item())
    if not is_integer(value):
        raise ArgumentTypeError(f"randint: {argument} is {value!r}, expected an integer")
    return int(value.__index__())


def _broadcast(name: str, argument: str, value: Array, shape: tuple[int, ...]) -> Any:
    try:
        return ops.broadcast_to(value, shape)
    except ValueError:
        raise ArgumentValueError(
            f"{name}: {argument} has shape {tuple(value.shape)}, which does not broadcast to "
            f"{shape}"
        ) from None


def _shape(name: str, shape: Any) -> tuple[int, ...]:
    lengths = (shape,) if is_integer(shape) else shape
    if not isinstance(lengths, list | tuple) or not all(is_integer(n) for n in lengths):
        raise ArgumentTypeError(
            f"{name}: shape is {shape!r:.40}, expected an integer or a tuple of integers"
        )
    found = tuple([n.__index__() for n in lengths])
    if any(n < 0 for n in found):
        raise ArgumentValueError(f"{name}: shape is {shape}, expected lengths of 0 or more")
    return found


def _floating(name: str, dtype: Any) -> DType:
    found = as_dtype("float64" if dtype is None else dtype)
    if found.group != "real floating":
        raise DTypeError(
            f"{name}: dtype is {found}, expected a real floating-point type such as pg.float32"
        )
    return found
