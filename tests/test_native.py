"""Native code: the same results as the NumPy program, safely kept on disk, shared by threads."""

import multiprocessing
import os
import re
import stat
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import optree
import pytest
from op_driver import host, precision, put, same, samples
from op_table import all_rows
from test_compile_passes import KINDS, agree

import polygrad as pg

pytest.importorskip("llvmlite")

from polygrad.compile.native import cache, engine, program, writer


@pytest.fixture(autouse=True)
def _native_code(monkeypatch, tmp_path):
    monkeypatch.delenv("POLYGRAD_NATIVE", raising=False)
    monkeypatch.setenv("POLYGRAD_CACHE_DIR", str(tmp_path))
    with np.errstate(all="ignore"):
        yield


def native(f, *args):
    """``f`` as native code, which has to be in use for these arguments."""
    j = pg.jit(f)
    tier = j.lower(*args).native
    assert tier.wait(60), tier.state
    return j


def runs(j, *args):
    """The native program's own answer: None would mean that NumPy's took the call."""
    return j.lower(*args).native.native.call(*args)


def float_chain(x):
    return pg.sum(pg.tanh(x) * pg.exp(-(x**2)) + pg.log1p(x**2))


# -- from one program to the next ------------------------------------------------------------------


def test_native_code_takes_over_after_the_second_call():
    j = pg.jit(lambda x: pg.exp(x) + 1.0)
    x = np.asarray([0.0, 1.0])
    tier = j.lower(x).native
    j(x)
    assert "second call" in tier.state
    j(x)
    assert tier.wait(60)
    assert tier.state == "in use"
    assert "define i32 @program" in tier.source()
    np.testing.assert_allclose(j(x), np.exp(x) + 1.0, rtol=1e-15)


def test_the_page_about_it_runs(capsys):
    page = (Path(__file__).parent.parent / "docs" / "native-code.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", page, re.DOTALL)[1]
    exec(code, {})
    printed = capsys.readouterr().out
    assert printed.startswith("in use\n")
    assert "define i32 @program" in printed


def test_it_can_be_switched_off(monkeypatch):
    monkeypatch.setenv("POLYGRAD_NATIVE", "0")
    tier = pg.jit(pg.exp).lower(np.ones(2)).native
    assert tier.state == "not used: switched off by POLYGRAD_NATIVE=0"
    assert not tier.wait()


@pytest.mark.parametrize(
    ("f", "args", "reason"),
    [
        (lambda x: pg.sort(x), (np.ones(3),), "the op sort"),
        (lambda x: x * 2.0, (np.ones(3, complex),), "the data type complex128"),
        (lambda x: x + 1.0, (np.ones((0, 3)),), "arrays without elements"),
    ],
)
def test_what_has_no_native_code_says_so_and_runs_all_the_same(f, args, reason):
    j = pg.jit(f)
    expected = j(*args)
    tier = j.lower(*args).native
    assert not tier.wait(60)
    assert reason in tier.state
    same(j(*args), expected, 0.0, reason)


def test_a_failing_compiler_is_reported_and_done_without(monkeypatch):
    def broken(text):
        raise RuntimeError("no such processor")

    monkeypatch.setattr(engine, "compile_object", broken)
    j = pg.jit(lambda x: x * 3.0)
    tier = j.lower(np.ones(2)).native
    assert not tier.wait(60)
    assert tier.state == "not used: RuntimeError: no such processor"
    np.testing.assert_array_equal(j(np.ones(2)), [3.0, 3.0])


# -- the same results ------------------------------------------------------------------------------


