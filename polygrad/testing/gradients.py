"""Derivatives held against finite differences, and the two modes against each other."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from polygrad import ops, tree
from polygrad.array import Array, is_array
from polygrad.dtypes import DType, as_dtype
from polygrad.errors import ArgumentTypeError, ArgumentValueError, GradientMismatchError
from polygrad.transforms.arguments import inside
from polygrad.transforms.grad import vjp
from polygrad.transforms.jvp import jvp

MODES = ("rev", "fwd")
_TINY = 1e-30
Flat = Callable[..., list[Any]]  # from arrays to a list of arrays


def check_grads(
    f: Callable[..., Any],
    args: Sequence[Any],
    order: int = 1,
    modes: Sequence[str] = MODES,
    atol: float | None = None,
    rtol: float | None = None,
    eps: float | None = None,
) -> None:
    """Raise GradientMismatchError unless the derivatives of ``f`` at ``args`` are right.

    ``args`` is the sequence of positional arguments: pytrees of arrays and numbers, of which
    the floating-point ones are varied, one after the other, along a direction fixed once for
    all. Reverse mode ("rev") and forward mode ("fwd") are held against the central difference
    ``(f(x + eps v) - f(x - eps v)) / (2 eps)``, computed with the arguments in double
    precision, and, if both are asked for, against each other. With ``order`` above 1 the same
    is done to the derivatives, in every combination of the modes.

    Where ``f`` takes complex arguments and is analytic, which is seen by its agreement with the
    central difference, the complex step ``imag(f(x + ih v)) / h`` (Squire and Trapp, SIAM Review
    40, 1998) takes the place of it: it is exact to rounding, so the tolerances are 1e-9.

    For complex arguments the convention of `grad` is checked: the change of ``f`` along v is
    the real part of sum(conj(gradient) * v). ``eps`` is 1e-6 by default; ``atol`` and ``rtol``
    are 1e-6 and 1e-5 for double, 1e-3 for single precision. A kink closer to the arguments
    than ``eps`` makes the difference meaningless: choose others. Raises ArgumentValueError for
    an unknown mode or order, and ArgumentTypeError when nothing can be varied.

    >>> pg.testing.check_grads(lambda x, y: pg.sin(x) * y, (0.5, pg.asarray([1.0, 2.0])), order=2)
    """
    modes = _modes(modes)
    if not isinstance(order, int) or order < 1:
        raise ArgumentValueError(f"order: got {order!r}, expected an integer from 1")
    leaves, spec = tree.flatten(tuple(args))
    paths = tree.paths(tuple(args))
    varied = [i for i, leaf in enumerate(leaves) if _dtype(leaf) is not None]
    if not varied:
        raise ArgumentTypeError(
            "check_grads: args hold no floating-point number or array, so nothing can be varied; "
            "pass the positional arguments as a tuple, e.g. (x, y)"
        )

    def flat(*arrays: Any) -> list[Any]:
        full = list(leaves)
        for i, array in zip(varied, arrays, strict=True):
            full[i] = array
        out = f(*tree.unflatten(spec, [inside(leaf) for leaf in full]))
        return [leaf for leaf in tree.leaves(out) if is_array(leaf) and _dtype(leaf) is not None]

    points = [_array(leaves[i]) for i in varied]
    single = any(x.dtype.bits < (128 if x.dtype.is_complex else 64) for x in points)
    check = _Check(
        [f"argument {paths[i].removeprefix('[').replace(']', '', 1)}" for i in varied],
        modes,
        1e-6 if eps is None else eps,
        (1e-3 if single else 1e-6) if atol is None else atol,
        (1e-3 if single else 1e-5) if rtol is None else rtol,
        1e-9 if atol is None and rtol is None and not single else None,
    )
    check.run(flat, points, order, "")


def _modes(modes: Sequence[str]) -> tuple[str, ...]:
    found = (modes,) if isinstance(modes, str) else tuple(modes)
    if not found or not set(found) <= set(MODES):
        raise ArgumentValueError(f"modes: got {modes!r}, expected some of {MODES}")
    return found


def _dtype(leaf: Any) -> DType | None:
    """The data type of a leaf that can be varied, else None."""
    if type(leaf) in (float, complex):
        return as_dtype(type(leaf))
    if not is_array(leaf):
        return None
    dtype = as_dtype(leaf.dtype)
    return dtype if dtype.is_inexact else None


def _array(leaf: Any) -> Any:
    return inside(leaf) if is_array(leaf) else ops.asarray(leaf)


class _Reference(NamedTuple):
    """What a derivative is held against, and how closely."""

    value: Any
    source: str
    atol: float
    rtol: float


class _Check:
    """What stays the same through all orders."""

    def __init__(
        self,
        names: list[str],
        modes: tuple[str, ...],
        eps: float,
        atol: float,
        rtol: float,
        exact: float | None,
    ) -> None:
        self.names, self.modes, self.eps, self.atol, self.rtol = names, modes, eps, atol, rtol
        self.exact = exact  # what is allowed beside a complex step; None to take none
        self._directions: dict[Any, Array] = {}

    def run(self, f: Flat, points: list[Array], order: int, history: str) -> None:
        """Check the first derivatives of ``f``, then those of its derivatives."""
        directions = [self._direction(x, 1 + i) for i, x in enumerate(points)]
        differences = [self._differences(f, points, directions, i) for i in range(len(points))]
        if not history and self.exact is not None:
            for i, found in enumerate(differences):
                differences[i] = self._complex_steps(f, points, directions, i, found)
        if "fwd" in self.modes:
            self._forward(f, points, directions, differences, history)
        if "rev" in self.modes:
            self._reverse(f, points, directions, differences, history)
        if order == 1:
            return
        if "rev" in self.modes:
            self.run(lambda *xs: self._pulled(f, xs), points, order - 1, history + "rev, then ")
        if "fwd" in self.modes:
            self.run(
                lambda *xs: _pushed(f, xs, directions), points, order - 1, history + "fwd, then "
            )

    def _forward(self, f: Flat, points: Any, directions: Any, differences: Any, past: str) -> None:
        for i, name in enumerate(self.names):
            pushed = _pushed(f, points, [v if i == j else None for j, v in enumerate(directions)])
            for k, (got, expected) in enumerate(zip(pushed, differences[i], strict=True)):
                where = f"output {k}, " if len(pushed) > 1 else ""
                self._compare(got, expected.value, f"{where}{name}", past + "fwd", expected)

    def _reverse(self, f: Flat, points: Any, directions: Any, differences: Any, past: str) -> None:
        pulled = self._pulled(f, points)
        for i, name in enumerate(self.names):
            values = [d.value for d in differences[i]]
            expected = _inner([self._direction(d, 0) for d in values], values)
            got = _inner([pulled[i]], [directions[i]])
            loosest = max(differences[i], key=lambda d: d.rtol, default=_Reference(None, "", 0, 0))
            self._compare(got, expected, name, past + "rev", loosest)
        if "fwd" in self.modes:
            pushed = _pushed(f, points, directions)
            expected = _inner([self._direction(t, 0) for t in pushed], pushed)
            got = _inner(pulled, directions)
            reference = _Reference(expected, "forward mode", self.atol, self.rtol)
            self._compare(got, expected, "all arguments", past + "rev", reference)

    def _differences(self, f: Flat, points: Any, directions: Any, i: int) -> list["_Reference"]:
        """The central difference of each output as argument ``i`` moves along its direction."""
        wide = [ops.astype(x, _double(x)) for x in points]
        step = ops.astype(directions[i], _double(points[i])) * self.eps

        def at(x: Any) -> list[Any]:
            # Copies: f may assign into what it gets.
            others = [ops.asarray(y, copy=True) for y in wide]
            return f(*others[:i], x, *others[i + 1 :])

        pairs = zip(at(wide[i] + step), at(wide[i] - step), strict=True)
        found = [(above - below) / (2 * self.eps) for above, below in pairs]
        return [_Reference(d, "central differences", self.atol, self.rtol) for d in found]

    def _complex_steps(
        self, f: Flat, points: Any, directions: Any, i: int, central: list["_Reference"]
    ) -> list["_Reference"]:
        """The complex step of each output, or its central difference where that does not apply."""
        if any(x.dtype.is_complex for x in points):
            return central
        wide = [ops.astype(x, "complex128") for x in points]
        wide[i] = wide[i] + _TINY * 1j * ops.astype(directions[i], "complex128")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                outs = f(*wide)
        except Exception:  # f takes no complex numbers
            return central
        if len(outs) != len(central):
            return central
        found = []
        for out, other in zip(outs, central, strict=True):
            step = ops.imag(out) / _TINY if out.dtype.is_complex else None
            same = step is not None and step.shape == other.value.shape
            if same and _within(step, other.value, self.atol, self.rtol):
                exact = self.exact or 0.0
                other = _Reference(step, "the complex step", exact, exact)
            found.append(other)
        return found

    def _compare(
        self, got: Any, expected: Any, name: str, mode: str, reference: "_Reference"
    ) -> None:
        got, expected = ops.asarray(got), ops.asarray(expected)
        if got.shape != expected.shape:
            raise GradientMismatchError(
                f"{name}, mode {mode}: the derivative has shape {got.shape}, expected "
                f"{expected.shape}"
            )
        if not _within(got, expected, reference.atol, reference.rtol):
            gap = ops.max(ops.abs(got - expected)).item()
            raise GradientMismatchError(
                f"{name}, mode {mode}: expected {_shown(expected)} by {reference.source}, got "
                f"{_shown(got)}; the largest gap is {gap:.3g}, allowed are atol="
                f"{reference.atol:g} and rtol={reference.rtol:g}"
            )

    def _pulled(self, f: Flat, points: Sequence[Any]) -> list[Any]:
        """The gradients of the outputs' product with a fixed cotangent."""
        out, pullback = vjp(f, *points)
        return list(pullback([self._direction(value, 0) for value in out]))

    def _direction(self, x: Any, salt: int) -> Any:
        """A fixed direction like ``x``: cosines of multiples of the golden angle."""
        key = (x.shape, x.dtype, x.device, salt)
        if key not in self._directions:
            self._directions[key] = _spread(x, salt)
        return self._directions[key]


