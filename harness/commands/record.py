"""`harness record` and `harness calibrate`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.prompt import Prompt

from harness.baselines.store import BaselineStore
from harness.cases.selection import select
from harness.commands.exits import leave
from harness.commands.options import (
    BASELINES,
    BaselineDir,
    Device,
    DeviceId,
    Factor,
    HistoryFile,
    Members,
    Paths,
    Processes,
    Python,
    Timeout,
    check_baseline_dir,
)
from harness.commands.settings import append_to, history_in, invocation_of, measured, workers_at
from harness.operations import calibrate as operation
from harness.operations.calibrate import Settings
from harness.operations.record import Plan
from harness.operations.record import record as record_cases
from harness.reporting.recording import (
    RecordingDisplay,
    show_calibrations,
    show_recording,
    show_vacuous,
)


def record(
    paths: Paths,
    baseline_dir: BaselineDir = BASELINES,
    reason: Annotated[
        str | None, typer.Option(help="why baselines that exist may change; goes into them")
    ] = None,
    device: Device = "CPU",
    device_id: DeviceId = 0,
    python: Python = None,
    timeout: Timeout = 600.0,
    calibrate: Annotated[bool, typer.Option("--calibrate", help="calibrate what is stored")] = False,
    members: Members = Settings.members,
    factor: Factor = Settings.factor,
    processes: Processes = 1,
    deep: Annotated[
        bool, typer.Option("--deep", help="store what every cell did in one step, for harness explain")
    ] = False,
    deep_step: Annotated[
        int, typer.Option("--deep-step", min=0, metavar="N", help="the step that --deep stores")
    ] = 0,
    history: HistoryFile = None,
) -> None:
    """Refresh baselines: run each case twice in fresh workers and store what repeats.

    Cases that do not repeat bitwise are refused. Baselines that exist change only with a reason, and lose
    their calibration then: --calibrate makes it anew. --deep stores megabytes beside each baseline, which
    are not for version control.
    """
    settings = Settings(members, factor)
    plan = Plan(reason, settings if calibrate else None, deep_step if deep else None)
    cases = measured(select(paths).cases)
    workers = workers_at(device, device_id, python, timeout, processes)
    invocation, run = invocation_of(baseline_dir, workers), history_in(history, "harness record")
    console = Console()

    def ask() -> str | None:
        if not sys.stdin.isatty():
            return None
        return Prompt.ask("Why do these baselines change?", console=console).strip() or None

    store, display = BaselineStore(baseline_dir), RecordingDisplay(console, invocation)
    recording = record_cases(cases, workers, store, plan, display, ask=ask, history=run)
    show_recording(console, recording, invocation)
    append_to(run)
    leave(passed=recording.passed)


def calibrate(
    paths: Paths,
    baseline_dir: BaselineDir = BASELINES,
    members: Members = Settings.members,
    factor: Factor = Settings.factor,
    processes: Processes = 1,
    device: Device = "CPU",
    device_id: DeviceId = 0,
    python: Python = None,
    timeout: Timeout = 600.0,
) -> None:
    """Measure tolerances: move each case's noise by one ulp, and store how far that moves the output.

    Goes on where an interrupted calibration stopped. Fails for cases that cannot be held to any limits.
    """
    settings = Settings(members, factor)
    check_baseline_dir(baseline_dir)
    cases = measured(select(paths).cases)
    workers, console = workers_at(device, device_id, python, timeout, processes), Console()
    display = RecordingDisplay(console, invocation_of(baseline_dir, workers))
    found = operation.calibrate(cases, workers, BaselineStore(baseline_dir), settings, display)
    show_calibrations(console, found)
    show_vacuous(console, found.vacuous)
    leave(passed=found.passed)
