"""jit: a function compiled for the shapes and data types it is called with."""

import copy
import functools
import os
import warnings
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from polygrad import tree
from polygrad.array import Array, is_array, is_symbolic
from polygrad.compile.function import Function, NoDerivative
from polygrad.compile.function_op import RULES
from polygrad.compile.graph import Graph
from polygrad.compile.lowering import Lowered, lower
from polygrad.compile.programs import PROGRAMS, Programs, changes, checked_limit
from polygrad.compile.shortcut import MISS, shortcut
from polygrad.compile.signature import Arguments, Split, is_tracked
from polygrad.compile.traced import Traced
from polygrad.compile.tracing import CapturedTrackedArray, OpenTrace
from polygrad.compile.tracked_shortcut import tracked_shortcut
from polygrad.core.debugging import while_on
from polygrad.core.record import Recorder
from polygrad.device import current_device
from polygrad.errors import ArgumentTypeError, PolygradError, RetraceWarning
from polygrad.transforms.arguments import inside, kind_of, reduced, unwrap_as
from polygrad.transforms.closures import STANDING

VARIABLE = "POLYGRAD_JIT"
SHORTCUTS = 4
"""Programs of one function that get a shortcut, tried one after the other."""
_KNOWN = frozenset((*RULES, Recorder))
"""Traces to which a compiled function may be one op."""
RETRACES = 16
"""After so many programs for one function a warning says what keeps changing."""


class Jitted:
    """What `jit` returns: a function with a program for each kind of arguments it has met."""

    def __init__(
        self, f: Callable[..., Any], arguments: Arguments, limit: int = PROGRAMS, given: Any = None
    ) -> None:
        functools.update_wrapper(self, f, updated=())
        self._f, self._arguments = f, arguments
        self._given = given  # to `jit`, to be made anew from
        self._programs = Programs(limit)
        self._functions = Programs(limit)  # of tracked arguments
        self._gradients: dict[Hashable, Any] = {}
        self._shortcuts: tuple[Callable[..., Any], ...] = ()
        self._tracked_shortcuts: tuple[Callable[..., Any], ...] = ()
        self._tried: set[Hashable] = set()  # calls that got a shortcut, or cannot have one
        self._traces = 0
        self._lock = STANDING
        self._eager = os.environ.get(VARIABLE) == "0"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        for quick in (*self._shortcuts, *self._tracked_shortcuts):
            out = quick(args, kwargs)
            if out is not MISS:
                return out
        split = self._arguments.split(args, kwargs)
        if self._eager:
            return self._inline(split)
        tracked = [leaf for leaf in split.leaves if is_tracked(leaf)]
        if tracked:
            return self._under_transform(split, tracked, args, kwargs)
        try:
            traced, lowered = self._program(split)
        except (CapturedTrackedArray, NoDerivative):
            return self._inline(split)
        inputs = traced.inputs(split.leaves)
        traced.check_donated(inputs)
        out = traced.outputs(lowered.run(*inputs))
        if len(self._shortcuts) < SHORTCUTS and lowered not in self._tried:
            self._tried.add(lowered)
            static = self._arguments.static_numbers
            made = shortcut(args, kwargs, static, lowered, traced)
            traced.quick = made
            self._shortcuts += () if made is None else (made,)
        return out

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __compiled_gradient__(self, which: Hashable, transform: Callable[..., Any]) -> Any:
        """``transform`` of the function, compiled as a whole (a `Gradient`).

        Made once for each ``which``.
        """
        with self._lock:
            if which not in self._gradients:
                self._gradients[which] = Gradient(self, transform)
            return self._gradients[which]

    def lower(self, *args: Any, **kwargs: Any) -> Lowered:
        """The program for these arguments: its graph, generated source and cost."""
        return self._program(self._arguments.split(args, kwargs))[1]

    def _under_transform(self, split: Split, tracked: list[Array], args: Any, kwargs: Any) -> Any:
        """The results for arguments that transforms track, by compiled derivatives."""
        # An outer jit compiles all it sees; another trace may have to see each op.
        if any(map(is_symbolic, tracked)) or any(type(x._trace) not in _KNOWN for x in tracked):
            return self._inline(split)
        try:
            traced, function = self._function(split)
            out = traced.tracked_outputs(function(*traced.inputs(split.leaves)))
        except (CapturedTrackedArray, NoDerivative):
            return self._inline(split)
        way = id(function), *[(type(x._trace), type(x._value)) for x in tracked]
        if len(self._tracked_shortcuts) < SHORTCUTS and way not in self._tried:
            self._tried.add(way)
            static = self._arguments.static_numbers
            made = tracked_shortcut(args, kwargs, static, function, traced)
            traced.quick = made
            self._tracked_shortcuts += () if made is None else (made,)
        return out

    def _inline(self, split: Split) -> Any:
        """The function itself, where a transform outside has to see its ops."""
        kind = kind_of(split.leaves)
        args, kwargs = split.rebuild([inside(leaf) for leaf in split.leaves])
        return tree.map(lambda leaf: unwrap_as(leaf, kind), self._f(*args, **kwargs))

    def _program(self, split: Split) -> tuple[Traced, Lowered]:
        def make() -> tuple[Traced, Lowered]:
            traced = Traced(self._f, split, self._arguments.name)
            return traced, lower(traced.graph, traced.donated)

        return self._made(self._programs, split, make)

    def _function(self, split: Split) -> tuple[Traced, Function]:
        def make() -> tuple[Traced, Function]:
            traced = Traced(self._f, split, self._arguments.name, OpenTrace)
            return traced, Function(traced.graph)

        return self._made(self._functions, split, make)

    def _made(self, table: Programs, split: Split, make: Callable[[], Any]) -> Any:
        """The entry of a table for these arguments, made once."""
        key = (current_device().name, *split.key())
        found = table.take(key)
        if found is None:
            with self._lock:
                found = table.take(key)
                if found is None:
                    found = make()
                    self._warn_of_storm(table, split, key)
                    for gone in table.put(key, found):
                        self._forget(*gone)
        return found

    def _forget(self, traced: Traced, program: Any) -> None:
        """Drop the quick ways to a program that is kept no longer."""
        quick = traced.quick
        self._shortcuts = tuple([q for q in self._shortcuts if q is not quick])
        self._tracked_shortcuts = tuple([q for q in self._tracked_shortcuts if q is not quick])
        self._tried = {
            way
            for way in self._tried
            if way is not program and not (type(way) is tuple and way[0] == id(program))
        }

    def _warn_of_storm(self, table: Programs, split: Split, key: Any) -> None:
        self._traces += 1
        if self._traces != RETRACES:
            return
        name = self._arguments.name
        warnings.warn(
            f"jit: {name} is traced for the {RETRACES}th time: of its last two calls "
            f"{changes(split, table.latest, key)}. Pass what changes as arrays of one shape and "
            "data type (pad to a few sizes), not as static arguments",
            RetraceWarning,
            stacklevel=5,
        )

    def __reduce__(self) -> Any:
        return reduced(self, jit, (self._f, *(self._given or ((), (), (), None))))

    def __repr__(self) -> str:
        return f"<jit of {self._arguments.name}, {len(self._programs)} programs>"


