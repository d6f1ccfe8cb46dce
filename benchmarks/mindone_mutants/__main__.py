"""Mutants of mindone as the judge of the shipped suites: what is run, and the page that comes of it.

    python -m benchmarks.mindone_mutants lines     # which lines each case and each probe runs
    python -m benchmarks.mindone_mutants measure   # draw mutants, run probes and covering cases
    python -m benchmarks.mindone_mutants page      # write docs/mindone-mutants.md
    python -m benchmarks.mindone_mutants of models/resnet.py:370   # which cases notice a change of this line

What has been done is kept in the folder `--work`, and a further call goes on from there.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from benchmarks.mindone_mutants import page
from benchmarks.mindone_mutants.campaign import SUITES, Campaign
from benchmarks.mindone_mutants.laboratory import Laboratory
from benchmarks.mindone_mutants.universe import EFFECTIVE
from harness.execution.profile import claim_core


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("step", choices=["lines", "measure", "page", "of"])
    parser.add_argument("place", nargs="?", help="FILE or FILE:LINE, below mindone/diffusers")
    parser.add_argument("--work", type=Path, default=Path("build/mindone-mutants"))
    parser.add_argument("--baseline-dir", type=Path, default=Path("baselines"))
    parser.add_argument(
        "--effective", type=int, default=EFFECTIVE, help="how many effective mutants to judge"
    )
    parser.add_argument("--minutes", type=float, default=600.0, help="stop after this time")
    parser.add_argument("--only", default="", help="record lines of targets with this in their names alone")
    arguments = parser.parse_args()
    campaign = Campaign(arguments.work, arguments.baseline_dir)
    if arguments.step == "page":
        page.write(campaign)
        return
    if arguments.step == "of":
        if arguments.place is None:
            parser.error("name a place: FILE or FILE:LINE, below mindone/diffusers")
        print("\n".join(page.of_line(campaign, arguments.place)))
        return
    end = time.monotonic() + 60 * arguments.minutes
    claim = claim_core()
    with Laboratory(SUITES, arguments.baseline_dir, claim.core) as laboratory:
        if arguments.step == "lines":
            campaign.record_lines(laboratory, lambda name: arguments.only in name and time.monotonic() < end)
        else:
            campaign.measure(laboratory, arguments.effective, lambda: time.monotonic() > end)


if __name__ == "__main__":
    main()
