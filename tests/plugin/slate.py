"""A small array library of its own: the standard's functions on an immutable array class.

The arithmetic is NumPy's; the class, the devices and the rules on mixing are not: it refuses
NumPy arrays, and arrays of another of its devices.
"""

import operator
from types import SimpleNamespace

import array_api_compat.numpy as _np

__version__ = "3.1"
DEVICES = ("upper", "lower")


class Slate:
    """An immutable array on one of the two devices."""

    __array_ufunc__ = None  # NumPy leaves mixed operations to this class, which refuses them

    def __init__(self, host, device):
        self.host, self.device = _np.asarray(host), device
        self.host.flags.writeable = False

    shape = property(lambda self: self.host.shape)
    dtype = property(lambda self: self.host.dtype)
    ndim = property(lambda self: self.host.ndim)
    size = property(lambda self: self.host.size)
    T = property(lambda self: _call(operator.attrgetter("T"), self))
    mT = property(lambda self: _call(operator.attrgetter("mT"), self))

    def __array_namespace__(self, *, api_version=None):
        return namespace

    def __getitem__(self, key):
        return _call(operator.getitem, self, key)

    def __bool__(self):
        return bool(self.host)

    def __repr__(self):
        return f"Slate({self.host.tolist()}, {self.device})"


def _plain(value, devices):
    if isinstance(value, Slate):
        devices.add(value.device)
        return value.host
    if isinstance(value, tuple | list):
        return type(value)(_plain(item, devices) for item in value)
    if isinstance(value, _np.ndarray):
        raise TypeError("a slate does not take NumPy arrays")
    return value


def _call(function, *args, device=None, **options):
    devices = set() if device is None else {device}
    plain = [_plain(arg, devices) for arg in args]
    options = {name: _plain(value, devices) for name, value in options.items()}
    if len(devices) > 1:
        raise ValueError(f"arrays on {' and '.join(sorted(devices))}")
    place = devices.pop() if devices else DEVICES[0]
    out = function(*plain, **options)
    if isinstance(out, tuple | list):
        return type(out)(Slate(item, place) for item in out)
    return Slate(out, place) if isinstance(out, _np.ndarray | _np.generic) else out


def _method(function, swap=False):
    def method(self, *others):
        if not all(isinstance(o, Slate | bool | int | float | complex) for o in others):
            return NotImplemented
        return _call(function, *others, self) if swap else _call(function, self, *others)

    return method


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and_", "or_"):
    _function, _dunder = getattr(operator, _name), _name.rstrip("_")
    setattr(Slate, f"__{_dunder}__", _method(_function))
    setattr(Slate, f"__r{_dunder}__", _method(_function, swap=True))
for _name in ("eq", "ne", "lt", "le", "gt", "ge", "neg", "abs", "invert"):
    setattr(Slate, f"__{_name}__", _method(getattr(operator, _name)))


def _wrapped(function):
    def call(*args, **options):
        return _call(function, *args, **options)

    call.__name__ = function.__name__
    return call


def asarray(value, /, *, dtype=None, device=None, copy=None):
    """A slate of numbers, lists or host arrays, or of a slate on any device."""
    if isinstance(value, Slate):
        device, value = device or value.device, value.host
    return Slate(_np.asarray(value, dtype=dtype, copy=True), device or DEVICES[0])


namespace = SimpleNamespace(
    **{
        name: _wrapped(value) if hasattr(value, "__name__") and not isinstance(value, type)
        else value
        for name in dir(_np)
        if not name.startswith("_") and name not in ("fft", "linalg", "asarray", "from_dlpack")
        for value in [getattr(_np, name)]
    },
    asarray=asarray,
)  # fmt: skip
