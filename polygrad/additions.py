"""Functions beyond the standard that rules need: what backends add to their namespaces."""

from collections.abc import Callable
from typing import Any

from polygrad.errors import BackendError


class Library:
    """A module of functions beyond the standard, imported when one is first looked up.

    Functions go by SciPy's names; ``renamed`` holds the library's own where they differ, and
    ``adapt`` turns each into one for this backend's arrays. What the module lacks is looked up
    in ``then``. Without the module installed no function is found, and ``remedy`` says how to
    get it.

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
        then: "Library | None" = None,
    ) -> None:
        self.module, self.remedy = module, remedy
        self._renamed, self._adapt, self._then = renamed or {}, adapt, then

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        from importlib import import_module

        try:
            found = getattr(import_module(self.module), self._renamed.get(name, name), None)
        except ImportError:
            found = None
        if found is None:
            if self._then is None:
                raise AttributeError(name)
            return getattr(self._then, name)
        found = found if self._adapt is None else self._adapt(found)
        setattr(self, name, found)
        return found


SPECIAL = "pip install 'polygrad-xp[special]'"
"""How to get SciPy, for messages."""


def scipy_on_host(backend: Any) -> Library:
    """SciPy's special functions for a library whose arrays are in host memory.

    On another device they raise BackendError: data never moves by itself.

    >>> functions = pg.backend.scipy_on_host(pg.backend.get_backend("strict"))
    >>> functions.module
    'scipy.special'
    """

    def adapt(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            device = backend.device_of(next(arg for arg in args if hasattr(arg, "shape")))
            if not backend.on_host(device):
                raise BackendError(
                    f"{function.__name__}: {backend.name} has no such function on "
                    f"{backend.device_name(device)}; move the data to the CPU with x.to_device"
                )
            host = [backend.to_host(arg) if hasattr(arg, "shape") else arg for arg in args]
            return backend.from_host(function(*host), None, device)

        return call

    return Library("scipy.special", SPECIAL, adapt=adapt)


def can_repeat(key: Any) -> bool:
    """Whether an index may name a place twice: only one with arrays of integers in it may."""
    parts = key if isinstance(key, tuple) else (key,)
    return any(
        hasattr(p, "dtype") and p.shape and str(p.dtype).rpartition(".")[2] != "bool" for p in parts
    )


def keep_zeros(xp: Any, g: Any, c: Any) -> Any:
    """``c``, a cotangent ``g`` times a derivative, with 0 in place of 0 times infinity or nan.

    Other zeros stay as computed: one that happens to be 0 may still depend on the input, which
    matters for a second derivative.
    """
    lost = (g == 0) & xp.logical_not(xp.isfinite(c))
    return xp.where(lost, xp.zeros_like(c), c)


WHOLE = 64
"""Rows up to which a triangular system is solved as a general one."""


def generic(xp: Any) -> dict[str, Any]:
    """What the standard lacks and rules need, in terms of ``xp``: a backend overrides it."""

    def getitem(x: Any, key: Any) -> Any:
        return x[key]

    def index_set(x: Any, value: Any, key: Any) -> Any:
        if not hasattr(type(x), "__setitem__"):
            from polygrad.places import replaced

            return replaced(xp, x, value, key, xp.getitem)
        out = xp.asarray(x, copy=True)
        if can_repeat(key):
            from polygrad.places import last_values, latest_by_sorting

            value = last_values(xp, value, key, x.shape, xp.getitem, latest_by_sorting(xp))
        out[key] = value
        return out

    def scatter_add(value: Any, key: Any, shape: tuple[int, ...]) -> Any:
        if can_repeat(key) or not hasattr(type(value), "__setitem__"):
            from polygrad.places import added

            return added(xp, value, key, shape, xp.getitem)
        out = xp.zeros(shape, dtype=value.dtype, device=xp.device_of(value))
        out[key] = value
        return out

    def solve_triangular(a: Any, b: Any, upper: bool) -> Any:
        # By halves, so that most of it is a matrix product.
        n = a.shape[-1]
        if n <= WHOLE:
            return xp.linalg.solve(xp.triu(a) if upper else xp.tril(a), b)
        half = n // 2
        rows = [slice(None, half), slice(half, None)]
        first, last = rows[::-1] if upper else rows
        x = solve_triangular(a[..., first, first], b[..., first, :], upper)
        rest = b[..., last, :] - xp.matmul(a[..., last, first], x)
        y = solve_triangular(a[..., last, last], rest, upper)
        return xp.concat([y, x] if upper else [x, y], axis=-2)

    return {
        "_solve_triangular": solve_triangular,
        "getitem": getitem,
        "index_set": index_set,
        "scatter_add": scatter_add,
        "_keep_zeros": lambda g, c: keep_zeros(xp, g, c),
    }
