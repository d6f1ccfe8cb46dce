"""`harness calibrate` in the terminal: progress, the table of envelopes, what was found."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from harness.baselines.calibration import Calibration
from harness.cases.case import Case
from harness.errors import HarnessError
from harness.judgement.calibration.findings import Finding, findings
from harness.operations.calibrate import Calibrated
from harness.reporting.commands import Invocation, error_text
from harness.reporting.progress import ProgressBar
from harness.reporting.tables import print_table

_HEADER = ("case", "members", "factor", "envelope", "limit", "growth over the steps", "calibration")


class CalibrationDisplay(ProgressBar):
    """Shows one calibration; the bar counts members."""

    def __init__(self, console: Console, cases: int, members: int, invocation: Invocation) -> None:
        self._console = console
        self._invocation = invocation
        self._members = members
        super().__init__(console, "calibrating", cases * members)
        self._finished = 0
        self.failed = 0
        self._rows: list[tuple[str | Text, ...]] = []
        self._findings: list[tuple[Case, Finding]] = []

    def started(self, case: Case) -> None:
        """Name the case that runs."""
        self.update(description=f"calibrating {case.name}")

    def member_done(self, done: int) -> None:
        """Show that ``done`` members of the case have run."""
        self.update(completed=self._finished * self._members + done)

    def finished(self, result: Calibrated) -> None:
        """Keep the row and the findings of one case."""
        self._advance()
        found = findings(result.case, result.baseline, result.calibration)
        self._findings += [(result.case, finding) for finding in found]
        failing = any(finding.failing for finding in found)
        self.failed += failing
        self._rows.append(_row(result, failing=failing))

    def refused(self, case: Case, error: HarnessError) -> None:
        """Print at once why a case cannot be calibrated."""
        self._advance()
        self.failed += 1
        told = error_text(error, self._invocation, case)
        self.print(Text.assemble(("refused", "red"), "  ", told))

    def show(self) -> None:
        """Show the table, then what was found beside the numbers."""
        if self._rows:
            print_table(self._console, self._rows, header=_HEADER)
        for case, finding in self._findings:
            word = Text("failed" if finding.failing else "note", "red" if finding.failing else "yellow")
            self._console.print(Text.assemble(word, f"  {case.name}: {finding.text}"), soft_wrap=True)
        text = f"{len(self._rows)} calibrated"
        self._console.print(f"{text}, {self.failed} failed" if self.failed else text)

    def _advance(self) -> None:
        self._finished += 1
        self.update(completed=self._finished * self._members)


def _row(result: Calibrated, *, failing: bool) -> tuple[str | Text, ...]:
    calibration = result.calibration
    envelope = calibration.metrics["relative_l2"]
    chaotic = calibration.chaos is not None
    state = Text("chaotic", "red" if failing else "yellow") if chaotic else Text(_state(result))
    return (
        result.case.name,
        str(len(calibration.members)),
        f"{calibration.factor:g}",
        f"{envelope:.1e}",
        "none" if chaotic else f"{envelope * calibration.factor:.1e}",
        growth(calibration),
        state,
    )


def _state(result: Calibrated) -> str:
    if result.written.state == "unchanged":
        return "unchanged"
    return "new" if result.first else "changed"


def growth(calibration: Calibration) -> str:
    """Return the growth curve in a few figures: the largest spread after the first, middle and last step."""
    steps = calibration.steps
    shown = {0, len(steps) // 2, len(steps) - 1} if steps else set()
    return " → ".join(f"{steps[index].largest:.1e}" for index in sorted(shown))
