"""logsumexp, softmax and log_softmax with the arguments SciPy gives them."""

import math
from typing import Any

from polygrad.core.trace import bind
from polygrad.dtypes import DType, as_dtype
from polygrad.ops import neural
from polygrad.ops.arithmetic import imag, real, sign
from polygrad.ops.comparison import where
from polygrad.ops.creation import as_operand, full_like, ones_like, zeros_like
from polygrad.ops.datatypes import astype, result_type
from polygrad.ops.exponential import exp
from polygrad.ops.manipulation import broadcast_arrays, normalise_axes
from polygrad.ops.statistical import count


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

    ``b`` are weights that broadcast with ``a``; an element of weight 0 adds nothing, whatever
    it is. With ``return_sign`` the result is the pair of log(abs(sum)) and the sign of the sum
    (a number of modulus 1 for complex ``a``); without it a negative sum gives nan. The
    imaginary part of a complex result lies in (-pi, pi].

    >>> pg.special.logsumexp(pg.asarray([0.0, 0.0]), b=pg.asarray([1.0, 3.0])).item()
    1.3862943611198906
    """
    if b is None and not return_sign:
        return neural.logsumexp(a, axis=axis, keepdims=keepdims)
    narrow = None
    if b is None:
        a = _inexact(a)
        b = ones_like(a)
    else:
        b = as_operand(b, a, "logsumexp: b")
    kinds = [as_dtype(a.dtype), as_dtype(b.dtype)]
    if not any(kind.is_inexact for kind in kinds):
        kinds = [as_dtype("float64")]
    common = as_dtype(result_type(*map(_room_for, kinds)))
    if common.bits == 16:
        narrow, common = common, as_dtype("float32")
    a, b = broadcast_arrays(astype(a, common, copy=False), astype(b, common, copy=False))
    axes = normalise_axes("logsumexp", axis, len(a.shape))
    if count(a.shape, axes) == 0:
        out = neural.logsumexp(a, axis=axes, keepdims=keepdims)
        side = sign(real(out))
    else:
        params = {"axis": axes, "keepdims": bool(keepdims)}
        out = bind(neural.weighted_op, (a, b), params)
        if common.is_complex:
            size, angle = real(out), astype(imag(out), common)
            side = where(size == -math.inf, zeros_like(out), exp(1j * angle))
            out = size if return_sign else out
        else:
            side = bind(neural.sign_op, (a, b), params)
            if not return_sign:
                out = out + where(side < 0, full_like(side, math.nan), zeros_like(side))
    if narrow is not None:
        out, side = astype(out, narrow), astype(side, narrow)
    return (out, side) if return_sign else out


def _inexact(x: Any) -> Any:
    return x if as_dtype(x.dtype).is_inexact else astype(x, "float64")


def _room_for(kind: DType) -> DType:
    """The floating-point type that NumPy has room for integers of a type in."""
    if kind.is_inexact:
        return kind
    return as_dtype("float16" if kind.bits <= 8 else "float32" if kind.bits == 16 else "float64")
