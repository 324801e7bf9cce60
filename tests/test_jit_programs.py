"""Which program a call gets: order of dicts, integers, how many are kept; pickled functions."""

import copy
import enum
import pickle
import warnings
from collections import OrderedDict, defaultdict
from typing import Any

import numpy as np
import pytest

import polygrad as pg

A, B = np.asarray([1.0, 2.0]), np.asarray([3.0])
ORDERS = [{"a": A, "b": B}, {"b": B, "a": A}]


def joined(d: Any) -> Any:
    return pg.concat(list(d.values()))


def weighed(d: Any) -> Any:
    return pg.sum(joined(d) * np.arange(3.0))


@pytest.mark.parametrize("kind", [dict, OrderedDict, lambda d: defaultdict(float, d)])
def test_dicts_are_seen_in_the_order_of_the_caller(kind: Any) -> None:
    plain, nested = pg.jit(joined), pg.jit(lambda t: joined(t[0]["x"]))
    words = pg.jit(lambda **named: joined(named))
    slopes = pg.jit(pg.grad(weighed)), pg.grad(pg.jit(weighed)), pg.grad(pg.checkpoint(weighed))
    for _ in range(3):
        for d in map(kind, ORDERS):
            assert plain(d).tolist() == joined(d).tolist()
            assert nested([{"x": d}]).tolist() == joined(d).tolist()
            assert words(**d).tolist() == joined(d).tolist()
            expected = pg.grad(weighed)(d)
            for slope in slopes:
                found = slope(d)
                assert list(found) == list(expected) == list(d)
                assert all(found[k].tolist() == expected[k].tolist() for k in d)
            rows = kind({k: np.stack([v, v]) for k, v in d.items()})
            mapped = pg.jit(pg.vmap(joined))(rows)
            assert mapped[1].tolist() == joined(d).tolist()


def test_static_keywords_keep_their_place() -> None:
    j = pg.jit(lambda **named: list(named), static_argnames=("mode",))
    assert j(mode="a", x=1.0) == ["mode", "x"]
    assert j(x=1.0, mode="a") == ["x", "mode"]


def test_integers_are_traced_and_meet_arrays_as_numbers_do() -> None:
    traces = []

    def f(x: Any, n: Any) -> Any:
        traces.append(n)
        return x * n, n // 2 + 1, x + 2**n, n / 4

    for dtype in ("float32", "int8", "uint8", "float16"):
        j, x = pg.jit(f), np.asarray([1, 2, 3], dtype)
        traces.clear()
        for n in (0, 1, 3, 5):
            found, expected = j(x, n), f(pg.asarray(x), n)
            for a, b in zip(found, expected, strict=True):
                np.testing.assert_array_equal(a, pg.to_numpy(b) if pg.is_array(b) else b)
                assert getattr(a, "dtype", type(a)) == getattr(b, "dtype", type(b))
        assert len(traces) == 5  # one of jit, four of eager calls


@pytest.mark.parametrize("native", [False, True])
def test_an_integer_outside_of_a_type_is_as_in_eager_code(
    native: bool, monkeypatch: Any, tmp_path: Any
) -> None:
    if native:
        monkeypatch.delenv("POLYGRAD_NATIVE", raising=False)
        monkeypatch.setenv("POLYGRAD_CACHE_DIR", str(tmp_path))
    x = pg.asarray([1, 200], dtype="uint8")
    for f in (lambda x, n: x + n, lambda x, n: x * n, lambda x, n: pg.maximum(x, n)):
        j = pg.jit(f)
        assert not native or j.lower(x, 1).native.wait(60)
        assert j(x, 7).tolist() == f(x, 7).tolist()
        for n in (300, -1):
            with pytest.raises(OverflowError, match=f"{n}.*uint8"):
                f(x, n)
            with pytest.raises(pg.errors.IntegerRangeError, match=f"{n} is outside of uint8"):
                j(x, n)
    for f in (lambda x, n: x < n, lambda x, n: x == n, lambda x, n: x >= n):
        j = pg.jit(f)
        for n in (-1, 0, 200, 255, 256, 2**40):
            assert j(x, n).tolist() == f(x, n).tolist()
    with pytest.raises(pg.errors.IntegerRangeError, match=r"argument n is .*static_argnums"):
        pg.jit(lambda x, n: x * n)(x, 2**64)


class Mode(enum.IntEnum):
    A = 1
    B = 2


def test_bools_and_members_of_an_enum_are_static() -> None:
    j = pg.jit(lambda x, flag, mode: x * 2 if flag and mode is Mode.B else -x)
    assert j(1.5, True, Mode.B) == 3.0
    assert j(1.5, False, Mode.B) == j(1.5, True, Mode.A) == -1.5

    class Size(int):
        pass

    assert pg.jit(lambda x, n: x * n)(np.ones(1), Size(3)).tolist() == [3.0]


