"""`harness environments`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer
from rich.console import Console

from harness.commands.exits import say
from harness.commands.options import Texts
from harness.commands.releases import ENVIRONMENTS, EnvironmentsDir
from harness.errors import UsageError
from harness.releases.environments import Environments
from harness.reporting.machine import show_environments


def environments(
    action: Annotated[Literal["list", "remove"], typer.Argument(help="what to do")] = "list",
    names: Annotated[Texts, typer.Argument(metavar="NAMES...", help="environments to remove")] = None,
    unused: Annotated[
        bool, typer.Option("--unused", help="remove those unused for --days, and unfinished ones")
    ] = False,
    days: Annotated[
        float, typer.Option(min=0.0, metavar="DAYS", help="days after which one counts as unused")
    ] = 30.0,
    folder: EnvironmentsDir = ENVIRONMENTS,
) -> None:
    """List or remove the environments that harness matrix and harness bisect created."""
    stored = Environments(folder)
    if action == "list":
        if names:
            raise UsageError("harness environments list takes no names")
        show_environments(Console(), stored.listed(unused_for=days if unused else None))
        return
    if bool(names) == unused:
        raise UsageError(
            "name the environments to remove, as harness environments list shows them, or give --unused"
        )
    for name in stored.remove(names or [each.name for each in stored.listed(unused_for=days)]):
        say(f"removed {name}")
