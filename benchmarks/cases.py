"""The cases: sizes, data and starting weights, the same for every library."""

from dataclasses import dataclass

import numpy as np

LEARNING_RATE = 0.05


@dataclass(frozen=True)
class Mlp:
    """One SGD step of a tanh network with softmax cross-entropy, float32."""

    name: str
    batch: int
    sizes: tuple[int, ...]

    def weights(self) -> list[np.ndarray]:
        """Weights and biases in turn, fresh copies."""
        rng = np.random.default_rng(0)
        found = []
        for n_in, n_out in zip(self.sizes, self.sizes[1:], strict=False):
            scale = (2 / (n_in + n_out)) ** 0.5
            found.append((rng.standard_normal((n_in, n_out)) * scale).astype(np.float32))
            found.append(np.zeros(n_out, np.float32))
        return found

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and integer labels."""
        rng = np.random.default_rng(1)
        x = rng.standard_normal((self.batch, self.sizes[0])).astype(np.float32)
        return x, rng.integers(0, self.sizes[-1], self.batch)


@dataclass(frozen=True)
class Chain:
    """The gradient of sum(tanh(x) exp(-x^2) + log1p(x^2))."""

    name: str
    size: int
    dtype: str

    def data(self) -> np.ndarray:
        """Where the gradient is taken."""
        rng = np.random.default_rng(2)
        return rng.standard_normal(self.size).astype(self.dtype)


MLPS = (
    Mlp("tiny", 8, (16, 32, 32, 4)),
    Mlp("mnist", 128, (784, 256, 128, 10)),
    Mlp("wide", 256, (1024, 2048, 2048, 10)),
)
CHAINS = tuple(
    Chain(f"chain {size:.0e} {dtype}".replace("e+0", "e"), size, dtype)
    for size in (10**4, 10**6)
    for dtype in ("float32", "float64")
)
CASES = {case.name: case for case in (*MLPS, *CHAINS)}
