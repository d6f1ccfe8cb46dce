"""What is said at length of one case: titled lines and tables, for the terminal and for pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from rich.console import Console
from rich.text import Text

from harness.reporting.tables import Cell, Table, show, table_lines

# The terminal shows as many rows of a table that it may shorten.
_ROWS = 12


@dataclass(frozen=True)
class Detail:
    """Lines and a table below a ``title``.

    Of a long table, the terminal shows all rows, the ``first`` ones, or some ``evenly`` with the last.
    """

    title: str
    lines: Sequence[Text | str] = ()
    table: Table | None = None
    kept: Literal["all", "first", "evenly"] = "all"


def pairs_table(pairs: Mapping[str, str | None]) -> Table:
    """Return a table of names and values, without those that are None."""
    return Table((), [(Cell(name, tone="soft"), value) for name, value in pairs.items() if value is not None])


def show_details(console: Console, details: Iterable[Detail]) -> None:
    """Print each detail."""
    for detail in details:
        table, remark = detail.table or Table((), ()), ""
        if detail.kept != "all" and (count := len(table.rows)) > _ROWS:
            remark = f"  ({_ROWS} of {count}; --html shows all)"
            last = count - 1 if detail.kept == "evenly" else _ROWS - 1
            table = Table(table.header, [table.rows[i * last // (_ROWS - 1)] for i in range(_ROWS)])
        show(console, Text.assemble((detail.title, "bold"), remark))
        show(console, *(Text.assemble("  ", line) for line in detail.lines))
        if table.rows:
            show(console, *table_lines(table, "  "))
