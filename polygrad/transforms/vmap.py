"""vmap: a function of one example turned into a function of a batch."""

import functools
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, NamedTuple

from polygrad import ops, tree
from polygrad.array import BASE, Array, is_array, wrap
from polygrad.core.batch import BatchTrace
from polygrad.core.views import up_to_date
from polygrad.errors import (
    ArgumentTypeError,
    ArgumentValueError,
    AxisNameError,
    ShapeError,
    TreeError,
)
from polygrad.transforms.arguments import PYTHON, RAW, inside, kind_of, remade, unwrap_as
from polygrad.transforms.carry import LOOPS


class Named(NamedTuple):
    """An axis with a name, while the mapped function runs."""

    name: str
    size: int
    trace: BatchTrace
    device: Any
    loops: Any  # what `LOOPS` held: jit has not begun to trace since


NAMED: ContextVar[tuple[Named, ...]] = ContextVar("NAMED", default=())
"""The named axes of the vmaps around, the innermost last."""


@remade
def vmap(
    f: Callable[..., Any], in_axes: Any = 0, out_axes: Any = 0, axis_name: str | None = None
) -> Callable[..., Any]:
    """A function that maps ``f`` over an axis of its arguments, all examples at once.

    ``in_axes`` is the axis to map over: an integer, None for an argument that every example
    shares, or a tuple with one entry (an integer, None or a pytree prefix of them) for each
    argument. ``out_axes`` is where the mapped axis goes in the outputs, likewise. Keyword
    arguments are shared. Inside ``f`` arrays have the shape of one example.

    With ``axis_name`` ``f`` may look across the examples, by `psum`, `pmean`, `pmax`, `pmin`,
    `all_gather` and `axis_index` of that name.

    Raises ArgumentValueError for axes that are not there, ShapeError when the mapped axes have
    different lengths, and AxisNameError for a name that a vmap around has.

    >>> pg.vmap(lambda x, y: pg.sum(x * y), in_axes=(0, None))(pg.ones((3, 2)), pg.ones(2))
    Array([2., 2., 2.], dtype=float64, device=cpu)
    """
    if not callable(f):
        raise ArgumentTypeError(
            f"vmap: got {type(f).__name__} for the function, expected a callable"
        )
    if axis_name is not None and not isinstance(axis_name, str):
        raise ArgumentTypeError(
            f"vmap: axis_name is {axis_name!r}, expected a string, or None for no name"
        )
    return _vmap(f, in_axes, out_axes, axis_name)


def mapped_again(
    f: Callable[..., Any], in_axes: Any, name: str | None, out_axes: Any = 0
) -> Callable[..., Any]:
    """`vmap` of a function over the examples that a batch rule has met.

    ``name`` is that of their axis, which goes on to mean them in ``f``.
    """
    return _vmap(f, in_axes, out_axes, name, again=True)


def _vmap(
    f: Callable[..., Any], in_axes: Any, out_axes: Any, name: str | None, again: bool = False
) -> Callable[..., Any]:
    @functools.wraps(f)
    def mapped(*args: Any, **kwargs: Any) -> Any:
        if name is not None and not again and any(one.name == name for one in NAMED.get()):
            raise AxisNameError(
                f"vmap: axis_name is {name!r}, and a vmap around it has that name; choose another"
            )
        leaves, spec = tree.flatten(args)
        axes = _axes_of_leaves(in_axes, args, spec)
        size = _common_length(leaves, axes, args)
        trace = BatchTrace(size, f, name)
        shown = [
            inside(leaf) if axis is None else trace.input(_to_front(leaf, axis))
            for leaf, axis in zip(leaves, axes, strict=True)
        ]
        kind = kind_of(leaves)
        token = None
        if name is not None:
            first = next(x for x, axis in zip(leaves, axes, strict=True) if axis is not None)
            named = Named(name, size, trace, ops.device_of(first), LOOPS.get())
            token = NAMED.set((*NAMED.get(), named))
        try:
            out = up_to_date(f(*tree.unflatten(spec, shown), **tree.map(inside, kwargs)))
        finally:
            trace.alive = False
            if token is not None:
                NAMED.reset(token)
        return _outputs(out, out_axes, trace, kind)

    return mapped


