"""Functions beyond the standard: einsum, pad, functional updates, quantiles, nan-safe ones."""

from typing import Any

import numpy as np
from op_table import at, case, inf, nan, real, row

import polygrad as pg

HOLES = np.asarray([[1.0, nan, 3.0], [0.5, 2.0, nan]])
x, y = real(2, 3), real(3, 4, seed=1)
PLACES = np.asarray([0, 2, 2])
NAN_CASES = (case(real(5)), case(x, axis=0), case(x, axis=-1, keepdims=True), case(real()))


def updated(a: Any, key: Any, method: str, values: Any) -> Any:
    """``pg.at(a)[key].<method>(values)``."""
    return getattr(pg.at(a)[key], method)(values)


def updated_by_hand(a: Any, key: Any, method: str, values: Any) -> Any:
    """The same with NumPy's unbuffered in-place functions."""
    out = np.array(a)
    function = {"min": np.minimum, "max": np.maximum}.get(method) or getattr(np, method)
    function.at(out, key, values)
    return out


def nan_row(name: str, filled: float, **options: Any) -> Any:
    """A row for a reduction that leaves nan out; ``filled`` is an element for an all-nan array."""
    return row(
        name,
        *NAN_CASES,
        special=[
            at(HOLES, value=getattr(np, name)(HOLES)),
            at(HOLES, axis=1, value=getattr(np, name)(HOLES, axis=1)),
            at(
                np.asarray([nan, nan]), value=filled, grad=None if name == "nanmean" else [0.0, 0.0]
            ),
        ],
        **options,
    )


def bincount(a: Any, weights: Any = None, minlength: int = 0) -> Any:
    """NumPy's, which gives double precision for single."""
    counts = np.bincount(a, weights, minlength)
    return counts if weights is None else counts.astype(weights.dtype)


def with_correction(function: Any) -> Any:
    """NumPy's function, with the standard's name for ddof."""
    return lambda a, correction=0, **options: function(a, ddof=correction, **options)


ROWS = [
    row(
        "einsum",
        case("ij,jk->ik", x, y),
        case("ij->ji", x),
        case("ij->", x),
        case("ii->i", real(3, 3)),
        case("ii", real(3, 3)),
        case("i,j,ij->j", real(2, seed=2), real(3, seed=3), x),
        case("bij,bjk->bik", real(2, 2, 3), real(2, 3, 2, seed=1)),
        case("...i,...i->...", real(2, 3), real(3, seed=1)),
        case(",i->i", real(), real(3)),
        complex=True,
    ),
    row(
        "pad",
        case(x, 1),
        case(x, ((1, 0), (2, 1))),
        case(x, (1, 2), mode="edge"),
        case(x, 1, mode="reflect"),
        case(x, 2, mode="symmetric"),
        case(x, (2, 3), mode="wrap"),
        case(real(3), (1, 1), constant_values=2.0),
        case(np.arange(4), 1),
        complex=True,
    ),
    row(
        "at",
        *[
            case(real(4, low=0.5), key, method, real(*np.zeros(4)[key].shape, low=0.5, seed=4))
            for method in ("add", "subtract", "multiply", "divide", "power", "min", "max")
            for key in (1, slice(0, 3), PLACES)
        ],
        case(x, (slice(None), 1), "add", 2.0),
        case(real(3), np.asarray([True, False, True]), "add", real(2), needs="boolean_indexing"),
        call=updated,
        reference=updated_by_hand,
    ),
    row(
        "convolve",
        case(real(5), real(3, seed=1)),
        case(real(2), real(4, seed=1), "same"),
        case(real(5), real(2, seed=1), mode="valid"),
        complex=True,
    ),
    row(
        "bincount",
        case(np.asarray([0, 2, 2, 1]), real(4)),
        case(np.asarray([0, 2]), real(2), 5),
        case(np.asarray([0, 2, 2])),
        decides=(0,),
        reference=bincount,
    ),
    row(
        "quantile",
        case(real(5), 0.3),
        case(real(3, 4), 0.62, axis=0),
        case(real(3, 4), [0.1, 0.62, 0.9], axis=-1, keepdims=True),
        case(real(6), 0.5, method="lower"),
        case(real(6), 0.5, method="higher"),
        case(real(6), 0.5, method="midpoint"),
        case(real(6), 0.43, method="nearest"),
        case(real(2, 3, 2), 0.4, axis=(0, 2)),
        reference=np.quantile,
        special=[at(np.asarray([1.0, nan]), 0.5, value=nan)],
    ),
    row(
        "median",
        case(real(5)),
        case(real(4)),
        case(real(3, 4), axis=0),
        case(real(3, 4), axis=1, keepdims=True),
    ),
    nan_row("nansum", 0.0),
    nan_row("nanprod", 1.0),
    nan_row("nanmean", nan),
    nan_row("nanmax", nan),
    nan_row("nanmin", nan),
    *[
        row(
            name,
            case(real(5)),
            case(x, axis=1),
            case(x, axis=-1, keepdims=True),
            case(real(5), correction=1),
            reference=with_correction(getattr(np, name)),
            special=[at(HOLES, value=getattr(np, name)(HOLES))],
        )
        for name in ("nanvar", "nanstd")
    ],
    row(
        "nancumsum",
        case(real(5)),
        case(x, axis=1),
        special=[
            at(np.asarray([1.0, nan, 3.0]), value=[1.0, 1.0, 4.0], grad=[3.0, 0.0, 1.0]),
        ],
    ),
    row(
        "nan_to_num",
        case(x),
        case(real(), nan=1.0),
        special=[
            at(np.asarray([1.0, nan, inf, -inf]), nan=2.0, posinf=3.0, neginf=4.0,
               value=[1.0, 2.0, 3.0, 4.0], grad=[1.0, 0.0, 0.0, 0.0]),
        ],
    ),
    row(
        "nanquantile",
        case(real(5), 0.3),
        case(real(3, 4), 0.62, axis=0),
        case(real(3, 4), [0.1, 0.9], axis=-1, keepdims=True),
        reference=np.nanquantile,
        special=[at(np.asarray([nan, 1.0, 3.0]), 0.5, value=2.0, grad=[0.0, 0.5, 0.5])],
    ),
    row(
        "nanmedian",
        case(real(5)),
        case(real(4)),
        case(real(3, 4), axis=0),
        special=[at(np.asarray([nan, 1.0, 3.0]), value=2.0, grad=[0.0, 0.5, 0.5])],
    ),
]  # fmt: skip
