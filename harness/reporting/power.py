"""`harness power` in the terminal: progress, a table per case, what is wrong with cases."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from harness.judgement.power.case_power import FAMILIES, CasePower, FaultPower, PowerReport
from harness.reporting.commands import Invocation, remedy_text
from harness.reporting.progress import ProgressBar
from harness.reporting.reasons import text_of
from harness.reporting.tables import print_table

_HEADER = (
    "fault", "family", "reference", "", "by", "margin", "numbers alone", "smallest caught",
)  # fmt: skip
_COLOURS = {"caught": "green", "missed": "red", "failed": "red"}


class PowerDisplay(ProgressBar):
    """Shows at once what was found about each case; the bar counts faults."""

    def __init__(self, console: Console, invocation: Invocation) -> None:
        super().__init__(console)
        self._invocation = invocation

    def finished(self, result: CasePower) -> None:
        """Show the table of a case, and what it does not tell."""
        show_case(self.console, result, self._invocation)


def show_case(console: Console, case: CasePower, invocation: Invocation) -> None:
    """Show what was found about one case."""
    if case.refusal is not None:
        told = f"{case.name}: {text_of(case.refusal)}{remedy_text(case.remedy, invocation)}"
        _say(console, "not examined", "red", told)
        return
    console.print(Text.assemble((case.name, "bold"), f"  {tolerance_text(case)}"), soft_wrap=True)
    shown = [fault for fault in case.faults if fault.outcome != "not applicable"]
    if shown:
        print_table(console, list(map(_row, shown)), header=_HEADER, indent="  ")
    for reason, names in _absent(case).items():
        absent = f"  not applicable: {', '.join(names)}" + (f" ({reason})" if reason else "")
        console.print(Text(absent), soft_wrap=True)
    for fault in case.failed:
        _say(console, "failed", "red", f"{case.name}: {fault.name}: {_why(fault)}")
    console.print(Text(f"  {summary_text(case)}"), soft_wrap=True)
    if case.blind:
        families = " and ".join(case.blind)
        _say(console, "blind", "yellow", f"{case.name}: every fault of the {families} is missed")
    if case.why_vacuous is not None:
        _say(console, "vacuous", "red", f"{case.name}: {text_of(case.why_vacuous)}")


def show_power(console: Console, report: PowerReport) -> None:
    """Show what holds for all cases together."""
    for name in report.uncaught:
        _say(console, "uncaught", "yellow", f"{name}: no case catches it at its reference size")
    refused = sum(case.refusal is not None for case in report.cases)
    counts = [f"{len(report.cases) - refused} examined"]
    counts += [f"{n} vacuous" for n in [sum(bool(case.vacuous) for case in report.cases)] if n]
    counts += [f"{n} with faults that failed" for n in [sum(bool(c.failed) for c in report.cases)] if n]
    counts += [f"{refused} not examined"] if refused else []
    console.print(", ".join(counts))


def _say(console: Console, word: str, colour: str, text: str) -> None:
    console.print(Text.assemble((word, colour), f"  {text}"), soft_wrap=True)


def _absent(case: CasePower) -> dict[str, list[str]]:
    """Return the faults that are not applicable, by the reason: many have the same."""
    absent: dict[str, list[str]] = {}
    for fault in case.faults:
        if fault.outcome == "not applicable":
            absent.setdefault(_why(fault), []).append(fault.name)
    return absent


def _why(fault: FaultPower) -> str:
    return "" if fault.why is None else text_of(fault.why)


def summary_text(case: CasePower) -> str:
    """Return how many faults of each family a case catches at their reference sizes, and which it misses."""
    counts = {family: outcomes for family, outcomes in case.counts().items() if any(outcomes.values())}
    caught = {family: outcomes["caught"] for family, outcomes in counts.items()}
    known = {family: outcomes["caught"] + outcomes["missed"] for family, outcomes in counts.items()}
    shown = [f"{family} {caught[family]}/{known[family]}" for family in FAMILIES if known.get(family)]
    text = f"{sum(caught.values())} of {sum(known.values())} caught"
    if shown:
        text += f" ({', '.join(shown)})"
    missed = [fault.name for fault in case.faults if fault.outcome == "missed"]
    return text + (f"; missed: {', '.join(missed)}" if missed else "")


def tolerance_text(case: CasePower) -> str:
    """Return the tolerance that a case was examined at, in words."""
    tolerance = case.tolerance or {}
    if tolerance.get("kind") == "calibrated":
        return f"across releases: calibrated, {tolerance['factor']:g} x {tolerance['members']} members"
    return f"across releases: {'explicit limits' if tolerance.get('kind') == 'limits' else 'exact'}"


def smallest_text(fault: FaultPower) -> str:
    """Return the smallest size caught as it stands in a table; empty where none was searched for."""
    if not fault.searched:
        return ""
    if fault.caught_from is None:
        return f"none up to {fault.missed_at:.3g}"
    bound = "≤ " if fault.missed_at is None else ""
    return f"{bound}{fault.caught_from:.3g}{'' if fault.numbers_from else ' (not by numbers)'}"


def _row(fault: FaultPower) -> tuple[str | Text, ...]:
    return (
        fault.name,
        fault.family,
        "" if fault.reference is None else f"{fault.reference:g}",
        Text(fault.outcome, _COLOURS[fault.outcome]),
        fault.by or "",
        "" if fault.margin is None else f"{fault.margin:.3g}",
        ("yes" if fault.numbers_alone else "no") if fault.outcome == "caught" else "",
        smallest_text(fault),
    )
