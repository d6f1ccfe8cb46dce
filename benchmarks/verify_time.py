"""What `harness verify` takes, beside `harness --version` and the import of numpy.

Usage: python benchmarks/verify_time.py CERTIFICATE [--repeats 7]

The three are run in turn, and the smallest processor time (user and system) of each is compared: what
runs alone is over after as long. Run it where the certificate's suites and baselines are, so that their files
are hashed too.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys


def seconds(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


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
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(arguments.repeats):
        for name, command in commands.items():
            times[name].append(seconds(command))
    best = {name: min(found) for name, found in times.items()}
    for name, fastest in best.items():
        print(f"{name:18} {fastest:.2f} s, verify takes {best['harness verify'] / fastest:.2f} times as long")


if __name__ == "__main__":
    main()
