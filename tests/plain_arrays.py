"""An array class that has the standard's attributes and operators, and nothing else.

It is immutable, knows no NumPy arrays, no DLPack and no `__array__`; the arithmetic underneath is
NumPy's. `namespace(name)` makes such a library anew, so that a test can plant a fault in its own.
"""

import operator
from types import ModuleType
from typing import Any

import array_api_compat.numpy as np

OPERATORS = (
    "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and_", "or_", "xor",
    "lshift", "rshift",
)  # fmt: skip
ALONE = ("neg", "pos", "abs", "invert")
COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")


def library(name: str, lacking: tuple[str, ...] = (), **faults: Any) -> ModuleType:
    """A namespace of the standard with a class of its own, without some functions."""
    namespace = ModuleType(name)

    class Plain:
        __slots__ = ("_host",)
        __array_ufunc__ = None

        def __init__(self, host: Any) -> None:
            host = np.asarray(host)
            host.flags.writeable = False
            object.__setattr__(self, "_host", host)

        def __setattr__(self, attribute: str, value: Any) -> None:
            raise TypeError("a plain array cannot be changed")

        def __setitem__(self, key: Any, value: Any) -> None:
            raise TypeError("a plain array cannot be changed")

        shape = property(lambda self: self._host.shape)
        dtype = property(lambda self: self._host.dtype)
        ndim = property(lambda self: self._host.ndim)
        size = property(lambda self: self._host.size)
        device = property(lambda self: "cpu")
        T = property(lambda self: Plain(self._host.T))
        mT = property(lambda self: Plain(self._host.mT))

        def __array_namespace__(self, *, api_version: Any = None) -> Any:
            return namespace

        def to_device(self, device: Any, /) -> Any:
            return self

        def __getitem__(self, key: Any) -> Any:
            parts = key if isinstance(key, tuple) else (key,)
            arrays = [part for part in parts if isinstance(part, Plain)]
            # As the standard has it: a mask alone, or integer arrays for all axes.
            masks = any(part.dtype == np.bool for part in arrays)
            if arrays and (masks or len(arrays) != len(parts) or len(parts) != self.ndim):
                raise IndexError("not an index of the standard")
            return Plain(self._host[tuple(_host(part) for part in parts)])

        def __bool__(self) -> bool:
            return bool(self._host)

        def __int__(self) -> int:
            return int(self._host)

        def __float__(self) -> float:
            return float(self._host)

        def __complex__(self) -> complex:
            return complex(self._host)

        def __repr__(self) -> str:
            return f"Plain({self._host.tolist()})"

    Plain.__module__ = name

    def _host(value: Any) -> Any:
        if isinstance(value, Plain):
            return value._host
        if isinstance(value, tuple | list):
            return type(value)(_host(one) for one in value)
        if isinstance(value, np.ndarray):
            raise TypeError("a plain array does not take NumPy arrays")
        return value

    def _own(value: Any) -> Any:
        if hasattr(value, "_fields"):
            return type(value)(*map(_own, value))
        if isinstance(value, tuple | list):
            return type(value)(_own(one) for one in value)
        return Plain(value) if isinstance(value, np.ndarray | np.generic) else value

    def _wrapped(function: Any) -> Any:
        def call(*args: Any, **options: Any) -> Any:
            given = {key: _host(value) for key, value in options.items()}
            return _own(function(*map(_host, args), **given))

        return call

    def _method(function: Any, swap: bool = False) -> Any:
        def method(self: Any, *others: Any) -> Any:
            if not all(isinstance(o, Plain | bool | int | float | complex) for o in others):
                return NotImplemented
            operands = [self._host, *map(_host, others)]
            return _own(function(*(operands[::-1] if swap else operands)))

        return method

    for word in (*OPERATORS, *COMPARISONS, *ALONE):
        function = getattr(operator, word)
        setattr(Plain, f"__{word.strip('_')}__", _method(function))
        if word in OPERATORS:
            setattr(Plain, f"__r{word.strip('_')}__", _method(function, swap=True))

    def asarray(value: Any, /, *, dtype: Any = None, device: Any = None, copy: Any = None) -> Any:
        return Plain(np.asarray(_host(value), dtype=dtype, copy=True))

    def public(source: Any, target: Any, names: Any) -> None:
        for word in names:
            found = getattr(source, word)
            plain = isinstance(found, type) or not callable(found)
            setattr(target, word, found if plain else _wrapped(found))

    import array_api_strict

    words = {w for w in dir(array_api_strict) if not w.startswith("_") and hasattr(np, w)}
    public(np, namespace, words - {"linalg", "fft", "from_dlpack", "asarray", *lacking})
    for part in ("linalg", "fft"):
        if part not in lacking:
            source, target = getattr(np, part), ModuleType(f"{name}.{part}")
            standard = {w for w in dir(getattr(array_api_strict, part)) if hasattr(source, w)}
            public(source, target, {w for w in standard if not w.startswith("_")})
            setattr(namespace, part, target)
    namespace.asarray = asarray  # type: ignore[attr-defined]
    for word, change in faults.items():
        setattr(namespace, word, change(getattr(namespace, word)))
    return namespace
