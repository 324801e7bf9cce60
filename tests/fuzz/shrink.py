"""The smallest program that fails in the same way."""

from collections.abc import Callable
from dataclasses import replace

from fuzz.programs import Program, run_reference, without


def failure(program: Program, check: Callable[[Program], None]) -> str | None:
    """What goes wrong, in words that stay the same for smaller programs; None if nothing."""
    try:
        run_reference(program)
    except Exception:
        return None  # it is no program any more
    try:
        check(program)
    except Exception as error:
        return f"{type(error).__name__} {str(error).split(':')[0]}"
    return None


def shrink(program: Program, check: Callable[[Program], None]) -> Program:
    """Drop results, steps and inputs for as long as the program fails in the same way."""
    wanted = failure(program, check)
    changed = True
    while changed:
        changed = False
        for smaller in _smaller(program):
            if failure(smaller, check) == wanted:
                program, changed = smaller, True
                break
    return program


def _smaller(program: Program) -> list[Program]:
    found = []
    if len(program.outputs) > 1:
        for name in program.outputs:
            rest = tuple(o for o in program.outputs if o != name)
            found.append(replace(program, outputs=rest))
    for number in reversed(range(len(program.steps))):
        less = without(program, number)
        if less is not None:
            found.append(less)
    used = {name for step in program.steps for name in step.operands} | set(program.outputs)
    if len(program.inputs) > 1 and not used.issuperset(program.inputs):
        kept = {name: x for name, x in program.inputs.items() if name in used}
        found.append(replace(program, inputs=kept or dict(list(program.inputs.items())[:1])))
    return found
