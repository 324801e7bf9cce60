"""Second derivatives of functions of lengths where the length is 0: right, or nan, never wrong.

A function f of a length n has the Hessian f''(0) times that of half its square if f'(0) is 0, and
none otherwise.
"""

import numpy as np
import pytest

import polygrad as pg

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

N = 3
EYE = np.eye(N)
CENTRED = (EYE - 1 / N) / N


def paired(x):
    return x[0] + 1j * x[1]


LENGTHS = {  # the length of an array of N numbers, and the Hessian of half its square
    "vector_norm": (pg.linalg.vector_norm, EYE),
    "axis": (lambda x: pg.linalg.vector_norm(pg.reshape(x, (1, N)), axis=1)[0], EYE),
    "keepdims": (lambda x: pg.sum(pg.linalg.vector_norm(x, keepdims=True)), EYE),
    "matrix_norm": (lambda x: pg.linalg.matrix_norm(pg.reshape(x, (N, 1))), EYE),
    "numpy norm": (lambda x: np.linalg.norm(x), EYE),
    "complex norm": (lambda x: pg.linalg.vector_norm(x * (3 + 4j)) / 5, EYE),
    "hypot": (lambda x: pg.hypot(x[0], x[1]), np.diag([1.0, 1, 0])),
    "hypot with 0": (lambda x: pg.hypot(x[0], 0.0), np.diag([1.0, 0, 0])),
    "complex abs": (lambda x: abs(paired(x)), np.diag([1.0, 1, 0])),
    "abs": (lambda x: abs(x[1]), np.diag([0.0, 1, 0])),
    "std": (pg.std, CENTRED),
    "numpy std": (lambda x: np.std(x, ddof=1), CENTRED * N / (N - 1)),
    "std of columns": (lambda x: pg.std(pg.reshape(x, (N, 1)), axis=0)[0], CENTRED),
}
FUNCTIONS = {  # of a length: f, f''(0)
    "square": (lambda n: n**2, 2),
    "np.square": (np.square, 2),
    "product": (lambda n: n * n, 2),
    "scaled": (lambda n: (3 * n) ** 2, 18),
    "cos": (pg.cos, -1),
    "gaussian": (lambda n: pg.exp(-n * n / 2), -1),
    "cube": (lambda n: n**3, 0),
    "log1p": (lambda n: pg.log1p(n**2), 2),
    "product of functions": (lambda n: pg.sin(n) * pg.tanh(n), 2),
}
WAYS = {
    "hessian": pg.hessian,
    "jit of hessian": lambda f: pg.jit(pg.hessian(f)),
    "hessian of jit": lambda f: pg.hessian(pg.jit(f)),
    "forward over reverse": lambda f: pg.jacfwd(pg.grad(f)),
    "hvp": lambda f: lambda x: np.stack([pg.hvp(f, (x,), (e,))[0] for e in np.eye(N)]),
    "hvp of jit": lambda f: lambda x: np.stack([pg.hvp(pg.jit(f), (x,), (e,))[0] for e in EYE]),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("length", LENGTHS)
def test_hessians_of_functions_of_a_length_at_zero(length, way):
    n, half = LENGTHS[length]
    for name, (f, second) in FUNCTIONS.items():
        found = WAYS[way](lambda x, f=f: f(n(x)))(np.zeros(N))
        np.testing.assert_allclose(found, second * half, atol=1e-14, err_msg=name)


@pytest.mark.parametrize("length", [n for n in LENGTHS if n != "abs"])
@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("order", ["reverse over reverse", "reverse over forward"])
def test_other_orders_are_right_or_nan(length, function, order):
    (n, half), (f, second) = LENGTHS[length], FUNCTIONS[function]
    v = np.asarray([1.0, 2.0, -1.0])

    def along(x):
        if order == "reverse over reverse":
            return pg.sum(pg.grad(lambda x: f(n(x)))(x) * v)
        return pg.jvp(lambda x: f(n(x)), (x,), (v,))[1]

    found = pg.grad(along)(np.zeros(N))
    right = second * half @ v
    assert np.all(np.isnan(found) | (abs(found - right) < 1e-12)), found


@pytest.mark.parametrize("length", [n for n in LENGTHS if n != "abs"])
@pytest.mark.parametrize("way", ["hessian", "jit of hessian", "hessian of jit"])
def test_a_length_itself_has_no_second_derivative_at_zero(length, way):
    n, half = LENGTHS[length]
    found = WAYS[way](n)(np.zeros(N))
    assert np.all(np.isnan(np.diag(found)) | (np.diag(half) == 0))


def test_a_product_of_two_lengths_has_no_second_derivative_at_zero():
    norm = pg.linalg.vector_norm
    found = pg.hessian(lambda x: norm(x[:1]) * norm(x[1:]))(np.zeros(2))
    assert np.isnan(found[0, 1])
    assert np.isnan(found[1, 0])


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("way", WAYS)
def test_hessians_away_from_zero(length, way):
    n, _ = LENGTHS[length]
    x, step = np.asarray([0.3, -0.8, 0.5]), 1e-5

    def f(x):
        return pg.sin(n(x)) * n(x)

    gradient = pg.grad(f)
    expected = np.stack(
        [(gradient(x + step * e) - gradient(x - step * e)) / (2 * step) for e in EYE]
    )
    np.testing.assert_allclose(WAYS[way](f)(x), expected, atol=1e-8)


@pytest.mark.parametrize("length", LENGTHS)
def test_examples_at_zero_beside_others(length):
    """Under vmap, an example at 0 is right, and the others are."""
    n, half = LENGTHS[length]
    x = np.stack([np.zeros(N), np.asarray([0.3, -0.8, 0.5])])
    found = pg.vmap(pg.hessian(lambda x: pg.cos(n(x))))(x)
    np.testing.assert_allclose(found[0], -half, atol=1e-14)
    np.testing.assert_allclose(found[1], pg.hessian(lambda x: pg.cos(n(x)))(x[1]), atol=1e-12)


def test_programs_have_the_op_itself():
    """What reverse mode runs for its second derivatives is the plain op where it is compiled."""
    f = pg.jit(pg.hessian(lambda x: pg.cos(pg.linalg.vector_norm(x)) + abs(x[0])))
    names = {equation.op.name for equation in f.lower(np.ones(2)).graph.equations}
    assert not [name for name in names if name.startswith("length")]
