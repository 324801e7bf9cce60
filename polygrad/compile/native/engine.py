"""LLVM: from assembly to machine code of this processor, in memory."""

import contextlib
import functools
import importlib.util
from collections.abc import Iterator
from typing import Any

from polygrad import locks
from polygrad.errors import MissingPackageError

_lock = locks.new()
OPTIONS = "vectorise interleave"
"""What passes do, in words: part of the name of code on disk."""


@functools.cache
def binding() -> Any:
    """llvmlite's binding, set up."""
    try:
        import llvmlite.binding as llvm
    except ImportError:
        raise MissingPackageError(
            "native code needs the package llvmlite: install the extra 'fast'"
        ) from None
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    llvm.initialize_native_asmparser()
    return llvm


def available() -> bool:
    """Whether llvmlite is installed."""
    return importlib.util.find_spec("llvmlite") is not None


def version() -> str:
    """The versions of llvmlite and LLVM."""
    import llvmlite

    return f"{llvmlite.__version__} {binding().llvm_version_info}"


@functools.cache
def processor() -> tuple[str, str]:
    """The name of this processor and its features."""
    llvm = binding()
    return llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()


def has_feature(name: str) -> bool:
    """Whether the processor has a feature, by LLVM's name for it."""
    return f"+{name}" in processor()[1].split(",")


def lanes(bits: int) -> int:
    """How many numbers of so many bits a vector register holds."""
    width = 512 if has_feature("avx512f") else 256 if has_feature("avx") else 128
    return width // bits


def _machine() -> Any:
    llvm = binding()
    name, features = processor()
    target = llvm.Target.from_default_triple()
    return target.create_target_machine(
        cpu=name, features=features, opt=3, jit=True, reloc="pic", codemodel="jitdefault"
    )


def compile_object(text: str) -> bytes:
    """The object code of a module; the interpreter is not held up meanwhile."""
    llvm = binding()
    with _at_work():
        machine = _machine()
        module = llvm.parse_assembly(text)
        module.triple = llvm.get_default_triple()
        module.data_layout = str(machine.target_data)
        module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    # Straight-line vectorising and unrolling triple the time this takes, and gain nothing.
    options.loop_vectorization = options.loop_interleaving = True
    options.slp_vectorization = options.loop_unrolling = False
    with _at_work():
        builder = llvm.create_pass_builder(machine, options)
        builder.getModulePassManager().run(module, builder)
    with _at_work():
        return bytes(machine.emit_object(module))


_working = locks.new()
_closed = False


@contextlib.contextmanager
def _at_work() -> Iterator[None]:
    """A step of LLVM, which the end of the process waits for: it would crash in the middle."""
    with _working:
        if _closed:
            raise RuntimeError("the process ends")
        yield


def close() -> None:
    """Wait for the step that LLVM is at, and let it begin no other."""
    global _closed
    _closed = True
    with _working:
        pass


class Loaded:
    """Object code in memory; it stays there as long as this does."""

    def __init__(self, code: bytes) -> None:
        llvm = binding()
        with _lock, _at_work():
            empty = llvm.parse_assembly("")
            self._engine = llvm.create_mcjit_compiler(empty, _machine())
            self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
            self._engine.finalize_object()

    def function(self, name: str) -> int:
        """The address of a function."""
        return int(self._engine.get_function_address(name))

    def variable(self, name: str) -> int:
        """The address of a global variable."""
        return int(self._engine.get_global_value_address(name))
