"""jacfwd, jacrev, jacobian, hessian, hvp and linearize: on the op table, on pytrees, bad input."""

import collections
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
from op_driver import (
    WHOLE_TABLE,
    differentiable,
    function_of,
    host,
    on,
    pairs,
    put,
    runs,
    samples,
)
from op_table import Row, all_rows

import polygrad as pg
from polygrad.core.trace import Trace, bind
from polygrad.errors import (
    ArgumentTypeError,
    ArgumentValueError,
    DTypeError,
    NonScalarError,
    ShapeError,
    TreeError,
)

ROWS = [row for row in all_rows() if row.gradient == "yes"]
DEVICES = ["cpu", "strict:device1"]


def close(got: Any, expected: Any, rtol: float = 1e-12, atol: float = 1e-12) -> None:
    got = pg.to_numpy(got) if pg.is_array(got) else got
    np.testing.assert_allclose(got, expected, rtol=rtol, atol=atol)


# -- across the op table ------------------------------------------------------------------------


def real_function(row: Row, case: Any, args: Any) -> tuple[Any, list[Any]]:
    """A row's case as a function of real arrays with real outputs: complex ones in two parts."""
    places = differentiable(row, args)
    f, leaves = function_of(row, case, args, places)
    parts: list[Any] = []
    for x in leaves:
        parts += [pg.real(x), pg.imag(x)] if pg.asarray(x).dtype.is_complex else [x]

    def g(*xs: Any) -> list[Any]:
        rest, given = list(xs), []
        for x in leaves:
            one = rest.pop(0)
            given.append(one + 1j * rest.pop(0) if pg.asarray(x).dtype.is_complex else one)
        outs = [y for y in f(*given) if pg.is_array(y) and pg.asarray(y).dtype.is_inexact]
        flat = []
        for y in outs:
            flat += [pg.real(y), pg.imag(y)] if y.dtype.is_complex else [y]
        return flat

    return g, [pg.asarray(part) for part in parts]


def difference_quotients(g: Any, xs: list[Any], eps: float) -> list[list[Any]]:
    """The Jacobian of each output by each input, an element at a time."""
    host_xs = [pg.to_numpy(x) for x in xs]
    device = xs[0].device
    outs = [pg.to_numpy(y) for y in g(*xs)]
    found = [[np.zeros(y.shape + x.shape) for x in host_xs] for y in outs]
    for i, x in enumerate(host_xs):
        for place in np.ndindex(x.shape):
            ends = []
            for step in (eps, -eps):
                moved = [pg.asarray(a, device=device) for a in host_xs]
                changed = x.copy()
                changed[place] += step
                moved[i] = pg.asarray(changed, device=device)
                ends.append([pg.to_numpy(y) for y in g(*moved)])
            for k, (above, below) in enumerate(zip(*ends, strict=True)):
                found[k][i][(..., *place)] = (above - below) / (2 * eps)
    return found


def cases(row: Row, device: Any, limit: int) -> Iterator[tuple[Any, Any, Any]]:
    """Up to ``limit`` smooth cases of a row in double precision, small enough for a loop."""
    done = 0
    for case, dtype, given in samples(row):
        if dtype not in ("float64", "complex128") or not case.smooth or not runs(case, device):
            continue
        args = put(given, device, raw=False)
        if not differentiable(row, args) or done >= limit:
            continue
        g, xs = real_function(row, case, args)
        if 0 < sum(x.size for x in xs) <= 40:
            done += 1
            yield case, g, xs


def check_jacobians(row: Row, name: str, limit: int) -> None:
    with on(name) as device, np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.filterwarnings("error", message="vmap: .* has no batch rule")
        for case, g, xs in cases(row, device, limit):
            numbers = tuple(range(len(xs)))
            forward = host(pg.jacfwd(g, numbers)(*xs))
            reverse = host(pg.jacrev(g, numbers)(*xs))
            expected = difference_quotients(g, xs, row.eps or 1e-6)
            for k, outs in enumerate(expected):
                for i, e in enumerate(outs):
                    where = (case, f"output {k}", f"input {i}")
                    np.testing.assert_allclose(
                        forward[k][i], reverse[k][i], rtol=1e-8, atol=1e-9, err_msg=str(where)
                    )
                    np.testing.assert_allclose(
                        forward[k][i], e, rtol=2e-5, atol=2e-5, err_msg=str(where)
                    )


