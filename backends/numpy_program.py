"""How a compiled program runs on NumPy: which call computes each op, and into what memory.

A call is a line of Python with places for its operands, ``{0}``, ``{1}`` ..., and for the array
it writes, ``{out}``; the functions in it are given by name. Ufuncs and BLAS take an array to
write to, so a program needs no new memory from one run to the next.
"""

import contextvars
import os
import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from polygrad.backends.numpy import LONG


class Call(NamedTuple):
    """A line of code that computes one op."""

    text: str
    names: dict[str, Any]
    in_place: bool = False
    """Whether ``{out}`` may be the memory of an operand of its shape and data type."""
    made: str | None = None
    """An expression that makes a new array in place of writing one, where there is a fast one."""


class Operand(NamedTuple):
    """What is known of an operand: its shape (None for the length of a block) and data type.

    ``literal`` is a Python number, or None for an array; ``weak`` one known when it runs.
    """

    shape: tuple[Any, ...]
    dtype: Any
    literal: Any = None
    weak: bool = False


_SAME_NAME = (
    "add", "subtract", "multiply", "divide", "floor_divide", "remainder", "negative", "positive",
    "square", "reciprocal", "sqrt", "exp", "expm1", "log", "log1p", "log2", "log10", "sin", "cos",
    "tan", "sinh", "cosh", "tanh", "hypot", "logaddexp", "maximum", "minimum", "copysign",
    "nextafter", "equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "isnan",
    "isinf", "isfinite", "signbit", "logical_and", "logical_or", "logical_xor", "logical_not",
    "bitwise_and", "bitwise_or", "bitwise_xor", "ceil", "floor", "trunc", "sign",
)  # fmt: skip
_UFUNCS = dict(zip(_SAME_NAME, _SAME_NAME, strict=True)) | {
    "abs": "absolute", "pow": "power", "asin": "arcsin", "acos": "arccos", "atan": "arctan",
    "asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh", "atan2": "arctan2",
    "conj": "conjugate", "bitwise_invert": "invert", "bitwise_left_shift": "left_shift",
    "bitwise_right_shift": "right_shift", "round": "rint",
}  # fmt: skip
_CORRECTED = {"floor_divide": "fc", "tanh": "c", "expm1": "c", "sign": "c"}
"""Where polygrad.corrections replaces results of the ufunc: kinds of data type by op."""
_REDUCTIONS = {
    "sum": np.add, "mean": np.add, "max": np.maximum, "min": np.minimum, "prod": np.multiply,
    "all": np.logical_and, "any": np.logical_or,
}  # fmt: skip
_BY_BLAS = 65_536  # elements up to which a sum over an axis is a product with ones
_FLOATS = (np.dtype("float32"), np.dtype("float64"))


def into(name: str, params: dict[str, Any], operands: Sequence[Operand], out: Operand) -> Any:
    """The call that writes an op's answer to an array, or None where there is none."""
    if out.dtype.kind in _CORRECTED.get(name, ""):
        return None
    if name in _UFUNCS and not params:
        return _ufunc(getattr(np, _UFUNCS[name]), operands, out)
    if name in _REDUCTIONS:
        return _reduction(name, params, operands[0], out)
    if name == "matmul":
        return _matmul(operands, out)
    if name == "where":
        return _where(operands, out)
    if name in ("astype", "astype_discrete") and not operands[0].weak:
        lossy = operands[0].dtype.kind == "c" and out.dtype.kind != "c"
        return None if lossy else Call("{copyto}({out}, {0}, 'unsafe')", {"copyto": np.copyto})
    if name == "copy":
        return Call("{copyto}({out}, {0})", {"copyto": np.copyto})
    return None


def _ufunc(ufunc: Any, operands: Sequence[Operand], out: Operand) -> Call | None:
    kinds = [type(x.literal) if x.literal is not None else x.dtype for x in operands]
    kinds = [type(x.dtype.type().item()) if x.weak else k for x, k in zip(operands, kinds)]  # noqa: B905
    try:
        found = ufunc.resolve_dtypes((*kinds, None))
        # A number is looked up and converted at each call; an array without axes is not.
        numbers = {
            f"n{i}": np.asarray(x.literal, dtype)
            for i, (x, dtype) in enumerate(zip(operands, found, strict=False))
            if x.literal is not None
        }
    except (TypeError, OverflowError, ValueError):
        return None
    if found[-1] != out.dtype:
        return None
    places = [f"{{n{i}}}" if f"n{i}" in numbers else f"{{{i}}}" for i in range(len(operands))]
    inside = ", ".join(places)
    made = f"{{f}}({inside})" if out.shape else None
    keyword = "out=" if ufunc in (np.maximum, np.minimum) else ""  # they take no third by place
    return Call(f"{{f}}({inside}, {keyword}{{out}})", {"f": ufunc, **numbers}, True, made)


