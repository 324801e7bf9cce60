"""The table of all functions and ops, a row each; tests/test_ops.py drives every row.

How to add a row
----------------
Rows live in tests/rows/<family>.py, in a list called ROWS; every file there is collected. A new
function without a row makes tests/test_op_table.py fail. One line is enough for most::

    unary("sin")                                      # elementwise, one operand
    unary("log", low=0.1, high=3.0, special=[at(0.0, grad=inf)])
    binary("hypot", special=[at(0.0, 0.0, grad=(0.0, 0.0))])
    row("trace", case(real(3, 3)), case(real(2, 3, 4), offset=1), reference=np.trace)

A row names the public function (``"linalg.inv"`` for ``pg.linalg.inv``); a `case` holds the
arguments of one call, as NumPy arrays in double precision, Python numbers, or lists and tuples
of them. Each case is run

- forward, on every device, in float64 and float32 (and complex128 and complex64 if the row says
  ``complex=True``), against ``reference`` (NumPy's function of that name by default);
- backward, compared between devices, against finite differences, forward against reverse mode,
  and at second order. All floating-point arrays among the positional arguments are varied;
- under vmap, with each operand batched and not, in both modes (tests/test_vmap_ops.py).

Say so where a row differs (see `Row` and `Case`): ``gradient="none"`` for functions without a
derivative, ``smooth=False`` for cases on a kink (ties), ``fixed=(1,)`` for arguments that have
no derivative, ``order=1`` to leave out second order (with a reason in a comment),
``decides=(0,)`` for arrays whose values decide on the shape of the answer,
``needs="boolean_indexing"`` or ``"data_dependent_shapes"`` for what array-api-strict's flags of
these names forbid, ``complex_only`` with complex samples, ``project=f`` to compare a function
of the result where the result itself is only defined up to signs or order.

``special=[at(args..., grad=..., value=...)]`` lists points with a documented gradient (for the
cotangent 1 everywhere; a tuple for several arguments) and value: 0, infinities, 1000, ties.
They are checked in double and single precision, in both modes, on every device.

Which ops a row covers is found by running it, not declared.
"""

import importlib.util
import pathlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import optree

import polygrad as pg

inf, nan = float("inf"), float("nan")


@dataclass(frozen=True, eq=False)
class Case:
    """The arguments of one call."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)
    smooth: bool = True
    """Whether finite differences make sense here: False at kinks and ties."""
    needs: str | None = None
    """The strict flag without which the case cannot run."""
    dtypes: tuple[str, ...] | None = None
    """In place of the row's dtypes; ``()`` leaves the samples as they are."""

    def __repr__(self) -> str:
        shown = [_show(leaf) for leaf in self.args]
        shown += [f"{key}={_show(value)}" for key, value in self.kwargs.items()]
        return f"({', '.join(shown)})"


@dataclass(frozen=True, eq=False)
class Special:
    """A point where the gradient is documented."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    grad: Any
    value: Any


@dataclass(frozen=True, eq=False)
class Row:
    """One public function; see the top of this file."""

    name: str
    cases: tuple[Case, ...]
    reference: Callable[..., Any] | None = None
    gradient: str = "yes"
    """"yes", "none" (answers carry no gradient), "raises" (a tracked argument is refused)."""
    complex: bool = False
    complex_only: bool = False
    fixed: tuple[int, ...] = ()
    order: int = 2
    special: tuple[Special, ...] = ()
    call: Callable[..., Any] | None = None
    project: Callable[[Any], Any] | None = None
    rtol: float = 1e-12
    """For values in double precision; single precision gets 1e9 times that, at most 1e-3."""
    eps: float | None = None
    """The step of the finite differences, where the default 1e-6 does not suit."""
    raw: bool = True
    """Whether the function gives raw arrays back for raw arguments."""
    decides: tuple[int, ...] = ()
    """Arrays among the arguments whose values decide on the shape of the answer: vmap over one
    of them is refused. The masks of cases that need boolean_indexing are such without a word."""
    another: Callable[[Any, int], Any] | None = None
    """Another array like one of the arguments, for the examples of a vmap after the first."""
    creates: bool = False
    """A creation function: takes device= and makes an Array whatever it is given."""

    @property
    def function(self) -> Callable[..., Any]:
        """What the row calls."""
        if self.call is not None:
            return self.call
        found: Any = pg
        for part in self.name.split("."):
            found = getattr(found, part)
        return found

    @property
    def expected(self) -> Callable[..., Any]:
        """NumPy's function, or what the row gives in its place."""
        return self.reference or getattr(np, self.name.rpartition(".")[2])

    @property
    def dtypes(self) -> tuple[str, ...]:
        """The data types every case is run in."""
        both = ("float64", "float32")
        if self.complex_only:
            return ("complex128", "complex64")
        return both + ("complex128", "complex64") if self.complex else both

    def __repr__(self) -> str:
        return self.name


