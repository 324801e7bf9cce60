"""Data sets in memory, and saved weights."""

import os
import pathlib
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from op_driver import DEVICES, on

import polygrad as pg

KEY = pg.random.key(5)
DTYPES = ["bool", "float16", "float32", "float64"]
DTYPES += [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]


def _set(n: int = 10) -> dict[str, Any]:
    return {"x": np.arange(2.0 * n).reshape(n, 2), "label": np.arange(n)}


@pytest.mark.parametrize("device", DEVICES)
def test_minibatches_hold_every_example_once(device: str) -> None:
    with on(device) as place:
        data = pg.tree.map(lambda leaf: pg.asarray(leaf, device=place), _set())
        batches = list(pg.data.minibatches(data, 4, key=KEY))
        assert [len(batch["label"]) for batch in batches] == [4, 4, 2]
        assert all(leaf.device == place for batch in batches for leaf in pg.tree.leaves(batch))
        labels = [label for batch in batches for label in batch["label"].tolist()]
        assert labels == pg.random.permutation(KEY, 10, device="cpu").tolist()
        for batch in batches:
            rows = [[2.0 * i, 2.0 * i + 1] for i in batch["label"].tolist()]
            assert batch["x"].tolist() == rows


def test_minibatches_without_a_key_stand_in_order() -> None:
    batches = list(pg.data.minibatches(_set(), 4, drop_last=True))
    assert [batch["label"].tolist() for batch in batches] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert all(isinstance(batch["x"], np.ndarray) for batch in batches)
    shuffled = list(pg.data.minibatches(_set(), 10, key=KEY))
    assert isinstance(shuffled[0]["x"], np.ndarray)
    assert list(pg.data.minibatches(_set(0), 4, key=KEY)) == []


def test_minibatches_check_before_the_first_batch() -> None:
    with pytest.raises(ValueError, match="batch_size is 0"):
        pg.data.minibatches(_set(), 0)


