"""Splines through constant places: their coefficients are linear in the values given."""

from collections.abc import Callable
from typing import Any

from polygrad import ops
from polygrad.array import BASE, Array
from polygrad.dtypes import as_dtype
from polygrad.scipy_functions.rerun import rerun_class
from polygrad.scipy_functions.table import constant, inexact, no_stand_in, scipy, stand_in


def _plain(name: str, **values: Any) -> list[Any]:
    """Arguments that have to be constants, as NumPy's arrays or what they are."""
    found = []
    for argument, value in values.items():
        if type(value) is Array:
            if value._trace is not BASE:
                raise no_stand_in(name, f"a tracked {argument}")
            value = ops.to_numpy(value)
        found.append(value)
    return found


def _columns(function: Callable[[Any], Any], n: int, like: Any) -> tuple[Any, Any]:
    """The matrix and the offset of a function that is linear up to a constant."""
    eye = ops.eye(n, dtype=ops.float64, device="cpu")
    offset = constant(function(ops.to_numpy(eye[0, :] * 0)), like)
    parts = [constant(function(ops.to_numpy(eye[i, :])), like) - offset for i in range(n)]
    return ops.stack(parts, axis=-1), offset


def _samples(name: str) -> None:
    def function(signal: Any, lamb: float = 0.0) -> Any:
        x = inexact(signal)
        matrix, offset = _columns(lambda e: scipy(f"signal.{name}")(e, lamb), x.shape[0], x)
        return ops.matmul(matrix, x) + offset

    def evaluate(cj: Any, newx: Any, dx: float = 1.0, x0: Any = 0) -> Any:
        c = inexact(cj)
        (points,) = _plain(f"signal.{name}_eval", newx=newx)
        original = scipy(f"signal.{name}_eval")
        matrix, offset = _columns(lambda e: original(e, points, dx, x0), c.shape[0], c)
        return ops.matmul(matrix, c) + offset

    for made, full in ((function, name), (evaluate, f"{name}_eval")):
        made.__name__ = made.__qualname__ = full
        made.__doc__ = f"scipy.signal.{full}, as a product with its matrix."
        stand_in(f"signal.{full}")(made)


for _name in ("cspline1d", "qspline1d"):
    _samples(_name)


def _spline(fit: Callable[[Any], Any], y: Any, axis: int, k: int, whole: Any = None) -> Any:
    """The spline whose coefficients for the values ``y`` are those of the constant fit.

    ``fit`` is linear in the values; ``whole`` has conditions beside them, which it meets for
    values that are all 0.
    """
    y = ops.moveaxis(inexact(y), axis, 0)
    n, rest = y.shape[0], tuple(y.shape[1:])
    knots = fit(ops.to_numpy(ops.zeros((n,), dtype=ops.float64, device="cpu"))).t
    matrix, offset = _columns(lambda e: fit(e).c, n, y)
    c = ops.matmul(matrix, ops.reshape(y, (n, -1))) + ops.expand_dims(offset, axis=1)
    c = ops.reshape(c, (c.shape[0], *rest))
    if whole is not None:
        dtype = ops.complex128 if as_dtype(y.dtype).is_complex else ops.float64
        zeros = ops.to_numpy(ops.zeros((n, *rest), dtype=dtype, device="cpu"))
        c = c + constant(whole(zeros).c, y)
    made = rerun_class(scipy("interpolate.BSpline"))
    return made.construct_fast(constant(knots, y), c, k, axis=axis % max(len(y.shape), 1))


def _homogeneous(conditions: Any) -> Any:
    """Conditions at the ends, with derivatives of 0 for those given."""
    if not isinstance(conditions, tuple | list):
        return conditions
    return tuple(
        side if side is None or isinstance(side, str) else [(order, 0.0) for order, _ in side]
        for side in conditions
    )


@stand_in("interpolate.make_interp_spline")
def make_interp_spline(
    x: Any,
    y: Any,
    k: int = 3,
    t: Any = None,
    bc_type: Any = None,
    axis: int = 0,
    check_finite: bool = True,
) -> Any:
    """scipy.interpolate.make_interp_spline, by the values."""
    name = "interpolate.make_interp_spline"
    x, t = _plain(name, x=x, t=t)
    fit, none = scipy(name), _homogeneous(bc_type)
    whole = None if none is bc_type else lambda v: fit(x, v, k, t, bc_type)
    return _spline(lambda v: fit(x, v, k, t, none), y, axis, k, whole)


@stand_in("interpolate.make_lsq_spline")
def make_lsq_spline(
    x: Any,
    y: Any,
    t: Any,
    k: int = 3,
    w: Any = None,
    axis: int = 0,
    check_finite: bool = True,
    *,
    method: str = "qr",
) -> Any:
    """scipy.interpolate.make_lsq_spline, by the values."""
    name = "interpolate.make_lsq_spline"
    x, t, w = _plain(name, x=x, t=t, w=w)
    return _spline(lambda v: scipy(name)(x, v, t, k, w), y, axis, k)


@stand_in("interpolate.make_smoothing_spline")
def make_smoothing_spline(x: Any, y: Any, w: Any = None, lam: Any = None, *, axis: int = 0) -> Any:
    """scipy.interpolate.make_smoothing_spline with a given ``lam``, by the values."""
    name = "interpolate.make_smoothing_spline"
    if lam is None:
        raise no_stand_in(name, "lam=None, which depends on the values,")
    x, w, lam = _plain(name, x=x, w=w, lam=lam)
    return _spline(lambda v: scipy(name)(x, v, w, lam), y, axis, 3)
