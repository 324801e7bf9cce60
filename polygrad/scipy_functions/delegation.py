"""How calls of SciPy's functions with polygrad's arrays come to polygrad.

SciPy hands some of its functions on to CuPy and JAX, by the name of the array's library, and
has no place where another library could enter itself. So polygrad enters itself: when SciPy's
own switch for other libraries' arrays is on (``SCIPY_ARRAY_API=1``), each function in
`names` gets a front that calls polygrad's version where an argument is an Array, and SciPy's in
all other cases. Without the switch nothing is touched.

The copies of array-api-compat inside SciPy and scikit-learn refuse NumPy arrays beside arrays
of another library. Beside an Array they are let through, as constants.

Nothing here imports SciPy: a module is extended when the user's program has loaded it.
"""

import functools
import importlib
import importlib.machinery
import os
import sys
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

from polygrad.array import BASE, Array
from polygrad.errors import NonDifferentiableError
from polygrad.scipy_functions.names import CLASSES, LIFTED, PLAIN, RERUN, STAND_INS, WRITTEN

SWITCH = "SCIPY_ARRAY_API"
MODULES = frozenset({*STAND_INS, *RERUN, *PLAIN, *LIFTED, *WRITTEN, *CLASSES})


_SCIPY = "polygrad.scipy_functions.scipy_internals"
_SKLEARN = "polygrad.scipy_functions.sklearn_internals"


def _internals(name: str) -> Any:
    """What is known of the inside of the package that a module is of; None for other packages."""
    if name.startswith("scipy."):
        return importlib.import_module(_SCIPY)
    return importlib.import_module(_SKLEARN) if name.startswith("sklearn.") else None


FRONTS: dict[Any, Callable[..., Any]] = {}
"""The front of each function that has one."""
FRONT_CLASSES: set[type] = set()
"""The classes that are run again as a whole."""
WORKERS: dict[type, str] = {}
"""The classes whose instances others hand their work to, by the name of the public one."""
_MADE: set[Any] = set()


class NoStandIn(NonDifferentiableError):
    """A way to call a SciPy function that polygrad has no version of."""


def switched_on() -> bool:
    """Whether SciPy takes arrays of other libraries."""
    return os.environ.get(SWITCH, "").lower() not in ("", "0", "false")


def _arrays(values: Any) -> list[Array]:
    """The Arrays among values, and in lists and tuples of them."""
    found: list[Array] = []
    for value in values:
        if type(value) is Array:
            found.append(value)
        elif type(value) in (list, tuple):
            found += _arrays(value)
    return found


def _tracked(arrays: list[Array]) -> bool:
    return any(array._trace is not BASE for array in arrays)


def _state(instance: Any) -> list[Any]:
    """The attributes of an instance."""
    return list(getattr(instance, "__dict__", {}).values())


def front(name: str, original: Callable[..., Any], of_class: bool) -> Callable[..., Any]:
    """``original``, but where an Array is among the arguments polygrad's function of that name."""

    module, _, function = name.rpartition(".")
    exact = function in STAND_INS.get(module, ())  # those run again are SciPy's own code
    only_plain = function in PLAIN.get(module, ())
    # What makes an interpolant remembers the library of the arrays that it was made of.
    as_arrays = module == "scipy.interpolate" and exact

    @functools.wraps(original)
    def call(*args: Any, **options: Any) -> Any:
        arrays = _arrays((*args, *options.values()))
        if not arrays:
            return original(*args, **options)
        importlib.import_module(_SCIPY).check(module)
        if all(array._trace is BASE for array in arrays):
            plain = importlib.import_module("polygrad.scipy_functions.plain")
            try:
                if as_arrays:
                    return original(*args, **options)
                return plain.run_plain(original, args, options, arrays)
            except Exception:
                if arrays[0].device.backend.host:
                    raise  # SciPy says what is wrong with the arguments
        if only_plain:
            return original(*args, **options)
        table = importlib.import_module("polygrad.scipy_functions.table")
        version = table.load(name, original, of_class)
        with arrays[0].device:
            if of_class:
                return version(*args, **options)
            expected = importlib.import_module("polygrad.scipy_functions.expected")
            return expected.run_version(name, version, original, args, options, arrays, exact)

    # The name it can be pickled by.
    call.__module__, call.__qualname__ = name.rsplit(".", 1)
    _MADE.add(call)
    importlib.import_module(_SCIPY).enter_tables(original, call)
    inner: Any = original
    while inner is not None:  # inside SciPy the function goes without its decorators
        FRONTS[inner] = call
        inner = getattr(inner, "__wrapped__", None)
    return call


def is_front(function: Any) -> bool:
    """Whether a function is a front, or a method that stands before one of SciPy's."""
    return isinstance(function, FunctionType) and function in _MADE


