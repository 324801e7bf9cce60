"""vmap with axis names: psum, pmean, pmax, pmin, all_gather, axis_index, axis_size.

Each is held against the same thing written for the whole batch, in every mode; derivatives taken
inside the mapped function are those of the sum over all examples.
"""

import threading
from typing import Any

import numpy as np
import pytest
from op_driver import DEVICES, host, on

import polygrad as pg
from polygrad.errors import (
    ArgumentTypeError,
    ArgumentValueError,
    AxisNameError,
    DTypeError,
    UnknownValueError,
)

X = np.random.default_rng(0).normal(size=(4, 3))
W = np.asarray([0.3, -0.2, 0.7])
every_device = pytest.mark.parametrize("device", DEVICES)


def close(got: Any, expected: Any, rtol: float = 1e-10) -> None:
    np.testing.assert_allclose(host(got), host(expected), rtol=rtol, atol=rtol)


def named(f: Any, in_axes: Any = 0, out_axes: Any = 0) -> Any:
    return pg.vmap(f, in_axes, out_axes, axis_name="i")


def first_or(reduce: Any) -> Any:
    """A reduction over the batch, beside each of its examples."""
    return lambda x: pg.broadcast_to(reduce(x, axis=0), x.shape)


# Per example, and the same for all of them.
PAIRS: dict[str, tuple[Any, Any]] = {
    "psum": (lambda x: pg.psum(x, "i"), first_or(pg.sum)),
    "pmean": (lambda x: pg.pmean(x, "i"), first_or(pg.mean)),
    "pmax": (lambda x: pg.pmax(x, "i"), first_or(pg.max)),
    "pmin": (lambda x: pg.pmin(x, "i"), first_or(pg.min)),
    "all_gather": (
        lambda x: pg.all_gather(x, "i", axis=1),
        lambda x: pg.broadcast_to(pg.matrix_transpose(x), (4, 3, 4)),
    ),
    "all_gather, last axis": (
        lambda x: pg.all_gather(x, "i", axis=-1) @ pg.asarray([1.0, 2.0, 0.5, -1.0]),
        lambda x: pg.broadcast_to(
            pg.asarray([1.0, 2.0, 0.5, -1.0]) @ x, (4, 3)
        ),
    ),
}  # fmt: skip
modes = pytest.mark.parametrize("name", PAIRS)


@modes
@every_device
def test_the_same_as_for_the_whole_batch(name: str, device: Any) -> None:
    each, whole = PAIRS[name]

    def squared(f: Any) -> Any:
        return lambda x: pg.sum(pg.sin(f(x)) ** 2)

    with on(device) as place:
        x = pg.asarray(X)
        mapped = named(each)
        out = mapped(x)
        assert out.device == place
        close(out, whole(x))
        close(pg.grad(squared(mapped))(x), pg.grad(squared(whole))(x))
        close(pg.jvp(mapped, (x,), (x * x,))[1], pg.jvp(whole, (x,), (x * x,))[1])
        product = pg.hvp(squared(mapped), (x,), (x * x,))
        close(product, pg.hvp(squared(whole), (x,), (x * x,)))
        # Inside: the derivative of what all examples return, by each one's own value.
        inside = named(pg.grad(squared(each)))(x)
        close(inside, pg.grad(lambda x: pg.sum(pg.sin(whole(x)) ** 2))(x))
        pushed = named(lambda x: pg.jvp(each, (x,), (x * x,))[1])(x)
        close(pushed, pg.jvp(whole, (x,), (x * x,))[1])


@modes
def test_jacobians_and_hessians_inside(name: str) -> None:
    each, whole = PAIRS[name]

    def loss(x: Any) -> Any:
        return pg.sum(pg.sin(each(x)) ** 2)

    forward = named(pg.jacfwd(lambda x: pg.sin(each(x))))(X)
    backward = named(pg.jacrev(lambda x: pg.sin(each(x))))(X)
    # Forward mode moves all examples at once, reverse mode collects from all; summed over the
    # examples they meet.
    close(pg.sum(forward, axis=0), pg.sum(backward, axis=0))
    full = pg.hessian(lambda x: pg.sum(pg.sin(whole(x)) ** 2))(X)
    product = named(lambda x: pg.hvp(loss, (x,), (x * x,))[0])(X)
    close(product, pg.to_numpy(pg.tensordot(full, X * X, axes=2)))


