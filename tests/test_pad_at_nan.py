"""pad, functional updates and nan-safe reductions, with their gradients."""

import array_api_strict
import numpy as np
import pytest

import polygrad as pg

rng = np.random.default_rng(1)
X = rng.normal(size=(3, 4))
MODES = ["constant", "edge", "reflect", "symmetric", "wrap"]
WIDTHS = [0, 2, (1, 3), ((0, 2), (5, 1)), ((2, 0), (9, 8)), [[1, 1], [0, 0]]]


def to_numpy(x):
    return np.from_dlpack(x) if isinstance(x, array_api_strict._array_object.Array) else x


@pytest.mark.parametrize("library", [np, array_api_strict])
@pytest.mark.parametrize("width", WIDTHS, ids=str)
@pytest.mark.parametrize("mode", MODES)
def test_pad(mode, width, library):
    x = library.asarray(X)
    expected = np.pad(X, width, mode=mode)
    np.testing.assert_array_equal(to_numpy(pg.pad(x, width, mode=mode)), expected)
    weights = rng.normal(size=expected.shape)
    # The transpose of a linear map, element by element: pad is one.
    g = pg.grad(lambda x: pg.sum(pg.pad(x, width, mode=mode) * pg.asarray(library.asarray(weights))))(x)  # fmt: skip # noqa: E501
    by_hand = np.zeros_like(X)
    for k in np.ndindex(X.shape):
        unit = np.zeros_like(X)
        unit[k] = 1.0
        by_hand[k] = np.sum(np.pad(unit, width, mode=mode) * weights)
    np.testing.assert_allclose(to_numpy(g), by_hand, atol=1e-12)


@pytest.mark.parametrize("values", [2.5, (1.0, 2.0), ((1.0, 2.0), (3.0, 4.0))], ids=str)
def test_pad_with_constants(values):
    got = pg.pad(X, ((1, 2), (0, 3)), constant_values=values)
    np.testing.assert_array_equal(got, np.pad(X, ((1, 2), (0, 3)), constant_values=values))


def test_pad_is_differentiable_by_its_constant_and_keeps_the_dtype():
    x = np.ones(3, dtype=np.float32)
    g = pg.grad(lambda c: pg.sum(pg.pad(pg.asarray(x), (1, 2), constant_values=c)))(np.float32(2.0))
    assert g.item() == 3.0
    assert pg.pad(x, 1, constant_values=1.5).dtype == np.float32
    assert pg.pad(np.float64(3.0), 0).item() == 3.0


@pytest.mark.parametrize(
    ("args", "error", "match"),
    [
        ((X, 1, "mean"), "ArgumentValueError", "got mode 'mean', expected one of 'constant'"),
        ((X, -1), "ArgumentValueError", "none negative"),
        ((X, 1.5), "ArgumentValueError", "expected integers"),
        ((X, (1, 2, 3)), "ArgumentTypeError", "2 axes"),
        ((X, ((1, 1), (1, 1), (1, 1))), "ArgumentTypeError", "a pair for each axis"),
        ((X[:0], 1, "edge"), "ArgumentValueError", "axis 0 is empty"),
    ],
)
def test_pad_refuses(args, error, match):
    with pytest.raises(getattr(pg.errors, error), match=match):
        pg.pad(*args)


# -- functional updates -------------------------------------------------------------------

KEYS = [
    1, (0, 2), slice(1, None), (Ellipsis, 1), np.array([0, 2, 0]), ([0, 0, 2], [1, 1, 3]),
    X > 0.2, (slice(None), np.array([3, 3, 1])), (np.array([[0], [0]]), np.array([1, 1, 2])),
]  # fmt: skip
NUMPY_AT = {
    "add": np.add, "subtract": np.subtract, "multiply": np.multiply, "divide": np.divide,
    "min": np.minimum, "max": np.maximum, "power": np.power,
}  # fmt: skip


def updated(method, x, key, values):
    out = x.copy()
    NUMPY_AT[method].at(out, key, values)
    return out


def numeric(f, x, h=1e-6):
    g = np.zeros_like(x)
    for k in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[k] = h
        g[k] = (f(x + step) - f(x - step)) / (2 * h)
    return g


