"""scan, cond, while_loop and fori_loop, in every mode and nested; the memory of scan."""

import gc
import math
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import array_api_strict
import numpy as np
import pytest

import polygrad as pg
from polygrad.errors import (
    ArgumentTypeError,
    ArgumentValueError,
    DTypeError,
    LostGradientError,
    ShapeError,
    TreeError,
)
from polygrad.testing import check_grads
from polygrad.transforms.call import rematerialised

DEVICES = ["cpu", "strict:device1"]
CHECKPOINTS = [False, True, 2, 100]


@pytest.fixture(autouse=True)
def _strictest() -> Any:
    array_api_strict.set_array_api_strict_flags(boolean_indexing=False, data_dependent_shapes=False)
    yield
    array_api_strict.reset_array_api_strict_flags()


@pytest.fixture(params=DEVICES)
def place(request: Any) -> Any:
    with pg.device(request.param):
        yield request.param


def close(got: Any, expected: Any, rtol: float = 1e-10) -> None:
    def one(a: Any, b: Any) -> None:
        a, b = (pg.to_numpy(x) if pg.is_array(x) else x for x in (a, b))
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-12)

    pg.tree.map(one, got, expected)


class State(NamedTuple):
    position: Any
    speed: Any


def pendulum(k: Any, forces: Any, checkpoint: Any = False, reverse: bool = False) -> Any:
    """A driven pendulum; the stiffness is captured, the forces are scanned over."""

    def step(state: State, force: Any) -> Any:
        speed = state.speed + 0.1 * (force["push"] - k * pg.sin(state.position))
        return State(state.position + 0.1 * speed, speed), {"energy": pg.sum(speed**2)}

    init = State(pg.ones(2), pg.zeros(2))
    last, ys = pg.scan(step, init, forces, reverse=reverse, checkpoint=checkpoint)
    return pg.sum(last.position * last.speed) + pg.mean(ys["energy"])


def by_hand(k: Any, forces: Any, reverse: bool) -> Any:
    """The same without scan."""
    position, speed, energies = pg.ones(2), pg.zeros(2), []
    rows = [forces["push"][i, ...] for i in range(forces["push"].shape[0])]
    for push in reversed(rows) if reverse else rows:
        speed = speed + 0.1 * (push - k * pg.sin(position))
        position = position + 0.1 * speed
        energies.append(pg.sum(speed**2))
    return pg.sum(position * speed) + pg.mean(pg.stack(energies))


def samples() -> tuple[Any, Any]:
    k = pg.asarray([1.0, 2.0])
    push = pg.reshape(pg.sin(pg.arange(14, dtype="float64")), (7, 2))
    return k, {"push": push}


TRANSFORMS: dict[str, Any] = {
    "value": lambda f: f,
    "grad": lambda f: pg.grad(f, (0, 1)),
    "jvp": lambda f: lambda k, x: pg.jvp(f, (k, x), (k, x)),
    "grad of grad": lambda f: pg.grad(lambda k, x: pg.sum(pg.grad(f)(k, x) ** 2), (0, 1)),
    "jvp of grad (hvp)": lambda f: (
        lambda k, x: pg.jvp(pg.grad(f, (0, 1)), (k, x), (pg.cos(k), x))[1]
    ),
    "grad of jvp": lambda f: pg.grad(lambda k, x: pg.jvp(f, (k, x), (k, x))[1], (0, 1)),
    "vmap of grad": lambda f: (
        lambda k, x: pg.vmap(pg.grad(f, (0, 1)), in_axes=(0, None))(pg.stack([k, 2 * k]), x)
    ),
    "grad of vmap": lambda f: pg.grad(
        lambda k, x: pg.sum(pg.vmap(f, in_axes=(0, None))(pg.stack([k, 2 * k]), x)), (0, 1)
    ),
    "grad of vmap of grad of jvp": lambda f: pg.grad(
        lambda k, x: pg.sum(
            pg.vmap(pg.grad(lambda q: pg.jvp(lambda z: f(z, x), (q,), (q,))[1]))(
                pg.stack([k, 2 * k])
            )
            ** 2
        )
    ),
}


