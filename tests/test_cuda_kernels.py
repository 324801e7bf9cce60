"""CUDA kernels without a GPU: compiled by NVRTC, and run on the host, where they agree with NumPy.

The host (tests/cuda_on_host) compiles the same source with a C++ compiler and goes through a grid
block by block. What a GPU has to show is in tests/test_gpu.py.
"""

import functools
import itertools
import warnings

import numpy as np
import optree
import pytest
from cuda_on_host.machine import COMPILER, Machine
from op_driver import differentiable, host, precision, same, samples
from op_table import all_rows

import polygrad as pg
from polygrad.backends.numpy import NumpyBackend
from polygrad.compile.cuda import elements
from polygrad.compile.cuda.elements import PRELUDE
from polygrad.compile.cuda.program import Program
from polygrad.compile.passes import optimise
from polygrad.compile.passes.expand import expand
from polygrad.compile.signature import Arguments
from polygrad.compile.traced import Traced
from polygrad.core.op import OPS
from polygrad.errors import CaptureWarning, PolygradError

needs_compiler = pytest.mark.skipif(COMPILER is None, reason="there is no C++ compiler")
ARCHITECTURES = ("sm_80", "sm_90")


@pytest.fixture(autouse=True)
def _quiet():
    with np.errstate(all="ignore"):
        yield


@pytest.fixture
def machine(monkeypatch):
    """NumPy arrays as if they were on a GPU: pg.jit makes kernels, which run on the host."""
    if COMPILER is None:
        pytest.skip("there is no C++ compiler")
    made = Machine()
    monkeypatch.setattr(NumpyBackend, "target", lambda self: made)
    return made


# -- programs of the op table, all of them compiled at once ----------------------------------------


def traced(f, args):
    split = Arguments(f, (), (), ()).split(args, {})
    return Traced(f, split, "f"), split.leaves


def program_of(one, target, prefix="k"):
    graph = optimise(expand(optimise(one.graph)))
    backend = pg.device("cpu").backend
    return Program(graph, one.donated, backend, target, prefix)


def loss_of(row, f, args):
    """A real function of the operands with a derivative, and those operands."""
    leaves, spec = optree.tree_flatten(args)
    places = differentiable(row, args)

    def loss(*arrays):
        full = list(leaves)
        for i, array in zip(places, arrays, strict=True):
            full[i] = array
        outs = optree.tree_leaves(f(*optree.tree_unflatten(spec, full)))
        outs = [o for o in outs if pg.is_array(o) and pg.isdtype(o.dtype, "real floating")]
        return sum((pg.sum(o * o) for o in outs), start=pg.sum(pg.real(arrays[0])))

    return loss, [leaves[i] for i in places]


def calls():
    """Functions and arguments: each row in single and double precision, and a gradient of it."""
    for row in all_rows():
        seen = set()
        for case, dtype, args in samples(row):
            arrays = any(map(pg.is_array, optree.tree_leaves(args)))
            if "complex" in dtype or (dtype in seen and dtype != "float64") or not arrays:
                continue
            new = dtype not in seen
            seen.add(dtype)
            f = functools.partial(row.function, **case.kwargs)
            yield row, dtype, f, args
            if new and dtype == "float64" and row.gradient == "yes":
                loss, chosen = loss_of(row, f, args)
                if chosen:
                    yield row, dtype, pg.grad(loss, argnums=tuple(range(len(chosen)))), chosen


@pytest.fixture(scope="module")
def table():
    """The programs of the op table that have kernels: (row, dtype, f, args, traced, program)."""
    target, found = Machine(), []
    with np.errstate(all="ignore"):
        for row, dtype, f, args in calls():
            try:
                one, _ = traced(f, tuple(args))
            except PolygradError:  # its shapes or its steps depend on values
                continue
            program = program_of(one, target, f"r{len(found)}_")
            if program.texts():
                found.append((row, dtype, f, tuple(args), one, program))
    return found


def sources(programs, size=300):
    """Sources with kernels of all programs, equal ones once; and which kernel stands for which."""
    first, stands, texts = {}, {}, {}
    for program in programs:
        for name, text in program.texts().items():
            known = first.setdefault(text.replace(name, "k", 1), name)
            stands[name] = known
            if known == name:
                texts[name] = text
    names = list(texts)
    found = [{n: texts[n] for n in names[i : i + size]} for i in range(0, len(names), size)]
    return found, stands


