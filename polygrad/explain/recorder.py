"""Recording a function: the reverse-mode tape, with the value and a name for each node."""

import inspect
from collections.abc import Callable
from typing import Any

from polygrad import tree
from polygrad.array import Array, wrap
from polygrad.core.op import Op
from polygrad.core.tape import Node as TapeNode
from polygrad.core.tape import ReverseTrace
from polygrad.core.views import up_to_date
from polygrad.errors import ArgumentTypeError
from polygrad.explain.computation import Graph, Node
from polygrad.explain.text import constant
from polygrad.transforms.arguments import Leaf, inside, nothing_to_differentiate

Record = tuple[TapeNode, Op | None, list[TapeNode | None], list[Any], dict[str, Any], Any]


class _Recorder(ReverseTrace):
    """The tape of `pg.grad`, with what it lets go of: operands, values and names."""

    __slots__ = ("records", "names")

    def __init__(self) -> None:
        super().__init__()
        self.records: list[Record] = []
        self.names: dict[TapeNode, str] = {}

    def leaf(self, value: Any, title: str) -> Array:
        array = self.input(value)
        self.names[array._node] = title
        self.records.append((array._node, None, [], [], {}, wrap(value)))
        return array

    def process(self, op: Op, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        """Run ``op``, record it on the tape, and keep its operands and its answer.

        They are read here and now: an index assignment may give a handle another value later.
        """
        own = [type(arg) is Array and arg._trace is self for arg in args]
        sources = [arg._node if mine else None for arg, mine in zip(args, own, strict=True)]
        values = [arg._value if mine else arg for arg, mine in zip(args, own, strict=True)]
        out = super().process(op, args, params)
        answers = [a for a in (out if op.multiple else (out,)) if a._trace is self]
        if not answers:
            return out
        if op.multiple:
            whole = answers[0]._node.parents[0]
            every = tuple(wrap(a._value) if a._trace is self else a for a in out)
            self.records.append((whole, op, sources, values, params, every))
            for a in answers:
                self.records.append((a._node, None, [whole], [], {}, wrap(a._value)))
        else:
            self.records.append((out._node, op, sources, values, params, wrap(out._value)))
        return out


def graph(f: Callable[..., Any]) -> Callable[..., Graph]:
    """A function that runs ``f`` and returns its computation graph, a `Graph`.

    The floating-point leaves of the positional arguments are the leaves of the graph, named
    after the parameters of ``f`` and the paths in their pytrees; `name` names what is computed
    from them, and the rest is numbered v1, v2, ... Only what depends on the leaves is a node,
    all else is a constant. ``f`` returns one floating-point array, of any shape.

    Raises ArgumentTypeError when ``f`` is not callable or returns something else, DTypeError
    when the arguments have nothing to differentiate.

    >>> print(pg.explain.graph(lambda w, x: pg.tanh(w["a"] * x))({"a": 0.5}, 0.0))
    w['a']           = 0.5
    x                = 0
    v1 = w['a'] * x  = 0
    v2 = tanh(v1)    = 0
    """
    if not callable(f):
        raise ArgumentTypeError(
            f"explain.graph: got {type(f).__name__} for the function, expected a callable; "
            "write pg.explain.graph(f)(x)"
        )

    def recorded(*args: Any, **kwargs: Any) -> Graph:
        given, spec = tree.flatten(args)
        leaves = [Leaf(leaf) for leaf in given]
        titles = [
            title + path
            for title, arg in zip(_argument_names(f, len(args)), args, strict=True)
            for path in tree.paths(arg)
        ]
        if all(leaf.value is None for leaf in leaves):
            nothing_to_differentiate("explain.graph", args)
        trace = _Recorder()
        tracked = [
            inside(one) if leaf.value is None else trace.leaf(leaf.value, title)
            for one, leaf, title in zip(given, leaves, titles, strict=True)
        ]
        try:
            out = up_to_date(f(*tree.unflatten(spec, tracked), **tree.map(inside, kwargs)))
        finally:
            trace.alive = False
        if type(out) is not Array or not out.dtype.is_inexact:
            got = str(out.dtype) if type(out) is Array else type(out).__name__
            raise ArgumentTypeError(
                f"explain.graph: the function returned {got}, expected one floating-point "
                "array computed from the arguments; explain each output in a call of its own"
            )
        return _build(trace, out)

    return recorded


def name(title: str, x: Any, /) -> Any:
    """Returns ``x``; inside `graph` it also names the node that ``x`` is.

    A name given twice is told apart by #2, #3, ... Everywhere else nothing happens, so the
    calls may stay in the function.

    >>> def f(x):
    ...     z = pg.explain.name("z", 3.0 * x)
    ...     return pg.explain.name("L", z**2)
    >>> print(pg.explain.graph(f)(2.0))
    x              = 2
    z = 3 * x      = 6
    L = square(z)  = 36
    """
    value = x
    while type(value) is Array:
        if isinstance(value._trace, _Recorder):
            value._trace.names[value._node] = title
            break
        value = value._value
    return x


def _argument_names(f: Callable[..., Any], count: int) -> list[str]:
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    rest = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), "arg")
    return (names + [f"{rest}[{i}]" for i in range(count - len(names))])[:count]


def _build(trace: _Recorder, out: Array) -> Graph:
    """The graph of the recorded tape, every node under a name of its own."""
    taken: set[str] = set()
    names: dict[TapeNode, str] = {}

    def take(title: str) -> str:
        n = 2
        unique = title
        while unique in taken:
            unique, n = f"{title}#{n}", n + 1
        taken.add(unique)
        return unique

    for node, *_ in trace.records:
        if node in trace.names:
            names[node] = take(trace.names[node])
    numbers = (f"v{n}" for n in range(1, len(trace.records) + len(taken) + 2))
    nodes: dict[str, Node] = {}
    for tape, op, sources, values, params, value in trace.records:
        if tape not in names:
            names[tape] = next(n for n in numbers if n not in taken)
        before = tuple(None if source is None else names[source] for source in sources)
        operands = tuple(
            source or constant(v) for source, v in zip(before, values or before, strict=True)
        )
        nodes[names[tape]] = Node(
            names[tape], op, operands, before, tuple(values), params, value, tape.slot
        )
    leaves = [n.name for n in nodes.values() if n.op is None]
    if out._trace is trace:
        return Graph(nodes, leaves, names[out._node])
    fixed = Node(take("output"), None, (), (), (), {}, out, None)
    return Graph({**nodes, fixed.name: fixed}, leaves, fixed.name)
