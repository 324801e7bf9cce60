"""Into an Array and out of it: asarray, copies, NumPy, DLPack, pickles, Python numbers."""

import copy
import math
import operator
import pickle

import numpy as np
import pytest

import polygrad as pg
from polygrad.errors import (
    ArgumentTypeError,
    ArgumentValueError,
    DeviceError,
    DTypeError,
    LostGradientError,
    MixedArraysError,
)

DEVICES = ["cpu", "strict:device1"]
ONE = "strict:device1"


def tracked(use, x=None):
    """Run ``use`` on a tracked array."""
    x = pg.asarray([1.0, 2.0]) if x is None else x
    return pg.grad(lambda x: pg.sum(x) + (use(x), 0.0)[1])(x)


# -- asarray -------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    ("given", "dtype", "values"),
    [
        (True, "bool", True),
        (3, "int64", 3),
        (2.5, "float64", 2.5),
        (1 + 2j, "complex128", 1 + 2j),
        ([], "float64", []),
        ([1, 2.5], "float64", [1.0, 2.5]),
        (((1, 2), (3, 4)), "int64", [[1, 2], [3, 4]]),
        (range(3), "int64", [0, 1, 2]),
        (np.float32(1.5), "float32", 1.5),
        (np.int8(3), "int8", 3),
        (np.bool(True), "bool", True),
        ([np.float32(1), np.float32(2)], "float32", [1.0, 2.0]),
        (np.ones((2, 0), np.complex64), "complex64", [[], []]),
        (np.arange(4, dtype=">i2")[::-2], "int16", [3, 1]),
    ],
)
def test_asarray_of_host_data(device, given, dtype, values):
    with pg.device(device):
        x = pg.asarray(given)
    assert type(x) is pg.Array
    assert x.device == device
    assert x.dtype == dtype
    assert x.tolist() == values
    assert pg.asarray(given, device=device).device == device


@pytest.mark.parametrize("device", DEVICES)
def test_asarray_converts_the_data_type(device):
    for given in (1, [1, 0], np.ones(2, np.int16), pg.ones(2, device=device)):
        for dtype in ("float32", pg.float32, np.float32, np.dtype("float32")):
            x = pg.asarray(given, dtype=dtype, device=device)
            assert x.dtype == pg.float32
    assert pg.asarray([1, 0], dtype=bool).tolist() == [True, False]
    assert pg.asarray(1, dtype=complex).dtype == pg.complex128


@pytest.mark.parametrize("device", DEVICES)
def test_lists_may_hold_arrays(device):
    x = pg.asarray([1.0, 2.0], dtype=pg.float32, device=device)
    out = pg.asarray([[x[0], 5], [np.float32(6.0), x[1]]])
    assert out.device == device
    assert out.dtype == pg.float32  # Python numbers adopt the arrays' data type
    assert out.tolist() == [[1.0, 5.0], [6.0, 2.0]]
    assert pg.asarray([x, [3.0, 4.0]]).tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert pg.asarray([x, np.zeros(2)]).dtype == pg.float64
    assert pg.asarray((x, x), dtype=pg.float64).dtype == pg.float64


def test_lists_of_raw_arrays_follow_the_current_device():
    given = [np.ones(2), np.zeros(2)]
    assert pg.asarray(given).device == "cpu"
    with pg.device(ONE):
        assert pg.asarray(given).device == ONE
    assert pg.asarray(given, device=ONE).tolist() == [[1.0, 1.0], [0.0, 0.0]]


@pytest.mark.parametrize("device", DEVICES)
def test_gradients_flow_through_lists_copies_and_conversions(device):
    x = pg.asarray([1.0, 2.0], device=device)

    def f(x):
        rotated = pg.asarray([[x[0], -x[1]], [x[1], x[0]]], dtype=pg.float32)
        same = pg.asarray(x, copy=True)
        wide = pg.asarray(rotated, dtype=pg.float64)
        return pg.sum(wide**2) + pg.sum(same * copy.copy(x)) + pg.sum(copy.deepcopy(x))

    gradient = pg.grad(f)(x)
    assert gradient.dtype == pg.float64
    assert gradient.tolist() == [4 + 2 + 1, 8 + 4 + 1]


