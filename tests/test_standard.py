"""The standard's names and signatures (2024.12, and what 2025.12 adds), and its special cases.

The public suite (`make conformance`) tests far more; this needs no checkout of it.
"""

import inspect
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from op_table import all_rows

import polygrad as pg
from polygrad import standard

# Parameters that several functions share: the names of the functions, by signature.
SIGNATURES = {
    "x, /": """
        abs acos acosh asin asinh atan atanh bitwise_invert ceil conj cos cosh exp expm1 floor
        imag isfinite isinf isnan log log10 log1p log2 logical_not negative positive real
        reciprocal round sign signbit sin sinh sqrt square tan tanh trunc matrix_transpose
        nonzero unique_all unique_counts unique_inverse unique_values
        linalg.det linalg.eigh linalg.eigvalsh linalg.inv linalg.matrix_transpose
        linalg.slogdet linalg.svdvals""",
    "x1, x2, /": """
        add atan2 bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor
        copysign divide equal floor_divide greater greater_equal hypot less less_equal logaddexp
        logical_and logical_or logical_xor maximum minimum multiply nextafter not_equal pow
        remainder subtract matmul linalg.matmul linalg.outer linalg.solve""",
    "x, /, *, axis=None, keepdims=False": "all any argmax argmin count_nonzero max mean min",
    "x, /, *, axis=None, dtype=None, keepdims=False": "prod sum",
    "x, /, *, axis=None, correction=0.0, keepdims=False": "std var",
    "x, /, *, axis=None, dtype=None, include_initial=False": "cumulative_prod cumulative_sum",
    "x, /, *, axis=-1, descending=False, stable=True": "argsort sort",
    "x, /, *, dtype=None, device=None": "empty_like ones_like zeros_like",
    "shape, *, dtype=None, device=None": "empty ones zeros",
    "x, /, *, k=0": "tril triu",
    "x, /, *, n=None, axis=-1, norm='backward'": """
        fft.fft fft.ifft fft.rfft fft.irfft fft.hfft fft.ihfft""",
    "x, /, *, s=None, axes=None, norm='backward'": "fft.fftn fft.ifftn fft.rfftn fft.irfftn",
    "n, /, *, d=1.0, dtype=None, device=None": "fft.fftfreq fft.rfftfreq",
    "x, /, *, axes=None": "fft.fftshift fft.ifftshift",
    "x1, x2, /, *, axes=2": "tensordot linalg.tensordot",
    "x1, x2, /, *, axis=-1": "vecdot linalg.vecdot linalg.cross",
    "x, /, *, upper=False": "linalg.cholesky",
    "x, /, *, offset=0": "linalg.diagonal",
    "x, /, *, offset=0, dtype=None": "linalg.trace",
    "x, /, *, keepdims=False, ord='fro'": "linalg.matrix_norm",
    "x, /, *, axis=None, keepdims=False, ord=2": "linalg.vector_norm",
    "x, n, /": "linalg.matrix_power",
    "x, /, *, rtol=None": "linalg.matrix_rank linalg.pinv",
    "x, /, *, mode='reduced'": "linalg.qr",
    "x, /, *, full_matrices=True": "linalg.svd",
    "*arrays": "broadcast_arrays",
    "*arrays, indexing='xy'": "meshgrid",
    "*arrays_and_dtypes": "result_type",
    "*shapes": "broadcast_shapes",
    "type, /": "finfo iinfo",
    "dtype, kind": "isdtype",
    "from_, to, /": "can_cast",
    "": "__array_namespace_info__",
    "arrays, /, *, axis=0": "concat stack",
    "x, /, *, axis=0": "unstack",
    "x, /, *, axis=None": "flip",
    "x, /, shift, *, axis=None": "roll",
    "x, repeats, /, *, axis=None": "repeat",
    "x, repetitions, /": "tile",
    "x, source, destination, /": "moveaxis",
    "x, /, axes": "permute_dims",
    "x, /, axis": "squeeze expand_dims",
    "x, /, shape": "broadcast_to",
    "x, /, shape, *, copy=None": "reshape",
    "x, indices, /, *, axis=None": "take",
    "x, indices, /, *, axis=-1": "take_along_axis",
    "condition, x1, x2, /": "where",
    "x, /, min=None, max=None": "clip",
    "x1, x2, /, *, side='left', sorter=None": "searchsorted",
    "x1, x2, /, *, invert=False": "isin",
    "x, /, *, axis=-1, n=1, prepend=None, append=None": "diff",
    "x, dtype, /, *, copy=True, device=None": "astype",
    "obj, /, *, dtype=None, device=None, copy=None": "asarray",
    "x, /, *, device=None, copy=None": "from_dlpack",
    "start, /, stop=None, step=1, *, dtype=None, device=None": "arange",
    "start, stop, /, num, *, dtype=None, device=None, endpoint=True": "linspace",
    "n_rows, n_cols=None, /, *, k=0, dtype=None, device=None": "eye",
    "shape, fill_value, *, dtype=None, device=None": "full",
    "x, /, fill_value, *, dtype=None, device=None": "full_like",
}
METHODS = {
    "": "abs bool complex float index int invert neg pos dlpack_device",
    "other, /": """
        add and eq floordiv ge gt le lshift lt matmul mod mul ne or pow rshift sub truediv xor
        radd rand rfloordiv rlshift rmatmul rmod rmul ror rpow rrshift rsub rtruediv rxor
        iadd iand ifloordiv ilshift imatmul imod imul ior ipow irshift isub itruediv ixor""",
    "key, /": "getitem",
    "key, value, /": "setitem",
    "*, api_version=None": "array_namespace",
    "*, stream=None, max_version=None, dl_device=None, copy=None": "dlpack",
}
ATTRIBUTES = "T mT device dtype ndim shape size"
DTYPES = (
    "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64 complex64 complex128"
)


