"""Functions of SciPy and scikit-learn on tracked arrays: the table of tests and of a page.

Each case is called with plain NumPy arrays and with tracked ones. `Const` marks arrays that no
derivative is asked for. A case with a ``reason`` does not differentiate, and raises an error.
"""

import importlib
import os
import sys

os.environ["SCIPY_ARRAY_API"] = "1"  # SciPy reads it once, when it is imported

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy

import polygrad as pg


@dataclass(frozen=True)
class Const:
    """An argument that is an array, but no derivative by it is asked for."""

    value: Any


@dataclass(frozen=True)
class Reason:
    """Why a function does not differentiate, and the error that says so."""

    text: str
    match: str
    until: str = ""
    """The version of SciPy from which on it does."""


@dataclass(frozen=True)
class Case:
    """One function: how it is called, and why not where it cannot work."""

    library: str
    name: str
    variant: str
    call: Callable[..., Any]
    args: tuple[Any, ...]
    reason: Reason | None
    zero: bool

    def __str__(self) -> str:
        return f"{self.name} {self.variant}".strip()


CASES: list[Case] = []


def case(
    name: str,
    call: Callable[..., Any],
    *args: Any,
    reason: Reason | None = None,
    zero: bool = False,
    variant: str = "",
) -> None:
    """Enter a case; words after the function's name tell variants of it apart."""
    library = "scikit-learn" if name.startswith("sklearn") else "SciPy"
    name, _, rest = name.partition(" ")
    CASES.append(Case(library, name, variant or rest, call, args, reason, zero))


rng = np.random.default_rng(7)
V = np.array([0.7, -1.3, 2.1, 0.4, -0.6, 1.5, -0.2, 0.95])
W = np.array([1.1, 0.3, -0.8, 1.9, 0.5, -1.2, 0.15, -0.4])
POS = np.array([0.73, 1.3, 2.1, 0.41, 0.6, 1.52, 0.25, 0.95])
M = rng.normal(size=(6, 3))
N = rng.normal(size=(6, 3))
S = rng.normal(size=(3, 3)) + 3 * np.eye(3)
UNIT = np.array([0.1, 0.3, 0.5, 0.7, 0.88])
GRID = np.linspace(0.0, 2.0, 9)
QUAT = np.array([[0.2, 0.5, -0.3, 0.9], [0.7, -0.1, 0.4, 0.3]])
VEC = np.array([[0.3, -0.2, 0.5], [1.0, 0.4, -0.7]])
POSE = np.concatenate([VEC, VEC * 0.5], axis=1)
SECTION = np.array([[1.0, 0.4, 0.2, 1.0, -0.3, 0.1]])

CONVERTS = Reason(
    "converts its input to NumPy arrays, for compiled code", r"np\.asarray\(x\) of a tracked"
)
INTEGER = Reason("turns a value of the input into a Python int", r"int\(x\) of a tracked")
FLOAT = Reason("returns or uses a Python float", r"float\(x\) of a tracked")
MIXES = Reason("mixes the input with NumPy arrays of its own", "Multiple namespaces")
NO_RULE = Reason(
    "needs a function that has no derivative rule", "has no rule|has no derivative|no such function"
)
MEMORY = Reason(
    "reads the memory layout of NumPy arrays",
    "has no attribute|bytes-like|as a data type|common type|array element with a sequence|"
    "Iterator operand",
)
NUMPY_ONLY = Reason("takes NumPy arrays only", "only with NumPy arrays")


def weights(shape: tuple[int, ...]) -> Any:
    """Weights for a sum that no symmetry of the result hides errors from."""
    return np.cos(np.arange(int(np.prod(shape)))).reshape(shape)


def plain_value(case: Case, args: Any) -> float:
    """The weighted sum of what the function returns for NumPy arrays."""
    out = np.asarray(case.call(*args))
    return float(np.sum(np.real(out) * weights(out.shape)))


def newer_than(version: str) -> bool:
    """Whether the installed SciPy is at least of this version; "" for none."""
    parts = [tuple(map(int, v.split(".")[:2])) for v in (scipy.__version__, version) if v]
    return len(parts) == 2 and parts[0] >= parts[1]