class Gradient(Jitted):
    """The gradient of a compiled function as one program, where nothing around it is tracked.

    `pg.grad(pg.jit(f))` is then `pg.jit(pg.grad(f))`: all passes see both halves, nothing is handed
    from one to the other, and no tape is kept. Everywhere else, and where that cannot be had, which
    raises NoDerivative, the ordinary gradient takes the compiled function for one op: see
    `polygrad.compile.function`. ``transform`` is of the function that ``of`` compiles.

    It does not hold ``of``, which holds it.
    """

    def __init__(self, of: Jitted, transform: Callable[..., Any]) -> None:
        arguments = copy.copy(of._arguments)
        arguments.donated = frozenset()  # a gradient takes nothing away
        super().__init__(transform(of._f), arguments)
        self._eager = of._eager
        self._refused: set[Hashable] = set()

    def run(self, plain: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The gradient; by ``plain``, the ordinary one, where it cannot be compiled as a whole."""
        try:
            return self(*args, **kwargs)
        except NoDerivative:
            return plain(*args, **kwargs)

    def _program(self, split: Split) -> tuple[Any, Lowered]:
        kinds = {type(leaf) is Array for leaf in split.leaves if is_array(leaf)}
        if len(kinds) > 1:
            raise NoDerivative("a gradient has the kind of its argument, a program one for all")
        key = split.key()
        if key in self._refused:
            raise NoDerivative("it was tried before")
        try:
            return super()._program(split)
        except PolygradError as error:
            self._refused.add(key)
            raise NoDerivative(str(error)) from error

    def _under_transform(self, split: Split, *_: Any) -> Any:
        return self._inline(split)

    def _inline(self, _: Any) -> Any:
        raise NoDerivative("the ops themselves are asked for")


def _uncompiled(self: Jitted, *args: Any, **kwargs: Any) -> Any:
    return self._inline(self._arguments.split(args, kwargs))


for _class in (Jitted, Gradient):
    while_on(_class, "__call__", _uncompiled)  # debug_nans looks at each op


def jit(
    f: Callable[..., Any],
    static_argnums: int | Sequence[int] = (),
    static_argnames: str | Sequence[str] = (),
    donate_argnums: int | Sequence[int] = (),
    cache_size: int | None = None,
) -> Jitted:
    """A function that computes what ``f`` does, compiled.

    On the first call ``f`` runs once on arrays without values, through any transforms inside it;
    what it computes becomes a program, which runs in this and all later calls with arguments of
    the same structure, shapes, data types and device. Arguments are pytrees; arrays and numbers
    among the leaves may change from call to call. All else (a bool, a string, a member of an Enum)
    is static: a new value means a new program. So are the arguments named by ``static_argnums`` and
    ``static_argnames``; they have to be hashable. An integer that steers Python (``range(n)``, a
    shape, an axis) has to be named there; else it is traced, and takes the data type of the arrays
    it meets. Programs are kept for the ``cache_size`` kinds of arguments used last, 128 by default.
    Arrays of the arguments
    at ``donate_argnums`` are given away: their memory may be used again, for results above all,
    must not be read afterwards, and must not be shared with another argument.

    Only computation on arrays is kept. Printing, appending to a list, reading a clock or a
    global happen when ``f`` is traced and not again; arrays that ``f`` captures are copied then.
    Under another transform it stays compiled: ``pg.grad(pg.jit(f))``, `jvp` and `vmap`, nested as
    one likes, derive programs from that of ``f``, once for each kind of arguments, and nothing is
    donated. ``f`` runs as it is, op by op, where it uses an array of its surroundings that a
    transform tracks, where its program has no derivative by itself (a `while_loop` in reverse
    mode), under `debug_nans` and `pg.explain`, and always with the environment variable
    ``POLYGRAD_JIT=0``.

    Raises UnknownValueError, with the line, where ``f`` needs values while it is traced
    (``if x > 0``, ``float(x)``, a mask as an index), StaticArgumentError for a static argument
    without a hash, IntegerRangeError for an integer outside of int64, or of the data type it meets.
    Warns with RetraceWarning when it is traced for the 16th time.

    >>> step = pg.jit(lambda w, x: w - 0.1 * pg.grad(lambda w: pg.sum((x * w) ** 2))(w))
    >>> step(pg.ones(2), pg.asarray([1.0, 2.0]))
    Array([0.8, 0.2], dtype=float64, device=cpu)
    """
    _check_callable(f, "jit")
    given = static_argnums, static_argnames, donate_argnums, cache_size
    arguments = Arguments(f, static_argnums, static_argnames, donate_argnums)
    return Jitted(f, arguments, checked_limit(cache_size), given)


def make_graph(f: Callable[..., Any]) -> Callable[..., Graph]:
    """A function that traces ``f`` and returns its graph, readable as a program.

    It takes the arguments of ``f``, of which only shapes and data types matter. Raises what
    `jit` raises.

    >>> pg.make_graph(lambda x: pg.sum(x * 2.0))(pg.ones((2, 3)))
    <lambda>(a: float64[2, 3]):
        b: float64[2, 3] = multiply(a, 2.0)
        c: float64[] = sum(b, axis=(0, 1), keepdims=False)
        return c
    """
    _check_callable(f, "make_graph")
    arguments = Arguments(f, (), (), ())

    @functools.wraps(f)
    def traced(*args: Any, **kwargs: Any) -> Graph:
        split = arguments.split(args, kwargs)
        if any(map(is_tracked, split.leaves)):
            raise ArgumentTypeError(
                f"make_graph({arguments.name}): an argument is tracked by a transform; call it "
                "outside of the transform"
            )
        try:
            return Traced(f, split, arguments.name).graph
        except CapturedTrackedArray:
            raise ArgumentTypeError(
                f"make_graph({arguments.name}): the function uses an array that a transform "
                "tracks; call it outside of the transform"
            ) from None

    return traced


def _check_callable(f: Any, name: str) -> None:
    if not callable(f):
        raise ArgumentTypeError(
            f"{name}: got {type(f).__name__} for the function, expected a callable; pg.{name} "
            "takes the function itself, not its value"
        )
