"""The progress bar of an operation."""

from __future__ import annotations

from typing import Any

import rich.progress as rich
from rich.console import Console

from harness.foreign_text import printable
from harness.operations.progress import Progress
from harness.reporting.commands import Invocation


class ProgressBar(Progress[Any]):
    """Shows a stage while it runs: what runs, a bar, "3/26", and the time so far."""

    def __init__(self, console: Console, invocation: Invocation) -> None:
        self.console, self.invocation = console, invocation
        self._bar: rich.Progress | None = None
        self._doing = ""

    def begin(self, doing: str, runs: int) -> None:
        """Show the bar."""
        self._doing = doing
        text = rich.TextColumn("{task.description}", markup=False)
        columns = (text, rich.BarColumn(), rich.MofNCompleteColumn(), rich.TimeElapsedColumn())
        hidden = not self.console.is_terminal
        self._bar = rich.Progress(*columns, console=self.console, transient=True, disable=hidden)
        self._bar.add_task(doing, total=runs or None)
        self._bar.start()

    def preparing(self, what: str) -> None:
        """Show what happens before the next run."""
        self._update(description=printable(what))

    def started(self, name: str) -> None:
        """Name what runs."""
        self._update(description=printable(f"{self._doing} {name}"))

    def advanced(self, done: int) -> None:
        """Move the bar."""
        self._update(completed=done)

    def end(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _update(self, **changes: Any) -> None:
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], **changes)
