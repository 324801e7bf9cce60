"""The linear algebra extension of the array API standard, every function with its derivative.

Matrices are the last two axes, leading axes are a stack of them.
"""

from polygrad.ops.checked import check_functions as _check_functions
from polygrad.ops.checked import spelled as _spelled
from polygrad.ops.linalg.eigen import EigResult, eig, eigvals
from polygrad.ops.linalg.factors import QRResult, cholesky, qr
from polygrad.ops.linalg.norms import matrix_norm, vector_norm
from polygrad.ops.linalg.products import cross, matrix_power, outer, trace
from polygrad.ops.linalg.pseudo import matrix_rank, pinv
from polygrad.ops.linalg.solving import SlogdetResult, det, inv, slogdet, solve
from polygrad.ops.linalg.spectral import EighResult, SVDResult, eigh, eigvalsh, svd, svdvals
from polygrad.ops.linalg.triangular import solve_triangular
from polygrad.ops.linear_algebra import matmul, tensordot, vecdot
from polygrad.ops.views import diagonal, matrix_transpose

__all__ = [
    "EigResult",
    "EighResult",
    "QRResult",
    "SVDResult",
    "SlogdetResult",
    "cholesky",
    "cross",
    "det",
    "diagonal",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "inv",
    "matmul",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "matrix_transpose",
    "outer",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_triangular",
    "svd",
    "svdvals",
    "tensordot",
    "trace",
    "vecdot",
    "vector_norm",
]

_check_functions(globals())


def __getattr__(name: str) -> object:  # NumPy's names that the standard has not
    return _spelled("linalg", name)
