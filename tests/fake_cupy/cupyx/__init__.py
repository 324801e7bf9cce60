"""A stand-in for cupyx: whether linear algebra reads what cuSOLVER says of a matrix."""

import contextlib

linalg_state = "ignore"


@contextlib.contextmanager
def errstate(*, linalg):
    """The state in the block."""
    global linalg_state
    before, linalg_state = linalg_state, linalg
    try:
        yield
    finally:
        linalg_state = before