def _reduction(name: str, params: dict[str, Any], x: Operand, out: Operand) -> Call | None:
    axes, keepdims = params["axis"], params["keepdims"]
    if name in ("sum", "mean", "max", "min", "prod") and x.dtype != out.dtype:
        return None
    if name in ("all", "any") and x.dtype != np.bool:
        return None
    if name in ("sum", "mean", "prod") and x.dtype == np.float16:
        return None  # added up in float32, as the backend does it
    rows = x.shape[0] if len(x.shape) > 1 and x.dtype == np.float32 else 0
    if (
        name in ("sum", "mean")
        and (rows or 0) > LONG
        and 0 in axes
        and (len(x.shape) - 1 not in axes)
    ):
        return None  # rows are added up in double precision there
    known = None not in x.shape
    blas = (
        name in ("sum", "mean") and x.dtype in _FLOATS and len(x.shape) == 2 and len(axes) == 1
        and known and 0 < int(np.prod(x.shape)) <= _BY_BLAS and not keepdims
        and (axes[0] == 0 or x.shape[1] <= 128)
    )  # fmt: skip
    names: dict[str, Any] = {}
    if blas:
        n = x.shape[axes[0]]
        names = {"dot": np.dot, "ones": np.full(n, 1 / n if name == "mean" else 1, x.dtype)}
        text = "{dot}({ones}, {0}, {out})" if axes[0] == 0 else "{dot}({0}, {ones}, {out})"
        return Call(text, names)
    axis: Any = None if len(axes) == len(x.shape) else axes[0] if len(axes) == 1 else axes
    names = {"f": _REDUCTIONS[name].reduce}
    text = f"{{f}}({{0}}, {axis}, None, {{out}}, {keepdims})"
    if name == "mean":
        if not known:
            return None
        n = int(np.prod([x.shape[i] for i in axes], dtype=int))
        names |= {"divide": np.divide, "n": np.asarray(n or np.nan, x.dtype)}
        text += "; {divide}({out}, {n}, {out})"
    return Call(text, names)


def _matmul(operands: Sequence[Operand], out: Operand) -> Call | None:
    a, b = operands
    if a.dtype != b.dtype or a.dtype != out.dtype:
        return None
    if len(a.shape) == 2 and len(b.shape) in (1, 2):
        return Call("{dot}({0}, {1}, {out})", {"dot": np.dot})
    return Call("{matmul}({0}, {1}, {out})", {"matmul": np.matmul})


def _where(operands: Sequence[Operand], out: Operand) -> Call | None:
    choice, yes, no = operands
    if choice.literal is not None or choice.dtype != np.bool or choice.weak:
        return None
    numbers: dict[str, Any] = {}
    places = ["{0}"]
    for i, x in ((1, yes), (2, no)):
        if x.weak or (x.literal is None and x.dtype != out.dtype):
            return None
        if x.literal is not None:
            numbers[f"n{i}"] = np.asarray(x.literal, out.dtype)
        places.append(f"{{n{i}}}" if x.literal is not None else f"{{{i}}}")
    text = f"{{copyto}}({{out}}, {places[2]}); {{copyto}}({{out}}, {places[1]}, where={{0}})"
    return Call(text, {"copyto": np.copyto, **numbers})


def view(name: str, params: dict[str, Any], operands: Sequence[Operand], out: Operand) -> Any:
    """The expression for an op whose answer is another view of its operand, or None.

    A reshape of an array in pieces is a copy all the same.
    """
    if name == "reshape":
        return Call("{0}.reshape({shape})", {"shape": out.shape})
    if name == "permute_dims":
        return Call("{0}.transpose({axes})", {"axes": tuple(params["axes"])})
    if name == "matrix_transpose":
        return Call("{0}.mT", {})
    if name == "broadcast_to":
        return Call("{broadcast}({0}, {shape})", {"shape": out.shape, "broadcast": np.broadcast_to})
    if name == "getitem" and len(operands) == 1 and Ellipsis in params["index"]:
        return Call("{0}[{index}]", {"index": params["index"]})
    return None


