"""pg.define_op: functions of other libraries as ops, in every mode, with honest errors."""

from typing import Any

import numpy as np
import pytest
import scipy.linalg
import scipy.special

import polygrad as pg
from polygrad.core.op import OPS
from polygrad.errors import (
    ArgumentTypeError,
    ArgumentValueError,
    BackendError,
    BatchingError,
    NonDifferentiableError,
    RuleError,
)

A = np.asarray([[0.3, -0.2, 0.1], [0.5, 0.1, -0.4], [0.2, 0.6, -0.1]])
X = np.asarray([0.5, -1.0, 2.0])


def close(got: Any, expected: Any, rtol: float = 1e-11, atol: float = 1e-12) -> None:
    got = pg.to_numpy(got) if pg.is_array(got) else got
    np.testing.assert_allclose(got, expected, rtol=rtol, atol=atol)


# -- SciPy --------------------------------------------------------------------------------------


def frechet(xp: Any, a: Any, e: Any) -> Any:
    """The derivative of expm at a along e: a block of expm([[a, e], [0, a]])."""
    n = a.shape[-1]
    top, bottom = xp.concat([a, e], axis=-1), xp.concat([xp.zeros_like(a), a], axis=-1)
    return expm(xp.concat([top, bottom], axis=-2))[..., :n, n:]


expm = pg.define_op(
    "expm",
    scipy.linalg.expm,
    vjp=lambda xp, g, _y, a: frechet(xp, xp.matrix_transpose(a), g),
    jvp=lambda xp, t, _y, a: frechet(xp, a, t[0]),
    batch="leading",
)
expm_vjp = pg.define_op(
    "expm_vjp",
    scipy.linalg.expm,
    vjp=lambda xp, g, _y, a: frechet(xp, xp.matrix_transpose(a), g),
    batch="leading",
)


@pytest.mark.parametrize("op", [expm, expm_vjp], ids=["both rules", "vjp only"])
def test_the_matrix_exponential_of_scipy(op: Any) -> None:
    close(op(A), scipy.linalg.expm(A))
    assert type(op(A)) is np.ndarray
    assert type(op(pg.asarray(A))) is pg.Array
    f = lambda a: pg.sum(op(a) * pg.cos(a))
    pg.testing.check_grads(f, (A,), order=3)
    close(pg.jacfwd(op)(A), pg.jacrev(op)(A))
    hessian = pg.hessian(f)(A)
    close(hessian, np.transpose(hessian, (2, 3, 0, 1)))
    v = A.T.copy()
    close(pg.hvp(f, (A,), (v,))[0], np.tensordot(hessian, v, axes=2))
    batch = np.stack([A, 2 * A])
    close(pg.vmap(pg.grad(f))(batch), [pg.grad(f)(one) for one in batch])
    close(pg.grad(pg.checkpoint(f))(A), pg.grad(f)(A))
    close(pg.linearize(op, A)[1](v), pg.jvp(op, (A,), (v,))[1])


def test_a_function_by_element() -> None:
    """An Airy function: y'' = x y, so one rule for each of the pair gives every order."""
    airy = pg.define_op(
        "airy",
        lambda x: scipy.special.airy(x)[0],
        partials=[lambda xp, g, _y, x: g * airy_prime(x)],
        doc="The Airy function Ai.",
    )
    airy_prime = pg.define_op(
        "airy_prime",
        lambda x: scipy.special.airy(x)[1],
        partials=[lambda xp, g, _y, x: g * x * airy(x)],
    )
    assert (airy.__name__, airy.__doc__) == ("airy", "The Airy function Ai.")
    pg.testing.check_grads(airy, (X,), order=3)
    close(pg.vmap(pg.grad(airy))(X), scipy.special.airy(X)[1])
    close(pg.hessian(lambda x: pg.sum(airy(x)))(X), np.diag(X * scipy.special.airy(X)[0]))


# -- one rule is enough -------------------------------------------------------------------------


def by_jvp(name: str, **options: Any) -> Any:
    return pg.define_op(
        name,
        lambda x, y: np.sin(x) * y,
        jvp=lambda xp, t, _ans, x, y: (
            (0.0 if t[0] is None else t[0] * xp.cos(x) * y)
            + (0.0 if t[1] is None else xp.sin(x) * t[1])
        ),
        **options,
    )


def by_vjp(name: str, **options: Any) -> Any:
    return pg.define_op(
        name,
        lambda x, y: np.sin(x) * y,
        vjp=lambda xp, g, _ans, x, y: (g * xp.cos(x) * y, g * xp.sin(x)),
        **options,
    )


