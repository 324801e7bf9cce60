"""Compiled functions under grad, jvp, vmap and more: compiled too, with the same results."""

import itertools
from typing import Any

import numpy as np
import optree
import pytest
from jit_driver import ROWS, Counted, X, Y, data, equal, inner, mlp, recorded, wavy
from op_driver import differentiable, host, on, precision, put, same, samples
from op_table import Row, all_rows

import polygrad as pg
from polygrad.compile.function import Function
from polygrad.errors import UnknownValueError


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[Function]:
    """The compiled functions that ran, in order."""
    return recorded(monkeypatch)


def scanned(x: Any) -> Any:
    return pg.sum(pg.scan(lambda c, t: (pg.sin(c) * t, c * t), x, pg.asarray(ROWS) * x)[1])


def long_scan(x: Any) -> Any:
    return pg.sum(pg.scan(lambda c, _: (pg.sin(c) * x, None), x, length=30)[0])


@pg.custom_vjp
def clipped(x: Any) -> Any:
    return x * 1.0


clipped.defvjp(lambda x: (clipped(x), x), lambda x, g: (pg.clip(g, -1.0, 1.0) * pg.cos(x),))


@pg.custom_jvp
def softplus(x: Any) -> Any:
    return pg.log(1.0 + pg.exp(x))


@softplus.defjvp
def _softplus_rule(primals: Any, tangents: Any) -> Any:
    return softplus(*primals), tangents[0] * 0.5 * primals[0]  # not the true one


FUNCTIONS = {
    "elementwise": wavy,
    "product": lambda x: pg.sum(pg.tanh(pg.asarray(ROWS) @ x) ** 2),
    "scan": scanned,
    "long scan": long_scan,
    "fori_loop": lambda x: pg.sum(pg.fori_loop(0, 30, lambda i, v: pg.sin(v) + 0.1 * i * x, x)),
    "cond": lambda x: pg.sum(pg.cond(x[0] > 0.2, pg.sin, pg.exp, x) * x),
    "where": lambda x: pg.sum(pg.where(x > 0, x**3, -x)),
    "custom_vjp": lambda x: pg.sum(100.0 * clipped(x) * x),
    "custom_jvp": lambda x: pg.sum(softplus(x) ** 2),
    "checkpoint": lambda x: pg.sum(pg.checkpoint(lambda y: pg.sin(pg.exp(y)))(x) ** 2),
    "solve": lambda x: pg.sum(pg.linalg.solve(pg.asarray(ROWS) + 3.0 * pg.eye(3) * x, x) ** 2),
    "jit inside": lambda x: pg.jit(inner)(x, pg.asarray(Y)) ** 2,
    "grad inside": lambda x: pg.sum(pg.grad(inner)(x, pg.asarray(Y)) ** 2),
    "loss": lambda x: mlp([x * pg.asarray(ROWS), x], pg.asarray(ROWS), pg.asarray([0, 2, 1])),
}  # fmt: skip
TRANSFORMS: dict[str, Any] = {
    "grad": lambda f: lambda x: pg.sum(pg.grad(f)(x) * pg.cos(x)),
    "jvp": lambda f: lambda x: pg.jvp(f, (x,), (pg.cos(x),))[1],
    "vmap": lambda f: lambda x: pg.sum(pg.vmap(f)(pg.stack([x, x * 0.5]))),
    "linearize": lambda f: lambda x: pg.linearize(f, x)[1](pg.cos(x)),
    "checkpoint": pg.checkpoint,
}
FIRST = {**TRANSFORMS, "value_and_grad": pg.value_and_grad, "hessian": pg.hessian,
         "jacfwd": pg.jacfwd, "jit": pg.jit}  # fmt: skip


