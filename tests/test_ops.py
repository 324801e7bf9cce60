"""Every row of the op table, forward and backward, on every backend present."""

import functools
from typing import Any

import numpy as np
import optree
import pytest
from op_driver import (
    DEVICES,
    SLOW,
    chosen,
    differentiable,
    function_of,
    gradients,
    host,
    on,
    pairs,
    precision,
    put,
    runs,
    same,
    samples,
)
from op_table import Row, Special, all_rows, convert

import polygrad as pg

ROWS = all_rows()
DOUBLE = ("float64", "complex128")
every_row = pairs(ROWS)
every_device = pytest.mark.parametrize("device", DEVICES)
DIFFERENTIABLE = [row for row in ROWS if row.gradient == "yes"]
differentiable_rows = pairs(DIFFERENTIABLE)


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    with np.errstate(all="ignore"):
        yield


@every_row
@pytest.mark.parametrize("raw", [True, False], ids=["raw", "Array"])
def test_forward(row: Row, device: Any, raw: bool) -> None:
    with on(device) as device:
        for _, (case, dtype, given) in chosen(row, device):
            if not (raw or dtype in DOUBLE):
                continue
            where = (case, dtype)
            expected = row.expected(*given, **case.kwargs)
            args, kwargs = put((given, case.kwargs), device, raw)
            before = host(args)
            out = row.function(*args, **kwargs, **({"device": device} if row.creates else {}))
            same(host(args), before, 0.0, (where, "the arguments were changed"))
            arrays = optree.tree_leaves(out)
            wants_raw = raw and row.raw and not row.creates
            assert all((type(a) is pg.Array) is not wants_raw for a in arrays), (where, out)
            assert all(pg.asarray(a).device == device for a in arrays), where
            if row.project is not None:
                out, expected = row.project(host(out)), row.project(expected)
            same(host(out), expected, precision(row, dtype), where)


@functools.cache
def _on_cpu(row: Row) -> Any:
    """The gradients of all samples on NumPy arrays, in double precision."""
    found: list[Any] = []
    with pg.device("cpu") as cpu:
        for case, dtype, given in samples(row):
            wide = convert(given, "complex128" if dtype.startswith("complex") else "float64")
            places = differentiable(row, wide)
            args = put(wide, cpu, True)
            found.append(host(gradients(row, case, args, cpu, True)) if places else None)
    return found


@differentiable_rows
def test_gradients_agree_between_backends(row: Row, device: Any) -> None:
    with on(device) as device:
        for index, (case, dtype, given) in chosen(row, device):
            if not differentiable(row, given):
                continue
            where = (case, dtype)
            args = put(given, device, raw=True)
            before = host(args)
            found = gradients(row, case, args, device, raw=True)
            same(host(args), before, 0.0, (where, "the arguments were changed"))
            leaves = optree.tree_leaves(args)
            for g, i in zip(found, differentiable(row, args), strict=True):
                assert type(g) is type(leaves[i]), where
                assert g.dtype == leaves[i].dtype, where
                assert pg.asarray(g).device == device, where
            expected = [
                e.astype(g.dtype) for e, g in zip(_on_cpu(row)[index], host(found), strict=True)
            ]
            same(host(found), expected, max(precision(row, dtype), 1e-11), where)


@pairs(DIFFERENTIABLE, without=SLOW)
def test_derivatives_agree_with_finite_differences(row: Row, device: Any) -> None:
    """Both modes, second derivatives for the first cases; fewer where NumPy is not the library.

    The other cases of these are held against NumPy's gradients.
    """
    with on(device) as device:
        deep, left = (10, 1000) if device == "cpu" else (1, 12)
        for case, dtype, given in samples(row):
            if not left or dtype not in DOUBLE or not case.smooth or not runs(case, device):
                continue
            found = _check(row, case, given, device, order=row.order if deep > 0 else 1)
            deep, left = deep - found, left - found
        assert device != "cpu" or deep < 10, "no case has a derivative to check"


