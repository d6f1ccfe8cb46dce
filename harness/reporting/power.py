"""`harness power` in the terminal: progress, a table per case, problems with cases."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from harness.judgement.power.case_power import FAMILIES, CasePower, FaultPower, PowerReport
from harness.reporting.commands import Invocation, remedy_text
from harness.reporting.figures import figure
from harness.reporting.progress import ProgressBar
from harness.reporting.reasons import text_of
from harness.reporting.tables import Cell, Table, labelled, show, table_lines

_HEADER = ("fault", "family", "reference", "", "by", "margin", "numbers alone", "smallest caught")


class PowerDisplay(ProgressBar):
    """Shows the result of each case at once; the bar counts faults."""

    def finished(self, result: CasePower) -> None:
        """Show the table of a case, and what the table leaves out."""
        show(self.console, *_case_lines(result, self.invocation))


def _case_lines(case: CasePower, invocation: Invocation) -> Iterator[Text | str]:
    if case.refusal is not None:
        text = f"{text_of(case.refusal)}{remedy_text(case.remedy, invocation)}"
        yield labelled("not examined", f"{case.name}: {text}")
        return
    yield Text.assemble((case.name, "bold"), f"  {tolerance_text(case)}")
    if (table := power_table(case)).rows:
        yield from table_lines(table, indent="  ")
    yield from power_remarks(case)


def power_remarks(case: CasePower) -> Iterator[Text | str]:
    """Yield what the table of a case does not say: what could not be examined, what is missed."""
    # Many faults are not applicable for the same reason.
    absent: dict[str, list[str]] = {}
    for fault in case.faults:
        if fault.outcome == "not applicable":
            absent.setdefault(_why(fault), []).append(fault.name)
    for reason, names in absent.items():
        yield f"  not applicable: {', '.join(names)}" + (f" ({reason})" if reason else "")
    for fault in case.failed:
        yield labelled("failed", f"{case.name}: {fault.name}: {_why(fault)}")
    yield f"  {summary_text(case)}"
    if case.blind:
        yield labelled("blind", f"{case.name}: every fault of the {' and '.join(case.blind)} is missed")
    if case.why_vacuous is not None:
        yield labelled("vacuous", f"{case.name}: {text_of(case.why_vacuous)}")


def power_table(case: CasePower) -> Table:
    """Return the table of the faults that could be put into a case."""
    shown = [fault for fault in case.faults if fault.outcome != "not applicable"]
    return Table(_HEADER, list(map(_row, shown)))


def show_power(console: Console, report: PowerReport) -> None:
    """Show what holds for all cases together."""
    for name in report.uncaught:
        show(console, labelled("uncaught", f"{name}: no case catches it at its reference size"))
    refused = sum(case.refusal is not None for case in report.cases)
    counts = {
        "vacuous": sum(bool(case.vacuous) for case in report.cases),
        "with faults that failed": sum(bool(case.failed) for case in report.cases),
        "not examined": refused,
    }
    counted = [f"{number} {what}" for what, number in counts.items() if number]
    console.print(", ".join([f"{len(report.cases) - refused} examined", *counted]))


def _why(fault: FaultPower) -> str:
    return "" if fault.why is None else text_of(fault.why)


def summary_text(case: CasePower) -> str:
    """Return how many faults of each family a case catches at their reference sizes, and which it misses."""
    known = [fault for fault in case.faults if fault.applicable]
    missed = [fault.name for fault in known if fault.outcome == "missed"]
    outcomes = {family: [fault.outcome for fault in known if fault.family == family] for family in FAMILIES}
    counts = [f"{family} {found.count('caught')}/{len(found)}" for family, found in outcomes.items() if found]
    families = f" ({', '.join(counts)})" if counts else ""
    named = f"; missed: {', '.join(missed)}" if missed else ""
    return f"{len(known) - len(missed)} of {len(known)} caught{families}{named}"


def tolerance_text(case: CasePower) -> str:
    """Return in words the tolerance at which a case was examined."""
    tolerance = case.tolerance or {}
    if tolerance.get("kind") == "calibrated":
        return f"across releases: calibrated, {tolerance['factor']:g} x {tolerance['members']} members"
    return f"across releases: {'explicit limits' if tolerance.get('kind') == 'limits' else 'exact'}"


def smallest_text(fault: FaultPower) -> str:
    """Return the smallest size caught as a table cell; empty if none was searched for."""
    if not fault.searched:
        return ""
    if fault.caught_from is None:
        return f"none up to {figure(fault.missed_at)}"
    bound = "≤ " if fault.missed_at is None else ""
    return f"{bound}{figure(fault.caught_from)}{'' if fault.numbers_from else ' (not by numbers)'}"


def _row(fault: FaultPower) -> tuple[Cell | str, ...]:
    return (
        fault.name,
        fault.family,
        "" if fault.reference is None else f"{fault.reference:g}",
        Cell(fault.outcome, tone=fault.outcome),
        fault.by or "",
        "" if fault.margin is None else figure(fault.margin),
        ("yes" if fault.numbers_alone else "no") if fault.outcome == "caught" else "",
        smallest_text(fault),
    )
