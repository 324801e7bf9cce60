"""Reading, replacing and gathering parts of arrays."""

from typing import Any

import numpy as np
from op_table import case, real, row

x, z = real(4, 3), real(2, 3, 4)
flags = np.asarray([True, False, True, True])
KEYS: list[Any] = [
    0, -1, (1, 2), slice(None), slice(1, 3), slice(None, None, 2), slice(None, None, -1),
    (slice(2, None), 0), (..., 1), (None, 0), (slice(None), None, slice(0, 2)), (...,),
    (slice(3, 1), slice(None)), np.asarray([0, 2, 2]), np.asarray([[0, 1], [-1, 0]]),
    (np.asarray([0, 3]), np.asarray([1, 1])), (slice(None), np.asarray([2, 0, 2])),
    (np.asarray([[0], [1]]), np.asarray([0, 2])), (1, np.asarray([0, 0])),
    np.zeros((0,), np.int64), (np.asarray(2), slice(None)), [0, 1],
    (None, np.asarray([1, 0]), ...), (slice(1, 3), np.asarray([0, 1, 0])),
]  # fmt: skip
MASKS: list[Any] = [flags, np.outer(flags, [True, False, True]), (flags, 1), (0, flags[:3])]


def index_set(a: Any, value: Any, key: Any) -> Any:
    """Assignment into a copy."""
    out = np.array(a)
    out[key] = value
    return out


def scatter_add(value: Any, key: Any, shape: Any) -> Any:
    """Addition into zeros, places named twice included."""
    out = np.zeros(shape, np.asarray(value).dtype)
    np.add.at(out, key, value)
    return out


def getitem(a: Any, key: Any) -> Any:
    """Indexing."""
    return a[key]


def set_cases() -> Any:
    for key in KEYS:  # with keys that name a place twice, where the last value stands
        yield case(x, real(*x[key].shape, seed=3), key)
    yield case(x, real(1, 3, seed=3), np.asarray([0, -4, 2, 0]))
    yield case(x, real(4, 1, seed=3), np.asarray([0, -4, 2, 0]))
    yield case(x, real(seed=3), 1)
    yield case(x, 7.0, (slice(None), 1))
    yield case(x, real(3, seed=3), slice(1, 3))
    yield case(x, real(2, 1, seed=3), (slice(0, 2),))
    yield case(x, real(), flags)
    yield case(x, 0.5, np.outer(flags, [True, False, True]))
    yield case(x, real(2, seed=3), MASKS[3], needs="boolean_indexing")
    yield case(x, real(3, 3, seed=3), flags, needs="boolean_indexing")


ROWS = [
    row(
        "getitem",
        *[case(x, key) for key in KEYS],
        case(real(), ()),
        case(real(), (..., None)),
        case(z, (0, ..., 1)),
        case(z, (slice(None), np.asarray([0, 2]), np.asarray([1, 1]))),
        case(z, (np.asarray([0, 1]), slice(None), np.asarray([1, 3]))),
        case(real(0, 3), slice(None)),
        case(np.arange(5), slice(1, 4)),
        *[case(x, key, needs="boolean_indexing") for key in MASKS],
        reference=getitem,
        complex=True,
    ),
    row(
        "index_set",
        *set_cases(),
        case(np.arange(5), 9, slice(1, 3)),
        case(np.arange(5), np.asarray([7, 8]), np.asarray([0, 4])),
        reference=index_set,
        complex=True,
    ),
    row(
        "scatter_add",
        *[case(real(*x[key].shape, seed=5), key, x.shape) for key in KEYS if x[key].ndim],
        case(real(3), np.asarray([1, 1, 1]), (2,)),
        reference=scatter_add,
        complex=True,
    ),
    row(
        "take",
        case(real(5), np.asarray([0, 3, 3, 1])),
        case(x, np.asarray([2, 0]), axis=1),
        case(z, np.asarray([1, 1, 0]), axis=-2),
        case(x, np.asarray([-1, 0]), axis=0),
        case(x, np.zeros((0,), np.int64), axis=0),
        complex=True,
    ),
    row(
        "take_along_axis",
        case(x, np.asarray([[0], [2], [1], [1]]), axis=1),
        case(x, np.asarray([[3, 0, 0], [1, 0, 2]]), axis=0),
        case(z, np.zeros((2, 3, 2), np.int64)),
        complex=True,
    ),
]
