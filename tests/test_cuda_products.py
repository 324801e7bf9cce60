"""Matrix products and joined arrays in CUDA kernels, without a GPU.

See tests/test_cuda_kernels.py: kernels are compiled by NVRTC, and run on the host.
"""

import itertools

import numpy as np
import pytest
from cuda_on_host.machine import Machine
from test_cuda_kernels import (
    ARCHITECTURES,
    CASES,
    close,
    compiles,
    machine,
    nvrtc,
    program_of,
    traced,
)

import polygrad as pg
from polygrad.compile.cuda import pieces, tiles
from polygrad.compile.cuda.elements import PRELUDE

__all__ = ["machine", "nvrtc"]  # fixtures


def numbers(*shape, dtype="float64", seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def jitted(f, *args, rtol=1e-12, calls=3, **options):
    """The launches of a compiled function that agrees with the function itself."""
    j = pg.jit(f, **options)
    for _ in range(calls):
        close(j(*args), f(*args), rtol, rtol)
    return j.lower(*args).launches


# -- generated products ----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((5, 7), (7, 6)), ((16, 16), (16, 16)), ((33, 17), (17, 40)), ((70, 9), (9, 130)),
        ((2, 5), (5, 2)), ((3, 5, 7), (3, 7, 4)), ((3, 5, 7), (7, 4)), ((5, 7), (3, 7, 4)),
        ((2, 1, 5, 6), (3, 6, 4)), ((1, 5, 6), (3, 6, 4)), ((4, 1, 3, 8), (1, 2, 8, 3)),
        ((6, 3), (3, 8)), ((6, 1), (1, 8)), ((6, 0), (0, 8)), ((2, 6, 2), (2, 2, 8)),
        ((7,), (7,)), ((5, 7), (7,)), ((7,), (7, 6)), ((3, 5, 7), (7,)), ((7,), (3, 7, 4)),
        ((1, 7), (7, 6)), ((5, 7), (7, 1)), ((3, 1, 7), (7, 6)), ((3, 5, 7), (3, 7, 1)),
        ((7,), (3, 7, 1)), ((1, 7), (7,)), ((1, 9), (9, 1)),
    ],
)  # fmt: skip
def test_products_and_their_gradients(machine, a, b, dtype):
    x, y = numbers(*a, dtype=dtype), numbers(*b, dtype=dtype, seed=1)

    def f(x, y):
        out, pull = pg.vjp(pg.matmul, x, y)
        return out, pull(pg.ones_like(out) + out)

    rtol = 3e-5 if dtype == "float32" else 1e-12
    launches = jitted(f, x, y, rtol=rtol, calls=2)
    assert launches.products == 0
    assert launches.library == 0 or 0 in a  # some gradients have no elements then
    if len(a) > 1 and len(b) > 1:  # operands whose memory is the transpose
        for g, args in zip(
            (lambda x, y: x.mT @ y, lambda x, y: x @ y.mT, lambda x, y: x.mT @ y.mT),
            ((turned(x), y), (x, turned(y)), (turned(x), turned(y))),
            strict=True,
        ):
            assert jitted(g, *args, rtol=rtol, calls=1).products == 0


def turned(x):
    return np.ascontiguousarray(np.swapaxes(x, -1, -2))


def test_operands_are_read_through_views_and_cheap_steps(machine):
    x, w = numbers(2, 6, 4, 5), numbers(9, 5, seed=1)

    def heads(x, w):  # as in attention: no step before the product has memory of its own
        q = pg.permute_dims(x, (0, 2, 1, 3))
        return q @ pg.flip(w[2:], axis=0).mT

    assert jitted(heads, x, w).kernels == 1
    dear = lambda x, w: pg.tanh(x) @ w.mT  # computed once for all columns
    assert jitted(dear, x, w).kernels == 2


def test_long_sums_are_cut_in_chunks(machine):
    a, b = numbers(5, 5000), numbers(5000, 6, seed=1)
    f = lambda a, b: pg.tanh(a @ b + 1.0)
    assert jitted(f, a, b).kernels == 3  # the parts, their sum, and what is made of it
    j = pg.jit(f)
    np.testing.assert_array_equal(j(a, b), j(a, b))
    long = np.full((2, 40_000), 0.1, np.float32), np.full((40_000, 3), 0.1, np.float32)
    np.testing.assert_allclose(pg.jit(pg.matmul)(*long), np.full((2, 3), 400.0), rtol=1e-5)