@pytest.mark.parametrize("make", [by_jvp, by_vjp])
def test_the_other_mode_is_the_rule_turned_round(make: Any) -> None:
    op = make("sine_times", batch="leading")
    pg.testing.check_grads(op, (X, X + 1), order=3)
    pg.testing.check_grads(lambda x: op(x, 2.0 * np.ones(3)), (X,), order=2)
    pg.testing.check_grads(lambda y: op(X, y), (X,), order=2)
    f, g = lambda x: pg.sum(op(x, x)), lambda x: pg.sum(pg.sin(x) * x)
    close(pg.hessian(f)(X), pg.hessian(g)(X))
    close(pg.vmap(pg.grad(f))(np.stack([X, A[0]])), pg.vmap(pg.grad(g))(np.stack([X, A[0]])))


@pytest.mark.parametrize("mode", ["vjp", "jvp", "both"])
def test_several_answers(mode: str) -> None:
    def vjp(xp: Any, g: Any, _ans: Any, x: Any) -> Any:
        return g[0] * xp.cos(x) + 2 * g[1] * x

    def jvp(xp: Any, t: Any, _ans: Any, x: Any) -> Any:
        return t[0] * xp.cos(x), 2 * t[0] * x, None

    rules = {"vjp": vjp, "jvp": jvp}
    op = pg.define_op(
        "pair",
        lambda x: (np.sin(x), x * x, np.argmax(x, axis=-1)),
        **(rules if mode == "both" else {mode: rules[mode]}),
        multiple=True,
        batch="leading",
    )
    pg.testing.check_grads(lambda x: op(x)[:2], (X,), order=2)
    pg.testing.check_grads(lambda x: op(x)[1], (X,), order=2)
    assert int(op(pg.asarray(X))[2]) == 2
    close(pg.vmap(pg.grad(lambda x: pg.sum(op(x)[0])))(np.stack([X, -X])), np.cos([X, -X]))


def test_parameters_and_fixed_operands() -> None:
    power = pg.define_op(
        "power_of",
        lambda x, table, *, n: x**n + table[0],
        vjp=lambda xp, g, _ans, x, _table, *, n: (g * n * x ** (n - 1), None),
        differentiable=(True, False),
    )
    table = np.asarray([7.0])
    close(power(X, table, n=3), X**3 + 7)
    close(pg.grad(lambda x: pg.sum(power(x, table, n=3)))(X), 3 * X**2)
    gt = pg.grad(lambda x, t: pg.sum(power(x, t, n=3)), (0, 1))(X, table)[1]
    close(gt, [0.0])
    pg.testing.check_grads(lambda x: power(x, table, n=3), (X,), order=2)


def test_what_is_not_kept_is_freed() -> None:
    import weakref

    op = pg.define_op("negated", lambda x: -x, vjp=lambda xp, g, _ans, _x: -g)
    seen: list[Any] = []

    def f(x: Any) -> Any:
        y = x * 2.0
        seen.append(weakref.ref(y._value))
        return op(y)

    _, pullback = pg.vjp(f, X)
    assert seen[0]() is None
    close(pullback(X)[0], -2 * X)


# -- vmap ---------------------------------------------------------------------------------------


def test_batch_rules() -> None:
    calls: list[int] = []

    def forward(x: Any) -> Any:
        calls.append(x.ndim)
        return np.cumsum(x[::-1])[::-1].copy()

    def make(batch: Any) -> Any:
        return pg.define_op(
            "reversed_sums",
            forward,
            vjp=lambda xp, g, _ans, _x: xp.cumulative_sum(g),
            batch=batch,
        )

    batch = np.stack([X, -X, 2 * X, X + 1])
    expected = np.cumsum(batch[:, ::-1], axis=1)[:, ::-1]
    looped = make("loop")
    close(pg.vmap(looped)(batch), expected)
    assert calls == [1] * 4
    mapped = make(
        lambda size, batched, x: pg.flip(pg.cumulative_sum(pg.flip(x, axis=1), axis=1), axis=1)
    )
    for op in (looped, mapped):
        close(pg.vmap(op)(batch), expected)
        close(pg.jacrev(op)(X), np.triu(np.ones((3, 3))))
        f = lambda x, op=op: pg.sum(op(x) ** 2)
        close(pg.vmap(pg.grad(f))(batch), [pg.grad(f)(x) for x in batch])
    with pytest.raises(BatchingError, match="reversed_sums: vmap .*batch='loop'"):
        pg.vmap(make(None))(batch)
    wrong = make(lambda size, batched, x: pg.sum(x))
    with pytest.raises(RuleError, match="batch rule returned .*with the batch of 4"):
        pg.vmap(wrong)(batch)


# -- one forward function for each library ------------------------------------------------------


