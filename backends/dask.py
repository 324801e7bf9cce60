"""Dask: lazy arrays in chunks, for data larger than memory.

Values and gradients are lazy too: nothing is computed until a number is asked for (`item`,
printing, `to_numpy`, another device, or Dask's own ``compute()``). An index of several arrays,
or with an array of several axes, is one task over the whole array. Arrays of unknown shape
(after ``x[mask]``) are refused: gradients need shapes.
"""

import importlib.metadata
import importlib.util
import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

from polygrad.backend import SPECIAL, Backend, Library
from polygrad.errors import BackendError, ShapeError


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
            try:
                out = function(*args, **params)
            except AttributeError as error:
                if not isinstance(error.obj, ModuleType):
                    raise
                raise BackendError(
                    f"Dask has no {error.name}; move the data with pg.to_device(x, 'cpu')"
                ) from error
            for value in out if isinstance(out, tuple | list) else (out,):
                _check_shape(value)
            return out

        return guarded

    def overrides(self, xp: ModuleType) -> dict[str, Any]:
        from polygrad.backends.dask_functions import functions

        return functions(xp) | {"special": Library("scipy.special", SPECIAL, adapt=_by_element)}


def _by_element(function: Callable[..., Any]) -> Callable[..., Any]:
    """An elementwise function of NumPy arrays for Dask's, which broadcast and are cut alike.

    SciPy's own dispatch, with ``SCIPY_ARRAY_API=1``, pairs the blocks of the operands as they
    are, which is wrong for operands that broadcast.
    """

    def call(*args: Any) -> Any:
        from dask.array.core import elemwise

        return elemwise(function, *args)

    return call


def _check_shape(value: Any) -> None:
    shape = getattr(value, "shape", ())
    if isinstance(shape, tuple) and any(isinstance(n, float) and math.isnan(n) for n in shape):
        raise ShapeError(
            f"a Dask array has the unknown shape {shape}; call x.compute_chunk_sizes() first, or "
            "choose elements with pg.where instead of x[mask]"
        )