def check(case: Case) -> None:
    """Value and gradient against finite differences through the plain NumPy version."""
    plain = [a.value if isinstance(a, Const) else a for a in case.args]
    places = tuple(i for i, a in enumerate(case.args) if not isinstance(a, Const))

    def loss(*arrays: Any) -> Any:
        full = [pg.asarray(a) for a in plain]
        for i, a in zip(places, arrays, strict=True):
            full[i] = a
        out = case.call(*full)
        assert type(out) is pg.Array, f"{case} returned {type(out).__name__}"
        return pg.sum(pg.real(out) * pg.asarray(weights(out.shape)))

    f = pg.value_and_grad(loss, argnums=tuple(range(len(places))))
    given = [plain[i] for i in places]
    if case.reason is not None and not newer_than(case.reason.until):
        with pytest.raises(Exception, match=case.reason.match):
            f(*given)
        return
    value, grads = f(*given)
    np.testing.assert_allclose(value, plain_value(case, plain), rtol=1e-9)
    for i, g in zip(places, grads, strict=True):
        x = plain[i]
        assert (g.shape, g.dtype) == (x.shape, x.dtype)
        expected = np.zeros_like(x)
        for k in np.ndindex(x.shape):
            step = np.zeros_like(x)
            step[k] = 1e-6
            up = plain_value(case, [*plain[:i], x + step, *plain[i + 1 :]])
            down = plain_value(case, [*plain[:i], x - step, *plain[i + 1 :]])
            expected[k] = (up - down) / 2e-6
        np.testing.assert_allclose(g, expected, rtol=1e-5, atol=1e-6)
    assert case.zero == all(not np.any(np.abs(g) > 1e-12) for g in grads)


HEADER = """# Other people's code

Functions of SciPy and scikit-learn that were called with tracked arrays. "yes" means that the
gradient agrees with finite differences through the same function on NumPy arrays. Elsewhere an
error is raised that says why: no gradient is ever lost in silence.

Set `SCIPY_ARRAY_API=1` before SciPy is imported, and import polygrad before you write
`from scipy... import ...`; scikit-learn's functions run with
`sklearn.config_context(array_api_dispatch=True)`. NumPy arrays may stand beside tracked ones, as
constants. SciPy's ufuncs (`scipy.special.expit`, `scipy.special.jv` ...) and NumPy's functions
need no setting at all.

What happens: most functions take arrays of any library through the array API standard, and run
as they are. SciPy hands others on to CuPy and JAX by name, with no place for a third library; so
with the switch set polygrad puts a front before them that acts on polygrad's arrays only. Behind
it either the function's own Python code runs with a NumPy whose `asarray` keeps tracked arrays,
or, in place of compiled code, polygrad's version does (`polygrad/scipy_functions`). Without the
switch SciPy is left alone.

This page is generated from the tests: run `python tests/other_code.py` after a change of
`tests/other_code*.py`.
"""


def page() -> str:
    """The page in Markdown."""
    lines = [HEADER]
    for library in ("SciPy", "scikit-learn"):
        cases = [case for case in CASES if case.library == library]
        works = [case for case in cases if case.reason is None]
        names = {case.name for case in works}
        lines += [
            f"## {library}",
            "",
            f"{len(names)} of {len({case.name for case in cases})} functions, "
            f"{len(works)} of {len(cases)} ways to call them.",
            "",
            "| function | differentiates |",
            "|---|---|",
        ]
        rows: dict[tuple[str, str], list[str]] = {}
        for case in sorted(cases, key=str):
            answer = "yes" if case.reason is None else f"no: {case.reason.text}"
            if case.zero:
                answer = "yes; the gradient is zero (ranks, signs or counts)"
            rows.setdefault((case.name, answer), []).append(case.variant)
        for (name, answer), ways in rows.items():
            named = "; ".join(way for way in ways if way)
            shown = (
                f" ({named})"
                if named and len(ways) <= 6
                else f" ({len(ways)} ways)"
                if named
                else ""
            )
            lines.append(f"| `{name}`{shown} | {answer} |")
        lines.append("")
    return "\n".join(lines)


PAGE = Path(__file__).parent.parent / "docs" / "other-code.md"


def load() -> list[Case]:
    """All cases."""
    for part in (
        "distances", "distributions", "geometry", "images", "interpolation", "linalg", "metrics",
        "scipy", "signal", "sklearn", "stats", "transforms",
    ):  # fmt: skip
        importlib.import_module(f"other_code_{part}")  # each enters its cases
    return sys.modules["other_code"].CASES


if __name__ == "__main__":
    load()
    PAGE.write_text(sys.modules["other_code"].page(), encoding="utf-8")
