"""What `harness verify` takes, beside `harness --version` and the import of numpy.

Usage: python benchmarks/verify_time.py CERTIFICATE [--repeats 7]

The three are run in turn. Compared is the smallest processor time (user and system) of each, which other
processes lengthen less than the time by the clock, shown beside it. Run it where the certificate's suites and
baselines are, so that their files are hashed too.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time


def seconds(command: list[str]) -> tuple[float, float]:
    """Return the processor time that ``command`` takes, and the time by the clock."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
    clock, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, clock


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("certificate")
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    harness = [sys.executable, "-m", "harness"]
    commands = {
        "harness verify": [*harness, "verify", arguments.certificate],
        "harness --version": [*harness, "--version"],
        "import numpy": [sys.executable, "-c", "import numpy"],
    }
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for _ in range(arguments.repeats):
        for name, command in commands.items():
            times[name].append(seconds(command))
    best = {name: [min(column) for column in zip(*found, strict=True)] for name, found in times.items()}
    for name, (busy, clock) in best.items():
        ratio = best["harness verify"][0] / busy
        print(f"{name:18} {busy:.2f} s ({clock:.2f} s by the clock), verify takes {ratio:.2f} times as long")


if __name__ == "__main__":
    main()
