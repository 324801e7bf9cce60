"""What jit refuses among arguments and results."""

import numpy as np
import pytest

import polygrad as pg
from polygrad.errors import ArgumentTypeError, ArgumentValueError


def test_an_array_that_is_donated_may_not_be_another_argument():
    def f(a, b, c):
        return a * 2.0, b * 3.0 + c

    x, y = np.ones(3), np.ones(3)
    j = pg.jit(f, donate_argnums=(0, 1))
    for _ in range(2):  # the first call, and the shortcut
        with pytest.raises(ArgumentValueError, match="arrays 0 and 1 .* are one and the same"):
            j(x, x, y)
        with pytest.raises(ArgumentValueError, match="arrays 1 and 2"):
            j(x, y, y)
        np.testing.assert_array_equal(x, 1.0)
        j(np.ones(3), np.ones(3), y)
    a, b = pg.jit(f)(x, x, x)  # nothing is given away
    np.testing.assert_array_equal(a, 2.0)
    np.testing.assert_array_equal(b, 4.0)


def test_what_would_run_after_the_trace_is_refused():
    with pytest.raises(ArgumentTypeError, match="returns a generator"):
        pg.jit(lambda x: (x for _ in range(2)))(np.ones(2))

    async def later(x):
        return x

    with pytest.raises(ArgumentTypeError, match="returns a coroutine"):
        pg.jit(later)(np.ones(2))
    with pytest.raises(ArgumentValueError, match="static_argnums: got 3"):
        pg.jit(lambda x: x, static_argnums=3)
