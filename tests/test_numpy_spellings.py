"""NumPy's names and signatures in polygrad's namespace, where the standard has none."""

import numpy as np
import pytest

import polygrad as pg
from polygrad.numpy_functions.table import FUNCTIONS

M = np.arange(1.0, 13.0).reshape(3, 4)
CALLS = """
concatenate([x,x])|concatenate([x,x],1)|dot(x,x.T)|outer(x[0],x[1])|diag(x[:3,:3])|split(x,2,axis=1)
cumsum(x)|cumsum(x,1)|arctan2(x,2)|linalg.norm(x)|linalg.norm(x,axis=1)|fft.fft2(x)|vstack([x,x])
hstack([x,x])|transpose(x)|transpose(x,(1,0))|power(x,2)|exp2(x)|gradient(x,axis=0)|ravel(x)
swapaxes(x,0,1)|trace(x)|average(x,axis=0)|percentile(x,30)|interp(1.5,x[0],x[1])|kron(x,x)
sum(x,1)|sum(x,where=x>2)|mean(x,0,dtype='f4')|mean(x,where=x>2)|var(x,ddof=1)|std(x,0,ddof=1)
max(x,1)|min(x,0,initial=-3)|prod(x,0)|any(x>3,out=None)|all(x>0,1)|argmax(x,1)|concat([x,x],1)
stack([x,x],1)|expand_dims(x,0)|squeeze(x[None],0)|squeeze(x[None])|flip(x,0)|roll(x,1,1)|sort(x,0)
tensordot(x,x.T,1)|nanmean(x,1)|nanmean(x,dtype='f4')|nanvar(x,ddof=1)|nansum(x,1,keepdims=True)
nanprod(x,dtype='f4')|nancumsum(x,1,dtype='f4')|nanquantile(x,q=0.3)|quantile(a=x,q=0.3)|median(x,1)
lib.stride_tricks.sliding_window_view(x,2,axis=1)|diff(x,1,0)|clip(x,a_min=2,a_max=5)|tril(x,1)
take(x,[0,1],1)|repeat(x,2,1)|reshape(x,(2,6),order='F')|linalg.svd(x,compute_uv=False)
"""


@pytest.mark.parametrize("text", CALLS.replace("\n", "|").strip("|").split("|"))
def test_call(text: str) -> None:
    expected = eval(f"np.{text}", {"np": np, "x": M})
    found = eval(f"pg.{text}", {"pg": pg, "x": pg.asarray(M)})
    if not isinstance(expected, list | tuple):
        expected, found = [expected], [found]
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(np.asarray(a), b, rtol=1e-6)


def test_every_name_of_the_table_is_found() -> None:
    for name in FUNCTIONS:
        at, *rest = name.removeprefix("numpy.").split(".")
        if at != "lib":
            found = getattr(pg, at)
            assert callable(getattr(found, rest[0]) if rest else found), name


def test_a_spelling_differentiates_compiled_too() -> None:
    def f(x):
        return pg.sum(pg.cumsum(x, 1) * pg.outer(x[:, 0], x[0]))

    slope = pg.grad(f)(M)
    np.testing.assert_allclose(pg.jit(pg.grad(f))(M), slope)
    step = 1e-6 * np.cos(M)
    np.testing.assert_allclose(
        np.sum(slope * np.cos(M)), (f(M + step) - f(M - step)) / 2e-6, rtol=1e-6
    )


def test_names_and_arguments_that_neither_has() -> None:
    for name in ("frobnicate", "linalg.frobnicate", "fft.frobnicate"):
        section, _, last = f"pg.{name}".rpartition(".")
        with pytest.raises(AttributeError, match=f"no attribute '{last}'"):
            getattr(eval(section), last)
    with pytest.raises(pg.errors.ArgumentTypeError, match="numpy.sum .*'axes'"):
        pg.sum(pg.asarray(M), axes=1)


def test_slope_at_a_nan_between_even_places() -> None:
    """numpy.gradient takes the sample in the middle only where places are uneven."""
    f = np.array([1.0, np.nan, 4.0, 2.0, 9.0])
    places = np.arange(5.0) / 2
    expected = np.gradient(f, places)
    np.testing.assert_array_equal(np.gradient(pg.asarray(f), places), expected)
    slope = pg.grad(lambda f: np.gradient(f, places)[1])(f)
    np.testing.assert_array_equal(slope, [-1.0, 0.0, 1.0, 0.0, 0.0])


@pytest.mark.parametrize("take", ["nanstd", "std"])
def test_deviation_of_one_element_has_slope_0(take: str) -> None:
    mask = np.array([True, False])
    x = np.array([2.0, np.nan])
    slope = pg.grad(lambda x: getattr(np, take)(x, where=mask))(x)
    np.testing.assert_array_equal(slope, [0.0, 0.0])
