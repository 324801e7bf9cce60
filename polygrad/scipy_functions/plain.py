"""Calls of SciPy's functions with Arrays that nothing tracks: SciPy's own code, on raw arrays.

No derivative is wanted there, so there is nothing that a version of polygrad's could add. The
answers come back as Arrays on the device of the operands.
"""

import inspect
import sys
from collections.abc import Callable
from typing import Any

from polygrad import ops
from polygrad.array import Array, is_array, raw_and_backend, wrap
from polygrad.backend import SCALAR_TYPES

_OUTPUTS = ("output", "out")


def run_plain(original: Callable[..., Any], args: Any, options: Any, arrays: list[Array]) -> Any:
    """SciPy's answer; ``arrays`` are the Arrays among the arguments."""
    device = arrays[0].device
    args, options, out = split_output(original, args, options, _buffer)
    made = original(
        *(_raw(value) for value in args),
        **{
            name: False if name.startswith("overwrite_") else _raw(value)
            for name, value in options.items()
        },
    )
    return write_output(_wrapped(made, device), out)


def _numpy_dtype(x: Array) -> Any:
    return sys.modules["numpy"].dtype(x.dtype.name)


def _buffer(x: Array) -> Any:
    return sys.modules["numpy"].array(raw_and_backend(x)[0])


def split_output(
    original: Callable[..., Any],
    args: Any,
    options: Any,
    instead: Callable[[Array], Any] = _numpy_dtype,
) -> tuple[Any, Any, Any]:
    """The arguments with something else in place of an Array to write into, and that Array.

    Memory that an Array holds is never written into: the handle gets the answer.
    """
    for name in _OUTPUTS:
        if type(options.get(name)) is Array:
            out = options[name]
            return args, {**options, name: instead(out)}, out
    if not any(type(value) is Array for value in args[1:]):
        return args, options, None
    try:
        names = list(inspect.signature(original).parameters)
    except (TypeError, ValueError):
        return args, options, None
    for name in _OUTPUTS:
        at = names.index(name) if name in names else len(args)
        if at < len(args) and type(args[at]) is Array:
            out = args[at]
            return (*args[:at], instead(out), *args[at + 1 :]), options, out
    return args, options, None


def write_output(made: Any, out: Any) -> Any:
    """``made``, or ``out`` with it for a value."""
    if out is None:
        return made
    out[...] = ops.astype(made, out.dtype)
    return out


def _raw(value: Any) -> Any:
    """A value with the library's arrays in place of Arrays."""
    if type(value) is Array:
        return raw_and_backend(value)[0]
    if type(value) in (list, tuple):
        return type(value)(_raw(part) for part in value)
    return value


def _wrapped(value: Any, device: Any) -> Any:
    """An answer of SciPy's, its arrays as Arrays on ``device``."""
    if isinstance(value, tuple) and hasattr(value, "_make"):
        return value._make(_wrapped(part, device) for part in value)
    if type(value) in (list, tuple):
        return type(value)(_wrapped(part, device) for part in value)
    numpy: Any = sys.modules["numpy"]
    if isinstance(value, numpy.generic) and value.dtype.kind in "biufc":
        value = numpy.asarray(value)
    if isinstance(value, numpy.ndarray) and value.dtype.kind not in "biufc":
        return value
    if not is_array(value) or type(value) in SCALAR_TYPES:
        return value
    made = wrap(value)
    return made if made.device == device else ops.asarray(made, device=device)


def lifted(value: Any, like: Array) -> Any:
    """Numbers and plain arrays as Arrays beside ``like``, in tuples and lists too."""
    if type(value) in (list, tuple):
        return type(value)(lifted(part, like) for part in value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return ops.asarray(float(value), dtype=like.dtype, device=like.device)
    if is_array(value) and type(value) is not Array:
        return ops.asarray(value, device=like.device)
    return value
