"""scipy.spatial: distances between vectors, between all pairs, and what aligns point sets."""

import math
from collections.abc import Callable
from typing import Any

from polygrad import ops
from polygrad.array import is_array
from polygrad.errors import ShapeError
from polygrad.ops import linalg
from polygrad.scipy_functions.table import (
    constant,
    inexact,
    integers,
    no_stand_in,
    stand_in,
    together,
)

# Each takes two arrays that broadcast, and adds up along the last axis.
METRICS: dict[str, Callable[..., Any]] = {}


def _metric(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        for name in names:
            METRICS[name] = function
        return function

    return enter


def _weighted(values: Any, w: Any) -> Any:
    return ops.sum(values if w is None else w * values, axis=-1)


@_metric("sqeuclidean", "sqe", "sqeuclid")
def sqeuclidean(u: Any, v: Any, w: Any = None) -> Any:
    """The square of the distance."""
    return _weighted(ops.square(u - v), w)


@_metric("euclidean", "euclid", "eu", "e")
def euclidean(u: Any, v: Any, w: Any = None) -> Any:
    """The distance; of a norm, whose derivative is 0 where two points agree."""
    return linalg.vector_norm((u - v) if w is None else (u - v) * ops.sqrt(w), axis=-1)


@_metric("cityblock", "cblock", "cb", "c")
def cityblock(u: Any, v: Any, w: Any = None) -> Any:
    """The sum of the absolute differences."""
    return _weighted(ops.abs(u - v), w)


@_metric("chebyshev", "chebychev", "cheby", "cheb", "ch")
def chebyshev(u: Any, v: Any, w: Any = None) -> Any:
    """The largest absolute difference, among those with a weight."""
    gaps = ops.abs(u - v)
    return ops.max(gaps if w is None else ops.where(w > 0, gaps, ops.zeros_like(gaps)), axis=-1)


@_metric("minkowski", "mi", "m", "pnorm")
def minkowski(u: Any, v: Any, w: Any = None, p: Any = 2) -> Any:
    """The p-norm of the difference."""
    if isinstance(p, int | float) and math.isinf(p):
        return chebyshev(u, v, w)
    gaps = u - v
    if w is None and isinstance(p, int | float):
        return linalg.vector_norm(gaps, ord=p, axis=-1)
    return _weighted(ops.abs(gaps) ** p, w) ** (1 / p)


@_metric("correlation", "co")
def correlation(u: Any, v: Any, w: Any = None, centered: bool = True) -> Any:
    """1 less the cosine of the angle of the vectors, by default less their means."""
    weights = ops.ones_like(u) if w is None else w
    total = ops.sum(weights, axis=-1, keepdims=True)
    if centered:
        u = u - ops.sum(weights * u, axis=-1, keepdims=True) / total
        v = v - ops.sum(weights * v, axis=-1, keepdims=True) / total
    uv, uu, vv = (ops.sum(weights * a * b, axis=-1) for a, b in ((u, v), (u, u), (v, v)))
    return 1 - uv / ops.sqrt(uu * vv)


@_metric("cosine", "cos")
def cosine(u: Any, v: Any, w: Any = None) -> Any:
    """1 less the cosine of the angle of the vectors."""
    return correlation(u, v, w, centered=False)


@_metric("braycurtis")
def braycurtis(u: Any, v: Any, w: Any = None) -> Any:
    """The share of the differences in the sums."""
    return _weighted(ops.abs(u - v), w) / _weighted(ops.abs(u + v), w)


@_metric("canberra")
def canberra(u: Any, v: Any, w: Any = None) -> Any:
    """The sum of each difference's share in the absolute values; 0 / 0 is 0."""
    gap, size = ops.abs(u - v), ops.abs(u) + ops.abs(v)
    share = ops.where(size == 0, ops.zeros_like(gap), gap / ops.where(size == 0, 1.0, size))
    return _weighted(share, w)


@_metric("seuclidean", "se", "s")
def seuclidean(u: Any, v: Any, w: Any = None, V: Any = None) -> Any:  # noqa: N803
    """The distance in units of the standard deviations."""
    return euclidean(u, v, 1 / V)


@_metric("mahalanobis", "mahal", "mah")
def mahalanobis(u: Any, v: Any, w: Any = None, VI: Any = None) -> Any:  # noqa: N803
    """The distance by an inverse covariance."""
    gap = u - v
    return ops.sqrt(ops.sum(ops.matmul(gap, VI) * gap, axis=-1))


@_metric("jensenshannon", "js")
def jensenshannon_last(p: Any, q: Any, w: Any = None, base: Any = None) -> Any:
    """The square root of the mean divergence of two distributions from their mean."""
    p, q = p / ops.sum(p, axis=-1, keepdims=True), q / ops.sum(q, axis=-1, keepdims=True)
    middle = (p + q) / 2
    parts = [ops.sum(_relative_entropy(x, middle), axis=-1) for x in (p, q)]
    out = (parts[0] + parts[1]) / 2
    return ops.sqrt(out if base is None else out / math.log(base))


def _relative_entropy(p: Any, q: Any) -> Any:
    empty = p == 0
    ratio = ops.where(empty, ops.ones_like(p), p) / ops.where(empty, ops.ones_like(q), q)
    return ops.where(empty, ops.zeros_like(p), p * ops.log(ratio))


def _beside(value: Any, like: Any) -> Any:
    """An option of a metric: arrays and lists as arrays."""
    return together(value, like)[0] if isinstance(value, list) or is_array(value) else value


@stand_in("spatial.distance.correlation")
def correlation_of_vectors(u: Any, v: Any, w: Any = None, centered: bool = True) -> Any:
    """scipy.spatial.distance.correlation."""
    u, v = together(u, v)
    return correlation(u, v, None if w is None else _beside(w, u), centered)


def _pairs(name: str, x: Any, y: Any, metric: Any, options: dict[str, Any]) -> Any:
    """The metric of rows that broadcast against each other."""
    if callable(metric) and not isinstance(metric, str):
        known = getattr(metric, "__name__", "")
        if known not in METRICS:
            raise no_stand_in(f"spatial.distance.{name}", "a metric of one's own")
        metric = known
    if metric not in METRICS:
        raise no_stand_in(f"spatial.distance.{name}", f"metric={metric!r}")
    out = options.pop("out", None)
    if out is not None:
        raise no_stand_in(f"spatial.distance.{name}", "out=")
    given = {key: _beside(value, x) for key, value in options.items() if value is not None}
    return METRICS[metric](x, y, **given)


def _defaults(metric: Any, rows: Any, options: dict[str, Any]) -> dict[str, Any]:
    """The variances and covariances that SciPy takes from the data itself."""
    if metric in ("seuclidean", "se", "s") and options.get("V") is None:
        return options | {"V": ops.var(rows, axis=0, correction=1)}
    if metric in ("mahalanobis", "mahal", "mah") and options.get("VI") is None:
        gaps = rows - ops.mean(rows, axis=0, keepdims=True)
        covariance = ops.matmul(ops.matrix_transpose(gaps), gaps) / (rows.shape[0] - 1)
        return options | {"VI": ops.matrix_transpose(linalg.inv(covariance))}
    return options


@stand_in("spatial.distance.cdist")
def cdist(XA: Any, XB: Any, metric: Any = "euclidean", *, out: Any = None, **kwargs: Any) -> Any:  # noqa: N803
    """scipy.spatial.distance.cdist."""
    a, b = together(XA, XB)
    if len(a.shape) != 2 or len(b.shape) != 2 or a.shape[1] != b.shape[1]:
        raise ShapeError(
            f"scipy.spatial.distance.cdist: got shapes {a.shape} and {b.shape}, expected two "
            "matrices with equally long rows"
        )
    options = _defaults(metric, ops.concat([a, b]), kwargs) | {"out": out}
    return _pairs("cdist", ops.expand_dims(a, axis=1), ops.expand_dims(b, axis=0), metric, options)


@stand_in("spatial.distance.pdist")
def pdist(X: Any, metric: Any = "euclidean", *, out: Any = None, **kwargs: Any) -> Any:  # noqa: N803
    """scipy.spatial.distance.pdist."""
    x = inexact(X)
    n = x.shape[0]
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    left, right = (ops.take(x, integers([p[k] for p in pairs], x), axis=0) for k in (0, 1))
    return _pairs("pdist", left, right, metric, _defaults(metric, x, kwargs) | {"out": out})


@stand_in("spatial.distance.squareform")
def squareform(X: Any, force: str = "no", checks: bool = True) -> Any:  # noqa: N803
    """scipy.spatial.distance.squareform."""
    x = inexact(X)
    if len(x.shape) == 2 and force != "tomatrix":
        n = x.shape[0]
        places = [i * n + j for i in range(n) for j in range(i + 1, n)]
        return ops.take(ops.reshape(x, (-1,)), integers(places, x))
    n = math.isqrt(2 * x.shape[0]) + 1
    if n * (n - 1) // 2 != x.shape[0]:
        raise ShapeError(
            f"scipy.spatial.distance.squareform: got {x.shape[0]} distances, expected n (n - 1) / 2"
        )
    padded = ops.concat([x, constant([0.0], x)])

    def place(i: int, j: int) -> int:
        i, j = min(i, j), max(i, j)
        return x.shape[0] if i == j else i * n - i * (i + 1) // 2 + j - i - 1

    return padded[integers([[place(i, j) for j in range(n)] for i in range(n)], x)]


@stand_in("spatial.distance.directed_hausdorff")
def directed_hausdorff(u: Any, v: Any, rng: Any = None, *, seed: Any = None) -> tuple[Any, int, int]:  # fmt: skip # noqa: E501
    """scipy.spatial.distance.directed_hausdorff."""
    gaps = cdist(u, v)
    nearest = ops.min(gaps, axis=1)
    i = int(ops.argmax(nearest).item())
    return nearest[i], i, int(ops.argmin(gaps[i, :]).item())
