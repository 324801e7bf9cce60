"""How programs of kernels run on CuPy: compiled by NVRTC, captured in CUDA graphs.

CuPy refuses cuBLAS while a stream is captured. With nvmath-python, products are captured by
cuBLASLt; without it, those that are too large for a generated kernel stay outside of the graphs.
"""

import contextlib
import functools
import gc
import importlib
import sys
import threading
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import cupy

from polygrad.backends import cublaslt, cupy_compiler
from polygrad.backends.cupy import borrowed

LANGUAGE = "cuda"
"""Programs are made of kernels: see `polygrad.compile.cuda`."""


def on(device: Any) -> Any:
    """A block in which a device is the current one."""
    return cupy.cuda.Device(device.id)  # a device object holds one block at a time


def place() -> Hashable:
    """The current device, and the stream of this thread on it."""
    device, stream = cupy.cuda.runtime.getDevice(), cupy.cuda.get_current_stream().ptr
    # Streams of one number: with per-thread default streams each thread has its own behind it.
    return device, stream, threading.get_ident() if stream == 2 else 0


def load(source: str, names: Sequence[str], kept: Any) -> dict[str, Any]:
    """Compiled kernels by name; their code is loaded, which is refused while capturing."""
    return cupy_compiler.load(source, names, cupy.cuda.Device().compute_capability, kept)


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
            with contextlib.suppress(Exception):  # which only says that the capture is broken
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
    """The array in C order, where the GPU can read its elements."""
    if array.data.ptr % array.itemsize:
        return _aligned(array)
    return cupy.ascontiguousarray(array).reshape(array.shape)


def _aligned(array: Any) -> Any:
    """A copy of an array whose address its elements' size does not divide: a GPU cannot read it."""
    if not array.flags.c_contiguous:
        raise ValueError(
            f"an array at an address that {array.itemsize}, the size of its elements, does not "
            "divide, with steps between them: no kernel can read it; copy its bytes first"
        )
    found = cupy.empty(array.shape, array.dtype)
    found.data.copy_from_device_async(array.data, array.nbytes)
    return found


def asarray(x: Any) -> Any:
    """An array on the current device."""
    return cupy.asarray(x)


def copy(array: Any) -> Any:
    """A copy in C order."""
    return cupy.array(array, order="C")


def own(array: Any, others: Sequence[Any]) -> Any:
    """The array, or a copy where it is a view or one of ``others``."""
    mine = array.base is None and array.flags.owndata and not borrowed(array)
    return array if mine and not any(array is other for other in others) else copy(array)


def may_write(array: Any) -> bool:
    """Whether a donated array's memory is CuPy's to give away."""
    return not borrowed(array)


def product(a: Any, b: Any, out: Any) -> None:
    """A product by cuBLAS."""
    if a.ndim == 2 and b.ndim in (1, 2):
        cupy.dot(a, b, out=out)
    else:
        cupy.matmul(a, b, out=out)


def plan(
    left: cublaslt.Operand, right: cublaslt.Operand, out: tuple[int, ...], dtype: Any
) -> cublaslt.Plan | None:
    """A product by cuBLASLt; None without nvmath. One of its kind was compared with cuBLAS."""
    if _bindings() is None or not cublaslt.fits(left, right, out):
        return None
    device, name = cupy.cuda.runtime.getDevice(), cupy.dtype(dtype).name
    _tried(device, *cublaslt.small(left, right, out), name)
    return _planned(device, left, right, out, name)


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

    return cublaslt.Plan(_bindings(), _handle(device), left, right, out, dtype, stream)


@functools.cache
def _tried(
    device: int, left: cublaslt.Operand, right: cublaslt.Operand, out: tuple[int, ...], dtype: str
) -> None:
    made = _planned(device, left, right, out, dtype)
    cublaslt.tried(sys.modules[__name__], made, left, right, out, dtype)


# -- memory ----------------------------------------------------------------------------------------


def lacks_memory(error: BaseException) -> bool:
    """Whether an error says that the GPU's memory does not suffice."""
    return isinstance(error, cupy.cuda.memory.OutOfMemoryError)


def give_memory_back() -> None:
    """Give what CuPy's pools keep for new arrays back to the GPU."""
    gc.collect()  # arrays that only a cycle of references holds
    cupy.get_default_memory_pool().free_all_blocks()


def shortage(error: BaseException) -> str:
    """Who has the memory of the current GPU, and what to do."""
    device, pool = cupy.cuda.Device(), cupy.get_default_memory_pool()
    free, total = device.mem_info
    used, kept = pool.used_bytes(), pool.free_bytes()
    others = max(total - free - used - kept, 0)
    parts = [
        f"of the {_gib(total)} of GPU {device.id}, arrays of this process use {_gib(used)}",
        f"its pool keeps {_gib(kept)} of freed memory",
        f"{_gib(others)} are used by other libraries, other processes and CUDA itself",
        f"{_gib(free)} are free",
    ]
    limit = pool.get_limit()
    if limit:
        parts.append(f"CuPy's pool is limited to {_gib(limit)} (CUPY_GPU_MEMORY_LIMIT)")
    return (
        f"out of GPU memory ({error}): {', '.join(parts)}. Freeing what the pool keeps did not "
        "suffice. Try smaller batches, pg.checkpoint around parts of the model, donate_argnums of "
        "pg.jit for what is replaced by the results, float32; let go of arrays and compiled "
        "functions that are not needed any more"
    )


def _gib(nbytes: int) -> str:
    return f"{nbytes / 2**30:.2f} GiB"
