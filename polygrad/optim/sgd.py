"""Gradient descent, with or without momentum."""

from typing import Any

from polygrad import tree
from polygrad.optim.base import Optimizer, check_gradient, check_number, each_leaf, zeros_for


@tree.dataclass
class SGDState:
    """The running sum of gradients, a pytree like the parameters; None without momentum."""

    momentum: Any = None


def sgd(learning_rate: Any, momentum: float = 0.0, nesterov: bool = False) -> Optimizer:
    """Stochastic gradient descent: each step is -learning_rate times the gradient.

    With ``momentum`` m the running sum v = m v + g takes the place of the gradient g (B. T.
    Polyak, "Some methods of speeding up the convergence of iteration methods", 1964); with
    ``nesterov`` m v + g does (I. Sutskever, J. Martens, G. Dahl, G. Hinton, "On the importance
    of initialization and momentum in deep learning", ICML 2013). Raises ArgumentValueError for
    numbers out of range.

    >>> optimizer = pg.optim.sgd(0.1, momentum=0.9)
    >>> state = optimizer.init(pg.asarray(1.0))
    >>> updates, state = optimizer.update(pg.asarray(2.0), state)
    >>> updates
    Array(-0.2, dtype=float64, device=cpu)
    """
    rate = check_number("sgd", "learning_rate", learning_rate)
    decay = check_number("sgd", "momentum", momentum, below=1.0)
    moving = not (type(decay) is float and decay == 0.0)

    def init(params: Any) -> SGDState:
        return SGDState(zeros_for(params) if moving else None)

    def update(grads: Any, state: SGDState, params: Any = None) -> tuple[Any, SGDState]:
        if not moving:
            (updates,) = each_leaf(
                "sgd: grads", lambda xp, g, rate: g * -rate, grads, constants=(rate,)
            )
            return updates, state
        updates, velocity = each_leaf(
            "sgd: state", step, grads, state.momentum, constants=(rate, decay), outputs=2
        )
        return updates, SGDState(velocity)

    def step(xp: Any, g: Any, v: Any, rate: Any, decay: Any) -> tuple[Any, Any]:
        check_gradient("sgd", g, v)
        v = v * decay
        v += g
        return (v * decay + g if nesterov else v) * -rate, v

    return Optimizer(init, update)
