"""`harness verify`. Imports little: it runs where nothing but the certificate may be, and is soon over."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.commands.exits import FAILED, INCOMPLETE, Ending
from harness.counting import count
from harness.gate.findings import shown_findings
from harness.gate.verification import Verification
from harness.gate.verification import verify as verify_certificate


def verify(
    certificate: Annotated[Path, typer.Argument(metavar="FILE", help="what harness gate wrote")],
    suites: Annotated[
        Path | None,
        typer.Option("--suites", metavar="DIR", help="folder of its suites (default: the one it names)"),
    ] = None,
    baseline_dir: Annotated[
        Path | None,
        typer.Option(
            "--baseline-dir", metavar="DIR", help="folder of its baselines (default: the one it names)"
        ),
    ] = None,
) -> None:
    """Check a certificate without running anything: seal, decision, and the files it was made of.

    Exits 0 for a sound certificate of a gate that passed, 1 for one that is damaged, contradicts itself or is
    of other files than those here, 2 for a sound one of a gate that did not pass.
    """
    found = verify_certificate(certificate, suites=suites, baselines=baseline_dir)
    for problem in found.problems:
        print(f"failed  {problem}")
    for line in _told(found):
        print(line)
    if found.problems:
        print(f"{certificate}: not sound: {count(len(found.problems), 'problem')}")
        raise Ending(FAILED)
    outcome = found.certificate.decision.outcome
    if outcome != "passed":
        print(f"{certificate}: sound, and of a gate that did not pass: {outcome}")
        raise Ending(INCOMPLETE)
    print(f"{certificate}: sound, and of a gate that passed")


def _told(found: Verification) -> list[str]:
    """Return who certified what, what is against it, and how much of it could be compared."""
    certificate = found.certificate
    commit = "no commit" if certificate.commit is None else f"commit {certificate.commit.hash[:12]}"
    dirty = " with changes" if certificate.commit is not None and certificate.commit.dirty else ""
    counts = ", ".join(f"{number} {word}" for word, number in certificate.counts.items())
    lines = [
        f"{certificate.date}, harness {certificate.harness_version}, {commit}{dirty}, "
        f"policy {certificate.policy.name}, {count(len(certificate.cases), 'case')}: {counts}"
    ]
    for finding in shown_findings(certificate):
        word = "against" if finding.waiver is None else "waived "
        lines.append(f"{word} {finding.rule}  {finding.about}: {finding.message}")
    lines += [f"note    {note}" for note in certificate.decision.notes]
    lines.append(f"{found.files} of {count(found.named, 'file')} compared with their hashes")
    lines += [f"note    {name} is not here: its files were not compared" for name in found.missing]
    return lines