@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
@pytest.mark.parametrize("name", TRANSFORMS)
def test_scan_equals_the_loop_under_every_transform(place: str, name: str, checkpoint: Any) -> None:
    transform = TRANSFORMS[name]
    got = transform(lambda k, x: pendulum(k, x, checkpoint))(*samples())
    close(got, transform(lambda k, x: by_hand(k, x, False))(*samples()))


@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
def test_scan_in_reverse(place: str, checkpoint: Any) -> None:
    got = pg.grad(lambda k, x: pendulum(k, x, checkpoint, True), (0, 1))(*samples())
    close(got, pg.grad(lambda k, x: by_hand(k, x, True), (0, 1))(*samples()))


@pytest.mark.parametrize("checkpoint", [False, True])
def test_scan_derivatives_are_right(checkpoint: bool) -> None:
    check_grads(lambda k, x: pendulum(k, x, checkpoint), samples(), order=2, atol=1e-5)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
def test_the_ys_keep_their_places(checkpoint: Any, reverse: bool) -> None:
    x = pg.asarray([1.0, 2.0, 4.0, 8.0, 16.0])
    last, (sums, steps) = pg.scan(
        lambda c, x: ((c[0] + x, c[1] + 1), (c[0] + x, c[1])),
        (0.0, 0),
        x,
        reverse=reverse,
        checkpoint=checkpoint,
    )
    assert sums.tolist() == ([31, 30, 28, 24, 16] if reverse else [1, 3, 7, 15, 31])
    assert steps.tolist() == ([4, 3, 2, 1, 0] if reverse else [0, 1, 2, 3, 4])
    assert last[0].item() == 31.0
    assert last[1] == 5  # a Python number that meets no array stays one


def test_kinds_of_array_and_dtypes() -> None:
    x = np.ones((3, 2), dtype=np.float32)
    last, ys = pg.scan(lambda c, x: (c + x, c), np.zeros(2, np.float32), x)
    assert type(last) is type(ys) is np.ndarray
    assert last.dtype == ys.dtype == np.float32
    value, _ = pg.scan(lambda c, _: (c * 2.0, None), 1.0, None, 3)
    assert value == 8.0
    assert type(value) is float
    assert pg.scan(lambda c, _: (c * 2.0, None), 1.0, None, 3)[1] is None
    # float32 stays float32 in the gradient.
    g = pg.grad(lambda x: pg.scan(lambda c, x: (c + pg.sum(x), None), 0.0, x)[0])(x)
    assert g.dtype == np.float32
    ones = pg.scan(lambda c, x: (c, x > 0), 0.0, x)[1]
    assert ones.dtype == np.bool


@pytest.mark.parametrize("checkpoint", [False, True])
def test_no_steps(place: str, checkpoint: bool) -> None:
    init = pg.ones(2)
    last, ys = pg.scan(
        lambda c, x: (c + x, {"a": c, "n": 1}), init, pg.zeros((0, 2)), checkpoint=checkpoint
    )
    close(last, [1.0, 1.0])
    assert ys["a"].shape == (0, 2)
    assert ys["n"].shape == (0,)
    assert pg.isdtype(ys["n"].dtype, "integral")
    g = pg.grad(lambda c: pg.sum(pg.scan(lambda c, x: (c * x, c), c, pg.zeros((0, 2)))[0]))(init)
    close(g, [1.0, 1.0])


