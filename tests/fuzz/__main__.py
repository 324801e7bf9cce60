"""``make fuzz SECONDS=60 [SEED=0]``: random programs for so long; the failures, made small."""

import argparse
import os
import tempfile
import time
import traceback

os.environ.setdefault("POLYGRAD_CACHE_DIR", tempfile.mkdtemp(prefix="polygrad-fuzz-"))

from fuzz.checks import check
from fuzz.programs import make_program
from fuzz.shrink import failure, shrink


def main() -> int:
    """Run programs until the time is over; the exit status is 1 where one failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0, help="the seed of the first program")
    parser.add_argument("--no-native", action="store_true", help="leave native code out")
    parser.add_argument("--stop-after", type=int, default=10, help="end after so many failures")
    args = parser.parse_args()

    def checked(program: object) -> None:
        check(program, native=not args.no_native)  # type: ignore[arg-type]

    end = time.monotonic() + args.seconds
    seed, kinds = args.seed, set()
    failed = 0
    while time.monotonic() < end and failed < args.stop_after:
        program = make_program(seed)
        kind = failure(program, checked)
        if kind is not None:
            failed += 1
            small = program if kind in kinds else shrink(program, checked)
            kinds.add(kind)
            print(f"\n{small}")
            try:
                checked(small)
            except Exception:
                print(traceback.format_exc(limit=-3), flush=True)
        seed += 1
    print(f"{seed - args.seed} programs from seed {args.seed} on, {failed} failed")
    return 1 if failed else 0


raise SystemExit(main())
