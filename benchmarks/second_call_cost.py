"""Measures what second calls cost: pairs of runs of some suites, without and with those that are cheap.

Usage: python -m benchmarks.second_call_cost SUITES... [--pairs N]

A run is one pass over the cases in a fresh worker per context, as a comparing run makes it. Its cost is the
time that the worker processes spend on a core, which other load on the machine moves less than the clock. The
order within a pair alternates. Prints the ratio of each pair, their median, and how many calls were made.
"""

from __future__ import annotations

import argparse
import resource
import statistics
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from harness.cases.case import Case
from harness.cases.job import SecondCalls
from harness.cases.selection import select
from harness.execution.runner import Runner


def _seconds_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(cases: Sequence[Case], asked: SecondCalls) -> tuple[float, Counter[str]]:
    """Return the seconds on a core that a run of ``cases`` takes, and what came of the second calls."""
    before = _seconds_of_children()
    outcomes: Counter[str] = Counter()
    with Runner(import_paths=[Path.cwd()]) as runner:
        for case in cases:
            second = runner.run(case.job(asked)).second_call
            outcomes["none" if second is None else second.outcome.value] += 1
    return _seconds_of_children() - before, outcomes


def main() -> None:
    """Run the pairs and print their ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("suites", nargs="+")
    parser.add_argument("--pairs", type=int, default=5)
    arguments = parser.parse_args()
    cases = [c for c in select(arguments.suites).cases if c.fails is None and c.run == "always"]
    ratios = []
    for pair in range(arguments.pairs):
        order: tuple[SecondCalls, SecondCalls] = ("never", "if cheap")
        found = {asked: run(cases, asked) for asked in (order if pair % 2 == 0 else order[::-1])}
        (without, _), (with_them, outcomes) = found["never"], found["if cheap"]
        ratios.append(with_them / without)
        print(f"{without:.1f} s -> {with_them:.1f} s, ratio {ratios[-1]:.3f}, {dict(outcomes)}", flush=True)
    print(f"{len(cases)} cases, median ratio {statistics.median(ratios):.3f}")


if __name__ == "__main__":
    main()
