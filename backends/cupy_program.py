"""How programs of kernels run on CuPy: compiled by NVRTC, captured in CUDA graphs.

CuPy refuses cuBLAS while a stream is captured. With nvmath-python, products are captured by
cuBLASLt; without it, those that are too large for a generated kernel stay outside of the graphs.
"""

import functools
import importlib
import sys
import threading
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import cupy

from polygrad.backends import cublaslt

LANGUAGE = "cuda"
"""Programs are made of kernels: see `polygrad.compile.cuda`."""
OPTIONS = ("-std=c++17", "-fmad=false")
"""Without fused multiply-add a kernel rounds as CuPy's functions do, one operation at a time."""


def on(device: Any) -> Any:
    """A block in which a device is the current one."""
    return cupy.cuda.Device(device.id)  # a device object holds one block at a time


def place() -> Hashable:
    """The current device, and the stream of this thread on it."""
    device, stream = cupy.cuda.runtime.getDevice(), cupy.cuda.get_current_stream().ptr
    # Streams of one number: with per-thread default streams each thread has its own behind it.
    return device, stream, threading.get_ident() if stream == 2 else 0


def load(source: str, names: Sequence[str]) -> dict[str, Any]:
    """Compiled kernels by name. CuPy keeps compiled code on disk."""
    module = cupy.RawModule(code=source, options=OPTIONS)
    found = {name: module.get_function(name) for name in names}
    for kernel in found.values():
        kernel.compile()  # nothing may be loaded while a stream is captured
    return found


def launch(kernel: Any, grid: tuple[int, int], threads: int, args: tuple[Any, ...]) -> None:
    """Start a kernel in the current stream; CuPy passes an int as 8 bytes, a float as a double."""
    kernel(grid, (threads,), args)


def capture(start: Callable[[], None]) -> Callable[[], None]:
    """A CUDA graph of the kernels that ``start`` starts, launched in the current stream."""
    stream = cupy.cuda.Stream(non_blocking=True)  # the default stream cannot be captured
    with stream:
        stream.begin_capture()
        try:
            start()
        except BaseException:
            stream.end_capture()
            raise
        graph = stream.end_capture()
    return graph.launch  # type: ignore[no-any-return]


def buffer(nbytes: int) -> Any:
    """Memory, from CuPy's pool."""
    return cupy.empty(nbytes, cupy.uint8)


def array_in(memory: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """An array at the start of memory."""
    return cupy.ndarray(shape, dtype, memptr=memory.data)


def empty(shape: tuple[int, ...], dtype: Any) -> Any:
    """A new array."""
    return cupy.empty(shape, dtype)


def address(array: Any) -> int:
    """Where an array is in the memory of the GPU."""
    return int(array.data.ptr)


def in_order(array: Any) -> Any:
    """The array in C order."""
    return cupy.ascontiguousarray(array).reshape(array.shape)


def asarray(x: Any) -> Any:
    """An array on the current device."""
    return cupy.asarray(x)


def copy(array: Any) -> Any:
    """A copy in C order."""
    return cupy.array(array, order="C")


def own(array: Any, others: Sequence[Any]) -> Any:
    """The array, or a copy where it is a view or one of ``others``."""
    mine = array.base is None and array.flags.owndata
    return array if mine and not any(array is other for other in others) else copy(array)


def product(a: Any, b: Any, out: Any) -> None:
    """A product by cuBLAS."""
    if a.ndim == 2 and b.ndim in (1, 2):
        cupy.dot(a, b, out=out)
    else:
        cupy.matmul(a, b, out=out)


def plan(
    left: cublaslt.Operand, right: cublaslt.Operand, out: tuple[int, ...], dtype: Any
) -> cublaslt.Plan | None:
    """A product by cuBLASLt that was captured and compared with cuBLAS; None without nvmath."""
    if _bindings() is None or not cublaslt.fits(left, right, out):
        return None
    return _planned(cupy.cuda.runtime.getDevice(), left, right, out, cupy.dtype(dtype).name)


@functools.cache
def _bindings() -> Any:
    """nvmath's cuBLASLt, if it is installed."""
    try:
        return importlib.import_module("nvmath.bindings.cublasLt")
    except ImportError:
        return None


@functools.cache
def _handle(device: int) -> int:
    return int(_bindings().create())


@functools.lru_cache(maxsize=256)
def _planned(
    device: int, left: cublaslt.Operand, right: cublaslt.Operand, out: tuple[int, ...], dtype: str
) -> cublaslt.Plan:
    def stream() -> int:
        return int(cupy.cuda.get_current_stream().ptr)

    made = cublaslt.Plan(_bindings(), _handle(device), left, right, out, dtype, stream)
    cublaslt.tried(sys.modules[__name__], made, left, right, out, dtype)
    return made
