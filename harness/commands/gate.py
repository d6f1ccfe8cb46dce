"""`harness gate`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.cases.selection import select
from harness.commands import options
from harness.commands.exits import GATE_CODES, say
from harness.commands.options import File, check_baseline_dir, option
from harness.commands.settings import Setting, append_to, check_destinations, history_in
from harness.errors import UsageError
from harness.gate.signing import signing_key
from harness.operations.destination import append_result, check_destination, write_result
from harness.operations.gate import gate as decide_release
from harness.reporting.commands import commands
from harness.reporting.gate import GateDisplay, certificate_text, gate_markdown, show_gate

_ONLY = "certify these suites only: baselines of others are not counted as orphans"


def gate(
    paths: options.Paths,
    only: Annotated[bool, typer.Option("--only", help=_ONLY)] = False,
    policy: options.PolicyFile = None,
    certificate: Annotated[
        File, option("--certificate", "FILE", "write a certificate of the decision")
    ] = None,
    sign_key: Annotated[
        File, option("--sign-key", "FILE", "ed25519 private key (PEM) to sign the certificate with")
    ] = None,
    power: Annotated[File, option("--power", "FILE", "power table from harness power --json")] = None,
    history: options.HistoryFile = None,
    baseline_dir: options.BaselineDir = options.BASELINES,
    processes: options.Processes = 1,
    device: options.Device = "CPU",
    device_id: options.DeviceId = 0,
    python: options.Python = None,
    timeout: options.Timeout = 600.0,
    memory: options.WorkerMemory = None,
    no_user_code: options.NoUserCode = False,
) -> None:
    """Run every case, decide by a policy whether to release, and certify the decision.

    Exits with 0 if it passed, 1 if something drifted, 2 if the answer is unknown (a case did not run, has no
    sound baseline, or is vacuous), 3 if nothing could be decided, and 4 for wrong usage. Drift takes
    precedence over unknown.
    """
    check_destinations(certificate)
    if sign_key is not None and certificate is None:
        raise UsageError("--sign-key needs --certificate FILE, the certificate to sign")
    key = None if sign_key is None else signing_key(sign_key)
    run = history_in(history, "harness gate")
    summary = _step_summary()
    check_baseline_dir(baseline_dir)
    selection = select(paths)
    at = Setting.of(
        baseline_dir, device, device_id, timeout, memory, python, processes, no_user_code=no_user_code
    )
    display = GateDisplay(Console(stderr=True), at.invocation)
    uncounted = tuple(path for path in (certificate, history) if path is not None)
    result = decide_release(
        selection,
        display.watching(at.workers, selection.cases),
        at.store,
        display,
        only=only,
        policy_file=policy,
        power_file=power,
        not_counted=uncounted,
        history=run,
        signer=None if key is None else key.signer,
    )
    helpful = {case.name: commands(case, at.invocation) for case in selection.cases}
    show_gate(Console(), result, helpful, at.invocation)
    if certificate is not None:
        data = result.to_bytes() if key is None else key.sign(result)
        write_result(certificate, data)
        say(certificate_text(certificate, result, data))
    if summary is not None:
        append_result(summary, gate_markdown(result, at.invocation).encode())
    append_to(run)
    sys.exit(GATE_CODES[result.decision.outcome])


def _step_summary() -> Path | None:
    """Return the file of GitHub's step summary, if any; raises UsageError if it is not writable."""
    named = os.environ.get("GITHUB_STEP_SUMMARY")
    try:
        if named:
            check_destination(Path(named), appended=True)
    except UsageError as error:
        raise UsageError(f"GITHUB_STEP_SUMMARY {error}") from None
    return Path(named) if named else None
