"""A gate's decision in Markdown, for the page of a CI job."""

from __future__ import annotations

from harness.gate.certificate import Certificate
from harness.gate.decision import Ruling
from harness.gate.findings import shown_findings
from harness.reporting.commands import Invocation
from harness.reporting.figures import part_of_limit
from harness.reporting.gate import remedied_text, summary, word_of, worst_of
from harness.reporting.gate_findings import note_text
from harness.reporting.markdown import MOST_BYTES, escaped

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
        lines += ["| finding | rule | case | what |", "|---|---|---|---|"]
        for each in shown_findings(certificate):
            word = "failed" if each.waiver is None else "waived"
            told = escaped(remedied_text(certificate, each, invocation))
            lines.append(f"| {word} | {each.rule} | {_code(each.about)} | {told} |")
        lines.append("")
    lines += [f"- {escaped(note_text(note))}" for note in decision.notes]
    return "\n".join([*lines, ""])


def _verdicts(certificate: Certificate) -> str:
    lines = ["", "<details><summary>Verdicts</summary>", ""]
    lines += ["| case | verdict | tier | worst figure | of its limit |", "|---|---|---|---|---|"]
    for facts in certificate.cases:
        cells = (word_of(facts), (facts.tier or "").replace("_", " "), worst_of(facts.worst))
        told = " | ".join(map(escaped, (*cells, part_of_limit(facts.margin))))
        lines.append(f"| {_code(facts.name)} | {told} |")
    return "\n".join([*lines, "", "</details>", ""])


def _code(text: str) -> str:
    return f"<code>{escaped(text)}</code>"
