"""scipy.fft: the cosine and sine transforms, as products with their matrices."""

import operator
from typing import Any

from polygrad import ops
from polygrad.scipy_functions.table import constant, inexact, scipy, stand_in
from polygrad.scipy_functions.windows import apply_along


def _one(name: str, x: Any, kind: int, n: Any, axis: int, norm: Any, orthogonalize: Any) -> Any:
    x = inexact(x)
    axis %= len(x.shape)
    if n is not None and n != x.shape[axis]:
        moved = ops.moveaxis(x, axis, -1)[..., :n]
        widths = [(0, 0)] * (len(x.shape) - 1) + [(0, n - moved.shape[-1])]
        x = ops.moveaxis(ops.pad(moved, widths), -1, axis)
    eye = ops.to_numpy(ops.eye(x.shape[axis], dtype=ops.float64, device="cpu"))
    matrix = scipy(f"fft.{name}")(eye, kind, axis=0, norm=norm, orthogonalize=orthogonalize)
    return apply_along(constant(matrix, ops.real(x)), x, axis)


def _enter(name: str) -> None:
    def one(
        x: Any,
        type: int = 2,  # noqa: A002
        n: Any = None,
        axis: int = -1,
        norm: Any = None,
        overwrite_x: bool = False,
        workers: Any = None,
        orthogonalize: Any = None,
    ) -> Any:
        return _one(name, x, type, n, axis, norm, orthogonalize)

    def several(
        x: Any,
        type: int = 2,  # noqa: A002
        s: Any = None,
        axes: Any = None,
        norm: Any = None,
        overwrite_x: bool = False,
        workers: Any = None,
        *,
        orthogonalize: Any = None,
    ) -> Any:
        ndim = len(x.shape)
        sizes = None if s is None else [*map(operator.index, [s] if isinstance(s, int) else s)]
        if axes is None:
            axes = range(ndim) if sizes is None else range(ndim - len(sizes), ndim)
        places = [axes] if isinstance(axes, int) else list(axes)
        for axis, n in zip(places, [None] * len(places) if sizes is None else sizes, strict=True):
            x = _one(name, x, type, None if n == -1 else n, axis, norm, orthogonalize)
        return x

    for function, short in ((one, name), (several, f"{name}n")):
        function.__name__ = function.__qualname__ = short
        function.__doc__ = f"scipy.fft.{short}."
        stand_in(f"fft.{short}")(function)


for _name in ("dct", "idct", "dst", "idst"):
    _enter(_name)
