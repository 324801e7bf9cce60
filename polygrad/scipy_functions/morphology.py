"""scipy.ndimage: greyscale morphology, and filters by a function of one's own."""

from collections.abc import Callable
from typing import Any

from polygrad import ops
from polygrad.errors import ArgumentValueError
from polygrad.scipy_functions.images import axes_of, image
from polygrad.scipy_functions.ranks import around
from polygrad.scipy_functions.table import array, constant, inexact, integers, stand_in
from polygrad.scipy_functions.windows import each


def _structured(name: str, x: Any, size: Any, footprint: Any, structure: Any, mode: Any, cval: Any, origin: Any, axes: Any, turned: bool) -> Any:  # fmt: skip # noqa: E501
    """Neighbours with the structure added (dilation, ``turned``) or subtracted (erosion)."""
    ndim = len(axes_of(axes, len(x.shape)))
    if structure is not None:
        structure = inexact(structure)
        if footprint is None:
            footprint = ops.ones(structure.shape, dtype=ops.bool, device=structure.device)
    origins = each(origin, ndim)
    if turned:  # the structure is turned round, and with it its middle
        footprint = None if footprint is None else ops.flip(array(footprint))
        structure = None if structure is None else ops.flip(structure)
        sizes = each(size, ndim) if footprint is None and size is not None else footprint.shape
        origins = [-o - (1 if n % 2 == 0 else 0) for o, n in zip(origins, sizes, strict=True)]
    found = around(name, x, size, footprint, mode, cval, origins, axes)
    if structure is None:
        return found
    heights = ops.reshape(ops.astype(structure, x.dtype), (-1,))
    inside = ops.reshape(ops.astype(array(footprint), ops.bool), (-1,)).tolist()
    heights = ops.take(heights, integers([i for i, kept in enumerate(inside) if kept], x))
    return found + heights if turned else found - heights


def _grey(name: str, turned: bool, reduce: Callable[..., Any]) -> Callable[..., Any]:
    def function(
        input: Any,  # noqa: A002
        size: Any = None,
        footprint: Any = None,
        structure: Any = None,
        output: Any = None,
        mode: Any = "reflect",
        cval: Any = 0.0,
        origin: Any = 0,
        *,
        axes: Any = None,
    ) -> Any:
        x = image(name, input, output)
        if size is None and footprint is None and structure is None:
            raise ArgumentValueError(f"scipy.ndimage.{name}: got no size, footprint or structure")
        found = _structured(name, x, size, footprint, structure, mode, cval, origin, axes, turned)
        return reduce(found, axis=-1)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"scipy.ndimage.{name}."
    stand_in(f"ndimage.{name}")(function)
    return function


erosion = _grey("grey_erosion", False, ops.min)
dilation = _grey("grey_dilation", True, ops.max)


def _composed(name: str, compose: Callable[..., Any]) -> None:
    """Enter a function made of an erosion and a dilation: ``compose(x, erode, dilate)``."""

    def function(
        input: Any,  # noqa: A002
        size: Any = None,
        footprint: Any = None,
        structure: Any = None,
        output: Any = None,
        mode: Any = "reflect",
        cval: Any = 0.0,
        origin: Any = 0,
        *,
        axes: Any = None,
    ) -> Any:
        x = image(name, input, output)

        def part(step: Callable[..., Any]) -> Callable[[Any], Any]:
            return lambda y: step(
                y, size, footprint, structure, None, mode, cval, origin, axes=axes
            )

        return compose(x, part(erosion), part(dilation))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"scipy.ndimage.{name}."
    stand_in(f"ndimage.{name}")(function)


_composed("grey_opening", lambda x, erode, dilate: dilate(erode(x)))
_composed("grey_closing", lambda x, erode, dilate: erode(dilate(x)))
_composed("morphological_gradient", lambda x, erode, dilate: dilate(x) - erode(x))
_composed("morphological_laplace", lambda x, erode, dilate: dilate(x) + erode(x) - 2 * x)
_composed("white_tophat", lambda x, erode, dilate: x - dilate(erode(x)))
_composed("black_tophat", lambda x, erode, dilate: erode(dilate(x)) - x)


@stand_in("ndimage.generic_filter")
def generic_filter(
    input: Any,  # noqa: A002
    function: Callable[..., Any],
    size: Any = None,
    footprint: Any = None,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    extra_arguments: tuple[Any, ...] = (),
    extra_keywords: Any = None,
    *,
    axes: Any = None,
) -> Any:
    """scipy.ndimage.generic_filter: the function is called for each neighbourhood."""
    x = image("generic_filter", input, output)
    found = around("generic_filter", x, size, footprint, mode, cval, origin, axes)
    rows = ops.unstack(ops.reshape(found, (-1, found.shape[-1])))
    values = [array(function(row, *extra_arguments, **(extra_keywords or {}))) for row in rows]
    return ops.reshape(ops.stack(values), x.shape)


def _derivatives(name: str, input: Any, derivative: Any, output: Any, mode: Any, cval: Any, args: Any, kwargs: Any, axes: Any) -> list[Any]:  # fmt: skip # noqa: A002, E501
    """The derivative along each axis, by the function given."""
    x = image(name, input, output)
    places = axes_of(axes, len(x.shape))
    return [
        derivative(x, axis, None, kind, cval, *args, **(kwargs or {}))
        for axis, kind in zip(places, each(mode, len(places)), strict=True)
    ]


@stand_in("ndimage.generic_laplace")
def generic_laplace(
    input: Any,  # noqa: A002
    derivative2: Callable[..., Any],
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    extra_arguments: tuple[Any, ...] = (),
    extra_keywords: Any = None,
    *,
    axes: Any = None,
) -> Any:
    """scipy.ndimage.generic_laplace."""
    parts = _derivatives(
        "generic_laplace", input, derivative2, output, mode, cval, extra_arguments,
        extra_keywords, axes,
    )  # fmt: skip
    return sum(parts[1:], parts[0])


@stand_in("ndimage.generic_gradient_magnitude")
def generic_gradient_magnitude(
    input: Any,  # noqa: A002
    derivative: Callable[..., Any],
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    extra_arguments: tuple[Any, ...] = (),
    extra_keywords: Any = None,
    *,
    axes: Any = None,
) -> Any:
    """scipy.ndimage.generic_gradient_magnitude."""
    parts = _derivatives(
        "generic_gradient_magnitude", input, derivative, output, mode, cval, extra_arguments,
        extra_keywords, axes,
    )  # fmt: skip
    return ops.sqrt(sum(map(ops.square, parts[1:]), ops.square(parts[0])))


@stand_in("ndimage.labeled_comprehension")
def labeled_comprehension(
    input: Any,  # noqa: A002
    labels: Any,
    index: Any,
    func: Callable[..., Any],
    out_dtype: Any,
    default: Any,
    pass_positions: bool = False,
) -> Any:
    """scipy.ndimage.labeled_comprehension of the elements with each label."""
    x = ops.reshape(inexact(input), (-1,))
    marks = ops.reshape(ops.broadcast_to(array(labels), array(input).shape), (-1,)).tolist()
    wanted = array(index)
    values = []
    for label in ops.reshape(wanted, (-1,)).tolist():
        places = integers([i for i, mark in enumerate(marks) if mark == label], x)
        args = (ops.take(x, places), places) if pass_positions else (ops.take(x, places),)
        values.append(array(func(*args)) if places.shape[0] else constant(default, x))
    return ops.reshape(ops.stack(values), tuple(wanted.shape))
