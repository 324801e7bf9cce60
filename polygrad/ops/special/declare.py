"""One declaration for a special function: the library's own, or the generic one, and rules."""

import sys
from collections.abc import Callable
from typing import Any

from polygrad.array import Array, is_array, is_number, raw_and_backend
from polygrad.backend import ARRAY_TYPES, SCALAR_TYPES, backend_for_type
from polygrad.core import op as op_module
from polygrad.core.kinds import Elementwise
from polygrad.core.op import Rule
from polygrad.core.trace import PYTHON_SCALARS, as_number, lifted, not_an_array
from polygrad.device import intern_device
from polygrad.dtypes import as_dtype
from polygrad.errors import BackendError, NonDifferentiableError
from polygrad.ops.creation import asarray
from polygrad.ops.datatypes import astype
from polygrad.ops.declare import elementwise

Generic = Callable[..., Any] | None


def special(
    name: str,
    *rules: Rule | int | None,
    doc: str,
    generic: Generic = None,
    own: str | None = None,
    whole: tuple[int, ...] = (),
    mixed: str = "",
    composite: bool = False,
) -> Callable[..., Any]:
    """Declare an elementwise function under SciPy's name, with one rule an operand.

    The library's function of that name (``own``, if it goes by another) computes it, else
    ``generic(xp, *operands)``. Numbers among the operands become arrays beside the others, and
    integers floating-point numbers but in the places ``whole``, so rules get floating-point
    arrays only, and may call other special functions on them. With ``mixed`` "arrays" SciPy
    computes arrays of several data types in double precision, with "all" numbers, too.
    A ``composite`` one is its generic form to compilers, within a few units in the last place.
    """
    facts = Elementwise.kind_facts._replace(composite=composite)
    forward = _native(own or name, generic, composite)
    base = elementwise(name, *rules, doc=doc, forward=forward, facts=facts)
    function: Callable[..., Any] = base
    if len(rules) == 2:

        def function(x1: Any, x2: Any, /) -> Any:
            return base(*floating(x1, x2, whole=whole, mixed=mixed, of=name))
    elif len(rules) == 3:

        def function(x1: Any, x2: Any, x3: Any, /) -> Any:
            return base(*floating(x1, x2, x3, whole=whole, mixed=mixed, of=name))
    elif len(rules) == 4:

        def function(x1: Any, x2: Any, x3: Any, x4: Any, /) -> Any:
            return base(*floating(x1, x2, x3, x4, whole=whole, mixed=mixed, of=name))

    function.__doc__, function.__name__ = base.__doc__, name
    function.__qualname__, function.__module__ = name, sys._getframe(1).f_globals["__name__"]
    return function


def _native(name: str, generic: Generic, composite: bool = False) -> Callable[..., Any]:
    def forward(xp: Any, *args: Any) -> Any:
        traced = composite and xp is op_module.traced_namespace
        library = None if traced else getattr(xp, "special", None)
        found = getattr(library, name, None)
        if found is not None:
            return found(*args)
        if generic is None:
            remedy = getattr(library, "remedy", None) or "move the data to the CPU (NumPy)"
            raise BackendError(
                f"pg.special.{name}: {xp.__name__.rpartition('.xp')[0].rpartition('.')[2]} has no "
                f"such function here; {remedy}"
            )
        if len({str(arg.dtype) for arg in args}) > 1 or not as_dtype(args[0].dtype).is_inexact:
            kinds = [arg.dtype for arg in args if as_dtype(arg.dtype).is_inexact]
            common = xp.result_type(*kinds) if len(kinds) == len(args) else xp.float64
            args = tuple([xp.astype(arg, common) for arg in args])
        return generic(xp, *args)

    return forward


