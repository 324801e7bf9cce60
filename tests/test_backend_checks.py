"""pg.testing.conformance: what it runs, and that it finds every fault planted in a backend."""

from typing import Any

import numpy as np
import pytest
from plain_arrays import library

import polygrad as pg
from polygrad.backend import register_namespace
from polygrad.errors import ArgumentTypeError, BackendError

pytestmark = pytest.mark.usefixtures("kept_registry")


@pytest.mark.parametrize("device", ["cpu", "strict", "strict:device1"])
def test_our_own_backends_pass(device: str) -> None:
    report = pg.testing.conformance(device)
    report.raise_failures()
    assert report
    assert not report.unsupported
    assert len(report.passed) > 1000
    assert str(report).startswith(f"{pg.device(device).backend.name}: {len(report.passed)} checks")


def test_a_library_without_a_record_passes() -> None:
    report = pg.testing.conformance(register_namespace(library("sound")))
    report.raise_failures()
    assert not report.unsupported


def _scaled(function: Any) -> Any:
    return lambda *args, **options: function(*args, **options) * 1.001


def _single(function: Any) -> Any:
    def call(x: Any, *args: Any, **options: Any) -> Any:
        out, xp = function(x, *args, **options), x.__array_namespace__()
        return xp.astype(out, xp.float32) if out.dtype == np.float64 else out

    return call


def _written(function: Any) -> Any:
    def call(x: Any, **options: Any) -> Any:
        out = function(x, **options)
        if x.ndim and x.dtype.kind == "f":
            x._host.flags.writeable = True
            x._host[...] = 7.0
        return out

    return call


def _whole(take: Any) -> Any:
    return lambda x, i, **options: x if x.shape == i.shape else take(x, i, **options)


FAULTS = {
    "a wrong value": ("tanh", _scaled, "tanh", "value"),
    "a wrong value inside of a rule": ("cos", _scaled, "sin", "gradient"),
    "another data type": ("exp", _single, "exp", "value"),
    "an operand that is written": ("sinh", _written, "sinh", "operands unchanged"),
    "a wrong comparison": ("less", lambda f: lambda a, b: f(b, a), "less", "value"),
    "shifts that do not shift": (
        "bitwise_left_shift", lambda f: lambda a, b: a, "bitwise_left_shift", "value",
    ),
    "zeros that are not": ("zeros", lambda f: lambda s, **o: f(s, **o) + 1, "at.add twice", "grad"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults_are_found(fault: str) -> None:
    word, change, case, check = FAULTS[fault]
    name = "broken" + "".join(c for c in fault if c.isalpha())
    backend = register_namespace(library(name, **{word: change}))
    report = pg.testing.conformance(backend)
    assert not report
    found = [one for one in report.failed if one.case.startswith(f"{case} (")]
    if check != "grad":
        assert any(one.check == check for one in found), report
    with pytest.raises(BackendError, match=r"failed +"):
        report.raise_failures()


class Overwriting(pg.backend.Backend):
    """Plain arrays by a record, whose scattered sum lets the last value stand."""

    name, array_classes, multi_device, immutable = (
        "overwriting",
        ("overwritten:Plain",),
        False,
        True,
    )
    library = library("overwritten")

    def namespace(self) -> Any:
        return self.library

    def unavailable(self) -> None:
        return None

    def version(self) -> str:
        return "1"

    def device_names(self) -> list[str]:
        return [self.name]

    def find_device(self, rest: str) -> str:
        return "cpu"

    def device_name(self, device: Any) -> str:
        if device != "cpu":
            raise ValueError(device)
        return self.name

    def from_host(self, value: Any, dtype: Any, device: Any) -> Any:
        value = np.asarray(value, dtype=dtype)
        if 0 in value.shape:
            return self.library.zeros(value.shape, dtype=value.dtype)
        return self.library.asarray(value.tolist(), dtype=value.dtype)

    def to_host(self, array: Any) -> Any:
        return array._host

    def overrides(self, xp: Any) -> dict[str, Any]:
        def plain(key: Any) -> Any:
            parts = key if isinstance(key, tuple) else (key,)
            return tuple(part._host if hasattr(part, "_host") else part for part in parts)

        def scatter_add(value: Any, key: Any, shape: tuple[int, ...]) -> Any:
            out = np.zeros(shape, dtype=value.dtype)
            out[plain(key)] = value._host
            return self.from_host(out, None, "cpu")

        def getitem(x: Any, key: Any) -> Any:
            return self.from_host(x._host[plain(key)], None, "cpu")

        return {"scatter_add": scatter_add, "getitem": getitem}


def test_a_scattered_sum_that_overwrites_is_found() -> None:
    backend = Overwriting()
    with pytest.raises(BackendError, match="not registered"):
        pg.testing.conformance(backend)
    pg.backend.register_backend(backend)
    report = pg.testing.conformance(backend, only=["getitem", "take", "tanh", "slices"])
    assert {one.case.partition(" ")[0] for one in report.failed} == {"getitem", "take"}
    assert {one.check for one in report.failed} == {"gradient"}


def test_what_a_library_lacks_is_not_a_failure() -> None:
    report = pg.testing.conformance(register_namespace(library("sparing", lacking=("fft", "sort"))))
    assert report
    assert {one.case.partition(" ")[0] for one in report.unsupported} >= {"fft.fft", "sort"}
    assert all("sparing" in one.reason for one in report.unsupported), report


@pytest.mark.parametrize("wrong", [np, 3, None, object])
def test_what_is_no_backend_is_refused(wrong: Any) -> None:
    with pytest.raises(ArgumentTypeError, match="expected a polygrad.backend.Backend"):
        pg.testing.conformance(wrong)
    with pytest.raises(ArgumentTypeError, match="no case is called nonsense"):
        pg.testing.conformance("cpu", only=["nonsense"])


@pytest.mark.backends
@pytest.mark.parametrize("device", ["torch", "dask"])
def test_more_libraries_pass(device: str) -> None:
    pytest.importorskip(device)
    pg.testing.conformance(device).raise_failures()
