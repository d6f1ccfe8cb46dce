"""`harness doctor` in the terminal."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.markup import escape
from rich.table import Table

import harness
from harness.execution.doctor import Examination


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
    if not examination.findings:
        console.print("[green]nothing is wrong with this machine[/green]")
    for finding in examination.findings:
        colour = "red" if finding.level == "problem" else "yellow"
        console.print(f"[{colour}]{finding.level}[/]: {escape(finding.text)}", soft_wrap=True)
        console.print(f"    {escape(finding.remedy)}", soft_wrap=True)


def _section(console: Console, title: str, fields: Mapping[str, str]) -> None:
    if not fields:
        return
    console.print(f"[bold]{title}[/bold]")
    table = Table.grid(padding=(0, 2))
    for name, value in fields.items():
        table.add_row(f"  {escape(name)}", escape(value))
    console.print(table)
