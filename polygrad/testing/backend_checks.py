"""Checks a backend, a third party's above all, against NumPy's: value, gradient, memory, bits."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from polygrad import ops, random, tree
from polygrad.array import is_array
from polygrad.backend import Backend, backends, host_backend, why_unavailable
from polygrad.device import device as as_device
from polygrad.errors import ArgumentTypeError, BackendError
from polygrad.testing.cases import CASES, Case
from polygrad.transforms.grad import vjp

DTYPES = {"float64": 1e-9, "float32": 2e-4}
"""The data types each case is run in, with the tolerance beside NumPy's answer."""


class Finding(NamedTuple):
    """What came of one check."""

    case: str
    check: str
    outcome: str
    """"passed", "failed" or "unsupported"."""
    reason: str


class Report:
    """What `conformance` found. It is true where nothing failed, and prints as a table.

    >>> report = pg.testing.conformance(pg.device("cpu").backend, only=["tanh"])
    >>> bool(report), len(report.failed), report.unsupported
    (True, 0, [])
    """

    def __init__(self, name: str, findings: list[Finding]) -> None:
        self.name, self.findings = name, findings

    def _of(self, outcome: str) -> list[Finding]:
        return [one for one in self.findings if one.outcome == outcome]

    @property
    def passed(self) -> list[Finding]:
        """The checks that agree with NumPy."""
        return self._of("passed")

    @property
    def failed(self) -> list[Finding]:
        """The checks that do not, each with what was got and expected."""
        return self._of("failed")

    @property
    def unsupported(self) -> list[Finding]:
        """What the library lacks or refuses, each with its error: never a wrong answer."""
        return self._of("unsupported")

    def __bool__(self) -> bool:
        return not self.failed

    def raise_failures(self) -> None:
        """Raise BackendError with every failed check, if there is one."""
        if self.failed:
            raise BackendError(str(self))

    def __str__(self) -> str:
        lines = [
            f"{self.name}: {len(self.passed)} checks passed, {len(self.failed)} failed, "
            f"{len(self.unsupported)} unsupported"
        ]
        for one in self.failed + self.unsupported:
            lines.append(f"  {one.outcome:<11} {one.case}, {one.check}: {one.reason}")
        return "\n".join(lines)

    __repr__ = __str__


def conformance(backend: Any, only: Any = None) -> Report:
    """Run the ops on a backend and hold what comes out against NumPy.

    ``backend`` is a `polygrad.backend.Backend`, or a device or device string of one. Every case
    is run in double and single precision on the default device: the value, its data type and
    class, the gradient against NumPy's and (in double precision) against central differences,
    and that the operands are as they were. Indices that name a place twice, assignments, masks,
    random bits and the way to host memory and back are among the cases. ``only`` is a sequence of
    names of cases, to run some.

    What the library lacks or refuses by an error is "unsupported"; a wrong answer is "failed".
    Raises ArgumentTypeError for what is no backend, ArgumentTypeError for an unknown name in
    ``only``, and BackendError where the backend cannot be used here.

    >>> report = pg.testing.conformance("cpu", only=["add", "matmul"])
    >>> report.raise_failures()
    >>> len(report.failed)
    0
    """
    if isinstance(backend, Backend):
        reason = why_unavailable(backend)
        if reason is not None:
            raise BackendError(
                f"conformance: the backend {backend.name!r} cannot be used: {reason}"
            )
        names = backend.device_names()
        if not names:
            raise BackendError(f"conformance: the backend {backend.name!r} has no device")
        if not any(known is backend for known in backends()):
            raise BackendError(
                f"conformance: the backend {backend.name!r} is not registered, so that its arrays "
                "are not known; call pg.backend.register_backend(backend) first"
            )
        place = as_device(names[0])
    elif isinstance(backend, str) or hasattr(backend, "backend"):
        place = as_device(backend)
    else:
        raise ArgumentTypeError(
            f"conformance: got {type(backend).__name__} {backend!r:.60} for the backend, expected "
            "a polygrad.backend.Backend or a device string; pg.backend.register_namespace makes "
            "one of an array API namespace"
        )
    chosen = CASES
    if only is not None:
        names = [only] if isinstance(only, str) else list(only)
        unknown = sorted(set(names) - {case.name for case in CASES})
        if unknown:
            raise ArgumentTypeError(
                f"conformance: only: no case is called {', '.join(unknown)}; expected some of "
                f"{', '.join(dict.fromkeys(case.name for case in CASES))}"
            )
        chosen = [case for case in CASES if case.name in names]
    findings: list[Finding] = []
    for case in chosen:
        for dtype in DTYPES if case.inexact else ("float64",):
            _Run(place, case, dtype, findings).all()
    if only is None:
        _host_and_back(place, findings)
        _bits(place, findings)
    return Report(place.backend.name, findings)


