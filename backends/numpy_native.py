"""What native programs take for granted of NumPy's inside: how its arrays lie in memory.

All that is private to NumPy is here. `changes` says what of it a release has changed.
"""

import ctypes
import functools
import sys
import warnings
from typing import Any, NamedTuple

import numpy as np

from polygrad.errors import BackendError, UpstreamWarning


class Layout(NamedTuple):
    """See `polygrad.compile.native.host.Layout`."""

    kind: int
    kind_at: int
    data_at: int
    ndim_at: int
    shape_at: int
    dtype_at: int
    flags_at: int
    flags: int
    dtypes: dict[str, int]
    numbers: dict[str, tuple[int, ...]]
    number_at: int
    order_at: int
    foreign: int
    new: int


_NEW = 93  # PyArray_New in the table of NumPy's C interface, which keeps its order
_IN_ORDER_AND_ALIGNED = 0x0001 | 0x0100
_NAMES = (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32",
    "float64",
)  # fmt: skip


_FOREIGN = ">" if sys.byteorder == "little" else "<"


def _numbers(dtype: Any) -> tuple[int, ...]:
    """NumPy's numbers for one data type: C has two names for some (long and long long)."""
    known = [np.dtype(code) for code in "?bhilqBHILQfd"]
    return tuple(dict.fromkeys([dtype.num, *(d.num for d in known if d == dtype)]))


@functools.cache
def layout() -> Layout:
    """How array objects are laid out; raises BackendError where they are not as expected."""
    changed = changes()
    if changed:
        said = f"NumPy {np.__version__} is not as native code expects it: {'; '.join(changed)}"
        _tell(said)
        raise BackendError(said)
    capsule = np._core._multiarray_umath._ARRAY_API  # type: ignore[attr-defined]
    return _read(capsule)


@functools.cache
def _tell(said: str) -> None:
    warnings.warn(
        f"{said}. Compiled functions run as NumPy programs, with the same answers, slower",
        UpstreamWarning,
        stacklevel=2,
    )


def changes() -> list[str]:
    """What is not as expected of NumPy's inside, a line for each."""
    inside = getattr(getattr(np, "_core", None), "_multiarray_umath", None)
    capsule = getattr(inside, "_ARRAY_API", None)
    if type(capsule).__name__ != "PyCapsule":
        return [
            "numpy._core._multiarray_umath._ARRAY_API: expected a PyCapsule, is "
            + ("not there" if capsule is None else f"a {type(capsule).__name__}")
        ]
    try:
        _check(_read(capsule))
    except BackendError as error:
        return [str(error)]
    return []


def _read(capsule: Any) -> Layout:
    table = (ctypes.c_void_p * (_NEW + 1)).from_address(_pointer(capsule))
    dtypes = {name: np.dtype(name) for name in _NAMES}
    found = Layout(
        kind=id(np.ndarray), kind_at=8, data_at=16, ndim_at=24, shape_at=32, dtype_at=56,
        flags_at=64, flags=_IN_ORDER_AND_ALIGNED, dtypes={n: id(d) for n, d in dtypes.items()},
        numbers={n: _numbers(d) for n, d in dtypes.items()}, number_at=28, order_at=26,
        foreign=ord(_FOREIGN), new=table[_NEW] or 0,
    )  # fmt: skip
    return found


def _pointer(capsule: Any) -> int:
    name, pointer = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    name.restype, name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return int(pointer(capsule, name(capsule)))


def _check(at: Layout) -> None:
    """Compare with what an array says of itself."""
    for sample in (np.ones((3, 5), np.float32), np.ones((4, 2, 6))[::2]):

        def read(kind: Any, offset: int, start: int = id(sample)) -> Any:
            return kind.from_address(start + offset).value

        shape = read(ctypes.c_void_p, at.shape_at)
        same = (
            read(ctypes.c_void_p, at.kind_at) == at.kind
            and read(ctypes.c_void_p, at.data_at) == sample.ctypes.data
            and read(ctypes.c_int, at.ndim_at) == sample.ndim
            and all(
                read(ctypes.c_ssize_t, 8 * i, shape) == n for i, n in enumerate(sample.shape)
            )
            and read(ctypes.c_void_p, at.dtype_at) == id(sample.dtype)
            and bool(read(ctypes.c_int, at.flags_at) & 1) == sample.flags.c_contiguous
            and _describes(at, sample.dtype) and _describes(at, sample.dtype.newbyteorder(_FOREIGN))
        )  # fmt: skip
        if not same or ctypes.sizeof(ctypes.c_void_p) != 8:
            raise BackendError("NumPy arrays lie in memory in another way than native code expects")


def _describes(at: Layout, dtype: Any) -> bool:
    """Whether a data type object holds its number and byte order where they are expected."""
    number = ctypes.c_int.from_address(id(dtype) + at.number_at).value
    order = ctypes.c_ubyte.from_address(id(dtype) + at.order_at).value
    return number == dtype.num and (order == at.foreign) == (dtype.byteorder == _FOREIGN)


def address(array: Any) -> int:
    """Where the elements of an array are."""
    return int(array.ctypes.data)


def in_order(array: Any) -> Any:
    """An array in C order, aligned and in the byte order of this machine; itself if it is one."""
    dtype = None if array.dtype.isnative else array.dtype.newbyteorder("=")
    return np.require(array, dtype, ["C", "A", "E"])


def unusual(x: Any) -> str:
    """What native code cannot read about an operand as it is, in words; "" for nothing."""
    if not isinstance(x, np.ndarray):
        return ""
    if not x.dtype.isnative:
        return "is not in the byte order of this machine"
    if not x.flags.c_contiguous:
        return "is not in C order"
    if not x.flags.aligned:
        return "is not aligned"
    return "" if type(x) is np.ndarray else f"is a {type(x).__name__}"
