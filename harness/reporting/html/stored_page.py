"""`harness show --html`: the stored baselines as a contact sheet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from harness.counting import count
from harness.operations.proposal import Refusal
from harness.operations.show import StoredBaseline
from harness.reporting.commands import Invocation, error_text
from harness.reporting.html.sheet import Sheet
from harness.reporting.listing import limit_text
from harness.reporting.stored import state_of, stored_details
from harness.reporting.tables import Cell


def write_stored_page(
    place: Path, found: Iterable[StoredBaseline | Refusal], expected: int, invocation: Invocation
) -> tuple[Path, bool]:
    """Write the page of ``expected`` results; return it, and whether all could be shown."""
    sheet, states = Sheet(place, expected, sides=1), Counter[str]()
    whole = True
    for each in found:
        state = state_of(each)
        states[state] += 1
        cell = Cell(state, tone="identical" if state == "ok" else "error")
        if isinstance(each, Refusal):
            whole = False
            sheet.add(each.case.name, cell, [error_text(each.error, invocation)], ())
            continue
        baseline, origin = each.baseline, each.baseline.provenance
        lines = [
            f"{baseline.device}, {origin.date[:10]}: {origin.reason}",
            f"across releases: {limit_text(each.case, baseline.calibration)}",
        ]
        sheet.add(
            each.case.name, cell, lines, stored_details(each, invocation), old=baseline.measurement.output
        )
    counted = ", ".join(f"{number} {state}" for state, number in states.items())
    sheet.write(f"{count(states.total(), 'baseline')}: {counted}")
    return sheet.path, whole
