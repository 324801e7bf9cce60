"""scipy.stats: densities and probabilities of the distributions, through their own formulas.

A distribution of SciPy writes its formula for the standard case with NumPy's and SciPy's
functions, which run on Arrays. What stands around it there, shift and scale and the border of
the support, is written here.
"""

import math
from collections.abc import Callable
from typing import Any

from polygrad import ops
from polygrad.errors import LostGradientError, NonDifferentiableError
from polygrad.ops import linalg
from polygrad.scipy_functions.rerun import as_rerun
from polygrad.scipy_functions.table import array, inexact, stand_in, together


def _arguments(dist: Any, x: Any, args: Any, kwargs: Any) -> tuple[Any, list[Any], Any, Any, Any]:
    """The standardised variable, the shape parameters, the scale, and where all is valid."""
    shapes, loc, scale = dist._parse_args(*args, **kwargs)
    given = together(x, loc, scale, *shapes)
    x, loc, scale, shapes = given[0], given[1], given[2], list(given[3:])
    valid = (scale > 0) & ops.astype(array(dist._argcheck(*shapes)), ops.bool)
    return (x - loc) / scale, shapes, scale, loc, valid


def _support(dist: Any, shapes: list[Any], like: Any) -> tuple[Any, Any]:
    low, high = dist._get_support(*shapes)
    low, high = (ops.stop_gradient(array(end)) for end in (low, high))
    return (ops.astype(low, like.dtype, copy=False), ops.astype(high, like.dtype, copy=False))


def _inside(low: Any, high: Any, like: Any) -> Any:
    """A point inside the support, for the formula where its value is not used."""
    bounded_low, bounded_high = ops.isfinite(low), ops.isfinite(high)
    zero = ops.zeros_like(like) + ops.zeros_like(low) + ops.zeros_like(high)
    low, high = ops.where(bounded_low, low, zero), ops.where(bounded_high, high, zero)
    one_end = ops.where(bounded_low, low + 1, ops.where(bounded_high, high - 1, zero + 0.5))
    return ops.where(bounded_low & bounded_high, (low + high) / 2, one_end)


def _first_that_works(*formulas: Callable[[], Any]) -> Any:
    """The result of the first formula whose functions all have a derivative rule."""
    for formula in formulas[:-1]:
        try:
            return array(formula())
        except (NonDifferentiableError, LostGradientError):
            continue
    return array(formulas[-1]())


def _valued(valid: Any, x: Any, value: Any) -> Any:
    """``value``, but nan where a parameter or the variable is not valid."""
    bad = ops.logical_not(valid) | ops.isnan(x)
    return ops.where(bad, ops.full_like(value, math.nan), value)


