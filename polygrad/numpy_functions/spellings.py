"""NumPy's names and signatures in polygrad's own namespace, where the standard has none.

``pg.concatenate``, ``pg.linalg.norm`` and ``pg.cumsum`` are the functions that NumPy's own lead
to; ``pg.sum(x, 1)`` and ``pg.nanmean(x, dtype=...)``, which fit NumPy's signature and not the
standard's, are calls of NumPy's. What the standard has keeps its meaning.
"""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from polygrad import ops
from polygrad.numpy_functions.table import FUNCTIONS, call
from polygrad.numpy_functions.ufuncs import UFUNCS
from polygrad.numpy_functions.ufuncs import call as call_ufunc

_BOTH = ("cbrt", "exp2")
"""NumPy's ufuncs among the names that `pg.special` has from SciPy."""


def attribute(name: str) -> Any:
    """What ``name`` ("cumsum", "linalg.norm") is in NumPy's namespace.

    Raises AttributeError where polygrad has nothing of that name.
    """
    found = _NAMES.get(name)
    if found is None:
        found = _function(name)
        _NAMES[name] = found
    return found


def _function(name: str) -> Callable[..., Any]:
    full = f"numpy.{name}"
    if full in FUNCTIONS:

        def function(*args: Any, **options: Any) -> Any:
            return call(full, args, options)

        documented = FUNCTIONS[full].__doc__
    elif name in _BOTH or (name in UFUNCS and name[0] != "_" and not hasattr(ops.special, name)):

        def function(*args: Any, **options: Any) -> Any:
            return call_ufunc(name, "__call__", args, options)

        documented = None
    else:
        module = f"polygrad.{name}".rpartition(".")[0]
        raise AttributeError(f"module {module!r} has no attribute {name.rpartition('.')[2]!r}")
    function.__name__ = function.__qualname__ = name.rpartition(".")[2]
    function.__module__, function.__doc__ = "polygrad.numpy_functions", documented or f"{full}."
    return function


_NAMES: dict[str, Any] = {
    "bool_": ops.bool,
    "lib": SimpleNamespace(
        stride_tricks=SimpleNamespace(
            sliding_window_view=_function("lib.stride_tricks.sliding_window_view")
        )
    ),
}


def accepts(name: str) -> bool:
    """Whether NumPy has a function of this name that is in the table."""
    return f"numpy.{name}" in FUNCTIONS
