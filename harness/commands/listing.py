"""`harness list`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from harness.baselines.store import BaselineStore
from harness.cases.selection import select
from harness.commands.options import BASELINES, FAILED, BaselineDir, Paths
from harness.reporting.listing import show_listing


def list_cases(
    paths: Paths,
    baseline_dir: BaselineDir = BASELINES,
    check: Annotated[
        bool, typer.Option("--check", help="exit with 1 unless all is ok: for a hook or a CI job")
    ] = False,
) -> None:
    """Show the cases with the state of their baselines: ok, missing, stale, damaged, orphan."""
    sound = show_listing(Console(), select(paths), BaselineStore(baseline_dir))
    if check and not sound:
        raise typer.Exit(FAILED)
