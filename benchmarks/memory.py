"""Peak memory of the backward pass of a 20-layer network, polygrad beside PyTorch.

Each library runs in processes of its own, with and without checkpoints. What counts is how far
the gradient raises the resident memory of the process at its peak, above what is in use with the
parameters and the data in place. It is the second gradient that is measured, for the first loads
code and tables, and freed arrays go back to the system at once (MALLOC_MMAP_THRESHOLD_). Medians
of several processes; the libraries' gradients are compared. Linux only.

    python -m benchmarks.memory
"""

import argparse
import gc
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

LAYERS, WIDTH, BATCH, EVERY = 20, 512, 2048, 5
LIBRARIES = ("polygrad", "torch")
MIB = 2**20


def data() -> tuple[list[Any], Any]:
    """Weights, biases and a batch, in single precision."""
    rng = np.random.default_rng(0)
    params = []
    for _ in range(LAYERS):
        w = rng.standard_normal((WIDTH, WIDTH), dtype=np.float32)
        w /= WIDTH**0.5
        params.append((w, np.zeros(WIDTH, np.float32)))
    return params, rng.standard_normal((BATCH, WIDTH), dtype=np.float32)


def segments(params: list[Any]) -> list[list[Any]]:
    """The layers between two checkpoints."""
    return [params[i : i + EVERY] for i in range(0, LAYERS, EVERY)]


def polygrad(params: list[Any], x: Any, checkpoint: bool) -> Callable[[], list[Any]]:
    """The gradient by polygrad, as NumPy arrays: the weights' and biases' in turn."""
    import polygrad as pg

    def layers(part: Any, h: Any) -> Any:
        for w, b in part:
            h = pg.tanh(h @ w + b)
        return h

    def loss(params: Any, x: Any) -> Any:
        run = pg.checkpoint(layers) if checkpoint else layers
        for part in segments(params):
            x = run(part, x)
        return pg.mean(x**2)

    gradient = pg.grad(loss)
    return lambda: [g for pair in gradient(params, x) for g in pair]


def torch(params: list[Any], x: Any, checkpoint: bool) -> Callable[[], list[Any]]:
    """The gradient by PyTorch."""
    import torch
    from torch.utils.checkpoint import checkpoint as keep

    def layers(part: Any, h: Any) -> Any:
        for w, b in part:
            h = torch.tanh(h @ w + b)
        return h

    def gradient(params: Any, x: Any) -> list[Any]:
        leaves = [torch.from_numpy(a).requires_grad_() for pair in params for a in pair]
        h = torch.from_numpy(x)
        for part in segments(list(zip(leaves[::2], leaves[1::2], strict=True))):
            h = keep(layers, part, h, use_reentrant=False) if checkpoint else layers(part, h)
        torch.mean(h**2).backward()
        return [leaf.grad.numpy() for leaf in leaves]

    return lambda: gradient(params, x)


def measure(library: str, checkpoint: bool) -> dict[str, float]:
    """In a process of its own: MiB above the start, and the norm of the gradient."""
    run = globals()[library](*data(), checkpoint)
    run()
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # forgets the peak
    before = resident("VmRSS")
    gradient = run()
    after = resident("VmHWM")
    squares = [float(np.sum(g.astype(np.float64) ** 2)) for g in gradient]
    return {"mib": after - before, "norm": sum(squares) ** 0.5}


def resident(name: str) -> float:
    """Resident memory of this process in MiB: now (VmRSS), or at its peak (VmHWM)."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    raise LookupError(name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3, help="processes for each figure")
    parser.add_argument("--only", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        print(json.dumps(measure(options.only[0], options.only[1] == "True")))
        return
    one = BATCH * WIDTH * 4 / MIB
    weights = LAYERS * (WIDTH + 1) * WIDTH * 4 / MIB
    print(
        f"{LAYERS} layers of {WIDTH}, batch {BATCH}, float32: {one:.0f} MiB for the output of a "
        f"layer, {weights:.0f} MiB for the gradients"
    )
    norms = []
    for checkpoint in (False, True):
        figures = {}
        for library in LIBRARIES:
            command = [sys.executable, "-m", "benchmarks.memory", "--only", library]
            runs = []
            for _ in range(options.runs):
                done = subprocess.run(
                    [*command, str(checkpoint)],
                    capture_output=True,
                    text=True,
                    env={**os.environ, "MALLOC_MMAP_THRESHOLD_": "131072"},
                )
                if done.returncode:
                    sys.exit(done.stderr)
                runs.append(json.loads(done.stdout))
            figures[library] = statistics.median(run["mib"] for run in runs)
            norms += [run["norm"] for run in runs]
        what = f"a checkpoint every {EVERY} layers" if checkpoint else "without checkpoints"
        shown = ", ".join(f"{name} {mib:.0f} MiB" for name, mib in figures.items())
        ratio = figures["polygrad"] / figures["torch"]
        print(f"{what}: {shown} ({ratio:.2f} of torch)")
    assert np.allclose(norms, norms[0], rtol=1e-4), "the libraries' gradients differ"


if __name__ == "__main__":
    main()
