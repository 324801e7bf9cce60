"""What has to hold for every program, whatever it computes."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

import polygrad as pg
from fuzz.programs import Program, run_reference

STEP = 1e-5


class Mismatch(AssertionError):
    """Two ways to run a program disagree."""


@contextmanager
def native_code(on: bool) -> Iterator[None]:
    """Native code switched on or off for what is compiled within."""
    before = os.environ.get("POLYGRAD_NATIVE")
    os.environ["POLYGRAD_NATIVE"] = "1" if on else "0"
    try:
        yield
    finally:
        if before is None:
            del os.environ["POLYGRAD_NATIVE"]
        else:
            os.environ["POLYGRAD_NATIVE"] = before


def compiled(f: Callable[..., Any], args: Sequence[Any], native: bool) -> Any:
    """The results of the compiled function, from native code where there is any."""
    with native_code(native):
        j = pg.jit(f)
        if native:
            tier = j.lower(*args).native
            if tier is not None:
                tier.wait(120)
        return j(*args)


def host(value: Any) -> np.ndarray:
    """A result as a NumPy array."""
    return np.asarray(pg.to_numpy(value) if pg.is_array(value) else value)


def is_narrow(program: Program) -> bool:
    """Whether any of its numbers are rounded to 32 bits on the way."""
    inputs = program.inputs.values()
    single = any(x.dtype in (np.float32, np.complex64) for x in inputs)
    return single or "float32" in program.source()


def same(what: str, got: Any, expected: Any, loose: float = 1.0) -> None:
    """Raise Mismatch where shapes, data types or values differ; only floats by rounding."""
    left, right = pg.tree.leaves(got), pg.tree.leaves(expected)
    if len(left) != len(right):
        raise Mismatch(f"{what}: {len(left)} results, expected {len(right)}")
    for i, (a, b) in enumerate(zip(left, right, strict=True)):
        a, b = host(a), host(b)
        if a.shape != b.shape or a.dtype != b.dtype:
            raise Mismatch(
                f"{what}: result {i} is {a.dtype}{list(a.shape)}, expected {b.dtype}{list(b.shape)}"
            )
        if not _agree(a, b, loose):
            raise Mismatch(f"{what}: result {i} is\n{a!r}\nexpected\n{b!r}")


def _agree(a: np.ndarray, b: np.ndarray, loose: float) -> bool:
    if a.dtype.kind not in "fc":
        return bool(np.array_equal(a, b))
    eps = float(np.finfo(a.dtype).eps)
    scale = max(1.0, float(np.max(np.abs(b)))) if b.size and np.all(np.isfinite(b)) else 1.0
    rtol = min(2e3 * max(eps * loose, eps), 5e-3)
    return np.allclose(a, b, rtol=rtol, atol=rtol * scale, equal_nan=True)


def check(program: Program, native: bool = True) -> None:
    """Run a program in every way and compare; raises Mismatch, or what a way raises."""
    with np.errstate(all="ignore"):
        _check(program, native)


def _check(program: Program, native: bool) -> None:
    expected = run_reference(program)
    function = program.function()
    inputs = list(program.inputs.values())
    loose = 1e7 if is_narrow(program) else 1.0
    before = [x.copy() for x in inputs]

    def f(*args: Any) -> Any:
        return function(pg, *args)

    def own(*args: Any) -> Any:  # plain arrays may be written to by the program itself
        return f(*(pg.asarray(a, copy=True) for a in args))

    same("eager", own(*inputs), expected, loose)
    same("jit", compiled(f, inputs, False), expected, loose)
    if native:
        same("native", compiled(f, inputs, True), expected, loose)
    _check_derivatives(program, f, inputs, native, 100 * loose)
    _check_vmap(f, inputs, expected, native, loose)
    for name, a, b in zip(program.inputs, inputs, before, strict=True):
        if not np.array_equal(a, b, equal_nan=True):
            raise Mismatch(f"the program wrote into the input {name}")


def _check_derivatives(
    program: Program, f: Callable[..., Any], inputs: list[Any], native: bool, loose: float
) -> None:
    """Reverse and forward mode against each other, compiled ones, and finite differences."""
    at = [i for i, x in enumerate(inputs) if x.dtype.kind in "fc" and x.size]
    if not at or "f" not in program.modes:
        return
    numbers = np.random.default_rng(program.seed)
    tangents = [_direction(numbers, inputs[i]) for i in at]

    def loss(*chosen: Any) -> Any:
        args = [pg.asarray(x) for x in inputs]  # an array of NumPy's could not take a tracked value
        for i, x in zip(at, chosen, strict=True):
            args[i] = x
        total = pg.asarray(0.0)
        for n, out in enumerate(f(*args)):
            if out.dtype.kind == "c":
                out = pg.real(out) + 0.5 * pg.imag(out)
            if out.dtype.kind == "f":
                total = total + pg.sum(pg.sin(pg.astype(out, pg.float64) * (1 + n)))
        return total

    chosen = [inputs[i] for i in at]
    value, slope = pg.jvp(loss, tuple(chosen), tuple(tangents))
    if not is_narrow(program):
        _check_slope(loss, chosen, tangents, slope)
    same("jvp of jit", pg.jvp(pg.jit(loss), tuple(chosen), tuple(tangents))[1], slope, loose)
    if "r" not in program.modes:
        return
    everything = tuple(range(len(at)))
    grads = pg.grad(loss, argnums=everything)(*chosen)
    along = sum(
        float(np.sum(np.real(np.conj(host(g)) * t))) for g, t in zip(grads, tangents, strict=True)
    )
    same_slope("reverse mode", along, float(host(slope)), loose)
    gradient = pg.value_and_grad(loss, argnums=everything)
    with native_code(False):
        same("jit of grad", compiled(gradient, chosen, False), (value, grads), loose)
        same("grad of jit", pg.grad(pg.jit(loss), argnums=everything)(*chosen), grads, loose)
    if native:
        same("native grad", compiled(gradient, chosen, True), (value, grads), loose)


def _direction(numbers: np.random.Generator, x: np.ndarray) -> np.ndarray:
    found = numbers.normal(size=x.shape)
    if x.dtype.kind == "c":
        found = found + 1j * numbers.normal(size=x.shape)
    return np.asarray(found, dtype=x.dtype)


def same_slope(what: str, got: float, expected: float, loose: float) -> None:
    """Compare two directional derivatives."""
    rtol = min(1e-10 * loose, 5e-3)
    if np.isnan(got) and np.isnan(expected):
        return
    if not abs(got - expected) <= rtol * max(1.0, abs(got), abs(expected)):
        raise Mismatch(f"{what}: the slope along a direction is {got}, expected {expected}")


def _check_slope(loss: Any, chosen: list[Any], tangents: list[Any], slope: Any) -> None:
    """Forward mode against central differences of two steps, where these agree."""

    def difference(step: float) -> float:
        ends = [
            float(host(loss(*(x + s * step * t for x, t in zip(chosen, tangents, strict=True)))))
            for s in (1, -1)
        ]
        return (ends[0] - ends[1]) / (2 * step)

    first, second = difference(STEP), difference(STEP / 4)
    if abs(first - second) > 1e-5 * max(1.0, abs(first)):
        return  # a step or a kink is near
    same_slope("forward mode against differences", float(host(slope)), first, 1e6)


def _check_vmap(
    f: Callable[..., Any], inputs: list[Any], expected: Any, native: bool, loose: float
) -> None:
    """Three copies at once give three times the results."""
    stacked = [np.stack([x, x, x]) for x in inputs]
    wanted = tuple(np.stack([e, e, e]) for e in expected)
    same("vmap", pg.vmap(f)(*stacked), wanted, loose)
    same("jit of vmap", compiled(pg.vmap(f), stacked, False), wanted, loose)
    if native:
        same("native vmap", compiled(pg.vmap(f), stacked, True), wanted, loose)
