"""Reductions, running sums, and the reductions of exponentials."""

from typing import Any

import numpy as np
from op_table import at, case, inf, real, row
from scipy import special as sp

EVERY_AXIS = (
    case(real(5)),
    case(real(2, 3)),
    case(real(2, 3, 2), axis=1),
    case(real(2, 3, 2), axis=(0, -1)),
    case(real(2, 3), axis=-1, keepdims=True),
    case(real(2, 3), keepdims=True),
    case(real()),
    case(real(1, 3), axis=0),
)
EMPTY = (case(real(0)), case(real(0, 3), axis=0), case(real(3, 0), axis=0))


def softmax(x: Any, axis: Any = -1) -> Any:
    """SciPy's, which accepts no empty array."""
    return sp.softmax(x, axis=axis) if x.size else x


def log_softmax(x: Any, axis: Any = -1) -> Any:
    """As `softmax`."""
    return sp.log_softmax(x, axis=axis) if x.size else x


def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """By the definition."""
    return np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims))


ROWS = [
    row(
        "sum",
        *EVERY_AXIS,
        *EMPTY,
        case(np.arange(6).reshape(2, 3), axis=0),
        case(np.asarray([True, True])),
        complex=True,
    ),
    row("sum", case(real(2, 3), dtype="float64", axis=0)),
    row("mean", *EVERY_AXIS, case(real(3, 0), axis=0), complex=True),
    *[
        row(
            name,
            *EVERY_AXIS,
            case(real(0, 3), axis=1),
            case(np.asarray([[1, 5], [7, 2]]), axis=0),
            special=[
                at(np.asarray([3.0, 3.0]), grad=[0.5, 0.5]),
                at(np.asarray([[2.0, 2.0], [2.0, 2.0]]), axis=1, grad=[[0.5, 0.5], [0.5, 0.5]]),
                at(np.asarray([[2.0, 2.0], [2.0, 2.0]]), grad=[[0.25, 0.25], [0.25, 0.25]]),
                at(np.asarray([inf, inf]), grad=[0.5, 0.5], value=inf),
            ],
        )
        for name in ("max", "min")
    ],
    row("max", case(real(3)), special=[at(np.asarray([1.0, inf, 2.0]), grad=[0, 1, 0])]),
    row("min", case(real(3)), special=[at(np.asarray([1.0, -inf, 2.0]), grad=[0, 1, 0])]),
    row(
        "prod",
        *EVERY_AXIS,
        *EMPTY,
        case(np.asarray([[1, 5], [7, 2]]), axis=0),
        complex=True,
        special=[
            at(np.asarray([0.0, 2.0, 3.0]), grad=[6.0, 0.0, 0.0], value=0.0),
            at(np.asarray([0.0, 2.0, 0.0]), grad=[0.0, 0.0, 0.0], value=0.0),
            at(np.asarray([0.0]), grad=[1.0]),
        ],
    ),
    row(
        "var",
        *EVERY_AXIS,
        case(real(4), correction=1),
        case(real(2, 4), axis=1, correction=1.5),
        special=[at(np.asarray([2.0, 2.0]), grad=[0.0, 0.0], value=0.0)],
    ),
    row(
        "std",
        *[one for one in EVERY_AXIS if one.args[0].size > 3],
        case(real(4), correction=1),
        case(real(2, 4), axis=1, correction=1.5),
    ),
    row(
        "cumulative_sum",
        case(real(5)),
        case(real(2, 3), axis=0),
        case(real(2, 3), axis=-1, include_initial=True),
        case(real(0)),
        case(real(5), include_initial=True),
        case(np.arange(4)),
        complex=True,
    ),
    row(
        "cumulative_prod",
        case(real(5)),
        case(real(2, 3), axis=0),
        case(real(2, 3), axis=-1, include_initial=True),
        case(real(0)),
        case(np.arange(4)),
        complex=True,
        special=[
            at(np.asarray([2.0, 0.0, 3.0]), grad=[1.0, 8.0, 0.0], value=[2.0, 0.0, 0.0]),
            at(np.asarray([0.0, 0.0, 3.0]), grad=[1.0, 0.0, 0.0], value=[0.0, 0.0, 0.0]),
        ],
    ),
    row(
        "logsumexp",
        *EVERY_AXIS,
        reference=logsumexp,
        special=[
            at(np.asarray([1000.0, 1000.0]), grad=[0.5, 0.5], value=1000.0 + np.log(2.0)),
            at(np.asarray([-1000.0, 0.0]), grad=[0.0, 1.0], value=0.0),
            at(np.asarray([-inf, 0.0]), grad=[0.0, 1.0], value=0.0),
            at(np.asarray([-inf, -inf]), grad=[0.0, 0.0], value=-inf),
            at(np.asarray([inf, 0.0]), grad=[1.0, 0.0], value=inf),
        ],
    ),
    row(
        "softmax",
        case(real(4)),
        case(real(2, 3)),
        case(real(2, 3), axis=0),
        case(real(2, 3), axis=(0, 1)),
        reference=softmax,
        special=[at(np.asarray([1000.0, 0.0]), value=[1.0, 0.0], grad=[0.0, 0.0])],
    ),
    row(
        "log_softmax",
        case(real(4)),
        case(real(2, 3)),
        case(real(2, 3), axis=0),
        reference=log_softmax,
        special=[
            at(np.asarray([0.0, 1000.0]), value=[-1000.0, 0.0], grad=[1.0, -1.0]),
            at(np.asarray([0.0, -1000.0]), value=[0.0, -1000.0], grad=[-1.0, 1.0]),
        ],
    ),
]
