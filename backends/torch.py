"""PyTorch: tensors on the CPU, on NVIDIA GPUs and on the other accelerators it knows.

A tensor with ``requires_grad=True`` is an array like any other, and PyTorch goes on recording
what polygrad does with it: the value and the gradient that come back can be differentiated
once more by ``backward()``. Pass ``w.detach()``, or work under ``torch.no_grad()``, where that
is not wanted. Data that leaves PyTorch (`to_numpy`, another library's device) would end its
record, and is refused.
"""

import importlib.metadata
import importlib.util
from functools import cached_property
from types import ModuleType
from typing import Any

from polygrad.backend import Backend
from polygrad.backends.indexing import axes_of, parts_of, reversed_slice, width
from polygrad.errors import LostGradientError


class TorchBackend(Backend):
    """PyTorch tensors (and their subclasses, such as Parameter)."""

    name = "torch"
    array_classes = ("torch:Tensor",)
    extra = "torch"

    def namespace(self) -> ModuleType:
        import array_api_compat.torch as namespace

        return namespace

    def unavailable(self) -> str | None:
        if importlib.util.find_spec("torch") is None:
            return "PyTorch is not installed: pip install 'polygrad-xp[torch]'"
        return None

    def version(self) -> str | None:
        return None if self.unavailable() else importlib.metadata.version("torch")

    @cached_property
    def multi_device(self) -> bool:  # type: ignore[override]
        return len(self.device_names()) > 1

    def device_names(self) -> list[str]:
        import torch

        names = ["torch:cpu"]
        if torch.accelerator.is_available():
            kind = torch.accelerator.current_accelerator().type
            names += [f"torch:{kind}:{i}" for i in range(torch.accelerator.device_count())]
        return names

    def find_device(self, rest: str) -> Any:
        import torch

        names = self.device_names()
        wanted = rest or str(torch.get_default_device())
        for name in (f"torch:{wanted}", f"torch:{wanted}:0"):
            if name in names:
                return torch.device(name.partition(":")[2])
        raise ValueError(f"this PyTorch has the devices {', '.join(names)}; got {rest!r}")

    def device_name(self, device: Any) -> str:
        if type(device).__module__ != "torch":
            raise TypeError(f"not a device of PyTorch: {device!r}")
        return f"torch:{device}"

    def default_integer(self, unsigned: bool) -> str:
        return "int64"  # PyTorch hardly computes with unsigned integers above 8 bits

    def own(self, array: Any) -> Any:
        # In inference mode PyTorch does not say which tensors are views.
        return array.clone() if array.is_inference() or array._is_view() else array

    def synchronize(self, device: Any) -> None:
        import torch

        if device.type != "cpu":
            torch.accelerator.synchronize(device)

    def memory(self, device: Any) -> tuple[int, int] | None:
        import torch

        return torch.cuda.mem_get_info(device) if device.type == "cuda" else None

    def from_host(self, value: Any, dtype: Any, device: Any) -> Any:
        import numpy as np
        import torch

        if isinstance(value, list | tuple | bool | int | float | complex):
            return torch.tensor(value, dtype=dtype, device=device)
        value = np.array(value, order="C")  # PyTorch knows no negative strides
        if value.dtype.name == "bfloat16":
            value, dtype = value.astype(np.float32), dtype or torch.bfloat16
        return torch.from_numpy(value).to(device, dtype)

    def to_host(self, array: Any) -> Any:
        array = array.detach().cpu().resolve_conj().resolve_neg()
        if array.dtype == self.xp.bfloat16:  # NumPy has none
            array = array.float()
        return array.numpy()

    def check_leaving(self, array: Any, what: str) -> None:
        if array.requires_grad:
            raise LostGradientError(
                f"{what}: the tensor has requires_grad=True, and PyTorch's own record of it would "
                "end here; pass x.detach()"
            )

    def overrides(self, xp: ModuleType) -> dict[str, Any]:
        import torch

        def prepared(x: Any, key: Any) -> tuple[list[Any], list[int]]:
            """An index in NumPy's meaning for PyTorch, and the axes of x to reverse before."""
            parts: list[Any] = []
            reverse = []
            many = any(isinstance(p, torch.Tensor) and p.ndim for p in parts_of(key))
            for part, axis in axes_of(key, x.shape):
                if isinstance(part, slice) and (part.step or 1) < 0:
                    part = reversed_slice(part, x.shape[axis])
                    reverse.append(axis)
                elif isinstance(part, torch.Tensor) and part.dtype != torch.bool:
                    part = part.long()  # PyTorch takes uint8 for a mask
                    part = part.reshape(1) if many and not part.ndim else part
                elif type(part) is int and many:
                    # Beside arrays a number is an array too; PyTorch would apply it first.
                    part = torch.asarray([part], device=x.device)
                parts.append(part)
            return parts, reverse

        def getitem(x: Any, key: Any) -> Any:
            parts, reverse = prepared(x, key)
            return (x.flip(reverse) if reverse else x)[tuple(parts)]

        def put(out: Any, value: Any, key: Any, accumulate: bool) -> Any:
            """Write or add into ``out``, which nobody else has seen yet."""
            parts, reverse = prepared(out, key)
            out = out.flip(reverse) if reverse else out
            if any(isinstance(part, torch.Tensor) and part.ndim for part in parts):
                # Slices make a view; what is left is arrays, and None for an axis in full.
                basic: list[Any] = []
                arrays: list[Any] = []
                for part in parts:
                    here = isinstance(part, torch.Tensor)
                    basic += [slice(None)] * width(part) if here else [part]
                    arrays.append(part if here else None)
                value = torch.as_tensor(value, dtype=out.dtype, device=out.device)
                torch.ops.aten.index_put_(out[tuple(basic)], arrays, value, accumulate)
            else:
                out[tuple(parts)] = value
            return out.flip(reverse) if reverse else out

        def index_set(x: Any, value: Any, key: Any) -> Any:
            return put(x.clone(), value, key, False)

        def scatter_add(value: Any, key: Any, shape: tuple[int, ...]) -> Any:
            return put(value.new_zeros(shape), value, key, True)

        return {"getitem": getitem, "index_set": index_set, "scatter_add": scatter_add}
