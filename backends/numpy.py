"""NumPy: arrays in host memory, the default backend."""

import operator
from functools import cached_property
from types import ModuleType
from typing import Any

from polygrad.additions import keep_zeros
from polygrad.backend import SPECIAL, Backend, Library
from polygrad.errors import ArgumentTypeError, BackendError

# A subclass of ndarray with one of these of its own is no plain array to compute with.
_OPERATORS = frozenset(
    f"__{side}{name}__"
    for side in ("", "r", "i")
    for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul")
)
_WAYS_OUT = {
    "MaskedArray": "fill its masked elements first: x.filled(value); or choose by pg.where(mask, ...)",  # noqa: E501
    "matrix": "pass np.asarray(x), and write matrix products as @",
}


class NumpyBackend(Backend):
    """NumPy arrays on the CPU."""

    name = "numpy"
    array_classes = ("numpy:ndarray", "numpy:generic")
    platforms = ("cpu",)
    host = True
    multi_device = False

    def namespace(self) -> ModuleType:
        import array_api_compat.numpy as namespace

        return namespace

    def unavailable(self) -> str | None:
        return None

    def version(self) -> str | None:
        return str(self.namespace().__version__)

    def device_names(self) -> list[str]:
        return ["cpu"]

    def find_device(self, rest: str) -> Any:
        if rest in ("", "0", "cpu"):
            return "cpu"
        raise ValueError(f"NumPy has one device, 'cpu'; got {rest!r}")

    def device_name(self, device: Any) -> str:
        if device != "cpu":
            raise ValueError(f"NumPy has one device, 'cpu'; got {device!r}")
        return "cpu"

    def device_of(self, array: Any) -> Any:
        return "cpu"

    def owns(self, cls: type) -> bool:
        """Whether ``cls`` is ndarray, a scalar class, or a subclass that computes as they do.

        A subclass with NumPy protocols of its own (a quantity with a unit) is foreign: it gets
        its turn in them. One whose operators mean something else, as those of a masked array or
        of ``numpy.matrix`` do, raises ArgumentTypeError: its values alone would be wrong.
        """
        names = [f"{c.__module__}.{c.__name__}" for c in cls.__mro__]
        if "numpy.ndarray" not in names:
            return super().owns(cls)
        above = cls.__mro__[: names.index("numpy.ndarray")]
        own = {name for c in above for name in vars(c)}
        if own & {"__array_ufunc__", "__array_function__"}:
            return False
        if own & _OPERATORS:
            known = [_WAYS_OUT[c.__name__] for c in above if c.__name__ in _WAYS_OUT]
            out = known[0] if known else "pass np.asarray(x)"
            raise ArgumentTypeError(
                f"got a {cls.__module__}.{cls.__qualname__}, whose operators differ from those of "
                f"numpy.ndarray, expected a plain array; {out}"
            )
        return True

    def is_scalar(self, cls: type) -> bool:
        return any(base.__name__ == "generic" for base in cls.__mro__)

    @cached_property
    def _as_array(self) -> Any:
        import numpy as np

        return np.asarray

    def normalise(self, value: Any) -> Any:
        return self._as_array(value)

    def own(self, array: Any) -> Any:
        # A view (a broadcast cotangent above all) shares or repeats its memory.
        return array if array.base is None and array.flags.owndata else array.copy()

    def memory(self, device: Any) -> tuple[int, int] | None:
        try:
            with open("/proc/meminfo", encoding="ascii") as lines:  # Linux only
                kib = {
                    name: int(rest.split()[0])
                    for name, _, rest in (x.partition(":") for x in lines)
                }
            return kib["MemAvailable"] * 1024, kib["MemTotal"] * 1024
        except (OSError, KeyError, ValueError):
            return None

    def keep_memory(self, on: bool) -> None:
        from polygrad.backends import numpy_memory

        numpy_memory.keep(on)

    def from_host(self, value: Any, dtype: Any, device: Any) -> Any:
        return self.xp.asarray(value, dtype=dtype, copy=True)

    def to_host(self, array: Any) -> Any:
        return array

    def target(self) -> Any:
        from polygrad.backends import numpy_program

        return numpy_program

    def overrides(self, xp: ModuleType) -> dict[str, Any]:
        import numpy as np

        def scatter_add(value: Any, key: Any, shape: tuple[int, ...]) -> Any:
            out = np.zeros(shape, value.dtype)
            parts = key if isinstance(key, tuple) else (key,)
            if any(isinstance(part, np.ndarray) and part.dtype != np.bool for part in parts):
                np.add.at(out, key, value)  # the same place may be named twice
            else:
                out[key] = value
            return out

        # The same results as NumPy's functions, without their layers of Python: on small arrays
        # these cost as much as the arithmetic.
        def reducer(ufunc: Any, sums: bool = False) -> Any:
            def reduce(
                x: Any, /, *, axis: Any = None, dtype: Any = None, keepdims: bool = False
            ) -> Any:
                if dtype is None and x.dtype.char == "e" and sums:
                    # In half precision the total of many ones stops at 2048.
                    out = ufunc.reduce(x, axis, np.float32, None, keepdims)
                    return out.astype(np.float16)
                if sums and dtype is None and adds_rows(x, axis):
                    return ufunc.reduce(x, axis, np.float64, None, keepdims).astype(np.float32)
                return ufunc.reduce(x, axis, dtype, None, keepdims)

            return reduce

        def mean(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Any:
            half = x.dtype == np.float16  # whose sum would overflow at 65520
            rows = adds_rows(x, axis)
            wide = np.float32 if half else np.float64 if rows else None
            total = np.add.reduce(x, axis, wide, None, keepdims)
            out = total / (x.size // (total.size or 1) or np.nan)
            return out.astype(np.float16) if half else out.astype(np.float32) if rows else out

        def class_places(labels: Any, classes: int) -> Any:
            rows = np.arange(labels.size)  # a label that is no class is refused
            return np.ravel_multi_index((rows, labels.reshape(-1)), (labels.size, classes))

        def ones_like(x: Any, /, *, dtype: Any = None, device: Any = None) -> Any:
            out = np.empty(x.shape, x.dtype if dtype is None else dtype)
            out.fill(1)
            return out

        def zeros_like(x: Any, /, *, dtype: Any = None, device: Any = None) -> Any:
            return np.zeros(x.shape, x.dtype if dtype is None else dtype)

        def broadcast_to(x: Any, /, shape: tuple[int, ...]) -> Any:
            if x.size != 1:
                return np.broadcast_to(x, shape)
            out = np.ndarray(shape, x.dtype, np.asarray(x), 0, (0,) * len(shape))
            out.flags.writeable = False
            return out

        def kept_zeros(g: Any, c: Any) -> Any:
            # One sum shows that all is finite, as it mostly is.
            return c if np.isfinite(np.add.reduce(c, None)) else keep_zeros(xp, g, c)

        def finfo(dtype: Any, /) -> Any:
            dtype = dtype.dtype if isinstance(dtype, np.ndarray) else dtype
            if getattr(dtype, "name", None) != "bfloat16":
                return np.finfo(dtype)
            import ml_dtypes

            return ml_dtypes.finfo(dtype)

        def where(condition: Any, x1: Any, x2: Any, /) -> Any:
            # Beside a number NumPy takes what it does not know, bfloat16, to float64.
            if type(x1) is float or type(x1) is int:
                x1 = np.asarray(x1, x2.dtype) if _lacks(x2) else x1
            elif (type(x2) is float or type(x2) is int) and _lacks(x1):
                x2 = np.asarray(x2, x1.dtype)
            return np.where(condition, x1, x2)

        def clip(x: Any, /, min: Any = None, max: Any = None) -> Any:  # noqa: A002
            if not _lacks(x):
                return plain_clip(x, min, max)
            if min is not None:
                x = np.maximum(x, np.asarray(min, x.dtype))
            return x if max is None else np.minimum(x, np.asarray(max, x.dtype))

        def matmul(x1: Any, x2: Any, /) -> Any:
            out = np.matmul(x1, x2)  # of bfloat16 in single precision
            if out.dtype.char == "f" and _lacks(x1) and x1.dtype == x2.dtype:
                return out.astype(x1.dtype)
            return out

        def result_type(*given: Any) -> Any:
            if any(_lacks(x) or getattr(x, "isbuiltin", 1) == 2 for x in given):
                given = tuple(x for x in given if type(x) not in (bool, int, float))
            return plain_result_type(*given)

        plain_clip, plain_result_type = xp.clip, xp.result_type
        return {
            "__getattr__": _lookup,
            "finfo": finfo,
            "where": where,
            "clip": clip,
            "_keep_zeros": kept_zeros,
            **cross_entropy(),
            "class_places": class_places,
            "scatter_add": scatter_add,
            "special": Library("scipy.special", SPECIAL),
            "sum": reducer(np.add, True),
            "prod": reducer(np.multiply, True),
            "max": reducer(np.maximum),
            "min": reducer(np.minimum),
            "mean": mean,
            "ones_like": ones_like,
            "zeros_like": zeros_like,
            "broadcast_to": broadcast_to,
            "matmul": matmul,
            "result_type": result_type,
            "sign": np.sign,
            "matrix_transpose": operator.attrgetter("mT"),
        }


def _lookup(name: str) -> Any:
    """The data type that NumPy has by the package ml_dtypes only, looked up when asked for."""
    if name == "bfloat16":
        try:
            from ml_dtypes import bfloat16
        except ImportError as error:
            raise BackendError(
                f"dtype: NumPy has bfloat16 by the package ml_dtypes only ({error}); "
                "pip install ml_dtypes, or use another dtype"
            ) from None
        import numpy as np

        return np.dtype(bfloat16)
    raise AttributeError(f"NumPy has no {name}", name=name)


def _lacks(x: Any) -> bool:
    """Whether the data type of an array is one that another package adds to NumPy's."""
    return getattr(getattr(x, "dtype", None), "isbuiltin", 1) == 2


LONG = 4096
"""How many rows of single precision from which on they are added up in double precision."""


def adds_rows(x: Any, axis: Any) -> bool:
    """Whether NumPy adds row to row, with an error that grows with their number, not pairwise."""
    if x.dtype.char != "f" or axis is None or len(x.shape) < 2:
        return False
    axis = axis if isinstance(axis, tuple) else (axis,)
    return x.shape[0] > LONG and 0 in axis and len(x.shape) - 1 not in axis


def cross_entropy() -> dict[str, Any]:
    """The loss of classifiers and its gradient with few temporaries: every step runs them."""
    import numpy as np

    def loss(logits: Any, labels: Any) -> Any:
        x = logits.reshape(-1, logits.shape[-1])
        x = x - np.maximum.reduce(x, 1, None, None, True)
        # The place of each label in the flat array; a label that is no class is refused.
        places = np.ravel_multi_index((np.arange(labels.size), labels.reshape(-1)), x.shape)
        picked = x.take(places)
        np.exp(x, x)
        total = np.add.reduce(x, 1)
        return (np.log(total) - picked).reshape(labels.shape), (x, total, places)

    def gradient(g: Any, e: Any, total: Any, places: Any) -> Any:
        flat = g.reshape(-1)
        out = e * (flat / total)[:, None]
        out.reshape(-1)[places] -= flat
        return out.reshape((*g.shape, e.shape[1]))

    return {"softmax_cross_entropy": loss, "softmax_cross_entropy_gradient": gradient}
