"""What a run of a soak costs beside the case's own run, in one warm worker, as medians of pairs.

    python -m benchmarks.soak_cost [--pairs 30] [SUITE::CASE ...]

The case's own run is the call of its pipeline, timed in the worker (`timings["run"]` of a measurement, which
includes the trace of every step). A run of a soak is timed from outside, with everything that it takes.
"""

from __future__ import annotations

import argparse
import statistics
import time

from harness.cases.job import Conditions
from harness.cases.selection import select
from harness.execution.runner import Runner

_CASES = ("suites/ddim.yaml::two-steps", "suites/ddim.yaml::ten-steps-seed0", "suites/ddim.yaml::fifty-steps")


def main() -> None:
    """Print the ratio for each case, with its quartiles."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", nargs="*", default=_CASES, metavar="SUITE::CASE")
    parser.add_argument("--pairs", type=int, default=30)
    asked = parser.parse_args()
    with Runner() as runner:
        for case in select(asked.cases).cases:
            job, bits = case.job(), case.job().for_bits(Conditions())
            runner.run(job)
            own, ratios = [], []
            for _ in range(asked.pairs):
                own.append(runner.run(job).timings["run"])
                started = time.perf_counter()
                runner.bits(bits)
                ratios.append((time.perf_counter() - started) / own[-1])
            low, middle, high = statistics.quantiles(ratios, n=4)
            print(
                f"{case.name}: {statistics.median(own):.3f} s a run, a run of a soak {middle:.2f} times that "
                f"(quartiles {low:.2f} to {high:.2f}, {asked.pairs} pairs)"
            )


if __name__ == "__main__":
    main()
