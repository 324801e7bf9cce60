"""scipy.interpolate: what its classes leave to compiled code."""

import itertools
from typing import Any

from polygrad import ops
from polygrad.errors import ArgumentValueError
from polygrad.scipy_functions.rerun import asarray
from polygrad.scipy_functions.table import method, no_stand_in, scipy


def _kept(instance: Any, name: str) -> Any:
    """An array that an instance keeps, which some versions of SciPy do under a private name."""
    private = getattr(instance, f"_{name}", None)
    return asarray(getattr(instance, name) if private is None else private)


def _interval(breaks: Any, x: Any) -> Any:
    """The interval of each point; the first and last reach on."""
    n = breaks.shape[0]
    ascending = bool(breaks[0] <= breaks[-1])
    order = breaks if ascending else ops.flip(breaks)
    place = ops.searchsorted(ops.stop_gradient(order), ops.stop_gradient(x), side="right") - 1
    place = ops.clip(place, 0, n - 2)
    return place if ascending else n - 2 - place


@method("interpolate._PPolyBase._ensure_c_contiguous")
@method("interpolate.BSpline._ensure_c_contiguous")
def keep_layout(self: Any) -> None:
    """Nothing: the layout in memory is not for NumPy's compiled code here."""


@method("interpolate.PPoly._evaluate")
def evaluate_piecewise(self: Any, x: Any, nu: int, extrapolate: Any, out: Any) -> None:
    """The value of a piecewise polynomial, or of its derivative, written into ``out``."""
    breaks, c = _kept(self, "x"), _kept(self, "c")
    c = ops.reshape(c, (c.shape[0], c.shape[1], -1))
    x = asarray(x)
    place = _interval(breaks, x)
    step = ops.expand_dims(x - ops.take(breaks, place), axis=1)
    degree = c.shape[0] - 1
    total = ops.zeros((x.shape[0], c.shape[2]), dtype=c.dtype, device=c.device)
    for k in range(degree + 1 - nu):
        factor = 1.0
        for i in range(nu):
            factor *= degree - k - i
        total = total * step + factor * ops.take(c[k, ...], place, axis=0)
    if not extrapolate:
        low, high = ops.min(breaks), ops.max(breaks)
        outside = ops.expand_dims((x < low) | (x > high), axis=1)
        total = ops.where(outside, ops.full_like(total, float("nan")), total)
    out[...] = ops.astype(total, out.dtype, copy=False)


@method("interpolate.PPoly.antiderivative")
def antiderivative(self: Any, nu: int = 1) -> Any:
    """The piecewise polynomial whose derivative is this one, continuous and 0 at the start."""
    if nu <= 0:
        return self.derivative(-nu)
    breaks, c = _kept(self, "x"), _kept(self, "c")
    degree = c.shape[0]
    parts = [c[k, ...] / (degree - k) for k in range(degree)]
    steps = breaks[1:] - breaks[:-1]
    steps = ops.reshape(steps, (-1,) + (1,) * (len(c.shape) - 2))
    rise = sum(part * steps ** (degree - k) for k, part in enumerate(parts))
    before = ops.cumulative_sum(rise, axis=0, include_initial=True)[:-1, ...]
    extrapolate = False if self.extrapolate == "periodic" else self.extrapolate
    made = self.construct_fast(ops.stack([*parts, before]), breaks, extrapolate, self.axis)
    return made if nu == 1 else antiderivative(made, nu - 1)


@method("interpolate.PPoly.integrate")
def integrate(self: Any, a: Any, b: Any, extrapolate: Any = None) -> Any:
    """The integral from ``a`` to ``b``."""
    extrapolate = self.extrapolate if extrapolate is None else extrapolate
    if extrapolate == "periodic":
        raise no_stand_in("interpolate.PPoly.integrate", "extrapolate='periodic'")
    total = antiderivative(self)
    return total(asarray(b), extrapolate=extrapolate) - total(asarray(a), extrapolate=extrapolate)


@method("interpolate.BSpline.__call__")
def evaluate_spline(self: Any, x: Any, nu: int = 0, extrapolate: Any = None) -> Any:
    """The value of a spline, or of its derivative, by de Boor's recursion."""
    extrapolate = self.extrapolate if extrapolate is None else extrapolate
    t, c, k, x = _kept(self, "t"), _kept(self, "c"), self.k, asarray(x, "float64")
    shape, rest = tuple(x.shape), tuple(c.shape[1:])
    x, c = ops.reshape(x, (-1,)), ops.reshape(c, (c.shape[0], -1))
    n = t.shape[0] - k - 1
    if extrapolate == "periodic":
        x = t[k] + (x - t[k]) % (t[n] - t[k])
    place = ops.searchsorted(ops.stop_gradient(t), ops.stop_gradient(x), side="right") - 1
    place = ops.clip(place, k, n - 1)
    points = [ops.take(c, place - k + j, axis=0) for j in range(k + 1)]

    def knot(offset: int) -> Any:
        return ops.expand_dims(ops.take(t, place + offset), axis=1)

    if nu > k:
        points, nu = [points[0] * 0], k
    for degree in range(k, k - nu, -1):  # the coefficients of the derivatives
        points = [
            degree * (right - left) / (knot(j + 1) - knot(j + 1 - degree))
            for j, (left, right) in enumerate(zip(points, points[1:], strict=False))
        ]
    for degree in range(len(points) - 1, 0, -1):
        points = [
            left + (right - left) * (ops.expand_dims(x, axis=1) - knot(j + 1 - degree))
            / (knot(j + 1) - knot(j + 1 - degree))
            for j, (left, right) in enumerate(zip(points, points[1:], strict=False))
        ]  # fmt: skip
    total = points[0]
    if not extrapolate:
        outside = ops.expand_dims((x < t[k]) | (x > t[n]), axis=1)
        total = ops.where(outside, ops.full_like(total, float("nan")), total)
    out = ops.reshape(total, shape + rest)
    if self.axis:
        order = list(range(len(out.shape)))
        points_axes = order[: len(shape)]
        others = order[len(shape) :]
        out = ops.permute_dims(out, (*others[: self.axis], *points_axes, *others[self.axis :]))
    return out


