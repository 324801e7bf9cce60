"""Reverse mode: vjp, grad and value_and_grad over pytrees."""

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from polygrad import ops, tree
from polygrad.array import Array, is_array
from polygrad.backend import ARRAY_TYPES, PLAIN_TYPES, namespace_of
from polygrad.core.record import plain
from polygrad.core.tape import Node, ReverseTrace, backward
from polygrad.core.views import up_to_date
from polygrad.dtypes import as_dtype
from polygrad.errors import DTypeError, ShapeError
from polygrad.transforms.arguments import (
    ArgNums,
    Leaf,
    argument_numbers,
    check_callable,
    check_place,
    check_scalar,
    inside,
    kind_of,
    nothing_to_differentiate,
    remade,
    split,
    take_off,
)


def _flatten(arg: Any) -> tuple[list[Any], Any]:
    """The leaves and structure of an argument, as `_unflatten` takes them.

    The commonest ones, one array and a list or tuple of arrays, need no pytree: their structure
    is None and the class.
    """
    cls = type(arg)
    if cls is Array or cls in PLAIN_TYPES:
        return [arg], None
    if (cls is list or cls is tuple) and arg and PLAIN_TYPES.issuperset(map(type, arg)):
        return list(arg), cls
    return tree.flatten(arg)


def _unflatten(spec: Any, leaves: list[Any]) -> Any:
    if spec is None:
        return leaves[0]
    return spec(leaves) if type(spec) is type else tree.unflatten(spec, leaves)


class _Argument:
    """An argument to differentiate with respect to: its leaves, tracked where they can be."""

    __slots__ = ("spec", "leaves", "shown", "nodes")

    def __init__(self, trace: ReverseTrace, given: list[Any], spec: Any) -> None:
        self.spec = spec
        self.leaves: list[Any] = []  # a plain library array stands for itself
        self.shown: list[Any] = []
        self.nodes: list[Node] = []
        for one in given:
            leaf = value = one
            if type(one) not in PLAIN_TYPES or not as_dtype(one.dtype).is_inexact:
                leaf = Leaf(one)
                value = leaf.value
            self.leaves.append(leaf)
            if value is None:
                self.shown.append(inside(one))
            else:
                array = trace.input(value)
                self.shown.append(array)
                self.nodes.append(array._node)

    def give_back(self, found: Iterator[Any], seen: set[int]) -> Any:
        """The cotangents of the tracked leaves in the structure of the argument."""
        flat: list[Any] = []
        for leaf in self.leaves:
            if type(leaf) is not Leaf:
                g = next(found)
                if type(g) in PLAIN_TYPES and id(g) not in seen:
                    g = ARRAY_TYPES[type(g)].own(g)
                    seen.add(id(g))
                    flat.append(g)
                    continue
                leaf = Leaf(leaf)
            elif leaf.value is None:
                flat.append(None)
                continue
            else:
                g = next(found)
            flat.append(leaf.give_back(_like("zeros_like", leaf.value) if g is None else g, seen))
        return _unflatten(self.spec, flat)


