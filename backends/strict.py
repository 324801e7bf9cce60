"""array-api-strict: the standard to the letter, with extra devices, for tests without a GPU."""

import importlib.util
from types import ModuleType
from typing import Any

from polygrad.backend import Backend, Library


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
            parts = key if isinstance(key, tuple) else (key,)
            return any(hasattr(part, "dtype") and part.dtype != xp.bool for part in parts)

        def positions(key: Any, shape: tuple[int, ...]) -> Any:
            """Where in the flattened array an index with integer arrays points to."""
            host = tuple(
                self.to_host(part) if hasattr(part, "dtype") else part
                for part in (key if isinstance(key, tuple) else (key,))
            )
            return np.arange(int(np.prod(shape))).reshape(shape)[host]

        def one_hot(places: Any, size: int, like: Any) -> Any:
            hot = np.zeros((places.size, size), dtype=np.float64)
            hot[np.arange(places.size), places.ravel()] = 1.0
            return xp.astype(xp.asarray(hot, device=like.device), like.dtype)

        def getitem(x: Any, key: Any) -> Any:
            if not fancy(key):
                return x[key]
            places = positions(key, x.shape)
            flat = xp.asarray(places.ravel(), device=x.device)
            return xp.reshape(xp.take(xp.reshape(x, (-1,)), flat), places.shape)

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
            if not fancy(key):
                out = xp.zeros(shape, dtype=value.dtype, device=value.device)
                assign(out, key, value)
                return out
            places = positions(key, shape)
            size = int(np.prod(shape))
            flat = xp.reshape(xp.broadcast_to(value, places.shape), (1, -1))
            return xp.reshape(flat @ one_hot(places, size, value), shape)

        def index_set(x: Any, value: Any, key: Any) -> Any:
            out = xp.asarray(x, copy=True)
            if not fancy(key):
                assign(out, key, value)
                return out
            places = positions(key, x.shape)
            values = xp.asarray(value, dtype=x.dtype, device=x.device)
            values = xp.reshape(xp.broadcast_to(values, places.shape), (-1,))
            out = xp.reshape(out, (-1,))
            for i, place in enumerate(places.ravel().tolist()):
                out[place] = values[i]
            return xp.reshape(out, x.shape)

        def through_host(function: Any) -> Any:
            def call(*args: Any) -> Any:
                device = next(arg.device for arg in args if hasattr(arg, "device"))
                host = [self.to_host(arg) if hasattr(arg, "device") else arg for arg in args]
                return xp.asarray(np.asarray(function(*host)), device=device)

            return call

        remedy = "pip install 'polygrad-xp[special]'"
        special = Library("scipy.special", remedy, adapt=through_host)
        return {
            "getitem": getitem,
            "scatter_add": scatter_add,
            "index_set": index_set,
            "special": special,
        }
