"""HIPS/autograd."""

import math
from collections.abc import Callable
from importlib.metadata import version as installed
from typing import Any

import autograd
import autograd.numpy as anp
from autograd.scipy.linalg import solve_triangular
from autograd.scipy.special import logsumexp

from benchmarks.cases import EPSILON, HEADS, LEARNING_RATE, Case

NAME = "autograd"
MISSING: dict[str, str] = {}


def version() -> str:
    """The installed version."""
    return installed("autograd")


def prepare(case: Case) -> Callable[[], Any]:
    """What to time."""
    model = MODELS[case.kind]
    arguments, data = case.arguments(), case.data()
    if case.wants == "gradient":
        gradient = autograd.grad(model)
        return lambda: gradient(arguments, *data)
    value_and_grad = autograd.value_and_grad(model)

    def both() -> Any:
        value, grads = value_and_grad(arguments, *data)
        return [value, *grads]

    def step() -> Any:
        value, grads = value_and_grad(arguments, *data)
        for argument, g in zip(arguments, grads, strict=True):
            argument -= LEARNING_RATE * g
        return [value, *arguments]

    return step if case.wants == "step" else both


def _cross_entropy(logits: Any, labels: Any) -> Any:
    return anp.mean(logsumexp(logits, axis=1) - logits[anp.arange(len(labels)), labels])


def mlp(weights: Any, x: Any, labels: Any) -> Any:
    """See `benchmarks.cases.Mlp`."""
    for i in range(0, len(weights) - 2, 2):
        x = anp.tanh(anp.dot(x, weights[i]) + weights[i + 1])
    return _cross_entropy(anp.dot(x, weights[-2]) + weights[-1], labels)


def _convolution(x: Any, w: Any, b: Any, step: int) -> Any:
    """As polygrad's; autograd's own, of scipy.signal, has no steps and takes longer."""
    rows, columns = ((n - 3) // step + 1 for n in x.shape[1:3])
    shifted = [
        x[:, i : i + step * rows : step, j : j + step * columns : step, :]
        for i in range(3)
        for j in range(3)
    ]
    size = math.prod(w.shape[:3])
    flat = anp.reshape(anp.concatenate(shifted, axis=-1), (-1, size))
    out = anp.dot(flat, anp.reshape(w, (size, -1))) + b
    return anp.reshape(out, (x.shape[0], rows, columns, -1))


def conv(weights: Any, x: Any, labels: Any) -> Any:
    """See `benchmarks.cases.Conv`."""
    w1, b1, w2, b2, w3, b3 = weights
    x = anp.maximum(_convolution(x, w1, b1, 1), 0)
    x = anp.maximum(_convolution(x, w2, b2, 2), 0)
    n, rows, columns, channels = x.shape
    x = anp.mean(anp.reshape(x, (n, rows // 2, 2, columns // 2, 2, channels)), axis=(2, 4))
    return _cross_entropy(anp.dot(anp.reshape(x, (n, -1)), w3) + b3, labels)


def _norm(x: Any, scale: Any, shift: Any) -> Any:
    x = x - anp.mean(x, axis=-1, keepdims=True)
    return x / anp.sqrt(anp.mean(x * x, axis=-1, keepdims=True) + EPSILON) * scale + shift


def _gelu(x: Any) -> Any:
    return 0.5 * x * (1 + anp.tanh(math.sqrt(2 / math.pi) * (x * (1 + 0.044715 * (x * x)))))


def transformer(weights: Any, x: Any, target: Any) -> Any:
    """See `benchmarks.cases.Transformer`."""
    scale1, shift1, w_qkv, b_qkv, w_out, b_out, scale2, shift2, w1, b1, w2, b2 = weights
    batch, length, width = x.shape
    x, target = anp.reshape(x, (-1, width)), anp.reshape(target, (-1, width))
    h = anp.dot(_norm(x, scale1, shift1), w_qkv) + b_qkv
    qkv = anp.transpose(anp.reshape(h, (batch, length, 3, HEADS, -1)), (2, 0, 3, 1, 4))
    q, k, v = qkv[0], qkv[1], qkv[2]
    scores = anp.matmul(q, anp.swapaxes(k, -1, -2)) * (width // HEADS) ** -0.5
    e = anp.exp(scores - anp.max(scores, axis=-1, keepdims=True))
    seen = anp.matmul(e / anp.sum(e, axis=-1, keepdims=True), v)
    seen = anp.reshape(anp.transpose(seen, (0, 2, 1, 3)), (-1, width))
    x = x + anp.dot(seen, w_out) + b_out
    x = x + anp.dot(_gelu(anp.dot(_norm(x, scale2, shift2), w1) + b1), w2) + b2
    return anp.mean((x - target) ** 2)


def gp(arguments: Any, x: Any, y: Any) -> Any:
    """See `benchmarks.cases.GaussianProcess`."""
    scales, amplitude, noise = arguments
    z = x / anp.exp(scales)
    apart = z[:, None, :] - z[None, :, :]
    kernel = anp.exp(2 * amplitude - 0.5 * anp.sum(apart * apart, axis=-1))
    factor = anp.linalg.cholesky(kernel + anp.exp(2 * noise) * anp.eye(len(y)))
    solved = solve_triangular(factor, y, lower=True)
    value = 0.5 * anp.sum(solved * solved) + anp.sum(anp.log(anp.diag(factor)))
    return value + 0.5 * len(y) * math.log(2 * math.pi)


def chain(arguments: Any) -> Any:
    """See `benchmarks.cases.Chain`."""
    (x,) = arguments
    return anp.sum(anp.tanh(x) * anp.exp(-(x**2)) + anp.log1p(x**2))


MODELS = {"mlp": mlp, "conv": conv, "transformer": transformer, "gp": gp, "chain": chain}
