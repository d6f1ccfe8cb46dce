"""`harness calibrate` in the terminal: progress, the table of envelopes, what was found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from harness.baselines.calibration import Calibration
from harness.judgement.calibration.findings import Finding
from harness.operations.calibrate import CalibratedCase, Calibrations
from harness.operations.proposal import Refusal
from harness.operations.vacuity import VacuousCase
from harness.reporting.commands import Invocation, error_text
from harness.reporting.progress import ProgressBar
from harness.reporting.reasons import text_of
from harness.reporting.tables import Cell, Table, show, show_table, told

_HEADER = ("case", "members", "factor", "envelope", "limit", "growth over the steps", "calibration")


class CalibrationDisplay(ProgressBar):
    """Shows a calibration; the bar counts members, and a refusal is told at once."""

    def finished(self, result: Any) -> None:
        """Show why a case was refused."""
        if isinstance(result, Refusal):
            show(self.console, refusal_text(result, self.invocation))


def show_calibrations(console: Console, found: Calibrations) -> None:
    """Show the table of the cases calibrated, then what was found beside the numbers."""
    if found.calibrated:
        show_table(console, Table(_HEADER, list(map(_row, found.calibrated))))
    for each in found.calibrated:
        for finding in each.findings:
            word = "failed" if finding.failing else "note"
            show(console, told(word, f"{each.case.name}: {finding_text(finding)}"))
    text = f"{len(found.calibrated)} calibrated"
    console.print(f"{text}, {found.failed} failed" if found.failed else text)


def finding_text(finding: Finding) -> str:
    """Return what a calibration shows, and what to do where the case cannot be held to it."""
    text = text_of(finding.reason)
    return f"{text}. Give it fewer steps, or mark it `strict: true`" if finding.failing else text


def show_vacuous(console: Console, vacuous: Sequence[VacuousCase]) -> None:
    """Say which cases notice nothing."""
    for each in vacuous:
        show(console, told("failed", f"{each.case.name} is vacuous: {text_of(each.why)}"))


def refusal_text(refusal: Refusal, invocation: Invocation) -> Text:
    """Return why a case was refused, with its name once, and what to type."""
    return told("refused", error_text(refusal.error, invocation, refusal.case))


def _row(result: CalibratedCase) -> tuple[Cell | str, ...]:
    calibration = result.calibration
    envelope = calibration.metrics["relative_l2"]
    chaotic = calibration.chaos is not None
    state = "unchanged" if result.written.state == "unchanged" else "new" if result.first else "changed"
    return (
        result.case.name,
        str(len(calibration.members)),
        f"{calibration.factor:g}",
        f"{envelope:.1e}",
        "none" if chaotic else f"{envelope * calibration.factor:.1e}",
        growth(calibration),
        Cell("chaotic", tone="failed" if result.failing else "note") if chaotic else state,
    )


def growth(calibration: Calibration) -> str:
    """Return the growth curve in a few figures: the largest spread after the first, middle and last step."""
    steps = calibration.steps
    shown = {0, len(steps) // 2, len(steps) - 1} if steps else set()
    return " → ".join(f"{steps[index].largest:.1e}" for index in sorted(shown))
