"""What a Hessian-vector product costs, in forward passes: polygrad beside JAX and PyTorch.

Three functions: the loss of a network of MNIST's size by its weights, and by its inputs, and a
sum of elementwise functions of a million numbers. Each library times its own forward pass, its
gradient and its product in turn, on one thread, call after call, so that what else the machine
does meets all of them; the figures are medians of ratios to the forward pass. The products of the
libraries are compared.

    python -m benchmarks.hvp
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when the libraries load
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault(
    "XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
)

import argparse
import functools
import importlib.util
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

SIZES, BATCH, ELEMENTS = (784, 256, 128, 10), 128, 1_000_000
CASES = ("MLP by its weights", "MLP by its inputs", "elementwise")
Runs = dict[str, Callable[[], Any]]  # forward, gradient, product
Library = Callable[[str, Any, Any], Runs]


def data(case: str) -> tuple[Any, Any]:
    """What the function is differentiated by (a list of arrays), and the rest."""
    if case == "elementwise":
        x = np.random.default_rng(0).standard_normal(ELEMENTS, dtype=np.float32)
        return [x], None
    rng = np.random.default_rng(0)
    params = []
    for n_in, n_out in zip(SIZES, SIZES[1:], strict=False):
        w = rng.standard_normal((n_in, n_out), dtype=np.float32)
        params += [w * np.float32((2 / (n_in + n_out)) ** 0.5), np.zeros(n_out, np.float32)]
    x = rng.standard_normal((BATCH, SIZES[0]), dtype=np.float32)
    labels = rng.integers(0, SIZES[-1], BATCH)
    return (params, (x, labels)) if case == CASES[0] else ([x], (params, labels))


def directions(arrays: list[Any]) -> list[Any]:
    """The vector of the product."""
    rng = np.random.default_rng(2)
    return [rng.standard_normal(a.shape, dtype=np.float32) for a in arrays]


def function(case: str, xp: Any, cross_entropy: Callable[[Any, Any], Any]) -> Any:
    """The function of a list of arrays and the rest, in a library's own names."""

    def network(params: Any, h: Any, labels: Any) -> Any:
        for w, b in zip(params[:-2:2], params[1:-2:2], strict=True):
            h = xp.tanh(h @ w + b)
        return cross_entropy(h @ params[-2] + params[-1], labels)

    return {
        CASES[0]: lambda params, rest: network(params, *rest),
        CASES[1]: lambda x, rest: network(rest[0], x[0], rest[1]),
        CASES[2]: lambda x, _: xp.sum(xp.tanh(x[0]) * xp.exp(-x[0] * x[0])),
    }[case]


def polygrad(case: str, given: Any, rest: Any) -> Runs:
    """Eager, on NumPy arrays."""
    import polygrad as pg

    f = function(case, pg, lambda a, b: pg.mean(pg.nn.softmax_cross_entropy(a, b)))
    of_given, v = lambda x: f(x, rest), directions(given)
    return {
        "forward": lambda: f(given, rest),
        "gradient": lambda: pg.grad(of_given)(given),
        "product": lambda: pg.hvp(of_given, (given,), (v,))[0],
    }


def polygrad_jit(case: str, given: Any, rest: Any) -> Runs:
    """The same, compiled."""
    import polygrad as pg

    f = function(case, pg, lambda a, b: pg.mean(pg.nn.softmax_cross_entropy(a, b)))
    forward, gradient = pg.jit(f), pg.jit(pg.grad(f))
    product = pg.jit(lambda x, v, rest: pg.hvp(lambda x: f(x, rest), (x,), (v,))[0])
    v = directions(given)
    return {
        "forward": lambda: forward(given, rest),
        "gradient": lambda: gradient(given, rest),
        "product": lambda: product(given, v, rest),
    }


def _jax(case: str, given: Any, rest: Any, compiled: bool) -> Runs:
    import jax
    import jax.numpy as jnp

    def cross_entropy(logits: Any, labels: Any) -> Any:
        picked = jnp.take_along_axis(logits, labels[:, None], axis=1)[:, 0]
        return jnp.mean(jax.nn.logsumexp(logits, axis=1) - picked)

    f = function(case, jnp, cross_entropy)
    gradient = jax.grad(f)

    def product(x: Any, v: Any, rest: Any) -> Any:
        return jax.jvp(lambda x: gradient(x, rest), (x,), (v,))[1]

    wrap = jax.jit if compiled else lambda f: f
    runs = [wrap(one) for one in (f, gradient, product)]
    given, v, rest = jax.tree.map(jnp.asarray, (given, directions(given), rest))
    ready = jax.block_until_ready
    return {
        "forward": lambda: ready(runs[0](given, rest)),
        "gradient": lambda: ready(runs[1](given, rest)),
        "product": lambda: ready(runs[2](given, v, rest)),
    }


def torch(case: str, given: Any, rest: Any) -> Runs:
    """torch.func: forward mode over reverse mode."""
    import torch

    torch.set_num_threads(1)
    f = function(case, torch, torch.nn.functional.cross_entropy)
    tensors = lambda arrays: [torch.from_numpy(a) for a in arrays]
    v = tensors(directions(given))
    given = tensors(given)
    if rest is not None:
        rest = [
            tensors(part) if isinstance(part, list) else torch.from_numpy(part) for part in rest
        ]
    gradient = torch.func.grad(lambda x: f(x, rest))
    return {
        "forward": lambda: f(given, rest),
        "gradient": lambda: gradient(given),
        "product": lambda: torch.func.jvp(gradient, (given,), (v,))[1],
    }


LIBRARIES: dict[str, Library] = {
    "polygrad": polygrad,
    "polygrad jit": polygrad_jit,
    "jax": functools.partial(_jax, compiled=False),
    "jax jit": functools.partial(_jax, compiled=True),
    "torch": torch,
}


def measure(case: str, libraries: list[str], rounds: int) -> dict[str, dict[str, list[float]]]:
    """Seconds of each call of each library, all of them in turn."""
    given, rest = data(case)
    runs = {name: LIBRARIES[name](case, given, rest) for name in libraries}
    found: dict[str, dict[str, list[float]]] = {}
    reference = None
    for name, calls in runs.items():
        for call in calls.values():
            for _ in range(3):
                out = call()
        product = [np.asarray(a, dtype=np.float64) for a in out]
        reference = reference or product
        for a, b in zip(product, reference, strict=True):
            scale = float(np.abs(b).max())
            np.testing.assert_allclose(a, b, atol=1e-4 * scale, rtol=1e-3, err_msg=name)
        found[name] = {what: [] for what in calls}
    for _ in range(rounds):
        for name, calls in runs.items():
            for what, call in calls.items():
                start = time.perf_counter()
                call()
                found[name][what].append(time.perf_counter() - start)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40, help="calls of each kind")
    options = parser.parse_args()
    present = [name for name in LIBRARIES if importlib.util.find_spec(name.partition(" ")[0])]
    for case in CASES:
        print(f"{case}:")
        for name, seconds in measure(case, present, options.rounds).items():
            forward = seconds["forward"]
            ratios = {
                what: statistics.median(t / f for t, f in zip(seconds[what], forward, strict=True))
                for what in ("gradient", "product")
            }
            print(
                f"  {name:13} forward {1e3 * statistics.median(forward):7.2f} ms, gradient "
                f"{ratios['gradient']:5.2f} forward passes, product {ratios['product']:5.2f}"
            )


if __name__ == "__main__":
    main()
