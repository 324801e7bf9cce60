"""Each operand of each function of the table as a number, a NumPy scalar, an array, a list."""

import decimal
import enum
import fractions

import numpy as np
import pytest
from op_table import all_rows

import polygrad as pg
from polygrad.errors import ArgumentTypeError, IntegerRangeError, PolygradError, UnknownValueError

# Lists that are no operand: indices, axes, shifts, and what is documented to take one.
LISTS = {
    *("full_like", "stop_gradient", "pad", "bincount", "quantile", "nanquantile", "getitem"),
    *("index_set", "scatter_add", "take", "moveaxis", "roll", "repeat", "special.logsumexp"),
    *("nn.softmax_cross_entropy", "nn.mse"),
}
# Arguments that steer the program: under jit known ones only.
STATIC = {"pad", "bincount", "moveaxis", "roll", "special.polygamma", "special.multigammaln"}
STATIC |= {"special.logsumexp"}


def cases():
    for row in all_rows():
        if row.call is None and not row.creates:
            seen = set()
            for case in row.cases:
                kinds = tuple(type(arg) for arg in case.args)
                if kinds not in seen:
                    seen.add(kinds)
                    yield pytest.param(row, case, id=f"{row.name}-{len(seen)}")


def outcome(function, *args):
    """The leaves of the result, or the error; any that has no name of polygrad's is raised."""
    try:
        found = function(*args)
    except PolygradError as error:
        return error
    return [pg.to_numpy(x) if pg.is_array(x) else np.asarray(x) for x in pg.tree.leaves(found)]


def alike(left, right):
    for a, b in zip(left, right, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-12)


def forms(value):
    array = np.asarray(value)
    number = array.reshape(-1)[0].item()
    yield number
    yield array.dtype.type(number)
    yield np.asarray(number, array.dtype)
    yield array
    yield array.tolist() if array.ndim else [number]
    if isinstance(number, float):
        yield 2


def calls(row, case, place, form):
    """The outcome as it is, and compiled with all arrays as arguments."""
    args = [*case.args[:place], form, *case.args[place + 1 :]]
    traced = [i for i, x in enumerate(args) if isinstance(x, np.ndarray) and i not in row.decides]

    def call(*given):
        full = list(args)
        for i, x in zip(traced, given, strict=True):
            full[i] = x
        return row.function(*full, **case.kwargs)

    given = [args[i] for i in traced]
    return outcome(call, *given), outcome(pg.jit(call), *given)


@pytest.mark.parametrize(("row", "case"), cases())
@pytest.mark.filterwarnings("ignore")
def test_every_operand_in_every_form(row, case):
    for place, value in enumerate(case.args):
        kinds = (np.ndarray, np.generic, float, int)
        if not isinstance(value, kinds) or isinstance(value, bool) or np.size(value) == 0:
            continue
        for form in forms(value):
            eager, compiled = calls(row, case, place, form)
            if isinstance(form, list) and row.name not in LISTS:
                for found in (eager, compiled):
                    assert isinstance(found, ArgumentTypeError), (place, form, found)
                    assert row.name.rpartition(".")[2] in str(found) or "asarray" in str(found)
            elif isinstance(eager, PolygradError):
                assert type(compiled) is type(eager), (place, form, eager, compiled)
            elif isinstance(compiled, UnknownValueError):
                assert row.name in STATIC or "result depends on values" in str(compiled)
            else:
                assert not isinstance(compiled, PolygradError), (place, form, compiled)
                alike(eager, compiled)


class Level(enum.IntEnum):
    LOW = 2


class Metres(float):
    pass