COVERED = frozenset(
    [
        "cholesky",
        "diagonal",
        "solve_triangular",
        "tril",
        "triu",
        "add",
        "subtract",
        "multiply",
        "divide",
        "negative",
        "abs",
        "square",
        "sqrt",
        "exp",
        "expm1",
        "log",
        "log1p",
        "log2",
        "log10",
        "tanh",
        "sin",
        "cos",
        "pow",
        "maximum",
        "minimum",
        "where",
        "sum",
        "mean",
        "max",
        "min",
        "prod",
        "all",
        "any",
        "matmul",
        "reshape",
        "permute_dims",
        "matrix_transpose",
        "broadcast_to",
        "flip",
        "equal",
        "not_equal",
        "less",
        "greater",
        "isnan",
        "isfinite",
        "logical_and",
        "logical_not",
        "bitwise_and",
        "astype",
        "floor",
        "ceil",
        "round",
        "trunc",
        "sign",
        "take",
        "relu",
        "sigmoid",
        "softmax",
        "softmax_cross_entropy",
        "expand_dims",
        "squeeze",
        "copysign",
        "signbit",
        "reciprocal",
    ]
)


def test_every_covered_op_equals_eager():
    met, seen = set(), set()
    for row in all_rows():
        name = row.name.rpartition(".")[2]
        if name not in COVERED:
            continue
        for case, dtype, given in samples(row):
            if case.needs or (name, dtype) in seen or dtype.startswith("complex"):
                continue
            args, kwargs = put((given, case.kwargs), pg.device("cpu"), True)
            leaves, spec = optree.tree_flatten(args)
            at = [i for i, leaf in enumerate(leaves) if isinstance(leaf, np.ndarray)]

            def f(*arrays, row=row, kwargs=kwargs, leaves=leaves, spec=spec, at=at):
                full = list(leaves)  # sizes and axes are no arguments: those would be traced
                for i, array in zip(at, arrays, strict=True):
                    full[i] = array
                return row.function(*optree.tree_unflatten(spec, full), **kwargs)

            args = [leaves[i] for i in at]
            j = pg.jit(f)
            if not j.lower(*args).native.wait(60):
                continue
            seen.add((name, dtype))
            met.add(name)
            same(host(j(*args)), host(f(*args)), max(precision(row, dtype), 1e-12), (case, dtype))
    assert not COVERED - met, f"no native code for {COVERED - met}"


@pytest.mark.parametrize("chunk", [writer.CHUNK, 16])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(12))
def test_random_programs_equal_eager(seed, kind, chunk, monkeypatch):
    monkeypatch.setattr(writer, "CHUNK", chunk)  # many chunks, and products in blocks
    monkeypatch.setattr(writer, "ALONE", writer.ALONE if chunk > 16 else 0)
    monkeypatch.setattr(writer, "INLINE", writer.INLINE if chunk > 16 else 8)
    f, args = KINDS[kind](np.random.default_rng(3000 + seed))
    before = [a.copy() for a in args]
    monkeypatch.setenv("POLYGRAD_JIT", "0")
    expected = pg.jit(f)(*args)
    monkeypatch.delenv("POLYGRAD_JIT")
    j = pg.jit(f)
    tier = j.lower(*args).native
    if not tier.wait(60):
        assert (
            "no native code for arrays without elements" in tier.state or "data types" in tier.state
        )
        return
    first = j(*args)
    kept = [np.copy(a) for a in first]
    second = j(*args)
    agree(first, expected, seed)
    agree(second, expected, seed)
    for a, b in zip((*args, *first), (*before, *kept), strict=True):
        np.testing.assert_array_equal(a, b)  # inputs and earlier results are never written
    arrays = [*args, *first, *second]
    for i, a in enumerate(arrays):
        assert not any(np.shares_memory(a, b) for b in arrays[:i])


SIZES = ((1, 1, 1), (5, 3, 2), (7, 60, 33), (64, 300, 130), (40, 7, 1), (1, 70, 40), (130, 520, 70))


