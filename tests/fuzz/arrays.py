"""Inputs of random programs: every data type, and every layout that an array may come in."""

import random
from typing import Any

import numpy as np

FLOATS = ("float64", "float32")
INTEGERS = ("int64", "int32", "int16", "uint8")
LAYOUTS = ("plain", "plain", "plain", "fortran", "reversed", "strided", "unaligned", "read-only")
SHAPES = ((), (1,), (3,), (4,), (0,), (2, 3), (3, 3), (3, 1), (1, 4), (2, 3, 4), (2, 0), (3, 3, 3))


def values(rng: random.Random, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Random elements of moderate size, as a plain array."""
    numbers = np.random.default_rng(rng.getrandbits(32))
    if dtype == "bool":
        return numbers.integers(0, 2, shape).astype(bool)
    if dtype.startswith("uint"):
        return numbers.integers(0, 7, shape).astype(dtype)
    if dtype.startswith("int"):
        return numbers.integers(-5, 6, shape).astype(dtype)
    found = numbers.normal(size=shape)
    if dtype.startswith("complex"):
        found = found + 1j * numbers.normal(size=shape)
    return np.asarray(found, dtype=dtype)


def laid_out(array: np.ndarray, layout: str) -> np.ndarray:
    """The same elements in another layout of memory."""
    if layout == "fortran":
        return np.asfortranarray(array)
    if layout == "reversed" and array.ndim:
        return array[::-1].copy()[::-1]
    if layout == "strided" and array.ndim:
        wide = np.repeat(array, 2, axis=-1)
        return wide[..., ::2]
    if layout == "unaligned":
        room = np.zeros(array.nbytes + 1, np.uint8)
        found = room[1:].view(array.dtype).reshape(array.shape)
        found[...] = array
        return found
    found = array.copy()
    if layout == "read-only":
        found.flags.writeable = False
    return found


def random_input(rng: random.Random) -> tuple[np.ndarray, str]:
    """An input of a program, and the layout it has."""
    dtype = rng.choice((*FLOATS, "float64", "float64", *INTEGERS, "bool", "complex128"))
    layout = rng.choice(LAYOUTS)
    return laid_out(values(rng, rng.choice(SHAPES), dtype), layout), layout


def is_float(value: Any) -> bool:
    """Whether an array holds real floating-point numbers."""
    return value.dtype.kind == "f"
