"""`harness environments list` in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from harness.releases.environments import Stored
from harness.reporting.tables import print_table

_HEADER = ("environment", "state", "MindSpore", "numpy", "size", "last used")


def show_environments(console: Console, stored: Sequence[Stored]) -> None:
    """Show a line for each environment, and what they take up together."""
    if not stored:
        console.print("no environments")
        return
    print_table(console, [_row(each) for each in stored], header=_HEADER)
    console.print(
        f"{_gigabytes(sum(each.size for each in stored))}, what uv's cache shares with them counted"
    )


def _row(stored: Stored) -> list[str | Text]:
    packages = {} if stored.environment is None else stored.environment.packages
    complete = stored.environment is not None
    return [
        stored.name,
        Text("complete") if complete else Text("unfinished", "yellow"),
        packages.get("mindspore", ""),
        packages.get("numpy", ""),
        _gigabytes(stored.size),
        f"{stored.idle:.0f} days ago" if stored.idle >= 1 else "today",
    ]


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB"
