"""Random numbers: known answers, the same bits on every device, and the distributions."""

import math
from typing import Any

import numpy as np
import pytest
import scipy.stats
from op_driver import DEVICES, on

import polygrad as pg

KEY = pg.random.key(7)


@pytest.mark.parametrize(
    ("words", "number", "expected"),
    # The known-answer tests of Random123 for Threefry-2x32 with 20 rounds.
    [
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((0xFFFFFFFF,) * 2, (0xFFFFFFFF,) * 2, (0x1CB996FC, 0xBB002BE7)),
        ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_threefry_known_answers(words: Any, number: Any, expected: Any) -> None:
    assert pg.random.threefry(words, *number) == expected
    arrays = [np.full(3, word, dtype=np.uint32) for word in number]
    before = [array.copy() for array in arrays]
    for block, word in zip(pg.random.threefry(words, *arrays), expected, strict=True):
        assert block.dtype == np.uint32
        assert block.tolist() == [word] * 3
    assert all((a == b).all() for a, b in zip(arrays, before, strict=True))


DRAWS = {
    "bits": lambda device: pg.random.bits(KEY, (3, 5), device=device),
    "bits64": lambda device: pg.random.bits(KEY, (7,), dtype="uint64", device=device),
    "bits8": lambda device: pg.random.bits(KEY, 9, dtype="uint8", device=device),
    "uniform": lambda device: pg.random.uniform(KEY, (101,), low=-2, high=3, device=device),
    "uniform32": lambda device: pg.random.uniform(KEY, (101,), dtype="float32", device=device),
    "randint": lambda device: pg.random.randint(KEY, (101,), low=-5, high=9, device=device),
    "permutation": lambda device: pg.random.permutation(KEY, 1000, device=device),
    "bernoulli": lambda device: pg.random.bernoulli(KEY, 0.3, (101,), device=device),
    "nothing": lambda device: pg.random.bits(KEY, (0, 2), device=device),
    "scalar": lambda device: pg.random.uniform(KEY, device=device),
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", DRAWS)
def test_the_same_on_every_device(name: str, device: str) -> None:
    with on(device) as place:
        found = DRAWS[name](place)
        expected = DRAWS[name]("cpu")
        assert found.device == place
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        assert found.tolist() == expected.tolist()
        assert DRAWS[name](None).device == place


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("dtype", "digits"), [("float64", 14), ("float32", 6)])
def test_normal_is_the_same_to_rounding(device: str, dtype: str, digits: int) -> None:
    with on(device) as place:
        found = pg.random.normal(KEY, (1001,), dtype=dtype, device=place)
        expected = pg.random.normal(KEY, (1001,), dtype=dtype, device="cpu")
        assert found.dtype == dtype
        np.testing.assert_allclose(
            pg.to_numpy(found), pg.to_numpy(expected), rtol=10.0**-digits, atol=10.0**-digits
        )


def test_an_element_depends_on_its_place_alone() -> None:
    for draw in (pg.random.bits, pg.random.uniform, pg.random.normal):
        assert draw(KEY, 5).tolist() == draw(KEY, 12).tolist()[:5]
        assert draw(KEY, (2, 3)).tolist() == pg.reshape(draw(KEY, 6), (2, 3)).tolist()


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_uniform_is_uniform(dtype: str) -> None:
    drawn = pg.to_numpy(pg.random.uniform(KEY, 50_000, dtype=dtype))
    assert drawn.dtype == dtype
    assert drawn.min() >= 0
    assert drawn.max() < 1
    steps = 2.0 ** {"float64": 53, "float32": 24, "float16": 11}[dtype]
    assert (drawn.astype(np.float64) * steps % 1 == 0).all()
    spread = drawn.astype(np.float64) + 0.5 / steps
    assert scipy.stats.kstest(spread, "uniform").pvalue > 1e-3


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_normal_is_normal(dtype: str) -> None:
    drawn = pg.to_numpy(pg.random.normal(KEY, 50_001, dtype=dtype))
    assert drawn.dtype == dtype
    assert np.isfinite(drawn).all()
    if dtype != "float16":  # too coarse for this test of a continuous distribution
        assert scipy.stats.kstest(drawn, "norm").pvalue > 1e-3
    assert abs(drawn.astype(np.float64).std() - 1) < 0.02
    neighbours = np.corrcoef(drawn[0:-1:2].astype(np.float64), drawn[1::2].astype(np.float64))
    assert abs(neighbours[0, 1]) < 0.03


def test_the_largest_words_give_finite_normals() -> None:
    # Box and Muller take a logarithm: of a number that is never 0, at either end.
    for dtype, digits in (("float64", 53), ("float32", 32)):
        one = np.asarray(2.0**-digits, dtype=dtype)
        assert np.isfinite(np.sqrt(-2 * np.log(one)))
    drawn = pg.random.normal(pg.random.key(1), 400_000, dtype="float32")
    assert pg.max(pg.abs(drawn)).item() > 4.4


def test_randint_covers_its_range_evenly() -> None:
    drawn = pg.to_numpy(pg.random.randint(KEY, 60_000, low=-2, high=4))
    values, counts = np.unique(drawn, return_counts=True)
    assert values.tolist() == [-2, -1, 0, 1, 2, 3]
    assert scipy.stats.chisquare(counts).pvalue > 1e-3
    small = pg.random.randint(KEY, 1000, low=-128, high=128, dtype="int8")
    assert small.dtype == pg.int8
    assert min(small.tolist()) < -120
    assert max(small.tolist()) > 120
    wide = pg.random.randint(KEY, 100, low=0, high=2**63 - 1)
    assert max(wide.tolist()) > 2**62


def test_permutation_orders_every_way() -> None:
    seen: dict[tuple[int, ...], int] = {}
    for key in pg.random.split(KEY, 1200):
        order = tuple(pg.random.permutation(key, 3).tolist())
        seen[order] = seen.get(order, 0) + 1
    assert len(seen) == 6
    assert scipy.stats.chisquare(list(seen.values())).pvalue > 1e-3
    for n in (0, 1, 2, 1000):
        assert sorted(pg.random.permutation(KEY, n).tolist()) == list(range(n))


def test_permutation_of_an_array() -> None:
    x = np.arange(12.0).reshape(4, 3)
    order = pg.random.permutation(KEY, 4).tolist()
    found = pg.random.permutation(KEY, x)
    assert isinstance(found, np.ndarray)
    assert found.tolist() == x[order].tolist()
    columns = pg.random.permutation(KEY, x, axis=1)
    assert columns.tolist() == x[:, pg.random.permutation(KEY, 3).tolist()].tolist()
    g = pg.grad(lambda x: pg.sum(pg.random.permutation(KEY, x)[0] * 2.0))(x)
    assert g.sum() == 6.0
    assert g[order[0]].tolist() == [2.0] * 3


def test_bernoulli() -> None:
    drawn = pg.to_numpy(pg.random.bernoulli(KEY, 0.3, 20_000))
    assert drawn.dtype == np.bool
    assert abs(drawn.mean() - 0.3) < 0.012
    assert not pg.any(pg.random.bernoulli(KEY, 0.0, 1000)).item()
    assert pg.all(pg.random.bernoulli(KEY, 1.0, 1000)).item()
    p = pg.asarray([0.0, 0.5, 1.0], dtype="float32")
    assert pg.random.bernoulli(KEY, p).shape == (3,)
    columns = pg.to_numpy(pg.random.bernoulli(KEY, p, (400, 3))).mean(axis=0)
    assert columns[0] == 0
    assert 0.4 < columns[1] < 0.6
    assert columns[2] == 1


def test_keys_differ_and_are_reproducible() -> None:
    keys = pg.random.split(KEY, 500)
    keys += [pg.random.fold_in(KEY, i) for i in range(500)]
    keys += [pg.random.key(i) for i in range(500)]
    assert len(set(keys)) == 1500
    assert pg.random.split(KEY, 2) == pg.random.split(KEY, 500)[:2]
    assert pg.random.key(2**40 + 3) == pg.random.Key(2**8, 3)
    # No block of a key is both a number that was drawn and a key that was split off.
    drawn = set(pg.random.bits(KEY, 1000).tolist())
    derived = keys[:1000]
    assert sum(key.low in drawn for key in derived) <= 1
    streams = [pg.to_numpy(pg.random.normal(key, 2000)) for key in pg.random.split(KEY, 2)]
    assert abs(np.corrcoef(*streams)[0, 1]) < 4 / math.sqrt(2000)


def test_a_key_is_a_pytree_of_one_array() -> None:
    leaves, spec = pg.tree.flatten({"key": pg.random.key(5)})
    assert [leaf.tolist() for leaf in leaves] == [[0, 5]]
    assert pg.tree.unflatten(spec, leaves)["key"] == pg.random.key(5)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: pg.random.uniform(0, (2,)), TypeError, "pg.random.key"),
        (lambda: pg.random.key(-1), ValueError, "seed is -1"),
        (lambda: pg.random.key(2**64), ValueError, r"2\*\*64 - 1"),
        (lambda: pg.random.key(1.5), TypeError, "seed is float 1.5"),
        (lambda: pg.random.key(True), TypeError, "seed is bool"),
        (lambda: pg.random.split(KEY, -1), ValueError, "n is -1"),
        (lambda: pg.random.fold_in(KEY, 2**32), ValueError, r"2\*\*32 - 1"),
        (lambda: pg.random.bits(KEY, dtype="int32"), TypeError, "unsigned|uint32"),
        (lambda: pg.random.bits(KEY, (2, -1)), ValueError, "lengths of 0 or more"),
        (lambda: pg.random.bits(KEY, 2.5), TypeError, "shape is 2.5"),
        (lambda: pg.random.bits(KEY, (2**40,)), ValueError, "split the key"),
        (lambda: pg.random.uniform(KEY, dtype="int32"), TypeError, "real floating"),
        (lambda: pg.random.normal(KEY, dtype="complex64"), TypeError, "real floating"),
        (lambda: pg.random.uniform(KEY, low=2.0, high=1.0), ValueError, "low <= high"),
        (lambda: pg.random.uniform(KEY, low="a"), TypeError, "low is str"),
        (lambda: pg.random.randint(KEY, low=3, high=3), ValueError, "low < high"),
        (lambda: pg.random.randint(KEY, high=300, dtype="uint8"), ValueError, "within uint8"),
        (lambda: pg.random.randint(KEY, high=2.5), TypeError, "high is 2.5"),
        (lambda: pg.random.randint(KEY, high=3, dtype="float32"), TypeError, "integer type"),
        (lambda: pg.random.permutation(KEY, -2), ValueError, "x is -2"),
        (lambda: pg.random.permutation(KEY, pg.zeros(())), ValueError, "axis 0"),
        (lambda: pg.random.permutation(KEY, pg.zeros(2), device="cpu"), ValueError, "stays"),
        (lambda: pg.random.bernoulli(KEY, 1.5), ValueError, "from 0 to 1"),
        (lambda: pg.random.bernoulli(KEY, math.nan), ValueError, "from 0 to 1"),
        (lambda: pg.random.bernoulli(KEY, pg.zeros(3), (2,)), ValueError, "broadcast"),
        (lambda: pg.random.uniform(KEY, device="nowhere"), ValueError, "nowhere"),
    ],
)
def test_bad_arguments(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(pg.PolygradError, match=words) as caught:
        call()
    assert isinstance(caught.value, error)
