"""einops on polygrad's arrays: the backend that it looks for by the class of a tensor."""

from types import ModuleType
from typing import Any

from polygrad import ops
from polygrad.array import Array
from polygrad.dtypes import as_dtype


def register(module: ModuleType) -> None:
    """Give ``einops._backends`` a backend for Array; einops finds it among the subclasses."""

    class PolygradBackend(module.AbstractBackend):  # type: ignore[name-defined]
        framework_name = "polygrad"

        def is_appropriate_type(self, tensor: Any) -> bool:
            return type(tensor) is Array

        def from_numpy(self, x: Any) -> Any:
            return ops.asarray(x)

        def to_numpy(self, x: Any) -> Any:
            return ops.to_numpy(x)

        def arange(self, start: int, stop: int) -> Any:
            return ops.arange(start, stop)

        def stack_on_zeroth_dimension(self, tensors: list[Any]) -> Any:
            return ops.stack(tensors)

        def add_axis(self, x: Any, new_position: int) -> Any:
            return ops.expand_dims(x, axis=new_position)

        def tile(self, x: Any, repeats: tuple[int, ...]) -> Any:
            return ops.tile(x, repeats)

        def concat(self, tensors: list[Any], axis: int) -> Any:
            return ops.concat(tensors, axis=axis)

        def is_float_type(self, x: Any) -> bool:
            return as_dtype(x.dtype).is_inexact

        def einsum(self, pattern: str, *x: Any) -> Any:
            return ops.einsum(pattern, *x)

    module._polygrad_backend = PolygradBackend  # type: ignore[attr-defined]  # held, to be found
