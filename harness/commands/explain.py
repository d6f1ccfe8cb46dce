"""`harness explain`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from harness.cases.selection import one_case
from harness.commands import options
from harness.commands.exits import leave, say
from harness.commands.options import File, check_baseline_dir, option
from harness.commands.settings import Setting, check_destinations, remedied, write
from harness.errors import UsageError
from harness.operations.explain import explain as explain_case
from harness.reporting.explanation import explanation_json, explanation_text

_OTHER = "hold it to a run under this interpreter, not to its baseline"


def explain(
    path: options.OneCase,
    python: Annotated[str | None, option("--python", "OTHER", _OTHER)] = None,
    against: Annotated[
        Literal["baseline"] | None, typer.Option(help="hold it to its baseline (the default)")
    ] = None,
    step: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="denoising step to look into, from 0")
    ] = None,
    baseline_dir: options.BaselineDir = options.BASELINES,
    device: options.Device = "CPU",
    device_id: options.DeviceId = 0,
    timeout: options.Timeout = 600.0,
    memory: options.WorkerMemory = None,
    no_user_code: options.NoUserCode = False,
    json_file: Annotated[File, option("--json", "FILE", "write the explanation there too")] = None,
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
    at = Setting.of(baseline_dir, device, device_id, timeout, memory, no_user_code=no_user_code)
    with remedied(at.invocation):
        explanation = explain_case(case, at.workers, at.store, python=python, step=step)
    say(explanation_text(explanation, at.invocation))
    write(json_file, explanation_json, explanation, at.invocation)
    leave(passed=explanation.explained)
