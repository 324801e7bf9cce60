"""The quick way into a compiled program: the checks of its key written out as code.

A call pays for taking arguments apart, for making sure that they are of the kind the program was
made for, and for putting results together. For one known kind of arguments all three are a few
lines of Python without a loop.
"""

from collections.abc import Callable
from typing import Any

from polygrad import tree
from polygrad.array import BASE, Array
from polygrad.backend import ARRAY_TYPES, PLAIN_TYPES
from polygrad.compile.programs import now
from polygrad.device import current_device
from polygrad.transforms.arguments import ARRAY, PYTHON

MISS = object()
"""What a shortcut returns for arguments it is not for."""
_STATIC = (int, bool, str, type(None))


class Unknown(Exception):
    """Arguments that have no shortcut."""


def shortcut(args: tuple[Any, ...], kwargs: Any, static: frozenset[int], run: Any, traced: Any) -> Callable[..., Any] | None:  # fmt: skip # noqa: E501
    """A function of (args, kwargs) that runs a program, or returns MISS for another kind.

    ``run()`` gives the program, a function of its inputs. None where the arguments have no
    shortcut: keywords, scalars of a library, arrays that may be on several devices.
    """
    if kwargs:
        return None
    try:
        return Shortcut(args, static, run, traced).build()
    except Unknown:
        return None


