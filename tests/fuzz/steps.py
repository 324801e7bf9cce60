"""The lines a random program is made of, by kind."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Step:
    """One line: what it defines, what it uses, and its text with places for the operands.

    ``target`` is the name it defines, or None for an assignment into its first operand.
    """

    target: str | None
    text: str
    operands: tuple[str, ...]
    modes: str = "fr"
    """The modes of differentiation that go through it: f(orward), r(everse)."""

    def line(self) -> str:
        """The line of Python."""
        body = self.text.format(*self.operands)
        return body if self.target is None else f"{self.target} = {body}"


@dataclass
class Scope:
    """The values made so far: ``owners`` tells whose memory each may share."""

    rng: random.Random
    values: dict[str, np.ndarray]
    owners: dict[str, str]
    inputs: tuple[str, ...]

    def pick(self, wanted: Callable[[np.ndarray], bool]) -> str | None:
        """The name of a value of the wanted kind; late ones more often."""
        names = [name for name, value in self.values.items() if wanted(value)]
        if not names:
            return None
        return names[max(self.rng.randrange(len(names)) for _ in range(2))]


Maker = Callable[[Scope, str], Step | None]
MAKERS: list[tuple[int, Maker]] = []


def maker(weight: int) -> Callable[[Maker], Maker]:
    """Name a function that makes lines; ``weight`` says how often."""

    def named(f: Maker) -> Maker:
        MAKERS.append((weight, f))
        return f

    return named


def real(x: np.ndarray) -> bool:
    return x.dtype.kind == "f"


def whole(x: np.ndarray) -> bool:
    return x.dtype.kind in "iu"


def number(x: np.ndarray) -> bool:
    return x.dtype.kind in "iuf"


def inexact(x: np.ndarray) -> bool:
    return x.dtype.kind in "fc"


def _fits(a: np.ndarray) -> Callable[[np.ndarray], bool]:
    """Whether an array broadcasts with another, and NumPy and the standard agree on the type."""

    def fits(b: np.ndarray) -> bool:
        try:
            np.broadcast_shapes(a.shape, b.shape)
        except ValueError:
            return False
        kinds = {a.dtype.kind, b.dtype.kind}
        if kinds <= set("iu") and a.dtype != b.dtype:
            return np.result_type(a, b).kind in "iu"
        return kinds <= set("fc") or kinds <= set("iu") or len(kinds) == 1

    return fits


UNARY = (
    "{}", "xp.sin({})", "xp.cos({})", "xp.tanh({})", "xp.exp(-xp.square({}))", "xp.square({})",
    "xp.sqrt(xp.square({}) + 1)", "xp.log1p(xp.square({}))", "-{}", "{} * 2", "1.5 * {}",
    "{} ** 2", "{} ** 3", "{} / 3", "1 - {}", "xp.expm1(xp.sin({}))",
    "xp.reciprocal(xp.square({}) + 2)", "xp.atan({})", "xp.sinh(xp.sin({}))", "({} + 0.5) % 2.0",
)  # fmt: skip
REAL = ("xp.abs({})", "xp.sign({})", "xp.floor({})", "xp.clip({}, -1.0, 1.0)", "xp.round({})",
        "xp.maximum({}, 0.25)", "xp.minimum({}, 0.75)", "xp.logaddexp({}, 0.5)",
        "xp.where(xp.greater({0}, 0.125), xp.sin({0}), {0} * 0.5)", "xp.ceil({})",
        "xp.copysign({0}, xp.cos({0}))", "xp.hypot({}, 1.5)", "xp.atan2({}, 2.0)")  # fmt: skip
COMPLEX = ("xp.real({})", "xp.imag({})", "xp.conj({})", "xp.abs({})", "{} * 1j", "{} / (2 - 1j)")
WHOLE = ("{} + 1", "{} - 3", "{} * 2", "{} // 2", "{} % 3", "xp.abs({})", "{} & 3", "{} | 4",
         "{} ^ 1", "xp.maximum({}, 2)", "{} << 1", "{} >> 1", "xp.astype({}, xp.float64)", "-{}",
         "{} / 2", "xp.astype({}, xp.float32) * 0.5", "xp.astype({}, xp.int32)",
         "xp.astype({}, xp.uint8)", "xp.sign({})", "xp.bitwise_invert({})")  # fmt: skip


@maker(6)
def unary(scope: Scope, target: str) -> Step | None:
    """A function of one array."""
    name = scope.pick(lambda x: x.dtype.kind != "b")
    if name is None:
        return None
    kind = scope.values[name].dtype.kind
    texts = {"f": UNARY + REAL, "c": UNARY[1:19] + COMPLEX, "i": WHOLE, "u": WHOLE}[kind]
    return Step(target, scope.rng.choice(texts), (name,))


@maker(6)
def binary(scope: Scope, target: str) -> Step | None:
    """A function of two arrays that broadcast."""
    first = scope.pick(lambda x: x.dtype.kind != "b")
    if first is None:
        return None
    a = scope.values[first]
    second = scope.pick(_fits(a))
    if second is None:
        return None
    kinds = {a.dtype.kind, scope.values[second].dtype.kind}
    texts = ["{} + {}", "{} - {}", "{} * {}"]
    if kinds <= set("fc"):
        texts += ["{0} / (xp.square({1}) + 2)", "xp.sin({0}) * {1}", "{0} * xp.tanh({1})"]
    if kinds == {"f"}:
        texts += ["xp.maximum({}, {})", "xp.atan2({}, xp.square({}) + 1)", "xp.hypot({0} + 3, {1})",
                  "xp.where(xp.less({0}, {1}), {0}, xp.cos({1}))", "xp.logaddexp({}, {})",
                  "xp.pow(xp.square({0}) + 1, xp.sin({1}))"]  # fmt: skip
    if kinds <= set("iu"):
        texts += ["xp.maximum({}, {})", "{} & {}", "{} | {}", "{} ^ {}", "{0} // ({1} * {1} + 1)",
                  "{0} % ({1} * {1} + 2)", "xp.minimum({}, {})"]  # fmt: skip
    return Step(target, scope.rng.choice(texts), (first, second))


@maker(2)
def compare(scope: Scope, target: str) -> Step | None:
    """A comparison, with an array or with a number that the type need not hold."""
    first = scope.pick(number)
    if first is None:
        return None
    function = scope.rng.choice(("less", "less_equal", "greater", "greater_equal", "equal"))
    if whole(scope.values[first]) and scope.rng.random() < 0.5:
        bound = scope.rng.choice((-1, 0, 2, 255, 256, 2**31, -(2**40)))
        return Step(target, f"xp.{function}({{}}, {bound})", (first,))
    second = scope.pick(_fits(scope.values[first]))
    return None if second is None else Step(target, f"xp.{function}({{}}, {{}})", (first, second))


@maker(2)
def select(scope: Scope, target: str) -> Step | None:
    """A choice by a mask, which may also be used as a number."""
    mask, name = scope.pick(lambda x: x.dtype.kind == "b"), scope.pick(inexact)
    if mask is None or name is None:
        return None
    if not _broadcasts(scope.values[mask], scope.values[name]):
        return None
    texts = ("xp.where({0}, {1}, 0.5)", "xp.where({0}, {1} * 2, xp.sin({1}))", "{0} * {1}")
    return Step(target, scope.rng.choice(texts), (mask, name))


def _broadcasts(a: np.ndarray, b: np.ndarray) -> bool:
    try:
        np.broadcast_shapes(a.shape, b.shape)
    except ValueError:
        return False
    return True


@maker(4)
def reduce(scope: Scope, target: str) -> Step | None:
    """A reduction over all axes or one."""
    name = scope.pick(lambda x: x.dtype.kind != "b" and x.size > 0)
    if name is None:
        return None
    x = scope.values[name]
    axes: list[Any] = [None, *range(-x.ndim, x.ndim)]
    if x.ndim > 1:
        axes.append((0, 1))
    axis, keepdims = scope.rng.choice(axes), scope.rng.random() < 0.3
    names = ["sum", "prod", "mean"] if inexact(x) else ["sum", "prod"]
    if x.dtype.kind == "f":
        names += ["max", "min", "var", "std"]
    if whole(x):
        names += ["max", "min"]
    function = scope.rng.choice(names)
    if function in ("max", "min") and isinstance(axis, tuple):
        axis = None
    if function == "std":
        return Step(target, f"xp.sqrt(xp.var({{}}, axis={axis}, keepdims={keepdims}) + 1)", (name,))
    return Step(target, f"xp.{function}({{}}, axis={axis}, keepdims={keepdims})", (name,))


@maker(2)
def along(scope: Scope, target: str) -> Step | None:
    """Sorting, cumulative sums, and the places of extremes."""
    name = scope.pick(lambda x: number(x) and x.ndim > 0 and x.size > 0)
    if name is None:
        return None
    axis = scope.rng.randrange(scope.values[name].ndim)
    texts = ["xp.cumulative_sum({}, axis=AXIS)", "xp.sort({}, axis=AXIS)"]
    if real(scope.values[name]):
        texts += ["xp.argmax({}, axis=AXIS)", "xp.argsort({}, axis=AXIS)", "xp.diff({}, axis=AXIS)",
                  "xp.cumulative_prod(xp.sin({}), axis=AXIS)"]  # fmt: skip
    return Step(target, scope.rng.choice(texts).replace("AXIS", str(axis)), (name,))


@maker(4)
def move(scope: Scope, target: str) -> Step | None:
    """Another shape or order of the axes; what is a view in NumPy is one here."""
    name = scope.pick(lambda x: True)
    if name is None:
        return None
    x, rng = scope.values[name], scope.rng
    order = list(range(x.ndim))
    rng.shuffle(order)
    texts = ["xp.reshape({}, (-1,))" if x.size else "xp.reshape({}, (0,))",
             f"xp.permute_dims({{}}, {tuple(order)})", f"{{}}[{rng.choice(_keys(rng, x.shape))}]",
             f"xp.expand_dims({{}}, axis={rng.randint(-x.ndim - 1, x.ndim)})"]  # fmt: skip
    if x.ndim:
        texts += [f"xp.flip({{}}, axis={rng.randrange(x.ndim)})"]
        copies = [f"xp.roll({{}}, 1, axis={rng.randrange(x.ndim)})",
                  "xp.broadcast_to({}, (2, *{}.shape))",
                  f"xp.stack([{{0}}, {{0}}], axis={rng.randint(0, x.ndim)})",
                  f"xp.concat([{{0}}, {{0}}], axis={rng.randrange(x.ndim)})"]  # fmt: skip
        if rng.random() < 0.4:
            text = rng.choice(copies)
            return Step(target, text, (name, name) if text.count("{}") > 1 else (name,))
    if x.ndim > 1:
        texts += ["xp.matrix_transpose({})", "xp.triu({})", "{}.mT"]
    text = rng.choice(texts)
    if not x.ndim:  # a number of NumPy's has no views, where an array without axes has
        text = f"xp.asarray({text}, copy=True)"
    return Step(target, text, (name,))


def _keys(rng: random.Random, shape: tuple[int, ...]) -> list[str]:
    """Indices of slices, integers and new axes, which make views."""
    if not shape or 0 in shape:
        return ["...", "None", "(..., None)"]
    n, last = shape[0], shape[-1]
    return [
        "...", "None", "::-1", "1:", ":-1", "::2", str(rng.randrange(-n, n)),
        f"(..., {rng.randrange(-last, last)})", "(..., slice(None, None, -1))", "(..., None)",
        f"slice({rng.randint(-n, n)}, {rng.randint(-n, n)})", "5:2",
    ]  # fmt: skip


@maker(3)
def gather(scope: Scope, target: str) -> Step | None:
    """Elements at places that may be named twice."""
    name = scope.pick(lambda x: x.ndim > 0 and x.shape[0] > 0)
    if name is None:
        return None
    n = scope.values[name].shape[0]
    places = [scope.rng.randrange(-n, n) for _ in range(scope.rng.randint(1, 4))]
    texts = [f"{{}}[xp.asarray({places})]", f"xp.take({{}}, xp.asarray({places}), axis=0)"]
    return Step(target, scope.rng.choice(texts), (name,))


@maker(4)
def assign(scope: Scope, _target: str) -> Step | None:
    """An assignment into a value, or through a view of it."""
    rng = scope.rng
    name = scope.pick(lambda x: x.dtype.kind == "f" and x.ndim > 0 and x.shape[0] > 0)
    if name is None or scope.owners[name] in scope.inputs:
        return None
    n = scope.values[name].shape[0]
    places = [rng.randrange(-n, n) for _ in range(rng.randint(1, 4))]
    other = scope.pick(lambda x: x.dtype == scope.values[name].dtype and x.size == 1)
    texts = [f"{{0}}[{rng.randrange(-n, n)}] = 0.5", "{0}[1:] *= 2", "{0}[...] = {0} * 0.5",
             "{0} += 1", "{0} *= 0.5", "{0}[::-1][:1] = 0.25",
             f"{{0}}[xp.asarray({places})] = 0.75", "{0}[0] = {0}[-1] * 2",
             "{0}[5:2] = 1.0"]  # fmt: skip
    if scope.values[name].ndim == 1:
        several = [i / 4 for i in range(len(places))]
        texts.append(f"{{0}}[{places}] = xp.asarray({several}, dtype={{0}}.dtype)")
    if other is not None and scope.values[other].ndim == 0:
        texts += ["{0}[0] = {1}", "{0}[...] += {1}", f"{{0}}[xp.asarray({places})] = {{1}} * 2"]
    text = rng.choice(texts)
    return Step(None, text, (name, other) if "{1}" in text and other else (name,))


@maker(1)
def copy(scope: Scope, target: str) -> Step | None:
    """A copy, which may be written to."""
    name = scope.pick(lambda x: True)
    return None if name is None else Step(target, "xp.asarray({}, copy=True)", (name,))


@maker(3)
def product(scope: Scope, target: str) -> Step | None:
    """Products of vectors and matrices."""
    first = scope.pick(lambda x: inexact(x) and x.ndim > 0)
    if first is None:
        return None
    a = scope.values[first]

    def fits(b: np.ndarray) -> bool:
        if not inexact(b) or not b.ndim:
            return False
        try:
            np.matmul(a, b)
        except ValueError:
            return False
        return True

    second = scope.pick(fits)
    if second is None:
        return Step(target, "xp.vecdot({0}, xp.sin({0}))", (first,))
    text = scope.rng.choice(("{} @ {}", "xp.matmul({}, {})", "xp.matmul(xp.sin({}), {})"))
    return Step(target, text, (first, second))


@maker(1)
def factor(scope: Scope, target: str) -> Step | None:
    """Linear algebra of a matrix that is far from singular."""
    name = scope.pick(lambda x: real(x) and x.ndim == 2 and x.shape[0] == x.shape[1] > 0)
    if name is None:
        return None
    n = scope.values[name].shape[0]
    good = f"({{0}} @ {{0}}.mT + {n} * xp.eye({n}, dtype={{0}}.dtype))"
    texts = (f"xp.linalg.inv({good})", f"xp.linalg.cholesky({good})",
             f"xp.linalg.det({good}) / 100", f"xp.linalg.solve({good}, {{0}})",
             f"xp.linalg.matrix_norm({good})",
             f"xp.linalg.slogdet({good})[1]", "xp.linalg.trace({0})", "xp.tril({0})")  # fmt: skip
    return Step(target, scope.rng.choice(texts), (name,))


@maker(2)
def loop(scope: Scope, target: str) -> Step | None:
    """A loop or a branch."""
    name = scope.pick(lambda x: real(x))
    if name is None:
        return None
    rng, x = scope.rng, scope.values[name]
    steps = rng.choice((3, 20))
    texts = [
        f"xp.fori_loop(0, {steps}, lambda i, c: xp.tanh(c * 0.5 + {{0}}), {{0}})",
        f"xp.fori_loop(0, {steps}, lambda i, c: c * 0.5 + {{0}} * i / {steps}, {{0}})",
        "xp.cond(xp.greater(xp.sum({0}), 0.125), lambda a: a * 2, lambda a: xp.sin(a), {0})",
    ]
    if x.ndim and x.shape[0] > 0:
        texts += ["xp.scan(lambda c, x: (c * 0.5 + x, xp.sin(c) * x), {0}[0], {0})[1]",
                  "xp.scan(lambda c, x: (xp.tanh(c + x), c), {0}[0], {0})[0]"]  # fmt: skip
    if rng.random() < 0.2:
        text = "xp.while_loop(lambda c: c[0] < 5, lambda c: (c[0] + 1, xp.cos(c[1])), (0, {0}))[1]"
        return Step(target, text, (name,), modes="f")
    return Step(target, rng.choice(texts), (name,))
