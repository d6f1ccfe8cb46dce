"""`harness environments list` in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from harness.releases.environments import Stored
from harness.reporting.tables import Cell, Table, show_table

_HEADER = ("environment", "state", "MindSpore", "numpy", "size", "last used")


def show_environments(console: Console, stored: Sequence[Stored]) -> None:
    """Show a line for each environment, and what they take up together."""
    if not stored:
        console.print("no environments")
        return
    show_table(console, Table(_HEADER, list(map(_row, stored))))
    console.print(
        f"{_gigabytes(sum(each.size for each in stored))}, what uv's cache shares with them counted"
    )


def _row(stored: Stored) -> list[Cell | str]:
    packages = {} if stored.environment is None else stored.environment.packages
    return [
        stored.name,
        "complete" if stored.environment is not None else Cell("unfinished", tone="unfinished"),
        packages.get("mindspore", ""),
        packages.get("numpy", ""),
        _gigabytes(stored.size),
        f"{stored.idle:.0f} days ago" if stored.idle >= 1 else "today",
    ]


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB"
