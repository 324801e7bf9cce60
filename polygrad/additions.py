"""Functions beyond the standard that rules need: what backends add to their namespaces."""

from collections.abc import Callable
from typing import Any


class Library:
    """A module of functions beyond the standard, imported when one is first looked up.

    Functions go by SciPy's names; ``renamed`` holds the library's own where they differ, and
    ``adapt`` turns each into one for this backend's arrays. Without the module installed no
    function is found, and ``remedy`` says how to get it.

    >>> functions = pg.backend.Library("math", "part of Python", renamed={"gammaln": "lgamma"})
    >>> round(functions.gammaln(3.0), 6), hasattr(functions, "jv")
    (0.693147, False)
    """

    def __init__(
        self,
        module: str,
        remedy: str,
        *,
        renamed: dict[str, str] | None = None,
        adapt: Callable[[Any], Any] | None = None,
    ) -> None:
        self.module, self.remedy = module, remedy
        self._renamed, self._adapt = renamed or {}, adapt

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        from importlib import import_module

        try:
            found = getattr(import_module(self.module), self._renamed.get(name, name))
        except ImportError:
            raise AttributeError(name) from None
        found = found if self._adapt is None else self._adapt(found)
        setattr(self, name, found)
        return found


def generic(xp: Any) -> dict[str, Any]:
    """What the standard lacks and rules need, in terms of ``xp``: a backend overrides it."""

    def getitem(x: Any, key: Any) -> Any:
        return x[key]

    def index_set(x: Any, value: Any, key: Any) -> Any:
        out = xp.asarray(x, copy=True)
        out[key] = value
        return out

    def scatter_add(value: Any, key: Any, shape: tuple[int, ...]) -> Any:
        out = xp.zeros(shape, dtype=value.dtype, device=xp.device_of(value))
        out[key] = value
        return out

    return {"getitem": getitem, "index_set": index_set, "scatter_add": scatter_add}
