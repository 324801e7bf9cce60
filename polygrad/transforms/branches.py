"""cond, while_loop and fori_loop: branches and loops that depend on values."""

from collections.abc import Callable
from typing import Any

from polygrad import ops, tree
from polygrad.array import Array, Batched, differs_between_examples, is_symbolic
from polygrad.core.trace import describe
from polygrad.dtypes import as_dtype, limits
from polygrad.errors import ArgumentTypeError, DTypeError, IntegerRangeError, ShapeError
from polygrad.ops.creation import as_operand
from polygrad.transforms.carry import (
    LOOPS,
    NUMBERS,
    UNROLLED,
    Carry,
    check_predicate,
    give_back,
    shown,
)


def cond(
    pred: Any, true_fun: Callable[..., Any], false_fun: Callable[..., Any], *operands: Any
) -> Any:
    """``true_fun(*operands)`` where ``pred`` holds, else ``false_fun(*operands)``.

    ``pred`` is a bool or a boolean array without axes. One branch runs, and gradients flow
    through it alone. Under `vmap` with a ``pred`` that differs between the examples both
    branches run on all of them and each example takes its own: then the two have to return the
    same structure, shapes and data types, and a branch must be safe on the examples that do not
    take it (an infinite derivative there can turn the gradient into nan). Inside `jit` one branch
    runs if both return arrays of the same shapes and data types; where they return numbers both do.

    Raises DTypeError or ShapeError for a ``pred`` that is not a single boolean, ArgumentTypeError
    for one that is no boolean at all.

    >>> pg.grad(lambda x: pg.cond(x > 0, pg.sin, pg.cos, x))(0.0)
    -0.0
    >>> pg.vmap(lambda x: pg.cond(x > 0, lambda: x, lambda: -x))(pg.asarray([-1.0, 2.0]))
    Array([1., 2.], dtype=float64, device=cpu)
    """
    for name, function in (("true_fun", true_fun), ("false_fun", false_fun)):
        _check_function("cond", name, function)
    decided = check_predicate("cond: pred", pred)
    given = tree.map(shown, operands)
    loops = LOOPS.get() if is_symbolic(decided) else None
    if loops is not None:
        out = loops.cond(decided, true_fun, false_fun, given)
        if out is not NotImplemented:
            return give_back(out, operands)
    if differs_between_examples(decided) or is_symbolic(decided):
        yes, no = tree.map(shown, true_fun(*given)), tree.map(shown, false_fun(*given))
        _check_branches(yes, no)
        out = _select(decided, yes, no)
    else:
        out = true_fun(*given) if bool(decided) else false_fun(*given)
    return give_back(out, operands)


def while_loop(cond_fun: Callable[[Any], Any], body_fun: Callable[[Any], Any], init: Any) -> Any:
    """``init`` passed through ``body_fun`` for as long as ``cond_fun`` of it holds.

    The carried value is a pytree of arrays and numbers that keeps its structure, shapes and
    data types; ``cond_fun`` returns a bool or a boolean array without axes. All modes of
    differentiation go through the steps that were run; reverse mode keeps each of them. Under
    `vmap` with a condition that differs between the examples the loop runs until it holds for
    none; examples that are done keep their value, though ``body_fun`` still runs on them. Inside
    `jit`, with a condition that depends on values, the loop is one instruction of the program, and
    reverse mode raises NonDifferentiableError; forward mode goes through.

    Raises TreeError, ShapeError or DTypeError when ``body_fun`` changes the structure, a shape
    or a data type, or the condition is not a single boolean.

    >>> pg.while_loop(lambda x: x < 100.0, lambda x: x * x, 3.0)
    6561.0
    >>> pg.grad(lambda x: pg.while_loop(lambda y: y < 100.0, lambda y: y * y, x))(3.0)
    17496.0
    """
    _check_function("while_loop", "cond_fun", cond_fun)
    _check_function("while_loop", "body_fun", body_fun)
    return _loop("while_loop", cond_fun, body_fun, init)


def fori_loop(lower: Any, upper: Any, body_fun: Callable[[Any, Any], Any], init: Any) -> Any:
    """``value = body_fun(i, value)`` for i from ``lower`` to ``upper - 1``, from ``init`` on.

    ``lower`` and ``upper`` are integers, or integer arrays without axes, which may differ
    between the examples of a `vmap`. The rest is as in `while_loop`. `scan` is the loop that
    can save memory. Inside `jit` more than 16 steps between two Python integers are a `scan`,
    which has all modes; ``i`` is then an array, not a Python integer.

    >>> pg.fori_loop(0, 5, lambda i, value: value + i, 0)
    10
    """
    _check_function("fori_loop", "body_fun", body_fun)
    for name, bound in (("lower", lower), ("upper", upper)):
        dtype, shape = getattr(bound, "dtype", None), getattr(bound, "shape", ())
        integer = type(bound) is int or (dtype is not None and ops.isdtype(dtype, "integral"))
        if not integer or tuple(shape) != ():
            raise ArgumentTypeError(
                f"fori_loop: {name} is {describe(bound)}, expected an integer or an integer array "
                "without axes"
            )
    loops, known = LOOPS.get(), type(lower) is int and type(upper) is int
    if loops is not None and known and upper - lower > UNROLLED:
        return give_back(_counted(loops, lower, upper, body_fun, init), init)
    # The counter is of the kind of both bounds from the start.
    first = shown(lower)
    if type(shown(upper)) is Array and type(first) is not Array:
        first = ops.zeros_like(shown(upper)) + first

    def body(carry: Any) -> Any:
        i, value = carry
        return i + 1, body_fun(i, value)

    out = _loop("fori_loop", lambda carry: carry[0] < shown(upper), body, (first, init), init)
    return out[1]


