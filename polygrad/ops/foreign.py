"""What `asarray` is given and cannot take as numbers."""

from typing import Any

from polygrad.array import is_array
from polygrad.errors import ArgumentTypeError


def refuse_unit(obj: Any) -> None:
    """Raise ArgumentTypeError for a quantity: its number without its unit would be wrong."""
    cls = type(obj)
    if cls.__module__ == "builtins" or not hasattr(cls, "__array_ufunc__"):
        return
    own = any(c.__name__ == "ndarray" for c in cls.__mro__) and not is_array(obj)
    if own or any(hasattr(cls, name) for name in ("unit", "units")):
        raise ArgumentTypeError(
            f"asarray: got a {cls.__module__}.{cls.__qualname__}, which has rules of its own, as "
            "for a unit, that its values alone would lose; expected a number, nested lists or an "
            "array; pass its values, in the unit you mean (x.magnitude, x.to_value(unit))"
        )


def shown(obj: Any) -> str:
    """A value in one line, for messages."""
    text = repr(obj)
    return f"{type(obj).__name__} {text if len(text) < 60 else text[:57] + '...'}"
