"""The bar that shows how far an operation is."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text


class ProgressBar:
    """Shows a stage while it lasts: what runs, a bar, "3/26", and the time so far.

    It is the :class:`harness.operations.progress.Progress` of an operation that tells nothing else before
    its end. A display overrides :meth:`finished`.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self._progress: Progress | None = None
        self._doing = ""

    def begin(self, doing: str, runs: int) -> None:
        """Show the bar."""
        self._doing = doing
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )
        self._progress.add_task(doing, total=runs)
        self._progress.start()

    def preparing(self, what: str) -> None:
        """Show what is done before the next run."""
        self._update(description=what)

    def started(self, name: str) -> None:
        """Name what runs."""
        self._update(description=f"{self._doing} {name}")

    def advanced(self, done: int) -> None:
        """Move the bar."""
        self._update(completed=done)

    def finished(self, result: Any) -> None:
        """Show nothing."""

    def end(self) -> None:
        """Take the bar away."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def print(self, text: Text) -> None:
        """Print a line that stays, above the bar where there is one."""
        self.console.print(text, soft_wrap=True)

    def _update(self, **changes: Any) -> None:
        if self._progress is not None:
            self._progress.update(self._progress.task_ids[0], **changes)
