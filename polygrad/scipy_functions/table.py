"""The table from a SciPy function's full name to polygrad's version, and what those share.

A version has SciPy's signature. Options about memory and checks (``overwrite_a``,
``check_finite``, ``workers``) are taken and change nothing; what cannot be done with tracked
arrays raises NoStandIn by name.
"""

import importlib
import inspect
import sys
from collections.abc import Callable
from typing import Any

from polygrad import ops
from polygrad.dtypes import as_dtype
from polygrad.numpy_functions.table import array
from polygrad.scipy_functions.delegation import NoStandIn

STAND_INS: dict[str, Callable[..., Any]] = {}
_NO_EFFECT = frozenset({"check_finite", "disp", "blocksize", "workers"})
METHODS: dict[str, Callable[..., Any]] = {}
"""Methods of classes that are run again (see `rerun`), in place of compiled code."""
_PARTS = (
    "convolutions",
    "distances",
    "distributions",
    "filters",
    "geometry",
    "images",
    "interpolation",
    "labels",
    "linear_algebra",
    "matrix_functions",
    "morphology",
    "ranks",
    "slopes",
    "splines",
    "structured",
    "sums",
    "transforms",
)


def stand_in(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter a function into the table under SciPy's names, without the leading ``scipy.``."""

    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        for name in names:
            STAND_INS[f"scipy.{name}"] = function
        return function

    return enter


def method(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter a method of a class that is run again, in place of SciPy's."""

    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        METHODS[f"scipy.{name}"] = function
        return function

    return enter


def load_all() -> None:
    """Import the parts, once."""
    if not STAND_INS:
        for part in _PARTS:
            importlib.import_module(f"polygrad.scipy_functions.{part}")


def load(name: str, original: Callable[..., Any], of_class: bool) -> Callable[..., Any]:
    """The version of the function, or method of a class, with this full name."""
    load_all()
    if name in STAND_INS:
        return STAND_INS[name] if of_class else _called_like(name, STAND_INS[name], original)
    rerun: Any = importlib.import_module("polygrad.scipy_functions.rerun")
    if not of_class:
        made: Callable[..., Any] = rerun.rerun(original)
        return made
    last = name.rpartition(".")[2]
    return lambda self, *args, **options: getattr(rerun.as_rerun(self), last)(*args, **options)


_ADAPTED: dict[Any, Callable[..., Any]] = {}


def _called_like(name: str, version: Any, original: Any) -> Callable[..., Any]:
    """The version, called with the arguments of the SciPy that is installed."""
    if original in _ADAPTED:
        return _ADAPTED[original]
    made = version
    theirs = inspect.signature(original)
    own = inspect.signature(version).parameters
    kinds = {p.kind for p in (*own.values(), *theirs.parameters.values())}
    varying = {inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL}
    if list(own) != list(theirs.parameters) and not kinds & varying:

        def made(*args: Any, **options: Any) -> Any:
            given = theirs.bind(*args, **options).arguments
            for argument in [key for key in given if key not in own]:
                value = given.pop(argument)
                known = argument.startswith("overwrite_") or argument in _NO_EFFECT
                if not known and value is not theirs.parameters[argument].default:
                    raise no_stand_in(name.removeprefix("scipy."), f"{argument}=")
            return version(**given)

    _ADAPTED[original] = made
    return made


def no_stand_in(name: str, what: str) -> NoStandIn:
    """The error for a way to call a function that has no version here."""
    return NoStandIn(
        f"scipy.{name} of a tracked array: {what} has no rule in polygrad; write it with "
        "functions of polygrad, or pass pg.stop_gradient(x) if no gradient is wanted"
    )


def scipy(name: str) -> Any:
    """A function of SciPy's, for constants: SciPy is loaded, or nothing here would run."""
    module, _, function = name.rpartition(".")
    return getattr(sys.modules[f"scipy.{module}"], function)


def inexact(x: Any) -> Any:
    """Anything NumPy takes for an array, as one of floating-point or complex numbers."""
    x = array(x)
    return x if as_dtype(x.dtype).is_inexact else ops.astype(x, ops.float64)


def constant(value: Any, like: Any) -> Any:
    """A constant beside ``like``, on its device and in its data type."""
    return ops.asarray(value, dtype=like.dtype, device=like.device)


def together(*values: Any) -> tuple[Any, ...]:
    """Anything NumPy takes for arrays, as inexact ones of one data type."""
    arrays = [inexact(value) for value in values]
    dtype = ops.result_type(*arrays)
    return tuple(ops.astype(x, dtype, copy=False) for x in arrays)


def integers(values: Any, like: Any) -> Any:
    """Indices into ``like``, on its device."""
    return ops.asarray(values, dtype=ops.int64, device=like.device)


def adjoint(x: Any) -> Any:
    """The conjugate transpose of matrices."""
    x = ops.matrix_transpose(x)
    return ops.conj(x) if as_dtype(x.dtype).is_complex else x