def operands(
    *values: Any, whole: tuple[int, ...] = (), half: str = "float16", of: str = ""
) -> list[Any]:
    """The values as arrays that mix: each Python number beside the first array among them.

    Library arrays beside an Array are wrapped, since not every library knows one in ``a * b``.
    A NumPy scalar keeps its data type beside NumPy arrays, as there; Python numbers have that
    of the first floating-point array, or ``half`` where it is float16.
    Numbers that `jit` traces are converted, too: rules and libraries may ask for their data type.
    Raises ArgumentTypeError for what is neither, in the name ``of`` (that of the caller).
    """
    for place, value in enumerate(values):
        known = type(value) in PYTHON_SCALARS or is_array(value)
        if not known and backend_for_type(type(value)) is None:
            if isinstance(value, int | float | complex):  # of a subclass
                return operands(*map(as_number, values), whole=whole, half=half, of=of)
            raise not_an_array(of or sys._getframe(1).f_code.co_name, place, value)
    if any(type(v) is Array for v in values):
        values = tuple(map(lifted, values))
    arrays = [v for v in values if not _is_number(v)]
    if len(arrays) == len(values):
        return arrays
    # SciPy's loops for whole numbers take these in all such places, or in none.
    if not all(_whole(values[i]) for i in whole):
        whole = ()
    if not arrays:
        return [
            _alone(v)
            if is_number(v)
            else asarray(v, dtype="int64" if i in whole and type(v) is int else None)
            for i, v in enumerate(values)
        ]
    like = next((a for a in arrays if type(a) is Array), arrays[0])
    inexact = [as_dtype(a.dtype) for a in arrays if as_dtype(a.dtype).is_inexact]
    dtype: Any = inexact[0] if inexact else "float64"
    if inexact and inexact[0].name == "float16":
        dtype = half
    # Integers beside small ones have room in single precision.
    kinds = [as_dtype(a.dtype) for a in arrays]
    small = half == "float32" and all(not k.is_inexact and k.bits <= 16 for k in kinds)
    small = small and any(k.group != "bool" for k in kinds)  # beside bools alone an int is int64
    found = []
    for i, value in enumerate(values):
        if type(value) in PYTHON_SCALARS:
            # Single precision comes first in the loops of SciPy's functions of three places.
            single = 0 not in whole and (small or str(dtype) in ("float32", "polygrad.float32"))
            keeps = i in whole and type(value) is int and not single
            fits = small and type(value) in (int, bool)
            value = beside(value, like, "int64" if keeps else "float32" if fits else dtype)
        elif is_number(value):
            exact = not as_dtype(value.dtype).is_inexact
            single = 0 not in whole and (small or str(dtype) in ("float32", "polygrad.float32"))
            keeps = i in whole and exact and not single
            value = astype(value, "int64" if keeps else "float32" if small and exact else dtype)
        elif type(value) in SCALAR_TYPES:
            own = raw_and_backend(like)[1] is ARRAY_TYPES[type(value)]
            value = beside(value, like, as_dtype(value.dtype) if own else dtype)
        found.append(value)
    return found


def _alone(value: Any) -> Any:
    """A number that `jit` traces as an array: libraries ask for its data type."""
    dtype = as_dtype(value.dtype)
    return astype(value, dtype if dtype.is_inexact else "float64")


def _is_number(value: Any) -> bool:
    return type(value) in PYTHON_SCALARS or type(value) in SCALAR_TYPES or is_number(value)


def _whole(value: Any) -> bool:
    if type(value) in PYTHON_SCALARS:
        return type(value) is int
    return not as_dtype(value.dtype).is_inexact


def floating(*values: Any, whole: tuple[int, ...] = (), mixed: str = "", of: str = "") -> list[Any]:
    """`operands`, with the integers among them as floating-point numbers.

    Integers of up to 16 bits and half precision fit into single precision, as SciPy has it.
    Integers in the places ``whole`` stay integers; ``mixed`` as for `special`.
    """
    values = tuple(map(as_number, values))
    found = operands(*values, whole=whole, half="float32", of=of or sys._getframe(1).f_code.co_name)
    if mixed:
        kinds = {"" if _is_number(v) else as_dtype(v.dtype).name for v in values}
        if len(kinds if mixed == "all" else kinds - {""}) > 1:
            found = [double(value) for value in found]
    for i, value in enumerate(found):
        dtype = as_dtype(value.dtype)
        if dtype.name == "float16":
            found[i] = astype(value, "float32")
        elif not dtype.is_inexact and i not in whole:
            found[i] = astype(value, "float64" if dtype.bits > 16 else "float32")
    return found


def double(value: Any) -> Any:
    """A real array in double precision, where its library has that."""
    try:
        return value if as_dtype(value.dtype).is_complex else astype(value, "float64", copy=False)
    except BackendError:  # a library, or a device, without double precision
        return value


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
