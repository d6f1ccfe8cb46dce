"""`harness record` and `harness calibrate`."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

import typer
from rich.console import Console

from harness.cases.selection import select
from harness.commands import options
from harness.commands.exits import leave
from harness.commands.options import check_baseline_dir
from harness.commands.settings import Setting, append_to, history_in, measured, prompted
from harness.errors import UsageError
from harness.operations import calibrate as operation
from harness.operations.calibrate import Settings
from harness.operations.record import record as record_cases
from harness.operations.reference import record_references
from harness.reporting.recording import (
    RecordingDisplay,
    show_calibrations,
    show_recording,
    show_references,
    show_vacuous,
)


def record(
    paths: options.Paths,
    baseline_dir: options.BaselineDir = options.BASELINES,
    reason: options.Reason = None,
    device: options.Device = "CPU",
    device_id: options.DeviceId = 0,
    python: options.Python = None,
    timeout: options.Timeout = 600.0,
    memory: options.WorkerMemory = None,
    no_user_code: options.NoUserCode = False,
    calibrate: Annotated[bool, typer.Option("--calibrate", help="calibrate the recorded cases")] = False,
    members: options.Members = Settings.members,
    factor: options.Factor = Settings.factor,
    processes: options.Processes = 1,
    deep: Annotated[
        bool, typer.Option("--deep", help="store a deep trace of every cell in one step, for harness explain")
    ] = False,
    deep_step: Annotated[
        int, typer.Option("--deep-step", min=0, metavar="N", help="the step that --deep stores")
    ] = 0,
    history: options.HistoryFile = None,
    reference: Annotated[
        Literal["diffusers"] | None,
        typer.Option(help="run cases of mindone on it, under a --python with torch; store that beside them"),
    ] = None,
) -> None:
    """Refresh baselines: run each case twice in fresh workers and store the cases that repeat.

    Cases that do not repeat bit for bit are refused. Existing baselines change only with a --reason, and then
    lose their calibration; --calibrate measures it again. --deep stores several megabytes next to each
    baseline; do not commit these files. --reference runs the original of each case, also in float64.
    """
    if reference is not None and (calibrate or deep):
        raise UsageError(
            "--reference records neither calibration nor deep trace: leave out --calibrate, --deep"
        )
    settings = Settings(members, factor)
    cases = measured(select(paths).cases)
    at = Setting.of(
        baseline_dir, device, device_id, timeout, memory, python, processes, no_user_code=no_user_code
    )
    run, console = history_in(history, "harness record"), Console()
    display = RecordingDisplay(console, at.invocation)
    ask = partial(prompted, console, "Why do these baselines change?")
    if reference is not None:
        workers = display.watching(at.workers, cases)
        references = record_references(cases, workers, at.store, display, reason=reason, ask=ask)
        show_references(console, references, at.invocation)
        leave(passed=references.passed, incomplete=not references.refuted)
        return
    recording = record_cases(
        cases,
        display.watching(at.workers, cases),
        at.store,
        display,
        reason=reason,
        ask=ask,
        calibration=settings if calibrate else None,
        deep_step=deep_step if deep else None,
        history=run,
    )
    show_recording(console, recording, at.invocation)
    append_to(run)
    leave(passed=recording.passed, incomplete=not recording.refuted)


def calibrate(
    paths: options.Paths,
    baseline_dir: options.BaselineDir = options.BASELINES,
    members: options.Members = Settings.members,
    factor: options.Factor = Settings.factor,
    processes: options.Processes = 1,
    device: options.Device = "CPU",
    device_id: options.DeviceId = 0,
    python: options.Python = None,
    timeout: options.Timeout = 600.0,
    memory: options.WorkerMemory = None,
    no_user_code: options.NoUserCode = False,
) -> None:
    """Measure tolerances: move each case's noise by one ulp and store how far the output moves.

    Resumes an interrupted calibration. Fails for cases that no limits can judge.
    """
    settings = Settings(members, factor)
    check_baseline_dir(baseline_dir)
    cases = measured(select(paths).cases)
    at = Setting.of(
        baseline_dir, device, device_id, timeout, memory, python, processes, no_user_code=no_user_code
    )
    display = RecordingDisplay(Console(), at.invocation)
    workers = display.watching(at.workers, cases)
    found = operation.calibrate(cases, workers, at.store, settings, display)
    show_calibrations(display.console, found)
    show_vacuous(display.console, found.vacuous)
    leave(passed=found.passed, incomplete=not found.refuted)
