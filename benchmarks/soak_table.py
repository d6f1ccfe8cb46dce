"""What `harness soak` has proven of the shipped cases, as the table in `docs/soak.md`.

    python -m benchmarks.soak_table [--print]

Reads what is stored beside the baselines; nothing runs.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.pages import write_between
from harness.baselines.soak import read_soak
from harness.baselines.store import BaselineStore
from harness.judgement.soak.proof import upper_bound

_ROOT = Path(__file__).parents[1]
_PAGE = _ROOT / "docs" / "soak.md"
_BEGIN, _END = "<!-- shipped cases -->", "<!-- end of shipped cases -->"


def main() -> None:
    """Write the table, or print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--print", action="store_true", help="print the table instead of writing it")
    asked = parser.parse_args()
    store = BaselineStore(_ROOT / "baselines")
    lines = ["| case | device | runs | deviating | at most, at 95 % |", "| --- | --- | --- | --- | --- |"]
    for key in store.stored():
        runs = read_soak(store, store.load(*key)).runs
        if runs.runs:
            bound = upper_bound(runs.runs, runs.deviating)
            lines.append(
                f"| {key.suite}/{key.case_id} | {key.device} | {runs.runs:,} | {runs.deviating} "
                f"| {100 * bound:.2g} % |"
            )
    if asked.print:
        print("\n".join(lines))
    else:
        write_between(_PAGE, _BEGIN, _END, "\n".join(lines))


if __name__ == "__main__":
    main()
