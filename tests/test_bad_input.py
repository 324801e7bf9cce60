"""Bad input raises a named error, also the fitting built-in, that says what to do instead.

Each row is a mistake, the error, the built-in, and what the message has to say: what came,
what was expected, the remedy.
"""

import numpy as np
import pytest

import polygrad as pg
from polygrad import errors

ONE, TWO = "strict:device1", "strict:device2"
X = pg.asarray([1.0, 2.0, 3.0])
M = pg.ones((2, 3))
I = pg.asarray([1, 2])


def total(x):
    return pg.sum(x)


def square(x):
    return x * x


def case(name, use, error, builtin, *says):
    return pytest.param(use, error, builtin, says, id=name)


def check(use, error, builtin, says):
    with pytest.raises(errors.PolygradError) as caught:
        use()
    assert type(caught.value) is error, repr(caught.value)
    assert isinstance(caught.value, builtin)
    message = str(caught.value)
    for part in says:
        assert part in message, f"{part!r} is missing from: {message}"
    assert "\n" not in message


DEVICES = [
    case("unknown backend", lambda: pg.device("tensorflux:0"), errors.DeviceError, ValueError,
         "'tensorflux'", "expected one of 'auto', 'cpu'", "python -m polygrad devices"),
    case("not a string", lambda: pg.set_device(3), errors.DeviceError, ValueError,
         "got 3", "expected a device string such as"),
    case("a device number that is not there", lambda: pg.zeros(2, device="cpu:7"),
         errors.DeviceUnavailableError, RuntimeError, "'cpu:7'", "NumPy has one device, 'cpu'"),
    case("two devices of a library",
         lambda: pg.ones(2, device=ONE) + pg.ones(2, device=TWO, dtype="float64"),
         errors.MixedArraysError, TypeError, "add: got arrays on several devices",
         ONE, TWO, "x.to_device(...)"),
    case("two libraries", lambda: pg.ones(2) * pg.ones(2, device=ONE),
         errors.MixedArraysError, TypeError, "multiply: got arrays of several libraries",
         "numpy and strict; expected one", "pg.asarray(x, device=...)"),
    case("a NumPy array on the left", lambda: np.ones(2) @ pg.ones(2, device=ONE),
         errors.MixedArraysError, TypeError, "matmul", "numpy and strict"),
    case("two libraries of three", lambda: pg.where(X > 1, X, pg.ones(3, device=ONE)),
         errors.MixedArraysError, TypeError, "where: got arrays of several libraries, numpy and "),
    case("a constant elsewhere, in a gradient",
         lambda: pg.grad(lambda x: pg.sum(x * pg.ones(3, device=ONE)))(X),
         errors.MixedArraysError, TypeError, "multiply", "numpy and strict"),
    case("concat of two devices", lambda: pg.concat([X, pg.ones(2, device=ONE)]),
         errors.MixedArraysError, TypeError, "concat: got arrays of several libraries"),
]  # fmt: skip

