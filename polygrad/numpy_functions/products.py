"""Stand-ins for NumPy's products and linear algebra."""

import functools
import math
from typing import Any

from polygrad import ops
from polygrad.array import is_array
from polygrad.dtypes import as_dtype
from polygrad.errors import ArgumentValueError
from polygrad.numpy_functions.decompositions import exact
from polygrad.numpy_functions.diagonals import diagonal
from polygrad.numpy_functions.shapes import ravel
from polygrad.numpy_functions.table import array, check_casting, numpy_function, together
from polygrad.ops import fft, linalg, views


@numpy_function("dot")
def dot(a: Any, b: Any) -> Any:
    """numpy.dot."""
    a, b = array(a), array(b)
    if not a.shape or not b.shape:
        return ops.multiply(a, b)
    if len(b.shape) <= 2:
        return ops.matmul(a, b)
    return ops.tensordot(a, b, axes=([len(a.shape) - 1], [len(b.shape) - 2]))


@numpy_function("inner")
def inner(a: Any, b: Any) -> Any:
    """numpy.inner."""
    a, b = array(a), array(b)
    if not a.shape or not b.shape:
        return ops.multiply(a, b)
    return ops.tensordot(a, b, axes=([len(a.shape) - 1], [len(b.shape) - 1]))


@numpy_function("outer")
def outer(a: Any, b: Any) -> Any:
    """numpy.outer."""
    return ops.multiply(ops.expand_dims(ravel(a), axis=1), ravel(b))


@numpy_function("linalg.outer")
def linalg_outer(x1: Any, x2: Any, /) -> Any:
    """numpy.linalg.outer."""
    return linalg.outer(array(x1), array(x2))


@numpy_function("vdot")
def vdot(a: Any, b: Any) -> Any:
    """numpy.vdot."""
    return ops.vecdot(ravel(a), ravel(b))


@numpy_function("linalg.vecdot")
def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """numpy.linalg.vecdot."""
    return ops.vecdot(array(x1), array(x2), axis=axis)


@numpy_function("linalg.matmul")
def matmul(x1: Any, x2: Any, /) -> Any:
    """numpy.linalg.matmul."""
    return ops.matmul(array(x1), array(x2))


@numpy_function("tensordot")
def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """numpy.tensordot."""
    if not isinstance(axes, int):
        axes = tuple([part] if isinstance(part, int) else list(part) for part in axes)
    return ops.tensordot(array(a), array(b), axes=axes)


@numpy_function("linalg.tensordot")
def linalg_tensordot(a: Any, b: Any, /, *, axes: Any = 2) -> Any:
    """numpy.linalg.tensordot."""
    return tensordot(a, b, axes)


@numpy_function("einsum")
def einsum(
    subscripts: Any, /, *operands: Any, dtype: Any = None, casting: str = "safe",
    optimize: Any = True,
) -> Any:  # fmt: skip
    """numpy.einsum."""
    if isinstance(subscripts, str):
        operands = tuple(map(array, operands))
    if dtype is None and casting in ("no", "equiv"):
        dtype = ops.result_type(*(x for x in (subscripts, *operands) if is_array(x)))
    if dtype is not None:

        def cast(x: Any) -> Any:
            check_casting("numpy.einsum", x.dtype, dtype, casting)
            return ops.astype(x, dtype, copy=False)

        given = (subscripts, *operands)
        first = isinstance(subscripts, str)
        cast_all = [
            cast(x) if is_array(x) and (first or i % 2 == 0) else x for i, x in enumerate(given)
        ]
        subscripts, operands = cast_all[0], tuple(cast_all[1:])
    return views.einsum(subscripts, *operands, optimize=optimize)


@numpy_function("kron")
def kron(a: Any, b: Any) -> Any:
    """numpy.kron."""
    a, b = array(a), array(b)
    n = max(len(a.shape), len(b.shape))
    left = (1,) * (n - len(a.shape)) + tuple(a.shape)
    right = (1,) * (n - len(b.shape)) + tuple(b.shape)
    wide = ops.reshape(a, tuple(m for length in left for m in (length, 1)))
    tall = ops.reshape(b, tuple(m for length in right for m in (1, length)))
    return ops.reshape(wide * tall, tuple(p * q for p, q in zip(left, right, strict=True)))


