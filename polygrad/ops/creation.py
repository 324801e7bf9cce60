"""Creation functions: new arrays on the current device, or like another array."""

from typing import Any

from polygrad.array import Array, is_array, is_number, raw_and_backend, wrap
from polygrad.backend import SCALAR_TYPES, backend_for_type
from polygrad.core.op import OPS
from polygrad.core.trace import PYTHON_SCALARS, as_number, bind
from polygrad.device import Device, current_device, intern_device
from polygrad.device import device as as_device
from polygrad.dtypes import DTYPES, as_dtype, find_dtype
from polygrad.errors import (
    ArgumentTypeError,
    ArgumentValueError,
    DTypeError,
    MixedArraysError,
    PolygradError,
)
from polygrad.ops.datatypes import (
    astype,
    copy_op,
    device_of,
    nested_leaves,
    number_dtype,
    refuse_unit,
    result_type,
    shown,
    to_device,
)


def _place(device: Any) -> Device:
    return current_device() if device is None else as_device(device)


def _create(name: str, *args: Any, dtype: Any, device: Any, **options: Any) -> Array:
    place = _place(device)
    backend = place.backend
    make, kind = getattr(backend.xp, name), backend.raw_dtype(dtype)
    try:
        value = make(*args, dtype=kind, device=place.raw, **options)
    except PolygradError:
        raise
    except (TypeError, ValueError, OverflowError) as error:
        given = ", ".join([*map(repr, args), *(f"{k}={v!r}" for k, v in options.items())])
        named = ArgumentTypeError if isinstance(error, TypeError) else ArgumentValueError
        raise named(f"{name}({given}): {error}") from error
    return wrap(backend.normalise(value))


def _like(name: str, x: Any, *args: Any, dtype: Any, device: Any) -> Any:
    """A new array like ``x``: untracked, in the kind of array that ``x`` is."""
    x = asarray(x) if type(x) in PYTHON_SCALARS else x
    raw, backend = raw_and_backend(x)
    place = intern_device(backend, backend.device_of(raw)) if device is None else as_device(device)
    made = _create(name, x.shape, *args, dtype=x.dtype if dtype is None else dtype, device=place)
    return made if type(x) is Array else made._value


def asarray(
    obj: Any, /, *, dtype: Any = None, device: Any = None, copy: bool | None = None
) -> Array:
    """An Array of a Python number, nested lists, or an array of any library.

    Numbers, lists and NumPy arrays are host data and go to ``device``, by default the current
    one. An Array, or an array of another library, stays where it is unless ``device`` is given;
    a library without a backend (PyTorch) is read through DLPack. A tracked array stays tracked.
    Lists may hold arrays, of one device; numbers beside them go there. ``copy`` True always
    copies, False raises ArgumentValueError where a copy is needed, None copies where needed.

    Raises ArgumentTypeError or ArgumentValueError for what is no array (ragged lists, text),
    DTypeError for a data type that the standard lacks, MixedArraysError for lists with arrays
    of several devices.

    >>> pg.asarray([[1.0, 2.0], [3.0, 4.0]], dtype=pg.float32)
    Array([[1., 2.],
           [3., 4.]], dtype=float32, device=cpu)
    """
    dtype = None if dtype is None else as_dtype(dtype)
    if not is_array(obj):
        refuse_unit(obj)
        if not hasattr(type(obj), "__dlpack__"):  # a wrapper may forward that of what it holds
            return _from_python(obj, dtype, device, copy)
        obj = from_dlpack(obj)._value
    x = obj
    if type(x) in SCALAR_TYPES:
        x = backend_for_type(type(x)).normalise(x)  # type: ignore[union-attr]
    raw, backend = raw_and_backend(x)
    if find_dtype(raw.dtype) is None:
        raise DTypeError(
            f"asarray: got an array of {raw.dtype}, expected numbers or bool, of one of "
            f"{', '.join(DTYPES)}; convert it first"
        )
    place = intern_device(backend, backend.device_of(raw))
    target = place if device is None else as_device(device)
    if device is None and backend.host and type(x) is not Array:
        target = current_device()
    moved = target != place
    converted = dtype is not None and as_dtype(x.dtype) != dtype
    if copy is False and (moved or converted):
        raise ArgumentValueError(
            f"asarray: copy=False, but {'another device' if moved else 'another dtype'} was asked "
            "for, which needs a copy; pass copy=None"
        )
    if moved:
        x = to_device(x, target)
    if is_number(x):
        dtype = number_dtype(x, target) if dtype is None else dtype
        whole = "integer" in dtype.group and not as_dtype(x.dtype).is_inexact
        # The sum checks that it fits.
        x = zeros((), dtype=dtype, device=target) + x if whole else astype(x, dtype)
    elif converted:
        x = astype(x, dtype)
    elif copy and not moved:
        x = bind(copy_op, (x,), {})
    return wrap(x)