def made(name: str, params: dict[str, Any], operands: Sequence[Operand], out: Operand) -> Any:
    """A faster expression than the op's own for some whose answers are new arrays, or None."""
    if name == "getitem" and len(operands) == 2 and len(params["index"]) == 1:
        x, places = operands
        if len(x.shape) == 1 and places.dtype.kind in "iu":
            return Call("{0}.take({1})", {})
    if name == "class_places":
        rows = np.arange(out.shape[0])
        dims = out.shape[0], params["classes"]
        names = {"ravel": np.ravel_multi_index, "rows": rows, "dims": dims}
        return Call("{ravel}(({rows}, {0}.reshape(-1)), {dims})", names)
    return None


def native() -> Any:
    """How arrays lie in memory, for native code."""
    from polygrad.backends import numpy_native

    return numpy_native


# -- memory and loops ------------------------------------------------------------------------------

LOOP = 32_768
"""Elements from which on elementwise steps run in blocks."""
BLOCK = 16_384
"""Elements of a block: a handful of them fit in the second-level cache."""
PARALLEL = 4
"""Blocks from which on two threads share a loop: below, they wait for the interpreter."""
AFTER_PRODUCTS = 16_000_000
"""Operations on an element from which on they share one in a program with matrix products: the
threads of BLAS go on spinning after a product, and a second one of ours waits for a core."""


def buffer(nbytes: int) -> Any:
    """Memory for one array at a time, at the start of a cache line."""
    whole = np.empty(nbytes + 64, np.uint8)
    start = -whole.ctypes.data % 64
    return whole[start : start + nbytes]


def array_in(memory: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """An array in a buffer, from its start on."""
    return np.ndarray(shape, dtype, memory)


def threads(work: int, products: bool) -> int:
    """How many threads may share a loop of so many operations on one element.

    ``products`` says whether the program has matrix products.
    """
    if products and work < AFTER_PRODUCTS:
        return 1
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        cores = os.cpu_count() or 1
    return 2 if cores > 1 else 1


class _Worker(threading.Thread):
    """A thread that runs one part of a loop at a time."""

    def __init__(self) -> None:
        super().__init__(daemon=True, name="polygrad-loop")
        self.ready, self.done = threading.Semaphore(0), threading.Semaphore(0)
        self.job: Callable[[], None] = list
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        while True:
            self.ready.acquire()
            try:
                self.job()
            except BaseException as error:
                self.error = error
            self.done.release()


_idle: list[_Worker] = []
_process = os.getpid()


def run_loop(function: Callable[..., None], rows: int, step: int, args: Any, temps: Any) -> None:
    """Run a loop's body over its rows, ``step`` at a time, on two threads where it pays.

    ``function(lo, hi, *args, *temps)`` does the rows from ``lo`` to ``hi - 1``.
    """
    blocks = -(-rows // step)
    if len(temps) < 2 or blocks < PARALLEL:
        function(0, rows, *args, *temps[0])
        return
    global _process
    if _process != os.getpid():  # threads do not survive a fork
        _process = os.getpid()
        _idle.clear()
    try:
        worker = _idle.pop()
    except IndexError:
        worker = _Worker()
    middle = (blocks + 1) // 2 * step
    context = contextvars.copy_context()  # NumPy's error state belongs to it
    worker.job = lambda: context.run(function, middle, rows, *args, *temps[1])
    worker.ready.release()
    try:
        function(0, middle, *args, *temps[0])
    finally:
        worker.done.acquire()
        error, worker.error, worker.job = worker.error, None, list
        _idle.append(worker)
    if error is not None:
        raise error


empty = np.empty
asarray = np.asarray


def copy(x: Any) -> Any:
    """A copy in memory of its own, in C order."""
    return np.array(x, order="C")


def fits(x: Any) -> bool:
    """Whether a donated array can be written as one block of memory."""
    return x.flags.c_contiguous and x.flags.writeable


def own(x: Any, others: Sequence[Any]) -> Any:
    """An array that shares no memory: itself, or a copy where it is a view or one of ``others``."""
    mine = x.base is None and x.flags.owndata and not any(x is other for other in others)
    return x if mine else copy(x)


def shares(x: Any, y: Any) -> bool:
    """Whether one array is a view of the other."""
    return bool(np.may_share_memory(x, y)) or x.size == 0
