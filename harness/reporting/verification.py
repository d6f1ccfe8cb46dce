"""`harness verify` in the terminal. Imports little, as it may run where only the certificate is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.counting import count
from harness.foreign_text import printable
from harness.gate.verification import Verification
from harness.reporting.gate_findings import finding_text, gate_text, shown_findings

if TYPE_CHECKING:
    from harness.operations.rerun import Rerun

# The longest list shown from a certificate.
_MOST_LINES, _LONGEST = 200, 4000


def worded(found: Verification) -> Verification:
    """Return ``found``; if its findings and notes cannot be put into words, a problem replaces them."""
    certificate = found.certificate
    try:
        for finding in shown_findings(certificate):
            finding_text(finding, certificate.policy)
        for note in certificate.decision.notes:
            gate_text(note)
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError):
        problem = "a reason in it has values that no run produces, so it cannot be shown"
        empty = replace(certificate.decision, findings=(), notes=())
        return replace(
            found, certificate=replace(certificate, decision=empty), problems=(*found.problems, problem)
        )
    return found


def verification_lines(path: Path, found: Verification, again: Rerun | None = None) -> list[str]:
    """Return what is wrong with the certificate ``path``, what it certifies, and the conclusion.

    ``again`` is the result of running cases again.
    """
    certificate, decision = found.certificate, found.certificate.decision
    commit = "no commit" if certificate.commit is None else f"commit {certificate.commit.hash[:12]}"
    dirty = " with changes" if certificate.commit is not None and certificate.commit.dirty else ""
    counts = ", ".join(f"{number} {word}" for word, number in certificate.counts.items())
    lines = [
        *_bounded([f"failed  {problem}" for problem in found.problems]),
        f"{certificate.date}, harness {certificate.harness_version}, {commit}{dirty}, "
        f"policy {certificate.policy.name}, {count(len(certificate.cases), 'case')}: {counts}",
    ]
    finding_lines = []
    for finding in shown_findings(certificate):
        word = "against" if finding.waiver is None else "waived "
        text = finding_text(finding, certificate.policy)
        finding_lines.append(f"{word} {finding.rule}  {finding.about}: {text}")
    lines += _bounded(finding_lines)
    lines += _bounded([f"note    {gate_text(note)}" for note in decision.notes])
    lines.append(f"{found.files} of {count(found.named, 'file')} compared with their hashes")
    lines += [
        f"note    {name} is not below the current folder: its files were not compared"
        for name in found.missing
    ]
    if found.signed and not found.signers:
        lines.append(
            "note    it is signed, but the signature was not checked: name the expected key with --signer"
        )
    elif not found.problems:
        lines += [f"signed by the key {keyid}" for keyid in found.signers]
    if again is not None:
        lines += _rerun_lines(again)
    # Foreign text in it is kept on one line.
    lines = [printable(line[:_LONGEST]) for line in lines]
    if found.problems:
        return [*lines, f"{path}: not sound: {count(len(found.problems), 'problem')}"]
    if again is not None and again.different:
        return [*lines, f"{path}: not sound: {count(len(again.different), 'case')} gave a different result"]
    passed = "passed" if decision.outcome == "passed" else f"did not pass: {decision.outcome}"
    of = printable(f" of {certificate.covered} only"[:_LONGEST]) if certificate.only else ""
    return [*lines, f"{path}: sound, and of a gate{of} that {passed}"]


def _rerun_lines(again: Rerun) -> list[str]:
    """Return the result of the cases that ran again, and what it proves about those that did not."""
    lines = [f"failed  {name}: ran again: {told}" for name, told in again.different.items()]
    for name, fields in again.unknown.items():
        where = f"this environment differs from the certified one ({', '.join(fields)})"
        lines.append(f"unknown {name}: {where if fields else 'the run gave no measurement here'}")
    told = f"{count(len(again.drawn), 'case')} of {again.judged} ran again, drawn with --seed {again.seed}"
    lines.append(f"{told}: {again.confirmed} gave the certified result, to the last bit")
    # A forger may choose the cases about which nothing was learnt, so the odds of a random draw do not apply.
    if again.confirmed and not again.different and not again.unknown:
        odds = ", ".join(
            f"{forged} with {again.escape(forged):.1%}" for forged in (1, 2, 5) if forged <= again.judged
        )
        lines.append(f"chance that this number of forged cases would have escaped such a draw: {odds}")
        if again.confirmed < again.judged:
            found = f"{again.excluded} or more would have been found with a probability of at least 95 %"
            lines.append(f"{found}; nothing is proven about fewer, or about the cases that did not run")
    return lines


def _bounded(lines: list[str]) -> list[str]:
    more = len(lines) - _MOST_LINES
    return lines if more <= 0 else [*lines[:_MOST_LINES], f"        … and {more} more"]