class Recording:
    """One forward run with some arguments tracked."""

    def __init__(
        self, f: Callable[..., Any], args: tuple[Any, ...], kwargs: Any, argnums: tuple[int, ...]
    ) -> None:
        name = getattr(f, "__name__", type(f).__name__)
        self.trace = ReverseTrace(f)
        everything: list[Any] = []
        shown: list[Any] = []
        tracked: dict[int, _Argument] = {}
        for i, arg in enumerate(args):
            given, spec = _flatten(arg)
            everything += given
            if i in argnums:
                tracked[i] = argument = _Argument(self.trace, given, spec)
                if not argument.nodes:
                    nothing_to_differentiate(f"{name}: argument {i}", arg)
                shown.append(_unflatten(spec, argument.shown))
            else:
                shown.append(_unflatten(spec, [inside(leaf) for leaf in given]))
        if kwargs:
            everything += tree.leaves(kwargs)
            kwargs = tree.map(inside, kwargs)
        self.kind = kind_of(everything)
        self.arguments = [tracked[i] for i in argnums]
        try:
            self.out = up_to_date(f(*shown, **kwargs))
        finally:
            self.trace.alive = False

    def value(self, out: Any) -> Any:
        """Outputs as the caller gets them."""
        return take_off(out, self.trace, self.kind)

    def pull(
        self, seeds: Iterable[tuple[Node, Any]], keep: tuple[Any, ...] = ()
    ) -> tuple[Any, ...]:
        """Cotangents of the tracked arguments, each a pytree like its argument.

        Results share no memory with one another, nor with the arrays in ``keep``.
        """
        nodes = [node for argument in self.arguments for node in argument.nodes]
        found = iter(backward(seeds, nodes))
        seen = {id(array) for array in keep}
        return tuple([argument.give_back(found, seen) for argument in self.arguments])