GRADIENTS = [
    case("an array for a scalar", lambda: pg.grad(square)(X), errors.NonScalarError, TypeError,
         "square: the function returned shape (3,)", "expected a scalar, shape ()", "pg.sum"),
    case("a vector of length 1", lambda: pg.grad(square)(X[:1]), errors.NonScalarError, TypeError,
         "returned shape (1,)", "expected a scalar, shape ()"),
    case("a complex result", lambda: pg.grad(lambda x: pg.sum(x) * 1j)(X),
         errors.NonScalarError, TypeError, "returned complex128", "pg.real(...)"),
    case("an integer result", lambda: pg.grad(pg.argmax)(X), errors.NonScalarError, TypeError,
         "argmax: the function returned int64", "expected a real floating-point scalar"),
    case("a Python number", lambda: pg.grad(lambda x: total(x).item())(X),
         errors.NonScalarError, TypeError, "returned float 6.0", "without .item() or float()"),
    case("None", lambda: pg.grad(lambda x: None)(X), errors.NonScalarError, TypeError,
         "returned NoneType None", "return an array computed from the arguments"),
    case("a pair without has_aux", lambda: pg.grad(lambda x: (total(x), x))(X),
         errors.NonScalarError, TypeError, "returned tuple", "has_aux=True"),
    case("no pair with has_aux", lambda: pg.grad(total, has_aux=True)(X),
         errors.ArgumentTypeError, TypeError, "has to return a pair (value, aux)", "got Array"),
    case("an integer array", lambda: pg.grad(total)(I), errors.DTypeError, TypeError,
         "total: argument 0: there is nothing to differentiate, it is int64",
         "expected floating-point", "pg.astype(x, pg.float32)"),
    case("a Python integer", lambda: pg.grad(total)(3), errors.DTypeError, TypeError,
         "it is int", "write 3.0 for 3"),
    case("integers in a pytree", lambda: pg.grad(total)({"w": I, "b": (1, True)}),
         errors.DTypeError, TypeError, "['w'] is int64", "['b'][0] is int", "['b'][1] is bool"),
    case("integers given to vjp", lambda: pg.vjp(total, I), errors.DTypeError, TypeError,
         "argument 0", "nothing to differentiate"),
    case("not a function", lambda: pg.value_and_grad(total(X)), errors.ArgumentTypeError, TypeError,
         "got Array for the function", "expected a callable", "takes the function itself"),
    case("no such argument", lambda: pg.grad(total, argnums=1)(X), errors.ArgumentValueError,
         ValueError, "argnums: got 1", "total was called with 1 positional", "from 0 to 0"),
    case("no argument at all", lambda: pg.grad(total)(), errors.ArgumentValueError, ValueError,
         "called with 0 positional arguments", "expected at least one to be passed"),
    case("an argument twice", lambda: pg.grad(pg.add, argnums=(0, -2))(1.0, 2.0),
         errors.ArgumentValueError, ValueError, "got (0, -2)", "each argument only once"),
    case("argnums of text", lambda: pg.grad(total, argnums="x")(X), errors.ArgumentTypeError,
         TypeError, "argnums: got 'x'", "expected a number or a tuple of numbers"),
    case("argnums of a float", lambda: pg.grad(total, argnums=1.5)(X), errors.ArgumentTypeError,
         TypeError, "argnums: got 1.5", "expected a number"),
]  # fmt: skip


def pull(cotangent, f=lambda x: x, x=X):
    return lambda: pg.vjp(f, x)[1](cotangent)


def push(tangents, primals=(X,)):
    return lambda: pg.jvp(square, primals, tangents)


COTANGENTS = [
    case("structure", pull(X, lambda x: (x, {"y": x})), errors.TreeError, ValueError,
         "cotangent: got the pytree *, expected the structure of the output, (*, {'y': *});",
         "pass containers of the same kind"),
    case("None", pull(None), errors.TreeError, ValueError, "got the pytree None, expected"),
    case("shape", pull(pg.ones(2)), errors.ShapeError, ValueError,
         "cotangent: got shape (2,), expected (3,), the shape of the output"),
    case("shape of a leaf", pull({"a": (X, pg.ones(2))}, lambda x: {"a": (x, x)}),
         errors.ShapeError, ValueError, "cotangent['a'][1]: got shape (2,), expected (3,)"),
    case("dtype", pull(pg.ones(3, dtype="float32")), errors.DTypeError, TypeError,
         "got float32, expected float64", "pg.astype"),
    case("integers", pull(pg.asarray([1, 2, 3])), errors.DTypeError, TypeError, "got int64"),
    case("text", pull("abc"), errors.DTypeError, TypeError, "got str, expected float64"),
    case("device", pull(pg.ones(3, device=ONE)), errors.MixedArraysError, TypeError,
         f"cotangent: got an array on {ONE}, expected one on cpu", "pg.to_device(x, 'cpu')"),
    case("device of a library", pull(pg.ones(2, device="strict"), x=pg.ones(2, device=ONE)),
         errors.MixedArraysError, TypeError, "on strict:cpu, expected one on strict:device1"),
    case("tangent shape", push((pg.ones(2),)), errors.ShapeError, ValueError,
         "tangents[0]: got shape (2,), expected (3,), the shape of the primal"),
    case("tangent dtype", push((pg.ones(3, dtype="float32"),)), errors.DTypeError, TypeError,
         "tangents[0]: got float32, expected float64"),
    case("tangent device", push((pg.ones(3, device=ONE),)), errors.MixedArraysError, TypeError,
         f"tangents[0]: got an array on {ONE}, expected one on cpu"),
    case("too many tangents", push((X, X)), errors.TreeError, ValueError,
         "tangents: got the pytree (*, *), expected the structure of the primals, (*,)"),
    case("tangents of another structure", push((X,), ({"a": X},)), errors.TreeError, ValueError,
         "tangents: got the pytree (*,), expected the structure of the primals, ({'a': *},)"),
    case("primals that are no tuple", push((X,), X), errors.ArgumentTypeError, TypeError,
         "jvp: primals is of type Array", "write (x,) for x"),
    case("tangents that are no tuple", push(X), errors.ArgumentTypeError, TypeError,
         "jvp: tangents is of type Array"),
]  # fmt: skip

