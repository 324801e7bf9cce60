"""scipy.stats: the slope of a line by repeated medians."""

from typing import Any

from polygrad import ops
from polygrad.errors import ArgumentValueError
from polygrad.numpy_functions.nans import nanmedian
from polygrad.scipy_functions.table import no_stand_in, scipy, stand_in, together


@stand_in("stats.siegelslopes")
def siegelslopes(
    y: Any,
    x: Any = None,
    method: str = "hierarchical",
    *,
    axis: Any = None,
    nan_policy: str = "propagate",
    keepdims: bool = False,
) -> Any:
    """scipy.stats.siegelslopes: medians over each point of the medians over all others.

    A. Siegel, "Robust regression using repeated medians", Biometrika 69, 1982.
    """
    if method not in ("hierarchical", "separate"):
        raise ArgumentValueError(
            f"scipy.stats.siegelslopes: method={method!r}, expected 'hierarchical' or 'separate'"
        )
    if nan_policy != "propagate" or keepdims or not (axis is None or isinstance(axis, int)):
        raise no_stand_in("stats.siegelslopes", "nan_policy, keepdims or several axes")
    y, x = (y, None) if x is None else together(y, x)
    (y,) = together(y)
    if x is not None and axis is not None:
        y, x = ops.broadcast_arrays(y, x)
    y = ops.reshape(y, (-1,)) if axis is None else ops.moveaxis(y, axis, -1)
    if x is None:
        x = ops.arange(y.shape[-1], dtype=y.dtype, device=y.device)
    else:
        x = ops.reshape(x, (-1,)) if axis is None else ops.moveaxis(x, axis, -1)
    if x.shape[-1] != y.shape[-1] or y.shape[-1] < 2:
        raise ArgumentValueError(
            f"scipy.stats.siegelslopes: y has {y.shape[-1]} and x {x.shape[-1]} points, expected "
            "as many of both, and at least 2"
        )
    across = ops.expand_dims(x, axis=-2) - ops.expand_dims(x, axis=-1)
    other = across != 0
    across = ops.where(other, across, 1)

    def repeated(rise: Any) -> Any:
        return nanmedian(nanmedian(ops.where(other, rise / across, ops.nan), axis=-1), axis=-1)

    slope = repeated(ops.expand_dims(y, axis=-2) - ops.expand_dims(y, axis=-1))
    if method == "hierarchical":
        intercept = nanmedian(y - ops.expand_dims(slope, axis=-1) * x, axis=-1)
    else:
        here, there = ops.expand_dims(y, axis=-1), ops.expand_dims(y, axis=-2)
        crossed = here * ops.expand_dims(x, axis=-2) - there * ops.expand_dims(x, axis=-1)
        intercept = repeated(crossed)
    unknown = ops.any(ops.isnan(x + y), axis=-1)
    kind: Any = type(scipy("stats.siegelslopes")([0.0, 1.0]))
    return kind(
        slope=ops.where(unknown, ops.nan, slope), intercept=ops.where(unknown, ops.nan, intercept)
    )
