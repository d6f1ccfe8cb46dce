"""The time of a step in bfloat16 beside float32, on one core of this CPU, as a table for docs/bfloat16.md.

Usage: python -m benchmarks.bfloat16_time [--pairs 9] [--write docs/bfloat16.md] [CASE...]

Each CASE (SUITE.yaml::case; by default those shipped in bfloat16) runs in two workers, one per dtype, in
turns. A pair is one run in each; the ratio is the median over the pairs, which drift of the machine's speed
moves little. Loading is not in it. With --write the table replaces what stands between the two markers in
that file.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.pages import write_between
from harness.cases.selection import select
from harness.execution.runner import Runner

START, END = "<!-- table: benchmarks/bfloat16_time.py -->", "<!-- end of table -->"
SHIPPED = ("suites/bfloat16.yaml", "suites/mindone/bfloat16.yaml")
DTYPES = ("float32", "bfloat16")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("cases", nargs="*", default=SHIPPED)
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--write", type=Path)
    arguments = parser.parse_args()
    table = "\n".join(lines(arguments.cases, arguments.pairs))
    print(table)
    if arguments.write is not None:
        write_between(arguments.write, START, END, table)


def lines(cases: list[str], pairs: int) -> Iterator[str]:
    yield "| case | float32, ms a step | bfloat16, ms a step | bfloat16 / float32 | pairs |"
    yield "|---|---|---|---|---|"
    with Runner() as runner:
        for case in select(cases).cases:
            jobs = [replace(case.job(), dtype=dtype, second_call="never") for dtype in DTYPES]
            for job in jobs:
                runner.run(job)  # loads the pipeline, which the worker keeps
            times = [[runner.run(job).timings["run"] / case.steps for job in jobs] for _ in range(pairs)]
            narrow, wide = (statistics.median(pair[i] for pair in times) * 1e3 for i in (1, 0))
            ratio = statistics.median(pair[1] / pair[0] for pair in times)
            yield f"| {case.name} | {wide:.0f} | {narrow:.0f} | {ratio:.2f} | {pairs} |"


if __name__ == "__main__":
    main()
