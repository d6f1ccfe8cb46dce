"""`harness doctor`."""

from __future__ import annotations

from typing import Annotated

from rich.console import Console

from harness.commands.exits import leave
from harness.commands.options import Device, DeviceId, File, Python, option
from harness.operations.bundle import first_run, write_bundle
from harness.operations.destination import check_destination
from harness.operations.doctor import examine_machine
from harness.operations.workers import Workers
from harness.reporting.bundle import bundle_texts, show_bundle, show_first_run
from harness.reporting.commands import Invocation
from harness.reporting.machine import show_examination
from harness.reporting.progress import ProgressBar


def doctor(
    device: Device = "CPU",
    device_id: DeviceId = 0,
    python: Python = None,
    bundle: Annotated[
        File, option("--bundle", "FILE", "also run two small cases and write everything to a zip archive")
    ] = None,
) -> None:
    """Print the profile, the fingerprint, the devices, and any problems with this machine.

    With --bundle, two small cases also run, twice each in fresh workers. The archive is written even if
    something fails. It omits the names of the machine and its user, home folders, and the values of most
    environment variables.
    """
    console, workers = Console(), Workers(device, device_id, python)
    if bundle is None:
        examination = examine_machine(workers)
        show_examination(console, examination)
        leave(passed=examination.healthy)
        return
    check_destination(bundle)
    display = ProgressBar(console, Invocation(device=device, device_id=device_id))
    found = first_run(display.watching(workers, []), display)
    show_first_run(console, found)
    write_bundle(bundle, bundle_texts(found), found)
    show_bundle(console, bundle)
    leave(passed=found.passed)
