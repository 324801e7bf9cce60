"""What SciPy's own function says of a call: whether it can be, and what the answer is like.

A version of polygrad's computes an answer that can be differentiated. SciPy's own is run once for
each kind of call, on plain arrays of the same shapes and data types: it refuses what cannot be,
in its own words, and the shape and the data type of its answer are those that the version's has
to have. Where the answer is of whole numbers, which carry no derivative, SciPy's is the answer.
"""

import sys
import warnings
from collections.abc import Callable
from typing import Any

from polygrad import ops
from polygrad.array import BASE, Array, differs_between_examples, is_symbolic, raw_and_backend
from polygrad.core.batch import one_by_one
from polygrad.core.kinds import Nondifferentiable
from polygrad.core.op import OPS
from polygrad.core.trace import bind
from polygrad.dtypes import as_dtype
from polygrad.errors import ShapeError
from polygrad.scipy_functions.plain import split_output, write_output

# Modules whose functions take any values: what SciPy raises for one array, it raises for all.
_ANY_VALUES = ("scipy.fft.", "scipy.ndimage.", "scipy.signal.")
_ASKED = (*_ANY_VALUES, "scipy.linalg.", "scipy.spatial.", "scipy.integrate.", "scipy.special.")
# The kind of answer depends on the values.
_BY_VALUE = frozenset({"scipy.linalg.sqrtm", "scipy.linalg.lstsq", "scipy.linalg.orth"})
_KNOWN: dict[Any, Any] = {}
_MOST_KNOWN = 1000


class _Kind:
    """The shape and the data type of an array in an answer."""

    __slots__ = ("shape", "dtype")

    def __init__(self, shape: tuple[int, ...], dtype: str) -> None:
        self.shape, self.dtype = shape, dtype


def run_version(
    name: str,
    version: Callable[..., Any],
    original: Callable[..., Any],
    args: Any,
    options: Any,
    arrays: list[Array],
    exact_shape: bool,
) -> Any:
    """The answer of polygrad's version of a function, as SciPy says that it has to be."""
    if not name.startswith(_ASKED) or name in _BY_VALUE or _calls_back(args, options):
        return version(*map(_numbers, args), **{k: _numbers(v) for k, v in options.items()})
    args, options, out = split_output(original, args, options)
    kinds = _expected(name, original, args, options, arrays)
    if kinds is not None and _whole_numbers(kinds):
        return write_output(_of_scipy(name, original, args, options), out)
    if kinds is not None and isinstance(options.get("output"), type | str | numpy_dtype()):
        options = {key: value for key, value in options.items() if key != "output"}
    if name.startswith("scipy.ndimage."):  # which computes in float64 whatever comes in
        args = [_wide(value) for value in args]
    args, options = [*map(_numbers, args)], {k: _numbers(v) for k, v in options.items()}
    found = _conform(name, version(*args, **options), kinds, exact_shape)
    return write_output(found, out)


def _is_array(value: Any) -> bool:
    return isinstance(value, sys.modules["numpy"].ndarray)


def numpy_dtype() -> Any:
    """The class of NumPy's data types."""
    return sys.modules["numpy"].dtype


def _numbers(value: Any) -> Any:
    """A value with Python's numbers in place of NumPy's."""
    if isinstance(value, sys.modules["numpy"].generic):
        return value.item()
    if type(value) in (list, tuple):
        return type(value)(map(_numbers, value))
    return value


def _wide(value: Any) -> Any:
    """An Array of single precision in double precision."""
    if type(value) is not Array or not value.dtype.is_inexact:
        return value
    return ops.astype(value, "complex128" if value.dtype.is_complex else "float64", copy=False)


def _calls_back(args: Any, options: Any) -> bool:
    """Whether a function of the user's is among the arguments."""
    return any(callable(v) and not isinstance(v, type) for v in (*args, *options.values()))


def _expected(name: str, original: Any, args: Any, options: Any, arrays: list[Array]) -> Any:
    """The kinds of SciPy's answer, or None where nothing can be said."""
    known = not any(map(_unknown, arrays))
    try:
        key: Any = (name, known, _key(args), _key(tuple(sorted(options.items()))))
        hash(key)
    except TypeError:
        key = None
    if key is not None and key in _KNOWN:
        return _KNOWN[key]
    fake: Callable[[Array], Any] = _values if known else _like
    try:
        with warnings.catch_warnings(), sys.modules["numpy"].errstate(all="ignore"):
            warnings.simplefilter("ignore")
            made = original(
                *(_plain(value, fake) for value in args),
                **{
                    k: False if k.startswith("overwrite_") else _plain(v, fake)
                    for k, v in options.items()
                },
            )
    except Exception:
        if known or name.startswith(_ANY_VALUES):
            raise
        return None  # the values that stand for unknown ones do not do
    if type(made) is float and name.startswith("scipy.spatial."):
        made = sys.modules["numpy"].float64(made)  # of vectors of single precision, too
    kinds = _kinds(made)
    if key is not None:
        while len(_KNOWN) >= _MOST_KNOWN:
            del _KNOWN[next(iter(_KNOWN))]
        _KNOWN[key] = kinds
    return kinds


