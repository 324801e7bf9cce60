"""array-api-strict: the standard to the letter, with extra devices, for tests without a GPU."""

import importlib.util
from types import ModuleType
from typing import Any

from polygrad.backend import Backend, scipy_on_host


class StrictBackend(Backend):
    """array-api-strict arrays: NumPy underneath, only what the standard promises on top."""

    name = "strict"
    array_classes = ("array_api_strict:Array",)
    extra = "strict"

    def namespace(self) -> ModuleType:
        import array_api_strict

        return array_api_strict

    def unavailable(self) -> str | None:
        if importlib.util.find_spec("array_api_strict") is None:
            return "array-api-strict is not installed: pip install 'polygrad-xp[strict]'"
        return None

    def version(self) -> str | None:
        return None if self.unavailable() else str(self.namespace().__version__)

    def _devices(self) -> dict[str, Any]:
        found = {}
        for device in self.namespace().__array_namespace_info__().devices():
            if device is not None:
                found[self.device_name(device).partition(":")[2]] = device
        return found

    def device_names(self) -> list[str]:
        return [f"{self.name}:{name}" for name in self._devices()]

    def find_device(self, rest: str) -> Any:
        devices = self._devices()
        try:
            return devices[rest or "cpu"]
        except KeyError:
            raise ValueError(f"array-api-strict has the devices {', '.join(devices)}") from None

    def device_name(self, device: Any) -> str:
        if type(device).__module__.partition(".")[0] != "array_api_strict":
            raise TypeError(f"not a device of array-api-strict: {device!r}")
        # Prints as array_api_strict.Device('CPU_DEVICE'), and has no public name.
        label = str(device).partition("'")[2].partition("'")[0].lower()
        return f"{self.name}:{label.removesuffix('_device')}"

    def from_host(self, value: Any, dtype: Any, device: Any) -> Any:
        return self.xp.asarray(value, dtype=dtype, device=device, copy=True)

    def to_host(self, array: Any) -> Any:
        import numpy as np

        cpu = self._devices()["cpu"]
        return np.from_dlpack(array.to_device(cpu), copy=True)

    def overrides(self, xp: ModuleType) -> dict[str, Any]:
        import numpy as np

        def fancy(key: Any) -> bool:
            """Whether the index goes beyond the standard: integer arrays, or a mask in company."""
            if not isinstance(key, tuple):
                return hasattr(key, "dtype") and key.dtype != xp.bool
            arrays = [part for part in key if hasattr(part, "dtype")]
            return any(part.dtype != xp.bool or len(key) > 1 for part in arrays)

        def lone_mask(key: Any) -> Any:
            """The mask that is the whole index, or None."""
            if isinstance(key, tuple) and len(key) == 1:
                (key,) = key
            return key if hasattr(key, "dtype") and key.dtype == xp.bool else None

        def by_arrays(key: Any) -> bool:
            """Whether an index has arrays: strict assigns through them on its first device only."""
            parts = key if isinstance(key, tuple) else (key,)
            return any(hasattr(part, "dtype") for part in parts)

        def on_host(value: Any) -> Any:
            if isinstance(value, tuple):
                return tuple(map(on_host, value))
            return self.to_host(value) if hasattr(value, "dtype") else value

        def getitem(x: Any, key: Any) -> Any:
            mask = lone_mask(key)
            if mask is not None:  # array-api-strict takes masks on its first device only
                cpu = self._devices()["cpu"]
                return x.to_device(cpu)[mask.to_device(cpu)].to_device(x.device)
            if not fancy(key):
                return x[key]
            return xp.asarray(np.asarray(on_host(x)[on_host(key)]), device=x.device)

        def assign(out: Any, key: Any, value: Any) -> None:
            """``out[key] = value``, also where the index has new axes: the standard has none."""
            if isinstance(key, tuple) and any(part is None for part in key):
                like = out[key]
                key = tuple(part for part in key if part is not None)
                value = xp.broadcast_to(
                    xp.asarray(value, dtype=out.dtype, device=out.device), like.shape
                )
                value = xp.reshape(value, out[key].shape)
            out[key] = value

        def scatter_add(value: Any, key: Any, shape: tuple[int, ...]) -> Any:
            if not by_arrays(key):
                out = xp.zeros(shape, dtype=value.dtype, device=value.device)
                assign(out, key, value)
                return out
            host = on_host(value)
            sums = np.zeros(shape, host.dtype)
            np.add.at(sums, on_host(key), host)
            return xp.asarray(sums, device=value.device)

        def index_set(x: Any, value: Any, key: Any) -> Any:
            if not by_arrays(key):
                out = xp.asarray(x, copy=True)
                assign(out, key, value)
                return out
            host = on_host(x)
            host[on_host(key)] = on_host(value)
            return xp.asarray(host, device=x.device)

        def isin(x1: Any, x2: Any, /, *, invert: bool = False) -> Any:
            # For every data type; the library's own takes integers only.
            hit = xp.any(xp.expand_dims(x1, axis=-1) == xp.reshape(x2, (-1,)), axis=-1)
            return xp.logical_not(hit) if invert else hit

        return {
            "getitem": getitem,
            "isin": isin,
            "scatter_add": scatter_add,
            "index_set": index_set,
            "special": scipy_on_host(self),
        }
