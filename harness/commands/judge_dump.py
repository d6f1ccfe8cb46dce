"""`harness judge-dump`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.baselines.store import BaselineStore
from harness.cases.selection import one_case
from harness.commands import options
from harness.commands.exits import leave, say
from harness.commands.options import File, check_baseline_dir, option
from harness.commands.settings import check_destinations, remedied, write
from harness.errors import UsageError
from harness.operations.judge_dump import Calibrated, judge
from harness.reporting.commands import Invocation
from harness.reporting.dumps import dumps_json, dumps_text
from harness.reporting.progress import ProgressBar

_CALIBRATION = "judge what the pipeline passes to its model by the calibration of this case"
_ACROSS = "with --calibration: the dumps are of two kinds of device, whose limits are wider"
_DEVICE = "with --calibration: the device of the baseline, such as cpu (default: the only one)"


def judge_dump(
    dump: Annotated[Path, typer.Argument(metavar="DUMP", help="folder of the dump to judge")],
    reference: Annotated[Path, typer.Argument(metavar="REFERENCE", help="folder of the dump that is right")],
    step: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="the step to judge, if there are several")
    ] = None,
    rank: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="the rank to judge, if there are several")
    ] = None,
    calibration: Annotated[str | None, option("--calibration", "SUITE.yaml::CASE", _CALIBRATION)] = None,
    device: Annotated[str | None, option("--for-device", "NAME", _DEVICE)] = None,
    across_devices: Annotated[bool, typer.Option("--across-devices", help=_ACROSS)] = False,
    baseline_dir: options.BaselineDir = options.BASELINES,
    json_file: Annotated[File, option("--json", "FILE", "also write the judgement as JSON")] = None,
) -> None:
    """Judge two dumps of msprobe, and name the first cell that differs beyond rounding.

    The dumps are of level L0 or mix, with arrays, of MindSpore or torch: folders step<N>/rank<M>, or folders
    of these. Runs nothing. Fails if the dump has drifted.
    """
    for name, given in (("--for-device", device is not None), ("--across-devices", across_devices)):
        if given and calibration is None:
            raise UsageError(f"{name} goes with --calibration")
    check_destinations(json_file)
    calibrated = None
    if calibration is not None:
        check_baseline_dir(baseline_dir)
        calibrated = Calibrated(one_case(calibration), BaselineStore(baseline_dir), device, across_devices)
    invocation = Invocation(str(baseline_dir))
    with remedied(invocation):
        progress = ProgressBar(Console(stderr=True), invocation)
        found = judge(dump, reference, step=step, rank=rank, calibrated=calibrated, progress=progress)
    say(dumps_text(found))
    write(json_file, dumps_json, found)
    leave(passed=found.judgement.passed)
