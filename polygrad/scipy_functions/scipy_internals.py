"""What polygrad takes for granted of SciPy's inside, all in one place, and whether it holds.

A release of SciPy may change any of it. Each part is found by what it does where that can be,
else by the names that the releases up to `KNOWN` have. `changes` compares it with the SciPy that
is loaded; what is not as expected is told once, by name, in an UpstreamWarning.
"""

import functools
import sys
import warnings
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from polygrad import ops
from polygrad.array import Array
from polygrad.errors import UpstreamWarning

KNOWN = "1.18"
"""The newest SciPy that the tests were run on."""
HELPERS = ("scipy._lib", "scipy._external")
"""Where SciPy keeps code that serves all of its parts."""
ARRAY_HELPERS = ("scipy._lib._array_api", "scipy._external")
"""Where the functions are that find and serve the library of an array; never run again."""
CONVERSION = "_asarray"
"""What an interpolator keeps to make its answer an array of the input's library."""
FAST = "construct_fast"
"""The constructor of splines from arrays that were checked; their workers have it, too."""
NAN_POLICIES = "scipy.stats._axis_nan_policy"
"""Where SciPy drops or refuses nan, sample by sample: for NumPy's arrays, without a word else."""
METHODS = {
    "scipy.stats": {
        "rv_continuous": (
            "_argcheck", "_cdf", "_get_support", "_isf", "_logcdf", "_logpdf", "_logsf", "_pdf",
            "_ppf", "_sf",
        ),
        "rv_discrete": ("_argcheck", "_cdf", "_logpmf", "_pmf", "_sf"),
        "norm": ("_parse_args",),  # each distribution has its own
        "poisson": ("_parse_args",),
    },
    "scipy.interpolate": {
        "PPoly": (FAST, "_evaluate"), "BSpline": (FAST,),
    },
}  # fmt: skip
"""The private methods that polygrad calls, or replaces where a class is run again."""
_SMALLEST = {"PPoly": ([[1.0]], [0.0, 1.0]), "BSpline": ([0.0, 1.0], [1.0], 0)}
_FINDERS = ("array_namespace", "get_namespace")
_checked: set[str] = set()
_told: set[str] = set()


# -- the copy of array-api-compat ------------------------------------------------------------------


def is_namespace_finder(name: str, host: str = "scipy") -> bool:
    """Whether a module is a copy of array-api-compat, wherever a host package keeps it."""
    return name.startswith(f"{host}.") and name.endswith(".array_api_compat")


def is_numpy_copy(name: str) -> bool:
    """Whether a module is NumPy in the words of a copy of array-api-compat."""
    return name.endswith(".array_api_compat.numpy")


def is_watched(name: str) -> bool:
    """Whether a module is to be extended when it is loaded."""
    return name == NAN_POLICIES or is_namespace_finder(name)


def extend(module: ModuleType) -> None:
    """Extend a module that was just loaded."""
    if is_namespace_finder(module.__name__):
        mix(module)
    if module.__name__ == NAN_POLICIES and hasattr(module, "is_numpy"):
        module.is_numpy = taken_for_numpy(module.is_numpy)  # type: ignore[attr-defined]


def taken_for_numpy(original: Callable[..., Any]) -> Callable[..., Any]:
    """``is_numpy`` that takes polygrad for NumPy, all of whose steps it can follow."""

    @functools.wraps(original)
    def is_numpy(xp: Any) -> Any:
        return xp is sys.modules["polygrad"] or original(xp)

    is_numpy._takes_polygrad = True  # type: ignore[attr-defined]
    return is_numpy


def mix(module: ModuleType) -> None:
    """Let the functions of a module that find namespaces take NumPy arrays beside Arrays."""
    for name in _FINDERS:
        found = getattr(module, name, None)
        if callable(found) and not hasattr(found, "_takes_constants"):
            setattr(module, name, mixing(found))


def mixing(original: Callable[..., Any]) -> Callable[..., Any]:
    """``array_namespace`` that lets NumPy arrays stand beside Arrays, as constants."""

    @functools.wraps(original)
    def array_namespace(*arrays: Any, **options: Any) -> Any:
        if any(type(array) is Array for array in arrays):
            arrays = tuple(a for a in arrays if type(a).__module__ != "numpy")
        return original(*arrays, **options)

    array_namespace._takes_constants = True  # type: ignore[attr-defined]
    return array_namespace


def _loaded(root: str) -> Iterator[tuple[str, ModuleType]]:
    for name, module in list(sys.modules.items()):
        if name.startswith(root) and isinstance(module, ModuleType):
            yield name, module


