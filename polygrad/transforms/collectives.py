"""Collectives: values across the examples of a `vmap` that gave its axis a name.

Each is an op. Under the vmap of that name its batch rule reduces over the batch, by ordinary
ops; under any other transform it is linear, or has a rule, so that derivatives taken inside the
vmap follow: those of the sum of what all examples compute, by each example's own value.
A value that all examples share counts once for each of them.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

from polygrad import ops, tree
from polygrad.array import BASE, Array, is_array, raw_and_backend, wrap
from polygrad.core import batch as batching
from polygrad.core.kinds import General, Linear
from polygrad.core.op import Op, OpFacts
from polygrad.core.record import plain
from polygrad.core.trace import bind, describe, lifted
from polygrad.dtypes import as_dtype
from polygrad.errors import ArgumentTypeError, ArgumentValueError, AxisNameError
from polygrad.transforms.carry import LOOPS, CapturedTrackedArray
from polygrad.transforms.vmap import NAMED, Named

AxisName = str | Sequence[str]
_NAMED = OpFacts(axis_name=True)


def _across(reduce: Callable[[Any, dict[str, Any]], Any]) -> Callable[..., Any]:
    """The batch rule of a collective; ``reduce(value, params)`` has the batch in front."""

    def rule(
        op: Op, size: int, values: list[Any], batched: Any, params: Any, name: str | None = None
    ) -> Any:
        if name == params["name"]:
            return batching.Shared(reduce(values[0], params))
        if "axis" in params:  # the examples of another vmap stay side by side
            params = {**params, "axis": params["axis"] + 1}
        return bind(op, tuple(values), params)

    return rule


def _sum_again(g: Any, name: str, size: int) -> Any:
    return bind(psum_op, (g,), {"name": name, "size": size})


psum_op = Linear(
    "psum",
    lambda xp, g, x, name, size: _sum_again(g, name, size),
    lambda xp, x, name, size: x * size,
    batch=_across(lambda x, params: ops.sum(x, axis=0, dtype=x.dtype)),
    facts=_NAMED,
)


def _hits(xp: Any, ans: Any, x: Any, params: dict[str, Any]) -> Any:
    """The share of each example in the extreme value: those that tie share it equally."""
    hit = xp.astype(x == ans, x.dtype)
    return hit / _sum_again(hit, **params)


def _extreme_pull(xp: Any, g: Any, ans: Any, x: Any, **params: Any) -> Any:
    return _sum_again(g, **params) * _hits(xp, ans, x, params)


def _extreme_push(xp: Any, t: Any, ans: Any, x: Any, **params: Any) -> Any:
    return _sum_again(t[0] * _hits(xp, ans, x, params), **params)


def _extreme(name: str, reduce: Callable[..., Any]) -> General:
    return General(
        name,
        _extreme_pull,
        _extreme_push,
        lambda xp, x, name, size: xp.astype(x, x.dtype),
        batch=_across(lambda x, params: reduce(x, axis=0)),
        facts=_NAMED,
    )


pmax_op = _extreme("pmax", ops.max)
pmin_op = _extreme("pmin", ops.min)


def _gathered(xp: Any, x: Any, name: str, size: int, axis: int) -> Any:
    x = xp.expand_dims(x, axis=axis)
    return xp.broadcast_to(x, (*x.shape[:axis], size, *x.shape[axis + 1 :]))


def _own_part(xp: Any, g: Any, _ans: Any, _x: Any, name: str, size: int, axis: int) -> Any:
    """What reaches an example through all answers: its own place in their sum."""
    total = lifted(_sum_again(g, name, size))
    place = ops.reshape(_index(_bound("all_gather", name)), (1,))
    return plain(ops.squeeze(ops.take(total, place, axis=axis), axis=axis))


all_gather_op: Op = General(
    "all_gather",
    _own_part,
    lambda xp, t, ans, x, **params: bind(all_gather_op, (t[0],), params),
    _gathered,
    batch=_across(lambda x, params: ops.moveaxis(x, 0, params["axis"])),
    facts=_NAMED,
)


def psum(x: Any, axis_name: AxisName) -> Any:
    """The sum of ``x`` over the examples of the `vmap` with that ``axis_name``.

    ``x`` is a pytree of arrays and numbers, ``axis_name`` the name or a tuple of names. The
    answer is the same for every example, so that ``out_axes=None`` may give it back once. A
    value that all examples share is multiplied by their number. Integers and booleans add up
    in the default integer type, as in `sum`.

    Derivatives taken inside the mapped function are those of the sum of what all examples
    return, by each example's own value: the transpose of psum is psum, as in JAX.

    Raises AxisNameError where no vmap around the call has the name.

    Batch normalisation, written for one example:

    >>> def normalise(x):
    ...     centred = x - pg.pmean(x, "batch")
    ...     return centred / pg.sqrt(pg.pmean(centred**2, "batch"))
    >>> pg.vmap(normalise, axis_name="batch")(pg.asarray([[1.0, 0.0], [3.0, 8.0]]))
    Array([[-1., -1.],
           [ 1.,  1.]], dtype=float64, device=cpu)
    """
    return _each("psum", _sum, x, axis_name)


def pmean(x: Any, axis_name: AxisName) -> Any:
    """The mean of ``x`` over the examples of the `vmap` with that ``axis_name``; see `psum`.

    >>> pg.vmap(lambda x: x - pg.pmean(x, "i"), axis_name="i")(pg.asarray([1.0, 3.0]))
    Array([-1.,  1.], dtype=float64, device=cpu)
    """
    return _each("pmean", lambda leaf, named: _sum(leaf, named) / named.size, x, axis_name)


def pmax(x: Any, axis_name: AxisName) -> Any:
    """The largest value over the examples of the `vmap` with that ``axis_name``; see `psum`.

    Examples that tie share the gradient equally.

    >>> pg.vmap(lambda x: x / pg.pmax(x, "i"), axis_name="i")(pg.asarray([1.0, 4.0]))
    Array([0.25, 1.  ], dtype=float64, device=cpu)
    """
    return _each("pmax", functools.partial(_of_arrays, pmax_op), x, axis_name)


def pmin(x: Any, axis_name: AxisName) -> Any:
    """The smallest value over the examples of the `vmap` with that ``axis_name``; see `pmax`.

    >>> pg.vmap(lambda x: x - pg.pmin(x, "i"), axis_name="i")(pg.asarray([1.0, 4.0]))
    Array([0., 3.], dtype=float64, device=cpu)
    """
    return _each("pmin", functools.partial(_of_arrays, pmin_op), x, axis_name)


def all_gather(x: Any, axis_name: str, axis: int = 0) -> Any:
    """``x`` of all examples of the `vmap` with that ``axis_name``, along a new ``axis``.

    ``x`` is a pytree of arrays and numbers, of any data types. Every example gets the same
    answer, of shape (..., number of examples, ...).

    Raises AxisNameError where no vmap around the call has the name, ArgumentValueError for an
    axis that the answer does not have.

    The loss of a contrastive pair, each example against the others of the batch:

    >>> def loss(x, y):
    ...     scores = pg.all_gather(y, "i") @ x
    ...     return pg.logsumexp(scores) - x @ y
    >>> pg.vmap(loss, axis_name="i")(9 * pg.eye(2), 9 * pg.eye(2)) < 1e-9
    Array([ True,  True], dtype=bool, device=cpu)
    """
    if type(axis) is not int:
        raise ArgumentTypeError(f"all_gather: axis is {describe(axis)}, expected an integer")
    if not isinstance(axis_name, str):
        raise ArgumentTypeError(
            f"all_gather: axis_name is {describe(axis_name)}, expected one name; gather along one "
            "axis after the other"
        )

    def gather(leaf: Any, named: Named) -> Any:
        leaf = leaf if is_array(leaf) else _lifted_number(leaf, named)
        ndim = len(leaf.shape) + 1
        if not -ndim <= axis < ndim:
            raise ArgumentValueError(
                f"all_gather: got axis {axis} for a value of shape {tuple(leaf.shape)}, expected "
                f"one of the {ndim} axes of the answer"
            )
        if not _differs(leaf, named.trace):
            # Derivatives are by each example's own value, so each gets one.
            everywhere = _batched(named, ops.ones(named.size, dtype="bool", device=named.device))
            leaf = ops.where(everywhere, wrap(leaf), ops.zeros_like(wrap(leaf)))
        params = {"name": named.name, "size": named.size, "axis": axis % ndim}
        return bind(all_gather_op, (leaf,), params)

    return _each("all_gather", gather, x, axis_name)


def axis_index(axis_name: str) -> Array:
    """The number of the example, from 0, in the `vmap` with that ``axis_name``.

    An array without axes, of the default integer type, on the device of the mapped arguments.
    Raises AxisNameError where no vmap around the call has the name.

    >>> pg.vmap(lambda x: x * pg.axis_index("i"), axis_name="i")(pg.ones(3))
    Array([0., 1., 2.], dtype=float64, device=cpu)
    """
    return _index(_names("axis_index", axis_name)[0])


def axis_size(axis_name: AxisName) -> int:
    """The number of examples of the `vmap` with that ``axis_name``, a Python integer.

    For a tuple of names it is the product. Raises AxisNameError where no vmap around the call
    has the name.

    >>> pg.vmap(lambda x: x / pg.axis_size("i"), axis_name="i")(pg.ones(4))
    Array([0.25, 0.25, 0.25, 0.25], dtype=float64, device=cpu)
    """
    found = 1
    for named in _names("axis_size", axis_name):
        found *= named.size
    return found


def _each(name: str, one: Callable[[Any, Named], Any], x: Any, axis_name: AxisName) -> Any:
    """A collective on every leaf, over one axis after the other."""
    axes = _names(name, axis_name)
    for leaf, path in zip(tree.leaves(x), tree.paths(x), strict=True):
        if not is_array(leaf) and type(leaf) not in (bool, int, float, complex):
            raise ArgumentTypeError(
                f"{name}: x{path} is {describe(leaf)}, expected arrays and numbers"
            )

    def over_all(leaf: Any) -> Any:
        for named in axes:
            leaf = one(leaf, named)
        return leaf

    return tree.map(over_all, x)


def _sum(leaf: Any, named: Named) -> Any:
    if not is_array(leaf):
        return leaf * named.size
    dtype = as_dtype(leaf.dtype)
    if not dtype.is_inexact:
        unsigned = dtype.group == "unsigned integer"
        wanted = as_dtype(raw_and_backend(leaf)[1].default_integer(unsigned))
        leaf = leaf if dtype == wanted else ops.astype(leaf, wanted)
    return _of_arrays(psum_op, leaf, named)


def _of_arrays(op: Op, leaf: Any, named: Named) -> Any:
    if not is_array(leaf):
        return leaf  # the extreme value of equal numbers
    return bind(op, (leaf,), {"name": named.name, "size": named.size})


def _names(function: str, given: Any) -> list[Named]:
    """The named axes that a collective is over."""
    names = (given,) if isinstance(given, str) else given
    valid = isinstance(names, tuple | list) and all(isinstance(n, str) for n in names) and names
    if not valid:
        raise ArgumentTypeError(
            f"{function}: axis_name is {describe(given)}, expected the name that a pg.vmap around "
            "the call has given its axis, or a tuple of names"
        )
    if len(set(names)) < len(names):
        raise AxisNameError(f"{function}: axis_name is {given!r}, which names an axis twice")
    if function == "axis_index" and len(names) > 1:
        raise ArgumentTypeError("axis_index: got several names, expected one")
    return [_bound(function, name) for name in names]


def _bound(function: str, name: str) -> Named:
    bound = NAMED.get()
    for named in reversed(bound):
        if named.name != name:
            continue
        if named.trace.in_rule:
            raise AxisNameError(
                f"{function}: the axis {name!r} is not available here: the function is run on "
                "each example by itself (a solver of pg.implicit, or a loop of pg.jit); compute "
                f"{function} outside of it, and pass the result"
            )
        if named.loops is not LOOPS.get():  # jit compiles what is called inside the vmap
            raise CapturedTrackedArray
        return named
    shown = ", ".join(repr(one) for one in dict.fromkeys(n.name for n in bound)) or "none"
    raise AxisNameError(
        f"{function}: no axis is named {name!r} here; names bound around the call: {shown}. "
        f"Call it inside the function of pg.vmap(f, axis_name={name!r})"
    )


def _index(named: Named) -> Array:
    return _batched(named, ops.arange(named.size, device=named.device))


def _batched(named: Named, value: Any) -> Array:
    """An array without axes that differs between the examples."""
    return named.trace.input(plain(value))


def _lifted_number(leaf: Any, named: Named) -> Any:
    return ops.asarray(leaf, device=named.device)


def _differs(value: Any, trace: Any) -> bool:
    """Whether a value has the batch of a trace, below what other transforms put on top."""
    while type(value) is Array and value._trace is not BASE:
        if value._trace is trace:
            return True
        inner = value._value
        value = getattr(inner, "value", inner)  # that of another vmap
    return False
