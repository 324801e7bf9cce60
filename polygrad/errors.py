"""The errors polygrad raises; each is also the built-in a caller would expect."""


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


class LostGradientError(PolygradError, TypeError):
    """A tracked array would turn into plain data and lose its gradient."""


class LeakedArrayError(PolygradError, RuntimeError):
    """A tracked array is used after the transform that made it has ended."""


class RuleError(PolygradError, AssertionError):
    """A derivative rule returned something that does not fit its operand."""


class GradientMismatchError(PolygradError, AssertionError):
    """A derivative differs from finite differences, or one mode from the other."""


class LinearAlgebraError(PolygradError, ValueError):
    """A matrix has no such factorisation, inverse or derivative: singular, not definite ..."""