def _axes_of_leaves(in_axes: Any, args: tuple[Any, ...], spec: Any) -> list[int | None]:
    if isinstance(in_axes, list):
        in_axes = tuple(in_axes)
    if isinstance(in_axes, tuple) and len(in_axes) != len(args):
        raise ArgumentValueError(
            f"in_axes: got {len(in_axes)} entries for {len(args)} positional arguments, expected "
            "one for each (or a single integer for all)"
        )
    prefix = in_axes if isinstance(in_axes, tuple) else (in_axes,) * len(args)
    return _broadcast_prefix(prefix, args, "in_axes")


def _broadcast_prefix(prefix: Any, whole: Any, name: str) -> list[int | None]:
    """One axis (or None) for each leaf of ``whole``, from a pytree prefix of axes."""
    if prefix is None or isinstance(prefix, int):
        return [prefix] * len(tree.leaves(whole))
    fits = type(prefix) is type(whole) and not is_array(whole)
    if fits and isinstance(whole, dict):
        fits = prefix.keys() == whole.keys()
    parts, entries = (tree.children(whole), tree.children(prefix)) if fits else ([], [])
    if not fits or len(parts) != len(entries):
        raise TreeError(
            f"{name}: got {prefix!r}, expected an integer, None, or containers like those of the "
            "value it belongs to"
        )
    found: list[int | None] = []
    for entry, part in zip(entries, parts, strict=True):
        found += _broadcast_prefix(entry, part, name)
    return found


def _common_length(leaves: list[Any], axes: list[int | None], args: Any) -> int:
    lengths: dict[str, int] = {}
    paths = tree.paths(args)
    for leaf, axis, path in zip(leaves, axes, paths, strict=True):
        if axis is None:
            continue
        if not is_array(leaf):
            raise ArgumentTypeError(
                f"vmap: argument {path} is {type(leaf).__name__}, which has no axis {axis}; pass "
                "an array, or None for it in in_axes"
            )
        ndim = len(leaf.shape)
        if not -ndim <= axis < ndim:
            raise ArgumentValueError(
                f"in_axes: got {axis} for argument {path} of shape {tuple(leaf.shape)}, expected "
                "an axis it has"
            )
        lengths[path] = leaf.shape[axis]
    if not lengths:
        raise ArgumentValueError(
            "vmap: no argument is mapped; give at least one an axis in in_axes"
        )
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{path} has {n}" for path, n in list(lengths.items())[:6])
        raise ShapeError(f"vmap: the mapped axes differ in length: {shown}; expected one length")
    return next(iter(lengths.values()))


def _to_front(leaf: Any, axis: int) -> Any:
    moved = leaf if axis == 0 else ops.moveaxis(leaf, axis, 0)
    if type(moved) is not Array:
        return moved
    if moved._trace is BASE:
        return moved._value
    return Array(moved._value, moved._trace, moved._node)  # x[i] = v changes the caller's own


def _outputs(out: Any, out_axes: Any, trace: BatchTrace, kind: str) -> Any:
    leaves, spec = tree.flatten(out)
    axes = _broadcast_prefix(out_axes, out, "out_axes")
    return tree.unflatten(
        spec,
        [_output(leaf, axis, trace, kind) for leaf, axis in zip(leaves, axes, strict=True)],
    )


def _output(leaf: Any, axis: int | None, trace: BatchTrace, kind: str) -> Any:
    mapped = type(leaf) is Array and leaf._trace is trace
    if axis is None:
        if mapped:
            raise ArgumentValueError(
                "out_axes: got None for an output that differs between examples; give it an axis"
            )
        return unwrap_as(leaf, kind)
    if mapped:
        value = leaf._value.value
    elif is_array(leaf):
        value = ops.broadcast_to(leaf, (trace.size, *leaf.shape))
    elif type(leaf) in (bool, int, float, complex):
        value = ops.full((trace.size,), leaf)
    else:
        raise ArgumentTypeError(
            f"vmap: the function returned {type(leaf).__name__}, expected arrays or numbers"
        )
    if axis != 0:
        value = ops.moveaxis(value, 0, axis)
    return unwrap_as(wrap(value) if is_array(value) else value, RAW if kind is PYTHON else kind)