@pytest.mark.parametrize("shape", [(2048, 2048, 6), (300, 40, 70), (17, 65, 33), (40, 33, 20_000)])
def test_every_element_is_in_one_tile(shape):
    m, n, k = shape
    x = pg.jit(pg.matmul).lower(np.zeros((m, k)), np.zeros((k, n)))
    (equation,) = x.graph.equations
    one = tiles.Tiles(equation)
    assert one.rows * one.high >= m > (one.rows - 1) * one.high
    assert one.columns * one.wide >= n > (one.columns - 1) * one.wide
    assert one.chunks * one.step >= k > (one.chunks - 1) * one.step
    assert one.step % tiles.DEPTH == 0
    assert one.step <= tiles.LONGEST + tiles.DEPTH


# -- what is computed with a product ---------------------------------------------------------------


def test_a_bias_and_an_activation_are_part_of_the_product(machine):
    x, w, b = numbers(20, 30), numbers(30, 40, seed=1), numbers(40, seed=2)
    f = lambda x, w, b: pg.tanh(x @ w + b)
    j = pg.jit(f)
    assert jitted(f, x, w, b).kernels == 1
    (kernel,) = pg.jit(f).lower(x, w, b)._kernels.texts().values()
    assert kernel.count("tanh") == 1 and "fma(" in kernel  # noqa: PT018
    kept = lambda x, w, b: (x @ w, pg.tanh(x @ w + b), pg.sum(x @ w, axis=0))
    launches = jitted(kept, x, w, b)
    assert launches.kernels == 2  # the sum reads the product, which is written for it
    assert j.lower(x, w, b).launches.enqueued == 1


def test_two_products_at_one_element_and_one_that_is_read_elsewhere(machine):
    x, w = numbers(20, 20), numbers(20, 20, seed=1)
    assert jitted(lambda x, w: pg.exp(x @ w) + w @ x, x, w).kernels == 2
    assert jitted(lambda x, w: (x @ w) + (x @ w).T, x, w).kernels == 2
    assert jitted(lambda x, w: pg.tanh(x @ w) @ (x @ w + 1.0), x, w).kernels <= 3
    soft = lambda x, w: pg.softmax(x @ w / 3.0, axis=-1) @ x
    jitted(soft, x, w)


def test_a_weight_is_updated_in_place_by_the_kernel_of_its_gradient(machine):
    x, g = numbers(30, 20), numbers(30, 25, seed=1)
    j = pg.jit(lambda w, x, g: w - 0.1 * (x.T @ g), donate_argnums=0)
    for _ in range(3):
        w = numbers(20, 25, seed=2)
        expected = w - 0.1 * (x.T @ g)
        out = j(w, x, g)
        assert np.may_share_memory(out, w)
        np.testing.assert_allclose(out, expected, rtol=1e-12)
    assert j.lower(w, x, g).launches.kernels == 1


def test_a_donated_operand_is_not_written_over_while_tiles_read_it(machine):
    j = pg.jit(lambda w: w + w @ w, donate_argnums=0)
    w = numbers(40, 40)
    expected = w + w @ w
    out = j(w)
    assert not np.may_share_memory(out, w)
    np.testing.assert_allclose(out, expected, rtol=1e-12)


# -- whole steps -----------------------------------------------------------------------------------


def test_the_training_step_is_one_graph(machine):
    """Before products were generated: 15 kernels and 8 products, 16 times from Python."""
    f, args = CASES["mnist"]()
    j = pg.jit(f)
    lowered = j.lower(*args)
    launches = lowered.launches
    assert (launches.kernels, launches.products, launches.library) == (18, 0, 0)
    assert (launches.captured, launches.graphs, launches.tables) == (18, 1, 1)
    assert launches.enqueued == 2
    head = lowered.source().splitlines()
    assert head[0].startswith("// 2 launches from Python: 18 generated kernels, 0 products")
    assert head[1].startswith("// CUDA graph: k0, k1,")
    for _ in range(2):
        machine.log.clear()
        j(*args)
    started = [name for name in machine.log if name.startswith("k")]
    assert len(started) == launches.kernels
    assert [name for name in machine.log if name not in started] == ["table16", "graph"]