def _from_python(obj: Any, dtype: Any, device: Any, copy: bool | None) -> Array:
    if copy is False:
        raise ArgumentValueError(
            f"asarray: copy=False, but a {type(obj).__name__} has to be copied; pass copy=None"
        )
    if isinstance(obj, list | tuple):
        leaves = list(nested_leaves(obj))
        arrays = [leaf for leaf in leaves if is_array(leaf)]
        for leaf in leaves:
            refuse_unit(leaf)
        if arrays:
            dtype = _common_dtype(leaves, dtype)
        if any(type(leaf) not in SCALAR_TYPES for leaf in arrays):
            return _stacked(obj, dtype, _common_device(leaves, device))
    place = _place(device)
    expected = "expected a number, nested lists of equal lengths, or an array"
    try:
        value = place.backend.from_host(obj, place.backend.raw_dtype(dtype), place.raw)
    except PolygradError:
        raise
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        named = ArgumentTypeError if isinstance(error, TypeError) else ArgumentValueError
        raise named(f"asarray: got {shown(obj)}, {expected} ({error})") from error
    if find_dtype(value.dtype) is None:
        raise ArgumentTypeError(f"asarray: got {shown(obj)}, {expected}")
    return wrap(value)


def _common_dtype(leaves: list[Any], dtype: Any) -> Any:
    """The data type that the arrays and numbers of a list promote to."""
    for leaf in leaves:
        if type(leaf) not in PYTHON_SCALARS and not is_array(leaf):
            raise ArgumentTypeError(
                f"asarray: got {shown(leaf)} in a list, expected numbers and arrays"
            )
    return result_type(*leaves) if dtype is None else dtype


def _common_device(leaves: list[Any], device: Any) -> Device:
    """The device of the arrays in a list; host data among them follows."""
    if device is not None:
        return as_device(device)
    places = {}
    for leaf in leaves:
        if is_array(leaf):
            raw, backend = raw_and_backend(leaf)
            if type(leaf) is Array or not backend.host:
                place = intern_device(backend, backend.device_of(raw))
                places[place] = place
    if len(places) > 1:
        raise MixedArraysError(
            f"asarray: got a list of arrays on {' and '.join(map(str, places))}, expected one "
            "device; pass device=... to move them there"
        )
    return next(iter(places), None) or current_device()


def _stacked(obj: Any, dtype: Any, device: Device) -> Any:
    if not isinstance(obj, list | tuple):
        return asarray(obj, dtype=dtype, device=device)
    if not obj:
        return zeros(0, dtype=dtype, device=device)
    parts = [_stacked(item, dtype, device) for item in obj]
    shapes = {part.shape for part in parts}
    if len(shapes) > 1:
        raise ArgumentValueError(
            f"asarray: got a list of parts with the shapes {', '.join(map(str, sorted(shapes)))}, "
            "expected equal shapes; pad them, or use pg.concat"
        )
    return bind(OPS["stack"], tuple(parts), {"axis": 0})


def zeros(shape: Any, *, dtype: Any = None, device: Any = None) -> Array:
    """An array of zeros; ``dtype`` float64 by default.

    >>> pg.zeros(2)
    Array([0., 0.], dtype=float64, device=cpu)
    """
    return _create("zeros", shape, dtype=dtype, device=device)


