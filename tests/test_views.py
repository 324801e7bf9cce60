"""Views beside NumPy's: what is one, what it shows after a write, and what a write to it does.

Each way is run as it stands on a NumPy array and on an Array: plain, compiled (both tiers),
mapped, and differentiated in both modes against finite differences of NumPy's run.
"""

from typing import Any

import numpy as np
import pytest

import polygrad as pg

X = np.asarray([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
INDEXED: dict[str, Any] = {
    "[...]": lambda x: x[...], "[1:]": lambda x: x[1:], "[1]": lambda x: x[1],
    "[np.int64]": lambda x: x[np.int64(1)], "[::-1, ::2]": lambda x: x[::-1, ::2],
    "[None, :, 1]": lambda x: x[None, :, 1], "[:0]": lambda x: x[:0],
    "[0, 0, ...]": lambda x: x[0, 0, ...], "[1:][0]": lambda x: x[1:][0],
    "iteration": lambda x: next(iter(x)), "unpacking": lambda x: (lambda a, b: b)(*x),
}  # fmt: skip
FUNCTIONS: dict[str, Any] = {
    "reshape": lambda x: np.reshape(x, (3, 2)), "ravel": np.ravel, "transpose": np.transpose,
    "swapaxes": lambda x: np.swapaxes(x, 0, 1), "moveaxis": lambda x: np.moveaxis(x, 0, 1),
    "rollaxis": lambda x: np.rollaxis(x, 1), "permute_dims": lambda x: np.permute_dims(x, (1, 0)),
    "matrix_transpose": np.matrix_transpose, "squeeze": lambda x: np.squeeze(x[:1]),
    "expand_dims": lambda x: np.expand_dims(x, 1), "flip": np.flip, "flipud": np.flipud,
    "fliplr": np.fliplr, "rot90": np.rot90, "rot90 by 0": lambda x: np.rot90(x, 0),
    "rot90 by 3": lambda x: np.rot90(x, 3), "atleast_1d": np.atleast_1d,
    "atleast_2d": lambda x: np.atleast_2d(x[0]), "atleast_3d": np.atleast_3d,
    "split": lambda x: np.split(x, 2)[1], "array_split": lambda x: np.array_split(x, 2, axis=1)[0],
    "hsplit": lambda x: np.hsplit(x, 3)[1], "unstack": lambda x: np.unstack(x, axis=1)[2],
    "real": np.real, "real_if_close": np.real_if_close, "diagonal": np.diagonal, "diag": np.diag,
    "linalg.diagonal": np.linalg.diagonal, "broadcast_to": lambda x: np.broadcast_to(x, (2, 2, 3)),
    "broadcast_to itself": lambda x: np.broadcast_to(x, (2, 3)),
    "astype without a copy": lambda x: np.astype(x, x.dtype, copy=False),
    "einsum of a diagonal": lambda x: np.einsum("ii->i", x[:, :2]),
    "einsum of a transpose": lambda x: np.einsum("ij->ji", x),
    "einsum of nothing": lambda x: np.einsum("ij", x),
    "sliding_window_view": lambda x: np.lib.stride_tricks.sliding_window_view(x, 2, axis=1),
}  # fmt: skip
METHODS: dict[str, Any] = {
    "T": lambda x: x.T, "mT": lambda x: x.mT, ".reshape": lambda x: x.reshape(3, 2),
    ".ravel": lambda x: x.ravel(), ".swapaxes": lambda x: x.swapaxes(0, 1),
    ".transpose": lambda x: x.transpose(1, 0), ".squeeze": lambda x: x[:1].squeeze(),
    ".real": lambda x: x.real, ".view": lambda x: x.view(), ".diagonal": lambda x: x.diagonal(1),
    ".conj": lambda x: x.conj(), ".astype": lambda x: x.astype(x.dtype, copy=False),
    "0-d": lambda x: x[0, :1].reshape(()), "three deep": lambda x: x.T[1:].T[0],
    "T.reshape": lambda x: x.T.reshape(-1), "T.ravel": lambda x: np.ravel(x.T),
    "T.T.ravel": lambda x: x.T.T.ravel(), "columns": lambda x: x[:, :2].reshape(-1),
    "rows": lambda x: x[1:].reshape(3, 1), "steps": lambda x: x[:, ::2].reshape(2, 2, 1),
}  # fmt: skip
COPIES: dict[str, Any] = {
    "list": lambda x: x[[0, 1]], "pairs": lambda x: x[[0, 1], [0, 1]], "copy": np.copy,
    "flatten": lambda x: x.flatten(), "tile": lambda x: np.tile(x, (1, 1)), "tril": np.tril,
    "repeat": lambda x: np.repeat(x, 1, axis=0), "roll": lambda x: np.roll(x, 0),
    "resize": lambda x: np.resize(x, (2, 3)), "concatenate": lambda x: np.concatenate([x]),
    "delete": lambda x: np.delete(x, []), "pad": lambda x: np.pad(x, 0), "conj": np.conj,
    "sum": lambda x: np.sum(x[None], axis=0), "+x": lambda x: +x, "round": np.round,
    "where": lambda x: np.where(True, x, x), "cumsum": lambda x: np.cumsum(x[None], axis=0),
    "astype": lambda x: x.astype(x.dtype), "append": lambda x: np.append(x, []),
    "block": lambda x: np.block([x]), "meshgrid": lambda x: np.meshgrid(x[0], [1.0])[0],
}  # fmt: skip
WAYS = {**INDEXED, **FUNCTIONS, **METHODS, **COPIES}


def run(way: Any, x: Any) -> tuple[Any, bool]:
    """Read views after writes to their base, the base after writes to them; if that may be."""
    view = way(x)
    second = view[...]
    x[0] = x[0] * 2.0 + 1.0
    x[1, 1] = x[0, 0] * 7.0
    found = [view * 1.0, second * 3.0]
    writable = True
    try:
        view += 10.0
        view[...] = view * view
        if view.shape:
            second[...] *= 0.5
    except ValueError:
        writable = False
    found += [x * 1.0, view * 1.0, second * 1.0]
    return np.concatenate([part.reshape(-1) for part in found]), writable


def loss(way: Any) -> Any:
    return lambda x: (run(way, x * 1.0)[0] ** 2).sum()


@pytest.mark.parametrize("name", WAYS)
def test_as_numpy(name: str) -> None:
    way = WAYS[name]
    expected, writable = run(way, X.copy())
    plain = pg.asarray(X, copy=True)
    got, may = run(way, plain)
    assert may == writable
    np.testing.assert_allclose(pg.to_numpy(got), expected)
    np.testing.assert_allclose(pg.jit(lambda x: run(way, x * 1.0)[0])(X), expected)
    np.testing.assert_allclose(
        pg.vmap(lambda x: run(way, x * 1.0)[0])(np.stack([X, X])), np.stack([expected] * 2)
    )
    slopes = np.zeros_like(X)
    for place in np.ndindex(X.shape):
        up, down = X.copy(), X.copy()
        up[place] += 1e-4
        down[place] -= 1e-4
        slopes[place] = (loss(way)(up) - loss(way)(down)) / 2e-4
    np.testing.assert_allclose(pg.grad(loss(way))(X), slopes, rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(pg.jit(pg.grad(loss(way)))(X), pg.grad(loss(way))(X))
    forward = pg.jvp(loss(way), (X,), (np.ones_like(X),))[1]
    np.testing.assert_allclose(forward, slopes.sum(), rtol=1e-5, atol=1e-3)


STANDARD: dict[str, Any] = {
    "permute_dims": lambda x: pg.permute_dims(x, (1, -2)), "reshape": lambda x: pg.reshape(x, (6,)),
    "moveaxis": lambda x: pg.moveaxis(x, 0, -1), "squeeze": lambda x: pg.squeeze(x[:1], axis=0),
    "expand_dims": lambda x: pg.expand_dims(x, axis=0), "flip": lambda x: pg.flip(x, axis=0),
    "matrix_transpose": pg.matrix_transpose, "unstack": lambda x: pg.unstack(x)[1],
    "getitem": lambda x: pg.getitem(x, 0), "asarray": pg.asarray,
    "asarray(copy=False)": lambda x: pg.asarray(x, copy=False),
    "broadcast_arrays": lambda x: pg.broadcast_arrays(x, x)[0],
}  # fmt: skip


@pytest.mark.parametrize("name", STANDARD)
@pytest.mark.parametrize("device", ["cpu", "strict:device1"])
def test_the_standards_functions_give_views(name: str, device: str) -> None:
    x = pg.asarray(X, device=device, copy=True)
    view = STANDARD[name](x)
    before = pg.to_numpy(view)
    x += 1.0
    np.testing.assert_array_equal(pg.to_numpy(view), before + 1.0)
    view *= 2.0
    assert float(pg.sum(x)) == X.sum() + 6.0 + float(pg.sum(view)) / 2.0


@pytest.mark.parametrize("function", [pg.linalg.diagonal, lambda x: pg.broadcast_to(x, (3, 2, 3))])
def test_read_only_views_say_so(function: Any) -> None:
    x = pg.asarray(X, copy=True)
    view = np.diagonal(x) if function is pg.linalg.diagonal else function(x)
    for write in (lambda v: v.__setitem__(0, 1.0), lambda v: v.__iadd__(1.0)):
        with pytest.raises(pg.errors.ArgumentValueError, match="read only.*copy"):
            write(view)
    np.testing.assert_array_equal(pg.to_numpy(x), X)


def test_parts_of_complex_numbers() -> None:
    z = np.asarray([1 + 2j, 3 + np.inf * 1j, -4j])

    def f(z: Any) -> Any:
        re, im = z.real, np.imag(z)
        z[0] = 5 - 1j
        re += 1.0
        im[2] = re[0] * 2.0
        z.real[1] *= 3.0
        z.imag = z.imag * 2.0
        return z * 1.0, re * 1.0, im * 1.0

    expected = f(z.copy())
    for got in (f(pg.asarray(z, copy=True)), pg.jit(lambda z: f(pg.asarray(z, copy=True)))(z)):
        for one, right in zip(got, expected, strict=True):
            np.testing.assert_array_equal(pg.to_numpy(one) if pg.is_array(one) else one, right)


# -- programs ------------------------------------------------------------------------------------


def swap_numbers(x: Any) -> Any:
    y = x[0]
    y[0], y[1] = y[1], y[0]
    return x


def swap_rows(x: Any) -> Any:  # rows are views: both end up the same
    x[0], x[1] = x[1], x[0]
    return x


def overlapping(x: Any) -> Any:
    y = x.reshape(-1)
    y[1:] = y[:-1]
    y[:] = y[::-1] * 2.0
    y += y[::-1]
    return x


def rows(x: Any) -> Any:
    for row in x:
        row += 1.0
        row[0] *= 3.0
    return x


def masked(x: Any) -> Any:
    v = x.T[1:]
    v[v > 2.5] = 0.5
    v[np.asarray([0, 0]), np.asarray([1, 1])] = np.asarray([7.0, 8.0])
    return x


def siblings(x: Any) -> Any:  # the base itself is let go
    a, b = x[:, :2], x[:, 1:]
    del x
    a[...] = b * 2.0
    b += a
    return np.concatenate([a, b])


def numbers(x: Any) -> Any:  # a number is no view, and += makes another one
    total = x[0, 0]
    first = total
    total += x[1, 1]
    x[0, 0] = 100.0
    return x * total + first


def written_by_functions(x: Any) -> Any:
    v = x[:, ::-1]
    np.add(v, 1.0, out=v)
    np.copyto(v[0], [3.0, 2.0, 1.0])
    np.put(v, [0, 4], [9.0, 8.0])
    np.fill_diagonal(x[:, 1:], 5.0)
    np.putmask(v, v > 8.5, 0.25)
    np.place(v[1], np.asarray([True, False, True]), [1.5, 2.5])
    np.multiply.at(v, ([0, 0], [1, 1]), 2.0)
    np.sum(x, axis=0, out=v[1])
    x[1].sort()
    x.T[0].fill(4.0)
    np.nan_to_num(v, copy=False)
    return x


def kept_in_a_list(x: Any) -> Any:
    parts = [x[0], x.T, x[1:, 1:]]
    for i, part in enumerate(parts):
        part[...] = part * (i + 2.0)
    return sum(part.sum() for part in parts) + x


def aliases(x: Any) -> Any:
    y = x
    y += 1.0
    z = x[0]
    z = z + 1.0  # not in place
    z += 5.0
    return x * y + z


PROGRAMS = [
    swap_numbers, swap_rows, overlapping, rows, masked, siblings, numbers, written_by_functions,
    kept_in_a_list, aliases,
]  # fmt: skip


@pytest.mark.parametrize("f", PROGRAMS)
def test_programs_as_numpy(f: Any) -> None:
    expected = f(X.copy())
    np.testing.assert_allclose(pg.to_numpy(f(pg.asarray(X, copy=True))), expected)
    np.testing.assert_allclose(pg.jit(lambda x: f(x * 1.0))(X), expected)
    np.testing.assert_allclose(pg.vmap(lambda x: f(x * 1.0))(X[None]), expected[None])
    if f is not masked:
        pg.testing.check_grads(lambda x: f(x * 1.0), (X + 0.1 * np.sin(X),), order=2)
    value, g = pg.value_and_grad(lambda x: pg.sum(f(x * 1.0) ** 2))(X)
    np.testing.assert_allclose(pg.jit(pg.grad(lambda x: pg.sum(f(x * 1.0) ** 2)))(X), g)
    assert value == pytest.approx((expected**2).sum())


@pytest.mark.parametrize("f", [swap_rows, overlapping, siblings, kept_in_a_list])
def test_native_code_agrees(f: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    pytest.importorskip("llvmlite")
    monkeypatch.delenv("POLYGRAD_NATIVE", raising=False)
    monkeypatch.setenv("POLYGRAD_CACHE_DIR", str(tmp_path))
    jitted = pg.jit(lambda x: f(x * 1.0))
    tier = jitted.lower(X).native
    assert tier.wait(60), tier.state
    np.testing.assert_allclose(jitted(X), f(X.copy()))


def test_a_number_given_as_an_argument_is_not_changed() -> None:
    def f(x: Any) -> Any:
        y = x
        y += 1.0
        return x * y

    assert f(3.0) == 12.0
    for g in (f, pg.jit(f), lambda x: pg.value_and_grad(f)(x)[0]):
        assert float(g(3.0)) == 12.0
    assert float(pg.grad(f)(3.0)) == float(pg.jit(pg.grad(f))(3.0)) == 7.0


def test_a_swapped_view_written_in_a_function() -> None:
    def f(v: Any) -> Any:
        x = np.zeros((2, 3)) * v
        y = np.swapaxes(x, 0, 1)
        y += v
        return np.sum(x)

    for transform in (pg.value_and_grad, lambda f: pg.jit(pg.value_and_grad(f))):
        value, g = transform(f)(2.0)
        assert (float(value), float(g)) == (12.0, 6.0)


# -- levels --------------------------------------------------------------------------------------


def test_views_from_outside_of_a_transform() -> None:
    def outer(a: Any) -> Any:
        base = a * 1.0
        view = base[1:]

        def inner(b: Any) -> Any:
            base[1] = b * base[0]  # the view shows it, at both levels
            return pg.sum(view**2)

        _, g = pg.value_and_grad(inner)(3.0)
        return pg.sum(g)

    # inner = (b a0)**2 + a2**2, its derivative 2 b a0**2, that one's 4 b a0
    a = np.asarray([2.0, 5.0, 7.0])
    np.testing.assert_allclose(pg.grad(outer)(a), [4 * 3 * 2.0, 0.0, 0.0])


def test_a_view_of_what_ended_says_so() -> None:
    base = pg.zeros(3)
    view = base[1:]

    def f(x: Any) -> Any:
        base[1] = x
        return pg.sum(view * x)

    assert pg.grad(f)(3.0) == 6.0
    with pytest.raises(pg.errors.LeakedArrayError):
        view + 1.0


def test_views_in_loops() -> None:
    def scanned(x: Any) -> Any:
        def step(carry: Any, row: Any) -> Any:
            view = carry[1:]
            carry += row
            view *= 2.0
            return carry, view * 1.0

        out, views = pg.scan(step, x[0] * 1.0, x)
        return pg.sum(out) + pg.sum(views**2)

    def counted(x: Any) -> Any:
        def body(i: Any, y: Any) -> Any:
            row = y[i]
            row += 1.0 * (i + 1)
            return y

        return pg.sum(pg.fori_loop(0, 2, body, x * 1.0) ** 2)

    def by_hand(x: Any) -> Any:
        carry, views = x[0].copy(), []
        for row in x:
            carry += row
            carry[1:] *= 2.0
            views.append(carry[1:].copy())
        return carry.sum() + (np.stack(views) ** 2).sum()

    assert float(scanned(pg.asarray(X))) == by_hand(X)
    expected = ((X + [[1.0], [2.0]]) ** 2).sum()
    for f, value in ((scanned, by_hand(X)), (counted, expected)):
        np.testing.assert_allclose(pg.jit(f)(X), value)
        np.testing.assert_allclose(pg.grad(f)(X), pg.jit(pg.grad(f))(X))
        pg.testing.check_grads(f, (X,))


def test_a_long_chain_of_views_and_their_memory() -> None:
    x = pg.zeros(2000)
    tail = x
    for _ in range(1500):
        tail = tail[1:]
    x += 1.0
    assert float(pg.sum(tail)) == 500.0
    tail += 1.0
    assert float(pg.sum(x)) == 2500.0
