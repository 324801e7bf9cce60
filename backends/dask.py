"""Dask: lazy arrays in chunks, for data larger than memory.

Values and gradients are lazy too: nothing is computed until a number is asked for (`item`,
printing, `to_numpy`, another device, or Dask's own ``compute()``). An index of several arrays,
or with an array of several axes, is one task over the whole array. Arrays of unknown shape
(after ``x[mask]``) are refused: gradients need shapes.
"""

import importlib.util
import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

from polygrad.backend import Backend
from polygrad.backends.indexing import is_mask, parts_of
from polygrad.errors import ShapeError


class DaskBackend(Backend):
    """Dask arrays, whose chunks are NumPy arrays."""

    name = "dask"
    array_classes = ("dask:Array",)
    extra = "dask"
    multi_device = False

    def namespace(self) -> ModuleType:
        import array_api_compat.dask.array as namespace

        return namespace

    def unavailable(self) -> str | None:
        try:
            found = importlib.util.find_spec("dask.array")
        except ImportError:
            found = None
        return None if found else "Dask is not installed: pip install 'polygrad-xp[dask]'"

    def version(self) -> str | None:
        if self.unavailable():
            return None
        import dask

        return str(dask.__version__)

    def device_names(self) -> list[str]:
        return ["dask"]

    def find_device(self, rest: str) -> Any:
        if rest in ("", "cpu"):
            return "cpu"
        raise ValueError(f"Dask has one device, 'dask'; got {rest!r}")

    def device_name(self, device: Any) -> str:
        if device != "cpu":
            raise ValueError(f"Dask has one device, 'dask'; got {device!r}")
        return "dask"

    def device_of(self, array: Any) -> Any:
        return "cpu"

    def from_host(self, value: Any, dtype: Any, device: Any) -> Any:
        return self.xp.asarray(value, dtype=dtype)

    def to_host(self, array: Any) -> Any:
        import numpy as np

        return np.asarray(array.compute())

    def guard(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Refuses arrays of unknown shape, given or made: rules would compute with nan."""

        def guarded(*args: Any, **params: Any) -> Any:
            for arg in args:
                _check_shape(arg)
            out = function(*args, **params)
            for value in out if isinstance(out, tuple | list) else (out,):
                _check_shape(value)
            return out

        return guarded

    def overrides(self, xp: ModuleType) -> dict[str, Any]:
        import dask.array as da
        import numpy as np
        from dask import delayed

        def in_one_task(function: Any, shape: Any, dtype: Any, *operands: Any) -> Any:
            return da.from_delayed(delayed(function, pure=True)(*operands), shape, dtype)

        def lazily(key: Any, use: Any) -> tuple[Any, list[Any]]:
            """A function of the arrays in an index, and these arrays."""
            parts = parts_of(key)
            arrays = [part for part in parts if isinstance(part, da.Array)]

            def call(first: Any, *found: Any) -> Any:
                rest = iter(found)
                return use(
                    first, tuple(next(rest) if isinstance(p, str) else p for p in template)
                )

            template = tuple("array" if isinstance(part, da.Array) else part for part in parts)
            return call, arrays

        def plain(key: Any, *, arrays: int) -> bool:
            found = [part for part in parts_of(key) if hasattr(part, "dtype")]
            return len(found) <= arrays and all(part.ndim == 1 for part in found)

        def getitem(x: Any, key: Any) -> Any:
            if plain(key, arrays=1) or any(map(is_mask, parts_of(key))):
                return x[key]
            call, arrays = lazily(key, lambda value, k: value[k])
            like = np.broadcast_to(np.int8(0), x.shape)
            shape = call(like, *(np.zeros(array.shape, np.intp) for array in arrays)).shape
            return in_one_task(call, shape, x.dtype, x, *arrays)

        def assigned(x: Any, value: Any, key: Any) -> Any:
            out = x.copy()
            out[key] = value
            return out

        def index_set(x: Any, value: Any, key: Any) -> Any:
            if plain(key, arrays=0) and None not in parts_of(key):
                return assigned(x, value, key)
            call, arrays = lazily(key, lambda both, k: assigned(np.asarray(both[0]), both[1], k))
            return in_one_task(call, x.shape, x.dtype, [x, value], *arrays)

        return {"getitem": getitem, "index_set": index_set}


def _check_shape(value: Any) -> None:
    shape = getattr(value, "shape", ())
    if any(isinstance(n, float) and math.isnan(n) for n in shape):
        raise ShapeError(
            f"a Dask array has the unknown shape {shape}; call x.compute_chunk_sizes() first, or "
            "choose elements with pg.where instead of x[mask]"
        )
