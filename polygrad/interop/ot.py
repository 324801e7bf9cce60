"""POT (``ot``) on polygrad's arrays: a backend beside its own, with NumPy arrays as constants."""

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any

from polygrad import ops
from polygrad.array import BASE, Array
from polygrad.errors import ArgumentTypeError, NonDifferentiableError


def register(module: ModuleType) -> None:
    """Extend one of POT's modules that was just loaded."""
    if module.__name__ == "ot.backend":
        _add_backend(module)
    else:
        setattr(module, "emd2", _differentiable(module.emd2))


def _differentiable(emd2: Callable[..., Any]) -> Callable[..., Any]:
    """``ot.emd2`` whose slopes are the plan, by the costs, and the potentials, by the weights."""

    @functools.wraps(emd2)
    def front(a: Any, b: Any, M: Any, *args: Any, **options: Any) -> Any:  # noqa: N803
        given = {"a": a, "b": b, "M": M}
        if not any(type(x) is Array and x._trace is not BASE for x in given.values()):
            return emd2(a, b, M, *args, **options)
        if args or options.get("log") or options.get("return_matrix") or len(_shape(b)) != 1:
            raise ArgumentTypeError(
                "ot.emd2 of a tracked array: got options by position, log, return_matrix or "
                "several b, expected emd2(a, b, M) with options by name, for one number"
            )
        if any(type(x) is Array and type(x._value) is Array for x in given.values()):
            raise NonDifferentiableError(
                "ot.emd2: has no second derivative here, for the plan is a step function of its "
                "arguments; use ot.sinkhorn2, which is smooth"
            )
        fixed = [ops.to_numpy(ops.stop_gradient(x)) if type(x) is Array else x for x in (a, b, M)]
        options = {**options, "log": True, "return_matrix": True}
        cost, log = emd2(*fixed, **options)
        slopes = {"a": log["u"] - log["u"].mean(), "b": log["v"] - log["v"].mean(), "M": log["G"]}
        for name, x in given.items():
            if type(x) is Array:  # adds 0, with the slope
                cost = cost + ops.sum(ops.asarray(slopes[name]) * (x - ops.stop_gradient(x)))
        return cost

    return front


def _shape(x: Any) -> tuple[int, ...]:
    return tuple(getattr(x, "shape", (len(x),)))


def _add_backend(module: ModuleType) -> None:
    """Give ``ot.backend`` a backend that is taken where one of the arguments is an Array.

    It is that for NumPy, whose functions lead to polygrad's. What POT computes outside of it in
    compiled code (the exact solvers but emd2) raises LostGradientError for a tracked array.
    """

    class PolygradBackend(module.NumpyBackend):  # type: ignore[name-defined]
        __name__ = "polygrad"
        __type__ = Array

        def _to_numpy(self, a: Any) -> Any:
            return ops.to_numpy(a) if type(a) is Array else a

        def _from_numpy(self, a: Any, type_as: Any = None) -> Any:
            dtype = None if type_as is None else type_as.dtype
            return ops.asarray(a, dtype=dtype)

        def detach(self, *args: Any) -> Any:
            out = tuple(ops.stop_gradient(a) if type(a) is Array else a for a in args)
            return out[0] if len(out) == 1 else out

    check = module._check_args_backend

    def check_args_backend(backend: Any, args: Any) -> Any:
        mixed = any(type(arg) is Array for arg in args)
        if backend is not PolygradBackend:
            return False if mixed else check(backend, args)
        return mixed and all(type(arg) is Array or type(arg).__module__ == "numpy" for arg in args)

    module._check_args_backend = check_args_backend  # type: ignore[attr-defined]
    module._register_backend_implementation(PolygradBackend)
