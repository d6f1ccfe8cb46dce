"""`harness record` and `harness calibrate` in the terminal: changes, files written, envelopes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from harness.baselines.baseline import Written
from harness.baselines.calibration import Calibration
from harness.cases.case import Case
from harness.counting import count
from harness.judgement.calibration.findings import Finding, needs_strict
from harness.judgement.fact_reasons import FactsAdded, SketchesChanged
from harness.operations.calibrate import CalibratedCase, Calibrations, VacuousCase
from harness.operations.deep import StoredTrace
from harness.operations.proposal import Proposal, Proposed, Refusal
from harness.operations.record import Recording, StoredBaselines
from harness.operations.reference import References
from harness.reporting.commands import Invocation, commands, error_text
from harness.reporting.figures import figure
from harness.reporting.progress import ProgressBar
from harness.reporting.reasons import text_of
from harness.reporting.tables import Cell, Table, labelled, show, show_table

_HEADER = ("case", "device", "baseline", "relative L2", "what changes")
_CALIBRATIONS = (
    *("case", "members", "factor", "envelope", "limit"),
    *("growth over the steps", "strict", "calibration"),
)
_STRICT = {True: "needed", False: "not needed", None: "not known"}


class RecordingDisplay(ProgressBar):
    """Shows the progress of a recording or a calibration, and refusals at once."""

    def finished(self, result: Any) -> None:
        """Show the result of a case or of a stage."""
        if isinstance(result, Proposal):
            _show_proposal(self.console, result)
        elif isinstance(result, StoredBaselines):
            _show_stored(self.console, result, self.invocation)
        elif isinstance(result, Calibrations):
            show_calibrations(self.console, result)
        elif isinstance(result, StoredTrace):
            text = (
                f"{result.case.name}: deep trace of step {result.step}, {result.calls} cell calls, "
                f"{result.nbytes / 1e6:.1f} MB in {result.path} (not for version control)"
            )
            show(self.console, text)
        elif isinstance(result, Refusal):
            show(self.console, refusal_text(result, self.invocation))


def expected_failures_lines(cases: Sequence[Case]) -> list[str]:
    """Return the line that names those of ``cases`` that are expected to fail; none for none."""
    names = [case.name for case in cases if case.fails is not None]
    return [f"expected to fail, and left out: {', '.join(names)}"] if names else []


def _show_proposal(console: Console, proposal: Proposal) -> None:
    states = [each.state for each in proposal.proposed]
    if moved := [each for each in proposal.proposed if each.state != "unchanged"]:
        show_table(console, proposed_table(moved))
    text = ", ".join(f"{states.count(state)} {state}" for state in ("unchanged", "new", "changed"))
    console.print(f"{text}, {len(proposal.refusals)} refused")


def proposed_table(proposed: Sequence[Proposed]) -> Table:
    """Return the table of what was measured beside the baselines it would take the place of."""
    return Table(_HEADER, list(map(_row, proposed)))


def _row(each: Proposed) -> tuple[str, ...]:
    size = "" if each.relative_l2 is None else figure(each.relative_l2, 2)
    changes = "; ".join(map(text_of, each.changes))
    return each.case.name, each.device, each.state, size, changes


def _show_stored(console: Console, stored: StoredBaselines, invocation: Invocation) -> None:
    results = [became for _, became in stored.dispositions]
    show(console, *(refusal_text(each, invocation) for each in results if isinstance(each, Refusal)))
    written = sum(isinstance(result, Written) and result.state != "unchanged" for result in results)
    show(console, f"{written} written below {invocation.baselines}")
    _show_added_facts(console, stored)
    if kept := results.count(None):
        text = ": existing baselines change only with --reason '<why it changes>'"
        if any(became is None and each.uncalibrates for each, became in stored.dispositions):
            text += ", and are calibrated again only with --calibrate"
        show(console, Text.assemble((f"{kept} left unchanged", "red"), text))
        waiting = [each.case for each, became in stored.dispositions if became is None]
        command = invocation.accept_line(waiting)
        show(
            console,
            labelled("note", f"what was measured waits; to accept it without running again: {command}"),
        )


def _show_added_facts(console: Console, stored: StoredBaselines) -> None:
    """Say which baselines with the same bits have facts or sketches now, and which could have them."""
    for kind, what in ((FactsAdded(), "facts"), (SketchesChanged(), "the sketches that their cases name")):
        renewed = [
            became for each, became in stored.dispositions if kind in each.changes and each.renews is not None
        ]
        added = sum(isinstance(became, Written) and became.state != "unchanged" for became in renewed)
        lacking = sum(isinstance(became, Written) and became.state == "unchanged" for became in renewed)
        if added:
            text = f"{count(added, 'baseline')} with the same bits got {what}; calibrations stay as they are"
            show(console, labelled("note", text))
        if lacking:
            told = count(lacking, "baseline")
            text = f"{told} without {what}, or without some; they are added with --reason '<why>'"
            show(console, labelled("note", text))


def show_recording(console: Console, recording: Recording, invocation: Invocation) -> None:
    """Say what is left to do: which cases lost their calibration, what to type, and which are vacuous."""
    show_uncalibrated(console, recording.uncalibrated, invocation)
    show_vacuous(console, recording.vacuous)


def show_references(console: Console, found: References, invocation: Invocation) -> None:
    """Say which cases have no original, and what is left to do."""
    if found.skipped:
        names = ", ".join(case.name for case in found.skipped)
        show(console, labelled("note", f"no class of mindone, so without a reference: {names}"))
    for recording in (found.original, found.exact):
        show_recording(console, recording, invocation)


def show_uncalibrated(console: Console, cases: Sequence[Case], invocation: Invocation) -> None:
    """Say of each of ``cases`` that it has lost its calibration, and what to type."""
    for case in cases:
        command = commands(case, invocation).calibrate
        text = (
            f"{case.name}: its calibration was discarded with the old baseline; calibrate it again: {command}"
        )
        show(console, labelled("note", text))


def show_calibrations(console: Console, found: Calibrations) -> None:
    """Show the table of calibrated cases, then the findings."""
    if found.calibrated:
        show_table(console, calibrations_table(found))
    for each in found.calibrated:
        for finding in each.findings:
            word = "failed" if finding.failing else "note"
            show(console, labelled(word, f"{each.case.name}: {finding_text(finding)}"))
    text = f"{len(found.calibrated)} calibrated"
    console.print(f"{text}, {found.failed} failed" if found.failed else text)


def calibrations_table(found: Calibrations) -> Table:
    """Return the table of the cases calibrated."""
    return Table(_CALIBRATIONS, list(map(_calibration_row, found.calibrated)))


def finding_text(finding: Finding) -> str:
    """Return a finding, and what to do if the case cannot be judged by its calibration."""
    text = text_of(finding.reason)
    return f"{text}. Give it fewer steps, or mark it `strict: true`" if finding.failing else text


def show_vacuous(console: Console, vacuous: Sequence[VacuousCase]) -> None:
    """Say which cases are vacuous."""
    for each in vacuous:
        show(console, labelled("failed", f"{each.case.name} is vacuous: {text_of(each.why)}"))


def refusal_text(refusal: Refusal, invocation: Invocation) -> Text:
    """Return why a case was refused, naming it once, and what to type."""
    return labelled("refused", error_text(refusal.error, invocation, refusal.case))


def _calibration_row(result: CalibratedCase) -> tuple[Cell | str, ...]:
    calibration = result.calibration
    envelope = calibration.metrics["relative_l2"]
    chaotic = calibration.chaos is not None
    state = "unchanged" if result.written.state == "unchanged" else "new" if result.first else "changed"
    return (
        result.case.name,
        str(len(calibration.members)),
        f"{calibration.factor:g}",
        figure(envelope, 2),
        "none" if chaotic else figure(envelope * calibration.factor, 2),
        growth(calibration),
        _STRICT[needs_strict(calibration)],
        Cell("chaotic", tone="failed" if result.failing else "note") if chaotic else state,
    )


def growth(calibration: Calibration) -> str:
    """Return the growth curve in three figures: the largest spread after the first, middle and last step."""
    steps = calibration.steps
    shown = {0, len(steps) // 2, len(steps) - 1} if steps else set()
    return " → ".join(figure(steps[index].largest, 2) for index in sorted(shown))
