"""One declaration for a special function: the library's own, or the generic one, and rules."""

import sys
from collections.abc import Callable
from typing import Any

from polygrad.array import Array, is_array, is_number, raw_and_backend
from polygrad.backend import SCALAR_TYPES, backend_for_type
from polygrad.core.op import Rule
from polygrad.core.trace import PYTHON_SCALARS, lifted, not_an_array
from polygrad.device import intern_device
from polygrad.dtypes import as_dtype
from polygrad.errors import BackendError, NonDifferentiableError
from polygrad.ops.creation import asarray
from polygrad.ops.datatypes import astype
from polygrad.ops.declare import elementwise

Generic = Callable[..., Any] | None


def special(
    name: str, *rules: Rule | int | None, doc: str, generic: Generic = None, own: str | None = None
) -> Callable[..., Any]:
    """Declare an elementwise function under SciPy's name, with one rule an operand.

    The library's function of that name (``own``, if it goes by another) computes it, else
    ``generic(xp, *operands)``. Numbers among the operands become arrays beside the others, so
    rules get arrays only, and may call other special functions on them.
    """
    base = elementwise(name, *rules, doc=doc, forward=_native(own or name, generic))
    function: Callable[..., Any] = base
    if len(rules) == 2:

        def function(x1: Any, x2: Any, /) -> Any:
            return base(*operands(x1, x2, of=name))
    elif len(rules) == 3:

        def function(x1: Any, x2: Any, x3: Any, /) -> Any:
            return base(*operands(x1, x2, x3, of=name))
    elif len(rules) == 4:

        def function(x1: Any, x2: Any, x3: Any, x4: Any, /) -> Any:
            return base(*operands(x1, x2, x3, x4, of=name))

    function.__doc__, function.__name__ = base.__doc__, name
    function.__qualname__, function.__module__ = name, sys._getframe(1).f_globals["__name__"]
    return function


def _native(name: str, generic: Generic) -> Callable[..., Any]:
    def forward(xp: Any, *args: Any) -> Any:
        library = getattr(xp, "special", None)
        found = getattr(library, name, None)
        if found is not None:
            out = found(*args)
            dtype = args[-1].dtype
            # SciPy has some functions in double precision only.
            narrow = out.dtype != dtype and str(dtype).endswith("float32") and len(args) > 1
            return xp.astype(out, dtype) if narrow and str(out.dtype).endswith("float64") else out
        if generic is None:
            remedy = getattr(library, "remedy", None) or "move the data to the CPU (NumPy)"
            raise BackendError(
                f"pg.special.{name}: {xp.__name__.rpartition('.xp')[0].rpartition('.')[2]} has no "
                f"such function here; {remedy}"
            )
        if not as_dtype(args[-1].dtype).is_inexact:
            args = tuple([xp.astype(arg, xp.float64) for arg in args])
        return generic(xp, *args)

    return forward


def operands(*values: Any, of: str = "") -> list[Any]:
    """The values as arrays that mix: each Python number beside the first array among them.

    Library arrays beside an Array are wrapped, since not every library knows one in ``a * b``.
    Numbers that `jit` traces are converted, too: rules and libraries may ask for their data type.
    Raises ArgumentTypeError for what is neither, in the name ``of`` (that of the caller).
    """
    for place, value in enumerate(values):
        known = type(value) in PYTHON_SCALARS or is_array(value)
        if not known and backend_for_type(type(value)) is None:
            raise not_an_array(of or sys._getframe(1).f_code.co_name, place, value)
    if any(type(v) is Array for v in values):
        values = tuple(map(lifted, values))
    arrays = [v for v in values if not _is_number(v)]
    if len(arrays) == len(values):
        return arrays
    if not arrays:
        return [value if is_number(value) else asarray(value) for value in values]
    like = next((a for a in arrays if type(a) is Array), arrays[0])
    inexact = [a for a in arrays if as_dtype(a.dtype).is_inexact]
    dtype = as_dtype(inexact[0].dtype) if inexact else "float64"
    return [_beside(v, like, dtype) if _is_number(v) else v for v in values]


def _is_number(value: Any) -> bool:
    return type(value) in PYTHON_SCALARS or type(value) in SCALAR_TYPES or is_number(value)


def _beside(value: Any, like: Any, dtype: Any) -> Any:
    return astype(value, dtype) if is_number(value) else beside(value, like, dtype)


def beside(value: Any, like: Any, dtype: Any = None) -> Any:
    """A number as a 0-d array in the library, and on the device, of ``like``."""
    raw, backend = raw_and_backend(like)
    place = intern_device(backend, backend.device_of(raw))
    plain = value.item() if type(value) in SCALAR_TYPES else value
    made = asarray(plain, dtype=dtype or as_dtype(like.dtype), device=place)
    return made if type(like) is Array else made._value


def no_rule(name: str, argument: str) -> Rule:
    """A rule that raises NonDifferentiableError: no formula in known functions exists."""

    def rule(xp: Any, g: Any, _ans: Any, *_operands: Any) -> Any:
        raise NonDifferentiableError(
            f"special.{name} has no derivative by {argument} in polygrad; "
            f"pass pg.stop_gradient({argument}) if none is wanted"
        )

    return rule
