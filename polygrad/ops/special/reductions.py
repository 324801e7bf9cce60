"""logsumexp, softmax and log_softmax with the arguments SciPy gives them."""

import math
from typing import Any

from polygrad.ops import neural
from polygrad.ops.arithmetic import abs as absolute
from polygrad.ops.arithmetic import sign
from polygrad.ops.comparison import isfinite, where
from polygrad.ops.creation import as_operand, zeros_like
from polygrad.ops.exponential import exp, log
from polygrad.ops.manipulation import normalise_axes, squeeze
from polygrad.ops.statistical import max as largest
from polygrad.ops.statistical import sum as total


def softmax(x: Any, /, axis: Any = None) -> Any:
    """exp(x) / sum(exp(x)) over the given axes, all by default as in SciPy.

    >>> pg.special.softmax(pg.asarray([0.0, 0.0]))
    Array([0.5, 0.5], dtype=float64, device=cpu)
    """
    return neural.softmax(x, axis=axis)


def log_softmax(x: Any, /, axis: Any = None) -> Any:
    """The logarithm of `softmax`, over all axes by default as in SciPy.

    >>> pg.special.log_softmax(pg.asarray([0.0, 1000.0]))
    Array([-1000.,     0.], dtype=float64, device=cpu)
    """
    return neural.log_softmax(x, axis=axis)


def logsumexp(
    a: Any, /, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False
) -> Any:
    """log(sum(b exp(a))) over the given axes, without overflow.

    ``b`` are real weights that broadcast with ``a``. With ``return_sign`` the result is the
    pair of log(abs(sum)) and the sign of the sum; without it a negative sum gives nan.

    >>> pg.special.logsumexp(pg.asarray([0.0, 0.0]), b=pg.asarray([1.0, 3.0])).item()
    1.3862943611198906
    """
    if b is None:
        out = neural.logsumexp(a, axis=axis, keepdims=keepdims)
        return (out, exp(out * 0)) if return_sign else out
    from polygrad.ops.datatypes import stop_gradient

    b = as_operand(b, a, "logsumexp: b")
    axes = normalise_axes("logsumexp", axis, len(a.shape))
    # What has no weight has no say in the shift, and no gradient, however large it is.
    counts = b != 0
    a = where(counts, a, zeros_like(a) - math.inf)
    shift = stop_gradient(largest(a, axis=axes, keepdims=True))
    shift = where(isfinite(shift), shift, zeros_like(shift))
    weighted = total(b * exp(a - shift), axis=axes, keepdims=True)
    if return_sign:
        out, side = log(absolute(weighted)) + shift, sign(weighted)
    else:
        out, side = log(weighted) + shift, None
    if not keepdims:
        out = squeeze(out, axis=axes)
        side = None if side is None else squeeze(side, axis=axes)
    return (out, side) if return_sign else out
