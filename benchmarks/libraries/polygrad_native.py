"""polygrad, compiled to native code (the extra ``fast``), on NumPy arrays."""

import os

import llvmlite  # noqa: F401  left out of the table where the extra is not installed

os.environ["POLYGRAD_NATIVE"] = "1"
from benchmarks.libraries.polygrad_jit import chain, mlp, version

__all__ = ["NAME", "chain", "mlp", "version"]
NAME = "polygrad jit, native"
