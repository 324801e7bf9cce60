"""Creation functions, copies and changes of data type."""

from typing import Any

import numpy as np
from op_table import case, real, row

x = real(2, 3)


def same(value: Any, dtype: Any = None, copy: Any = None) -> Any:
    """A NumPy array of the argument."""
    return np.asarray(value, dtype=dtype)


ROWS = [
    row(
        "asarray",
        case(x),
        case(x, copy=True),
        case([[1.0, 2.0], [3.0, 4.0]]),
        case(3),
        case([True, False]),
        case(x, dtype="complex128"),
        case([real(2), real(2, seed=1)]),
        reference=same,
        raw=False,
        creates=True,
    ),
    row("zeros", case((2, 3)), case(3, dtype="int32"), case(()), creates=True, gradient="none"),
    row("ones", case((2, 3)), case(0), case(2, dtype="float32"), creates=True, gradient="none"),
    row(
        "full",
        case((2, 3), 7.0),
        case(2, 1),
        case(2, True),
        case((), 2.5, dtype="float32"),
        case(3, real()),
        creates=True,
        raw=False,
    ),
    row(
        "arange",
        case(5),
        case(2, 7, 2),
        case(0.0, 1.0, 0.25),
        case(3, dtype="float32"),
        case(3, 0, -1),
        creates=True,
        gradient="none",
    ),
    row(
        "linspace",
        case(0.0, 1.0, 5),
        case(0, 1, 4, endpoint=False),
        case(1.0, 2.0, 3, dtype="float32"),
        creates=True,
        gradient="none",
    ),
    row(
        "eye",
        case(3),
        case(2, 3),
        case(3, k=1, dtype="float32"),
        creates=True,
        gradient="none",
        reference=lambda n, m=None, k=0, dtype=None: np.eye(n, m, k=k, dtype=dtype or float),
    ),
    row("zeros_like", case(x), case(real()), case(x, dtype="int32"), gradient="none"),
    row("ones_like", case(x), case(real(0)), case(np.arange(3)), gradient="none"),
    row("full_like", case(x, 7.0), case(np.arange(3), 2), gradient="none"),
    row("full_like", case(x, real()), fixed=(0,), raw=False),
    row(
        "astype",
        case(x, "float64"),
        case(x, "float32", dtypes=("float32",)),
        case(x, "complex128"),
        case(np.arange(3), "float64"),
        reference=lambda a, dtype: a.astype(dtype),
    ),
    row("astype", case(x, "int64"), case(x, "bool"), gradient="none"),
    row("stop_gradient", case(x), case(real()), gradient="none", reference=lambda a: a),
]
