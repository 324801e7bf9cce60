"""scipy.ndimage: filters that take one of the sorted neighbours."""

from collections.abc import Callable
from typing import Any

from polygrad import ops
from polygrad.errors import ArgumentValueError
from polygrad.scipy_functions.images import axes_of, image, origins_of, spread
from polygrad.scipy_functions.table import array, integers, stand_in
from polygrad.scipy_functions.windows import each, neighbourhoods

# SciPy runs these with a footprint of the size given, and the others axis by axis.
_WITH_FOOTPRINTS = ("generic_filter", "median_filter", "percentile_filter", "rank_filter")


def around(name: str, x: Any, size: Any, footprint: Any, mode: Any, cval: Any, origin: Any, axes: Any) -> Any:  # fmt: skip # noqa: E501
    """Each neighbourhood in the shape of a footprint, as a new last axis."""
    places = axes_of(axes, len(x.shape))
    mask = None
    if footprint is not None:
        footprint = ops.astype(array(footprint), ops.bool)
        sizes, where = list(footprint.shape), sorted(places)
        mask = ops.reshape(footprint, (-1,)).tolist()
    elif size is not None:
        sizes, where = [int(n) for n in each(size, len(places))], places
        where = sorted(places) if name in _WITH_FOOTPRINTS else places
    else:
        raise ArgumentValueError(f"scipy.ndimage.{name}: got neither size nor footprint")
    ndim = len(x.shape)
    origins = spread(each(origin, len(places)), places, ndim, 0)
    if mask is not None or name in _WITH_FOOTPRINTS:
        origins = origins_of(origin, places, ndim)
    around = neighbourhoods(
        f"ndimage.{name}",
        x,
        spread(sizes, where, ndim, 1),
        spread(each(mode, len(places)), places, ndim, "reflect"),
        cval,
        origins,
    )
    if mask is None:
        return around
    return around[..., integers([i for i, inside in enumerate(mask) if inside], x)]


def _ranks(name: str, pick: Callable[..., Any]) -> None:
    """Enter a filter that takes one of the sorted neighbours: ``pick(around)``."""

    def function(
        input: Any,  # noqa: A002
        size: Any = None,
        footprint: Any = None,
        output: Any = None,
        mode: Any = "reflect",
        cval: Any = 0.0,
        origin: Any = 0,
        *,
        axes: Any = None,
    ) -> Any:
        x = image(name, input, output)
        return pick(around(name, x, size, footprint, mode, cval, origin, axes))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"scipy.ndimage.{name}."
    stand_in(f"ndimage.{name}")(function)


_ranks("maximum_filter", lambda found: ops.max(found, axis=-1))
_ranks("minimum_filter", lambda found: ops.min(found, axis=-1))
_ranks("median_filter", lambda found: ops.sort(found)[..., found.shape[-1] // 2])


def _ranks_along(name: str, reduce: Callable[..., Any]) -> None:
    def function(
        input: Any,  # noqa: A002
        size: int,
        axis: int = -1,
        output: Any = None,
        mode: str = "reflect",
        cval: Any = 0.0,
        origin: int = 0,
    ) -> Any:
        x = image(name, input, output)
        return reduce(around(name, x, size, None, mode, cval, origin, axis), axis=-1)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"scipy.ndimage.{name}."
    stand_in(f"ndimage.{name}")(function)


_ranks_along("maximum_filter1d", ops.max)
_ranks_along("minimum_filter1d", ops.min)


@stand_in("ndimage.rank_filter")
def rank_filter(
    input: Any,  # noqa: A002
    rank: int,
    size: Any = None,
    footprint: Any = None,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Any:
    """scipy.ndimage.rank_filter."""
    x = image("rank_filter", input, output)
    found = around("rank_filter", x, size, footprint, mode, cval, origin, axes)
    return ops.sort(found)[..., rank]


@stand_in("ndimage.percentile_filter")
def percentile_filter(
    input: Any,  # noqa: A002
    percentile: float,
    size: Any = None,
    footprint: Any = None,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Any:
    """scipy.ndimage.percentile_filter."""
    x = image("percentile_filter", input, output)
    found = around("percentile_filter", x, size, footprint, mode, cval, origin, axes)
    count = found.shape[-1]
    share = percentile + 100 if percentile < 0 else percentile
    return ops.sort(found)[..., min(int(count * share / 100), count - 1)]
