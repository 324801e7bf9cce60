"""scipy.linalg: functions of matrices, and matrix equations."""

import math
from typing import Any

from polygrad import ops
from polygrad.dtypes import as_dtype
from polygrad.numpy_functions.products import kron
from polygrad.ops import linalg
from polygrad.scipy_functions.table import adjoint, inexact, stand_in, together

# The numerator of the Pade approximant of degree 13 to the exponential: Higham, The scaling and
# squaring method for the matrix exponential revisited, SIAM J. Matrix Anal. Appl. 26 (2005).
_DEGREE = 13
_PADE = [
    math.factorial(2 * _DEGREE - j)
    * math.factorial(_DEGREE)
    / (math.factorial(2 * _DEGREE) * math.factorial(_DEGREE - j) * math.factorial(j))
    for j in range(_DEGREE + 1)
]
_THETA = 5.371920351148152


@stand_in("linalg.expm")
def expm(A: Any) -> Any:  # noqa: N803
    """scipy.linalg.expm, by scaling and squaring."""
    a = inexact(A)
    if a.shape[-1] == 0:
        return a
    size = ops.max(linalg.matrix_norm(ops.stop_gradient(a), ord=1)).item()
    squarings = max(0, math.ceil(math.log2(size / _THETA))) if 0 < size < math.inf else 0
    a = a / 2.0**squarings
    eye = ops.eye(a.shape[-1], dtype=a.dtype, device=a.device)
    square = ops.matmul(a, a)
    odd, even = _PADE[13] * eye, _PADE[12] * eye
    for j in range(10, -1, -2):
        odd = ops.matmul(odd, square) + _PADE[j + 1] * eye
        even = ops.matmul(even, square) + _PADE[j] * eye
    odd = ops.matmul(a, odd)
    out = linalg.solve(even - odd, even + odd)
    for _ in range(squarings):
        out = ops.matmul(out, out)
    return out


def _imaginary(A: Any, combine: Any) -> Any:  # noqa: N803
    """A function made of exp(iA) and exp(-iA), real for a real matrix."""
    a = inexact(A)
    real = not as_dtype(a.dtype).is_complex
    wide = ops.astype(a, "complex64" if a.dtype == ops.float32 else "complex128") if real else a
    out = combine(expm(wide * 1j), expm(wide * -1j))
    return ops.real(out) if real else out


@stand_in("linalg.solve_sylvester")
def solve_sylvester(a: Any, b: Any, q: Any) -> Any:
    """scipy.linalg.solve_sylvester, as one system of all the unknowns."""
    a, b, q = together(a, b, q)
    m, n = a.shape[0], b.shape[0]
    eye = ops.eye(max(m, n), dtype=a.dtype, device=a.device)
    system = kron(a, eye[:n, :n]) + kron(eye[:m, :m], ops.matrix_transpose(b))
    return ops.reshape(linalg.solve(system, ops.reshape(q, (-1,))), (m, n))


@stand_in("linalg.solve_continuous_lyapunov", "linalg.solve_lyapunov")
def solve_continuous_lyapunov(a: Any, q: Any) -> Any:
    """scipy.linalg.solve_continuous_lyapunov."""
    return solve_sylvester(a, adjoint(inexact(a)), q)


@stand_in("linalg.sqrtm")
def sqrtm(A: Any, disp: Any = None, blocksize: Any = None) -> Any:  # noqa: N803
    """scipy.linalg.sqrtm, by the product form of the Denman-Beavers iteration.

    Higham, Functions of Matrices (2008), 6.3: the determinant scales the first steps.
    """
    a = inexact(A)
    n = a.shape[-1]
    eye = ops.eye(n, dtype=a.dtype, device=a.device)
    product, root = a, a
    tiny = n * float(ops.finfo(a.dtype).eps)
    for step in range(60):
        distance = ops.max(linalg.matrix_norm(ops.stop_gradient(product) - eye, ord=1)).item()
        if distance < tiny or not math.isfinite(distance):
            break
        back = linalg.inv(product)
        scale = 1.0
        if distance > 1e-2 and step < 10:
            scale = abs(ops.stop_gradient(linalg.det(product)).item()) ** (-0.5 / n)
        square = scale * scale
        root = scale * ops.matmul(root, eye + back / square) / 2
        product = (eye + (square * product + back / square) / 2) / 2
    # One step more, for the derivative: each doubles the digits of it, too.
    return ops.matmul(root, eye + linalg.inv(product)) / 2
