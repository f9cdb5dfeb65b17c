"""`python -m tests.simulation --seeds N --start S`: run that many seeds, shrink and tell what fails.

python -m tests.simulation --seeds 1000              # seeds 0 to 999, on every core
python -m tests.simulation --start 42 --seeds 1      # one again, shrunk and told
python -m tests.simulation --start 42 --story        # one as it is, told
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from tests.simulation.run import Outcome, run_seeds, tell_failure
from tests.simulation.shrink import failure_of
from tests.simulation.world import scenario

CHUNK = 20


def main() -> int:
    options = _options()
    if options.story:
        failure = failure_of(scenario(options.start), print)
        print("all is well" if failure is None else f"{type(failure.error).__name__}: {failure.error}")
        return failure is not None
    began = time.perf_counter()
    total = _all(options.start, options.seeds, options.jobs)
    seconds = time.perf_counter() - began
    print(
        f"{total.seeds} seeds, {total.steps:,} steps, {total.commits:,} commits, {total.faults:,} faults "
        f"in {seconds:.0f} s: {total.steps / seconds * 60:,.0f} steps a minute; {len(total.failed)} failed"
    )
    for seed in total.failed[: options.tell]:
        print(tell_failure(seed))
    if total.failed:
        print("failed:", *total.failed)
    return bool(total.failed)


def _all(start: int, seeds: int, jobs: int) -> Outcome:
    ranges = [(first, min(CHUNK, start + seeds - first)) for first in range(start, start + seeds, CHUNK)]
    if jobs == 1 or len(ranges) == 1:
        return sum((run_seeds(*one) for one in ranges), Outcome())
    with ProcessPoolExecutor(jobs) as pool:
        return sum(pool.map(run_seeds, *zip(*ranges, strict=True)), Outcome())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--start", type=int, default=0, help="the first seed")
    parser.add_argument("--seeds", type=int, default=1, help="how many")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--tell", type=int, default=1, help="how many failures to shrink and tell")
    parser.add_argument("--story", action="store_true", help="tell the whole story of the first seed")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
