"""What PyTorch does otherwise than the standard, or not at all, written with its own functions."""

from types import ModuleType
from typing import Any

import torch

from polygrad.backends.indexing import axes_of, parts_of, reversed_slice, width


def functions(xp: ModuleType) -> dict[str, Any]:
    """The functions to use in place of those in the namespace ``xp``."""
    fft = ModuleType(f"{xp.__name__}.fft", xp.fft.__doc__)
    for name in xp.fft.__all__:
        function = getattr(xp.fft, name)
        setattr(fft, name, function if name.endswith("freq") else _with_empty(function))
    return {
        "getitem": getitem,
        "index_set": lambda x, value, key: _put(x.clone(), value, key, False),
        "scatter_add": lambda value, key, shape: _put(value.new_zeros(shape), value, key, True),
        "unique_all": unique_all,
        "fft": fft,
    }


def _prepared(x: Any, key: Any) -> tuple[list[Any], list[int]]:
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
    """``x[key]``, with slices in both directions and arrays of any integer type."""
    parts, reverse = _prepared(x, key)
    return (x.flip(reverse) if reverse else x)[tuple(parts)]


def _put(out: Any, value: Any, key: Any, accumulate: bool) -> Any:
    """Write or add into ``out``, which nobody else has seen yet."""
    parts, reverse = _prepared(out, key)
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


def unique_all(x: Any) -> tuple[Any, Any, Any, Any]:
    """Distinct elements, their first places, the inverse and the counts; each nan is distinct."""
    values, inverse = torch.unique(x, return_inverse=True)
    places = torch.arange(x.numel(), device=x.device)
    first = torch.full(values.shape, x.numel(), device=x.device)
    first = first.scatter_reduce(0, inverse.reshape(-1), places, "amin")
    counts = torch.zeros_like(first).index_add_(0, inverse.reshape(-1), torch.ones_like(places))
    return values, first, inverse.reshape(x.shape), counts


def _with_empty(function: Any) -> Any:
    """A Fourier transform that takes arrays without elements: MKL refuses them."""

    def call(x: Any, /, **options: Any) -> Any:
        if x.numel():
            return function(x, **options)
        out = function(x.new_zeros([n or 1 for n in x.shape]), **options)
        return out[tuple(slice(None) if n else slice(0) for n in x.shape)]

    return call
