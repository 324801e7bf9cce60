"""scipy.ndimage: filters of a neighbourhood."""

import operator
from collections.abc import Callable
from typing import Any

from polygrad import ops
from polygrad.array import Array
from polygrad.dtypes import as_dtype
from polygrad.errors import ArgumentValueError, ShapeError
from polygrad.scipy_functions.table import (
    constant,
    inexact,
    no_stand_in,
    scipy,
    stand_in,
    together,
)
from polygrad.scipy_functions.windows import bordered, correlated, each, neighbourhoods, windows


def image(name: str, x: Any, output: Any) -> Any:
    """The image; an output of one's own has no place here."""
    if output is not None:
        raise no_stand_in(f"ndimage.{name}", "output=")
    return inexact(x)


def axes_of(axes: Any, ndim: int) -> list[int]:
    """Axes as places counted from the first; all of them for None."""
    one = isinstance(axes, int) or getattr(axes, "shape", None) == ()
    given = range(ndim) if axes is None else [axes] if one else list(axes)
    places = []
    for axis in map(operator.index, given):
        if not -ndim <= axis < ndim:
            raise ArgumentValueError(
                f"got axis {axis} for an array with {ndim} axes, expected {-ndim} to {ndim - 1}"
            )
        places.append(axis % ndim)
    if len(set(places)) < len(places):
        raise ArgumentValueError(f"got axes {tuple(given)}, expected each axis once")
    return places


def axis_of(axis: Any, x: Any) -> int:
    """One axis of an array, as a place counted from the first."""
    return axes_of(operator.index(axis), len(x.shape))[0]


@stand_in("ndimage.correlate1d")
def correlate1d(
    input: Any,  # noqa: A002
    weights: Any,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: Any = 0.0,
    origin: int = 0,
) -> Any:
    """scipy.ndimage.correlate1d."""
    x, w = together(image("correlate1d", input, output), weights)
    w = _conjugate(w)
    return correlated("ndimage.correlate1d", x, w, axis_of(axis, x), mode, cval, origin)


@stand_in("ndimage.convolve1d")
def convolve1d(
    input: Any,  # noqa: A002
    weights: Any,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: Any = 0.0,
    origin: int = 0,
) -> Any:
    """scipy.ndimage.convolve1d."""
    w = _conjugate(inexact(weights))  # which the correlation takes back
    origin = -origin - (1 if w.shape[0] % 2 == 0 else 0)
    return correlate1d(input, ops.flip(w), axis, output, mode, cval, origin)


def _conjugate(w: Any) -> Any:
    return ops.conj(w) if as_dtype(w.dtype).is_complex else w


