"""polygrad, compiled to native code (the extra ``fast``), on NumPy arrays."""

import os

import llvmlite  # noqa: F401  left out of the table where the extra is not installed

os.environ["POLYGRAD_NATIVE"] = "1"
from benchmarks.libraries.polygrad_jit import MISSING, compiled, prepare, version

__all__ = ["MISSING", "NAME", "compiled", "prepare", "version"]
NAME = "polygrad jit, native"
