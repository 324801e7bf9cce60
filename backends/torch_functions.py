"""What PyTorch does otherwise than the standard, or not at all, written with its own functions."""

from types import ModuleType
from typing import Any

import torch

from polygrad.additions import can_repeat
from polygrad.backends.indexing import axes_of, is_mask, parts_of, reversed_slice, width
from polygrad.corrections import corrections
from polygrad.places import last_values

# Unsigned integers that PyTorch stores, and that NumPy computes with (see TorchBackend.elsewhere).
STORED = (torch.uint16, torch.uint32, torch.uint64)
_BINARY = (
    "add", "bitwise_and", "bitwise_left_shift", "bitwise_or", "bitwise_right_shift",
    "bitwise_xor", "multiply", "pow", "subtract",
)  # fmt: skip
_SUMS = ("cumulative_prod", "cumulative_sum", "prod", "sum")


def functions(xp: ModuleType) -> dict[str, Any]:
    """The functions to use in place of those in the namespace ``xp``."""
    fft = ModuleType(f"{xp.__name__}.fft", xp.fft.__doc__)
    for name in xp.fft.__all__:
        function = getattr(xp.fft, name)
        setattr(fft, name, function if name.endswith("freq") else _with_empty(function))

    def index_set(x: Any, value: Any, key: Any) -> Any:
        if can_repeat(key):
            value = last_values(xp, value, key, x.shape, getitem, _latest)
        return _put(x.clone(), value, key, False)

    return {
        "_solve_triangular": lambda a, b, upper: torch.linalg.solve_triangular(a, b, upper=upper),
        "getitem": getitem,
        "index_set": index_set,
        "scatter_add": lambda value, key, shape: _put(value.new_zeros(shape), value, key, True),
        "acos": acos,
        "count_nonzero": _no_axes_counted(xp.count_nonzero),
        "log1p": log1p,
        "remainder": remainder,
        "unique_all": unique_all,
        "unique_counts": lambda x: unique_all(x)[::3],
        "unique_inverse": lambda x: unique_all(x)[::2],
        "unique_values": lambda x: unique_all(x)[0],
        "fft": fft,
        **{name: _one_unsigned(getattr(xp, name)) for name in _BINARY},
        "floor_divide": _one_unsigned(corrections(xp)["floor_divide"]),
        **{name: _unsigned_sum(getattr(xp, name)) for name in _SUMS},
    }


def _prepared(x: Any, key: Any) -> tuple[list[Any], list[int]]:
    """An index in NumPy's meaning for PyTorch, and the axes of x to reverse before."""
    parts: list[Any] = []
    reverse = []
    many = any(isinstance(p, torch.Tensor) and p.ndim for p in parts_of(key))
    for part, axis in axes_of(key, x.shape):
        if is_mask(part) and 0 in part.shape:
            # PyTorch wants the length of the axis also of a mask that picks nothing.
            parts += part.nonzero(as_tuple=True)
            continue
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
    value = torch.as_tensor(value, dtype=out.dtype, device=out.device)
    if any(isinstance(part, torch.Tensor) and part.ndim for part in parts):
        # Slices make a view; what is left is arrays, and None for an axis in full.
        basic: list[Any] = []
        arrays: list[Any] = []
        for part in parts:
            here = isinstance(part, torch.Tensor)
            basic += [slice(None)] * width(part) if here else [part]
            arrays.append(part if here else None)
        torch.ops.aten.index_put_(out[tuple(basic)], arrays, value, accumulate)
    else:
        out[tuple(parts)] = value
    return out.flip(reverse) if reverse else out


def _latest(places: Any, size: int) -> Any:
    """For each write to a place the last one to it: PyTorch writes in no fixed order."""
    writes = torch.arange(places.numel(), device=places.device)
    return writes.new_zeros(size + 1).scatter_reduce(0, places, writes, "amax")[places]


def unique_all(x: Any) -> tuple[Any, Any, Any, Any]:
    """Distinct elements, their first places, the inverse and the counts; each nan is distinct."""
    if x.is_complex():
        pairs = torch.view_as_real(x.resolve_conj()).reshape(-1, 2)
        pairs, inverse = torch.unique(pairs, return_inverse=True, dim=0)
        values = torch.view_as_complex(pairs)
    else:
        values, inverse = torch.unique(x, return_inverse=True)
    places = torch.arange(x.numel(), device=x.device)
    first = torch.full(values.shape, x.numel(), device=x.device)
    first = first.scatter_reduce(0, inverse.reshape(-1), places, "amin")
    counts = torch.zeros_like(first).index_add_(0, inverse.reshape(-1), torch.ones_like(places))
    return values, first, inverse.reshape(x.shape), counts


def acos(x: Any) -> Any:
    """The arc cosine; at a complex zero the imaginary part has the other sign."""
    out = torch.acos(x)
    return torch.where(x == 0, torch.complex(out.real, -x.imag), out) if x.is_complex() else out


def log1p(x: Any) -> Any:
    """log(1 + x); infinite where one part of a complex number is, and the other is nan."""
    out = torch.log1p(x)
    if not x.is_complex():
        return out
    endless = (x.real.isinf() & x.imag.isnan()) | (x.imag.isinf() & x.real.isnan())
    return torch.where(endless, torch.full_like(out, complex("inf+nanj")), out)


def remainder(a: Any, b: Any) -> Any:
    """The remainder with the sign of ``b``, zeros included."""
    out = torch.remainder(a, b)
    if not out.is_floating_point():
        return out
    return torch.where(out == 0, torch.copysign(out, torch.as_tensor(b, device=out.device)), out)


def _one_unsigned(function: Any) -> Any:
    """A function of two arrays that leaves stored types beside another one to NumPy.

    Where one has no axes PyTorch does not refuse them, and takes the smaller type.
    """

    def call(a: Any, b: Any, /) -> Any:
        kinds = [x.dtype for x in (a, b) if isinstance(x, torch.Tensor)]
        if len(kinds) == 2 and kinds[0] != kinds[1] and not set(kinds).isdisjoint(STORED):
            raise NotImplementedError(f"PyTorch does not promote {kinds[0]} and {kinds[1]}")
        return function(a, b)

    return call


def _unsigned_sum(function: Any) -> Any:
    """A sum or product in uint64: that of int64 has the same bits."""

    def call(x: Any, /, *, dtype: Any = None, **options: Any) -> Any:
        if dtype is not torch.uint64:
            return function(x, dtype=dtype, **options)
        x = x.view(torch.int64) if x.dtype is torch.uint64 else x.to(torch.int64)
        return function(x, dtype=torch.int64, **options).view(torch.uint64)

    return call


def _no_axes_counted(function: Any) -> Any:
    """A count of elements along no axes is one for each; to PyTorch no axes are all."""

    def call(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Any:
        if axis == ():
            return (x != 0).to(torch.int64)
        return function(x, axis=axis, keepdims=keepdims)

    return call


def _with_empty(function: Any) -> Any:
    """A Fourier transform that takes arrays without elements: MKL refuses them."""

    def call(x: Any, /, **options: Any) -> Any:
        if x.numel():
            return function(x, **options)
        out = function(x.new_zeros([n or 1 for n in x.shape]), **options)
        return out[tuple(slice(None) if n else slice(0) for n in x.shape)]

    return call
