"""`harness align`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer
from rich.console import Console

from harness.cases.selection import select
from harness.commands import options
from harness.commands.exits import leave
from harness.commands.options import File, option
from harness.commands.settings import Setting, check_destinations, measured, write
from harness.operations.align import align as align_cases
from harness.reporting.alignment import AlignmentDisplay, alignments_json
from harness.reporting.html.alignment_page import alignment_page

_PYTHON = "the interpreter with torch and diffusers, which runs the original"
_PORT = "the interpreter that runs the cases themselves (default: this one)"


def align(
    paths: options.Paths,
    python: Annotated[str, option("--python", "TORCH_PYTHON", _PYTHON)],
    port_python: Annotated[str | None, option("--port-python", "PYTHON", _PORT)] = None,
    step: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="examine this denoising step, from 0, whatever differs"),
    ] = None,
    json: Annotated[File, option("--json", "FILE", "write the results as JSON")] = None,
    html: Annotated[File, option("--html", "FILE", "write the results as a page")] = None,
    torch_device: Annotated[
        Literal["CPU", "CUDA", "Ascend"], typer.Option("--torch-device", help="device of the original")
    ] = "CPU",
    device: options.Device = "CPU",
    device_id: options.DeviceId = 0,
    timeout: options.Timeout = 600.0,
    memory: options.WorkerMemory = None,
    no_user_code: options.NoUserCode = False,
) -> None:
    """Compare cases of mindone with diffusers: where the port first computes something else.

    Runs each case, and the same case on diffusers: once in its own dtype and once in float64. A port that is
    further from float64 than its original's rounding explains is examined cell by cell, each cell with the
    original's inputs. Exits with 0 if every case is aligned.
    """
    check_destinations(json, html)
    cases = measured(select(paths).cases)
    at = Setting.of(
        options.BASELINES, device, device_id, timeout, memory, port_python, no_user_code=no_user_code
    )
    display = AlignmentDisplay(Console(), at.invocation)
    found = align_cases(cases, at.workers, python=python, device=torch_device, step=step, progress=display)
    write(json, alignments_json, found, at.invocation)
    write(html, alignment_page, found, at.invocation)
    answered = [each for each in found if each.failure is None]
    leave(passed=all(each.aligned for each in found), incomplete=all(each.aligned for each in answered))
