"""Every keyword of every NumPy function that is dispatched to is NumPy's, or refused by name."""

import copy
import inspect
import re
from typing import Any

import numpy as np
import pytest
from numpy_calls import GROUPS, calls
from test_numpy_calls import FIXED, data, leaves

import polygrad as pg
from polygrad.numpy_functions.table import FUNCTIONS

VALUES = [
    None, True, False, 0, 1, 2, -1, (0, 1), 0.5, 2.5, [1, 2], np.float32, np.complex128, "F", "no",
    "unsafe", "clip", "wrap", "ij", "right", "stable", "linear", "lower", "nearest", "full", "same",
    "edge", "ortho", "forward", "fro", "U", "complete", "r", "unscaled", "nonsense",
    np.array([True, False, True, True, False]), np.array([1, 2, 3, 1, 2]),
    np.array([0.5, 1.5, 1.0, 2.0, 0.7]), np.array([[True], [False], [True]]),
    np.array([1.0, 2.0, 1.0, 3.0]),
]  # fmt: skip
SIMPLEST = {
    "argpartition": "argpartition(x,2)",
    "copyto": "copyto(x,y)",
    "put": "put(x,[0,1],[5.,6.])",
    "place": "place(x,b,[1.,2.])",
    "putmask": "putmask(x,b,y)",
    "fill_diagonal": "fill_diagonal(s,5.)",
    "put_along_axis": "put_along_axis(x,np.array([0,2]),np.array([5.,6.]),0)",
}
# Text, memory nobody has written, and calls that differ by the signs of vectors.
ASIDE = re.compile(
    r"array_|array2|.*share|empty_like|row_stack|linalg\.(eigh?|svd|qr|lstsq)$|lib\.|unique_"
)


def simplest(name: str) -> str:
    found = (c for group in GROUPS for c in calls(group) if c.startswith(f"{name}("))
    return SIMPLEST.get(name) or next(found)


def run(call: str, keyword: dict[str, Any], tracked: bool) -> list[Any]:
    values = {k: pg.asarray(v) if tracked else v for k, v in data("float64").items()}
    names = {**FIXED, **values, "D": "float32", "keyword": copy.deepcopy(keyword)}
    out = eval(f"np.{call[:-1]}, **keyword)", names)
    if out is None:
        out = names["s" if call.startswith("fill") else "x"]
    return leaves(out)


def refused(value: Any) -> bool:
    return isinstance(value, str) and value == "nonsense"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("full", [name for name in FUNCTIONS if not ASIDE.match(name[6:])])
def test_every_keyword(full: str) -> None:
    call, given = simplest(full[6:]), ()
    given = set(re.findall(r"(\w+)=", call))
    function = eval(full, {"numpy": np})
    for parameter in inspect.signature(function).parameters.values():
        kinds = (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        if parameter.kind not in kinds or parameter.name in {"out", *given}:
            continue
        for value in VALUES:
            keyword = {parameter.name: value}
            try:
                expected = run(call, keyword, tracked=False)
            except Exception:  # no argument for NumPy either
                if parameter.name in ("order", "casting", "dtype", "where") and refused(value):
                    with pytest.raises((TypeError, ValueError)):
                        run(call, keyword, tracked=True)
                continue
            try:
                found = run(call, keyword, tracked=True)
            except (pg.PolygradError, TypeError, ValueError):
                continue
            assert len(found) == len(expected), f"{call} {keyword}"
            for a, b in zip(expected, found, strict=True):
                if isinstance(a, np.ndarray | np.generic):
                    b = np.asarray(b)
                    assert (b.dtype, b.shape) == (a.dtype, a.shape), f"{call} {keyword}"
                    np.testing.assert_allclose(b, a, 1e-6, 1e-9, err_msg=f"{call} {keyword}")
                else:
                    assert a == b, f"{call} {keyword}"


@pytest.mark.parametrize("casting", ["no", "equiv", "safe", "same_kind", "unsafe"])
@pytest.mark.filterwarnings("ignore")
def test_casting(casting: str) -> None:
    x = np.array([1.5, 2.0, 3.0])
    arrays = [x, x.astype("f4"), np.array([1, 2, 3]), x + 1j, x > 2]

    def written(a: Any, b: Any) -> Any:
        a = a + 0 if a.dtype.kind != "b" else a & True
        np.copyto(a, b, casting=casting)
        return a

    def stacked(a: Any, b: Any) -> Any:
        return np.stack([a, b], casting=casting)

    def joined(a: Any, b: Any) -> Any:
        return np.concatenate([a, b], casting=casting, dtype="f4")

    def added(a: Any, b: Any) -> Any:
        return np.add(a, b, casting=casting)

    def multiplied(a: Any, b: Any) -> Any:
        return np.einsum("i,i", a, b, casting=casting)

    for f in (written, stacked, joined, added, multiplied):
        for a in arrays:
            for b in arrays:
                try:
                    expected = f(a, b)
                except TypeError:
                    with pytest.raises(pg.errors.ArgumentTypeError):
                        f(pg.asarray(a), pg.asarray(b))
                    continue
                try:
                    found = f(pg.asarray(a), pg.asarray(b))
                except pg.errors.ArgumentTypeError:
                    assert casting in ("no", "equiv", "unsafe")
                    assert casting != "unsafe" or "c" in a.dtype.kind + b.dtype.kind
                    continue
                assert found.dtype == expected.dtype
                np.testing.assert_allclose(np.asarray(found), expected)
