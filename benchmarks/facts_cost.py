"""What facts cost: the share of loading that goes into checksums of parameters and tables of cells.

Usage: python benchmarks/facts_cost.py [--repeats 9] [--write docs/judging.md]

Each pipeline is loaded so often, in this process. Of every load, the processor time of taking the facts is
divided by that of the load without them. Printed, and written into the rows of the page, is the median.
Run it from the root of the repository.
"""

from __future__ import annotations

import argparse
import re
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.cases.job import Job
from harness.cases.selection import select
from harness.execution.profile import Profile
from harness.pipelines import registry

CASES = {
    "seeded:ddpm-cifar10-32": "suites/cifar10.yaml::guide-two-steps",
    "tiny Stable Diffusion of mindone": "suites/mindone/stable-diffusion.yaml::ddim",
}


def shares(job: Job, repeats: int) -> list[float]:
    """Return what share of each load of ``job`` the facts would add to it; the first load warms up."""
    taken: list[float] = []
    sound: Callable[..., Any] = registry.Constants

    def timed(*arguments: Any) -> Any:
        started = time.process_time()
        made = sound(*arguments)
        taken.append(time.process_time() - started)
        return made

    registry.Constants = timed  # type: ignore[assignment,misc]
    found = []
    for _ in range(repeats + 1):
        started = time.process_time()
        registry.load(job)
        found.append(taken[-1] / (time.process_time() - started - taken[-1]))
    registry.Constants = sound  # type: ignore[assignment,misc]
    return found[1:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--write", type=Path)
    arguments = parser.parse_args()
    profile = Profile()
    profile.apply_before_import()
    profile.apply_after_import()
    from harness import kernels

    kernels.install()
    page = None if arguments.write is None else arguments.write.read_text()
    for name, case in CASES.items():
        (found,) = select([case]).cases
        share = statistics.median(shares(found.job(), arguments.repeats))
        row = f"| {name} | {100 * share:.1f} % |"
        print(row)
        if page is not None:
            page = re.sub(rf"^\| {re.escape(name)} \|.*$", row, page, flags=re.M)
    if page is not None:
        arguments.write.write_text(page)


if __name__ == "__main__":
    main()
