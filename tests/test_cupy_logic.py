"""backends/cupy.py without a GPU: its logic on a stand-in, and what it says is missing.

The stand-in (tests/fake_cupy) follows CuPy's rules about devices over NumPy's numbers; that the
real CuPy does so too is for the tests marked ``gpu``.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FAKE = Path(__file__).parent / "fake_cupy"
QUICK = Path(__file__).parent / "without_peers"


def run(*command, gpus="2", **environment):
    path = os.pathsep.join([str(FAKE), str(QUICK)])
    return subprocess.run(
        [sys.executable, *command],
        env={**os.environ, "PYTHONPATH": path, "FAKE_CUPY_GPUS": gpus, **environment},
        capture_output=True,
        text=True,
    )


def test_logic_with_two_gpus():
    done = run(
        "-m", "pytest", "-q", "-p", "no:cacheprovider", "--noconftest", str(FAKE / "checks.py")
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_kernels_and_host_reads_of_eager_ops():
    path = str(FAKE / "counts.py")
    done = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "--noconftest", path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_one_gpu_needs_no_guard():
    code = (
        "import polygrad as pg; x = pg.ones(2, device='cuda'); b = x.device.backend\n"
        "print(b.guard, b.multi_device, pg.grad(lambda x: pg.sum(x * x))(x).tolist())"
    )
    done = run("-c", code, gpus="1")
    assert done.stdout.strip() == "None False [2.0, 2.0]", done.stderr


REASON = "import polygrad as pg; print(pg.backend.get_backend('cupy').unavailable())"


@pytest.mark.parametrize(
    ("gpus", "driver", "reason"),
    [
        ("1", "13000", "None"),
        ("0", "13000", "is installed, but no NVIDIA GPU was found"),
        ("cudaErrorInsufficientDriver: too old", "0", "but no CUDA driver was found (cudaError"),
        ("cudaErrorInsufficientDriver: too old", "12040", "is for CUDA 12.4, and it needs CUDA"),
        ("cudaErrorNoDevice: none", "13020", "no NVIDIA GPU can be used (cudaErrorNoDevice: none)"),
    ],
)
def test_the_reason_why_cupy_is_unavailable(gpus, driver, reason):
    done = run("-c", REASON, gpus=gpus, FAKE_CUPY_DRIVER=driver)
    assert reason in done.stdout, done.stdout + done.stderr
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            "raise ImportError('\\n=====\\nFailed to import CuPy.\\n\\nAdvice.\\n\\n"
            "Original error:\\n  ImportError: libcuda.so.1: not found\\n=====\\n')",
            "cannot be imported (ImportError: libcuda.so.1: not found): pip install",
        ),
        ("raise RuntimeError('broken\\nwheel')", "cannot be imported (broken wheel): pip install"),
    ],
)
def test_a_cupy_that_does_not_import(tmp_path, body, reason):
    (tmp_path / "cupy").mkdir()
    (tmp_path / "cupy" / "__init__.py").write_text(body)
    done = run("-c", REASON, PYTHONPATH=str(tmp_path))
    assert reason in done.stdout, done.stdout + done.stderr
    assert len(done.stdout.splitlines()) == 1


def test_no_cupy_at_all():
    code = (
        "import importlib.util as u; found = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'cupy' else found(name, *rest)\n"
    )
    done = run("-c", code + REASON, PYTHONPATH="")
    assert done.stdout.startswith("CuPy is not installed: pip install 'polygrad-xp[cuda13]'")


def test_nothing_is_allocated_or_even_imported_before_the_first_op():
    code = (
        "import sys, polygrad as pg\n"
        "x = pg.ones(3); pg.grad(lambda x: pg.sum(x * x))(x)\n"
        "assert 'cupy' not in sys.modules, 'a CPU computation imported CuPy'\n"
        "import cupy; cupy.ndarray.__init__ = None\n"
        "print([str(d) for d in pg.devices() if 'cuda' in str(d)], pg.set_device('cuda:1'))"
    )
    done = run("-c", code)
    assert done.stdout.strip() == "['cuda:0', 'cuda:1'] cuda:1", done.stderr