@numpy_function("cross")
def cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None) -> Any:  # fmt: skip # noqa: E501
    """numpy.cross, of vectors with three components."""
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = ops.moveaxis(array(a), axisa, -1), ops.moveaxis(array(b), axisb, -1)
    shape = ops.broadcast_shapes(tuple(a.shape), tuple(b.shape))
    out = linalg.cross(ops.broadcast_to(a, shape), ops.broadcast_to(b, shape))
    return ops.moveaxis(out, -1, axisc)


@numpy_function("linalg.cross")
def linalg_cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """numpy.linalg.cross."""
    return linalg.cross(array(x1), array(x2), axis=axis)


@numpy_function("trace")
def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None) -> Any:
    """numpy.trace."""
    return ops.sum(diagonal(a, offset, axis1, axis2), axis=-1, dtype=dtype)


@numpy_function("linalg.trace")
def linalg_trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    """numpy.linalg.trace."""
    return linalg.trace(array(x), offset=offset, dtype=dtype)


@numpy_function("convolve")
def convolve(a: Any, v: Any, mode: Any = "full") -> Any:
    """numpy.convolve."""
    return ops.convolve(ravel(a), ravel(v), mode)


@numpy_function("correlate")
def correlate(a: Any, v: Any, mode: Any = "valid") -> Any:
    """numpy.correlate."""
    a, v = ravel(a), ravel(v)
    reverse = a.shape[0] < v.shape[0]
    v = ops.flip(ops.conj(v) if as_dtype(v.dtype).is_complex else v)
    if mode == "same" and reverse:
        # NumPy correlates the other way round and turns the result.
        return ops.flip(ops.convolve(ops.flip(v), ops.flip(a), mode))
    return ops.convolve(a, v, mode)


@numpy_function("linalg.norm")
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:  # noqa: A002
    """numpy.linalg.norm."""
    x = array(x)
    if not as_dtype(x.dtype).is_inexact:
        x = ops.astype(x, ops.float64)
    axes = axis
    if axis is None:
        if ord is None or (ord == 2 and len(x.shape) == 1):
            out = linalg.vector_norm(x)
            return ops.reshape(out, (1,) * len(x.shape)) if keepdims else out
        axes = tuple(range(len(x.shape)))
    axes = (axes,) if isinstance(axes, int) else tuple(axes)
    if len(axes) == 1:
        return linalg.vector_norm(x, axis=axes[0], keepdims=keepdims, ord=2 if ord is None else ord)
    if len(axes) != 2:
        raise ArgumentValueError(f"numpy.linalg.norm: got axis {axis}, expected one or two axes")
    moved = ops.moveaxis(x, axes, (-2, -1))
    out = linalg.matrix_norm(moved, ord="fro" if ord is None else ord)
    if keepdims:
        places = {a % len(x.shape) for a in axes}
        out = ops.reshape(out, tuple(1 if i in places else n for i, n in enumerate(x.shape)))
    return out


@numpy_function("linalg.vector_norm")
def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:  # noqa: A002
    """numpy.linalg.vector_norm."""
    return linalg.vector_norm(exact(x), axis=axis, keepdims=keepdims, ord=ord)


@numpy_function("linalg.matrix_norm")
def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:  # noqa: A002
    """numpy.linalg.matrix_norm."""
    return linalg.matrix_norm(exact(x), keepdims=keepdims, ord=ord)


for _name in ("det", "slogdet", "inv"):
    numpy_function(f"linalg.{_name}")(
        functools.partial(lambda function, a: function(exact(a)), getattr(linalg, _name))
    )


@numpy_function("linalg.solve")
def solve(a: Any, b: Any) -> Any:
    """numpy.linalg.solve."""
    return linalg.solve(*together(a, b, inexact=True))


@numpy_function("linalg.lstsq")
def lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    """numpy.linalg.lstsq: the solution through the pseudoinverse."""
    a, b = together(array(a), array(b), inexact=True)
    m, n = a.shape[-2:]
    if rcond is None:
        rtol = as_rtol(a) * max(m, n)
    else:  # LAPACK takes 1 and more for "as accurate as the data type", like 0 and less
        rtol = max(rcond, as_rtol(a)) if rcond < 1 else as_rtol(a)
    x = ops.matmul(linalg.pinv(a, rtol=rtol), b)
    rank = ops.astype(linalg.matrix_rank(a, rtol=rtol), ops.int32)  # LAPACK's integer
    residuals = ops.sum(ops.square(ops.abs(ops.matmul(a, x) - b)), axis=0)
    if len(b.shape) == 1:
        residuals = ops.reshape(residuals, (1,))
    if m <= n or int(rank.item()) < n:
        residuals = residuals[:0]
    return x, residuals, rank, linalg.svdvals(a)


