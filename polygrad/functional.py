"""Indexing, assignment and scattered sums for arrays that cannot be written.

Everything the elements take part in is a gather (`take`) and a choice (`where`), so it works on
immutable and on lazy arrays, and differentiates wherever they do. Only the index is read: which
places it names is worked out in host memory, where integers are cheap.
"""

from collections.abc import Callable
from typing import Any


def functional(
    xp: Any, host: Callable[[], Any], to_host: Callable[[Any], Any], from_host: Callable[..., Any]
) -> dict[str, Callable[..., Any]]:
    """``getitem``, ``index_set`` and ``scatter_add`` in terms of the standard's functions.

    ``host()`` is NumPy's namespace; ``to_host(array)`` and ``from_host(value, dtype, device)``
    are the backend's.
    """

    def moved(value: Any, like: Any) -> Any:
        return from_host(value, None, xp.device_of(like))

    def places_of(key: Any, shape: tuple[int, ...]) -> Any:
        """For each element that an index names, its place in the array laid out flat."""
        parts = key if isinstance(key, tuple) else (key,)
        plain = tuple(to_host(part) if hasattr(part, "dtype") else part for part in parts)
        size = 1
        for n in shape:
            size *= n
        return host().reshape(host().arange(size), shape)[plain]

    def gathered(x: Any, places: Any) -> Any:
        """Elements of ``x`` laid out flat, in the shape of ``places``; of an empty one, none."""
        flat, at = xp.reshape(x, (-1,)), host().reshape(places, (-1,))
        try:
            found = xp.take(flat, moved(at, x), axis=0)
        except (IndexError, TypeError, NotImplementedError):
            found = flat[at]  # some take NumPy's integers only
        return xp.reshape(found, tuple(places.shape))

    def getitem(x: Any, key: Any) -> Any:
        parts = key if isinstance(key, tuple) else (key,)
        if not any(hasattr(part, "dtype") for part in parts):
            try:
                return x[key]
            except (TypeError, ValueError, NotImplementedError, IndexError):
                pass  # a step below 0, a new axis: not every library has them
        places = places_of(key, tuple(x.shape))
        if 0 in places.shape:
            return xp.zeros(tuple(places.shape), dtype=x.dtype, device=xp.device_of(x))
        return gathered(x, places)

    def placed(flat: Any, places: Any, onto: Any) -> Any:
        """``onto`` with the elements of ``flat`` at places of which each is named once."""
        size = 1
        for n in onto.shape:
            size *= n
        if not places.size:
            return onto
        source = host().full(size, -1)
        source[places] = host().arange(places.size)
        source = source.reshape(tuple(onto.shape))
        chosen = gathered(flat, host().maximum(source, 0))
        if (source >= 0).all():
            return chosen
        return xp.where(moved(source >= 0, onto), chosen, onto)

    def spread(value: Any, shape: tuple[int, ...], like: Any) -> Any:
        if not hasattr(value, "dtype"):
            return xp.full(shape, value, dtype=like.dtype, device=xp.device_of(like))
        if value.dtype != like.dtype:
            value = xp.astype(value, like.dtype)
        extra = len(value.shape) - len(shape)
        if extra > 0:  # an assignment may bring more axes, of length 1
            value = xp.reshape(value, tuple(value.shape)[extra:])
        return value if tuple(value.shape) == shape else xp.broadcast_to(value, shape)

    def index_set(x: Any, value: Any, key: Any) -> Any:
        places = places_of(key, tuple(x.shape))
        value = spread(value, tuple(places.shape), x)
        places = host().reshape(places, (-1,))
        # At a place named more than once the last value stands.
        last = {int(place): i for i, place in enumerate(places)} if _repeats(places) else None
        if last is not None:
            kept = host().asarray(list(last.values()))
            value, places = gathered(value, kept), places[kept]
        return placed(value, places, x)

    def _repeats(places: Any) -> bool:
        return bool(places.size != host().unique_values(places).size)

    def scatter_add(value: Any, key: Any, shape: tuple[int, ...]) -> Any:
        np = host()
        places = places_of(key, shape)
        zeros = xp.zeros(shape, dtype=value.dtype, device=xp.device_of(value))
        value = spread(value, tuple(places.shape), zeros)
        places = np.reshape(places, (-1,))
        if _repeats(places):
            order = np.argsort(places, stable=True)
            places, value = places[order], gathered(value, order)
            # Neighbours of one place are added in pairs until each place is there once: as many
            # rounds as the logarithm of the repeats, and the rounding of a pairwise sum.
            while (places[1:] == places[:-1]).any():
                first = np.concat([np.asarray([True]), places[1:] != places[:-1]])
                index = np.arange(places.size)
                rank = index - np.maximum.accumulate(np.where(first, index, 0))
                left = index[rank % 2 == 0]
                right = np.minimum(left + 1, places.size - 1)
                paired = (right > left) & (places[right] == places[left])
                other = gathered(value, right)
                other = xp.where(moved(paired, value), other, xp.zeros_like(other))
                value, places = gathered(value, left) + other, places[left]
        return placed(value, places, zeros)

    return {"getitem": getitem, "index_set": index_set, "scatter_add": scatter_add}