@pytest.mark.parametrize(
    "f",
    [
        lambda x, n: [x for _ in range(n)],
        lambda x, n: [x, x][n],
        lambda x, n: pg.sum(x, axis=n),
        lambda x, n: pg.reshape(x, (n,)),
        lambda x, n: x if n > 1 else -x,
        lambda x, n: x[:n],
        lambda x, n: float(n),
    ],
)
def test_where_python_needs_an_integer_the_error_says_how(f: Any) -> None:
    with pytest.raises(pg.errors.UnknownValueError, match="static_argnums"):
        pg.jit(f)(np.ones(1), 1)
    assert pg.tree.leaves(pg.jit(f, static_argnums=1)(np.ones(1), -1)) is not None


def test_the_programs_kept_are_the_latest_used() -> None:
    traces = []

    def f(x: Any) -> Any:
        traces.append(x.shape)
        return x * 2.0

    j = pg.jit(f, cache_size=4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pg.errors.RetraceWarning)
        for n in range(30):
            j(np.ones(n))
            j(np.ones(0))  # used each time: it stays, through its shortcut
    assert traces.count((0,)) == 1
    assert "4 programs" in repr(j)
    assert len(j._shortcuts) <= 4
    assert len(j._tried) <= 4
    assert j(np.ones(3)).tolist() == [2.0] * 3
    for bad in (0, 2.5, True):
        with pytest.raises(pg.PolygradError, match="cache_size"):
            pg.jit(f, cache_size=bad)  # type: ignore[arg-type]


def test_the_warning_names_the_argument_and_its_last_values() -> None:
    j = pg.jit(lambda x, *, mode: x, static_argnames="mode")
    k = pg.jit(lambda x, tree: x)
    for i in range(15):
        j(np.ones(1), mode=i)
        k(np.ones(1), {"w": np.ones(i)})
    with pytest.warns(pg.errors.RetraceWarning, match="static argument mode was 14, then 15"):
        j(np.ones(1), mode=15)
    with pytest.warns(pg.errors.RetraceWarning, match=r"tree\['w'\] was float64\[14\], then .*15"):
        k(np.ones(1), {"w": np.ones(15)})


def cubed(x: Any) -> Any:
    return pg.sum(x**3)


@pg.jit
def decorated(x: Any) -> Any:
    return x * 2.0


@pg.custom_vjp
def clipped(x: Any) -> Any:
    return pg.sum(x * x)


clipped.defvjp(lambda x: (pg.sum(x * x), x), lambda x, g: (pg.clip(2.0 * x * g, -1.0, 1.0),))


MADE = [
    pg.jit(cubed), pg.grad(cubed), pg.value_and_grad(cubed), pg.vmap(cubed), pg.jit(pg.grad(cubed)),
    pg.grad(pg.jit(cubed)), pg.vmap(pg.grad(cubed)), pg.hessian(cubed), pg.jacfwd(cubed),
    pg.jacrev(cubed), pg.checkpoint(cubed), decorated, clipped, pg.jit(clipped),
]  # fmt: skip


@pytest.mark.parametrize("f", MADE, ids=map(str, range(len(MADE))))
def test_functions_are_pickled_and_copied(f: Any) -> None:
    x = np.asarray([[1.0, 2.0], [0.5, -1.0]])
    expected = pg.tree.leaves(f(x))
    for other in (pickle.loads(pickle.dumps(f)), copy.deepcopy(f)):
        for a, b in zip(pg.tree.leaves(other(x)), expected, strict=True):
            np.testing.assert_array_equal(a, b)
    assert pickle.loads(pickle.dumps(decorated)) is decorated


def test_closures_go_through_cloudpickle_and_workers() -> None:
    cloudpickle = pytest.importorskip("cloudpickle")
    joblib = pytest.importorskip("joblib")
    scale = 3.0
    f = pg.jit(pg.grad(lambda x: pg.sum(x * x) * scale))
    f(np.ones(2))  # with a program, a shortcut and a lock
    again = cloudpickle.loads(cloudpickle.dumps(f))
    assert again(np.ones(2)).tolist() == [6.0, 6.0]
    found = joblib.Parallel(n_jobs=2)(joblib.delayed(f)(np.full(2, i)) for i in (1.0, 2.0))
    assert [x.tolist() for x in found] == [[6.0, 6.0], [12.0, 12.0]]


@pytest.mark.slow
@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_functions_of_a_module_go_to_processes(method: str) -> None:
    import multiprocessing

    with multiprocessing.get_context(method).Pool(1) as pool:
        for f in (decorated, MADE[0], MADE[1]):
            found = pool.apply_async(f, (np.ones(2),)).get(60)
            np.testing.assert_array_equal(found, f(np.ones(2)))
