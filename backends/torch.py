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

from polygrad.backend import SPECIAL, Backend, Library, get_backend, scipy_on_host
from polygrad.errors import LostGradientError


class TorchBackend(Backend):
    """PyTorch tensors (and their subclasses, such as Parameter)."""

    name = "torch"
    array_classes = ("torch:Tensor",)
    word_dtype = "int64"
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

    def elsewhere(self, op: Any, operands: Any, params: Any, error: Exception) -> Any:
        """Unsigned integers above 8 bits, which PyTorch stores but hardly computes with: NumPy."""
        from polygrad.backends.torch_functions import STORED

        tensors = [x for x in operands if hasattr(x, "dtype")]
        stored = any(x.dtype in STORED for x in tensors)
        if not stored or any(x.device.type != "cpu" for x in tensors):
            return None
        host = get_backend("numpy")
        impl = op.impls.get(host) or op.implement(host)
        given = [self.to_host(x) if hasattr(x, "dtype") else x for x in operands]
        dtype = type(tensors[0].dtype)
        options = {k: host.raw_dtype(v) if type(v) is dtype else v for k, v in params.items()}
        out = impl(*given, **options)
        place = tensors[0].device
        if op.multiple:
            return tuple([self.from_host(value, None, place) for value in out])
        return self.from_host(out, None, place)

    def check_leaving(self, array: Any, what: str) -> None:
        if array.requires_grad:
            raise LostGradientError(
                f"{what}: the tensor has requires_grad=True, and PyTorch's own record of it would "
                "end here; pass x.detach()"
            )

    def overrides(self, xp: ModuleType) -> dict[str, Any]:
        from polygrad.backends.torch_functions import functions

        renamed = {
            "j0": "bessel_j0", "j1": "bessel_j1", "y0": "bessel_y0", "y1": "bessel_y1",
            "k0": "modified_bessel_k0", "k1": "modified_bessel_k1",
            "k0e": "scaled_modified_bessel_k0", "k1e": "scaled_modified_bessel_k1",
        }  # fmt: skip
        special = Library("torch.special", SPECIAL, renamed=renamed, then=scipy_on_host(self))
        return functions(xp) | {"special": special}

    def target(self) -> Any:
        from polygrad.backends import torch_program

        return torch_program

    def on_host(self, device: Any) -> bool:
        return device.type == "cpu"
