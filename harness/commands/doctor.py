"""`harness doctor`."""

from __future__ import annotations

from rich.console import Console

from harness.commands.exits import leave
from harness.commands.options import Device, DeviceId, Python
from harness.operations.doctor import examine_machine
from harness.operations.workers import Workers
from harness.reporting.machine import show_examination


def doctor(device: Device = "CPU", device_id: DeviceId = 0, python: Python = None) -> None:
    """Print the profile, the fingerprint and the devices, and what is wrong with this machine."""
    examination = examine_machine(Workers(device, device_id, python))
    show_examination(Console(), examination)
    leave(passed=examination.healthy)
