"""Forward mode: jvp over pytrees."""

from collections.abc import Callable, Sequence
from typing import Any

from polygrad import tree
from polygrad.array import Array, wrap
from polygrad.core.dual import ForwardTrace
from polygrad.dtypes import as_dtype
from polygrad.errors import ArgumentTypeError, DTypeError, ShapeError
from polygrad.ops import full_like, zeros_like
from polygrad.transforms.arguments import Leaf, check_place, inside, kind_of, take_off


def jvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """The value of ``f`` at the primals and its derivative along the tangents.

    ``primals`` and ``tangents`` are tuples of pytrees of the same structure, shapes and data
    types; a tangent None stands for zero. Returns ``(out, tangent of out)``.

    Raises TreeError, ShapeError or DTypeError when a tangent does not fit its primal.

    >>> pg.jvp(lambda x: x**2, (3.0,), (1.0,))
    (9.0, 6.0)
    """
    if not callable(f):
        raise ArgumentTypeError(
            f"jvp: got {type(f).__name__} for the function, expected a callable"
        )
    for name, value in (("primals", primals), ("tangents", tangents)):
        if not isinstance(value, list | tuple):
            raise ArgumentTypeError(
                f"jvp: {name} is of type {type(value).__name__}, expected a tuple with one entry "
                "for each argument of the function; write (x,) for x"
            )
    given, spec = tree.flatten(tuple(primals))
    try:
        directions = spec.flatten_up_to(tuple(tangents))
    except ValueError:
        tree.check_same(tree.flatten(tuple(tangents))[1], spec, "tangents", "the primals")
        raise
    trace = ForwardTrace()
    tracked = [
        _dual(trace, primal, tangent, tuple(primals), i)
        for i, (primal, tangent) in enumerate(zip(given, directions, strict=True))
    ]
    kind = kind_of(given)
    try:
        out = f(*tree.unflatten(spec, tracked))
    finally:
        trace.alive = False
    tangent = tree.map(lambda leaf: _tangent(leaf, trace), out)
    return take_off(out, trace, kind), take_off(tangent, trace, kind)


def _dual(trace: ForwardTrace, primal: Any, tangent: Any, whole: Any, place: int) -> Any:
    leaf = Leaf(primal)
    if tangent is None or leaf.value is None:
        return inside(primal)
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
    return trace.input(leaf.value, direction.value)


def _tangent(out: Any, trace: ForwardTrace) -> Any:
    if type(out) is not Array:
        return out
    if out._trace is not trace:
        return zeros_like(out)
    return wrap(out._node)