class _Wrong(Exception):
    """An answer that is not NumPy's."""


class _Run:
    """One case in one data type."""

    def __init__(self, place: Any, case: Case, dtype: str, findings: list[Finding]) -> None:
        self.place, self.case, self.findings = place, case, findings
        self.np = host_backend().xp
        self.dtype, self.tolerance = dtype, DTYPES[dtype] * case.loose
        self.given = [self._sample(leaf) for leaf in case.operands]

    def _sample(self, value: Any) -> Any:
        if not isinstance(value, list | tuple):
            return value
        array = self.np.asarray(value)
        kinds = {"f": self.dtype, "c": "complex128" if self.dtype == "float64" else "complex64"}
        return array.astype(kinds.get(array.dtype.kind, array.dtype))

    def all(self) -> None:
        try:
            raw = [self._put(x) for x in self.given]
        except Exception as error:  # a library refuses in its own way
            self._note("operands", "unsupported", error)
            return
        self._check("value", lambda: self._value(raw))
        if self.case.inexact and self.case.gradient:
            self._check("gradient", lambda: self._gradient(raw))
        self._check("operands unchanged", lambda: self._unchanged(raw))

    def _put(self, value: Any) -> Any:
        if not hasattr(value, "dtype"):
            return value
        return self.place.backend.from_host(value, None, self.place.raw)

    def _check(self, check: str, run: Callable[[], None]) -> None:
        try:
            run()
        except _Wrong as wrong:
            self._note(check, "failed", wrong)
        except Exception as error:
            self._note(check, "unsupported", error)
        else:
            self._note(check, "passed", None)

    def _note(self, check: str, outcome: str, error: Exception | None) -> None:
        text = " ".join(str(error).split())[:300]
        if error is not None and outcome == "unsupported":
            text = f"{type(error).__name__}: {text}"
        name = f"{self.case.name} ({self.dtype})"
        self.findings.append(Finding(name, check, outcome, text if error is not None else ""))

    def _value(self, raw: list[Any]) -> None:
        expected = tree.leaves(self.case.function(*self.given))
        found = tree.leaves(self.case.function(*raw))
        self._same(found, expected, next((x for x in raw if is_array(x)), None))

    def _same(self, found: list[Any], expected: list[Any], like: Any) -> None:
        if len(found) != len(expected):
            raise _Wrong(f"got {len(found)} results, expected {len(expected)}")
        for a, b in zip(found, expected, strict=True):
            if not is_array(b):
                if a != b:
                    raise _Wrong(f"got {a!r}, expected {b!r}")
                continue
            if like is not None and (not is_array(a) or ops.device_of(a) != self.place):
                raise _Wrong(f"got a {type(a).__name__}, expected a {type(like).__name__}")
            host, right = ops.to_numpy(a), ops.to_numpy(b)
            self._close(host, right, self.tolerance)

    def _close(self, host: Any, right: Any, tolerance: float) -> None:
        np = self.np
        if host.dtype != right.dtype or host.shape != right.shape:
            raise _Wrong(
                f"got {host.dtype}{list(host.shape)}, expected {right.dtype}{list(right.shape)}"
            )
        if right.dtype.kind in "fc":
            fits = np.allclose(host, right, rtol=tolerance, atol=tolerance, equal_nan=True)
        else:
            fits = np.array_equal(host, right)
        if not fits:
            raise _Wrong(f"got {host.tolist()}, expected {right.tolist()}")

    def _pulled(self, given: list[Any]) -> list[Any]:
        """The gradients, for a fixed cotangent, of the operands that vary."""
        varied = self.case.varied(self.given)

        def f(*moving: Any) -> list[Any]:
            full = list(given)
            for i, x in zip(varied, moving, strict=True):
                full[i] = x
            outs = tree.leaves(self.case.function(*full))
            return [out for out in outs if is_array(out) and _inexact(out)]

        outs, pullback = vjp(f, *[given[i] for i in varied])
        return list(pullback([self._cotangent(out) for out in outs]))

    def _cotangent(self, out: Any) -> Any:
        np = self.np
        name = str(ops.to_numpy(out).dtype)
        g = np.cos(np.arange(ops.to_numpy(out).size) * 1.3 + 0.4).reshape(tuple(out.shape))
        place = ops.device_of(out)
        return place.backend.from_host(g.astype(name), None, place.raw)

    def _gradient(self, raw: list[Any]) -> None:
        expected, found = self._pulled(self.given), self._pulled(raw)
        self._same(found, expected, next(x for x in raw if is_array(x)))
        if self.dtype == "float64" and self.case.smooth:
            self._differences(raw, found)

    def _differences(self, raw: list[Any], found: list[Any]) -> None:
        """The gradient against central differences of the backend's own values."""
        np, step = self.np, 1e-6
        for i, g in zip(self.case.varied(self.given), found, strict=True):
            x = self.given[i]
            if x.dtype.kind != "f":
                continue
            v = np.sin(np.arange(x.size) * 2.1 + 0.7).reshape(x.shape)
            ends = []
            for sign in (1, -1):
                moved = list(raw)
                moved[i] = self._put(x + sign * step * v)
                outs = tree.leaves(self.case.function(*moved))
                total = 0.0
                for out in outs:
                    if is_array(out) and _inexact(out):
                        c = ops.to_numpy(self._cotangent(out))
                        total += float(np.sum(np.real(np.conj(c) * ops.to_numpy(out))))
                ends.append(total)
            slope = np.asarray((ends[0] - ends[1]) / (2 * step))
            along = np.sum(ops.to_numpy(g) * v)
            self._close(np.asarray(along), slope, 1e-4 * self.case.loose)

    def _unchanged(self, raw: list[Any]) -> None:
        for x, given in zip(raw, self.given, strict=True):
            if hasattr(given, "dtype") and not self.np.array_equal(ops.to_numpy(x), given):
                raise _Wrong(f"an operand is {ops.to_numpy(x).tolist()} now, was {given.tolist()}")


