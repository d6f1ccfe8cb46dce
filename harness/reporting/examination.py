"""`harness doctor` in the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

import harness
from harness.operations.doctor import Examination
from harness.reporting.tables import Table, show, show_table, toned


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
    sections = {
        "profile": {**head, **examination.environment},
        "fingerprint": examination.fingerprint,
        "canaries": {name: sha[:16] for name, sha in examination.canaries.items()},
    }
    for title, fields in sections.items():
        if fields:
            show(console, Text(title, "bold"))
            show_table(console, Table((), list(fields.items())), indent="  ")
    if not examination.diagnoses:
        show(console, Text("nothing is wrong with this machine", "green"))
    for diagnosis in examination.diagnoses:
        word = toned(diagnosis.level, diagnosis.level)
        show(console, Text.assemble(word, f": {diagnosis.text}"), f"    {diagnosis.remedy}")
