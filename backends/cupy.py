"""CuPy: arrays on NVIDIA GPUs."""

import importlib.metadata
import importlib.util
from types import ModuleType
from typing import Any

from polygrad.backend import Backend

_EXTRAS = "pip install 'polygrad-xp[cuda13]' (or [cuda12] for a CUDA 12 driver)"


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
        try:
            import cupy
        except ImportError as error:
            first = str(error).strip().splitlines()[0]
            return f"CuPy cannot be imported ({first}): {_EXTRAS}"
        try:
            count = cupy.cuda.runtime.getDeviceCount()
        except cupy.cuda.runtime.CUDARuntimeError as error:
            return f"cupy {cupy.__version__} is installed, but no CUDA driver was found ({error})"
        return None if count else f"cupy {cupy.__version__} is installed, but no GPU was found"

    def version(self) -> str | None:
        if importlib.util.find_spec("cupy") is None:
            return None
        import cupy

        return str(cupy.__version__)

    def device_names(self) -> list[str]:
        import cupy

        return [f"cuda:{i}" for i in range(cupy.cuda.runtime.getDeviceCount())]

    def find_device(self, rest: str) -> Any:
        import cupy

        number = rest.removeprefix("cuda").removeprefix(":") or "0"
        names = self.device_names()
        if not number.isdecimal() or int(number) >= len(names):
            raise ValueError(f"the GPUs here are {', '.join(names)}; got {rest!r}")
        return cupy.cuda.Device(int(number))

    def device_name(self, device: Any) -> str:
        if type(device).__module__.partition(".")[0] != "cupy":
            raise TypeError(f"not a CuPy device: {device!r}")
        return f"cuda:{device.id}"

    def normalise(self, value: Any) -> Any:
        return self.xp.asarray(value)

    def own(self, array: Any) -> Any:
        return array if array.base is None and array.flags.owndata else array.copy()

    def from_host(self, value: Any, dtype: Any, device: Any) -> Any:
        import cupy

        with device:
            return cupy.array(value, dtype=dtype)

    def to_host(self, array: Any) -> Any:
        return array.get()

    def synchronize(self, device: Any) -> None:
        device.synchronize()

    def memory(self, device: Any) -> tuple[int, int] | None:
        return device.mem_info

    def overrides(self, xp: ModuleType) -> dict[str, Any]:
        import cupy
        import cupyx

        def scatter_add(value: Any, key: Any, shape: tuple[int, ...]) -> Any:
            with value.device:
                out = cupy.zeros(shape, value.dtype)
                parts = key if isinstance(key, tuple) else (key,)
                if any(isinstance(p, cupy.ndarray) and p.dtype != bool for p in parts):
                    cupyx.scatter_add(out, key, value)  # the same place may be named twice
                else:
                    out[key] = value
            return out

        return {"scatter_add": scatter_add}
