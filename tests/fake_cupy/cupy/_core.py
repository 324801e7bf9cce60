"""Arrays of the stand-in, and the making of its functions from NumPy's."""

import types

import numpy as np

from cupy import cuda

counted = {"launches": 0, "reads": 0}
"""Kernels started, and times that the host waited for what is on a GPU."""


class PooledMemory:
    """Memory of CuPy's own."""


class DLPackMemory:
    """Memory of another library; CuPy says that an array on it owns its data."""


class ndarray:
    """An array on a GPU: ``host`` holds the values, ``device`` says where they would be."""

    __array_priority__ = 100
    __hash__ = None

    def __init__(self, host, device, base=None):
        self.host, self.device, self.base = np.asarray(host), device, base
        self.flags = types.SimpleNamespace(owndata=base is None)
        self.data = types.SimpleNamespace(mem=PooledMemory())

    shape = property(lambda self: self.host.shape)
    dtype = property(lambda self: self.host.dtype)
    ndim = property(lambda self: self.host.ndim)
    size = property(lambda self: self.host.size)

    def _view(self, host):
        return ndarray(host, self.device, base=self)

    T = property(lambda self: self._view(self.host.T))
    mT = property(lambda self: self._view(self.host.mT))
    real = property(lambda self: self._view(self.host.real))
    imag = property(lambda self: self._view(self.host.imag))

    def get(self):
        counted["reads"] += 1
        return self.host.copy()

    def item(self):
        counted["reads"] += 1
        return self.host.item()

    def _number(self):
        return self.item()

    __float__ = __int__ = __index__ = __complex__ = _number

    def copy(self):
        return _run(np.copy, self)

    def astype(self, dtype, copy=True):
        return self if not copy and dtype == self.dtype else _run(np.astype, self, dtype)

    def reshape(self, *shape):
        return self._view(self.host.reshape(*shape))

    def __getitem__(self, key):
        if _fancy(key):
            _count_mask(key)
            return _run(np.ndarray.__getitem__, self, key)
        return self._view(self.host[key])

    def __setitem__(self, key, value):
        if isinstance(value, ndarray) and value.ndim:  # of a number CuPy makes one kernel
            _count_mask(key)
        _run(np.ndarray.__setitem__, self, key, value)

    def __bool__(self):
        return bool(self.item())

    def __dlpack_device__(self):
        return (2, self.device.id)

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        # CuPy refuses what it does not know, so that the other operand gets its turn.
        if not all(isinstance(x, ndarray | np.ndarray | np.generic | int | float | complex)
                   for x in inputs):  # fmt: skip
            return NotImplemented
        return _run(getattr(ufunc, method), *inputs, **options)

    def __array_function__(self, function, types, args, options):
        return _run(function, *args, **options)


def _binary(ufunc, swap):
    def method(self, other):
        # As CuPy does: what has __array_ufunc__ is left to NumPy's dispatch.
        if not isinstance(other, ndarray) and hasattr(other, "__array_ufunc__"):
            return ufunc(other, self) if swap else ufunc(self, other)
        return _run(ufunc, other, self) if swap else _run(ufunc, self, other)

    return method


for _name, _ufunc in {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.true_divide,
    "pow": np.power, "matmul": np.matmul, "and": np.bitwise_and, "or": np.bitwise_or,
    "xor": np.bitwise_xor,
}.items():  # fmt: skip
    setattr(ndarray, f"__{_name}__", _binary(_ufunc, False))
    setattr(ndarray, f"__r{_name}__", _binary(_ufunc, True))
for _name, _ufunc in {"eq": np.equal, "ne": np.not_equal, "lt": np.less, "gt": np.greater,
                      "le": np.less_equal, "ge": np.greater_equal}.items():  # fmt: skip
    setattr(ndarray, f"__{_name}__", _binary(_ufunc, False))
ndarray.__neg__ = lambda self: _run(np.negative, self)


def _count_mask(key):
    parts = key if isinstance(key, tuple) else (key,)
    if any(isinstance(part, ndarray) and part.dtype == bool for part in parts):
        counted["reads"] += 1  # how many elements there are


def _fancy(key):
    parts = key if isinstance(key, tuple) else (key,)
    return any(isinstance(part, ndarray) for part in parts)


def _plain(value, current):
    if isinstance(value, ndarray):
        if value.device.id != current:
            raise RuntimeError(f"an array on GPU {value.device.id}, while GPU {current} is current")
        return value.host
    if isinstance(value, tuple | list):
        return type(value)(_plain(item, current) for item in value)
    if isinstance(value, np.ndarray) and value.ndim:
        raise TypeError("Unsupported type <class 'numpy.ndarray'>")
    return value


_VIEWS = (np.broadcast_to, np.reshape, np.transpose, np.expand_dims, np.squeeze, np.isdtype)


def _run(function, *args, **options):
    """Compute on the current device; what comes out lives there."""
    current = cuda.runtime.getDevice()
    plain = [_plain(arg, current) for arg in args]
    options = {name: _plain(value, current) for name, value in options.items()}
    out = function(*plain, **options)
    made = isinstance(out, np.ndarray | np.generic | tuple | list)
    counted["launches"] += made and function not in _VIEWS
    if isinstance(out, np.ndarray | np.generic):
        return ndarray(out, cuda.Device(current))
    if isinstance(out, tuple | list):
        return type(out)(ndarray(o, cuda.Device(current)) for o in out)
    return out


class ufunc:
    """A NumPy ufunc or function that computes on the current device."""

    def __init__(self, function):
        self.function, self.__name__ = function, function.__name__

    def __call__(self, *args, **options):
        return _run(self.function, *args, **options)

    def at(self, array, key, value):
        if array.dtype.name not in ("int32", "uint32", "uint64", "float16", "float32", "float64"):
            raise TypeError(f"cupy.add.at does not take {array.dtype}")
        _run(self.function.at, array, key, value)


def array(value, dtype=None, copy=True):
    current = cuda.Device()
    if isinstance(value, ndarray):  # from any device to the current one
        if not copy and value.device == current and (dtype is None or dtype == value.dtype):
            return value
        return ndarray(np.array(value.host, dtype=dtype), current)
    return ndarray(np.array(value, dtype=dtype), current)


def asarray(value, dtype=None):
    return array(value, dtype, copy=False)


def from_dlpack(x):
    kind, number = x.__dlpack_device__()
    if kind != 2:
        raise TypeError("CPU arrays cannot be directly imported to CuPy.")
    found = ndarray(x.on_host(), cuda.Device(number))
    found.data.mem = DLPackMemory()
    return found


def fill(target, source):
    own = ("array", "asarray", "from_dlpack", "ndarray", "ufunc", "cuda")
    for name in dir(source):
        value = getattr(source, name)
        if name.startswith("_") or name in own or isinstance(value, types.ModuleType):
            continue
        wrapped = hasattr(value, "__name__") and not isinstance(value, type)
        target[name] = ufunc(value) if wrapped else value
