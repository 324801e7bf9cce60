"""What all optimisers share: the pair of functions, and walking the leaves of the pytrees."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from polygrad import ops, tree
from polygrad.array import BASE, Array, is_array, wrap
from polygrad.backend import backend_for_type
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

    The step is a pytree like the gradients, to be added with `apply_updates`. States are
    pytrees too.

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

    def add(xp: Any, leaf: Any, update: Any) -> Any:
        _check_shape("apply_updates: an update", update, leaf)
        out = leaf + update
        if is_array(leaf) and out.dtype != leaf.dtype:
            raise DTypeError(
                f"apply_updates: an update is {update.dtype} and would turn its parameter from "
                f"{leaf.dtype} into {out.dtype}; compute it, and a learning rate that is an "
                "array, in the parameter's data type"
            )
        return out

    (out,) = each_leaf("apply_updates: updates", add, params, updates, missing=lambda leaf: leaf)
    return out


def has_gradient(leaf: Any) -> bool:
    """Whether a leaf of the parameters is one that `polygrad.grad` gives a gradient for."""
    if is_array(leaf):
        return as_dtype(leaf.dtype).is_inexact
    return type(leaf) in (float, complex)


def zeros_for(params: Any, *, modulus: bool = False) -> Any:
    """Zeros for the leaves that get a gradient, None for the others.

    With ``modulus`` they are real where the leaf is complex.
    """

    def zero(leaf: Any) -> Any:
        if not has_gradient(leaf):
            return None
        if not is_array(leaf):
            return 0.0 if modulus else type(leaf)(0)
        return zeros_like(real(leaf) if modulus and as_dtype(leaf.dtype).is_complex else leaf)

    return tree.map(zero, params)


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
            values = _run(function, (*row, *constants), outputs)
        for column, value in zip(found, values, strict=True):
            column.append(value)
    return tuple([tree.unflatten(spec, column) for column in found])


def _run(function: Callable[..., Any], row: tuple[Any, ...], outputs: int) -> Any:
    """One leaf: untracked arrays are computed with in their library, without dispatch."""
    arrays = [value for value in row if type(value) is Array]
    if any(value._trace is not BASE for value in arrays):
        values = function(ops, *row)
        return (values,) if outputs == 1 else values
    plain = [value._value if type(value) is Array else value for value in row]
    backend = next((b for b in (backend_for_type(type(value)) for value in plain) if b), None)
    if backend is None:
        values = function(math, *plain)
        return (values,) if outputs == 1 else values
    values = function(backend.xp, *plain)
    settled = [backend.normalise(value) for value in ((values,) if outputs == 1 else values)]
    return [wrap(value) for value in settled] if arrays else settled


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

    Arrays are not read, so that they may be tracked or live on a device.
    """
    if is_array(value) and tuple(value.shape) == ():
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
