"""Losses that are compositions of ops."""

from typing import Any

from polygrad.core.trace import PYTHON_SCALARS
from polygrad.errors import ShapeError
from polygrad.ops.arithmetic import square
from polygrad.ops.creation import as_operand, asarray
from polygrad.ops.datatypes import in_wide
from polygrad.ops.statistical import mean


def mse(predictions: Any, targets: Any, /) -> Any:
    """The mean over all elements of the squared difference.

    Real floating-point arrays of one shape. Raises ShapeError where the shapes differ, for
    (n, 1) and (n,) would broadcast to (n, n).

    >>> pg.nn.mse(pg.asarray([1.0, 2.0]), pg.asarray([1.0, 4.0])).item()
    2.0
    """
    if type(predictions) in PYTHON_SCALARS:
        predictions = asarray(predictions)
    targets = as_operand(targets, predictions, "mse: targets")
    if tuple(predictions.shape) != tuple(targets.shape):
        raise ShapeError(
            f"mse: predictions has shape {tuple(predictions.shape)} and targets "
            f"{tuple(targets.shape)}, expected equal shapes; reshape one of them"
        )
    return in_wide(lambda apart: mean(square(apart)), predictions - targets)