def _check(row: Row, case: Any, given: Any, device: Any, order: int) -> bool:
    args = put(given, device, raw=False)
    places = differentiable(row, args)
    extra = {"device": device} if row.creates else {}
    f, leaves = function_of(row, case, args, places, **extra)
    if not places:
        return False
    try:
        pg.testing.check_grads(f, leaves, order=order, eps=row.eps)
    except Exception as error:
        error.add_note(f"{row}{case} with {given}")
        raise
    return True


@pytest.mark.parametrize("row", [row for row in ROWS if row.gradient != "yes"], ids=repr)
@pytest.mark.parametrize("device", ["cpu", "strict:device1"])
def test_no_gradient(row: Row, device: Any) -> None:
    """A row that says so gives answers without a gradient, or refuses a tracked argument."""
    with on(device) as device:
        for case, _, given in samples(row):
            args = put(given, device, raw=False)
            places = differentiable(row, args)
            if not places or not runs(case, device):
                continue
            f, leaves = function_of(row, case, args, places)
            if row.gradient == "raises":
                with pytest.raises(pg.errors.NonDifferentiableError, match=row.name):
                    pg.vjp(f, *leaves)
                continue
            out = pg.vjp(lambda *xs, f=f: (f(*xs), [x * 2 for x in xs]), *leaves)
            (plain, doubled), pullback = out
            seeds = [pg.zeros(a.shape, dtype=a.dtype) for a in plain]
            found = pullback((seeds, [pg.ones(a.shape, dtype=a.dtype) for a in doubled]))
            for g, leaf in zip(found, leaves, strict=True):
                same(host(g), np.full(leaf.shape, 2.0, host(leaf).dtype), 0.0, case)
            tangents = pg.jvp(f, leaves, [pg.ones_like(leaf) for leaf in leaves])[1]
            for t in optree.tree_leaves(host(tangents)):
                assert not np.any(t), case


SPECIAL = [(row, point) for row in ROWS for point in row.special]


@pytest.mark.parametrize(
    ("row", "point"), SPECIAL, ids=[f"{row}-{point.args}"[:70] for row, point in SPECIAL]
)
@every_device
@pytest.mark.parametrize("single", [False, True], ids=["double", "single"])
def test_special_points(row: Row, point: Special, device: Any, single: bool) -> None:
    """Documented gradients and values at zeros, infinities, large arguments and ties."""
    with on(device) as device:
        args = tuple(
            np.asarray(a)
            if isinstance(a, complex) or (isinstance(a, float) and _all_numbers(point.args))
            else a
            for a in point.args
        )
        args = put(convert(args, "float32") if single else args, device, raw=False)
        places = [] if row.gradient != "yes" else differentiable(row, args)
        f, leaves = function_of(row, point, args, places)  # type: ignore[arg-type]
        if point.value is not None:
            (value,) = host(f(*leaves))
            _near(value, point.value, single)
        if not places or point.grad is None:
            return
        out, pullback = pg.vjp(f, *leaves)
        found = pullback([pg.ones(value.shape, dtype=value.dtype) for value in out])
        expected = point.grad if isinstance(point.grad, tuple) else (point.grad,)
        for i, (g, e) in enumerate(zip(found, expected, strict=True)):
            _near(host(g), e, single)
            one = [pg.ones_like(x) if i == j else None for j, x in enumerate(leaves)]
            (pushed,) = pg.jvp(f, leaves, one)[1]
            _near(np.sum(host(pushed)), np.sum(np.real(e)), single)


def _all_numbers(args: tuple[Any, ...]) -> bool:
    return all(isinstance(a, int | float) for a in args) and any(isinstance(a, float) for a in args)


def _near(got: Any, expected: Any, single: bool) -> None:
    rtol = 1e-5 if single else 1e-12
    atol = 1e-35 if np.all(np.abs(expected) < 1e-20) else 1e-6 if single else 1e-12
    np.testing.assert_allclose(got, expected, rtol=rtol, atol=atol)
