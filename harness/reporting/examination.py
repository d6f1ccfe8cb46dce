"""`harness doctor` in the terminal."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.text import Text

import harness
from harness.operations.doctor import Examination
from harness.reporting.tables import print_table


def show_examination(console: Console, examination: Examination) -> None:
    """Show the profile, the fingerprint, the canaries and the devices, and last what is wrong."""
    profile = examination.profile
    head = {
        "harness": harness.__version__,
        "workers": examination.python,
        "profile": profile.name(),
        "core": "not pinned" if profile.core is None else str(profile.core),
        "devices": ", ".join(examination.devices) or "(no worker to ask)",
    }
    _section(console, "profile", {**head, **examination.environment})
    _section(console, "fingerprint", examination.fingerprint)
    _section(console, "canaries", {name: sha[:16] for name, sha in examination.canaries.items()})
    if not examination.diagnoses:
        console.print(Text("nothing is wrong with this machine", "green"))
    for diagnosis in examination.diagnoses:
        colour = "red" if diagnosis.level == "problem" else "yellow"
        console.print(Text.assemble((diagnosis.level, colour), f": {diagnosis.text}"), soft_wrap=True)
        console.print(Text(f"    {diagnosis.remedy}"), soft_wrap=True)


def _section(console: Console, title: str, fields: Mapping[str, str]) -> None:
    if not fields:
        return
    console.print(Text(title, "bold"))
    print_table(console, list(fields.items()), indent="  ")
