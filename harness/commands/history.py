"""`harness history`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.errors import UsageError
from harness.history.database import History
from harness.history.trends import Trend, trends, where
from harness.operations.destination import check_destination, write_result
from harness.reporting.history_report import history_json, history_markdown, show_history
from harness.reporting.html.history_page import history_page


def history(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="the history, of pytest suites/ --history FILE")
    ],
    case: Annotated[
        str | None, typer.Argument(metavar="[SUITE[::CASE]]", help="this suite, or this case, alone")
    ] = None,
    condition: Annotated[
        list[str] | None,
        typer.Option("--where", metavar="FIELD=VALUE", help="runs in such an environment; may be repeated"),
    ] = None,
    html_file: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="write the history as a page")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="write runs, figures and steps as JSON")
    ] = None,
    markdown_file: Annotated[
        Path | None, typer.Option("--markdown", metavar="FILE", help="write the steps as Markdown")
    ] = None,
) -> None:
    """Draw each case's figures over the runs of a history, and say where a level lastingly changed.

    A change within the tolerance is one, too. Exits 0 whatever is found, 4 for a file that is no history.
    """
    for path in (html_file, json_file, markdown_file):
        if path is not None:
            if path.absolute() == file.absolute():
                raise UsageError(f"{path}: is the history itself; name another file")
            check_destination(path)
    fields = dict(map(_condition, condition or []))
    all_runs = History(file).runs()
    runs = where(all_runs, fields)
    if fields and not runs:
        there = {case.environment.get(name) for name in fields for run in all_runs for case in run.cases}
        values = ", ".join(sorted(value for value in there if value is not None))
        raise UsageError(
            f"--where {' --where '.join(condition or [])}: the history has no run in such an environment; "
            f"there is {values or 'no such field'}"
        )
    found = _selected(trends(runs), case)
    show_history(Console(), runs, found)
    if html_file is not None:
        write_result(html_file, history_page(runs, found).encode())
    if json_file is not None:
        write_result(json_file, history_json(runs, found).encode())
    if markdown_file is not None:
        write_result(markdown_file, history_markdown(runs, found).encode())


def _condition(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f"--where {text}: give a field of the fingerprint and its value: mindspore=2.10.0")
    return name, value


def _selected(found: Sequence[Trend], named: str | None) -> Sequence[Trend]:
    """Return the trends of ``suite``, ``suite::case`` or ``suite/case``; raises UsageError for none."""
    if named is None:
        return found
    suite, _, case = named.replace("::", "/", 1).partition("/")
    chosen = [trend for trend in found if trend.suite == suite and case in ("", trend.case_id)]
    if not chosen:
        known = ", ".join(trend.name for trend in found[:8]) + (", …" if len(found) > 8 else "")
        raise UsageError(f"{named}: no such case in the history; it has {known or 'none'}")
    return chosen
