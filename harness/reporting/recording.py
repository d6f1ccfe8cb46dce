"""`harness record` in the terminal: progress, the table of changes, what was written."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from harness.baselines import Written
from harness.cases import Case
from harness.judgement.recording import Candidate, Recording, Refusal


class RecordingDisplay:
    """Shows one recording; the progress bar is shown within the ``with`` block."""

    def __init__(self, console: Console, total: int) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._task = self._progress.add_task("recording", total=total)

    def __enter__(self) -> RecordingDisplay:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def started(self, case: Case) -> None:
        """Name the case that runs."""
        self._progress.update(self._task, description=escape(_name(case)))

    def finished(self, case: Case, result: Candidate | Refusal) -> None:
        """Advance by one case; a refusal is printed at once."""
        self._progress.advance(self._task)
        if isinstance(result, Refusal):
            self._progress.print(
                f"[red]refused[/red]  {escape(_name(case))}: {escape(result.message)}", soft_wrap=True
            )

    def show_table(self, recording: Recording) -> None:
        """Show what is new and what would change, with the size of the change."""
        counts = {
            state: sum(c.state == state for c in recording.candidates)
            for state in ("unchanged", "new", "changed")
        }
        told = [candidate for candidate in recording.candidates if candidate.state != "unchanged"]
        if told:
            table = Table(
                "case", "device", "baseline", "relative L2", "what changes", box=None, pad_edge=False
            )
            for candidate in told:
                size = "" if candidate.relative_l2 is None else f"{candidate.relative_l2:.1e}"
                what = "; ".join(candidate.changes)
                table.add_row(
                    escape(_name(candidate.case)), candidate.device, candidate.state, size, escape(what)
                )
            self._console.print(table)
        text = ", ".join(f"{count} {state}" for state, count in counts.items())
        self._console.print(f"{text}, {len(recording.refusals)} refused")

    def show_result(self, outcomes: list[tuple[Candidate, Written | None]], folder: Path) -> None:
        """Say what was written, and what was kept for want of a reason."""
        written = sum(item is not None and item.state != "unchanged" for _, item in outcomes)
        kept = [candidate for candidate, item in outcomes if item is None]
        self._console.print(f"{written} written below {escape(str(folder))}", soft_wrap=True)
        if kept:
            self._console.print(
                f"[red]{len(kept)} kept as they were[/red]: a baseline that exists changes only with "
                "--reason '<why it changes>'",
                soft_wrap=True,
            )


def _name(case: Case) -> str:
    return f"{case.suite}/{case.id}"
