"""Bad input to the linear algebra functions: errors that name what is wrong."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import polygrad as pg

L = pg.linalg
ONES = np.ones((2, 2))
BAD: list[tuple[Callable[..., Any], type[Exception], str]] = [
    (lambda: L.inv(np.ones((2, 3))), pg.errors.ShapeError, r"inv: x has shape \(2, 3\).*square"),
    (lambda: L.det(np.ones(3)), pg.errors.ShapeError, r"det: x has shape \(3,\)"),
    (lambda: L.svd(np.ones((2, 2), dtype=int)), pg.errors.DTypeError, "svd: x has dtype int64"),
    (lambda: L.qr([[1.0]]), pg.errors.ArgumentTypeError, "qr: x is list"),
    (lambda: L.qr(ONES, mode="raw"), pg.errors.ArgumentValueError, "qr: got mode 'raw'"),
    (lambda: L.inv(ONES), pg.errors.LinearAlgebraError, "inv: .*add a multiple"),
    (lambda: L.solve(ONES, ONES), pg.errors.LinearAlgebraError, "solve: .*no inverse"),
    (lambda: L.matrix_power(ONES, -1), pg.errors.LinearAlgebraError, "inv"),
    (lambda: L.matrix_power(ONES, 0.5), pg.errors.ArgumentTypeError, "matrix_power: n is float"),
    (lambda: L.cholesky(-ONES), pg.errors.LinearAlgebraError, "cholesky: .*positive definite"),
    (lambda: L.svd(np.nan * ONES), pg.errors.LinearAlgebraError, "svd: .*nan"),
    (lambda: L.solve(ONES, np.ones(3)), pg.errors.ShapeError, r"solve: x1 has shape \(2, 2\)"),
    (lambda: L.solve(np.ones((3, 2, 2)), np.ones((2, 2, 1))), pg.errors.ShapeError, "broadcast"),
    (lambda: L.cross(np.ones(2), np.ones(2)), pg.errors.ShapeError, "cross: .*length 3"),
    (lambda: L.cross(np.ones(3), np.ones(3), axis=0), pg.errors.ArgumentValueError, "negative"),
    (lambda: L.outer(ONES, ONES), pg.errors.ShapeError, "outer: .*vectors"),
    (lambda: L.diagonal(np.ones(3)), pg.errors.ShapeError, "diagonal"),
    (lambda: L.trace(np.ones(3)), pg.errors.ShapeError, "trace"),
    (lambda: L.pinv(ONES, rtol="small"), pg.errors.ArgumentTypeError, "pinv: rtol is str"),
    (lambda: L.vector_norm(ONES, ord="fro"), pg.errors.ArgumentValueError, "'fro'.*matrix_norm"),
    (lambda: L.vector_norm(ONES, ord=np.nan), pg.errors.ArgumentValueError, "ord=nan"),
    (lambda: L.matrix_norm(ONES, ord=3), pg.errors.ArgumentValueError, "got ord=3"),
    (lambda: L.matrix_norm(ONES, ord="max"), pg.errors.ArgumentValueError, "got ord='max'"),
    (lambda: L.matrix_norm(np.ones(2)), pg.errors.ShapeError, "matrix_norm"),
    (
        lambda: pg.grad(lambda x: pg.sum(L.qr(x).R))(np.zeros((2, 2))),
        pg.errors.LinearAlgebraError,
        "qr: .*depend on one another",
    ),
]


@pytest.mark.parametrize(("call", "kind", "message"), BAD, ids=[m for *_, m in BAD])
def test_bad_input(call: Callable[..., Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message) as caught:
        call()
    assert isinstance(caught.value, pg.PolygradError)


def test_errors_of_another_library_have_the_same_name() -> None:
    x = pg.ones((2, 2), device="strict")
    for f in (L.inv, lambda x: L.cholesky(-x), lambda x: L.solve(x, x)):
        with pytest.raises(pg.errors.LinearAlgebraError):
            pg.grad(lambda x, f=f: pg.sum(f(x)))(x)
