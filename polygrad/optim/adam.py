"""Adam, and Adam with decoupled weight decay."""

from typing import Any

from polygrad import tree
from polygrad.dtypes import as_dtype
from polygrad.errors import ArgumentValueError
from polygrad.optim.base import Optimizer, check_gradient, check_number, each_leaf, zeros_for


@tree.dataclass
class AdamState:
    """The count of steps, and the running means of the gradients and of their squares."""

    count: int
    mean: Any
    square: Any


def adam(learning_rate: Any, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8) -> Optimizer:
    """Adam: steps scaled by running means of the gradient and of its square.

    ``b1`` and ``b2`` are the decay rates of the two means, ``eps`` keeps the division finite.
    Of complex gradients the squared modulus counts. Source: D. P. Kingma, J. Ba, "Adam: a
    method for stochastic optimization", ICLR 2015, algorithm 1. Raises ArgumentValueError for
    numbers out of range.

    >>> optimizer = pg.optim.adam(0.1)
    >>> state = optimizer.init(pg.asarray(1.0))
    >>> updates, state = optimizer.update(pg.asarray(2.0), state)
    >>> round(updates.item(), 6), state.count
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
    rate = check_number(name, "learning_rate", learning_rate)
    b1 = check_number(name, "b1", b1, below=1.0)
    b2 = check_number(name, "b2", b2, below=1.0)
    eps = check_number(name, "eps", eps)
    decay = check_number(name, "weight_decay", decay)
    decays = not (type(decay) is float and decay == 0.0)

    def init(params: Any) -> AdamState:
        return AdamState(0, zeros_for(params), zeros_for(params, modulus=True))

    def update(grads: Any, state: AdamState, params: Any = None) -> tuple[Any, AdamState]:
        if decays and params is None:
            raise ArgumentValueError(
                f"{name}: params is None, but weight decay needs the parameters; call "
                "update(grads, state, params)"
            )
        count = state.count + 1
        # The corrections of both means for their start at 0, taken together into two numbers.
        root = (1.0 - b2**count) ** 0.5
        scale, shift = rate * (root / (1.0 - b1**count)), eps * root
        constants: tuple[Any, ...] = (b1, b2, scale, shift)
        trees: tuple[Any, ...] = (grads, state.mean, state.square)
        if decays:
            trees, constants = (params, *trees), (*constants, rate * decay)
        function = decayed if decays else step
        updates, mean, square = each_leaf(
            f"{name}: state", function, *trees, constants=constants, outputs=3
        )
        return updates, AdamState(count, mean, square)

    def step(
        xp: Any, g: Any, m: Any, v: Any, b1: Any, b2: Any, scale: Any, shift: Any
    ) -> tuple[Any, Any, Any]:
        check_gradient(name, g, m)
        m = m * b1  # in place from here on, in the arrays made by each first line
        m += g * (1.0 - b1)
        size = abs(g) if as_dtype(getattr(g, "dtype", type(g))).is_complex else g
        squared = size * size
        squared *= 1.0 - b2
        v = v * b2
        v += squared
        divisor = xp.sqrt(v)
        divisor += shift
        out = m / divisor
        out *= -scale
        return out, m, v

    def decayed(xp: Any, p: Any, g: Any, m: Any, v: Any, *constants: Any) -> tuple[Any, Any, Any]:
        out, m, v = step(xp, g, m, v, *constants[:-1])
        out -= p * constants[-1]
        return out, m, v

    return Optimizer(init, update)
