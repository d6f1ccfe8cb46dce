"""`harness record` in the terminal: progress, the table of changes, what was written."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from harness.baselines.baseline import Written
from harness.operations.calibrate import Calibrations
from harness.operations.deep import StoredTrace
from harness.operations.proposal import Candidate, Proposal, Refusal
from harness.operations.record import Recording, StoredBaselines
from harness.reporting.calibration import CalibrationDisplay, refusal_text, show_calibrations, show_vacuous
from harness.reporting.commands import Invocation, commands
from harness.reporting.reasons import text_of
from harness.reporting.tables import print_table

_HEADER = ("case", "device", "baseline", "relative L2", "what changes")


class RecordingDisplay(CalibrationDisplay):
    """Shows a recording as it comes: refusals, what would change, what was written, calibrations, traces."""

    def finished(self, result: Any) -> None:
        """Show what came of a case or of a stage."""
        if isinstance(result, Proposal):
            show_proposal(self.console, result)
        elif isinstance(result, StoredBaselines):
            show_stored(self.console, result, self.invocation)
        elif isinstance(result, Calibrations):
            show_calibrations(self.console, result)
        elif isinstance(result, StoredTrace):
            self.print(Text(trace_text(result)))
        else:
            super().finished(result)


def show_proposal(console: Console, proposal: Proposal) -> None:
    """Show what is new and what would change, with the size of the change."""
    counts = {
        state: sum(each.state == state for each in proposal.candidates)
        for state in ("unchanged", "new", "changed")
    }
    told = [each for each in proposal.candidates if each.state != "unchanged"]
    if told:
        rows = [
            (each.case.name, each.device, each.state, _size(each.relative_l2), _changes(each))
            for each in told
        ]
        print_table(console, rows, header=_HEADER)
    text = ", ".join(f"{count} {state}" for state, count in counts.items())
    console.print(f"{text}, {len(proposal.refusals)} refused")


def show_stored(console: Console, stored: StoredBaselines, invocation: Invocation) -> None:
    """Say what was written, what could not be, and what was kept for want of a reason."""
    results = [became for _, became in stored.dispositions]
    for result in results:
        if isinstance(result, Refusal):
            console.print(refusal_text(result, invocation), soft_wrap=True)
    written = sum(isinstance(result, Written) and result.state != "unchanged" for result in results)
    console.print(Text(f"{written} written below {invocation.baselines}"), soft_wrap=True)
    if kept := results.count(None):
        told = ": a baseline that exists changes only with --reason '<why it changes>'"
        if any(became is None and each.uncalibrates for each, became in stored.dispositions):
            told += ", and is calibrated again only with --calibrate"
        console.print(Text.assemble((f"{kept} kept as they were", "red"), told), soft_wrap=True)


def show_recording(console: Console, recording: Recording, invocation: Invocation) -> None:
    """Say what is left to do: which cases lost their calibration, and what to type; which notice nothing."""
    for case in recording.uncalibrated:
        command = commands(case, invocation).calibrate
        told = f"  {case.name}: its calibration is gone with the old baseline; measure it anew: {command}"
        console.print(Text.assemble(("note", "yellow"), told), soft_wrap=True)
    show_vacuous(console, recording.vacuous)


def trace_text(trace: StoredTrace) -> str:
    """Return where the deep trace of a case is, and its size."""
    return (
        f"{trace.case.name}: deep trace of step {trace.step}, {trace.calls} calls of cells, "
        f"{trace.nbytes / 1e6:.1f} MB in {trace.path} (not for version control)"
    )


def _changes(candidate: Candidate) -> str:
    return "; ".join(map(text_of, candidate.changes))


def _size(relative_l2: float | None) -> str:
    return "" if relative_l2 is None else f"{relative_l2:.1e}"
