"""`harness gate` in the terminal: progress, what is against a release, every verdict, the decision."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.text import Text

from harness.counting import count
from harness.gate.certificate import Certificate
from harness.gate.decision import Ruling
from harness.gate.details import NotComparable, NoVerdict
from harness.gate.facts import CaseFacts, Worst
from harness.gate.rules import Finding
from harness.reporting.commands import Commands, Invocation, remedy_text
from harness.reporting.figures import figure, part_of_limit
from harness.reporting.gate_findings import finding_text, gate_text, shown_findings
from harness.reporting.progress import ProgressBar
from harness.reporting.tables import Cell, Table, show_table

_HEADER = ("case", "verdict", "tier", "worst figure", "of its limit")
_WORDS: dict[Ruling, tuple[str, str]] = {
    "passed": ("passed", "bold green"),
    "drift": ("failed: drift", "bold red"),
    "incomplete": ("failed: incomplete", "bold red"),
}
# What helps with a finding: a field of Commands. What other findings need, their messages say.
_REMEDY = {"verdict": "explain", "incomparable": "explain", "failed": "again"}


class GateDisplay(ProgressBar):
    """Shows how many cases have run."""

    def finished(self, result: CaseFacts) -> None:
        """Name the case that ran last, and what came of it."""
        self.preparing(f"{result.name}: {word_of(result)}")


def show_gate(
    console: Console, certificate: Certificate, commands: Mapping[str, Commands], invocation: Invocation
) -> None:
    """Show the findings, first those that count, then every verdict, notes, and last the decision.

    ``commands`` has, by the name of a case, what to type about it.
    """
    for finding in shown_findings(certificate):
        _show_finding(console, certificate, finding, commands, invocation)
    show_table(console, verdict_table(certificate))
    for note in certificate.decision.notes:
        console.print(Text.assemble(("note", "yellow"), f"  {gate_text(note)}"), soft_wrap=True)
    word, style = _WORDS[certificate.decision.outcome]
    console.print(Text.assemble("gate ", (word, style), f" ({summary(certificate)})"), soft_wrap=True)


def remedied_text(certificate: Certificate, finding: Finding, invocation: Invocation) -> str:
    """Return what a finding says, and what to type where that is known of the case that it is about."""
    remedies = {facts.name: facts.remedy for facts in certificate.cases if len(facts.reasons) == 1}
    of_reason = isinstance(finding.detail, NoVerdict | NotComparable)
    remedy = remedies.get(finding.about) if of_reason else None
    return f"{finding_text(finding, certificate.policy)}{remedy_text(remedy, invocation)}"


def _show_finding(
    console: Console,
    certificate: Certificate,
    finding: Finding,
    commands: Mapping[str, Commands],
    invocation: Invocation,
) -> None:
    counts = finding.waiver is None
    message = remedied_text(certificate, finding, invocation)
    word = Text("failed", "red") if counts else Text("waived", "yellow")
    told = Text.assemble(word, "  ", (finding.rule, "bold"), f"  {finding.about}: {message}")
    console.print(told, soft_wrap=True)
    if finding.waiver is not None:
        waiver = certificate.policy.waivers[finding.waiver]
        console.print(
            Text(f"        {waiver.owner}, until {waiver.expires}: {waiver.reason}"), soft_wrap=True
        )
    elif finding.rule in _REMEDY and finding.about in commands:
        command = getattr(commands[finding.about], _REMEDY[finding.rule])
        console.print(Text(f"        {command}"), soft_wrap=True)


def certificate_text(path: Path, certificate: Certificate) -> str:
    """Return what the certificate written as ``path`` is of, and the hash of the file."""
    outcome = certificate.decision.outcome
    told = "a gate that passed" if outcome == "passed" else f"a gate that did not pass ({outcome})"
    digest = hashlib.sha256(certificate.to_bytes()).hexdigest()
    return f"certificate of {told}: {path} (sha256 {digest})"


def summary(certificate: Certificate) -> str:
    """Return in a line what the decision rests on: verdicts, findings, policy."""
    counts = ", ".join(f"{number} {word}" for word, number in certificate.counts.items())
    parts = [f"{count(len(certificate.cases), 'case')}: {counts}", f"policy {certificate.policy.name}"]
    waived = len(certificate.decision.findings) - len(certificate.decision.counting)
    if certificate.decision.counting:
        parts.append(count(len(certificate.decision.counting), "finding"))
    if waived:
        parts.append(f"{waived} waived")
    return "; ".join(parts)


def word_of(facts: CaseFacts) -> str:
    """Return a case's verdict, or in a word why it has none."""
    return facts.verdict or facts.state


def worst_of(worst: Worst | None) -> str:
    """Return the figure that uses most of its limit, beside it; nothing where no figure has one."""
    if worst is None:
        return ""
    return f"{worst.name} {figure(worst.measured)} {'≥' if worst.at_least else '≤'} {figure(worst.limit)}"


def verdict_table(certificate: Certificate) -> Table:
    """Return what every case came to."""
    return Table(_HEADER, list(map(_row, certificate.cases)))


def _row(facts: CaseFacts) -> list[Cell]:
    word = word_of(facts)
    shown = (facts.tier or "").replace("_", " "), worst_of(facts.worst), part_of_limit(facts.margin)
    return [Cell(facts.name, name=True), Cell(word, tone=word), *map(Cell, shown)]
