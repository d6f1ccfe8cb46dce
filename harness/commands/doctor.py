"""`harness doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.commands.exits import leave
from harness.commands.options import (
    Device,
    DeviceId,
    Python,
)
from harness.errors import UsageError
from harness.execution.coverage import examine_pipelines
from harness.operations.destination import check_destination, write_result
from harness.operations.doctor import examine_machine
from harness.operations.workers import Workers
from harness.reporting.coverage import CoverageProgress, coverage_json, show_coverage
from harness.reporting.examination import show_examination


def doctor(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAMES...", help="with --mindone: only classes with one of these in their names"
        ),
    ] = None,
    device: Device = "CPU",
    device_id: DeviceId = 0,
    python: Python = None,
    mindone: Annotated[
        bool, typer.Option("--mindone", help="try mindone's pipeline classes on tiny components instead")
    ] = False,
    timeout: Annotated[
        float, typer.Option(min=0.001, max=1e6, help="seconds that one class may take")
    ] = 300.0,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="with --mindone: write the rows there too")
    ] = None,
) -> None:
    """Print the profile, the fingerprint and the devices, and what is wrong with this machine.

    With --mindone: which pipeline classes of mindone run on the device, and which need which kernel.
    """
    if mindone:
        if json_file is not None:
            check_destination(json_file)
        with CoverageProgress(Console(stderr=True)) as progress:
            coverage = examine_pipelines(
                names or (),
                python=python,
                device=device,
                device_id=device_id,
                timeout=timeout,
                progress=progress.show,
            )
        show_coverage(Console(), coverage)
        if json_file is not None:
            write_result(json_file, coverage_json(coverage).encode())
        return
    if names or json_file is not None:
        raise UsageError("names of pipeline classes and --json go with --mindone")
    examination = examine_machine(Workers(device, device_id, python))
    show_examination(Console(), examination)
    leave(passed=examination.healthy)
