"""The output of `harness gate`: progress, then the decision and why, in the terminal and in Markdown."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.text import Text

from harness.counting import count
from harness.foreign_text import printable
from harness.gate.certificate import Certificate
from harness.gate.details import NotComparable, NoVerdict
from harness.gate.facts import CaseFacts, Worst
from harness.gate.rules import Finding
from harness.reporting.commands import Commands, Invocation, remedy_text
from harness.reporting.figures import figure, part_of_limit
from harness.reporting.gate_findings import finding_text, gate_text, shown_findings
from harness.reporting.markdown import MOST_BYTES, escaped, markdown_table
from harness.reporting.progress import ProgressBar
from harness.reporting.tables import Cell, Table, labelled, show, show_table, toned
from harness.reporting.wording import said

# The field of Commands that helps with each finding. Other findings say in their message what to do.
_REMEDY = {"verdict": "explain", "incomparable": "explain", "failed": "again"}


class GateDisplay(ProgressBar):
    """Shows how many cases have run."""

    def finished(self, result: CaseFacts) -> None:
        """Name the case that ran last, and its verdict."""
        self.preparing(f"{result.name}: {_word_of(result)}")


def show_gate(
    console: Console, certificate: Certificate, commands: Mapping[str, Commands], invocation: Invocation
) -> None:
    """Show the findings (those that count first), every verdict, the notes, and finally the decision.

    ``commands`` holds the command lines of each case by its name.
    """
    for finding in shown_findings(certificate):
        word, text = _word_for(finding), _remedied_text(certificate, finding, invocation)
        line = Text.assemble(toned(word, word), "  ", (finding.rule, "bold"), f"  {finding.about}: {text}")
        show(console, line)
        if finding.waiver is not None:
            waiver = certificate.policy.waivers[finding.waiver]
            told_why = f"{waiver.owner}, until {waiver.expires}: {waiver.reason}"
            show(console, f"        {printable(told_why)}")
        elif finding.rule in _REMEDY and finding.about in commands:
            show(console, f"        {getattr(commands[finding.about], _REMEDY[finding.rule])}")
    show_table(console, _verdict_table(certificate))
    show(console, *(labelled("note", printable(gate_text(note))) for note in certificate.decision.notes))
    ruling = _ruling(certificate)
    style = "bold green" if ruling == "passed" else "bold red"
    show(console, Text.assemble("gate ", (ruling, style), f" ({printable(_summary(certificate))})"))


def gate_markdown(certificate: Certificate, invocation: Invocation, *, most_bytes: int = MOST_BYTES) -> str:
    """Return the decision, its reasons and every verdict as GitHub Markdown.

    If that exceeds ``most_bytes``, the verdicts are left out; if it still does, the findings are too.
    """
    headline = f"### harness: the gate {_ruling(certificate)}"
    rows: list[list[Cell | Text | str]] = []
    for finding in shown_findings(certificate):
        text = _remedied_text(certificate, finding, invocation)
        rows.append([_word_for(finding), finding.rule, Cell(finding.about, name=True), text])
    findings = [*markdown_table(Table(("finding", "rule", "case", "what"), rows)), ""] if rows else []
    findings += [f"- {escaped(gate_text(note))}" for note in certificate.decision.notes]
    verdicts = markdown_table(_verdict_table(certificate))
    parts = [
        f"{headline}\n\n{escaped(_summary(certificate))}\n\n",
        "\n".join([*findings, ""]),
        "\n".join(["", "<details><summary>Verdicts</summary>", "", *verdicts, "", "</details>", ""]),
    ]
    while len(parts) > 1 and sum(len(part.encode()) for part in parts) > most_bytes:
        parts.pop()
    return "".join(parts)


def certificate_text(path: Path, certificate: Certificate, data: bytes) -> str:
    """Return what the certificate at ``path`` certifies, and the hash of the file's ``data``."""
    outcome = certificate.decision.outcome
    of = f" of {certificate.covered} only" if certificate.only else ""
    what = f"a gate{of} that passed" if outcome == "passed" else f"a gate{of} that did not pass ({outcome})"
    digest = hashlib.sha256(data).hexdigest()
    return f"certificate of {what}: {path} (sha256 {digest})"


def _remedied_text(certificate: Certificate, finding: Finding, invocation: Invocation) -> str:
    """Return what a finding says, and what to type if that is known for its case."""
    remedies = {facts.name: facts.remedy for facts in certificate.cases if len(facts.reasons) == 1}
    of_reason = isinstance(finding.detail, NoVerdict | NotComparable)
    remedy = remedies.get(finding.about) if of_reason else None
    return f"{finding_text(finding, certificate.policy)}{remedy_text(remedy, invocation)}"


def _ruling(certificate: Certificate) -> str:
    outcome = certificate.decision.outcome
    return outcome if outcome == "passed" else f"failed: {outcome}"


def _word_for(finding: Finding) -> str:
    return "failed" if finding.waiver is None else "waived"


def _summary(certificate: Certificate) -> str:
    """Return one line with what the decision rests on: verdicts, findings, policy."""
    counts = ", ".join(f"{number} {word}" for word, number in certificate.counts.items())
    parts = [f"{count(len(certificate.cases), 'case')}: {counts}", f"policy {certificate.policy.name}"]
    if certificate.only:
        parts.insert(0, f"only {certificate.covered}")
    waived = len(certificate.decision.findings) - len(certificate.decision.counting)
    if certificate.decision.counting:
        parts.append(count(len(certificate.decision.counting), "finding"))
    if waived:
        parts.append(f"{waived} waived")
    return "; ".join(parts)


def _word_of(facts: CaseFacts) -> str:
    return facts.verdict or facts.state


def worst_of(worst: Worst | None) -> str:
    """Return the figure that uses most of its limit, with the limit; an empty string if none has a limit."""
    if worst is None:
        return ""
    return f"{worst.name} {figure(worst.measured)} {'≥' if worst.at_least else '≤'} {figure(worst.limit)}"


def _verdict_table(certificate: Certificate) -> Table:
    rows: list[list[Cell | Text | str]] = []
    for facts in certificate.cases:
        figures = said(facts.tier or ""), worst_of(facts.worst), part_of_limit(facts.margin)
        word = _word_of(facts)
        rows.append([Cell(facts.name, name=True), Cell(word, tone=word), *figures])
    return Table(("case", "verdict", "tier", "worst figure", "of its limit"), rows)
