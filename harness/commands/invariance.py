"""`harness invariance`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from harness.cases.relations import Relation
from harness.cases.selection import select
from harness.commands import options
from harness.commands.exits import leave, say
from harness.commands.options import File, check_baseline_dir, option
from harness.commands.settings import Setting, check_destinations, measured, write
from harness.operations.invariance import measure_invariances
from harness.reporting.invariance import InvarianceDisplay, invariance_json, invariance_text


def invariance(
    paths: options.Paths,
    baseline_dir: options.BaselineDir = options.BASELINES,
    relation: Annotated[
        list[Relation] | None,
        typer.Option("--relation", metavar="NAME", help="measure this one only; may be given several times"),
    ] = None,
    promised: Annotated[bool, typer.Option("--promised", help="measure only what the cases promise")] = False,
    cells: Annotated[
        bool, typer.Option("--cells", help="find the first cell for every relation that is not identical")
    ] = False,
    json: Annotated[File, option("--json", "FILE", "write the results as JSON")] = None,
    device: options.Device = "CPU",
    device_id: options.DeviceId = 0,
    python: options.Python = None,
    timeout: options.Timeout = 600.0,
    memory: options.WorkerMemory = None,
    no_user_code: options.NoUserCode = False,
) -> None:
    """Run cases again with one thing changed that should not matter, and compare both runs.

    The other run is in a batch, at another place in it, in a warm process, in the other mode: each compared
    with the case's own run by bits, and by its calibrated limits. Fails for a relation that is violated, or
    that holds less well than the case promises.
    """
    check_destinations(json)
    check_baseline_dir(baseline_dir, needed=False)
    cases = measured(select(paths).cases)
    at = Setting.of(baseline_dir, device, device_id, timeout, memory, python, no_user_code=no_user_code)
    found = measure_invariances(
        cases,
        at.workers,
        at.store,
        relation or tuple(Relation),
        promised=promised,
        cells=cells,
        progress=InvarianceDisplay(Console(), at.invocation),
    )
    say(invariance_text(found))
    write(json, invariance_json, found, at.invocation)
    leave(passed=found.holds and found.complete, incomplete=found.holds)
