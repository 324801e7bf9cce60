"""Matrix products of the library inside of CUDA graphs: cuBLASLt, for which a stand-in is here.

See tests/test_cuda_products.py for those that are generated.
"""

import gc
import inspect

import numpy as np
import pytest
from cuda_on_host.cublaslt import CublasLt
from cuda_on_host.machine import COMPILER, Machine
from test_cuda_kernels import close
from test_cuda_products import jitted, numbers, turned

import polygrad as pg
from polygrad.backends import cublaslt
from polygrad.backends.numpy import NumpyBackend
from polygrad.compile.cuda import tiles
from polygrad.errors import CaptureWarning


@pytest.fixture
def captured(monkeypatch):
    """A machine with a stand-in for cuBLASLt, to which all products of matrices are left."""
    if COMPILER is None:
        pytest.skip("there is no C++ compiler")
    made = Machine()
    made.products = CublasLt(made)
    monkeypatch.setattr(NumpyBackend, "target", lambda self: made)
    monkeypatch.setattr(tiles, "LIMIT", 0)
    return made


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("a", "b"),
    [((5, 7), (7, 6)), ((3, 5, 7), (3, 7, 4)), ((3, 5, 7), (7, 4)), ((5, 7), (3, 7, 4)),
     ((2, 3, 5, 6), (2, 3, 6, 4))],
)  # fmt: skip
def test_planned_products(captured, a, b, dtype):
    x, y = numbers(*a, dtype=dtype), numbers(*b, dtype=dtype, seed=1)
    rtol = 1e-5 if dtype == "float32" else 1e-12
    launches = jitted(lambda x, y: (x @ y, pg.exp(x)), x, y, rtol=rtol)
    assert (launches.products, launches.captured, launches.graphs) == (1, 2, 1)
    assert jitted(lambda x, y: (x.mT @ y, x + 1.0), turned(x), y, rtol=rtol).captured == 2
    assert jitted(lambda x, y: (x @ y.mT, x + 1.0), x, turned(y), rtol=rtol).captured == 2
    both = lambda x, y: (x.mT @ y.mT, x + 1.0)
    assert jitted(both, turned(x), turned(y), rtol=rtol).captured == 2
    assert captured.log.count("planned") >= 4


def training(size=12):
    """A step with donated weights, in which every product is the library's."""

    def loss(weights, x):
        for w in weights:
            x = pg.tanh(x @ w)
        return pg.sum(x * x)

    def step(weights, x):
        value, gradient = pg.value_and_grad(loss)(weights, x)
        return value, [w - 0.01 * g for w, g in zip(weights, gradient, strict=True)]

    weights = [numbers(size, size, seed=i) * 0.3 for i in range(3)]
    return step, weights, numbers(size, size, seed=9)


def test_a_step_with_products_is_one_graph_that_is_kept_by_addresses(captured):
    step, weights, x = training()
    j = pg.jit(step, donate_argnums=0)
    mine, others = [w.copy() for w in weights], [w.copy() for w in weights]
    for i in range(5):
        captured.log.clear()
        value, mine = j(mine, x)
        expected, others = step(others, x)
        close((value, mine), (expected, others), 1e-11, 1e-12)
        if i:  # donated weights stay where they are, and x does: one graph serves all calls
            assert captured.log.count("graph") == 1
            assert captured.log.count("planned") == 8
            assert "product" not in captured.log
    launches = j.lower(mine, x).launches
    assert (launches.products, launches.graphs, launches.library) == (8, 1, 0)
    assert launches.enqueued == 2
    assert "product: float64[12, 12], k" in j.lower(mine, x).source()


def test_axes_that_broadcast_against_each_other_stay_outside(captured):
    x, y = numbers(2, 1, 5, 6), numbers(3, 6, 4, seed=1)
    launches = jitted(lambda x, y: pg.exp(pg.exp(x) @ y), x, y)
    assert (launches.products, launches.graphs) == (1, 0)


@pytest.mark.parametrize("wrong", ["a wrong answer", "no algorithm", "no capture"])
def test_without_a_product_that_works_there_is_one_warning_and_the_program_is_cut(captured, wrong):
    if wrong == "a wrong answer":
        captured.products.wrong, message = 0.01, "ArithmeticError: a captured product of shape"
    elif wrong == "no algorithm":
        captured.products.algorithms, message = 0, "RuntimeError: cuBLASLt has no algorithm"
    else:
        captured.captures, message = False, "RuntimeError: operation not permitted"
    step, weights, x = training()
    j = pg.jit(step)
    with pytest.warns(CaptureWarning, match=message) as found:
        got = j(weights, x)
    assert len(found) == 1
    close(got, step(weights, x), 1e-11, 1e-12)
    captured.captures = True
    captured.log.clear()
    for _ in range(2):
        close(j(weights, x), step(weights, x), 1e-11, 1e-12)
    assert captured.log.count("product") == 16
    assert "planned" not in captured.log
    launches = j.lower(weights, x).launches
    assert (launches.products, launches.captured) == (8, 0)