@pairs(ROWS, one_in=16)
def test_jacfwd_equals_jacrev_equals_finite_differences(row: Row, device: str) -> None:
    check_jacobians(row, device, limit=2 if device == "cpu" or WHOLE_TABLE else 1)


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS, ids=repr)
def test_all_cases_of_the_table(row: Row) -> None:
    check_jacobians(row, "cpu", limit=1000)


def check_hessian(row: Row, name: str, limit: int) -> None:
    with on(name) as device, np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.filterwarnings("error", message="vmap: .* has no batch rule")
        for case, g, xs in cases(row, device, limit):
            if row.order < 2:
                continue

            def loss(*xs: Any, g: Any = g) -> Any:
                total = 0.0
                for y in g(*xs):
                    weights = pg.cos(pg.arange(y.size, dtype="float64") + 0.3)
                    total = total + pg.sum(pg.reshape(y, (-1,)) * weights)
                return total

            numbers = tuple(range(len(xs)))
            found = host(pg.hessian(loss, numbers)(*xs))
            for i in range(len(xs)):
                for j, y in enumerate(xs):
                    turned = np.moveaxis(found[j][i], range(y.ndim), range(-y.ndim, 0))
                    np.testing.assert_allclose(
                        found[i][j], turned, rtol=1e-7, atol=1e-8, err_msg=f"{case} {i} {j}"
                    )
            steps = [pg.arange(x.size, dtype=x.dtype) for x in xs]
            directions = tuple(
                pg.cos(pg.reshape(k * 2.4, x.shape)) for k, x in zip(steps, xs, strict=True)
            )
            product = host(pg.hvp(loss, tuple(xs), directions))
            for i, p in enumerate(product):
                expected = sum(
                    np.tensordot(found[i][j], host(v), axes=v.ndim)
                    for j, v in enumerate(directions)
                )
                np.testing.assert_allclose(p, expected, rtol=1e-7, atol=1e-7, err_msg=str(case))
            gradient = lambda *xs, n=numbers, f=loss: list(pg.grad(f, n)(*xs))
            for got, expected in zip(
                found, difference_quotients(gradient, xs, row.eps or 1e-6), strict=True
            ):
                for a, b in zip(got, expected, strict=True):
                    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4, err_msg=str(case))


@pairs(ROWS, one_in=16)
def test_hessians_are_symmetric_and_equal_to_finite_differences(row: Row, device: str) -> None:
    check_hessian(row, device, limit=1)


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS, ids=repr)
def test_hessians_of_the_whole_table(row: Row) -> None:
    check_hessian(row, "cpu", limit=6)


def test_the_table_is_not_passed_over() -> None:
    with on("cpu") as device:
        empty = [row.name for row in ROWS if not list(cases(row, device, 1))]
    assert len(empty) < 10, empty


# -- pytrees and kinds --------------------------------------------------------------------------


@pg.tree.dataclass
class Model:
    w: Any
    b: Any
    name: str = pg.tree.static(default="model")


