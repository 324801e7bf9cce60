"""Kernels compiled by NVRTC for the current GPU, kept on disk.

CuPy's own `RawModule` ends every list of options by ``-ftz=true``: in single precision, numbers
below 1.2e-38 in size would count as 0, which they do not on a CPU. So the source goes to NVRTC
itself, and CuPy loads what that makes. CuPy's own functions, op by op, still flush such numbers.
"""

from collections.abc import Sequence
from typing import Any

from cupy.cuda import function, nvrtc

OPTIONS = ("-std=c++17", "-fmad=false", "-ftz=false", "-prec-div=true", "-prec-sqrt=true")
"""Each operation rounds by itself, as on a CPU, and keeps what is too small for all its digits."""


class CompileError(Exception):
    """NVRTC refused a source; the message has what it says."""


def load(source: str, names: Sequence[str], capability: str, kept: Any) -> dict[str, Any]:
    """The kernels of a source, loaded on the current GPU, whose compute capability is given."""
    module = function.Module()
    module.load(binary(source, capability, kept))
    return {name: module.get_function(name) for name in names}


def binary(source: str, capability: str, kept: Any) -> bytes:
    """Machine code for a compute capability ("90"), or, for one that NVRTC does not know, PTX.

    ``kept`` has the functions `key`, `read` and `write` for what is on disk.
    """
    known = [str(number) for number in nvrtc.getSupportedArchs()]
    exact = capability in known
    best = max((n for n in known if int(n) <= int(capability)), key=int, default=known[0])
    options = [*OPTIONS, f"-arch=sm_{capability}" if exact else f"-arch=compute_{best}"]
    name = kept.key("cuda", source, repr(nvrtc.getVersion()), *options)
    found = kept.read(name)
    if found is None:
        found = _compiled(source, options, exact)
        kept.write(name, found)
    return found


def _compiled(source: str, options: Sequence[str], exact: bool) -> bytes:
    program = nvrtc.createProgram(source, "polygrad.cu", [], [])
    try:
        try:
            nvrtc.compileProgram(program, options)
        except nvrtc.NVRTCError as error:
            said = nvrtc.getProgramLog(program).strip()
            raise CompileError(f"{error}: {said[:2000]}") from error
        code = nvrtc.getCUBIN(program) if exact else nvrtc.getPTX(program)
    finally:
        nvrtc.destroyProgram(program)
    return code.encode() if isinstance(code, str) else bytes(code)