@pytest.mark.parametrize("device", DEVICES)
def test_split_deals_out_every_example(device: str) -> None:
    with on(device) as place:
        data = pg.tree.map(lambda leaf: pg.asarray(leaf, device=place), _set())
        train, test = pg.data.train_test_split(data, key=KEY, test_size=0.25)
        assert (len(train["label"]), len(test["label"])) == (7, 3)
        dealt = train["label"].tolist() + test["label"].tolist()
        assert dealt == pg.random.permutation(KEY, 10, device="cpu").tolist()
        last = pg.data.train_test_split(data, key=None, test_size=0.2)[1]
        assert last["label"].tolist() == [8, 9]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: pg.data.minibatches({}, 2), ValueError, "no arrays"),
        (lambda: pg.data.minibatches([1, 2], 2), TypeError, r"data\[0\] is int"),
        (lambda: pg.data.minibatches((pg.ones(3), pg.ones(2)), 2), ValueError, r"data\[1\] 2"),
        (lambda: pg.data.minibatches(pg.ones(()), 2), ValueError, "no axes"),
        (lambda: pg.data.minibatches(pg.ones(3), 2.0), TypeError, "batch_size is 2.0"),
        (lambda: pg.data.minibatches(pg.ones(3), 2, key=1), TypeError, "pg.random.key"),
        (
            lambda: pg.data.minibatches((pg.ones(3), pg.ones(3, device="strict")), 2),
            TypeError,
            "one device",
        ),
        (lambda: pg.data.train_test_split(pg.ones(3), key=KEY, test_size=1.0), ValueError, "1.0"),
        (lambda: pg.data.train_test_split(pg.ones(3), key=KEY, test_size="a"), TypeError, "'a'"),
        (lambda: pg.data.train_test_split(pg.ones(1), key=KEY), ValueError, "more examples"),
    ],
)
def test_bad_data(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(pg.PolygradError, match=words) as caught:
        call()
    assert isinstance(caught.value, error)


# -- saving and loading ------------------------------------------------------------------------


def _model(device: Any = None) -> Any:
    return pg.nn.MLP.init(pg.random.key(1), [3, 4, 2], dtype="float32", device=device)


@pytest.mark.parametrize("device", DEVICES)
def test_weights_travel_between_devices(device: str, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "weights.safetensors"
    with on(device) as place:
        pg.io.save(path, _model(place))
        for target in (place, pg.device("cpu")):
            blank = pg.tree.map(pg.zeros_like, _model(target))
            loaded = pg.io.load(path, blank)
            assert type(loaded) is pg.nn.MLP
            for a, b in zip(pg.tree.leaves(loaded), pg.tree.leaves(_model("cpu")), strict=True):
                assert (a.dtype, a.device) == (pg.float32, target)
                assert a.tolist() == b.tolist()


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_and_layout(dtype: str, tmp_path: pathlib.Path) -> None:
    x = np.arange(6).reshape(2, 3).astype(dtype)
    tree = {"plain": x, "transposed": x.T, "strided": x[:, ::2], "empty": x[:0], "scalar": x[1, 1]}
    tree["scalar"] = np.asarray(tree["scalar"])
    pg.io.save(tmp_path / "x", tree)
    loaded = pg.io.load(tmp_path / "x", pg.tree.map(np.zeros_like, tree))
    for name, leaf in tree.items():
        assert isinstance(loaded[name], np.ndarray)
        assert loaded[name].dtype == dtype
        np.testing.assert_array_equal(loaded[name], leaf)
    loaded["plain"][0, 0] = 1  # memory of its own, that may be written


def test_the_file_is_readable_by_safetensors_itself(tmp_path: pathlib.Path) -> None:
    from safetensors.numpy import load_file

    pg.io.save(tmp_path / "w", _model())
    stored = load_file(tmp_path / "w")
    assert sorted(stored) == sorted(
        f"layers[{i}].{name}" for i in range(2) for name in ("weight", "bias")
    )
    assert stored["layers[1].weight"].tolist() == _model().layers[1].weight.tolist()


def test_training_goes_on_from_a_saved_state(tmp_path: pathlib.Path) -> None:
    """Model, optimiser and key in one file; the resumed run takes the very same steps."""
    optimizer = pg.optim.adam(0.05)

    def step(model: Any, state: Any, key: Any) -> Any:
        x = pg.random.normal(key, (5, 3), dtype="float32")
        g = pg.grad(lambda m: pg.mean(m(x) ** 2))(model)
        updates, state = optimizer.update(g, state, model)
        return pg.optim.apply_updates(model, updates), state, pg.random.fold_in(key, 1)

    now = (_model(), optimizer.init(_model()), KEY)
    now = step(*step(*now))
    pg.io.save(tmp_path / "run", now)
    then = pg.io.load(tmp_path / "run", (_model(), optimizer.init(_model()), pg.random.key(0)))
    assert then[1].count == 2
    assert then[2] == now[2]
    for a, b in zip(pg.tree.leaves(step(*now)), pg.tree.leaves(step(*then)), strict=True):
        assert (a.tolist() == b.tolist()) if pg.is_array(a) else a == b


def test_a_failed_write_leaves_the_old_file(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "w"
    pg.io.save(path, {"w": pg.ones(2)})

    def fail(_: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        pg.io.save(path, {"w": pg.zeros(2)})
    monkeypatch.undo()
    assert pg.io.load(path, {"w": pg.zeros(2)})["w"].tolist() == [1.0, 1.0]
    assert os.listdir(tmp_path) == ["w"]
    pg.io.save(path, {"w": pg.zeros(2)})
    assert pg.io.load(path, {"w": pg.ones(2)})["w"].tolist() == [0.0, 0.0]
    assert os.listdir(tmp_path) == ["w"]


def test_mismatches_are_named(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "w"
    pg.io.save(path, {"w": pg.ones(2), "b": 1})
    for like, error, words in (
        ({"w": pg.ones(2)}, ValueError, r"\['b'\] besides"),
        ({"w": pg.ones(2), "b": 1, "c": 2}, ValueError, r"lacks \['c'\]"),
        ({"w": pg.ones(3), "b": 1}, ValueError, r"\['w'\] has shape \(2,\)"),
        ({"w": pg.ones(2, dtype="float32"), "b": 1}, TypeError, r"\['w'\] is float64"),
        ({"w": pg.ones(2), "b": 1.0}, TypeError, r"\['b'\] is int64"),
        ({"w": pg.ones(2), "b": "no"}, TypeError, r"\['b'\] is str"),
    ):
        with pytest.raises(pg.PolygradError, match=words) as caught:
            pg.io.load(path, like)
        assert isinstance(caught.value, error)
    (tmp_path / "junk").write_bytes(b"not a safetensors file")
    with pytest.raises(pg.errors.ArgumentValueError, match="junk is not a safetensors"):
        pg.io.load(tmp_path / "junk", 1)
    with pytest.raises(FileNotFoundError):
        pg.io.load(tmp_path / "absent", 1)
    for leaf, words in (("text", "pg.tree.static"), (pg.ones(1, dtype="complex64"), "pg.real")):
        with pytest.raises(pg.PolygradError, match=words):
            pg.io.save(path, {"leaf": leaf})
    with pytest.raises(pg.errors.LostGradientError, match="stop_gradient"):
        pg.grad(lambda x: pg.io.save(path, x))(1.0)


def test_without_safetensors_the_extra_is_named(tmp_path: pathlib.Path) -> None:
    code = (
        "import sys; sys.modules['safetensors'] = None\n"
        "import polygrad as pg\n"
        "try:\n    pg.io.save('w', pg.ones(2))\n"
        "except ImportError as error:\n    print(type(error).__name__, error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert done.stdout.startswith("MissingPackageError")
    assert "pip install 'polygrad-xp[io]'" in done.stdout
    assert not os.listdir(tmp_path)