def test_a_transformer_block_is_one_graph(machine):
    batch, length, heads, depth, words = 2, 5, 2, 3, 11
    width = heads * depth
    shapes = ((words, width), (width, 3 * width), (width, width), (width, 9), (9,), (9, width))
    weights = [0.3 * numbers(*shape, seed=i) for i, shape in enumerate(shapes)]
    words_in, words_out = np.random.default_rng(0).integers(0, words, (2, batch, length))

    def normed(x):
        x = x - pg.mean(x, axis=-1, keepdims=True)
        return x / pg.sqrt(pg.mean(x * x, axis=-1, keepdims=True) + 1e-5)

    def loss(weights, words_in, words_out):
        embedding, qkv, o, w, b, w2 = weights
        x = embedding[words_in]
        parts = pg.reshape(normed(x) @ qkv, (batch, length, 3, heads, depth))
        q, k, v = (pg.permute_dims(parts[:, :, i], (0, 2, 1, 3)) for i in range(3))
        allowed = pg.tril(pg.ones((length, length))) > 0
        scores = pg.where(allowed, q @ k.mT / depth**0.5, -1e9)
        mixed = pg.permute_dims(pg.softmax(scores, axis=-1) @ v, (0, 2, 1, 3))
        x = x + pg.reshape(mixed, (batch, length, width)) @ o
        x = x + pg.tanh(normed(x) @ w + b) @ w2
        scores = pg.reshape(x @ embedding.T, (-1, words))
        return pg.mean(pg.nn.softmax_cross_entropy(scores, pg.reshape(words_out, (-1,))))

    launches = jitted(pg.value_and_grad(loss), weights, words_in, words_out, rtol=1e-10, calls=2)
    assert (launches.products, launches.library, launches.graphs) == (0, 0, 1)
    assert launches.enqueued == 2


def test_one_launch_is_said_in_the_singular():
    assert str(pieces.Launches(1, 0, 0, 0, 0, 0)).startswith("1 launch from Python: 1 generated ")


def test_larger_products_are_left_to_the_library_and_divide_the_program(machine, monkeypatch):
    monkeypatch.setattr(tiles, "LIMIT", 10_000)
    f = lambda x, w: pg.tanh(x @ w) @ w
    x, w = numbers(20, 20), numbers(20, 20, seed=1)
    launches = jitted(f, x, w)
    assert (launches.products, launches.kernels, launches.graphs) == (2, 1, 0)
    assert machine.log.count("product") == 6
    monkeypatch.setattr(tiles, "LIMIT", 16_000)
    assert jitted(f, x, w).products == 0


def test_products_of_other_data_types_are_the_library_s(machine):
    z = numbers(4, 4) + 1j * numbers(4, 4, seed=1)
    assert jitted(lambda z: z @ z + 1.0, z).library >= 1
    assert jitted(lambda i: i @ i + 1, np.arange(16).reshape(4, 4)).library == 1


# -- arrays that are put together ------------------------------------------------------------------


