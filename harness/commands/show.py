"""`harness show`."""

from __future__ import annotations

from typing import Annotated

from rich.console import Console

from harness.baselines.store import BaselineStore
from harness.cases.selection import select
from harness.commands import options
from harness.commands.exits import leave, say
from harness.commands.options import File, check_baseline_dir, option
from harness.commands.settings import measured
from harness.gate.power_table import read_powers
from harness.operations.show import how_many
from harness.operations.show import show as stored
from harness.reporting.commands import Invocation
from harness.reporting.html.stored_page import write_stored_page
from harness.reporting.stored import show_stored

_DEVICE = "only the baselines stored for this device, such as cpu (default: all)"


def show(
    paths: options.Paths,
    baseline_dir: options.BaselineDir = options.BASELINES,
    device: Annotated[str | None, option("--for-device", "NAME", _DEVICE)] = None,
    power: Annotated[File, option("--power", "FILE", "power table from harness power --json")] = None,
    html: options.SheetFile = None,
) -> None:
    """Show stored baselines: pictures, statistics, origin, calibration and power.

    Runs nothing. Fails if a case has no baseline to show.
    """
    check_baseline_dir(baseline_dir)
    cases = measured(select(paths).cases)
    powers = None if power is None else read_powers(power)
    store = BaselineStore(baseline_dir)
    found = stored(cases, store, device, powers)
    invocation = Invocation(str(baseline_dir))
    if html is None:
        console = Console()
        shown = [show_stored(console, each, invocation) for each in found]
        leave(passed=all(shown))
    else:
        page, whole = write_stored_page(html, found, how_many(cases, store, device), invocation)
        say(f"page: {page}")
        leave(passed=whole)
