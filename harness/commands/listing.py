"""`harness list`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from harness.baselines.store import BaselineStore
from harness.cases.selection import select
from harness.commands.exits import leave
from harness.commands.options import BASELINES, BaselineDir, Paths
from harness.operations.listing import list_cases as list_all
from harness.reporting.listing import show_listing


def list_cases(
    paths: Paths,
    baseline_dir: BaselineDir = BASELINES,
    check: Annotated[
        bool, typer.Option("--check", help="exit with 1 unless everything is ok, for a hook or a CI job")
    ] = False,
) -> None:
    """List the cases and the state of their baselines: ok, missing, stale, damaged or orphan."""
    listing = list_all(select(paths), BaselineStore(baseline_dir))
    show_listing(Console(), listing, str(baseline_dir))
    leave(passed=listing.sound or not check)
