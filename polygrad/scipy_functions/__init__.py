"""SciPy's functions that go through compiled code, on polygrad's arrays."""

from polygrad.scipy_functions.delegation import watch

__all__ = ["watch"]
