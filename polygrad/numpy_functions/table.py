"""The table from a NumPy function's full name to the function that stands in for it.

A stand-in has NumPy's signature less the arguments that have no meaning here; those raise
ArgumentTypeError by name (see `call`).
"""

import inspect
from collections.abc import Callable
from typing import Any

from polygrad import ops
from polygrad.array import Array, differs_between_examples, is_array, is_number, is_symbolic
from polygrad.backend import SCALAR_TYPES
from polygrad.dtypes import as_dtype
from polygrad.errors import ArgumentTypeError, ArgumentValueError, LostGradientError
from polygrad.ops.datatypes import is_scalar

FUNCTIONS: dict[str, Callable[..., Any]] = {}
_SIGNATURES: dict[str, inspect.Signature] = {}

_CASTING = ("no", "equiv", "safe", "same_kind", "unsafe", "same_value")
# Arguments about memory layout and subclasses, and what they may be: they do not change the
# values, save in functions that name them (order in reshape).
_LAYOUT = {
    "order": ("C", "F", "A", "K", None),
    "subok": (True, False, 0, 1),
    "casting": _CASTING,
    "like": (None,),
}
_BY_FIELDS = ("sort", "argsort", "partition", "argpartition")


def check_layout(name: str, key: str, value: Any) -> None:
    """Raise ArgumentValueError where an argument that makes no difference is none of NumPy's."""
    fits = (None,) if key == "order" and name[6:] in _BY_FIELDS else _LAYOUT[key]
    if not isinstance(value, str | int | None) or value not in fits:
        raise ArgumentValueError(
            f"{name} of a polygrad array: got {key}={value!r}, expected one of "
            f"{', '.join(map(repr, fits))}"
        )


def numpy_function(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter a function into the table under NumPy's names, without the leading ``numpy.``."""

    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        for name in names:
            FUNCTIONS[f"numpy.{name}"] = function
            _SIGNATURES[f"numpy.{name}"] = inspect.signature(function)
        return function

    return enter


def call(name: str, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Call the stand-in for ``name``, with ``out=`` written to by rebinding."""
    taken = _SIGNATURES[name].parameters
    options = {k: v for k, v in options.items() if type(v).__name__ != "_NoValueType"}
    for key in _LAYOUT.keys() & options.keys() - taken.keys():
        check_layout(name, key, options.pop(key))
    out = options.pop("out", None)
    try:
        bound = _SIGNATURES[name].bind(*args, **options)
    except TypeError as error:
        raise ArgumentTypeError(
            f"{name} of a polygrad array: {error}; it takes {_SIGNATURES[name]}"
        ) from None
    given = bound.arguments
    if given.get("axis") is not None and name in _TAKE_A_NUMBER:
        given["axis"] = axis_of_number(next(iter(given.values())), given["axis"])
    return write(name, FUNCTIONS[name](*bound.args, **bound.kwargs), out)


# Functions that NumPy lets take axis 0 or -1 of an array without axes.
_TAKE_A_NUMBER = frozenset(
    f"numpy.{name}"
    for name in (
        "all", "amax", "amin", "any", "argmax", "argmin", "argsort", "count_nonzero", "cumprod",
        "cumsum", "max", "min", "nanargmax", "nanargmin", "nancumprod", "nancumsum", "nanmax",
        "nanmean", "nanmin", "nanprod", "nanstd", "nansum", "nanvar", "prod", "ptp", "squeeze",
        "sum", "take",
    )
)  # fmt: skip


def axis_of_number(x: Any, axis: Any) -> Any:
    """``axis``, or None where it is 0 or -1 and ``x`` has no axes: the one element is all."""
    number = is_array(x) and not x.shape and axis in (0, -1, (0,), (-1,))
    return None if number else axis


def write(name: str, result: Any, out: Any) -> Any:
    """``result``, or ``out`` (an Array, or a tuple with one) made to hold it."""
    if isinstance(out, tuple):
        out = out[0] if len(out) == 1 else out
    if out is None:
        return result
    target(name, out)[...] = result
    return out


def target(name: str, value: Any) -> Array:
    """An array that a function is to write into: it has to be an Array."""
    if type(value) is not Array:
        raise LostGradientError(
            f"{name} would write an Array into a {type(value).__name__}, which keeps no gradient; "
            "use an Array on the left (pg.asarray(...)), or write x = x + y instead of x += y"
        )
    return value


def array(value: Any) -> Any:
    """Anything NumPy takes for an array, as one."""
    kept = is_array(value) and type(value) not in SCALAR_TYPES and not is_number(value)
    return value if kept else ops.asarray(value)


def known(x: Any) -> bool:
    """Whether the elements can be read: neither jit nor vmap runs over them."""
    return not is_symbolic(x) and not differs_between_examples(x)


def together(*values: Any, inexact: bool = False) -> list[Any]:
    """The values as arrays of the data type that they promote to, Python numbers being weak.

    With ``inexact`` integers become float64.
    """
    kept = [v if is_scalar(v) else array(v) for v in values]
    arrays = [v for v in kept if not is_scalar(v)]
    dtype = as_dtype(ops.result_type(*(kept if arrays else [array(v) for v in kept])))
    if inexact and not dtype.is_inexact:
        dtype = as_dtype(ops.float64)
    place = {"device": arrays[0].device} if arrays else {}
    return [
        ops.asarray(v, dtype=dtype, **place) if is_scalar(v) else ops.astype(v, dtype, copy=False)
        for v in kept
    ]


_RANK = "?buifc"


def check_casting(name: str, source: Any, to: Any, casting: str = "same_kind") -> None:
    """Raise ArgumentTypeError where NumPy does not convert ``source`` to ``to``."""
    old, new = as_dtype(source), as_dtype(to)
    fits = {
        "unsafe": True,
        "same_kind": _RANK.index(old.kind) <= _RANK.index(new.kind) or old.kind + new.kind == "iu",
        "safe": ops.can_cast(old, new),
        "no": old == new,
        "equiv": old == new,
    }
    if casting not in fits:
        raise ArgumentTypeError(
            f"{name}: got casting {casting!r}, expected one of {', '.join(fits)}"
        )
    if not fits[casting]:
        raise ArgumentTypeError(
            f"{name}: got {old} to convert to {new}, which casting {casting!r} does not allow; "
            "convert with pg.astype first"
        )


def as_mask(where: Any) -> Any:
    """The argument ``where`` as an array of truth values, which it has to be."""
    mask = array(where)
    if as_dtype(mask.dtype).group != "bool":
        raise ArgumentTypeError(f"where: got {mask.dtype}, expected bool; compare it first")
    return mask


def masked(x: Any, where: Any, value: Any) -> Any:
    """``x`` with ``value`` where the mask ``where`` does not hold."""
    if where is True:
        return x
    mask, x = ops.broadcast_arrays(as_mask(where), x)
    return ops.where(mask, x, ops.full_like(x, value))
