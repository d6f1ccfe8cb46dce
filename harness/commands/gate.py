"""`harness gate`."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.baselines.errors import shown
from harness.baselines.store import BaselineStore
from harness.cases.selection import Selection, select
from harness.commands.exits import INCOMPLETE, Ending, end
from harness.commands.options import (
    BASELINES,
    BaselineDir,
    Device,
    DeviceId,
    HistoryFile,
    Paths,
    Processes,
    Python,
    Timeout,
    check_baseline_dir,
    interruptible,
    runners,
)
from harness.errors import HarnessError, UsageError
from harness.execution.pool import RunnerPool
from harness.gate.certificate import Certificate, HashedFile
from harness.gate.decision import EXIT_CODES
from harness.gate.policy import Policy
from harness.gate.policy_file import read_policy
from harness.gate.power_table import read_powers
from harness.operations.gate import gate as run_gate
from harness.reporting.commands import Invocation, commands
from harness.reporting.destination import check_destination, write_result
from harness.reporting.gate import GateProgress, show_gate
from harness.reporting.gate_markdown import gate_markdown
from harness.reporting.history_run import RunHistory


def gate(
    paths: Paths,
    policy: Annotated[
        Path | None,
        typer.Option("--policy", metavar="FILE", help="what must hold (default: identical or within)"),
    ] = None,
    certificate: Annotated[
        Path | None,
        typer.Option("--certificate", metavar="FILE", help="write the decision and what led to it there"),
    ] = None,
    power: Annotated[
        Path | None,
        typer.Option("--power", metavar="FILE", help="power table of the suites, of harness power --json"),
    ] = None,
    history: HistoryFile = None,
    baseline_dir: BaselineDir = BASELINES,
    processes: Processes = 1,
    device: Device = "CPU",
    device_id: DeviceId = 0,
    python: Python = None,
    timeout: Timeout = 600.0,
) -> None:
    """Run every case and decide by a policy whether this is fit for a release; certify the decision.

    Exits 0 where it passes, 1 where something drifted, 2 where it is not known (something did not run, has no
    sound baseline, would notice nothing), 4 for wrong usage. Drift counts before what is not known.
    """
    if certificate is not None:
        check_destination(certificate)
    run = None if history is None else RunHistory(history, "harness gate")
    summary = _step_summary()
    check_baseline_dir(baseline_dir)
    selection = select(paths)
    rules, policy_file = _policy(policy, selection)
    powers = None if power is None else read_powers(power)
    store = BaselineStore(baseline_dir)
    invocation = Invocation(str(baseline_dir), device, device_id, python)
    console = Console()
    try:
        with (
            interruptible("nothing was decided, no certificate was written"),
            RunnerPool(runners(device, device_id, python, timeout), processes) as pool,
            GateProgress(Console(stderr=True), len(selection.cases)) as display,
        ):
            result = run_gate(
                selection,
                pool,
                store,
                rules,
                policy_file=policy_file,
                powers=powers,
                not_counted=tuple(path for path in (certificate, history) if path is not None),
                progress=display.finished,
                checked=(lambda *_: None) if run is None else run.checked,
            )
        helpful = {case.name: commands(case, invocation) for case in selection.cases}
        show_gate(console, result, helpful, invocation)
        if certificate is not None:
            _write(certificate, result)
        if summary is not None:
            _append(summary, gate_markdown(result, invocation))
        if run is not None:
            print(run.append())
    except UsageError:
        raise
    except HarnessError as error:
        # Of what could not be decided nobody may take the exit code for a drift.
        end(f"error: {error}", INCOMPLETE)
    raise Ending(EXIT_CODES[result.decision.outcome])


def _policy(path: Path | None, selection: Selection) -> tuple[Policy, HashedFile | None]:
    if path is None:
        return Policy(), None
    policy = read_policy(path, selection.suites)
    return policy, HashedFile(shown(path), hashlib.sha256(path.read_bytes()).hexdigest())


def _write(path: Path, certificate: Certificate) -> None:
    data = certificate.to_bytes()
    write_result(path, data)
    outcome = certificate.decision.outcome
    told = "a gate that passed" if outcome == "passed" else f"a gate that did not pass ({outcome})"
    digest = hashlib.sha256(data).hexdigest()
    print(f"certificate of {told}: {path} (sha256 {digest})")


def _step_summary() -> Path | None:
    """Return the file of GitHub's step summary, if there is one; raises UsageError if not writable."""
    named = os.environ.get("GITHUB_STEP_SUMMARY")
    if not named:
        return None
    path = Path(named)
    if not path.exists():
        check_destination(path)
    elif not os.access(path, os.W_OK) or path.is_dir():
        raise UsageError(f"GITHUB_STEP_SUMMARY {path}: cannot be written; choose another place")
    return path


def _append(path: Path, text: str) -> None:
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise HarnessError(f"{path}: cannot be written: {error.strerror}") from None
