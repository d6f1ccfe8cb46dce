"""`harness history`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.commands.options import File, Texts, option
from harness.commands.settings import check_destinations, write
from harness.errors import UsageError
from harness.operations.history import find_history, view_history
from harness.reporting.history_report import history_json, history_markdown, show_history
from harness.reporting.html.history_page import history_page

_CONDITION = "only runs with this field in their environment; may be repeated"


def history(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="history, as written by pytest --history FILE, or its folder"),
    ],
    case: Annotated[
        str | None, typer.Argument(metavar="[SUITE[::CASE]]", help="only this suite or case")
    ] = None,
    condition: Annotated[Texts, option("--where", "FIELD=VALUE", _CONDITION)] = None,
    html_file: Annotated[File, option("--html", "FILE", "write the history as an HTML page")] = None,
    json_file: Annotated[File, option("--json", "FILE", "write the runs, figures and steps as JSON")] = None,
    markdown_file: Annotated[File, option("--markdown", "FILE", "write the steps as Markdown")] = None,
) -> None:
    """Chart each case's figures over the runs of a history, and show lasting changes.

    Changes within the tolerance are shown, too. Exits with 0 whatever is found, and with 4 if the file is not
    a history.
    """
    file = find_history(file)
    files = (html_file, json_file, markdown_file)
    if itself := next((path for path in files if path and path.absolute() == file.absolute()), None):
        raise UsageError(f"{itself}: this is the history itself; name another file")
    check_destinations(*files)
    found = view_history(file, dict(map(_condition, condition or [])), case)
    show_history(Console(), *found)
    write(html_file, history_page, *found)
    write(json_file, history_json, *found)
    write(markdown_file, history_markdown, *found)


def _condition(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(
            f"--where {text}: write FIELD=VALUE with a field of the fingerprint, such as mindspore=2.10.0"
        )
    return name, value
