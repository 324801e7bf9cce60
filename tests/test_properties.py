"""Random shapes, data types, axes and indices, against NumPy and against finite differences."""

import math
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import polygrad as pg

quick = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
NUMBERS = st.floats(0.5, 3.0, width=32)
DTYPES = st.sampled_from(["float32", "float64"])


def on_devices(test: Any) -> Any:
    """The test with data drawn by hypothesis, on one device or the other."""

    def run(data: Any, device: str) -> None:
        with pg.device(device):
            test(data)

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return quick(given(st.data(), st.sampled_from(["cpu", "strict:cpu", "strict:device1"]))(run))


def arrays(draw: Any, shape: Any, dtype: str = "float64") -> Any:
    return draw(hnp.arrays(dtype, shape, elements=NUMBERS))


def pull(f: Any, *xs: Any) -> tuple[Any, tuple[Any, ...]]:
    """The value, and the gradients for a cotangent that differs from place to place."""
    out, pullback = pg.vjp(f, *map(pg.asarray, xs))
    g = np.cos(np.arange(math.prod(out.shape))).reshape(out.shape).astype(str(out.dtype))
    grads = pullback(pg.asarray(g))
    for x, found in zip(xs, grads, strict=True):
        assert (found.shape, found.dtype) == (x.shape, str(x.dtype))
    return pg.to_numpy(out), tuple(map(pg.to_numpy, grads))


def near(got: Any, expected: Any, dtype: Any = "float64") -> None:
    assert got.shape == expected.shape
    rtol = 1e-4 if str(dtype) == "float32" else 1e-10
    np.testing.assert_allclose(got, expected, rtol=rtol, atol=rtol)


def summed_to(g: Any, shape: tuple[int, ...]) -> Any:
    """The definition of the transpose of broadcasting, by NumPy."""
    g = g.sum(tuple(range(g.ndim - len(shape))))
    return g.sum(tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True).reshape(shape)


@on_devices
def test_broadcasting_arithmetic(data: Any) -> None:
    shapes = data.draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3))
    a, b = (arrays(data.draw, s, data.draw(DTYPES)) for s in shapes.input_shapes)
    out, (ga, gb) = pull(lambda a, b: a * b - a / b + a**b, a, b)
    expected = a * b - a / b + a**b
    assert out.dtype == expected.dtype
    single = "float32" if "float32" in (str(a.dtype), str(b.dtype)) else "float64"
    near(out, expected, single)
    g = np.cos(np.arange(out.size)).reshape(out.shape)
    a, b = a.astype("float64"), b.astype("float64")
    near(ga, summed_to(g * (b - 1 / b + b * a ** (b - 1)), a.shape), single)
    near(gb, summed_to(g * (a + a / b**2 + a**b * np.log(a)), b.shape), single)


@on_devices
def test_reductions(data: Any) -> None:
    name = data.draw(st.sampled_from(["sum", "mean", "max", "min", "var", "logsumexp"]))
    low = 0 if name == "sum" else 1
    shape = data.draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=low, max_side=3))
    x = arrays(data.draw, shape)
    axes = st.none() | hnp.valid_tuple_axes(len(shape), min_size=1) if shape else st.none()
    options = {"axis": data.draw(axes), "keepdims": data.draw(st.booleans())}
    out, (gx,) = pull(lambda x: getattr(pg, name)(x, **options), x)
    if name == "logsumexp":
        near(out, np.log(np.sum(np.exp(x), **options)))
    else:
        near(out, getattr(np, name)(x, **options))
    # By linearity the directional derivative along the all-ones vector is known.
    if name in ("sum", "mean", "max", "min", "logsumexp"):
        g = np.cos(np.arange(out.size)).reshape(out.shape)
        per = x.size // max(out.size, 1)
        total = np.sum(g) * (per if name == "sum" else 1)
        near(np.sum(gx), np.asarray(total))
    if x.size:
        distinct = np.argsort(x, axis=None).argsort().reshape(x.shape) / 7.0
        pg.testing.check_grads(lambda x: getattr(pg, name)(x, **options), (pg.asarray(distinct),))