def _within(got: Any, expected: Any, atol: float, rtol: float) -> bool:
    if not got.size:
        return True
    close = ops.abs(got - expected) <= atol + rtol * ops.abs(expected)
    return bool(ops.all(close).item())  # nan is never within


def _spread(x: Any, salt: int) -> Any:
    angle = ops.arange(x.size, dtype=_double(x, real=True), device=x.device) * 2.399963229728653
    part = ops.reshape(ops.cos(angle + 0.6 * salt + 0.3), x.shape)
    if x.dtype.is_complex:
        part = part + 1j * ops.astype(ops.reshape(ops.sin(angle + 1.7 * salt), x.shape), _double(x))
    return ops.astype(part, x.dtype)


def _pushed(f: Flat, points: Sequence[Any], directions: Sequence[Any]) -> list[Any]:
    # In double precision the finite differences of a derivative come here.
    fitting = [
        v if v is None or v.dtype == x.dtype else ops.astype(v, x.dtype)
        for x, v in zip(points, directions, strict=True)
    ]
    return jvp(f, tuple(points), tuple(fitting))[1]


def _double(x: Any, real: bool = False) -> str:
    return "complex128" if x.dtype.is_complex and not real else "float64"


def _inner(left: Sequence[Any], right: Sequence[Any]) -> Any:
    """The real inner product of two lists of arrays, in double precision."""
    total: Any = 0.0
    for a, b in zip(left, right, strict=True):
        kind = "complex128" if a.dtype.is_complex or b.dtype.is_complex else "float64"
        a, b = ops.astype(a, kind), ops.astype(b, kind)
        product = ops.sum((ops.conj(a) if kind == "complex128" else a) * b)
        total = (ops.real(product) if kind == "complex128" else product) + total
    return total


def _shown(x: Any) -> str:
    text = str(x)
    return text if len(text) <= 400 else text[:397] + "..."
