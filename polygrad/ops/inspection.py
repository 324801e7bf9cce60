"""What the namespace offers: its devices, data types and capabilities."""

from typing import Any

from polygrad.device import Device, current_device, devices
from polygrad.device import device as as_device
from polygrad.dtypes import DTYPES, DType, as_dtype
from polygrad.ops.datatypes import isdtype
from polygrad.standard import sequence

# bool, eight integer types, two real and two complex floating ones.
_DTYPES = 13


class Info:
    """The answers of the standard's inspection functions, for the current device or a given one.

    >>> pg.__array_namespace_info__().default_device()
    Device('cpu')
    """

    def capabilities(self) -> dict[str, Any]:
        """Whether masks and shapes that depend on the data work, and the most axes an array has.

        The answer is that of the current device's library.
        """
        found = _library_info(current_device()).capabilities()
        names = ("boolean indexing", "data-dependent shapes", "max dimensions")
        return {name: found[name] for name in names}

    def default_device(self) -> Device:
        """The device that new arrays are made on now."""
        return current_device()

    def devices(self) -> Any:
        """The current device and those of this machine that have every data type of the standard.

        Code that goes through them may use any data type on each; `pg.devices` has them all. A
        list; a tuple from version 2025.12 on.
        """
        return sequence(
            place
            for place in devices()
            if place == current_device() or len(self.dtypes(device=place)) == _DTYPES
        )

    def default_dtypes(self, *, device: Any = None) -> dict[str, DType]:
        """The data types of new floating-point, complex, integer and index arrays."""
        place = _place(device)
        found = _library_info(place).default_dtypes(device=place.raw)
        kinds = ("real floating", "complex floating", "integral", "indexing")
        return {kind: as_dtype(found[kind]) for kind in kinds}

    def dtypes(self, *, device: Any = None, kind: Any = None) -> dict[str, DType]:
        """The standard's data types that the device has, by name; those of a kind if given.

        ``kind`` is what `isdtype` takes.
        """
        place = _place(device)
        names = _library_info(place).dtypes(device=place.raw)
        return {
            name: dtype
            for name, dtype in DTYPES.items()
            if name in names and (kind is None or isdtype(dtype, kind))
        }


def _place(device: Any) -> Device:
    return current_device() if device is None else as_device(device)


def _library_info(place: Device) -> Any:
    return place.backend.namespace().__array_namespace_info__()


def __array_namespace_info__() -> Info:  # noqa: N807  the standard's name
    """The inspection functions of the standard.

    >>> pg.__array_namespace_info__().default_dtypes()["real floating"]
    polygrad.float64
    """
    return Info()
