"""What every transform does with arguments: find the arrays, give back the kind that came."""

import functools
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

from polygrad import ops, tree
from polygrad.array import BASE, Array, Symbolic, is_array, is_number, raw_and_backend, wrap
from polygrad.backend import ARRAY_TYPES, PLAIN_TYPES, SCALAR_TYPES, backend_for_type, why_foreign
from polygrad.core.op import OPS
from polygrad.core.trace import Trace, bind, describe
from polygrad.device import current_device, intern_device
from polygrad.dtypes import as_dtype
from polygrad.errors import (
    ArgumentTypeError,
    ArgumentValueError,
    DTypeError,
    MixedArraysError,
    NonScalarError,
)

ArgNums = int | Sequence[int]
ARRAY, RAW, PYTHON = "polygrad.Array", "library array", "Python number"


class _InKey:
    """The class of `IN_KEY`."""

    def __repr__(self) -> str:
        return "IN_KEY"


IN_KEY = _InKey()
"""What the array inside a random key has for its node: it says nothing about the kind of array
that results take."""


class Leaf:
    """One leaf of an argument: the kind of array it is, and its value one level down.

    ``value`` is None for a leaf without a derivative: an integer, a bool, a string.
    """

    __slots__ = ("kind", "value")

    def __init__(self, given: Any) -> None:
        if type(given) in PLAIN_TYPES:
            self.kind = RAW
            self.value = given if as_dtype(given.dtype).is_inexact else None
            return
        self.kind, self.value = ARRAY, None
        if type(given) is Array:
            if is_number(given):  # a float of the caller's, while jit traces: an array, as eagerly
                self.kind = PYTHON
                self.value = _as_array(given) if given.dtype.is_inexact else None
            elif given.dtype.is_inexact:
                # A copy: the caller's own may get another value by x[i] = v.
                fresh = Array(given._value, given._trace, given._node)
                self.value = fresh if given._trace.level else given._value
            return
        if type(given) in (float, complex):
            device = current_device()
            self.kind, self.value = PYTHON, device.backend.from_host(given, None, device.raw)
            return
        backend = backend_for_type(type(given), given)
        if backend is not None:
            self.kind = RAW
            if as_dtype(given.dtype).is_inexact:
                scalar = type(given) in SCALAR_TYPES
                self.value = backend.normalise(given) if scalar else given

    def give_back(self, value: Any, seen: set[int]) -> Any:
        """A result in the kind this leaf had, in memory of its own."""
        if type(value) is Array and value._trace.level:
            # A number again, where no transform tracks it but jit traces it.
            number = self.kind is PYTHON and isinstance(value._value, Symbolic)
            return bind(OPS["as_number"], (value,), {}) if number else value
        raw, backend = raw_and_backend(value)
        if type(raw) in SCALAR_TYPES:
            raw = backend.normalise(raw)
        if self.kind is PYTHON:
            return backend.to_host(raw).item() if raw.shape == () else wrap(raw)
        if id(raw) in seen:
            raw = backend.xp.asarray(raw, copy=True)
        raw = backend.own(raw)
        seen.add(id(raw))
        return wrap(raw) if self.kind is ARRAY else raw


def _as_array(number: Any) -> Any:
    """An array for what stands for a float or complex number while jit traces a function."""
    device = current_device()
    one = 1j if number.dtype.is_complex else 1.0
    return ops.astype(number, as_dtype(device.backend.from_host(one, None, device.raw).dtype))


def check_place(given: Any, where: str, beside: Any, whose: str) -> None:
    """Raise MixedArraysError unless an array lives on the device of another."""
    (raw, backend), (other, expected) = raw_and_backend(given), raw_and_backend(beside)
    place, home = backend.device_of(raw), expected.device_of(other)
    if backend is not expected or (backend.multi_device and place != home):
        target = intern_device(expected, home)
        raise MixedArraysError(
            f"{where}: got an array on {intern_device(backend, place)}, expected one on {target}, "
            f"the device of {whose}; move it with pg.to_device(x, {str(target)!r})"
        )


def inside(value: Any) -> Any:
    """A leaf as the function sees it: library arrays become untracked Arrays."""
    if type(value) in PLAIN_TYPES:
        return Array(value, BASE, None)
    if backend_for_type(type(value), value) is None or type(value) in SCALAR_TYPES:
        return value
    return wrap(value)


def kind_of(leaves: list[Any]) -> str:
    """The kind of array that results take when these leaves came in."""
    if leaves and PLAIN_TYPES.issuperset(map(type, leaves)):
        return RAW
    kinds, key, number = set(), False, False
    for leaf in leaves:
        if type(leaf) is Array:
            if leaf._node is IN_KEY:
                key = True
            else:
                kinds.add(ARRAY)
        elif is_array(leaf):
            kinds.add(RAW)
        else:
            number = number or isinstance(leaf, int | float | complex)
    if kinds:
        return ARRAY if ARRAY in kinds else RAW
    return ARRAY if key and not number else PYTHON


def unwrap_as(value: Any, kind: str) -> Any:
    """A result in the kind of array that came in; tracked by outer transforms it stays so."""
    if type(value) is not Array or value._trace.level:
        return value
    if kind is ARRAY:
        return value
    raw = value._value
    if kind is PYTHON:
        return value.item() if raw.shape == () else value
    return raw


