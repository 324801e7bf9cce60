"""Operands of classes with rules of their own: they get their turn, or are refused by name."""

import numpy as np
import pytest

import polygrad as pg

X = np.array([1.0, 2.0, 3.0])


def tracked(f):
    """What ``f`` returns for a tracked X, read inside of the transform."""
    found = []

    def loss(x):
        found.append(f(x))
        return pg.sum(x)

    pg.grad(loss)(X)
    return found[0]


class Quantity(np.ndarray):
    """A subclass with protocols of its own, as astropy's and unyt's quantities are."""

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        return f"quantity {ufunc.__name__}"

    def __array_function__(self, function, types, args, options):
        return f"quantity {function.__name__}"


class Foreign:
    """No subclass of ndarray, as pint's and xarray's classes are."""

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        return f"foreign {ufunc.__name__}"

    def __array_function__(self, function, types, args, options):
        return f"foreign {function.__name__}"

    def __radd__(self, other):
        return "foreign radd"


class Plain(np.ndarray):
    """A subclass that changes nothing about the arithmetic."""


USES = {
    "operator": lambda x, m: x * m,
    "reflected": lambda x, m: m * x,
    "comparison": lambda x, m: x > m,
    "matmul": lambda x, m: x @ m,
    "ufunc": lambda x, m: np.add(x, m),
    "function": lambda x, m: np.where(x > 0, m, x),
    "list": lambda x, m: np.concatenate([x, m]),
    "where": lambda x, m: np.sum(x, where=m > 0),
    "method": lambda x, m: x.dot(m),
    "polygrad": lambda x, m: pg.multiply(x, m),
    "joined": lambda x, m: pg.concat([x, m]),
    "asarray": lambda x, m: pg.asarray(m),
    "nested": lambda x, m: pg.asarray([m, m]),
    "index": lambda x, m: x[m > 1],
    "assigned": lambda x, m: pg.at(x)[0].set(m[0]),
    "one operand": lambda x, m: pg.sin(m),
    "reduced": lambda x, m: pg.mean(m),
    "jit": lambda x, m: pg.jit(pg.sin)(m),
    "grad": lambda x, m: pg.grad(pg.sum)(m),
    "vmap": lambda x, m: pg.vmap(pg.sin)(m),
    "parameters": lambda x, m: pg.grad(lambda p: pg.sum(p["w"]))({"w": m}),
}


@pytest.mark.parametrize("use", USES)
def test_masked_arrays_are_refused_by_name(use: str) -> None:
    masked = np.ma.array([1.0, 2.0, 1e4], mask=[False, False, True])
    if use == "assigned":
        masked = np.ma.array([1.0, 2.0], mask=[True, False])
    with pytest.raises(pg.errors.PolygradError, match=r"filled\(value\)"):
        tracked(lambda x: USES[use](x, masked))


@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize("use", [name for name in USES if name not in ("where", "index")])
def test_matrices_are_refused_by_name(use: str) -> None:
    matrix = np.matrix([[1.0, 2.0, 3.0]])
    with pytest.raises(pg.errors.ArgumentTypeError, match=r"numpy\.matrix.*np\.asarray"):
        tracked(lambda x: USES[use](x, matrix))


def test_a_subclass_with_the_arithmetic_of_ndarray_is_an_array() -> None:
    for cls in (Plain, np.recarray):
        assert tracked(lambda x, cls=cls: pg.sum(x * X.view(cls)).item()) == 14.0
        np.testing.assert_array_equal(pg.grad(lambda x: pg.sum(x * x))(X.view(cls)), 2 * X)


@pytest.mark.parametrize(("other", "name"), [(X.view(Quantity), "quantity"), (Foreign(), "foreign")])  # fmt: skip # noqa: E501
def test_other_classes_get_their_turn(other: object, name: str) -> None:
    assert tracked(lambda x: np.add(x, other)) == f"{name} add"
    assert tracked(lambda x: np.add(other, x)) == f"{name} add"
    assert tracked(lambda x: np.add.outer(x, other)) == f"{name} add"
    assert tracked(lambda x: np.dot(x, other)) == f"{name} dot"
    assert tracked(lambda x: np.where(x > 0, other, other)) == f"{name} where"
    assert tracked(lambda x: np.concatenate([x, other])) == f"{name} concatenate"
    assert tracked(lambda x: x + other) in ("quantity add", "foreign radd")
    for use in (lambda x: pg.add(x, other), lambda x: pg.asarray(other)):
        with pytest.raises(pg.errors.ArgumentTypeError, match="Quantity|Foreign"):
            tracked(use)


def test_a_pint_quantity_keeps_its_unit_or_raises() -> None:
    pint = pytest.importorskip("pint")
    unit = pint.UnitRegistry()

    def length(x):
        chosen = np.where(x > 2.5, unit.Quantity(1.0, "km"), unit.Quantity(1.0, "m"))
        return pg.sum(x * chosen.to("m").magnitude)

    x = np.array([1.0, 2.0, 3.0])
    value, slope = pg.value_and_grad(length)(x)
    assert value == 3003.0
    np.testing.assert_array_equal(slope, [1.0, 1.0, 1000.0])
    q = unit.Quantity(X, "m")
    assert tracked(lambda x: (x * q).units) == unit.m
    assert tracked(lambda x: (q * x).units) == unit.m
    assert tracked(lambda x: np.dot(x, q).units) == unit.m
    joined = tracked(lambda x: np.concatenate([unit.Quantity(x, "m"), unit.Quantity(X, "km")]))
    assert joined.units == unit.m
    for use in (lambda x: np.add(x, q), lambda x: np.concatenate([x, q]), lambda x: np.maximum(x, q)):  # fmt: skip # noqa: E501
        with pytest.raises(pint.DimensionalityError):
            tracked(use)
    for use in (lambda x: pg.asarray(q), lambda x: pg.asarray([q[0], q[1]]), lambda x: pg.add(x, q)):  # fmt: skip # noqa: E501
        with pytest.raises(pg.errors.ArgumentTypeError, match="Quantity"):
            tracked(use)


def test_sparse_and_labelled_arrays() -> None:
    sparse, xarray = pytest.importorskip("sparse"), pytest.importorskip("xarray")
    flat, labelled = sparse.COO.from_numpy(X), xarray.DataArray(X, dims="a")
    for use in (lambda x: x + flat, lambda x: np.add(x, flat), lambda x: pg.add(x, flat)):
        with pytest.raises(pg.errors.MixedArraysError, match="numpy and sparse"):
            tracked(use)
    for use in (lambda x: x + labelled, lambda x: labelled + x, lambda x: np.add(labelled, x)):
        assert tracked(use).dims == ("a",)
    with pytest.raises(pg.errors.ArgumentTypeError, match="xarray.DataArray"):
        tracked(lambda x: pg.add(x, labelled))


def test_the_advice_for_a_list_of_tracked_numbers_fits() -> None:
    with pytest.raises(pg.errors.LostGradientError, match=r"np\.stack, np\.concatenate"):
        tracked(lambda x: np.array([[x[0], x[1]], [x[1], x[2]]]))


@pytest.mark.backends
def test_a_tensor_subclass_gets_its_turn() -> None:
    torch = pytest.importorskip("torch")

    class Other:
        @classmethod
        def __torch_function__(cls, function, types, args=(), options=None):
            return f"other {function.__name__}"

    x = torch.ones(3)
    assert pg.asarray(x) is not None
    found = []

    def loss(x):
        found.append(torch.add(x, Other()))
        return pg.sum(x)

    pg.grad(loss)(x)
    assert found == ["other add"]
