"""An atlas, or the comparison of two, as a page to search and sort: one file that loads nothing."""

from __future__ import annotations

from harness.atlas.comparing import Comparison
from harness.atlas.result import Atlas
from harness.counting import count
from harness.reporting.atlas import ATLAS_HEADER, atlas_rows, atlas_text_of, comparison_text, moved_table
from harness.reporting.html.document import made, table_page


def atlas_page(atlas: Atlas) -> str:
    """Return the page of an atlas."""
    title = f"Atlas of {atlas.release}"
    lines = [*atlas_text_of(atlas).splitlines(), f"{atlas.date}, harness {atlas.harness_version}"]
    return table_page(title, [*lines, made()], ATLAS_HEADER, list(atlas_rows(atlas)))


def comparison_page(found: Comparison) -> str:
    """Return the page of a comparison."""
    title = f"{found.first.release} and {found.second.release}"
    table = moved_table(found.moved)
    rows = [tuple(cell.text for cell in row) for row in table.cells()]
    lines = [line for line in comparison_text(found).splitlines() if not line.startswith("  ")]
    more = f"{count(len(rows), 'result')} with other bits"
    return table_page(title, [*lines, more, made()], table.header, rows)
