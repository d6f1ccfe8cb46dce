"""`harness verify`. Imports little, as it may run where only the certificate is, and must be fast."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import Annotated

import typer

from harness.commands import options
from harness.commands.exits import FAILED, INCOMPLETE, say
from harness.commands.options import File, option
from harness.errors import UsageError
from harness.operations.verify import verify as verify_certificate
from harness.reporting.verification import verification_lines, worded

_BASELINES = "folder of the certified baselines (default: as in the certificate)"


def verify(
    certificate: Annotated[Path, typer.Argument(metavar="FILE", help="certificate written by harness gate")],
    suites: Annotated[
        File, option("--suites", "DIR", "folder of the certified suites (default: as in the certificate)")
    ] = None,
    baseline_dir: Annotated[File, option("--baseline-dir", "DIR", _BASELINES)] = None,
    policy: Annotated[File, option("--policy", "FILE", "policy file that must have been used")] = None,
    signer: Annotated[
        File, option("--signer", "FILE", "ed25519 public key (PEM) of the required signer")
    ] = None,
    only: Annotated[
        bool, typer.Option("--only", help="accept a certificate that covers some suites only")
    ] = False,
    rerun: Annotated[
        int | None, typer.Option(min=1, metavar="K", help="run K randomly drawn cases again")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="seed of the draw (default: a new one)")
    ] = None,
    device: options.Device = "CPU",
    device_id: options.DeviceId = 0,
    python: options.Python = None,
    timeout: options.Timeout = 600.0,
    memory: options.WorkerMemory = None,
    no_user_code: options.NoUserCode = False,
) -> None:
    """Check a certificate: its seal, signer, decision and files; optionally run cases again.

    Nothing runs without --rerun. Exits with 0 for a sound certificate of a gate that passed; 1 if it is
    damaged, contradicts itself, lacks the required signature, or does not match the files or results here;
    and 2 if it is sound but the gate did not pass, or cases ran again in a different environment.
    """
    found = worded(
        verify_certificate(
            certificate, suites=suites, baselines=baseline_dir, policy=policy, signer=signer, only=only
        )
    )
    again = None
    if rerun is not None and not found.problems:
        # Large imports that only running needs.
        from rich.console import Console

        from harness.commands.settings import Setting
        from harness.operations.rerun import rerun as run_again
        from harness.reporting.progress import ProgressBar

        if found.suites is None or found.baselines is None:
            raise UsageError("--rerun needs the suites and the baselines; name --suites and --baseline-dir")
        at = Setting.of(
            found.baselines, device, device_id, timeout, memory, python, no_user_code=no_user_code
        )
        drawn_by = secrets.randbits(32) if seed is None else seed
        display = ProgressBar(Console(stderr=True), at.invocation)
        workers = display.watching(at.workers, [])
        again = run_again(found.certificate, found.suites, found.baselines, workers, rerun, drawn_by, display)
    for line in verification_lines(certificate, found, again):
        say(line)
    if found.problems or (again is not None and again.different):
        sys.exit(FAILED)
    if found.certificate.decision.outcome != "passed" or (again is not None and again.unknown):
        sys.exit(INCOMPLETE)
