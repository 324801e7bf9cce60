"""Set functions: the distinct elements of an array."""

from typing import Any, NamedTuple

from polygrad.array import BASE, Array, is_array
from polygrad.core.batch import refuse
from polygrad.core.kinds import Nondifferentiable
from polygrad.core.op import OpFacts
from polygrad.core.trace import bind
from polygrad.errors import ArgumentTypeError
from polygrad.ops.bisection import isin_rule
from polygrad.ops.creation import scalar_beside
from polygrad.ops.indexing import take
from polygrad.ops.manipulation import reshape


class UniqueAll(NamedTuple):
    """The answer of `unique_all`."""

    values: Any
    indices: Any
    inverse_indices: Any
    counts: Any


class UniqueCounts(NamedTuple):
    """The answer of `unique_counts`."""

    values: Any
    counts: Any


class UniqueInverse(NamedTuple):
    """The answer of `unique_inverse`."""

    values: Any
    inverse_indices: Any


def _op(name: str) -> Nondifferentiable:
    def forward(xp: Any, x: Any) -> Any:
        return tuple(getattr(xp, name)(x))

    return Nondifferentiable(
        name, forward, multiple=True, batch=refuse, facts=OpFacts(value_shaped="call it outside")
    )


unique_all_op = _op("unique_all")
unique_counts_op = _op("unique_counts")
unique_inverse_op = _op("unique_inverse")


def _tracked(x: Any) -> bool:
    return type(x) is Array and x._trace is not BASE


def unique_all(x: Any, /) -> UniqueAll:
    """The distinct elements of ``x``, where each stands first, and how often.

    A named tuple: the ``values``, the ``indices`` of their first places in the flattened array,
    the ``inverse_indices`` that rebuild ``x``, and the ``counts``. Every nan is distinct. The
    values are differentiable, as ``x`` at the indices; the shape depends on the data.

    >>> pg.unique_all(pg.asarray([2.0, 1.0, 2.0])).counts
    Array([1, 2], dtype=int64, device=cpu)
    """
    values, indices, inverse, counts = bind(unique_all_op, (x,), {})
    if _tracked(x):
        values = take(reshape(x, (-1,)), indices)
    return UniqueAll(values, indices, inverse, counts)


def unique_counts(x: Any, /) -> UniqueCounts:
    """The distinct elements of ``x`` and how often each is there, as `unique_all` has them.

    >>> pg.unique_counts(pg.asarray([2.0, 1.0, 2.0])).counts
    Array([1, 2], dtype=int64, device=cpu)
    """
    if _tracked(x):
        found = unique_all(x)
        return UniqueCounts(found.values, found.counts)
    return UniqueCounts(*bind(unique_counts_op, (x,), {}))


def unique_inverse(x: Any, /) -> UniqueInverse:
    """The distinct elements of ``x`` and the indices that rebuild it, as in `unique_all`.

    >>> pg.unique_inverse(pg.asarray([2.0, 1.0, 2.0])).inverse_indices
    Array([1, 0, 1], dtype=int64, device=cpu)
    """
    if _tracked(x):
        found = unique_all(x)
        return UniqueInverse(found.values, found.inverse_indices)
    return UniqueInverse(*bind(unique_inverse_op, (x,), {}))


def unique_values(x: Any, /) -> Any:
    """The distinct elements of ``x``, in ascending order on every backend, as in `unique_all`.

    >>> pg.unique_values(pg.asarray([2.0, 1.0, 2.0]))
    Array([1., 2.], dtype=float64, device=cpu)
    """
    return unique_inverse(x).values


isin_op = Nondifferentiable("isin", batch=isin_rule)


def isin(x1: Any, x2: Any, /, *, invert: bool = False) -> Any:
    """For each element of ``x1`` whether it is in ``x2``, or with ``invert`` whether it is not.

    One of the two may be a Python number. nan is in nothing. Raises ArgumentTypeError where
    neither is an array.

    >>> pg.isin(pg.asarray([1, 2, 3]), pg.asarray([3, 1]))
    Array([ True, False,  True], dtype=bool, device=cpu)
    """
    if not is_array(x1) and not is_array(x2):
        raise ArgumentTypeError("isin: got two Python objects, expected an array as x1 or x2")
    operands = (scalar_beside(x1, x2), scalar_beside(x2, x1))
    return bind(isin_op, operands, {"invert": bool(invert)})
