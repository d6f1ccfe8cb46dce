"""`harness verify` in the terminal. Imports little: it runs where nothing but the certificate may be."""

from __future__ import annotations

from pathlib import Path

from harness.counting import count
from harness.foreign_text import printable
from harness.gate.verification import Verification
from harness.reporting.gate_findings import finding_text, gate_text, shown_findings

# Of what a certificate says of itself.
_MOST_LINES, _LONGEST = 200, 4000


def verification_lines(path: Path, found: Verification) -> list[str]:
    """Return what is wrong with the certificate ``path``, what it certifies, and what that comes to."""
    certificate, decision = found.certificate, found.certificate.decision
    commit = "no commit" if certificate.commit is None else f"commit {certificate.commit.hash[:12]}"
    dirty = " with changes" if certificate.commit is not None and certificate.commit.dirty else ""
    counts = ", ".join(f"{number} {word}" for word, number in certificate.counts.items())
    lines = [
        *_bounded([f"failed  {problem}" for problem in found.problems]),
        f"{certificate.date}, harness {certificate.harness_version}, {commit}{dirty}, "
        f"policy {certificate.policy.name}, {count(len(certificate.cases), 'case')}: {counts}",
    ]
    told = []
    for finding in shown_findings(certificate):
        word = "against" if finding.waiver is None else "waived "
        text = finding_text(finding, certificate.policy)
        told.append(f"{word} {finding.rule}  {finding.about}: {text}")
    lines += _bounded(told)
    lines += _bounded([f"note    {gate_text(note)}" for note in decision.notes])
    lines.append(f"{found.files} of {count(found.named, 'file')} compared with their hashes")
    lines += [
        f"note    {name} is not below the current folder: its files were not compared"
        for name in found.missing
    ]
    if found.signed and not found.signers:
        lines.append("note    it is signed, and nobody was named whose signature counts: give --signer")
    elif not found.problems:
        lines += [f"signed by the key {keyid}" for keyid in found.signers]
    # What is foreign in it takes no line of its own.
    lines = [printable(line[:_LONGEST]) for line in lines]
    if found.problems:
        return [*lines, f"{path}: not sound: {count(len(found.problems), 'problem')}"]
    passed = "passed" if decision.outcome == "passed" else f"did not pass: {decision.outcome}"
    return [*lines, f"{path}: sound, and of a gate that {passed}"]


def _bounded(lines: list[str]) -> list[str]:
    more = len(lines) - _MOST_LINES
    return lines if more <= 0 else [*lines[:_MOST_LINES], f"        … and {more} more"]
