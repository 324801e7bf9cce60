"""custom_vjp and custom_jvp: the rules are used, everywhere, and what they return is checked."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import polygrad as pg
from polygrad.errors import (
    ArgumentTypeError,
    ArgumentValueError,
    LostGradientError,
    NonDifferentiableError,
    RuleError,
)

DEVICES = ["cpu", "strict:device1"]
X = np.asarray([0.5, -1.0, 2.0])
V = np.asarray([1.0, 0.5, -0.3])


def close(got: Any, expected: Any, rtol: float = 1e-11, atol: float = 1e-12) -> None:
    for a, b in zip(pg.tree.leaves(got), pg.tree.leaves(expected), strict=True):
        a, b = (pg.to_numpy(v) if pg.is_array(v) else v for v in (a, b))
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


def original(p: Any, y: Any) -> Any:
    return {"a": p["x"] * p["x"] * y, "n": 3}


def with_vjp() -> Any:
    f = pg.custom_vjp(original)

    def fwd(p: Any, y: Any) -> Any:
        return original(p, y), (p["x"], y, "static")

    def bwd(kept: Any, g: Any) -> Any:
        x, y, note = kept
        assert note == "static"
        return {"x": 2 * x * y * g["a"]}, pg.sum(x * x * g["a"])

    f.defvjp(fwd, bwd)
    return f


def with_jvp() -> Any:
    f = pg.custom_jvp(original)

    @f.defjvp
    def rule(primals: Any, tangents: Any) -> Any:
        (p, y), (q, u) = primals, tangents
        x, t = p["x"], q["x"]
        return f(p, y), {"a": 2 * x * y * t + x * x * u, "n": None}

    return f


def loss(f: Any) -> Callable[..., Any]:
    return lambda x, y=1.5: pg.sum(pg.sin(f({"x": x}, y)["a"]) * x)


BATCH = np.stack([X, V])
TRANSFORMS: dict[str, Callable[[Any], Any]] = {
    "value": lambda f: f(X),
    "grad": lambda f: pg.grad(f)(X),
    "grad by a number": lambda f: pg.grad(f, 1)(X, 2.0),
    "both": lambda f: pg.grad(f, (0, 1))(X, 2.0),
    "jvp": lambda f: pg.jvp(f, (X, 2.0), (V, 1.0)),
    "jvp by one": lambda f: pg.jvp(f, (X, 2.0), (None, 1.0)),
    "linearize": lambda f: pg.linearize(f, X)[1](V),
    "jacfwd": lambda f: pg.jacfwd(f)(X),
    "jacrev": lambda f: pg.jacrev(f)(X),
    "hessian": lambda f: pg.hessian(f)(X),
    "hvp": lambda f: pg.hvp(f, (X, 2.0), (V, None)),
    "vmap": lambda f: pg.vmap(f)(BATCH),
    "vmap of grad": lambda f: pg.vmap(pg.grad(f))(BATCH),
    "vmap with a shared argument": lambda f: pg.vmap(pg.grad(f, (0, 1)), (0, None))(BATCH, 2.0),
    "grad of vmap": lambda f: pg.grad(lambda x, y: pg.sum(pg.vmap(f, (0, None))(x, y)), (0, 1))(
        BATCH, 2.0
    ),
    "jvp of vmap": lambda f: pg.jvp(
        lambda x, y: pg.vmap(f, (0, None))(x, y), (BATCH, 2.0), (BATCH[::-1].copy(), 1.0)
    ),
    "vmap of vmap of grad": lambda f: pg.vmap(pg.vmap(pg.grad(f)))(np.stack([BATCH, -BATCH])),
    "grad of grad": lambda f: pg.grad(lambda x: pg.sum(pg.sin(pg.grad(f)(x))))(X),
    "grad of jvp": lambda f: pg.grad(lambda x: pg.jvp(f, (x,), (V,))[1])(X),
    "checkpoint": lambda f: pg.grad(pg.checkpoint(f))(X),
    "hessian of checkpoint": lambda f: pg.hessian(pg.checkpoint(f))(X),
    "vmap of grad of checkpoint": lambda f: pg.vmap(pg.grad(pg.checkpoint(f)))(BATCH),
    "fourth order": lambda f: pg.hessian(lambda x: pg.sum(pg.hessian(f)(x) ** 2))(X),
    "scan": lambda f: pg.grad(
        lambda x: pg.scan(lambda c, a: (c + f(a * x), None), 0.0, V, checkpoint=True)[0]
    )(X),
}


@pytest.mark.parametrize("make", [with_vjp, with_jvp], ids=["custom_vjp", "custom_jvp"])
@pytest.mark.parametrize("transform", TRANSFORMS)
def test_every_transform(make: Any, transform: str) -> None:
    run = TRANSFORMS[transform]
    close(run(loss(make())), run(loss(original)), rtol=1e-10)


@pytest.mark.parametrize("make", [with_vjp, with_jvp], ids=["custom_vjp", "custom_jvp"])
@pytest.mark.parametrize("device", DEVICES)
def test_on_devices_and_against_finite_differences(make: Any, device: str) -> None:
    with pg.device(device):
        pg.testing.check_grads(loss(make()), (pg.asarray(X), pg.asarray(2.0)), order=2)


# -- the rule is what is used -------------------------------------------------------------------


def tripled() -> Any:
    """x squared, whose rules say three times the derivative."""
    f = pg.custom_vjp(lambda x: x * x)
    f.defvjp(lambda x: (x * x, x), lambda x, g: (6 * x * g,))
    g = pg.custom_jvp(lambda x: x * x)
    g.defjvp(lambda p, t: (g(*p), 6 * p[0] * t[0]))
    return f, g


@pytest.mark.parametrize("which", [0, 1])
def test_the_rule_is_used_in_every_mode_and_order(which: int) -> None:
    f = tripled()[which]
    h: Any = lambda x: pg.sum(f(x))
    close(pg.grad(h)(X), 6 * X)
    close(pg.jvp(f, (X,), (V,))[1], 6 * X * V)
    close(pg.linearize(f, X)[1](V), 6 * X * V)
    close(pg.jacfwd(f)(X), np.diag(6 * X))
    close(pg.jacrev(f)(X), np.diag(6 * X))
    close(pg.vmap(pg.grad(f))(X), 6 * X)
    close(pg.grad(lambda x: pg.sum(pg.vmap(f)(x)))(X), 6 * X)
    close(pg.jvp(pg.vmap(f), (X,), (V,))[1], 6 * X * V)
    close(pg.grad(pg.checkpoint(h))(X), 6 * X)
    close(pg.jvp(pg.checkpoint(f), (X,), (V,))[1], 6 * X * V)
    close(pg.hessian(h)(X), 6 * np.eye(3))
    close(pg.hessian(pg.checkpoint(h))(X), 6 * np.eye(3))
    close(pg.grad(lambda x: pg.sum(pg.linearize(f, x)[1](V)))(X), 6 * V)
    assert pg.grad(f)(2.0) == 12.0


def test_the_forward_rule_runs_once_and_the_function_does_not() -> None:
    runs: list[str] = []

    @pg.custom_vjp
    def f(x: Any) -> Any:
        runs.append("f")
        return x * x

    def fwd(x: Any) -> Any:
        runs.append("fwd")
        return x * x, x

    def bwd(x: Any, g: Any) -> Any:
        runs.append("bwd")
        return (2 * x * g,)

    f.defvjp(fwd, bwd)
    close(pg.grad(lambda x: pg.sum(f(x)))(X), 2 * X)
    assert runs == ["fwd", "bwd"]
    runs.clear()
    close(f(X), X * X)
    assert runs == ["f"]
    runs.clear()
    close(pg.vmap(pg.grad(f))(X), 2 * X)
    assert runs == ["fwd", "bwd"]


def test_gradient_clipping() -> None:
    """A backward rule that is not linear: reverse mode uses it as it is."""

    @functools.partial(pg.custom_vjp, nondiff_argnums=(1, 2))
    def clip_gradient(x: Any, low: float, high: float) -> Any:
        return x

    clip_gradient.defvjp(
        lambda x, low, high: (x, None),
        lambda low, high, _, g: (pg.clip(g, low, high),),
    )
    f = lambda x: pg.sum(clip_gradient(x, -1.0, high=1.5) * pg.asarray([0.5, 3.0, -7.0]))
    close(pg.grad(f)(X), np.asarray([0.5, 1.5, -1.0]))
    close(pg.hessian(f)(X), np.zeros((3, 3)))
    close(pg.jvp(lambda x: clip_gradient(x, -1.0, 1.5), (X,), (V,))[1], V)


def test_straight_through_rounding() -> None:
    @pg.custom_jvp
    def rounded(x: Any) -> Any:
        return pg.round(x)

    rounded.defjvp(lambda primals, tangents: (rounded(*primals), tangents[0]))
    close(pg.grad(lambda x: pg.sum(rounded(x) ** 2))(X), 2 * np.round(X))


def test_numerically_stable_rule() -> None:
    @pg.custom_jvp
    def log1pexp(x: Any) -> Any:
        return pg.log(1.0 + pg.exp(x))

    log1pexp.defjvps(lambda t, ans, x: t * (1.0 - 1.0 / (1.0 + pg.exp(x))))
    x = np.asarray([0.0, 100.0])
    close(pg.vmap(pg.grad(log1pexp))(x), np.asarray([0.5, 1.0]))
    close(pg.vmap(pg.grad(pg.grad(log1pexp)))(x), np.asarray([0.25, 0.0]))


def test_defjvps() -> None:
    @pg.custom_jvp
    def f(x: Any, y: Any, z: Any) -> Any:
        return x * y + z

    f.defjvps(lambda t, out, x, y, z: t * y, lambda t, out, x, y, z: t * x, None)
    assert pg.grad(f, (0, 1, 2))(2.0, 3.0, 4.0) == (3.0, 2.0, 0.0)
    assert pg.jvp(f, (2.0, 3.0, 4.0), (1.0, 1.0, 1.0)) == (10.0, 5.0)
    assert pg.grad(f)(2.0, 3.0, 4) == 3.0
    f.defjvps(None)
    with pytest.raises(RuleError, match="1 rules for 3 arguments"):
        pg.grad(f)(2.0, 3.0, 4.0)


def test_a_linear_function_may_be_its_own_tangent() -> None:
    a = np.asarray([[1.0, 2.0], [3.0, 4.0]])

    @pg.custom_jvp
    def linear(x: Any) -> Any:
        return a @ x

    linear.defjvp(lambda p, t: (linear(*p), linear(*t)))
    x = np.asarray([1.0, -1.0])
    close(pg.jacrev(linear)(x), a)
    close(pg.jacfwd(linear)(x), a)
    f = lambda x: pg.sum(linear(x) ** 3)
    close(pg.hessian(f)(x), pg.hessian(lambda x: pg.sum((a @ x) ** 3))(x))


def test_residuals_of_every_kind() -> None:
    class Settings:
        factor = 3.0

    f = pg.custom_vjp(lambda x: x * 1.0)
    f.defvjp(
        lambda x: (x * 1.0, {"none": None, "s": Settings(), "n": 2, "x": [x, pg.argmax(x)]}),
        lambda r, g: (g * r["s"].factor * r["n"] * r["x"][0],),
    )
    close(pg.grad(lambda x: pg.sum(f(x)))(X), 6 * X)
    close(pg.vmap(pg.grad(lambda x: pg.sum(f(x))))(BATCH), 6 * BATCH)
    close(pg.hessian(lambda x: pg.sum(f(x)))(X), 6 * np.eye(3))


def test_none_is_zero() -> None:
    f = pg.custom_vjp(lambda p, y: p["a"] * y + p["b"])
    f.defvjp(lambda p, y: (p["a"] * y + p["b"], y), lambda y, g: ({"a": g * y, "b": None}, None))
    gp, gy = pg.grad(f, (0, 1))({"a": 2.0, "b": 1.0}, 3.0)
    assert (gp, gy) == ({"a": 3.0, "b": 0.0}, 0.0)


def test_kinds_and_attributes() -> None:
    f, g = tripled()
    for one in (f, g):
        assert type(one(X)) is np.ndarray
        assert type(one(pg.asarray(X))) is pg.Array
        assert one(3.0) == 9.0
        assert type(pg.grad(one)(np.float32(2.0))) is np.ndarray
    assert with_vjp().__name__ == "original"


def test_a_method() -> None:
    class Layer:
        scale = 3.0

        @functools.partial(pg.custom_vjp, nondiff_argnums=0)
        def call(self, x: Any) -> Any:
            return self.scale * x

        call.defvjp(lambda self, x: (self.scale * x, None), lambda self, _, g: (7.0 * g,))

    assert pg.grad(lambda x: Layer().call(x))(2.0) == 7.0
    assert Layer().call(2.0) == 6.0


# -- bad input ----------------------------------------------------------------------------------


def vjp_of(fwd: Any, bwd: Any) -> Any:
    f = pg.custom_vjp(lambda x, y: x * y)
    f.defvjp(fwd, bwd)
    return pg.grad(lambda x, y: pg.sum(f(x, y)), (0, 1))(X, X)


def fwd(x: Any, y: Any) -> Any:
    return x * y, (x, y)


BACKWARD = [
    (lambda r, g: g, r"returned float64\[3\], expected a tuple of 2"),
    (lambda r, g: (g,), "returned 1 entries, expected a tuple of 2"),
    (lambda r, g: (g, g, g), "returned 3 entries, expected a tuple of 2"),
    (lambda r, g: (g, g[:2]), r"float64\[2\] for argument \[1\], expected float64\[3\]"),
    (lambda r, g: (pg.sum(g), g), r"float64\[\] for argument \[0\], expected float64\[3\]"),
    (lambda r, g: (pg.astype(g, "float32"), g), r"float32\[3\] for argument \[0\], expected floa"),
    (lambda r, g: (g + 0j, g), r"complex128\[3\] for argument \[0\]"),
    (lambda r, g: (pg.astype(g, "int64"), g), r"int64\[3\] for argument \[0\]"),
    (lambda r, g: ({"x": g}, g), r"dict .* for argument \[0\], expected an array"),
    (lambda r, g: (1.0, g), r"float 1.0 for argument \[0\], expected an array"),
    (lambda r, g: None, "returned NoneType None, expected a tuple of 2"),
]


@pytest.mark.parametrize(("bwd", "message"), BACKWARD)
def test_wrong_backward_rules(bwd: Any, message: str) -> None:
    with pytest.raises(RuleError, match=message):
        vjp_of(fwd, bwd)


def test_wrong_structure_of_a_cotangent() -> None:
    f = pg.custom_vjp(lambda p: p["a"] * p["b"])
    f.defvjp(lambda p: (p["a"] * p["b"], None), lambda _, g: ({"a": g},))
    with pytest.raises(RuleError, match="the pytree .*'a'.* for argument 0, expected the struct"):
        pg.grad(f)({"a": 1.0, "b": 2.0})


@pytest.mark.parametrize("forward", [lambda x, y: x * y, lambda x, y: (x, y, x), lambda x, y: None])
def test_wrong_forward_rules(forward: Any) -> None:
    with pytest.raises(RuleError, match=r"expected a pair \(out, residuals\)"):
        vjp_of(forward, lambda r, g: (g, g))


TANGENTS = [
    (lambda p, t: p[0] * p[1], r"expected a pair \(out, tangent of out\)"),
    (lambda p, t: (p[0], p[0][:2]), r"the tangent float64\[2\] for output , expected float64\[3\]"),
    (lambda p, t: (p[0], [t[0]]), r"list .*expected an array"),
    (lambda p, t: (p[0], pg.astype(t[0], "float32")), r"float32\[3\] .* expected float64\[3\]"),
    (lambda p, t: (p[0], 1.0), "float 1.0"),
    (lambda p, t: ([p[0]], (t[0],)), "with the pytree .*expected the structure of the output"),
]


@pytest.mark.parametrize(("rule", "message"), TANGENTS)
def test_wrong_forward_mode_rules(rule: Any, message: str) -> None:
    f = pg.custom_jvp(lambda x, y: x * y)
    f.defjvp(rule)
    for use in (
        lambda: pg.jvp(f, (X, X), (X, X)),
        lambda: pg.vjp(f, X, X),
    ):
        with pytest.raises(RuleError, match=message):
            use()


def test_functions_without_a_rule() -> None:
    for make, name in ((pg.custom_vjp, "defvjp"), (pg.custom_jvp, "defjvp")):
        with pytest.raises(NonDifferentiableError, match=f"without its rule; call .*{name}"):
            make(lambda x: x)(1.0)
        with pytest.raises(ArgumentTypeError, match="got int for the function"):
            make(3)
        with pytest.raises(ArgumentValueError, match="nondiff_argnums is"):
            make(lambda x: x, nondiff_argnums=(-1,))
        with pytest.raises(ArgumentValueError, match="nondiff_argnums is 'x'"):
            make(lambda x: x, nondiff_argnums="x")
    with pytest.raises(ArgumentTypeError, match="bwd is int 3, expected a function"):
        pg.custom_vjp(pg.sin).defvjp(pg.sin, 3)
    with pytest.raises(ArgumentTypeError, match="the rule is int 3, expected a function"):
        pg.custom_jvp(pg.sin).defjvp(3)


def test_wrong_calls() -> None:
    f = tripled()[0]
    with pytest.raises(ArgumentTypeError, match="missing a required argument"):
        f()
    keyword = pg.custom_vjp(lambda x, *, scale: x * scale)
    keyword.defvjp(lambda x: (x, None), lambda _, g: (g,))
    with pytest.raises(ArgumentTypeError, match="keyword arguments scale"):
        keyword(1.0, scale=2.0)
    far = pg.custom_vjp(lambda x: x, nondiff_argnums=(3,))
    far.defvjp(lambda x: (x, None), lambda _, g: (g,))
    with pytest.raises(ArgumentValueError, match="names argument 3, but 1 were given"):
        far(1.0)


@pytest.mark.parametrize("make", [pg.custom_vjp, pg.custom_jvp])
def test_a_gradient_is_not_lost_through_static_arguments_and_closures(make: Any) -> None:
    held: dict[str, Any] = {}

    def times(x: Any, w: Any) -> Any:
        return x * w

    f = make(times, nondiff_argnums=(1,))
    g = make(lambda x: x * held["w"])
    if make is pg.custom_vjp:
        f.defvjp(lambda x, w: (x * w, None), lambda w, _, c: (c * w,))
        g.defvjp(lambda x: (x * held["w"], None), lambda _, c: (c * 2,))
    else:
        f.defjvp(lambda w, p, t: (p[0] * w, t[0] * w))
        g.defjvp(lambda p, t: (p[0] * held["w"], t[0] * 2))
    assert pg.grad(lambda x: f(x, 3.0))(2.0) == 3.0

    def by_closure(w: Any, x: Any, wrap: Any) -> Any:
        held["w"] = w
        return wrap(g)(x)

    same = lambda one: one
    for use in (
        lambda: pg.grad(lambda w: f(2.0, w))(3.0),
        lambda: pg.jvp(lambda w: f(2.0, w), (3.0,), (1.0,)),
        lambda: pg.grad(lambda w: by_closure(w, 2.0, same))(3.0),
        lambda: pg.grad(lambda w: by_closure(w, w, same))(3.0),
        lambda: pg.jvp(lambda w: by_closure(w, w, same), (3.0,), (1.0,)),
        lambda: pg.grad(lambda w: by_closure(w, w, pg.checkpoint))(3.0),
        lambda: pg.grad(lambda w: pg.sum(by_closure(w, X, pg.vmap)))(3.0),
    ):
        with pytest.raises(LostGradientError, match=r"argument 1 is one of|not among its"):
            use()


def test_an_exception_in_a_rule_leaves_the_next_call_clean() -> None:
    f = pg.custom_vjp(lambda x: x * x)

    def broken(x: Any, g: Any) -> Any:
        raise KeyError("user code")

    for forward, backward in ((broken, broken), (lambda x: (x * x, x), broken)):
        f.defvjp(forward, backward)
        with pytest.raises((KeyError, TypeError)):
            pg.grad(f)(3.0)
        f.defvjp(lambda x: (x * x, x), lambda x, g: (2 * x * g,))
        assert pg.grad(f)(3.0) == 6.0
