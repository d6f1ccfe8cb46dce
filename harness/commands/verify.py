"""`harness verify`. Imports little: it runs where nothing but the certificate may be, and is soon over."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.commands.exits import FAILED, INCOMPLETE, Ending, say
from harness.commands.options import File, option
from harness.operations.verify import verify as verify_certificate
from harness.reporting.verification import verification_lines

_BASELINES = "folder of its baselines (default: the one it names)"


def verify(
    certificate: Annotated[Path, typer.Argument(metavar="FILE", help="what harness gate wrote")],
    suites: Annotated[
        File, option("--suites", "DIR", "folder of its suites (default: the one it names)")
    ] = None,
    baseline_dir: Annotated[File, option("--baseline-dir", "DIR", _BASELINES)] = None,
    policy: Annotated[File, option("--policy", "FILE", "policy that it must be by")] = None,
    signer: Annotated[
        File, option("--signer", "FILE", "public ed25519 key in PEM that it must be signed by")
    ] = None,
) -> None:
    """Check a certificate without running anything: seal, decision, and the files it was made of.

    Exits 0 for a sound certificate of a gate that passed, 1 for one that is damaged, contradicts itself or is
    of other files than those here, 2 for a sound one of a gate that did not pass.
    """
    found = verify_certificate(
        certificate, suites=suites, baselines=baseline_dir, policy=policy, signer=signer
    )
    for line in verification_lines(certificate, found):
        say(line)
    if found.problems:
        raise Ending(FAILED)
    if found.certificate.decision.outcome != "passed":
        raise Ending(INCOMPLETE)
