"""What backends/cupy_compiler.py asks of NVRTC, and what it keeps; without a GPU."""

import pytest
from test_cuda_kernels import nvrtc

from polygrad.compile.native import cache

__all__ = ["nvrtc"]  # a fixture
pytestmark = pytest.mark.backends  # which installs CuPy and NVRTC
SOURCE = """
extern "C" __global__ void k(float* p, const float* q) {
  p[0] = p[0] * q[0] + q[1]; p[1] = p[1] / q[1]; p[2] = sqrtf(p[2]);
}
"""


@pytest.fixture
def compiler(nvrtc, monkeypatch, tmp_path):
    from polygrad.backends import cupy_compiler

    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    return cupy_compiler


def test_operations_round_one_by_one_and_keep_small_numbers(compiler):
    """CuPy's own list of options has -ftz=true behind all others."""
    text = compiler.binary(SOURCE, "9999", cache).decode()  # of no GPU that NVRTC knows: PTX
    assert ".ftz" not in text
    assert "fma" not in text
    assert "mul.f32" in text or "mul.rn.f32" in text
    assert "div.rn.f32" in text
    assert "sqrt.rn.f32" in text


@pytest.mark.parametrize("capability", ["80", "90"])
def test_code_is_machine_code_and_kept(compiler, capability, monkeypatch):
    found = compiler.binary(SOURCE, capability, cache)
    assert found[:4] == b"\x7fELF"
    monkeypatch.setattr(compiler, "_compiled", None)
    assert compiler.binary(SOURCE, capability, cache) == found
    with pytest.raises(TypeError):
        compiler.binary(SOURCE + " ", capability, cache)


def test_what_nvrtc_says_is_in_the_error(compiler):
    with pytest.raises(compiler.CompileError, match='identifier "nonsense" is undefined'):
        compiler.binary('extern "C" __global__ void k(int* p) { *p = nonsense; }', "80", cache)