@on_devices
def test_basic_and_array_indexing(data: Any) -> None:
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4))
    x = arrays(data.draw, shape)
    kind = data.draw(st.sampled_from(["basic", "integers", "mask", "mixed"]))
    if kind == "basic":
        key = data.draw(hnp.basic_indices(shape, allow_newaxis=True))
    elif kind == "integers":
        key = data.draw(hnp.integer_array_indices(shape))
    elif kind == "mask":
        key = data.draw(hnp.arrays(bool, shape[: data.draw(st.integers(1, len(shape)))]))
    else:
        first = data.draw(hnp.arrays("int64", 2, elements=st.integers(0, shape[0] - 1)))
        rest = data.draw(st.lists(st.sampled_from([slice(None), slice(None, None, -1), ...])))
        key = (first, *rest[: 1 if len(shape) > 1 else 0])
    on_device = map_arrays(key)
    out, (gx,) = pull(lambda x: x[on_device], x)
    near(out, x[key])
    expected = np.zeros(shape)
    np.add.at(expected, key, np.cos(np.arange(out.size)).reshape(out.shape))
    near(gx, expected)


def map_arrays(key: Any) -> Any:
    parts = key if isinstance(key, tuple) else (key,)
    found = tuple(pg.asarray(p) if isinstance(p, np.ndarray) else p for p in parts)
    return found if isinstance(key, tuple) else found[0]


@on_devices
def test_assignment(data: Any) -> None:
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4))
    x = arrays(data.draw, shape)
    mask = data.draw(st.booleans())
    if mask:
        key = data.draw(hnp.arrays(bool, shape[: data.draw(st.integers(1, len(shape)))]))
    else:
        key = data.draw(hnp.basic_indices(shape, allow_newaxis=False))
    place = np.zeros(shape)[key].shape
    v = arrays(data.draw, place if data.draw(st.booleans()) else ())
    on_device = map_arrays(key)

    def f(x: Any, v: Any) -> Any:
        x[on_device] = v * 2
        return x * x

    out, (gx, gv) = pull(f, x, v)
    changed = x.copy()
    changed[key] = v * 2
    near(out, changed**2)
    g = np.cos(np.arange(x.size)).reshape(shape) * 2 * changed
    into_v = np.array(g[key]) * 2
    near(gv, into_v if v.shape == place else np.asarray(into_v.sum()))
    g[key] = 0
    near(gx, g)


@on_devices
def test_reshape_and_permute(data: Any) -> None:
    shape = data.draw(SHAPES)
    x = arrays(data.draw, shape, data.draw(DTYPES))
    order = data.draw(st.permutations(range(len(shape))))
    flat, axis = data.draw(st.booleans()), data.draw(st.integers(0, len(shape)))

    def f(x: Any) -> Any:
        y = pg.expand_dims(pg.permute_dims(x, order), axis=axis)
        return pg.reshape(y, (-1,)) if flat and x.size else y

    out, (gx,) = pull(f, x)
    expected = np.expand_dims(x.transpose(order), axis)
    near(out, expected.reshape(-1) if flat and x.size else expected)
    g = np.cos(np.arange(x.size)).reshape(expected.shape).squeeze(axis)
    near(gx, g.transpose(np.argsort(order)) if order else g, x.dtype)


@on_devices
def test_concat_and_stack(data: Any) -> None:
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=3))
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    lengths = data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=3))
    parts = []
    for n in lengths:
        one = list(shape)
        one[axis] = n
        parts.append(arrays(data.draw, tuple(one)))
    out, grads = pull(lambda *xs: pg.concat(xs, axis=axis), *parts)
    near(out, np.concatenate(parts, axis=axis))
    g = np.cos(np.arange(out.size)).reshape(out.shape)
    for found, expected in zip(grads, np.split(g, np.cumsum(lengths)[:-1], axis=axis), strict=True):
        near(found, expected)
    same = [arrays(data.draw, shape) for _ in lengths]
    out, grads = pull(lambda *xs: pg.stack(xs, axis=axis), *same)
    near(out, np.stack(same, axis=axis))
    g = np.cos(np.arange(out.size)).reshape(out.shape)
    for i, found in enumerate(grads):
        near(found, np.take(g, i, axis=axis))


@on_devices
def test_matmul(data: Any) -> None:
    shapes = data.draw(hnp.mutually_broadcastable_shapes(signature=np.matmul.signature, max_dims=2,
                                                         max_side=3))  # fmt: skip
    a, b = (arrays(data.draw, s) for s in shapes.input_shapes)
    out, _ = pull(lambda a, b: a @ b, a, b)
    near(out, a @ b)
    if a.size and b.size:
        pg.testing.check_grads(pg.matmul, (pg.asarray(a), pg.asarray(b)))