_DEGREES = {"slinear": 1, "cubic": 3, "quintic": 5}


@method("interpolate.RegularGridInterpolator._construct_spline")
def no_spline(self: Any, *_: Any) -> None:
    """Nothing: SciPy solves for coefficients in compiled code, here they are products."""


@method("interpolate.RegularGridInterpolator.__call__")
def evaluate_on_grid(self: Any, xi: Any, method: Any = None, *, nu: Any = None) -> Any:
    """The value between the points of a grid: linear in each coordinate, nearest, or a spline's."""
    name = "interpolate.RegularGridInterpolator"
    kind = self.method if method is None else method
    if kind not in ("linear", "nearest", *_DEGREES):
        raise no_stand_in(name, f"method={kind!r}")
    if nu is not None and kind not in _DEGREES:
        raise ArgumentValueError(f"scipy.{name}: got nu={nu!r} and method={kind!r}, which has none")
    values = asarray(self._values if hasattr(self, "_values") else self.values)
    grid = [asarray(points) for points in self.grid]
    if isinstance(xi, tuple):
        x = ops.stack(ops.broadcast_arrays(*map(asarray, xi)), axis=-1)
    else:
        x = asarray(xi)
    if len(x.shape) == 1 and not isinstance(xi, tuple):  # one point is a list of one
        x = ops.reshape(x, (-1, len(grid)))
    shape, flat = tuple(x.shape[:-1]), ops.reshape(x, (-1, x.shape[-1]))
    outside: Any = None
    for i, points in enumerate(grid):
        beyond = (flat[:, i] < ops.min(points)) | (flat[:, i] > ops.max(points))
        outside = beyond if outside is None else outside | beyond
    if self.bounds_error and bool(ops.any(outside)):
        raise ArgumentValueError(
            f"scipy.{name}: got a point outside the grid, expected none; give bounds_error=False"
        )
    if kind in _DEGREES:
        total = _of_splines(grid, values, flat, _DEGREES[kind], nu)
    else:
        total = _of_cells(grid, values, flat, kind)
    if not self.bounds_error and self.fill_value is not None:
        mask = ops.reshape(outside, (-1,) + (1,) * (len(total.shape) - 1))
        total = ops.where(mask, ops.full_like(total, float(self.fill_value)), total)
    return ops.reshape(total, shape + tuple(values.shape[len(grid) :]))


def _of_cells(grid: list[Any], values: Any, flat: Any, kind: str) -> Any:
    """The values at the corners of each point's cell, weighted."""
    places, shares = [], []
    for i, points in enumerate(grid):
        place = _interval(points, flat[:, i])
        left, right = ops.take(points, place), ops.take(points, place + 1)
        share = (flat[:, i] - left) / (right - left)
        if kind == "nearest":
            share = ops.astype(ops.stop_gradient(share) > 0.5, share.dtype)
        places.append(place)
        shares.append(share)
    total: Any = 0.0
    for corner in itertools.product((0, 1), repeat=len(grid)):
        weight: Any = 1.0
        for upper, share in zip(corner, shares, strict=True):
            weight = weight * (share if upper else 1 - share)
        index = tuple(place + upper for place, upper in zip(places, corner, strict=True))
        part = values[index]
        weight = ops.reshape(weight, (-1,) + (1,) * (len(part.shape) - 1))
        total = total + weight * part
    return total


def _of_splines(grid: list[Any], values: Any, flat: Any, degree: int, nu: Any) -> Any:
    """The product of an interpolating spline along each axis of the grid."""
    orders = [0] * len(grid) if nu is None else [int(order) for order in nu]
    if len(orders) != len(grid):
        raise ArgumentValueError(f"scipy.interpolate: got nu={nu!r}, expected {len(grid)} orders")
    make = scipy("interpolate.make_interp_spline")
    total = values
    for i, (points, order) in enumerate(zip(grid, orders, strict=True)):
        eye = ops.eye(points.shape[0], dtype=points.dtype, device=points.device)
        weights = make(points, eye, k=degree)(flat[:, i], order)
        weights = ops.astype(weights, values.dtype, copy=False)
        if i == 0:  # points of the grid first, then one value for each point asked for
            total = ops.tensordot(weights, total, axes=((1,), (0,)))
        else:
            weights = ops.reshape(weights, (*weights.shape, *(1,) * (len(total.shape) - 2)))
            total = ops.sum(weights * total, axis=1)
    return total
