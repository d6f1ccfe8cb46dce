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
from harness.reporting.tables import Table, show, show_table, told

_HEADER = ("case", "device", "baseline", "relative L2", "what changes")


class RecordingDisplay(CalibrationDisplay):
    """Shows a recording as it comes: refusals, what would change, what was written, calibrations, traces."""

    def finished(self, result: Any) -> None:
        """Show what came of a case or of a stage."""
        if isinstance(result, Proposal):
            _show_proposal(self.console, result)
        elif isinstance(result, StoredBaselines):
            _show_stored(self.console, result, self.invocation)
        elif isinstance(result, Calibrations):
            show_calibrations(self.console, result)
        elif isinstance(result, StoredTrace):
            text = (
                f"{result.case.name}: deep trace of step {result.step}, {result.calls} calls of cells, "
                f"{result.nbytes / 1e6:.1f} MB in {result.path} (not for version control)"
            )
            show(self.console, text)
        else:
            super().finished(result)


def _show_proposal(console: Console, proposal: Proposal) -> None:
    """Show what is new and what would change, with the size of the change."""
    states = [each.state for each in proposal.candidates]
    if rows := [_row(each) for each in proposal.candidates if each.state != "unchanged"]:
        show_table(console, Table(_HEADER, rows))
    text = ", ".join(f"{states.count(state)} {state}" for state in ("unchanged", "new", "changed"))
    console.print(f"{text}, {len(proposal.refusals)} refused")


def _row(candidate: Candidate) -> tuple[str, ...]:
    size = "" if candidate.relative_l2 is None else f"{candidate.relative_l2:.1e}"
    changes = "; ".join(map(text_of, candidate.changes))
    return candidate.case.name, candidate.device, candidate.state, size, changes


def _show_stored(console: Console, stored: StoredBaselines, invocation: Invocation) -> None:
    """Say what was written, what could not be, and what was kept for want of a reason."""
    results = [became for _, became in stored.dispositions]
    show(console, *(refusal_text(each, invocation) for each in results if isinstance(each, Refusal)))
    written = sum(isinstance(result, Written) and result.state != "unchanged" for result in results)
    show(console, f"{written} written below {invocation.baselines}")
    if kept := results.count(None):
        text = ": a baseline that exists changes only with --reason '<why it changes>'"
        if any(became is None and each.uncalibrates for each, became in stored.dispositions):
            text += ", and is calibrated again only with --calibrate"
        show(console, Text.assemble((f"{kept} kept as they were", "red"), text))


def show_recording(console: Console, recording: Recording, invocation: Invocation) -> None:
    """Say what is left to do: which cases lost their calibration, and what to type; which notice nothing."""
    for case in recording.uncalibrated:
        command = commands(case, invocation).calibrate
        text = f"{case.name}: its calibration is gone with the old baseline; measure it anew: {command}"
        show(console, told("note", text))
    show_vacuous(console, recording.vacuous)