def test_asarray_keeps_an_array_where_it_is():
    x = pg.ones(2, device=ONE)
    assert pg.asarray(x) is x
    raw = x._value
    assert pg.asarray(raw).device == ONE  # not host data: it does not follow the current device
    assert pg.asarray(np.ones(2)).device == "cpu"


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ("abc", ArgumentTypeError, "asarray: got str 'abc', expected a number, nested lists of"),
        (None, ArgumentTypeError, "got NoneType None"),
        ({"a": 1}, ArgumentTypeError, "got dict"),
        ([1, None], ArgumentTypeError, "got list"),
        (object(), ArgumentTypeError, "got object"),
        ([1, [2]], ArgumentValueError, "expected a number, nested lists of equal lengths"),
        ([pg.ones(2), [1.0]], ArgumentValueError, "with the shapes (1,), (2,), expected equal"),
        ([pg.ones(2), "a"], ArgumentTypeError, "got str 'a' in a list, expected numbers and arr"),
        (np.array(["a"]), DTypeError, "got an array of <U1, expected numbers or bool, of one of"),
        (np.array([None]), DTypeError, "got an array of object"),
        (np.array(["2020"], "M8"), DTypeError, "got an array of datetime64"),
        (2**100, ArgumentTypeError, "got int 1267650600228229401496703205376"),
    ],
)
def test_asarray_refuses_what_is_no_array(given, error, message):
    with pytest.raises(error) as caught:
        pg.asarray(given)
    assert message in str(caught.value)
    assert isinstance(caught.value, TypeError | ValueError)


def test_asarray_refuses_numbers_that_do_not_fit():
    with pytest.raises(ArgumentValueError, match="asarray: got int 300.*out of bounds for int8"):
        pg.asarray(300, dtype="int8")
    with pytest.raises(DTypeError, match="dtype: got 'int', expected one of bool, int8"):
        pg.asarray(3, dtype="int")


def test_asarray_refuses_a_list_with_arrays_of_two_devices():
    with pytest.raises(MixedArraysError, match=f"arrays on cpu and {ONE}, expected one device; p"):
        pg.asarray([pg.ones(()), pg.ones((), device=ONE)])
    moved = pg.asarray([pg.ones(()), pg.ones((), device=ONE)], device=ONE)
    assert moved.device == ONE


# -- copies --------------------------------------------------------------------------------------


def test_copy_true_shares_no_memory():
    host = np.ones(2)
    for given in (host, pg.asarray(host)):
        x = pg.asarray(given, copy=True)
        assert not np.shares_memory(np.asarray(x), host)


def test_copy_none_and_false_share_memory_where_they_can():
    host = np.ones(2)
    for option in (None, False):
        assert np.shares_memory(np.asarray(pg.asarray(host, copy=option)), host)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: pg.asarray(np.ones(2), dtype="float32", copy=False), "another dtype was asked"),
        (lambda: pg.asarray(np.ones(2), device=ONE, copy=False), "another device was asked"),
        (lambda: pg.asarray([1.0], copy=False), "a list has to be copied; pass copy=None"),
        (lambda: pg.asarray(1.0, copy=False), "a float has to be copied"),
    ],
)
def test_copy_false_raises_where_a_copy_is_needed(use, message):
    with pytest.raises(ArgumentValueError, match=message) as caught:
        use()
    assert isinstance(caught.value, ValueError)


def test_assigning_to_an_array_leaves_the_callers_memory_alone():
    host = np.zeros(3)
    x = pg.asarray(host)
    x[1] = 5.0
    x += 1.0
    assert host.tolist() == [0.0, 0.0, 0.0]
    assert x.tolist() == [1.0, 6.0, 1.0]
    y = copy.copy(x)
    x[0] = -1.0
    assert y.tolist() == [1.0, 6.0, 1.0]


# -- NumPy ---------------------------------------------------------------------------------------


def test_numpy_asarray_of_an_array():
    x = pg.asarray([1.0, 2.0])
    assert np.asarray(x).tolist() == [1.0, 2.0]
    assert np.asarray(x, dtype=np.float32).dtype == np.float32
    assert np.shares_memory(np.asarray(x), np.asarray(x, copy=False))
    assert not np.shares_memory(np.array(x, copy=True), np.asarray(x))
    with pytest.raises(ValueError, match="copy"):
        np.asarray(x, dtype=np.float32, copy=False)


def test_numpy_asarray_of_an_array_elsewhere_is_refused():
    x = pg.ones(2, device=ONE)
    with pytest.raises(DeviceError, match=r"x is on strict:device1.*pg\.to_numpy\(x\)"):
        np.asarray(x)
    assert pg.to_numpy(x).tolist() == [1.0, 1.0]


