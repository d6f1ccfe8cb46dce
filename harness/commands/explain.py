"""`harness explain`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer
from rich.console import Console

from harness.cases.selection import one_case
from harness.commands import options
from harness.commands.exits import leave, say
from harness.commands.options import File, check_baseline_dir, option
from harness.commands.settings import Setting, check_destinations, remedied, write
from harness.errors import UsageError
from harness.operations.explain import explain as explain_case
from harness.reporting.explanation import explanation_json, explanation_text
from harness.reporting.progress import ProgressBar

_OTHER = "compare with a run under this interpreter instead of the baseline"
_CODE = "compare with a run of the project's own code at this git revision instead of the baseline"


def explain(
    path: options.OneCase,
    python: Annotated[str | None, option("--python", "OTHER", _OTHER)] = None,
    code: Annotated[str | None, option("--code", "REV", _CODE)] = None,
    against: Annotated[
        Literal["baseline"] | None, typer.Option(help="compare with the baseline (the default)")
    ] = None,
    step: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="denoising step to examine, from 0")
    ] = None,
    baseline_dir: options.BaselineDir = options.BASELINES,
    device: options.Device = "CPU",
    device_id: options.DeviceId = 0,
    timeout: options.Timeout = 600.0,
    memory: options.WorkerMemory = None,
    no_user_code: options.NoUserCode = False,
    json_file: Annotated[File, option("--json", "FILE", "also write the explanation as JSON")] = None,
) -> None:
    """Explain why a case drifted: the causes, and the first cell that computes something else.

    Runs the case here and compares its cells with the deep trace of its baseline (harness record --deep), or
    with a run under another interpreter or of the code of another revision. Exits with 0 if the drift is
    explained, otherwise with 1: also if nothing differs any more, or the case does not repeat.
    """
    case = one_case(path)
    for name, given in (("--python", python), ("--code", code)):
        if given is not None and against is not None:
            raise UsageError(f"{name} and --against exclude each other: give only one of them")
    check_baseline_dir(baseline_dir, needed=python is None and code is None)
    check_destinations(json_file)
    # Recording uses the current interpreter, not the other one.
    at = Setting.of(baseline_dir, device, device_id, timeout, memory, no_user_code=no_user_code)
    display = ProgressBar(Console(stderr=True), at.invocation)
    workers = display.watching(at.workers, [case])
    with remedied(at.invocation):
        explanation = explain_case(
            case, workers, at.store, python=python, code=code, step=step, progress=display
        )
    say(explanation_text(explanation, at.invocation))
    write(json_file, explanation_json, explanation, at.invocation)
    leave(passed=explanation.explained)