@pytest.mark.parametrize("inline", [0, 1 << 40])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_products_of_all_shapes_and_orders(inline, dtype, monkeypatch):
    monkeypatch.setattr(writer, "INLINE", inline)
    rng = np.random.default_rng(0)
    pairs, functions = [], []
    for i, (m, k, n) in enumerate(SIZES):
        a, b = rng.integers(-4, 5, (m, k)), rng.integers(-4, 5, (k, n))
        turned = i % 4
        pairs += [
            (a.T if turned & 1 else a).astype(dtype),
            (b.T if turned & 2 else b).astype(dtype),
        ]
        functions.append(
            lambda a, b, t=turned: (
                (pg.matrix_transpose(a) if t & 1 else a) @ (pg.matrix_transpose(b) if t & 2 else b)
            )
        )
    pairs += [
        rng.integers(-4, 5, (3, 5, 8)).astype(dtype),
        rng.integers(-4, 5, (3, 8, 4)).astype(dtype),
    ]
    pairs += [rng.integers(-4, 5, (9,)).astype(dtype), rng.integers(-4, 5, (9,)).astype(dtype)]
    functions += [lambda a, b: a @ b] * 2

    def f(*arrays):
        return [g(a, b) for g, a, b in zip(functions, arrays[::2], arrays[1::2], strict=True)]

    pairs = [np.ascontiguousarray(p) for p in pairs]
    for got, expected in zip(native(f, *pairs)(*pairs), f(*pairs), strict=True):
        np.testing.assert_array_equal(got, expected)  # whole numbers: exact


def test_a_training_step_and_its_loss():
    rng = np.random.default_rng(1)
    weights = [rng.standard_normal(s).astype("float32") * 0.3 for s in ((6, 9), (9,), (9, 4), (4,))]
    x, labels = rng.standard_normal((12, 6)).astype("float32"), rng.integers(0, 4, 12)

    def loss(weights, x, labels):
        hidden = pg.tanh(x @ weights[0] + weights[1])
        return pg.mean(pg.nn.softmax_cross_entropy(hidden @ weights[2] + weights[3], labels))

    f = pg.value_and_grad(loss)
    value, grads = native(f, weights, x, labels)(weights, x, labels)
    expected, known = f(weights, x, labels)
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    for got, right in zip(grads, known, strict=True):
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, right, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("chunk", [writer.CHUNK, 16])
def test_what_is_added_at_an_index_several_times_adds_up(chunk, monkeypatch):
    monkeypatch.setattr(writer, "CHUNK", chunk)
    monkeypatch.setattr(writer, "ALONE", writer.ALONE if chunk > 16 else 0)
    rng = np.random.default_rng(0)
    x, i = rng.standard_normal((40, 3)), rng.integers(-40, 40, 200)

    def f(x, i):
        near = pg.sum((x[1:, ...] - x[:-1, ...]) ** 2) + pg.sum(pg.concat([x, x * x], axis=1) ** 3)
        return near + pg.sum(pg.exp(x[i]) * pg.reshape(pg.astype(i, pg.float64), (-1, 1)))

    gradient = pg.grad(f)
    np.testing.assert_allclose(native(gradient, x, i)(x, i), gradient(x, i), rtol=1e-12)


def test_long_sums_keep_their_precision():
    x = np.random.default_rng(0).random(3_000_001).astype("float32")
    got = native(pg.sum, x)(x)
    assert abs(float(got) - np.sum(x, dtype="float64")) < 2e-6 * x.size


# -- arguments -------------------------------------------------------------------------------------


def test_arrays_of_any_layout_give_the_same():
    f = lambda x: pg.sum(x * x, axis=0) + 1.0
    x = np.arange(12.0).reshape(3, 4)
    j = native(f, x)
    unaligned = np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view("float64").reshape(3, 4)
    for other in (np.asfortranarray(x), x[::-1][::-1], np.repeat(x, 2, 1)[:, ::2], unaligned):
        np.testing.assert_array_equal(j(other), f(x))
    assert runs(j, x) is not None
    assert runs(j, np.asfortranarray(x)) is None
    call = j.lower(x).native.native.call
    assert call() is None
    assert call(x, x) is None
    assert call(x.astype(">f8")) is None
    assert call(x.astype("float32")) is None
    assert call(x[:2].copy()) is None
    assert call([1.0]) is None


