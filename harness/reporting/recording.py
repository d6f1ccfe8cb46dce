"""`harness record` in the terminal: progress, the table of changes, what was written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from harness.baselines.store import Written
from harness.cases.case import Case
from harness.operations.record import Candidate, Outcome, Recording, RecordingProgress, Refusal
from harness.reporting.commands import Invocation, commands, error_text
from harness.reporting.progress import ProgressBar
from harness.reporting.tables import print_table

_HEADER = ("case", "device", "baseline", "relative L2", "what changes")


class RecordingDisplay(ProgressBar, RecordingProgress):
    """Shows one recording; the bar counts runs."""

    def __init__(self, console: Console, total: int, invocation: Invocation) -> None:
        self._console = console
        self._invocation = invocation
        # Every case runs twice.
        super().__init__(console, "recording", 2 * total)
        self._once: set[str] = set()

    def started(self, case: Case) -> None:
        """Name the case that runs."""
        self.update(description=case.name)

    def ran(self, case: Case) -> None:
        """Advance by one run."""
        self._once.add(case.name)
        self.update(advance=1)

    def finished(self, case: Case, result: Candidate | Refusal) -> None:
        """Advance by the runs that are left; a refusal is printed at once."""
        self.update(advance=1 if case.name in self._once else 2)
        if isinstance(result, Refusal):
            self.print(self._refused(result))

    def show_table(self, recording: Recording) -> None:
        """Show what is new and what would change, with the size of the change."""
        counts = {
            state: sum(c.state == state for c in recording.candidates)
            for state in ("unchanged", "new", "changed")
        }
        told = [candidate for candidate in recording.candidates if candidate.state != "unchanged"]
        if told:
            rows = [
                (c.case.name, c.device, c.state, _size(c.relative_l2), "; ".join(c.changes)) for c in told
            ]
            print_table(self._console, rows, header=_HEADER)
        text = ", ".join(f"{count} {state}" for state, count in counts.items())
        self._console.print(f"{text}, {len(recording.refusals)} refused")

    def show_result(self, outcomes: list[tuple[Candidate, Outcome]], folder: Path) -> None:
        """Say what was written, what could not be, and what was kept for want of a reason."""
        results = [result for _, result in outcomes]
        for result in results:
            if isinstance(result, Refusal):
                self._console.print(self._refused(result), soft_wrap=True)
        written = sum(isinstance(result, Written) and result.state != "unchanged" for result in results)
        self._console.print(Text(f"{written} written below {folder}"), soft_wrap=True)
        if kept := results.count(None):
            told = ": a baseline that exists changes only with --reason '<why it changes>'"
            if any(result is None and candidate.uncalibrates for candidate, result in outcomes):
                told += ", and is calibrated again only with --calibrate"
            self._console.print(Text.assemble((f"{kept} kept as they were", "red"), told), soft_wrap=True)

    def _refused(self, refusal: Refusal) -> Text:
        told = error_text(refusal.error, self._invocation, refusal.case)
        return Text.assemble(("refused", "red"), "  ", told)


def show_uncalibrated(console: Console, cases: Sequence[Case], invocation: Invocation) -> None:
    """Say which cases lost the calibration of the baseline that was replaced, and what to type."""
    for case in cases:
        command = commands(case, invocation).calibrate
        told = f"  {case.name}: its calibration is gone with the old baseline; measure it anew: {command}"
        console.print(Text.assemble(("note", "yellow"), told), soft_wrap=True)


def show_vacuous(console: Console, messages: Sequence[str]) -> bool:
    """Say which cases notice nothing; return whether there is none."""
    for message in messages:
        console.print(Text.assemble(("failed", "red"), "  ", message), soft_wrap=True)
    return not messages


def _size(relative_l2: float | None) -> str:
    return "" if relative_l2 is None else f"{relative_l2:.1e}"
