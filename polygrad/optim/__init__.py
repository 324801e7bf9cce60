"""Optimisers over pytrees: each a pair of functions, ``init`` and ``update``.

>>> params = {"w": pg.asarray([1.0, 2.0])}
>>> optimizer = pg.optim.sgd(0.1)
>>> state = optimizer.init(params)
>>> grads = pg.grad(lambda p: pg.sum(p["w"] ** 2))(params)
>>> updates, state = optimizer.update(grads, state, params)
>>> pg.optim.apply_updates(params, updates)
{'w': Array([0.8, 1.6], dtype=float64, device=cpu)}

The shape of the interface is that of Optax. Leaves that have no gradient (None) pass untouched.
"""

from polygrad.optim.adam import AdamState, adam, adamw
from polygrad.optim.base import Optimizer, apply_updates
from polygrad.optim.sgd import SGDState, sgd

__all__ = ["AdamState", "Optimizer", "SGDState", "adam", "adamw", "apply_updates", "sgd"]
