"""JAX: immutable arrays on every device that XLA compiles for; also inside jax.jit and jax.grad.

Data types of 64 bits are off in JAX until its own switch is set, and polygrad leaves that
switch alone: Python numbers become float32 and int32, and a data type of 64 bits is refused
where JAX by itself would warn and take 32 bits. An index array out of range is not an error in
JAX: polygrad reads nan there (the least integer from integers) and writes nothing.
"""

import importlib.metadata
import importlib.util
from functools import cached_property
from types import ModuleType
from typing import Any

from polygrad.backend import SPECIAL, Backend, Library, scipy_on_host
from polygrad.dtypes import DType, as_dtype
from polygrad.errors import BackendError


class JaxBackend(Backend):
    """JAX arrays, and the tracers that stand for them inside JAX's transforms."""

    name = "jax"
    array_classes = ("jaxlib:ArrayImpl", "jax:Tracer")
    extra = "jax"
    immutable = True

    def namespace(self) -> ModuleType:
        import jax.numpy as namespace

        return namespace

    def unavailable(self) -> str | None:
        if importlib.util.find_spec("jax") is None:
            return "JAX is not installed: pip install 'polygrad-xp[jax]'"
        return None

    def version(self) -> str | None:
        return None if self.unavailable() else importlib.metadata.version("jax")

    @cached_property
    def multi_device(self) -> bool:  # type: ignore[override]
        return len(self.device_names()) > 1

    def device_names(self) -> list[str]:
        import jax

        return [self.device_name(device) for device in self._devices(jax)]

    def _devices(self, jax: Any) -> list[Any]:
        found = list(jax.local_devices())
        host = jax.local_devices(backend="cpu")
        return found + [device for device in host if device not in found]

    def find_device(self, rest: str) -> Any:
        import jax

        devices = {self.device_name(device)[4:]: device for device in self._devices(jax)}
        if not rest:
            return next(iter(devices.values()))
        for name in (rest, f"{rest}:0", rest.removesuffix(":0")):
            if name in devices:
                return devices[name]
        raise ValueError(f"this JAX has the devices {', '.join(devices)}; got {rest!r}")

    def device_name(self, device: Any) -> str:
        if type(device).__module__.partition(".")[0] not in ("jax", "jaxlib"):
            raise TypeError(f"not a device of JAX: {device!r}")
        if not hasattr(device, "platform"):
            raise BackendError(
                "the array is spread over several devices, and polygrad handles JAX arrays on one; "
                "gather it with jax.device_put(x, jax.devices()[0])"
            )
        kind = {"gpu": "cuda"}.get(device.platform, device.platform)
        return f"jax:{kind}" if (kind, device.id) == ("cpu", 0) else f"jax:{kind}:{device.id}"

    def device_of(self, array: Any) -> Any:
        # Inside jax.jit an array has no place yet.
        return getattr(array, "device", None) or self.find_device("")

    def raw_dtype(self, dtype: Any) -> Any:
        return None if dtype is None else super().raw_dtype(self._allowed(as_dtype(dtype)))

    def _allowed(self, dtype: DType) -> DType:
        if not self._wide() and dtype.bits >= (128 if dtype.is_complex else 64):
            raise BackendError(
                f"dtype: {dtype} is switched off in JAX; use {_HALF[dtype.name]}, or switch it "
                "on at the start with jax.config.update('jax_enable_x64', True)"
            )
        return dtype

    def _wide(self) -> bool:
        import jax

        return bool(jax.config.jax_enable_x64)

    def default_integer(self, unsigned: bool) -> str:
        return ("uint" if unsigned else "int") + ("64" if self._wide() else "32")

    def synchronize(self, device: Any) -> None:
        import jax

        for array in jax.live_arrays():
            if device in array.devices():
                array.block_until_ready()

    def memory(self, device: Any) -> tuple[int, int] | None:
        found = device.memory_stats()  # None on the CPU
        if not found or "bytes_limit" not in found:
            return None
        total = int(found["bytes_limit"])
        return total - int(found["bytes_in_use"]), total

    def from_host(self, value: Any, dtype: Any, device: Any) -> Any:
        import numpy as np

        return self.xp.array(np.asarray(value), dtype=dtype, device=device)

    def to_host(self, array: Any) -> Any:
        import numpy as np

        return np.asarray(array)

    def overrides(self, xp: ModuleType) -> dict[str, Any]:
        from polygrad.backends.jax_functions import functions

        special = Library("jax.scipy.special", SPECIAL, then=scipy_on_host(self))
        return functions(xp, self.raw_dtype) | {"special": special}

    def target(self) -> Any:
        from polygrad.backends import jax_program

        return jax_program

    def on_host(self, device: Any) -> bool:
        return device.platform == "cpu"


_HALF = {
    "float64": "float32",
    "complex128": "complex64",
    "int64": "int32",
    "uint64": "uint32",
}
