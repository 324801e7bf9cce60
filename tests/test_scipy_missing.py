"""scipy.stats' nan_policy: what is dropped, refused and passed on, row by row, as for NumPy."""

import numpy as np
import pytest
from scipy import stats

import polygrad as pg

X = np.random.default_rng(0).normal(size=(4, 6))
X[1, 2] = np.nan
X[3, :3] = np.nan
Y = np.random.default_rng(1).normal(size=(4, 6))
Y[2, 1] = np.nan
ONE = {
    "skew": stats.skew,
    "kurtosis": stats.kurtosis,
    "variation": stats.variation,
    "moment": lambda x, **o: stats.moment(x, 3, **o),
    "sem": stats.sem,
    "gmean": lambda x, **o: stats.gmean(abs(x), **o),
    "hmean": lambda x, **o: stats.hmean(abs(x), **o),
    "pmean": lambda x, **o: stats.pmean(abs(x), 2, **o),
    "entropy": lambda x, **o: stats.entropy(abs(x), **o),
    "iqr": stats.iqr,
    "median_abs_deviation": stats.median_abs_deviation,
    "tmean": lambda x, **o: stats.tmean(x, (-1, 1), **o),
    "tvar": lambda x, **o: stats.tvar(x, (-1, 1), **o),
    "circmean": stats.circmean,
    "gstd": lambda x, **o: stats.gstd(abs(x), **o),
    "kstat": lambda x, **o: stats.kstat(x, 2, **o),
    "lmoment": lambda x, **o: stats.lmoment(x, 2, **o),
    "ttest_1samp": lambda x, **o: stats.ttest_1samp(x, 0.3, **o).statistic,
    "wilcoxon": lambda x, **o: stats.wilcoxon(x, **o).statistic,
    "ttest_ind": lambda x, **o: stats.ttest_ind(x, Y, **o).pvalue,
    "ttest_rel": lambda x, **o: stats.ttest_rel(x, Y, **o).statistic,
    "f_oneway": lambda x, **o: stats.f_oneway(x, Y, **o).statistic,
    "mood": lambda x, **o: stats.mood(x, Y, **o).statistic,
    "ansari": lambda x, **o: stats.ansari(x, Y, **o).statistic,
    "brunnermunzel": lambda x, **o: stats.brunnermunzel(x, Y, **o).statistic,
    "chatterjeexi": lambda x, **o: stats.chatterjeexi(x, Y, **o).statistic,
    "spearmanrho": lambda x, **o: stats.spearmanrho(x, Y, **o).statistic,
}
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("name", ONE)
@pytest.mark.parametrize(
    "options",
    [
        {"axis": 1},
        {"axis": 1, "nan_policy": "omit"},
        {"axis": 1, "nan_policy": "omit", "keepdims": True},
        {"axis": 0, "nan_policy": "omit"},
        {"axis": None, "nan_policy": "omit"},
    ],
)
def test_missing_values_are_treated_as_for_numpy(name, options):
    expected = ONE[name](X, **options)
    plain = ONE[name](pg.asarray(X), **options)
    tracked, _ = pg.vjp(lambda x: pg.asarray(ONE[name](x, **options)), X)
    for found in (plain, tracked):
        assert found.shape == np.shape(expected)
        np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("name", ONE)
def test_missing_values_are_refused_where_they_are_to_be(name):
    for run in (lambda x: ONE[name](pg.asarray(x), axis=1, nan_policy="raise"),
                pg.grad(lambda x: pg.sum(ONE[name](x, axis=1, nan_policy="raise")))):  # fmt: skip
        with pytest.raises(ValueError, match="contains nan"):
            run(X)


@pytest.mark.parametrize(
    "name", ["skew", "sem", "tmean", "kstat", "lmoment", "ttest_1samp", "gstd"]
)
def test_slopes_beside_missing_values(name):
    def value(x):
        return ONE[name](x, axis=1, nan_policy="omit")

    weight = np.array([1.0, -2.0, 3.0, 0.5])
    slope = np.asarray(pg.grad(lambda x: pg.sum(value(x) * weight))(X))
    direction = np.random.default_rng(2).normal(size=X.shape)
    along = (value(X + 1e-6 * direction) - value(X - 1e-6 * direction)) / 2e-6
    assert not slope[np.isnan(X)].any()
    np.testing.assert_allclose(np.sum(slope * direction), weight @ along, rtol=1e-5)
