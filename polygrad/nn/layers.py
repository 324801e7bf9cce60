"""Layers: immutable pytrees of parameters that are called on a batch."""

from collections.abc import Callable, Sequence
from typing import Any

from polygrad import random, tree
from polygrad.array import Array, is_array
from polygrad.core.trace import describe
from polygrad.errors import ArgumentTypeError, ArgumentValueError
from polygrad.nn.initializers import Initializer, glorot_uniform, he_uniform, zeros
from polygrad.ops.activations import relu


@tree.dataclass
class Linear:
    """The affine map x @ weight + bias, for x of shape (..., inputs).

    ``weight`` has shape (inputs, outputs), ``bias`` shape (outputs,) or is None. `init` makes
    one with random parameters. Raises ShapeError for an x of another width.

    >>> layer = pg.nn.Linear(weight=pg.ones((3, 2)), bias=pg.zeros(2))
    >>> layer(pg.ones((5, 3))).shape
    (5, 2)
    """

    weight: Array
    bias: Array | None = None

    @classmethod
    def init(
        cls,
        key: random.Key,
        inputs: int,
        outputs: int,
        *,
        bias: bool = True,
        weight_init: Initializer = glorot_uniform,
        bias_init: Initializer = zeros,
        dtype: Any = None,
        device: Any = None,
    ) -> "Linear":
        """A layer with random parameters; ``dtype`` float64 by default.

        Raises ArgumentTypeError or ArgumentValueError for sizes that are not positive integers.

        >>> pg.nn.Linear.init(pg.random.key(0), 64, 10, dtype=pg.float32).weight.dtype
        polygrad.float32
        """
        inputs, outputs = (
            _size("Linear.init", name, n) for name, n in (("inputs", inputs), ("outputs", outputs))
        )
        for_weight, for_bias = random.split(key)
        return cls(
            weight_init(for_weight, (inputs, outputs), dtype=dtype, device=device),
            bias_init(for_bias, (outputs,), dtype=dtype, device=device) if bias else None,
        )

    def __call__(self, x: Any) -> Any:
        """The layer's outputs, of shape (..., outputs)."""
        if not is_array(x) or not x.shape:
            raise ArgumentTypeError(
                f"Linear: x is {describe(x)}, expected an array of shape (..., "
                f"{self.weight.shape[0]}); pass pg.asarray(...) of it"
            )
        out = x @ self.weight
        return out if self.bias is None else out + self.bias


@tree.dataclass
class MLP:
    """A multilayer perceptron: linear layers with an activation between each two.

    Made by `init`. The last layer has no activation: its outputs are logits, or predictions.

    >>> model = pg.nn.MLP.init(pg.random.key(0), [2, 8, 1], activation=pg.tanh)
    >>> model(pg.ones((5, 2))).shape
    (5, 1)
    """

    layers: tuple[Linear, ...]
    activation: Callable[[Any], Any] = tree.static(default=relu)

    @classmethod
    def init(
        cls,
        key: random.Key,
        sizes: Sequence[int],
        *,
        activation: Callable[[Any], Any] = relu,
        weight_init: Initializer = he_uniform,
        dtype: Any = None,
        device: Any = None,
    ) -> "MLP":
        """A network with random weights and zero biases; ``dtype`` float64 by default.

        ``sizes`` are the widths from the inputs to the outputs, at least two. Raises
        ArgumentValueError for fewer, ArgumentTypeError where they are not integers or
        ``activation`` is not a function.

        >>> len(pg.nn.MLP.init(pg.random.key(0), [64, 32, 10]).layers)
        2
        """
        if isinstance(sizes, str) or not isinstance(sizes, Sequence):
            raise ArgumentTypeError(
                f"MLP.init: sizes is {sizes!r:.60}, expected a list of widths such as [64, 32, 10]"
            )
        if len(sizes) < 2:
            raise ArgumentValueError(
                f"MLP.init: sizes is {list(sizes)}, expected at least two widths, the inputs and "
                "the outputs"
            )
        if not callable(activation):
            raise ArgumentTypeError(
                f"MLP.init: activation is {activation!r:.60}, expected a function such as "
                "pg.nn.relu"
            )
        keys = random.split(key, len(sizes) - 1)
        layers = tuple(
            Linear.init(k, n, m, weight_init=weight_init, dtype=dtype, device=device)
            for k, n, m in zip(keys, sizes[:-1], sizes[1:], strict=True)
        )
        return cls(layers, activation)

    def __call__(self, x: Any) -> Any:
        """The outputs of the last layer, of shape (..., outputs)."""
        *hidden, last = self.layers
        for layer in hidden:
            x = self.activation(layer(x))
        return last(x)


def _size(name: str, argument: str, value: Any) -> int:
    if type(value) is bool or not hasattr(value, "__index__"):
        raise ArgumentTypeError(
            f"{name}: {argument} is {type(value).__name__} {value!r:.40}, expected an integer"
        )
    if (value := value.__index__()) < 1:
        raise ArgumentValueError(f"{name}: {argument} is {value}, expected 1 or more")
    return value
