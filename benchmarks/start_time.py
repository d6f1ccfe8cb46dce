"""What the doors cost before anything runs: the help, the list of cases, and collecting 10,000 of them.

Usage: python benchmarks/start_time.py [--repeats 7]

Each is run in turn with what it is compared with: `import typer, rich` for the command line, as many plain
parametrized tests for pytest. Of every pair the ratio of processor times (user and system) is taken, which
other processes disturb less than the time by the clock. Printed are the median of the pairs, the smallest and
the largest. Bytecode is kept, as where a package is installed. Run it from the root of the repository.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

CASES = 10_000
SUITE = """\
suite: {name}
defaults: {{pipeline: ddim, checkpoint: "builtin:ddpm-digits", steps: 2, tags: [quick]}}
cases:
"""
PLAIN = "import pytest\n\n@pytest.mark.parametrize('seed', range({count}))\ndef test_a(seed):\n    pass\n"


def seconds(command: list[str], environment: dict[str, str]) -> float:
    """Return the processor time that ``command`` takes; raises where it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def write_files(folder: Path, files: int) -> None:
    """Write the cases, as lists of seeds and as entries, and the plain tests, into so many files each."""
    count = CASES // files
    for kind in ("listed", "written", "plain"):
        (folder / kind).mkdir(parents=True)
    for number in range(files):
        head = SUITE.format(name=f"s{number}")
        listed = f"  - id: a\n    parametrize:\n      seed: {list(range(count))}\n"
        written = "".join(f"  - id: a{seed}\n    seed: {seed}\n" for seed in range(count))
        (folder / "listed" / f"s{number}.yaml").write_text(head + listed)
        (folder / "written" / f"s{number}.yaml").write_text(head + written)
        (folder / "plain" / f"test_{number}.py").write_text(PLAIN.format(count=count))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    repeats = parser.parse_args().repeats
    harness = [sys.executable, "-m", "harness"]
    collect = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        imports = [sys.executable, "-c", "import typer, rich"]
        pairs = {
            "harness --help": ([*harness, "--help"], imports),
            "harness list suites/": ([*harness, "list", "suites/"], imports),
        }
        for files in (1, 100):
            place = folder / str(files)
            write_files(place, files)
            plain = [*collect, str(place / "plain")]
            for kind in ("listed", "written"):
                told = f"{CASES:,} {kind} cases, files: {files}"
                pairs[told] = ([*collect, str(place / kind)], plain)
        print(f"{'':32} median (smallest to largest) of {repeats} pairs")
        for told, (command, other) in pairs.items():
            # The first run of each writes its bytecode.
            seconds(command, environment), seconds(other, environment)
            ratios = [seconds(command, environment) / seconds(other, environment) for _ in range(repeats)]
            print(f"{told:32} x {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