@pytest.mark.slow
@needs_compiler
def test_every_row_of_the_op_table_agrees_with_numpy(table):
    found, stands = sources([entry[-1] for entry in table])
    kernels = {}
    for texts in found:
        source = PRELUDE + "".join(texts.values())
        kernels |= Machine(optimise="-O0").load(source, list(texts))
    for *_, program in table:
        program._kernels = {name: kernels[stands[name]] for name in program.texts()}
    for row, dtype, f, args, one, program in table:
        _, leaves = traced(f, args)
        for _ in range(2):
            got = one.outputs(program.run(*one.inputs(leaves)))
        expected = f(*args)
        rtol = max(precision(row, dtype), 1e-12)
        same(host(got), host(expected), rtol, (row, dtype, args))


def test_the_op_table_covers_the_ops_that_have_an_expression(table):
    run = {
        equation.op.name
        for *_, program in table
        for equation in program.graph.equations
        if not program.schedule.fixed.get(equation.outputs[0])
    }
    tables = (
        elements._FUNCTIONS, elements._FLOAT, elements._INTEGER, elements._ORDER,
        elements.COMPARISONS, elements._LOGICAL, elements._TESTS,
    )  # fmt: skip
    known = {name for one in tables for name in one if name in OPS}
    assert known - run == set()
    assert {"sum", "max", "prod", "all", "where", "getitem", "astype", "broadcast_to"} <= run


# -- NVRTC -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def nvrtc():
    try:
        from cupy.cuda import nvrtc
    except Exception as error:
        pytest.skip(f"CuPy cannot be imported ({type(error).__name__}: {error})")
    try:
        nvrtc.getVersion()
    except Exception as error:
        pytest.skip(f"NVRTC is not installed: {str(error).splitlines()[0]}")
    return nvrtc


def compiles(nvrtc, source, architecture):
    from polygrad.backends.cupy_compiler import OPTIONS

    program = nvrtc.createProgram(source, "kernels.cu", [], [])
    try:
        nvrtc.compileProgram(program, [f"-arch={architecture}", *OPTIONS])
        return len(nvrtc.getCUBIN(program))
    except Exception as error:
        raise AssertionError(f"{error}\n{nvrtc.getProgramLog(program)[:3000]}") from None
    finally:
        nvrtc.destroyProgram(program)


@pytest.mark.backends  # which installs NVRTC
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_kernels_of_the_op_table_compile_by_nvrtc(nvrtc, table, architecture):
    for texts in sources([entry[-1] for entry in table])[0]:
        assert compiles(nvrtc, PRELUDE + "".join(texts.values()), architecture) > 1000


@pytest.mark.backends  # which installs NVRTC
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("name", ["tiny", "mnist", "chain"])
def test_kernels_of_training_steps_and_the_chain_compile_by_nvrtc(nvrtc, name, architecture):
    f, args = CASES[name]()
    program = program_of(traced(f, args)[0], Machine())
    source = PRELUDE + "".join(program.texts().values())
    assert compiles(nvrtc, source, architecture) > 1000


def test_nvrtc_refuses_what_is_wrong(nvrtc):
    with pytest.raises(AssertionError, match="error"):
        compiles(nvrtc, PRELUDE + 'extern "C" __global__ void k(float* p) { p[0] = q; }', "sm_80")


# -- programs --------------------------------------------------------------------------------------


def mlp(batch, sizes):
    rng = np.random.default_rng(0)
    weights = []
    for n, m in itertools.pairwise(sizes):
        weights += [(rng.standard_normal((n, m)) * 0.2).astype("f4"), np.zeros(m, np.float32)]
    x = rng.standard_normal((batch, sizes[0])).astype(np.float32)
    return weights, x, rng.integers(0, sizes[-1], batch)


def loss(weights, x, labels):
    for i in range(0, len(weights) - 2, 2):
        x = pg.tanh(x @ weights[i] + weights[i + 1])
    return pg.mean(pg.nn.softmax_cross_entropy(x @ weights[-2] + weights[-1], labels))


def step(weights, x, labels, rate):
    value, gradient = pg.value_and_grad(loss)(weights, x, labels)
    return value, [w - rate * g for w, g in zip(weights, gradient, strict=True)]


def chain(x):
    return pg.grad(lambda x: pg.sum(pg.tanh(x) * pg.exp(-(x**2)) + pg.log1p(x**2)))(x)


CASES = {
    "tiny": lambda: (step, (*mlp(8, (16, 32, 32, 4)), 0.1)),
    "mnist": lambda: (step, (*mlp(128, (784, 256, 128, 10)), 0.1)),
    "chain": lambda: (chain, (np.linspace(-3, 3, 10**6, dtype=np.float32),)),
}


