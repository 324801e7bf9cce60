"""Find the springs of a chain from how its masses move: `python fit_springs.py --help`.

A row of masses between two walls, joined by springs of unknown stiffness, is let go from a
crooked start and its positions are recorded. `pg.scan` integrates the motion, and the gradient
of the misfit with respect to every spring goes back through all time steps. With checkpoints the
backward pass keeps the state after every sqrt(steps) steps only, and runs the steps between
again: the same gradient, in a fraction of the memory.
"""

import argparse
import sys
import time
import tracemalloc
from typing import Any

import polygrad as pg

SECONDS = 4.0
MASSES = 32


def motion(
    stiffness: Any, recorded: Any, start: Any, checkpoint: bool | int, keep: bool = False
) -> tuple[Any, Any]:
    """The mean square gap to the recorded positions; with ``keep`` also all positions."""
    steps = recorded.shape[0]
    dt = SECONDS / steps
    wall = pg.zeros((1,), dtype=start.dtype, device=start.device)

    def step(state: Any, seen: Any) -> Any:
        position, speed, misfit = state
        padded = pg.concat([wall, position, wall])
        stretch = padded[1:] - padded[:-1]
        tension = stiffness * stretch + 0.2 * stretch**3
        speed = speed + dt * (tension[1:] - tension[:-1])
        position = position + dt * speed  # symplectic Euler: the new speed moves the mass
        misfit = misfit + pg.mean((position - seen) ** 2) / steps
        return (position, speed, misfit), position if keep else None

    zero = pg.zeros((), dtype=start.dtype, device=start.device)
    init = start, pg.zeros_like(start), zero
    (_, _, misfit), positions = pg.scan(step, init, recorded, checkpoint=checkpoint)
    return misfit, positions


def experiment(steps: int, seed: int = 0) -> tuple[Any, Any, Any]:
    """The true stiffness of each spring, the start, and the recorded motion."""
    one, two = pg.random.split(pg.random.key(seed))
    stiffness = pg.exp(0.5 * pg.random.normal(one, (MASSES + 1,), dtype="float64"))
    start = pg.random.normal(two, (MASSES,), dtype="float64")
    nothing = pg.zeros((steps, MASSES), dtype="float64")
    return stiffness, start, motion(stiffness, nothing, start, False, keep=True)[1]


def fit(
    recorded: Any, start: Any, iterations: int, checkpoint: bool | int = True
) -> tuple[Any, list[float]]:
    """The stiffness that explains the recorded motion best, and the misfit on the way there."""
    optimizer = pg.optim.adam(0.05)
    log_stiffness = pg.zeros((MASSES + 1,), dtype=start.dtype, device=start.device)
    state = optimizer.init(log_stiffness)
    misfits = []

    def loss(log_stiffness: Any) -> Any:
        return motion(pg.exp(log_stiffness), recorded, start, checkpoint)[0]

    for _ in range(iterations):
        misfit, gradient = pg.value_and_grad(loss)(log_stiffness)
        misfits.append(misfit.item())
        updates, state = optimizer.update(gradient, state)
        log_stiffness = pg.optim.apply_updates(log_stiffness, updates)
    return pg.exp(log_stiffness), misfits


def cost(recorded: Any, start: Any, checkpoint: bool | int) -> tuple[Any, float, float]:
    """One gradient, the seconds that it takes, and its peak memory in megabytes."""

    def gradient() -> Any:
        ones = pg.ones((MASSES + 1,), dtype=start.dtype, device=start.device)
        return pg.grad(lambda k: motion(k, recorded, start, checkpoint)[0])(ones)

    began = time.perf_counter()
    found = gradient()
    seconds = time.perf_counter() - began
    tracemalloc.start()
    gradient()
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return found, seconds, peak


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Fit the springs of a chain to its motion.")
    parser.add_argument("--device", help="cpu, cuda, strict:device1 ... (POLYGRAD_DEVICE, or cpu)")
    parser.add_argument("--steps", type=int, default=1000, help="time steps (1000)")
    parser.add_argument("--iterations", type=int, default=100, help="steps of Adam (100)")
    options = parser.parse_args(arguments)
    if options.steps < 1 or options.iterations < 1:
        parser.error("--steps and --iterations have to be at least 1")
    try:
        with pg.device(options.device or pg.current_device()):
            report(options.steps, options.iterations)
    except pg.PolygradError as error:
        sys.exit(f"error: {error}")


def report(steps: int, iterations: int) -> None:
    """Run everything and print what came of it."""
    stiffness, start, recorded = experiment(steps)
    plain, plain_seconds, plain_peak = cost(recorded, start, False)
    kept, kept_seconds, kept_peak = cost(recorded, start, True)
    gap = (pg.max(pg.abs(plain - kept)) / pg.max(pg.abs(plain))).item()
    print(f"gradient of {steps:,} time steps, {MASSES} masses on {start.device}")
    print(f"  every step kept:   {plain_peak:8.2f} MB at the peak, {plain_seconds:6.2f} s")
    print(f"  with checkpoints:  {kept_peak:8.2f} MB at the peak, {kept_seconds:6.2f} s")
    print(f"  relative difference of the two gradients: {gap:.1e}")
    found, misfits = fit(recorded, start, iterations)
    error = pg.max(pg.abs(found / stiffness - 1)).item()
    print(f"misfit {misfits[0]:.2e} -> {misfits[-1]:.2e} in {iterations} steps of Adam")
    print(f"largest relative error of a spring: {error:.1%}")


if __name__ == "__main__":
    main()