@pytest.mark.parametrize("key", KEYS, ids=lambda k: type(k).__name__)
@pytest.mark.parametrize("method", NUMPY_AT)
def test_update(method, key):
    x = np.abs(X) + 0.5
    values = np.abs(rng.normal(size=x[key].shape)) + 0.3
    weights = rng.normal(size=x.shape)
    before = x.copy()

    def f(x, v):
        return getattr(pg.asarray(x).at[key], method)(v)

    got = pg.to_numpy(f(x, values))
    np.testing.assert_allclose(got, updated(method, x, key, values))
    gx, gv = pg.grad(lambda x, v: pg.sum(f(x, v) * pg.asarray(weights)), argnums=(0, 1))(x, values)
    np.testing.assert_allclose(
        gx, numeric(lambda z: np.sum(updated(method, z, key, values) * weights), x), atol=1e-7
    )
    np.testing.assert_allclose(
        gv,
        numeric(lambda v: np.sum(updated(method, x, key, v) * weights), np.asarray(values)),
        atol=1e-7,
    )
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("method", ["add", "multiply", "max"])
def test_update_on_strict_arrays_with_repeated_indices(method):
    x, v = array_api_strict.asarray([1.0, 2.0, 3.0]), array_api_strict.asarray([4.0, 5.0, 6.0])
    key = array_api_strict.asarray([0, 0, 2])
    got = getattr(pg.at(x)[key], method)(v)
    expected = updated(method, np.array([1.0, 2.0, 3.0]), [0, 0, 2], np.array([4.0, 5.0, 6.0]))
    np.testing.assert_allclose(np.from_dlpack(got), expected)


def test_set_get_and_apply():
    x = pg.asarray([1.0, 2.0, 3.0])
    assert x.at[1].set(5.0).tolist() == [1.0, 5.0, 3.0]
    assert x.at[1:].get().tolist() == [2.0, 3.0]
    assert x.at[0].apply(lambda a, b: a * 10 + b, 4.0).tolist() == [14.0, 2.0, 3.0]
    assert x.tolist() == [1.0, 2.0, 3.0]
    g = pg.grad(lambda x: pg.sum(x.at[1].set(x[0] ** 2) * 2.0))(x)
    assert g.tolist() == [6.0, 0.0, 2.0]


def test_update_keeps_the_dtype_and_refuses_what_it_cannot_hold():
    x = pg.asarray([1, 2, 3])
    with pytest.raises(pg.errors.ArgumentTypeError, match=r"float64 and x is int64"):
        x.at[0].add(0.5)
    small = pg.asarray([1.0, 2.0], dtype=pg.float32)
    assert small.at[0].add(pg.asarray(0.5, dtype=pg.float64)).dtype == pg.float32


# -- nan-safe reductions ---------------------------------------------------------------------

HOLES = np.array([[1.0, np.nan, 3.0, -2.0], [0.5, 4.0, np.nan, np.nan], [2.0, 2.5, 1.5, 0.7]])
REDUCERS = ["nanmedian", "nansum", "nanmean", "nanmax", "nanmin", "nanprod", "nanvar", "nanstd"]


@pytest.mark.parametrize("library", [np, array_api_strict])
@pytest.mark.parametrize("options", [{}, {"axis": 0}, {"axis": 1, "keepdims": True}], ids=str)
@pytest.mark.parametrize("name", REDUCERS)
def test_nan_reduction(name, options, library):
    x = library.asarray(HOLES)
    f, reference = getattr(pg, name), getattr(np, name)
    np.testing.assert_allclose(to_numpy(f(x, **options)), reference(HOLES, **options))
    g = to_numpy(pg.grad(lambda x: pg.sum(f(x, **options)))(x))
    np.testing.assert_array_equal(g[np.isnan(HOLES)], 0.0)
    filled = np.isnan(HOLES)

    def value(z):
        return np.sum(reference(np.where(filled, np.nan, z), **options))

    expected = numeric(value, np.where(filled, 0.0, HOLES))
    np.testing.assert_allclose(g, expected, atol=1e-7)


def test_nothing_left():
    x = np.array([[np.nan, np.nan], [1.0, np.nan]])
    with np.errstate(all="ignore"):
        for name in ("nanmax", "nanmin", "nanmean", "nanvar"):
            got = getattr(pg, name)(x, axis=1)
            assert np.isnan(got[0]), name
            assert np.isfinite(got[1]), name
        assert pg.nansum(x, axis=1).tolist() == [0.0, 1.0]
        g = pg.grad(lambda x: pg.sum(pg.nanmax(x, axis=1)[1:]))(x)
    assert g.tolist() == [[0.0, 0.0], [1.0, 0.0]]


