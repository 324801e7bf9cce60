"""Other shapes, orders and combinations of the same elements."""

import numpy as np
from op_table import case, real, row

x, y, z = real(2, 3), real(2, 3, seed=1), real(2, 3, 4)

ROWS = [
    row(
        "reshape",
        case(x, (3, 2)),
        case(x, (-1,)),
        case(x, (1, 2, -1, 1)),
        case(x, (6,), copy=True),
        case(real(), (1, 1)),
        case(real(1), ()),
        case(real(0, 3), (3, 0)),
        case(np.arange(4), (2, 2)),
        reference=lambda a, shape, copy=None: np.reshape(a, shape),
        complex=True,
    ),
    row("permute_dims", case(z, (2, 0, 1)), case(z, (0, 1, 2)), case(x, (-1, 0)), complex=True),
    row("matrix_transpose", case(x), case(z), case(real(0, 3)), complex=True),
    row("moveaxis", case(z, 0, -1), case(z, (0, 1), (2, 0)), case(z, -1, 0), complex=True),
    row("expand_dims", case(x, axis=0), case(x, axis=-1), case(x, axis=(0, 2)), complex=True),
    row("squeeze", case(real(1, 3, 1), axis=0), case(real(1, 3, 1), axis=(0, -1)), complex=True),
    row("flip", case(z), case(z, axis=1), case(z, axis=(0, -1)), case(real()), complex=True),
    row(
        "roll",
        case(x, 2),
        case(x, -1, axis=1),
        case(z, (1, 2), axis=(0, 2)),
        case(real(0), 1),
        complex=True,
    ),
    row(
        "broadcast_to",
        case(real(3), (2, 3)),
        case(real(2, 1), (2, 3)),
        case(real(), (2, 2)),
        case(real(1, 3), (0, 3)),
        case(x, (2, 3)),
        complex=True,
    ),
    row("broadcast_arrays", case(real(2, 1), real(3, seed=1)), case(x, y), complex=True),
    row(
        "concat",
        case([x, y]),
        case([x, y, x], axis=1),
        case([x, real(1, 3)], axis=-2),
        case([x, real(4)], axis=None),
        case([real(0), real(2)]),
        case([np.arange(2), np.arange(3)]),
        complex=True,
    ),
    row(
        "stack",
        case([x, y]),
        case([x, y, x], axis=1),
        case([x, y], axis=-1),
        case([real(), real(seed=1)]),
        complex=True,
    ),
    row("unstack", case(x), case(x, axis=1), case(z, axis=-1), complex=True),
    row("tile", case(x, (2,)), case(x, (2, 1, 3)), case(real(), (2,)), case(x, ()), complex=True),
    row(
        "repeat",
        case(x, 2),
        case(x, 2, axis=1),
        case(x, [0, 2], axis=0),
        case(real(3), np.asarray([1, 0, 2])),
        decides=(1,),
        complex=True,
    ),
    row(
        "meshgrid",
        case(real(2), real(3, seed=1)),
        case(real(2), real(3, seed=1), real(1), indexing="ij"),
        complex=True,
    ),
    row("tril", case(real(3, 3)), case(z, k=1), case(x, k=-1), complex=True),
    row("triu", case(real(3, 3)), case(z, k=1), case(x, k=-1), complex=True),
]
