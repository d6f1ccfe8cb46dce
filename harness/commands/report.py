"""`harness report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.commands.exits import say
from harness.commands.options import File, option
from harness.reporting.html.run import render_again


def report(
    data: Annotated[
        Path, typer.Argument(metavar="REPORT", help="folder that pytest --harness-report wrote into")
    ],
    output: Annotated[
        File, option("--output", "DIR", "folder to write the page into (default: REPORT)")
    ] = None,
) -> None:
    """Write the HTML page of a run again from its report.json."""
    say(str(render_again(data, output)))