def test_to_numpy_is_a_copy_of_any_kind_of_array():
    host = np.ones(2)
    for x in (host, pg.asarray(host), pg.asarray(host, device=ONE), np.float64(1.0)):
        out = pg.to_numpy(x)
        assert type(out) is np.ndarray
        assert not np.shares_memory(out, host)


@pytest.mark.parametrize(
    "use",
    [
        np.asarray,
        pg.to_numpy,
        lambda x: float(x[0]),
        lambda x: int(x[0]),
        lambda x: complex(x[0]),
        lambda x: operator.index(pg.sum(x)),
        lambda x: math.sqrt(x[0]),
        np.from_dlpack,
        pg.from_dlpack,
        pickle.dumps,
    ],
)
def test_a_gradient_is_never_lost_in_silence(use):
    with pytest.raises(
        LostGradientError, match=r"would lose its gradient; write pg\.stop_gradient"
    ):
        tracked(use)
    assert tracked(lambda x: use(pg.asarray(pg.stop_gradient(x), dtype="int64"))) is not None


def test_what_carries_no_gradient_works_on_a_tracked_array():
    seen = []

    def use(x):
        seen.extend([bool(x[0] > 0), len(x), x[1].item(), x.tolist(), f"{x[0]:.1f}", 2.0 in x])

    assert tracked(use).tolist() == [1.0, 1.0]
    assert seen == [True, 2, 2.0, [1.0, 2.0], "1.0", True]


# -- DLPack --------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "uint16", "complex64", "bool"])
def test_dlpack_to_numpy_and_back_shares_memory(dtype):
    host = np.ones((2, 3), dtype)[:, ::2]
    x = pg.from_dlpack(host)
    assert x.dtype == dtype
    assert np.shares_memory(np.asarray(x), host)
    out = np.from_dlpack(x)
    assert out.dtype == dtype
    assert np.shares_memory(out, host)


def test_dlpack_copies_when_asked():
    host = np.ones(2)
    assert not np.shares_memory(np.asarray(pg.from_dlpack(host, copy=True)), host)
    assert np.shares_memory(np.asarray(pg.from_dlpack(host, copy=False)), host)
    moved = pg.from_dlpack(host, device=ONE)
    assert moved.device == ONE
    with pytest.raises(ArgumentValueError, match="another device was asked"):
        pg.from_dlpack(host, device=ONE, copy=False)
    assert pg.from_dlpack(moved, device="cpu").device == "cpu"
    assert pg.from_dlpack(moved).device == ONE


def test_dlpack_device_is_that_of_the_memory():
    assert tuple(map(int, pg.ones(1).__dlpack_device__())) == (1, 0)


class Foreign:
    """A tensor of a library without a backend, over host memory."""

    def __init__(self, host, kind=1):
        self.host, self.kind = host, kind

    def __dlpack__(self, **options):
        return self.host.__dlpack__(**options)

    def __dlpack_device__(self):
        return (self.kind, 0)


def test_a_library_without_a_backend_is_read_through_dlpack():
    host = np.asarray([1.0, 2.0])
    for read in (pg.from_dlpack, pg.asarray):
        x = read(Foreign(host))
        assert type(x) is pg.Array
        assert np.shares_memory(np.asarray(x), host)
        assert read(Foreign(host, kind=3)).device == "cpu"  # pinned host memory
        assert read(Foreign(host), device=ONE).tolist() == [1.0, 2.0]
    assert pg.asarray(Foreign(host), dtype="float32").dtype == "float32"
    with pg.device(ONE):
        assert pg.asarray(Foreign(host)).device == ONE  # host data goes to the current device
        assert pg.from_dlpack(Foreign(host)).device == "cpu"


def test_dlpack_refusals():
    with pytest.raises(ArgumentTypeError, match="got list, expected an object with __dlpack__; u"):
        pg.from_dlpack([1.0])
    with pytest.raises(ArgumentValueError, match="DLPack's type 10, expected memory of the CPU"):
        pg.from_dlpack(Foreign(np.ones(1), kind=10))

    class Refusing(Foreign):
        def __dlpack__(self, **options):
            raise BufferError("it needs a gradient")

    with pytest.raises(ArgumentValueError, match="cannot be read through DLPack .it needs a grad"):
        pg.asarray(Refusing(np.ones(1)))


