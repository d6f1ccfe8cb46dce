"""The options that commands across releases share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.commands.options import Texts, option
from harness.releases.environments import DEFAULT_ROOT as ENVIRONMENTS
from harness.releases.kept import DEFAULT_ROOT as WORK

__all__ = ["ENVIRONMENTS", "WORK", "EnvironmentsDir", "Fresh", "With", "WorkDir"]

With = Annotated[
    Texts,
    option("--with", "REQUIREMENT", "also install this package, such as numpy==1.26.4; may be repeated"),
]
EnvironmentsDir = Annotated[Path, option("--environments", "DIR", "folder for the environments of releases")]
WorkDir = Annotated[Path, option("--work", "DIR", "folder in which finished measurements are kept")]
Fresh = Annotated[bool, typer.Option("--fresh", help="repeat measurements that are already kept")]