TREES = [
    case("lengths", lambda: pg.tree.map(pg.add, (1.0, 2.0), (1.0, 2.0, 3.0)), errors.TreeError,
         ValueError, "got the pytree (*, *, *), expected the structure of the first pytree, (*, *"),
    case("keys", lambda: pg.tree.map(pg.add, {"w": X}, {"v": X}), errors.TreeError, ValueError,
         "{'v': *}", "{'w': *}", "same kind, keys and lengths"),
    case("kinds", lambda: pg.tree.map(pg.add, [X], (X,)), errors.TreeError, ValueError, "(*,)"),
]  # fmt: skip

OPS = [
    case("matmul", lambda: M @ M, errors.ShapeError, ValueError,
         "matmul: got shapes (2, 3) and (2, 3)", "the last axis of the first (3)",
         "second last axis of the second (2)", ".mT"),
    case("matmul with a vector", lambda: pg.matmul(M, I.astype("float64")), errors.ShapeError,
         ValueError, "(2, 3) and (2,)", "only axis of the second (2)"),
    case("matmul of a number", lambda: M @ 2.0, errors.ShapeError, ValueError,
         "(2, 3) and ()", "expected at least one axis in each", "multiply numbers with *"),
    case("matmul inside a gradient", lambda: pg.grad(lambda m: pg.sum(m @ m))(M),
         errors.ShapeError, ValueError, "matmul: got shapes (2, 3) and (2, 3)"),
    case("broadcasting", lambda: X + M.T, errors.ShapeError, ValueError,
         "add: got float64[3], float64[3, 2]", "expected shapes that broadcast", "reshape one"),
    case("a list in place of an array", lambda: pg.add(X, [1.0, 2.0, 3.0]),
         errors.ArgumentTypeError, TypeError, "add: argument 2 is list [1.0, 2.0, 3.0]",
         "expected an array or a number", "pg.asarray(...)"),
    case("a list to reduce", lambda: pg.sum([1.0]), errors.ArgumentTypeError, TypeError,
         "sum: argument 1 is or holds list [1.0], expected an array", "pg.asarray(...)"),
    case("text to reshape", lambda: pg.reshape("abc", (3,)), errors.ArgumentTypeError, TypeError,
         "reshape: argument 1 is or holds str 'abc'"),
    case("None for arrays", lambda: pg.stack(None), errors.ArgumentTypeError, TypeError,
         "stack: arrays is NoneType None, expected a list or tuple of arrays"),
    case("numbers for arrays", lambda: pg.concat([X, 1.0]), errors.ArgumentTypeError, TypeError,
         "concat: argument 1 is or holds float 1.0"),
    case("a number to a device", lambda: pg.to_device(3.0, "cpu"), errors.ArgumentTypeError,
         TypeError, "got float 3.0, expected an array", "pg.asarray(...)"),
    case("no arrays", lambda: pg.concat([]), errors.ArgumentValueError, ValueError,
         "concat: got no arrays, expected at least one"),
    case("text to compute with", lambda: pg.exp("abc"), errors.ArgumentTypeError, TypeError,
         "exp: argument 1 is str 'abc', expected an array or a number"),
    case("axis out of range", lambda: pg.sum(X, axis=3), errors.AxisError, ValueError,
         "sum: got axis 3, out of range for an array with 1 axes", "expected one from -1 to 0"),
    case("axis is also an index", lambda: pg.argmax(M, axis=-3), errors.AxisError, IndexError,
         "argmax: got axis -3", "from -2 to 1"),
    case("axis twice", lambda: pg.max(M, axis=(0, -2)), errors.ArgumentValueError, ValueError,
         "names an axis twice"),
    case("axis of text", lambda: pg.mean(M, axis="rows"), errors.ArgumentTypeError, TypeError,
         "mean: got axis 'rows'", "expected an integer or a tuple"),
    case("reshape to another size", lambda: X.reshape(2, 2), errors.ShapeError, ValueError,
         "reshape: got shape (2, 2) for an array of shape (3,)", "3 elements, not 4"),
    case("reshape with two unknowns", lambda: pg.reshape(M, (-1, -1)), errors.ShapeError,
         ValueError, "got shape (-1, -1)", "at most one -1"),
    case("reshape to text", lambda: pg.reshape(M, "ab"), errors.ArgumentTypeError, TypeError,
         "reshape: got shape 'ab'", "expected an integer or a tuple of integers"),
    case("reshape to halves", lambda: pg.reshape(M, (1.5, 4)), errors.ArgumentTypeError, TypeError,
         "got shape (1.5, 4)"),
    case("a negative shape", lambda: pg.zeros(-1), errors.ArgumentValueError, ValueError,
         "zeros(-1)", "negative"),
    case("a shape of text", lambda: pg.ones("a"), errors.ArgumentTypeError, TypeError, "ones('a')"),
    case("index out of range", lambda: X[3], errors.IndexingError, IndexError,
         "float64[3]", "index=(3,)", "out of bounds"),
    case("too many indices", lambda: X[0, 0], errors.IndexingError, IndexError, "too many indices"),
    case("text for an index", lambda: X["a"], errors.IndexingError, IndexError,
         "got str in the index", "expected integers, slices"),
    case("a float for an index", lambda: X[1.0], errors.IndexingError, IndexError, "got float"),
    case("floats for an index", lambda: X[pg.asarray([0.5])], errors.IndexingError, IndexError,
         "an index array has dtype float64, expected integers or bool"),
    case("taken out of range", lambda: pg.take(X, pg.asarray([9])), errors.IndexingError,
         IndexError, "out of bounds"),
    case("a dtype misspelt", lambda: pg.zeros(2, dtype="flaot32"), errors.DTypeError, TypeError,
         "dtype: got 'flaot32'", "expected one of bool, int8", "e.g. pg.float32"),
    case("a dtype that is none", lambda: pg.astype(X, 32), errors.DTypeError, TypeError, "got 32"),
    case("complex to real", lambda: pg.astype(X + 1j, "float64"), errors.ArgumentTypeError,
         TypeError, "got complex128 to convert to float64", "pg.real(x)"),
]  # fmt: skip