def test_a_scan_inside_a_scan() -> None:
    def table(w: Any, checkpoint: bool) -> Any:
        def outer(c: Any, x: Any) -> Any:
            inner = pg.scan(lambda a, y: (pg.sin(a * w + y), None), c, x, checkpoint=checkpoint)
            return inner[0], inner[0] * w

        last, ys = pg.scan(outer, pg.ones(()), pg.ones((4, 5)), checkpoint=checkpoint)
        return last + pg.sum(ys)

    w = pg.asarray(0.7)
    close(pg.grad(lambda w: table(w, True))(w), pg.grad(lambda w: table(w, False))(w))
    check_grads(lambda w: table(w, True), (w,), order=2, atol=1e-5)


# -- memory --------------------------------------------------------------------------------------


def long_scan(k: Any, n: int, checkpoint: Any) -> Any:
    def step(state: Any, _: Any) -> Any:
        x, v = state
        return (x + 0.001 * v, v - 0.001 * (k * x + 0.1 * pg.sin(v))), None

    (x, _), _ = pg.scan(step, (pg.ones(100), pg.zeros(100)), None, n, checkpoint=checkpoint)
    return pg.sum(x * x)


def peak(function: Any) -> int:
    """The most memory a call takes at once, in bytes, without help by the garbage collector."""
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        function()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
        gc.enable()


def test_memory_of_ten_thousand_steps() -> None:
    """The bound of the docstring: less than 3% of what it takes without checkpoints."""
    k = pg.ones(100)
    pg.grad(lambda k: long_scan(k, 1, True))(k)
    short = peak(lambda: pg.grad(lambda k: long_scan(k, 100, False))(k))
    long = peak(lambda: pg.grad(lambda k: long_scan(k, 10_000, True))(k))
    # 100 segments of 100 steps: one of them on the tape, and 100 carries.
    assert long < 0.03 * 100 * short
    assert peak(lambda: pg.grad(lambda k: long_scan(k, 1000, False))(k)) > 8 * short


@pytest.mark.parametrize(
    "transform",
    [
        lambda f: pg.grad(lambda k: pg.sum(pg.grad(f)(k) ** 2)),
        lambda f: lambda k: pg.jvp(pg.grad(f), (k,), (k,)),
        lambda f: pg.grad(lambda k: pg.jvp(f, (k,), (k,))[1]),
        lambda f: lambda k: pg.vmap(pg.grad(f))(pg.stack([k, k])),
    ],
    ids=["grad of grad", "hvp", "grad of jvp", "vmap of grad"],
)
def test_memory_grows_by_the_square_root_at_higher_order(transform: Any) -> None:
    k = pg.ones(100)

    def measured(n: int) -> int:
        return peak(lambda: transform(lambda k: long_scan(k, n, True))(k))

    measured(1)
    # 9 times the steps take 3 times the memory.
    assert measured(576) < 4 * measured(64)


def test_a_step_runs_twice_with_checkpoints() -> None:
    runs = []

    def f(w: Any) -> Any:
        def step(c: Any, _: Any) -> Any:
            runs.append(1)
            return c * w, None

        return pg.scan(step, 1.0, None, 9, checkpoint=True)[0]

    assert pg.grad(f)(2.0) == 9 * 2.0**8
    assert len(runs) == 18


# -- functions that are run again ----------------------------------------------------------------


WEIGHT = [pg.asarray(2.0)]


class Model:
    def __init__(self, w: Any) -> None:
        self.parts = {"w": [w]}

    def __call__(self, c: Any, x: Any) -> Any:
        return pg.sin(c * self.parts["w"][0] + x), None


def _default(w: Any) -> Any:
    def step(c: Any, x: Any, w: Any = w) -> Any:
        return pg.sin(c * w + x), None

    return step


def _global(w: Any) -> Any:
    WEIGHT[0] = w
    return lambda c, x: (pg.sin(c * WEIGHT[0] + x), None)


def _inner(w: Any) -> Any:
    def helper(c: Any) -> Any:
        return c * w

    return lambda c, x: (pg.sin(helper(c) + x), None)


