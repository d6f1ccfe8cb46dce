"""What `harness matrix` costs, beside running the same cases once under each of its interpreters.

Usage: python benchmarks/matrix_cost.py PYTHON PYTHON... [--suite suites/ddim.yaml] [--repeats 2]

Runs both alternately and prints the ratio of the smallest times; 1 is R runs for R releases. Making the
environments is not in it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.cases.selection import select
from harness.execution.runner import Runner
from harness.operations.matrix import run_matrix
from harness.operations.running import Running
from harness.operations.workers import Workers
from harness.releases.interpreters import Subject, in_order, inspect_interpreter


def once_each(cases: Sequence[Case], subjects: Sequence[Subject]) -> None:
    for subject in subjects:
        with Runner(python=subject.python) as runner:
            for case in cases:
                runner.run(case.job())


def as_matrix(cases: Sequence[Case], subjects: Sequence[Subject]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        running = Running(Workers(), Path(folder))
        run_matrix(cases, subjects, running, BaselineStore(Path("baselines")))


def seconds(act: Callable[[], None]) -> float:
    started = time.monotonic()
    act()
    return time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pythons", nargs="+")
    parser.add_argument("--suite", default="suites/ddim.yaml")
    parser.add_argument("--repeats", type=int, default=2)
    arguments = parser.parse_args()
    cases = select([arguments.suite]).cases
    subjects = in_order([inspect_interpreter(python) for python in arguments.pythons])
    plain, matrix = [], []
    for _ in range(arguments.repeats):
        plain.append(seconds(lambda: once_each(cases, subjects)))
        matrix.append(seconds(lambda: as_matrix(cases, subjects)))
    print(f"{len(cases)} cases under {', '.join(subject.name for subject in subjects)}")
    print(f"once under each: {min(plain):.1f} s; matrix: {min(matrix):.1f} s: {min(matrix) / min(plain):.2f}")


if __name__ == "__main__":
    main()