def vjp(f: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """The value of ``f`` and the function that pulls cotangents back through it.

    Returns ``(out, pullback)``, or ``(out, pullback, aux)`` with ``has_aux``, when ``f`` returns
    ``(out, aux)``. ``pullback(cotangent)``, where the cotangent has the structure, shapes and
    data types of ``out``, returns a tuple with one pytree for each primal; it can be called
    again. Leaves that are not floating-point get None. Complex cotangents follow the convention
    of `grad`.

    Raises DTypeError when a primal has nothing to differentiate; ``pullback`` raises TreeError,
    ShapeError or DTypeError when a cotangent does not fit.

    >>> out, pullback = pg.vjp(lambda x, y: x * y, 3.0, 4.0)
    >>> out, pullback(1.0)
    (12.0, (4.0, 3.0))
    """
    check_callable(f, "vjp")
    run = Recording(f, primals, {}, tuple(range(len(primals))))
    out, aux = split(run.out, has_aux, "vjp")
    leaves, spec = tree.flatten(out)
    tracked = [
        leaf if type(leaf) is Array and leaf._trace is run.trace else None for leaf in leaves
    ]
    value = run.value(out)
    references = tree.leaves(value)
    nodes = [None if leaf is None else leaf._node for leaf in tracked]
    del tracked, leaves
    run.out = None

    def pullback(cotangent: Any) -> tuple[Any, ...]:
        given, got = tree.flatten(cotangent)
        tree.check_same(got, spec, "cotangent", "the output")
        seeds = []
        for i, (g, reference, node) in enumerate(zip(given, references, nodes, strict=True)):
            if node is not None:
                seeds.append((node, _cotangent(g, reference, node, cotangent, i)))
        return run.pull(seeds, keep=tuple(g for _, g in seeds))

    return (value, pullback, run.value(aux)) if has_aux else (value, pullback)


def _cotangent(given: Any, reference: Any, node: Node, whole: Any, place: int) -> Any:
    """A cotangent one level down, checked against the output it belongs to."""
    if type(given) in (int, float, complex):
        given = ops.ones_like(reference) * given if hasattr(reference, "shape") else given
    leaf = Leaf(given)
    expected = as_dtype(node.dtype)
    if leaf.value is None or as_dtype(leaf.value.dtype) != expected:
        raise DTypeError(
            f"cotangent{tree.paths(whole)[place]}: got "
            f"{getattr(given, 'dtype', type(given).__name__)}, expected {expected}, the data type "
            "of the output; convert it with pg.astype"
        )
    if tuple(leaf.value.shape) != tuple(node.shape):
        raise ShapeError(
            f"cotangent{tree.paths(whole)[place]}: got shape {tuple(leaf.value.shape)}, expected "
            f"{tuple(node.shape)}, the shape of the output"
        )
    if is_array(reference):
        check_place(leaf.value, f"cotangent{tree.paths(whole)[place]}", reference, "the output")
    return leaf.value


def _handed_over(seeds: list[tuple[Node, Any]]) -> Iterator[tuple[Node, Any]]:
    """The seeds, which the list holds no longer: so the graph is freed as the walk goes on."""
    while seeds:
        yield seeds.pop()


def vjp_once(
    f: Callable[..., Sequence[Any]], primals: Sequence[Any], cotangents: Sequence[Any]
) -> tuple[Any, ...]:
    """The cotangents that `vjp` of a function of arrays gives, the graph freed on the way.

    ``f`` returns a sequence of arrays, with a cotangent for each.
    """
    run = Recording(f, tuple(primals), {}, tuple(range(len(primals))))
    seeds = [
        (out._node, plain(c))
        for out, c in zip(run.out, cotangents, strict=True)
        if type(out) is Array and out._trace is run.trace
    ]
    run.out = None
    return run.pull(_handed_over(seeds))


@remade
def value_and_grad(
    f: Callable[..., Any], argnums: ArgNums = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """A function that returns both the value of ``f`` and its gradient.

    ``f`` returns a real floating-point scalar, or ``(scalar, aux)`` with ``has_aux``; the new
    function then returns ``((value, aux), gradient)``. See `grad` for the rest.

    >>> pg.value_and_grad(lambda x: x**2)(3.0)
    (9.0, 6.0)
    """
    check_callable(f, "value_and_grad")
    name = getattr(f, "__name__", type(f).__name__)

    @functools.wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        numbers = argument_numbers(argnums, len(args), name)
        run = Recording(f, args, kwargs, numbers)
        out, aux = split(run.out, has_aux, name)
        run.out = None
        check_scalar(out, name)
        value = run.value(out)
        seeds = []
        if type(out) is Array and out._trace is run.trace:
            seeds.append((out._node, _like("ones_like", out._value)))
        extra = run.value(aux) if has_aux else None
        del out, aux
        found = run.pull(_handed_over(seeds))
        grads = found[0] if isinstance(argnums, int) else found
        return ((value, extra), grads) if has_aux else (value, grads)

    make = getattr(type(f), "__compiled_gradient__", None)
    numbers = tuple(argnums) if isinstance(argnums, tuple | list) else (argnums,)
    if make is None or not all(isinstance(n, int) for n in numbers):
        return wrapped
    # A function that jit compiled: one program for both passes, where that can be.
    whole = make(
        f,
        (isinstance(argnums, int), numbers, has_aux),
        lambda g: value_and_grad(g, argnums, has_aux),
    )

    @functools.wraps(f)
    def compiled(*args: Any, **kwargs: Any) -> Any:
        return whole.run(wrapped, args, kwargs)

    return compiled


@remade
def grad(f: Callable[..., Any], argnums: ArgNums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The gradient of a scalar function with respect to one or several arguments.

    The arguments are pytrees of arrays of any backend; the gradient has the structure, shapes,
    data types, device and kind of array of the argument (a tuple of them for a sequence of
    ``argnums``). Integer, boolean and non-array leaves get None. With ``has_aux`` ``f`` returns
    ``(scalar, aux)`` and the result is ``(gradient, aux)``. For complex arguments the gradient
    is the direction of steepest ascent, 2 df/d(conj z): ``p - lr * g`` descends.

    Raises NonScalarError when ``f`` does not return a real scalar array, DTypeError when an
    argument has nothing to differentiate, ArgumentValueError for ``argnums`` out of range.

    >>> pg.grad(lambda x: pg.sum(x**2))(pg.asarray([1.0, 2.0]))
    Array([2., 4.], dtype=float64, device=cpu)
    """
    both = value_and_grad(f, argnums, has_aux)

    @functools.wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        value, grads = both(*args, **kwargs)
        return (grads, value[1]) if has_aux else grads

    return wrapped


def _like(name: str, value: Any) -> Any:
    """Zeros or ones like a value, one level down."""
    if type(value) is Array:
        return getattr(ops, name)(value)
    return getattr(namespace_of(type(value)), name)(value)
