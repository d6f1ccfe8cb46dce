"""`harness review --html`: all candidates as a contact sheet, old beside new beside their difference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from harness.counting import count
from harness.judgement.check import Check
from harness.operations.review import Pending
from harness.reporting.details import Detail
from harness.reporting.html.sheet import Sheet
from harness.reporting.review import brief_lines, moved_text, outputs, pending_details, state_cell, told_lines


def write_review_page(place: Path, found: Sequence[Pending], look: Callable[[Pending], Check | None]) -> Path:
    """Write the page of ``found``, in this order, and return it.

    ``look`` reads the measurement and the baseline of a candidate, one at a time as they may be large.
    """
    sheet = Sheet(place, len(found))
    for each in found:
        check = look(each)
        new, old = outputs(check)
        size = [] if each.relative_l2 is None else [f"relative L2: {moved_text(each)}"]
        told = Detail("why it waits", told_lines(each, check))
        sheet.add(
            f"{each.name} {each.key.device}",
            state_cell(each),
            [*size, *brief_lines(each, check)],
            [told, *pending_details(each, check)],
            new,
            old,
        )
    states = Counter(state_cell(each).text for each in found)
    counted = ", ".join(f"{number} {state}" for state, number in states.items())
    title = f"{count(len(found), 'candidate')} to review"
    sheet.write(f"{title}: {counted}" if counted else title)
    return sheet.path