@pytest.mark.parametrize("transform", FIRST)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_compiled_equals_plain(name: str, transform: str, ran: list[Function]) -> None:
    counted = Counted(FUNCTIONS[name])
    compiled = FIRST[transform](pg.jit(counted))
    plain = FIRST[transform](FUNCTIONS[name])
    for x in (X, Y, X):
        equal(compiled(x), plain(x))
    equal(compiled(pg.asarray(X)), plain(pg.asarray(X)))
    if transform not in ("jit", "grad", "value_and_grad"):  # those are one program
        assert ran
    assert counted.runs <= 2  # traced once for each kind of arguments


@pytest.mark.parametrize("nested", list(itertools.product(TRANSFORMS, repeat=3)), ids="-".join)
def test_nested(nested: tuple[str, ...]) -> None:
    counted = Counted(FUNCTIONS["elementwise"])
    compiled: Any = pg.jit(counted)
    plain: Any = FUNCTIONS["elementwise"]
    for name in nested:
        compiled, plain = TRANSFORMS[name](compiled), TRANSFORMS[name](plain)
    for x in (X, Y):
        equal(compiled(x), plain(x))
    assert counted.runs == 1


FOURTH = [
    ("grad",) * 4, ("jvp",) * 4, ("grad", "vmap", "jvp", "grad"),
    ("linearize", "grad", "vmap", "grad"), ("vmap", "jvp", "checkpoint", "grad"),
]  # fmt: skip


@pytest.mark.parametrize("nested", FOURTH, ids="-".join)
def test_fourth_order(nested: tuple[str, ...]) -> None:
    compiled: Any = pg.jit(FUNCTIONS["elementwise"])
    plain: Any = FUNCTIONS["elementwise"]
    for name in nested:
        compiled, plain = TRANSFORMS[name](compiled), TRANSFORMS[name](plain)
    equal(compiled(X), plain(X))


@pytest.mark.parametrize("row", all_rows(), ids=str)
def test_gradients_over_the_op_table(row: Row) -> None:
    """The vjp of each compiled op: its own rules, written out as a program."""
    if row.gradient != "yes":
        return
    with on("cpu") as place, np.errstate(all="ignore"):
        for case, dtype, given in samples(row):
            if dtype != "float64" or case.needs:
                continue
            args, kwargs = put((given, case.kwargs), place, True)
            leaves, spec = optree.tree_flatten(args)
            places = differentiable(row, args)

            def f(*some: Any, places=places, leaves=leaves, spec=spec, kwargs=kwargs) -> Any:
                full = [pg.asarray(a) if pg.is_array(a) else a for a in leaves]
                for i, x in zip(places, some, strict=True):
                    full[i] = x
                outs = optree.tree_leaves(
                    row.function(*optree.tree_unflatten(spec, full), **kwargs)
                )
                return [o for o in outs if pg.is_array(o) and pg.isdtype(o.dtype, "real floating")]

            chosen = [leaves[i] for i in places]
            if not places or not f(*chosen):
                continue
            try:
                outs, pullback = pg.vjp(pg.jit(f), *chosen)
            except UnknownValueError:
                continue  # refused under jit with or without a gradient
            expected, plain = pg.vjp(f, *chosen)
            same(host(outs), host(expected), max(precision(row, dtype), 1e-12), case)
            seeds = [o * 0 + 0.5 + 0.1 * i for i, o in enumerate(expected)]
            same(host(pullback(seeds)), host(plain(seeds)), 1e-9, case)


# -- it is compiled --------------------------------------------------------------------------------


def test_a_training_step() -> None:
    w, x, labels = data()
    counted = Counted(mlp)
    step = pg.value_and_grad(pg.jit(counted))
    for _ in range(20):
        loss, slopes = step(w, x, labels)
        equal((loss, slopes), pg.value_and_grad(mlp)(w, x, labels))
        w = [a - 0.1 * g for a, g in zip(w, slopes, strict=True)]
    assert counted.runs == 1


