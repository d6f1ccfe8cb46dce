"""`harness power`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.baselines.store import BaselineStore
from harness.cases.selection import select
from harness.commands.exits import leave
from harness.commands.options import (
    BASELINES,
    BaselineDir,
    Device,
    DeviceId,
    Paths,
    Processes,
    Python,
    Timeout,
    check_baseline_dir,
)
from harness.commands.settings import check_destinations, invocation_of, measured, workers_at
from harness.operations.destination import write_result
from harness.operations.power import chosen_faults
from harness.operations.power import power as measure
from harness.reporting.power import PowerDisplay, show_power
from harness.reporting.power_picture import check_drawable, power_picture


def power(
    paths: Paths,
    baseline_dir: BaselineDir = BASELINES,
    json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="write what was found as JSON")
    ] = None,
    picture: Annotated[
        Path | None, typer.Option("--picture", metavar="FILE", help="draw what was found, as .png or .svg")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="only reference sizes: one run per fault")] = False,
    fault: Annotated[
        list[str] | None, typer.Option("--fault", metavar="NAME", help="only this fault; may be repeated")
    ] = None,
    processes: Processes = 1,
    device: Device = "CPU",
    device_id: DeviceId = 0,
    python: Python = None,
    timeout: Timeout = 600.0,
) -> None:
    """Put known faults into each case: which are caught at the tolerance across releases, and how small.

    Fails for cases that would pass whatever goes wrong, and for those that cannot be examined.
    """
    faults = chosen_faults(fault or [])
    if picture is not None:
        check_drawable(picture)
    check_destinations(json, picture)
    check_baseline_dir(baseline_dir)
    cases = measured(select(paths).cases)
    workers, console = workers_at(device, device_id, python, timeout, processes), Console()
    display, store = PowerDisplay(console, invocation_of(baseline_dir, workers)), BaselineStore(baseline_dir)
    report = measure(cases, workers, store, faults, quick=quick, progress=display)
    show_power(console, report)
    if json is not None:
        write_result(json, report.text().encode())
    if picture is not None:
        write_result(picture, power_picture(report, picture.suffix))
    leave(passed=report.sound)
