"""Jacobians by either mode, Hessians, and Hessian-vector products.

The Jacobian of a function of pytrees is a pytree too: that of the output, with that of the
arguments in place of each leaf, and arrays of shape (*shape of output, *shape of argument).
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from polygrad import ops, tree
from polygrad.array import Array, is_array, wrap
from polygrad.core.dual import ORDER_MATTERS
from polygrad.core.op import Spec
from polygrad.core.record import plain
from polygrad.core.trace import describe
from polygrad.dtypes import as_dtype
from polygrad.errors import ArgumentTypeError, DTypeError
from polygrad.transforms.arguments import (
    ArgNums,
    Leaf,
    argument_numbers,
    check_callable,
    check_scalar,
    kind_of,
    nothing_to_differentiate,
    remade,
    split,
)
from polygrad.transforms.grad import Recording, grad
from polygrad.transforms.jvp import check_tuple, jvp
from polygrad.transforms.linearize import Linearised
from polygrad.transforms.vmap import vmap


@remade
def jacfwd(
    f: Callable[..., Any], argnums: ArgNums = 0, has_aux: bool = False, holomorphic: bool = False
) -> Callable[..., Any]:
    """The Jacobian of ``f`` by forward mode: one pass for each element of the arguments.

    ``f`` returns a pytree of floating-point arrays, or ``(that, aux)`` with ``has_aux``. The new
    function returns the output's pytree with, for each leaf, a pytree like the argument (a tuple
    of them for a sequence of ``argnums``) of arrays of shape (*output, *argument); the result is
    ``(jacobian, aux)`` with ``has_aux``. Leaves of the argument without a derivative get None.
    All passes run at once, by `vmap`. Cheaper than `jacrev` for few arguments and many outputs.

    The arguments are real, or with ``holomorphic=True`` complex: then ``f`` has to be
    complex differentiable, which is not checked, and df/dz is returned.

    Raises ArgumentTypeError when ``f`` returns what is no array, DTypeError for integer outputs
    and for complex arguments without ``holomorphic``.

    >>> pg.jacfwd(lambda x: x[:2] * x[2])(pg.asarray([1.0, 2.0, 3.0]))
    Array([[3., 0., 1.],
           [0., 3., 2.]], dtype=float64, device=cpu)
    """
    check_callable(f, "jacfwd")
    name = getattr(f, "__name__", type(f).__name__)

    @functools.wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        numbers = argument_numbers(argnums, len(args), name)
        given = tuple([args[i] for i in numbers])
        _check_inputs("jacfwd", given, holomorphic)

        def of_given(*some: Any) -> Any:
            full = list(args)
            for i, value in zip(numbers, some, strict=True):
                full[i] = value
            found = f(*full, **kwargs)
            out = split(found, has_aux, "jacfwd")[0]
            _check_outputs("jacfwd", out, holomorphic, any_complex=True)
            outs[:] = [Spec(leaf) for leaf in tree.leaves(out)]
            return found

        outs: list[Spec] = []
        line = Linearised(functools.update_wrapper(of_given, f), given, has_aux)
        kind = kind_of(tree.leaves((args, kwargs)))
        spec = tree.flatten(line.out)[1]
        columns: Any = []
        for place, value in enumerate(line.values):
            columns.append(iter(_columns(line, place, value, outs)))
        whole, inner = tree.flatten(given)
        rows = []
        for _ in outs:
            row: list[Any] = [None] * len(whole)
            for place, found in zip(line.places, columns, strict=True):
                row[place] = _own(next(found), kind)
            rows.append(_one(tree.unflatten(inner, row), argnums))
        found = tree.unflatten(spec, rows)
        return (found, line.aux) if has_aux else found

    return wrapped


def _columns(line: Linearised, place: int, value: Any, outs: list[Spec]) -> Iterator[Any]:
    """The derivative of each output by one leaf of the arguments."""
    n, shape = wrap(value).size, tuple(value.shape)
    ends = [(*out.shape, *shape) for out in outs]
    if n == 0:
        device = wrap(value).device
        for out, end in zip(outs, ends, strict=True):
            yield ops.zeros(end, dtype=out.dtype, device=device)
        return
    tangents = [ops.zeros_like(wrap(one)) for one in line.values]

    def push(t: Any) -> list[Any]:
        return line.push([*tangents[:place], t, *tangents[place + 1 :]])

    for column, end in zip(_each_unit(push, value, -1), ends, strict=True):
        yield ops.reshape(column, end)


def _each_unit(f: Callable[..., list[Any]], value: Any, axis: int) -> list[Any]:
    """``f`` of every array like ``value`` with a single 1, stacked along an axis."""
    value = wrap(value)
    n, shape = value.size, tuple(value.shape)
    if n == 1:
        return [ops.expand_dims(x, axis=axis) for x in map(wrap, f(ops.ones_like(value)))]
    units = ops.eye(n, dtype=value.dtype, device=value.device)
    return vmap(f, out_axes=axis)(ops.reshape(units, (n, *shape)))


@remade
def jacrev(
    f: Callable[..., Any], argnums: ArgNums = 0, has_aux: bool = False, holomorphic: bool = False
) -> Callable[..., Any]:
    """The Jacobian of ``f`` by reverse mode: one pass for each element of the outputs.

    Cheaper than `jacfwd` for many arguments and few outputs; see there for all else. Outputs
    are real, unless ``holomorphic=True``.

    >>> pg.jacrev(lambda p: {"y": p["x"] * p["c"]})({"x": pg.ones(2), "c": 3.0})["y"]["c"]
    Array([1., 1.], dtype=float64, device=cpu)
    """
    check_callable(f, "jacrev")
    name = getattr(f, "__name__", type(f).__name__)

    @functools.wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        numbers = argument_numbers(argnums, len(args), name)
        _check_inputs("jacrev", tuple([args[i] for i in numbers]), holomorphic)
        run = Recording(f, args, kwargs, numbers)
        out, aux = split(run.out, has_aux, "jacrev")
        _check_outputs("jacrev", out, holomorphic)
        return _reverse(run, out, aux, argnums, has_aux, holomorphic)

    return wrapped


def _reverse(
    run: Recording, out: Any, aux: Any, argnums: ArgNums, has_aux: bool, holomorphic: bool
) -> Any:
    leaves, spec = tree.flatten(out)
    run.out = None
    rows = [_one(_row(run, leaf, holomorphic), argnums) for leaf in leaves]
    found = tree.unflatten(spec, rows)
    return (found, run.value(aux)) if has_aux else found


def _row(run: Recording, leaf: Any, holomorphic: bool) -> Any:
    """The derivatives of one output by the arguments, a tuple of pytrees like them."""
    mine = type(leaf) is Array and leaf._trace is run.trace
    value = wrap(leaf._value if mine else leaf)
    inner: Any = None

    def pull(g: Any) -> list[Any]:
        nonlocal inner
        flat, inner = tree.flatten(run.pull([(leaf._node, plain(g))] if mine else []))
        # Python numbers went in: their gradients are numbers, unless a transform is at work.
        return [wrap(x) if is_array(x) else ops.asarray(x) for x in flat]

    if value.size:
        flat = _each_unit(pull, value, 0)
    else:
        like = pull(ops.zeros_like(value))
        flat = [ops.zeros((0, *x.shape), dtype=x.dtype, device=x.device) for x in like]
    flat = [ops.reshape(x, (*value.shape, *x.shape[1:])) for x in flat]
    if holomorphic:  # a cotangent is the conjugate of df/dz
        flat = [ops.conj(x) for x in flat]
    return tree.unflatten(inner, [_own(x, run.kind) for x in flat])


@remade
def jacobian(
    f: Callable[..., Any], argnums: ArgNums = 0, has_aux: bool = False, holomorphic: bool = False
) -> Callable[..., Any]:
    """The Jacobian of ``f`` by the mode that needs fewer passes, see `jacfwd` and `jacrev`.

    It runs ``f`` to see: reverse mode where the outputs have fewer elements than the arguments,
    else forward mode, which runs ``f`` once more.

    >>> pg.jacobian(lambda x, y: x @ y, argnums=(0, 1))(pg.ones((1, 2)), pg.ones(2))
    (Array([[[1., 1.]]], dtype=float64, device=cpu), Array([[1., 1.]], dtype=float64, device=cpu))
    """
    check_callable(f, "jacobian")
    name = getattr(f, "__name__", type(f).__name__)

    @functools.wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        numbers = argument_numbers(argnums, len(args), name)
        given = tuple([args[i] for i in numbers])
        inputs = _check_inputs("jacobian", given, holomorphic)
        run = Recording(f, args, kwargs, numbers)
        out, aux = split(run.out, has_aux, "jacobian")
        outputs = _check_outputs("jacobian", out, holomorphic, any_complex=True)
        complex_out = any(as_dtype(leaf.dtype).is_complex for leaf in tree.leaves(out))
        if outputs < inputs and (holomorphic or not complex_out):
            return _reverse(run, out, aux, argnums, has_aux, holomorphic)
        del run, out, aux
        return jacfwd(f, argnums, has_aux, holomorphic)(*args, **kwargs)

    return wrapped


@remade
def hessian(
    f: Callable[..., Any], argnums: ArgNums = 0, has_aux: bool = False, holomorphic: bool = False
) -> Callable[..., Any]:
    """The second derivatives of ``f``: the Jacobian, forward, of the Jacobian, reverse.

    For a scalar function of one array of shape s the result has shape (*s, *s). For pytrees it
    is the argument's pytree, twice, within the output's. See `jacfwd` for the arguments and
    errors, and `hvp` for the product with a vector, which is far cheaper.

    >>> pg.hessian(lambda x: x[0] ** 2 * x[1])(pg.asarray([1.0, 2.0]))
    Array([[4., 2.],
           [2., 0.]], dtype=float64, device=cpu)
    """
    check_callable(f, "hessian")
    return jacfwd(jacrev(f, argnums, has_aux, holomorphic), argnums, has_aux, holomorphic)


def hvp(
    f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False
) -> Any:
    """The product of the Hessian of a scalar function with a vector, without the Hessian.

    ``primals`` and ``tangents`` are as for `jvp`: tuples with one pytree for each argument, all of
    which are differentiated. Returns a tuple with one pytree for each, or ``(that, aux)`` with
    ``has_aux``. Time and memory are those of a few gradients: the derivative of ``f`` along the
    tangents is differentiated, which leaves out the gradient itself. Where ``f`` meets custom
    rules, which need not be derivatives of what they belong to, it runs once more, and the
    gradient is differentiated along the tangents, as in `hessian`.

    Raises NonScalarError when ``f`` does not return a real scalar, and TreeError, ShapeError or
    DTypeError when a tangent does not fit its primal.

    >>> x, v = pg.asarray([1.0, 2.0]), pg.asarray([1.0, 0.0])
    >>> pg.hvp(lambda x: x[0] ** 2 * x[1], (x,), (v,))
    (Array([4., 2.], dtype=float64, device=cpu),)
    """
    check_callable(f, "hvp")
    check_tuple("hvp", "primals", primals)
    check_tuple("hvp", "tangents", tangents)
    numbers = tuple(range(len(primals)))
    if not hasattr(type(f), "__compiled_gradient__"):  # that is one program already
        found = _slope_differentiated(f, primals, tangents, has_aux, numbers)
        if found is not None:
            return found[0]
    found = jvp(grad(f, numbers, has_aux), primals, tangents, has_aux)
    return (found[1], found[2]) if has_aux else found[1]


def _slope_differentiated(
    f: Callable[..., Any], primals: Any, tangents: Any, has_aux: bool, numbers: tuple[int, ...]
) -> tuple[Any] | None:
    """`hvp` by reverse mode over forward mode; None where the order of the modes may matter."""
    met: list[str] = []

    def slope(*given: Any) -> Any:
        token = ORDER_MATTERS.set(met)
        try:
            out, moved, *aux = jvp(f, given, tangents, has_aux)
        finally:
            ORDER_MATTERS.reset(token)
        if met:
            raise _OrderMatters
        check_scalar(out, getattr(f, "__name__", type(f).__name__))
        return (moved, aux[0]) if has_aux else moved

    try:
        return (grad(functools.update_wrapper(slope, f), numbers, has_aux)(*primals),)
    except _OrderMatters:
        return None


class _OrderMatters(Exception):
    """A custom rule was met."""


def _check_inputs(transform: str, given: tuple[Any, ...], holomorphic: bool) -> int:
    """The number of elements that vary; raises DTypeError where the flag does not fit."""
    count = 0
    for leaf, path in zip(tree.leaves(given), tree.paths(given), strict=True):
        value = Leaf(leaf).value
        if value is None:
            continue
        count += wrap(value).size
        dtype = as_dtype(value.dtype)
        if dtype.is_complex is not holomorphic:
            remedy = (
                "pass complex arrays, or leave holomorphic=True out"
                if holomorphic
                else "pass holomorphic=True if the function is complex differentiable, or "
                "differentiate with respect to real and imaginary parts"
            )
            expected = "complex numbers" if holomorphic else "real numbers"
            raise DTypeError(
                f"{transform}: argument {path} has dtype {dtype}, expected {expected} with "
                f"holomorphic={holomorphic}; {remedy}"
            )
    if not any(Leaf(leaf).value is not None for leaf in tree.leaves(given)):
        nothing_to_differentiate(transform, given)
    return count


def _check_outputs(transform: str, out: Any, holomorphic: bool, any_complex: bool = False) -> int:
    """The number of elements; raises ArgumentTypeError or DTypeError for what has no Jacobian."""
    count = 0
    leaves = tree.leaves(out)
    if not leaves:
        raise ArgumentTypeError(
            f"{transform}: the function returned {describe(out)}, expected an array or a pytree "
            "of arrays; return what is to be differentiated"
        )
    for leaf, path in zip(leaves, tree.paths(out), strict=True):
        where = f"output {path}" if path else "the function"
        if not is_array(leaf):
            raise ArgumentTypeError(
                f"{transform}: {where} returned {describe(leaf)}, expected an array computed from "
                "the arguments (without .item() or float()); return other things as aux, with "
                "has_aux=True"
            )
        dtype = as_dtype(leaf.dtype)
        wrong = not dtype.is_inexact or (dtype.is_complex is not holomorphic)
        if wrong and not (any_complex and dtype.is_complex):
            expected = "complex" if holomorphic else "real floating-point"
            remedy = (
                "use jacfwd, or pass holomorphic=True"
                if dtype.is_complex
                else "return integers as aux, with has_aux=True"
                if not dtype.is_inexact
                else "leave holomorphic=True out"
            )
            raise DTypeError(
                f"{transform}: {where} returned {dtype}, expected {expected} numbers with "
                f"holomorphic={holomorphic}; {remedy}"
            )
        count += wrap(leaf).size
    return count


def _own(value: Any, kind: str) -> Any:
    leaf = object.__new__(Leaf)
    leaf.kind = kind
    return leaf.give_back(value, set())


def _one(found: tuple[Any, ...], argnums: ArgNums) -> Any:
    return found[0] if isinstance(argnums, int) else found
