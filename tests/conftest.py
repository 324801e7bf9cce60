"""Settings that have to be made before the first test file is imported."""

import os
import sys
from pathlib import Path

import pytest

os.environ["SCIPY_ARRAY_API"] = "1"  # SciPy reads it once, when it is imported
# Native code takes over in the background; it has tests of its own, which turn it on.
os.environ["POLYGRAD_NATIVE"] = "0"
sys.path.append(str(Path(__file__).parent.parent))  # for the package benchmarks
sys.path.append(str(Path(__file__).parent))

import native_mode

only_native_code = native_mode.only_native_code  # the suite on native code, where it is asked for


@pytest.fixture(scope="module")
def kept_registry():
    """The backends that a file of tests registers are gone after it."""
    import polygrad.backend as registry

    registry.backends()
    known = dict(registry._BACKENDS)
    yield
    registry._BACKENDS.clear()
    registry._BACKENDS.update(known)
