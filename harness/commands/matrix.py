"""`harness matrix`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.baselines.store import BaselineStore
from harness.cases.selection import select, without_tags
from harness.commands.exits import FAILED
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
    interruptible,
)
from harness.commands.releases import (
    ENVIRONMENTS,
    WORK_DIR,
    EnvironmentsDir,
    Fresh,
    With,
    Work,
    subject_maker,
    subjects,
)
from harness.errors import UsageError
from harness.operations.matrix import run_matrix
from harness.operations.running import Running
from harness.releases.environments import Environments
from harness.releases.kept import Sources
from harness.releases.requirements import Release
from harness.reporting.baselines import warn_of_baselines
from harness.reporting.commands import Invocation
from harness.reporting.destination import check_destination, write_result
from harness.reporting.history_run import RunHistory
from harness.reporting.html.matrix_page import matrix_page
from harness.reporting.matrix_report import (
    MatrixDisplay,
    matrix_json,
    matrix_markdown,
    show_matrix,
    warn_of_missing,
)


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
    files = [file for file in (json_file, html_file, markdown_file) if file is not None]
    for file in files:
        check_destination(file)
    releases = [Release.parse(text) for text in release or []]
    if len(releases) + len(python or []) < 2:
        raise UsageError("a matrix compares environments: give two or more --release or --python")
    if extras and not releases:
        raise UsageError("--with is for environments that are made: give --release, or leave it out")
    cases = without_tags(select(paths).cases, without_tag or [])
    # Of interpreters none is named: it is another one in each environment.
    store = BaselineStore(baseline_dir)
    invocation = Invocation(str(baseline_dir), device, device_id)
    run = None if history is None else RunHistory(history, "harness matrix")
    console, errors = Console(), Console(stderr=True)
    with interruptible("what has run is kept, the same command goes on from there"):
        with errors.status("looking at the environments") as status:
            columns = subjects(
                releases, extras or [], python or [], Environments(environments), status.update
            )
        warn_of_missing(errors, cases, columns)
        warn_of_baselines(errors, cases, store, invocation)
        with MatrixDisplay(errors, len(cases), len(columns)) as display:
            running = Running(
                make_runner=subject_maker(device, device_id, timeout, [Path.cwd()]),
                work=work,
                sources=Sources([Path.cwd()]),
                processes=processes,
                fresh=fresh,
                progress=display.ran,
            )
            checked = None if run is None else run.checked
            found = run_matrix(cases, columns, running, store, checked=checked)
    show_matrix(console, found, invocation)
    if json_file is not None:
        write_result(json_file, matrix_json(found, invocation).encode())
    if html_file is not None:
        write_result(html_file, matrix_page(found, invocation).encode())
    if markdown_file is not None:
        write_result(markdown_file, matrix_markdown(found, invocation).encode())
    if run is not None:
        print(run.append())
    if not found.passed:
        raise typer.Exit(FAILED)