def test_dlpack_with_torch():
    torch = pytest.importorskip("torch")
    x = pg.asarray([1.0, 2.0])
    tensor = torch.from_dlpack(x)
    assert tensor.tolist() == [1.0, 2.0]
    tensor[0] = 7.0  # one memory
    assert x.tolist() == [7.0, 2.0]
    there = pg.from_dlpack(tensor, device="cpu")
    assert there.tolist() == [7.0, 2.0]
    assert pg.grad(lambda x: pg.sum(x * x))(there).tolist() == [14.0, 4.0]


# -- pickles -------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", ["float32", "complex128", "bool", "int16"])
def test_pickle(device, dtype):
    x = pg.asarray([[1, 0], [1, 1]], dtype=dtype, device=device)
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        y = pickle.loads(pickle.dumps(x, protocol))
        assert (y.device, y.dtype, y.tolist()) == (x.device, x.dtype, x.tolist())
    assert pickle.loads(pickle.dumps(x.dtype)) is x.dtype


# -- Python's protocols --------------------------------------------------------------------------


@pytest.mark.parametrize("device", DEVICES)
def test_python_numbers(device):
    x = pg.asarray(2.75, device=device)
    assert (float(x), int(x), complex(x), bool(x)) == (2.75, 2, 2.75 + 0j, True)
    assert type(x.item()) is float
    assert bool(pg.asarray(0, device=device)) is False
    assert [10, 20, 30][pg.asarray(1, device=device)] == 20
    assert pg.asarray([[4]], device=device).item() == 4


@pytest.mark.parametrize("device", DEVICES)
def test_python_containers(device):
    x = pg.asarray([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], device=device)
    assert len(x) == 3
    rows = list(x)
    assert [row.tolist() for row in rows] == x.tolist()
    assert all(row.device == device for row in rows)
    assert 4.0 in x
    assert 7.0 not in x
    first, *_ = x
    assert first.shape == (2,)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: float(pg.ones(2)), r"float\(\) needs an array of one element with no axes, got"),
        (
            lambda: bool(pg.ones(2)),
            r"got shape \(2,\); reduce it first, e.g. with pg.sum or pg.any",
        ),
        (lambda: int(pg.ones((1, 1))), r"int\(\) needs an array of one element"),
        (lambda: pg.ones(2).item(), r"item\(\) needs an array of one element"),
        (lambda: len(pg.ones(())), r"len\(x\): x is 0-d and has no axes"),
        (lambda: list(pg.ones(())), r"iteration over x: x is 0-d and has no axes; use x.item"),
        (lambda: [1, 2][pg.ones(())], "an index has to be an integer, got an array of float64; c"),
        (lambda: f"{pg.ones(2):.2f}", r"format\(\) needs an array of one element"),
    ],
)
def test_conversions_that_make_no_sense(use, message):
    with pytest.raises(ArgumentTypeError, match=message) as caught:
        use()
    assert isinstance(caught.value, TypeError)


def test_arrays_have_no_hash():
    with pytest.raises(TypeError, match="unhashable"):
        hash(pg.ones(1))


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (lambda: pg.asarray(2.5), "Array(2.5, dtype=float64, device=cpu)"),
        (lambda: pg.asarray([1, 2], dtype="int8"), "Array([1, 2], dtype=int8, device=cpu)"),
        (lambda: pg.asarray([True]), "Array([ True], dtype=bool, device=cpu)"),
        (lambda: pg.ones((2, 1)), "Array([[1.],\n       [1.]], dtype=float64, device=cpu)"),
        (lambda: pg.zeros((0, 3)), "Array([], shape=(0, 3), dtype=float64, device=cpu)"),
        (lambda: pg.asarray(1.5, device=ONE), f"Array(1.5, dtype=float64, device={ONE})"),
        (lambda: pg.asarray([1 + 2j]), "Array([1.+2.j], dtype=complex128, device=cpu)"),
    ],
)
def test_repr(x, text):
    assert repr(x()) == text


def test_repr_of_a_tracked_array_names_its_level():
    shown = []
    tracked(lambda x: shown.append(repr(x)))
    assert shown[0].startswith("Array([1., 2.], dtype=float64, device=cpu, level=")


def test_str_and_format():
    x = pg.asarray([1.0, 2.0])
    assert (str(x), f"{x}", f"{x[1]:.3f}", f"{pg.asarray(7):04d}") == (
        "[1. 2.]", "[1. 2.]", "2.000", "0007",
    )  # fmt: skip
