"""What the tests of the op table share: arrays on every device, and calls of a row."""

import contextlib
import datetime
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import array_api_strict
import numpy as np
import optree
import pytest
from op_table import Case, Row, convert

import polygrad as pg

DEVICES: list[Any] = ["cpu", "strict:cpu", "strict:device1"]
DEVICES += [pytest.param("cuda", marks=pytest.mark.gpu)]
DEVICES += [pytest.param(name, marks=pytest.mark.backends) for name in ("torch", "jax", "dask")]
FLAGS = {"boolean_indexing": False, "data_dependent_shapes": False}


# Functions of SciPy that CuPy has none of, and that are not written in terms of others.
CUPY_LACKS = (
    "eval_chebyt", "eval_chebyu", "eval_gegenbauer", "eval_genlaguerre", "eval_jacobi",
    "eval_hermite", "eval_hermitenorm", "eval_laguerre", "eval_legendre", "hyp0f1",
    "hyp1f1", "hyp2f1", "hyperu", "iv", "ive", "jv", "kv", "kve", "modstruve", "struve", "wofz",
    "yv",
)  # fmt: skip
LACKING = {"cuda": {f"special.{name}" for name in CUPY_LACKS}}
"""By device, the names of rows that raise BackendError there."""
SLOW = ("jax", "dask")  # compile each operation for each shape, or schedule it
WHOLE_TABLE = bool(os.environ.get("POLYGRAD_WHOLE_TABLE"))
"""Whether the tests that take a sample of the rows on the slow libraries take every row."""
WEEK = int(os.environ.get("POLYGRAD_WEEK") or datetime.date.today().toordinal() // 7)
"""Which sample; the same all week, and all rows have had their turn after some weeks."""


def in_turn(rows: Sequence[Row], one_in: int) -> list[Row]:
    """This week's rows: every ``one_in``-th, from another one each week."""
    return list(rows) if WHOLE_TABLE else list(rows[WEEK % one_in :: one_in])


def pairs(rows: Sequence[Row], without: Sequence[str] = (), one_in: int = 1) -> Any:
    """Run a test for each row on each device but those left out.

    The first device of array-api-strict gets the rows of which strict:device1, where flags are
    set, cannot run every case. JAX and Dask get one row in ``one_in``, see `in_turn`.
    """
    found = []
    for device in DEVICES:
        name, marks = (device, ()) if isinstance(device, str) else (device.values[0], device.marks)
        some = in_turn(rows, one_in) if name in SLOW else rows
        for row in some if name not in without else []:
            if row.name in LACKING.get(name, ()):
                continue
            if name != "strict:cpu" or any(case.needs for case in row.cases):
                found.append(pytest.param(row, name, marks=marks, id=f"{name}-{row}"))
    return pytest.mark.parametrize(("row", "device"), found)


@contextlib.contextmanager
def on(name: str) -> Iterator[pg.Device]:
    """The device, current in the block; skips the test, with the reason, if it is not here.

    On strict:device1 everything that compiled and batched code cannot do is forbidden.
    """
    try:
        device = pg.device(name)
    except pg.errors.DeviceUnavailableError as error:
        pytest.skip(str(error))
    with contextlib.ExitStack() as stack:
        stack.enter_context(device)
        if name == "strict:device1":
            stack.enter_context(array_api_strict.ArrayAPIStrictFlags(**FLAGS))
        if name == "jax":
            import jax

            stack.enter_context(jax.enable_x64(True))
            if WHOLE_TABLE:  # what it has compiled for one row would fill the memory
                stack.callback(jax.clear_caches)
        if name == "torch":
            import torch

            stack.callback(torch.set_default_dtype, torch.get_default_dtype())
            torch.set_default_dtype(torch.float64)
        yield device


def runs(case: Case, device: Any) -> bool:
    """Whether the device can run the case at all."""
    return not (case.needs in FLAGS and device.name in ("strict:device1", "dask"))


def put(value: Any, device: Any, raw: bool) -> Any:
    """The NumPy arrays of a pytree on a device: read-only raw arrays, or Arrays of them."""

    def one(leaf: Any) -> Any:
        if not isinstance(leaf, np.ndarray):
            return leaf
        array = device.backend.from_host(leaf, None, device.raw)
        if isinstance(array, np.ndarray):
            array.setflags(write=False)
        return array if raw else pg.asarray(array)

    return optree.tree_map(one, value)


def host(value: Any) -> Any:
    """The arrays of a pytree as NumPy arrays."""
    return optree.tree_map(lambda a: pg.to_numpy(a) if pg.is_array(a) else a, value)


def same(got: Any, expected: Any, rtol: float, where: Any, atol: float | None = None) -> None:
    """Assert that two pytrees of NumPy arrays agree in structure, dtype, shape and value."""
    left, spec = optree.tree_flatten(got)
    right, expected_spec = optree.tree_flatten(expected)
    assert len(left) == len(right), (where, spec, expected_spec)
    for a, b in zip(left, right, strict=True):
        if isinstance(a, str | slice | type(...)):
            assert a == b, where
            continue
        a, b = np.asarray(a), np.asarray(b)
        assert a.dtype == b.dtype, (where, a.dtype, b.dtype)
        assert a.shape == b.shape, (where, a.shape, b.shape)
        tolerance = {"rtol": rtol, "atol": rtol if atol is None else atol}
        np.testing.assert_allclose(a, b, **tolerance, err_msg=str(where))


def precision(row: Row, dtype: str) -> float:
    """The tolerance of a row's values in a data type."""
    single = dtype in ("float32", "complex64")
    return min(row.rtol * 1e9, 1e-3) if single and row.rtol <= 1e-4 else row.rtol


def samples(row: Row) -> Iterator[tuple[Case, str, tuple[Any, ...]]]:
    """Each case in each data type it is run in."""
    for case in row.cases:
        leaves = optree.tree_leaves(case.args)
        inexact = any(isinstance(a, np.ndarray) and a.dtype.kind in "fc" for a in leaves)
        dtypes = row.dtypes if case.dtypes is None else case.dtypes
        for dtype in dtypes if inexact else dtypes[:1] or ("float64",):
            yield case, dtype, convert(case.args, dtype) if dtypes else case.args


def chosen(row: Row, device: Any) -> list[tuple[int, tuple[Case, str, tuple[Any, ...]]]]:
    """The samples that run on a device, with their numbers: all, or on the slow ones every fifth.

    A row has them in two or four data types, so that every fifth meets each of these.
    """
    found = [(i, one) for i, one in enumerate(samples(row)) if runs(one[0], device)]
    return found[:: 5 if device.backend.name in SLOW else 1]


def differentiable(row: Row, args: tuple[Any, ...]) -> list[int]:
    """Which leaves of the arguments are varied."""

    def inexact(leaf: Any) -> bool:
        name = str(getattr(leaf, "dtype", "")).rpartition(".")[2]
        return name.startswith(("float", "complex"))

    owners = [(i, leaf) for i, arg in enumerate(args) for leaf in optree.tree_leaves(arg)]
    return [n for n, (i, leaf) in enumerate(owners) if i not in row.fixed and inexact(leaf)]


def function_of(
    row: Row, case: Case, args: tuple[Any, ...], places: list[int], **extra: Any
) -> tuple[Callable[..., list[Any]], list[Any]]:
    """A function of the leaves at some places, with all outputs in a list, and these leaves."""
    leaves, spec = optree.tree_flatten(args)

    def f(*arrays: Any) -> list[Any]:
        full = list(leaves)
        for i, array in zip(places, arrays, strict=True):
            full[i] = array
        out = row.function(*optree.tree_unflatten(spec, full), **case.kwargs, **extra)
        return optree.tree_leaves(out if row.project is None else row.project(out))

    return f, [leaves[i] for i in places]


def cotangent(value: Any, device: Any, raw: bool) -> Any:
    """A fixed cotangent for an output, the same on every device."""
    dtype = str(value.dtype).rpartition(".")[2]
    size = int(np.prod(value.shape))
    g = np.cos(np.arange(size) * 1.3 + 0.4).reshape(value.shape)
    if dtype.startswith("complex"):
        g = g + 1j * np.sin(np.arange(size) + 0.2).reshape(value.shape)
    return put(np.asarray(g).astype(dtype), device, raw)


def gradients(row: Row, case: Case, args: Any, device: Any, raw: bool) -> list[Any]:
    """The gradients of a case, on the device the arguments are on."""
    extra = {"device": device} if row.creates else {}
    f, leaves = function_of(row, case, args, differentiable(row, args), **extra)
    out, pullback = pg.vjp(f, *leaves)
    return list(pullback([cotangent(value, device, raw) for value in out]))
