"""Native code gives eager code's answers for every integer type, and says when it is not used."""

import math
import operator
import os
import pickle
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import polygrad as pg

pytest.importorskip("llvmlite")

from polygrad.compile.native import cache

TYPES = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
COMPARISONS = ("lt", "le", "gt", "ge", "eq", "ne")


@pytest.fixture(autouse=True)
def _at_once(monkeypatch, tmp_path):
    monkeypatch.setenv("POLYGRAD_NATIVE", "wait")
    monkeypatch.setenv("POLYGRAD_CACHE_DIR", str(tmp_path))


def ends(dtype):
    info = np.iinfo(dtype)
    return np.asarray([info.min, info.min + 1, 0, 1, info.max - 1, info.max], dtype)


def used(j, *args):
    tier = j.lower(*args).native
    assert tier.native is not None, tier.state
    return tier


@pytest.mark.parametrize("dtype", TYPES)
def test_comparisons_with_any_number_are_exact(dtype):
    x = ends(dtype)
    low, high = int(x[0]), int(x[-1])
    numbers = (low - 1, low, 0, high, high + 1, -1, 2**32, -(2**70), 2**63, 0.5, float(high))
    names = [(name, n) for name in COMPARISONS for n in numbers]

    def f(x):
        both = [getattr(operator, name)(x, n) for name, n in names]
        return [*both, *(getattr(operator, name)(n, x) for name, n in names)]

    j = pg.jit(f)
    for got, expected in zip(j(x), f(x), strict=True):
        np.testing.assert_array_equal(got, expected)
    assert used(j, x).state == "in use"


def test_comparisons_of_integers_of_two_types_are_exact():
    arrays = [ends(dtype) for dtype in TYPES]

    def f(*arrays):
        pairs = [(a, b[::-1]) for a in arrays for b in arrays]
        return [getattr(operator, name)(a, b) for name in COMPARISONS for a, b in pairs]

    j = pg.jit(f)
    for got, expected in zip(j(*arrays), f(*arrays), strict=True):
        np.testing.assert_array_equal(got, expected)
    assert used(j, *arrays).state == "in use"


def test_arithmetic_of_booleans():
    x, y = np.asarray([True, True, False, False]), np.asarray([True, False, True, False])

    def f(x, y):
        return x + y, x * y, pg.maximum(x, y), pg.minimum(x, y), ~x, x ^ y

    j = pg.jit(f)
    for got, expected in zip(j(x, y), f(x, y), strict=True):
        np.testing.assert_array_equal(got, expected, strict=True)
    assert used(j, x, y).state == "in use"


@pytest.mark.parametrize("to", TYPES)
def test_what_a_cast_leaves_open_is_numpys(to):
    f = lambda x: pg.astype(x, getattr(pg, to))
    j, x = pg.jit(f), np.asarray([0.0, 1.9, 100.0])
    np.testing.assert_array_equal(j(x), f(x))
    assert used(j, x).state == "in use"
    with np.errstate(invalid="ignore"):
        for odd in (np.nan, np.inf, 1e30):
            x = np.asarray([0.0, odd, 1.0])
            np.testing.assert_array_equal(j(x), f(x))
            assert "went back" in used(j, x).state
    assert used(j, x).went_back == 3


ODD = {
    "pickled": lambda x: pickle.loads(pickle.dumps(x)),
    "with metadata": lambda x: x.astype(np.dtype(x.dtype, metadata={"a": 1})),
    "in Fortran's order": np.asfortranarray,
    "backwards": lambda x: x[::-1],
    "of another byte order": lambda x: x.astype(x.dtype.newbyteorder()),
    "unaligned": lambda x: (
        np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(x.dtype).reshape(x.shape)
    ),
}


@pytest.mark.parametrize("kind", ODD)
def test_arrays_from_anywhere_run_native_code(kind):
    x = np.arange(12.0).reshape(3, 4)
    f = lambda x: pg.sum(x * x, axis=0) + 1.0
    j = pg.jit(f)
    j(x)
    odd = ODD[kind](x)
    np.testing.assert_array_equal(j(odd), f(odd))
    tier = used(j, odd)
    assert tier.went_back == 0
    plain = kind in ("pickled", "with metadata")
    assert tier.state == "in use" if plain else "the last call copied" in tier.state
    j(x)
    assert tier.state == "in use"


LONG = 10**6
DATA = {
    "uniform": np.random.default_rng(0).random(LONG),
    "equal": np.full(LONG, 0.1),
    "alternating": np.where(np.arange(LONG) % 2, 0.1, 0.3),
}


@pytest.mark.parametrize("data", DATA)
def test_long_sums_and_products_do_not_drift(data):
    x = DATA[data].astype("float32")

    def f(x):
        return [pg.sum(x), pg.mean(x), x @ x, pg.vecdot(x, x), pg.sum(x * x)]

    j = pg.jit(f)
    total, squares = math.fsum(x.tolist()), math.fsum((x.astype(float) ** 2).tolist())
    right = (total, total / LONG, squares, squares, squares)
    for got, expected in zip(j(x), right, strict=True):
        assert abs(float(got) - expected) < 1e-6 * expected
    assert used(j, x).state == "in use"
    rows = x.reshape(-1, 10)
    got = pg.jit(lambda m: pg.sum(m, axis=0))(rows)
    np.testing.assert_allclose(got, np.sum(rows, axis=0, dtype=float), rtol=2e-6)


FORKS = """
import os, sys, threading, time
import numpy as np, polygrad as pg
stop = False
def work():
    while not stop:
        pg.jit(lambda x: pg.sum(pg.tanh(x) * 2.0))(np.ones(3))
pg.jit(pg.sin)(np.ones(2))
thread = threading.Thread(target=work, daemon=True)
thread.start()
for _ in range(15):
    time.sleep(0.01)
    child = os.fork()
    if child == 0:
        out = pg.jit(lambda x: x * 3.0)(np.ones(2))
        os._exit(0 if out[0] == 3.0 else 1)
    end = time.time() + 20
    while time.time() < end:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            break
        time.sleep(0.005)
    else:
        os.kill(child, 9)
        os._exit(2)
    if status:
        os._exit(3)
os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_process_forked_while_another_thread_traces_traces_too():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKS],
        env={**os.environ, "POLYGRAD_NATIVE": "0"}, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, {2: "a child hangs", 3: "a child fails"}.get(done.returncode)


@pytest.mark.skipif(os.name != "posix", reason="nothing is kept on this system")
def test_odd_cache_folders_hold_nothing_up(monkeypatch, tmp_path):
    name = cache.key("x")
    (tmp_path / "native").mkdir(mode=0o700)
    os.mkfifo(tmp_path / "native" / name, 0o600)
    found = []
    thread = threading.Thread(target=lambda: found.append(cache.read(name)), daemon=True)
    thread.start()
    thread.join(10)
    assert found == [None], "a pipe in place of a file is waited for"
    cache.write(name, b"code")
    assert cache.read(name) == b"code"
    draft = tmp_path / "native" / f"{name}.0123"
    draft.write_bytes(b"half")
    cache.write(cache.key("y"), b"code")
    assert draft.exists()  # its writer may be at work
    os.utime(draft, (time.time() - 10_000,) * 2)
    cache.write(cache.key("y"), b"code")
    assert not draft.exists()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("POLYGRAD_CACHE_DIR", "~/cache")
    assert cache.folder() == tmp_path / "cache" / "native"
    monkeypatch.delenv("POLYGRAD_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert "relative" not in cache.folder().parts
