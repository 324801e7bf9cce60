"""Which axis each part of an index belongs to, for libraries that need it put differently."""

from typing import Any


def parts_of(key: Any) -> tuple[Any, ...]:
    """An index as a tuple of parts."""
    return key if isinstance(key, tuple) else (key,)


def axes_of(key: Any, shape: tuple[int, ...]) -> list[tuple[Any, int]]:
    """Each part of an index with the axis it begins at; ``...`` written out as full slices.

    Axes that the index does not reach get no part. Raises IndexError for an index of too many
    parts, and for a number out of range.
    """
    parts = parts_of(key)
    left = len(shape) - sum(map(width, parts))
    if left < 0:
        raise IndexError(f"too many indices for an array of shape {tuple(shape)}")
    found: list[tuple[Any, int]] = []
    axis = 0
    for part in parts:
        if part is Ellipsis:
            found += [(slice(None), axis + i) for i in range(left)]
            axis += left
            continue
        if type(part) is int and not -shape[axis] <= part < shape[axis]:
            raise IndexError(
                f"index {part} is out of range for axis {axis} of length {shape[axis]}"
            )
        found.append((part, axis))
        axis += width(part)
    return found


def width(part: Any) -> int:
    """How many axes of the array a part of an index stands for; 0 for ``...``."""
    if part is None or part is Ellipsis or isinstance(part, bool):
        return 0
    if is_mask(part):
        return len(part.shape)
    return 1


def is_mask(part: Any) -> bool:
    """Whether a part of an index is an array of booleans."""
    return hasattr(part, "dtype") and str(part.dtype).rpartition(".")[2] == "bool"


def reversed_slice(part: slice, length: int) -> slice:
    """The slice with a positive step for an axis whose elements are in the opposite order."""
    places = range(length)[part]
    start = length - 1 - places.start if places else 0
    return slice(start, start + len(places) * -places.step, -places.step)
