"""SciPy's functions in plain Python, run with a NumPy that keeps polygrad's arrays.

Many of SciPy's functions would differentiate as they are, through NumPy's dispatch protocols,
but for one call: ``np.asarray(x)``, which always makes a plain array. Here the very same code
runs with ``np.asarray``, ``np.array`` and the functions that create arrays replaced, in the
function itself and in the functions of SciPy that it calls. What still ends in compiled code
raises LostGradientError as ever.
"""

import abc
import builtins
import sys
from collections.abc import Callable
from types import CellType, FunctionType, ModuleType
from typing import Any

from polygrad import array as array_module
from polygrad import ops
from polygrad.array import Array
from polygrad.numpy_functions.table import array
from polygrad.scipy_functions.delegation import FRONT_CLASSES, FRONTS, WORKERS, is_front
from polygrad.scipy_functions.scipy_internals import (
    ARRAY_HELPERS,
    CONVERSION,
    HELPERS,
    is_numpy_copy,
)
from polygrad.scipy_functions.table import METHODS, load_all

_FUNCTIONS: dict[FunctionType, FunctionType] = {}
_CLASSES: dict[type, Any] = {}


def holds_array(values: Any) -> bool:
    """Whether an Array is among values, or in lists and tuples of them."""
    return any(type(v) is Array or (isinstance(v, list | tuple) and holds_array(v)) for v in values)


# -- NumPy with other creation functions ---------------------------------------------------------


def _dtype(dtype: Any) -> Any:
    """A data type in NumPy's many spellings as polygrad's name of it."""
    if dtype is None or type(dtype).__module__.startswith("polygrad"):
        return dtype
    return sys.modules["numpy"].dtype(dtype).name


def asarray(a: Any, dtype: Any = None, **_: Any) -> Any:
    """numpy.asarray; an Array stays one."""
    if isinstance(a, list | tuple):
        x = ops.stack([array(asarray(v)) for v in a]) if holds_array(a) else array(a)
    else:
        x = array(a)
    return x if dtype is None else ops.astype(x, _dtype(dtype), copy=False)


def _copied(a: Any, dtype: Any = None, copy: Any = True, ndmin: int = 0, **_: Any) -> Any:
    x = asarray(a, dtype)
    if len(x.shape) < ndmin:
        x = ops.reshape(x, (1,) * (ndmin - len(x.shape)) + tuple(x.shape))
    return ops.asarray(x, copy=True) if copy else x


def _creator(name: str) -> Callable[..., Any]:
    make = getattr(ops, "zeros" if name == "empty" else name)

    def create(shape: Any, *args: Any, **options: Any) -> Any:
        options = {k: _dtype(v) if k == "dtype" else v for k, v in options.items() if k != "order"}
        if name != "full" and args:
            options["dtype"], args = _dtype(args[0]), ()
        sizes = [shape] if isinstance(shape, int) or hasattr(shape, "__index__") else shape
        return make(tuple(int(n) for n in sizes), *args, **options)

    return create


_REPLACED: dict[str, Callable[..., Any]] = {
    "asarray": asarray,
    "asanyarray": asarray,
    "ascontiguousarray": asarray,
    "asfortranarray": asarray,
    "asarray_chkfinite": asarray,
    "array": _copied,
    **{name: _creator(name) for name in ("zeros", "ones", "empty", "full")},
}


class _Numpy(ModuleType):
    """NumPy, with the functions that create arrays replaced."""

    def __getattr__(self, name: str) -> Any:
        return _REPLACED.get(name) or getattr(sys.modules["numpy"], name)


_NUMPY = _Numpy("numpy")


# -- functions -----------------------------------------------------------------------------------


def _namespace() -> Any:
    """The namespace of Arrays."""
    return array_module._namespace()


class _OnCall:
    """A function of SciPy's that is run once more where its arguments ask for it.

    That is where an Array is among them, or the namespace of Arrays.
    """

    def __init__(self, function: FunctionType) -> None:
        self.function = self.__wrapped__ = function
        self.__name__, self.__doc__ = function.__name__, function.__doc__

    def __call__(self, *args: Any, **options: Any) -> Any:
        given = (*args, *options.values())
        if not holds_array(given) and not any(value is _namespace() for value in given):
            return self.function(*args, **options)
        return rerun(self.function)(*args, **options)


def _of_scipy(value: Any) -> bool:
    """Whether a value is a function of SciPy's that may be run again: not what finds namespaces."""
    module = getattr(value, "__module__", None) or ""
    ours = module.startswith("scipy") and not module.startswith(ARRAY_HELPERS)
    return ours and isinstance(value, FunctionType)


