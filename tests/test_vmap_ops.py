"""Every row of the op table under vmap: the same as a loop over the examples, in both modes.

Each operand is batched and not. What depends on the number of elements that only the data tell
is refused by name; nothing falls back to a Python loop.
"""

import itertools
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from batch_driver import SIZE, Batch, batches, loss_of, seeds_of
from op_driver import SLOW, WHOLE_TABLE, host, on, pairs, precision, put, runs, same
from op_table import Row, all_rows

import polygrad as pg
from polygrad.core.batch import loop
from polygrad.core.op import OPS

ROWS = all_rows()
every_row = pytest.mark.parametrize("row", ROWS, ids=repr)


@pytest.fixture(autouse=True)
def _loud() -> Iterator[None]:
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.filterwarnings("error", message="vmap: ")
        yield


def mapped_cases(row: Row, device: Any, limit: int | None = None) -> Iterator[tuple[Batch, str]]:
    """The batches of a row that can run on the device."""
    dtypes = [name for name in row.dtypes if name in ("float64", "complex128")]
    found = (one for one in batches(row, dtypes) if runs(one[0].case, device))
    return itertools.islice(found, limit)


@every_row
def test_vmap_equals_the_loop(row: Row) -> None:
    with on("cpu") as device:
        for batch, dtype in mapped_cases(row, device):
            check(batch, device, precision(row, dtype))


@pairs(ROWS, without=("cpu",), one_in=16)
def test_vmap_equals_the_loop_on_every_backend(row: Row, device: str) -> None:
    """On strict:device1 masks and shapes that depend on data are forbidden."""
    limit = None if WHOLE_TABLE and device not in SLOW else 4
    with on(device) as place:
        for batch, dtype in mapped_cases(row, place, limit):
            check(batch, place, precision(row, dtype))


def check(batch: Batch, device: Any, rtol: float) -> None:
    """Hold vmap against a loop: values, gradients inside and outside, tangents."""
    axes, arrays = tuple(batch.axes), batch.put(device)
    if batch.refused:
        with pytest.raises(pg.errors.IndexingError, match="inside vmap"):
            pg.vmap(batch.call, in_axes=axes)(*arrays)
        return
    try:
        examples = [batch.example(device, k) for k in range(SIZE)]
        expected = [host(batch.call(*one)) for one in examples]
        found = pg.vmap(batch.call, in_axes=axes)(*arrays)
        assert all(a.device == device for a in found), batch
        same(host(found), stacked(expected), rtol, batch)
        if batch.row.gradient == "yes" and batch.varied:
            check_derivatives(batch, examples, axes, arrays, max(rtol, 1e-11))
    except Exception as error:
        error.add_note(repr(batch))
        raise


def check_derivatives(batch: Batch, examples: Any, axes: Any, arrays: Any, rtol: float) -> None:
    loss, varied = loss_of(batch), tuple(batch.varied)
    slope = pg.grad(loss, argnums=varied)
    expected = stacked([list(host(slope(*one))) for one in examples])
    found = list(pg.vmap(slope, in_axes=axes)(*arrays))
    same(host(found), expected, rtol, (batch, "vmap of grad"))

    def total(*arrays: Any) -> Any:
        return pg.sum(pg.vmap(loss, in_axes=axes)(*arrays))

    summed = [g if i in batch.mapped else g.sum(axis=0) for g, i in zip(expected, varied)]  # noqa: B905
    found = list(pg.grad(total, argnums=varied)(*arrays))
    same(host(found), summed, rtol, (batch, "grad of vmap"))

    def tangents(*arrays: Any) -> list[Any]:
        return pg.jvp(batch.call, arrays, seeds_of(batch, arrays))[1]

    expected = stacked([host(tangents(*one)) for one in examples])
    found = pg.vmap(tangents, in_axes=axes)(*arrays)
    same(host(found), expected, rtol, (batch, "vmap of jvp"))


def stacked(examples: list[list[Any]]) -> list[Any]:
    """One array for each output, of all examples."""
    return [np.stack(parts) for parts in zip(*examples, strict=True)]


@pytest.mark.parametrize("row", [row for row in ROWS if row.gradient == "yes"], ids=repr)
def test_second_derivatives_under_vmap(row: Row) -> None:
    """Products with the Hessian, for the first case that has any."""
    with on("cpu") as device:
        for batch, _dtype in mapped_cases(row, device):
            full = all(a.size for a in batch.leaves)
            if batch.varied and batch.case.smooth and not batch.refused and full:
                break
        else:
            assert row.decides == (0,), f"no case of {row} has second derivatives"
            return

        def product(*arrays: Any) -> list[Any]:
            slope = pg.grad(loss_of(batch), argnums=tuple(batch.varied))
            return list(pg.jvp(slope, arrays, seeds_of(batch, arrays))[1])

        examples = [host(product(*batch.example(device, k))) for k in range(SIZE)]
        found = pg.vmap(product, in_axes=tuple(batch.axes))(*batch.put(device))
        same(host(found), stacked(examples), max(10 * precision(row, "float64"), 1e-10), batch)


