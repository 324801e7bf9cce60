"""Compiled programs on JAX: XLA compiles them."""

from collections.abc import Callable
from typing import Any

import jax

LANGUAGE = "library"
NUMBERS = True
array = jax.numpy.asarray


def compile_program(program: Callable[..., Any]) -> Callable[..., Any]:
    """The program by jax.jit."""
    found: Callable[..., Any] = jax.jit(program)
    return found