def test_nancumsum_and_nan_to_num():
    np.testing.assert_array_equal(pg.nancumsum(HOLES, axis=1), np.nancumsum(HOLES, axis=1))
    x = np.array([1.0, np.nan, np.inf, -np.inf], dtype=np.float32)
    np.testing.assert_array_equal(pg.nan_to_num(x), np.nan_to_num(x))
    np.testing.assert_array_equal(
        pg.nan_to_num(x, nan=1.0, posinf=2.0, neginf=3.0), np.array([1, 1, 2, 3], np.float32)
    )
    g = pg.grad(lambda x: pg.sum(pg.nan_to_num(x, nan=1.0, posinf=2.0, neginf=3.0) ** 2))(x)
    assert g.tolist() == [2.0, 0.0, 0.0, 0.0]
    n = np.arange(3)
    np.testing.assert_array_equal(pg.nansum(n), 3)
    np.testing.assert_array_equal(pg.nanmax(n), 2)


def test_nanquantile():
    for q in (0.0, 0.3, [0.1, 0.9], 1.0):
        np.testing.assert_allclose(
            pg.nanquantile(HOLES, q, axis=1), np.nanquantile(HOLES, q, axis=1)
        )
    with np.errstate(all="ignore"):
        assert np.isnan(pg.nanmedian(np.array([np.nan, np.nan])))
    with pytest.raises(pg.errors.ArgumentValueError, match="expected 0 to 1"):
        pg.nanquantile(HOLES, 1.2)


def test_quantile_median_convolve_bincount():
    x = np.array([[3.0, 1.0, 2.0], [0.5, 4.0, 9.0]])
    np.testing.assert_allclose(pg.median(x, axis=0), np.median(x, axis=0))
    np.testing.assert_allclose(pg.quantile(x, [0.1, 0.6], axis=1), np.quantile(x, [0.1, 0.6], 1))
    g = pg.grad(lambda x: pg.quantile(x, 0.6))(x)
    assert np.count_nonzero(g) <= 2
    assert g.sum() == pytest.approx(1.0)
    strict = [array_api_strict.asarray(v) for v in (x[0], x[1])]
    got = pg.grad(lambda a: pg.sum(pg.convolve(a, strict[1]) ** 2))(strict[0])
    expected = pg.grad(lambda a: pg.sum(pg.convolve(a, x[1]) ** 2))(x[0])
    np.testing.assert_allclose(np.from_dlpack(got), expected)
    np.testing.assert_array_equal(pg.bincount(np.array([0, 3, 3]), minlength=6), [1, 0, 0, 2, 0, 0])
    for bad, match in ((lambda: pg.bincount(np.array([-1])), "negative"),
                       (lambda: pg.quantile(x, 2.0), "expected 0 to 1"),
                       (lambda: pg.quantile(x, 0.5, method="other"), "expected one of"),
                       (lambda: pg.convolve(x, x[0]), "one axis"),
                       (lambda: pg.convolve(x[0], x[0], "most"), "got mode 'most'")):  # fmt: skip
        with pytest.raises(ValueError, match=match):
            bad()


# -- what is not chosen carries no gradient, however infinite its derivative ------------------

CHOICES = {
    "where": lambda x: pg.where(x > 0, x * pg.log(x), 0.0),
    "mask": lambda x: pg.sqrt(x)[x > 0],
    "index": lambda x: (1 / x)[np.array([1, 2])],
    "clip": lambda x: pg.clip(pg.log(x), -10.0, None),
    "maximum": lambda x: pg.maximum(pg.log(x), -10.0),
    "assignment": lambda x: pg.index_set(pg.log(x) ** 2, 5.0, x == 0),
    "rows": lambda x: pg.where((x > 0)[:, None], (1 / x)[:, None] ** 2 * np.ones(3), 1.0),
}


@pytest.mark.parametrize("name", CHOICES)
def test_no_nan_comes_from_elements_that_are_not_chosen(name):
    f = CHOICES[name]
    x, inner = np.array([0.0, 1.0, 4.0]), np.array([1.0, 4.0])
    with np.errstate(all="ignore"):
        g = pg.grad(lambda x: pg.sum(f(x)))(x)
        second = pg.grad(lambda x: pg.sum(pg.grad(lambda y: pg.sum(f(y)))(x)))(x)
    assert g[0] == 0.0
    assert second[0] == 0.0
    if name != "index":
        np.testing.assert_allclose(g[1:], pg.grad(lambda x: pg.sum(f(x)))(inner))


def test_a_cotangent_that_happens_to_be_zero_keeps_its_dependence():
    """Behind a choice 0 * inf is 0, but 0 * b is not a constant: three derivatives of x**3."""

    def f(x):
        y = x * x
        return pg.where(x > -1, y * x, 0.0)

    for order, expected in enumerate((0.0, 0.0, 6.0, 0.0), 1):
        g = f
        for _ in range(order):
            g = pg.grad(g)
        assert g(0.0) == expected
