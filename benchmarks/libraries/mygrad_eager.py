"""MyGrad. It takes a Python number for double precision, so constants are given as float32."""

import math
from collections.abc import Callable
from typing import Any

import mygrad as mg
import numpy as np
from mygrad.nnet import conv_nd, softmax, softmax_crossentropy

from benchmarks.cases import EPSILON, HEADS, LEARNING_RATE, Case

NAME = "MyGrad"
MISSING = {"gp": "it has no Cholesky factorisation and no linear solver"}


def version() -> str:
    """The installed version."""
    return mg.__version__


def prepare(case: Case) -> Callable[[], Any]:
    """What to time."""
    model = MODELS[case.kind]
    arguments, data = case.arguments(), case.data()
    if case.kind == "conv":
        arguments = [a.transpose(3, 2, 0, 1).copy() if a.ndim == 4 else a for a in arguments]
        data = (data[0].transpose(0, 3, 1, 2).copy(), data[1])
    tensors = [mg.tensor(a) for a in arguments]

    def gradient() -> Any:
        model(tensors, *data).backward()
        return [tensor.grad for tensor in tensors]

    def step() -> Any:
        loss = model(tensors, *data)
        loss.backward()
        for tensor in tensors:
            tensor.data -= LEARNING_RATE * tensor.grad
        found = [tensor.data for tensor in tensors]
        return [loss.data, *(a.transpose(2, 3, 1, 0) if a.ndim == 4 else a for a in found)]

    return step if case.wants == "step" else gradient


def mlp(weights: Any, x: Any, labels: Any) -> Any:
    """See `benchmarks.cases.Mlp`."""
    for i in range(0, len(weights) - 2, 2):
        x = mg.tanh(mg.matmul(x, weights[i]) + weights[i + 1])
    return softmax_crossentropy(mg.matmul(x, weights[-2]) + weights[-1], labels)


def _relu(x: Any) -> Any:
    return mg.maximum(x, np.float32(0))


def conv(weights: Any, x: Any, labels: Any) -> Any:
    """See `benchmarks.cases.Conv`."""
    w1, b1, w2, b2, w3, b3 = weights
    x = _relu(conv_nd(x, w1, stride=1) + mg.reshape(b1, (-1, 1, 1)))
    even = 1 - x.shape[2] % 2  # steps of two have to end at the border
    x = x[:, :, : x.shape[2] - even, : x.shape[3] - even]
    x = _relu(conv_nd(x, w2, stride=2) + mg.reshape(b2, (-1, 1, 1)))
    n, channels, rows, columns = x.shape
    x = mg.mean(mg.reshape(x, (n, channels, rows // 2, 2, columns // 2, 2)), axis=(3, 5))
    x = mg.reshape(mg.transpose(x, (0, 2, 3, 1)), (n, -1))
    return softmax_crossentropy(mg.matmul(x, w3) + b3, labels)


def _norm(x: Any, scale: Any, shift: Any) -> Any:
    x = x - mg.mean(x, axis=-1, keepdims=True)
    return x / mg.sqrt(mg.mean(x * x, axis=-1, keepdims=True) + np.float32(EPSILON)) * scale + shift


def _gelu(x: Any) -> Any:
    half, one, cubic, root = map(np.float32, (0.5, 1, 0.044715, math.sqrt(2 / math.pi)))
    return half * x * (one + mg.tanh(root * (x * (one + cubic * (x * x)))))


def transformer(weights: Any, x: Any, target: Any) -> Any:
    """See `benchmarks.cases.Transformer`."""
    scale1, shift1, w_qkv, b_qkv, w_out, b_out, scale2, shift2, w1, b1, w2, b2 = weights
    batch, length, width = x.shape
    x, target = x.reshape(-1, width), target.reshape(-1, width)
    h = mg.matmul(_norm(x, scale1, shift1), w_qkv) + b_qkv
    qkv = mg.transpose(mg.reshape(h, (batch, length, 3, HEADS, -1)), (2, 0, 3, 1, 4))
    q, k, v = qkv[0], qkv[1], qkv[2]
    weight = softmax(mg.matmul(q, mg.swapaxes(k, -1, -2)) * np.float32((width // HEADS) ** -0.5))
    seen = mg.reshape(mg.transpose(mg.matmul(weight, v), (0, 2, 1, 3)), (-1, width))
    x = x + mg.matmul(seen, w_out) + b_out
    x = x + mg.matmul(_gelu(mg.matmul(_norm(x, scale2, shift2), w1) + b1), w2) + b2
    return mg.mean((x - target) ** 2)


def chain(arguments: Any) -> Any:
    """See `benchmarks.cases.Chain`."""
    (x,) = arguments
    return mg.sum(mg.tanh(x) * mg.exp(-(x**2)) + mg.log1p(x**2))


MODELS = {"mlp": mlp, "conv": conv, "transformer": transformer, "chain": chain}
