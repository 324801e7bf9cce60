"""scipy.ndimage: values between the elements of an array, by splines, and what moves images."""

import itertools
import math
from typing import Any

from polygrad import ops
from polygrad.array import Array
from polygrad.errors import ArgumentValueError
from polygrad.scipy_functions.images import axes_of, axis_of
from polygrad.scipy_functions.table import array, constant, inexact, no_stand_in, scipy, stand_in
from polygrad.scipy_functions.windows import apply_along, each

_MODES = ("constant", "mirror", "reflect", "grid-mirror", "grid-wrap", "nearest")
_PADDING = 12
"""What SciPy adds at the borders where the spline itself has no such border."""


def _bump(t: Any, order: int) -> Any:
    """The B-spline of an order around 0."""
    total: Any = 0.0
    for k in range(order + 2):
        part = ops.maximum(t + ((order + 1) / 2 - k), 0.0)
        total = total + (-1) ** k * math.comb(order + 1, k) * part**order
    return total / math.factorial(order)


def _inside(index: Any, n: int, mode: str) -> Any:
    """An index beyond the border as the one of the element that stands there."""
    if n == 1:
        return index * 0
    if mode == "grid-wrap":
        return index % n
    if mode == "nearest":
        return ops.clip(index, 0, n - 1)
    if mode in ("reflect", "grid-mirror"):
        index = index % (2 * n)
        return ops.minimum(index, 2 * n - 1 - index)
    index = index % (2 * n - 2)
    return ops.minimum(index, 2 * n - 2 - index)


def _reflected(at: Any, n: int, mode: str) -> Any:
    """Coordinates beyond the border as those that stand there, which are halved otherwise."""
    if mode in ("reflect", "grid-mirror"):
        t = (at + 0.5) % (2 * n)
        return ops.where(t > n, 2 * n - t, t) - 0.5
    if mode == "mirror" and n > 1:
        t = abs(at) % (2 * n - 2)
        return ops.where(t >= ops.where(at < 0, float(n - 1), float(n)), 2 * n - 2 - t, t)
    return at


def interpolated(
    name: str, x: Any, places: list[Any], order: int, mode: str, cval: Any, prefilter: bool
) -> Any:
    """The values at coordinates, one array of them for each of the leading axes."""
    if mode not in _MODES:
        raise no_stand_in(f"ndimage.{name}", f"mode={mode!r}")
    if order not in range(6):
        raise ArgumentValueError(f"scipy.ndimage.{name}: got order {order}, expected 0 to 5")
    outside: Any = None
    moved, kept = len(places), len(x.shape) - len(places)
    if mode == "constant":
        for at, n in zip(places, x.shape[:moved], strict=True):
            beyond = (at < 0) | (at > n - 1)
            outside = beyond if outside is None else outside | beyond
    if mode == "nearest" and order > 1 and prefilter:
        x = ops.pad(x, [(_PADDING, _PADDING)] * moved + [(0, 0)] * kept, mode="edge")
        places = [at + _PADDING for at in places]
    sizes = x.shape[:moved]
    if mode == "nearest" and order < 2:
        places = [ops.clip(at, 0, n - 1) for at, n in zip(places, sizes, strict=True)]
    if order > 1 and prefilter:
        border = "mirror" if mode in ("constant", "nearest") else mode
        for axis in range(moved):
            x = spline_filter1d(x, order, axis, None, border)
    indices, weights = [], []
    for at, n in zip(places, sizes, strict=True):
        fixed = ops.stop_gradient(at)
        if order == 0:  # the nearest element is looked for after the reflection
            fixed = _reflected(fixed, n, mode)
        middle = ops.floor(fixed if order % 2 else fixed + 0.5)
        first = ops.astype(middle, ops.int64) - order // 2
        taps = [first + j for j in range(order + 1)]
        indices.append([_inside(tap, n, mode) for tap in taps])
        if order == 0:
            weights.append([ops.ones_like(at)])
        else:
            weights.append([_bump(at - ops.astype(tap, at.dtype), order) for tap in taps])
    total: Any = 0.0
    for corner in itertools.product(range(order + 1), repeat=len(places)):
        weight: Any = 1.0
        for axis, j in enumerate(corner):
            weight = weight * weights[axis][j]
        found = x[tuple(indices[axis][j] for axis, j in enumerate(corner))]
        total = total + ops.reshape(weight, (*weight.shape, *(1,) * kept)) * found
    if outside is None:
        return total
    outside = ops.reshape(outside, (*outside.shape, *(1,) * kept))
    return ops.where(outside, ops.full_like(total, cval), total)


