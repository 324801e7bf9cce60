"""Second derivatives of every function of numbers at its special points, in every order of modes.

Each order gives the same numbers or nan (inf and -inf count as none): a finite number in one and
another in the next is an error in both.
"""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from op_table import Row, all_rows

import polygrad as pg

pytestmark = pytest.mark.filterwarnings("ignore")
POINTS = (0.0, 1.0)
MORE = (0.0, -0.0, 1.0, -1.0, 0.5, 2.0)


def scalar_functions() -> Iterator[tuple[Row, Callable[..., Any], int]]:
    """Functions by element of one or two numbers, the other arguments as a case has them."""
    for row in all_rows():
        if row.gradient != "yes" or row.complex_only or row.order < 2:
            continue
        for case in row.cases:
            moving = [i for i, a in enumerate(case.args) if moves(a) and i not in row.fixed]
            if case.kwargs or not 1 <= len(moving) <= 2:
                continue
            probe = [np.asarray(0.5) if i in moving else a for i, a in enumerate(case.args)]
            try:
                out = row.function(*probe)
            except (pg.PolygradError, IndexError):
                break  # not of numbers
            real = "complex" not in str(getattr(out, "dtype", "complex"))
            if real and out.shape == ():
                yield row, filled(row.function, case.args, moving), len(moving)
            break


def moves(a: Any) -> bool:
    return isinstance(a, np.ndarray) and a.dtype.kind == "f"


def filled(f: Callable[..., Any], args: Any, moving: list[int]) -> Callable[..., Any]:
    def function(*given: Any) -> Any:
        some = iter(given)
        return f(*[next(some) if i in moving else a for i, a in enumerate(args)])

    return function


def orders(f: Callable[..., Any], x: tuple[float, ...]) -> dict[str, Any]:
    """The matrix of second derivatives in each order of the modes."""
    n = len(x)
    numbers, units = tuple(range(n)), [tuple(row) for row in np.eye(n).tolist()]
    g = pg.grad(f, numbers)

    def weighted(v: Any) -> Callable[..., Any]:
        return lambda *x: sum(a * b for a, b in zip(v, g(*x), strict=True))

    def along(v: Any) -> Callable[..., Any]:
        return lambda *x: pg.jvp(f, x, v)[1]

    return {
        "hessian": np.asarray(pg.hessian(f, numbers)(*x), float),
        "forward of reverse": np.asarray([pg.jvp(g, x, v)[1] for v in units], float).T,
        "reverse of reverse": np.asarray([pg.grad(weighted(v), numbers)(*x) for v in units], float),
        "reverse of forward": np.asarray([pg.grad(along(v), numbers)(*x) for v in units], float),
        "hvp": np.asarray([pg.hvp(f, x, v) for v in units], float).T,
        "forward of forward": np.asarray(
            [[pg.jvp(along(v), x, w)[1] for w in units] for v in units], float
        ),
    }


def check(name: str, f: Callable[..., Any], x: tuple[float, ...]) -> None:
    found = orders(f, x)
    all_ = np.stack(list(found.values()))
    finite = np.where(np.isfinite(all_), all_, np.nan)
    for i, j in np.ndindex(all_.shape[1:]):
        some = finite[:, i, j][~np.isnan(finite[:, i, j])]
        if some.size:
            near = 1e-8 * (1 + np.max(np.abs(some)))
            assert np.ptp(some) <= near, (name, x, found)


def sweep(points: tuple[float, ...]) -> int:
    count = 0
    for row, f, n in scalar_functions():
        for x in itertools.product(points, repeat=n):
            try:
                defined = np.isfinite(float(f(*x)))
            except pg.PolygradError:
                continue
            if defined:
                check(row.name, f, x)
                count += 1
    return count


def test_all_orders_agree() -> None:
    assert sweep(POINTS) > 200


@pytest.mark.slow
def test_all_orders_agree_at_more_points() -> None:
    assert sweep(MORE) > 1000


def test_power_of_zero() -> None:
    """The mixed second derivative by base and exponent has no finite limit up to exponent 1."""
    for b in (0.5, 1.0):
        for found in orders(pg.pow, (0.0, b)).values():
            assert not np.isfinite(found[0, 1])
            assert not np.isfinite(found[1, 0])
    for found in orders(pg.pow, (0.0, 3.0)).values():
        assert found.tolist() == [[0, 0], [0, 0]]


def test_scaled_bessel_function_at_its_kink() -> None:
    """The second derivative of exp(-|x|) I0(x) is 3/2 on both sides of 0."""
    for found in orders(pg.special.i0e, (0.0,)).values():
        assert found.tolist() == [[1.5]]


VECTORS: dict[str, tuple[Callable[..., Any], list[float], Any]] = {
    "prod": (pg.prod, [0.0, 0.0, 3.0], [[0, 3, 0], [3, 0, 0], [0, 0, 0]]),
    "prod of one 0": (pg.prod, [0.0, 2.0, 3.0], [[0, 3, 2], [3, 0, 0], [2, 0, 0]]),
    "cumulative_prod": (
        lambda x: pg.cumulative_prod(x)[2], [0.0, 0.0, 3.0], [[0, 3, 0], [3, 0, 0], [0, 0, 0]]
    ),
    "logsumexp": (pg.logsumexp, [1.0, 1.0], [[0.25, -0.25], [-0.25, 0.25]]),
    "det": (
        lambda x: pg.linalg.det(pg.reshape(x, (2, 2))), [0.0] * 4,
        np.fliplr(np.diag([1, -1, -1, 1])),
    ),
    "norm 3 cubed": (lambda x: pg.linalg.vector_norm(x, ord=3) ** 3, [0.0, 2.0], [[0, 0], [0, 12]]),
    "softplus": (lambda x: pg.sum(pg.nn.softplus(x)), [0.0], [[0.25]]),
    "sinc": (lambda x: pg.sum(pg.special.sinc(x)), [0.0], [[-np.pi**2 / 3]]),
    "guarded": (lambda x: pg.sum(pg.where(x > 0, pg.sqrt(x), x * x)), [0.0], [[2]]),
    "guarded abs": (lambda x: pg.sum(pg.where(x > 0, pg.abs(pg.sqrt(x)), 0.0)), [0.0], [[0]]),
    "log cosh abs": (lambda x: pg.sum(pg.log(pg.cosh(pg.abs(x)))), [0.0], [[1]]),
    "huber": (lambda x: pg.sum(pg.special.huber(1.0, x)), [0.0], [[1]]),
}  # fmt: skip


@pytest.mark.parametrize("name", VECTORS)
def test_of_arrays(name: str) -> None:
    f, x, expected = VECTORS[name]
    at = np.asarray(x)
    close = np.testing.assert_allclose
    close(pg.hessian(f)(at), expected, atol=1e-12)
    close(pg.jacrev(pg.grad(f))(at), expected, atol=1e-12)
    close(pg.jit(pg.hessian(f))(at), expected, atol=1e-12)
    close(pg.hessian(pg.jit(f))(at), expected, atol=1e-12)
    products = [pg.hvp(f, (at,), (v,))[0] for v in np.eye(at.size)]
    close(products, expected, atol=1e-12)
