"""`harness cost`."""

from __future__ import annotations

from typing import Annotated

from rich.console import Console

from harness.cases.selection import select
from harness.commands import options
from harness.commands.exits import leave
from harness.commands.options import File, option
from harness.commands.settings import Setting, check_destinations, measured, write
from harness.operations.cost import PAIRS, measure_costs
from harness.reporting.cost import CostDisplay, cost_json


def cost(
    paths: options.Paths,
    pairs: Annotated[int, option("--pairs", "N", "run each case N times with and without each setting")] = (
        PAIRS
    ),
    json: Annotated[File, option("--json", "FILE", "write the results as JSON")] = None,
    device: options.Device = "CPU",
    device_id: options.DeviceId = 0,
    python: options.Python = None,
    timeout: options.Timeout = 600.0,
    memory: options.WorkerMemory = None,
    no_user_code: options.NoUserCode = False,
) -> None:
    """Measure what each setting of the profile costs: time and memory with it and without it.

    Runs each case in turn with the whole profile and with one setting off, in warm workers, and shows the
    median of the ratios. Measure on a machine that does nothing else.
    """
    check_destinations(json)
    cases = measured(select(paths).cases)
    at = Setting.of(options.BASELINES, device, device_id, timeout, memory, python, no_user_code=no_user_code)
    display = CostDisplay(Console(), at.invocation)
    found = measure_costs(cases, at.workers, pairs=pairs, progress=display)
    write(json, cost_json, found, at.invocation)
    leave(passed=all(each.complete for each in found), incomplete=True)
