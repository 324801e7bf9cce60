"""The cases: sizes, data and starting values, the same for every library.

A case has a ``kind``, which names the function ``f(arguments, *data)`` to differentiate by its
list of arguments, and says in ``wants`` what a call gives, as a list:

- "step": the loss, and the arguments after a step of gradient descent;
- "value and gradient": both;
- "gradient": that alone.
"""

from dataclasses import dataclass

import numpy as np

Arrays = list[np.ndarray]
LEARNING_RATE = 0.05
HEADS = 4  # of the transformer
EPSILON = 1e-5  # of its norms


def _normal(rng: np.random.Generator, shape: tuple[int, ...], scale: float) -> np.ndarray:
    return (rng.standard_normal(shape) * scale).astype(np.float32)


@dataclass(frozen=True)
class Mlp:
    """A tanh network with softmax cross-entropy, float32."""

    name: str
    batch: int
    sizes: tuple[int, ...]
    kind = "mlp"
    dtype = "float32"
    wants = "step"

    @property
    def size(self) -> int:
        """The number of weights."""
        return sum(n * m for n, m in zip(self.sizes, self.sizes[1:], strict=False))

    def arguments(self) -> Arrays:
        """Weights and biases in turn, fresh copies."""
        rng = np.random.default_rng(0)
        found = []
        for n_in, n_out in zip(self.sizes, self.sizes[1:], strict=False):
            found.append(_normal(rng, (n_in, n_out), (2 / (n_in + n_out)) ** 0.5))
            found.append(np.zeros(n_out, np.float32))
        return found

    def data(self) -> tuple[np.ndarray, ...]:
        """Inputs and integer labels."""
        rng = np.random.default_rng(1)
        x = _normal(rng, (self.batch, self.sizes[0]), 1)
        return x, rng.integers(0, self.sizes[-1], self.batch)


@dataclass(frozen=True)
class Conv:
    """A convolution net with softmax cross-entropy, float32.

    Convolution 3x3, relu, convolution 3x3 by steps of two, relu, means of 2x2, a dense layer.
    Images are (batch, height, width, channels) and filters (height, width, in, out); a library
    that wants another order turns them round before the clock starts.
    """

    name: str
    batch: int = 32
    side: int = 28
    channels: tuple[int, int, int] = (1, 8, 16)
    classes: int = 10
    kind = "conv"
    dtype = "float32"
    wants = "step"

    def arguments(self) -> Arrays:
        """Filters and biases of two convolutions, weight and bias of the dense layer."""
        rng = np.random.default_rng(0)
        found = []
        for n_in, n_out in zip(self.channels, self.channels[1:], strict=False):
            found.append(_normal(rng, (3, 3, n_in, n_out), (2 / (9 * n_in)) ** 0.5))
            found.append(np.zeros(n_out, np.float32))
        pooled = ((self.side - 2 - 3) // 2 + 1) // 2
        features = pooled * pooled * self.channels[-1]
        found.append(_normal(rng, (features, self.classes), features**-0.5))
        found.append(np.zeros(self.classes, np.float32))
        return found

    def data(self) -> tuple[np.ndarray, ...]:
        """Images and integer labels."""
        rng = np.random.default_rng(1)
        x = _normal(rng, (self.batch, self.side, self.side, self.channels[0]), 1)
        return x, rng.integers(0, self.classes, self.batch)


@dataclass(frozen=True)
class Transformer:
    """A pre-norm transformer block with the mean squared error, float32.

    x + attention(norm(x)), and of that y, y + mlp(norm(y)), with gelu in its tanh form.
    """

    name: str
    batch: int = 8
    length: int = 32
    width: int = 64
    kind = "transformer"
    dtype = "float32"
    wants = "step"

    def arguments(self) -> Arrays:
        """Norm (scale, shift), to q, k and v, out of attention, norm, into and out of the MLP."""
        rng = np.random.default_rng(0)
        d = self.width
        found = []
        for n_in, n_out in ((0, d), (d, 3 * d), (d, d), (0, d), (d, 4 * d), (4 * d, d)):
            scale = _normal(rng, (n_in, n_out), n_in**-0.5) if n_in else np.ones(d, np.float32)
            found += [scale, np.zeros(n_out, np.float32)]
        return found

    def data(self) -> tuple[np.ndarray, ...]:
        """Inputs and targets."""
        rng = np.random.default_rng(1)
        shape = (self.batch, self.length, self.width)
        return _normal(rng, shape, 1), _normal(rng, shape, 1)


@dataclass(frozen=True)
class GaussianProcess:
    """The negative log marginal likelihood of a Gaussian process and its gradient, float64.

    The covariance is exp(2 a) exp(-|(x - x') / exp(s)|^2 / 2), and exp(2 n) of noise besides.
    """

    name: str
    size: int = 200
    dimensions: int = 3
    kind = "gp"
    dtype = "float64"
    wants = "value and gradient"

    def arguments(self) -> Arrays:
        """The logarithms s of the length scales, a of the amplitude and n of the noise."""
        return [np.linspace(-0.2, 0.2, self.dimensions), np.asarray(0.1), np.asarray(-1.0)]

    def data(self) -> tuple[np.ndarray, ...]:
        """Places and observations."""
        rng = np.random.default_rng(1)
        x = rng.uniform(-2, 2, (self.size, self.dimensions))
        return x, np.sin(x).sum(axis=1) + 0.3 * rng.standard_normal(self.size)


@dataclass(frozen=True)
class Chain:
    """The gradient of sum(tanh(x) exp(-x^2) + log1p(x^2))."""

    name: str
    size: int
    dtype: str
    kind = "chain"
    wants = "gradient"

    def arguments(self) -> Arrays:
        """Where the gradient is taken."""
        rng = np.random.default_rng(2)
        return [rng.standard_normal(self.size).astype(self.dtype)]

    def data(self) -> tuple[np.ndarray, ...]:
        """Nothing else."""
        return ()


Case = Mlp | Conv | Transformer | GaussianProcess | Chain

MODELS = (
    Mlp("tiny", 8, (16, 32, 32, 4)),
    Mlp("mnist", 128, (784, 256, 128, 10)),
    Mlp("wide", 256, (1024, 2048, 2048, 10)),
    Conv("conv"),
    Transformer("transformer"),
    GaussianProcess("gp"),
)
CHAINS = tuple(
    Chain(f"chain 1e{power} {dtype}", 10**power, dtype)
    for dtype in ("float32", "float64")
    for power in (4, 5, 6, 7)
)
WIDTHS = tuple(Mlp(f"mlp {n}", 128, (n, n, n, 10)) for n in (32, 128, 512, 2048))
CASES: dict[str, Case] = {case.name: case for case in (*MODELS, *CHAINS, *WIDTHS)}