def close(got, expected, rtol=2e-5, atol=1e-6):
    for a, b in zip(optree.tree_leaves(got), optree.tree_leaves(expected), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


@pytest.mark.parametrize("name", sorted(CASES))
def test_training_steps_and_the_chain_agree_with_eager(machine, name):
    f, args = CASES[name]()
    j = pg.jit(f)
    for _ in range(3):
        close(j(*args), f(*args))


def test_the_chain_is_one_kernel(machine):
    launches = pg.jit(chain).lower(np.linspace(-1, 1, 1000)).launches
    assert (launches.kernels, launches.enqueued) == (1, 1)


def test_the_numpy_program_has_no_launches():
    assert pg.jit(chain).lower(np.ones(3)).launches is None


def test_a_replayed_graph_takes_new_inputs_and_numbers_and_leaves_old_results_alone(machine):
    def f(x, rate):
        y = pg.exp(x) / pg.sum(pg.exp(x), axis=-1, keepdims=True)
        return y, pg.sum(y * rate, axis=0), x * rate

    j, kept = pg.jit(f), []
    for seed in range(4):
        x = np.random.default_rng(seed).standard_normal((6, 50))
        kept.append((j(x, seed + 0.5), f(x, seed + 0.5)))
    assert machine.log.count("graph") == 3
    for got, expected in kept:
        close(got, expected, 1e-13, 1e-14)


def test_without_capture_there_is_one_warning_and_the_same_result(machine):
    machine.captures = False
    f = lambda x: pg.exp(x) / pg.sum(pg.exp(x))
    j, x = pg.jit(f), np.arange(4.0)
    j(x)
    with pytest.warns(CaptureWarning, match="without CUDA graphs.*RuntimeError: operation not"):
        j(x)
    assert j.lower(x).launches.graphs == 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        close(j(x + 1), f(x + 1), 1e-14)


def test_buffers_belong_to_a_stream(machine):
    j = pg.jit(lambda x: pg.exp(x) / pg.sum(pg.exp(x)))
    x = np.arange(4.0)
    for machine.stream in (0, 1, 0, 1):
        j(x)
    runs = j.lower(x)._kernels._idle
    assert sorted(runs) == [0, 1]
    (a,), (b,) = runs.values()
    assert not any(np.may_share_memory(p, q) for p in a.buffers for q in b.buffers)


def test_a_donated_array_is_written_over(machine):
    j = pg.jit(lambda w, g: w - 0.1 * g, donate_argnums=0)
    w, g = np.ones(5), np.arange(5.0)
    out = j(w, g)
    assert np.may_share_memory(out, w)
    np.testing.assert_allclose(out, 1 - 0.1 * np.arange(5.0))
    shifted = pg.jit(lambda w: w[::-1] + w, donate_argnums=0)  # reads other elements, too
    w = np.arange(5.0)
    np.testing.assert_array_equal(shifted(w), [4.0] * 5)


def test_results_share_no_memory(machine):
    j = pg.jit(lambda x: (x + 1.0, x + 1.0, pg.reshape(x + 1.0, (-1,)), x, x.T))
    x = np.arange(6.0).reshape(2, 3)
    outs = j(x) + j(x)
    for a, b in itertools.combinations([x, *outs], 2):
        assert not np.may_share_memory(a, b)
    close(outs[:5], (x + 1, x + 1, (x + 1).ravel(), x, x.T))


def test_complex_numbers_and_other_ops_run_by_the_library(machine):
    def f(x, z):
        return pg.sort(pg.exp(x)) * 2.0, z * z, pg.abs(z) + x, pg.linalg.inv(pg.eye(3) + x)

    x, z = np.array([0.3, -1.0, 2.0]), np.array([1 + 2j, 0.5, -1j])
    j = pg.jit(f)
    for _ in range(3):
        close(j(x, z), f(x, z), 1e-13)
    assert j.lower(x, z).launches.library >= 3


def test_inputs_in_another_order_and_empty_arrays(machine):
    f = lambda x: (pg.exp(x) + 1.0, pg.sum(x, axis=0), pg.sum(x, axis=1))
    for x in (np.arange(12.0).reshape(3, 4).T, np.arange(12.0)[::-2].reshape(2, 3),
              np.zeros((0, 3)), np.zeros((3, 0))):  # fmt: skip
        j = pg.jit(f)
        for _ in range(2):
            close(j(x), f(x), 1e-14)


def test_errors_are_those_of_the_op(machine):
    with pytest.raises(PolygradError, match="max"):
        pg.jit(lambda x: pg.max(x, axis=0))(np.zeros((0, 2)))


# -- numbers ---------------------------------------------------------------------------------------

SPECIAL = (0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 2.5, 3.0, 1e-30, 88.0, -104.0, 1e30, np.inf, -np.inf,
           np.nan)  # fmt: skip
UNARY = (
    "exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "sin", "cos", "tan", "asin", "acos",
    "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "abs", "floor", "ceil", "trunc",
    "round", "sign", "square", "reciprocal", "negative", "isnan", "isinf", "isfinite", "signbit",
    "logical_not",
)  # fmt: skip
BINARY = (
    "add", "subtract", "multiply", "divide", "floor_divide", "remainder", "pow", "atan2", "hypot",
    "copysign", "nextafter", "logaddexp", "maximum", "minimum", "less", "less_equal", "equal",
    "not_equal", "greater", "greater_equal", "logical_and", "logical_or", "logical_xor",
)  # fmt: skip
INTEGER = (
    "add", "subtract", "multiply", "floor_divide", "remainder", "maximum", "minimum", "less",
    "equal", "bitwise_and", "bitwise_or", "bitwise_xor",
)  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_special_and_random_values(machine, dtype):
    rng = np.random.default_rng(1)
    x = np.concatenate([np.array(SPECIAL), rng.standard_normal(50) * 10]).astype(dtype)
    a, b = (one.ravel() for one in np.meshgrid(x, x))
    rtol = 3e-6 if dtype == "float32" else 1e-13

    def f(x, a, b):
        one = [getattr(pg, name)(x) for name in UNARY]
        return one + [getattr(pg, name)(a, b) for name in BINARY]

    for name, got, expected in zip(UNARY + BINARY, pg.jit(f)(x, a, b), f(x, a, b), strict=True):
        assert got.dtype == expected.dtype, name
        np.testing.assert_allclose(got, expected, rtol=rtol, atol=0, err_msg=name)
        if name not in ("pow", "sign", "maximum", "minimum", "remainder"):
            known = ~np.isnan(expected)
            np.testing.assert_array_equal(np.signbit(got[known]), np.signbit(expected[known]), name)


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint8", "uint32", "uint64"])
def test_integers_wrap_and_divide_by_zero(machine, dtype):
    info = np.iinfo(dtype)
    x = np.array([info.min, info.max, 0, 1, 2, 3, 7, info.max // 2], dtype)
    a, b = (one.ravel() for one in np.meshgrid(x, x))
    f = lambda a, b: [getattr(pg, name)(a, b) for name in INTEGER] + [pg.abs(a), pg.sum(a), -b]
    for number, (got, expected) in enumerate(zip(pg.jit(f)(a, b), f(a, b), strict=True)):
        assert got.dtype == expected.dtype
        np.testing.assert_array_equal(got, expected, str(number))


@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        ((5000,), None), ((70, 40), None), ((7, 300), 1), ((300, 7), 0), ((3, 100, 5), 1),
        ((3, 50, 4), (0, 2)), ((3, 5), 1), ((2, 9000), 1), ((1, 1), 0), ((6, 1, 40), 2),
        ((2000, 900), 0),
    ],
)  # fmt: skip
def test_reductions(machine, shape, axis):
    x = np.random.default_rng(2).standard_normal(shape)
    x.flat[1 % x.size] = np.nan

    def f(x):
        y = pg.where(pg.isnan(x), 0.5, x)
        return (
            pg.sum(y * y, axis=axis), pg.max(x, axis=axis), pg.min(y, axis=axis),
            pg.all(y < 3.0, axis=axis), pg.any(y > 3.0, axis=axis, keepdims=True),
            pg.sum(pg.astype(y > 0, pg.int32), axis=axis), pg.mean(y, axis=axis), y + 1.0,
            pg.prod(1.0 + y * 1e-6, axis=axis),
        )  # fmt: skip

    j = pg.jit(f)
    for _ in range(2):
        close(j(x), f(x), 1e-12)
    assert j.lower(x).launches.library == 0


def test_a_long_single_precision_sum_stays_accurate(machine):
    x = np.full((40_000, 3), 0.1, np.float32)
    got = pg.jit(lambda x: pg.sum(x, axis=0))(x)
    np.testing.assert_allclose(got, x.sum(0, dtype=np.float64), rtol=1e-5)
