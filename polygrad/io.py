"""Saving and loading pytrees of arrays in the safetensors format, from and to any device."""

import contextlib
import os
import secrets
from typing import Any

from polygrad import tree
from polygrad.array import Array, is_array, raw_and_backend
from polygrad.backend import host_backend
from polygrad.device import intern_device
from polygrad.dtypes import as_dtype
from polygrad.errors import (
    ArgumentTypeError,
    ArgumentValueError,
    DTypeError,
    MissingPackageError,
    ShapeError,
    TreeError,
)
from polygrad.ops import asarray, reshape, to_numpy

_NUMBERS = {bool: "bool", int: "int64", float: "float64"}


def save(path: str | os.PathLike[str], tree: Any) -> None:
    """Write the leaves of a pytree (a model, the state of an optimiser) to a safetensors file.

    Leaves are real arrays on any device, or Python numbers; a leaf is named by its path, such
    as ``layers[0].weight``. The file appears under its name only when it is complete: a write
    that fails leaves what was there before.

    Raises MissingPackageError without safetensors, ArgumentTypeError for a leaf that is no
    array or number, DTypeError for complex arrays, and OSError where the file cannot be written.

    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "weights.safetensors")
    >>> pg.io.save(path, {"w": pg.asarray([1.0, 2.0])})
    >>> pg.io.load(path, like={"w": pg.zeros(2)})
    {'w': Array([1., 2.], dtype=float64, device=cpu)}
    """
    codec = _codec()
    content = codec.save({name: _to_host(name, leaf) for name, leaf in _named("save", tree)})
    target = os.path.realpath(path)
    folder, base = os.path.split(target)
    partial = os.path.join(folder, f".{base}.{secrets.token_hex(4)}.part")
    try:
        with open(partial, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.remove(partial)
        raise


def load(path: str | os.PathLike[str], like: Any) -> Any:
    """Read a file that `save` wrote into a pytree with the structure of ``like``.

    Each array comes back in the data type, on the device and in the kind of array of its leaf
    in ``like``, a Python number as one. ``like`` itself is not changed.

    Raises MissingPackageError without safetensors, ArgumentValueError for a file that is not
    safetensors, TreeError where the names of the leaves differ, ShapeError or DTypeError where
    a leaf does, and OSError where the file cannot be read.

    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "weights.safetensors")
    >>> pg.io.save(path, (pg.ones(1), 3))
    >>> pg.io.load(path, like=(pg.zeros(1), 0))
    (Array([1.], dtype=float64, device=cpu), 3)
    """
    codec = _codec()
    with open(path, "rb") as file:
        content = file.read()
    try:
        stored = _load(codec, content)
    except Exception as error:  # the package raises its own class, KeyError for its data types
        raise ArgumentValueError(
            f"load: {os.fspath(path)} is not a safetensors file that polygrad can read: {error}"
        ) from None
    named = _named("load: like", like)
    names = [name for name, _ in named]
    missing = [name for name in names if name not in stored]
    unknown = [name for name in stored if name not in set(names)]
    if missing or unknown:
        raise TreeError(
            f"load: {os.fspath(path)} does not fit like: it lacks {_list(missing)} and has "
            f"{_list(unknown)} besides; pass a pytree of the structure that was saved"
        )
    leaves = [_from_host(name, stored[name], leaf) for name, leaf in named]
    return tree.unflatten(tree.flatten(like)[1], leaves)


def _codec() -> Any:
    try:
        from safetensors import numpy as codec
    except ImportError as error:
        raise MissingPackageError(
            f"saving and loading need the package safetensors ({error}): "
            "pip install 'polygrad-xp[io]'"
        ) from None
    return codec


def _load(codec: Any, content: bytes) -> dict[str, Any]:
    """Host arrays by name; the package reads all of NumPy's own data types, and not bfloat16."""
    try:
        return dict(codec.load(content))
    except KeyError as error:
        if error.args != ("BF16",):
            raise
    from safetensors import deserialize

    xp, found = host_backend().xp, {}
    for name, one in deserialize(content):
        if one["dtype"] == "BF16":
            flat = xp.frombuffer(one["data"], dtype=xp.bfloat16)
        else:
            flat = xp.frombuffer(one["data"], dtype=codec._TYPES[one["dtype"]])
        found[name] = xp.reshape(flat, tuple(one["shape"]))
    return found


def _named(name: str, given: Any) -> list[tuple[str, Any]]:
    """The leaves of a pytree with their paths, checked."""
    leaves, paths = tree.leaves(given), tree.paths(given)
    named = [(path.removeprefix("."), leaf) for path, leaf in zip(paths, leaves, strict=True)]
    for path, leaf in named:
        if type(leaf) in _NUMBERS:
            continue
        if not is_array(leaf):
            raise ArgumentTypeError(
                f"{name}: {path or 'the value'} is {type(leaf).__name__}, expected arrays and "
                "numbers; make it a field with pg.tree.static, or leave it out"
            )
        if (dtype := as_dtype(leaf.dtype)).is_complex:
            raise DTypeError(
                f"{name}: {path or 'the value'} is {dtype}, which the format lacks; save "
                "pg.real(x) and pg.imag(x)"
            )
    return named


def _to_host(name: str, leaf: Any) -> Any:
    if type(leaf) in _NUMBERS:
        leaf = asarray(leaf, dtype=_NUMBERS[type(leaf)], device="cpu")
    host = to_numpy(leaf)
    # By way of one axis: the format wants rows in order, which a transposed array is not in.
    return reshape(reshape(host, (-1,)), host.shape)


def _from_host(name: str, host: Any, leaf: Any) -> Any:
    number = type(leaf) in _NUMBERS
    shape, dtype = ((), _NUMBERS[type(leaf)]) if number else (leaf.shape, leaf.dtype)
    if tuple(host.shape) != tuple(shape):
        raise ShapeError(
            f"load: {name} has shape {tuple(host.shape)} in the file, expected {tuple(shape)}, "
            "that of like"
        )
    if as_dtype(host.dtype) != as_dtype(dtype):
        raise DTypeError(
            f"load: {name} is {as_dtype(host.dtype)} in the file, expected {as_dtype(dtype)}, "
            "that of like; make like in the data type of the file, then convert with pg.astype"
        )
    if number:
        return host.item()
    raw, backend = raw_and_backend(leaf)
    place = intern_device(backend, backend.device_of(raw))
    loaded = asarray(host, device=place, copy=True)
    return loaded if type(leaf) is Array else loaded._value


def _list(names: list[str]) -> str:
    shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    return shown or "nothing"
