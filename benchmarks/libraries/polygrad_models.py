"""The functions to differentiate, as a user of polygrad writes them; eager and jit share them."""

import math
from typing import Any

import polygrad as pg
from benchmarks.cases import EPSILON, HEADS


def mlp(weights: Any, x: Any, labels: Any) -> Any:
    """See `benchmarks.cases.Mlp`."""
    *pairs, w, b = weights
    for i in range(0, len(pairs), 2):
        x = pg.tanh(x @ pairs[i] + pairs[i + 1])
    return pg.mean(pg.nn.softmax_cross_entropy(x @ w + b, labels))


def _convolution(x: Any, w: Any, b: Any, step: int) -> Any:
    """A convolution as one matrix product: shifted images, side by side."""
    rows, columns = ((n - 3) // step + 1 for n in x.shape[1:3])
    shifted = [
        x[:, i : i + step * rows : step, j : j + step * columns : step, :]
        for i in range(3)
        for j in range(3)
    ]
    size = math.prod(w.shape[:3])
    flat = pg.reshape(pg.concat(shifted, axis=-1), (-1, size))
    out = flat @ pg.reshape(w, (size, -1)) + b
    return pg.reshape(out, (x.shape[0], rows, columns, -1))


def conv(weights: Any, x: Any, labels: Any) -> Any:
    """See `benchmarks.cases.Conv`."""
    w1, b1, w2, b2, w3, b3 = weights
    x = pg.nn.relu(_convolution(x, w1, b1, 1))
    x = pg.nn.relu(_convolution(x, w2, b2, 2))
    n, rows, columns, channels = x.shape
    x = pg.mean(pg.reshape(x, (n, rows // 2, 2, columns // 2, 2, channels)), axis=(2, 4))
    logits = pg.reshape(x, (n, -1)) @ w3 + b3
    return pg.mean(pg.nn.softmax_cross_entropy(logits, labels))


def _norm(x: Any, scale: Any, shift: Any) -> Any:
    x = x - pg.mean(x, axis=-1, keepdims=True)
    variance = pg.mean(x * x, axis=-1, keepdims=True)
    return x / pg.sqrt(variance + EPSILON) * scale + shift


def transformer(weights: Any, x: Any, target: Any) -> Any:
    """See `benchmarks.cases.Transformer`."""
    scale1, shift1, w_qkv, b_qkv, w_out, b_out, scale2, shift2, w1, b1, w2, b2 = weights
    batch, length, width = x.shape
    x, target = pg.reshape(x, (-1, width)), pg.reshape(target, (-1, width))
    qkv = pg.reshape(_norm(x, scale1, shift1) @ w_qkv + b_qkv, (batch, length, 3, HEADS, -1))
    q, k, v = (pg.permute_dims(qkv[:, :, i, ...], (0, 2, 1, 3)) for i in range(3))
    weight = pg.softmax(q @ pg.matrix_transpose(k) * (width // HEADS) ** -0.5)
    seen = pg.reshape(pg.permute_dims(weight @ v, (0, 2, 1, 3)), (-1, width))
    x = x + seen @ w_out + b_out
    x = x + pg.nn.gelu(_norm(x, scale2, shift2) @ w1 + b1) @ w2 + b2
    return pg.nn.mse(x, target)


def gp(arguments: Any, x: Any, y: Any) -> Any:
    """See `benchmarks.cases.GaussianProcess`."""
    scales, amplitude, noise = arguments
    z = x / pg.exp(scales)
    apart = z[:, None, :] - z[None, :, :]
    kernel = pg.exp(2.0 * amplitude - 0.5 * pg.sum(apart * apart, axis=-1))
    factor = pg.linalg.cholesky(kernel + pg.exp(2.0 * noise) * pg.eye(len(y)))
    solved = pg.linalg.solve_triangular(factor, y)
    value = 0.5 * pg.sum(solved * solved) + pg.sum(pg.log(pg.linalg.diagonal(factor)))
    return value + 0.5 * len(y) * math.log(2.0 * math.pi)


def chain(arguments: Any) -> Any:
    """See `benchmarks.cases.Chain`."""
    (x,) = arguments
    return pg.sum(pg.tanh(x) * pg.exp(-(x**2)) + pg.log1p(x**2))
