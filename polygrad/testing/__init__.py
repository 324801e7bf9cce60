"""Checks for the derivatives of your own functions and rules, and for a backend of your own."""

from polygrad.testing.backend_checks import Report, conformance
from polygrad.testing.gradients import check_grads

__all__ = ["Report", "check_grads", "conformance"]