@stand_in("ndimage.correlate")
def correlate(
    input: Any,  # noqa: A002
    weights: Any,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Any:
    """scipy.ndimage.correlate; complex weights are conjugated."""
    return _weighted("correlate", input, weights, output, mode, cval, origin, axes, False)


def _weighted(name: str, x: Any, w: Any, output: Any, mode: Any, cval: Any, origin: Any, axes: Any, turned: bool) -> Any:  # fmt: skip # noqa: E501
    """The weighted sum of each neighbourhood, with the weights ``turned`` round or conjugated."""
    x, w = together(image(name, x, output), w)
    places = axes_of(axes, len(x.shape))
    if len(w.shape) != len(places):
        raise ShapeError(
            f"scipy.ndimage.{name}: got weights of shape {w.shape}, expected {len(places)} axes"
        )
    w = ops.flip(w) if turned else _conjugate(w)
    ndim = len(x.shape)
    # The axes of the weights go with those of the image in ascending order, whatever `axes` is.
    sizes = spread(list(w.shape), sorted(places), ndim, 1)
    modes = spread(each(mode, len(places)), places, ndim, "reflect")
    origins = origins_of(origin, places, ndim)
    if turned:
        origins = [-o - (1 if n % 2 == 0 else 0) for o, n in zip(origins, sizes, strict=True)]
    around = neighbourhoods(f"ndimage.{name}", x, sizes, modes, cval, origins)
    return ops.matmul(around, ops.reshape(w, (-1,)))


def origins_of(origin: Any, places: list[int], ndim: int) -> list[Any]:
    """Origins of all axes: where all are filtered SciPy takes them in order, whatever `axes` is."""
    given = each(origin, len(places))
    return given if len(places) == ndim else spread(given, places, ndim, 0)


def spread(values: list[Any], places: list[int], ndim: int, default: Any) -> list[Any]:
    """Values for some axes as values for all."""
    found = [default] * ndim
    for place, value in zip(places, values, strict=True):
        found[place] = value
    return found


@stand_in("ndimage.convolve")
def convolve(
    input: Any,  # noqa: A002
    weights: Any,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Any:
    """scipy.ndimage.convolve."""
    return _weighted("convolve", input, weights, output, mode, cval, origin, axes, True)


def _along_axes(
    name: str, x: Any, axes: Any, mode: Any, settings: Any, one: Callable[..., Any]
) -> Any:
    """A filter along several axes, one after the other."""
    places = axes_of(axes, len(x.shape))
    modes = each(mode, len(places))
    columns = [each(value, len(places)) for value in settings]
    for i, axis in enumerate(places):
        x = one(x, axis, modes[i], *(column[i] for column in columns))
    return x


@stand_in("ndimage.gaussian_filter1d")
def gaussian_filter1d(
    input: Any,  # noqa: A002
    sigma: Any,
    axis: int = -1,
    order: int = 0,
    output: Any = None,
    mode: str = "reflect",
    cval: Any = 0.0,
    truncate: float = 4.0,
    *,
    radius: Any = None,
) -> Any:
    """scipy.ndimage.gaussian_filter1d; differentiable by ``sigma`` too."""
    x = image("gaussian_filter1d", input, output)
    width = ops.stop_gradient(sigma).item() if type(sigma) is Array else float(sigma)
    reach = int(truncate * width + 0.5) if radius is None else int(radius)
    sigma = ops.astype(sigma, x.dtype) if type(sigma) is Array else constant(float(sigma), x)
    t = ops.arange(-reach, reach + 1, dtype=x.dtype, device=x.device)
    bell = ops.exp(-0.5 * ops.square(t / sigma))
    bell = bell / ops.sum(bell)
    # The derivative of the bell is a Hermite polynomial times it.
    before, factor = ops.zeros_like(t), ops.ones_like(t)
    for k in range(order):
        before, factor = factor, -(t * factor + k * before) / ops.square(sigma)
    weights = ops.flip(bell * factor)
    return correlated("ndimage.gaussian_filter1d", x, weights, axis_of(axis, x), mode, cval, 0)


@stand_in("ndimage.gaussian_filter")
def gaussian_filter(
    input: Any,  # noqa: A002
    sigma: Any,
    order: Any = 0,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    truncate: float = 4.0,
    *,
    radius: Any = None,
    axes: Any = None,
) -> Any:
    """scipy.ndimage.gaussian_filter; differentiable by ``sigma`` too."""
    x = image("gaussian_filter", input, output)
    count = len(axes_of(axes, len(x.shape)))
    sigmas = [sigma] * count if getattr(sigma, "shape", None) == () else each(sigma, count)
    radii = [radius] * count if radius is None else radius

    def one(x: Any, axis: int, mode: str, sigma: Any, order: int, radius: Any) -> Any:
        if type(sigma) is not Array and sigma <= 1e-15:
            return x
        return gaussian_filter1d(x, sigma, axis, order, None, mode, cval, truncate, radius=radius)

    return _along_axes("gaussian_filter", x, axes, mode, (sigmas, order, radii), one)


@stand_in("ndimage.uniform_filter1d")
def uniform_filter1d(
    input: Any,  # noqa: A002
    size: int,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: Any = 0.0,
    origin: int = 0,
) -> Any:
    """scipy.ndimage.uniform_filter1d."""
    x = image("uniform_filter1d", input, output)
    axis = axis_of(axis, x)
    before = size // 2 + origin
    x = bordered("ndimage.uniform_filter1d", x, axis, before, size - 1 - before, mode, cval)
    return ops.mean(windows(x, size, axis), axis=-1)


@stand_in("ndimage.uniform_filter")
def uniform_filter(
    input: Any,  # noqa: A002
    size: Any = 3,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Any:
    """scipy.ndimage.uniform_filter."""
    x = image("uniform_filter", input, output)

    def one(x: Any, axis: int, mode: str, size: int, origin: int) -> Any:
        return uniform_filter1d(x, size, axis, None, mode, cval, origin)

    return _along_axes("uniform_filter", x, axes, mode, (size, origin), one)


def _edges(name: str, smooth: list[float]) -> None:
    def function(
        input: Any,  # noqa: A002
        axis: int = -1,
        output: Any = None,
        mode: Any = "reflect",
        cval: Any = 0.0,
    ) -> Any:
        x = image(name, input, output)
        axis = axis_of(axis, x)
        kinds = each(mode, len(x.shape))
        others = [i for i in range(len(x.shape)) if i != axis]
        for i in (axis, *others):  # in SciPy's order, which a constant beyond the border shows
            kind = kinds[i]
            weights = constant([-1.0, 0.0, 1.0] if i == axis else smooth, x)
            x = correlated(f"ndimage.{name}", x, weights, i, kind, cval, 0)
        return x

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"scipy.ndimage.{name}."
    stand_in(f"ndimage.{name}")(function)


_edges("sobel", [1.0, 2.0, 1.0])
_edges("prewitt", [1.0, 1.0, 1.0])


@stand_in("ndimage.laplace")
def laplace(
    input: Any,  # noqa: A002
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    *,
    axes: Any = None,
) -> Any:
    """scipy.ndimage.laplace."""
    x = image("laplace", input, output)
    places = axes_of(axes, len(x.shape))
    if not places:
        return x
    weights = constant([1.0, -2.0, 1.0], x)
    parts = [
        correlated("ndimage.laplace", x, weights, axis, kind, cval, 0)
        for axis, kind in zip(places, each(mode, len(places)), strict=True)
    ]
    return sum(parts[1:], parts[0])


def _second(x: Any, sigmas: list[Any], order: int, mode: Any, cval: Any, places: list[int], options: Any, combine: Any) -> Any:  # fmt: skip # noqa: E501
    """Derivatives of a smoothed image along each of some axes, put together."""
    parts = []
    for place, kind in zip(places, each(mode, len(places)), strict=True):
        orders = [order if i == place else 0 for i in range(len(x.shape))]
        part = gaussian_filter(x, sigmas, orders, None, kind, cval, **options)
        parts.append(combine(part))
    return sum(parts[1:], parts[0])


@stand_in("ndimage.gaussian_laplace")
def gaussian_laplace(
    input: Any,  # noqa: A002
    sigma: Any,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    *,
    axes: Any = None,
    **kwargs: Any,
) -> Any:
    """scipy.ndimage.gaussian_laplace."""
    x = image("gaussian_laplace", input, output)
    ndim = len(x.shape)
    places = axes_of(axes, ndim)
    if not places:
        return x
    sigmas = each(sigma, len(places))
    if len(places) < ndim:  # else SciPy takes them in the order of the image's axes
        sigmas = spread(sigmas, places, ndim, 0.0)
    return _second(x, sigmas, 2, mode, cval, places, kwargs, lambda part: part)


@stand_in("ndimage.gaussian_gradient_magnitude")
def gaussian_gradient_magnitude(
    input: Any,  # noqa: A002
    sigma: Any,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    *,
    axes: Any = None,
    **kwargs: Any,
) -> Any:
    """scipy.ndimage.gaussian_gradient_magnitude."""
    x = image("gaussian_gradient_magnitude", input, output)
    places = axes_of(axes, len(x.shape))
    if not places:
        return x
    sigmas = each(sigma, len(x.shape))  # SciPy smooths along all axes, whatever `axes` is
    return ops.sqrt(_second(x, sigmas, 1, mode, cval, places, kwargs, ops.square))


# -- in the space of frequencies -------------------------------------------------------------


def _filtered(name: str, x: Any, by: Any, n: int, axis: int, output: Any) -> Any:
    """A product with a constant factor, which is what the filter makes of ones."""
    x = image(name, x, output)
    ones = ops.to_numpy(ops.ones(x.shape, dtype=ops.complex128, device="cpu"))
    factor = ops.asarray(scipy(f"ndimage.{name}")(ones, by, n, axis), device=x.device)
    if name != "fourier_shift":
        factor = ops.real(factor)
    return x * factor


@stand_in("ndimage.fourier_gaussian")
def fourier_gaussian(input: Any, sigma: Any, n: int = -1, axis: int = -1, output: Any = None) -> Any:  # fmt: skip # noqa: A002, E501
    """scipy.ndimage.fourier_gaussian, by a constant."""
    return _filtered("fourier_gaussian", input, sigma, n, axis, output)


@stand_in("ndimage.fourier_uniform")
def fourier_uniform(input: Any, size: Any, n: int = -1, axis: int = -1, output: Any = None) -> Any:  # fmt: skip # noqa: A002, E501
    """scipy.ndimage.fourier_uniform, by a constant."""
    return _filtered("fourier_uniform", input, size, n, axis, output)


@stand_in("ndimage.fourier_ellipsoid")
def fourier_ellipsoid(input: Any, size: Any, n: int = -1, axis: int = -1, output: Any = None) -> Any:  # fmt: skip # noqa: A002, E501
    """scipy.ndimage.fourier_ellipsoid, by a constant."""
    return _filtered("fourier_ellipsoid", input, size, n, axis, output)


@stand_in("ndimage.fourier_shift")
def fourier_shift(input: Any, shift: Any, n: int = -1, axis: int = -1, output: Any = None) -> Any:  # fmt: skip # noqa: A002, E501
    """scipy.ndimage.fourier_shift, by a constant."""
    return _filtered("fourier_shift", input, shift, n, axis, output)
