"""Gradient descent, with or without momentum."""

from typing import Any

from polygrad import tree
from polygrad.optim.base import (
    Optimizer,
    advance,
    check_gradient,
    check_number,
    each_leaf,
    fitting,
    narrowed,
    rate_at,
    start,
    widened,
    zeros_for,
)


@tree.dataclass
class SGDState:
    """The running sum of gradients, a pytree like the parameters; None without momentum.

    The sum of 16-bit parameters is float32. ``count`` is the number of steps, for a schedule.
    """

    momentum: Any = None
    count: Any = None


def sgd(learning_rate: Any, momentum: float = 0.0, nesterov: bool = False) -> Optimizer:
    """Stochastic gradient descent: each step is -learning_rate times the gradient.

    With ``momentum`` m the running sum v = m v + g takes the place of the gradient g (B. T.
    Polyak, "Some methods of speeding up the convergence of iteration methods", 1964); with
    ``nesterov`` m v + g does (I. Sutskever, J. Martens, G. Dahl, G. Hinton, "On the importance
    of initialization and momentum in deep learning", ICML 2013). ``learning_rate``
    is a number, an array without axes, or a schedule: a function of the count of steps before this
    one. Raises ArgumentValueError for
    numbers out of range.

    >>> optimizer = pg.optim.sgd(0.1, momentum=0.9)
    >>> state = optimizer.init(pg.asarray(1.0))
    >>> updates, state = optimizer.update(pg.asarray(2.0), state)
    >>> updates
    Array(-0.2, dtype=float64, device=cpu)
    """
    sgd = _SGD(learning_rate, momentum, nesterov)
    return Optimizer(sgd.init, sgd.update)


class _SGD:
    """Both functions, which can be pickled as methods."""

    def __init__(self, rate: Any, momentum: Any, nesterov: bool) -> None:
        self.rate = check_number("sgd", "learning_rate", rate)
        self.decay = check_number("sgd", "momentum", momentum, below=1.0)
        self.moving = not (type(self.decay) is float and self.decay == 0.0)
        self.nesterov, self.scheduled = nesterov, callable(self.rate)

    def init(self, params: Any) -> SGDState:
        momentum = zeros_for(params) if self.moving else None
        return SGDState(momentum, start(params) if self.scheduled else None)

    def update(self, grads: Any, state: SGDState, params: Any = None) -> tuple[Any, SGDState]:
        rate, count = self.rate, state.count
        if self.scheduled:
            count, before, _ = advance(count)
            rate = rate_at("sgd", self.rate, before)
        if not self.moving:
            (updates,) = each_leaf("sgd: grads", self.scaled, grads, constants=(rate,))
            return updates, SGDState(None, count)
        updates, velocity = each_leaf(
            "sgd: state",
            self.step,
            grads,
            state.momentum,
            constants=(rate, self.decay),
            outputs=2,
        )
        return updates, SGDState(velocity, count)

    def scaled(self, xp: Any, g: Any, rate: Any) -> Any:
        return narrowed(xp, g * -self._rate(xp, rate, g), g)

    def _rate(self, xp: Any, rate: Any, like: Any) -> Any:
        return fitting(xp, rate, like) if self.scheduled else rate

    def step(self, xp: Any, g: Any, v: Any, rate: Any, decay: Any) -> tuple[Any, Any]:
        check_gradient("sgd", g, v)
        given, g, v = g, widened(xp, g), widened(xp, v)
        v = v * decay
        v += g
        out = (v * decay + g if self.nesterov else v) * -self._rate(xp, rate, v)
        return narrowed(xp, out, given), v
