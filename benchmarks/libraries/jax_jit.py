"""JAX through jax.jit, on the CPU."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from benchmarks.cases import LEARNING_RATE, Chain, Mlp

NAME = "JAX jit"


def version() -> str:
    """The installed version."""
    return jax.__version__


def mlp(case: Mlp) -> Callable[[], Any]:
    """A training step, compiled whole, with its weights donated."""
    state = [jnp.asarray(w) for w in case.weights()]
    x, labels = map(jnp.asarray, case.data())

    def loss(weights: Any) -> Any:
        h = x
        for i in range(0, len(weights) - 2, 2):
            h = jnp.tanh(h @ weights[i] + weights[i + 1])
        log_p = jax.nn.log_softmax(h @ weights[-2] + weights[-1])
        return -jnp.mean(jnp.take_along_axis(log_p, labels[:, None], axis=1))

    @jax.jit
    def update(weights: Any) -> Any:
        value, grads = jax.value_and_grad(loss)(weights)
        return value, [w - LEARNING_RATE * g for w, g in zip(weights, grads, strict=True)]

    def step() -> Any:
        nonlocal state
        value, state = update(state)
        return jax.block_until_ready((value, state))[0]

    return step


def chain(case: Chain) -> Callable[[], Any]:
    """The gradient, compiled whole."""
    if case.dtype == "float64":
        jax.config.update("jax_enable_x64", True)
    x = jnp.asarray(case.data())

    @jax.jit
    def gradient(x: Any) -> Any:
        return jax.grad(lambda x: jnp.sum(jnp.tanh(x) * jnp.exp(-(x**2)) + jnp.log1p(x**2)))(x)

    return lambda: gradient(x).block_until_ready()