def _inexact(x: Any) -> bool:
    return str(x.dtype).rpartition(".")[2].startswith(("float", "complex", "bfloat"))


def _host_and_back(place: Any, findings: list[Finding]) -> None:
    np = host_backend().xp
    words = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
    for dtype in (*words, "float32", "float64", "complex64", "complex128"):
        for shape in ((), (3,), (2, 3), (0, 2)):
            value = np.asarray(np.arange(math.prod(shape)).reshape(shape) * 1.0).astype(dtype)
            case, check = f"host memory ({dtype}{list(shape)})", "there and back"
            try:
                back = ops.to_numpy(place.backend.from_host(value, None, place.raw))
            except Exception as error:
                text = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
                findings.append(Finding(case, check, "unsupported", text))
                continue
            fits = back.dtype == value.dtype and np.array_equal(back, value)
            reason = "" if fits else f"got {back.dtype} {back.tolist()}, expected {value.tolist()}"
            findings.append(Finding(case, check, "passed" if fits else "failed", reason))


def _bits(place: Any, findings: list[Finding]) -> None:
    np, key = host_backend().xp, random.key(7)
    draws: dict[str, Callable[[Any], Any]] = {
        "bits": lambda device: random.bits(key, (5,), device=device),
        "uniform": lambda device: random.uniform(key, (5,), dtype="float32", device=device),
        "permutation": lambda device: random.permutation(key, 9, device=device),
    }
    for name, draw in draws.items():
        expected = ops.to_numpy(draw("cpu"))
        try:
            found = ops.to_numpy(draw(place))
        except Exception as error:
            text = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
            findings.append(Finding(f"random.{name}", "bits", "unsupported", text))
            continue
        fits = np.array_equal(found, expected)
        reason = "" if fits else f"got {found.tolist()}, expected {expected.tolist()}"
        findings.append(Finding(f"random.{name}", "bits", "passed" if fits else "failed", reason))