def take_off(value: Any, trace: Trace, kind: str) -> Any:
    """An output without this trace's tracking, in the kind of array that came in."""

    def one(leaf: Any) -> Any:
        if type(leaf) is Array and leaf._trace is trace:
            below = leaf._value
            if type(below) in SCALAR_TYPES:  # left behind by a rule on 0-d arrays
                below = ARRAY_TYPES[type(below)].normalise(below)
            leaf = wrap(below)
        return unwrap_as(leaf, kind)

    return one(value) if type(value) is Array else tree.map(one, value)


def nothing_to_differentiate(name: str, argument: Any) -> None:
    """Raise DTypeError for an argument of which no leaf carries a derivative."""
    shown = []
    for leaf, path in zip(tree.leaves(argument), tree.paths(argument), strict=True):
        dtype = getattr(leaf, "dtype", type(leaf).__name__)
        reason = why_foreign(type(leaf))
        shown.append(
            f"{path or 'it'} is {dtype}" + (f" of a class that {reason}" if reason else "")
        )
    raise DTypeError(
        f"{name}: there is nothing to differentiate, {', '.join(shown[:5]) or 'it is empty'}; "
        "expected floating-point arrays or numbers; convert with "
        "pg.astype(x, pg.float32), or write 3.0 for 3"
    )


def check_scalar(value: Any, name: str) -> None:
    """Raise NonScalarError unless ``value`` is one real floating-point array element."""
    if type(value) is not Array and not is_array(value):
        raise NonScalarError(
            f"{name}: the function returned {describe(value)}, which carries no gradient; return "
            "an array computed from the arguments (without .item() or float()), or pass "
            "has_aux=True for further outputs"
        )
    if len(value.shape):
        raise NonScalarError(
            f"{name}: the function returned shape {tuple(value.shape)}, expected a scalar, "
            "shape (); reduce it with pg.sum or pg.mean, or use pg.vjp"
        )
    dtype = as_dtype(value.dtype)
    if dtype.group != "real floating":
        raise NonScalarError(
            f"{name}: the function returned {dtype}, expected a real floating-point scalar; "
            "take pg.real(...) or pg.abs(...) of it, or use pg.vjp"
        )


def check_callable(f: Any, name: str) -> None:
    """Raise ArgumentTypeError unless the function to transform can be called."""
    if not callable(f):
        raise ArgumentTypeError(
            f"{name}: got {type(f).__name__} for the function, expected a callable; "
            f"pg.{name} takes the function itself, not its value"
        )


def argument_numbers(argnums: ArgNums, count: int, name: str) -> tuple[int, ...]:
    """``argnums`` as places from 0, for a call of ``name`` with that many arguments."""
    if type(argnums) is int and 0 <= argnums < count:
        return (argnums,)
    numbers = (argnums,) if isinstance(argnums, int) else argnums
    if not isinstance(numbers, list | tuple) or not all(isinstance(n, int) for n in numbers):
        raise ArgumentTypeError(
            f"argnums: got {argnums!r}, expected a number or a tuple of numbers: the places of "
            "positional arguments, from 0"
        )
    for n in numbers:
        if not -count <= n < count:
            choices = f"numbers from 0 to {count - 1}" if count else "at least one to be passed"
            raise ArgumentValueError(
                f"argnums: got {argnums!r}, but {name} was called with {count} positional "
                f"arguments; expected {choices}"
            )
    numbers = tuple(n % count for n in numbers)
    if len(set(numbers)) < len(numbers):
        raise ArgumentValueError(f"argnums: got {argnums!r}, expected each argument only once")
    return numbers


def split(out: Any, has_aux: bool, name: str) -> tuple[Any, Any]:
    """What a function returned, and its further outputs where ``has_aux`` says there are some."""
    if not has_aux:
        return out, None
    if not isinstance(out, tuple) or len(out) != 2:
        raise ArgumentTypeError(
            f"{name}: with has_aux=True the function has to return a pair (value, aux), "
            f"got {type(out).__name__}"
        )
    return out


# -- functions that transforms make, which are pickled as what they are made of ------------------

F = TypeVar("F", bound=Callable[..., Any])


class Transformed:
    """A function that a transform made of another; pickled as the transform and its arguments."""

    def __init__(self, call: Callable[..., Any], made: tuple[Any, ...]) -> None:
        functools.update_wrapper(self, call, updated=())
        self._call, self._made = call, made

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._call(*args, **kwargs)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __reduce__(self) -> Any:
        transform, args, kwargs = self._made
        return reduced(self, _again, (transform, args, kwargs))

    def __repr__(self) -> str:
        name = getattr(self, "__name__", type(self).__name__)
        return f"<{self._made[0].__name__} of {name}>"


def _again(transform: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return transform(*args, **kwargs)


def reduced(made: Any, again: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    """What ``__reduce__`` returns: the name of a module's own function, or how it is made again.

    A function under a decorator is the module's own, and what is decorated cannot be reached.
    """
    module, name = getattr(made, "__module__", None), getattr(made, "__qualname__", None)
    found: Any = sys.modules.get(module) if isinstance(module, str) else None
    for part in name.split(".") if isinstance(name, str) else ():
        found = getattr(found, part, None)
    return name if found is made else (again, args)


def remade(transform: F) -> F:
    """A transform whose functions can be pickled."""

    @functools.wraps(transform)
    def public(*args: Any, **kwargs: Any) -> Any:
        return Transformed(transform(*args, **kwargs), (public, args, kwargs))

    return cast(F, public)