def test_numbers_and_arrays_without_axes():
    f = lambda x, scale: pg.exp(x) * scale
    x = np.asarray(0.5, "float32")
    j = native(f, x, 2.0)
    for scale in (2.0, -3.0):
        got = j(x, scale)
        assert (got.dtype, got.shape) == (np.float32, ())
        np.testing.assert_allclose(got, f(x, scale), rtol=1e-6)


def test_an_index_that_is_outside_raises_as_without_jit():
    f = lambda x, i: x[i] * 2.0
    x = np.arange(5.0)
    j = native(f, x, np.asarray([0, -1]))
    np.testing.assert_array_equal(j(x, np.asarray([4, -5])), [8.0, 0.0])
    for bad in (5, -6):
        assert runs(j, x, np.asarray([0, bad])) is None
        with pytest.raises(IndexError):
            j(x, np.asarray([0, bad]))


def test_an_angle_too_large_to_be_reduced_is_left_to_numpy():
    x = np.asarray([1.0, 1e9])
    j = native(pg.sin, x)
    assert runs(j, x) is None
    np.testing.assert_array_equal(j(x), np.sin(x))
    assert runs(j, np.asarray([1.0, np.inf])) is not None


# -- the math functions ----------------------------------------------------------------------------

RANGES = {
    "exp": (-700.0, 700.0, 1.0), "expm1": (-30.0, 700.0, 2.0), "log": (1e-300, 1e300, 1.0),
    "log1p": (-0.99, 1e300, 2.0), "log2": (1e-300, 1e300, 2.0), "log10": (1e-300, 1e300, 2.5),
    "tanh": (-20.0, 20.0, 2.5), "sin": (-9e5, 9e5, 2.5), "cos": (-9e5, 9e5, 2.5),
}  # fmt: skip
"""The range that samples are from, and the largest error in units in the last place."""


def spread(low, high, dtype, count=400):
    """Numbers over a range, dense near zero."""
    if dtype == "float32":
        low, high = max(low, -87.0 if high < 1e5 else -9e5), min(high, 88.0 if high < 1e5 else 1e37)
        low = max(low, 1e-37) if low > 0 else low
    rng = np.random.default_rng(0)
    if low > 0:
        return np.exp(rng.uniform(np.log(low), np.log(high), count)).astype(dtype)
    small = rng.uniform(-1, 1, count) * 10.0 ** rng.uniform(-30, 0, count)
    wide = rng.uniform(max(low, -1e3), min(high, 1e3), count)
    ends = rng.uniform(low, min(high, 9e5), count)
    return np.concatenate([small[small > low], wide, ends]).astype(dtype)


def ulps(got, x, function):
    """The largest error, in units in the last place of the right answer."""
    mpmath = pytest.importorskip("mpmath")
    worst = 0.0
    with mpmath.workprec(120):
        for y, one in zip(got, x, strict=True):
            right = getattr(mpmath, function)(mpmath.mpf(float(one)))
            unit = float(np.spacing(np.abs(got.dtype.type(float(right)))))
            worst = max(worst, float(abs(mpmath.mpf(float(y)) - right)) / unit)
    return worst


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_math_functions_are_as_exact_as_the_table_says(dtype):
    mpmath = pytest.importorskip("mpmath")
    mpmath.log2 = lambda x: mpmath.log(x) / mpmath.log(2)
    inputs = [spread(low, high, dtype) for low, high, _ in RANGES.values()]
    j = native(
        lambda *xs: [getattr(pg, name)(x) for name, x in zip(RANGES, xs, strict=True)], *inputs
    )
    found = runs(j, *inputs)
    assert found is not None
    for (name, (_, _, bound)), x, got in zip(RANGES.items(), inputs, found, strict=True):
        assert ulps(got, x, name) < bound, name