@pytest.mark.parametrize("make", [Model, _default, _global, _inner], ids=lambda m: m.__name__)
def test_what_a_step_captures_gets_its_gradient(make: Any) -> None:
    def f(w: Any, checkpoint: bool) -> Any:
        return pg.scan(make(w), 0.5, pg.asarray([1.0, 2.0, 3.0]), checkpoint=checkpoint)[0]

    assert pg.grad(f)(1.5, True) == pytest.approx(pg.grad(f)(1.5, False), rel=1e-12)
    assert pg.grad(f)(1.5, False) != 0.0


def test_a_tracked_array_that_cannot_be_found_raises() -> None:
    """No gradient is lost in silence: what hides in a generator is not found, and said so."""

    def f(w: Any) -> Any:
        hidden = iter([w * 1.0] * 10)
        return pg.scan(lambda c, x: (c * next(hidden), None), w, pg.ones(4), checkpoint=True)[0]

    with pytest.raises(LostGradientError, match="scan: .* pass it as an argument"):
        pg.grad(f)(2.0)


def test_captured_arrays_are_as_before_after_an_error() -> None:
    def f(w: Any) -> Any:
        def step(c: Any, x: Any) -> Any:
            if c > 5:
                raise KeyError("the user's own")
            return c * w, None

        with pytest.raises(KeyError, match="the user's own"):
            pg.scan(step, 1.0, pg.ones(9), checkpoint=True)
        return w * w

    assert pg.grad(f)(3.0) == 6.0


def test_eight_threads_at_once() -> None:
    def slope(w: float) -> Any:
        return pg.grad(lambda w: pg.scan(Model(w), 0.5, pg.ones(30), checkpoint=True)[0])(w)

    inputs = [0.1 * i for i in range(1, 41)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(slope, inputs)) == [slope(w) for w in inputs]


def test_rematerialised_functions_return_what_they_like() -> None:
    def f(x: Any) -> Any:
        out = rematerialised(lambda x: {"y": pg.sin(x), "n": 3, "x": x}, (x,), "f")
        assert out["n"] == 3
        return out["y"] * out["x"]

    check_grads(f, (pg.asarray(0.4),), order=2)


def test_a_captured_array_that_is_assigned_to_later() -> None:
    """What a backward pass holds does not change when x[i] = v gives the handle a new value."""

    def f(t: Any) -> Any:
        t = t * 1.0
        _, pull = pg.vjp(lambda x: pg.sum(x * x * t), t)
        t[0] = 100.0
        return pg.sum(pull(1.0)[0] * 1.0)

    value, g = pg.value_and_grad(f)(pg.asarray([2.0, 3.0]))
    assert value.item() == 26.0
    assert g.tolist() == [8.0, 12.0]

    def of_vmap(t: Any) -> Any:
        t = t * 1.0

        def inner(x: Any) -> Any:
            t[0] = 100.0
            return x**2

        return pg.sum(pg.vmap(inner)(t))

    assert pg.grad(of_vmap)(pg.asarray([2.0, 3.0])).tolist() == [4.0, 6.0]


def test_under_jit() -> None:
    k, x = samples()
    f = pg.grad(lambda k, x: pendulum(k, x, True), (0, 1))
    compiled = pg.jit(f)
    close(compiled(k, x), f(k, x))
    close(compiled(2 * k, x), f(2 * k, x))
    chosen = pg.jit(pg.grad(lambda x: pg.sum(branchy(x))))
    for sign in (1.0, -1.0):
        point = pg.asarray([0.3 * sign, 0.5 * sign])
        close(chosen(point), pg.grad(lambda x: pg.sum(branchy(x)))(point))
    assert pg.jit(lambda x: pg.while_loop(lambda c: c < 9, lambda c: 2 * c, x))(1.0) == 16.0


# -- cond ----------------------------------------------------------------------------------------


def branchy(x: Any) -> Any:
    return pg.cond(pg.sum(x) > 0, lambda x: {"y": pg.sin(x)}, lambda x: {"y": x**3}, x)["y"]