def front_of_class(cls: Any) -> None:
    """Make instances for Arrays, and calls of instances with Arrays, run polygrad's way."""
    FRONT_CLASSES.add(cls)
    make, run = cls.__new__, getattr(cls, "__call__", None)  # noqa: B004
    if is_front(make):  # inherited, and it serves all subclasses
        return

    def new(this: Any, *args: Any, **options: Any) -> Any:
        if _tracked(_arrays((*args, *options.values()))):
            this = importlib.import_module("polygrad.scipy_functions.rerun").rerun_class(this)
        return make(this) if make is object.__new__ else make(this, *args, **options)

    _MADE.add(new)
    cls.__new__ = new
    if not isinstance(run, FunctionType) or is_front(run):
        return

    @functools.wraps(run)
    def call(self: Any, *args: Any, **options: Any) -> Any:
        arrays = _arrays((*args, *options.values()))
        if arrays and not _tracked(arrays) and not _tracked(_arrays(_state(self))):
            plain = importlib.import_module("polygrad.scipy_functions.plain")
            return plain.run_plain(run, (self, *args), options, arrays)
        if arrays:
            self = importlib.import_module("polygrad.scipy_functions.rerun").as_rerun(self)
            return type(self).__call__(self, *args, **options)
        return run(self, *args, **options)

    _MADE.add(call)
    cls.__call__ = call


def lifting(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    """``original``, but where an Array is among the arguments, numbers are Arrays like it."""

    @functools.wraps(original)
    def call(*args: Any, **options: Any) -> Any:
        arrays = _arrays((*args, *options.values()))
        if _tracked(arrays):
            plain = importlib.import_module("polygrad.scipy_functions.plain")
            args = tuple(plain.lifted(value, arrays[0]) for value in args)
            options = {
                key: plain.lifted(value, arrays[0]) if key in ("init", "args") else value
                for key, value in options.items()
            }
        return original(*args, **options)

    call.__module__, call.__qualname__ = name.rsplit(".", 1)
    _MADE.add(call)
    importlib.import_module(_SCIPY).enter_tables(original, call)
    return call


def writing(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    """``original``, and an Array to write into gets its answer."""

    @functools.wraps(original)
    def call(*args: Any, **options: Any) -> Any:
        out = options.get("output")
        if type(out) is not Array:
            return original(*args, **options)
        plain = importlib.import_module("polygrad.scipy_functions.plain")
        return plain.write_output(original(*args, **{**options, "output": None}), out)

    call.__module__, call.__qualname__ = name.rsplit(".", 1)
    _MADE.add(call)
    importlib.import_module(_SCIPY).enter_tables(original, call)
    return call


def front_of_worker(cls: Any) -> None:
    """Run the class again, too, that instances of ``cls`` hold one of and hand their work to."""
    for worker in importlib.import_module(_SCIPY).workers(cls):
        WORKERS[worker] = cls.__name__
        front_of_class(worker)


# Modules of other packages, and what of polygrad.interop makes them take Arrays.
_ADAPTERS = {
    "autoray.autoray": "autoray",
    "einops._backends": "einops",
    "ot.backend": "ot",
    "ot.lp._network_simplex": "ot",
}


def extend(module: ModuleType) -> None:
    """Put the fronts into a module that was just loaded."""
    name = module.__name__
    if name in _ADAPTERS:
        importlib.import_module(f"polygrad.interop.{_ADAPTERS[name]}").register(module)
        return
    internals = _internals(name)
    if internals is not None:
        internals.extend(module)
    for function in (*STAND_INS.get(name, ()), *RERUN.get(name, ()), *PLAIN.get(name, ())):
        *owners, last = function.split(".")
        owner: Any = module
        for part in owners:
            owner = getattr(owner, part, None)
        original = getattr(owner, last, None)
        if original is not None:  # other versions of SciPy lack some
            setattr(owner, last, front(f"{name}.{function}", original, bool(owners)))
    for group, wrap in ((LIFTED, lifting), (WRITTEN, writing)):
        for function in group.get(name, ()):
            if hasattr(module, function):
                original = getattr(module, function)
                setattr(module, function, wrap(f"{name}.{function}", original))
    for function in CLASSES.get(name, ()):
        cls = getattr(module, function, None)
        if isinstance(cls, type):
            front_of_worker(cls)
            front_of_class(cls)


class _Loader:
    """The loader of a module, after which the module is extended."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def create_module(self, spec: Any) -> Any:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        extend(module)


class _Finder:
    """Stands before the usual finders, for the modules to extend only."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if not _is_watched(name):
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None and _is_on(name):
            spec.loader = _Loader(spec.loader)  # type: ignore[assignment]
        return spec


def _is_watched(name: str) -> bool:
    if name in MODULES or name in _ADAPTERS:
        return True
    internals = _internals(name)
    return internals is not None and bool(internals.is_watched(name))


def _is_on(name: str) -> bool:
    return name in _ADAPTERS or switched_on()


def watch() -> None:
    """Extend the modules that are loaded, and the others when they are; called once."""
    for name, module in list(sys.modules.items()):
        # None stands in sys.modules for a module that must not be imported.
        if module is None:
            continue
        if _is_watched(name) and _is_on(name):
            extend(module)
    sys.meta_path.insert(0, _Finder())
