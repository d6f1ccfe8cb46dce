"""`harness gate`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.baselines.store import BaselineStore
from harness.cases.selection import select
from harness.commands.exits import GATE_CODES, INCOMPLETE, Ending, end
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
)
from harness.commands.settings import append_to, check_destinations, history_in, invocation_of, workers_at
from harness.errors import HarnessError, UsageError
from harness.operations.destination import check_destination, write_result
from harness.operations.gate import Standard
from harness.operations.gate import gate as decide_release
from harness.reporting.commands import commands
from harness.reporting.gate import GateDisplay, certificate_text, gate_markdown, show_gate


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
    check_destinations(certificate)
    run = history_in(history, "harness gate")
    summary = _step_summary()
    check_baseline_dir(baseline_dir)
    selection = select(paths)
    standard = Standard.read(policy, power, selection.suites)
    workers = workers_at(device, device_id, python, timeout, processes)
    uncounted = tuple(path for path in (certificate, history) if path is not None)
    try:
        store, invocation = BaselineStore(baseline_dir), invocation_of(baseline_dir, workers)
        display = GateDisplay(Console(stderr=True), invocation)
        result = decide_release(
            selection, workers, store, standard, display, not_counted=uncounted, history=run
        )
        helpful = {case.name: commands(case, invocation) for case in selection.cases}
        show_gate(Console(), result, helpful, invocation)
        if certificate is not None:
            write_result(certificate, result.to_bytes())
            print(certificate_text(certificate, result))
        if summary is not None:
            _append(summary, gate_markdown(result, invocation))
        append_to(run)
    except UsageError:
        raise
    except HarnessError as error:
        # Of what could not be decided nobody may take the exit code for a drift.
        end(f"error: {error}", INCOMPLETE)
    raise Ending(GATE_CODES[result.decision.outcome])


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
