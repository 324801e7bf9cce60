"""Creation functions: new arrays on the current device, or like another array."""

from typing import Any

from polygrad.array import Array, is_array, raw_and_backend, wrap
from polygrad.backend import SCALAR_TYPES, backend_for_type
from polygrad.core.kinds import Linear
from polygrad.core.trace import PYTHON_SCALARS, bind
from polygrad.device import Device, current_device, intern_device
from polygrad.device import device as as_device
from polygrad.errors import ArgumentTypeError, ArgumentValueError, LostGradientError
from polygrad.ops.datatypes import astype, to_device

copy_op = Linear("copy", lambda xp, g, x: g, lambda xp, x: xp.asarray(x, copy=True))


def _place(device: Any) -> Device:
    return current_device() if device is None else as_device(device)


def _create(name: str, *args: Any, dtype: Any, device: Any, **options: Any) -> Array:
    place = _place(device)
    backend = place.backend
    make = getattr(backend.xp, name)
    value = make(*args, dtype=backend.raw_dtype(dtype), device=place.raw, **options)
    return wrap(backend.normalise(value))


def _like(name: str, x: Any, *args: Any, dtype: Any, device: Any) -> Any:
    """A new array like ``x``: untracked, in the kind of array that ``x`` is."""
    raw, backend = raw_and_backend(x)
    place = intern_device(backend, backend.device_of(raw)) if device is None else as_device(device)
    made = _create(name, x.shape, *args, dtype=x.dtype if dtype is None else dtype, device=place)
    return made if type(x) is Array else made._value


def asarray(
    obj: Any, /, *, dtype: Any = None, device: Any = None, copy: bool | None = None
) -> Array:
    """An Array of a Python number, nested lists, or an array of any library.

    Numbers, lists and NumPy arrays are host data and go to ``device``, by default the current
    one. An Array, or an array of another library, stays where it is unless ``device`` is given.
    A tracked array stays tracked; lists may hold arrays. ``copy`` True always copies, False
    raises ArgumentValueError where a copy is needed, None copies where needed.

    >>> pg.asarray([[1.0, 2.0], [3.0, 4.0]], dtype=pg.float32)
    Array([[1., 2.],
           [3., 4.]], dtype=float32, device=cpu)
    """
    if not is_array(obj):
        return _from_python(obj, dtype, device, copy)
    x = obj
    if type(x) in SCALAR_TYPES:
        x = backend_for_type(type(x)).normalise(x)  # type: ignore[union-attr]
    raw, backend = raw_and_backend(x)
    place = intern_device(backend, backend.device_of(raw))
    target = place if device is None else as_device(device)
    if device is None and backend.host and type(x) is not Array:
        target = current_device()
    moved = target != place
    converted = dtype is not None and x.dtype != dtype
    if copy is False and (moved or converted):
        raise ArgumentValueError(
            f"asarray: copy=False, but {'another device' if moved else 'another dtype'} was asked "
            "for, which needs a copy; pass copy=None"
        )
    if moved:
        x = to_device(x, target)
    if converted:
        x = astype(x, dtype)
    elif copy and not moved:
        x = bind(copy_op, (x,), {})
    return wrap(x)


def _from_python(obj: Any, dtype: Any, device: Any, copy: bool | None) -> Array:
    if copy is False:
        raise ArgumentValueError("asarray: copy=False, but a Python object has to be copied")
    if isinstance(obj, list | tuple) and _holds_arrays(obj):
        from polygrad.ops.manipulation import stack

        parts = [asarray(item, dtype=dtype, device=device) for item in obj]
        return stack(parts)
    place = _place(device)
    try:
        value = place.backend.from_host(obj, place.backend.raw_dtype(dtype), place.raw)
    except LostGradientError:
        raise
    except (TypeError, ValueError) as error:
        raise ArgumentTypeError(
            f"asarray: got {type(obj).__name__}, expected a number, nested lists of equal "
            f"lengths, or an array: {error}"
        ) from None
    return wrap(value)


def _holds_arrays(obj: Any) -> bool:
    if isinstance(obj, list | tuple):
        return any(_holds_arrays(item) for item in obj)
    return is_array(obj) and type(obj) not in SCALAR_TYPES


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
    """An array of one value; ``dtype`` follows the value by default.

    A tracked ``fill_value`` stays tracked.

    >>> pg.full(2, 7.0)
    Array([7., 7.], dtype=float64, device=cpu)
    """
    if is_array(fill_value):
        from polygrad.ops.manipulation import broadcast_to

        value = asarray(fill_value, dtype=dtype, device=device)
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        return bind(copy_op, (broadcast_to(value, shape),), {})
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

    >>> pg.linspace(0, 1, 3)
    Array([0. , 0.5, 1. ], dtype=float64, device=cpu)
    """
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

    By default it stays on its device, which has to belong to a registered backend. Raises
    ArgumentTypeError for an object without the protocol.

    >>> pg.from_dlpack(pg.ones(2))
    Array([1., 1.], dtype=float64, device=cpu)
    """
    if not hasattr(x, "__dlpack__"):
        raise ArgumentTypeError(
            f"from_dlpack: got {type(x).__name__}, expected an object with __dlpack__; "
            "use pg.asarray for numbers and lists"
        )
    if device is not None:
        place = as_device(device)
    elif is_array(x):
        raw, backend = raw_and_backend(x)
        place = intern_device(backend, backend.device_of(raw))
    else:
        kind, number = x.__dlpack_device__()
        # DLPack's kDLCPU and kDLCUDA, from its header.
        place = as_device({1: "cpu", 2: f"cuda:{number}"}.get(int(kind), "cpu"))
    if type(x) is Array:
        x._refuse_tracked("pg.from_dlpack(x)")
    if is_array(x) and raw_and_backend(x)[1] is place.backend:
        return asarray(x, device=place, copy=copy)
    options: dict[str, Any] = {} if copy is None else {"copy": copy}
    return wrap(place.backend.xp.from_dlpack(x, **options))


def as_operand(value: Any, like: Any, name: str) -> Any:
    """A list or number as an array beside ``like``; arrays stay as they are."""
    if is_array(value):
        return value
    if type(value) in PYTHON_SCALARS or isinstance(value, list | tuple):
        raw, backend = raw_and_backend(like)
        place = intern_device(backend, backend.device_of(raw))
        return asarray(value, device=place)
    raise ArgumentTypeError(f"{name}: got {type(value).__name__}, expected an array")
