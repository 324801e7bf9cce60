"""Devices: strings parsed once at the edge, the current device, and moving between devices."""

import os
from contextvars import ContextVar
from types import TracebackType
from typing import Any

from polygrad.backend import (
    Backend,
    backends,
    device_choices,
    get_backend,
    one_line,
    why_unavailable,
)
from polygrad.errors import DeviceError, DeviceUnavailableError

__all__ = ["Device", "current_device", "device", "devices", "set_device"]

VARIABLE = "POLYGRAD_DEVICE"


class Device:
    """A device of one backend, such as ``cpu``, ``cuda:1`` or ``strict:device1``.

    As a context manager it is the device that new arrays are made on.

    >>> with pg.device("cpu"):
    ...     pg.zeros(2).device
    Device('cpu')
    """

    __slots__ = ("backend", "raw", "name")

    def __init__(self, backend: Backend, raw: Any, name: str) -> None:
        self.backend, self.raw, self.name = backend, raw, name

    def __enter__(self) -> "Device":
        _SCOPES.set((*_SCOPES.get(), self))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _SCOPES.set(_SCOPES.get()[:-1])

    def synchronize(self) -> None:
        """Wait until all work given to the device is done; at once on a CPU."""
        self.backend.synchronize(self.raw)

    def keep_memory(self, on: bool = True) -> None:
        """Keep the memory that arrays free for later ones, instead of giving it back.

        On the CPU, with glibc, this lets large temporaries be made again without a page fault
        for every 4 KiB, which can be more than half of the time of eager code on arrays of some
        MB; the process then stays as large as it has once been. The setting is the whole
        process's, for all libraries in it, and therefore never made unasked. ``on=False`` gives
        the memory back, and from then on whatever is freed beyond 64 MiB. CuPy and PyTorch keep
        memory on a GPU in any case; there it does nothing.

        Raises BackendError where the C library has no such setting (Windows, macOS, musl).

        >>> pg.device("cpu").keep_memory()
        >>> pg.device("cpu").keep_memory(False)
        """
        if self.backend.on_host(self.raw):
            get_backend("numpy").keep_memory(on)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Device):
            return self.name == other.name
        if isinstance(other, str):
            return self.name == other
        return False

    def __hash__(self) -> int:
        return hash(self.name)

    def __reduce__(self) -> Any:
        return device, (self.name,)

    def __repr__(self) -> str:
        return f"Device({self.name!r})"

    def __str__(self) -> str:
        return self.name


# Devices entered in this context, innermost last; new threads start without any.
_SCOPES: ContextVar[tuple[Device, ...]] = ContextVar("polygrad_device_scopes", default=())
_default: Device | None = None
_KNOWN: dict[str, Device] = {}


def device(spec: Any) -> Device:
    """The device that ``spec`` names: a device string or a Device.

    Strings: ``"cpu"`` (NumPy), ``"cuda"`` or ``"cuda:1"`` (CuPy), ``"auto"`` (an accelerator
    if one can be used, else the CPU), ``"<backend>"`` or ``"<backend>:<its device>"`` such as
    ``"strict:device1"``. Raises DeviceError for a string that names nothing, and
    DeviceUnavailableError, with the reason, for a device that is not there.

    >>> pg.device("cpu")
    Device('cpu')
    """
    if isinstance(spec, Device):
        return spec
    if not isinstance(spec, str):
        found = _foreign(spec)
        if found is not None:
            return found
        raise DeviceError(
            f"device: got {spec!r}, expected a device string such as {device_choices()}"
        )
    text = spec.strip().lower()
    if text == "auto":
        return _auto()
    head, _, rest = text.partition(":")
    backend = next((b for b in backends() if head in b.platforms), None) or get_backend(head)
    reason = why_unavailable(backend)
    if reason is not None:
        raise DeviceUnavailableError(f"device {spec!r} is not available: {reason}")
    try:
        raw = backend.find_device(rest)
    except ValueError as error:
        raise DeviceUnavailableError(f"device {spec!r} is not available: {error}") from None
    return intern_device(backend, raw)


def intern_device(backend: Backend, raw: Any) -> Device:
    """The Device for a library's own device object, the same one each time."""
    name = backend.device_name(raw)  # the object itself may have no hash (cupy.cuda.Device)
    found = _KNOWN.get(name)
    return found or _KNOWN.setdefault(name, Device(backend, raw, name))


def _foreign(spec: Any) -> Device | None:
    """The Device for a library's own device object, such as ``cupy.cuda.Device(0)``."""
    for backend in backends():
        try:
            return intern_device(backend, spec)
        except Exception:  # not a device of this library
            continue
    return None


def _auto() -> Device:
    for backend in backends():
        if not backend.host and backend.platforms and why_unavailable(backend) is None:
            return device(backend.platforms[0])
    return device("cpu")


def devices() -> list[Device]:
    """Every device that can be used on this machine, the CPU first.

    >>> pg.devices()[0]
    Device('cpu')
    """
    return [one for backend in backends() for one in usable(backend)[0]]


def usable(backend: Backend) -> tuple[list[Device], str | None]:
    """The devices of a backend that can be used here, or why there are none."""
    reason = why_unavailable(backend)
    if reason is not None:
        return [], reason
    try:
        return [device(name) for name in backend.device_names()], None
    except Exception as error:  # a third party's record must not take the others down
        return [], f"its devices cannot be listed ({type(error).__name__}: {one_line(error)})"


def set_device(spec: Any) -> Device:
    """Make ``spec`` the device of new arrays in the whole process, and return it.

    ``spec`` is what `device` takes. A ``with pg.device(...)`` block takes precedence over it,
    and it takes precedence over the environment variable ``POLYGRAD_DEVICE``.

    >>> pg.set_device("cpu")
    Device('cpu')
    """
    global _default
    _default = device(spec)
    return _default


def current_device() -> Device:
    """The device that new arrays are made on now.

    It is the innermost ``with pg.device(...)``, else what `set_device` was given, else
    ``POLYGRAD_DEVICE``, else the CPU.

    >>> pg.current_device()
    Device('cpu')
    """
    scopes = _SCOPES.get()
    if scopes:
        return scopes[-1]
    if _default is not None:
        return _default
    name = os.environ.get(VARIABLE)
    if not name:
        return set_device("cpu")
    try:
        return set_device(name)
    except (DeviceError, DeviceUnavailableError) as error:
        raise type(error)(f"environment variable {VARIABLE}={name!r}: {error}") from None
