"""Stands for nvmath.bindings.cublasLt: the same functions, on memory of the host.

Matrices are in column order, as cuBLASLt has them by default. `tests/test_cuda_captured.py`
compares names, parameters and numbers with those of the package, where it is installed.
"""

import ctypes
import enum

import numpy as np


class MatmulDescAttribute(enum.IntEnum):
    TRANSA = 3
    TRANSB = 4


class MatrixLayoutAttribute(enum.IntEnum):
    BATCH_COUNT = 5
    STRIDED_BATCH_OFFSET = 6


class MatmulPreferenceAttribute(enum.IntEnum):
    MAX_WORKSPACE_BYTES = 1
    MIN_ALIGNMENT_A_BYTES = 5
    MIN_ALIGNMENT_B_BYTES = 6
    MIN_ALIGNMENT_C_BYTES = 7
    MIN_ALIGNMENT_D_BYTES = 8


TYPES = {0: (np.float32, 68), 1: (np.float64, 70)}


class CublasLt:
    """The functions; ``machine`` is the host whose captures they take part in."""

    MatmulDescAttribute = MatmulDescAttribute
    MatrixLayoutAttribute = MatrixLayoutAttribute
    MatmulPreferenceAttribute = MatmulPreferenceAttribute
    matmul_heuristic_result_dtype = np.dtype([
        ("algo", [("data_", "<u8", (8,))]), ("workspace_size", "<u8"), ("state", "<i4"),
        ("waves_count", "<f4"), ("reserved", "<i4", (4,)),
    ])  # fmt: skip

    def __init__(self, machine=None, workspace=256, algorithms=1, wrong=False):
        self.machine, self.algorithms, self.wrong = machine, algorithms, wrong
        self.needs = workspace
        self.loaded = set()  # algorithms whose code has been loaded, by their first call
        self.made = {}  # descriptors by number

    def _new(self, kind, **fields):
        number = len(self.made) + 1
        self.made[number] = {"kind": kind, **fields}
        return number

    def _of(self, number, kind):
        found = self.made[number]
        assert found["kind"] == kind
        return found

    def _destroy(self, number, kind):
        assert self.made[number]["kind"] == kind
        self.made[number] = {"kind": "destroyed"}

    def create(self):
        return self._new("handle")

    def matmul_desc_create(self, compute_type, scale_type):
        assert TYPES[scale_type][1] == compute_type
        return self._new("product", type=scale_type)

    def matmul_desc_destroy(self, matmul_desc):
        self._destroy(matmul_desc, "product")

    def matrix_layout_create(self, type, rows, cols, ld):
        return self._new("layout", type=type, rows=rows, cols=cols, ld=ld)

    def matrix_layout_destroy(self, mat_layout):
        self._destroy(mat_layout, "layout")

    def matmul_preference_create(self):
        return self._new("preference")

    def matmul_preference_destroy(self, pref):
        self._destroy(pref, "preference")

    def get_matmul_desc_attribute_dtype(self, attr):
        return {3: np.int32, 4: np.int32}[attr]

    def get_matrix_layout_attribute_dtype(self, attr):
        return {5: np.int32, 6: np.int64}[attr]

    def get_matmul_preference_attribute_dtype(self, attr):
        return np.uint64 if attr == 1 else np.uint32

    def matmul_desc_set_attribute(self, matmul_desc, attr, buf, size_in_bytes):
        assert size_in_bytes == 4
        self._of(matmul_desc, "product")[attr] = ctypes.c_int32.from_address(buf).value

    def matrix_layout_set_attribute(self, mat_layout, attr, buf, size_in_bytes):
        kind = {4: ctypes.c_int32, 8: ctypes.c_int64}[size_in_bytes]
        self._of(mat_layout, "layout")[attr] = kind.from_address(buf).value

    def matmul_preference_set_attribute(self, pref, attr, buf, size_in_bytes):
        kind = {4: ctypes.c_uint32, 8: ctypes.c_uint64}[size_in_bytes]
        self._of(pref, "preference")[attr] = kind.from_address(buf).value

    def matmul_algo_get_heuristic(
        self, light_handle, operation_desc, adesc, bdesc, cdesc, ddesc, preference,
        requested_algo_count, heuristic_results_array, return_algo_count,
    ):  # fmt: skip
        assert self.made[light_handle]["kind"] == "handle"
        options = self._of(preference, "preference")
        assert options[MatmulPreferenceAttribute.MAX_WORKSPACE_BYTES] >= self.needs
        assert all(options[n] == 16 for n in (5, 6, 7, 8))
        assert requested_algo_count == 1
        self._shapes(operation_desc, adesc, bdesc, cdesc, ddesc)
        ctypes.c_int32.from_address(return_algo_count).value = self.algorithms
        memory = (ctypes.c_char * self.matmul_heuristic_result_dtype.itemsize).from_address(
            heuristic_results_array
        )
        result = np.frombuffer(memory, self.matmul_heuristic_result_dtype)
        result["algo"]["data_"][:] = 7
        result["workspace_size"] = self.needs

    def _shapes(self, operation, a, b, c, d):
        """The operands as (rows, columns), after their transposition."""
        product, c = self._of(operation, "product"), self._of(c, "layout")
        found = []
        for number, attribute in ((a, 3), (b, 4)):
            one = self._of(number, "layout")
            assert one["type"] == product["type"] and one["ld"] >= one["rows"]  # noqa: PT018
            shape = one["rows"], one["cols"]
            found.append(shape[::-1] if product[attribute] else shape)
        assert found[0][1] == found[1][0], "the inner lengths"
        assert (found[0][0], found[1][1]) == (c["rows"], c["cols"]), "the answer"
        assert self.made[d] is c
        return product, c

    def _matrices(self, number, address):
        """A batch of matrices at an address, a new array of views for each."""
        layout = self._of(number, "layout")
        dtype, size = np.dtype(TYPES[layout["type"]][0]), layout["ld"] * layout["cols"]
        for i in range(layout.get(5, 1)):
            start = address + i * layout.get(6, 0) * dtype.itemsize
            memory = (ctypes.c_char * (size * dtype.itemsize)).from_address(start)
            flat = np.frombuffer(memory, dtype).reshape(layout["cols"], layout["ld"])
            yield flat[:, : layout["rows"]].T

    def matmul(
        self, light_handle, compute_desc, alpha, a, adesc, b, bdesc, beta, c, cdesc, d, ddesc,
        algo, workspace, workspace_size_in_bytes, stream,
    ):  # fmt: skip
        product, _ = self._shapes(compute_desc, adesc, bdesc, cdesc, ddesc)
        assert all(address % 16 == 0 for address in (a, b, c, d))
        assert stream == (0 if self.machine is None else self.machine.current())
        number = {0: ctypes.c_float, 1: ctypes.c_double}[product["type"]]
        assert number.from_address(alpha).value == 1
        assert number.from_address(beta).value == 0
        assert ctypes.c_uint64.from_address(algo).value == 7
        assert workspace_size_in_bytes >= self.needs and (workspace or not self.needs)  # noqa: PT018

        def run():
            if self.machine is not None:
                self.machine.log.append("planned")
            answers = self._matrices(ddesc, d)
            for x, y, out in zip(
                self._matrices(adesc, a), self._matrices(bdesc, b), answers, strict=True
            ):
                x, y = x.T if product[3] else x, y.T if product[4] else y
                out[...] = x @ y + self.wrong
            if self.needs:
                ctypes.memset(workspace, 0x5A, self.needs)

        if self.machine is not None and self.machine.recording is not None:
            assert algo in self.loaded, "loading code is not permitted while capturing"
            self.machine.recording.append(run)
        else:
            self.loaded.add(algo)
            run()
