"""scipy.signal: trends and filters along an axis."""

from typing import Any

from polygrad import ops
from polygrad.core.batch import one_by_one
from polygrad.core.kinds import General
from polygrad.core.op import OpFacts, is_complex
from polygrad.core.trace import bind
from polygrad.errors import ArgumentValueError, ShapeError
from polygrad.ops import linalg
from polygrad.scipy_functions.structured import companion
from polygrad.scipy_functions.table import (
    array,
    inexact,
    stand_in,
    together,
)
from polygrad.scipy_functions.windows import correlated


@stand_in("signal.detrend")
def detrend(data: Any, axis: int = -1, type: str = "linear", bp: Any = 0, overwrite_data: bool = False) -> Any:  # fmt: skip # noqa: A002, E501
    """scipy.signal.detrend."""
    x = ops.moveaxis(inexact(data), axis, -1)
    if type in ("constant", "c"):
        return ops.moveaxis(x - ops.mean(x, axis=-1, keepdims=True), -1, axis)
    if type not in ("linear", "l"):
        raise ArgumentValueError(
            f"scipy.signal.detrend: got type {type!r}, expected 'linear' or 'constant'"
        )
    n = x.shape[-1]
    given = bp.tolist() if hasattr(bp, "tolist") else bp
    cuts = sorted({0, n, *(given if isinstance(given, list | tuple) else [given])})
    if cuts[-1] > n:
        raise ArgumentValueError(
            f"scipy.signal.detrend: got the break point {cuts[-1]}, expected at most {n}"
        )
    parts = [_without_line(x[..., i:j]) for i, j in zip(cuts, cuts[1:], strict=False)]
    return ops.moveaxis(ops.concat(parts, axis=-1), -1, axis)


def _without_line(x: Any) -> Any:
    """``x`` less the line of least squares along the last axis."""
    x = x - ops.mean(x, axis=-1, keepdims=True)
    n = x.shape[-1]
    if n == 1:
        return x
    t = ops.arange(n, dtype=ops.real(x).dtype, device=x.device) - (n - 1) / 2
    t = t / (n * (n * n - 1) / 12) ** 0.5
    return x - t * ops.sum(t * x, axis=-1, keepdims=True)


# -- recursive filters -----------------------------------------------------------------------


def _recursion(xp: Any, a: Any, x: Any) -> Any:
    order = a.shape[0]
    rows: list[Any] = []
    for t in range(x.shape[-1]):
        row = x[..., t]
        for k in range(min(order, t)):
            row = row - a[k] * rows[t - 1 - k]
        rows.append(row)
    return xp.stack(rows, axis=-1) if rows else xp.zeros_like(x)


def _delayed(xp: Any, y: Any, k: int) -> Any:
    """``y`` later by ``k`` samples, zeros before."""
    n = y.shape[-1]
    if k >= n:
        return xp.zeros_like(y)
    return xp.concat([xp.zeros_like(y[..., :k]), y[..., : n - k]], axis=-1)


def _recursion_vjp(xp: Any, g: Any, ans: Any, a: Any, _x: Any) -> Any:
    back = xp.conj(a) if is_complex(a.dtype) else a
    gx = xp.flip(recursion(back, xp.flip(g, axis=-1)), axis=-1)
    past = xp.conj(ans) if is_complex(ans.dtype) else ans
    parts = [-xp.sum(_delayed(xp, past, k + 1) * gx) for k in range(a.shape[0])]
    return (xp.stack(parts) if parts else xp.zeros_like(a)), gx


def _recursion_jvp(xp: Any, tangents: Any, ans: Any, a: Any, _x: Any) -> Any:
    ta, tx = tangents
    drive = xp.zeros_like(ans) if tx is None else tx
    if ta is not None:
        for k in range(a.shape[0]):
            drive = drive - ta[k] * _delayed(xp, ans, k + 1)
    return recursion(a, drive)


class _Recursion(General):
    __slots__ = ()
    kind_facts = OpFacts(python_loop=True)

    def shaped_like(self) -> tuple[int]:
        """The operand that the answer is like, so that tracing need not run a loop to know."""
        return (1,)


recursion_op = _Recursion("recursion", _recursion_vjp, _recursion_jvp, _recursion, batch=one_by_one)


def recursion(a: Any, x: Any) -> Any:
    """The y with y[t] = x[t] - a[0] y[t-1] - a[1] y[t-2] - ... along the last axis."""
    return bind(recursion_op, (a, x), {})


