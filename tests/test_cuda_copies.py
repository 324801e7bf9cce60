"""Products in CUDA graphs whose operands come at ever new addresses; without a GPU.

See tests/test_cuda_captured.py for those at the same ones.
"""

import warnings

import numpy as np
import pytest
from cuda_on_host.machine import Machine
from test_cuda_captured import captured, training
from test_cuda_kernels import ARCHITECTURES, close, compiles, nvrtc, program_of, traced
from test_cuda_products import numbers

import polygrad as pg
from polygrad.compile.cuda import copies, piece_run
from polygrad.compile.graph import Value

__all__ = ["captured", "nvrtc"]  # fixtures


def test_the_first_call_of_a_product_is_outside_of_a_capture(captured):
    """The stand-in refuses a first call while capturing, since that may load code."""
    f = lambda x, w: pg.exp(x @ w) + 1.0
    j, x, w = pg.jit(f), numbers(40, 50), numbers(50, 60, seed=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        close(j(x, w), f(x, w), 1e-12)
        assert captured.log[-2:] == ["planned", "k0"]
        assert "product" not in captured.log[4:]  # the four of trying the kind out
        for _ in range(2):
            close(j(x, w), f(x, w), 1e-12)
    assert captured.log.count("graph") == 3


def test_a_kind_of_product_is_tried_once_on_little_data(captured):
    shapes = [(100, 200, 300), (150, 80, 90), (64, 64, 64)]
    for m, k, n in shapes:
        x, w = numbers(m, k), numbers(k, n, seed=1)
        pg.jit(lambda x, w: pg.exp(x @ w) + 1.0)(x, w)
    assert captured.log.count("product") == len(captured.tried) == 1
    for operand in next(iter(captured.tried))[:2]:
        assert np.prod(operand[0]) < 3000


def test_every_set_of_addresses_runs_as_a_graph(captured):
    f = lambda x, w: pg.sum(pg.exp(x @ w), axis=0)
    j, w = pg.jit(f), numbers(8, 8)
    inputs = [numbers(8, 8, seed=i) for i in range(piece_run.GRAPHS + 3)]
    j(inputs[0], w)
    for turn in range(3):
        for i, x in enumerate(inputs):
            captured.log.clear()
            close(j(x, w), f(x, w), 1e-12)
            assert captured.log.count("graph") == 1, (turn, i)
            assert captured.log.count("copy0") == (i >= piece_run.GRAPHS)
            assert "product" not in captured.log
    lowered = j.lower(inputs[0], w)
    assert lowered.launches.copies == 1
    assert "1 kernel that copy operands" in str(lowered.launches)
    assert "operands of products are copied" in lowered.state


def test_addresses_that_stay_get_a_graph_in_place_of_the_one_used_least_recently(captured):
    f = lambda x, w: pg.exp(x @ w) + 1.0
    j, w = pg.jit(f), numbers(8, 8)
    inputs = [numbers(8, 8, seed=i) for i in range(piece_run.GRAPHS + 1)]
    for x in [inputs[0], *inputs]:
        j(x, w)
    (runs,) = j.lower(inputs[0], w)._kernels._idle.values()
    graphs = runs[0].steps[0].graphs
    first, second = list(graphs)[:2]
    j(inputs[0], w)  # the second is the one used least recently now
    for i in range(piece_run.AGAIN + 2):
        captured.log.clear()
        close(j(inputs[-1], w), f(inputs[-1], w), 1e-12)
        assert captured.log.count("copy0") == (i < piece_run.AGAIN - 2)  # one came before
    assert first in graphs
    assert second not in graphs
    assert len(graphs) == piece_run.GRAPHS


def test_a_step_whose_arrays_move_is_one_graph(captured):
    """Prefetched batches, nothing donated: each call has other addresses, in and out."""
    step, weights, x = training()
    j, kept = pg.jit(step), []
    mine, others = weights, weights
    for i in range(12):
        batch = x + 0.01 * i
        captured.log.clear()
        value, mine = j(mine, batch)
        expected, others = step(others, batch)
        close((value, mine), (expected, others), 1e-10, 1e-11)
        kept.append((batch, mine))
        if i:
            assert captured.log.count("graph") == 1
            assert captured.log.count("planned") == 8
            assert "product" not in captured.log
    assert j.lower(mine, x).launches.copies == 1


def test_donated_weights_at_new_addresses_are_written_over(captured):
    j = pg.jit(lambda w, x: w - 0.1 * (x.T @ (x @ w)), donate_argnums=0)
    x = numbers(8, 8)
    weights = [numbers(8, 8, seed=i) for i in range(piece_run.GRAPHS + 4)]
    for w in weights:
        expected = w - 0.1 * (x.T @ (x @ w))
        out = j(w, x)
        assert np.may_share_memory(out, w)
        np.testing.assert_allclose(out, expected, rtol=1e-12)
    assert j.lower(w, x).launches.copies >= 1


def test_answers_of_products_come_back_from_the_copies(captured):
    f = lambda x, w: (x @ w, pg.exp(x @ w), (x @ w) @ w)
    j, w, kept = pg.jit(f), numbers(8, 8), []
    for i in range(piece_run.GRAPHS + 4):
        x = numbers(8, 8, seed=i)
        kept.append((x, j(x, w)))
    for x, got in kept:
        close(got, f(x, w), 1e-12)
    assert j.lower(x, w).launches.copies == 2  # operands there, answers back


def test_an_operand_that_is_not_aligned_is_copied(captured):
    f = lambda x, w: pg.exp(x @ w) + 1.0
    j, w = pg.jit(f), numbers(8, 8)
    memory = numbers(30 * 8 + 2)
    start = 1 if memory.ctypes.data % 16 == 0 else 2
    x = memory[start : start + 240].reshape(30, 8)
    assert x.ctypes.data % 16
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for i in range(4):
            captured.log.clear()
            close(j(x, w), f(x, w), 1e-12)
            assert captured.log.count("graph") == (i != 1)  # the first tries the kind out
    assert captured.log == ["copy0", "table1", "graph", "planned", "k0"]


def test_copies_that_cannot_be_made_leave_the_steps_one_by_one(captured):
    f = lambda x, w: pg.exp(x @ w) + 1.0
    j, w = pg.jit(f), numbers(8, 8)
    inputs = [numbers(8, 8, seed=i) for i in range(piece_run.GRAPHS + 3)]
    load = captured.load

    def refusing(source, names, kept):
        if "copy0" in names:
            raise RuntimeError("no more code")
        return load(source, names, kept)

    captured.load = refusing
    j(inputs[0], w)
    for x in inputs[: piece_run.GRAPHS]:
        j(x, w)
    with pytest.warns(pg.errors.CaptureWarning, match="no more code"):
        close(j(inputs[-1], w), f(inputs[-1], w), 1e-12)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for x in inputs:
            close(j(x, w), f(x, w), 1e-12)
    assert j.lower(x, w).state.startswith("kernels one by one: ")


@pytest.mark.backends  # which installs NVRTC
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_kernels_that_copy_compile_by_nvrtc(nvrtc, architecture):
    device = pg.device("cpu")
    values = [
        Value((3, 5), pg.float64 if i % 2 else pg.float32, device) for i in range(copies.TOGETHER)
    ]
    assert compiles(nvrtc, copies.copy_kernel("copy0", values), architecture) > 1000
    program = program_of(traced(lambda x: pg.exp(x), (np.ones(3),))[0], Machine())
    assert program.state == "kernels"
