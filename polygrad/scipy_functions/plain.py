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

_OUTPUTS = ("output", "out", "distances", "indices")


def run_plain(original: Callable[..., Any], args: Any, options: Any, arrays: list[Array]) -> Any:
    """SciPy's answer; ``arrays`` are the Arrays among the arguments.

    Memory that an Array holds is never written into: what SciPy writes into the Array to write
    into is written to a copy, and the handle gets the values of the copy.
    """
    device = arrays[0].device
    places = _outputs(original, args, options)
    copies = {
        key: sys.modules["numpy"].array(raw_and_backend(out)[0]) for key, out in places.items()
    }
    made = original(
        *(copies[at] if at in copies else _raw(value) for at, value in enumerate(args)),
        **{
            name: copies[name]
            if name in copies
            else False
            if name.startswith("overwrite_")
            else _shown(value, device)
            if name == "plot" and callable(value)
            else _raw(value)
            for name, value in options.items()
        },
    )
    for key, out in places.items():
        write_output(wrap(copies[key]), out)
    written = [(copies[key], out) for key, out in places.items()]
    return _wrapped(made, device, written)


def _shown(plot: Callable[..., Any], device: Any) -> Callable[..., Any]:
    """A user's function that SciPy calls with its answer, called with Arrays."""

    def call(*values: Any) -> Any:
        return plot(*(_wrapped(value, device) for value in values))

    return call


def _outputs(original: Callable[..., Any], args: Any, options: Any) -> dict[Any, Array]:
    """The Arrays to write into, by their place among the arguments or their name."""
    found: dict[Any, Array] = {
        name: options[name] for name in _OUTPUTS if type(options.get(name)) is Array
    }
    if not any(type(value) is Array for value in args[1:]):
        return found
    try:
        names = list(inspect.signature(original).parameters)
    except (TypeError, ValueError):
        return found
    for at, name in enumerate(names[: len(args)]):
        if name in _OUTPUTS and type(args[at]) is Array:
            found[at] = args[at]
    return found


def split_output(original: Callable[..., Any], args: Any, options: Any) -> tuple[Any, Any, Any]:
    """The arguments with a data type in place of an Array to write into, and that Array."""
    for key, out in _outputs(original, args, options).items():
        instead = sys.modules["numpy"].dtype(out.dtype.name)
        if isinstance(key, str):
            return args, {**options, key: instead}, out
        return (*args[:key], instead, *args[key + 1 :]), options, out
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


def _wrapped(value: Any, device: Any, written: Any = ()) -> Any:
    """An answer of SciPy's, its arrays as Arrays on ``device``.

    ``written`` are arrays that were written into, each with the Array that stands for it.
    """
    for array, out in written:
        if value is array:
            return out
    if isinstance(value, tuple) and hasattr(value, "_extra_fields"):  # SciPy's named tuples
        names = (*getattr(value, "_fields"), *getattr(value, "_extra_fields"))
        return type(value)(**{n: _wrapped(getattr(value, n), device, written) for n in names})
    if isinstance(value, tuple) and hasattr(value, "_make"):
        return value._make(_wrapped(part, device, written) for part in value)
    if type(value) in (list, tuple):
        return type(value)(_wrapped(part, device, written) for part in value)
    if type(value) is dict:
        return {key: _wrapped(part, device, written) for key, part in value.items()}
    numpy: Any = sys.modules["numpy"]
    if isinstance(value, numpy.ndarray) and value.dtype.kind == "O":
        made = numpy.empty(value.shape, object)
        for at in numpy.ndindex(value.shape):
            made[at] = _wrapped(value[at], device, written)
        return made
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