def test_cond_in_every_mode(place: str) -> None:
    for sign in (1.0, -1.0):
        x = pg.asarray([0.3 * sign, 0.5 * sign])
        check_grads(branchy, (x,), order=2)
    xs = pg.asarray([[0.3, 0.5], [-0.3, -0.5]])
    batch = pg.vmap(branchy)(xs)
    close(batch, pg.stack([branchy(xs[0, ...]), branchy(xs[1, ...])]))

    def loss(x: Any) -> Any:
        return pg.sum(branchy(x) ** 2)

    rows = [xs[0, ...], xs[1, ...]]
    close(pg.vmap(pg.grad(loss))(xs), pg.stack([pg.grad(loss)(x) for x in rows]))
    close(pg.grad(lambda xs: pg.sum(pg.vmap(loss)(xs)))(xs), pg.vmap(pg.grad(loss))(xs))
    hvp = pg.vmap(lambda x: pg.jvp(pg.grad(loss), (x,), (x,))[1])
    close(hvp(xs), pg.stack([pg.jvp(pg.grad(loss), (x,), (x,))[1] for x in rows]))
    check_grads(pg.vmap(branchy), (xs,), order=2)
    twice = pg.vmap(pg.vmap(branchy))(pg.stack([xs, -xs]))
    close(twice, pg.stack([pg.vmap(branchy)(xs), pg.vmap(branchy)(-xs)]))


def test_cond_runs_one_branch() -> None:
    runs = []

    def taken(name: str) -> Any:
        return lambda: runs.append(name) or 1.0

    assert pg.cond(True, taken("yes"), taken("no")) == 1.0
    pg.cond(pg.asarray(False), taken("yes"), taken("no"))
    pg.cond(np.bool(False), taken("yes"), taken("no"))
    pg.vmap(lambda x: x + pg.cond(True, taken("yes"), taken("no")))(pg.ones(2))
    assert runs == ["yes", "no", "no", "yes"]
    pg.vmap(lambda x: pg.cond(x > 0, taken("yes"), taken("no")))(pg.ones(2))
    assert runs[4:] == ["yes", "no"]


@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_an_infinite_derivative_in_the_other_branch() -> None:
    f = pg.vmap(pg.grad(lambda x: pg.cond(x > 0, pg.log, lambda x: 0.0 * x, x)))
    assert f(pg.asarray([0.0, 2.0])).tolist() == [0.0, 0.5]


# -- while_loop and fori_loop --------------------------------------------------------------------


def doubling(x: Any, w: Any) -> Any:
    return pg.while_loop(
        lambda c: c["x"] < 50.0,
        lambda c: {"x": c["x"] * w + 1.0, "n": c["n"] + 1},
        {"x": x, "n": 0},
    )


def test_while_loop_in_every_mode(place: str) -> None:
    x, w = pg.asarray(1.5), pg.asarray(1.7)
    assert doubling(x, w)["n"] == 6
    check_grads(lambda x, w: doubling(x, w)["x"], (x, w), order=2, atol=1e-4)
    xs = pg.asarray([1.5, 20.0, 60.0, 0.1])
    rows = [xs[i] for i in range(4)]
    out = pg.vmap(doubling, in_axes=(0, None))(xs, w)
    close(out["x"], pg.stack([doubling(x, w)["x"] for x in rows]))
    assert out["n"].tolist() == [doubling(x, w)["n"] for x in rows]

    def value(x: Any, w: Any) -> Any:
        return doubling(x, w)["x"] ** 2

    got = pg.vmap(pg.grad(value, (0, 1)), in_axes=(0, None))(xs, w)
    each = [pg.grad(value, (0, 1))(x, w) for x in rows]
    close(got, (pg.stack([g[0] for g in each]), pg.stack([g[1] for g in each])))
    total = pg.grad(lambda w: pg.sum(pg.vmap(value, in_axes=(0, None))(xs, w)))(w)
    close(total, pg.sum(got[1]))
    close(
        pg.jvp(pg.grad(lambda w: pg.sum(pg.vmap(value, in_axes=(0, None))(xs, w))), (w,), (w,))[1],
        sum(pg.jvp(pg.grad(lambda w, x=x: value(x, w)), (w,), (w,))[1] for x in rows),
    )


