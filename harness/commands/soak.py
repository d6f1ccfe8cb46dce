"""`harness soak`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from harness.cases.selection import select
from harness.commands import options
from harness.commands.exits import leave, say
from harness.commands.options import File, check_baseline_dir, option
from harness.commands.settings import Setting, check_destinations, measured, write
from harness.operations.soak import soak as run
from harness.operations.soak_results import BOUND, EXPLAINING_RUNS, Demand
from harness.reporting.soak import SoakDisplay, soak_json, soak_text


def soak(
    paths: options.Paths,
    baseline_dir: options.BaselineDir = options.BASELINES,
    runs: Annotated[
        int | None, option("--runs", "N", "run each case N more times, whatever that proves")
    ] = None,
    bound: Annotated[
        float, option("--bound", "SHARE", "run until at most this share of all runs can deviate")
    ] = BOUND,
    confidence: Annotated[float, option("--confidence", "P", "the confidence of what is proven")] = 0.95,
    seed: Annotated[int, option("--seed", "N", "the seed from which the settings are drawn")] = 0,
    anew: Annotated[
        bool, typer.Option("--anew", help="forget what earlier runs proved or disproved")
    ] = False,
    explaining: Annotated[
        int, option("--explain-runs", "N", "most further runs to find what a deviation goes with")
    ] = EXPLAINING_RUNS,
    json: Annotated[File, option("--json", "FILE", "write the results as JSON")] = None,
    processes: options.Processes = 1,
    device: options.Device = "CPU",
    device_id: options.DeviceId = 0,
    python: options.Python = None,
    timeout: options.Timeout = 600.0,
    memory: options.WorkerMemory = None,
    no_user_code: options.NoUserCode = False,
) -> None:
    """Repeat cases under settings that should not matter, and prove how rarely a run deviates.

    Each run is in a fresh or a warm process, after another case, on another core, beside load, with other
    memory: drawn from the seed. Fails for a case of which a run gives other bits, and says what that goes
    with.
    """
    demand = Demand(runs, bound, confidence, seed, anew, explaining)
    check_destinations(json)
    check_baseline_dir(baseline_dir, needed=False)
    cases = measured(select(paths).cases)
    at = Setting.of(
        baseline_dir, device, device_id, timeout, memory, python, processes, no_user_code=no_user_code
    )
    display = SoakDisplay(Console(), at.invocation, demand.confidence)
    found = run(cases, at.workers, at.store, demand, display)
    say(soak_text(found))
    write(json, soak_json, found, at.invocation)
    leave(passed=not found.deviates and found.complete, incomplete=not found.deviates)