class _Module(ModuleType):
    """A module of SciPy's, with its functions as they are to be called from functions run again."""

    def __init__(self, module: ModuleType) -> None:
        super().__init__(module.__name__, module.__doc__)
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return _replaced(getattr(self._module, name))


def _replaced(value: Any) -> Any:
    """What stands for the value of a global name of a function that is run again."""
    numpy = sys.modules["numpy"]
    if isinstance(value, ModuleType):
        if value is numpy:
            return _NUMPY
        if is_numpy_copy(value.__name__):
            return array_module._namespace()
        scipy = value.__name__.startswith("scipy.") and not value.__name__.startswith(HELPERS)
        return _Module(value) if scipy else value
    name = getattr(value, "__name__", None)
    if name in _REPLACED and value is getattr(numpy, name, None):
        return _REPLACED[name]
    if isinstance(value, type):
        return rerun_class(value) if value in FRONT_CLASSES else value
    if hasattr(value, "cache_info") and _of_scipy(getattr(value, "__wrapped__", None)):
        return _OnCall(value.__wrapped__)  # what it remembers is not for Arrays
    if not _of_scipy(value) or is_front(value):
        return value
    return FRONTS.get(value) or _OnCall(value)


def rerun(function: Callable[..., Any], owner: CellType | None = None) -> Callable[..., Any]:
    """The same function over NumPy with other creation functions.

    ``owner`` is the cell of the class that a method's ``super()`` refers to.
    """
    if not isinstance(function, FunctionType):
        return function
    if owner is None and function in _FUNCTIONS:
        return _FUNCTIONS[function]
    scope = {name: _replaced(value) for name, value in function.__globals__.items()}
    scope["__builtins__"] = builtins
    closure = None
    if function.__closure__ is not None:
        names = function.__code__.co_freevars
        closure = tuple(
            owner if name == "__class__" and owner is not None else _cell(cell)
            for name, cell in zip(names, function.__closure__, strict=True)
        )
    made = FunctionType(function.__code__, scope, function.__name__, function.__defaults__, closure)
    made.__kwdefaults__ = function.__kwdefaults__
    vars(made).update(vars(function))  # the signature of a decorated one
    if owner is None:
        _FUNCTIONS[function] = made
    return made


def _cell(cell: CellType) -> CellType:
    """A variable of an enclosing function: another function, for a decorated one."""
    try:
        inner = cell.cell_contents
    except ValueError:  # not set yet
        return cell
    return CellType(rerun(inner)) if _of_scipy(inner) else cell


# -- classes -------------------------------------------------------------------------------------


class _Root:
    """Ends the chain of ``super().__init__()`` before the original classes."""

    def __init__(self) -> None: ...


def rerun_class(cls: Any) -> Any:
    """A subclass all of whose methods are run again; its bases likewise."""
    if cls in _CLASSES or cls in _CLASSES.values():
        return _CLASSES.get(cls, cls)
    load_all()
    public = ".".join([*cls.__module__.split(".")[:2], WORKERS.get(cls, cls.__name__)])
    hands_on = cls.__name__ in WORKERS.values() and cls not in WORKERS
    bases = tuple(rerun_class(base) for base in cls.__bases__ if base is not object)
    bases = bases or (_Root,)
    made = type(cls)(cls.__name__, (*bases, cls), {"__module__": cls.__module__})
    made.__qualname__ = cls.__qualname__
    _CLASSES[cls] = made  # before its methods, which may refer to it
    owner = CellType(made)
    for name, value in vars(cls).items():
        if name == "__new__":
            continue
        while is_front(value):
            value = value.__wrapped__
        if isinstance(value, FunctionType):
            ours = None if hands_on else METHODS.get(f"{public}.{name}")
            setattr(made, name, ours or (rerun(value, owner) if _of_scipy(value) else value))
        elif isinstance(value, staticmethod | classmethod):
            setattr(made, name, type(value)(rerun(value.__func__, owner)))
        elif isinstance(value, property) and value.fget is not None:
            setter = value.fset and rerun(value.fset, owner)
            setattr(made, name, property(rerun(value.fget, owner), setter))
    return abc.update_abstractmethods(made)


def as_rerun(instance: Any) -> Any:
    """The same object, with the methods that are run again."""
    made = object.__new__(rerun_class(type(instance)))
    slots = [name for cls in type(instance).__mro__ for name in vars(cls).get("__slots__", ())]
    for name in (*slots, *getattr(instance, "__dict__", ())):
        if hasattr(instance, name):
            # What an interpolator keeps to make its answer an array of the input's library.
            value = asarray if name == CONVERSION else getattr(instance, name)
            if isinstance(value, ModuleType) or type(value) in WORKERS:
                value = _replaced(value) if isinstance(value, ModuleType) else as_rerun(value)
            setattr(made, name, value)
    return made
