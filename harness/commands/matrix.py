"""`harness matrix`."""

from __future__ import annotations

from typing import Annotated

from rich.console import Console

from harness.cases.selection import select, without_tags
from harness.commands import options, releases
from harness.commands.exits import leave
from harness.commands.options import File, Texts, check_baseline_dir, option
from harness.commands.settings import Setting, append_to, check_destinations, history_in, measured, write
from harness.operations.matrix import Wanted
from harness.operations.matrix import matrix as run_matrix
from harness.operations.running import Running
from harness.reporting.html.matrix_page import matrix_page
from harness.reporting.matrix_report import MatrixDisplay, matrix_json, matrix_markdown, show_matrix

_RELEASE = "a release such as mindspore==2.8.0; repeat for each"
_PYTHON = "interpreter of an existing environment; may be repeated"
_TAG = "leave out cases with this tag; may be repeated"


def matrix(
    paths: options.Paths,
    release: Annotated[Texts, option("--release", "RELEASE", _RELEASE)] = None,
    extras: releases.With = None,
    python: Annotated[Texts, option("--python", "PYTHON", _PYTHON)] = None,
    without_tag: Annotated[Texts, option("--without-tag", "TAG", _TAG)] = None,
    baseline_dir: options.BaselineDir = options.BASELINES,
    environments: releases.EnvironmentsDir = releases.ENVIRONMENTS,
    work: releases.WorkDir = releases.WORK,
    fresh: releases.Fresh = False,
    processes: options.Processes = 1,
    json_file: Annotated[File, option("--json", "FILE", "write the matrix, every pair, as JSON")] = None,
    html_file: Annotated[File, option("--html", "FILE", "write the matrix as a page")] = None,
    markdown_file: Annotated[File, option("--markdown", "FILE", "write the grid as Markdown")] = None,
    history: options.HistoryFile = None,
    device: options.Device = "CPU",
    device_id: options.DeviceId = 0,
    timeout: options.Timeout = 600.0,
    memory: options.WorkerMemory = None,
    no_user_code: options.NoUserCode = False,
) -> None:
    """Run the suites under several releases and compare each pair of results.

    A pair has the same bits, is within the tolerance, or drifts. Creates an environment for each --release
    once (2.8 GB each). Resumes an interrupted matrix. Fails if a case drifted, did not run, or could not be
    compared.
    """
    check_baseline_dir(baseline_dir, needed=False)
    check_destinations(json_file, html_file, markdown_file)
    wanted = Wanted(release or (), extras or (), python or ())
    cases = measured(without_tags(select(paths).cases, without_tag or []))
    # No interpreter is named, as each environment has its own.
    at = Setting.of(
        baseline_dir, device, device_id, timeout, memory, processes=processes, no_user_code=no_user_code
    )
    display = MatrixDisplay(Console(stderr=True), at.invocation)
    running, run = (
        Running(display.watching(at.workers, cases), work, fresh),
        history_in(history, "harness matrix"),
    )
    found = run_matrix(cases, wanted, environments, running, at.store, display, history=run)
    show_matrix(Console(), found, at.invocation)
    write(json_file, matrix_json, found, at.invocation)
    write(html_file, matrix_page, found, at.invocation)
    write(markdown_file, matrix_markdown, found, at.invocation)
    append_to(run)
    leave(passed=found.passed, incomplete=not found.refuted)
