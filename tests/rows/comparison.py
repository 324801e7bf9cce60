"""Comparisons, logic, bits, choices between two values, and searching."""

import numpy as np
from op_table import at, binary, case, inf, nan, real, row

TRUTH = np.asarray([True, False, True, False])
OTHER = np.asarray([[True, True, False, False]])
ints = np.asarray([[5, 3, 0, 12]])

ROWS = [
    binary(
        "maximum",
        special=[
            at(1.0, 1.0, grad=(0.5, 0.5)),
            at(np.asarray(0.0), 0, grad=0.0, value=0.0),
            at(inf, 1.0, grad=(1.0, 0.0), value=inf),
            at(-inf, -inf, grad=(0.5, 0.5)),
        ],
    ),
    binary(
        "minimum",
        special=[
            at(1.0, 1.0, grad=(0.5, 0.5)),
            at(np.asarray(0.0), 0, grad=0.0, value=0.0),
            at(-inf, 1.0, grad=(1.0, 0.0), value=-inf),
        ],
    ),
    row(
        "where",
        case(TRUTH, real(4), real(4, seed=1)),
        case(np.asarray([[True], [False]]), real(3), real(seed=1)),
        case(np.asarray(True), real(), real(seed=1)),
        case(np.zeros((0,), bool), real(0), real(1)),
        case(TRUTH, real(2, 4), 0.5),
        case(TRUTH, 0.5, real(2, 4)),
        case(TRUTH, np.arange(4), np.arange(4)[::-1]),
        complex=True,
        special=[
            at(
                np.asarray([True, False]),
                np.asarray([1.0, nan]),
                np.asarray([nan, 2.0]),
                grad=([1.0, 0.0], [0.0, 1.0]),
                value=[1.0, 2.0],
            ),
        ],
    ),
    row(
        "clip",
        case(real(6), -1.0, 1.0),
        case(real(2, 3), real(3, low=-1.5, high=-0.5), real(2, 1, low=0.5, high=1.5)),
        case(real(6), -1.0),
        case(real(6), real(6, low=-1.0, high=1.0, seed=3)),
        case(real(6), max=0.5),
        case(real(6), None, real(6, low=-1.0, high=1.0, seed=3)),
        case(real(6)),
        case(real(), -3.0, 3.0),
        case(real(0), 0.0, 1.0),
        case(np.arange(5), 1, 3),
        reference=lambda a, min=None, max=None: np.clip(a, min, max),
        special=[
            at(np.asarray(1.0), -1.0, 1.0, grad=1.0),
            at(np.asarray(-1.0), -1.0, 1.0, grad=1.0),
            at(np.asarray(1.5), -1.0, 1.0, grad=0.0, value=1.0),
            at(np.asarray(inf), -1.0, 1.0, grad=0.0, value=1.0),
            at(np.asarray(3.0), np.asarray(0.0), np.asarray(2.0), grad=(0.0, 0.0, 1.0)),
        ],
    ),
    *[
        row(
            name,
            case(real(2, 3), real(3, seed=1)),
            case(np.asarray([1.0, 2.0]), np.asarray([1.0, 3.0])),
            case(real(3), 0.0),
            case(real(), real(seed=1)),
            case(real(0), real(0)),
            case(np.arange(3), np.arange(3)[::-1]),
            gradient="none",
        )
        for name in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
    ],
    *[
        row(
            name,
            case(np.asarray([0.0, -0.0, inf, -inf, nan, 1.5])),
            case(real()),
            case(real(0, 2)),
            gradient="none",
        )
        for name in ("isnan", "isinf", "isfinite", "signbit")
    ],
    *[
        row(name, case(TRUTH, OTHER), case(TRUTH, TRUTH[::-1]), gradient="none")
        for name in ("logical_and", "logical_or", "logical_xor")
    ],
    row("logical_not", case(TRUTH), case(np.asarray(True)), gradient="none"),
    *[
        row(name, case(ints, ints[..., ::-1]), case(TRUTH, OTHER), case(ints, 6), gradient="none")
        for name in ("bitwise_and", "bitwise_or", "bitwise_xor")
    ],
    row("bitwise_invert", case(ints), case(TRUTH), gradient="none"),
    *[
        row(name, case(ints, np.asarray([1, 2, 3, 0])), case(ints, 2), gradient="none")
        for name in ("bitwise_left_shift", "bitwise_right_shift")
    ],
    *[
        row(
            name,
            case(real(5)),
            case(real(2, 3)),
            case(real(2, 3), axis=0),
            case(real(2, 3), axis=-1, keepdims=True),
            case(np.asarray([1.0, 3.0, 3.0, 1.0])),
            gradient="none",
        )
        for name in ("argmax", "argmin")
    ],
    *[
        row(
            name,
            case(TRUTH),
            case(np.asarray([TRUTH, ~TRUTH]), axis=0),
            case(np.asarray([TRUTH, ~TRUTH]), axis=(0, 1), keepdims=True),
            case(np.asarray([0.0, 1.0, nan])),
            case(np.zeros((0, 3), bool), axis=0),
            gradient="none",
        )
        for name in ("all", "any")
    ],
]
