"""`harness power`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from harness.cases.selection import select
from harness.commands import options
from harness.commands.exits import leave
from harness.commands.options import File, Texts, check_baseline_dir, option
from harness.commands.settings import Setting, check_destinations, measured, write
from harness.operations.power import chosen_faults
from harness.operations.power import power as measure
from harness.reporting.power import PowerDisplay, show_power
from harness.reporting.power_picture import check_drawable, power_picture


def power(
    paths: options.Paths,
    baseline_dir: options.BaselineDir = options.BASELINES,
    json: Annotated[File, option("--json", "FILE", "write the results as JSON")] = None,
    picture: Annotated[File, option("--picture", "FILE", "draw the results as a .png or .svg file")] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="test only the reference sizes: one run per fault")
    ] = False,
    fault: Annotated[Texts, option("--fault", "NAME", "test only this fault; may be repeated")] = None,
    processes: options.Processes = 1,
    device: options.Device = "CPU",
    device_id: options.DeviceId = 0,
    python: options.Python = None,
    timeout: options.Timeout = 600.0,
    memory: options.WorkerMemory = None,
    no_user_code: options.NoUserCode = False,
) -> None:
    """Inject known faults into each case, and report which are caught and down to which size.

    Every run is judged at the tolerance across releases. Fails for vacuous cases, which pass whatever goes
    wrong, and for cases that cannot be examined.
    """
    faults = chosen_faults(fault or [])
    if picture is not None:
        check_drawable(picture)
    check_destinations(json, picture)
    check_baseline_dir(baseline_dir)
    cases = measured(select(paths).cases)
    at = Setting.of(
        baseline_dir, device, device_id, timeout, memory, python, processes, no_user_code=no_user_code
    )
    display = PowerDisplay(Console(), at.invocation)
    report = measure(
        cases, display.watching(at.workers, cases), at.store, faults, quick=quick, progress=display
    )
    show_power(display.console, report)
    write(json, report.text)
    if picture is not None:
        write(picture, power_picture, report, picture.suffix)
    leave(passed=report.sound, incomplete=not report.refuted)
