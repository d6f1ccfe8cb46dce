"""Faults from the history of diffusers and mindone: whether each can be planted and changes a result.

    python -m benchmarks.planted check                      # every fault
    python -m benchmarks.planted check --only flux-norm-out --python PYTHON

Each case is run with the sound mindone and with each of its faults. A fault passes if the run with it drifts
from the shipped baseline across releases, which allows more than the same environment does, and the sound run
does not. The table has the relative L2 distance from the sound run, of the output and of the latents of the
first step that moved.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.planted.checking import Checked, check
from benchmarks.planted.faults import chosen, load

ROOT = Path(__file__).parents[2]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("action", choices=["check"])
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="this fault; may be repeated"
    )
    parser.add_argument(
        "--python", default=sys.executable, help="an interpreter with mindone (default: this one)"
    )
    arguments = parser.parse_args()
    try:
        faults = chosen(load(), arguments.only)
    except ValueError as error:
        parser.error(str(error))
    print("| fault | case | output | first step that moved | verdict |\n|---|---|---|---|---|", flush=True)
    bad = 0
    for found in check(faults, arguments.python, ROOT):
        print(_row(found), flush=True)
        bad += not found.good
    print(f"\n{len(faults) - bad} of {len(faults)} faults can be planted and are noticed")
    return 1 if bad else 0


def _row(found: Checked) -> str:
    fault = found.fault
    case = fault.case.replace("suites/mindone/", "")
    if found.problem:
        return f"| {fault.name} | {case} | | | **{found.problem}** |"
    moved = "none" if found.step is None else f"{found.step}: {found.step_distance:.1e}"
    verdict = f"{found.verdict}, the sound run {found.sound_verdict}"
    verdict = verdict if found.good else f"**{verdict}**"
    return f"| {fault.name} | {case} | {found.distance:.1e} | {moved} | {verdict} |"


if __name__ == "__main__":
    sys.exit(main())
