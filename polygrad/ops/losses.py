"""The cross-entropy of logits: one op, whose gradient is softmax less the one-hot labels."""

from typing import Any

from polygrad.array import is_array, raw_and_backend
from polygrad.core.kinds import General
from polygrad.core.trace import bind
from polygrad.dtypes import as_dtype
from polygrad.errors import ArgumentValueError, DTypeError, ShapeError
from polygrad.ops.creation import as_operand
from polygrad.ops.datatypes import astype


def _one_hot(xp: Any, labels: Any, classes: int) -> Any:
    numbers = xp.arange(classes, dtype=labels.dtype, device=labels.device)
    return xp.expand_dims(labels, axis=-1) == numbers


def _cross_entropy(xp: Any, logits: Any, labels: Any) -> Any:
    shifted = logits - xp.max(logits, axis=-1, keepdims=True)
    hot = _one_hot(xp, labels, logits.shape[-1])
    # Only the labelled logit stays; a label that is no class leaves -inf, and then nan.
    picked = xp.max(xp.where(hot, shifted, xp.full_like(shifted, -xp.inf)), axis=-1)
    found = xp.any(hot, axis=-1)
    loss = xp.log(xp.sum(xp.exp(shifted), axis=-1)) - picked
    return xp.where(found, loss, xp.full_like(loss, xp.nan))


def _slope(xp: Any, ans: Any, logits: Any, labels: Any) -> Any:
    """The gradient of each loss: softmax less one-hot, nan where the loss is."""
    e = xp.exp(logits - xp.max(logits, axis=-1, keepdims=True))
    total = xp.sum(e, axis=-1, keepdims=True)
    hot = xp.astype(_one_hot(xp, labels, logits.shape[-1]), logits.dtype)
    invalid = xp.expand_dims(xp.where(xp.isnan(ans), ans, xp.zeros_like(ans)), axis=-1)
    return e / total - hot + invalid


def _vjp(xp: Any, g: Any, ans: Any, logits: Any, labels: Any) -> Any:
    return xp.expand_dims(g, axis=-1) * _slope(xp, ans, logits, labels), None


def _jvp(xp: Any, t: Any, ans: Any, logits: Any, labels: Any) -> Any:
    return xp.sum(t[0] * _slope(xp, ans, logits, labels), axis=-1)


cross_entropy_op = General(
    "softmax_cross_entropy", _vjp, _jvp, _cross_entropy, derivative=(True, False)
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
    name = "softmax_cross_entropy"
    if not is_array(logits) or as_dtype(logits.dtype).kind != "real floating":
        found = getattr(logits, "dtype", type(logits).__name__)
        raise DTypeError(f"{name}: logits is {found}, expected a real floating-point array")
    shape = tuple(logits.shape)
    if not shape or shape[-1] == 0:
        raise ShapeError(f"{name}: logits has shape {shape}, expected (..., classes)")
    labels = as_operand(labels, logits, f"{name}: labels")
    dtype = as_dtype(labels.dtype)
    if "integer" not in dtype.kind:
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
    raw, backend = raw_and_backend(labels)
    if backend.host and raw.size and not (raw.min() >= 0 and raw.max() < shape[-1]):
        raise ArgumentValueError(
            f"{name}: labels run from {raw.min()} to {raw.max()}, expected 0 to {shape[-1] - 1}, "
            "one number for each of the classes of logits"
        )
    if dtype.bits < 32:
        labels = astype(labels, "int32")  # room to count the classes
    return bind(cross_entropy_op, (logits, labels), {})