def tracked(use, x=X):
    """``use`` on a tracked array."""
    return lambda: pg.grad(lambda x: pg.sum(x) + (use(x), 0.0)[1])(x)


def add_in_place(x):
    host = np.zeros(3)
    host += x


def add_at(x):
    np.add.at(np.zeros(3), [0, 1, 2], x)


NUMPY = [
    case("a ufunc without a rule", tracked(np.spacing), errors.NonDifferentiableError, TypeError,
         "spacing", "import polygrad as pg", "pg.stop_gradient(x)"),
    case("a function without a rule", tracked(np.histogramdd),
         errors.NonDifferentiableError, TypeError, "numpy.histogramdd", "pg.stop_gradient(x)"),
    case("a ufunc of two results without a rule", tracked(np.frompyfunc(lambda a: (a, a), 1, 2)),
         errors.NonDifferentiableError, TypeError, "has no rule"),
    case("a method of a ufunc without a rule", tracked(np.gcd.reduce),
         errors.NonDifferentiableError, TypeError, "gcd"),
    case("into a NumPy array", tracked(add_in_place), errors.LostGradientError, TypeError,
         "numpy.add would write an Array into a ndarray", "x = x + y"),
    case("into places of a NumPy array", tracked(add_at), errors.LostGradientError, TypeError,
         "numpy.add.at", "keeps no gradient", "pg.asarray"),
    case("out=", tracked(lambda x: np.exp(x, out=np.zeros(3))), errors.LostGradientError, TypeError,
         "exp", "keeps no gradient"),
    case("float", tracked(lambda x: float(x[0])), errors.LostGradientError, TypeError,
         "float(x)", "pg.stop_gradient(x)", "x.item()"),
    case("asarray", tracked(np.asarray), errors.LostGradientError, TypeError, "np.asarray(x)"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("use", "error", "builtin", "says"),
    [*DEVICES, *GRADIENTS, *COTANGENTS, *TREES, *OPS, *NUMPY],
)
def test_bad_input(use, error, builtin, says):
    check(use, error, builtin, says)


def test_an_element_of_a_numpy_array_is_not_set_in_silence():
    """NumPy itself raises, with polygrad's error as the reason."""
    with pytest.raises(ValueError, match="setting an array element") as caught:
        tracked(lambda x: np.zeros(3).__setitem__(0, x[0]))()
    assert isinstance(caught.value.__cause__, errors.LostGradientError)


def test_an_op_without_a_derivative_says_so():
    """Where a derivative of zero would mislead, the op raises by name."""
    from polygrad.core.op import OPS as TABLE

    misleading = [op for op in TABLE.values() if getattr(op, "misleading", None)]
    for op in misleading:
        with pytest.raises(errors.NonDifferentiableError, match=f"{op.name} has no derivative: "):
            op.plan(1, 1)


def test_an_array_kept_beyond_its_transform():
    kept = []
    pg.grad(lambda x: (kept.append(x * 2), total(x))[1])(X)
    check(lambda: kept[0] + 1.0, errors.LeakedArrayError, RuntimeError,
          ("add: a tracked array is used after the transform", "pg.stop_gradient(x)"))  # fmt: skip
    pg.jvp(lambda x: (kept.append(x * 2), x)[1], (X,), (X,))
    check(lambda: pg.sum(kept[1]), errors.LeakedArrayError, RuntimeError,
          ("sum", "return it from the function"))  # fmt: skip


def test_errors_come_before_any_work():
    """A wrong argument is found before the function runs."""
    runs = []

    def f(x):
        runs.append(x)
        return total(x)

    for use in (
        lambda: pg.grad(f)(I),
        lambda: pg.grad(f, argnums=4)(X),
        lambda: pg.grad(f, argnums="a")(X),
        lambda: pg.jvp(f, (X,), (pg.ones(2),)),
        lambda: pg.jvp(f, (X,), (X, X)),
        lambda: pg.vjp(f, I),
    ):
        with pytest.raises(errors.PolygradError):
            use()
    assert runs == []


def test_nothing_is_left_behind_by_an_exception():
    """After an error inside transforms, the same arrays and functions work."""

    def fail(x):
        return pg.grad(lambda y: pg.sum(y @ y[:1]))(x)

    with pytest.raises(errors.ShapeError):
        pg.grad(lambda x: pg.sum(fail(x)))(X)
    assert pg.grad(lambda x: pg.sum(pg.grad(total)(x) * x))(X).tolist() == [1.0, 1.0, 1.0]


def test_every_error_is_a_built_in_too():
    for name, cls in vars(errors).items():
        if isinstance(cls, type) and issubclass(cls, errors.PolygradError):
            assert cls.__doc__, name
            others = [base for base in cls.__mro__ if base.__module__ == "builtins"]
            assert cls is errors.PolygradError or len(others) > 3, name