class Shortcut:
    """Writes the code for one kind of arguments."""

    def __init__(self, args: Any, static: frozenset[int], run: Any, traced: Any) -> None:
        self.traced = traced
        self.names: dict[str, Any] = {
            "MISS": MISS, "Array": Array, "BASE": BASE, "current_device": current_device,
            "device": current_device(), "lowered": run, "flatten": tree.flatten,
            "orders": tree.orders, "traced": traced, "now": now, "unflatten": tree.unflatten,
        }  # fmt: skip
        self.lines = ["if kwargs or current_device() is not device: return MISS"]
        self.checks: list[str] = []
        self.inputs: list[str] = []
        self.count = 0
        parts = [self._new() for _ in args]
        self.lines.append(f"if len(args) != {len(args)}: return MISS")
        if parts:
            self.lines.append(f"{', '.join(parts)}, = args")
        for i, (name, arg) in enumerate(zip(parts, args, strict=True)):
            if i in static:
                self._static(name, arg)
            else:
                self._take(name, arg)
        self._flush()

    def _new(self) -> str:
        self.count += 1
        return f"x{self.count}"

    def _constant(self, value: Any) -> str:
        name = f"c{len(self.names)}"
        self.names[name] = value
        return name

    def _flush(self) -> None:
        if self.checks:
            self.lines.append(f"if not ({' and '.join(self.checks)}): return MISS")
            self.checks = []

    def _take(self, name: str, value: Any) -> None:
        cls = type(value)
        if cls is list or cls is tuple:
            self.checks.append(f"type({name}) is {cls.__name__} and len({name}) == {len(value)}")
            self._flush()
            parts = [self._new() for _ in value]
            if parts:
                self.lines.append(f"{', '.join(parts)}, = {name}")
            for part, item in zip(parts, value, strict=True):
                self._take(part, item)
        elif cls is dict and all(type(key) is str for key in value):
            keys = self._constant(tuple(value))
            self.checks.append(f"type({name}) is dict and tuple({name}) == {keys}")
            self._flush()
            for key in sorted(value):
                part = self._new()
                self.lines.append(f"{part} = {name}[{key!r}]")
                self._take(part, value[key])
        elif cls is float or cls is complex or cls is int:
            self.checks.append(f"type({name}) is {cls.__name__}")
            if cls is int:  # the long way says what is wrong with any other
                self.checks.append(f"{-(2**63)} <= {name} < {2**63}")
            self.inputs.append(name)
        elif cls in _STATIC:
            self._static(name, value)
        elif cls is Array or cls in PLAIN_TYPES:
            self._array(name, value)
        else:
            self._other(name, value)

    def _static(self, name: str, value: Any) -> None:
        if type(value) not in _STATIC:
            raise Unknown
        self.checks.append(f"type({name}) is {self._constant(type(value))} and {name} == {value!r}")

    def _array(self, name: str, value: Any) -> None:
        if type(value) is Array:
            self.checks.append(f"type({name}) is Array and {name}._trace is BASE")
            self._flush()
            part = self._new()
            self.lines.append(f"{part} = {name}._value")
            name, value = part, value._value
        cls = type(value)
        if cls not in PLAIN_TYPES or ARRAY_TYPES[cls].multi_device:
            raise Unknown
        dtype = self._constant(value.dtype)
        self.checks.append(
            f"type({name}) is {self._constant(cls)} "
            f"and ({name}.dtype is {dtype} or {name}.dtype == {dtype})"
            f" and {name}.shape == {tuple(value.shape)}"
        )
        self.inputs.append(name)

    def _other(self, name: str, value: Any) -> None:
        """Another container: taken apart as a pytree."""
        leaves, spec = tree.flatten(value)
        if len(leaves) == 1 and leaves[0] is value:
            raise Unknown
        parts = [self._new() for _ in leaves]
        self._flush()
        known = self._constant(spec)
        leaf, found = self._new(), self._new()
        self.lines.append(f"{leaf}, {found} = flatten({name})")
        self.lines.append(f"if {found} != {known}: return MISS")
        if orders := tree.orders(value):
            self.lines.append(f"if orders({name}) != {self._constant(orders)}: return MISS")
        if parts:
            self.lines.append(f"{', '.join(parts)}, = {leaf}")
        for part, item in zip(parts, leaves, strict=True):
            self._take(part, item)

    def _results(self) -> str:
        """The expression that puts the results together."""
        traced = self.traced
        leaves = []
        for result, raw, number in zip(traced.results, traced.raw, traced.weak, strict=True):
            place = getattr(result, "number", None)
            if place is None:
                leaves.append(self._constant(result))
            else:
                leaves.append(self._result(place, raw or number))
        return self._tree(tree.unflatten(traced.spec, list(range(len(leaves)))), leaves)

    def _result(self, place: int, as_it_is: bool) -> str:
        """One output, in the kind of array that came in."""
        if as_it_is or self.traced.kind not in (ARRAY, PYTHON):
            return f"out[{place}]"
        if self.traced.kind is PYTHON:
            raise Unknown
        return f"Array(out[{place}], BASE, None)"

    def _run(self) -> None:
        if any(self.traced.donated) and len(self.inputs) > 1:  # the long way says what is wrong
            numbers = ", ".join(f"id({name})" for name in self.inputs)
            self.lines.append(f"if len({{{numbers}}}) < {len(self.inputs)}: return MISS")
        self.lines.append(f"out = lowered.run({', '.join(self.inputs)})")

    def _tree(self, value: Any, leaves: list[str]) -> str:
        cls = type(value)
        if cls is int:
            return leaves[value]
        if value is None:
            return "None"
        if cls is tuple or cls is list:
            inside = "".join(self._tree(item, leaves) + ", " for item in value)
            return f"({inside})" if cls is tuple else f"[{inside}]"
        if cls is dict:
            items = (f"{key!r}: {self._tree(item, leaves)}" for key, item in value.items())
            if all(type(key) is str for key in value):
                return f"{{{', '.join(items)}}}"
        numbers, spec = tree.flatten(value)
        inside = ", ".join(leaves[n] for n in numbers)
        return f"unflatten({self._constant(spec)}, [{inside}])"

    def build(self) -> Callable[..., Any]:
        """The function."""
        self._run()
        self.lines.append("traced.used = now()")
        self.lines.append(f"return {self._results()}")
        body = "".join(f"    {line}\n" for line in self.lines)
        exec(compile(f"def call(args, kwargs):\n{body}", "<shortcut of jit>", "exec"), self.names)
        found: Callable[..., Any] = self.names["call"]
        return found
