"""Keys are arrays: traced, mapped, carried, saved and printed, with the same bits everywhere."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from op_driver import DEVICES, on

import polygrad as pg

KEY = pg.random.key(2**40 + 7)
SAMPLERS = {
    "bits8": lambda key: pg.random.bits(key, (2, 3), "uint8"),
    "bits32": lambda key: pg.random.bits(key, (3, 2)),
    "bits64": lambda key: pg.random.bits(key, 5, "uint64"),
    "uniform": lambda key: pg.random.uniform(key, (5,)),
    "uniform32": lambda key: pg.random.uniform(key, (5,), dtype="float32"),
    "uniform16": lambda key: pg.random.uniform(key, (5,), dtype="float16"),
    "uniform to": lambda key: pg.random.uniform(key, (2, 2), -3.0, 0.1),
    "normal": lambda key: pg.random.normal(key, (5,)),
    "normal32": lambda key: pg.random.normal(key, (5,), "float32"),
    "randint": lambda key: pg.random.randint(key, (2, 3), -7, 11),
    "randint8": lambda key: pg.random.randint(key, (3,), -100, 100, dtype="int8"),
    "permutation": lambda key: pg.random.permutation(key, 7),
    "permuted": lambda key: pg.random.permutation(key, pg.arange(6, device=key.device)),
    "bernoulli": lambda key: pg.random.bernoulli(key, 0.4, (9,)),
    "bernoulli of": lambda key: pg.random.bernoulli(key, pg.asarray([0.1, 0.9], dtype="float32")),
    "split": lambda key: pg.random.key_data(pg.random.split(key, 3)),
    "fold_in": lambda key: pg.random.key_data(pg.random.fold_in(key, 9)),
    "key": lambda key: pg.random.key_data(pg.random.key(pg.random.bits(key))),
    "empty": lambda key: pg.random.uniform(key, (0, 3)),
}
ROUNDED = {"normal": 1e-14, "normal32": 1e-6}  # a logarithm and a cosine, to rounding


def same(name: str, found: Any, expected: Any) -> None:
    found, expected = pg.to_numpy(found), pg.to_numpy(expected)
    assert found.dtype == expected.dtype
    if name in ROUNDED:
        np.testing.assert_allclose(found, expected, rtol=ROUNDED[name], atol=ROUNDED[name])
    else:
        np.testing.assert_array_equal(found, expected)


def jitted(draw: Any, key: Any) -> Any:
    return pg.jit(draw)(key)


def mapped(draw: Any, key: Any) -> Any:
    keys = pg.random.split(key, 4)
    every = pg.vmap(draw)(keys)
    for i in range(4):
        same("normal32" if every.dtype.is_inexact else "", every[i], draw(keys[i]))
    same_key = pg.vmap(lambda _, key: draw(key), in_axes=(0, None))(pg.arange(2), key)
    return same_key[1]


def carried(draw: Any, key: Any) -> Any:
    """Eager and jitted, more steps than jit unrolls: the draws of the last step."""

    def step(key: Any, _: Any) -> Any:
        return pg.random.split(key, 2)[0], draw(key)

    def rows(key: Any) -> Any:
        return pg.scan(step, key, length=18)[1]

    expected = key
    for _ in range(17):
        expected = pg.random.split(expected, 2)[0]
    eager, compiled = rows(key), pg.jit(rows)(key)
    same("normal32" if eager.dtype.is_inexact else "", compiled, eager)
    same("normal32" if eager.dtype.is_inexact else "", eager[17], draw(expected))
    return compiled[0]


def looped(draw: Any, key: Any) -> Any:
    """A key in the carry of a while_loop and of a fori_loop, jitted."""
    start = pg.zeros_like(draw(key))

    def run(key: Any, n: Any) -> Any:
        return pg.while_loop(
            lambda c: c[2] < n,
            lambda c: (pg.random.fold_in(c[0], 3), draw(c[0]), c[2] + 1),
            (key, start, 0),
        )[1]

    other = pg.jit(
        lambda key: pg.fori_loop(
            0, 17, lambda i, c: (pg.random.fold_in(c[0], 3), draw(c[0])), (key, start)
        )[1]
    )
    later = key
    for _ in range(16):
        later = pg.random.fold_in(later, 3)
    same("normal32" if start.dtype.is_inexact else "", other(key), draw(later))
    return pg.jit(run)(key, pg.asarray(1))


WAYS = {"jit": jitted, "vmap": mapped, "scan": carried, "loops": looped}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", SAMPLERS)
def test_the_same_bits_under_every_transform(name: str, way: str) -> None:
    draw = SAMPLERS[name]
    same(name, WAYS[way](draw, KEY), draw(KEY))


@pytest.mark.parametrize("device", [d for d in DEVICES if getattr(d, "values", [d])[0] != "cpu"])
@pytest.mark.parametrize("name", SAMPLERS)
def test_the_same_bits_on_every_backend(name: str, device: str) -> None:
    if name == "uniform16" and device.startswith(("strict", "dask")):
        pytest.skip("the library, or polygrad's record of it, has no float16")
    draw, expected = SAMPLERS[name], SAMPLERS[name](KEY)
    # XLA rounds a product and a sum in one step where bounds scale the numbers.
    rounded = "normal" if (name, device) == ("uniform to", "jax") else name
    stack = [draw(key) for key in pg.random.split(KEY, 2)]
    with on(device) as place:
        key = pg.random.key(2**40 + 7)
        assert key.device == place
        same(rounded, draw(key), expected)
        same(rounded, pg.jit(draw)(key), expected)
        every = pg.vmap(draw)(pg.random.split(key, 2))
        for i, one in enumerate(stack):
            same(rounded, every[i], one)
        assert KEY.to_device(place) == key
        assert pg.random.key_data(key).device == place


@pytest.mark.parametrize("name", SAMPLERS)
def test_the_same_bits_in_native_code(name: str, monkeypatch: Any, tmp_path: Any) -> None:
    monkeypatch.delenv("POLYGRAD_NATIVE", raising=False)
    monkeypatch.setenv("POLYGRAD_CACHE_DIR", str(tmp_path))
    draw, compiled = SAMPLERS[name], pg.jit(SAMPLERS[name])
    tier = compiled.lower(KEY).native
    used = tier.wait(60)
    for key in pg.random.split(KEY, 3):
        same("normal32" if name in ROUNDED else name, compiled(key), draw(key))
    if "permut" not in name and name != "empty":
        assert used, tier.state


def test_one_trace_for_a_thousand_keys() -> None:
    traces = 0

    def draw(key: Any, step: Any) -> Any:
        nonlocal traces
        traces += 1
        return pg.random.uniform(pg.random.fold_in(key, step), (3,))

    compiled = pg.jit(draw)
    for i, key in enumerate(pg.random.split(KEY, 1000)):
        found = compiled(key, i)
    assert traces == 1
    assert found.tolist() == draw(key, 999).tolist()


def test_a_seed_and_a_number_may_be_traced() -> None:
    made = pg.jit(lambda seed, n: pg.random.fold_in(pg.random.key(seed), n))(2**40 + 7, 5)
    assert made == pg.random.fold_in(KEY, 5)
    seeds = np.asarray([0, 5, 2**33 + 1])
    stacked = pg.random.key(seeds)
    assert stacked.shape == (3,)
    assert list(stacked) == [pg.random.key(int(seed)) for seed in seeds]
    assert pg.vmap(pg.random.key)(seeds) == stacked
    folded = pg.random.fold_in(KEY, np.arange(6).reshape(2, 3))
    assert folded.shape == (2, 3)
    assert folded[1, 2] == pg.random.fold_in(KEY, 5)
    assert pg.vmap(lambda i: pg.random.fold_in(KEY, i))(pg.arange(3)) == folded[0]
    for dtype in ("uint8", "int32", "uint32", "uint64"):
        assert pg.random.fold_in(KEY, pg.asarray(5, dtype=dtype)) == pg.random.fold_in(KEY, 5)
        assert pg.jit(pg.random.key)(pg.asarray(5, dtype=dtype)) == pg.random.key(5)


def test_the_walk_of_a_scan() -> None:
    def walk(key: Any) -> Any:
        def step(carry: Any, _: Any) -> Any:
            key, x = carry
            key, sub = pg.random.split(key)
            return (key, x + pg.random.uniform(sub)), x

        return pg.scan(step, (key, 0.0), length=17)[0][1]

    assert 4 < walk(KEY) < 13
    assert float(pg.jit(walk)(KEY)) == float(walk(KEY))


def test_gradients_pass_a_key_by() -> None:
    x = np.arange(3.0)

    def loss(params: Any) -> Any:
        return pg.sum(params["x"] * pg.random.uniform(params["key"], (3,)))

    for f in (loss, pg.jit(loss)):
        g = pg.grad(f)({"x": x, "key": KEY})
        assert pg.tree.leaves(g["key"]) == []
        assert isinstance(g["x"], np.ndarray)
        assert g["x"].tolist() == pg.random.uniform(KEY, (3,)).tolist()
    value, g = pg.value_and_grad(lambda x, key: loss({"x": x, "key": key}))(x, KEY)
    assert type(value) is type(loss({"x": pg.asarray(x), "key": KEY})._value)
    params = {"x": x, "key": KEY}
    optimizer = pg.optim.adamw(0.1)
    updates, _ = optimizer.update(pg.grad(loss)(params), optimizer.init(params), params)
    assert pg.optim.apply_updates(params, updates)["key"] == KEY
    with pytest.raises(pg.errors.DTypeError, match="nothing to differentiate"):
        pg.grad(lambda key: pg.random.uniform(key))(KEY)


def test_results_have_the_kind_of_the_other_arguments() -> None:
    def noisy(x: Any, key: Any) -> Any:
        return x + pg.random.uniform(key, (2,))

    assert type(pg.jit(noisy)(np.ones(2), KEY)) is np.ndarray
    assert type(pg.jit(noisy)(pg.ones(2), KEY)) is pg.Array
    assert type(pg.jit(lambda key: pg.random.uniform(key))(KEY)) is pg.Array
    assert type(pg.vmap(pg.random.uniform)(pg.random.split(KEY))) is pg.Array
    assert pg.jit(pg.random.split)(KEY) == pg.random.split(KEY)
    assert pg.jit(lambda x, key: (x, pg.random.split(key)))(np.ones(2), KEY)[1] == (
        pg.random.split(KEY)
    )


def test_saved_printed_compared_copied(tmp_path: Any) -> None:
    path = tmp_path / "key.safetensors"
    state = {"key": KEY, "several": pg.random.split(KEY, 3)}
    pg.io.save(path, state)
    loaded = pg.io.load(path, like={"key": pg.random.key(0), "several": pg.random.split(KEY, 3)})
    assert loaded["key"] == KEY
    assert loaded["several"] == state["several"]
    assert repr(KEY) == "Key(0x00000100, 0x00000007)"
    assert repr(pg.random.key(np.asarray([1, 2]))) == (
        "Key([(0x00000000, 0x00000001), (0x00000000, 0x00000002)])"
    )
    for key in (KEY, pg.random.split(KEY, 3)):
        for same_key in (pickle.loads(pickle.dumps(key)), copy.deepcopy(key), copy.copy(key)):
            assert same_key == key
            assert hash(same_key) == hash(key)
    assert pg.random.key(1) != pg.random.key(2)
    assert KEY != "a key"
    assert len({KEY, pg.random.key(2**40 + 7), pg.random.key(1)}) == 2
    static = pg.jit(lambda x, key: x * pg.random.uniform(key), static_argnums=1)
    assert static(1.0, KEY) == pg.random.uniform(KEY).item()
    same_keys = pg.jit(lambda a, b: (a == b, repr(a)))(KEY, KEY)
    assert (bool(same_keys[0]), same_keys[1]) == (True, "Key(traced, shape=())")


@pytest.mark.parametrize(
    "use",
    [
        lambda key: key + 1,
        lambda key: 2.0 * key,
        lambda key: pg.ones(2) * key,
        lambda key: key @ key,
        lambda key: -key,
        lambda key: key < key,
        lambda key: float(key),
        lambda key: range(key),
        lambda key: np.asarray(key),
        lambda key: np.add(key, 1),
        lambda key: np.ones(2) + key,
        lambda key: pg.sin(key),
        lambda key: pg.asarray(key),
        lambda key: pg.random.uniform(pg.random.split(key)),
        lambda key: pg.vmap(pg.random.uniform)(key),
        lambda key: pg.random.wrap_key_data(pg.zeros(2)),
        lambda key: pg.random.wrap_key_data(pg.zeros(3, dtype="uint32")),
        lambda key: key[0],
        lambda key: len(key),
        lambda key: list(key),
        lambda key: pg.jit(lambda key: key + 1)(key),
        lambda key: pg.random.fold_in(key, 1.5),
        lambda key: pg.random.fold_in(key, np.asarray([-1, 2])),
        lambda key: pg.random.key(pg.asarray(1.0)),
        lambda key: pg.jit(lambda n: pg.random.split(key, n))(3),
        lambda key: pg.jit(lambda n: pg.random.uniform(key, (n,)))(3),
        lambda key: pg.jit(lambda n: pg.random.permutation(key, n))(3),
    ],
)
def test_a_key_is_never_taken_for_data(use: Any) -> None:
    with pytest.raises(pg.PolygradError, match=r"key|static_argnums|Key|integer"):
        use(KEY)


def test_bounds_and_probabilities_may_be_arrays() -> None:
    low, high = np.asarray([0.0, 10.0]), np.asarray([1.0, 30.0])
    drawn = pg.random.uniform(KEY, (2,), low, high)
    unit = pg.random.uniform(KEY, (2,))
    assert drawn.tolist() == (unit * (high - low) + low).tolist()
    slope = pg.grad(lambda high: pg.sum(pg.random.uniform(KEY, (2,), 0.0, high)))(2.0)
    assert slope == pg.sum(unit).item()
    numbers = pg.jit(lambda low, high: pg.random.uniform(KEY, (2,), low, high))(-2.0, 3.0)
    assert numbers.tolist() == pg.random.uniform(KEY, (2,), -2.0, 3.0).tolist()
    integers = pg.jit(lambda key, n: pg.random.randint(key, (50,), 0, n))
    for n in (2, 7):
        assert integers(KEY, n).tolist() == pg.random.randint(KEY, (50,), 0, n).tolist()
    ends = pg.random.randint(KEY, (2,), np.asarray([0, 100]), np.asarray([10, 200]))
    assert ends[0].item() < 10 <= 100 <= ends[1].item() < 200
    with pytest.raises(pg.errors.ArgumentValueError, match="low < high"):
        pg.random.randint(KEY, (2,), 0, np.asarray([10, 0]))
    p = np.asarray([0.2, 0.9])
    expected = pg.random.bernoulli(KEY, p, (50, 2)).tolist()
    assert pg.jit(lambda p: pg.random.bernoulli(KEY, p, (50, 2)))(p).tolist() == expected
    by_row = pg.vmap(lambda p: pg.random.bernoulli(KEY, p, (50,)))(p)
    assert 2 < pg.sum(by_row[0]).item() < 25 < pg.sum(by_row[1]).item()
