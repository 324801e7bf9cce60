"""Layers as pytrees, initialisers, losses. The activations have rows in the op table."""

from typing import Any

import array_api_strict
import numpy as np
import pytest
from op_driver import DEVICES, on

import polygrad as pg

KEY = pg.random.key(3)


@pytest.mark.parametrize("device", DEVICES)
def test_gradient_by_a_model(device: str) -> None:
    """The gradient has the model's structure, and is that of the formula written out."""
    with on(device) as place:
        model = pg.nn.MLP.init(KEY, [4, 5, 3], dtype="float32")
        x = pg.random.normal(pg.random.key(1), (6, 4), dtype="float32")
        labels = pg.random.randint(pg.random.key(2), (6,), high=3)

        def loss(model: Any) -> Any:
            return pg.mean(pg.nn.softmax_cross_entropy(model(x), labels))

        value, grads = pg.value_and_grad(loss)(model)
        assert type(grads) is pg.nn.MLP
        assert grads.activation is pg.nn.relu
        for leaf, g in zip(pg.tree.leaves(model), pg.tree.leaves(grads), strict=True):
            assert (g.shape, g.dtype, g.device) == (leaf.shape, pg.float32, place)

        w1, b1, w2, b2 = (pg.to_numpy(leaf).astype(np.float64) for leaf in pg.tree.leaves(model))
        data, wanted = pg.to_numpy(x).astype(np.float64), pg.to_numpy(labels)
        hidden = np.maximum(data @ w1 + b1, 0)
        logits = hidden @ w2 + b2
        p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
        assert value.item() == pytest.approx(-np.log(p[np.arange(6), wanted]).mean(), rel=1e-5)
        d = (p - np.eye(3)[wanted]) / 6
        back = (d @ w2.T) * (hidden > 0)
        expected = [data.T @ back, back.sum(0), hidden.T @ d, d.sum(0)]
        for g, e in zip(pg.tree.leaves(grads), expected, strict=True):
            np.testing.assert_allclose(pg.to_numpy(g), e, rtol=1e-4, atol=1e-6)


def test_paths_name_the_fields() -> None:
    model = pg.nn.MLP.init(KEY, [2, 3, 1])
    assert pg.tree.paths(model)[:2] == [".layers[0].weight", ".layers[0].bias"]


def test_a_linear_layer() -> None:
    layer = pg.nn.Linear.init(KEY, 3, 2, bias=False)
    assert layer.bias is None
    assert len(pg.tree.leaves(layer)) == 1
    raw = pg.nn.Linear(np.ones((3, 2)), np.asarray([1.0, 2.0]))
    out = raw(np.ones((4, 5, 3)))
    assert isinstance(out, np.ndarray)
    assert out.shape == (4, 5, 2)
    assert out[0, 0].tolist() == [4.0, 5.0]
    assert raw(pg.ones(3)).tolist() == [4.0, 5.0]


def test_layers_differ_and_keys_reproduce() -> None:
    model = pg.nn.MLP.init(KEY, [4, 4, 4])
    assert model.layers[0].weight.tolist() != model.layers[1].weight.tolist()
    again = pg.nn.MLP.init(KEY, [4, 4, 4])
    assert again.layers[1].weight.tolist() == model.layers[1].weight.tolist()


def test_a_module_of_ones_own() -> None:
    @pg.tree.dataclass
    class Residual:
        inner: pg.nn.Linear
        activation: Any = pg.tree.static(default=pg.tanh)

        def __call__(self, x: Any) -> Any:
            return x + self.activation(self.inner(x))

    block = Residual(pg.nn.Linear.init(KEY, 3, 3))
    g = pg.grad(lambda block: pg.sum(block(pg.ones((2, 3)))))(block)
    assert type(g) is Residual
    assert g.inner.weight.shape == (3, 3)
    with pytest.raises(AttributeError):
        block.inner = None  # type: ignore[misc]
    other = Residual(block.inner, pg.nn.relu)
    with pytest.raises(pg.errors.TreeError):
        pg.tree.map(lambda a, b: a, block, other)


