"""Tables, in one model for the terminal, Markdown and pages; and terminal output that keeps lines whole.

A rich table cuts its cells to the console's width, which is 80 in a CI log. A case id that ends in "…" can be
neither copied nor searched for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from harness.foreign_text import LINES, printable

# The colours of verdicts and other words. Any other tone needs attention.
_COLOURS = dict.fromkeys(("identical", "ok", "caught", "good"), "green")
_COLOURS |= dict.fromkeys(
    ("drift", "error", "failed", "refused", "missed", "damaged", "bad", "problem", "vacuous", "not examined"),
    "red",
)
_COLOURS |= {"within": "cyan", "soft": "dim", "": ""}


@dataclass(frozen=True)
class Cell:
    """One cell: its ``text``, a ``detail`` next to it, and the lines ``below`` it.

    ``tone`` is the word that colours it, see :func:`toned`, or ``soft`` or ``differs``; ``name`` is whether
    it names something. Two fields are for pages only: ``hint`` is a tooltip, and ``markup`` replaces the
    text.
    """

    text: str = ""
    detail: str = ""
    tone: str = ""
    name: bool = False
    hint: str = ""
    below: Sequence[str] = ()
    markup: str = ""

    @property
    def whole(self) -> str:
        """The text with its detail."""
        return f"{self.text} {self.detail}" if self.detail else self.text


@dataclass(frozen=True)
class Table:
    """Rows of cells below a header, which may be empty. A plain cell is a string.

    A cell whose parts have different colours is a ``Text``. Markdown aligns the columns in ``right`` to the
    right.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[Cell | Text | str]]
    right: Sequence[int] = ()

    def cells(self) -> list[list[Cell]]:
        """Return the rows as cells."""
        return [[each if isinstance(each, Cell) else Cell(str(each)) for each in row] for row in self.rows]

    def without_empty_columns(self) -> Table:
        """Return the table without the columns in which every row has an empty text."""
        columns = [column for column in zip(self.header, *self.rows, strict=True) if any(column[1:])]
        header, *rows = zip(*columns, strict=True) if columns else ((),)
        return Table(header, rows)


def toned(text: str, tone: str) -> Text:
    """Return ``text`` in the colour of ``tone``, the word for a verdict or a state."""
    return Text(text, _COLOURS.get(tone, "yellow"))


def labelled(word: str, text: str) -> Text:
    """Return a line that begins with a coloured word: ``failed  why it did``."""
    return Text.assemble(toned(word, word), f"  {text}")


def show(console: Console, *lines: Text | str) -> None:
    """Print ``lines`` unwrapped, whatever the console's width; text is never read as markup."""
    if lines:
        safe = [_safe(Text.assemble(line), LINES) for line in lines]
        console.print(Text("\n").join(safe), soft_wrap=True)


def _safe(text: Text, kept: str = "") -> Text:
    """Return ``text``, escaped and uncoloured if a terminal or CI system would obey anything in it."""
    safe = printable(text.plain, kept)
    return text if safe == text.plain else Text(safe)


def show_table(console: Console, table: Table, indent: str = "") -> None:
    """Print a table, each row in one line."""
    show(console, *table_lines(table, indent))


def table_lines(table: Table, indent: str = "") -> list[Text]:
    """Return the lines of a table, in aligned columns."""
    lines = [[Text(title, "bold") for title in table.header]] if table.header else []
    lines += [list(map(_coloured, row)) for row in table.rows]
    widths = [max(cell.cell_len for cell in column) for column in zip(*lines, strict=True)]
    made = []
    for line in lines:
        whole = Text(indent)
        for cell, width in zip(line, widths, strict=True):
            whole.append_text(cell).append(" " * (width - cell.cell_len + 2))
        whole.rstrip()
        made.append(whole)
    return made


def _coloured(cell: Cell | Text | str) -> Text:
    if isinstance(cell, Cell):
        return _safe(toned(cell.whole, cell.tone))
    return _safe(cell if isinstance(cell, Text) else Text(cell))
