"""Products of vectors and matrices in the main namespace."""

from typing import Any

import numpy as np
from op_table import case, real, row

SHAPES = [
    ((2, 3), (3, 4)), ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 4)), ((5, 2, 3), (5, 3, 4)),
    ((5, 2, 3), (3, 4)), ((2, 3), (5, 3, 4)), ((1, 2, 3), (5, 3, 4)), ((5, 2, 3), (3,)),
    ((3,), (5, 3, 4)), ((2, 0), (0, 3)), ((0, 2), (2, 3)), ((1, 1), (1, 1)),
]  # fmt: skip


def tensordot(x: Any, y: Any, axes: Any) -> Any:
    """NumPy's, without its refusal of tuples."""
    return np.tensordot(x, y, axes=axes)


ROWS = [
    row(
        "matmul",
        *[case(real(*a), real(*b, seed=1)) for a, b in SHAPES],
        case(np.arange(6).reshape(2, 3), np.arange(3)),
        complex=True,
    ),
    row(
        "tensordot",
        case(real(2, 3), real(3, 4, seed=1), axes=1),
        case(real(2, 3, 4), real(3, 4, 2, seed=1), axes=2),
        case(real(2, 3), real(2, 3, seed=1), axes=((0, 1), (0, 1))),
        case(real(2, 3), real(3, 2, seed=1), axes=((1,), (0,))),
        case(real(2), real(3, seed=1), axes=0),
        reference=tensordot,
        complex=True,
    ),
    row(
        "vecdot",
        case(real(3), real(3, seed=1)),
        case(real(2, 3), real(3, seed=1)),
        case(real(2, 3), real(2, 3, seed=1), axis=0),
        case(real(2, 1, 3), real(4, 3, seed=1)),
        complex=True,
    ),
]
