"""Dask: lazy arrays in chunks, for data larger than memory.

Values and gradients are lazy too: nothing is computed until a number is asked for (`item`,
printing, `to_numpy`, another device, or Dask's own ``compute()``). An index of several arrays,
or with an array of several axes, is one task over the whole array. Arrays of unknown shape
(after ``x[mask]``) are refused: gradients need shapes.
"""

import importlib.metadata
import importlib.util
import math
import operator
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
        return None if self.unavailable() else importlib.metadata.version("dask")

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

        def assigned(x: Any, value: Any, key: Any) -> Any:
            out = x.copy()
            out[key] = value
            return out

        def added(x: Any, value: Any, key: Any) -> Any:
            out = x.copy()
            np.add.at(out, key, value)
            return out

        def in_one_task(use: Any, shape: Any, dtype: Any, operands: list[Any], key: Any) -> Any:
            """``use(*operands, key)`` on whole arrays, once the result is computed."""

            def run(values: list[Any], parts: list[Any], alone: bool) -> Any:
                values = list(map(np.asarray, values))
                return np.asarray(use(*values, parts[0] if alone else tuple(parts)))

            task = delayed(run)(operands, list(parts_of(key)), not isinstance(key, tuple))
            return da.from_delayed(task, shape, dtype)

        def native(key: Any, arrays: int) -> bool:
            """Whether Dask takes an index with so many arrays chunk by chunk."""
            found = [part for part in parts_of(key) if isinstance(part, da.Array)]
            return len(found) <= arrays and all(part.ndim == 1 for part in found)

        def getitem(x: Any, key: Any) -> Any:
            if native(key, arrays=1) or any(map(is_mask, parts_of(key))):
                return x[key]
            like = [
                np.zeros(part.shape, np.intp) if isinstance(part, da.Array) else part
                for part in parts_of(key)
            ]
            shape = np.broadcast_to(np.int8(0), x.shape)[tuple(like)].shape
            return in_one_task(operator.getitem, shape, x.dtype, [x], key)

        def index_set(x: Any, value: Any, key: Any) -> Any:
            if native(key, arrays=0) and None not in parts_of(key):
                return assigned(x, value, key)
            return in_one_task(assigned, x.shape, x.dtype, [x, value], key)

        def scatter_add(value: Any, key: Any, shape: tuple[int, ...]) -> Any:
            zeros = xp.zeros(shape, dtype=value.dtype)
            if native(key, arrays=0) and None not in parts_of(key):
                return assigned(zeros, value, key)
            return in_one_task(added, shape, value.dtype, [zeros, value], key)

        def reshape(x: Any, /, shape: tuple[int, ...], *, copy: Any = None) -> Any:
            try:
                return x.reshape(shape)
            except NotImplementedError:  # the chunks do not fit the new shape: one for each axis
                return x.rechunk(-1).reshape(shape)

        def from_dlpack(x: Any, /, *, device: Any = None, copy: bool | None = None) -> Any:
            return xp.asarray(np.from_dlpack(x, copy=copy))

        return {
            "getitem": getitem,
            "index_set": index_set,
            "scatter_add": scatter_add,
            "reshape": reshape,
            "from_dlpack": from_dlpack,
        }


def _check_shape(value: Any) -> None:
    shape = getattr(value, "shape", ())
    if isinstance(shape, tuple) and any(isinstance(n, float) and math.isnan(n) for n in shape):
        raise ShapeError(
            f"a Dask array has the unknown shape {shape}; call x.compute_chunk_sizes() first, or "
            "choose elements with pg.where instead of x[mask]"
        )
