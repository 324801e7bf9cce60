"""Stand-ins for NumPy's functions of polynomials that divide, integrate, fit and find roots."""

from typing import Any

from polygrad import ops
from polygrad.dtypes import as_dtype
from polygrad.errors import ArgumentValueError, UnknownValueError
from polygrad.numpy_functions.decompositions import real_where_possible
from polygrad.numpy_functions.products import as_rtol, lstsq
from polygrad.numpy_functions.samples import vander
from polygrad.numpy_functions.sets import sort_complex
from polygrad.numpy_functions.table import array, known, numpy_function
from polygrad.ops import linalg


def _inexact(x: Any) -> Any:
    x = array(x)
    return x if as_dtype(x.dtype).is_inexact else ops.astype(x, ops.float64)


def _wide(x: Any) -> Any:
    """In float64 or complex128, to which integer powers promote."""
    return ops.astype(x, ops.result_type(array(x), ops.float64), copy=False)


@numpy_function("trim_zeros")
def trim_zeros(filt: Any, trim: str = "fb", axis: Any = None) -> Any:
    """numpy.trim_zeros of one axis."""
    x = array(filt)
    if len(x.shape) != 1:
        raise ArgumentValueError(
            f"numpy.trim_zeros of a polygrad array: got shape {x.shape}, expected one axis"
        )
    kept = [i for i, zero in enumerate((ops.stop_gradient(x) == 0).tolist()) if not zero]
    if not kept:
        return x[:0]
    first = kept[0] if "f" in trim.lower() else 0
    last = kept[-1] + 1 if "b" in trim.lower() else x.shape[0]
    return x[first:last]


@numpy_function("poly")
def poly(seq_of_zeros: Any) -> Any:
    """numpy.poly: the polynomial with these zeros, or the characteristic one of a matrix."""
    zeros = _inexact(seq_of_zeros)
    if zeros.dtype == ops.float16:
        zeros = ops.astype(zeros, ops.float64)
    real = not as_dtype(zeros.dtype).is_complex
    if len(zeros.shape) == 2:
        zeros = linalg.eigvals(zeros)
    out = ops.ones((1,), dtype=zeros.dtype, device=zeros.device)
    for i in range(zeros.shape[0] if zeros.shape else 0):
        one = ops.ones_like(zeros[:1])
        out = ops.convolve(out, ops.concat([one, -zeros[i : i + 1]]))
    if real:
        return ops.real(out) if as_dtype(out.dtype).is_complex else out
    if not known(out):
        raise UnknownValueError(
            "numpy.poly of complex zeros inside jit or vmap: whether the result is real depends on "
            "the values; multiply the factors by pg.convolve"
        )
    pairs = sorted_by_parts(zeros), sorted_by_parts(ops.conj(zeros))
    return ops.real(out) if bool(ops.all(pairs[0] == pairs[1])) else out


def sorted_by_parts(z: Any) -> Any:
    """Complex numbers, without their track, by the real part, then the imaginary one."""
    return sort_complex(ops.stop_gradient(z))


@numpy_function("roots")
def roots(p: Any) -> Any:
    """numpy.roots: the eigenvalues of the companion matrix.

    Zeros at the end are kept as coefficients: a root at 0 depends on the last one.
    """
    p = trim_zeros(_inexact(p), "f")
    n = p.shape[0] - 1
    kind = {"dtype": p.dtype, "device": p.device}
    if n <= 0:
        return ops.zeros((0,), **kind)
    below = ops.eye(n, **kind)[:-1, :]
    p = _wide(p) if p.dtype == ops.float16 else p
    below = ops.astype(below, p.dtype, copy=False)
    companion = ops.concat([ops.expand_dims(-p[1:] / p[0], axis=0), below])
    return real_where_possible("roots", linalg.eigvals(companion), companion)


@numpy_function("polyint")
def polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    """numpy.polyint."""
    p = _wide(p)
    constants = [0.0] * m if k is None else [k] * m if isinstance(k, int | float) else list(k)
    for i in range(m):
        n = p.shape[0]
        powers = ops.arange(n, 0, -1, dtype=ops.real(p).dtype, device=p.device)
        last = ops.reshape(ops.astype(array(constants[i]), p.dtype), (1,))
        p = ops.concat([p / powers, last])
    return p


@numpy_function("polydiv")
def polydiv(u: Any, v: Any) -> tuple[Any, Any]:
    """numpy.polydiv."""
    u, v = _inexact(u), _inexact(v)
    dtype = ops.result_type(u, v)
    u, v = ops.astype(u, dtype, copy=False), ops.astype(v, dtype, copy=False)
    m, n = u.shape[0], v.shape[0]
    parts, rest = [], u
    for k in range(m - n + 1):
        factor = rest[k] / v[0]
        parts.append(factor)
        rest = rest - factor * ops.pad(v, (k, m - n - k))
    quotient = ops.stack(parts) if parts else ops.zeros_like(u[:1])
    left = rest[max(m - n + 1, 0) :] if parts else rest
    small = (ops.abs(ops.stop_gradient(left)) <= 1e-8).tolist()
    first = next((i for i, zero in enumerate(small) if not zero), max(len(small) - 1, 0))
    return quotient, left[first:] if left.shape[0] else ops.zeros_like(u[:1])


@numpy_function("polyfit")
def polyfit(
    x: Any, y: Any, deg: int, rcond: Any = None, full: bool = False, w: Any = None,
    cov: Any = False,
) -> Any:  # fmt: skip
    """numpy.polyfit."""
    x, y = _inexact(x), _inexact(y)
    rcond = x.shape[0] * as_rtol(x) if rcond is None else rcond
    left, right = vander(x, deg + 1), _wide(y)
    if w is not None:
        weights = _inexact(w)
        left = left * ops.expand_dims(weights, axis=1)
        right = right * (ops.expand_dims(weights, axis=1) if len(y.shape) == 2 else weights)
    scale = ops.sqrt(ops.sum(left * left, axis=0))
    found, residuals, rank, s = lstsq(left / scale, right, rcond)
    found = ops.matrix_transpose(ops.matrix_transpose(found) / scale) if len(y.shape) == 2 else found / scale  # fmt: skip # noqa: E501
    if full:
        return found, residuals, rank, s, rcond
    if not cov:
        return found
    base = linalg.inv(ops.matmul(ops.matrix_transpose(left), left))
    if cov != "unscaled":
        base = base * (ops.sum(ops.square(ops.abs(ops.matmul(left, found) - right))) / (x.shape[0] - deg - 1))  # fmt: skip # noqa: E501
    return found, base
