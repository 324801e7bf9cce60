"""What all optimisers share: the pair of functions, and walking the leaves of the pytrees."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from polygrad import ops, tree
from polygrad.array import BASE, Array, is_array, is_number, raw_and_backend, wrap
from polygrad.backend import backend_for_type
from polygrad.core.trace import lifted
from polygrad.dtypes import as_dtype
from polygrad.errors import (
    ArgumentTypeError,
    ArgumentValueError,
    DTypeError,
    ShapeError,
    TreeError,
)
from polygrad.ops import real, zeros_like


class Optimizer(NamedTuple):
    """``init(params)`` makes the state; ``update(grads, state, params)`` a step and the next state.

    Every number of a state is an array without axes on the device of the parameters, so a compiled
    step is traced once. The step is a pytree like the gradients, to be added with
    `apply_updates`. States are pytrees too.

    >>> isinstance(pg.optim.sgd(0.1), pg.optim.Optimizer)
    True
    """

    init: Callable[[Any], Any]
    update: Callable[..., tuple[Any, Any]]


def apply_updates(params: Any, updates: Any) -> Any:
    """The parameters after a step: their sum with the updates, leaf by leaf.

    A leaf whose update is None stays as it is. Raises TreeError where the structures differ,
    ShapeError where shapes do, and DTypeError where the sum would have another data type.

    >>> pg.optim.apply_updates((pg.asarray(1.0), "name"), (pg.asarray(0.5), None))
    (Array(1.5, dtype=float64, device=cpu), 'name')
    """

    (out,) = each_leaf("apply_updates: updates", _add, params, updates, missing=lambda leaf: leaf)
    return out


def _add(xp: Any, leaf: Any, update: Any) -> Any:
    _check_shape("apply_updates: an update", update, leaf)
    out = leaf + update
    if is_array(leaf) and out.dtype != leaf.dtype:
        raise DTypeError(
            f"apply_updates: an update is {update.dtype} and would turn its parameter from "
            f"{leaf.dtype} into {out.dtype}; compute it, and a learning rate that is an "
            "array, in the parameter's data type"
        )
    return out


def has_gradient(leaf: Any) -> bool:
    """Whether a leaf of the parameters is one that `polygrad.grad` gives a gradient for."""
    if is_array(leaf):
        return as_dtype(leaf.dtype).is_inexact
    return type(leaf) in (float, complex)


def zeros_for(params: Any, *, modulus: bool = False) -> Any:
    """Zeros for the leaves that get a gradient, None for the others; float32 for 16 bits.

    With ``modulus`` they are real where the leaf is complex.
    """

    def zero(leaf: Any) -> Any:
        if not has_gradient(leaf):
            return None
        if not is_array(leaf):
            return 0.0 if modulus else type(leaf)(0)
        dtype = as_dtype(leaf.dtype)
        if dtype.bits == 16:
            return zeros_like(leaf, dtype="float32")
        return zeros_like(real(leaf) if modulus and dtype.is_complex else leaf)

    return tree.map(zero, params)


# -- the count of steps ----------------------------------------------------------------------------


def start(params: Any) -> Any:
    """The count of steps at first: an int64 array without axes, where and as the parameters are.

    Beside Python numbers alone it is one.
    """
    arrays = [leaf for leaf in tree.leaves(params) if has_gradient(leaf) and is_array(leaf)]
    if not arrays:
        return 0
    raw, backend = raw_and_backend(arrays[0])
    place = backend.device_of(raw)
    zero = backend.from_host(0, backend.raw_dtype(backend.default_integer(False)), place)
    return wrap(zero) if any(type(leaf) is Array for leaf in arrays) else zero


def advance(count: Any) -> tuple[Any, Any, Any]:
    """The count after a step, and the counts before and after it as numbers to compute with.

    Those are Python's, where a count can be read without waiting for a device, and else floating-
    point arrays.
    """
    if not is_array(count):
        return count + 1, count, count + 1
    before = wrap(count)
    after = before + 1
    if is_number(before):
        return after, before, after
    raw, backend = raw_and_backend(after)
    if after._trace is BASE:
        new = after if type(count) is Array else after._value
        if backend.host:
            number = int(backend.to_host(raw).item())
            return new, number - 1, number
    else:
        new = after
    place = backend.device_of(raw)
    wide = as_dtype(backend.from_host(1.0, None, place).dtype)
    return new, ops.astype(before, wide), ops.astype(after, wide)


def rate_at(name: str, rate: Any, count: Any) -> Any:
    """The learning rate of a step: a schedule is a function of the count of steps before it."""
    if not callable(rate):
        return rate
    found = rate(count)
    if is_array(found):
        if tuple(found.shape) != ():
            raise ShapeError(
                f"{name}: learning_rate(count) has shape {tuple(found.shape)}, expected ()"
            )
        return wrap(found)
    return check_number(name, "learning_rate(count)", found)


def fitting(xp: Any, number: Any, like: Any) -> Any:
    """An array without axes in the real data type of ``like``; a Python number as it is."""
    if not hasattr(number, "dtype") or not hasattr(like, "dtype") or is_number(number):
        return number
    dtype = as_dtype(like.dtype)
    wanted = as_dtype({"complex64": "float32", "complex128": "float64"}.get(dtype.name, dtype))
    if as_dtype(number.dtype) == wanted:
        return number
    return xp.astype(number, _spelled(xp, wanted))


def _spelled(xp: Any, dtype: Any) -> Any:
    return dtype if xp is ops else getattr(xp, dtype.name)


def widened(xp: Any, x: Any) -> Any:
    """An array of 16-bit floats in float32, in which small numbers do not vanish."""
    dtype = getattr(x, "dtype", None)
    if dtype is None or as_dtype(dtype).bits != 16 or not as_dtype(dtype).is_inexact:
        return x
    return xp.astype(x, _spelled(xp, as_dtype("float32")))


def narrowed(xp: Any, x: Any, like: Any) -> Any:
    """A result in the data type of a 16-bit leaf."""
    dtype = getattr(like, "dtype", None)
    if dtype is None or as_dtype(dtype).bits != 16:
        return x
    return xp.astype(x, _spelled(xp, as_dtype(dtype)))


def root(xp: Any, square: Any) -> Any:
    """The square root, whose derivative is taken as 0 at 0, where it is infinite."""
    if xp is not ops or not hasattr(square, "dtype"):
        return xp.sqrt(square)
    nothing = square == 0
    return ops.where(nothing, 0.0, ops.sqrt(ops.where(nothing, 1.0, square)))


# -- leaf by leaf ----------------------------------------------------------------------------------


def each_leaf(
    name: str,
    function: Callable[..., Any],
    first: Any,
    *rest: Any,
    constants: tuple[Any, ...] = (),
    outputs: int = 1,
    missing: Callable[[Any], Any] | None = None,
) -> tuple[Any, ...]:
    """``function`` over the leaves of ``first`` and what stands there in the other pytrees.

    It takes ``(xp, *leaves, *constants)`` as the rules of ops do: library arrays and their
    namespace, or tracked Arrays and polygrad's. It returns a tuple of ``outputs`` values, or the
    value if there is one; so many pytrees come out. Where the second pytree holds None nothing
    is computed: the result is ``missing(leaf)``, or None.
    """
    leaves, spec = tree.flatten(first)
    columns = [leaves]
    for other in rest:
        try:
            columns.append(spec.flatten_up_to(other))
        except ValueError:
            tree.check_same(tree.flatten(other)[1], spec, name, "the parameters")
            raise TreeError(f"{name}: the pytree does not fit that of the parameters") from None
    found: list[list[Any]] = [[] for _ in range(outputs)]
    for row in zip(*columns, strict=True):
        if len(row) > 1 and row[1] is None:
            values: Any = (None if missing is None else missing(row[0]),) * outputs
        else:
            values = _run(function, row, constants, outputs)
        for column, value in zip(found, values, strict=True):
            column.append(value)
    return tuple([tree.unflatten(spec, column) for column in found])


def _run(function: Any, row: tuple[Any, ...], constants: tuple[Any, ...], outputs: int) -> Any:
    """One leaf: untracked arrays are computed with in their library, without dispatch."""
    everything = (*row, *constants)
    wrapped = any(type(value) is Array for value in row)
    if any(type(value) is Array and value._trace is not BASE for value in everything):
        # A library's array cannot be written to, or be the left operand, beside a tracked one.
        values = function(ops, *map(lifted, everything))
        values = (values,) if outputs == 1 else values
        return [v if wrapped or not _plain(v) else v._value for v in values]
    plain = [value._value if type(value) is Array else value for value in everything]
    backend = next((b for b in (backend_for_type(type(value)) for value in plain) if b), None)
    if backend is None:
        values = function(math, *plain)
        return (values,) if outputs == 1 else values
    values = function(backend.xp, *plain)
    settled = [backend.normalise(value) for value in ((values,) if outputs == 1 else values)]
    return [wrap(value) for value in settled] if wrapped else settled


def _plain(value: Any) -> bool:
    return type(value) is Array and value._trace is BASE


def check_gradient(name: str, gradient: Any, reference: Any) -> None:
    """Raise ShapeError unless a gradient fits the state or parameter it belongs to."""
    _check_shape(f"{name}: a gradient", gradient, reference)


def _check_shape(what: str, given: Any, reference: Any) -> None:
    got, expected = getattr(given, "shape", ()), getattr(reference, "shape", ())
    if got != expected:
        raise ShapeError(
            f"{what} has shape {tuple(got)}, expected {tuple(expected)}, that of its parameter"
        )


def check_number(
    name: str, argument: str, value: Any, *, below: float = math.inf, positive: bool = False
) -> Any:
    """A hyperparameter: a finite number in [0, below), or an array of one element as it is.

    A learning rate may be a function of the count of steps, too. Arrays are not read, so that
    they may be tracked or live on a device.
    """
    if is_array(value) and tuple(value.shape) == ():
        return value
    if argument == "learning_rate" and callable(value):
        return value
    if type(value) is bool or not isinstance(value, int | float):
        raise ArgumentTypeError(
            f"{name}: {argument} is {type(value).__name__} {value!r:.40}, expected a number"
        )
    if not (0 <= value < below) or (positive and value == 0):
        wanted = "above 0" if positive else "of 0 or more"
        limit = "finite" if below == math.inf else f"below {below:g}"
        raise ArgumentValueError(
            f"{name}: {argument} is {value}, expected a number {wanted} and {limit}"
        )
    return float(value)
