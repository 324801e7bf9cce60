"""xarray on tracked arrays: NumPy's value, and the slope that finite differences show."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import polygrad as pg

xr = pytest.importorskip("xarray")
pytestmark = [pytest.mark.backends, pytest.mark.filterwarnings("ignore")]

SHAPE = (4, 6)
WEIGHTS = np.random.default_rng(3).uniform(0.5, 1.0, SHAPE)


def labelled(x: Any) -> Any:
    places = {"a": np.arange(4.0), "b": 0.5 * np.arange(6.0), "g": ("a", ["u", "v", "u", "v"])}
    return xr.DataArray(x, dims=("a", "b"), coords=places)


def first_two(d: Any) -> Any:
    d = d.copy()
    d.loc[{"a": 1.0}] = d.loc[{"a": 2.0}] * 2
    return d


OTHER = labelled(WEIGHTS)
CASES: dict[str, Callable[[Any], Any]] = {
    "mean": lambda d: d.mean("a"),
    "std": lambda d: d.std("a", ddof=1),
    "var": lambda d: d.var(),
    "prod": lambda d: d.prod("b"),
    "sum": lambda d: d.sum("a", min_count=2),
    "max": lambda d: d.max() - d.min("a"),
    "cumsum": lambda d: d.cumsum("a"),
    "median": lambda d: d.median("b"),
    "corr": lambda d: xr.corr(d, OTHER, dim="b"),
    "cov": lambda d: xr.cov(d, OTHER),
    "groupby mean": lambda d: d.groupby("g").mean(),
    "groupby std": lambda d: d.groupby("g").std(),
    "groupby map": lambda d: d.groupby("g").map(lambda part: part - part.mean()),
    "groupby bins": lambda d: d.groupby_bins("b", [0, 1, 3]).mean(),
    "coarsen": lambda d: d.coarsen(b=2).mean(),
    "rolling": lambda d: d.rolling(b=3).mean(),
    "rolling std": lambda d: d.rolling(b=3, center=True).std(),
    "differentiate": lambda d: d.differentiate("b"),
    "differentiate twice": lambda d: d.differentiate("b", edge_order=2),
    "integrate": lambda d: d.integrate("b"),
    "running integral": lambda d: d.cumulative_integrate("b"),
    "weighted mean": lambda d: d.weighted(OTHER).mean("a"),
    "weighted std": lambda d: d.weighted(OTHER).std("b"),
    "quantile": lambda d: d.quantile([0.2, 0.7], dim="b"),
    "where": lambda d: d.where(d > 0, -3 * d),
    "fillna": lambda d: d.where(d.b > 1).fillna(OTHER),
    "dot": lambda d: xr.dot(d, OTHER, dim="b"),
    "concat": lambda d: xr.concat([d, OTHER, d * 2], "a"),
    "stack": lambda d: d.stack(z=("a", "b")).unstack("z"),
    "transpose": lambda d: d.transpose("b", "a"),
    "construct": lambda d: d.coarsen(b=2).construct(b=("b1", "b2")),
    "pad": lambda d: d.pad(b=2, mode="reflect"),
    "shift": lambda d: d.shift(b=1),
    "polyfit": lambda d: d.fillna(0.5).polyfit("b", 1).polyfit_coefficients,
    "dataset": lambda d: xr.Dataset({"p": d, "q": d * 2}).mean("a").to_array(),
    "assignment": first_two,
    "ufuncs": lambda d: np.sin(d) + xr.apply_ufunc(np.tanh, d),
}


def values(with_nan: bool) -> np.ndarray:
    x = np.random.default_rng(0).normal(size=SHAPE)
    if with_nan:
        x[1, 2] = x[3, 0] = np.nan
    return x


@pytest.mark.parametrize("with_nan", [False, True], ids=["", "nan"])
@pytest.mark.parametrize("name", CASES)
def test_value_and_gradient(name: str, with_nan: bool) -> None:
    x, f = values(with_nan), CASES[name]
    out = np.asarray(f(labelled(x)).data)
    weights = np.where(np.isnan(out), 0.0, np.random.default_rng(7).normal(size=out.shape))

    def loss(x: Any) -> Any:
        found = f(labelled(x)).data
        assert type(found) is type(x)
        return np.sum(np.where(np.isnan(found), 0.0, found) * weights)

    value, slope = pg.value_and_grad(loss)(x)
    np.testing.assert_allclose(value, loss(x), rtol=1e-10)
    direction = np.random.default_rng(9).normal(size=SHAPE)
    step = 1e-6 * np.where(np.isnan(x), 0.0, direction)
    expected = (loss(x + step) - loss(x - step)) / 2e-6
    np.testing.assert_allclose(np.sum(slope * direction), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    "f",
    [
        lambda d: d.interp(b=[0.3]),
        lambda d: d.interpolate_na("b"),
        lambda d: d.weighted(OTHER).quantile(0.3, dim="b"),
        lambda d: d.groupby("g").first(),
        lambda d: d.isel(a=0).sortby(d.isel(a=0)),
    ],
    ids=["interp", "interpolate_na", "weighted quantile", "first", "sortby"],
)
def test_what_leaves_numpy_raises(f: Callable[[Any], Any]) -> None:
    with pytest.raises(pg.errors.LostGradientError):
        pg.grad(lambda x: pg.sum(f(labelled(x)).data))(values(True))
