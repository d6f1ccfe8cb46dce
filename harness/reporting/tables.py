"""Tables in the terminal, every cell whole."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text


def print_table(
    console: Console, rows: Sequence[Sequence[str | Text]], *, header: Sequence[str] = (), indent: str = ""
) -> None:
    """Print ``rows`` in aligned columns below ``header``, one line each, however narrow the console is.

    A table of rich cuts its cells to the console's width, which is 80 in the log of a CI run: a case id that
    ends in "…" can be neither copied nor searched for. Text is shown as it is, never read as markup.
    """
    lines = [[Text(title, "bold") for title in header]] if header else []
    lines += [[Text(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
    widths = [max(cell.cell_len for cell in column) for column in zip(*lines, strict=True)]
    for line in lines:
        padded = [
            Text.assemble(cell, " " * (width - cell.cell_len))
            for cell, width in zip(line, widths, strict=True)
        ]
        text = Text.assemble(indent, Text("  ").join(padded))
        text.rstrip()
        console.print(text, soft_wrap=True)
