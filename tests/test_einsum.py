"""pg.einsum against numpy.einsum, with gradients of every order."""

import sys

import array_api_strict
import numpy as np
import pytest

import polygrad as pg

rng = np.random.default_rng(0)
SIZES = {"i": 2, "j": 3, "k": 4, "l": 2, "b": 2, "a": 3}
CASES = [
    "i->i", "i->", "ij->ji", "ij->j", "ij", "ji", "ii", "ii->i", "iij->j", "iji->j", "iii->i",
    "ij,jk->ik", "ij,jk", "ij,kj->ik", "ij,ij->", "ij,ij->ij", "i,j->ij", "i,j->ji", "ij,j->i",
    "bij,bjk->bik", "bij,bkj->bik", "bij,bij->b", "bij,b->ij", "ij,kl->", "ii,i->i", "ii,jj->ij",
    "ij,jk,kl->il", "ij,jk,kl->", "i,i,i->", "ij,j,jk->ik", "b,bi,bij,bjk->k", "ij,ji,ii->j",
]  # fmt: skip


def arrays_for(subscripts, dtype=np.float64):
    inputs = subscripts.partition("->")[0].split(",")
    made = []
    for part in inputs:
        x = rng.normal(size=[SIZES[c] for c in part])
        if np.dtype(dtype).kind == "c":
            x = x + 1j * rng.normal(size=x.shape)
        made.append(x.astype(dtype))
    return made


def total(out):
    """A scalar that no symmetry of ``out`` hides errors of."""
    weights = np.cos(np.arange(np.prod(out.shape, dtype=int))).reshape(out.shape)
    out = out * pg.asarray(weights)
    return pg.sum(pg.real(out) if out.dtype == pg.complex128 else out)


def expected_gradient(subscripts, arrays, i, h=1e-6):
    x = arrays[i]
    g = np.zeros_like(x)

    def value(z):
        out = np.einsum(subscripts, *arrays[:i], z, *arrays[i + 1 :])
        return np.sum(np.real(out) * np.cos(np.arange(out.size)).reshape(out.shape))

    for unit in (1, 1j) if np.iscomplexobj(x) else (1,):
        for k in np.ndindex(x.shape):
            step = np.zeros_like(x)
            step[k] = h * unit
            g[k] += unit * (value(x + step) - value(x - step)) / (2 * h)
    return g


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
@pytest.mark.parametrize("subscripts", CASES)
def test_value_and_gradient(subscripts, dtype):
    arrays = arrays_for(subscripts, dtype)
    np.testing.assert_allclose(
        pg.einsum(subscripts, *arrays), np.einsum(subscripts, *arrays), rtol=1e-12, atol=1e-12
    )
    numbers = tuple(range(len(arrays)))
    grads = pg.grad(lambda *a: total(pg.einsum(subscripts, *a)), argnums=numbers)(*arrays)
    for i, g in enumerate(grads):
        assert g.dtype == dtype
        np.testing.assert_allclose(
            g, expected_gradient(subscripts, arrays, i), rtol=1e-7, atol=1e-8
        )


