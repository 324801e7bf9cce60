"""scipy.linalg: functions of matrices, and matrix equations."""

import math
import sys
from typing import Any

from polygrad import ops
from polygrad.array import differs_between_examples, is_symbolic, raw_and_backend
from polygrad.core.batch import one_by_one
from polygrad.core.kinds import General
from polygrad.core.op import OpFacts, is_complex
from polygrad.core.trace import bind
from polygrad.dtypes import as_dtype
from polygrad.errors import ShapeError
from polygrad.ops import linalg
from polygrad.scipy_functions.table import adjoint, inexact, no_stand_in, scipy, stand_in, together

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


# -- the Sylvester equation ----------------------------------------------------------------------


def _sylvester(xp: Any, a: Any, b: Any, q: Any) -> Any:
    """The x with a x + x b = q; nan where there is not exactly one."""
    backend = raw_and_backend(q)[1]
    if not backend.host:  # as one system of all the unknowns
        m, n = q.shape
        eye = xp.eye(max(m, n), dtype=q.dtype, device=backend.device_of(q))
        columns = xp.reshape(a, (m, 1, m, 1)) * xp.reshape(eye[:n, :n], (1, n, 1, n))
        rows = xp.reshape(eye[:m, :m], (m, 1, m, 1)) * xp.reshape(
            xp.matrix_transpose(b), (1, n, 1, n)
        )
        system = xp.reshape(columns + rows, (m * n, m * n))
        return xp.reshape(xp.linalg.solve(system, xp.reshape(q, (-1,))), (m, n))
    numpy: Any = sys.modules["numpy"]
    left, right, given = map(backend.to_host, (a, b, q))
    one, other = numpy.linalg.eigvals(left), numpy.linalg.eigvals(right)
    gaps = numpy.abs(one[:, None] + other)
    size = max(numpy.max(numpy.abs(one)), numpy.max(numpy.abs(other)))
    if not numpy.min(gaps) > 4 * numpy.finfo(given.dtype).eps * size:
        return xp.full_like(q, float("nan"))
    made = scipy("linalg.solve_sylvester")(left, right, given)
    return xp.asarray(made, dtype=q.dtype, device=backend.device_of(q))


def _sylvester_vjp(xp: Any, g: Any, ans: Any, a: Any, b: Any, _q: Any) -> Any:
    found = sylvester(_adjoint(xp, a), _adjoint(xp, b), g)
    back = _adjoint(xp, ans)
    return -xp.matmul(found, back), -xp.matmul(back, found), found


def _sylvester_jvp(xp: Any, tangents: Any, ans: Any, a: Any, b: Any, _q: Any) -> Any:
    ta, tb, tq = tangents
    change = xp.zeros_like(ans) if tq is None else tq
    if ta is not None:
        change = change - xp.matmul(ta, ans)
    if tb is not None:
        change = change - xp.matmul(ans, tb)
    return sylvester(a, b, change)


def _adjoint(xp: Any, x: Any) -> Any:
    x = xp.matrix_transpose(x)
    return xp.conj(x) if is_complex(x.dtype) else x


class _Like(General):
    """An op of matrices whose answer is like its last operand."""

    __slots__ = ("last",)
    kind_facts = OpFacts(python_loop=True)
    last: int

    def shaped_like(self) -> tuple[int]:
        """The operand that the answer is like, so that tracing need not run it to know."""
        return (self.last,)


_sylvester_op = _Like("sylvester", _sylvester_vjp, _sylvester_jvp, _sylvester, batch=one_by_one)
_sylvester_op.last = 2


def sylvester(a: Any, b: Any, q: Any) -> Any:
    """The x with a x + x b = q, of matrices of one data type."""
    return bind(_sylvester_op, (a, b, q), {})


@stand_in("linalg.solve_sylvester")
def solve_sylvester(a: Any, b: Any, q: Any) -> Any:
    """scipy.linalg.solve_sylvester."""
    return _stacked(sylvester, *together(a, b, q))


def _stacked(function: Any, *arrays: Any) -> Any:
    """A function of matrices, of each of a stack of them."""
    lead = max((x.shape[:-2] for x in arrays), key=len)
    if not lead:
        return function(*arrays)
    flat = [
        ops.reshape(ops.broadcast_to(x, (*lead, *x.shape[-2:])), (math.prod(lead), *x.shape[-2:]))
        for x in arrays
    ]
    found = [function(*(x[i, ...] for x in flat)) for i in range(math.prod(lead))]
    made = ops.stack(found)
    return ops.reshape(made, (*lead, *made.shape[1:]))


@stand_in("linalg.solve_continuous_lyapunov", "linalg.solve_lyapunov")
def solve_continuous_lyapunov(a: Any, q: Any) -> Any:
    """scipy.linalg.solve_continuous_lyapunov."""
    return solve_sylvester(a, adjoint(inexact(a)), q)


# -- the square root -----------------------------------------------------------------------------


def _root(xp: Any, a: Any) -> Any:
    """SciPy's square root of a matrix, nan where it is complex and the matrix is real."""
    backend = raw_and_backend(a)[1]
    given = backend.to_host(a)
    if given.dtype.kind == "c" and not given.imag.any():
        given = given.real  # rounding must not choose the branch
    made = scipy("linalg.sqrtm")(given)
    if made.dtype.kind == "c" and not is_complex(a.dtype):
        return xp.full_like(a, float("nan"))
    return xp.asarray(made, dtype=a.dtype, device=backend.device_of(a))


def _root_vjp(xp: Any, g: Any, ans: Any, _a: Any) -> Any:
    back = _adjoint(xp, ans)
    return sylvester(back, back, g)


def _root_jvp(xp: Any, tangents: Any, ans: Any, _a: Any) -> Any:
    return sylvester(ans, ans, tangents[0])


_root_op = _Like("sqrtm", _root_vjp, _root_jvp, _root, batch=one_by_one)
_root_op.last = 0


@stand_in("linalg.sqrtm")
def sqrtm(A: Any, disp: Any = None, blocksize: Any = None) -> Any:  # noqa: N803
    """scipy.linalg.sqrtm: the principal square root, complex where a real one does not exist.

    Its derivative solves the Sylvester equation x dx + dx x = da (Higham, Functions of Matrices,
    2008, 6.1): nan where that is singular. Under jit and vmap the values are not there to say
    that a real matrix has no real root: the answer is nan there, and a complex matrix has one.
    """
    if disp is False:
        raise no_stand_in("linalg.sqrtm", "disp=False")
    a = inexact(A)
    if a.dtype == ops.float16:
        a = ops.astype(a, ops.float32)
    if len(a.shape) < 2 or a.shape[-1] != a.shape[-2]:
        raise ShapeError(f"scipy.linalg.sqrtm: got shape {a.shape}, expected square matrices")
    if 0 in a.shape:
        return a
    if not (is_complex(a.dtype) or is_symbolic(a) or differs_between_examples(a)):
        raw, backend = raw_and_backend(a)
        if scipy("linalg.sqrtm")(backend.to_host(raw)).dtype.kind == "c":
            a = ops.astype(a, ops.complex64 if a.dtype == ops.float32 else ops.complex128)
    return _stacked(lambda one: bind(_root_op, (one,), {}), a)