def test_a_forward_function_for_each_backend() -> None:
    import array_api_strict

    ran: list[str] = []

    def for_numpy(x: Any) -> Any:
        ran.append("numpy")
        return np.tan(x)

    def for_strict(x: Any) -> Any:
        ran.append("strict")
        return array_api_strict.tan(x)

    op = pg.define_op(
        "tangent",
        {"numpy": for_numpy, "strict": for_strict},
        partials=[lambda xp, g, y, _x: g * (1 + y * y)],
    )
    for device in ("cpu", "strict:device1"):
        with pg.device(device):
            found = pg.grad(lambda x: pg.sum(op(x)))(pg.asarray(X))
            assert found.device == device
            close(found, 1 + np.tan(X) ** 2)
    assert ran == ["numpy", "strict"]
    only = pg.define_op("only", {"numpy": np.tan})
    with pytest.raises(
        BackendError, match="only: there is no forward .*'strict', only for 'numpy'"
    ):
        only(pg.asarray(X, device="strict:device1"))


def test_names_of_users_are_their_own() -> None:
    """Not in the table, so a name may be used again, and be one of ours."""
    before = set(OPS)
    for factor in (2.0, 3.0):
        sin = pg.define_op(
            "sin", lambda x, k=factor: k * x, partials=[lambda xp, g, _y, _x, k=factor: k * g]
        )
        assert pg.grad(sin)(1.0) == factor
    assert pg.grad(pg.sin)(0.0) == 1.0
    assert set(OPS) == before


# -- bad input ----------------------------------------------------------------------------------

F = lambda x: x * 1.0
RULE = lambda xp, g, ans, x: g


@pytest.mark.parametrize(
    ("use", "error", "message"),
    [
        (lambda: pg.define_op("not a name", F), ArgumentValueError, "name is 'not a name'"),
        (lambda: pg.define_op(3, F), ArgumentValueError, "name is 3"),
        (lambda: pg.define_op("f", None), ArgumentTypeError, "f: forward is NoneType None"),
        (lambda: pg.define_op("f", {"numpy": 3}), ArgumentTypeError, "f: forward is int 3"),
        (lambda: pg.define_op("f", F, vjp=3), ArgumentTypeError, "f: vjp is int 3"),
        (lambda: pg.define_op("f", F, jvp="x"), ArgumentTypeError, "f: jvp is str 'x'"),
        (lambda: pg.define_op("f", F, partials=[3]), ArgumentTypeError, "each of partials is int"),
        (lambda: pg.define_op("f", F, partials=[RULE], vjp=RULE), ArgumentValueError, "without"),
        (lambda: pg.define_op("f", F, partials=[RULE], batch="loop"), ArgumentValueError, "beside"),
        (lambda: pg.define_op("f", F, batch="rows"), ArgumentValueError, "'leading', 'loop'"),
        (lambda: pg.grad(pg.define_op("f", F))(1.0), NonDifferentiableError, "f has no derivative"),
        (lambda: pg.jvp(pg.define_op("f", F), (1.0,), (1.0,)), NonDifferentiableError, "or jvp"),
        (lambda: pg.define_op("f", F)([1.0]), ArgumentTypeError, "argument 1 is list"),
        (lambda: pg.define_op("f", lambda x: np.ones(2) + x)(X), ArgumentValueError, r"f\(float64"),
    ],
)  # fmt: skip
def test_bad_declarations_and_calls(use: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        use()


def vjp_of(rule: Any) -> Any:
    op = pg.define_op("f", lambda x, y: x * y, vjp=rule)
    pg.grad(lambda x, y: pg.sum(op(x, y)), (0, 1))(X, X)


def jvp_of(rule: Any, **options: Any) -> Any:
    op = pg.define_op("f", lambda x, y: x * y, jvp=rule, **options)
    pg.jvp(op, (X, X), (X, X))


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: vjp_of(lambda xp, g, ans, x, y: g), "1 cotangents for 2 operands"),
        (lambda: vjp_of(lambda xp, g, ans, x, y: (g, g, g)), "3 cotangents for 2 operands"),
        (
            lambda: vjp_of(lambda xp, g, ans, x, y: (g[:2], g)),
            r"shape \(2,\) for an operand of sha",
        ),
        (lambda: jvp_of(lambda xp, t, ans, x, y: t[0][:2]), r"float64\[2\] for an answer of shape"),
        (lambda: jvp_of(lambda xp, t, ans, x, y: [t[0]]), "returned the tangent list"),
    ],
)
def test_rules_that_return_what_does_not_fit(use: Any, message: str) -> None:
    with pytest.raises(RuleError, match=message):
        use()


def test_a_rule_of_the_op_itself_cannot_be_turned_round() -> None:
    op = pg.define_op("linear", lambda x: 2.0 * x, jvp=lambda xp, t, _ans, _x: op(t[0]))
    close(pg.jvp(op, (X,), (X,))[1], 2 * X)
    with pytest.raises(RuleError, match="applies linear itself to tangents.*pass vjp as well"):
        pg.grad(lambda x: pg.sum(op(x)))(X)
