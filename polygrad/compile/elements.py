"""Which ops work element by element, and so can share a loop."""

import operator
from collections.abc import Callable
from typing import Any

from polygrad.compile.known import listed
from polygrad.core.kinds import Elementwise
from polygrad.core.op import OPS, Op

# What stands for a Python number comes out of a loop as an array, and is a number again by this.
as_number = Elementwise("as_number", 1, forward=lambda xp, x: xp.asarray(x, copy=True))

# Those that are not declared elementwise, since they are linear or have rules of their own.
_MORE = listed(
    "conj", "real", "imag", "complex_sign", "sign", "astype", "astype_discrete", "copy",
    "stop_gradient",
)  # fmt: skip


def by_element(op: Op) -> bool:
    """Whether each element of the answer depends on the operands' elements at that place.

    The operands broadcast.

    >>> from polygrad.core.op import OPS
    >>> by_element(OPS["tanh"]), by_element(OPS["less"]), by_element(OPS["sum"])
    (True, True, False)
    """
    return op.elementwise or op in _MORE


_PYTHON: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "floor_divide": operator.floordiv,
    "remainder": operator.mod,
    "pow": operator.pow,
    "negative": operator.neg,
    "positive": operator.pos,
    "abs": operator.abs,
    "equal": operator.eq,
    "not_equal": operator.ne,
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
    "as_number": lambda x: x if type(x) in (bool, int, float, complex) else x.item(),
}
PYTHON_OPERATORS = {OPS[name]: function for name, function in _PYTHON.items()}
"""What an op is on Python numbers alone; any other function of polygrad makes an array of them."""
