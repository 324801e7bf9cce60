"""Data types: one object per name, equal to every library's own spelling of it."""

import sys
from collections.abc import Callable
from typing import Any

from polygrad.errors import DTypeError, IntegerRangeError

__all__ = ["DTYPES", "DType", "as_dtype"]


# NumPy's letter for each of the standard's groups.
_KINDS = {
    "bool": "b",
    "signed integer": "i",
    "unsigned integer": "u",
    "real floating": "f",
    "complex floating": "c",
}


class DType:
    """A data type of the array API standard, the same object on every backend.

    It compares equal to the spelling of each array library (``numpy.float32``,
    ``torch.float32``, ``"float32"``), and has the attributes of NumPy's data types (``kind`` is
    "f" for every real floating type). ``group`` is the standard's name for the kind.

    >>> pg.float32, pg.float32 == "float32", pg.zeros(2, dtype=pg.float32).dtype == pg.float32
    (polygrad.float32, True, True)
    """

    __slots__ = ("name", "group", "kind", "bits", "is_inexact", "is_complex", "_hash")

    def __init__(self, name: str, group: str, bits: int) -> None:
        self.name, self.group, self.bits = name, group, bits
        self.kind = _KINDS[group]
        """NumPy's letter for the kind of number, which code written for NumPy compares."""
        self.is_inexact = group in ("real floating", "complex floating")
        self.is_complex = group == "complex floating"

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return max(self.bits // 8, 1)

    @property
    def dtype(self) -> Any:
        """NumPy's data type of the name, which NumPy before 2.4 looks for here."""
        return _to_host(self)

    @property
    def __numpy_dtype__(self) -> Any:  # NumPy's protocol, from version 2.4
        return _to_host(self)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        # isinstance(x.dtype, numpy.dtype) holds: code written for NumPy asks before it reads
        # what every attribute here answers as NumPy does. Nobody can ask before it is imported.
        if "numpy" not in sys.modules:
            return DType
        try:
            return type(_to_host(self))
        except (AttributeError, NameError, TypeError):  # bfloat16, which NumPy has not
            return DType

    def __getattr__(self, name: str) -> Any:
        # The rest of NumPy's attributes: char, type, str, num, byteorder ...
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            host = _to_host(self)
        except TypeError:
            raise AttributeError(
                f"{name}: {self.name} is no data type of NumPy's, expected one of the others"
            ) from None
        return getattr(host, name)

    def __eq__(self, other: object) -> bool:
        if other is self:
            return True
        if isinstance(other, DType):
            return False
        return find_dtype(other) is self

    def __hash__(self) -> int:
        # That of NumPy's data type, which compares equal: one may be looked up by the other.
        try:
            return self._hash
        except AttributeError:
            self._hash: int = hash(_host_or_name(self))
            return self._hash

    def __repr__(self) -> str:
        return f"polygrad.{self.name}"

    def __str__(self) -> str:
        return self.name

    def __reduce__(self) -> tuple[Any, ...]:
        return as_dtype, (self.name,)


def _table() -> dict[str, DType]:
    rows = [("bool", "bool", 1)]
    rows += [(f"int{n}", "signed integer", n) for n in (8, 16, 32, 64)]
    rows += [(f"uint{n}", "unsigned integer", n) for n in (8, 16, 32, 64)]
    rows += [(f"float{n}", "real floating", n) for n in (16, 32, 64)]
    rows += [("bfloat16", "real floating", 16)]
    rows += [(f"complex{n}", "complex floating", n) for n in (64, 128)]
    return {name: DType(name, group, bits) for name, group, bits in rows}


DTYPES = _table()
_to_host: Callable[[DType], Any]


def _host_or_name(dtype: DType) -> Any:
    try:
        return _to_host(dtype)
    except (NameError, TypeError):  # before there is a registry; bfloat16, which NumPy has not
        return dtype.name


def set_host(function: Callable[[DType], Any]) -> None:
    """Tell data types how NumPy spells them; called once, by the registry of backends."""
    global _to_host
    _to_host = function


# NumPy's short names; those that differ between platforms (l, L) are left out.
_SHORT = {
    "?": "bool", "b1": "bool", "b": "int8", "B": "uint8", "h": "int16", "H": "uint16",
    "i": "int32", "I": "uint32", "q": "int64", "Q": "uint64", "e": "float16", "f": "float32",
    "d": "float64", "F": "complex64", "D": "complex128", "c8": "complex64", "c16": "complex128",
    "half": "float16", "single": "float32", "double": "float64", "csingle": "complex64",
    "cdouble": "complex128",
}  # fmt: skip
_SHORT |= {f"i{n}": f"int{8 * n}" for n in (1, 2, 4, 8)}
_SHORT |= {f"u{n}": f"uint{8 * n}" for n in (1, 2, 4, 8)}
_SHORT |= {f"f{n}": f"float{8 * n}" for n in (2, 4, 8)}
_PYTHON = {bool: "bool", int: "int64", float: "float64", complex: "complex128"}
_SEEN: dict[tuple[type, Any], DType] = {}
KNOWN: dict[int, tuple[DType, Any]] = {}
"""Spellings by identity: libraries use the same few objects, and to hash one takes longer."""


def find_dtype(spec: Any) -> DType | None:
    """The data type ``spec`` names in any library's spelling, or None."""
    if isinstance(spec, DType):
        return spec
    key = (type(spec), spec)  # data types of two libraries must not be compared
    try:
        return _SEEN[key]
    except (KeyError, TypeError):
        pass
    name = _PYTHON.get(spec) if isinstance(spec, type) else None
    if name is None:
        # numpy.dtype has .name, a scalar class __name__, torch and strict print "library.name".
        for attribute in ("name", "__name__"):
            name = getattr(spec, attribute, None)
            if isinstance(name, str):
                break
        else:
            name = str(spec).rpartition(".")[2]
    found = DTYPES.get(name)
    if found is None and isinstance(spec, str):
        found = DTYPES.get(
            _SHORT.get(spec.lstrip("<=|" if sys.byteorder == "little" else ">=|"), "")
        )
    if found is not None:
        try:
            _SEEN[key] = found
        except TypeError:
            pass
    return found


def as_dtype(spec: Any) -> DType:
    """The polygrad data type that ``spec`` names.

    ``spec`` is a DType, a name, a Python type or the data type object of any array library.
    Raises DTypeError for anything else.

    >>> pg.dtypes.as_dtype("float32"), pg.dtypes.as_dtype(int)
    (polygrad.float32, polygrad.int64)
    """
    try:
        return KNOWN[id(spec)][0]
    except KeyError:
        found = find_dtype(spec)
    if found is not None:
        if len(KNOWN) < 256:
            KNOWN[id(spec)] = found, spec  # held, so that its id stays its own
        return found
    known = ", ".join(DTYPES)
    raise DTypeError(f"dtype: got {spec!r}, expected one of {known}; e.g. pg.float32")


def check_range(number: Any, dtype: Any) -> Any:
    """``number`` itself; raises IntegerRangeError for an integer that a data type cannot hold."""
    if type(number) is int and "integer" in dtype.group:
        low, high = limits(dtype)
        if not low <= number <= high:
            raise IntegerRangeError(
                f"the integer {number} is outside of {dtype}, from {low} to {high}; convert the "
                "array beside it with pg.astype"
            )
    return number


def limits(dtype: Any) -> tuple[int, int]:
    """The lowest and the highest number of an integer data type.

    >>> pg.dtypes.limits(pg.int8)
    (-128, 127)
    """
    if dtype.group == "signed integer":
        return -(2 ** (dtype.bits - 1)), 2 ** (dtype.bits - 1) - 1
    return 0, 2**dtype.bits - 1