class Pair(NamedTuple):
    first: Any
    second: Any


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("transform", [pg.jacfwd, pg.jacrev, pg.jacobian])
def test_structure_is_outputs_then_arguments(transform: Any, device: str) -> None:
    with pg.device(device):
        model = Model(pg.asarray([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), pg.asarray([0.5, 1.5]))
        x = pg.asarray([1.0, -1.0, 2.0])

        def f(model: Any, x: Any) -> Any:
            y = model.w @ x + model.b
            return {"y": y, "pair": Pair(pg.sum(y), y[0] * 2)}

        found = transform(f)(model, x)
        both = transform(f, argnums=(1, 0))(model, x)
        in_list = transform(f, argnums=[0])(model, x)
    assert type(found["y"]) is Model
    assert found["y"].name == "model"
    assert (found["y"].w.shape, found["y"].b.shape) == ((2, 2, 3), (2, 2))
    assert type(found["pair"]) is Pair
    assert found["pair"].first.w.shape == (2, 3)
    assert found["y"].w.device == device
    close(found["y"].b, np.eye(2))
    close(found["y"].w, np.einsum("ij,k->ijk", np.eye(2), [1.0, -1.0, 2.0]))
    close(found["pair"].second.b, [2.0, 0.0])
    assert isinstance(both["y"], tuple)
    close(both["y"][0], [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    close(both["y"][1].b, np.eye(2))
    assert isinstance(in_list["y"], tuple)


@pytest.mark.parametrize("transform", [pg.jacfwd, pg.jacrev, pg.jacobian, pg.hessian])
def test_leaves_without_a_derivative_get_none(transform: Any) -> None:
    p = {"x": np.asarray([1.0, 2.0]), "n": 3, "i": np.asarray([1, 0]), "s": "text"}
    found = transform(lambda p: p["x"][p["i"]] ** p["n"])(p)
    assert [found[key] if transform is not pg.hessian else found["x"][key] for key in "nis"] == [
        None
    ] * 3
    if transform is not pg.hessian:
        close(found["x"], [[0.0, 12.0], [3.0, 0.0]])
        assert type(found["x"]) is np.ndarray


@pytest.mark.parametrize("transform", [pg.jacfwd, pg.jacrev, pg.jacobian, pg.hessian])
def test_kinds_dtypes_and_memory(transform: Any) -> None:
    assert type(transform(lambda x: x * x)(3.0)) is float
    x = np.asarray([1.0, 2.0], dtype="float32")
    found = transform(lambda x: x * x * x)(x)
    assert type(found) is np.ndarray
    assert found.dtype == np.float32
    found += 1.0  # writable memory of its own
    assert type(transform(lambda x: x * x)(pg.asarray(x))) is pg.Array
    f = lambda x, scale: x * scale["s"]
    close(transform(f)(x, scale={"s": 2.0}), 2 * np.eye(2) if transform is not pg.hessian else 0.0)


@pytest.mark.parametrize("transform", [pg.jacfwd, pg.jacrev, pg.jacobian])
def test_empty_and_constant_outputs(transform: Any) -> None:
    x = np.asarray([1.0, 2.0])
    assert transform(lambda x: x[:0])(x).shape == (0, 2)
    assert transform(lambda x: pg.concat([x, pg.ones(2)]))(x[:0]).shape == (2, 0)
    close(transform(lambda x: pg.ones((2, 2)))(x), np.zeros((2, 2, 2)))
    close(transform(lambda x: [x[:1], pg.ones(3)])(x)[1], np.zeros((3, 2)))


def test_has_aux() -> None:
    x = np.asarray([1.0, 2.0])

    def f(x: Any) -> Any:
        return x[:1] * x[1], {"sum": pg.sum(x), "note": "fine", "x": x}

    for transform in (pg.jacfwd, pg.jacrev, pg.jacobian, pg.hessian):
        found, aux = transform(f, has_aux=True)(x)
        assert aux["note"] == "fine"
        assert type(aux["x"]) is np.ndarray
        close(aux["sum"], 3.0)
        assert found.shape == ((1, 2, 2) if transform is pg.hessian else (1, 2))
    g = lambda x: (pg.sum(x**3), x * 2)
    product, aux = pg.hvp(g, (x,), (x,), has_aux=True)
    close(product[0], 6 * x * x)
    close(aux, 2 * x)
    out, f_jvp, aux = pg.linearize(f, x, has_aux=True)
    close(out, [2.0])
    close(f_jvp(x), [4.0])
    assert aux["note"] == "fine"
    assert type(aux["x"]) is np.ndarray
    out, tangent, aux = pg.jvp(f, (x,), (x,), has_aux=True)
    close(tangent, [4.0])
    close(aux["sum"], 3.0)


def test_jacobian_picks_the_cheaper_mode() -> None:
    """Forward mode sees the function once more; reverse mode runs it once."""
    runs: list[int] = []

    def f(x: Any) -> Any:
        runs.append(1)
        return pg.reshape(pg.sum(x), (1,)) if x.size > 1 else pg.stack([x[0], x[0] ** 2])

    close(pg.jacobian(f)(np.ones(3)), [[1.0, 1.0, 1.0]])
    assert len(runs) == 1
    close(pg.jacobian(f)(np.ones(1)), [[1.0], [2.0]])
    assert len(runs) == 3


def test_a_function_runs_once_for_its_jacobian_or_hessian() -> None:
    runs: list[int] = []

    def f(x: Any) -> Any:
        runs.append(1)
        return x * x

    for count, transform in enumerate((pg.jacfwd, pg.jacrev, pg.hessian), 1):
        transform(f)(np.ones(5))
        assert len(runs) == count


# -- hvp ----------------------------------------------------------------------------------------


def network(params: Any, x: Any) -> Any:
    for w, b in params:
        x = pg.tanh(x @ w + b)
    return pg.mean(x**2)


def test_hvp_of_a_network_equals_the_hessian_times_the_vector() -> None:
    rng = np.random.default_rng(0)
    sizes = [3, 4, 2]
    params = [
        (rng.normal(size=(m, n)), rng.normal(size=n))
        for m, n in zip(sizes, sizes[1:], strict=False)
    ]
    v = [(rng.normal(size=w.shape), rng.normal(size=b.shape)) for w, b in params]
    x = rng.normal(size=(5, 3))
    f = lambda params: network(params, x)
    full = pg.hessian(f)(params)
    (product,) = pg.hvp(f, (params,), (v,))
    for i in range(2):
        for k in range(2):
            expected = sum(
                np.tensordot(full[i][k][j][m], v[j][m], axes=v[j][m].ndim)
                for j in range(2)
                for m in range(2)
            )
            close(product[i][k], expected, rtol=1e-10)


def test_hvp_of_several_arguments() -> None:
    f = lambda x, y: pg.sum(x * x * y)
    x, y = np.asarray([1.0, 2.0]), np.asarray([3.0, 4.0])
    gx, gy = pg.hvp(f, (x, y), (x, None))
    close(gx, 2 * y * x)
    close(gy, 2 * x * x)


class Counter(Trace):
    """Below all transforms: counts the ops that run."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: collections.Counter[str] = collections.Counter()

    def input(self, value: Any) -> pg.Array:
        return pg.Array(value, self, None)

    def process(self, op: Any, args: tuple[Any, ...], params: Any) -> Any:
        self.counts[op.name] += 1
        mine = [type(a) is pg.Array and a._trace is self for a in args]
        values = [a._value if yes else a for a, yes in zip(args, mine, strict=True)]
        out = bind(op, tuple(values), params)
        return tuple(map(self.input, out)) if op.multiple else self.input(out)


def test_hvp_leaves_the_gradient_itself_out() -> None:
    """Products of matrices: by the weights 3 in the first layer and 8, by the inputs 3 and 4."""
    rng = np.random.default_rng(0)
    sizes = (5, 4, 3, 2)
    pairs = list(zip(sizes, sizes[1:], strict=False))
    params = [(rng.normal(size=pair), rng.normal(size=pair[1])) for pair in pairs]
    for products, by_weights in ((3 + 8 + 8, True), (3 + 4 + 4, False)):
        counter = Counter()
        x = counter.input(rng.normal(size=(6, 5)))
        given = pg.tree.map(counter.input, params)
        if by_weights:
            pg.hvp(lambda p, x=x: network(p, x), (given,), (given,))
        else:
            pg.hvp(lambda x, p=given: network(p, x), (x,), (x,))
        assert counter.counts["matmul"] == products, counter.counts


def test_hvp_with_rules_that_are_no_derivatives() -> None:
    """The order of the modes matters then: it is that of hessian, times the vector."""
    v = np.asarray([1.0, -2.0])

    @pg.custom_vjp
    def clipped(x: Any) -> Any:
        return x * 1.0

    clipped.defvjp(lambda x: (x * 1.0, x), lambda x, g: (pg.clip(g * x[0], -5.0, 5.0),))

    @pg.custom_jvp
    def odd(x: Any) -> Any:
        return x * 1.0

    odd.defjvp(lambda p, t: (p[0] * 1.0, t[0] * p[0][0] ** 2))
    op = pg.define_op(
        "uneven", lambda x: x * 1.0, vjp=lambda xp, g, _ans, x: g * x[:1], batch="loop"
    )
    for rule in (clipped, odd, op):
        f = lambda x, rule=rule: pg.sum(pg.sin(rule(x)) * x)
        expected = pg.hessian(f)(X) @ v
        assert not np.allclose(expected, pg.hessian(f)(X).T @ v)
        compiled = pg.jit(f)
        pg.jvp(compiled, (X,), (v,))
        for g in (f, pg.checkpoint(f), compiled, lambda x, c=compiled: c(x) * 1.0):
            close(pg.hvp(g, (X,), (v,))[0], expected)
            close(pg.jit(lambda x, v, g=g: pg.hvp(g, (x,), (v,))[0])(X, v), expected)
        assert pg.hvp(lambda x, f=f: (f(x), "aux"), (X,), (v,), has_aux=True)[1] == "aux"


def test_hvp_takes_four_products_for_one() -> None:
    """`python -m benchmarks.hvp` has the time that takes."""
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=(4, 4)) for _ in range(6)]

    def net(x: Any) -> Any:
        for w in weights:
            x = pg.tanh(x @ w)
        return pg.sum(x**2)

    x = rng.normal(size=(3, 4))
    graph = pg.make_graph(lambda x: pg.hvp(net, (x,), (x,)))(x)
    assert sum(e.op.name == "matmul" for e in graph.equations) <= 4 * len(weights)


# -- linearize ----------------------------------------------------------------------------------


@pytest.mark.parametrize("device", DEVICES)
def test_linearize(device: str) -> None:
    runs: list[int] = []

    def f(p: Any, n: int) -> Any:
        runs.append(1)
        return {"y": pg.sin(p["x"]) * p["c"] ** n, "k": 3, "i": pg.argmax(p["x"]), "t": "text"}

    with pg.device(device):
        p = {"x": pg.asarray([0.5, 1.0, 2.0]), "c": 1.5}
        out, f_jvp = pg.linearize(f, p, 2)
        for scale in (1.0, -2.0):
            t = {"x": scale * pg.asarray([1.0, 0.0, -1.0]), "c": scale}
            expected = pg.jvp(f, (p, 2), (t, None))
            found = f_jvp(t, None)
            close(out["y"], pg.to_numpy(expected[0]["y"]))
            close(found["y"], pg.to_numpy(expected[1]["y"]))
            assert (found["k"], found["t"], int(found["i"])) == (0, None, 0)
        close(f_jvp({"x": None, "c": 1.0}, None)["y"], pg.to_numpy(pg.sin(p["x"]) * 3.0))
    assert len(runs) == 3
    assert type(pg.linearize(pg.sin, 0.5)[1](1.0)) is float


def test_linearize_nests() -> None:
    f = lambda x: pg.sum(pg.sin(x) * x[0])
    x, v = np.asarray([0.5, 1.0, 2.0]), np.asarray([1.0, -1.0, 0.5])
    expected = pg.hessian(f)(x) @ v
    close(pg.grad(lambda x: pg.linearize(f, x)[1](v))(x), expected)
    close(pg.linearize(pg.grad(f), x)[1](v), expected)
    close(pg.linearize(lambda x: pg.jvp(f, (x,), (v,))[1], x)[1](v), v @ expected)
    rows = pg.vmap(pg.linearize(pg.grad(f), x)[1])(np.eye(3))
    close(rows, pg.hessian(f)(x))
    f_jvp = pg.linearize(f, x)[1]
    close(pg.grad(f_jvp)(v), pg.grad(f)(x))  # linear: its gradient is that of f, anywhere
    batch = np.stack([x, 2 * x])
    close(
        pg.vmap(lambda x: pg.linearize(f, x)[1](v))(batch),
        [pg.jvp(f, (row,), (v,))[1] for row in batch],
    )


# -- complex numbers ----------------------------------------------------------------------------


def test_holomorphic() -> None:
    z = np.asarray([1.0 + 2.0j, -0.5 + 0.3j])
    f = lambda z: pg.stack([pg.exp(z[0]) * z[1], z[0] ** 2, pg.sum(z)])
    e = np.exp(z[0])
    expected = [[e * z[1], e], [2 * z[0], 0], [1, 1]]
    for transform in (pg.jacfwd, pg.jacrev, pg.jacobian):
        close(transform(f, holomorphic=True)(z), expected)
    g = lambda z: pg.exp(z[0]) * z[1]
    close(pg.hessian(g, holomorphic=True)(z), [[e * z[1], e], [e, 0]])
    x = np.asarray([0.5, 1.5])
    wave = lambda x: pg.exp(1j * x)
    for transform in (pg.jacfwd, pg.jacobian):
        close(transform(wave)(x), np.diag(1j * np.exp(1j * x)))


# -- bad input ----------------------------------------------------------------------------------

X = np.asarray([1.0, 2.0])
Z = X + 1j
ALL = [pg.jacfwd, pg.jacrev, pg.jacobian]


@pytest.mark.parametrize("transform", ALL, ids=lambda t: t.__name__)
@pytest.mark.parametrize(
    ("use", "error", "message"),
    [
        (lambda t: t(3.0), ArgumentTypeError, "got float for the function"),
        (lambda t: t(lambda x: "text")(X), ArgumentTypeError, "returned str 'text', expected"),
        (lambda t: t(lambda x: None)(X), ArgumentTypeError, "returned NoneType None"),
        (lambda t: t(lambda x: 3.0)(X), ArgumentTypeError, "returned float 3.0"),
        (lambda t: t(lambda x: {"a": x, "b": 2})(X), ArgumentTypeError, r"\['b'\] returned int"),
        (lambda t: t(lambda x: float(pg.sum(x).item()))(X), ArgumentTypeError, "without .item()"),
        (lambda t: t(pg.argmax)(X), DTypeError, "returned int64, expected real floating-point"),
        (lambda t: t(lambda x: x > 0)(X), DTypeError, "returned bool"),
        (lambda t: t(lambda z: z * z)(Z), DTypeError, "complex128, expected real .*holomorphic"),
        (lambda t: t(lambda x: x, holomorphic=True)(X), DTypeError, "float64, expected complex"),
        (lambda t: t(pg.real, holomorphic=True)(Z), DTypeError, "float64, expected complex"),
        (lambda t: t(pg.sin)(np.asarray([1, 2])), DTypeError, "nothing to differentiate"),
        (lambda t: t(pg.sin, argnums=1)(X), ArgumentValueError, "argnums: got 1"),
        (lambda t: t(pg.sin, argnums="x")(X), ArgumentTypeError, "argnums: got 'x'"),
        (lambda t: t(pg.sin, has_aux=True)(X), ArgumentTypeError, r"pair \(value, aux\)"),
    ],
)  # fmt: skip
def test_bad_input_of_jacobians(transform: Any, use: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        use(transform)


def test_jacrev_of_complex_outputs_says_what_to_do() -> None:
    with pytest.raises(DTypeError, match="complex128, expected real .*use jacfwd"):
        pg.jacrev(lambda x: pg.exp(1j * x))(X)


@pytest.mark.parametrize(
    ("use", "error", "message"),
    [
        (lambda: pg.hvp(pg.sin, X, (X,)), ArgumentTypeError, r"primals is of type ndarray.*\(x,\)"),
        (lambda: pg.hvp(pg.sum, (X,), X), ArgumentTypeError, "tangents is of type ndarray"),
        (lambda: pg.hvp(pg.sin, (X,), (X,)), NonScalarError, r"shape \(2,\)"),
        (lambda: pg.hvp(pg.sum, (X,), (np.ones(3),)), ShapeError, r"shape \(3,\), expected \(2,\)"),
        (lambda: pg.hvp(pg.sum, (X,), (np.ones(2, dtype="float32"),)), DTypeError, "float32"),
        (lambda: pg.hvp(pg.sum, (X,), ({"a": X},)), DTypeError, "dict"),
        (lambda: pg.hvp(3, (X,), (X,)), ArgumentTypeError, "hvp: got int"),
        (lambda: pg.jvp(pg.sin, (X,), (np.ones(3),)), ShapeError, r"tangents\[0\]: got shape"),
        (lambda: pg.jvp(pg.sin, (X,), (np.asarray([1, 2]),)), DTypeError, "int64, expected"),
        (lambda: pg.jvp(pg.sum, ([X],), ((X,),)), TreeError, "tangents: got the pytree"),
        (lambda: pg.jvp(pg.sum, (X,), (X, X)), TreeError, "tangents: got the pytree"),
        (lambda: pg.linearize(pg.sin, X)[1](np.ones(3)), ShapeError, r"tangents\[0\]"),
        (lambda: pg.linearize(pg.sin, X)[1](Z), DTypeError, "complex128, expected float64"),
        (lambda: pg.linearize(pg.sin, X)[1](X, X), TreeError, "tangents"),
        (lambda: pg.linearize(pg.sin, np.asarray([1])), DTypeError, "nothing to differentiate"),
        (lambda: pg.linearize(3.0, X), ArgumentTypeError, "linearize: got float"),
        (lambda: pg.linearize(pg.sin, X, has_aux=True), ArgumentTypeError, "has_aux"),
        (lambda: pg.jvp(pg.sin, (X,), (X,), has_aux=True), ArgumentTypeError, "has_aux"),
        (lambda: pg.hessian(lambda x: "text")(X), ArgumentTypeError, "text"),
        (lambda: pg.hessian(7), ArgumentTypeError, "hessian: got int"),
    ],
)  # fmt: skip
def test_bad_input(use: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        use()


def test_the_tangent_of_a_constant_is_zero() -> None:
    """Whatever the function returns that is not computed from its arguments."""
    raw = np.asarray([1.0, 2.0])
    tangent = pg.jvp(lambda x: [3.0, raw, 2, 1j, None, "s"], (2.0,), (1.0,))[1]
    assert tangent[0] == 0.0
    close(tangent[1], [0.0, 0.0])
    assert tangent[2:] == [0, 0j, None, None]