def _unknown(x: Array) -> bool:
    return x._trace is not BASE and (is_symbolic(x) or differs_between_examples(x))


def _key(value: Any) -> Any:
    """What tells calls of different kinds apart."""
    if type(value) is Array:
        return ("array", value.shape, value.dtype.name, value._trace is BASE and id(value))
    if type(value) in (list, tuple):
        return (type(value).__name__, *map(_key, value))
    if _is_array(value):
        if value.size > 16:
            raise TypeError
        return ("numpy", value.shape, value.dtype.str, value.tobytes())
    return (type(value), value)


def _values(x: Array) -> Any:
    """The values of an array, under any number of transforms, in memory of its own."""
    raw, backend = raw_and_backend(x)
    return sys.modules["numpy"].array(backend.to_host(raw))


def _like(x: Array) -> Any:
    """Values for an array whose own are not known: unit matrices, which most functions take."""
    numpy: Any = sys.modules["numpy"]
    if not _unknown(x):
        return _values(x)
    made = numpy.ones(x.shape, dtype=x.dtype.name)
    if len(x.shape) >= 2 and x.shape[-1] == x.shape[-2]:
        made = made * numpy.eye(x.shape[-1], dtype=x.dtype.name)
    return made


def _plain(value: Any, fake: Callable[[Array], Any]) -> Any:
    if type(value) is Array:
        return fake(value)
    if type(value) in (list, tuple):
        return type(value)(_plain(part, fake) for part in value)
    return value.copy() if _is_array(value) else value


def _kinds(made: Any) -> Any:
    """The kinds of an answer: of an array, or a list of those of a tuple's parts."""
    numpy: Any = sys.modules["numpy"]
    if isinstance(made, list | tuple):
        return [_kinds(part) for part in made]
    if isinstance(made, numpy.ndarray | numpy.generic) and made.dtype.kind in "biufc":
        return _Kind(made.shape, made.dtype.name)
    return None


def _whole_numbers(kinds: Any) -> bool:
    return isinstance(kinds, _Kind) and not as_dtype(kinds.dtype).is_inexact


def _conform(name: str, found: Any, kinds: Any, exact_shape: bool) -> Any:
    """An answer in SciPy's data types; raises where it has another shape."""
    if isinstance(kinds, list) and isinstance(found, tuple | list) and len(found) == len(kinds):
        parts = [
            _conform(name, part, kind, exact_shape) for part, kind in zip(found, kinds, strict=True)
        ]
        if hasattr(found, "_make"):
            return found._make(parts)
        return type(found)(parts) if type(found) in (list, tuple) else found
    if not isinstance(kinds, _Kind) or type(found) is not Array:
        return found
    if exact_shape and found.shape != kinds.shape:
        raise ShapeError(
            f"scipy's {name} of these arguments has the shape {kinds.shape}, and polygrad's "
            f"version of it {found.shape}: it cannot be differentiated in this way of calling it"
        )
    given, wanted = found.dtype, as_dtype(kinds.dtype)
    if given == wanted or not (given.is_inexact and wanted.is_inexact):
        return found
    if given.is_complex and not wanted.is_complex:
        found = ops.real(found)
    return ops.astype(found, wanted, copy=False)


def _of_scipy(name: str, original: Any, args: Any, options: Any) -> Any:
    """SciPy's own answer of whole numbers, under any transform; no derivative flows."""
    operands: list[Array] = []

    def placed(value: Any) -> Any:
        if type(value) is Array:
            operands.append(value)
            return _Place(len(operands) - 1)
        if type(value) in (list, tuple):
            return type(value)(map(placed, value))
        return value

    args = [placed(value) for value in args]
    options = {key: placed(value) for key, value in options.items()}

    def forward(xp: Any, *values: Any) -> Any:
        def filled(value: Any) -> Any:
            if type(value) is _Place:
                raw = values[value.index]
                return raw_and_backend(raw)[1].to_host(raw)
            if type(value) in (list, tuple):
                return type(value)(map(filled, value))
            return value

        made = original(*map(filled, args), **{k: filled(v) for k, v in options.items()})
        return xp.asarray(made)

    place = f"{name} {len(OPS)} {id(forward)}"
    op = Nondifferentiable(place, forward, batch=one_by_one)
    del OPS[place]
    op.name = name.replace(".", "_")
    return bind(op, tuple(operands), {})


class _Place:
    """Where an operand goes in the arguments."""

    __slots__ = ("index",)

    def __init__(self, index: int) -> None:
        self.index = index
