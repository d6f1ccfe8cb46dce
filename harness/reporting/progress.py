"""The progress bar of an operation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean
from typing import Any

import rich.progress as rich
from rich.console import Console

from harness.cases.case import Case
from harness.execution.under_way import UnderWay
from harness.foreign_text import printable
from harness.operations.progress import Progress
from harness.operations.workers import Workers
from harness.reporting.commands import Invocation
from harness.reporting.under_way import left_text, step_text


class ProgressBar(Progress[Any]):
    """Shows a stage while it runs: case, step, a bar, "3/26", the time so far, and about what is left."""

    def __init__(self, console: Console, invocation: Invocation) -> None:
        self.console, self.invocation = console, invocation
        self._bar: rich.Progress | None = None
        self._doing = ""
        self._runs = self._done = 0
        # Seconds of one run on average, by what is known of earlier ones, and of those that are still to end.
        self._each: float | None = None
        self._left = 0.0
        self._latest: UnderWay | None = None
        self._processes = 1

    def watching(self, workers: Workers, cases: Sequence[Case]) -> Workers:
        """Return ``workers`` whose runs are shown here, of which most are runs of ``cases``."""
        if not self.console.is_terminal:
            return workers
        known = [each for each in workers.expected(cases) if each is not None]
        self._each = fmean(known) if known else None
        self._processes = workers.processes
        return replace(workers, watcher=self._run_is)

    def begin(self, doing: str, runs: int) -> None:
        """Show the bar."""
        self._doing, self._runs, self._done, self._latest = doing, runs, 0, None
        self._left = runs * (self._each or 0.0)
        text = rich.TextColumn("{task.description}", markup=False)
        left = rich.TextColumn("{task.fields[left]}", markup=False)
        columns = (text, rich.BarColumn(), rich.MofNCompleteColumn(), rich.TimeElapsedColumn(), left)
        hidden = not self.console.is_terminal
        self._bar = rich.Progress(*columns, console=self.console, transient=True, disable=hidden)
        self._bar.add_task(doing, total=runs or None, left="")
        self._bar.start()

    def preparing(self, what: str) -> None:
        """Show what happens before the next run."""
        self._update(description=printable(what))

    def started(self, name: str) -> None:
        """Name what runs."""
        self._update(description=printable(f"{self._doing} {name}"))

    def advanced(self, done: int) -> None:
        """Move the bar."""
        took = (self._latest and self._latest.expected) or self._each or 0.0
        self._left -= (done - self._done) * took
        self._done = done
        self._update(completed=done)

    def end(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _run_is(self, run: UnderWay) -> None:
        """Show how far a run is, and about how long the stage still takes; called from several threads."""
        self._latest = run
        left = run.left
        if self._each is not None and self._runs:
            spent = min(run.seconds, run.expected or self._each)
            left = max((self._left - spent) / self._processes, left or 0.0)
        what = ", ".join(filter(None, (f"{self._doing} {run.name}", step_text(run))))
        self._update(description=printable(what), left=left_text(left))

    def _update(self, **changes: Any) -> None:
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], **changes)
