"""What programs of kernels ask of an array library: see `polygrad.backends.cupy_program`."""

from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol


class Planned(Protocol):
    """A matrix product that can run while kernels are captured."""

    workspace: int
    """Bytes of memory that it needs besides."""
    called: bool
    """Whether it has run: the first time may load code, which is refused while capturing."""

    def __call__(self, left: int, right: int, out: int, workspace: int) -> None:
        """Start it in the current stream, on addresses that `ALIGNMENT` divides."""
        ...


ALIGNMENT = 16
"""Bytes; products with a plan read so many at a time."""


class Host(Protocol):
    """An array library on CUDA GPUs."""

    def on(self, device: Any) -> AbstractContextManager[Any]:
        """A block in which arrays are made, and kernels run, on a device."""
        ...

    def place(self) -> Hashable:
        """The current device and stream: work given to one place runs in order."""
        ...

    def load(self, source: str, names: Sequence[str], kept: Any) -> dict[str, Any]:
        """The kernels of a source, compiled for the current device, by name.

        ``kept`` has the functions of `polygrad.compile.native.cache`, for code on disk.
        """
        ...

    def launch(
        self, kernel: Any, grid: tuple[int, int], threads: int, args: tuple[Any, ...]
    ) -> None:
        """Start a kernel; arguments are Python numbers, addresses among them."""
        ...

    def capture(self, start: Callable[[], None]) -> Callable[[], None]:
        """A function that runs, as one, all kernels that ``start`` starts, which do not run now.

        Raises any exception where that is not possible.
        """
        ...

    def buffer(self, nbytes: int) -> Any:
        """Memory."""
        ...

    def array_in(self, memory: Any, shape: tuple[int, ...], dtype: Any) -> Any:
        """An array in C order at the start of memory."""
        ...

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Any:
        """A new array in C order."""
        ...

    def address(self, array: Any) -> int:
        """Where the elements of an array, or memory, are."""
        ...

    def in_order(self, array: Any) -> Any:
        """The array in C order, at an address that kernels can read: itself or a copy."""
        ...

    def asarray(self, x: Any) -> Any:
        """An array of a number, or the array itself."""
        ...

    def copy(self, array: Any) -> Any:
        """A copy in C order."""
        ...

    def own(self, array: Any, others: Sequence[Any]) -> Any:
        """An array that shares no memory with another one: itself or a copy."""
        ...

    def may_write(self, array: Any) -> bool:
        """Whether a donated array's memory can be used again: it belongs to this library."""
        ...

    def product(self, a: Any, b: Any, out: Any) -> None:
        """Write a matrix product to an array."""
        ...

    def plan(
        self,
        left: tuple[tuple[int, ...], bool],
        right: tuple[tuple[int, ...], bool],
        out: tuple[int, ...],
        dtype: Any,
    ) -> Planned | None:
        """A plan of a product of arrays in C order: their shapes, and whether each is transposed.

        Products of its kind have been captured, and gave what `product` gives. None where no
        library for it is installed, or it has no such product; raises any exception where it
        does not work.
        """
        ...

    def lacks_memory(self, error: BaseException) -> bool:
        """Whether an error says that the GPU's memory does not suffice."""
        ...

    def give_memory_back(self) -> None:
        """Give memory that no array uses back to the GPU."""
        ...

    def shortage(self, error: BaseException) -> str:
        """What lacks memory, how much of it is used by what, and what to do."""
        ...