def _counted(loops: Any, lower: int, upper: int, body_fun: Any, init: Any) -> Any:
    """A loop whose number of steps is known while jit traces."""
    places = [leaf.device for leaf in map(shown, tree.leaves(init)) if type(leaf) is Array]
    if places and places[0].backend.default_integer(False) != "int64":
        # No carried number of Python's, which has 64 bits: the counter is an array of its own.
        low, high = limits(as_dtype(places[0].backend.default_integer(False)))
        if lower < low or upper > high:
            raise IntegerRangeError(
                f"fori_loop: got the bounds {lower} and {upper}, expected numbers from {low} to "
                f"{high} under jit, where the counter has the default integer type of "
                f"{places[0]}; count from 0 and add what is missing in body_fun, as a float"
            )
        numbers = ops.arange(lower, upper, device=places[0])
        return loops.scan(
            lambda value, i: (body_fun(i, value), None), init, numbers, upper - lower, False, True
        )[0]

    def step(carry: Any, _: Any) -> Any:
        i, value = carry
        return (i + 1, body_fun(i, value)), None

    return loops.scan(step, (lower, init), None, upper - lower, False)[0][1]


def _loop(
    name: str,
    cond_fun: Callable[[Any], Any],
    body_fun: Callable[[Any], Any],
    init: Any,
    given: Any = None,
) -> Any:
    carry = Carry(name, "body_fun", init)
    active: Any = None  # the examples of a vmap that still run; None while all do alike
    step = 0

    def holds(value: Any) -> Any:
        return check_predicate(f"{name}: the answer of cond_fun", cond_fun(value))

    while True:
        again = holds(carry.value)
        if is_symbolic(again) and (loops := LOOPS.get()) is not None:
            out = loops.while_loop(name, holds, body_fun, carry.value)
            return give_back(out, init if given is None else given)
        if differs_between_examples(again):
            active = again if active is None else ops.logical_and(active, again)
            again = some(active)
        if not bool(again):
            break
        new = body_fun(carry.value)
        if active is not None:
            new = _select(active, carry.checked(new, step), carry.value)
        carry.update(new, step)
        step += 1
    return give_back(carry.value, init if given is None else given)


def some(pred: Any) -> bool:
    """Whether a boolean holds anywhere, in any example of any vmap around."""
    while type(pred) is Array and type(pred._value) in (Array, Batched):
        below = pred._value
        pred = below.value if type(below) is Batched else below
    return bool(shown(ops.any(pred)))


def _select(pred: Any, new: Any, old: Any) -> Any:
    """The leaves of ``new`` for the examples where ``pred`` holds, else those of ``old``."""

    def one(a: Any, b: Any) -> Any:
        if type(a) is not Array and type(b) is not Array and a == b:
            return a  # a counter that all examples share
        return ops.where(pred, as_operand(a, pred, "where"), as_operand(b, pred, "where"))

    return tree.map(one, new, old)


def _check_branches(yes: Any, no: Any) -> None:
    """Raise unless both branches of a cond that selects returned the same kind of thing."""
    spec = tree.flatten(yes)[1]
    tree.check_same(tree.flatten(no)[1], spec, "cond: what false_fun returned", "true_fun's")
    for a, b, path in zip(tree.leaves(yes), tree.leaves(no), tree.paths(yes), strict=True):
        a, b = shown(a), shown(b)
        for leaf in (a, b):
            if type(leaf) is not Array and type(leaf) not in NUMBERS:
                raise ArgumentTypeError(
                    f"cond: a branch returned {describe(leaf)} (at result{path}), expected arrays "
                    "and numbers, since both branches run and pred chooses between the results"
                )
        if type(a) is not Array or type(b) is not Array:
            continue
        if a.shape != b.shape or a.dtype != b.dtype:
            raise (ShapeError if a.shape != b.shape else DTypeError)(
                f"cond: true_fun returned {describe(a)} and false_fun {describe(b)} (at "
                f"result{path}), expected the same shape and data type, since both branches run "
                "and pred chooses between the results"
            )


def _check_function(name: str, argument: str, value: Any) -> None:
    if not callable(value):
        raise ArgumentTypeError(f"{name}: {argument} is {describe(value)}, expected a function")
