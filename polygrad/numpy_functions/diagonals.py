"""Stand-ins for NumPy's functions of triangles and diagonals."""

from typing import Any

from polygrad import ops
from polygrad.numpy_functions.shapes import ravel
from polygrad.numpy_functions.table import array, numpy_function
from polygrad.ops import views


@numpy_function("tril")
def tril(m: Any, k: int = 0) -> Any:
    """numpy.tril."""
    return ops.tril(array(m), k=k)


@numpy_function("triu")
def triu(m: Any, k: int = 0) -> Any:
    """numpy.triu."""
    return ops.triu(array(m), k=k)


@numpy_function("diagonal")
def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """numpy.diagonal."""
    return views.diagonal(views.moveaxis(array(a), (axis1, axis2), (-2, -1)), offset=offset)


@numpy_function("linalg.diagonal")
def linalg_diagonal(x: Any, /, *, offset: int = 0) -> Any:
    """numpy.linalg.diagonal."""
    return views.diagonal(array(x), offset=offset)


@numpy_function("diag")
def diag(v: Any, k: int = 0) -> Any:
    """numpy.diag."""
    v = array(v)
    if len(v.shape) == 2:
        return views.diagonal(v, offset=k)
    n = v.shape[0] + abs(k)
    rows = list(range(max(-k, 0), max(-k, 0) + v.shape[0]))
    flat = [i * n + i + k for i in rows]
    if not flat:
        return ops.zeros((n, n), dtype=v.dtype, device=v.device)
    span = slice(flat[0], flat[-1] + 1, n + 1)
    return ops.reshape(ops.scatter_add(v, span, (n * n,)), (n, n))


@numpy_function("diagflat")
def diagflat(v: Any, k: int = 0) -> Any:
    """numpy.diagflat."""
    return diag(ravel(v), k)
