"""Which ops work element by element, and so can share a loop."""

import operator
from collections.abc import Callable
from typing import Any

from polygrad.core.op import Op

# Ops of other kinds that do; those declared elementwise say it by their kind.
_MORE = {
    "floor_divide", "ceil", "floor", "trunc", "round", "sign", "nextafter", "equal", "not_equal",
    "less", "less_equal", "greater", "greater_equal", "isnan", "isinf", "isfinite", "signbit",
    "logical_and", "logical_or", "logical_xor", "logical_not", "bitwise_and", "bitwise_or",
    "bitwise_xor", "bitwise_invert", "bitwise_left_shift", "bitwise_right_shift", "gammasgn",
    "conj", "real", "imag", "complex_sign", "astype", "astype_discrete", "copy", "stop_gradient",
}  # fmt: skip


def by_element(op: Op) -> bool:
    """Whether each element of the answer depends on the operands' elements at that place.

    The operands broadcast.

    >>> from polygrad.core.op import OPS
    >>> by_element(OPS["tanh"]), by_element(OPS["less"]), by_element(OPS["sum"])
    (True, True, False)
    """
    return op.kind == "elementwise" or op.name in _MORE


PYTHON_OPERATORS: dict[str, Callable[..., Any]] = {
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
"""What an op is on Python numbers alone; any other function of polygrad makes an array of them."""
