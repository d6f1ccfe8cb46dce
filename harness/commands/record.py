"""`harness record` and `harness calibrate`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated

import typer
from rich.console import Console
from rich.prompt import Prompt

from harness.baselines.calibration import DEFAULT_FACTOR
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.cases.selection import select
from harness.commands.options import (
    BASELINES,
    FAILED,
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
    interruptible,
    runners,
)
from harness.errors import HarnessError
from harness.execution.pool import RunnerPool
from harness.execution.runner import Runner
from harness.operations.calibrate import MEMBERS, Settings
from harness.operations.calibrate import calibrate as calibrate_case
from harness.operations.deep import Recorded, record_deep
from harness.operations.record import Recording
from harness.operations.vacuity import vacuous_cases
from harness.reporting.calibration import CalibrationDisplay
from harness.reporting.commands import Invocation
from harness.reporting.explanation import show_deep
from harness.reporting.history_run import RunHistory
from harness.reporting.recording import RecordingDisplay, show_uncalibrated, show_vacuous


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
    members: Members = MEMBERS,
    factor: Factor = DEFAULT_FACTOR,
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
    selection = select(paths)
    console = Console()
    make = runners(device, device_id, python, timeout)
    store = BaselineStore(baseline_dir)
    invocation = Invocation(str(baseline_dir), device, device_id, python)
    run = None if history is None else RunHistory(history, "harness record")
    with interruptible("no baseline was written"), make() as runner:
        recording = Recording(store)
        with RecordingDisplay(console, len(selection.cases), invocation) as display:
            recording.measure(selection.cases, runner, display)
    display.show_table(recording)
    if recording.changed and reason is None and sys.stdin.isatty():
        reason = Prompt.ask("Why do these baselines change?", console=console).strip() or None
    display.show_result(recording.store(reason), baseline_dir)
    passed = recording.complete
    if calibrate:
        passed &= _calibrate(console, recording.stored_cases, make, processes, store, settings, invocation)
    else:
        show_uncalibrated(console, recording.uncalibrated_cases, invocation)
    if deep:
        with interruptible("the baselines are written, not all deep traces"), make() as runner:
            passed &= show_deep(
                console, recording.stored_cases, partial(_deep, runner, store, deep_step), invocation
            )
    passed &= show_vacuous(console, vacuous_cases(recording.stored_cases, store))
    if run is not None:
        for case, result in recording.checks():
            run.checked(case, result)
        print(run.append())
    if not passed:
        raise typer.Exit(FAILED)


def calibrate(
    paths: Paths,
    baseline_dir: BaselineDir = BASELINES,
    members: Members = MEMBERS,
    factor: Factor = DEFAULT_FACTOR,
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
    selection = select(paths)
    make = runners(device, device_id, python, timeout)
    store = BaselineStore(baseline_dir)
    invocation = Invocation(str(baseline_dir), device, device_id, python)
    console = Console()
    passed = _calibrate(console, selection.cases, make, processes, store, settings, invocation)
    passed &= show_vacuous(console, vacuous_cases(selection.cases, store))
    if not passed:
        raise typer.Exit(FAILED)


def _deep(runner: Runner, store: BaselineStore, step: int, case: Case) -> Recorded:
    return record_deep(case, runner, store, step)


def _calibrate(
    console: Console,
    cases: Sequence[Case],
    make: Callable[[], Runner],
    processes: int,
    store: BaselineStore,
    settings: Settings,
    invocation: Invocation,
) -> bool:
    """Calibrate ``cases`` and show what came of it; return whether every one of them can be judged by it."""
    kept = "what has run is kept, the same command goes on from there"
    display = CalibrationDisplay(console, len(cases), settings.members, invocation)
    members = []
    with interruptible(kept), RunnerPool(make, processes) as pool, display:
        for case in cases:
            display.started(case)
            try:
                result = calibrate_case(case, pool, store, settings, display.member_done)
                members.append(result.kept)
                display.finished(result)
            except HarnessError as error:
                display.refused(case, error)
    for each in members:
        each.clear()
    display.show()
    return not display.failed
