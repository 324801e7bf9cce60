"""What a compiled program is good for: the structure, kinds, shapes and data types of arguments."""

import inspect
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from polygrad import tree
from polygrad.array import BASE, Array
from polygrad.backend import backend_for_type
from polygrad.compile.keys import frozen
from polygrad.compile.tracing import number_type
from polygrad.device import intern_device
from polygrad.dtypes import as_dtype
from polygrad.errors import (
    ArgumentTypeError,
    ArgumentValueError,
    IntegerRangeError,
    StaticArgumentError,
)


class Arguments:
    """Which arguments of a function are static and which are donated, by place and by name."""

    def __init__(
        self,
        f: Callable[..., Any],
        static_argnums: int | Sequence[int],
        static_argnames: str | Sequence[str],
        donate_argnums: int | Sequence[int],
    ) -> None:
        self.name = getattr(f, "__name__", type(f).__name__)
        numbers = _numbers("static_argnums", static_argnums)
        names = (static_argnames,) if isinstance(static_argnames, str) else tuple(static_argnames)
        self.donated = frozenset(_numbers("donate_argnums", donate_argnums))
        parameters = _parameters(f)
        self._parameters: list[str] = []
        if parameters is not None:
            positional = [
                p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
            ]
            self._parameters = positional
            variadic = any(p.kind is p.VAR_POSITIONAL for p in parameters)
            known = {p.name for p in parameters}
            keywords = any(p.kind is p.VAR_KEYWORD for p in parameters)
            for name in names:
                if name not in known and not keywords:
                    raise ArgumentValueError(
                        f"static_argnames: got {name!r}, expected one of the parameters of "
                        f"{self.name}: {', '.join(known) or 'it has none'}"
                    )
            for number in (*numbers, *self.donated):
                if number >= len(positional) and not variadic:
                    raise ArgumentValueError(
                        f"{'static' if number in numbers else 'donate'}_argnums: got {number}, but "
                        f"{self.name} has {len(positional)} positional parameters; places count "
                        "from 0"
                    )
            # A static argument is one whichever way it is passed.
            named = {positional[n] for n in numbers if n < len(positional)}
            numbers = (*numbers, *(positional.index(n) for n in names if n in positional))
            names = (*names, *named)
        self.static_numbers, self.static_names = frozenset(numbers), frozenset(names)
        both = self.static_numbers & self.donated
        if both:
            raise ArgumentValueError(
                f"donate_argnums: argument {min(both)} is static as well; only arrays are donated"
            )

    def parameter(self, number: int) -> str:
        """What the function calls a positional argument."""
        names = self._parameters
        return names[number] if number < len(names) else f"argument {number}"

    def split(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> "Split":
        """The arguments of one call, static ones apart."""
        return Split(self, args, kwargs)


class Split:
    """The arguments of one call: leaves of the dynamic ones, their structure, and the rest."""

    def __init__(self, to: Arguments, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        numbers, names = to.static_numbers, to.static_names
        self.count = len(args)
        self.statics = {i: args[i] for i in numbers if i < len(args)}
        self.named = {name: value for name, value in kwargs.items() if name in names}
        dynamic = tuple([arg for i, arg in enumerate(args) if i not in numbers])
        rest = {name: value for name, value in kwargs.items() if name not in names}
        self.leaves, self.spec = tree.flatten((dynamic, rest))
        self._to, self._dynamic, self._rest = to, dynamic, rest
        self._names = tuple(kwargs)

    def rebuild(self, leaves: Sequence[Any]) -> tuple[list[Any], dict[str, Any]]:
        """The arguments as passed, with other leaves in the dynamic ones."""
        dynamic, rest = tree.unflatten(self.spec, leaves)
        values = iter(dynamic)
        args = [self.statics[i] if i in self.statics else next(values) for i in range(self.count)]
        if not self.named:
            return args, rest
        everything = {**rest, **self.named}
        return args, {name: everything[name] for name in self._names}

    def donated(self) -> list[bool]:
        """Whether each leaf belongs to an argument that the caller gives away."""
        numbers = [i for i in range(self.count) if i not in self.statics]
        found: list[bool] = []
        for number, arg in zip(numbers, self._dynamic, strict=True):
            found += [number in self._to.donated] * len(tree.leaves(arg))
        return found + [False] * (len(self.leaves) - len(found))

    def key(self) -> tuple[Hashable, ...]:
        """What tells this call from those that need another program."""
        shapes = []
        for place, leaf in enumerate(self.leaves):
            if isinstance(leaf, int) and not -(2**63) <= leaf < 2**63:
                raise IntegerRangeError(
                    f"{self._to.name}: argument {self.name(place)} is {leaf!r:.60}, outside of "
                    "int64, in which jit traces integers; name it in static_argnums, or pass a "
                    "float"
                )
            shapes.append(kind(leaf) or self._static("leaf", self._path(place), leaf))
        statics = [(i, self._static("static argument", str(i), v)) for i, v in self.statics.items()]
        named = [(n, self._static("static argument", n, v)) for n, v in self.named.items()]
        # The function sees dicts, and keywords, in the order of the caller.
        order = (self._names, *tree.orders((self._dynamic, self._rest)))
        return self.spec, self.count, tuple(shapes), (*statics, *sorted(named)), order

    def _path(self, place: int) -> str:
        return tree.paths((self._dynamic, self._rest))[place]

    def name(self, place: int) -> str:
        """What an argument is called, and where in it a leaf is: ``x['w'][0]``."""
        path = self._path(place)
        kind, _, rest = path.removeprefix("[").partition("]")
        if kind == "1":  # a keyword
            name, _, inside = rest.removeprefix("['").partition("']")
            return f"{name}{inside}"
        number, _, inside = rest.removeprefix("[").partition("]")
        numbers = [i for i in range(self.count) if i not in self.statics]
        return f"{self._to.parameter(numbers[int(number)])}{inside}"

    def _static(self, what: str, which: str, value: Any) -> Hashable:
        try:
            return frozen(value)
        except TypeError:
            remedy = (
                "pass an array instead, or a hashable value (a tuple for a list, a frozen "
                "dataclass)"
            )
            raise StaticArgumentError(
                f"{self._to.name}: {what} {which} is a {type(value).__name__}, which has no hash, "
                f"so that jit cannot tell whether it changed; {remedy}"
            ) from None


def kind(leaf: Any) -> Hashable | None:
    """What tells one array or number from another in a key; None for other leaves."""
    cls = type(leaf)
    if cls is float or cls is complex or cls is int:
        return cls.__name__
    wrapped = cls is Array
    if wrapped:
        if leaf._trace is not BASE:
            return "tracked", tuple(leaf.shape), leaf.dtype.name, leaf.device.name
        leaf = leaf._value
        cls = type(leaf)
    backend = backend_for_type(cls)
    if backend is None:
        number = number_type(leaf)
        return None if number is None else number.__name__
    place = intern_device(backend, backend.device_of(leaf)).name
    return wrapped, cls, tuple(leaf.shape), as_dtype(leaf.dtype).name, place


def is_tracked(leaf: Any) -> bool:
    """Whether a transform outside tracks an argument."""
    return type(leaf) is Array and leaf._trace is not BASE


def _numbers(name: str, given: int | Sequence[int]) -> tuple[int, ...]:
    numbers = (given,) if isinstance(given, int) else tuple(given)
    for n in numbers:
        if not isinstance(n, int) or isinstance(n, bool):
            raise ArgumentTypeError(
                f"{name}: got {given!r}, expected places of positional arguments, counted from 0"
            )
        if n < 0:
            raise ArgumentValueError(f"{name}: got {n}, expected 0 or more")
    return numbers


def _parameters(f: Callable[..., Any]) -> list[inspect.Parameter] | None:
    try:
        return list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        return None
