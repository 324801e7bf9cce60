"""Neural networks: layers that are pytrees, initialisers, activations and losses.

A layer is an immutable pytree of its parameters and a function of a batch. A training step
takes the gradient by the whole model, and `polygrad.optim` makes the next model of it:

>>> model = pg.nn.MLP.init(pg.random.key(0), [4, 16, 3])
>>> x, labels = pg.ones((8, 4)), pg.zeros(8, dtype=pg.int64)
>>> def loss(model):
...     return pg.mean(pg.nn.softmax_cross_entropy(model(x), labels))
>>> grads = pg.grad(loss)(model)
>>> grads.layers[0].weight.shape
(4, 16)
"""

from polygrad.nn.initializers import (
    glorot_normal,
    glorot_uniform,
    he_normal,
    he_uniform,
    ones,
    zeros,
)
from polygrad.nn.layers import MLP, Linear
from polygrad.nn.losses import mse
from polygrad.ops.activations import gelu, relu, sigmoid, silu, softplus
from polygrad.ops.checked import check_functions as _check_functions
from polygrad.ops.exponential import tanh
from polygrad.ops.losses import softmax_cross_entropy
from polygrad.ops.neural import log_softmax, softmax

__all__ = [
    "MLP",
    "Linear",
    "gelu",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "log_softmax",
    "mse",
    "ones",
    "relu",
    "sigmoid",
    "silu",
    "softmax",
    "softmax_cross_entropy",
    "softplus",
    "tanh",
    "zeros",
]

_check_functions(globals())
