"""The errors polygrad raises; each is also the built-in a caller would expect."""

import linecache
import sys


class PolygradError(Exception):
    """Base class of every error that polygrad raises on purpose."""


class BackendError(PolygradError, LookupError):
    """A backend is unknown or does not supply what was asked of it."""


class DeviceError(PolygradError, ValueError):
    """A device string cannot be read, or names no device polygrad knows."""


class DeviceUnavailableError(PolygradError, RuntimeError):
    """The device is known, but it cannot be used on this machine."""


class MissingPackageError(PolygradError, ImportError):
    """An optional package is needed; the message names the extra that installs it."""


class MixedArraysError(PolygradError, TypeError):
    """Arrays of two libraries or two devices meet in one operation."""


class ArgumentTypeError(PolygradError, TypeError):
    """An argument has a type that the operation does not take."""


class ArgumentValueError(PolygradError, ValueError):
    """An argument has the right type and a value that cannot be used."""


class IntegerRangeError(ArgumentValueError, OverflowError):
    """A Python integer is outside of the data type it would take."""


class ShapeError(PolygradError, ValueError):
    """The shapes of the operands do not fit each other."""


class DTypeError(PolygradError, TypeError):
    """A data type is unknown, or does not fit the operation."""


class IndexingError(PolygradError, IndexError):
    """An index does not fit the array it is applied to."""


class AxisError(ArgumentValueError, IndexingError):
    """An axis is not among the axes of the array."""


class TreeError(PolygradError, ValueError):
    """Two pytrees that must match do not."""


class NonScalarError(PolygradError, TypeError):
    """A gradient was asked of a function whose value is not one real number."""


class NonDifferentiableError(PolygradError, TypeError):
    """A derivative was asked of an operation that has no rule for it."""


class BatchingError(PolygradError, TypeError):
    """vmap meets an operation that nobody told how to run on a batch."""


class LostGradientError(PolygradError, TypeError):
    """A tracked array would turn into plain data and lose its gradient."""


class UnknownValueError(PolygradError, TypeError):
    """Python asked for a value that is not there: vmap has several of them, jit none yet."""


class LeakedArrayError(PolygradError, RuntimeError):
    """A tracked array is used after the transform that made it has ended."""


class RuleError(PolygradError, AssertionError):
    """A derivative rule returned something that does not fit its operand."""


class GradientMismatchError(PolygradError, AssertionError):
    """A derivative differs from finite differences, or one mode from the other."""


class NanError(PolygradError, FloatingPointError):
    """Under `debug_nans` an op made a nan: ``op``, ``phase``, ``shapes`` and ``line`` say where."""

    def __init__(
        self, message: str, op: str, phase: str, shapes: list[tuple[int, ...]], line: str
    ) -> None:
        super().__init__(message)
        self.op, self.phase, self.shapes, self.line = op, phase, shapes, line


class LinearAlgebraError(PolygradError, ValueError):
    """A matrix has no such factorisation, inverse or derivative: singular, not definite ..."""


class AxisNameError(PolygradError, NameError):
    """No `vmap` around a call has given its axis that name, or another one has it already."""


class ConvergenceError(PolygradError, RuntimeError):
    """A solver did not come close enough to a solution."""


class DeviceMemoryError(PolygradError, MemoryError):
    """A device has not enough memory; the message says what uses it and what to try."""


class GraphError(PolygradError, AssertionError):
    """A traced program is not well formed; a pass or a third party's code made a mistake."""


class StaticArgumentError(PolygradError, TypeError):
    """A static argument of a compiled function cannot be told from another: it has no hash."""


class RetraceWarning(UserWarning):
    """A compiled function is traced again and again, which costs more than it gains."""


class DelegationWarning(UserWarning):
    """A library's own compiler did not take a compiled function, which runs op by op."""


class CaptureWarning(UserWarning):
    """A compiled function runs without CUDA graphs, kernel by kernel, and why."""


class UpstreamWarning(UserWarning):
    """A library's inside is not as polygrad expects it: what changed, and what is lost by it."""


class KernelWarning(UserWarning):
    """Generated kernels failed: a compiled function runs op by op instead, and why."""


_NOT_THE_USER = {
    "polygrad", "numpy", "array_api_compat", "array_api_strict", "optree", "contextlib",
    "functools",
}  # fmt: skip


def user_line() -> str:
    """The innermost line of the program that is not polygrad's own, for messages.

    >>> ", line " in pg.errors.user_line()
    True
    """
    frame = sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__", "").partition(".")[0]
        if module not in _NOT_THE_USER:
            name, number = frame.f_code.co_filename, frame.f_lineno
            line = linecache.getline(name, number).strip()
            return f"{name}, line {number}" + (f": {line}" if line else "")
        frame = frame.f_back  # type: ignore[assignment]
    return "an unknown line"


def lost_in_numpy(error: "LostGradientError") -> "LostGradientError":
    """The error for a tracked array that a function of NumPy would copy: how to write that.

    >>> "np.stack" in str(pg.errors.lost_in_numpy(pg.errors.LostGradientError("lost")))
    True
    """
    if sys._getframe(2).f_globals.get("__name__", "").startswith("numpy.ma"):
        return LostGradientError(
            "a masked array beside a tracked array would lose the gradient; fill its masked "
            "elements first: m.filled(value)"
        )
    return LostGradientError(
        f"{error}; to make one array of several, use np.stack, np.concatenate or "
        "pg.asarray(list), for a.dot(x) of a plain array a @ x, and for np.vectorize pg.vmap"
    )


def non_scalar(shape: tuple[int, ...], what: str) -> "ArgumentTypeError":
    """The error for a conversion to one number of an array that holds several.

    >>> str(pg.errors.non_scalar((2,), "float(x)"))[:8]
    'float(x)'
    """
    return ArgumentTypeError(
        f"{what} needs an array of one element with no axes, got shape {shape}; "
        "reduce it first, e.g. with pg.sum or pg.any"
    )
