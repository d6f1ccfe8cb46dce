"""The options that commands across releases share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.releases.environments import DEFAULT_ROOT
from harness.releases.kept import DEFAULT_ROOT as WORK

With = Annotated[
    list[str] | None,
    typer.Option("--with", metavar="REQUIREMENT", help="install this, too: numpy==1.26.4; may be repeated"),
]
EnvironmentsDir = Annotated[
    Path, typer.Option("--environments", metavar="DIR", help="folder of the environments made for releases")
]
Work = Annotated[
    Path, typer.Option("--work", metavar="DIR", help="folder in which measurements are kept as they come")
]
Fresh = Annotated[bool, typer.Option("--fresh", help="run again what has been measured before")]

ENVIRONMENTS, WORK_DIR = DEFAULT_ROOT, WORK