@pytest.mark.parametrize(
    ("name", "variance"),
    [
        ("glorot_uniform", 2 / (300 + 200)),
        ("glorot_normal", 2 / (300 + 200)),
        ("he_uniform", 2 / 300),
        ("he_normal", 2 / 300),
    ],
)
def test_initialisers_have_their_variance(name: str, variance: float) -> None:
    init = getattr(pg.nn, name)
    w = init(KEY, (300, 200), dtype="float32")
    assert w.dtype == pg.float32
    assert pg.mean(w).item() == pytest.approx(0, abs=4 * (variance / 60_000) ** 0.5)
    assert pg.var(w).item() == pytest.approx(variance, rel=0.03)
    if name.endswith("uniform"):
        limit = (3 * variance) ** 0.5
        assert 0.99 * limit < pg.max(pg.abs(w)).item() <= limit
    # A convolution's kernel: the receptive field counts to both sides.
    assert pg.var(init(KEY, (3, 3, 100, 200))).item() == pytest.approx(
        2 / 900 if name.startswith("he") else 2 / 2700, rel=0.03
    )


def test_cross_entropy_marks_bad_labels_where_they_cannot_be_read() -> None:
    """On a device nothing is read back: the loss and the gradient of such a row are nan."""
    with array_api_strict.ArrayAPIStrictFlags(boolean_indexing=False, data_dependent_shapes=False):
        logits = pg.asarray([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], device="strict:device1")
        labels = pg.asarray([0, 2, -1], device="strict:device1")
        losses = pg.nn.softmax_cross_entropy(logits, labels)
        g = pg.grad(lambda x: pg.sum(pg.nn.softmax_cross_entropy(x, labels)))(logits)
        assert pg.isnan(losses).tolist() == [False, True, True]
        assert pg.isnan(g).tolist() == [[False] * 2, [True] * 2, [True] * 2]


def test_cross_entropy_takes_lists_and_keeps_the_dtype() -> None:
    logits = np.asarray([[1.0, 2.0]], dtype=np.float32)
    loss = pg.nn.softmax_cross_entropy(logits, [1])
    assert isinstance(loss, np.ndarray)
    assert loss.dtype == np.float32
    g = pg.grad(lambda x: pg.sum(pg.nn.softmax_cross_entropy(x, [1])))(logits)
    assert g.dtype == np.float32


X = np.zeros((2, 3))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: pg.nn.softmax_cross_entropy(X, np.asarray([0.0, 1.0])), TypeError, "labels is fl"),
        (lambda: pg.nn.softmax_cross_entropy(X, np.asarray([True, False])), TypeError, "labels is"),
        (lambda: pg.nn.softmax_cross_entropy(X, np.asarray([0, 3])), ValueError, "from 0 to 3"),
        (lambda: pg.nn.softmax_cross_entropy(X, np.asarray([0, -1])), ValueError, "from -1 to 0"),
        (lambda: pg.nn.softmax_cross_entropy(X, np.asarray([0])), ValueError, r"shape \(1,\)"),
        (lambda: pg.nn.softmax_cross_entropy(X, np.zeros((2, 3), int)), ValueError, "one for each"),
        (lambda: pg.nn.softmax_cross_entropy(np.zeros((2, 3), int), [0, 1]), TypeError, "logits"),
        (lambda: pg.nn.softmax_cross_entropy(np.zeros(()), 0), ValueError, "classes"),
        (lambda: pg.nn.mse(np.zeros((3, 1)), np.zeros(3)), ValueError, "equal shapes"),
        (lambda: pg.nn.Linear.init(KEY, 0, 3), ValueError, "inputs is 0"),
        (lambda: pg.nn.Linear.init(KEY, 3, 2.0), TypeError, "outputs is float"),
        (lambda: pg.nn.Linear.init(3, 3, 2), TypeError, "pg.random.key"),
        (lambda: pg.nn.MLP.init(KEY, [3]), ValueError, "at least two"),
        (lambda: pg.nn.MLP.init(KEY, 3), TypeError, "list of widths"),
        (lambda: pg.nn.MLP.init(KEY, [3, 2], activation="relu"), TypeError, "pg.nn.relu"),
        (lambda: pg.nn.glorot_uniform(KEY, (3,)), ValueError, "inputs, outputs"),
        (lambda: pg.nn.MLP.init(KEY, [3, 2])(pg.ones((4, 5))), ValueError, "matmul"),
    ],
)
def test_bad_arguments(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(pg.PolygradError, match=words) as caught:
        call()
    assert isinstance(caught.value, error)
