"""`harness explain`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from harness.baselines.store import BaselineStore
from harness.cases.selection import one_case
from harness.commands.exits import leave
from harness.commands.options import (
    BASELINES,
    BaselineDir,
    Device,
    DeviceId,
    Timeout,
    check_baseline_dir,
)
from harness.commands.settings import check_destinations, invocation_of, remedied, workers_at
from harness.errors import UsageError
from harness.operations.destination import write_result
from harness.operations.explain import explain as explain_case
from harness.reporting.explanation import explanation_json, explanation_text


def explain(
    path: Annotated[str, typer.Argument(metavar="SUITE.yaml::CASE", help="one case")],
    python: Annotated[
        str | None,
        typer.Option(
            "--python", metavar="OTHER", help="hold it to a run under this interpreter, not to its baseline"
        ),
    ] = None,
    against: Annotated[
        Literal["baseline"] | None, typer.Option(help="hold it to its baseline (the default)")
    ] = None,
    step: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="denoising step to look into, from 0")
    ] = None,
    baseline_dir: BaselineDir = BASELINES,
    device: Device = "CPU",
    device_id: DeviceId = 0,
    timeout: Timeout = 600.0,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="write the explanation there too")
    ] = None,
) -> None:
    """Say why a case drifted: first cause first, down to the first cell that computes otherwise.

    Runs the case here. Its cells are held to the deep trace beside its baseline (harness record --deep), or
    to those of a run under another interpreter. Exits 0 when the drift is explained or there is none, else 1.
    """
    case = one_case(path)
    if python is not None and against is not None:
        raise UsageError("give --python or --against, not both: a case is held to one reference")
    check_baseline_dir(baseline_dir, needed=python is None)
    check_destinations(json_file)
    # What is recorded is what runs here, not the other interpreter.
    workers = workers_at(device, device_id, None, timeout)
    invocation, store = invocation_of(baseline_dir, workers), BaselineStore(baseline_dir)
    with remedied(invocation):
        explanation = explain_case(case, workers, store, python=python, step=step)
    print(explanation_text(explanation, invocation))
    if json_file is not None:
        write_result(json_file, explanation_json(explanation, invocation).encode())
    leave(passed=explanation.explained)