def test_the_tape_has_one_node_and_keeps_what_the_backward_pass_reads(ran: list[Function]) -> None:
    w, x, labels = data()
    compiled = pg.jit(mlp)
    seen: list[Any] = []

    def loss(w: Any) -> Any:
        out = compiled(w, x, labels)
        seen.append(out._node.parents[0])
        return 2.0 * out

    for _ in range(3):
        equal(pg.grad(loss)(w), pg.grad(lambda w: 2.0 * mlp(w, x, labels))(w))
    assert [node.op.name for node in seen] == ["jit"] * 3
    assert len(seen[0].parents) == 8
    assert {f.graph.name for f in ran} == {"mlp"}
    kept = [a.shape for a in seen[0].args if hasattr(a, "shape")]
    assert sorted(kept) == sorted([*[a.shape for a in w[::2]][1:], (5, 6), (5, 8), (5, 8), (5, 3)])


def test_per_example_gradients() -> None:
    w, x, labels = data()
    counted = Counted(lambda w, x, label: mlp(w, x[None, :], label[None]))
    for f in (pg.grad(pg.jit(counted)), pg.jit(pg.grad(counted))):
        each = pg.vmap(f, in_axes=(None, 0, 0))
        for _ in range(2):
            got = each(w, x, labels)
            equal(got, pg.vmap(pg.grad(counted.f), in_axes=(None, 0, 0))(w, x, labels))
    assert counted.runs == 2
    equal([pg.mean(pg.asarray(g), axis=0) for g in got],
          [pg.asarray(g) for g in pg.grad(mlp)(w, x, labels)])  # fmt: skip


def test_vmap_axes() -> None:
    f = lambda x, y, z: {"a": pg.sum(x * y) * z, "shared": z * 2.0, "n": 3}
    x, y, z = np.ones((3, 2)) * X[:, None], ROWS[:, :2].T.copy(), np.asarray(2.0)
    for in_axes, out_axes in (((0, 1, None), 0), ((0, None, None), {"a": 0, "shared": 0, "n": 0})):
        args = (x, y if in_axes[1] == 1 else y[0, :2], z)
        got = pg.vmap(pg.jit(f), in_axes, out_axes)(*args)
        equal(got, pg.vmap(f, in_axes, out_axes)(*args))
    outer = pg.vmap(pg.vmap(pg.jit(lambda a, b: a * b), (None, 0)), (0, None))
    equal(outer(X, Y), np.outer(X, Y))


def test_linearize_computes_the_function_once(ran: list[Function]) -> None:
    f = FUNCTIONS["product"]
    out, push = pg.linearize(pg.jit(f), X)
    ran.clear()
    for t in (X, Y):
        equal(push(t), pg.jvp(f, (X,), (t,))[1])
    names = {e.op.name for f in ran for e in f.graph.equations}
    assert ran
    assert "tanh" not in names
    equal(out, pg.jit(f)(X))


# -- other libraries -------------------------------------------------------------------------------


@pytest.mark.parametrize("device", [
    "strict:device1",
    pytest.param("torch", marks=pytest.mark.backends),
    pytest.param("jax", marks=pytest.mark.backends),
])  # fmt: skip
def test_other_libraries(device: str, ran: list[Function]) -> None:
    with on(device) as place:
        w, x, labels = put(data("float32"), place, False)
        rows = pg.stack([x, 2.0 * x])
        j = pg.jit(mlp)
        for run in (
            lambda f: pg.value_and_grad(f)(w, x, labels),
            lambda f: pg.grad(lambda w: 2.0 * f(w, x, labels))(w),
            lambda f: pg.vmap(lambda x: pg.grad(f)(w, x, labels))(rows),
            lambda f: pg.jvp(lambda w: f(w, x, labels), (w,), (w,)),
        ):
            for _ in range(2):
                got, expected = run(j), run(mlp)
                for a, b in zip(pg.tree.leaves(got), pg.tree.leaves(expected), strict=True):
                    assert (type(a), a.dtype, a.device) == (type(b), b.dtype, b.device)
                    np.testing.assert_allclose(pg.to_numpy(a), pg.to_numpy(b), rtol=2e-4, atol=1e-5)
        assert ran
