"""CuPy: arrays on NVIDIA GPUs.

CuPy computes on a current device of its own, a number for each thread, wherever the operands
are, and its creation functions take no device. So everything here that makes an array enters
the right device first, and on machines with several GPUs each op does (`guard`).
"""

import importlib.metadata
import importlib.util
from collections.abc import Callable
from functools import cached_property
from types import ModuleType
from typing import Any

from polygrad.backend import Backend, Library, one_line
from polygrad.errors import DeviceMemoryError
from polygrad.places import last_values

_EXTRAS = "pip install 'polygrad-xp[cuda13]' (or [cuda12] for a CUDA 12 driver)"
_CREATION = (
    "arange", "asarray", "empty", "empty_like", "eye", "full", "full_like", "linspace", "ones",
    "ones_like", "zeros", "zeros_like",
)  # fmt: skip


_MOVE = "move the data to the CPU, where SciPy computes it: pg.to_device(x, 'cpu')"
_BORROWED = ("DLPackMemory", "UnownedMemory")
"""CuPy's classes for memory that is not its own."""
_CHECKED = ("cholesky", "eigh", "eigvalsh", "inv", "qr", "solve", "svd", "svdvals")


class CupyBackend(Backend):
    """CuPy arrays, one device for each GPU."""

    name = "cupy"
    array_classes = ("cupy:ndarray",)
    platforms = ("cuda",)
    extra = "cuda13"

    def namespace(self) -> ModuleType:
        import array_api_compat.cupy as namespace

        return namespace

    def unavailable(self) -> str | None:
        if importlib.util.find_spec("cupy") is None:
            return f"CuPy is not installed: {_EXTRAS}"
        installed = f"cupy {self.version() or ''}".strip()
        try:
            import cupy
        except Exception as error:  # a library of another CUDA version: not only ImportError
            # CuPy wraps the cause in a page of advice about installing it.
            cause = one_line(error).rpartition("Original error: ")[2]
            return f"{installed} is installed, but cannot be imported ({cause}): {_EXTRAS}"
        runtime = cupy.cuda.runtime
        try:
            count = runtime.getDeviceCount()
        except runtime.CUDARuntimeError as error:
            return f"{installed} is installed, but {_no_driver(runtime, one_line(error))}"
        return None if count else f"{installed} is installed, but no NVIDIA GPU was found"

    def version(self) -> str | None:
        # Not by import: what does not import has a version, too.
        for name in importlib.metadata.packages_distributions().get("cupy", ()):
            return importlib.metadata.version(name)
        return None

    @cached_property
    def _count(self) -> int:
        import cupy

        return int(cupy.cuda.runtime.getDeviceCount())

    @cached_property
    def multi_device(self) -> bool:  # type: ignore[override]
        return self._count > 1

    def device_names(self) -> list[str]:
        return [f"cuda:{i}" for i in range(self._count)]

    def find_device(self, rest: str) -> Any:
        import cupy

        number = rest.removeprefix("cuda").removeprefix(":") or "0"
        if not number.isdecimal() or int(number) >= self._count:
            names = ", ".join(self.device_names())
            raise ValueError(f"this machine has {names}, and no GPU {number!r}")
        return cupy.cuda.Device(int(number))

    def device_name(self, device: Any) -> str:
        if type(device).__module__.partition(".")[0] != "cupy":
            raise TypeError(f"not a CuPy device: {device!r}")
        return f"cuda:{device.id}"

    def normalise(self, value: Any) -> Any:
        return self.xp.asarray(value)

    def own(self, array: Any) -> Any:
        if array.base is None and array.flags.owndata and not borrowed(array):
            return array
        with array.device:
            return array.copy()

    def from_host(self, value: Any, dtype: Any, device: Any) -> Any:
        import cupy

        with device:
            return cupy.array(value, dtype=dtype)

    def to_host(self, array: Any) -> Any:
        return array.get()

    def target(self) -> Any:
        from polygrad.backends import cupy_program

        return cupy_program

    def synchronize(self, device: Any) -> None:
        device.synchronize()

    def on_host(self, device: Any) -> bool:
        return False

    def memory(self, device: Any) -> tuple[int, int] | None:
        import cupy

        free, total = device.mem_info
        with device:  # what the pool of freed memory holds is there for new arrays
            free += cupy.get_default_memory_pool().free_bytes()
        return int(free), int(total)

    def elsewhere(self, op: Any, operands: Any, params: Any, error: Exception) -> Any:
        """An op that lacked memory, once more after CuPy's pool gave back what it keeps."""
        if type(error).__name__ != "OutOfMemoryError":
            return None
        from polygrad.backends import cupy_program

        cupy_program.give_memory_back()
        impl = op.impls.get(self) or op.implement(self)
        try:
            return impl(*operands, **params)
        except Exception as again:
            if not cupy_program.lacks_memory(again):
                raise
            raise DeviceMemoryError(f"{op.name}: {cupy_program.shortage(again)}") from again

    @cached_property
    def guard(self) -> Any:  # type: ignore[override]
        if self._count < 2:
            return None
        import cupy

        def guard(function: Callable[..., Any]) -> Callable[..., Any]:
            def guarded(*args: Any, **params: Any) -> Any:
                array = _first(args, cupy.ndarray)
                if array is None:
                    return function(*args, **params)
                with array.device:
                    return function(*args, **params)

            return guarded

        return guard

    def overrides(self, xp: ModuleType) -> dict[str, Any]:
        import cupy

        def placed(create: Callable[..., Any]) -> Callable[..., Any]:
            def on_device(*args: Any, device: Any = None, **options: Any) -> Any:
                if device is None and args and isinstance(args[0], cupy.ndarray):
                    device = args[0].device
                with device or cupy.cuda.Device():
                    return create(*args, **options)

            return on_device

        def scatter_add(value: Any, key: Any, shape: tuple[int, ...]) -> Any:
            with value.device:
                if not _names_places_twice(key):
                    out = cupy.zeros(shape, value.dtype)
                    out[key] = value
                    return out
                if value.dtype.kind == "c":  # the atomic addition knows real numbers only
                    real, imag = (scatter_add(v, key, shape) for v in (value.real, value.imag))
                    return (real + 1j * imag).astype(value.dtype, copy=False)
                atomic = _atomic_dtype(value.dtype)
                out = cupy.zeros(shape, atomic)
                cupy.add.at(out, key, value.astype(atomic, copy=False))
                return out.astype(value.dtype, copy=False)

        def index_set(x: Any, value: Any, key: Any) -> Any:
            with x.device:
                out = x.copy()
                if _names_places_twice(key):
                    value = last_values(xp, value, key, x.shape, xp.getitem, latest)
                out[key] = value
                return out

        def latest(places: Any, size: int) -> Any:
            # CuPy writes in no fixed order. The type is one that has an atomic maximum.
            writes = cupy.arange(places.size, dtype="uint64")
            found = cupy.zeros(size + 1, "uint64")
            cupy.maximum.at(found, places, writes)
            return found[places].astype("int64")

        def _names_places_twice(key: Any) -> bool:
            parts = key if isinstance(key, tuple) else (key,)
            return any(isinstance(p, cupy.ndarray) and p.dtype.kind != "b" for p in parts)

        def _atomic_dtype(dtype: Any) -> Any:
            # Two's complement: sums of signed numbers are sums of unsigned ones of that width.
            return dtype if dtype.kind == "f" else cupy.dtype("uint64")

        def clip(x: Any, min: Any = None, max: Any = None) -> Any:  # noqa: A002
            # That of array-api-compat is 19 kernels, and waits for the GPU four times.
            if min is not None and max is not None:
                return between(x, min, max)
            if min is not None:
                return cupy.maximum(x, min)
            return x.copy() if max is None else cupy.minimum(x, max)

        def between(x: Any, low: Any, high: Any) -> Any:
            numbers = type(low) in (int, float) and type(high) in (int, float)
            if numbers and low <= high:  # otherwise the upper one stands, which CuPy has not
                return cupy.clip(x, low, high)
            return cupy.minimum(cupy.maximum(x, low), high)

        def checked(function: Callable[..., Any]) -> Callable[..., Any]:
            def call(*args: Any, **options: Any) -> Any:
                from cupyx import errstate

                with errstate(linalg="raise"):
                    return function(*args, **options)

            return call

        # CuPy leaves what cuSOLVER says of a matrix unread and gives numbers for one that is
        # singular or not definite. It is read here, which waits for the GPU, and raises as NumPy.
        linalg = ModuleType("polygrad.backends.cupy.xp.linalg")
        linalg.__dict__.update(vars(xp.linalg))
        linalg.__dict__.update({name: checked(getattr(xp.linalg, name)) for name in _CHECKED})

        made = {name: placed(getattr(xp, name)) for name in _CREATION}
        made["linalg"] = linalg
        if int(cupy.__version__.partition(".")[0]) >= 14:  # one kernel, for nan and complex, too
            made["sign"] = cupy.sign
        made["clip"] = clip
        own = Library("polygrad.backends.cupy_special", _MOVE)
        special = Library("cupyx.scipy.special", _MOVE, then=own)
        added = {"index_set": index_set, "scatter_add": scatter_add, "_between": between}
        return {**made, **added, "special": special}


def borrowed(array: Any) -> bool:
    """Whether the memory belongs to another library, which handed it over by DLPack or address.

    CuPy says of such an array that it owns its data.
    """
    return type(array.data.mem).__name__ in _BORROWED


def _no_driver(runtime: Any, message: str) -> str:
    """What a failed look for GPUs means: CUDA has one error for no driver and for an old one."""
    have, need = runtime.driverGetVersion(), runtime.runtimeGetVersion()
    if have == 0:
        return f"no CUDA driver was found ({message})"
    if have < need:
        versions = [f"{v // 1000}.{v % 1000 // 10}" for v in (have, need)]
        return "the driver is for CUDA {}, and it needs CUDA {}: {}".format(
            *versions, "update the driver, or pip install 'polygrad-xp[cuda12]'"
        )
    return f"no NVIDIA GPU can be used ({message})"


def _first(values: Any, cls: type) -> Any:
    """The first array among arguments, also within a list or tuple of them."""
    for value in values:
        if isinstance(value, list | tuple):
            value = _first(value, cls)
        if isinstance(value, cls):
            return value
    return None
