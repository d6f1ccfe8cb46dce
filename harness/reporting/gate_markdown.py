"""A gate's decision in Markdown, for the page of a CI job."""

from __future__ import annotations

from harness.gate.certificate import Certificate
from harness.gate.decision import Ruling
from harness.gate.rules import Finding
from harness.reporting.commands import Invocation
from harness.reporting.gate import remedied_text, summary, verdict_table
from harness.reporting.gate_findings import gate_text, shown_findings
from harness.reporting.markdown import MOST_BYTES, escaped, markdown_table
from harness.reporting.tables import Cell, Table

_HEADLINES: dict[Ruling, str] = {
    "passed": "the gate passed",
    "drift": "the gate failed: drift",
    "incomplete": "the gate failed: incomplete",
}


def gate_markdown(certificate: Certificate, invocation: Invocation, *, most_bytes: int = MOST_BYTES) -> str:
    """Return the decision, what led to it, and every verdict in GitHub's Markdown.

    Where that is more than ``most_bytes`` the verdicts are left out, and where it still is, the findings.
    """
    parts = [_decision(certificate), _findings(certificate, invocation), _verdicts(certificate)]
    while len(parts) > 1 and sum(len(part.encode()) for part in parts) > most_bytes:
        parts.pop()
    return "".join(parts)


def _decision(certificate: Certificate) -> str:
    headline = _HEADLINES[certificate.decision.outcome]
    return f"### harness: {headline}\n\n{escaped(summary(certificate))}\n\n"


def _findings(certificate: Certificate, invocation: Invocation) -> str:
    decision = certificate.decision
    lines = []
    if decision.findings:
        rows = [_finding_row(certificate, each, invocation) for each in shown_findings(certificate)]
        lines += [*markdown_table(Table(("finding", "rule", "case", "what"), rows)), ""]
    lines += [f"- {escaped(gate_text(note))}" for note in decision.notes]
    return "\n".join([*lines, ""])


def _verdicts(certificate: Certificate) -> str:
    table = markdown_table(verdict_table(certificate))
    return "\n".join(["", "<details><summary>Verdicts</summary>", "", *table, "", "</details>", ""])


def _finding_row(certificate: Certificate, finding: Finding, invocation: Invocation) -> list[Cell]:
    word = "failed" if finding.waiver is None else "waived"
    told = remedied_text(certificate, finding, invocation)
    return [Cell(word), Cell(finding.rule), Cell(finding.about, name=True), Cell(told)]
