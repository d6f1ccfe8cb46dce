"""Every case of mindone beside its original, as the table in `docs/alignment.md`.

    python -m benchmarks.alignment_table --python TORCH_PYTHON [SUITE …] [--print]

Runs `harness align` on each case: about four runs and one step. TORCH_PYTHON has torch, transformers and the
release of diffusers from which mindone was ported.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from pathlib import Path

from benchmarks.pages import write_between
from harness.cases.case import Case
from harness.cases.names import is_mindone_class
from harness.cases.selection import select, without_expected_failures
from harness.operations.align import align
from harness.operations.alignment import Alignment
from harness.operations.progress import Progress
from harness.operations.workers import Workers
from harness.reporting.figures import figure
from harness.reporting.mistakes import mistake_text

_ROOT = Path(__file__).parents[1]
_PAGE = _ROOT / "docs" / "alignment.md"
_BEGIN, _END = "<!-- cases -->", "<!-- end of cases -->"
_SUITES = ("suites/mindone", "suites/mindone/classes")


def main() -> None:
    """Write the table, or print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("suites", nargs="*", help="suites or cases (default: all of mindone)")
    parser.add_argument("--python", required=True, help="the interpreter with torch and diffusers")
    parser.add_argument("--print", action="store_true", help="print the table instead of writing it")
    asked = parser.parse_args()
    cases = [case for case in _selected(asked.suites) if is_mindone_class(case.pipeline)]
    found = align(cases, Workers(), python=asked.python, progress=_Printed())
    rows = [_row(each) for each in found]
    counts = Counter(each.conclusion for each in found)
    summary = ", ".join(f"{number} {name}" for name, number in counts.most_common())
    lines = [
        f"{len(cases)} cases: {summary}.",
        "",
        "| case | conclusion | furthest place | port | original | first place that differs | looks like |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *rows,
    ]
    if not asked.print:
        write_between(_PAGE, _BEGIN, _END, "\n".join(lines))


class _Printed(Progress[Alignment]):
    """Prints each row, so that a table is left of what has run."""

    def finished(self, result: Alignment) -> None:
        print(_row(result), flush=True)


def _selected(named: list[str]) -> tuple[Case, ...]:
    suites = named or sorted(str(path) for folder in _SUITES for path in (_ROOT / folder).glob("*.yaml"))
    return tuple(without_expected_failures(select(suites).cases))


def _row(found: Alignment) -> str:
    place, port, own = "", "", ""
    if (worst := found.furthest) is not None:
        place = "output" if worst.step is None else f"step {worst.step}"
        port, own = figure(worst.port, 2), figure(worst.own, 2)
    return (
        f"| {found.case.name} | {found.conclusion} | {place} | {port} | {own} | {_first(found)} "
        f"| {'' if found.mistake is None else mistake_text(found.mistake.mistake)} |"
    )


def _first(found: Alignment) -> str:
    if found.failure is not None:
        told = found.failure.message.splitlines()[0].replace("|", "\\|")
        # Not where this machine has its packages.
        return re.sub(r"/\S*/site-packages/", "", told)
    if found.finding is None:
        return ""
    finding = found.finding
    named = f"`{finding.path}`" if finding.path else finding.place
    size = finding.difference.form or f"relative L2 {figure(finding.difference.relative_l2, 2)}"
    return f"{named}, {size}".replace("|", "\\|")


if __name__ == "__main__":
    main()