def ones(shape: Any, *, dtype: Any = None, device: Any = None) -> Array:
    """An array of ones; ``dtype`` float64 by default.

    >>> pg.ones(2)
    Array([1., 1.], dtype=float64, device=cpu)
    """
    return _create("ones", shape, dtype=dtype, device=device)


def empty(shape: Any, *, dtype: Any = None, device: Any = None) -> Array:
    """An array with unspecified values; ``dtype`` float64 by default.

    >>> pg.empty((2, 3)).shape
    (2, 3)
    """
    return _create("empty", shape, dtype=dtype, device=device)


def full(shape: Any, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Any:
    """An array of one value, which stays tracked; ``dtype`` follows the value by default.

    >>> pg.full(2, 7.0)
    Array([7., 7.], dtype=float64, device=cpu)
    """
    if is_array(fill_value):
        value = asarray(fill_value, dtype=dtype, device=device)
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        return bind(copy_op, (bind(OPS["broadcast_to"], (value,), {"shape": shape}),), {})
    return _create("full", shape, fill_value, dtype=dtype, device=device)


def zeros_like(x: Any, /, *, dtype: Any = None, device: Any = None) -> Any:
    """Zeros with the shape, data type, device and kind of array of ``x``; untracked.

    >>> pg.zeros_like(pg.ones(2))
    Array([0., 0.], dtype=float64, device=cpu)
    """
    return _like("zeros", x, dtype=dtype, device=device)


def ones_like(x: Any, /, *, dtype: Any = None, device: Any = None) -> Any:
    """Ones with the shape, data type, device and kind of array of ``x``; untracked.

    >>> pg.ones_like(pg.zeros(2))
    Array([1., 1.], dtype=float64, device=cpu)
    """
    return _like("ones", x, dtype=dtype, device=device)


def empty_like(x: Any, /, *, dtype: Any = None, device: Any = None) -> Any:
    """Unspecified values with the shape, data type, device and kind of array of ``x``.

    >>> pg.empty_like(pg.zeros((2, 3))).shape
    (2, 3)
    """
    return _like("empty", x, dtype=dtype, device=device)


def full_like(x: Any, /, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Any:
    """One value with the shape, data type, device and kind of array of ``x``.

    >>> pg.full_like(pg.zeros(2), 7.0)
    Array([7., 7.], dtype=float64, device=cpu)
    """
    if is_array(fill_value):
        wanted = x.dtype if dtype is None else dtype
        return full(x.shape, fill_value, dtype=wanted, device=device)
    return _like("full", x, fill_value, dtype=dtype, device=device)


def arange(
    start: Any, /, stop: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None
) -> Array:
    """Evenly spaced values from ``start`` (0 if only one bound is given) up to ``stop``.

    >>> pg.arange(3)
    Array([0, 1, 2], dtype=int64, device=cpu)
    """
    bounds = (0, start) if stop is None else (start, stop)
    return _create("arange", *bounds, step, dtype=dtype, device=device)


def linspace(
    start: Any,
    stop: Any,
    /,
    num: int,
    *,
    dtype: Any = None,
    device: Any = None,
    endpoint: bool = True,
) -> Array:
    """``num`` evenly spaced numbers from ``start`` to ``stop``.

    The ends are numbers, or 0-d arrays by which the result is differentiable.

    >>> pg.linspace(0, 1, 3)
    Array([0. , 0.5, 1. ], dtype=float64, device=cpu)
    """
    ends = [end for end in (start, stop) if is_array(end) and type(end) not in SCALAR_TYPES]
    if ends:
        place = device if device is not None else wrap(ends[0]).device
        first, last = asarray(start, device=place), asarray(stop, device=place)
        share = linspace(0.0, 1.0, num, device=place, endpoint=endpoint)
        exact = astype(share, (first + last).dtype) if (first + last).dtype.is_inexact else share
        out = first * (1 - exact) + last * exact
        return out if dtype is None else astype(out, dtype)
    return _create("linspace", start, stop, num, dtype=dtype, device=device, endpoint=endpoint)


def eye(
    n_rows: int,
    n_cols: int | None = None,
    /,
    *,
    k: int = 0,
    dtype: Any = None,
    device: Any = None,
) -> Array:
    """Ones on the k-th diagonal, zeros elsewhere.

    >>> pg.eye(2)
    Array([[1., 0.],
           [0., 1.]], dtype=float64, device=cpu)
    """
    return _create("eye", n_rows, n_cols, dtype=dtype, device=device, k=k)


def from_dlpack(x: Any, /, *, device: Any = None, copy: bool | None = None) -> Array:
    """An Array of any object with the DLPack protocol, sharing its memory where possible.

    By default it stays on its device, which has to belong to a registered backend; on another
    ``device``, or with ``copy`` True, it is a copy. Raises ArgumentTypeError for an object
    without the protocol, ArgumentValueError for memory that cannot be shared or read, and
    LostGradientError for a tracked array.

    >>> pg.from_dlpack(pg.ones(2))
    Array([1., 1.], dtype=float64, device=cpu)
    """
    if not hasattr(x, "__dlpack__"):
        raise ArgumentTypeError(
            f"from_dlpack: got {type(x).__name__}, expected an object with __dlpack__; "
            "use pg.asarray for numbers and lists"
        )
    if type(x) is Array:
        x._refuse_tracked("pg.from_dlpack(x)")
    if is_array(x):
        raw, backend = raw_and_backend(x)
        place = intern_device(backend, backend.device_of(raw))
        return asarray(wrap(raw), device=place if device is None else device, copy=copy)
    kind, number = map(int, x.__dlpack_device__())
    if kind not in _DLPACK_DEVICES:
        raise ArgumentValueError(
            f"from_dlpack: got a {type(x).__name__} on a device of DLPack's type {kind}, expected "
            "memory of the CPU or of an NVIDIA GPU; copy it to the CPU first"
        )
    source = as_device(_DLPACK_DEVICES[kind].format(number))
    try:
        value = source.backend.xp.from_dlpack(x)
    except Exception as error:  # the producer's own, of any kind
        raise ArgumentValueError(
            f"from_dlpack: got a {type(x).__name__} that cannot be read through DLPack ({error})"
        ) from error
    return asarray(wrap(value), device=source if device is None else device, copy=copy)


# kDLCPU, kDLCUDA, kDLCUDAHost (pinned host memory) and kDLCUDAManaged, from DLPack's header.
_DLPACK_DEVICES = {1: "cpu", 2: "cuda:{}", 3: "cpu", 13: "cuda:{}"}


def arange_beside(n: int, like: Any) -> Any:
    """The integers from 0 to n - 1 beside ``like``, of its kind."""
    made = arange(n, device=device_of(like))
    return made if type(like) is Array else made._value


def as_operand(value: Any, like: Any, name: str) -> Any:
    """A list or number as an array beside ``like``, of its kind; arrays stay as they are."""
    if is_array(value):
        return value
    value = as_number(value)
    if type(value) in PYTHON_SCALARS or isinstance(value, list | tuple):
        place = device_of(like)
        made = asarray(value, device=place)
        if made.dtype.is_inexact:  # a library's default type may have fewer digits
            made = asarray(value, dtype=result_type(made, like), device=place)
        plain = type(like) is not Array and made._trace.level == 0
        return made._value if plain else made
    raise ArgumentTypeError(f"{name}: got {type(value).__name__}, expected an array")


def scalar_beside(value: Any, like: Any, *others: Any) -> Any:
    """A Python number as an array of the kind of ``like``, promoted with it and others."""
    if type(value) not in PYTHON_SCALARS and not is_number(value):
        return value
    dtype, place = result_type(like, *others, value), device_of(like)
    if type(value) not in PYTHON_SCALARS:
        return asarray(value, dtype=dtype, device=place)
    made = _create("full", (), value, dtype=dtype, device=place)
    return made if type(like) is Array else made._value