def test_while_loop_under_two_vmaps() -> None:
    xs, ws = np.array([1.0, 30.0]), np.array([1.5, 2.0, 9.0])
    got = pg.vmap(lambda x: pg.vmap(lambda w: doubling(x, w)["x"])(ws))(xs)
    close(got, [[doubling(float(x), float(w))["x"] for w in ws] for x in xs])


def test_fori_loop(place: str) -> None:
    def power(x: Any, n: Any) -> Any:
        def body(i: Any, y: Any) -> Any:
            return y * x + (i if type(i) is int else pg.astype(i, "float64"))

        return pg.fori_loop(0, n, body, pg.ones_like(x))

    x = pg.asarray(1.3)
    expected = ((1.3 + 0) * 1.3 + 1) * 1.3 + 2
    close(power(x, 3), expected)
    close(power(x, pg.asarray(3)), expected)
    check_grads(lambda x: power(x, 3), (x,), order=2)
    counts = pg.asarray([0, 3, 1])
    got = pg.vmap(power, in_axes=(None, 0))(x, counts)
    close(got, [1.0, expected, 1.3])
    slopes = pg.vmap(pg.grad(power), in_axes=(None, 0))(x, counts)
    close(slopes, [pg.grad(power)(x, n).item() for n in (0, 3, 1)])
    assert pg.fori_loop(2, 5, lambda i, v: v + i, 0) == 9
    assert pg.fori_loop(5, 2, lambda i, v: v + i, 7) == 7


# -- bad input -----------------------------------------------------------------------------------

