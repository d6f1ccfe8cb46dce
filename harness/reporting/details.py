"""What is said at length of one case: titled lines and tables, for the terminal and for pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from harness.reporting.tables import Table, show, table_lines

# The terminal shows as many of a table of steps.
_STEPS = 12


@dataclass(frozen=True)
class Detail:
    """Lines and a table below a ``title``; ``steps`` is whether each row of the table is a step."""

    title: str
    lines: Sequence[Text | str] = ()
    table: Table | None = None
    steps: bool = False


def show_details(console: Console, details: Iterable[Detail]) -> None:
    """Print each detail; of many steps only an even selection with the first and the last."""
    for detail in details:
        table, remark = detail.table or Table((), ()), ""
        if detail.steps and (count := len(table.rows)) > _STEPS:
            remark = f"  ({_STEPS} of {count}; --html shows all)"
            table = Table(table.header, [table.rows[i * (count - 1) // (_STEPS - 1)] for i in range(_STEPS)])
        show(console, Text.assemble((detail.title, "bold"), remark))
        show(console, *(Text.assemble("  ", line) for line in detail.lines))
        if table.rows:
            show(console, *table_lines(table, "  "))