def case(
    *args: Any,
    smooth: bool = True,
    needs: str | None = None,
    dtypes: tuple[str, ...] | None = None,
    **kwargs: Any,
) -> Case:
    """One call of the row's function."""
    return Case(args, kwargs, smooth, needs, dtypes)


def at(*args: Any, grad: Any = None, value: Any = None, **kwargs: Any) -> Special:
    """A special point; ``grad`` or ``value`` None leaves that unchecked."""
    return Special(args, kwargs, grad, value)


def row(name: str, *cases: Case, special: Iterable[Special] = (), **options: Any) -> Row:
    """A row of the table."""
    return Row(name, cases, special=tuple(special), **options)


def _rng(*seed: int) -> np.random.Generator:
    return np.random.default_rng([7, *seed])


def real(*shape: int, low: float = -2.0, high: float = 2.0, seed: int = 0) -> Any:
    """A sample with elements that differ and keep off the ends of the interval."""
    size = int(np.prod(shape))
    steps = (np.arange(size) + 0.5) / max(size, 1)
    order = _rng(size, seed).permutation(size)
    shift = _rng(size, seed + 1).uniform(-0.3, 0.3, size) / max(size, 1)
    return (low + (high - low) * (steps + shift)[order]).reshape(shape)


def cplx(*shape: int, seed: int = 0, **interval: Any) -> Any:
    """A complex sample."""
    parts = [real(*shape, seed=one, **interval) for one in (seed, seed + 50)]
    return np.asarray(parts[0] + 1j * parts[1])


def unary(name: str, low: float = -2.0, high: float = 2.0, **options: Any) -> Row:
    """A row for an elementwise function of one operand: 1-d, 3-d, 0-d, empty, strided."""
    shapes: list[tuple[int, ...]] = [(5,), (2, 1, 3), (), (0,), (2, 0)]
    cases = [case(real(*shape, low=low, high=high)) for shape in shapes]
    cases.append(case(real(4, 6, low=low, high=high)[::-2, 1::2].T))
    return row(name, *cases, **options)


def binary(
    name: str,
    low: float = -2.0,
    high: float = 2.0,
    low2: float | None = None,
    high2: float | None = None,
    scalars: bool = True,
    **options: Any,
) -> Row:
    """A row for an elementwise function of two: equal and broadcast shapes, Python numbers."""
    low2, high2 = low if low2 is None else low2, high if high2 is None else high2
    pairs: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
        ((4,), (4,)), ((2, 3), (3,)), ((3, 1), (2, 1, 4)), ((), (3,)), ((2, 2), ()), ((), ()),
        ((0,), (0,)), ((0, 3), (1, 1)), ((1,), (2, 0)),
    ]  # fmt: skip
    cases = [
        case(real(*a, low=low, high=high), real(*b, low=low2, high=high2, seed=1)) for a, b in pairs
    ]
    if scalars:
        x, y = float(real(low=low, high=high)), float(real(low=low2, high=high2, seed=1))
        cases.append(case(real(2, 3, low=low, high=high), y))
        cases.append(case(x, real(2, 3, low=low2, high=high2, seed=1)))
    return row(name, *cases, **options)


def convert(value: Any, dtype: str) -> Any:
    """The floating-point arrays of a pytree in another data type.

    A real sample made complex gets an imaginary part; a complex one stays complex.
    """

    def one(leaf: Any) -> Any:
        if not isinstance(leaf, np.ndarray) or leaf.dtype.kind not in "fc":
            return leaf
        if dtype.startswith("complex") and leaf.dtype.kind == "f":
            leaf = np.asarray(leaf + 0.7j * real(*leaf.shape, low=-1.5, high=1.5, seed=9))
        if leaf.dtype.kind == "c" and not dtype.startswith("complex"):
            return leaf.astype({"float32": "complex64"}.get(dtype, "complex128"))
        return leaf.astype(dtype)

    return optree.tree_map(one, value)


