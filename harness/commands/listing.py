"""`harness list`."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from harness.baselines import BaselineStore
from harness.cases.selection import select
from harness.commands.options import (
    BaselineDir,
    Paths,
)
from harness.reporting.listing import show_listing


def list_cases(paths: Paths, baseline_dir: BaselineDir = Path("baselines")) -> None:
    """Show the cases with the state of their baselines: ok, missing, stale, damaged, orphan."""
    show_listing(Console(), select(paths), BaselineStore(baseline_dir))