EXACT = (0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-310, -1e-310, 5e-324, 1e-40, -1e-40)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_special_values_are_those_of_numpy(dtype):
    x = np.asarray(EXACT, dtype)
    names = ("exp", "expm1", "log", "log1p", "log2", "log10", "tanh", "sin", "cos", "sqrt", "abs")
    j = native(lambda x: [getattr(pg, name)(x) for name in names], x)
    for name, got in zip(names, runs(j, x), strict=True):
        expected = getattr(np, name)(x)
        np.testing.assert_allclose(
            got, expected, rtol=4 * np.finfo(dtype).eps, atol=0, err_msg=name
        )
        real = ~np.isnan(expected)
        np.testing.assert_array_equal(np.signbit(got)[real], np.signbit(expected)[real], name)
    a, b = (
        m.reshape(-1) for m in np.meshgrid([*x, 2, -2, 0.5, 3, -1.5], [*x, 2, -2, 0.5, 3, -1.5])
    )
    a, b = np.asarray(a, dtype), np.asarray(b, dtype)
    j = native(lambda a, b: [pg.pow(a, b), pg.maximum(a, b), pg.minimum(a, b)], a, b)
    for got, expected in zip(
        runs(j, a, b), (a**b, np.maximum(a, b), np.minimum(a, b)), strict=True
    ):
        np.testing.assert_allclose(got, expected, rtol=4 * np.finfo(dtype).eps, atol=0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_ends_of_the_range_are_right(dtype):
    info = np.finfo(dtype)
    x = np.asarray(
        [info.max, info.max / 2, info.max / 3, info.tiny, info.smallest_subnormal], dtype
    )
    names = ("log", "log1p", "log2", "log10", "tanh", "expm1", "sqrt")
    j = native(lambda x: [getattr(pg, name)(x) for name in names], x)
    for name, got in zip(names, runs(j, x), strict=True):
        np.testing.assert_allclose(got, getattr(np, name)(x), rtol=4 * info.eps, err_msg=name)


def test_subnormal_results_are_right():
    for dtype, x in (
        ("float32", np.linspace(-103, -87, 60)),
        ("float64", np.linspace(-745, -708, 60)),
    ):
        x = x.astype(dtype)
        np.testing.assert_allclose(
            native(pg.exp, x)(x), np.exp(x), rtol=0, atol=2 * np.finfo(dtype).smallest_subnormal
        )


# -- threads and processes -------------------------------------------------------------------------


def big():
    x = np.random.default_rng(0).standard_normal(300_000)
    return native(pg.value_and_grad(float_chain), x), x


def test_calls_of_several_threads_do_not_meet():
    j, x = big()
    inputs = [x * k for k in (0.5, 1.0, 1.5, 2.0)]
    expected = [pg.value_and_grad(float_chain)(one) for one in inputs]
    wrong = []

    def work(number):
        for _ in range(15):
            value, gradient = j(inputs[number])
            right = expected[number]
            if abs(value - right[0]) > 1e-6 or np.abs(gradient - right[1]).max() > 1e-12:
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(len(inputs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def _in_child(j, x, pipe):
    pipe.send(float(j(x)[0]))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_process_runs_on():
    j, x = big()
    expected = float(j(x)[0])
    mine, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("fork")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # about forking with threads
        child = context.Process(target=_in_child, args=(j, x, theirs))
        child.start()
    assert mine.poll(60), "the child hangs"
    assert mine.recv() == pytest.approx(expected, rel=1e-12)
    child.join()


# -- code on disk ----------------------------------------------------------------------------------


def fresh(monkeypatch):
    """A program, and how often the compiler ran for it."""
    count = []
    compile_object = engine.compile_object
    monkeypatch.setattr(engine, "compile_object", lambda t: count.append(t) or compile_object(t))
    j = pg.jit(lambda x: pg.exp(x) * 7.0 + 0.25)
    assert j.lower(np.ones(3)).native.wait(60)
    np.testing.assert_allclose(j(np.ones(3)), np.exp(1.0) * 7.0 + 0.25, rtol=1e-14)
    return len(count)


def test_code_is_compiled_once_and_read_again(monkeypatch, tmp_path):
    assert fresh(monkeypatch) == 1
    assert fresh(monkeypatch) == 0
    (path,) = (tmp_path / "native").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "swap"])
def test_damaged_code_is_compiled_again(damage, monkeypatch, tmp_path):
    fresh(monkeypatch)
    (path,) = (tmp_path / "native").iterdir()
    data = bytearray(path.read_bytes())
    if damage == "cut":
        data = data[: len(data) // 2]
    elif damage == "flip":
        data[len(data) // 2] ^= 1
    elif damage == "empty":
        data = bytearray()
    else:  # sound code, but of another program
        data = bytearray(cache._checksum("0" * 64, b"code") + b"code")
    path.write_bytes(bytes(data))
    assert fresh(monkeypatch) == 1
    assert fresh(monkeypatch) == 0


@pytest.mark.skipif(os.name != "posix", reason="owner and mode are those of POSIX")
def test_a_folder_that_others_may_write_to_is_left_alone(monkeypatch, tmp_path):
    fresh(monkeypatch)
    place = tmp_path / "native"
    place.chmod(0o770)
    with pytest.raises(cache.Refused, match="open to other users"), cache.opened():
        pass
    assert fresh(monkeypatch) == 1  # neither read
    before = {p: p.stat().st_mtime_ns for p in place.iterdir()}
    fresh(monkeypatch)
    assert {p: p.stat().st_mtime_ns for p in place.iterdir()} == before  # nor written


@pytest.mark.skipif(os.name != "posix", reason="owner and mode are those of POSIX")
def test_links_and_other_owners_are_not_followed(monkeypatch, tmp_path):
    fresh(monkeypatch)
    place = tmp_path / "native"
    (path,) = place.iterdir()
    elsewhere = tmp_path / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    assert cache.read(path.name) is None
    path.unlink()
    elsewhere.rename(path)
    assert cache.read(path.name) is not None
    place.rename(tmp_path / "moved")
    place.symlink_to(tmp_path / "moved")
    assert cache.read(path.name) is None
    place.unlink()
    (tmp_path / "moved").rename(place)
    monkeypatch.setattr(os, "getuid", lambda: os.stat(place).st_uid + 1)
    with pytest.raises(cache.Refused, match="another user"), cache.opened():
        pass


def test_no_folder_no_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("POLYGRAD_CACHE_DIR", "")
    with pytest.raises(cache.Refused, match="is empty"):
        cache.folder()
    assert fresh(monkeypatch) == 1
    assert fresh(monkeypatch) == 1


def test_old_files_are_removed(monkeypatch, tmp_path):
    monkeypatch.setattr(cache, "LIMIT", 3)
    for i in range(5):
        cache.write(cache.key(str(i)), b"code")
    assert len(list((tmp_path / "native").iterdir())) == 3


def test_the_name_of_code_depends_on_the_processor(monkeypatch):
    names = []
    monkeypatch.setattr(cache, "read", lambda name: names.append(name) or b"code")
    program.compiled("text")
    monkeypatch.setattr(engine, "processor", lambda: ("other", "+avx2"))
    program.compiled("text")
    monkeypatch.setattr(engine, "version", lambda: "0")
    program.compiled("text")
    assert len(set(names)) == 3


ENDS = """
import sys, time
import numpy as np, polygrad as pg
def f(x, w):
    for i in range(40):
        x = pg.tanh(x @ w + x) * (1 + i / 100) + pg.sin(x)
    return pg.sum(x)
g, x = pg.jit(pg.grad(f)), np.ones((8, 16))
g(x, np.eye(16)), g(x, np.eye(16))
time.sleep(float(sys.argv[1]))
"""


@pytest.mark.parametrize("later", ["0.05", "0.4"])
def test_a_process_may_end_while_code_is_compiled(later):
    done = subprocess.run([sys.executable, "-c", ENDS, later], timeout=60, check=False)
    assert done.returncode == 0
