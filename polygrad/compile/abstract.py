"""Shapes and data types of answers, found by running the op itself on stand-ins.

No op has a shape rule of its own to keep in step with what libraries do. An op runs once for
each combination of shapes, data types and parameters, on arrays without data: all elements of
a stand-in share one zero in memory. The answer's shape and type are kept, its values dropped.
So tracing costs about one run of the program the first time, and nothing the next.

Two kinds of op are asked for less, for they are most of any program, or the dearest: what works
by element runs on arrays with no elements at all, and the shape follows from broadcasting; so
does a matrix product, on matrices of one element.
"""

import warnings
from collections.abc import Hashable, Sequence
from typing import Any

from polygrad.array import is_array, raw_and_backend, wrap
from polygrad.backend import backend_for_type
from polygrad.compile.elements import as_number
from polygrad.compile.graph import LITERALS, Value
from polygrad.compile.keys import frozen
from polygrad.core.op import OPS, Op
from polygrad.core.trace import evaluate
from polygrad.device import intern_device
from polygrad.dtypes import as_dtype
from polygrad.errors import ShapeError

Answer = tuple[tuple[int, ...], Any, Any]
MATMUL = OPS["matmul"]
_KNOWN: dict[Hashable, list[Answer]] = {}
_PYTHON = {
    "bool": True, "signed integer": 1, "real floating": 1.0, "complex floating": 1j,
}  # fmt: skip


def answers(op: Op, operands: Sequence[Any], params: dict[str, Any]) -> list[Answer]:
    """Shape, data type and device of each answer of an op.

    Operands are Values, literals, or library arrays (constants). Raises what the op raises for
    operands that do not fit.
    """
    key = _key(op, operands, params)
    if key is not None and key in _KNOWN:
        return _KNOWN[key]
    python = op.facts.python
    if python is not None and is_weak(op, operands):
        number = python(*map(_stand_in, operands))
        place = next(x.device for x in operands if isinstance(x, Value))
        found: list[Answer] = [((), as_dtype(type(number)), place)]
    elif op.facts.elementwise:
        found = _by_element(op, operands, params)
    elif op is MATMUL:
        found = _matmul(op, operands, params)
    elif op.abstract is not None:  # a loop or a branch, whose body says it
        found = op.abstract(**params)
    elif (like := _like_operands(op, params)) is not None:
        found = [_as_is(operands[i]) for i in like]
    else:
        found = _run(op, operands, params)
    if key is not None:
        if len(_KNOWN) > 20_000:
            _KNOWN.clear()
        _KNOWN[key] = found
    return found


def is_weak(op: Op, operands: Sequence[Any]) -> bool:
    """Whether Python itself computes this, on numbers."""
    if op is as_number:  # of an array of examples it is an array
        return all(tuple(getattr(x, "shape", ())) == () for x in operands)
    return op.facts.python is not None and all(
        x.weak if isinstance(x, Value) else type(x) in LITERALS for x in operands
    )


def _key(op: Op, operands: Sequence[Any], params: dict[str, Any]) -> Hashable:
    parts: list[Hashable] = []
    for x in operands:
        if isinstance(x, Value):
            parts.append((x.shape, x.dtype.name, x.device.name, x.weak))
        elif x is None or type(x) in LITERALS:
            parts.append(type(x).__name__)
        else:
            if as_dtype(x.dtype).group == "bool" and not op.facts.elementwise:
                return None  # a mask: how many are chosen decides the shape
            parts.append((tuple(x.shape), as_dtype(x.dtype).name, "constant"))
    try:
        return op, tuple(parts), frozen(params)
    except TypeError:
        return None


def _like_operands(op: Op, params: dict[str, Any]) -> Sequence[int] | None:
    """The places of the operands that the answers are like, where the op says so.

    Solvers do: on the zeros of a stand-in they would not converge.
    """
    return None if op.shaped_like is None else op.shaped_like(**params)


def _as_is(x: Any) -> Answer:
    raw, backend = raw_and_backend(x if is_array(x) else x.stand_in())
    return tuple(raw.shape), as_dtype(raw.dtype), intern_device(backend, backend.device_of(raw))


