"""What native programs ask of the backend of their arrays: see `polygrad.backends.numpy_native`."""

from typing import Any, Protocol


class Layout(Protocol):
    """Where array objects keep what a program needs, in bytes from their start.

    ``kind`` is the address of the class of arrays; ``flags`` are those that have to be set, for
    arrays in C order and aligned; ``dtypes`` and ``numbers`` are the addresses of data types and
    the library's numbers for them, by name, the first the usual one; a data type object keeps its
    number at ``number_at`` and at ``order_at`` a character, ``foreign`` for the byte order of
    other machines; ``new`` is the address of ``PyArray_New``.
    """

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


class Host(Protocol):
    """The library whose arrays native programs take and return."""

    def layout(self) -> Layout:
        """The layout; raises BackendError where it is not as expected."""
        ...

    def address(self, array: Any) -> int:
        """Where the elements of an array are."""
        ...

    def in_order(self, array: Any) -> Any:
        """An array in C order, aligned, in the byte order of this machine."""
        ...

    def unusual(self, x: Any) -> str:
        """What native code cannot read about an operand as it is, in words; "" for nothing."""
        ...
