"""Initial values of parameters, each a function of a key and a shape.

A weight has the shape (..., inputs, outputs): a layer multiplies it from the left.
"""

import math
from typing import Any, Protocol

from polygrad import ops, random
from polygrad.array import Array
from polygrad.errors import ShapeError


class Initializer(Protocol):
    """What a layer takes as ``weight_init`` or ``bias_init``."""

    def __call__(
        self, key: random.Key, shape: tuple[int, ...], *, dtype: Any = None, device: Any = None
    ) -> Array:
        """An array of initial values."""


def glorot_uniform(key: random.Key, shape: Any, *, dtype: Any = None, device: Any = None) -> Array:
    """Uniform with variance 2 / (inputs + outputs), for tanh and sigmoid layers.

    Source: X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward
    neural networks", AISTATS 2010, equation 16. Raises ShapeError for less than two axes.

    >>> w = pg.nn.glorot_uniform(pg.random.key(0), (3, 3))
    >>> pg.all(pg.abs(w) <= 1.0).item()
    True
    """
    inputs, outputs = _fans("glorot_uniform", shape)
    limit = math.sqrt(6.0 / max(inputs + outputs, 1))
    return random.uniform(key, shape, low=-limit, high=limit, dtype=dtype, device=device)


def glorot_normal(key: random.Key, shape: Any, *, dtype: Any = None, device: Any = None) -> Array:
    """Normal with variance 2 / (inputs + outputs); see `glorot_uniform`.

    >>> pg.nn.glorot_normal(pg.random.key(0), (3, 2)).shape
    (3, 2)
    """
    inputs, outputs = _fans("glorot_normal", shape)
    scale = math.sqrt(2.0 / max(inputs + outputs, 1))
    return random.normal(key, shape, dtype=dtype, device=device) * scale


def he_uniform(key: random.Key, shape: Any, *, dtype: Any = None, device: Any = None) -> Array:
    """Uniform with variance 2 / inputs, for relu layers.

    Source: K. He, X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers", ICCV 2015,
    equation 10. Raises ShapeError for less than two axes.

    >>> w = pg.nn.he_uniform(pg.random.key(0), (6, 3))
    >>> pg.all(pg.abs(w) <= 1.0).item()
    True
    """
    inputs, _ = _fans("he_uniform", shape)
    limit = math.sqrt(6.0 / max(inputs, 1))
    return random.uniform(key, shape, low=-limit, high=limit, dtype=dtype, device=device)


def he_normal(key: random.Key, shape: Any, *, dtype: Any = None, device: Any = None) -> Array:
    """Normal with variance 2 / inputs; see `he_uniform`.

    >>> pg.nn.he_normal(pg.random.key(0), (6, 3)).shape
    (6, 3)
    """
    inputs, _ = _fans("he_normal", shape)
    return random.normal(key, shape, dtype=dtype, device=device) * math.sqrt(2.0 / max(inputs, 1))


def zeros(key: Any, shape: Any, *, dtype: Any = None, device: Any = None) -> Array:
    """Zeros, whatever the key.

    >>> pg.nn.zeros(None, 2)
    Array([0., 0.], dtype=float64, device=cpu)
    """
    return ops.zeros(shape, dtype=dtype, device=device)


def ones(key: Any, shape: Any, *, dtype: Any = None, device: Any = None) -> Array:
    """Ones, whatever the key.

    >>> pg.nn.ones(None, 2)
    Array([1., 1.], dtype=float64, device=cpu)
    """
    return ops.ones(shape, dtype=dtype, device=device)


def _fans(name: str, shape: Any) -> tuple[int, int]:
    """How many inputs and outputs each element of a weight connects."""
    if not isinstance(shape, list | tuple) or len(shape) < 2:
        raise ShapeError(
            f"{name}: got shape {shape}, expected (..., inputs, outputs); use pg.nn.zeros for a "
            "bias"
        )
    field = math.prod(shape[:-2])
    return field * shape[-2], field * shape[-1]