SHARED: dict[str, tuple[Any, Any]] = {
    "psum": (lambda w: pg.psum(w, "i"), lambda w: 4 * w),
    "pmean": (lambda w: pg.pmean(w, "i"), lambda w: w * 1.0),
    "pmax": (lambda w: pg.pmax(w, "i"), lambda w: w * 1.0),
    "pmin": (lambda w: pg.pmin(w, "i"), lambda w: w * 1.0),
    "all_gather": (
        lambda w: pg.sum(pg.all_gather(w, "i"), axis=0), lambda w: 4 * w,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SHARED)
def test_a_value_that_all_examples_share_counts_for_each(name: str) -> None:
    each, whole = SHARED[name]
    close(named(lambda x, w: each(w) * x, (0, None))(X, W), whole(W) * X)
    close(named(lambda x: each(W) * x)(X), whole(W) * X)

    def total(f: Any) -> Any:
        return lambda w: pg.sum(named(lambda x, w: pg.sin(f(w)) * x, (0, None))(X, w))

    close(pg.grad(total(each))(W), pg.grad(total(whole))(W))
    close(pg.jvp(total(each), (W,), (W,))[1], pg.jvp(total(whole), (W,), (W,))[1])
    # Inside, every example has a value of its own, although it starts as one.
    own = named(pg.grad(lambda w, x: pg.sum(pg.sin(each(w)) * x)), (None, 0))(W, X)
    apart = named(pg.grad(lambda w, x: pg.sum(pg.sin(each(w)) * x)))(np.stack([W] * 4), X)
    close(own, apart)
    # A tangent may differ where the value does not.
    pushed = named(lambda w, t: pg.jvp(each, (w,), (t,))[1], (None, 0))(W, X)
    close(pushed, named(lambda w, t: pg.jvp(each, (w,), (t,))[1])(np.stack([W] * 4), X))


def test_ties_share_and_nan_spreads() -> None:
    x = np.asarray([2.0, 5.0, 5.0])
    close(pg.grad(lambda x: named(lambda a: pg.pmax(a, "i"))(x)[0])(x), [0.0, 0.5, 0.5])
    close(named(pg.grad(lambda a: pg.pmin(-a, "i")))(x), [0.0, -1.5, -1.5])
    assert np.isnan(named(lambda a: pg.pmax(a, "i"))(np.asarray([1.0, np.nan]))).all()


def test_numbers_integers_and_pytrees() -> None:
    def f(x: Any, n: Any) -> Any:
        found = pg.psum({"one": 1, "x": x, "n": n, "none": None}, "i")
        assert found["one"] == 4
        assert type(found["one"]) is int
        assert found["none"] is None
        assert pg.pmean(3.0, "i") == pg.pmax(3.0, "i") == 3.0
        assert pg.axis_size("i") == 4
        return found["x"], found["n"], pg.axis_index("i"), pg.psum(x > 0, "i")

    small = np.asarray([100, 100, 50, 6], dtype="uint8")
    x, n, index, positive = named(f, out_axes=(None, None, 0, None))(X, small)
    close(x, X.sum(axis=0))
    assert (int(n), n.dtype) == (256, np.uint64)
    assert index.tolist() == [0, 1, 2, 3]
    np.testing.assert_array_equal(positive, (X > 0).sum(axis=0))
    gathered = named(lambda n: pg.all_gather(n > 60, "i"))(small)
    assert gathered[2].tolist() == [True, True, False, False]
    z = X[:, 0] + 1j * X[:, 1]
    close(named(lambda z: z * pg.conj(pg.psum(z, "i")))(z), z * np.conj(z.sum()))
    loss = lambda z: pg.sum(pg.abs(named(lambda a: a * pg.psum(a, "i"))(z)) ** 2)
    close(pg.grad(loss)(z), pg.grad(lambda z: pg.sum(pg.abs(z * pg.sum(z)) ** 2))(z))


def test_batch_normalisation_written_for_one_example() -> None:
    def layer(x: Any, w: Any) -> Any:
        y = pg.tanh(x @ w)
        centred = y - pg.pmean(y, "batch")
        return centred / pg.sqrt(pg.pmean(centred**2, "batch") + 1e-5)

    def whole(x: Any, w: Any) -> Any:
        y = pg.tanh(x @ w)
        return (y - pg.mean(y, axis=0)) / pg.sqrt(pg.var(y, axis=0) + 1e-5)

    w = np.random.default_rng(1).normal(size=(3, 5))
    mapped = pg.vmap(layer, in_axes=(0, None), axis_name="batch")
    close(mapped(X, w), whole(X, w))

    def loss(f: Any) -> Any:
        return lambda w: pg.sum(pg.sin(3 * f(X, w)))

    for derivative in (pg.grad, pg.jacfwd, lambda f: pg.grad(lambda w: pg.sum(pg.grad(f)(w) ** 2))):
        close(derivative(loss(mapped))(w), derivative(loss(whole))(w))
    close(pg.jit(pg.grad(loss(mapped)))(w), pg.grad(loss(whole))(w))


def test_contrastive_loss_against_the_rest_of_the_batch() -> None:
    y = np.random.default_rng(2).normal(size=(4, 3))

    def one(x: Any, y: Any) -> Any:
        scores = pg.all_gather(y, "i") @ x
        return pg.logsumexp(scores) - pg.take(scores, pg.reshape(pg.axis_index("i"), (1,)))[0]

    def whole(x: Any, y: Any) -> Any:
        scores = x @ pg.matrix_transpose(y)
        return pg.logsumexp(scores, axis=1) - pg.linalg.diagonal(scores)

    close(named(one)(X, y), whole(X, y))
    for n in (0, 1):
        found = pg.grad(lambda x, y: pg.mean(named(one)(x, y)), argnums=n)(X, y)
        close(found, pg.grad(lambda x, y: pg.mean(whole(x, y)), argnums=n)(X, y))
        # Per example, of the sum of all losses: what a step of training takes.
        inside = named(pg.grad(one, argnums=n))(X, y)
        close(inside, pg.grad(lambda x, y: pg.sum(whole(x, y)), argnums=n)(X, y))


# -- nested in everything -----------------------------------------------------------------------


def example(x: Any) -> Any:
    return pg.sin(pg.psum(x * x, "i")) * x + pg.pmax(x, "i")


def batch(x: Any) -> Any:
    return pg.sin(pg.sum(x * x, axis=0)) * x + pg.max(x, axis=0)


@pg.custom_jvp
def by_rule(x: Any) -> Any:
    return example(x)


by_rule.defjvp(lambda p, t: pg.jvp(example, p, t))


@pg.custom_vjp
def by_backward_rule(x: Any) -> Any:
    return example(x)


by_backward_rule.defvjp(lambda x: (example(x), x), lambda x, g: pg.vjp(example, x)[1](g))


def looping(x: Any, checkpoint: bool | int = False) -> Any:
    """`example`, as the last of two steps of which the first adds 0."""

    def step(c: Any, k: Any) -> Any:
        return pg.where(k > 0, example(x), c + 0 * pg.psum(c, "i")), None

    return pg.scan(step, x, pg.arange(2), checkpoint=checkpoint)[0]


INSIDE: dict[str, Any] = {
    "itself": example,
    "checkpoint": pg.checkpoint(example),
    "checkpoint of checkpoint": pg.checkpoint(lambda x: pg.checkpoint(example)(x) * 1.0),
    "custom_jvp": by_rule,
    "custom_vjp": by_backward_rule,
    "scan": looping,
    "scan with checkpoints": lambda x: looping(x, checkpoint=1),
    "jit": pg.jit(example),
    "cond": lambda x: pg.cond(True, example, lambda x: x, x),
    "linearize": lambda x: pg.linearize(example, x)[0],
    "unnamed vmap": lambda x: pg.vmap(example)(x),
}


@pytest.mark.parametrize("name", INSIDE)
@pytest.mark.parametrize("jit", [False, True], ids=["", "jit"])
def test_inside_every_other_transform(name: str, jit: bool) -> None:
    mapped = named(INSIDE[name])
    total = lambda f: lambda x: pg.sum(pg.cos(f(x)))
    runs = {
        "value": (mapped, batch),
        "grad outside": (pg.grad(total(mapped)), pg.grad(total(batch))),
        "grad inside": (named(pg.grad(total(INSIDE[name]))), pg.grad(total(batch))),
        "jvp inside": (
            named(lambda x: pg.jvp(INSIDE[name], (x,), (x,))[1]),
            lambda x: pg.jvp(batch, (x,), (x,))[1],
        ),
        "second order": (
            pg.grad(lambda x: pg.sum(pg.grad(total(mapped))(x) ** 2)),
            pg.grad(lambda x: pg.sum(pg.grad(total(batch))(x) ** 2)),
        ),
        "second order inside": (
            named(lambda x: pg.jvp(pg.grad(total(INSIDE[name])), (x,), (x,))[1]),
            lambda x: pg.jvp(pg.grad(total(batch)), (x,), (x,))[1],
        ),
        "checkpoint outside": (pg.grad(total(pg.checkpoint(mapped))), pg.grad(total(batch))),
        "linearize outside": (
            lambda x: pg.linearize(mapped, x)[1](x), lambda x: pg.jvp(batch, (x,), (x,))[1],
        ),
        "vmap of vmap": (
            lambda x: pg.vmap(mapped)(pg.stack([x, 2 * x]))[1], lambda x: batch(2 * x),
        ),
    }  # fmt: skip
    for run, (found, expected) in runs.items():
        try:
            close((pg.jit(found) if jit else found)(X), expected(X), rtol=1e-9)
        except BaseException as error:
            error.add_note(run)
            raise


def test_two_names() -> None:
    def one(x: Any) -> Any:
        assert pg.axis_size(("i", "j")) == 12
        both = pg.psum(x, ("i", "j"))
        return pg.sin(both) * x + pg.pmax(x, "j") * pg.axis_index("i") + pg.pmean(x * x, "i")

    def whole(x: Any) -> Any:
        rows = pg.reshape(pg.arange(4), (4, 1))
        most, mean = pg.max(x, axis=1, keepdims=True), pg.mean(x * x, axis=0)
        return pg.sin(pg.sum(x)) * x + most * rows + mean

    def twice(f: Any) -> Any:
        return pg.vmap(pg.vmap(f, axis_name="j"), axis_name="i")

    total = lambda x: pg.sum(pg.cos(whole(x)))
    close(twice(one)(X), whole(X))
    close(pg.grad(lambda x: pg.sum(pg.cos(twice(one)(x))))(X), pg.grad(total)(X))
    close(twice(pg.grad(lambda x: pg.cos(one(x))))(X), pg.grad(total)(X))
    between = pg.vmap(
        pg.grad(lambda x: pg.sum(pg.cos(pg.vmap(one, axis_name="j")(x)))), axis_name="i"
    )
    close(between(X), pg.grad(total)(X))
    close(pg.jit(between)(X), pg.grad(total)(X))


def test_answers_have_no_batch() -> None:
    found = named(lambda x: pg.psum(x, "i"), out_axes=None)(X)
    assert type(found) is np.ndarray
    assert found.shape == (3,)
    with pytest.raises(ArgumentValueError, match="out_axes: got None"):
        named(lambda x: pg.psum(x, "i") * x, out_axes=None)(X)
    # So Python may decide by them: the answer is known before the example is.
    named(lambda x: x if pg.psum(pg.sum(x), "i") > 0 else -x)(X)
    with pytest.raises(UnknownValueError):
        named(lambda x: x if pg.sum(x) > 0 else -x)(X)


def test_jit_is_told_of_the_axis() -> None:
    """A compiled function called inside must not keep the number of examples."""
    f = pg.jit(lambda x: x * pg.axis_size("i") + pg.psum(1.0, "i") + pg.psum(pg.ones(()), "i"))
    for n in (2, 3, 2):
        close(named(f)(pg.ones(n)), 3.0 * n * np.ones(n))
    with pytest.raises(AxisNameError, match="names bound around the call: none"):
        f(pg.ones(()))
    constant = pg.jit(lambda: pg.psum(pg.ones(()), "i"))
    close(named(lambda x: x * constant())(pg.ones(3)), [3.0, 3.0, 3.0])
    close(named(lambda x: x * constant())(pg.ones(2)), [2.0, 2.0])


# -- bad input ----------------------------------------------------------------------------------

BAD: list[tuple[Any, Any, str]] = [
    (lambda: pg.psum(X, "i"), AxisNameError, "psum: no axis is named 'i' here.*call: none.*vmap"),
    (lambda: named(lambda x: pg.pmax(x, "j"))(X), AxisNameError, "named 'j' here.*call: 'i'"),
    (lambda: pg.axis_index("i"), AxisNameError, "axis_index: no axis is named 'i'"),
    (lambda: pg.axis_size("i"), AxisNameError, "axis_size: no axis is named 'i'"),
    (lambda: named(lambda x: pg.psum(x, ("i", "i")))(X), AxisNameError, "names an axis twice"),
    (lambda: named(lambda x: named(pg.sin)(x))(X), AxisNameError, "'i', and a vmap around it"),
    (lambda: named(lambda x: pg.psum(x, 0))(X), ArgumentTypeError, "axis_name is int 0, expected"),
    (lambda: named(lambda x: pg.psum(x, ()))(X), ArgumentTypeError, "axis_name is tuple"),
    (lambda: named(lambda x: pg.psum("s", "i"))(X), ArgumentTypeError, "x is str 's', expected"),
    (lambda: pg.vmap(pg.sin, axis_name=3), ArgumentTypeError, "axis_name is 3, expected a string"),
    (
        lambda: named(lambda x: pg.all_gather(x, "i", axis=2))(X),
        ArgumentValueError, r"axis 2 for a value of shape \(3,\).*one of the 2 axes",
    ),
    (
        lambda: named(lambda x: pg.all_gather(x, ("i",)))(X),
        ArgumentTypeError, "expected one name",
    ),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(BAD)))
