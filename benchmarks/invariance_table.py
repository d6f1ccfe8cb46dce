"""The invariances of the shipped cases, as the table in `docs/invariance.md`.

    python -m benchmarks.invariance_table [--print]

Reads what is stored beside the baselines; nothing runs.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.pages import write_between
from harness.baselines.invariance import MeasuredInvariance, read_invariances
from harness.baselines.store import BaselineStore
from harness.cases.relations import Relation

_ROOT = Path(__file__).parents[1]
_PAGE = _ROOT / "docs" / "invariance.md"
_BEGIN, _END = "<!-- shipped cases -->", "<!-- end of shipped cases -->"


def main() -> None:
    """Write the table, or print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--print", action="store_true", help="print the table instead of writing it")
    asked = parser.parse_args()
    store = BaselineStore(_ROOT / "baselines")
    names = [each.value for each in Relation]
    lines = [f"| case | {' | '.join(names)} |", "|---" * (1 + len(names)) + "|"]
    for key in store.stored():
        measured = read_invariances(store, store.load(*key)).measured
        if measured:
            cells = [_cell(measured.get(name)) for name in names]
            lines.append(f"| {key.suite}/{key.case_id} | {' | '.join(cells)} |")
    if asked.print:
        print("\n".join(lines))
    else:
        write_between(_PAGE, _BEGIN, _END, "\n".join(lines))


def _cell(each: MeasuredInvariance | None) -> str:
    if each is None:
        return ""
    if each.holding == "identical" or each.used is None:
        return "=" if each.holding == "identical" else each.holding
    part = f"{100 * each.used:.0f} %"
    return part if each.holding == "within" else f"**{part}**"


if __name__ == "__main__":
    main()
