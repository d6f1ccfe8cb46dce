"""Tables: one model for the terminal, Markdown and pages; and the terminal's form, every cell whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

# The colours of what stands in a cell; all else that has a tone is to be looked at.
_COLOURS = {"identical": "green", "within": "cyan", "drift": "red", "error": "red", "soft": "dim", "": ""}


@dataclass(frozen=True)
class Cell:
    """One cell: ``text``, and in ``detail`` what belongs to it.

    ``tone`` is the verdict that colours it, ``soft``, or ``differs``; ``name`` is whether it names something;
    ``hint`` is what a page shows where it is pointed at.
    """

    text: str
    detail: str = ""
    tone: str = ""
    name: bool = False
    hint: str = ""

    @property
    def whole(self) -> str:
        """The text with its detail."""
        return f"{self.text} {self.detail}" if self.detail else self.text


@dataclass(frozen=True)
class Table:
    """Rows of cells below a header."""

    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]


def show_table(console: Console, table: Table) -> None:
    """Print a table, see :func:`print_table`."""
    rows = [[Text(cell.whole, _COLOURS.get(cell.tone, "yellow")) for cell in row] for row in table.rows]
    print_table(console, rows, header=table.header)


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
