"""`harness power`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.baselines.store import BaselineStore
from harness.cases.selection import select
from harness.commands.options import (
    BASELINES,
    FAILED,
    BaselineDir,
    Device,
    DeviceId,
    Paths,
    Processes,
    Python,
    Timeout,
    check_baseline_dir,
    interruptible,
    runners,
)
from harness.execution.pool import RunnerPool
from harness.judgement.power.case_power import PowerReport
from harness.operations.power import chosen_faults, measure_power
from harness.reporting.commands import Invocation
from harness.reporting.destination import check_destination, write_result
from harness.reporting.power import PowerDisplay
from harness.reporting.power_picture import check_format, power_picture


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
        check_format(picture)
    for file in filter(None, (json, picture)):
        check_destination(file)
    check_baseline_dir(baseline_dir)
    selection = select(paths)
    make = runners(device, device_id, python, timeout)
    store = BaselineStore(baseline_dir)
    invocation = Invocation(str(baseline_dir), device, device_id, python)
    display = PowerDisplay(Console(), len(selection.cases), len(faults), invocation)
    found = []
    with interruptible("no file was written"):
        with RunnerPool(make, processes) as pool, display:
            for case in selection.cases:
                display.started(case)
                found.append(
                    measure_power(case, pool, store, faults, quick=quick, progress=display.fault_done)
                )
                display.finished(found[-1])
        report = PowerReport.of(found, faults, quick=quick)
        display.show(report)
        if json is not None:
            write_result(json, report.text().encode())
        if picture is not None:
            write_result(picture, power_picture(report, picture.suffix))
    if not report.sound:
        raise typer.Exit(FAILED)
