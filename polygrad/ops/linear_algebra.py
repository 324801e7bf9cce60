"""Linear algebra of the standard's main namespace: products of vectors and matrices."""

import math
from typing import Any

from polygrad.core import op as op_module
from polygrad.core.batch import raise_ndim, unbatched_ndim
from polygrad.core.kinds import Bilinear, unbroadcast
from polygrad.core.op import Op, is_complex
from polygrad.core.trace import PYTHON_SCALARS, bind
from polygrad.errors import ShapeError
from polygrad.ops.arithmetic import conj, multiply
from polygrad.ops.manipulation import normalise_axes, permute_dims, reshape
from polygrad.ops.statistical import sum as total


def _matmul_left(xp: Any, g: Any, _y: Any, _a: Any, b: Any) -> Any:
    if is_complex(b.dtype):
        b = xp.conj(b)
    a_ndim, b_ndim = len(_a.shape), len(b.shape)
    if a_ndim == b_ndim == 2:
        return xp.matmul(g, xp.matrix_transpose(b))
    if b_ndim == 1:
        return g * b if a_ndim == 1 else xp.expand_dims(g, axis=-1) * b
    if a_ndim == 1:
        out = xp.matmul(xp.expand_dims(g, axis=-2), xp.matrix_transpose(b))[..., 0, :]
    else:
        out = xp.matmul(g, xp.matrix_transpose(b))
    return unbroadcast(xp, out, _a.shape)


def _matmul_right(xp: Any, g: Any, _y: Any, a: Any, _b: Any) -> Any:
    if is_complex(a.dtype):
        a = xp.conj(a)
    a_ndim, b_ndim = len(a.shape), len(_b.shape)
    if a_ndim == b_ndim == 2:
        return xp.matmul(xp.matrix_transpose(a), g)
    if a_ndim == 1:
        out = g * a if b_ndim == 1 else xp.expand_dims(a, axis=-1) * xp.expand_dims(g, axis=-2)
    elif b_ndim == 1:
        out = xp.matmul(xp.matrix_transpose(a), xp.expand_dims(g, axis=-1))[..., 0]
    else:
        out = xp.matmul(xp.matrix_transpose(a), g)
    return unbroadcast(xp, out, _b.shape)


def _batch_matmul(op: Op, size: int, values: list[Any], batched: list[bool], params: Any) -> Any:
    a, b = values
    one_a, one_b = (unbatched_ndim(v, f) == 1 for v, f in zip(values, batched, strict=True))
    xp = op_module.traced_namespace
    # Vectors of a batch become matrices of one row or column.
    if one_a and batched[0]:
        a = xp.expand_dims(a, axis=-2)
    if one_b and batched[1]:
        b = xp.expand_dims(b, axis=-1)
    ndim = max(unbatched_ndim(v, f) for v, f in zip((a, b), batched, strict=True))
    out = bind(op, tuple(raise_ndim(v, f, ndim) for v, f in zip((a, b), batched, strict=True)), {})
    if one_b and batched[1]:
        out = xp.squeeze(out, axis=-1)
    if one_a and batched[0]:
        out = xp.squeeze(out, axis=-1 if one_b else -2)
    return out


matmul_op = Bilinear("matmul", _matmul_left, _matmul_right, batch=_batch_matmul)


_NO_PARAMS: dict[str, Any] = {}


def matmul(x1: Any, x2: Any, /) -> Any:
    """The matrix product; one-dimensional operands are vectors, leading axes broadcast.

    Raises ShapeError where the lengths that are summed over differ.

    >>> a = pg.asarray([[1.0, 2.0], [3.0, 4.0]])
    >>> pg.matmul(a, pg.asarray([1.0, 1.0]))
    Array([3., 7.], dtype=float64, device=cpu)
    """
    return bind(matmul_op, (x1, x2), _NO_PARAMS)


def _matmul_error(x1: Any, x2: Any) -> ShapeError | None:
    """What is wrong with the shapes, once the library has refused them."""
    a: Any
    b: Any
    a, b = (() if type(x) in PYTHON_SCALARS else getattr(x, "shape", None) for x in (x1, x2))
    if a is None or b is None:
        return None
    if len(a) == 0 or len(b) == 0:
        return ShapeError(
            f"matmul: got shapes {tuple(a)} and {tuple(b)}, expected at least one axis in each; "
            "multiply numbers with *"
        )
    inner = b[-2] if len(b) > 1 else b[0]
    if a[-1] != inner:
        return ShapeError(
            f"matmul: got shapes {tuple(a)} and {tuple(b)}, expected the last axis of the first "
            f"({a[-1]}) as long as the {'second last' if len(b) > 1 else 'only'} axis of the "
            f"second ({inner}); transpose one with .mT or check the layer sizes"
        )
    return None


matmul_op.explain = _matmul_error


def tensordot(x1: Any, x2: Any, /, *, axes: Any = 2) -> Any:
    """The product of two arrays summed over pairs of axes.

    ``axes`` is a number N (the last N of x1 with the first N of x2) or two sequences of axes.
    Raises ShapeError where the lengths that are summed over differ.

    >>> pg.tensordot(pg.ones((2, 3)), pg.ones((3, 4)), axes=1).shape
    (2, 4)
    """
    n1, n2 = len(x1.shape), len(x2.shape)
    if isinstance(axes, int):
        if not 0 <= axes <= min(n1, n2):
            raise ShapeError(
                f"tensordot: got axes={axes} for arrays of shapes {tuple(x1.shape)} and "
                f"{tuple(x2.shape)}, expected 0 to {min(n1, n2)}, as many as the smaller has"
            )
        left, right = tuple(range(n1 - axes, n1)), tuple(range(axes))
    else:
        left = normalise_axes("tensordot", tuple(axes[0]), n1)
        right = normalise_axes("tensordot", tuple(axes[1]), n2)
    summed = [x1.shape[i] for i in left]
    if summed != [x2.shape[i] for i in right]:
        raise ShapeError(
            f"tensordot: got shapes {tuple(x1.shape)} and {tuple(x2.shape)} with axes {axes}, "
            "expected equal lengths along the axes that are summed over"
        )
    free1 = [i for i in range(n1) if i not in left]
    free2 = [i for i in range(n2) if i not in right]
    inner = math.prod(summed)
    shape = tuple(x1.shape[i] for i in free1) + tuple(x2.shape[i] for i in free2)
    rows = math.prod(x1.shape[i] for i in free1)
    columns = math.prod(x2.shape[i] for i in free2)
    a = reshape(permute_dims(x1, (*free1, *left)), (rows, inner))
    b = reshape(permute_dims(x2, (*right, *free2)), (inner, columns))
    return reshape(matmul(a, b), shape)


def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """The dot product of vectors along an axis, the first conjugated; other axes broadcast.

    >>> pg.vecdot(pg.asarray([1.0, 2.0]), pg.asarray([3.0, 4.0]))
    Array(11., dtype=float64, device=cpu)
    """
    if not -min(len(x1.shape), len(x2.shape)) <= axis <= -1 and len(x1.shape) != len(x2.shape):
        raise ShapeError(f"vecdot: axis {axis} has to be negative and in both arrays")
    if x1.shape[axis] != x2.shape[axis]:
        raise ShapeError(
            f"vecdot: got shapes {tuple(x1.shape)} and {tuple(x2.shape)}, expected equal lengths "
            f"along axis {axis}"
        )
    product = multiply(conj(x1) if is_complex(x1.dtype) else x1, x2)
    return total(product, axis=axis, dtype=product.dtype)
