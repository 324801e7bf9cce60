"""JAX through jax.jit, on the CPU: each case compiled whole."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from benchmarks.cases import EPSILON, HEADS, LEARNING_RATE, Case

NAME = "JAX jit"
MISSING: dict[str, str] = {}


def version() -> str:
    """The installed version."""
    return jax.__version__


def prepare(case: Case) -> Callable[[], Any]:
    """What to time; a step is given its arguments."""
    jax.config.update("jax_enable_x64", case.dtype == "float64")
    model = MODELS[case.kind]
    arguments, data = map(jnp.asarray, case.arguments()), tuple(map(jnp.asarray, case.data()))
    arguments = list(arguments)
    if case.wants == "gradient":
        gradient = jax.jit(jax.grad(model))
        return lambda: jax.block_until_ready(gradient(arguments, *data))

    def both(arguments: Any, *data: Any) -> Any:
        value, grads = jax.value_and_grad(model)(arguments, *data)
        return [value, *grads]

    def update(arguments: Any, *data: Any) -> Any:
        value, grads = jax.value_and_grad(model)(arguments, *data)
        pairs = zip(arguments, grads, strict=True)
        return [value, *(a - LEARNING_RATE * g for a, g in pairs)]

    if case.wants == "value and gradient":
        compiled_both = jax.jit(both)
        return lambda: jax.block_until_ready(compiled_both(arguments, *data))
    compiled = jax.jit(update, donate_argnums=0)

    def step() -> Any:
        nonlocal arguments
        out = jax.block_until_ready(compiled(arguments, *data))
        arguments = out[1:]
        return out

    return step


def _cross_entropy(logits: Any, labels: Any) -> Any:
    log_p = jax.nn.log_softmax(logits)
    return -jnp.mean(jnp.take_along_axis(log_p, labels[:, None], axis=1))


def mlp(weights: Any, x: Any, labels: Any) -> Any:
    """See `benchmarks.cases.Mlp`."""
    *pairs, w, b = weights
    for i in range(0, len(pairs), 2):
        x = jnp.tanh(x @ pairs[i] + pairs[i + 1])
    return _cross_entropy(x @ w + b, labels)


def conv(weights: Any, x: Any, labels: Any) -> Any:
    """See `benchmarks.cases.Conv`."""
    w1, b1, w2, b2, w3, b3 = weights
    order = ("NHWC", "HWIO", "NHWC")
    convolution = jax.lax.conv_general_dilated
    x = jax.nn.relu(convolution(x, w1, (1, 1), "VALID", dimension_numbers=order) + b1)
    x = jax.nn.relu(convolution(x, w2, (2, 2), "VALID", dimension_numbers=order) + b2)
    n, rows, columns, channels = x.shape
    x = x.reshape(n, rows // 2, 2, columns // 2, 2, channels).mean(axis=(2, 4))
    return _cross_entropy(x.reshape(n, -1) @ w3 + b3, labels)


def _norm(x: Any, scale: Any, shift: Any) -> Any:
    x = x - x.mean(axis=-1, keepdims=True)
    return x * jax.lax.rsqrt((x * x).mean(axis=-1, keepdims=True) + EPSILON) * scale + shift


def transformer(weights: Any, x: Any, target: Any) -> Any:
    """See `benchmarks.cases.Transformer`."""
    scale1, shift1, w_qkv, b_qkv, w_out, b_out, scale2, shift2, w1, b1, w2, b2 = weights
    batch, length, width = x.shape
    x, target = x.reshape(-1, width), target.reshape(-1, width)
    qkv = (_norm(x, scale1, shift1) @ w_qkv + b_qkv).reshape(batch, length, 3, HEADS, -1)
    q, k, v = qkv.transpose(2, 0, 3, 1, 4)
    weight = jax.nn.softmax(q @ k.mT * (width // HEADS) ** -0.5)
    x = x + (weight @ v).transpose(0, 2, 1, 3).reshape(-1, width) @ w_out + b_out
    x = x + jax.nn.gelu(_norm(x, scale2, shift2) @ w1 + b1) @ w2 + b2
    return jnp.mean((x - target) ** 2)


def gp(arguments: Any, x: Any, y: Any) -> Any:
    """See `benchmarks.cases.GaussianProcess`."""
    scales, amplitude, noise = arguments
    z = x / jnp.exp(scales)
    apart = z[:, None, :] - z[None, :, :]
    kernel = jnp.exp(2 * amplitude - 0.5 * jnp.sum(apart * apart, axis=-1))
    factor = jnp.linalg.cholesky(kernel + jnp.exp(2 * noise) * jnp.eye(len(y)))
    solved = jax.scipy.linalg.solve_triangular(factor, y, lower=True)
    value = 0.5 * jnp.sum(solved * solved) + jnp.sum(jnp.log(jnp.diagonal(factor)))
    return value + 0.5 * len(y) * math.log(2 * math.pi)


def chain(arguments: Any) -> Any:
    """See `benchmarks.cases.Chain`."""
    (x,) = arguments
    return jnp.sum(jnp.tanh(x) * jnp.exp(-(x**2)) + jnp.log1p(x**2))


MODELS = {"mlp": mlp, "conv": conv, "transformer": transformer, "gp": gp, "chain": chain}