def test_a_plan_takes_its_descriptors_away(captured):
    j = pg.jit(lambda x, y: (x @ y, pg.exp(x)))
    j(numbers(4, 5), numbers(5, 6))
    kinds = lambda: [d["kind"] for d in captured.products.made.values()]
    assert kinds().count("layout") == 3
    del j
    captured.plans.clear()
    gc.collect()
    assert not {"product", "layout", "preference"} & set(kinds())


@pytest.mark.backends  # which installs CuPy
def test_the_host_of_cupy_plans_products(monkeypatch):
    """backends/cupy_program.py on memory of the host, and without nvmath."""
    pytest.importorskip("cupy", exc_type=ImportError)
    from types import SimpleNamespace

    from polygrad.backends import cupy_program

    target = Machine()
    bindings = CublasLt(target)
    for name in ("asarray", "empty", "buffer", "address", "capture", "product"):
        monkeypatch.setattr(cupy_program, name, getattr(target, name))
    runtime = SimpleNamespace(getDevice=lambda: 3)
    stream = lambda: SimpleNamespace(ptr=target.current())
    monkeypatch.setattr(
        cupy_program, "cupy",
        SimpleNamespace(cuda=SimpleNamespace(runtime=runtime, get_current_stream=stream),
                        dtype=np.dtype),
    )  # fmt: skip
    spec = ((6, 5), True), ((6, 7), False), (5, 7), np.dtype("float32")
    monkeypatch.setattr(cupy_program, "_bindings", lambda: None)
    assert cupy_program.plan(*spec) is None
    monkeypatch.setattr(cupy_program, "_bindings", lambda: bindings)
    plan = cupy_program.plan(*spec)
    assert target.log == ["planned", "graph", "planned", "product"]
    assert cupy_program.plan(*spec) is plan
    a, b, out = numbers(6, 5, dtype="f4"), numbers(6, 7, dtype="f4"), np.empty((5, 7), "f4")
    memory = np.empty(plan.workspace, np.uint8)
    plan(*(x.ctypes.data for x in (a, b, out, memory)))
    np.testing.assert_allclose(out, a.T @ b, rtol=1e-5)
    larger = ((600, 500), True), ((600, 700), False), (500, 700), np.dtype("float32")
    assert cupy_program.plan(*larger).called is False
    tried = len(target.log)
    largest = ((900, 800), True), ((900, 700), False), (800, 700), np.dtype("float32")
    assert cupy_program.plan(*largest).called is False
    assert len(target.log) == tried  # one of its kind was
    stretched = ((2, 1, 5, 6), False), ((3, 6, 4), False), (2, 3, 5, 4), np.dtype("float32")
    assert cupy_program.plan(*stretched) is None
    for cache in (cupy_program._planned, cupy_program._tried):
        cache.cache_clear()
    cupy_program._handle.cache_clear()


@pytest.mark.backends  # which installs nvmath-python
def test_the_stand_in_is_like_the_package():
    lt = pytest.importorskip("nvmath.bindings.cublasLt", exc_type=ImportError)
    names = [name for name in vars(CublasLt) if not name.startswith("_")]
    functions = [name for name in names if inspect.isfunction(getattr(CublasLt, name))]
    assert len(functions) > 12
    for name in functions:
        mine = [*inspect.signature(getattr(CublasLt, name)).parameters][1:]
        assert [*inspect.signature(getattr(lt, name)).parameters] == mine, name
    for name in ("MatmulDescAttribute", "MatrixLayoutAttribute", "MatmulPreferenceAttribute"):
        kind = getattr(CublasLt, name)
        for attribute in kind:
            assert getattr(lt, name)[attribute.name] == attribute
        part = {"MatmulDescAttribute": "matmul_desc", "MatrixLayoutAttribute": "matrix_layout"}
        read = f"get_{part.get(name, 'matmul_preference')}_attribute_dtype"
        for attribute in kind:
            assert getattr(lt, read)(attribute) is getattr(CublasLt(), read)(attribute)
    assert lt.matmul_heuristic_result_dtype == CublasLt.matmul_heuristic_result_dtype
    from nvmath import CudaDataType
    from nvmath.bindings.cublas import ComputeType, Operation

    assert cublaslt._COMPUTE == {
        "float32": ComputeType.COMPUTE_32F, "float64": ComputeType.COMPUTE_64F,
    }  # fmt: skip
    assert cublaslt._TYPES == {
        "float32": CudaDataType.CUDA_R_32F, "float64": CudaDataType.CUDA_R_64F,
    }  # fmt: skip
    assert (cublaslt._NONE, cublaslt._TRANSPOSE) == (Operation.N, Operation.T)