def newer(xp: Any) -> dict[str, Callable[..., Any]]:
    """Functions that later versions of the standard added, for libraries of earlier ones.

    The library's own come first, where it has them.
    """

    def axis_of(x: Any, axis: int) -> int:
        return axis % max(len(x.shape), 1)

    def moveaxis(x: Any, source: Any, destination: Any, /) -> Any:
        sources = (source,) if isinstance(source, int) else tuple(source)
        ends = (destination,) if isinstance(destination, int) else tuple(destination)
        at = dict(zip([axis_of(x, d) for d in ends], [axis_of(x, s) for s in sources], strict=True))
        rest = iter([i for i in range(len(x.shape)) if i not in at.values()])
        return xp.permute_dims(
            x, tuple(at[i] if i in at else next(rest) for i in range(len(x.shape)))
        )

    def unstack(x: Any, /, *, axis: int = 0) -> Any:
        axis = axis_of(x, axis)
        keys = (slice(None),) * axis
        return tuple(x[(*keys, i)] for i in range(x.shape[axis]))

    def count_nonzero(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Any:
        return xp.sum(xp.astype(x != 0, xp.int64), axis=axis, keepdims=keepdims)

    def take(x: Any, indices: Any, /, *, axis: int = 0) -> Any:
        return x[(*(slice(None),) * axis_of(x, axis), indices)]

    def clip(x: Any, /, min: Any = None, max: Any = None) -> Any:  # noqa: A002
        if min is not None:
            x = xp.where(x < min, min, x)
        return x if max is None else xp.where(x > max, max, x)

    def astype(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Any:
        return x.astype(dtype)

    def matrix_transpose(x: Any, /) -> Any:
        n = len(x.shape)
        return xp.permute_dims(x, (*range(n - 2), n - 1, n - 2))

    def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
        complex_ = "complex" in str(x1.dtype)
        return xp.sum((xp.conj(x1) if complex_ else x1) * x2, axis=axis)

    def take_along_axis(x: Any, indices: Any, /, *, axis: int = -1) -> Any:
        axis = axis_of(x, axis)
        shape = tuple(
            n if i == axis else (m if n == 1 else n)
            for i, (n, m) in enumerate(zip(indices.shape, x.shape, strict=True))
        )
        indices = xp.broadcast_to(indices, shape)
        key: list[Any] = []
        for i, n in enumerate(shape):
            along = (1,) * i + (n,) + (1,) * (len(shape) - i - 1)
            steps = xp.asarray(list(range(n)), dtype=indices.dtype)
            key.append(indices if i == axis else xp.reshape(steps, along))
        return xp.getitem(x, tuple(key))

    def running(combine: Any, one: float) -> Any:
        def cumulative(
            x: Any, /, *, axis: Any = None, dtype: Any = None, include_initial: bool = False
        ) -> Any:
            axis = axis_of(x, 0 if axis is None else axis)
            x = x if dtype is None else xp.astype(x, dtype)
            start = xp.full(
                (*x.shape[:axis], 1, *x.shape[axis + 1 :]), one, dtype=x.dtype,
                device=xp.device_of(x),
            )  # fmt: skip
            ahead, shift = (slice(None),) * axis, 1
            # Each round adds what stands a distance ahead, which then doubles.
            while shift < x.shape[axis]:
                whole = xp.concat([start] * shift + [x[(*ahead, slice(None, -shift))]], axis=axis)
                x, shift = combine(x, whole), 2 * shift
            return xp.concat([start, x], axis=axis) if include_initial else x

        return cumulative

    def signbit(x: Any, /) -> Any:
        return (x < 0) | ((x == 0) & (1 / x < 0))

    found = {}
    for name, value in {
        "cumulative_sum": running(lambda a, b: a + b, 0),
        "cumulative_prod": running(lambda a, b: a * b, 1),
        "signbit": signbit,
        "moveaxis": moveaxis,
        "unstack": unstack,
        "count_nonzero": count_nonzero,
        "take": take,
        "clip": clip,
        "astype": astype,
        "matrix_transpose": matrix_transpose,
        "vecdot": vecdot,
        "take_along_axis": take_along_axis,
        "hypot": lambda a, b: xp.sqrt(a * a + b * b),
        "maximum": lambda a, b: xp.where(a < b, b, a),
        "minimum": lambda a, b: xp.where(a > b, b, a),
        "reciprocal": lambda x: 1 / x,
    }.items():
        own = getattr(xp, name, None)
        found[name] = value if own is None else _instead(own, value)
    return found


def _instead(own: Callable[..., Any], value: Callable[..., Any]) -> Callable[..., Any]:
    """The library's function, or another where the library has no more than its name."""

    def call(*args: Any, **options: Any) -> Any:
        try:
            return own(*args, **options)
        except NotImplementedError:
            return value(*args, **options)

    return call


def sound_take(xp: Any, from_host: Callable[..., Any], host: Callable[[], Any]) -> Any:
    """The library's `take`, put right where it is wrong for as many indices as there are elements.

    A library may take an index of the length of the axis for the whole axis, whatever it says
    (cubed 0.27 does). The first call tries it.
    """
    own = xp.take
    sound: list[bool] = []

    def take(x: Any, indices: Any, /, *, axis: int = 0) -> Any:
        if not sound:
            device = xp.device_of(x)
            tried = own(
                from_host(host().asarray([5.0, 6.0, 7.0]), None, device),
                from_host(host().asarray([2, 0, 0]), None, device),
                axis=0,
            )
            sound.append([float(tried[i]) for i in range(3)] == [7.0, 5.0, 5.0])
        n = indices.shape[0] if len(indices.shape) == 1 else -1
        if sound[0] or n != x.shape[axis]:
            return own(x, indices, axis=axis)
        longer = xp.concat([indices, xp.zeros((1,), dtype=indices.dtype)])
        keep = (slice(None),) * (axis % len(x.shape))
        return own(x, longer, axis=axis)[(*keep, slice(0, n))]

    return take