@every_row
def test_vmap_of_vmap_and_batches_of_none(row: Row) -> None:
    """Two batches over different operands, and a batch without examples."""
    with on("cpu") as device:
        for batch, dtype in mapped_cases(row, device, limit=2):
            if batch.refused or not all(a.size for a in batch.leaves):
                continue
            count = len(batch.axes)
            if len(batch.mapped) == count:
                out = pg.vmap(batch.call)(*[a[:0] for a in batch.put(device)])
                expected = [host(a)[None][:0] for a in batch.call(*batch.example(device, 0))]
                same(host(out), expected, 0.0, (batch, "no examples"))
            if count < 2:
                continue
            outer, inner = [0, *[None] * (count - 1)], [None, *[0] * (count - 1)]
            whole = Batch(row, batch.case, batch.given, range(count))
            twice = pg.vmap(pg.vmap(whole.call, in_axes=tuple(inner)), in_axes=tuple(outer))
            rows = [
                stacked([host(whole.call(*mixed(whole, device, i, k))) for k in range(SIZE)])
                for i in range(SIZE)
            ]
            same(host(twice(*whole.put(device))), stacked(rows), precision(row, dtype), batch)


def mixed(batch: Batch, device: Any, i: int, k: int) -> list[Any]:
    """The first operand of example i with the others of example k."""
    return [batch.example(device, i)[0], *batch.example(device, k)[1:]]


def test_no_op_falls_back_to_a_python_loop() -> None:
    for module in ("fft", "linalg", "special", "nn"):
        getattr(pg, module).__all__  # noqa: B018  loads it, and declares its ops
    without = [name for name, op in OPS.items() if op.batching in (None, loop)]
    # jit writes class_places into a graph, below all transforms.
    assert set(without) <= {"class_places"}


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("device", ["cpu", "strict:device1"])
def test_searchsorted_in_rows_with_ties_infinities_and_nan(side: str, device: str) -> None:
    rng = np.random.default_rng(0)
    rows = np.sort(rng.integers(-3, 4, (5, 9)).astype(float), axis=1)
    rows[1, 0], rows[1, -2:] = -np.inf, np.inf
    rows[2, -3:] = np.nan
    wanted = np.asarray([-np.inf, -4.0, -1.0, 0.0, 0.5, 3.0, 9.0, np.inf, np.nan])
    if device != "cpu":  # the standard leaves the order of nan open
        rows, wanted = rows[:2], wanted[:-1]
    expected = np.stack([np.searchsorted(row, wanted, side=side) for row in rows])
    with on(device) as place:
        search = pg.vmap(lambda a, b: pg.searchsorted(a, b, side=side), in_axes=(0, None))
        found = search(put(rows, place, raw=False), put(wanted, place, raw=False))
    same(host(found), expected, 0.0, side)


@pytest.mark.parametrize("dtype", ["float64", "int32", "uint8", "bool", "complex128"])
def test_isin_with_a_set_for_each_example(dtype: str) -> None:
    rng = np.random.default_rng(1)
    sets, x = (rng.integers(0, 6, shape).astype(dtype) for shape in ((4, 2, 3), (4, 7)))
    if dtype == "float64":
        sets[0, 0, 0] = x[0, 0] = np.nan
    for invert in (False, True):
        expected = np.stack([np.isin(a, b, invert=invert) for a, b in zip(x, sets, strict=True)])
        found = pg.vmap(lambda a, b, i=invert: pg.isin(a, b, invert=i))(x, sets)
        np.testing.assert_array_equal(found, expected)
        shared = pg.vmap(lambda b, i=invert: pg.isin(x[0], b, invert=i))(sets)
        np.testing.assert_array_equal(shared[0], expected[0])
    assert not pg.vmap(pg.isin)(x, sets[:, 0, :0]).any()


def test_values_that_differ_between_examples_are_not_read() -> None:
    x = np.asarray([1.0, -1.0])
    for read in (
        lambda x: x if x > 0 else -x,
        lambda x: x * x.item(),
        lambda x: x * float(x),
        lambda x: x * int(pg.astype(x, pg.int64)),
        lambda x: x + len(x.tolist()),
        lambda x: x + pg.to_numpy(x),
        lambda x: pg.grad(lambda y: y * y.item())(x),
    ):
        with pytest.raises(pg.errors.UnknownValueError, match=r"inside vmap.*pg\.where"):
            pg.vmap(read)(x)
    assert pg.vmap(lambda x, c: x if c > 0 else -x, in_axes=(0, None))(x, 1.0)[1] == -1.0
