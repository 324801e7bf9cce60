"""Random programs: their text, their inputs, and how they are made."""

import random
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fuzz.arrays import random_input
from fuzz.reference import Reference, Unfit, check_result
from fuzz.steps import MAKERS, Scope, Step

_WEIGHTS, _MAKERS = zip(*MAKERS, strict=True)


@dataclass(frozen=True)
class Program:
    """Steps over inputs; the values of the last steps are returned."""

    seed: int
    inputs: dict[str, np.ndarray]
    layouts: dict[str, str]
    steps: tuple[Step, ...]
    outputs: tuple[str, ...]

    def source(self) -> str:
        """The function as Python text; ``xp`` is its first parameter."""
        lines = [f"def program(xp, {', '.join(self.inputs)}):"]
        lines += [f"    {step.line()}" for step in self.steps]
        return "\n".join([*lines, f"    return ({', '.join(self.outputs)},)"])

    def function(self) -> Any:
        """The function itself."""
        scope: dict[str, Any] = {}
        exec(compile(self.source(), f"<random program {self.seed}>", "exec"), scope)
        return scope["program"]

    @property
    def modes(self) -> str:
        """The modes of differentiation that go through all of it."""
        return "".join(m for m in "fr" if all(m in step.modes for step in self.steps))

    def __str__(self) -> str:
        rows = [
            f"{name} = np.asarray({value.tolist()!r}, dtype='{value.dtype}')"
            f".reshape({value.shape})  # {self.layouts[name]}"
            for name, value in self.inputs.items()
        ]
        return f"# seed {self.seed}\n" + "\n".join(rows) + "\n" + self.source()


def run_reference(program: Program) -> tuple[np.ndarray, ...]:
    """The results as NumPy has them; raises Unfit where they are no good as a test."""
    copies = [value.copy() for value in program.inputs.values()]
    for value in copies:
        value.flags.writeable = False  # no program writes into what it is given
    with np.errstate(all="ignore"):
        found = program.function()(Reference(), *copies)
    for value in found:
        check_result(value)
    return tuple(map(np.asarray, found))


def make_program(seed: int, size: int | None = None) -> Program:
    """A random program that NumPy runs; the same seed makes the same one."""
    rng = random.Random(seed)
    size = rng.randint(3, 12) if size is None else size
    names = "abc"[: rng.randint(1, 3)]
    made = [random_input(rng) for _ in names]
    inputs = {name: value for name, (value, _) in zip(names, made, strict=True)}
    layouts = {name: layout for name, (_, layout) in zip(names, made, strict=True)}
    scope = Scope(
        rng,
        {name: value.copy() for name, value in inputs.items()},
        {name: name for name in inputs},
        tuple(inputs),
    )
    steps: list[Step] = []
    reference = Reference()
    for _ in range(20 * size):
        if len(steps) == size:
            break
        maker = rng.choices(_MAKERS, _WEIGHTS)[0]
        step = maker(scope, f"v{len(steps)}")
        if step is not None and _runs(step, scope, reference):
            steps.append(step)
    defined = [step.target for step in steps if step.target is not None] or list(names)
    outputs = tuple(dict.fromkeys(defined[-3:]))
    return Program(seed, inputs, layouts, tuple(steps), outputs)


def _runs(step: Step, scope: Scope, reference: Reference) -> bool:
    """Run one step on the values so far, which it then belongs to; False if it is no good."""
    saved = {name: value.copy() for name, value in scope.values.items()}
    views = dict(scope.values)
    variables: dict[str, Any] = {"xp": reference, **scope.values}
    try:
        with np.errstate(all="ignore"):
            exec(step.line(), variables)  # one dict: lambdas in the line find it
        del variables["xp"], variables["__builtins__"]
        for value in variables.values():
            check_result(value)
            if np.asarray(value).size > 400:
                raise Unfit("too many elements")
    except (Unfit, ValueError, TypeError, IndexError, OverflowError, np.linalg.LinAlgError):
        for name, value in views.items():  # undo what was written
            if value.flags.writeable:
                value[...] = saved[name]
        return False
    if step.target is not None:
        value = np.asarray(variables[step.target])
        scope.values[step.target] = value
        owner = step.target
        if any(np.shares_memory(value, scope.values[name]) for name in step.operands):
            owner = scope.owners[step.operands[0]]
        scope.owners[step.target] = owner
    return True


def without(program: Program, number: int) -> Program | None:
    """The program without one step; what it made is replaced by a value of the same kind."""
    steps = list(program.steps)
    gone = steps.pop(number)
    outputs = program.outputs
    if gone.target is not None:
        used = any(gone.target in s.operands for s in steps) or gone.target in outputs
        if used:
            left = [*program.inputs, *(s.target for s in steps[:number] if s.target)]
            for other in reversed(left):
                candidate = _renamed(program, steps, gone.target, other)
                try:
                    run_reference(candidate)
                except Exception:
                    continue
                return candidate
            return None
    return replace(program, steps=tuple(steps), outputs=outputs)


def _renamed(program: Program, steps: list[Step], old: str, new: str) -> Program:
    def swap(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(new if name == old else name for name in names)

    changed = tuple(replace(s, operands=swap(s.operands)) for s in steps)
    return replace(program, steps=changed, outputs=tuple(dict.fromkeys(swap(program.outputs))))