def _stand_in(x: Any) -> Any:
    if not isinstance(x, Value):
        return x
    return _PYTHON[x.dtype.group] if x.weak else x.stand_in()


def _run(op: Op, operands: Sequence[Any], params: dict[str, Any]) -> list[Answer]:
    try:
        return _described(op, [_stand_in(x) for x in operands], params)
    except Exception as error:
        # Zeros may be refused for their values: a singular matrix, or one not definite.
        squares = [x for x in operands if isinstance(x, Value) and _is_square(x.shape)]
        if not squares:
            raise
        try:
            made = [_identity(x) if isinstance(x, Value) else x for x in operands]
            return _described(op, made, params)
        except Exception:
            raise error from None


def _is_square(shape: tuple[int, ...]) -> bool:
    return len(shape) > 1 and shape[-1] == shape[-2]


def _identity(x: Value) -> Any:
    if not _is_square(x.shape):
        return _stand_in(x)
    backend = x.device.backend
    dtype = backend.raw_dtype(x.dtype)
    return backend.xp.broadcast_to(
        backend.xp.eye(x.shape[-1], dtype=dtype, device=x.device.raw), x.shape
    )


def _described(op: Op, made: list[Any], params: dict[str, Any]) -> list[Answer]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the stand-ins' values
        out = evaluate(op, tuple(made), params)
    found = []
    for value in out if op.multiple else (out,):
        raw = wrap(value)._value
        backend = backend_for_type(type(raw))
        assert backend is not None, op
        place = intern_device(backend, backend.device_of(raw))
        found.append((tuple(raw.shape), as_dtype(raw.dtype), place))
    return found


def _by_element(op: Op, operands: Sequence[Any], params: dict[str, Any]) -> list[Answer]:
    """The data type from arrays without elements, the shape from broadcasting."""
    shapes = [tuple(x.shape) for x in operands if hasattr(x, "shape")]
    try:
        shape = broadcast(shapes)
    except ShapeError:
        return _run(op, operands, params)  # raises, with the message of the op
    small = [_small(x, (0,) * len(x.shape)) if hasattr(x, "shape") else x for x in operands]
    return [(shape, dtype, place) for _, dtype, place in _described(op, small, params)]


def _small(x: Any, shape: tuple[int, ...]) -> Any:
    if not isinstance(x, Value):
        device = backend_for_type(type(x)).device_of(x)  # type: ignore[union-attr]
        x = Value(shape, as_dtype(x.dtype), intern_device(backend_for_type(type(x)), device))  # type: ignore[arg-type]
    return _PYTHON[x.dtype.group] if x.weak else Value(shape, x.dtype, x.device).stand_in()


def _matmul(op: Op, operands: Sequence[Any], params: dict[str, Any]) -> list[Answer]:
    shapes = [tuple(x.shape) if hasattr(x, "shape") else () for x in operands]
    left, right = shapes
    if not left or not right or left[-1] != right[-2:][0]:
        return _run(op, operands, params)  # raises
    shape = (*left[-2:-1], *right[len(right) - 1 :]) if len(right) > 1 else left[-2:-1]
    try:
        shape = (*broadcast([left[:-2], right[:-2]]), *shape)
    except ShapeError:
        return _run(op, operands, params)
    small = [_small(x, (1,) * len(x.shape)) for x in operands]
    return [(shape, dtype, place) for _, dtype, place in _described(op, small, params)]


def broadcast(shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """The shape that shapes broadcast to; raises ShapeError where they do not.

    >>> broadcast([(3, 1), (4,)])
    (3, 4)
    """
    if len(set(shapes)) == 1:
        return shapes[0]
    ndim = max((len(shape) for shape in shapes), default=0)
    found = [1] * ndim
    for shape in shapes:
        for i, n in enumerate(shape, ndim - len(shape)):
            if n != 1:
                if found[i] not in (1, n):
                    raise ShapeError(f"got the shapes {shapes}, expected ones that broadcast")
                found[i] = n
    return tuple(found)
