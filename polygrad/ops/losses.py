"""The cross-entropy of logits: one op, whose gradient is softmax less the one-hot labels."""

from typing import Any

from polygrad.array import is_array, raw_and_backend, wrap
from polygrad.core.batch import spread
from polygrad.core.kinds import General
from polygrad.core.trace import bind
from polygrad.dtypes import as_dtype
from polygrad.errors import ArgumentValueError, DTypeError, ShapeError
from polygrad.ops.comparison import logical_and, where
from polygrad.ops.creation import as_operand, full_like, ones_like
from polygrad.ops.datatypes import astype, in_wide
from polygrad.tree import leaves


def _one_hot(xp: Any, labels: Any, classes: int) -> Any:
    numbers = xp.arange(classes, dtype=labels.dtype, device=xp.device_of(labels))
    return labels[..., None] == numbers


def _with_residuals(xp: Any, logits: Any, labels: Any) -> tuple[Any, tuple[Any, ...]]:
    """The loss, and exp of the shifted logits, its sums and the places of the labels in it.

    These are of a flat batch: shapes (n, classes), (n,) and (n,), the places counted from the
    first element of all.
    """
    if hasattr(xp, "softmax_cross_entropy"):
        return xp.softmax_cross_entropy(logits, labels)
    x = xp.reshape(logits, (-1, logits.shape[-1]))
    x = x - xp.max(x, axis=-1, keepdims=True)
    n, classes = x.shape
    kind = xp.int32 if n * classes < 2**31 else xp.int64  # which JAX has only on demand
    rows = xp.arange(n, dtype=kind, device=xp.device_of(labels))
    places = rows * classes + xp.astype(xp.reshape(labels, (n,)), kind)
    picked = xp.sum(xp.where(_hot(xp, places, x.shape), x, xp.zeros_like(x)), axis=-1)
    e = xp.exp(x)
    total = xp.sum(e, axis=-1)
    return xp.reshape(xp.log(total) - picked, labels.shape), (e, total, places)


def _hot(xp: Any, places: Any, shape: tuple[int, ...]) -> Any:
    n, classes = shape
    numbers = xp.arange(n * classes, dtype=places.dtype, device=xp.device_of(places))
    return places[:, None] == xp.reshape(numbers, shape)


def _cross_entropy(xp: Any, logits: Any, labels: Any) -> Any:
    return _with_residuals(xp, logits, labels)[0]


def _residual_vjp(xp: Any, g: Any, residuals: Any, _logits: Any, _labels: Any) -> Any:
    if hasattr(xp, "softmax_cross_entropy_gradient"):
        return xp.softmax_cross_entropy_gradient(g, *residuals), None
    e, total, places = residuals
    flat = xp.reshape(g, total.shape)
    hot = xp.astype(_hot(xp, places, e.shape), g.dtype)
    found = e * (flat / total)[:, None] - hot * flat[:, None]
    return xp.reshape(found, (*g.shape, e.shape[1])), None


def _slope(xp: Any, logits: Any, labels: Any) -> Any:
    e = xp.exp(logits - xp.max(logits, axis=-1, keepdims=True))
    hot = xp.astype(_one_hot(xp, labels, logits.shape[-1]), logits.dtype)
    return e / xp.sum(e, axis=-1, keepdims=True) - hot


def _vjp(xp: Any, g: Any, _ans: Any, logits: Any, labels: Any) -> Any:
    return g[..., None] * _slope(xp, logits, labels), None


def _jvp(xp: Any, t: Any, ans: Any, logits: Any, labels: Any) -> Any:
    return xp.sum(t[0] * _slope(xp, logits, labels), axis=-1)


def _label_error(logits: Any, labels: Any) -> ArgumentValueError | None:
    """What is wrong with the labels, once the library has refused them as indices."""
    classes = logits.shape[-1]
    numbers = leaves(wrap(labels).tolist())
    low, high = min(numbers), max(numbers)
    if low >= 0 and high < classes:
        return None
    return ArgumentValueError(
        f"softmax_cross_entropy: labels run from {low} to {high}, expected 0 to {classes - 1}, "
        "one number for each of the classes of logits"
    )


cross_entropy_op = General(
    "softmax_cross_entropy",
    _vjp,
    _jvp,
    _cross_entropy,
    derivative=(True, False),
    residuals=(_with_residuals, _residual_vjp),
    batch=spread,
)

cross_entropy_op.explain = _label_error

_INTEGERS = ("signed integer", "unsigned integer")


def _refuse(logits: Any, labels: Any) -> None:
    """Raise the error for what does not fit."""
    name = "softmax_cross_entropy"
    if not is_array(logits) or as_dtype(logits.dtype).group != "real floating":
        found = getattr(logits, "dtype", type(logits).__name__)
        raise DTypeError(f"{name}: logits is {found}, expected a real floating-point array")
    shape = tuple(logits.shape)
    if not shape or shape[-1] == 0:
        raise ShapeError(f"{name}: logits has shape {shape}, expected (..., classes)")
    dtype = as_dtype(labels.dtype)
    if "integer" not in dtype.group:
        raise DTypeError(
            f"{name}: labels is {dtype}, expected integers, the number of the class of each "
            "example; take pg.argmax(labels, axis=-1) of one-hot labels, or pg.astype(labels, "
            "pg.int64)"
        )
    if tuple(labels.shape) != shape[:-1]:
        raise ShapeError(
            f"{name}: labels has shape {tuple(labels.shape)}, expected {shape[:-1]}, one for each "
            f"row of the logits of shape {shape}"
        )


def softmax_cross_entropy(logits: Any, labels: Any, /) -> Any:
    """-log(softmax(logits)[label]) of each example, without overflow.

    ``logits`` has shape (..., classes), ``labels`` shape (...) with integers from 0 to
    classes - 1, and so has the result. Raises DTypeError where the data types do not fit,
    ShapeError where the shapes do not, and ArgumentValueError for a label that is no class. To
    read labels on another device would stop it, so such a label makes its loss and gradient
    nan there.

    >>> logits = pg.asarray([[0.0, 10.0], [0.0, 1000.0]])
    >>> pg.nn.softmax_cross_entropy(logits, pg.asarray([0, 0])).tolist()
    [10.000045398899218, 1000.0]
    """
    labels = as_operand(labels, logits, "softmax_cross_entropy: labels")
    dtype = as_dtype(labels.dtype)
    shape: tuple[int, ...] = logits.shape if is_array(logits) else ()
    fits = shape and labels.shape == shape[:-1] and shape[-1] > 0
    if not fits or dtype.group not in _INTEGERS or as_dtype(logits.dtype).group != "real floating":
        _refuse(logits, labels)
    if dtype.bits < 32:
        labels = astype(labels, "int32")  # room to count the classes
    loss = in_wide(lambda logits: bind(cross_entropy_op, (logits, labels), {}), logits)
    if raw_and_backend(labels)[1].host:
        return loss  # a label that is no class has been refused
    valid = logical_and(labels >= 0, labels < shape[-1])
    return loss * where(valid, ones_like(loss), full_like(loss, float("nan")))