def _finders() -> dict[Any, str]:
    """SciPy's functions that find the namespace of arrays, and the modules they are used in."""
    found: dict[Any, str] = {}
    for name, module in _loaded("scipy."):
        function = None if name.startswith(HELPERS) else vars(module).get("array_namespace")
        if callable(function):
            found.setdefault(function, f"{name}.array_namespace")
    return found


def _mixes(function: Callable[..., Any]) -> bool:
    one = ops.asarray(1.0)
    try:
        return function(one, sys.modules["numpy"].ones(1)) is one.__array_namespace__()
    except Exception:
        return False


def _mix_wherever_used() -> None:
    """Where a copy was not found by its name: replace the functions by what they do."""
    for function in _finders():
        if _mixes(function):
            continue
        made = mixing(function)
        for _, module in _loaded("scipy."):
            if vars(module).get("array_namespace") is function:
                module.array_namespace = made  # type: ignore[attr-defined]


# -- tables and classes ----------------------------------------------------------------------------


def _tables(function: Any) -> Iterator[dict[Any, Any]]:
    for name, module in _loaded("scipy._"):
        if "array_api" in name:
            for table in list(vars(module).values()):
                if type(table) is dict and function in table:
                    yield table


def enter_tables(original: Any, call: Any) -> None:
    """Let SciPy's own tables of its functions, which are keyed by the function, know a front."""
    for table in _tables(original):
        table[call] = table[original]


def workers(cls: Any) -> Iterator[type]:
    """The classes of the instances that an instance of ``cls`` holds and hands its work to."""
    numpy: Any = sys.modules["numpy"]
    sample = [numpy.asarray(x) if type(x) is list else x for x in _SMALLEST.get(cls.__name__, ())]
    try:
        held = getattr(cls(*sample), "__dict__", {}) if sample else {}
    except Exception:  # then `changes` says which method is not found
        held = {}
    for value in list(held.values()):
        worker = type(value)
        if worker.__module__ == cls.__module__ and hasattr(worker, FAST):
            yield worker


# -- what changed ----------------------------------------------------------------------------------


def changes() -> list[str]:
    """What is not as expected in the parts of SciPy that are loaded, a line for each."""
    found = []
    for module, classes in METHODS.items():
        for name, methods in classes.items():
            if module not in sys.modules:
                continue
            cls = getattr(sys.modules[module], name, None)
            owners = (cls, *workers(cls)) if isinstance(cls, type) else (cls,)
            for method in methods:
                if not any(callable(getattr(owner, method, None)) for owner in owners):
                    kind = _kind(getattr(cls, method, None))
                    found.append(f"{module}.{name}.{method}: expected a method, is {kind}")
    if "scipy.stats" in sys.modules:
        policies = getattr(sys.modules.get(NAN_POLICIES), "is_numpy", None)
        if not hasattr(policies, "_takes_polygrad"):
            kind = _kind(policies)
            found.append(f"{NAN_POLICIES}.is_numpy: expected to take polygrad, is {kind}")
    for function, place in _finders().items():
        if not _mixes(function):
            found.append(
                f"{place}: expected polygrad's namespace for an Array beside a NumPy array, is a "
                f"function of {function.__module__} that gives none"
            )
        if not function.__module__.startswith(ARRAY_HELPERS):
            found.append(
                f"{place}: expected a function of {' or '.join(ARRAY_HELPERS)}, is one of "
                f"{function.__module__}"
            )
    if _finders() and not any(is_numpy_copy(name) for name, _ in _loaded("scipy.")):
        found.append("array_api_compat.numpy: expected a copy inside of scipy, is none")
    signal = sys.modules.get("scipy.signal")
    original = getattr(getattr(signal, "detrend", None), "__wrapped__", None)
    helpers: Any = sys.modules.get("scipy._lib._array_api")
    if original is not None and hasattr(helpers, "xp_capabilities") and not any(_tables(original)):
        found.append(
            "xp_capabilities_table: expected a dict with scipy.signal.detrend among its keys in a "
            "module of scipy._*array_api*, is none"
        )
    return found


def _kind(value: Any) -> str:
    return "not there" if value is None else f"a {type(value).__name__}"


def check(module: str) -> None:
    """Tell what changed in SciPy, each change once; asked at a first call into a module."""
    if module in _checked:
        return
    _checked.add(module)
    _mix_wherever_used()
    tell("SciPy", sys.modules["scipy"].__version__, KNOWN, changes())


def tell(library: str, version: str, known: str, found: list[str]) -> None:
    """Warn of changes that were not told before."""
    new = [line for line in found if line not in _told]
    if not new:
        return
    _told.update(new)
    warnings.warn(
        f"{library} {version} is not as polygrad expects it, which was tested up to {library} "
        f"{known}: calls of it with polygrad's arrays may raise. Changed: {'; '.join(new)}",
        UpstreamWarning,
        stacklevel=4,
    )