def _real(x: Any) -> Any:
    """The data type of coordinates in an image: real, also where the image is complex."""
    return ops.real(x).dtype


def _grid(shape: Any, like: Any) -> list[Any]:
    """The coordinates of every element of an array of a shape."""
    if not len(shape):
        return []
    dtype = _real(like)
    steps = [ops.arange(int(n), dtype=dtype, device=like.device) for n in shape]
    return list(ops.meshgrid(*steps, indexing="ij"))


def _written(value: Any, output: Any) -> Any:
    """A result, also written into the Array that was given for it."""
    if output is None:
        return value
    if type(output) is not Array:
        raise no_stand_in("ndimage", "output= that is not a polygrad array")
    output[...] = value
    return output


@stand_in("ndimage.map_coordinates")
def map_coordinates(
    input: Any,  # noqa: A002
    coordinates: Any,
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: Any = 0.0,
    prefilter: bool = True,
) -> Any:
    """scipy.ndimage.map_coordinates; differentiable by the image and the coordinates."""
    x = inexact(input)
    places = [ops.astype(part, _real(x), copy=False) for part in ops.unstack(inexact(coordinates))]
    return _written(
        interpolated("map_coordinates", x, places, order, mode, cval, prefilter), output
    )


@stand_in("ndimage.shift")
def shift(
    input: Any,  # noqa: A002
    shift: Any,
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: Any = 0.0,
    prefilter: bool = True,
) -> Any:
    """scipy.ndimage.shift; differentiable by the shift too."""
    x = inexact(input)
    by = (
        [shift] * len(x.shape) if getattr(shift, "shape", None) == () else each(shift, len(x.shape))
    )
    places = [at - step for at, step in zip(_grid(x.shape, x), by, strict=True)]
    return _written(interpolated("shift", x, places, order, mode, cval, prefilter), output)


@stand_in("ndimage.zoom")
def zoom(
    input: Any,  # noqa: A002
    zoom: Any,
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: Any = 0.0,
    prefilter: bool = True,
    *,
    grid_mode: bool = False,
) -> Any:
    """scipy.ndimage.zoom by constant factors."""
    x = inexact(input)
    if grid_mode:
        raise no_stand_in("ndimage.zoom", "grid_mode=True")
    factors = each(zoom, len(x.shape))
    shape = [round(n * factor) for n, factor in zip(x.shape, factors, strict=True)]
    places = [
        at * ((n - 1) / (m - 1) if m > 1 else 1.0)
        for at, n, m in zip(_grid(shape, x), x.shape, shape, strict=True)
    ]
    return _written(interpolated("zoom", x, places, order, mode, cval, prefilter), output)


@stand_in("ndimage.affine_transform")
def affine_transform(
    input: Any,  # noqa: A002
    matrix: Any,
    offset: Any = 0.0,
    output_shape: Any = None,
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: Any = 0.0,
    prefilter: bool = True,
) -> Any:
    """scipy.ndimage.affine_transform; differentiable by the matrix and the offset too."""
    x = inexact(input)
    ndim = len(x.shape)
    matrix = ops.astype(inexact(matrix), _real(x), copy=False)
    if len(matrix.shape) == 2 and matrix.shape[1] == ndim + 1:
        offset, matrix = matrix[:ndim, ndim], matrix[:ndim, :ndim]
    if output_shape is None:
        output_shape = output.shape if type(output) is Array else x.shape
    grid = _grid(output_shape, x)
    offsets = [offset] * ndim if isinstance(offset, int | float) else offset
    places = []
    for i in range(ndim):
        if len(matrix.shape) == 1:
            at = matrix[i] * grid[i]
        else:
            at = sum((matrix[i, j] * grid[j] for j in range(1, ndim)), matrix[i, 0] * grid[0])
        places.append(at + offsets[i])
    return _written(
        interpolated("affine_transform", x, places, order, mode, cval, prefilter), output
    )