X, Y, Z = numbers(4, 5), numbers(4, 3, seed=1), numbers(4, 5, seed=2)
I, J, K = np.asarray([1, -1, 1, 0]), np.asarray([[0, 2, 2], [1, 0, 2]]), np.asarray([3, 1, 3, 0])
ALL = slice(None)
JOINS = {
    "concat": (lambda x, y: pg.concat([pg.exp(x), 2.0 * y, x], axis=1), X, Y),
    "concat of rows": (lambda x, z: pg.concat([x, z[:0], z], axis=0), X, Z),
    "concat of transposes": (lambda x, z: pg.concat([x.T, z.T], axis=0), X, Z),
    "concat of integers": (lambda i: pg.concat([i, i + 1]), I),
    "stack": (lambda x, z: pg.stack([x, pg.tanh(z), x], axis=1), X, Z),
    "stack last": (lambda x, z: pg.stack([x, z], axis=-1), X, Z),
    "sum of a concat": (lambda x, y: pg.sum(pg.concat([x, y], axis=1), axis=1), X, Y),
    "tril": (lambda x: (pg.tril(x), pg.tril(x, k=1), pg.tril(x, k=-9)), X),
    "triu": (lambda x: (pg.triu(x), pg.triu(x, k=-1), pg.triu(x[None] + 1.0, k=2)), X),
    "scatter of a slice": (lambda y: pg.scatter_add(y, (ALL, slice(1, 4)), (4, 6)), Y),
    "scatter of steps": (lambda y: pg.scatter_add(y, (ALL, slice(5, None, -2)), (4, 6)), Y),
    "scatter of numbers": (lambda y: pg.scatter_add(y, (1, Ellipsis, None, -1), (4, 3, 2)),
                           Y[:3, :1]),
    "scatter of nothing": (lambda y: pg.scatter_add(y[:0], (slice(3, 3),), (4, 3)), Y),
    "scatter of places": (lambda x, i: pg.scatter_add(pg.tanh(x), (i,), (3, 5)), X, I),
    "scatter of two": (lambda y, j: pg.scatter_add(y[:2], (j, -j), (3, 3)), Y, J),
    "scatter between": (lambda v, j: pg.scatter_add(v, (slice(1, None), j), (3, 3)),
                        numbers(2, 2, 3), J),
    "scatter of integers": (lambda v, i: pg.scatter_add(v, (i,), (3,)), np.arange(4), I),
    "set a slice": (lambda x, y: pg.index_set(x, pg.exp(y), (ALL, slice(2, 5))), X, Y),
    "set a row": (lambda x, z: pg.index_set(x, z[0], (2,)), X, Z),
    "set a number": (lambda x: pg.index_set(x, 3.0, (slice(None, None, 2), 1)), X),
    "set places": (lambda x, z, k: pg.index_set(x, z, (k,)), X, Z, K),
    "set bool": (lambda x, y: pg.index_set(x > 0, y[0] > 0, (1, slice(0, 3))), X, Y),
}  # fmt: skip


@pytest.mark.parametrize("name", JOINS)
def test_arrays_that_are_put_together(machine, name):
    f, *args = JOINS[name]
    launches = jitted(f, *args)
    assert launches.library == 0
    assert launches.kernels >= 1


def test_gradients_of_indexing_are_kernels(machine):
    table, places = numbers(6, 4), np.asarray([2, 0, 2, 5])

    def loss(table, x, places):
        rows = table[places]
        joined = pg.concat([rows[:, 1:], x[:, None]], axis=1)
        return pg.sum(joined**3) + pg.sum(pg.tril(table[:4] @ table[:4].T) ** 2)

    launches = jitted(pg.grad(loss, argnums=(0, 1)), table, numbers(4, seed=1), places)
    assert launches.library == launches.products == 0


def test_many_places_and_many_arrays_are_left_to_the_library(machine):
    f = lambda value, places: pg.scatter_add(value, (places,), (2,))
    assert jitted(f, numbers(3000), np.zeros(3000, np.int64)).library == 1
    assert jitted(lambda x: pg.concat([x] * 17), numbers(3)).library == 1
    assert jitted(lambda x: pg.concat([x] * 16), numbers(3)).library == 0


# -- NVRTC -----------------------------------------------------------------------------------------


@pytest.mark.backends  # which installs NVRTC
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_products_and_joins_compile_by_nvrtc(nvrtc, architecture):
    shapes = [((33, 17), (17, 40)), ((3, 5, 7), (7, 4)), ((200, 5000), (5000, 9)), ((7,), (7, 6))]
    calls = [
        (lambda x, y: pg.tanh(x @ y + 1.0), (numbers(*a, dtype=d), numbers(*b, dtype=d)))
        for (a, b), d in itertools.product(shapes, ("float32", "float64"))
    ]
    calls += [(f, args) for f, *args in JOINS.values()]
    target, texts = Machine(), {}
    for number, (f, args) in enumerate(calls):
        texts |= program_of(traced(f, args)[0], target, f"r{number}_").texts()
    source = PRELUDE + "".join(texts.values())
    assert compiles(nvrtc, source, architecture) > 1000
