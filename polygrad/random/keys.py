"""Keys of random numbers: pytrees of one uint32 array, and the functions that make them."""

from collections.abc import Iterator
from typing import Any

import optree

from polygrad import ops, tree
from polygrad.array import BASE, Array, is_array, is_symbolic, raw_and_backend
from polygrad.backend import PLAIN_TYPES, host_backend
from polygrad.device import Device, current_device
from polygrad.dtypes import as_dtype
from polygrad.errors import ArgumentTypeError, ShapeError
from polygrad.random.checks import integer
from polygrad.transforms.arguments import IN_KEY

Words = tuple[Any, Any]


class Key:
    """A 64-bit key in two words, or a stack of keys; made by `key`, `split` and `fold_in`.

    It is a pytree of one leaf, a uint32 array of shape (..., 2), so transforms, loops and
    `polygrad.io` take it as they take arrays; a gradient has None in it. It is no number:
    arithmetic with it raises ArgumentTypeError. A stack has a length, and is indexed and iterated
    over as a list of keys. Two keys are equal, and have one hash, where all words are the same;
    keys that a transform traces compare to a boolean array. `key_data` is the array.

    >>> pg.random.Key(0, 42) == pg.random.key(42)
    True
    >>> keys = pg.random.split(pg.random.key(42), 3)
    >>> len(keys), keys.shape, keys[0].shape
    (3, (3,), ())
    """

    __slots__ = ("_data", "_host", "__weakref__")
    _data: Any
    _host: Any  # the words as an array of the host, where they are known

    def __init__(self, high: int, low: int) -> None:
        words = [integer("Key", "high", high, 2**32), integer("Key", "low", low, 2**32)]
        _fill(self, *_placed(host_words([words])[0], current_device()))

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of a stack of keys; () for one."""
        return tuple(self._data.shape[:-1])

    @property
    def device(self) -> Device:
        """The device of the words."""
        found: Device = self._data.device
        return found

    def to_device(self, device: Any) -> "Key":
        """The same key on another device."""
        return joined(ops.to_device(self._data, device))

    @property
    def high(self) -> int:
        """The first word of one key."""
        return int(numbers("Key.high", self)[0])

    @property
    def low(self) -> int:
        """The second word of one key."""
        return int(numbers("Key.low", self)[1])

    def __len__(self) -> int:
        if not self.shape:
            raise ArgumentTypeError("len(key): it is one key; split it into several")
        return self.shape[0]

    def __iter__(self) -> Iterator["Key"]:
        if not self.shape:
            raise ArgumentTypeError(
                "iteration over a key: it is one; pg.random.split(key, n) gives several"
            )
        return (self[i] for i in range(self.shape[0]))

    def __getitem__(self, index: Any) -> "Key":
        parts = index if isinstance(index, tuple) else (index,)
        axes = sum(part is not None and part is not Ellipsis for part in parts)
        if axes > len(self.shape):
            raise ShapeError(
                f"key[...]: got {axes} indices for keys of shape {self.shape}, expected at most "
                f"{len(self.shape)}; the words of a key are in pg.random.key_data(key)"
            )
        if Ellipsis not in parts:
            parts = (*parts, Ellipsis)
        host = self._host
        if host is not None and self._data._node is IN_KEY and not any(map(is_array, parts)):
            place = self.device
            if place.backend.host:
                return joined(host[(*parts, slice(None))])
            return made(host[(*parts, slice(None))], place)
        return joined(self._data[(*parts, slice(None))])

    def __eq__(self, other: object) -> Any:
        if not isinstance(other, Key):
            return NotImplemented
        if self.shape != other.shape:
            return False
        mine, theirs = host_of(self), host_of(other)
        if mine is not None and theirs is not None:
            return mine.tolist() == theirs.tolist()
        return ops.all(ops.equal(self._data, other._data))

    def __hash__(self) -> int:
        host = host_of(self)
        if host is None:
            raise ArgumentTypeError(
                "hash(key): a transform traces the key, so its words are not known; use the key "
                "outside of the transform"
            )
        return hash((self.shape, host.tobytes()))

    def __repr__(self) -> str:
        if not hasattr(self._data, "shape"):  # a pytree of the same structure: gradients, axes
            return f"Key({self._data!r})"
        host = host_of(self)
        if host is None:
            return f"Key(traced, shape={self.shape})"
        if not self.shape:
            high, low = host.tolist()
            return f"Key(0x{high:08x}, 0x{low:08x})"
        return f"Key({_written(host.tolist())})"

    def __reduce__(self) -> Any:
        return wrap_key_data, (key_data(self),)

    def __copy__(self) -> "Key":
        return self

    def __deepcopy__(self, memo: Any) -> "Key":
        return self

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        raise _no_number("np.asarray(key)")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        raise _no_number(f"np.{ufunc.__name__}")

    def __float__(self) -> float:
        raise _no_number("float(key)")

    def __int__(self) -> int:
        raise _no_number("int(key)")


def _no_number(what: str) -> ArgumentTypeError:
    return ArgumentTypeError(
        f"{what}: a key is no number; draw numbers with it, as in pg.random.uniform(key, shape), "
        "or read its words with pg.random.key_data(key)"
    )


def _written(words: list[Any]) -> str:
    if not words or type(words[0]) is list:
        return f"[{', '.join(map(_written, words))}]"
    high, low = words
    return f"(0x{high:08x}, 0x{low:08x})"


def _refusing(name: str) -> Any:
    def method(self: Key, *others: Any) -> Any:
        # A stack beside a list is a list of keys, as it would be if it were one.
        if name in ("add", "iadd") and self.shape and isinstance(others[0], list | tuple):
            return [*self, *others[0]]
        if name == "radd" and self.shape and isinstance(others[0], list | tuple):
            return [*others[0], *self]
        raise _no_number(f"key.__{name}__")

    return method


_BINARY = """add sub mul truediv floordiv mod pow matmul and or xor lshift rshift"""
_OTHER = """neg pos abs invert lt le gt ge index complex divmod rdivmod"""
for _name in _BINARY.split():
    for _form in (_name, f"r{_name}", f"i{_name}"):
        setattr(Key, f"__{_form}__", _refusing(_form))
for _name in _OTHER.split():
    setattr(Key, f"__{_name}__", _refusing(_name))


# -- keys and their words --------------------------------------------------------------------------


def _fill(key: Key, data: Any, host: Any) -> Key:
    key._data, key._host = data, host
    return key


def joined(data: Any) -> Key:
    """A key around what a transform put in place of its words."""
    host = None
    cls = type(data)
    if cls is Array and data._trace is BASE and data._node is not IN_KEY:
        data = Array(data._value, BASE, IN_KEY)
    elif cls in PLAIN_TYPES:
        data = Array(data, BASE, IN_KEY)
    return _fill(object.__new__(Key), data, host)


def _taken_apart(key: Any) -> Any:
    return (key._data,), None, ("data",)


def _put_together(_: Any, children: Any) -> Any:
    return joined(children[0])


optree.register_pytree_node(
    Key,  # type: ignore[arg-type]
    _taken_apart,
    _put_together,
    path_entry_type=optree.GetAttrEntry,
    namespace=tree.NAMESPACE,
)


def host_words(words: Any) -> Any:
    xp = host_backend().xp
    return xp.asarray(words, dtype=xp.uint32)


def _placed(host: Any, place: Device) -> tuple[Array, Any]:
    backend = place.backend
    raw = host if backend.host else backend.from_host(host, backend.raw_dtype("uint32"), place.raw)
    return Array(raw, BASE, IN_KEY), host


def made(host: Any, place: Device) -> Key:
    """A key with these words, on a device."""
    return _fill(object.__new__(Key), *_placed(host, place))


def host_of(key: Key) -> Any:
    """The words as an array of the host, or None where a transform traces them."""
    if key._host is not None:
        return key._host
    data = key._data
    if type(data) is not Array or data._trace is not BASE or is_symbolic(data):
        return None
    raw, backend = raw_and_backend(data)
    host = backend.to_host(raw)
    # Not kept where it is a value for the time being: see `polygrad.transforms.closures`.
    if data._node is IN_KEY:
        key._host = host
    return host


def checked(name: str, key: Any) -> Key:
    """``key``, if it is one key; raises ArgumentTypeError or ShapeError."""
    if type(key) is not Key:
        raise ArgumentTypeError(
            f"{name}: key is {type(key).__name__} {key!r:.40}, expected a key; make one with "
            "pg.random.key(seed)"
        )
    shape = getattr(key._data, "shape", None)
    if shape is None or not shape or shape[-1] != 2:
        raise ShapeError(
            f"{name}: got a key whose data is {getattr(key._data, 'shape', key._data)}, expected "
            "shape (2,); in vmap map over a stack of keys (pg.random.split(key, n)), and give one "
            "key None in in_axes"
        )
    if len(shape) > 1:
        raise ShapeError(
            f"{name}: got keys of shape {key.shape}, expected one key; take one (keys[0]), or map "
            "over them with pg.vmap"
        )
    return key


def numbers(name: str, key: Any) -> Words:
    """The words of one key as Python ints; raises where a transform traces them."""
    host = host_of(checked(name, key))
    if host is None:
        key._data[0].item()  # raises
    high, low = host.tolist()
    return high, low


def traced(key: Key) -> bool:
    """Whether a transform traces the words, so that they are not known."""
    return host_of(key) is None


def words_on(key: Key, place: Device) -> Words:
    """The words of a traced key as arrays of one element, in what a device computes words in."""
    data = key._data
    if data.device != place:
        data = ops.to_device(data, place)
    return data[0:1], data[1:2]


def widened(x: Any, place: Device) -> Any:
    """Words in the data type that a device computes them in, for `ops`."""
    return ops.astype(x, as_dtype(place.backend.word_dtype), copy=False)


def key_data(key: Key) -> Array:
    """The words of a key, or of a stack of keys: a uint32 array of shape (..., 2).

    >>> pg.random.key_data(pg.random.key(42))
    Array([ 0, 42], dtype=uint32, device=cpu)
    """
    if type(key) is not Key:
        raise ArgumentTypeError(f"key_data: key is {type(key).__name__}, expected a key")
    data = key._data
    if type(data) is Array and data._trace is BASE:
        return ops.asarray(Array(data._value, BASE, None), copy=True)
    return Array(data._value, data._trace, data._node) if type(data) is Array else data


def wrap_key_data(data: Any) -> Key:
    """The key, or the stack of keys, with these words: what `key_data` gave.

    Raises ArgumentTypeError or ShapeError for anything but a uint32 array of shape (..., 2).

    >>> k = pg.random.key(42)
    >>> pg.random.wrap_key_data(pg.random.key_data(k)) == k
    True
    """
    if not is_array(data) or as_dtype(data.dtype).name != "uint32":
        shown = getattr(data, "dtype", type(data).__name__)
        raise ArgumentTypeError(f"wrap_key_data: data is {shown}, expected an array of uint32")
    if not data.shape or data.shape[-1] != 2:
        raise ShapeError(
            f"wrap_key_data: data has shape {tuple(data.shape)}, expected (..., 2), two words a key"
        )
    data = ops.asarray(data, copy=True)
    return joined(data)
