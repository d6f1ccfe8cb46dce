"""`harness matrix`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.baselines.store import BaselineStore
from harness.cases.selection import select, without_tags
from harness.commands.exits import leave
from harness.commands.options import (
    BASELINES,
    BaselineDir,
    Device,
    DeviceId,
    HistoryFile,
    Paths,
    Processes,
    Timeout,
    check_baseline_dir,
)
from harness.commands.releases import ENVIRONMENTS, WORK_DIR, EnvironmentsDir, Fresh, With, Work
from harness.commands.settings import (
    append_to,
    check_destinations,
    history_in,
    invocation_of,
    measured,
    workers_at,
)
from harness.operations.destination import write_result
from harness.operations.matrix import Wanted
from harness.operations.matrix import matrix as run_matrix
from harness.operations.running import Running
from harness.reporting.html.matrix_page import matrix_page
from harness.reporting.matrix_report import MatrixDisplay, matrix_json, matrix_markdown, show_matrix


def matrix(
    paths: Paths,
    release: Annotated[
        list[str] | None,
        typer.Option("--release", metavar="RELEASE", help="mindspore==2.8.0; give it once for each"),
    ] = None,
    extras: With = None,
    python: Annotated[
        list[str] | None,
        typer.Option("--python", metavar="PYTHON", help="an environment that exists; may be repeated"),
    ] = None,
    without_tag: Annotated[
        list[str] | None,
        typer.Option("--without-tag", metavar="TAG", help="leave out cases with this tag; may be repeated"),
    ] = None,
    baseline_dir: BaselineDir = BASELINES,
    environments: EnvironmentsDir = ENVIRONMENTS,
    work: Work = WORK_DIR,
    fresh: Fresh = False,
    processes: Processes = 1,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="write the matrix, every pair, as JSON")
    ] = None,
    html_file: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="write the matrix as a page")
    ] = None,
    markdown_file: Annotated[
        Path | None, typer.Option("--markdown", metavar="FILE", help="write the grid as Markdown")
    ] = None,
    history: HistoryFile = None,
    device: Device = "CPU",
    device_id: DeviceId = 0,
    timeout: Timeout = 600.0,
) -> None:
    """Run the suites under several releases and compare every pair: same bits, within tolerance, drift.

    Makes an environment for each --release (2.8 GB), once. Goes on where an interrupted matrix stopped.
    Fails where a case ran nowhere, drifted, or could not be compared.
    """
    check_baseline_dir(baseline_dir, needed=False)
    check_destinations(json_file, html_file, markdown_file)
    wanted = Wanted.parse(release or (), extras or (), python or ())
    cases = measured(without_tags(select(paths).cases, without_tag or []))
    # Of interpreters none is named: it is another one in each environment.
    workers = workers_at(device, device_id, None, timeout, processes)
    running = Running.of(workers, work, fresh=fresh)
    invocation, run = invocation_of(baseline_dir, workers), history_in(history, "harness matrix")
    display = MatrixDisplay(Console(stderr=True), invocation)
    store = BaselineStore(baseline_dir)
    found = run_matrix(cases, wanted, environments, running, store, display, history=run)
    show_matrix(Console(), found, invocation)
    if json_file is not None:
        write_result(json_file, matrix_json(found, invocation).encode())
    if html_file is not None:
        write_result(html_file, matrix_page(found, invocation).encode())
    if markdown_file is not None:
        write_result(markdown_file, matrix_markdown(found, invocation).encode())
    append_to(run)
    leave(passed=found.passed)