def _continuous(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter a method ``formula(dist, x, *shapes)`` with what it is below and above the support."""

    def enter(formula: Callable[..., Any]) -> Callable[..., Any]:
        below, above = _BORDERS[name.removeprefix("log")]
        log = name.startswith("log")

        def method(self: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
            self = as_rerun(self)
            y, shapes, scale, _, valid = _arguments(self, x, args, kwargs)
            low, high = _support(self, shapes, y)
            closed = name in ("pdf", "logpdf")
            inside = (low <= y) & (y <= high) if closed else (low < y) & (y < high)
            safe = ops.where(inside & valid, y, _inside(low, high, y))
            value = formula(self, safe, *shapes)
            if closed:
                value = value - ops.log(scale) if log else value / scale
            outside = ops.where(y <= low, *(_constant(v, log, value) for v in (below, above)))
            return _valued(valid, y, ops.where(inside, value, outside))

        method.__name__ = method.__qualname__ = name
        method.__doc__ = f"{name} of a continuous distribution."
        return stand_in(f"stats.rv_continuous.{name}")(method)

    return enter


def _constant(value: float, log: bool, like: Any) -> Any:
    if log:
        value = math.log(value) if value > 0 else -math.inf
    return ops.full_like(like, value)


_BORDERS = {"pdf": (0.0, 0.0), "cdf": (0.0, 1.0), "sf": (1.0, 0.0)}

_continuous("pdf")(
    lambda dist, x, *shapes: _first_that_works(
        lambda: dist._pdf(x, *shapes), lambda: ops.exp(dist._logpdf(x, *shapes))
    )
)
_continuous("logpdf")(
    lambda dist, x, *shapes: _first_that_works(
        lambda: dist._logpdf(x, *shapes), lambda: ops.log(dist._pdf(x, *shapes))
    )
)
_continuous("cdf")(
    lambda dist, x, *shapes: _first_that_works(
        lambda: dist._cdf(x, *shapes), lambda: 1 - dist._sf(x, *shapes)
    )
)
_continuous("sf")(
    lambda dist, x, *shapes: _first_that_works(
        lambda: dist._sf(x, *shapes), lambda: 1 - dist._cdf(x, *shapes)
    )
)
_continuous("logcdf")(lambda dist, x, *shapes: _log_of(dist, x, shapes, "_logcdf", "_cdf"))
_continuous("logsf")(lambda dist, x, *shapes: _log_of(dist, x, shapes, "_logsf", "_sf"))


def _log_of(dist: Any, x: Any, shapes: Any, own: str, plain: str) -> Any:
    """The logarithm by the distribution's own formula, where it has one, or of the plain one."""
    own_one = own in vars(type(dist)) and (lambda: getattr(dist, own)(x, *shapes))
    formulas = [own_one] if own_one else []
    return _first_that_works(*formulas, lambda: ops.log(array(getattr(dist, plain)(x, *shapes))))


def _inverse(name: str) -> None:
    """Enter a method that inverts the distribution function."""

    def method(self: Any, q: Any, *args: Any, **kwargs: Any) -> Any:
        self, q = as_rerun(self), inexact(q)
        _, shapes, scale, loc, valid = _arguments(self, q, args, kwargs)
        low, high = _support(self, shapes, q)
        inside = (q > 0) & (q < 1)
        safe = ops.where(inside, q, ops.full_like(q, 0.5))
        value = _first_that_works(
            lambda: getattr(self, f"_{name}")(safe, *shapes),
            lambda: _solved(self, name, safe, shapes),
        )
        first, last = (low, high) if name == "ppf" else (high, low)
        nan = ops.full_like(value, math.nan)
        ends = ops.where(q == 0, first, ops.where(q == 1, last, nan))
        out = ops.where(inside, value, ends) * scale + loc
        return ops.where(valid, out, ops.full_like(out, math.nan))

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"{name} of a continuous distribution."
    stand_in(f"stats.rv_continuous.{name}")(method)


def _solved(dist: Any, name: str, q: Any, shapes: list[Any]) -> Any:
    """The value of SciPy's compiled inverse, and by Newton's method its derivatives.

    Two steps from the solution leave it where it is, and are right to the third derivative.
    """
    tail = dist._cdf if name == "ppf" else dist._sf
    sign = 1 if name == "ppf" else -1
    plain = [ops.to_numpy(ops.stop_gradient(v)) for v in (q, *shapes)]
    x = ops.asarray(getattr(dist, f"_{name}")(*plain), dtype=q.dtype, device=q.device)
    for _ in range(2):
        x = x - sign * (array(tail(x, *shapes)) - q) / array(dist._pdf(x, *shapes))
    return x


_inverse("ppf")
_inverse("isf")


@stand_in("stats.rv_continuous.nnlf")
def nnlf(self: Any, theta: Any, x: Any) -> Any:
    """The negative logarithm of the likelihood of data."""
    *shapes, loc, scale = theta
    return -ops.sum(self.logpdf(array(x), *shapes, loc=loc, scale=scale))


# -- discrete ones ---------------------------------------------------------------------------


def _discrete(name: str, formula: Callable[..., Any]) -> None:
    """Enter a method ``formula(dist, k, *shapes)`` of a discrete distribution."""
    log = name.startswith("log")

    def method(self: Any, k: Any, *args: Any, **kwargs: Any) -> Any:
        self = as_rerun(self)
        shapes, loc, _ = self._parse_args(*args, **kwargs)
        k, loc, *shapes = together(k, loc, *shapes)
        y = k - loc
        valid = ops.astype(array(self._argcheck(*shapes)), ops.bool)
        low, high = _support(self, shapes, y)
        mass = name in ("pmf", "logpmf")
        inside = (low <= y) & ((y <= high) & (y == ops.floor(y)) if mass else y < high)
        bounded = ops.where(
            ops.isfinite(low), low, ops.where(ops.isfinite(high), high - 1, ops.zeros_like(y))
        )
        value = formula(self, ops.where(inside & valid, y, bounded), *shapes)
        below, above = (0.0, 0.0) if mass else (0.0, 1.0) if name.endswith("cdf") else (1.0, 0.0)
        outside = ops.where(y < low, *(_constant(v, log, value) for v in (below, above)))
        return _valued(valid, y, ops.where(inside, value, outside))

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"{name} of a discrete distribution."
    stand_in(f"stats.rv_discrete.{name}")(method)


_discrete(
    "pmf",
    lambda dist, k, *shapes: _first_that_works(
        lambda: dist._pmf(k, *shapes), lambda: ops.exp(dist._logpmf(k, *shapes))
    ),
)
_discrete(
    "logpmf",
    lambda dist, k, *shapes: _first_that_works(
        lambda: dist._logpmf(k, *shapes), lambda: ops.log(dist._pmf(k, *shapes))
    ),
)
_discrete("cdf", lambda dist, k, *shapes: array(dist._cdf(ops.floor(k), *shapes)))
_discrete("sf", lambda dist, k, *shapes: array(dist._sf(ops.floor(k), *shapes)))
_discrete("logcdf", lambda dist, k, *shapes: ops.log(array(dist._cdf(ops.floor(k), *shapes))))
_discrete("logsf", lambda dist, k, *shapes: ops.log(array(dist._sf(ops.floor(k), *shapes))))


# -- several variables -----------------------------------------------------------------------


@stand_in("stats.multivariate_normal.logpdf")
def normal_logpdf(x: Any, mean: Any = None, cov: Any = 1, allow_singular: bool = False) -> Any:
    """scipy.stats.multivariate_normal.logpdf, through the Cholesky factor of the covariance."""
    x, cov = together(x, cov)
    if mean is None:
        size = max(cov.shape[-1] if cov.shape else 1, 1)
        mean = ops.zeros((size,), dtype=x.dtype, device=x.device)
    (mean, x) = together(mean, x)
    n = mean.shape[0] if mean.shape else 1
    if len(cov.shape) < 2:
        cov = cov * ops.eye(n, dtype=x.dtype, device=x.device)
    if n == 1 and (not x.shape or x.shape[-1] != 1):
        x = ops.expand_dims(x, axis=-1)
    factor = linalg.cholesky(cov)
    gap = ops.reshape(x - mean, (-1, n))
    white = linalg.solve(factor, ops.matrix_transpose(gap))
    logdet = 2 * ops.sum(ops.log(linalg.diagonal(factor)))
    out = -(ops.sum(ops.square(white), axis=0) + logdet + n * math.log(2 * math.pi)) / 2
    return ops.reshape(out, tuple(x.shape[:-1]))


@stand_in("stats.multivariate_normal.pdf")
def normal_pdf(x: Any, mean: Any = None, cov: Any = 1, allow_singular: bool = False) -> Any:
    """scipy.stats.multivariate_normal.pdf."""
    return ops.exp(normal_logpdf(x, mean, cov, allow_singular))


@stand_in("stats.multivariate_normal.entropy")
def normal_entropy(mean: Any = None, cov: Any = 1) -> Any:
    """scipy.stats.multivariate_normal.entropy, of a covariance of full rank."""
    cov = inexact(cov)
    n = 1 if mean is None or not array(mean).shape else array(mean).shape[0]
    if len(cov.shape) < 2:
        n = max(n, *cov.shape, 1)
        cov = cov * ops.eye(n, dtype=cov.dtype, device=cov.device)
    factor = linalg.cholesky(cov)
    n = cov.shape[-1]
    return ops.sum(ops.log(linalg.diagonal(factor))) + n * (1 + math.log(2 * math.pi)) / 2


@stand_in("stats.gaussian_kde.logpdf")
def kernel_logpdf(self: Any, x: Any) -> Any:
    """The logarithm of a kernel density estimate, of fixed data, at points."""
    x = inexact(x)
    points = ops.reshape(x, (self.d, -1))
    kind = {"dtype": x.dtype, "device": x.device}
    data, weights, factor = (
        ops.asarray(value, **kind) for value in (self.dataset, self.weights, self.cho_cov)
    )
    white, centres = linalg.solve(factor, points), linalg.solve(factor, data)
    gaps = ops.expand_dims(white, axis=1) - ops.expand_dims(centres, axis=2)
    energy = -ops.sum(ops.square(gaps), axis=0) / 2 + ops.expand_dims(ops.log(weights), axis=1)
    norm = ops.sum(ops.log(linalg.diagonal(factor))) + self.d * math.log(2 * math.pi) / 2
    return ops.logsumexp(energy, axis=0) - norm


@stand_in("stats.gaussian_kde.evaluate", "stats.gaussian_kde.__call__")
def kernel_density(self: Any, points: Any) -> Any:
    """A kernel density estimate, of fixed data, at points."""
    return ops.exp(kernel_logpdf(self, points))


@stand_in("stats.gaussian_kde.pdf")
def kernel_pdf(self: Any, x: Any) -> Any:
    """A kernel density estimate, of fixed data, at points."""
    return kernel_density(self, x)
