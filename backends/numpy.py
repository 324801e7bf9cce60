"""NumPy: arrays in host memory, the default backend."""

from types import ModuleType
from typing import Any

from polygrad.backend import Backend


class NumpyBackend(Backend):
    """NumPy arrays on the CPU."""

    name = "numpy"
    array_classes = ("numpy:ndarray", "numpy:generic")
    platforms = ("cpu",)
    host = True
    multi_device = False

    def namespace(self) -> ModuleType:
        import array_api_compat.numpy as namespace

        return namespace

    def unavailable(self) -> str | None:
        return None

    def version(self) -> str | None:
        return str(self.namespace().__version__)

    def device_names(self) -> list[str]:
        return ["cpu"]

    def find_device(self, rest: str) -> Any:
        if rest in ("", "0", "cpu"):
            return "cpu"
        raise ValueError(f"NumPy has one device, 'cpu'; got {rest!r}")

    def device_name(self, device: Any) -> str:
        if device != "cpu":
            raise ValueError(f"NumPy has one device, 'cpu'; got {device!r}")
        return "cpu"

    def device_of(self, array: Any) -> Any:
        return "cpu"

    def is_scalar(self, cls: type) -> bool:
        return any(base.__name__ == "generic" for base in cls.__mro__)

    def normalise(self, value: Any) -> Any:
        return self.xp.asarray(value)

    def own(self, array: Any) -> Any:
        # A view (a broadcast cotangent above all) shares or repeats its memory.
        return array if array.base is None and array.flags.owndata else array.copy()

    def from_host(self, value: Any, dtype: Any, device: Any) -> Any:
        return self.xp.asarray(value, dtype=dtype, copy=True)

    def to_host(self, array: Any) -> Any:
        return array

    def overrides(self, xp: ModuleType) -> dict[str, Any]:
        import numpy as np

        def scatter_add(value: Any, key: Any, shape: tuple[int, ...]) -> Any:
            out = np.zeros(shape, value.dtype)
            parts = key if isinstance(key, tuple) else (key,)
            if any(isinstance(part, np.ndarray) and part.dtype != np.bool for part in parts):
                np.add.at(out, key, value)  # the same place may be named twice
            else:
                out[key] = value
            return out

        return {"scatter_add": scatter_add}
