"""`harness verify` in the terminal. Imports little: it runs where nothing but the certificate may be."""

from __future__ import annotations

from pathlib import Path

from harness.counting import count
from harness.gate.verification import Verification
from harness.reporting.gate_findings import finding_text, gate_text, shown_findings


def verification_lines(path: Path, found: Verification) -> list[str]:
    """Return what is wrong with the certificate ``path``, what it certifies, and what that comes to."""
    certificate, decision = found.certificate, found.certificate.decision
    commit = "no commit" if certificate.commit is None else f"commit {certificate.commit.hash[:12]}"
    dirty = " with changes" if certificate.commit is not None and certificate.commit.dirty else ""
    counts = ", ".join(f"{number} {word}" for word, number in certificate.counts.items())
    lines = [
        *(f"failed  {problem}" for problem in found.problems),
        f"{certificate.date}, harness {certificate.harness_version}, {commit}{dirty}, "
        f"policy {certificate.policy.name}, {count(len(certificate.cases), 'case')}: {counts}",
    ]
    for finding in shown_findings(certificate):
        word = "against" if finding.waiver is None else "waived "
        text = finding_text(finding, certificate.policy)
        lines.append(f"{word} {finding.rule}  {finding.about}: {text}")
    lines += [f"note    {gate_text(note)}" for note in decision.notes]
    lines.append(f"{found.files} of {count(found.named, 'file')} compared with their hashes")
    lines += [f"note    {name} is not here: its files were not compared" for name in found.missing]
    if found.problems:
        return [*lines, f"{path}: not sound: {count(len(found.problems), 'problem')}"]
    passed = "passed" if decision.outcome == "passed" else f"did not pass: {decision.outcome}"
    return [*lines, f"{path}: sound, and of a gate that {passed}"]
