"""What a kernel may hold: shared memory, registers, bytes of parameters; without a GPU.

See tests/test_cuda_kernels.py. The host refuses kernels that pass a bound, as a GPU does.
"""

import numpy as np
import pytest
from cuda_on_host.machine import Machine, check_bounds
from test_cuda_kernels import ARCHITECTURES, close, compiles, machine, nvrtc, program_of, traced

import polygrad as pg
from polygrad.compile.cuda import pieces
from polygrad.compile.cuda.elements import PRELUDE
from polygrad.compile.cuda.function import Function

__all__ = ["machine", "nvrtc"]  # fixtures


def test_the_host_refuses_what_passes_a_bound():
    head = 'extern "C" __global__ void k(double* p) {{ __shared__ double s[{}][32]; }}'
    check_bounds(head.format(192))
    with pytest.raises(AssertionError):
        check_bounds(head.format(193))
    many = ", ".join(f"double* p{i}" for i in range(513))
    with pytest.raises(AssertionError):
        check_bounds(f'extern "C" __global__ void k({many}) {{ }}')


# -- reductions ------------------------------------------------------------------------------------


def totals(count):
    """As many sums of one array, each of something else."""

    def f(x):
        return [pg.sum(pg.astype(x * (i + 1), x.dtype), axis=-1) for i in range(count)]

    return f


def sample(dtype, shape=(3, 300)):
    return (np.arange(np.prod(shape)).reshape(shape) % 7 - 2).astype(dtype)


@pytest.mark.parametrize(
    ("dtype", "count", "kernels"),
    [("float64", 25, 1), ("float32", 49, 2), ("float64", 200, 5), ("int64", 60, 2)],
)
def test_many_reductions_in_a_kernel(machine, dtype, count, kernels):
    x, f = sample(dtype), totals(count)
    j = pg.jit(f)
    for _ in range(2):
        close(j(x), f(x), 1e-6 if dtype == "float32" else 1e-13)
    assert j.lower(x).launches.kernels == kernels


@pytest.mark.parametrize("length", [33, 64, 65, 130, 300, 5000, 20_000])
@pytest.mark.parametrize("dtype", ["int8", "uint16", "int64", "float32", "float64"])
def test_block_reductions_of_every_width(machine, length, dtype):
    rng = np.random.default_rng(length)
    x = rng.integers(0, 100, (2, length)).astype(dtype)
    x[0] = x.max() + 1
    x[0, length // 2] = 0

    def f(x):
        return (
            pg.sum(x, axis=1), pg.max(x, axis=1), pg.min(x, axis=1), pg.all(x > 0, axis=1),
            pg.any(x == 0, axis=1), pg.prod(x[:, -9:], axis=1), pg.sum(x == 0, axis=1),
        )  # fmt: skip

    close(pg.jit(f)(x), f(x), 1e-6 if dtype == "float32" else 1e-13)


def test_every_thread_of_a_warp_takes_part_in_each_exchange(machine):
    """What `&&` and `||` leave out may not be an exchange: the others would wait for ever."""
    x = np.arange(512).reshape(1, 512)
    source = pg.jit(lambda x: pg.all(x < 300, axis=1)).lower(x).source()
    kernel = source.rpartition("__global__")[2]
    assert kernel.count("pg_down(") == 2
    assert all("&&" not in line for line in kernel.splitlines() if "pg_down(" in line)


@pytest.mark.backends  # which installs NVRTC
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(
    ("dtype", "count"), [("float64", 30), ("float32", 60), ("float64", 200), ("bool", 40)]
)
def test_many_reductions_compile_by_nvrtc(nvrtc, dtype, count, architecture):
    x = sample("float64" if dtype == "bool" else dtype)
    f = totals(count)
    if dtype == "bool":
        f = lambda x: [pg.all(x > i, axis=1) for i in range(count)]
    program = program_of(traced(f, (x,))[0], Machine())
    assert compiles(nvrtc, PRELUDE + "".join(program.texts().values()), architecture) > 1000


# -- parameters ------------------------------------------------------------------------------------


def wide_sum(arrays):
    """One kernel that reads all of them."""
    parts = [sum(arrays[i : i + 60], start=0.0) for i in range(0, len(arrays), 60)]
    return pg.concat([pg.reshape(part, (1, -1)) for part in parts])


def test_a_kernel_of_many_arrays_finds_them_in_a_table(machine):
    arrays = [np.arange(4.0) + i for i in range(600)]
    j = pg.jit(wide_sum)
    for _ in range(2):
        close(j(arrays), wide_sum(arrays), 1e-13)
    program = j.lower(arrays)._kernels
    (kernel,) = [s for s in program.steps if isinstance(s, Function)]
    assert len(kernel.parameters) > 512  # which no GPU takes as parameters
    assert program.launches.tables == -(-len(kernel.parameters) // pieces.ENTRIES)


def test_a_kernel_of_many_constants_finds_them_in_a_table(machine):
    constants = [pg.asarray(np.arange(4.0) + i) for i in range(600)]
    f = lambda x: wide_sum([x * c for c in constants])
    x = np.ones(4)
    j = pg.jit(f)
    for _ in range(2):
        close(j(x), f(x), 1e-13)
    assert max(len(s.parameters) for s in j.lower(x)._kernels.steps) > 512
