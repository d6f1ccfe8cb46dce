"""`harness explain`."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Literal

import typer

from harness.baselines.store import BaselineStore
from harness.cases.selection import one_case
from harness.commands.options import (
    BASELINES,
    FAILED,
    BaselineDir,
    Device,
    DeviceId,
    Timeout,
    check_baseline_dir,
    interruptible,
    remedied,
    runners,
)
from harness.errors import UsageError
from harness.operations.explain import explain_against_baseline, explain_against_python
from harness.reporting.commands import Invocation
from harness.reporting.destination import check_destination, write_result
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
    if json_file is not None:
        check_destination(json_file)
    # What is recorded is what runs here, not the other interpreter.
    store = BaselineStore(baseline_dir)
    invocation = Invocation(str(baseline_dir), device, device_id)
    with remedied(invocation), interruptible("nothing was written"), ExitStack() as stack:
        runner = stack.enter_context(runners(device, device_id, None, timeout)())
        if python is None:
            explanation = explain_against_baseline(case, runner, store, step=step)
        else:
            other = stack.enter_context(runners(device, device_id, python, timeout)())
            explanation = explain_against_python(case, runner, other, store, name=python, step=step)
    print(explanation_text(explanation, invocation))
    if json_file is not None:
        write_result(json_file, explanation_json(explanation, invocation).encode())
    if not explanation.explained:
        raise typer.Exit(FAILED)