def _filtered(b: Any, a: Any, x: Any) -> Any:
    """``x`` through the filter b / a, zero before, along the last axis."""
    b, a = b / a[0], a / a[0]
    # The moving average of the inputs ends at the sample itself.
    m = b.shape[0]
    moved = correlated("signal.lfilter", x, ops.flip(b), -1, "constant", 0, m - 1 - m // 2)
    return recursion(a[1:], moved) if a.shape[0] > 1 else moved


@stand_in("signal.lfilter")
def lfilter(b: Any, a: Any, x: Any, axis: int = -1, zi: Any = None) -> Any:
    """scipy.signal.lfilter."""
    b, a, x = together(b, a, x)
    b, a = ops.reshape(b, (-1,)), ops.reshape(a, (-1,))
    x = ops.moveaxis(x, axis, -1)
    if zi is None:
        return ops.moveaxis(_filtered(b, a, x), -1, axis)
    # The state left over from before is what an input of zeros would still bring.
    order = max(a.shape[0], b.shape[0]) - 1
    zi = ops.moveaxis(ops.astype(inexact(zi), x.dtype, copy=False), axis, -1)
    n = x.shape[-1]
    drive = zi[..., :n]
    if n > order:
        widths = [(0, 0)] * (len(zi.shape) - 1) + [(0, n - order)]
        drive = ops.pad(zi, widths)
    b, a = b / a[0], a / a[0]
    y = _filtered(b, a, x) + (recursion(a[1:], drive) if a.shape[0] > 1 else drive)
    state = _state(b, a, x, y, zi, order)
    return ops.moveaxis(y, -1, axis), ops.moveaxis(state, -1, axis)


def _state(b: Any, a: Any, x: Any, y: Any, zi: Any, order: int) -> Any:
    """The state after the last sample, of the transposed direct form II."""
    n = x.shape[-1]
    parts = []
    for i in range(order):
        total = ops.zeros_like(y[..., 0])
        for k in range(i + 1, order + 1):
            t = n - 1 - (k - i - 1)
            if t >= 0:
                if k < b.shape[0]:
                    total = total + b[k] * x[..., t]
                if k < a.shape[0]:
                    total = total - a[k] * y[..., t]
        if n + i < order:
            total = total + zi[..., n + i]
        parts.append(total)
    return ops.stack(parts, axis=-1)


@stand_in("signal.lfiltic")
def lfiltic(b: Any, a: Any, y: Any, x: Any = None) -> Any:
    """scipy.signal.lfiltic: the state that past outputs and inputs leave behind.

    SciPy does not divide by ``a[0]`` where it is 1, which would lose its derivative.
    """
    given = (b, a, y) if x is None else (b, a, y, x)
    b, a, y, *rest = (ops.reshape(part, (-1,)) for part in together(*given))
    past = rest[0] if rest else ops.zeros_like(b)
    order = max(a.shape[0], b.shape[0]) - 1
    parts = []
    for m in range(order):
        k = min(max(b.shape[0] - 1 - m, 0), past.shape[0])
        n = min(max(a.shape[0] - 1 - m, 0), y.shape[0])
        parts.append(ops.sum(b[m + 1 : m + 1 + k] * past[:k]) - ops.sum(a[m + 1 : m + 1 + n] * y[:n]))  # fmt: skip # noqa: E501
    return ops.stack(parts) / a[0] if parts else ops.zeros((0,), dtype=b.dtype, device=b.device)


@stand_in("signal.lfilter_zi")
def lfilter_zi(b: Any, a: Any) -> Any:
    """scipy.signal.lfilter_zi: the state that a constant input of 1 settles in."""
    b, a = together(b, a)
    b, a = b / a[0], a / a[0]
    n = max(a.shape[0], b.shape[0])
    a = ops.pad(a, (0, n - a.shape[0]))
    b = ops.pad(b, (0, n - b.shape[0]))
    eye = ops.eye(n - 1, dtype=a.dtype, device=a.device)
    return linalg.solve(eye - ops.matrix_transpose(companion(a)), b[1:] - a[1:] * b[0])


def _extended(name: str, x: Any, padtype: Any, padlen: int) -> Any:
    """``x`` with its ends continued, along the last axis."""
    if padtype is None or padlen == 0:
        return x
    n = x.shape[-1]
    if n <= padlen:
        raise ShapeError(
            f"scipy.{name}: got {n} samples, expected more than padlen = {padlen}; "
            "give a smaller padlen"
        )
    if padtype == "constant":
        widths = [(0, 0)] * (len(x.shape) - 1) + [(padlen, padlen)]
        return ops.pad(x, widths, mode="edge")
    left, right = ops.flip(x[..., 1 : padlen + 1], axis=-1), ops.flip(x[..., n - padlen - 1 : -1], axis=-1)  # fmt: skip # noqa: E501
    if padtype == "odd":
        left, right = 2 * x[..., :1] - left, 2 * x[..., -1:] - right
    elif padtype != "even":
        raise ArgumentValueError(
            f"scipy.{name}: got padtype {padtype!r}, expected 'odd', 'even', 'constant' or None"
        )
    return ops.concat([left, x, right], axis=-1)


def _both_ways(name: str, x: Any, axis: int, padtype: Any, padlen: int, once: Any) -> Any:
    """A filter ``once(x, first)`` forward and backward, started as if settled at the first."""
    x = ops.moveaxis(x, axis, -1)
    longer = _extended(name, x, padtype, padlen)
    for _ in range(2):
        longer = ops.flip(once(longer, longer[..., :1]), axis=-1)
    kept = longer[..., padlen : longer.shape[-1] - padlen] if padtype is not None else longer
    return ops.moveaxis(kept, -1, axis)


@stand_in("signal.sosfilt")
def sosfilt(sos: Any, x: Any, axis: int = -1, zi: Any = None) -> Any:
    """scipy.signal.sosfilt."""
    sos, x = together(sos, x)
    x = ops.moveaxis(x, axis, -1)
    left = []
    for i in range(sos.shape[0]):
        b, a = sos[i, :3], sos[i, 3:]
        if zi is None:
            x = _filtered(b, a, x)
        else:
            x, state = lfilter(b, a, x, -1, ops.moveaxis(array(zi)[i], axis, -1))
            left.append(ops.moveaxis(state, -1, axis))
    x = ops.moveaxis(x, -1, axis)
    return x if zi is None else (x, ops.stack(left))