BAD: list[tuple[Any, Any, str]] = [
    (lambda: pg.scan(3, 0.0, pg.ones(2)), ArgumentTypeError, "scan: f is int 3"),
    (lambda: pg.scan(lambda c, x: (c, x), 0.0), ArgumentValueError, "length has to say"),
    (
        lambda: pg.scan(lambda c, x: (c, x), 0.0, {"a": pg.ones(2), "b": pg.ones(3)}),
        ShapeError,
        r"xs\['a'\] has 2, xs\['b'\] has 3; expected one length",
    ),
    (lambda: pg.scan(lambda c, x: (c, x), 0.0, pg.ones(2), 3), ShapeError, "length is 3"),
    (lambda: pg.scan(lambda c, x: (c, x), 0.0, None, -1), ArgumentValueError, "length is -1"),
    (lambda: pg.scan(lambda c, x: (c, x), 0.0, 3.0), ArgumentTypeError, "xs is float 3.0"),
    (lambda: pg.scan(lambda c, x: c, 0.0, pg.ones(2)), ArgumentTypeError, "expected a pair"),
    (lambda: pg.scan(lambda c, x: (c, "y"), 0.0, pg.ones(2)), ArgumentTypeError, "str 'y'"),
    (lambda: pg.scan(lambda c, x: (c, x), "a", pg.ones(2)), ArgumentTypeError, "init is str"),
    (
        lambda: pg.scan(lambda c, x: ([c], x), pg.ones(2), pg.ones(2)),
        TreeError,
        r"the carry that f returned in step 0: got the pytree \[\*\], expected the structure",
    ),
    (
        lambda: pg.scan(lambda c, x: ({"a": c["a"][:1]}, x), {"a": pg.ones(2)}, pg.ones(2)),
        ShapeError,
        r"carry\['a'\] was float64\[2\] before step 0 and f returned float64\[1\]",
    ),
    (
        lambda: pg.scan(
            lambda c, x: (c + x, x), pg.zeros((), dtype="float32"), pg.ones(2), checkpoint=True
        ),
        DTypeError,
        r"carry was float32\[\] before step 0 and f returned float64\[\]",
    ),
    (
        lambda: pg.scan(lambda c, x: (c + pg.ones(2), x), 0.0, pg.ones(2)),
        ArgumentTypeError,
        r"carry was float 0.0 before step 0 and f returned float64\[2\]",
    ),
    (
        lambda: pg.scan(lambda c, x: (0.0, x), pg.ones(2), pg.ones(2)),
        ArgumentTypeError,
        r"f returned float 0.0, expected the same shape",
    ),
    (
        lambda: pg.scan(lambda c, x: (c, x), 0.0, pg.ones(2), checkpoint=0),
        ArgumentValueError,
        "checkpoint is 0",
    ),
    (lambda: pg.cond(1, lambda: 0, lambda: 1), ArgumentTypeError, "pred: got int 1"),
    (lambda: pg.cond(pg.asarray(1.0), lambda: 0, lambda: 1), DTypeError, "array of float64"),
    (lambda: pg.cond(pg.ones(2) > 0, lambda: 0, lambda: 1), ShapeError, "pg.all or pg.any"),
    (lambda: pg.cond(True, 3, lambda: 1), ArgumentTypeError, "true_fun is int 3"),
    (
        lambda: pg.vmap(lambda x: pg.cond(x > 0, lambda: x, lambda: (x,)))(pg.ones(2)),
        TreeError,
        "what false_fun returned",
    ),
    (
        lambda: pg.vmap(lambda x: pg.cond(x > 0, lambda: x, lambda: pg.ones(3)))(pg.ones(2)),
        ShapeError,
        r"true_fun returned float64\[\] and false_fun float64\[3\]",
    ),
    (
        lambda: pg.vmap(lambda x: pg.cond(x > 0, lambda: x, lambda: pg.asarray(1)))(pg.ones(2)),
        DTypeError,
        r"false_fun int64\[\]",
    ),
    (
        lambda: pg.vmap(lambda x: pg.cond(x > 0, lambda: "a", lambda: "b"))(pg.ones(2)),
        ArgumentTypeError,
        "a branch returned str 'a'",
    ),
    (
        lambda: pg.while_loop(lambda c: c, lambda c: c, 1.0),
        ArgumentTypeError,
        "the answer of cond_fun: got float 1.0",
    ),
    (lambda: pg.while_loop(lambda c: True, 3, 1.0), ArgumentTypeError, "body_fun is int 3"),
    (
        lambda: pg.while_loop(lambda c: c[0] < 9, lambda c: pg.stack([c, c]), pg.ones(2)),
        ShapeError,
        "cond_fun: got shape|carry was",
    ),
    (
        lambda: pg.while_loop(lambda c: pg.sum(c) < 9, lambda c: pg.concat([c, c]), pg.ones(2)),
        ShapeError,
        r"while_loop: carry was float64\[2\] before step 0 and body_fun returned float64\[4\]",
    ),
    (
        lambda: pg.vmap(lambda x: pg.while_loop(lambda c: c < 9, lambda c: (c, c), x))(pg.ones(2)),
        TreeError,
        "body_fun returned in step 0",
    ),
    (lambda: pg.fori_loop(0, 2.0, lambda i, v: v, 0), ArgumentTypeError, "upper is float 2.0"),
    (lambda: pg.fori_loop(0, pg.ones(2), lambda i, v: v, 0), ArgumentTypeError, "upper is float64"),
]


@pytest.mark.parametrize("case", BAD, ids=lambda case: case[2][:40])
def test_bad_input_is_named(case: Any) -> None:
    call, error, text = case
    with pytest.raises(error, match=text):
        call()


def test_the_number_of_segments_is_the_square_root() -> None:
    from polygrad.transforms.scan import _every

    for n in (1, 2, 9, 10, 99, 100, 101, 10_000):
        assert _every(True, n) == math.ceil(math.sqrt(n))
