"""Kernels that do not compile or start, or lack memory, without a GPU: the answer is kept."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from test_cuda_kernels import close, machine

import polygrad as pg
from polygrad.compile.cuda import program as programs
from polygrad.errors import BackendError, DeviceMemoryError, KernelWarning, PolygradError

__all__ = ["machine"]  # fixtures


def f(x):
    return pg.exp(x) / pg.sum(pg.exp(x))


def compiling(machine):
    def load(source, names, kept):
        raise RuntimeError("nvrtc: error: too much shared data\nkernel.cu(3)")

    machine.load = load


def launching(machine):
    def launch(*args):
        raise RuntimeError("CUDA_ERROR_INVALID_VALUE: too much shared data")

    machine.launch = launch


@pytest.mark.parametrize("broken", [compiling, launching])
def test_a_failure_is_said_once_and_the_answer_is_kept(machine, broken):
    broken(machine)
    j, x = pg.jit(f), np.arange(4.0)
    message = "jit: f runs op by op: its generated kernels failed.*too much shared data"
    with pytest.warns(KernelWarning, match=message) as found:
        close(j(x), f(x), 1e-14)
    assert len(found) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for i in range(3):
            close(j(x + i), f(x + i), 1e-14)
    lowered = j.lower(x)
    assert lowered.state.startswith("op by op: the generated kernels failed (RuntimeError: ")
    assert "kernel.cu(3)" not in lowered.state  # one line
    assert lowered.launches is None


def test_a_program_that_cannot_be_made_runs_op_by_op(machine, monkeypatch):
    monkeypatch.setattr(programs, "counted", lambda parts: 1 / 0)
    j, x = pg.jit(f), np.arange(4.0)
    with pytest.warns(KernelWarning, match="ZeroDivisionError"):
        close(j(x), f(x), 1e-14)
    assert "ZeroDivisionError" in j.lower(x).state


def test_a_failure_in_a_transform_is_said_and_the_gradient_kept(machine):
    compiling(machine)
    x = np.arange(3.0)
    loss = lambda x: pg.sum(f(x) ** 2)
    with pytest.warns(KernelWarning):
        got = pg.grad(pg.jit(loss))(x)
    close(got, pg.grad(loss)(x), 1e-12, 1e-14)


def test_what_an_op_refuses_is_no_failure_of_kernels(machine):
    x = np.array([[1.0, 2.0], [2.0, 4.0]])
    j = pg.jit(lambda x: pg.exp(pg.linalg.inv(x)))
    with warnings.catch_warnings():
        warnings.simplefilter("error", KernelWarning)
        for _ in range(2):
            with pytest.raises(PolygradError, match=r"(?i)singular"):
                j(x)
        close(j(np.eye(2)), np.exp(np.eye(2)), 1e-14)


def test_donated_arguments_that_may_be_written_over_are_said_to_be_lost(machine):
    launch, count = machine.launch, []

    def second(kernel, *args):
        count.append(kernel)
        if len(count) > 2:
            raise RuntimeError("unspecified launch failure")
        launch(kernel, *args)

    machine.launch = second
    j = pg.jit(lambda w: (w * 2.0, pg.sum(f(w) * w)), donate_argnums=0)
    with pytest.raises(BackendError, match="donated may be written over and are lost"):
        j(np.arange(4.0))


def test_donated_arguments_are_whole_where_nothing_ran(machine):
    compiling(machine)
    j, w = pg.jit(lambda w: w * 2.0, donate_argnums=0), np.arange(4.0)
    with pytest.warns(KernelWarning):
        out = j(w)
    np.testing.assert_array_equal(out, [0.0, 2.0, 4.0, 6.0])


# -- memory ----------------------------------------------------------------------------------------


def short_of_memory(machine, times):
    """New arrays fail so many times."""
    empty, left = machine.empty, [times]

    def failing(*args):
        if left[0]:
            left[0] -= 1
            raise MemoryError("allocating 8 bytes")
        return empty(*args)

    machine.empty = failing


def test_memory_is_tried_for_once_more_after_the_pool_gave_it_back(machine):
    other, j, x = pg.jit(lambda x: pg.sum(f(x) * 3.0)), pg.jit(f), np.arange(4.0)
    other(x)
    idle = other.lower(x)._kernels._idle
    assert idle
    short_of_memory(machine, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        close(j(x), f(x), 1e-14)
    assert machine.log.count("give back") == 1
    assert not idle  # buffers of programs that are not under way
    close(other(x), pg.sum(f(x) * 3.0), 1e-14)


def test_a_lack_of_memory_is_explained_and_passes(machine):
    j, x = pg.jit(f), np.arange(4.0)
    j(x)
    short_of_memory(machine, 2)
    with pytest.raises(DeviceMemoryError, match=r"f: out of memory \(allocating 8 bytes\)"):
        j(x)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # kernels go on
        close(j(x), f(x), 1e-14)
    assert j.lower(x).state == "kernels in CUDA graphs"


@pytest.mark.backends  # which installs CuPy
@pytest.mark.parametrize("failures", [1, 2])
def test_an_op_that_lacks_memory_on_cupy_is_tried_once_more(failures, monkeypatch):
    cupy = pytest.importorskip("cupy", exc_type=ImportError)

    gib, freed, calls = 2**30, [], []
    pool = SimpleNamespace(
        used_bytes=lambda: 5 * gib, free_bytes=lambda: gib, get_limit=lambda: 6 * gib,
        free_all_blocks=lambda: freed.append(True),
    )  # fmt: skip
    device = SimpleNamespace(id=3, mem_info=(2 * gib, 10 * gib))
    monkeypatch.setattr(cupy, "get_default_memory_pool", lambda: pool)
    monkeypatch.setattr(cupy.cuda, "Device", lambda: device)
    error = cupy.cuda.memory.OutOfMemoryError(8 * gib, 5 * gib, 0)
    backend = pg.backend.get_backend("cupy")

    def exp(x):
        calls.append(x)
        if len(calls) < failures:
            raise error
        return "the answer"

    op = SimpleNamespace(name="exp", impls={backend: exp})
    assert backend.elsewhere(op, ("x",), {}, ValueError("shapes")) is None
    if failures == 1:
        assert backend.elsewhere(op, ("x",), {}, error) == "the answer"
    else:
        with pytest.raises(DeviceMemoryError) as found:
            backend.elsewhere(op, ("x",), {}, error)
        said = str(found.value)
        for part in ("exp: out of GPU memory (Out of memory allocating 8", "10.00 GiB of GPU 3",
                     "process use 5.00 GiB", "keeps 1.00 GiB", "2.00 GiB are used by other",
                     "2.00 GiB are free", "limited to 6.00 GiB", "pg.checkpoint"):  # fmt: skip
            assert part in said, (part, said)
    assert freed == [True]


# -- buffers ---------------------------------------------------------------------------------------


def test_buffers_are_kept_for_the_streams_used_last(machine):
    j, x = pg.jit(f), np.arange(4.0)
    for machine.stream in range(programs.PLACES + 5):
        close(j(x), f(x), 1e-14)
    idle = j.lower(x)._kernels._idle
    assert sorted(idle) == list(range(5, programs.PLACES + 5))
    assert all(len(runs) == 1 for runs in idle.values())


# -- numbers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [2**63, 2**64 - 1, 2**63 - 1, 0])
def test_integers_of_64_bits_that_numbers_come_to(machine, number):
    x = np.array([0, 1, 2**63, 2**64 - 1], np.uint64)

    def g(x, n, odd):
        n = n + n + odd
        return x + n, pg.maximum(x, n), x - n, pg.sum(x * n)

    j = pg.jit(g)
    for _ in range(2):
        found, expected = (h(x, number // 2, number % 2) for h in (j, g))
        for a, b in zip(found, expected, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)


# -- memory of others ------------------------------------------------------------------------------


def test_donated_memory_of_another_library_is_not_written_over(machine):
    memory = np.arange(4.0)
    machine.borrowed = memory
    j = pg.jit(lambda w: w * 2.0, donate_argnums=0)
    for _ in range(2):
        out = j(memory[:])  # as CuPy imports it: the memory belongs to somebody else
        np.testing.assert_array_equal(out, [0.0, 2.0, 4.0, 6.0])
        np.testing.assert_array_equal(memory, [0.0, 1.0, 2.0, 3.0])
    own = np.arange(4.0)
    assert np.may_share_memory(j(own), own)


@pytest.mark.backends  # which installs CuPy
def test_cupy_names_the_classes_of_memory_that_is_not_its_own():
    pytest.importorskip("cupy", exc_type=ImportError)
    from cupy._core import dlpack
    from cupy.cuda import memory

    from polygrad.backends import cupy

    assert {dlpack.DLPackMemory.__name__, memory.UnownedMemory.__name__} == set(cupy._BORROWED)