def _turned(degrees: Any) -> tuple[Any, Any]:
    """Cosine and sine of an angle in degrees, exact at the multiples of 90."""
    quarter = ops.round(degrees / 90)
    rest = (degrees - 90 * quarter) * (math.pi / 180)
    c, s = ops.cos(rest), ops.sin(rest)
    quarter = ops.stop_gradient(quarter) % 4
    turned = [(c, s), (-s, c), (-c, -s), (s, -c)]
    for k in (1, 2, 3):
        turned[0] = tuple(
            ops.where(quarter == k, there, here)
            for there, here in zip(turned[k], turned[0], strict=True)
        )
    return turned[0]


@stand_in("ndimage.rotate")
def rotate(
    input: Any,  # noqa: A002
    angle: Any,
    axes: Any = (1, 0),
    reshape: bool = True,
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: Any = 0.0,
    prefilter: bool = True,
) -> Any:
    """scipy.ndimage.rotate; differentiable by the angle too, in degrees."""
    x = inexact(input)
    first, second = sorted(axes_of(axes, len(x.shape)))
    c, s = _turned(ops.astype(array(angle), _real(x)))
    height, width = x.shape[first], x.shape[second]
    x = ops.moveaxis(x, (first, second), (0, 1))  # each plane of the two axes is turned alone
    shape = [height, width]
    if reshape:
        cosine, sine = (ops.stop_gradient(v).item() for v in (c, s))
        corners = [(0, 0), (0, width), (height, 0), (height, width)]
        rows = [cosine * i + sine * j for i, j in corners]
        columns = [cosine * j - sine * i for i, j in corners]
        shape[0] = int(max(rows) - min(rows) + 0.5)
        shape[1] = int(max(columns) - min(columns) + 0.5)
    i, j = _grid(shape, x)
    i, j = i - (shape[0] - 1) / 2, j - (shape[1] - 1) / 2
    places = [c * i + s * j + (height - 1) / 2, c * j - s * i + (width - 1) / 2]
    found = interpolated("rotate", x, places, order, mode, cval, prefilter)
    return _written(ops.moveaxis(found, (0, 1), (first, second)), output)


@stand_in("ndimage.spline_filter1d")
def spline_filter1d(
    input: Any,  # noqa: A002
    order: int = 3,
    axis: int = -1,
    output: Any = None,
    mode: str = "mirror",
) -> Any:
    """scipy.ndimage.spline_filter1d, as a product with its matrix."""
    x = inexact(input)
    if order in (0, 1) or x.shape[axis] == 1:
        return x
    eye = ops.to_numpy(ops.eye(x.shape[axis], dtype=ops.float64, device="cpu"))
    matrix = scipy("ndimage.spline_filter1d")(eye, order, axis=0, mode=mode)
    return apply_along(constant(matrix, x), x, axis_of(axis, x))


@stand_in("ndimage.spline_filter")
def spline_filter(
    input: Any,  # noqa: A002
    order: int = 3,
    output: Any = None,
    mode: str = "mirror",
) -> Any:
    """scipy.ndimage.spline_filter."""
    x = inexact(input)
    for axis in range(len(x.shape)):
        x = spline_filter1d(x, order, axis, None, mode)
    return x


@stand_in("ndimage.geometric_transform")
def geometric_transform(
    input: Any,  # noqa: A002
    mapping: Any,
    output_shape: Any = None,
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: Any = 0.0,
    prefilter: bool = True,
    extra_arguments: tuple[Any, ...] = (),
    extra_keywords: Any = None,
) -> Any:
    """scipy.ndimage.geometric_transform by a mapping of coordinates; it is called once for each."""
    x = inexact(input)
    shape = tuple(x.shape if output_shape is None else output_shape)
    found = [
        mapping(place, *extra_arguments, **(extra_keywords or {}))
        for place in itertools.product(*map(range, shape))
    ]
    places = [
        ops.reshape(ops.stack([ops.astype(array(p[i]), _real(x)) for p in found]), shape)
        for i in range(len(x.shape))
    ]
    value = interpolated("geometric_transform", x, places, order, mode, cval, prefilter)
    return _written(value, output)
