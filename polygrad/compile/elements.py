"""Ops that only compiled programs have."""

from polygrad.core.kinds import Elementwise
from polygrad.core.op import OpFacts

# What stands for a Python number comes out of a loop as an array, and is a number again by this.
as_number = Elementwise(
    "as_number",
    1,
    forward=lambda xp, x: xp.asarray(x, copy=True),
    facts=OpFacts(
        elementwise=True,
        python=lambda x: x if type(x) in (bool, int, float, complex) else x.item(),
    ),
)
