"""Tables as they stand in a page; all text is escaped."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from harness.reporting.tables import Cell, Table


def table_html(table: Table) -> Iterator[str]:
    """Yield a table whose first column heads its rows."""
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in table.header)
    yield f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>'
    for first, *cells in table.cells():
        yield f'<tr><th scope="row">{_content(first)}</th>{"".join(map(_cell, cells))}</tr>'
    yield "</tbody></table></div>"


def _cell(cell: Cell) -> str:
    tone = f' class="{"soft" if cell.tone == "soft" else f"v-{escape(cell.tone)}"}"' if cell.tone else ""
    hint = f' title="{escape(cell.hint)}"' if cell.hint else ""
    return f"<td{tone}{hint}>{_content(cell)}</td>"


def _content(cell: Cell) -> str:
    text = cell.markup or escape(cell.text)
    detail = f"<small>{escape(cell.detail)}</small>" if cell.detail else ""
    below = "".join(f"<p>{escape(line)}</p>" for line in cell.below)
    return f"{f'<code>{text}</code>' if cell.name else text}{detail}{below}"