@pytest.mark.parametrize("subscripts", ["ij,jk,kl->il", "ii,i->i", "bij,bkj->bik"])
def test_second_derivative(subscripts):
    arrays = arrays_for(subscripts)

    def f(x):
        return total(pg.einsum(subscripts, x, *arrays[1:]) ** 2)

    direction = rng.normal(size=arrays[0].shape)
    product = pg.grad(lambda x: pg.sum(pg.grad(f)(x) * pg.asarray(direction)))(arrays[0])
    h = 1e-6
    up, down = pg.grad(f)(arrays[0] + h * direction), pg.grad(f)(arrays[0] - h * direction)
    np.testing.assert_allclose(product, (up - down) / (2 * h), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("subscripts", CASES)
def test_strict(subscripts):
    arrays = arrays_for(subscripts)
    strict = [array_api_strict.asarray(x) for x in arrays]

    def f(*operands):
        return pg.sum(pg.einsum(subscripts, *operands) ** 2)

    got = pg.grad(f)(*strict)
    assert type(got) is type(strict[0])
    np.testing.assert_allclose(np.from_dlpack(got), pg.grad(f)(*arrays))


@pytest.mark.parametrize(
    ("subscripts", "shapes"),
    [
        ("...ij,...jk->...ik", [(5, 1, 2, 3), (4, 3, 2)]),
        ("...i,i->...", [(2, 4, 3), (3,)]),
        ("i...->...", [(3, 2, 2)]),
        ("...", [(2, 3)]),
        ("ij...,jk", [(2, 3, 4), (3, 2)]),
        ("...ii->...i", [(2, 3, 3)]),
        ("ij,ij->ij", [(1, 3), (2, 3)]),
        ("ij,ij->", [(1, 3), (2, 1)]),
        ("i,i->i", [(1,), (1,)]),
        ("i->i", [(0,)]),
        ("ii->i", [(0, 0)]),
        ("ij,jk->ik", [(2, 0), (0, 3)]),
        (" i j , j k -> i k ", [(2, 3), (3, 2)]),
    ],
)
def test_ellipsis_broadcasting_and_empty(subscripts, shapes):
    arrays = [rng.normal(size=shape) for shape in shapes]
    np.testing.assert_allclose(
        pg.einsum(subscripts, *arrays), np.einsum(subscripts, *arrays), atol=1e-13
    )
    g = pg.grad(lambda x: pg.sum(pg.einsum(subscripts, x, *arrays[1:])))(arrays[0])
    if g.size:
        h = 1e-6
        step = np.zeros_like(arrays[0])
        step.flat[0] = h
        up = np.einsum(subscripts, arrays[0] + step, *arrays[1:]).sum()
        down = np.einsum(subscripts, arrays[0] - step, *arrays[1:]).sum()
        assert g.flat[0] == pytest.approx((up - down) / (2 * h), rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("optimize", ["auto", True, False, "greedy", "optimal"])
def test_every_path_gives_the_same(optimize):
    arrays = arrays_for("b,bi,bij,bjk->k")
    np.testing.assert_allclose(
        pg.einsum("b,bi,bij,bjk->k", *arrays, optimize=optimize),
        np.einsum("b,bi,bij,bjk->k", *arrays),
    )


def test_the_path_avoids_the_large_intermediate(monkeypatch):
    """Left to right this chain makes a 3000 x 3000 matrix; the path must not."""
    column, row = np.ones((3000, 1)), np.ones((1, 3000))
    biggest = []
    traced = pg.ops.linear_algebra.matmul

    def spy(a, b):
        out = traced(a, b)
        biggest.append(out.size)
        return out

    monkeypatch.setattr(sys.modules["polygrad.ops.einsum"], "matmul", spy)
    out = pg.einsum("ij,jk,kl->il", column, row, column)
    np.testing.assert_allclose(out, 3000.0)
    assert max(biggest) <= 3000


def test_numbers_for_letters():
    a, b = arrays_for("ij,jk")
    np.testing.assert_allclose(pg.einsum(a, [0, 1], b, [1, 2], [2, 0]), (a @ b).T)
    np.testing.assert_allclose(pg.einsum(a, [0, 1], b, [1, 2]), a @ b)
    np.testing.assert_allclose(pg.einsum(a, [Ellipsis, 0], [0, Ellipsis]), a.T)


def test_float32_and_integers_keep_their_dtype():
    a, b = (x.astype(np.float32) for x in arrays_for("ij,jk"))
    assert pg.einsum("ij,jk->ik", a, b).dtype == np.float32
    n = np.arange(6, dtype=np.int32).reshape(2, 3)
    assert pg.einsum("ij->i", n).dtype == np.int32
    np.testing.assert_array_equal(pg.einsum("ij->i", n), n.sum(axis=1))


@pytest.mark.parametrize(
    ("args", "error", "match"),
    [
        (("ij,jk->ik", np.ones((2, 3))), "ArgumentValueError", "describes 2 operands, got 1"),
        (("ij->ik", np.ones((2, 3))), "ArgumentValueError", "may name each letter"),
        (("ij->ii", np.ones((2, 3))), "ArgumentValueError", "may name each letter"),
        (("i1->i", np.ones((2, 3))), "ArgumentValueError", "expected letters"),
        (("ijk->i", np.ones((2, 3))), "ShapeError", "names 3 axes"),
        (("ij,jk->ik", np.ones((2, 3)), np.ones((4, 2))), "ShapeError", "lengths 3 and 4"),
        (("ii->i", np.ones((2, 3))), "ShapeError", "diagonal"),
        (("i->i", [1.0]), "ArgumentTypeError", "operand 1 is list"),
    ],
)
def test_bad_input(args, error, match):
    with pytest.raises(getattr(pg.errors, error), match=match):
        pg.einsum(*args)
