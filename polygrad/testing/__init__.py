"""Checks for the derivatives of your own functions and rules."""

from polygrad.testing.gradients import check_grads

__all__ = ["check_grads"]
