"""`harness doctor` and `harness environments list` in the terminal: what there is to run cases with."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

import harness
from harness.operations.doctor import Examination
from harness.releases.environments import Stored
from harness.reporting.tables import Cell, Table, show, show_table, toned

_HEADER = ("environment", "state", "MindSpore", "numpy", "size", "last used")


def show_examination(console: Console, examination: Examination) -> None:
    """Show the profile, the fingerprint, the canaries, the devices, and finally what is wrong."""
    profile = examination.profile
    head = {
        "harness": harness.__version__,
        "workers": examination.python,
        # The worker's own words, which may be on another architecture.
        "profile": examination.fingerprint.get("profile") or profile.name(),
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


def show_environments(console: Console, stored: Sequence[Stored]) -> None:
    """Show one line per environment, and their total size."""
    if not stored:
        console.print("no environments")
        return
    show_table(console, Table(_HEADER, list(map(_row, stored))))
    console.print(f"{_gigabytes(sum(each.size for each in stored))}, including files shared with uv's cache")


def _row(stored: Stored) -> list[Cell | str]:
    packages = stored.packages or {}
    return [
        stored.name,
        "complete" if stored.packages is not None else Cell("unfinished", tone="unfinished"),
        packages.get("mindspore", ""),
        packages.get("numpy", ""),
        _gigabytes(stored.size),
        f"{stored.idle:.0f} days ago" if stored.idle >= 1 else "today",
    ]


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB"
