"""Adam, and Adam with decoupled weight decay."""

from typing import Any

from polygrad import tree
from polygrad.dtypes import as_dtype
from polygrad.errors import ArgumentValueError
from polygrad.optim.base import (
    Optimizer,
    advance,
    check_gradient,
    check_number,
    each_leaf,
    fitting,
    narrowed,
    rate_at,
    root,
    start,
    widened,
    zeros_for,
)


@tree.dataclass
class AdamState:
    """The count of steps, and the running means of the gradients and of their squares.

    The means of 16-bit parameters are float32.
    """

    count: Any
    mean: Any
    square: Any


def adam(learning_rate: Any, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8) -> Optimizer:
    """Adam: steps scaled by running means of the gradient and of its square.

    ``b1`` and ``b2`` are the decay rates of the two means, ``eps`` keeps the division finite.
    ``learning_rate`` is a number, an array without axes, or a schedule: a function of the count of
    steps before this one. Of complex gradients the squared modulus counts; for parameters of 16
    bits the state and the step are float32. Source: D. P. Kingma, J. Ba, "Adam: a
    method for stochastic optimization", ICLR 2015, algorithm 1. Raises ArgumentValueError for
    numbers out of range.

    >>> optimizer = pg.optim.adam(0.1)
    >>> state = optimizer.init(pg.asarray(1.0))
    >>> updates, state = optimizer.update(pg.asarray(2.0), state)
    >>> round(updates.item(), 6), state.count.item()
    (-0.1, 1)
    """
    return _adam("adam", learning_rate, b1, b2, eps, 0.0)


def adamw(
    learning_rate: Any,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 1e-2,
) -> Optimizer:
    """`adam` with weight decay: each step also takes learning_rate * weight_decay * parameter.

    Its ``update`` needs the parameters. Source: I. Loshchilov, F. Hutter, "Decoupled weight
    decay regularization", ICLR 2019, algorithm 2. Raises ArgumentValueError for numbers out of
    range.

    >>> optimizer = pg.optim.adamw(0.1, weight_decay=0.5)
    >>> params = pg.asarray(1.0)
    >>> updates, _ = optimizer.update(pg.asarray(2.0), optimizer.init(params), params)
    >>> round(updates.item(), 6)
    -0.15
    """
    return _adam("adamw", learning_rate, b1, b2, eps, weight_decay)


def _adam(name: str, learning_rate: Any, b1: Any, b2: Any, eps: Any, decay: Any) -> Optimizer:
    adam = _Adam(name, learning_rate, b1, b2, eps, decay)
    return Optimizer(adam.init, adam.update)


class _Adam:
    """Both functions, which can be pickled as methods."""

    def __init__(self, name: str, rate: Any, b1: Any, b2: Any, eps: Any, decay: Any) -> None:
        self.name = name
        self.rate = check_number(name, "learning_rate", rate)
        self.b1 = check_number(name, "b1", b1, below=1.0)
        self.b2 = check_number(name, "b2", b2, below=1.0)
        self.eps = check_number(name, "eps", eps)
        self.decay = check_number(name, "weight_decay", decay)
        self.decays = not (type(self.decay) is float and self.decay == 0.0)

    def init(self, params: Any) -> AdamState:
        return AdamState(start(params), zeros_for(params), zeros_for(params, modulus=True))

    def update(self, grads: Any, state: AdamState, params: Any = None) -> tuple[Any, AdamState]:
        if self.decays and params is None:
            raise ArgumentValueError(
                f"{self.name}: params is None, but weight decay needs the parameters; call "
                "update(grads, state, params)"
            )
        count, before, after = advance(state.count)
        rate = rate_at(self.name, self.rate, before)
        # The corrections of both means for their start at 0, taken together into two numbers.
        root_after = (1.0 - self.b2**after) ** 0.5
        scale = rate * (root_after / (1.0 - self.b1**after))
        constants: tuple[Any, ...] = (self.b1, self.b2, scale, self.eps * root_after)
        trees: tuple[Any, ...] = (grads, state.mean, state.square)
        if self.decays:
            trees, constants = (params, *trees), (*constants, rate * self.decay)
        function = self.decayed if self.decays else self.step
        updates, mean, square = each_leaf(
            f"{self.name}: state", function, *trees, constants=constants, outputs=3
        )
        return updates, AdamState(count, mean, square)

    def step(self, xp: Any, g: Any, m: Any, v: Any, *constants: Any) -> tuple[Any, Any, Any]:
        out, m, v = self._moved(xp, g, m, v, *constants)
        return narrowed(xp, out, g), m, v

    def decayed(
        self, xp: Any, p: Any, g: Any, m: Any, v: Any, *constants: Any
    ) -> tuple[Any, Any, Any]:
        out, m, v = self._moved(xp, g, m, v, *constants[:-1])
        out = out - widened(xp, p) * fitting(xp, constants[-1], out)
        return narrowed(xp, out, g), m, v

    def _moved(self, xp: Any, g: Any, m: Any, v: Any, *constants: Any) -> tuple[Any, Any, Any]:
        check_gradient(self.name, g, m)
        g, m, v = widened(xp, g), widened(xp, m), widened(xp, v)
        b1, b2, scale, shift = (fitting(xp, c, m) for c in constants)
        m = m * b1  # in place from here on, in the arrays made by each first line
        m += g * (1.0 - b1)
        size = abs(g) if as_dtype(getattr(g, "dtype", type(g))).is_complex else g
        squared = size * size
        squared *= 1.0 - b2
        v = v * b2
        v += squared
        divisor = root(xp, v)
        divisor += shift
        out = m / divisor
        out *= -scale
        return out, m, v
