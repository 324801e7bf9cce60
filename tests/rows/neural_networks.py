"""The functions of pg.nn that are ops of their own, or compositions without parameters."""

import math
from typing import Any

import numpy as np
import scipy.special
from op_table import at, case, inf, nan, real, row, unary

import polygrad as pg


def _cross_entropy(logits: Any, labels: Any) -> Any:
    chosen = np.take_along_axis(scipy.special.log_softmax(logits, axis=-1), labels[..., None], -1)
    return -chosen[..., 0]


def _gelu(x: Any) -> Any:
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


ROWS = [
    unary(
        "nn.relu",
        reference=lambda x: np.maximum(x, 0),
        special=[
            at(0.0, grad=0.0, value=0.0),
            at(inf, grad=1.0, value=inf),
            at(-inf, grad=0.0, value=0.0),
            at(nan, value=nan),
        ],
    ),
    unary(
        "nn.sigmoid",
        reference=scipy.special.expit,
        special=[
            at(1000.0, grad=0.0, value=1.0),
            at(-1000.0, grad=0.0, value=0.0),
            at(0.0, grad=0.25, value=0.5),
            at(-80.0, value=float(np.exp(-80.0)), grad=float(np.exp(-80.0))),
        ],
    ),
    unary(
        "nn.softplus",
        reference=lambda x: np.logaddexp(x, 0),
        special=[at(1000.0, grad=1.0, value=1000.0), at(-1000.0, grad=0.0, value=0.0)],
    ),
    unary(
        "nn.silu",
        reference=lambda x: x * scipy.special.expit(x),
        special=[at(0.0, grad=0.5, value=0.0), at(1000.0, grad=1.0, value=1000.0)],
    ),
    unary(
        "nn.gelu",
        reference=_gelu,
        special=[at(0.0, grad=0.5, value=0.0), at(1000.0, grad=1.0, value=1000.0)],
    ),
    row(
        "nn.softmax_cross_entropy",
        case(real(4, 3), np.asarray([0, 2, 1, 1])),
        case(real(5), np.asarray(3)),
        case(real(2, 3, 4), np.asarray([[0, 1, 2], [3, 2, 1]])),
        case(real(0, 3), np.zeros(0, dtype=np.int64)),
        case(real(2, 1), np.asarray([0, 0], dtype=np.int32)),
        case(real(2, 300), np.asarray([255, 7], dtype=np.uint8)),
        reference=_cross_entropy,
        special=[
            at(np.asarray([0.0, 1000.0]), np.asarray(1), value=0.0, grad=np.asarray([0.0, 0.0])),
            at(
                np.asarray([0.0, 1000.0]),
                np.asarray(0),
                value=1000.0,
                grad=np.asarray([-1.0, 1.0]),
            ),
            # A class that is ruled out with -inf takes no part.
            at(
                np.asarray([1.0, -inf, 1.0]),
                np.asarray(0),
                value=float(np.log(2.0)),
                grad=np.asarray([-0.5, 0.0, 0.5]),
            ),
        ],
    ),
    row(
        "nn.mse",
        case(real(4), real(4, seed=1)),
        case(real(2, 3), real(2, 3, seed=1)),
        case(real(), real(seed=1)),
        reference=lambda a, b: np.mean((a - b) ** 2),
    ),
    row(
        "nn.layers",
        case(real(5, 3), real(3, 4), real(4), real(4, 2)),
        call=lambda x, w, b, v: pg.nn.MLP((pg.nn.Linear(w, b), pg.nn.Linear(v)), pg.tanh)(x),
        reference=lambda x, w, b, v: np.tanh(x @ w + b) @ v,
    ),
]