def test_bad_input(number: int) -> None:
    use, error, message = BAD[number]
    with pytest.raises(error, match=message):
        use()
    with pytest.raises(AxisNameError, match="call: none"):  # nothing is left bound
        pg.axis_size("i")


def test_an_example_that_a_solver_runs_by_itself_sees_no_other() -> None:
    def solved(x: Any) -> Any:
        return pg.implicit.fixed_point(lambda y: 0.1 * pg.psum(y, "i") + x, x)

    with pytest.raises(AxisNameError, match="on each example by itself"):
        named(solved)(X)


def test_integers_have_no_mean_where_the_standard_has_none() -> None:
    with on("strict:cpu"):
        n = pg.asarray(np.arange(3))
        with pytest.raises((ArgumentTypeError, DTypeError)):
            named(lambda n: pg.pmean(n, "i"))(n)


def test_threads_have_axes_of_their_own() -> None:
    errors: list[BaseException] = []
    start = threading.Barrier(4)

    def work(n: int) -> None:
        try:
            start.wait()
            for _ in range(10):
                x = np.arange(1.0, n + 1)
                found = named(pg.grad(lambda x: pg.sin(pg.psum(x, "i")) * pg.axis_size("i")))(x)
                close(found, n * n * np.cos(x.sum()) * np.ones(n))
                with pytest.raises(AxisNameError):
                    pg.axis_index("i")
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in (2, 3, 4, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, errors