def _show(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{list(value.shape)}"
    if isinstance(value, list | tuple):
        return f"{type(value).__name__}({', '.join(_show(one) for one in value)})"
    return repr(value)


def _collect() -> list[Row]:
    rows: list[Row] = []
    for path in sorted((pathlib.Path(__file__).parent / "rows").glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"rows_{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        rows += module.ROWS
    return rows


def all_rows() -> list[Row]:
    """Every row of tests/rows, once each."""
    if not _ROWS:
        _ROWS.extend(_collect())
    return _ROWS


_ROWS: list[Row] = []


def public_names() -> set[str]:
    """The names of the namespace and its extensions, and the functions of pg.nn."""
    public = set(pg.ops.__all__)
    for extension in (pg.linalg, pg.fft, pg.special):
        short = extension.__name__.rpartition(".")[2]
        functions = [n for n in extension.__all__ if not isinstance(getattr(extension, n), type)]
        public |= {f"{short}.{name}" for name in functions}
    for name in pg.nn.__all__:  # initializers make numbers, and classes are made of functions
        value = getattr(pg.nn, name)
        own = name not in pg.ops.__all__ and not isinstance(value, type)
        public |= {f"nn.{name}"} if own and "initializers" not in value.__module__ else set()
    return public


NO_ROW = dict.fromkeys(
    [
        *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
        *("float16", "bfloat16", "float32", "float64", "complex64", "complex128"),
        *("e", "pi", "inf", "nan", "newaxis"),
        *("can_cast", "finfo", "iinfo", "isdtype", "result_type", "broadcast_shapes"),
    ],
    "a constant, a data type or a question about types and shapes; tested in test_dtypes",
) | {
    "empty": "its values are unspecified; tested in test_op_table",
    "empty_like": "its values are unspecified; tested in test_op_table",
    "from_dlpack": "takes objects of other libraries; tested with the devices",
    "device_of": "returns a device; tested with the backends",
    "to_numpy": "leaves the array API; tested with the devices",
    "fft": "an extension; its functions have rows of their own",
    "linalg": "an extension; its functions have rows of their own",
    "special": "an extension; its functions have rows of their own",
    "to_device": "its result is on another device than its argument; tested with the devices",
}
"""Public names without a row, with the reason."""
OPS_WITHOUT_ROW = {
    "to_device": NO_ROW["to_device"],
    "unique_counts": "run by its row on untracked arrays only; tracked ones take unique_all",
    "unique_inverse": "run by its row on untracked arrays only; tracked ones take unique_all",
    "call": "runs a Python function of the caller's; tested in test_control_flow",
    "linear_solve": "runs a solver of the caller's; tested in test_implicit",
    **dict.fromkeys(
        ["psum", "pmax", "pmin", "all_gather"],
        "across the examples of a vmap; tested in test_collectives",
    ),
    "class_places": "written by jit in place of a cross-entropy; tested in test_compile_passes",
    "recursion": "part of scipy.signal.lfilter; tested in test_scipy",
    "implicit_root": "runs a solver of the caller's; tested in test_implicit",
    "scan": "written by jit in place of a loop; tested in test_jit_control_flow",
    "while_loop": "written by jit in place of a loop; tested in test_jit_control_flow",
    "cond": "written by jit in place of a branch; tested in test_jit_control_flow",
    "as_number": "written by jit after a loop; tested in test_jit_control_flow",
    "joined": "puts the parts of a complex view together; tested in test_views",
    **dict.fromkeys(["sqrtm", "sylvester"], "of scipy.linalg's names; tested in test_scipy"),
    "std_root": "written by jit in place of std; tested in test_second_order_kinks",
    **dict.fromkeys(
        ["length", "length_slope", "length_change"],
        "of lengths that are differentiated twice; tested in test_second_order_kinks",
    ),
    **dict.fromkeys(
        ["eigh_for_values", "svd_for_values"],
        "for what depends on the values alone; tested in test_repeated_values",
    ),
    "eigh_upper": "of numpy.linalg.eigh; tested in test_linalg",
    "factors": "part of determinants; tested in test_repeated_values",
    "barrier": "written by checkpoint under jit; tested in test_jit_under_transforms",
}
"""Ops that no row runs, with the reason."""
