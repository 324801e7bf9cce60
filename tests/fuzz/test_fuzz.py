"""A thousand random programs; `make fuzz SECONDS=600 SEED=100000` runs others."""

import pytest

from fuzz.checks import Mismatch, check
from fuzz.programs import make_program, run_reference
from fuzz.shrink import shrink

BLOCK = 25


@pytest.mark.parametrize("block", range(4))
def test_programs_run_alike_in_every_way(block):
    run(range(block * BLOCK, (block + 1) * BLOCK))


@pytest.mark.slow
@pytest.mark.parametrize("block", range(4, 40))
def test_more_programs_run_alike_in_every_way(block):
    run(range(block * BLOCK, (block + 1) * BLOCK))


def run(seeds):
    for seed in seeds:
        program = make_program(seed)
        try:
            check(program)
        except Exception as error:
            pytest.fail(f"{shrink(program, check)}\n{type(error).__name__}: {error}")


def test_a_seed_makes_one_program_and_covers_the_kinds():
    texts = [make_program(seed).source() for seed in range(300)]
    assert texts == [make_program(seed).source() for seed in range(300)]
    everything = "\n".join(texts)
    parts = ("xp.scan", "xp.fori_loop", "xp.while_loop", "xp.cond", "linalg", "] = ", " += ",
             "xp.where", "[xp.asarray(", "astype", "permute_dims", "reshape",
             "xp.sort")  # fmt: skip
    for part in parts:
        assert part in everything, f"no program has {part}"


def test_a_wrong_result_is_found_and_made_small():
    def wrong(program):
        if "xp.sin(" in program.source():
            raise Mismatch("planted: a sine")

    program = next(p for p in map(make_program, range(300)) if "xp.sin(" in p.source())
    small = shrink(program, wrong)
    assert "xp.sin(" in small.source()
    assert len(small.steps) <= 2
    run_reference(small)