def as_rtol(a: Any) -> float:
    """The rounding error of an array's data type."""
    return float(ops.finfo(a.dtype).eps)


@numpy_function("linalg.matrix_power")
def matrix_power(a: Any, n: int) -> Any:
    """numpy.linalg.matrix_power."""
    return linalg.matrix_power(array(a), n)


@numpy_function("linalg.multi_dot")
def multi_dot(arrays: Any) -> Any:
    """numpy.linalg.multi_dot, in the cheapest order."""
    parts = [array(x) for x in arrays]
    labels = [chr(ord("a") + i) for i in range(len(parts) + 1)]
    terms = [labels[i] + labels[i + 1] for i in range(len(parts))]
    out = labels[0] + labels[-1]
    if len(parts[0].shape) == 1:
        terms[0], out = labels[1], out[1:]
    if len(parts[-1].shape) == 1:
        terms[-1], out = labels[-2], out[:-1]
    return ops.einsum(",".join(terms) + "->" + out, *parts)


@numpy_function("linalg.cond")
def cond(x: Any, p: Any = None) -> Any:
    """numpy.linalg.cond."""
    x = exact(x)
    if p in (None, 2, -2):
        s = linalg.svdvals(x)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    return linalg.matrix_norm(x, ord=p) * linalg.matrix_norm(linalg.inv(x), ord=p)


@numpy_function("linalg.tensorinv")
def tensorinv(a: Any, ind: int = 2) -> Any:
    """numpy.linalg.tensorinv."""
    a = exact(a)
    left, right = tuple(a.shape[:ind]), tuple(a.shape[ind:])
    return ops.reshape(linalg.inv(ops.reshape(a, (math.prod(left), -1))), right + left)


@numpy_function("linalg.tensorsolve")
def tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    """numpy.linalg.tensorsolve."""
    a, b = together(array(a), array(b), inexact=True)
    if axes is not None:
        order = [i for i in range(len(a.shape)) if i not in axes] + list(axes)
        a = ops.permute_dims(a, order)
    shape = tuple(a.shape[len(b.shape) :])
    flat = ops.reshape(a, (-1, math.prod(shape)))
    return ops.reshape(linalg.solve(flat, ravel(b)), shape)


def _transform(name: str) -> None:
    function = getattr(fft, name)

    def transformed(a: Any, **options: Any) -> Any:
        a = array(a)
        if a.dtype != ops.float16:
            return function(a, **options)
        # NumPy computes in float32, and gives float16 back where one axis becomes real.
        out = function(ops.astype(a, ops.float32), **options)
        return ops.astype(out, ops.float16) if name in ("irfft", "hfft") else out

    def one(a: Any, n: Any = None, axis: int = -1, norm: Any = None) -> Any:
        return transformed(a, n=n, axis=axis, norm=norm or "backward")

    def several(a: Any, s: Any = None, axes: Any = None, norm: Any = None) -> Any:
        return transformed(a, s=s, axes=axes, norm=norm or "backward")

    def flat(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None) -> Any:
        return transformed(a, s=s, axes=axes, norm=norm or "backward")

    numpy_function(f"fft.{name}")(several if name.endswith("n") else one)
    if name.endswith("n"):
        numpy_function(f"fft.{name[:-1]}2")(flat)


for _name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft", "fftn", "ifftn", "rfftn", "irfftn"):
    _transform(_name)


@numpy_function("fft.fftshift")
def fftshift(x: Any, axes: Any = None) -> Any:
    """numpy.fft.fftshift."""
    return fft.fftshift(array(x), axes=axes)


@numpy_function("fft.ifftshift")
def ifftshift(x: Any, axes: Any = None) -> Any:
    """numpy.fft.ifftshift."""
    return fft.ifftshift(array(x), axes=axes)
