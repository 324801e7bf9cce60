"""Matrix products by cuBLASLt through nvmath-python: planned once, run on addresses, captured.

CuPy's own products go through a cuBLAS handle whose workspace belongs to a stream, and are refused
while one is captured; a plan of cuBLASLt gets its workspace, and all else, from its caller.
"""

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

WORKSPACE = 32 * 2**20
"""Bytes that a product may use besides, as NVIDIA advises for its larger GPUs."""
ALIGNMENT = 16
"""Bytes that divide every address: see `polygrad.compile.cuda.host`."""
# Numbers of cublas_api.h and library_types.h. Plain single precision, as CuPy's products have it,
# not TF32.
_COMPUTE = {"float32": 68, "float64": 70}
_TYPES = {"float32": 0, "float64": 1}
_NONE, _TRANSPOSE = 0, 1

Operand = tuple[tuple[int, ...], bool]
"""The shape of an array in C order, and whether its last two axes are exchanged."""


class Plan:
    """A product of arrays in C order; ``lt`` is nvmath.bindings.cublasLt, or stands for it.

    cuBLASLt takes the rows of a matrix in C order for columns. So it is asked for the transpose of
    the answer: the right operand by the left one, each of them transposed as it lies there.
    """

    def __init__(
        self, lt: Any, handle: int, left: Operand, right: Operand, out: tuple[int, ...],
        dtype: str, stream: Callable[[], int],
    ) -> None:  # fmt: skip
        self._lt, self._handle, self._stream = lt, handle, stream
        self.called = False
        kind = _TYPES[dtype]
        self._one, self._zero = np.ones(1, dtype), np.zeros(1, dtype)
        self._product = lt.matmul_desc_create(_COMPUTE[dtype], kind)
        self._layouts: list[int] = []
        finalizer = weakref.finalize(self, _destroy, lt, self._product, self._layouts)
        finalizer.atexit = False  # the GPU may be gone by then
        attributes = lt.MatmulDescAttribute
        for attribute, (_, flip) in ((attributes.TRANSA, right), (attributes.TRANSB, left)):
            self._set("matmul_desc", self._product, attribute, _TRANSPOSE if flip else _NONE)
        for shape in (right[0], left[0], out):
            self._layouts.append(self._layout(kind, shape, out))
        a, b, c = self._layouts
        preference = lt.matmul_preference_create()
        try:
            options = lt.MatmulPreferenceAttribute
            self._set("matmul_preference", preference, options.MAX_WORKSPACE_BYTES, WORKSPACE)
            for name in "ABCD":
                aligned = getattr(options, f"MIN_ALIGNMENT_{name}_BYTES")
                self._set("matmul_preference", preference, aligned, ALIGNMENT)
            self._found = np.zeros(1, lt.matmul_heuristic_result_dtype)
            count = np.zeros(1, np.int32)
            lt.matmul_algo_get_heuristic(
                handle, self._product, a, b, c, c, preference, 1, self._found.ctypes.data,
                count.ctypes.data,
            )  # fmt: skip
        finally:
            lt.matmul_preference_destroy(preference)
        if count[0] == 0:
            raise RuntimeError(f"cuBLASLt has no algorithm for {left} by {right} in {dtype}")
        self.workspace = int(self._found["workspace_size"][0])

    def _set(self, kind: str, what: int, attribute: int, value: int) -> None:
        dtype = getattr(self._lt, f"get_{kind}_attribute_dtype")(attribute)
        number = np.array([value], dtype)
        name = f"{kind}_set_attribute"
        getattr(self._lt, name)(what, attribute, number.ctypes.data, number.nbytes)

    def _layout(self, kind: int, shape: tuple[int, ...], out: tuple[int, ...]) -> int:
        rows, columns = shape[-1], shape[-2]
        made: int = self._lt.matrix_layout_create(kind, rows, columns, rows)
        batch = int(np.prod(out[:-2]))
        if batch != 1:
            names = self._lt.MatrixLayoutAttribute
            self._set("matrix_layout", made, names.BATCH_COUNT, batch)
            step = 0 if int(np.prod(shape[:-2])) == 1 else rows * columns
            self._set("matrix_layout", made, names.STRIDED_BATCH_OFFSET, step)
        return made

    def __call__(self, left: int, right: int, out: int, workspace: int) -> None:
        """Start it in the current stream; arguments are addresses."""
        a, b, c = self._layouts
        self._lt.matmul(
            self._handle, self._product, self._one.ctypes.data, right, a, left, b,
            self._zero.ctypes.data, out, c, out, c, self._found.ctypes.data, workspace,
            self.workspace, self._stream(),
        )  # fmt: skip
        self.called = True


def fits(left: Operand, right: Operand, out: tuple[int, ...]) -> bool:
    """Whether the leading axes of each operand are all there, or none of them is."""
    batch = out[:-2]
    for shape, _ in (left, right):
        own = (1,) * (len(batch) - len(shape) + 2) + shape[:-2]
        if own != batch and any(n != 1 for n in own):
            return False
    return True


def small(
    left: Operand, right: Operand, out: tuple[int, ...]
) -> tuple[Operand, Operand, tuple[int, ...]]:
    """A product of the same kind: as many axes, transposed alike, of short lengths."""
    *batch, m, n = out
    k = left[0][-2 if left[1] else -1]
    # Lengths that differ tell one axis from another.
    lengths = min(m, 24), min(k, 40), min(n, 56)

    def side(operand: Operand, rows: int, columns: int) -> Operand:
        shape, flip = operand
        own = [min(length, 3) for length in shape[:-2]]
        return (*own, *((columns, rows) if flip else (rows, columns))), flip

    m, k, n = lengths
    return side(left, m, k), side(right, k, n), (*[min(b, 3) for b in batch], m, n)


def tried(
    host: Any, plan: Plan, left: Operand, right: Operand, out: tuple[int, ...], dtype: str
) -> None:
    """Capture a plan and compare its answer with that of ``host.product``; raises where it differs.

    The numbers are small multiples of 1/16, whose sums are exact in any order.
    """
    arrays = [host.asarray(_pattern(shape, dtype)) for shape, _ in (left, right)]
    found, expected = host.empty(out, dtype), host.empty(out, dtype)
    workspace = host.buffer(max(plan.workspace, 1))
    places = [host.address(x) for x in (*arrays, found, workspace)]
    if not plan.called:
        plan(*places)  # what it loads the first time cannot be loaded while capturing
    host.capture(lambda: plan(*places))()
    flipped = [x.mT if flip else x for x, (_, flip) in zip(arrays, (left, right), strict=True)]
    host.product(*flipped, expected)
    largest = float(abs(found - expected).max())
    if not largest <= 1e-5 * float(abs(expected).max()):
        raise ArithmeticError(
            f"a captured product of shape {out} differs from cuBLAS by {largest:g}"
        )


def _pattern(shape: tuple[int, ...], dtype: str) -> Any:
    numbers = np.arange(int(np.prod(shape)), dtype=np.int64)
    return ((numbers * 7919 % 31 - 15) / 16).astype(dtype).reshape(shape)


def _destroy(lt: Any, product: int, layouts: list[int]) -> None:
    lt.matmul_desc_destroy(product)
    for layout in layouts:
        lt.matrix_layout_destroy(layout)
