"""Dispatch: an op runs at the highest level among its operands, then one level down.

Levels are the creation order of traces, a number that only grows: a nested transform starts
after the one around it and is therefore above it. No stack is kept, so an exception leaves
nothing behind and threads share nothing.
"""

import itertools
from collections.abc import Sequence
from typing import Any

from polygrad.array import BASE, Array, wrap
from polygrad.backend import ARRAY_TYPES, PLAIN_TYPES, SCALAR_TYPES, Backend, backend_for_type
from polygrad.core.op import Op
from polygrad.device import current_device, intern_device
from polygrad.errors import (
    ArgumentTypeError,
    ArgumentValueError,
    BackendError,
    IndexingError,
    IntegerRangeError,
    LeakedArrayError,
    MixedArraysError,
    PolygradError,
    ShapeError,
)

PYTHON_SCALARS = frozenset((bool, int, float, complex))
_levels = itertools.count(1)


class Trace:
    """One run of one transform; its arrays hold values of lower levels."""

    __slots__ = ("level", "alive", "origin")
    transform = "a transform"
    """What users call it, for messages."""
    integers_known = False
    """Whether integers may be read as plain values, since no gradient is lost with them."""

    def __init__(self, origin: Any = None) -> None:
        self.level = next(_levels)
        BASE.newest = max(BASE.newest, self.level)  # what was made before is outside of it
        self.alive = True
        # The code of the function that runs in it, which, unlike the function, holds nothing.
        while (inner := getattr(origin, "__wrapped__", None)) is not None:
            origin = inner
        self.origin = getattr(origin, "__code__", None)

    def process(self, op: Op, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        """Run ``op``, some operands of which belong to this trace."""
        raise NotImplementedError


def apply(op: Op, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
    """Run an op its own way, if it has one (a transform's, a custom rule), or else by `bind`."""
    return bind(op, args, params) if op.dispatch is None else op.dispatch(args, params)


def bind(op: Op, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
    """Run an op on operands of any level: Array in, Array out; raw in, raw out."""
    top: Any = None
    for arg in args:
        if type(arg) is Array:
            trace = arg._trace
            if top is None or trace.level > top.level:
                top = trace
    if top is None:
        return evaluate(op, args, params)
    if top is BASE:
        values = []  # by a loop: a comprehension costs a frame of its own
        for arg in args:
            values.append(arg._value if type(arg) is Array else arg)
        # Written out for two: tuple(map(...)) takes five times as long.
        two = len(values) == 2
        classes = (type(values[0]), type(values[1])) if two else tuple(map(type, values))
        impl = op.fast.get(classes)
        if impl is None:
            out = _evaluate_first(op, tuple(values), params, classes)
        else:
            out = run(op, impl, values, params)
        if op.multiple:
            return tuple([Array(value, BASE, None) for value in out])
        return Array(out, BASE, None)
    for arg in args:
        if isinstance(arg, int | float | complex) and type(arg) not in PYTHON_SCALARS:
            args = tuple(map(as_number, args))  # of a subclass: rules would not know it for one
            break
    return top.process(op, args, params)


def top_trace(operands: Sequence[Any]) -> Any:
    """The newest trace that the operands belong to; None for arrays of a library."""
    traces = [x._trace for x in operands if type(x) is Array]
    return max(traces, key=lambda trace: trace.level) if traces else None


def leaked(op: Op, args: tuple[Any, ...], trace: Trace, remedy: str) -> LeakedArrayError:
    """The error for an array used after its trace ended: what it is, and where it was made.

    That is read from what is there anyway: places are not recorded while functions run.
    """
    array = next(arg for arg in args if type(arg) is Array and arg._trace is trace)
    maker = getattr(array._node, "op", None)
    what = f"of shape {tuple(array.shape)}" + (f", the result of {maker.name}," if maker else "")
    code, where = trace.origin, ""
    if code is not None:
        where = f" in the function {code.co_name} ({code.co_filename}:{code.co_firstlineno})"
    return LeakedArrayError(
        f"{op.name}: a tracked array is used after the transform that made it ended: an array "
        f"{what} made by {trace.transform}{where}; {remedy}"
    )


def lifted(value: Any) -> Any:
    """A library array as an Array, where a rule mixes it with tracked ones by operators."""
    return wrap(value) if type(value) in PLAIN_TYPES else value


def evaluate(op: Op, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
    """Run an op on arrays of one library."""
    classes = tuple(map(type, args))
    impl = op.fast.get(classes)
    if impl is None:
        return _evaluate_first(op, args, params, classes)
    return run(op, impl, args, params)


def run(op: Op, impl: Any, args: Sequence[Any], params: dict[str, Any]) -> Any:
    """Run an op by the function that computes it on one library's arrays."""
    try:
        out = impl(*args, **params) if params else impl(*args)
    except Exception as error:
        out = rescued(op, args, params, error)
    # One array is the rule; several, or a library's scalar, are settled.
    return out if type(out) in PLAIN_TYPES else settled(op, args, out)


def _evaluate_first(
    op: Op, args: tuple[Any, ...], params: dict[str, Any], classes: tuple[type, ...]
) -> Any:
    """Find the backend of operands of these classes, check that there is one, and run."""
    backend: Any = None
    for place, cls in enumerate(classes):
        if cls in PYTHON_SCALARS:
            continue
        found = backend_for_type(cls, args[place])
        if found is None:
            if isinstance(args[place], int | float | complex):  # a member of an IntEnum, for one
                return evaluate(op, tuple(map(as_number, args)), params)
            raise not_an_array(op.name, place, args[place])
        if backend is None:
            backend = found
        elif found is not backend:
            return _evaluate_mixed(op, args, params)
    if backend is None:
        device = current_device()
        made = tuple([device.backend.from_host(arg, None, device.raw) for arg in args])
        out = evaluate(op, made, params)
        # Nothing but Python numbers came in: there is no array kind to give back but our own.
        return tuple([wrap(o) for o in out]) if op.multiple else wrap(out)
    impl = op.impls.get(backend) or op.implement(backend)
    if backend.multi_device and len(args) > 1:
        _check_devices(op, args, backend)
    else:
        op.fast[classes] = impl
    return run(op, impl, args, params)


def as_number(value: Any) -> Any:
    """Python's own number for one of a subclass (a member of an IntEnum); all else as it is."""
    cls = type(value)
    if cls in PYTHON_SCALARS or not isinstance(value, int | float | complex):
        return value
    if backend_for_type(cls) is not None:  # a library's scalar: numpy.float64
        return value
    return (
        int(value)
        if isinstance(value, int)
        else (float(value) if isinstance(value, float) else complex(value))
    )


def rescued(op: Op, args: Sequence[Any], params: dict[str, Any], error: Exception) -> Any:
    """What the backend offers in place of a function that its library refused, or an error."""
    for backend in {ARRAY_TYPES[type(arg)] for arg in args if type(arg) in ARRAY_TYPES}:
        if backend.elsewhere is not None:
            out = backend.elsewhere(op, args, params, error)
            if out is not None:
                return out
            break
    raise explained(op, args, params, error) from error


def settled(op: Op, args: Sequence[Any], out: Any) -> Any:
    """Results as arrays, where a library returned scalars of its own."""
    if type(out) in SCALAR_TYPES:
        return ARRAY_TYPES[type(out)].normalise(out)
    backend = next(b for b in (backend_for_type(type(arg)) for arg in args) if b is not None)
    if op.multiple:
        return tuple([_settle(value, backend) for value in out])
    return _settle(out, backend)


def _settle(out: Any, backend: Backend) -> Any:
    """A result as an array, where the library returned a scalar of its own."""
    known = backend_for_type(type(out)) is not None and type(out) not in SCALAR_TYPES
    return out if known else backend.normalise(out)


def _evaluate_mixed(op: Op, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
    """Library scalars are Python numbers to every other library; two libraries do not mix."""
    plain = tuple([a.item() if type(a) in SCALAR_TYPES else a for a in args])
    libraries = [b.name for b in (backend_for_type(type(a)) for a in plain) if b is not None]
    libraries = list(dict.fromkeys(libraries))
    if len(libraries) > 1:
        raise MixedArraysError(
            f"{op.name}: got arrays of several libraries, {' and '.join(libraries)}; expected "
            "one; move them to one device with pg.asarray(x, device=...)"
        )
    return evaluate(op, plain, params)


def _check_devices(op: Op, args: tuple[Any, ...], backend: Backend) -> None:
    devices: list[Any] = []
    for arg in args:
        if type(arg) not in PYTHON_SCALARS and type(arg) not in SCALAR_TYPES:
            raw = backend.device_of(arg)
            if not devices or raw != devices[0]:
                devices.append(raw)
    if len(devices) > 1:
        names = " and ".join(str(intern_device(backend, raw)) for raw in devices)
        raise MixedArraysError(
            f"{op.name}: got arrays on several devices, {names}; expected one; "
            "move them with x.to_device(...) or pg.asarray(x, device=...)"
        )


def not_an_array(name: str, place: int, arg: Any) -> ArgumentTypeError:
    """The error for an operand that is no array and no number."""
    remedy = "pass an array"
    if isinstance(arg, list | tuple):
        remedy = "pass pg.asarray(...) of it"
    elif hasattr(type(arg), "__float__"):  # a fraction, a decimal
        remedy = "pass float(...) of it"
    return ArgumentTypeError(
        f"{name}: argument {place + 1} is {describe(arg)}, expected an array or a number; {remedy}"
    )


def describe(value: Any) -> str:
    """A value in a few words, for messages: the data type and shape of an array."""
    shape = getattr(value, "shape", None)
    library = type(value).__module__.partition(".")[0]
    own = shape is None or library in ("builtins", "polygrad")
    if not own and backend_for_type(type(value)) is None:
        return f"a {library}.{type(value).__name__} of shape {shape}"
    if shape is not None and hasattr(value, "dtype"):
        return f"{value.dtype}{list(shape)}"
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) < 60 else text[:57] + '...'}"


def explained(op: Op, args: Sequence[Any], params: dict[str, Any], error: Exception) -> Exception:
    """The library's refusal as a polygrad error that shows what the op was given."""
    if isinstance(error, PolygradError):
        return error
    better = op.explain(*args) if op.explain is not None else None
    if better is not None:
        return better
    kinds: list[tuple[type[Exception], type[PolygradError]]] = [
        (IndexError, IndexingError),
        (TypeError, ArgumentTypeError),
        (ValueError, ArgumentValueError),
        (NotImplementedError, BackendError),
        (OverflowError, IntegerRangeError),
    ]
    if type(error) is RuntimeError:  # PyTorch's, where other libraries have ValueError
        kinds.append((RuntimeError, ArgumentValueError))
    shown = ", ".join(describe(arg) for arg in args)
    shapes = [tuple(arg.shape) for arg in args if hasattr(arg, "shape")]
    if op.kind == "elementwise" and not _broadcastable(shapes):
        return ShapeError(
            f"{op.name}: got {shown}, expected shapes that broadcast together (equal, or 1, "
            "counted from the last axis); reshape one of them"
        )
    for builtin, named in kinds:
        if isinstance(error, builtin):
            options = "".join(f", {key}={value!r}" for key, value in params.items())
            return named(f"{op.name}({shown}{options}): {error}")
    return error


def _broadcastable(shapes: list[tuple[int, ...]]) -> bool:
    longest = max((len(shape) for shape in shapes), default=0)
    padded = [(1,) * (longest - len(shape)) + shape for shape in shapes]
    return all(len({n for n in axis if n != 1}) <= 1 for axis in zip(*padded, strict=True))
