"""Static parameters as keys of a table: hashable, and telling 1 from True and 1.0."""

from collections.abc import Hashable
from typing import Any


def frozen(value: Any) -> Hashable:
    """A key for a static parameter; raises TypeError for what has none.

    >>> frozen({"axis": (0, 1), "index": (slice(0, 2), ...)}) == frozen({"axis": (0, 1)})
    False
    >>> frozen(1) == frozen(True)
    False
    """
    if isinstance(value, tuple | list):
        return type(value), tuple([frozen(item) for item in value])
    if isinstance(value, dict):
        return tuple([(key, frozen(item)) for key, item in value.items()])
    if isinstance(value, slice):
        return slice, *[frozen(part) for part in (value.start, value.stop, value.step)]
    hash(value)
    # nan is no key; 0.0 and -0.0 are equal, also as parts of a complex number
    if isinstance(value, complex) or value != value or value == 0:
        return type(value), repr(value)
    return type(value), value
