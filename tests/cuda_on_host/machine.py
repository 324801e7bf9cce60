"""A host for CUDA programs that compiles their kernels with a C++ compiler and runs them here.

It stands for backends/cupy_program.py in tests on machines without a GPU: memory is NumPy's, a
captured graph is the list of launches, which are made again. What a call launched is written down.
"""

import contextlib
import ctypes
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from polygrad.backends import cublaslt

HERE = Path(__file__).parent
COMPILER = shutil.which("g++") or shutil.which("c++") or shutil.which("clang++")
_HEAD = re.compile(r'extern "C" __global__ void (\w+)\((.*?)\) \{')
_FLOATS = ("double",)
_SHARED = re.compile(r"__shared__ ([a-z ]+) \w+((?:\[\d+\])+);")
_BYTES = {
    "bool": 1, "signed char": 1, "unsigned char": 1, "short": 2, "unsigned short": 2, "int": 4,
    "unsigned int": 4, "float": 4, "long long": 8, "unsigned long long": 8, "double": 8,
}  # fmt: skip
SHARED = 48 * 1024
"""Bytes of shared memory that a block may declare."""
PARAMETERS = 4096
"""Bytes of a kernel's parameters."""


def waiting(source):
    """The kernels whose threads wait for each other."""
    kernels = source.split('extern "C" __global__ void ')[1:]
    wait = ("__syncthreads", "pg_down(")
    return {text.partition("(")[0] for text in kernels if any(w in text for w in wait)}


def check_bounds(source):
    """What a GPU refuses: too much shared memory, too many bytes of parameters."""
    for kernel in source.split('extern "C" __global__ void ')[1:]:
        shared = sum(
            _BYTES[kind] * int(np.prod([int(n) for n in re.findall(r"\[(\d+)\]", sides)]))
            for kind, sides in _SHARED.findall(kernel)
        )
        assert shared <= SHARED, (shared, kernel)
        parameters = kernel.partition("(")[2].partition(")")[0]
        assert 8 * len(parameters.split(", ")) <= PARAMETERS, kernel


def on_host(source, folder, optimise="-O1"):
    """The library of a source, with a function ``run_NAME(gx, gy, threads, ...)`` a kernel."""
    check_bounds(source)
    runners, waits = [], waiting(source)
    for name, parameters in _HEAD.findall(source):
        names = [p.split()[-1].lstrip("*") for p in parameters.split(", ") if p]
        together = "true" if name in waits else "false"
        fields = "".join(f"{p}; " for p in parameters.split(", "))
        given = ", ".join(f"now_{name}->{n}" for n in names)
        runners.append(
            f"struct Of_{name} {{ {fields}}}; static Of_{name}* now_{name};\n"
            f'extern "C" void run_{name}(int gx, int gy, int threads, {parameters}) {{\n'
            f"  Of_{name} now = {{{', '.join(names)}}}; now_{name} = &now;\n"
            f"  body = [] {{ {name}({given}); }}; run_grid(gx, gy, threads, {together});\n}}\n"
        )
    file = Path(folder) / "kernels.cpp"
    file.write_text('#include "shim.h"\n' + source + "".join(runners))
    out = file.with_suffix(".so")
    command = [COMPILER, "-std=c++17", optimise, "-ffp-contract=off", "-shared", "-fPIC",
               "-U_FORTIFY_SOURCE", f"-I{HERE}", str(file), "-o", str(out)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:3000] + source
    return ctypes.CDLL(str(out)), dict(_HEAD.findall(source))


class Machine:
    """See `polygrad.compile.cuda.host.Host`.

    ``products`` stand for nvmath's bindings of cuBLASLt, if given: see `cublaslt.py`.
    """

    LANGUAGE = "cuda"

    def __init__(self, captures=True, optimise="-O1", products=None):
        self.captures, self.optimise, self.products = captures, optimise, products
        self.log = []  # names of kernels, "product", "planned", "graph"
        self.recording = None
        self.stream = 0
        self.borrowed = object()  # another library's memory
        self.tried, self.plans = set(), {}

    def on(self, device):
        return contextlib.nullcontext()

    def place(self):
        return self.stream

    def load(self, source, names, kept=None):
        with tempfile.TemporaryDirectory() as folder:
            library, heads = on_host(source, folder, self.optimise)
        found = {}
        for name in names:
            function = getattr(library, f"run_{name}")
            kinds = [
                ctypes.c_double if "*" not in p and p.startswith(_FLOATS) else ctypes.c_longlong
                for p in heads[name].split(", ") if p
            ]  # fmt: skip
            function.argtypes = [ctypes.c_int] * 3 + kinds
            function.restype = None
            found[name] = function, name
        return found

    def launch(self, kernel, grid, threads, args):
        assert grid[0] > 0
        assert 0 < grid[1] < 65536
        assert all(type(x) is float or -(2**63) <= x < 2**63 for x in args)
        if self.recording is not None:
            self.recording.append(lambda: self.launch(kernel, grid, threads, args))
            return
        function, name = kernel
        self.log.append(name)
        function(*grid, threads, *args)

    def capture(self, start):
        if not self.captures:
            raise RuntimeError("operation not permitted when stream is capturing")
        self.recording = []
        try:
            start()
        finally:
            made, self.recording = self.recording, None

        def replay():
            self.log.append("graph")
            for start in made:
                start()

        return replay

    def buffer(self, nbytes):
        return np.full(nbytes, 0xA5, np.uint8)  # whatever was there

    def array_in(self, memory, shape, dtype):
        return np.ndarray(shape, dtype, memory)

    def empty(self, shape, dtype):
        return self.buffer(max(int(np.prod(shape)) * np.dtype(dtype).itemsize, 1))[
            : int(np.prod(shape)) * np.dtype(dtype).itemsize
        ].view(dtype).reshape(shape)  # fmt: skip

    def address(self, array):
        return array.ctypes.data

    def in_order(self, array):
        return np.ascontiguousarray(array).reshape(array.shape)

    def asarray(self, x):
        return np.asarray(x)

    def copy(self, array):
        return np.array(array, order="C")

    def own(self, array, others):
        return array if array.base is None and array.flags.owndata else np.array(array)

    def may_write(self, array):
        return array.flags.owndata or array.base is not self.borrowed

    def product(self, a, b, out):
        assert self.recording is None, "cuBLAS cannot be captured"
        self.log.append("product")
        np.matmul(a, b, out=out)

    def current(self):
        """The stream that work is given to: a capture has one of its own."""
        return self.stream if self.recording is None else -1

    def plan(self, left, right, out, dtype):
        if self.products is None or not cublaslt.fits(left, right, out):
            return None
        dtype = np.dtype(dtype).name
        kind = (*cublaslt.small(left, right, out), dtype)
        if kind not in self.tried:
            self.tried.add(kind)
            cublaslt.tried(self, self._plan(*kind), *kind)
        return self._plan(left, right, out, dtype)

    def _plan(self, *kind):
        if kind not in self.plans:
            handle = self.products.create()
            self.plans[kind] = cublaslt.Plan(self.products, handle, *kind, self.current)
        return self.plans[kind]

    def lacks_memory(self, error):
        return isinstance(error, MemoryError)

    def give_memory_back(self):
        self.log.append("give back")

    def shortage(self, error):
        return f"out of memory ({error}): all of it is used; try less"
