"""Forward mode: jvp over pytrees."""

from collections.abc import Callable, Sequence
from typing import Any

from polygrad import tree
from polygrad.array import Array, is_array, wrap
from polygrad.backend import ARRAY_TYPES, SCALAR_TYPES
from polygrad.core.dual import ForwardTrace
from polygrad.core.views import up_to_date
from polygrad.dtypes import as_dtype
from polygrad.errors import ArgumentTypeError, DTypeError, ShapeError
from polygrad.ops import full_like, zeros_like
from polygrad.transforms.arguments import (
    Leaf,
    check_callable,
    check_place,
    inside,
    kind_of,
    split,
    take_off,
)


def jvp(
    f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False
) -> Any:
    """The value of ``f`` at the primals and its derivative along the tangents.

    ``primals`` and ``tangents`` are tuples of pytrees of the same structure, shapes and data
    types; a tangent None stands for zero. Returns ``(out, tangent of out)``, or ``(out, tangent
    of out, aux)`` with ``has_aux``, when ``f`` returns ``(out, aux)``.

    Raises TreeError, ShapeError or DTypeError when a tangent does not fit its primal.

    >>> pg.jvp(lambda x: x**2, (3.0,), (1.0,))
    (9.0, 6.0)
    """
    check_callable(f, "jvp")
    for name, value in (("primals", primals), ("tangents", tangents)):
        check_tuple("jvp", name, value)
    given, spec = tree.flatten(tuple(primals))
    trace = ForwardTrace(f)
    tracked = [
        inside(primal) if direction is None else trace.input(Leaf(primal).value, direction)
        for primal, direction in zip(given, directions(tuple(primals), tangents), strict=True)
    ]
    kind = kind_of(given)
    try:
        out = up_to_date(f(*tree.unflatten(spec, tracked)))
    finally:
        trace.alive = False
    out, aux = split(out, has_aux, "jvp")
    tangent = tree.map(lambda leaf: _tangent(leaf, trace), out)
    found = take_off(out, trace, kind), take_off(tangent, trace, kind)
    return (*found, take_off(aux, trace, kind)) if has_aux else found


def check_tuple(transform: str, name: str, value: Any) -> None:
    """Raise ArgumentTypeError unless ``value`` holds an entry for each positional argument."""
    if not isinstance(value, list | tuple):
        raise ArgumentTypeError(
            f"{transform}: {name} is of type {type(value).__name__}, expected a tuple with one "
            "entry for each argument of the function; write (x,) for x"
        )


def directions(primals: tuple[Any, ...], tangents: Sequence[Any]) -> list[Any]:
    """The tangent of each leaf of the primals one level down, checked; None where it is zero."""
    given, spec = tree.flatten(primals)
    try:
        found = spec.flatten_up_to(tuple(tangents))
    except ValueError:
        tree.check_same(tree.flatten(tuple(tangents))[1], spec, "tangents", "the primals")
        raise
    return [
        _direction(Leaf(primal), tangent, primals, i)
        for i, (primal, tangent) in enumerate(zip(given, found, strict=True))
    ]


def _direction(leaf: Leaf, tangent: Any, whole: Any, place: int) -> Any:
    if tangent is None or leaf.value is None:
        return None
    if type(tangent) in (float, complex) and leaf.value.shape == ():
        tangent = full_like(leaf.value, tangent)
    direction = Leaf(tangent)
    expected = as_dtype(leaf.value.dtype)
    if direction.value is None or as_dtype(direction.value.dtype) != expected:
        raise DTypeError(
            f"tangents{tree.paths(whole)[place]}: got "
            f"{getattr(tangent, 'dtype', type(tangent).__name__)}, expected {expected}, the data "
            "type of the primal; convert it with pg.astype"
        )
    if tuple(direction.value.shape) != tuple(leaf.value.shape):
        raise ShapeError(
            f"tangents{tree.paths(whole)[place]}: got shape {tuple(direction.value.shape)}, "
            f"expected {tuple(leaf.value.shape)}, the shape of the primal"
        )
    check_place(direction.value, f"tangents{tree.paths(whole)[place]}", leaf.value, "the primal")
    return direction.value


def _tangent(out: Any, trace: ForwardTrace) -> Any:
    if type(out) is Array and out._trace is trace:
        below = out._node
        scalar = type(below) in SCALAR_TYPES  # left behind by a rule on 0-d arrays
        return wrap(ARRAY_TYPES[type(below)].normalise(below) if scalar else below)
    if is_array(out):
        return zeros_like(wrap(out))
    return type(out)(0) if type(out) in (int, float, complex) else None