def _rows(table: dict[str, str]) -> list[tuple[str, str]]:
    return [(name, text) for text, names in table.items() for name in names.split()]


def _find(name: str) -> Any:
    found: Any = pg
    for part in name.split("."):
        found = getattr(found, part)
    return found


def _check(function: Any, text: str) -> None:
    """The standard's parameters are there, called as it says; others may follow with defaults."""
    scope: dict[str, Any] = {}
    exec(f"def wanted({text}): pass", scope)
    wanted = list(inspect.signature(scope["wanted"]).parameters.values())
    got = list(inspect.signature(function).parameters.values())
    by_name = {parameter.name: parameter for parameter in got}
    ordered = [p for p in wanted if p.kind is not p.KEYWORD_ONLY]
    for place, parameter in enumerate(ordered):
        assert place < len(got), f"{parameter} is missing"
        assert parameter.kind in (got[place].kind, parameter.POSITIONAL_ONLY), got[place]
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
            assert got[place].name == parameter.name
        if parameter.default is not parameter.empty:
            assert got[place].default == parameter.default, parameter
    for parameter in wanted[len(ordered) :]:
        assert by_name[parameter.name].kind in (
            parameter.KEYWORD_ONLY,
            parameter.POSITIONAL_OR_KEYWORD,
        )
        assert by_name[parameter.name].default == parameter.default, parameter
    for extra in got:
        named = extra.name in {p.name for p in wanted} or extra in got[: len(ordered)]
        variadic = extra.kind in (extra.VAR_POSITIONAL, extra.VAR_KEYWORD)
        assert named or variadic or extra.default is not extra.empty, f"{extra} is required"


@pytest.mark.parametrize(("name", "text"), _rows(SIGNATURES))
def test_signature(name: str, text: str) -> None:
    _check(_find(name), text)


@pytest.mark.parametrize(("name", "text"), _rows(METHODS))
def test_method_signature(name: str, text: str) -> None:
    _check(getattr(pg.ones((2, 2)), f"__{name}__"), text)


def test_to_device_signature() -> None:
    _check(pg.ones(2).to_device, "device, /, *, stream=None")


def test_attributes_and_constants() -> None:
    x = pg.ones((2, 2))
    for name in ATTRIBUTES.split():
        assert getattr(x, name) is not None
    for name in DTYPES.split():
        assert getattr(pg, name) == name
    assert (pg.e, pg.pi, pg.inf, pg.newaxis) == (np.e, np.pi, np.inf, None)
    assert pg.nan != pg.nan


def test_every_fft_function_has_a_row() -> None:
    named = {row.name for row in all_rows()}
    assert {f"fft.{name}" for name in pg.fft.__all__} <= named


# -- inspection ------------------------------------------------------------------------------


@pytest.mark.parametrize("device", ["cpu", "strict:cpu", "strict:device1"])
def test_inspection(device: str) -> None:
    info = pg.__array_namespace_info__()
    with pg.device(device):
        assert info.default_device() == device
        assert info.default_device() in info.devices()
        assert set(info.capabilities()) == {
            "boolean indexing",
            "data-dependent shapes",
            "max dimensions",
        }
        assert info.default_dtypes()["real floating"] == pg.float64
        assert info.default_dtypes()["indexing"] == pg.int64
    assert list(info.dtypes(device=device)) == DTYPES.split()
    assert list(info.dtypes(device=device, kind="real floating")) == ["float32", "float64"]
    assert list(info.dtypes(kind=("bool", "complex floating"))) == [
        "bool",
        "complex64",
        "complex128",
    ]


def test_devices_that_lack_data_types() -> None:
    places = pg.__array_namespace_info__().devices()
    assert "strict:no_float64" in pg.devices()
    assert "strict:no_float64" not in places
    assert "float64" not in pg.__array_namespace_info__().dtypes(device="strict:no_float64")


# -- versions --------------------------------------------------------------------------------


def _in_version(version: str) -> subprocess.CompletedProcess[str]:
    code = (
        "import polygrad as pg; x = pg.ones(2); info = pg.__array_namespace_info__();"
        "print(pg.__array_api_version__, *[type(a).__name__ for a in"
        "(pg.meshgrid(x), pg.broadcast_arrays(x), info.devices())])"
    )
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, standard.VARIABLE: version},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(("version", "kind"), [("2024.12", "list"), ("2025.12", "tuple")])
def test_version(version: str, kind: str) -> None:
    assert _in_version(version).stdout.split() == [version, kind, kind, kind]


def test_unknown_version() -> None:
    assert "POLYGRAD_API_VERSION='1999.12': expected one of" in _in_version("1999.12").stderr
    with pytest.raises(pg.errors.ArgumentValueError, match="api_version: got '1999.12'"):
        pg.ones(2).__array_namespace__(api_version="1999.12")
    assert pg.ones(2).__array_namespace__(api_version="2023.12") is pg
