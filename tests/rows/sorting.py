"""Sorting, searching, sets and differences."""

from typing import Any

import numpy as np
from op_table import at, case, inf, real, row

import polygrad as pg

ints = np.asarray([[3, 1, 2, 3], [1, 1, 0, 5]])
ties = np.asarray([2.0, 1.0, 2.0, 1.0, 3.0])


def sort(x: Any, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
    """By NumPy's, with the keyword it lacks."""
    out = np.sort(x, axis=axis, stable=True)
    return np.flip(out, axis=axis) if descending else out


def argsort(x: Any, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
    """Stable in descending order too: equal elements stay in their order."""
    if not descending:
        return np.argsort(x, axis=axis, stable=True)
    ranks = np.unique(x, return_inverse=True)[1].reshape(x.shape)
    return np.argsort(-ranks, axis=axis, stable=True)


def count_nonzero(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """An integer array, where NumPy returns a Python number."""
    return np.asarray(np.count_nonzero(x, axis=axis, keepdims=keepdims))


SORTED = (
    case(real(6)),
    case(real(6), descending=True),
    case(real(2, 3, 4), axis=1),
    case(real(2, 5), axis=0, descending=True),
    case(real(2, 5), stable=False),
    case(real(0)),
    case(real(0, 3), axis=0),
    case(ties, smooth=False),
    case(ties, descending=True, smooth=False),
    case(ints, axis=0),
)
UNIQUE = [
    case(real(4), needs="data_dependent_shapes"),
    case(np.asarray([[2.0, 1.0], [1.0, 3.0]]), smooth=False, needs="data_dependent_shapes"),
    case(ints, needs="data_dependent_shapes"),
    case(real(0), needs="data_dependent_shapes"),
]

ROWS = [
    row(
        "sort",
        *SORTED,
        reference=sort,
        special=[at(np.asarray([inf, 1.0, -inf]), grad=[1.0, 1.0, 1.0], value=[-inf, 1.0, inf])],
    ),
    row("argsort", *SORTED, reference=argsort, gradient="none"),
    row(
        "searchsorted",
        *[
            case(np.asarray([1.0, 2.0, 2.0, 4.0]), np.asarray([[2.0, 3.0], [0.0, 9.0]]), side=side)
            for side in ("left", "right")
        ],
        case(np.asarray([1.0, 2.0]), 1.5),
        case(np.asarray([1, 3]), np.asarray([2, 3])),
        case(
            np.asarray([4.0, 1.0, 2.0]),
            np.asarray([2.0, 0.5, 3.0, 4.0]),
            np.asarray([1, 2, 0]),
        ),
        case(np.zeros(0), real(2)),
        call=lambda a, v, sorter=None, side="left": pg.searchsorted(a, v, side=side, sorter=sorter),
        reference=lambda a, v, sorter=None, side="left": np.searchsorted(a, v, side, sorter),
        another=lambda a, k: a * (1 + k / 4) if a.dtype.kind == "f" else a,  # the order stays
        gradient="none",
    ),
    row(
        "count_nonzero",
        case(real(5)),
        case(ints),
        case(ints, axis=1),
        case(ints, axis=(0, 1), keepdims=True),
        case(ints, axis=()),
        case(np.asarray(True)),
        case(real(0)),
        reference=count_nonzero,
        gradient="none",
    ),
    row(
        "nonzero",
        *[case(x, needs="data_dependent_shapes") for x in (real(3), ints, real(0))],
        decides=(0,),
        gradient="none",
    ),
    row(
        "isin",
        *[case(ints, np.asarray([3, 5, 3]), invert=invert) for invert in (False, True)],
        case(ints, 1),
        case(2, np.asarray([3, 1, 2])),
        case(ties, np.asarray([[2.0], [7.0]])),
        case(ties, real(0)),
        gradient="none",
    ),
    row("unique_all", *UNIQUE, decides=(0,), reference=lambda x: tuple(np.unique_all(x))),
    row("unique_counts", *UNIQUE, decides=(0,), reference=lambda x: tuple(np.unique_counts(x))),
    row("unique_inverse", *UNIQUE, decides=(0,), reference=lambda x: tuple(np.unique_inverse(x))),
    row("unique_values", *UNIQUE, decides=(0,), reference=np.unique),
    row(
        "diff",
        case(real(5)),
        case(real(2, 5), axis=0),
        case(real(2, 5), n=3),
        case(real(2, 5), n=0),
        case(real(3), n=4),
        case(real(0)),
        case(ints, axis=1),
        complex=True,
    ),
    row(
        "diff",
        case(real(2, 3), real(2, 1), real(2, 2)),
        call=lambda x, a, b: pg.diff(x, axis=1, prepend=a, append=b),
        reference=lambda x, a, b: np.diff(x, axis=1, prepend=a, append=b),
        complex=True,
    ),
]