X = np.asarray([0.5, 1.5, 3.0])
FUNCTIONS = {
    "add": lambda n, x: x + n,
    "reflected": lambda n, x: n - x,
    "power": lambda n, x: pg.pow(x, n),
    "maximum": lambda n, x: pg.maximum(n, x),
    "where": lambda n, x: pg.where(x > n, x, n),
    "clip": lambda n, x: pg.clip(n, x, 2.5),
    "xlogy": lambda n, x: pg.special.xlogy(n, x),
    "less": lambda n, x: x * (x < n),
    "sum": lambda n, x: pg.sum(n) * x,
    "full_like": lambda n, x: pg.full_like(x, n) * x,
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize(("given", "plain"), [(Level.LOW, 2), (Metres(2.5), 2.5)], ids=repr)
def test_numbers_of_subclasses_are_what_they_are_a_subclass_of(name, given, plain):
    f = FUNCTIONS[name]
    for transform in (lambda f: f, pg.jit, lambda f: pg.grad(lambda x: pg.sum(f(x)))):
        expected = transform(lambda x: f(plain, pg.asarray(x)))(X)
        found = transform(lambda x: f(given, pg.asarray(x)))(X)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(pg.to_numpy(found), pg.to_numpy(expected))


@pytest.mark.parametrize("given", [fractions.Fraction(1, 2), decimal.Decimal("0.5")], ids=repr)
def test_numbers_that_are_no_floats_are_refused_with_the_way_out(given):
    for call in (pg.add, pg.jit(lambda x, n: pg.add(x, n), static_argnums=1)):
        with pytest.raises(ArgumentTypeError, match=r"add: argument 2 is .*pass float\(...\)"):
            call(X, given)


@pytest.mark.parametrize("transform", [lambda f: f, pg.jit, pg.grad])
def test_a_number_is_limited_by_arrays(transform):
    f = transform(lambda t: pg.sum(pg.clip(0.7, t, 1.0) * pg.asarray([1.0, 2.0, 4.0])))
    found = pg.to_numpy(f(X))
    np.testing.assert_allclose(found, [0, 0, 0] if transform is pg.grad else 0.7 + 2 + 4)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64", "uint64"])
def test_bounds_of_integers(dtype):
    x = np.asarray([0, 1, 100], dtype)
    limits = np.iinfo(dtype)
    for run in (pg.clip, pg.jit(pg.clip, static_argnums=(1, 2))):
        assert run(x, -(2**70), 2**70).tolist() == [0, 1, 100]
        assert run(x, 1, 50).tolist() == [1, 1, 50]
        for bounds in ((int(limits.max) + 1, None), (None, int(limits.min) - 1)):
            with pytest.raises(IntegerRangeError, match="outside of"):
                run(x, *bounds)
    low, high = np.asarray([-5, 2, -5]), np.asarray([300, 300, 50])
    for run in (pg.clip, pg.jit(pg.clip)):
        assert run(x, low, high).tolist() == [0, 2, 50]
        assert (low.tolist(), high.tolist()) == ([-5, 2, -5], [300, 300, 50])
        assert run(x[:1], np.broadcast_to(low[:1], (3,)), high).tolist() == [0, 0, 0]


def test_numbers_count_as_arrays_without_axes():
    x = np.asarray([1.0, 4.0, 9.0])
    assert pg.diff(x, prepend=0.0, append=np.asarray(10.0)).tolist() == [1.0, 3.0, 5.0, 1.0]
    for f in (pg.sum, pg.zeros_like, pg.nan_to_num, lambda n: pg.meshgrid(n, x)[0]):
        alike(outcome(f, 2.0), outcome(pg.jit(f), 2.0))
    for f in (pg.nn.mse, pg.nn.gelu):
        count = 2 if f is pg.nn.mse else 1
        alike(outcome(f, *[2.0] * count), outcome(pg.jit(f), *[2.0] * count))


@pytest.mark.parametrize("x", [2.0, np.asarray(2.0), [1.0, 2.0]], ids=repr)
def test_a_layer_names_what_it_cannot_take(x):
    layer = pg.nn.Linear(weight=pg.ones((2, 1)), bias=pg.zeros(1))
    with pytest.raises(ArgumentTypeError, match="Linear: x is"):
        layer(x)
