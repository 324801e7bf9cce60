"""What JAX does otherwise than the standard: arrays are not written, and no index fails."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import jax

from polygrad.additions import can_repeat
from polygrad.backends.indexing import axes_of
from polygrad.places import last_values


def functions(xp: ModuleType, raw_dtype: Callable[[Any], Any]) -> dict[str, Any]:
    """The functions to use in place of those in the namespace ``xp``.

    ``raw_dtype`` refuses data types that are switched off.
    """
    library_asarray, library_searchsorted = xp.asarray, xp.searchsorted

    def asarray(
        x: Any, /, *, dtype: Any = None, device: Any = None, copy: bool | None = None
    ) -> Any:
        out = library_asarray(x, dtype=dtype, copy=copy)
        return out if device is None else jax.device_put(out, device)

    def astype(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Any:
        return asarray(x, dtype=raw_dtype(dtype), device=device)

    def scatter_add(value: Any, key: Any, shape: tuple[int, ...]) -> Any:
        return xp.zeros(shape, dtype=value.dtype).at[key].add(value)

    def index_set(x: Any, value: Any, key: Any) -> Any:
        # A copy with the value at the key, and nothing at places out of range.
        _checked(x, key)
        if can_repeat(key):
            value = last_values(xp, value, key, x.shape, getitem, _latest)
        return x.at[key].set(value)

    def searchsorted(x1: Any, x2: Any, /, **options: Any) -> Any:
        # JAX has 32 bits here whatever its default integer.
        return library_searchsorted(x1, x2, **options).astype(xp.arange(0).dtype)

    def solve_triangular(a: Any, b: Any, upper: bool) -> Any:
        return jax.lax.linalg.triangular_solve(a, b, left_side=True, lower=not upper)

    return {
        "_solve_triangular": solve_triangular,
        "asarray": asarray,
        "astype": astype,
        "getitem": getitem,
        "index_set": index_set,
        "scatter_add": scatter_add,
        "searchsorted": searchsorted,
    }


def getitem(x: Any, key: Any) -> Any:
    """``x[key]``; nan (the least integer) where a place in an array is out of range."""
    return x.at[key].get(mode="fill") if _checked(x, key) else x[key]


def _latest(places: Any, size: int) -> Any:
    """For each write to a place the last one to it: XLA writes in no fixed order."""
    writes = jax.numpy.arange(places.size)
    return jax.numpy.zeros(size + 1, writes.dtype).at[places].max(writes)[places]


def _checked(x: Any, key: Any) -> bool:
    """Whether an index holds arrays; raises IndexError for numbers out of range."""
    return any(hasattr(part, "dtype") for part, _ in axes_of(key, x.shape))
